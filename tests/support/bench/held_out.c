// Item to item on held-out orders, by the protocol of worker/evaluate: the oldest 80 % of the multi-item orders train.
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/bench/bench.h"
#include "worker/evaluate/near_score.h"
#include "worker/evaluate/split.h"
#include "worker/mining/embedding.h"

struct held_out {
    struct arena memory;
    struct dataset *all;
    bool *is_known;
    struct heldout train, test;
};

static void held_out_init(struct held_out *h, const struct bench *b)
{
    struct split_rules rules = {.share = 0.8};
    struct split split;
    struct err e;
    *h = (struct held_out){.all = bench_dataset(b)};
    arena_init(&h->memory, 0);
    rules.by = h->all->has_dates ? SPLIT_BY_DATE : SPLIT_BY_CHANCE;
    if (!split_orders(h->all, &rules, &h->memory, &split, &e))
        bench_die("the orders", e.message);
    bool *is_test = ARENA_ARRAY(&h->memory, bool, h->all->n_orders);
    for (uint32_t o = 0; o < h->all->n_orders; o++)
        is_test[o] = !split.is_train[o];
    heldout_init(&h->train, h->all, NULL, h->all, is_test, 2, &h->memory);
    h->is_known = items_of_multi_item_orders(&h->train.orders, &h->memory);
    heldout_init(&h->test, h->all, h->is_known, h->all, split.is_train, 2, &h->memory);
}

static void held_out_fini(struct held_out *h)
{
    arena_fini(&h->memory);
    dataset_destroy(h->all);
}

static void put_score(struct bench *b, const struct held_out *h, const struct near_lists *lists)
{
    struct near_score s = near_score(&h->test, h->is_known, lists);
    json_out_key_int(&b->facts, "training_orders", h->train.orders.n_orders);
    json_out_key_int(&b->facts, "test_orders", h->test.orders.n_orders);
    json_out_key_real(&b->facts, "ndcg_at_10", 100 * s.ndcg, 2);
    json_out_key_real(&b->facts, "recall_at_10", 100 * s.recall, 2);
    json_out_key_real(&b->facts, "coverage", 100 * s.coverage, 1);
}

void work_training_baskets(struct bench *b)
{
    struct held_out h;
    held_out_init(&h, b);
    bench_write_baskets(b, &h.train.orders);
    held_out_fini(&h);
}

static void add_neighbour(struct near_lists *lists, uint32_t item, uint32_t neighbour)
{
    if (lists->n[item] < NEAR_MAX)
        lists->items[(size_t)item * NEAR_MAX + lists->n[item]++] = neighbour;
}

// Lines of item numbers: an item, and its neighbours, best first.
static void read_neighbours(const struct bench *b, struct near_lists *lists)
{
    FILE *in = b->in ? fopen(b->in, "r") : NULL;
    char *line = NULL;
    size_t capacity = 0;
    if (!in)
        bench_die("neighbours", "--in FILE cannot be read");
    while (getline(&line, &capacity, in) > 0) {
        char *at = line, *end;
        unsigned long item = strtoul(at, &at, 10);
        for (unsigned long other; (other = strtoul(at, &end, 10)), end != at; at = end)
            if (item < lists->n_items && other < lists->n_items)
                add_neighbour(lists, (uint32_t)item, (uint32_t)other);
    }
    free(line);
    (void)fclose(in);
}

void work_neighbours(struct bench *b)
{
    struct held_out h;
    struct near_lists lists;
    held_out_init(&h, b);
    near_lists_init(&lists, h.all->n_items, &h.memory);
    read_neighbours(b, &lists);
    put_score(b, &h, &lists);
    held_out_fini(&h);
}

void work_item2vec(struct bench *b)
{
    struct held_out h;
    struct near_lists lists;
    struct embedding *v = NULL;
    held_out_init(&h, b);
    for (unsigned i = 0; i < b->runs; i++) {
        struct embedding_rules rules = settings_mined_rules(&b->settings).embedding;
        struct err e;
        embedding_destroy(v);
        bench_begin(b);
        if (!embedding_train(&v, &h.train.orders, &rules, NULL, &e))
            bench_die("item2vec", e.message);
        bench_end(b);
    }
    near_lists_init(&lists, h.all->n_items, &h.memory);
    for (uint32_t i = 0; i < v->n_items; i++)
        for (uint32_t k = v->neighbour_first[i]; k < v->neighbour_first[i + 1]; k++)
            add_neighbour(&lists, i, v->neighbours[k].item);
    put_score(b, &h, &lists);
    embedding_destroy(v);
    held_out_fini(&h);
}
