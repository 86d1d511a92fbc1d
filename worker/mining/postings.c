#include "worker/mining/postings.h"

#include "common/check.h"

static void build_bits(struct postings *p, struct arena *memory)
{
    const struct dataset *d = p->data;
    p->bits = ARENA_ARRAY(memory, uint64_t *, d->n_items);
    p->bits_words = d->n_orders / 64 + 1;
    for (uint32_t i = 0; i < d->n_items; i++) {
        if (p->first[i + 1] - p->first[i] < d->n_orders / POSTINGS_DENSE_SHARE + 1)
            continue;
        p->bits[i] = ARENA_ARRAY(memory, uint64_t, p->bits_words);
        for (uint32_t k = p->first[i]; k < p->first[i + 1]; k++)
            p->bits[i][p->orders[k] / 64] |= UINT64_C(1) << p->orders[k] % 64;
    }
}

void postings_build(struct postings *p, const struct dataset *d, struct arena *memory)
{
    *p = (struct postings){
        .data = d,
        .first = ARENA_ARRAY(memory, uint32_t, (size_t)d->n_items + 1),
        .orders = ARENA_ARRAY(memory, uint32_t, d->n_lines),
        .quantities = ARENA_ARRAY(memory, uint32_t, d->n_lines),
    };
    // first[i + 1] serves as the writing position of item i and so ends up as its end.
    for (uint32_t i = 0; i + 1 < d->n_items; i++)
        p->first[i + 2] = p->first[i + 1] + d->items[i].orders;
    for (uint32_t o = 0; o < d->n_orders; o++) {
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1]; l++) {
            uint32_t at = p->first[d->line_item[l] + 1]++;
            p->orders[at] = o;
            p->quantities[at] = d->line_quantity[l];
        }
    }
    build_bits(p, memory);
}

struct cursor {
    const uint32_t *at, *end;
};

static struct cursor cursor_of(const struct postings *p, uint32_t item)
{
    CHECK(item < p->data->n_items);
    return (struct cursor){p->orders + p->first[item], p->orders + p->first[item + 1]};
}

// Moves to the first order >= wanted: doubling steps, then halving, so that short lists cross long ones quickly.
static void seek(struct cursor *c, uint32_t wanted)
{
    size_t left = (size_t)(c->end - c->at), high = 1;
    if (left == 0 || *c->at >= wanted)
        return;
    while (high < left && c->at[high] < wanted)
        high *= 2;
    size_t low = high / 2;
    if (high > left)
        high = left;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->at[mid] < wanted)
            low = mid + 1;
        else
            high = mid;
    }
    c->at += low;
}

// All of them dense.
static uint32_t count_dense(const struct postings *p, const uint32_t *items, size_t n, uint32_t from)
{
    uint32_t count = 0;
    uint64_t wanted = ~UINT64_C(0) << from % 64;
    for (size_t w = from / 64; w < p->bits_words; w++) {
        uint64_t all = wanted;
        for (size_t i = 0; i < n; i++)
            all &= p->bits[items[i]][w];
        count += (uint32_t)__builtin_popcountll(all);
        wanted = ~UINT64_C(0);
    }
    return count;
}

static bool contains(struct cursor *c, const uint64_t *bits, uint32_t order)
{
    if (bits)
        return bits[order / 64] >> order % 64 & 1;
    seek(c, order);
    return c->at < c->end && *c->at == order;
}

// The orders of the shortest list that all others contain.
uint32_t postings_count_all_from(const struct postings *p, const uint32_t *items, size_t n, uint32_t from)
{
    struct cursor cursors[POSTINGS_ITEMS_MAX];
    uint32_t count = 0;
    size_t shortest = 0;
    CHECK(n <= POSTINGS_ITEMS_MAX);
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        cursors[i] = cursor_of(p, items[i]);
        if (cursors[i].end - cursors[i].at < cursors[shortest].end - cursors[shortest].at)
            shortest = i;
    }
    if (p->bits[items[shortest]])
        return count_dense(p, items, n, from);
    struct cursor *lead = &cursors[shortest];
    for (seek(lead, from); lead->at < lead->end; lead->at++) {
        size_t with = 0;
        while (with < n && (with == shortest || contains(&cursors[with], p->bits[items[with]], *lead->at)))
            with++;
        count += with == n;
    }
    return count;
}

uint32_t postings_count_all(const struct postings *p, const uint32_t *items, size_t n)
{
    return postings_count_all_from(p, items, n, 0);
}

uint32_t postings_count_some(const struct postings *p, const uint32_t *items, size_t n, uint32_t at_least)
{
    struct cursor cursors[POSTINGS_ITEMS_MAX];
    uint32_t count = 0;
    CHECK(n <= POSTINGS_ITEMS_MAX);
    for (size_t i = 0; i < n; i++)
        cursors[i] = cursor_of(p, items[i]);
    for (;;) {
        uint32_t order = UINT32_MAX, together = 0;
        for (size_t i = 0; i < n; i++)
            if (cursors[i].at < cursors[i].end && *cursors[i].at < order)
                order = *cursors[i].at;
        if (order == UINT32_MAX)
            return count;
        for (size_t i = 0; i < n; i++) {
            bool has = cursors[i].at < cursors[i].end && *cursors[i].at == order;
            cursors[i].at += has;
            together += has;
        }
        count += together >= at_least;
    }
}

uint32_t postings_count_quantity(const struct postings *p, uint32_t item, uint32_t at_least)
{
    uint32_t count = 0;
    CHECK(item < p->data->n_items);
    for (uint32_t i = p->first[item]; i < p->first[item + 1]; i++)
        count += p->quantities[i] >= at_least;
    return count;
}
