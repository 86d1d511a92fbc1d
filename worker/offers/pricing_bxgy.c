// BXGY: only the reward is cheaper, in steps that read well; the guards hold for the whole, which pays for it.
#include "common/check.h"
#include "worker/offers/pricing_internal.h"

const uint32_t REWARD_BP[] = {1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 7500, BP};
const uint32_t N_REWARD_BP = ARRAY_LEN(REWARD_BP);

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

// The deepest step near the wanted depth, a free one from farther; else the shallowest that the guards allow.
static uint32_t choose_reward_bp(struct bundle *b, const struct bounds *x, double wanted)
{
    uint32_t chosen = 0;
    for (size_t k = 0; k < N_REWARD_BP; k++) {
        int64_t discount = reward_discount(b, REWARD_BP[k]);
        if (discount < x->min || discount <= 0)
            continue;
        double most = wanted * (REWARD_BP[k] == BP ? FREE_STRETCH : REWARD_STRETCH);
        if (chosen > 0 && (double)discount > most)
            continue;
        if (discount > x->max) {
            b->pricing.guards |= refusing_guard(x, discount);
            break;
        }
        chosen = REWARD_BP[k];
    }
    return chosen;
}

bool pricing_bxgy(const struct market *m, const struct offer_rules *r, struct bundle *b)
{
    struct bounds x;
    struct discount_range range = discount_range(r, b->objective);
    if (!pricing_bounds(m, r, b, &x))
        return false;
    double wanted = pricing_clamp(pricing_wanted_of_set(m, b), &range) * (double)x.original;
    uint32_t bp = choose_reward_bp(b, &x, wanted);
    if (bp == 0)
        return false;
    b->pricing.get_discount_bp = bp;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        struct part *p = &b->parts[i];
        p->discount_minor = p->role == ROLE_REWARD ? share_down(p->price_minor, bp) * (int64_t)p->quantity : 0;
    }
    pricing_set_totals(b, x.original, reward_discount(b, bp));
    return true;
}
