// The shrinkage and its source stand in discount.h. Every amount here is an exact integer of minor units; doubles only
// say how deep a discount is wanted.
#include "worker/offers/pricing.h"

#include <math.h>

#include "common/check.h"
#include "worker/offers/discount.h"
#include "worker/offers/endings.h"
#include "worker/offers/objectives.h"

enum { BP = 10000 };

static int64_t share_down(int64_t amount, uint32_t bp)
{
    return (int64_t)((__int128)amount * bp / BP);
}

static int64_t share_up(int64_t amount, uint32_t bp)
{
    return (int64_t)(((__int128)amount * bp + BP - 1) / BP);
}

static uint32_t share_bp(int64_t part, int64_t whole)
{
    return whole > 0 ? (uint32_t)(((__int128)part * BP + whole / 2) / whole) : 0;
}

static double pct_whole(double share) // whole percents, the way offers are written
{
    return floor(share * 100 + 0.5);
}

static double clamp_share(double share, const struct discount_range *range)
{
    double min = range->min_bp / (double)BP, max = range->max_bp / (double)BP;
    return share < min ? min : share > max ? max : share;
}

// Lowest price of one piece by cost; 0: cost not known.
static int64_t cost_floor_of_one(const struct market *m, const struct offer_rules *r, uint32_t item)
{
    int64_t cost = m->data->items[item].cost_minor;
    if (cost == MONEY_UNKNOWN || cost <= 0)
        return 0;
    double floor_price = ceil((double)cost * (1 + r->margin_floor) - 1e-6);
    return floor_price < 9e18 ? (int64_t)floor_price : INT64_MAX;
}

static int64_t list_floor_of(int64_t original, const struct offer_rules *r)
{
    return share_up(original, (uint32_t)(r->list_floor * BP + 0.5));
}

static bool line_total(const struct part *p, int64_t *out)
{
    return !__builtin_mul_overflow(p->price_minor, (int64_t)p->quantity, out);
}

static bool is_anchor_of(const struct market *m, const struct bundle *b, uint32_t item)
{
    return objective_anchor(m, b->objective, item) > 0;
}

static double wanted_discount(const struct market *m, const struct bundle *b, uint32_t item)
{
    uint32_t units = 0;
    if (b->pricing.method == PRICE_SHRUNK)
        return discount_shrunk(m, b->objective, item, is_anchor_of(m, b, item));
    for (uint32_t i = 0; i < b->n_parts; i++)
        units += b->parts[i].quantity;
    return discount_linear(b->objective, b->type == TYPE_MIX_MATCH ? b->pricing.pick_n : units);
}

// What a bundle may cost at all: the first three guards, as bounds of its discount.
struct bounds {
    int64_t original;
    int64_t by_cost, by_cap, by_list; // largest discount each guard allows
    int64_t max, min;
};

static bool bounds_of(const struct market *m, const struct offer_rules *r, const struct bundle *b, struct bounds *out)
{
    struct bounds x = {0};
    int64_t floors = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        int64_t line, floor_one = cost_floor_of_one(m, r, p->item);
        if (floor_one > p->price_minor || !line_total(p, &line) ||
            __builtin_add_overflow(x.original, line, &x.original))
            return false;
        // A part of unknown cost gives nothing away for the others: its discount is bounded by cap and list alone.
        floors += floor_one * (int64_t)p->quantity;
    }
    struct discount_range range = discount_range(r, b->objective);
    x.by_cost = x.original - floors;
    x.by_cap = share_down(x.original, range.max_bp);
    x.by_list = x.original - list_floor_of(x.original, r);
    x.max = x.by_cost < x.by_cap ? x.by_cost : x.by_cap;
    x.max = x.by_list < x.max ? x.by_list : x.max;
    x.min = share_up(x.original, range.min_bp);
    *out = x;
    return x.max >= 1 && x.max >= x.min;
}

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

static void set_totals(struct bundle *b, int64_t original, int64_t discount)
{
    b->pricing.original_minor = original;
    b->pricing.discount_minor = discount;
    b->pricing.bundle_minor = original - discount;
    b->pricing.discount_bp = share_bp(discount, original);
}

// Each line may fall to its cost floor; where no cost is known, to nothing.
static void spread_discount(const struct market *m, const struct offer_rules *r, struct bundle *b, int64_t discount)
{
    double weight[PARTS_MAX];
    int64_t room[PARTS_MAX], share[PARTS_MAX];
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        room[i] = (p->price_minor - cost_floor_of_one(m, r, p->item)) * (int64_t)p->quantity;
        weight[i] = (double)p->price_minor * p->quantity * (0.001 + wanted_discount(m, b, p->item));
    }
    apportion(discount, weight, room, share, b->n_parts);
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
    return discount < x->min ? x->min : discount; // bounds_of: min <= every most
}

