#include "worker/offers/objectives.h"

#include <math.h>

#include "common/check.h"
#include "worker/mining/exact_math.h"

// A repeat rate from which a product counts as one that people buy again.
#define REPEAT_RATE_MIN 0.10

#define PINNED_WORTH 1e6 // more than any item is worth

// Orders from which nothing in 30 days says that a season is over.
#define ORDERS_TO_TELL 5

static double between(double low, double x, double high)
{
    return x < low ? low : x > high ? high : x;
}

static const struct item *item_of(const struct market *m, uint32_t item)
{
    return &m->data->items[item];
}

static double popularity(const struct item *i)
{
    return exact_log2(1.0 + i->orders);
}

// Price relative to the shop's median; 1 where either is not known.
static double price_level(const struct market *m, const struct item *i)
{
    int64_t median = m->data->median_price_minor;
    return median > 0 && i->price_minor > 0 ? (double)i->price_minor / (double)median : 1;
}

static bool is_giftable(const struct market *m, const struct item *i)
{
    double level = price_level(m, i);
    return i->type_id != ID_NONE && level >= 0.25 && level <= 4;
}

static bool is_bought_again(const struct market *m, const struct item *i)
{
    return i->repeat_rate >= REPEAT_RATE_MIN && i->orders >= (m->is_small ? 2u : 5u);
}

static double anchor_aov(const struct market *m, const struct item *i)
{
    double level = price_level(m, i);
    return level >= 1 ? popularity(i) * sqrt(between(1, level, 5)) : 0;
}

static double anchor_slow(const struct market *m, const struct item *i)
{
    (void)m;
    return i->flags & ITEM_SLOW_MOVER ? exact_log2(2.0 + (i->stock > 0 ? i->stock : 0)) : 0;
}

// Easter baskets are seasonal in September, too, but out of season: who sold in the last 30 days is in season. Nothing
// to tell by without dates, or for what never sold yet.
static double in_season(const struct market *m, const struct item *i)
{
    if (!m->data->has_dates || i->orders == 0)
        return 1;
    if (i->orders_recent == 0 && i->orders >= ORDERS_TO_TELL)
        return 0;
    return (i->orders_recent + 0.25) / (i->orders_recent + 2.0);
}

static double anchor_seasonal(const struct market *m, const struct item *i)
{
    return i->flags & ITEM_SEASONAL ? (1 + popularity(i)) * in_season(m, i) : 0;
}

static double anchor_new(const struct market *m, const struct item *i)
{
    (void)m;
    return i->flags & ITEM_NEW_LAUNCH ? 1 + popularity(i) : 0;
}

static double anchor_category(const struct market *m, const struct item *i)
{
    (void)m;
    return i->type_id != ID_NONE ? 0.1 + popularity(i) : 0;
}

static double anchor_gift(const struct market *m, const struct item *i)
{
    if (!is_giftable(m, i))
        return 0;
    return (0.1 + popularity(i)) * (i->flags & ITEM_SEASONAL ? 1.25 : 1);
}

// The rate of a product sold three times says little: shrunk by its orders.
static double anchor_repeat(const struct market *m, const struct item *i)
{
    return is_bought_again(m, i) ? i->repeat_rate * i->orders / (i->orders + 10.0) : 0;
}

static double anchor_margin(const struct market *m, const struct item *i)
{
    (void)m;
    return i->flags & ITEM_HIGH_MARGIN ? between(0.05, i->margin, 1) * (0.1 + popularity(i)) : 0;
}

static double partner_aov(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p)
{
    (void)t;
    (void)a;
    return between(0.2, price_level(m, p), 1);
}

// Beside something that sells; a mix and match may well hold several slow ones.
static double partner_slow(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p)
{
    (void)m;
    (void)a;
    bool is_slow = p->flags & ITEM_SLOW_MOVER;
    if (t == TYPE_MIX_MATCH)
        return is_slow ? 1 : 0.5;
    return is_slow ? 0 : 1;
}

