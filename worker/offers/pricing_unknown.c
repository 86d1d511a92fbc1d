// Without prices percentages alone; a gift's share of the whole is taken as if all products cost the same.
#include "worker/offers/pricing_internal.h"

static bool set_tiers(const struct offer_rules *r, struct bundle *b, double wanted)
{
    struct pricing *x = &b->pricing;
    struct discount_range range = discount_range(r, b->objective);
    uint32_t pct[TIERS_MAX], n = 0;
    wanted = pricing_clamp(wanted, &range);
    uint32_t deepest = pricing_pct(b, r, wanted * pricing_tier_reach(x->n_tiers));
    pricing_tier_depths(wanted, (range.min_bp + 99) / 100, deepest, x->n_tiers, pct);
    for (uint32_t k = 0; k < x->n_tiers; k++) {
        if (n == 0 || pct[k] * 100 > x->tiers[n - 1].discount_bp)
            x->tiers[n++] = (struct tier){x->tiers[k].min_quantity, pct[k] * 100, MONEY_UNKNOWN};
    }
    x->n_tiers = n;
    x->discount_bp = x->tiers[0].discount_bp;
    b->parts[0].quantity = x->tiers[0].min_quantity;
    return n >= 2;
}

static bool set_reward(const struct offer_rules *r, struct bundle *b, double wanted)
{
    struct pricing *x = &b->pricing;
    struct discount_range range = discount_range(r, b->objective);
    double most = pricing_clamp(wanted, &range) * REWARD_STRETCH * BP;
    for (size_t k = 0; k < N_REWARD_BP; k++) {
        uint32_t total = REWARD_BP[k] * x->get_quantity / (x->buy_quantity + x->get_quantity);
        if (total < range.min_bp || total > range.max_bp || (x->get_discount_bp > 0 && total > most))
            continue;
        x->get_discount_bp = REWARD_BP[k];
        x->discount_bp = total;
    }
    return x->get_discount_bp > 0;
}

bool pricing_unknown(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    struct pricing *x = &b->pricing;
    x->original_minor = x->bundle_minor = x->discount_minor = MONEY_UNKNOWN;
    if (b->type == TYPE_VOLUME)
        return set_tiers(r, b, pricing_wanted(m, b, b->parts[0].item));
    if (b->type == TYPE_BXGY)
        return set_reward(r, b, pricing_wanted_of_pool(m, b));
    double wanted = b->type == TYPE_MIX_MATCH ? pricing_wanted_of_pool(m, b) : pricing_wanted_of_set(m, b);
    x->discount_bp = pricing_pct(b, r, wanted) * 100;
    return x->discount_bp > 0;
}
