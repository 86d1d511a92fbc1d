// All pair counts: the engine's, and the plain loop that everybody would write first.
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "tests/support/bench/bench.h"
#include "worker/mining/tally.h"

static void put_counts(struct bench *b, const struct dataset *d, uint64_t increments, uint64_t distinct)
{
    json_out_key_int(&b->facts, "items", d->n_items);
    json_out_key_int(&b->facts, "multi_orders", bench_n_counted(b, d));
    json_out_key_int(&b->facts, "pair_increments", (int64_t)increments);
    json_out_key_int(&b->facts, "pairs_distinct", (int64_t)distinct);
}

struct sums {
    uint64_t increments, distinct;
};

// The engine's counting by itself: every row is filled, read and cleared.
static struct sums count_rows(const struct bench *b, const struct dataset *d, struct arena *memory)
{
    struct sums sums = {0};
    struct postings postings;
    struct tally t;
    uint32_t *weights = ARENA_ARRAY(memory, uint32_t, d->n_orders);
    for (uint32_t o = 0; o < d->n_orders; o++)
        weights[o] = bench_is_counted(b, d, o);
    postings_build(&postings, d, memory);
    tally_init(&t, &postings, weights, memory);
    for (uint32_t item = 0; item < d->n_items; item++) {
        tally_count(&t, item);
        for (uint32_t i = 0; i < t.n_touched; i++) {
            bool is_pair = item < t.touched[i]; // the other half is the same again
            sums.increments += is_pair ? tally_orders(&t, t.touched[i]) : 0;
            sums.distinct += is_pair;
        }
        tally_clear(&t);
    }
    return sums;
}

void work_pair_counts(struct bench *b)
{
    struct dataset *d = bench_dataset(b);
    struct sums sums = {0};
    for (unsigned i = 0; i < b->runs; i++) {
        struct arena memory;
        arena_init(&memory, 0);
        bench_begin(b);
        sums = count_rows(b, d, &memory);
        bench_end(b);
        arena_fini(&memory);
    }
    put_counts(b, d, sums.increments, sums.distinct);
    dataset_destroy(d);
}

void work_pairs(struct bench *b)
{
    struct dataset *d = bench_dataset(b);
    const struct mining_rules rules = settings_mined_rules(&b->settings).evidence;
    struct evidence *v = NULL;
    for (unsigned i = 0; i < b->runs; i++) {
        struct err e;
        evidence_destroy(v);
        bench_begin(b);
        if (!evidence_mine(&v, d, &rules, NULL, &e))
            bench_die("mining", e.message);
        bench_end(b);
    }
    put_counts(b, d, v->pair_increments, v->pairs_distinct);
    evidence_destroy(v);
    dataset_destroy(d);
}

// Counters of the pairs a < b: row a holds those with b = a + 1 ... n - 1.
static size_t row_of(size_t n, size_t a)
{
    return a * (2 * n - a - 1) / 2;
}

static void count_order(uint32_t *counts, size_t n_items, const uint32_t *items, uint32_t n)
{
    for (uint32_t i = 0; i + 1 < n; i++) {
        uint32_t *row = counts + row_of(n_items, items[i]);
        for (uint32_t j = i + 1; j < n; j++)
            row[items[j] - items[i] - 1]++;
    }
}

static uint32_t *count_dense(const struct bench *b, const struct dataset *d)
{
    uint32_t *counts = calloc(row_of(d->n_items, d->n_items) + 1, sizeof *counts);
    CHECK(counts);
    for (uint32_t o = 0; o < d->n_orders; o++)
        if (bench_is_counted(b, d, o))
            count_order(counts, d->n_items, d->line_item + d->line_first[o], d->line_first[o + 1] - d->line_first[o]);
    return counts;
}

void work_pairs_dense(struct bench *b)
{
    struct dataset *d = bench_dataset(b);
    uint64_t increments = 0, distinct = 0;
    uint32_t *counts = NULL;
    for (unsigned i = 0; i < b->runs; i++) {
        free(counts);
        bench_begin(b);
        counts = count_dense(b, d);
        bench_end(b);
    }
    for (size_t i = 0; i < row_of(d->n_items, d->n_items); i++) {
        increments += counts[i];
        distinct += counts[i] > 0;
    }
    put_counts(b, d, increments, distinct);
    free(counts);
    dataset_destroy(d);
}

void bench_write_baskets(const struct bench *b, const struct dataset *d)
{
    FILE *out = b->out ? fopen(b->out, "w") : NULL;
    if (!out)
        bench_die("baskets", "--out FILE cannot be written");
    for (uint32_t o = 0; o < d->n_orders; o++) {
        if (!bench_is_counted(b, d, o))
            continue;
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1]; l++)
            (void)fprintf(out, "%u%c", d->line_item[l], l + 1 < d->line_first[o + 1] ? ' ' : '\n');
    }
    if (fclose(out) != 0)
        bench_die(b->out, "cannot be written");
}

void work_baskets(struct bench *b)
{
    struct dataset *d = bench_dataset(b);
    bench_write_baskets(b, d);
    dataset_destroy(d);
}
