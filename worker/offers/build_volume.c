// VOLUME_DISCOUNT: more of one variant, with tiers from the quantities that its buyers take. A product that nobody
// takes two of gets no tiers, unless its buyers come back for it.
#include <stdlib.h>

#include "worker/offers/search.h"

#define MULTIPLE_SHARE_MIN 0.05 // of its orders hold two or more
#define REPEAT_RATE_MIN 0.20

struct quantities {
    uint32_t *sorted;
    uint32_t n;
    uint32_t multiple; // how many are >= 2
};

static int compare_quantities(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static struct quantities quantities_of(const struct search *s, uint32_t item)
{
    const struct postings *p = &s->market->postings;
    struct quantities q = {.sorted = s->growth.orders, .n = p->first[item + 1] - p->first[item]}; // scratch
    for (uint32_t k = 0; k < q.n; k++) {
        q.sorted[k] = p->quantities[p->first[item] + k];
        q.multiple += q.sorted[k] >= 2;
    }
    if (q.n)
        qsort(q.sorted, q.n, sizeof q.sorted[0], compare_quantities);
    return q;
}

static uint32_t quantile(const struct quantities *q, double share)
{
    return q->sorted[(uint32_t)(share * (q->n - 1))];
}

// Numbers that people put on a label: 2-6, 8, 10, 12, 15, 20, 24, 30, 36, 48, 60, 72, 96, 100, ...
static uint32_t round_quantity(uint32_t at_least)
{
    static const uint32_t LABELS[] = {2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 24, 30, 36, 48, 60, 72, 96, 100, 120, 144, 200};
    for (size_t k = 0; k < sizeof LABELS / sizeof LABELS[0]; k++) {
        if (LABELS[k] >= at_least)
            return LABELS[k];
    }
    return at_least > UINT32_MAX - 100 ? UINT32_MAX : (at_least + 99) / 100 * 100;
}

static void add_tier(struct bundle *b, uint32_t at_least, int32_t stock)
{
    struct pricing *p = &b->pricing;
    uint32_t least = p->n_tiers ? p->tiers[p->n_tiers - 1].min_quantity + 1 : 2;
    uint32_t quantity = round_quantity(at_least > least ? at_least : least);
    if (p->n_tiers < TIERS_MAX && (stock == STOCK_UNKNOWN || quantity <= (uint32_t)(stock > 0 ? stock : 0)))
        p->tiers[p->n_tiers++].min_quantity = quantity;
}

static uint32_t between(uint32_t low, uint32_t x, uint32_t high)
{
    return x < low ? low : x > high ? high : x;
}

// Above what is usual, or the discount goes to those who take as many anyway: tier 1 is more than the middle order
// holds and about a third of the orders reach it, the next ones are what the upper 15 % and 5 % take, each half as much
// again as the one before at least and three times at most.
static void tiers_from(struct bundle *b, const struct quantities *q, int32_t stock)
{
    enum { QUANTITY_MAX = 1000000, STEP_MAX = 3 };
    uint32_t usual = between(1, quantile(q, 0.5), QUANTITY_MAX);
    uint32_t first = between(usual + 1, quantile(q, 0.65), usual * STEP_MAX);
    add_tier(b, first, stock);
    uint32_t second = between(first + (first + 1) / 2, quantile(q, 0.85), first * STEP_MAX);
    add_tier(b, second, stock);
    uint32_t third = between(0, quantile(q, 0.95), second * STEP_MAX);
    if (b->pricing.n_tiers == 2 && 2 * third >= 3 * b->pricing.tiers[1].min_quantity)
        add_tier(b, third, stock);
}

static bool is_worth_tiers(const struct search *s, uint32_t item, const struct quantities *q)
{
    const struct item *i = &s->market->data->items[item];
    if (q->n == 0)
        return false;
    if (q->multiple >= search_orders_min(s) && q->multiple >= MULTIPLE_SHARE_MIN * q->n)
        return true;
    return i->repeat_rate >= REPEAT_RATE_MIN && i->orders >= 5;
}

static void build_of(struct search *s, uint32_t item)
{
    const struct item *i = &s->market->data->items[item];
    struct quantities q = quantities_of(s, item);
    if (!is_worth_tiers(s, item, &q))
        return;
    struct bundle b = search_bundle(s, SOURCE_QUANTITY);
    tiers_from(&b, &q, s->rules->allow_out_of_stock ? STOCK_UNKNOWN : i->stock);
    if (b.pricing.n_tiers < 2)
        return;
    search_add_part(&b, item, b.pricing.tiers[0].min_quantity, ROLE_ANCHOR);
    b.strength = (double)q.multiple * q.multiple / q.n;
    search_accept(s, &b);
}

void build_volume(struct search *s)
{
    for (uint32_t a = 0; a < s->n_anchors && !search_is_full(s); a++)
        build_of(s, s->anchors[a]);
}
