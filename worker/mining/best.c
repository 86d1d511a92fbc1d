#include "worker/mining/best.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"

enum { CAPACITY_FIRST = 64 };

static bool is_better(const struct ranked_pair *x, const struct ranked_pair *y)
{
    if (x->key != y->key)
        return x->key > y->key;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

void best_clear(struct best *t)
{
    t->n = 0;
    t->key_min = t->max > 0 ? -INFINITY : INFINITY;
}

void best_init(struct best *t, uint32_t max)
{
    *t = (struct best){.max = max};
    best_clear(t);
}

void best_fini(struct best *t)
{
    free(t->pairs);
}

static void swap_pairs(struct ranked_pair *x, struct ranked_pair *y)
{
    struct ranked_pair moved = *x;
    *x = *y;
    *y = moved;
}

// Hoare's selection: afterwards the t->max best pairs stand first.
static void select_best(struct best *t)
{
    struct ranked_pair *pairs = t->pairs;
    uint32_t low = 0, high = t->n;
    while (high - low > 1) {
        swap_pairs(&pairs[low], &pairs[low + (high - low) / 2]); // the middle one: sorted runs are common
        uint32_t split_at = low;
        for (uint32_t i = low + 1; i < high; i++)
            if (is_better(&pairs[i], &pairs[low]))
                swap_pairs(&pairs[i], &pairs[++split_at]);
        swap_pairs(&pairs[low], &pairs[split_at]);
        if (split_at >= t->max)
            high = split_at;
        else
            low = split_at + 1;
    }
    t->n = t->max;
}

static void drop_worse_half(struct best *t)
{
    select_best(t);
    t->key_min = t->pairs[0].key;
    for (uint32_t i = 1; i < t->n; i++)
        if (t->pairs[i].key < t->key_min)
            t->key_min = t->pairs[i].key;
}

void best_offer(struct best *t, const struct ranked_pair *pair)
{
    if (t->n == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : CAPACITY_FIRST;
        t->pairs = reallocarray(t->pairs, t->capacity, sizeof *t->pairs);
        CHECK(t->pairs);
    }
    t->pairs[t->n++] = *pair;
    if (t->n / 2 >= t->max)
        drop_worse_half(t);
}

static int compare_pairs(const void *left, const void *right)
{
    if (is_better(left, right))
        return -1;
    return is_better(right, left);
}

void best_sort(struct best *t)
{
    if (t->n > t->max)
        select_best(t);
    if (t->n > 0)
        qsort(t->pairs, t->n, sizeof *t->pairs, compare_pairs);
}
