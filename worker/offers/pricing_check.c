// The invariants of prices, written apart from the code that makes them.
#include "worker/offers/discount.h"
#include "worker/offers/pricing.h"

#include <inttypes.h>
#include <math.h>

static bool broken(struct err *e, const struct bundle *b, const char *what)
{
    return err_set(e, ERR_INTERNAL, "%s bundle for %s: %s", bundle_type_name(b->type),
                   objective_row(b->objective)->name, what);
}

static bool is_structure_right(const struct bundle *b)
{
    const struct pricing *x = &b->pricing;
    uint32_t buy = 0, get = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        buy += b->parts[i].role == ROLE_QUALIFIER ? b->parts[i].quantity : 0;
        get += b->parts[i].role == ROLE_REWARD ? b->parts[i].quantity : 0;
    }
    switch (b->type) {
    case TYPE_FBT:
        return b->n_parts >= 2 && b->n_parts <= 4;
    case TYPE_VOLUME:
        return b->n_parts == 1 && x->n_tiers >= 2 && x->n_tiers <= TIERS_MAX;
    case TYPE_MIX_MATCH:
        return b->n_parts >= 3 && x->pick_n >= 2 && x->pick_n <= 3 && x->pick_n < b->n_parts;
    case TYPE_BXGY:
        return buy >= 1 && get >= 1 && x->buy_quantity == buy && x->get_quantity == get && x->get_discount_bp > 0 &&
               x->get_discount_bp <= 10000;
    case TYPE_FIXED:
        return b->n_parts >= 3 && b->n_parts <= 5;
    case TYPE_COUNT:
        break;
    }
    return false;
}

static bool are_tiers_rising(const struct bundle *b, bool has_prices)
{
    for (uint32_t k = 0; k < b->pricing.n_tiers; k++) {
        const struct tier *t = &b->pricing.tiers[k];
        if (t->min_quantity < 2 || t->discount_bp == 0 || t->discount_bp > 10000)
            return false;
        if (has_prices && t->unit_price_minor < 0)
            return false;
        if (k > 0 && (t->min_quantity <= t[-1].min_quantity || t->discount_bp <= t[-1].discount_bp ||
                      (has_prices && t->unit_price_minor >= t[-1].unit_price_minor)))
            return false;
    }
    return b->type != TYPE_VOLUME || b->parts[0].quantity == b->pricing.tiers[0].min_quantity;
}

static bool is_in_totals(const struct bundle *b, uint32_t at)
{
    if (b->type != TYPE_MIX_MATCH)
        return true;
    uint32_t before = 0; // parts that are taken before this one
    for (uint32_t i = 0; i < b->n_parts; i++)
        before += b->parts[i].price_minor < b->parts[at].price_minor ||
                  (b->parts[i].price_minor == b->parts[at].price_minor && i < at);
    return before < b->pricing.pick_n;
}

static bool do_lines_reconcile(const struct bundle *b)
{
    int64_t original = 0, discount = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        if (p->discount_minor < 0 || p->discount_minor > p->price_minor * (int64_t)p->quantity)
            return false;
        if (!is_in_totals(b, i))
            continue;
        original += p->price_minor * (int64_t)p->quantity;
        discount += p->discount_minor;
    }
    const struct pricing *x = &b->pricing;
    return x->original_minor == original && x->discount_minor == discount && x->bundle_minor == original - discount;
}

static uint32_t whole_bp(double share)
{
    return (uint32_t)floor(share * 10000 + 0.5);
}

static __int128 cost_and_margin(const struct market *m, const struct offer_rules *r, uint32_t item)
{
    int64_t cost = m->data->items[item].cost_minor;
    return cost == MONEY_UNKNOWN || cost <= 0 ? 0 : (__int128)cost * (10000 + whole_bp(r->margin_floor));
}

// price >= cost * (1 + margin), of `quantity` pieces; exact, the margin being whole basis points.
static bool covers_cost(const struct market *m, const struct offer_rules *r, uint32_t item, int64_t quantity,
                        int64_t price)
{
    return (__int128)price * 10000 >= cost_and_margin(m, r, item) * quantity;
}

// Line by line and tier by tier; a gift is paid for by what is bought with it, so there the whole counts.
static bool is_above_cost(const struct market *m, const struct offer_rules *r, const struct bundle *b)
{
    const struct pricing *x = &b->pricing;
    __int128 floors = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        int64_t line = p->price_minor * (int64_t)p->quantity - p->discount_minor;
        floors += cost_and_margin(m, r, p->item) * p->quantity;
        if (b->type != TYPE_BXGY && !covers_cost(m, r, p->item, p->quantity, line))
            return false;
    }
    for (uint32_t k = 0; k < x->n_tiers; k++) {
        if (!covers_cost(m, r, b->parts[0].item, 1, x->tiers[k].unit_price_minor))
            return false;
    }
    return b->type != TYPE_BXGY || (__int128)x->bundle_minor * 10000 >= floors;
}

static bool is_share_within(int64_t part, int64_t whole, uint32_t most_bp)
{
    return (__int128)part * 10000 <= (__int128)whole * most_bp;
}

// The discount of what is sold together; of a pool each piece, so that any choice is within it.
static bool is_discount_within(const struct bundle *b, uint32_t most_bp)
{
    const struct pricing *x = &b->pricing;
    for (uint32_t i = 0; i < b->n_parts && b->type == TYPE_MIX_MATCH; i++) {
        if (!is_share_within(b->parts[i].discount_minor, b->parts[i].price_minor, most_bp))
            return false;
    }
    for (uint32_t k = 0; k < x->n_tiers; k++) {
        int64_t price = b->parts[0].price_minor;
        if (!is_share_within(price - x->tiers[k].unit_price_minor, price, most_bp))
            return false;
    }
    return is_share_within(x->discount_minor, x->original_minor, most_bp);
}

static bool are_percentages_within(const struct bundle *b, uint32_t most_bp)
{
    for (uint32_t k = 0; k < b->pricing.n_tiers; k++) {
        if (b->pricing.tiers[k].discount_bp > most_bp)
            return false;
    }
    return b->pricing.original_minor != MONEY_UNKNOWN || b->pricing.discount_bp <= most_bp;
}

bool pricing_check(const struct market *m, const struct offer_rules *r, const struct bundle *b, struct err *e)
{
    const struct pricing *x = &b->pricing;
    bool has_prices = m->data->has_prices;
    if (!is_structure_right(b))
        return broken(e, b, "its structure is not that of its type");
    if (!are_tiers_rising(b, has_prices))
        return broken(e, b, "tiers do not rise");
    uint32_t cap_bp = discount_range(r, b->objective).max_bp;
    if (!are_percentages_within(b, cap_bp))
        return broken(e, b, "discount over the cap");
    if (!has_prices)
        return x->discount_bp > 0 || broken(e, b, "no discount");
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].price_minor <= 0 || b->parts[i].price_minor > INT64_MAX / 16 / (b->parts[i].quantity + 1))
            return broken(e, b, "a price is out of range");
    }
    if (!do_lines_reconcile(b))
        return broken(e, b, "lines do not add up to the totals");
    if (x->discount_minor <= 0)
        return broken(e, b, "no discount");
    if (!is_discount_within(b, cap_bp))
        return broken(e, b, "discount over the cap");
    if (!is_above_cost(m, r, b))
        return broken(e, b, "below cost and margin");
    if (!is_discount_within(b, 10000 - whole_bp(r->list_floor)))
        return broken(e, b, "below the floor of the list total");
    return true;
}
