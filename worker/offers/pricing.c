#include "worker/offers/pricing_internal.h"

#include <math.h>

#include "common/check.h"
#include "worker/offers/objectives.h"

#define SET_STEP 0.1 // larger sets earn a little more: of the discount, for each product after the second

int64_t pricing_cost_floor(const struct market *m, const struct offer_rules *r, uint32_t item)
{
    int64_t cost = m->data->items[item].cost_minor;
    if (cost == MONEY_UNKNOWN || cost <= 0)
        return 0;
    return share_up(cost, (uint32_t)(BP * (1 + r->margin_floor) + 0.5));
}

int64_t pricing_list_floor(const struct offer_rules *r, int64_t original)
{
    return share_up(original, (uint32_t)(r->list_floor * BP + 0.5));
}

bool pricing_line(const struct part *p, int64_t *out)
{
    return !__builtin_mul_overflow(p->price_minor, (int64_t)p->quantity, out);
}

void pricing_set_totals(struct bundle *b, int64_t original_minor, int64_t discount_minor)
{
    struct pricing *x = &b->pricing;
    x->original_minor = original_minor;
    x->discount_minor = discount_minor;
    x->bundle_minor = original_minor - discount_minor;
    x->discount_bp =
        original_minor > 0 ? (uint32_t)(((__int128)discount_minor * BP + original_minor / 2) / original_minor) : 0;
}

// --- how deep

// Beside others the anchor carries more of the discount, or less; tiers and pools have no others.
static double share_of_part(const struct market *m, const struct bundle *b, uint32_t item)
{
    const struct objective_shape *shape = objective_shape(b->objective);
    if (b->type == TYPE_VOLUME || b->type == TYPE_MIX_MATCH)
        return 1;
    return objective_anchor(m, b->objective, item) > 0 ? shape->anchor_depth : shape->other_depth;
}

double pricing_wanted(const struct market *m, const struct bundle *b, uint32_t item)
{
    uint32_t units = 0;
    if (b->pricing.method == PRICE_SHRUNK)
        return discount_shrunk(m, b->objective, item) * share_of_part(m, b, item);
    for (uint32_t i = 0; i < b->n_parts; i++)
        units += b->parts[i].quantity;
    return discount_linear(b->objective, b->type == TYPE_MIX_MATCH ? b->pricing.pick_n : units);
}

double pricing_wanted_of_set(const struct market *m, const struct bundle *b)
{
    double wanted = 0, weights = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        double weight = p->price_minor == MONEY_UNKNOWN ? 1 : (double)p->price_minor * p->quantity;
        wanted += weight * pricing_wanted(m, b, p->item);
        weights += weight;
    }
    double size = b->pricing.method == PRICE_SHRUNK ? 1 + SET_STEP * (b->n_parts - 2.0) : 1;
    return wanted / weights * size;
}

double pricing_wanted_of_pool(const struct market *m, const struct bundle *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < b->n_parts; i++)
        sum += pricing_wanted(m, b, b->parts[i].item);
    return sum / b->n_parts;
}

double pricing_clamp(double share, const struct discount_range *range)
{
    double min = range->min_bp / (double)BP, max = range->max_bp / (double)BP;
    return share < min ? min : share > max ? max : share;
}

uint32_t pricing_pct(struct bundle *b, const struct offer_rules *r, double share)
{
    struct discount_range range = discount_range(r, b->objective);
    double pct = floor(share * 100 + 0.5), min = ceil(range.min_bp / 100.0), max = floor(range.max_bp / 100.0);
    if (pct > max) {
        b->pricing.guards |= GUARD_DISCOUNT_CAP;
        pct = max;
    }
    return (uint32_t)(pct < min ? min : pct);
}

// --- the guards of a whole

bool pricing_bounds(const struct market *m, const struct offer_rules *r, const struct bundle *b, struct bounds *out)
{
    struct bounds x = {0};
    int64_t cost_floors = 0, list_floors = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        int64_t line, floor_of_one = pricing_cost_floor(m, r, p->item);
        if (floor_of_one > p->price_minor || !pricing_line(p, &line) ||
            __builtin_add_overflow(x.original, line, &x.original))
            return false;
        cost_floors += floor_of_one * (int64_t)p->quantity;
        list_floors += pricing_list_floor(r, line);
    }
    struct discount_range range = discount_range(r, b->objective);
    x.by_cost = x.original - cost_floors;
    x.by_cap = share_down(x.original, range.max_bp);
    x.by_list = x.original - list_floors;
    x.max = x.by_cost < x.by_cap ? x.by_cost : x.by_cap;
    x.max = x.by_list < x.max ? x.by_list : x.max;
    x.min = share_up(x.original, range.min_bp);
    *out = x;
    return x.max >= 1 && x.max >= x.min;
}

// --- any bundle

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
        return pricing_unknown(m, r, b);
    if (!has_all_prices(b))
        return false;
    switch (b->type) {
    case TYPE_VOLUME:
        return pricing_volume(m, r, b);
    case TYPE_MIX_MATCH:
        return pricing_mix_match(m, r, b);
    case TYPE_BXGY:
        return pricing_bxgy(m, r, b);
    case TYPE_FBT:
    case TYPE_FIXED:
        return pricing_fbt_or_fixed(m, r, b);
    case TYPE_COUNT:
        break;
    }
    return false;
}
