#include "worker/offers/coverage.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"

enum { FADE_S = 30 * 86400, WEIGHT_NEW = 1 << 16, LEFT_ONE_IN = 3 };

static enum reach reach_of(const struct bundle *b)
{
    return b->type == TYPE_VOLUME ? REACH_QUANTITY : REACH_TOGETHER;
}

static uint32_t weight_of(const struct dataset *d, uint32_t order)
{
    if (!d->has_dates || d->as_of == DATE_UNKNOWN || d->order_at[order] == DATE_UNKNOWN)
        return WEIGHT_NEW;
    int64_t age_s = d->order_at[order] < d->as_of ? d->as_of - d->order_at[order] : 0;
    double r = 1 / (1 + (double)age_s / FADE_S);
    return (uint32_t)(r * sqrt(r) * WEIGHT_NEW);
}

static uint32_t position_from(const struct postings *p, uint32_t item, uint32_t order)
{
    uint32_t low = p->first[item], high = p->first[item + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->orders[middle] < order)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct reached_list {
    uint32_t *orders;
    uint32_t n, capacity;
};

static void add_order(struct reached_list *r, uint32_t order)
{
    if (r->n == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 4096;
        r->orders = reallocarray(r->orders, r->capacity, sizeof r->orders[0]);
        CHECK(r->orders);
    }
    r->orders[r->n++] = order;
}

static void reach_quantity(const struct coverage *c, const struct bundle *b, struct reached_list *r)
{
    const struct postings *p = &c->market->postings;
    uint32_t item = b->parts[0].item;
    for (uint32_t k = position_from(p, item, c->order_first); k < p->first[item + 1]; k++) {
        if (p->quantities[k] >= b->pricing.tiers[0].min_quantity)
            add_order(r, p->orders[k] - c->order_first);
    }
}

static bool is_dense(const struct postings *p, const struct bundle *b)
{
    uint32_t i = 0;
    while (i < b->n_parts && p->bits[b->parts[i].item])
        i++;
    return i == b->n_parts;
}

// 64 orders at a time.
static void reach_together_dense(const struct coverage *c, const struct bundle *b, struct reached_list *r)
{
    const struct postings *p = &c->market->postings;
    uint64_t wanted = ~UINT64_C(0) << c->order_first % 64;
    for (size_t w = c->order_first / 64; w < p->bits_words; w++) {
        uint64_t once = 0, twice = 0;
        for (uint32_t i = 0; i < b->n_parts; i++) {
            uint64_t in = p->bits[b->parts[i].item][w];
            twice |= once & in;
            once |= in;
        }
        for (twice &= wanted; twice; twice &= twice - 1)
            add_order(r, (uint32_t)(w * 64 + (unsigned)__builtin_ctzll(twice)) - c->order_first);
        wanted = ~UINT64_C(0);
    }
}

// One walk over the merged postings of the parts.
static void reach_together(const struct coverage *c, const struct bundle *b, struct reached_list *r)
{
    const struct postings *p = &c->market->postings;
    uint32_t at[PARTS_MAX], end[PARTS_MAX];
    for (uint32_t i = 0; i < b->n_parts; i++) {
        at[i] = position_from(p, b->parts[i].item, c->order_first);
        end[i] = p->first[b->parts[i].item + 1];
    }
    for (;;) {
        uint32_t order = UINT32_MAX, members = 0;
        for (uint32_t i = 0; i < b->n_parts; i++) {
            if (at[i] < end[i] && p->orders[at[i]] < order)
                order = p->orders[at[i]];
        }
        if (order == UINT32_MAX)
            return;
        for (uint32_t i = 0; i < b->n_parts; i++) {
            bool is_in = at[i] < end[i] && p->orders[at[i]] == order;
            at[i] += is_in;
            members += is_in;
        }
        if (members >= 2)
            add_order(r, order - c->order_first);
    }
}

void coverage_init(struct coverage *c, const struct market *m, const struct bundle_list *list, struct arena *memory)
{
    const struct dataset *d = m->data;
    uint32_t n = d->n_orders < BUNDLE_COVERAGE_ORDERS_MAX ? d->n_orders : BUNDLE_COVERAGE_ORDERS_MAX;
    struct reached_list r = {0};
    *c = (struct coverage){.market = m, .list = list, .order_first = d->n_orders - n};
    for (unsigned kind = 0; kind < REACH_COUNT; kind++)
        c->left[kind] = ARENA_ARRAY(memory, uint32_t, n + 1);
    c->first = ARENA_ARRAY(memory, uint32_t, list->n + 1);
    for (uint32_t o = 0; o < n; o++)
        c->left[REACH_TOGETHER][o] = c->left[REACH_QUANTITY][o] = weight_of(d, c->order_first + o);
    for (uint32_t i = 0; i < list->n; i++) {
        const struct bundle *b = &list->bundles[i];
        c->first[i] = r.n;
        if (reach_of(b) == REACH_QUANTITY)
            reach_quantity(c, b, &r);
        else if (is_dense(&m->postings, b))
            reach_together_dense(c, b, &r);
        else
            reach_together(c, b, &r);
    }
    c->first[list->n] = r.n;
    c->orders = ARENA_ARRAY(memory, uint32_t, r.n + 1);
    if (r.n)
        memcpy(c->orders, r.orders, r.n * sizeof r.orders[0]);
    free(r.orders);
}

uint64_t coverage_gain(const struct coverage *c, uint32_t bundle)
{
    const uint32_t *left = c->left[reach_of(&c->list->bundles[bundle])];
    uint64_t gain = 0;
    for (uint32_t k = c->first[bundle]; k < c->first[bundle + 1]; k++)
        gain += left[c->orders[k]];
    return gain;
}

void coverage_take(struct coverage *c, uint32_t bundle)
{
    uint32_t *left = c->left[reach_of(&c->list->bundles[bundle])];
    for (uint32_t k = c->first[bundle]; k < c->first[bundle + 1]; k++)
        left[c->orders[k]] /= LEFT_ONE_IN;
}