static double partner_seasonal(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p)
{
    if (p->seasons)
        return a->seasons & p->seasons || !a->seasons ? in_season(m, p) : 0;
    return t == TYPE_MIX_MATCH ? 0 : 0.25;
}

static double partner_new(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p)
{
    (void)m;
    (void)a;
    if (p->flags & ITEM_NEW_LAUNCH)
        return t == TYPE_MIX_MATCH ? 0.5 : 0;
    return p->orders > 0 ? 1 : 0;
}

static double partner_category(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p)
{
    (void)m;
    (void)t;
    return p->type_id != ID_NONE && p->type_id != a->type_id ? 1 : 0;
}

static double partner_gift(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p)
{
    return is_giftable(m, p) ? partner_category(m, t, a, p) : 0;
}

static double partner_repeat(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p)
{
    (void)t;
    (void)a;
    return is_bought_again(m, p) ? between(0.3, p->repeat_rate / 0.3, 1) : 0;
}

static double partner_margin(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p)
{
    (void)m;
    (void)t;
    (void)a;
    if (p->flags & ITEM_HIGH_MARGIN)
        return 1;
    return p->margin >= 0.3 ? 0.25 : 0;
}

// What the fits are made of, over the parts of a bundle.
struct totals {
    uint32_t n, slow, seasonal, fresh, types;
    bool is_pool; // of which anything may be picked: most of it must serve the objective
    double level, repeat, margin, stock, in_season;
};

static bool is_type_new_in(const struct market *m, const struct bundle *b, uint32_t at)
{
    uint32_t type = item_of(m, b->parts[at].item)->type_id;
    for (uint32_t i = 0; i < at; i++) {
        if (item_of(m, b->parts[i].item)->type_id == type)
            return false;
    }
    return type != ID_NONE;
}

static struct totals totals_of(const struct market *m, const struct bundle *b)
{
    struct totals t = {.n = b->n_parts, .is_pool = b->type == TYPE_MIX_MATCH};
    for (uint32_t p = 0; p < b->n_parts; p++) {
        const struct item *i = item_of(m, b->parts[p].item);
        t.slow += (i->flags & ITEM_SLOW_MOVER) != 0;
        t.seasonal += (i->flags & ITEM_SEASONAL) != 0;
        t.in_season += i->flags & ITEM_SEASONAL ? in_season(m, i) : 0;
        t.fresh += (i->flags & ITEM_NEW_LAUNCH) != 0;
        t.types += is_type_new_in(m, b, p);
        t.level += price_level(m, i) * b->parts[p].quantity;
        t.repeat += i->repeat_rate;
        t.margin += between(0, i->margin, 1);
        if (i->flags & ITEM_SLOW_MOVER && i->stock > t.stock)
            t.stock = i->stock;
    }
    if (b->type == TYPE_MIX_MATCH && t.n > 0) // what one takes of the pool, not the pool
        t.level *= (double)b->pricing.pick_n / t.n;
    return t;
}

static double fit_aov(const struct totals *t)
{
    return between(0.05, t->level / 5, 1);
}

static double fit_slow(const struct totals *t)
{
    if (t->is_pool && 2 * t->slow < t->n)
        return 0;
    return t->slow ? between(0.2, exact_log2(1 + t->stock) / 10, 1) : 0;
}

static double fit_seasonal(const struct totals *t)
{
    return 2 * t->seasonal >= t->n ? t->in_season / t->n : 0;
}

static double fit_new(const struct totals *t)
{
    if (t->is_pool && 2 * t->fresh < t->n)
        return 0;
    return t->fresh == 0 ? 0 : t->fresh < t->n ? 1 : 0.6;
}

static double fit_category(const struct totals *t)
{
    return t->types >= 2 ? between(0, t->types / 3.0, 1) : 0;
}

static double fit_gift(const struct totals *t)
{
    if (t->types < 3)
        return 0;
    return between(0, t->types / 4.0, 1) * (t->level >= 1.5 && t->level <= 10 ? 1 : 0.6);
}

static double fit_repeat(const struct totals *t)
{
    return between(0, t->repeat / t->n / 0.5, 1);
}

