// What the rules of the bundle types share. Every amount is an exact integer of minor units, every floor and cap an
// exact share of it in basis points; doubles only say how deep a discount is wanted.
#ifndef BUNDLE_WORKER_OFFERS_PRICING_INTERNAL_H
#define BUNDLE_WORKER_OFFERS_PRICING_INTERNAL_H

#include "worker/offers/discount.h"
#include "worker/offers/pricing.h"

enum { BP = 10000 };

static inline int64_t share_down(int64_t amount, uint32_t bp)
{
    return (int64_t)((__int128)amount * bp / BP);
}

static inline int64_t share_up(int64_t amount, uint32_t bp)
{
    return (int64_t)(((__int128)amount * bp + BP - 1) / BP);
}

int64_t pricing_cost_floor(const struct market *m, const struct offer_rules *r, uint32_t item); // of one piece; 0: none
int64_t pricing_list_floor(const struct offer_rules *r, int64_t original);
bool pricing_line(const struct part *p, int64_t *out); // price * quantity; false: overflow
void pricing_set_totals(struct bundle *b, int64_t original_minor, int64_t discount_minor);

double pricing_wanted(const struct market *m, const struct bundle *b, uint32_t item); // share of the price
double pricing_wanted_of_set(const struct market *m, const struct bundle *b);         // by value; without prices plain
double pricing_wanted_of_pool(const struct market *m, const struct bundle *b);        // plain mean of the parts
double pricing_clamp(double share, const struct discount_range *range);
// Whole percents, the way offers are written, within the objective's range; notes where its cap bit.
uint32_t pricing_pct(struct bundle *b, const struct offer_rules *r, double share);

// What a bundle may cost at all: the first three guards in SPEC 9's order, as the largest discount that each allows.
struct bounds {
    int64_t original;
    int64_t by_cost, by_cap, by_list;
    int64_t max, min;
};
bool pricing_bounds(const struct market *m, const struct offer_rules *r, const struct bundle *b,
                    struct bounds *out); // false: no discount satisfies them

// The types, with prices. The caller has filled prices, quantities and the method.
bool pricing_fbt_or_fixed(const struct market *m, const struct offer_rules *r, struct bundle *b);
bool pricing_bxgy(const struct market *m, const struct offer_rules *r, struct bundle *b);
bool pricing_volume(const struct market *m, const struct offer_rules *r, struct bundle *b);
bool pricing_mix_match(const struct market *m, const struct offer_rules *r, struct bundle *b);
bool pricing_unknown(const struct market *m, const struct offer_rules *r, struct bundle *b); // any type, no prices

// The depth that is wanted for the last of n tiers, in wanted ones of the first.
double pricing_tier_reach(uint32_t n);
// Whole percents into pct[n], evenly up to `deepest`: the first tier is what is wanted or, where that leaves the others
// no room, less.
void pricing_tier_depths(double wanted, uint32_t min_pct, uint32_t deepest, uint32_t n, uint32_t *pct);
// Rising steps of what a reward is reduced by, in basis points.
extern const uint32_t REWARD_BP[];
extern const uint32_t N_REWARD_BP;
#define REWARD_STRETCH 1.5 // times the wanted depth: a reward is to be noticed
#define FREE_STRETCH 2.0   // "free" is worth more than any percentage

#endif
