// Frequent itemsets to size 4 level by level, as a rival and as a check: R. Agrawal, R. Srikant, "Fast Algorithms for
// Mining Association Rules", VLDB 1994. Items are numbered anew, rare ones left out; pairs are counted in a triangle,
// larger sets in a prefix tree that every order walks down.
#include <stdlib.h>

#include "common/check.h"
#include "tests/support/bench/bench.h"

enum { SIZE_MAX_SETS = 4 };

struct level { // sets of one size, ascending items, in lexicographic order
    uint32_t size, n, capacity;
    uint32_t *items; // n * size
    uint32_t *orders;
};

struct apriori {
    uint32_t n_items, n_orders, orders_min; // frequent items only
    uint32_t *first, *items;                // the orders' frequent items
    struct level levels[SIZE_MAX_SETS + 1];
};

static void level_add(struct level *l, const uint32_t *prefix, uint32_t last, uint32_t orders)
{
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 1024;
        l->items = reallocarray(l->items, l->capacity, l->size * sizeof *l->items);
        l->orders = reallocarray(l->orders, l->capacity, sizeof *l->orders);
        CHECK(l->items && l->orders);
    }
    uint32_t *set = l->items + (size_t)l->n * l->size;
    memcpy(set, prefix, (l->size - 1) * sizeof *set);
    set[l->size - 1] = last;
    l->orders[l->n++] = orders;
}

// The orders with the frequent items only, numbered in the order of their ids.
static void apriori_init(struct apriori *a, const struct bench *b, const struct dataset *d)
{
    uint32_t *number = calloc((size_t)d->n_items + 1, sizeof *number);
    *a = (struct apriori){.orders_min = bench_orders_min(b, bench_n_counted(b, d)),
                          .first = calloc((size_t)d->n_orders + 1, sizeof *a->first),
                          .items = calloc((size_t)d->n_lines + 1, sizeof *a->items)};
    CHECK(number && a->first && a->items);
    for (uint32_t o = 0; o < d->n_orders; o++)
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1] && bench_is_counted(b, d, o); l++)
            number[d->line_item[l]]++;
    for (uint32_t i = 0; i < d->n_items; i++)
        number[i] = number[i] >= a->orders_min ? a->n_items++ : ID_NONE;
    for (uint32_t o = 0, n = 0; o < d->n_orders; o++) {
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1] && bench_is_counted(b, d, o); l++)
            if (number[d->line_item[l]] != ID_NONE)
                a->items[n++] = number[d->line_item[l]];
        if (n - a->first[a->n_orders] >= 2)
            a->first[++a->n_orders] = n;
        else
            n = a->first[a->n_orders];
    }
    for (uint32_t k = 1; k <= SIZE_MAX_SETS; k++)
        a->levels[k].size = k;
    free(number);
}

static void apriori_fini(struct apriori *a)
{
    free(a->first);
    free(a->items);
    for (uint32_t k = 0; k <= SIZE_MAX_SETS; k++) {
        free(a->levels[k].items);
        free(a->levels[k].orders);
    }
}

static void find_pairs(struct apriori *a)
{
    size_t n = a->n_items;
    uint32_t *counts = calloc(n * n + 1, sizeof *counts);
    CHECK(counts);
    for (uint32_t o = 0; o < a->n_orders; o++)
        for (uint32_t i = a->first[o]; i < a->first[o + 1]; i++)
            for (uint32_t j = i + 1; j < a->first[o + 1]; j++)
                counts[a->items[i] * n + a->items[j]]++;
    for (uint32_t x = 0; x < n; x++)
        for (uint32_t y = x + 1; y < n; y++)
            if (counts[x * n + y] >= a->orders_min)
                level_add(&a->levels[2], &x, y, counts[x * n + y]);
    free(counts);
}