// Larger sets earn a little more: 10 % of the discount for each product after the second.
static double set_share(const struct market *m, const struct bundle *b, int64_t original)
{
    double wanted = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        wanted += (double)p->price_minor * p->quantity * wanted_discount(m, b, p->item);
    }
    double size = b->pricing.method == PRICE_SHRUNK ? 1 + 0.1 * (b->n_parts - 2.0) : 1;
    return wanted / (double)original * size;
}

static bool price_set(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    struct bounds x;
    if (!bounds_of(m, r, b, &x))
        return false;
    double pct = pct_whole(set_share(m, b, x.original));
    int64_t discount = guarded(b, &x, share_down(x.original, (uint32_t)(pct * 100)));
    int64_t price = x.original - discount;
    int64_t nice = ending_nearest(price, x.original - x.max, x.original - x.min, m->data->decimals,
                                  b->type == TYPE_FIXED ? ENDING_ROUND : ENDING_CHARM);
    if (nice != price)
        b->pricing.guards |= GUARD_NICE_ENDING;
    set_totals(b, x.original, x.original - nice);
    spread_discount(m, r, b, b->pricing.discount_minor);
    return true;
}

// Rising steps of what a reward is reduced by.
static const uint32_t REWARD_BP[] = {1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 7500, 10000};

static int64_t reward_discount(const struct bundle *b, uint32_t bp)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].role == ROLE_REWARD)
            sum += share_down(b->parts[i].price_minor, bp) * (int64_t)b->parts[i].quantity;
    }
    return sum;
}

static uint32_t refusing_guard(const struct bounds *x, int64_t discount)
{
    return discount > x->by_cost ? GUARD_COST_FLOOR : discount > x->by_cap ? GUARD_DISCOUNT_CAP : GUARD_LIST_FLOOR;
}

// Free, where the guards allow that; else the deepest step near the wanted depth (half as much again: a gift is to be
// noticed), else the shallowest that the guards allow.
static uint32_t choose_reward_bp(struct bundle *b, const struct bounds *x, double wanted)
{
    uint32_t chosen = 0;
    for (size_t k = 0; k < ARRAY_LEN(REWARD_BP); k++) {
        int64_t discount = reward_discount(b, REWARD_BP[k]);
        if (discount < x->min || discount <= 0)
            continue;
        if (discount > x->max) {
            b->pricing.guards |= refusing_guard(x, discount);
            break;
        }
        if (chosen == 0 || REWARD_BP[k] == BP || (double)discount <= 1.5 * wanted)
            chosen = REWARD_BP[k];
    }
    return chosen;
}

static bool price_bxgy(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    struct bounds x;
    struct discount_range range = discount_range(r, b->objective);
    if (!bounds_of(m, r, b, &x))
        return false;
    double wanted = clamp_share(set_share(m, b, x.original), &range) * (double)x.original;
    uint32_t bp = choose_reward_bp(b, &x, wanted);
    if (bp == 0)
        return false;
    b->pricing.get_discount_bp = bp;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        struct part *p = &b->parts[i];
        p->discount_minor = p->role == ROLE_REWARD ? share_down(p->price_minor, bp) * (int64_t)p->quantity : 0;
    }
    set_totals(b, x.original, reward_discount(b, bp));
    return true;
}

// Lowest price of one piece that all guards allow; notes nothing.
struct unit_bounds {
    int64_t by_cost, by_cap, by_list;
};

