// Percentages off each piece: VOLUME_DISCOUNT's tiers and MIX_MATCH's pool. Every piece by itself stays within the
// guards, so any number and any choice of them do.
#include "common/check.h"
#include "worker/offers/pricing_internal.h"

#define TIER_STEP 0.5    // of the wanted depth: how much deeper each tier would be than the one before
#define TIER_SPREAD 0.25 // of the first tier's depth: how much it is at least, where cap and guards allow

// Lowest price of one piece by each guard.
struct unit_bounds {
    int64_t by_cost, by_cap, by_list;
};

static struct unit_bounds unit_bounds_of(const struct market *m, const struct offer_rules *r, const struct bundle *b,
                                         const struct part *p)
{
    struct discount_range range = discount_range(r, b->objective);
    return (struct unit_bounds){
        .by_cost = pricing_cost_floor(m, r, p->item),
        .by_cap = p->price_minor - share_down(p->price_minor, range.max_bp),
        .by_list = pricing_list_floor(r, p->price_minor),
    };
}

static int64_t price_at(int64_t price, uint32_t pct)
{
    return price - share_down(price, pct * 100);
}

// The deepest whole percentage up to `pct` that leaves one piece above the guards; 0: none. Notes the guard that bit.
static uint32_t guarded_pct(struct bundle *b, const struct part *p, const struct unit_bounds *u, uint32_t pct)
{
    const struct {
        enum price_guard guard;
        int64_t least;
    } guards[] = {{GUARD_COST_FLOOR, u->by_cost}, {GUARD_DISCOUNT_CAP, u->by_cap}, {GUARD_LIST_FLOOR, u->by_list}};
    for (size_t g = 0; g < ARRAY_LEN(guards); g++) {
        while (pct > 0 && price_at(p->price_minor, pct) < guards[g].least) {
            pct--;
            b->pricing.guards |= guards[g].guard;
        }
    }
    return pct;
}

double pricing_tier_reach(uint32_t n)
{
    return 1 + TIER_STEP * (n - 1.0);
}

void pricing_tier_depths(double wanted, uint32_t min_pct, uint32_t deepest, uint32_t n, uint32_t *pct)
{
    double last = deepest, first = last / (1 + TIER_SPREAD * (n - 1));
    first = wanted * 100 < first ? wanted * 100 : first;
    for (uint32_t k = 0; k < n; k++) {
        pct[k] = (uint32_t)(first + (last - first) * k / (n > 1 ? n - 1 : 1) + 0.5);
        pct[k] = pct[k] < min_pct ? min_pct : pct[k];
    }
}

// Keeps the tiers that are deeper than the one before, in percent and in money.
static uint32_t set_tiers(struct pricing *x, int64_t price, const uint32_t *pct)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < x->n_tiers; k++) {
        const struct tier *last = n ? &x->tiers[n - 1] : NULL;
        int64_t unit = price_at(price, pct[k]);
        if (unit < (last ? last->unit_price_minor : price) && pct[k] * 100 > (last ? last->discount_bp : 0))
            x->tiers[n++] = (struct tier){x->tiers[k].min_quantity, pct[k] * 100, unit};
        else if (k == 0)
            return 0; // the evidence counts what reaches it
    }
    return n;
}

bool pricing_volume(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    struct part *p = &b->parts[0];
    struct pricing *x = &b->pricing;
    struct unit_bounds u = unit_bounds_of(m, r, b, p);
    struct discount_range range = discount_range(r, b->objective);
    double wanted = pricing_clamp(pricing_wanted(m, b, p->item), &range);
    uint32_t min_pct = (range.min_bp + 99) / 100, pct[TIERS_MAX];
    int64_t original;
    uint32_t deepest = guarded_pct(b, p, &u, pricing_pct(b, r, wanted * pricing_tier_reach(x->n_tiers)));
    if (u.by_cost > p->price_minor || deepest < min_pct)
        return false;
    pricing_tier_depths(wanted, min_pct, deepest, x->n_tiers, pct);
    x->n_tiers = set_tiers(x, p->price_minor, pct);
    if (x->n_tiers < 2)
        return false;
    p->quantity = x->tiers[0].min_quantity;
    if (!pricing_line(p, &original))
        return false;
    p->discount_minor = (p->price_minor - x->tiers[0].unit_price_minor) * (int64_t)p->quantity;
    pricing_set_totals(b, original, p->discount_minor);
    return true;
}

// The pick_n cheapest of the pool, as a set of bits; of equal prices the first parts.
static uint32_t cheapest_of_pool(const struct bundle *b)
{
    uint32_t picked = 0;
    for (uint32_t n = 0; n < b->pricing.pick_n; n++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < b->n_parts; i++) {
            if (!(picked & 1u << i) && (best == UINT32_MAX || b->parts[i].price_minor < b->parts[best].price_minor))
                best = i;
        }
        if (best != UINT32_MAX)
            picked |= 1u << best;
    }
    return picked;
}

bool pricing_mix_match(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    uint32_t pct = pricing_pct(b, r, pricing_wanted_of_pool(m, b));
    for (uint32_t i = 0; i < b->n_parts; i++) {
        struct unit_bounds u = unit_bounds_of(m, r, b, &b->parts[i]);
        if (u.by_cost > b->parts[i].price_minor)
            return false;
        pct = guarded_pct(b, &b->parts[i], &u, pct);
    }
    if (pct * 100 < discount_range(r, b->objective).min_bp)
        return false;
    int64_t original = 0, discount = 0;
    uint32_t cheapest = cheapest_of_pool(b);
    for (uint32_t i = 0; i < b->n_parts; i++) {
        struct part *p = &b->parts[i];
        p->discount_minor = p->price_minor - price_at(p->price_minor, pct);
        if (!(cheapest & 1u << i))
            continue;
        discount += p->discount_minor;
        if (__builtin_add_overflow(original, p->price_minor, &original))
            return false;
    }
    pricing_set_totals(b, original, discount);
    b->pricing.discount_bp = pct * 100; // what is promised, off any piece; the totals are rounded by piece
    return discount > 0;
}