static int compare_sets(const uint32_t *x, const uint32_t *y, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static bool level_has(const struct level *l, const uint32_t *set)
{
    uint32_t low = 0, high = l->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int c = compare_sets(l->items + (size_t)middle * l->size, set, l->size);
        if (c == 0)
            return true;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

// Are all subsets without one of the first items frequent? (Those without the last or the last but one made the set.)
static bool subsets_are_frequent(const struct level *smaller, const uint32_t *prefix, uint32_t last)
{
    uint32_t set[SIZE_MAX_SETS], size = smaller->size;
    for (uint32_t left_out = 0; left_out + 1 < size; left_out++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < size; i++)
            if (i != left_out)
                set[n++] = prefix[i];
        set[n] = last;
        if (!level_has(smaller, set))
            return false;
    }
    return true;
}

// Joins sets that differ in their last item only.
static void find_candidates(const struct level *smaller, struct level *out)
{
    uint32_t size = smaller->size;
    for (uint32_t i = 0; i < smaller->n; i++) {
        const uint32_t *x = smaller->items + (size_t)i * size;
        for (uint32_t j = i + 1; j < smaller->n; j++) {
            const uint32_t *y = smaller->items + (size_t)j * size;
            if (compare_sets(x, y, size - 1) != 0)
                break;
            if (subsets_are_frequent(smaller, x, y[size - 1]))
                level_add(out, x, y[size - 1], 0);
        }
    }
}

// The candidates as a prefix tree: a node's children stand together, ascending; the leaves are the candidates
// themselves.
struct node {
    uint32_t item, first, end; // children in the next depth
};

struct tree {
    uint32_t size;
    struct node *nodes[SIZE_MAX_SETS];
    uint32_t n[SIZE_MAX_SETS];
};

static void tree_init(struct tree *t, const struct level *l)
{
    *t = (struct tree){.size = l->size};
    for (uint32_t depth = 0; depth < l->size; depth++) {
        t->nodes[depth] = calloc((size_t)l->n + 1, sizeof *t->nodes[depth]);
        CHECK(t->nodes[depth]);
    }
    for (uint32_t i = 0; i < l->n; i++) {
        const uint32_t *set = l->items + (size_t)i * l->size, *before = i ? set - l->size : NULL;
        uint32_t depth = 0;
        while (before && set[depth] == before[depth])
            depth++;
        for (; depth < l->size; depth++) {
            uint32_t below = depth + 1 < l->size ? t->n[depth + 1] : i;
            t->nodes[depth][t->n[depth]++] = (struct node){set[depth], below, below};
            if (depth > 0)
                t->nodes[depth - 1][t->n[depth - 1] - 1].end = t->n[depth];
        }
    }
}

static void tree_fini(struct tree *t)
{
    for (uint32_t depth = 0; depth < t->size; depth++)
        free(t->nodes[depth]);
}

// Of the nodes [at, end) those whose item is in the order, and what follows them.
static void count_order(const struct tree *t, struct level *l, uint32_t depth, uint32_t at, uint32_t end,
                        const uint32_t *items, const uint32_t *items_end)
{
    const struct node *nodes = t->nodes[depth];
    while (at < end && items < items_end) {
        if (nodes[at].item < *items) {
            at++;
        } else if (nodes[at].item > *items) {
            items++;
        } else {
            items++;
            if (depth + 1 == t->size)
                l->orders[at]++;
            else
                count_order(t, l, depth + 1, nodes[at].first, nodes[at].end, items, items_end);
            at++;
        }
    }
}

static void keep_frequent(const struct level *candidates, uint32_t orders_min, struct level *out)
{
    uint32_t size = candidates->size;
    for (uint32_t i = 0; i < candidates->n; i++) {
        const uint32_t *set = candidates->items + (size_t)i * size;
        if (candidates->orders[i] >= orders_min)
            level_add(out, set, set[size - 1], candidates->orders[i]);
    }
}

static void find_larger(struct apriori *a, uint32_t size)
{
    struct level candidates = {.size = size};
    struct tree tree;
    find_candidates(&a->levels[size - 1], &candidates);
    tree_init(&tree, &candidates);
    for (uint32_t o = 0; o < a->n_orders; o++)
        count_order(&tree, &candidates, 0, 0, tree.n[0], a->items + a->first[o], a->items + a->first[o + 1]);
    keep_frequent(&candidates, a->orders_min, &a->levels[size]);
    tree_fini(&tree);
    free(candidates.items);
    free(candidates.orders);
}

void work_apriori(struct bench *b)
{
    struct dataset *d = bench_dataset(b);
    struct apriori a = {.n_items = 0};
    for (unsigned i = 0; i < b->runs; i++) {
        apriori_fini(&a);
        bench_begin(b);
        apriori_init(&a, b, d);
        find_pairs(&a);
        for (uint32_t size = 3; size <= SIZE_MAX_SETS; size++)
            find_larger(&a, size);
        bench_end(b);
    }
    uint64_t by_size[SIZE_MAX_SETS + 1] = {0}, orders = 0;
    for (uint32_t k = 2; k <= SIZE_MAX_SETS; k++) {
        by_size[k] = a.levels[k].n;
        for (uint32_t i = 0; i < a.levels[k].n; i++)
            orders += a.levels[k].orders[i];
    }
    bench_put_sets(b, by_size, orders);
    apriori_fini(&a);
    dataset_destroy(d);
}
