// One price for a set: FBT and FIXED.
#include <math.h>

#include "common/check.h"
#include "worker/offers/endings.h"
#include "worker/offers/pricing_internal.h"

// Whole units of `left` by weight, into the room that is; remainder[i]: what was cut off, -1 where there is no room.
static int64_t apportion_whole(int64_t left, const double *weight, const int64_t *room, int64_t *share,
                               double *remainder, uint32_t n)
{
    double sum = 0;
    int64_t given = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += share[i] < room[i] ? weight[i] : 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t free_room = room[i] - share[i];
        double want = free_room > 0 ? (double)left * (weight[i] / sum) : 0;
        int64_t whole = want >= (double)free_room ? free_room : (int64_t)want;
        if (whole > left - given)
            whole = left - given;
        remainder[i] = whole < free_room ? want - (double)whole : -1;
        share[i] += whole;
        given += whole;
    }
    return given;
}

static int64_t apportion_remainders(int64_t left, double *remainder, int64_t *share, uint32_t n)
{
    int64_t given = 0;
    for (; given < left && given < (int64_t)n; given++) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < n; i++)
            best = remainder[i] > remainder[best] ? i : best;
        if (remainder[best] < 0)
            break;
        share[best]++;
        remainder[best] = -1;
    }
    return given;
}

// Largest remainder: `total` over the lines by weight, no line above its room; equal remainders go to the first line.
// The sum of `room` is at least `total`.
static void apportion(int64_t total, const double *weight, const int64_t *room, int64_t *share, uint32_t n)
{
    int64_t left = total;
    memset(share, 0, n * sizeof share[0]);
    while (left > 0) {
        double remainder[PARTS_MAX];
        int64_t given = apportion_whole(left, weight, room, share, remainder, n);
        if (left - given <= (int64_t)n) // what was cut off of each line; more where lines were full
            given += apportion_remainders(left - given, remainder, share, n);
        CHECK(given > 0);
        left -= given;
    }
}

// No line falls below its cost floor, nor below the list floor: what else it is part of, nobody would believe the rest
// of its price.
static int64_t rooms_of(const struct market *m, const struct offer_rules *r, const struct bundle *b, int64_t *room)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        int64_t line = p->price_minor * (int64_t)p->quantity;
        int64_t by_cost = line - pricing_cost_floor(m, r, p->item) * (int64_t)p->quantity;
        int64_t by_list = line - pricing_list_floor(r, line);
        room[i] = by_cost < by_list ? by_cost : by_list;
        sum += room[i];
    }
    return sum;
}

static void spread_discount(const struct market *m, struct bundle *b, const int64_t *room)
{
    double weight[PARTS_MAX];
    int64_t share[PARTS_MAX];
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        weight[i] = (double)p->price_minor * p->quantity * (0.001 + pricing_wanted(m, b, p->item));
    }
    apportion(b->pricing.discount_minor, weight, room, share, b->n_parts);
    for (uint32_t i = 0; i < b->n_parts; i++)
        b->parts[i].discount_minor = share[i];
}

// Guards in order; each notes that it shaped the price.
static int64_t guarded(struct bundle *b, const struct bounds *x, int64_t discount)
{
    const struct {
        enum price_guard guard;
        int64_t most;
    } guards[] = {{GUARD_COST_FLOOR, x->by_cost}, {GUARD_DISCOUNT_CAP, x->by_cap}, {GUARD_LIST_FLOOR, x->by_list}};
    for (size_t g = 0; g < ARRAY_LEN(guards); g++) {
        if (discount <= guards[g].most)
            continue;
        discount = guards[g].most;
        b->pricing.guards |= guards[g].guard;
    }
    return discount < x->min ? x->min : discount; // min <= every most
}

bool pricing_fbt_or_fixed(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    struct bounds x;
    int64_t room[PARTS_MAX];
    if (!pricing_bounds(m, r, b, &x))
        return false;
    int64_t rooms = rooms_of(m, r, b, room);
    x.by_list = rooms < x.by_list ? rooms : x.by_list;
    x.max = rooms < x.max ? rooms : x.max;
    if (x.max < 1 || x.max < x.min)
        return false;
    uint32_t pct = (uint32_t)floor(pricing_wanted_of_set(m, b) * 100 + 0.5);
    int64_t price = x.original - guarded(b, &x, share_down(x.original, pct * 100));
    int64_t nice = ending_nearest(price, x.original - x.max, x.original - x.min, m->data->decimals,
                                  b->type == TYPE_FIXED ? ENDING_ROUND : ENDING_CHARM);
    if (nice != price)
        b->pricing.guards |= GUARD_NICE_ENDING;
    pricing_set_totals(b, x.original, x.original - nice);
    spread_discount(m, b, room);
    return true;
}