static double fit_margin(const struct totals *t)
{
    return between(0.05, t->margin / t->n, 1);
}

struct objective_logic {
    struct objective_shape shape;
    double (*anchor)(const struct market *m, const struct item *i);
    double (*partner)(const struct market *m, enum bundle_type t, const struct item *a, const struct item *p);
    double (*fit)(const struct totals *t);
};

static const struct objective_logic LOGIC[OBJECTIVE_COUNT] = {
    [OBJECTIVE_INCREASE_AOV] = {{2, 3, 4, 2, false, false, 0.40, 1, 1}, anchor_aov, partner_aov, fit_aov},
    [OBJECTIVE_CLEAR_SLOW_MOVERS] = {{2, 2, 3, 2, false, true, 0.55, 1.4, 0.5}, anchor_slow, partner_slow, fit_slow},
    [OBJECTIVE_SEASONAL_PROMO] = {{2, 3, 4, 3, false, false, 0.40, 1, 1},
                                  anchor_seasonal,
                                  partner_seasonal,
                                  fit_seasonal},
    [OBJECTIVE_NEW_LAUNCH] = {{2, 2, 3, 2, false, true, 0.50, 1.2, 0.8}, anchor_new, partner_new, fit_new},
    [OBJECTIVE_CATEGORY_BUNDLE] = {{2, 4, 4, 2, true, false, 0.35, 1, 1},
                                   anchor_category,
                                   partner_category,
                                   fit_category},
    [OBJECTIVE_GIFT_BOX] = {{3, 4, 5, 3, true, false, 0.35, 1, 1}, anchor_gift, partner_gift, fit_gift},
    [OBJECTIVE_SUBSCRIPTION_PUSH] = {{2, 2, 3, 3, false, false, 0.50, 1, 1}, anchor_repeat, partner_repeat, fit_repeat},
    [OBJECTIVE_MARGIN_GUARD] = {{2, 3, 3, 2, false, false, 0.45, 1, 1}, anchor_margin, partner_margin, fit_margin},
};

const struct objective_shape *objective_shape(enum objective o)
{
    CHECK((unsigned)o < OBJECTIVE_COUNT);
    return &LOGIC[o].shape;
}

double objective_anchor(const struct market *m, enum objective o, uint32_t item)
{
    return LOGIC[o].anchor(m, item_of(m, item));
}

double objective_partner(const struct market *m, enum objective o, enum bundle_type t, uint32_t anchor,
                         uint32_t partner)
{
    return LOGIC[o].partner(m, t, item_of(m, anchor), item_of(m, partner));
}

double objective_fit(const struct market *m, const struct bundle *b)
{
    struct totals t = totals_of(m, b);
    return t.n ? LOGIC[b->objective].fit(&t) : 0;
}

void objective_worths(const struct market *m, const struct offer_rules *r, enum objective o, double *worths)
{
    for (uint32_t item = 0; item < m->data->n_items; item++) {
        double worth = objective_anchor(m, o, item) + (item_is_pinned(r, item) ? PINNED_WORTH : 0);
        worths[item] = worth > 0 && item_is_offerable(m, r, item) ? worth : 0;
    }
}

uint32_t objective_anchors(const double *worths, uint32_t n_items, uint32_t *out, uint32_t max)
{
    uint32_t n = 0;
    for (uint32_t item = 0; item < n_items; item++) {
        if (worths[item] <= 0 || (n == max && worths[item] <= worths[out[n - 1]]))
            continue;
        uint32_t at = n < max ? n++ : n - 1;
        for (; at > 0 && worths[out[at - 1]] < worths[item]; at--)
            out[at] = out[at - 1];
        out[at] = item;
    }
    return n;
}

bool objective_has_anchor(const struct market *m, const struct offer_rules *r, enum objective o)
{
    for (uint32_t item = 0; item < m->data->n_items; item++)
        if (objective_anchor(m, o, item) > 0 && item_is_offerable(m, r, item))
            return true;
    return false;
}