static struct unit_bounds unit_bounds_of(const struct market *m, const struct offer_rules *r, const struct bundle *b,
                                         const struct part *p)
{
    struct discount_range range = discount_range(r, b->objective);
    return (struct unit_bounds){
        .by_cost = cost_floor_of_one(m, r, p->item),
        .by_cap = p->price_minor - share_down(p->price_minor, range.max_bp),
        .by_list = list_floor_of(p->price_minor, r),
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

static uint32_t capped_pct(struct bundle *b, const struct offer_rules *r, double share)
{
    struct discount_range range = discount_range(r, b->objective);
    double pct = pct_whole(share), min = ceil(range.min_bp / 100.0), max = floor(range.max_bp / 100.0);
    if (pct > max) {
        b->pricing.guards |= GUARD_DISCOUNT_CAP;
        pct = max;
    }
    return (uint32_t)(pct < min ? min : pct);
}

static uint32_t tier_pct(struct bundle *b, const struct offer_rules *r, double wanted, uint32_t tier)
{
    return capped_pct(b, r, wanted * (1 + 0.5 * tier));
}

// Each tier deeper than the one before, in percent and in money; tiers that the guards flatten fall away.
static bool price_volume(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    struct part *p = &b->parts[0];
    struct pricing *x = &b->pricing;
    struct unit_bounds u = unit_bounds_of(m, r, b, p);
    struct discount_range range = discount_range(r, b->objective);
    double wanted = clamp_share(wanted_discount(m, b, p->item), &range);
    uint32_t n = 0, last_pct = 0, min_pct = (range.min_bp + 99) / 100;
    int64_t last_price = p->price_minor, original;
    if (u.by_cost > p->price_minor)
        return false;
    for (uint32_t k = 0; k < x->n_tiers; k++) {
        uint32_t pct = guarded_pct(b, p, &u, tier_pct(b, r, wanted, k));
        int64_t unit = price_at(p->price_minor, pct);
        if (pct < min_pct || pct <= last_pct || unit >= last_price)
            continue;
        x->tiers[n++] = (struct tier){x->tiers[k].min_quantity, pct * 100, unit};
        last_pct = pct;
        last_price = unit;
    }
    x->n_tiers = n;
    if (n < 2)
        return false;
    p->quantity = x->tiers[0].min_quantity;
    if (!line_total(p, &original))
        return false;
    p->discount_minor = (p->price_minor - x->tiers[0].unit_price_minor) * (int64_t)p->quantity;
    set_totals(b, original, p->discount_minor);
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

static double pool_share(const struct market *m, const struct bundle *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < b->n_parts; i++)
        sum += wanted_discount(m, b, b->parts[i].item);
    return sum / b->n_parts;
}

static bool price_mix_match(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    uint32_t pct = capped_pct(b, r, pool_share(m, b));
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
    set_totals(b, original, discount);
    return discount > 0;
}

static double mean_wanted(const struct market *m, const struct bundle *b)
{
    double share = pool_share(m, b);
    bool is_set = b->type == TYPE_FBT || b->type == TYPE_FIXED;
    return is_set && b->pricing.method == PRICE_SHRUNK ? share * (1 + 0.1 * (b->n_parts - 2.0)) : share;
}

// Percentages alone. A gift's share of the whole is taken as if all products cost the same.
static bool price_unknown(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    struct pricing *x = &b->pricing;
    struct discount_range range = discount_range(r, b->objective);
    x->original_minor = x->bundle_minor = x->discount_minor = MONEY_UNKNOWN;
    double wanted = mean_wanted(m, b);
    x->discount_bp = capped_pct(b, r, wanted) * 100;
    if (b->type == TYPE_VOLUME) {
        uint32_t n = 0, last = 0;
        for (uint32_t k = 0; k < x->n_tiers; k++) {
            uint32_t bp = tier_pct(b, r, clamp_share(wanted, &range), k) * 100;
            if (bp > last)
                x->tiers[n++] = (struct tier){x->tiers[k].min_quantity, bp, MONEY_UNKNOWN};
            last = bp;
        }
        x->n_tiers = n;
        b->parts[0].quantity = x->tiers[0].min_quantity;
        return n >= 2;
    }
    if (b->type != TYPE_BXGY)
        return x->discount_bp > 0;
    uint32_t units = x->buy_quantity + x->get_quantity;
    for (size_t k = 0; k < ARRAY_LEN(REWARD_BP); k++) {
        uint32_t total = REWARD_BP[k] * x->get_quantity / units;
        if (total >= range.min_bp && total <= range.max_bp &&
            (x->get_discount_bp == 0 || total <= clamp_share(wanted, &range) * 1.5 * BP)) {
            x->get_discount_bp = REWARD_BP[k];
            x->discount_bp = total;
        }
    }
    return x->get_discount_bp > 0;
}

static void start_pricing(const struct market *m, struct bundle *b)
{
    struct pricing *x = &b->pricing;
    x->method = m->is_small ? PRICE_LINEAR : PRICE_SHRUNK;
    x->guards = x->buy_quantity = x->get_quantity = x->get_discount_bp = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        struct part *p = &b->parts[i];
        p->price_minor = m->data->has_prices ? m->data->items[p->item].price_minor : MONEY_UNKNOWN;
        p->discount_minor = 0;
        x->buy_quantity += p->role == ROLE_QUALIFIER ? p->quantity : 0;
        x->get_quantity += p->role == ROLE_REWARD ? p->quantity : 0;
    }
}

static bool has_all_prices(const struct bundle *b)
{
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].price_minor <= 0)
            return false;
    }
    return true;
}

bool pricing_set(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    CHECK(b->n_parts >= 1 && b->n_parts <= PARTS_MAX);
    start_pricing(m, b);
    if (!m->data->has_prices)
        return price_unknown(m, r, b);
    if (!has_all_prices(b))
        return false;
    switch (b->type) {
    case TYPE_VOLUME:
        return price_volume(m, r, b);
    case TYPE_MIX_MATCH:
        return price_mix_match(m, r, b);
    case TYPE_BXGY:
        return price_bxgy(m, r, b);
    case TYPE_FBT:
    case TYPE_FIXED:
        return price_set(m, r, b);
    case TYPE_COUNT:
        break;
    }
    return false;
}
