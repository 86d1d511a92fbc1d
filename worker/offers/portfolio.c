#include "worker/offers/portfolio.h"

#include <math.h>
#include <stdlib.h>

#include "worker/offers/ranking.h"

enum criterion { REVENUE, MARGIN, INVENTORY, CROSS_SELL, CANNIBALISATION };

#define WITH(criterion) (1u << (criterion))
static const uint32_t CRITERIA_OF[OBJECTIVE_COUNT] = {
    [OBJECTIVE_INCREASE_AOV] = WITH(REVENUE) | WITH(CROSS_SELL) | WITH(CANNIBALISATION),
    [OBJECTIVE_CLEAR_SLOW_MOVERS] = WITH(REVENUE) | WITH(INVENTORY) | WITH(MARGIN),
    [OBJECTIVE_SEASONAL_PROMO] = WITH(REVENUE) | WITH(INVENTORY) | WITH(CROSS_SELL),
    [OBJECTIVE_NEW_LAUNCH] = WITH(REVENUE) | WITH(CROSS_SELL) | WITH(CANNIBALISATION),
    [OBJECTIVE_CATEGORY_BUNDLE] = WITH(REVENUE) | WITH(CROSS_SELL) | WITH(MARGIN),
    [OBJECTIVE_GIFT_BOX] = WITH(REVENUE) | WITH(MARGIN) | WITH(INVENTORY),
    [OBJECTIVE_SUBSCRIPTION_PUSH] = WITH(REVENUE) | WITH(CROSS_SELL) | WITH(CANNIBALISATION),
    [OBJECTIVE_MARGIN_GUARD] = WITH(REVENUE) | WITH(MARGIN) | WITH(CANNIBALISATION),
};

static double mean_margin(const struct market *m, const struct bundle *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < b->n_parts; i++)
        sum += m->data->items[b->parts[i].item].margin;
    return sum / b->n_parts - b->pricing.discount_bp / 10000.0;
}

static struct criteria criteria_of(const struct market *m, const struct bundle *b)
{
    struct criteria c = {0};
    uint32_t wanted = CRITERIA_OF[b->objective];
    double price = b->pricing.bundle_minor > 0 ? (double)b->pricing.bundle_minor : b->n_parts;
    c.value[REVENUE] = b->orders_together * price;
    c.value[MARGIN] = mean_margin(m, b);
    c.value[INVENTORY] = b->inventory * b->fit;
    c.value[CROSS_SELL] = b->strength;
    // Discounts given to those who would have bought the set anyway.
    c.value[CANNIBALISATION] = -b->confidence * b->pricing.discount_bp;
    for (uint32_t k = 0; k < CRITERIA; k++) {
        if (!(wanted & WITH(k)))
            c.value[k] = 0;
    }
    return c;
}

static int compare_values(const void *left, const void *right)
{
    const struct criteria *a = left, *b = right;
    for (uint32_t k = 0; k < CRITERIA; k++) {
        if (a->value[k] > b->value[k] || a->value[k] < b->value[k])
            return a->value[k] > b->value[k] ? -1 : 1;
    }
    return a->bundle < b->bundle ? -1 : a->bundle > b->bundle;
}

// a stands before b in the order of compare_values, so it is enough that it is nowhere worse, and not equal.
static bool dominates(const struct criteria *a, const struct criteria *b)
{
    bool is_better = false;
    for (uint32_t k = 0; k < CRITERIA; k++) {
        if (a->value[k] < b->value[k])
            return false;
        is_better |= a->value[k] > b->value[k];
    }
    return is_better;
}

static bool is_dominated_in(const struct criteria *c, uint32_t at, uint32_t front)
{
    for (uint32_t i = at; i-- > 0;) {
        if (c[i].front == front && dominates(&c[i], &c[at]))
            return true;
    }
    return false;
}

static uint32_t assign_fronts(struct criteria *c, uint32_t n)
{
    uint32_t fronts = 0;
    for (uint32_t i = 0; i < n; i++) {
        c[i].front = 0;
        while (c[i].front < fronts && is_dominated_in(c, i, c[i].front))
            c[i].front++;
        if (c[i].front == fronts)
            fronts++;
    }
    return fronts;
}

static int compare_one(const void *left, const void *right, void *criterion)
{
    const struct criteria *a = *(struct criteria *const *)left, *b = *(struct criteria *const *)right;
    uint32_t k = *(const uint32_t *)criterion;
    if (a->value[k] < b->value[k] || a->value[k] > b->value[k])
        return a->value[k] < b->value[k] ? -1 : 1;
    return a->bundle < b->bundle ? -1 : a->bundle > b->bundle;
}

static void crowd_front(struct criteria **front, uint32_t n)
{
    for (uint32_t k = 0; k < CRITERIA; k++) {
        qsort_r(front, n, sizeof front[0], compare_one, &k);
        double span = front[n - 1]->value[k] - front[0]->value[k];
        if (span <= 0)
            continue;
        front[0]->crowding = front[n - 1]->crowding = INFINITY;
        for (uint32_t i = 1; i + 1 < n; i++)
            front[i]->crowding += (front[i + 1]->value[k] - front[i - 1]->value[k]) / span;
    }
}

uint32_t portfolio_sort(struct criteria *c, uint32_t n, struct arena *memory)
{
    struct criteria **front = ARENA_ARRAY(memory, struct criteria *, n + 1);
    if (n)
        qsort(c, n, sizeof c[0], compare_values);
    uint32_t fronts = assign_fronts(c, n);
    for (uint32_t f = 0; f < fronts; f++) {
        uint32_t size = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (c[i].front == f)
                front[size++] = &c[i];
        }
        crowd_front(front, size);
    }
    return fronts;
}

static int compare_places(const void *left, const void *right)
{
    const struct criteria *a = left, *b = right;
    if (a->front != b->front)
        return a->front < b->front ? -1 : 1;
    if (a->crowding < b->crowding || a->crowding > b->crowding)
        return a->crowding > b->crowding ? -1 : 1;
    return a->bundle < b->bundle ? -1 : a->bundle > b->bundle;
}

uint32_t portfolio_select(const struct market *m, const struct offer_rules *r, struct bundle_list *list, uint32_t keep,
                          struct arena *memory)
{
    struct criteria *c = ARENA_ARRAY(memory, struct criteria, list->n + 1);
    struct bundle *kept = ARENA_ARRAY(memory, struct bundle, list->n + 1);
    uint32_t n_kept = 0, most_fronts = 0;
    for (enum objective o = 0; o < OBJECTIVE_COUNT; o++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < list->n; i++) {
            if (list->bundles[i].objective != o)
                continue;
            c[n] = criteria_of(m, &list->bundles[i]);
            c[n++].bundle = i;
        }
        uint32_t fronts = portfolio_sort(c, n, memory);
        most_fronts = fronts > most_fronts ? fronts : most_fronts;
        if (n)
            qsort(c, n, sizeof c[0], compare_places);
        for (uint32_t i = 0; i < n; i++)
            if (i < keep || item_is_pinned(r, list->bundles[c[i].bundle].parts[0].item))
                kept[n_kept++] = list->bundles[c[i].bundle];
    }
    *list = (struct bundle_list){kept, n_kept};
    return most_fronts;
}
