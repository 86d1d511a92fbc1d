// Discount: how deep a product is offered, before guards.
//
//     history = Z own + (1 - Z) (Zt type + (1 - Zt) shop),   Z = n / (n + w / b),   Zt = a / (a + Vt)
//
// n are the product's sales and `own` its mean discount over them, w the variance of its sales' discounts about that
// mean, b that of products about their type's, a that of types about the shop's; `type` and `shop` are means weighted
// by inverse variance, 1 / Vt being the sum of 1 / (b + w / n) over the type's products. It is the hierarchical
// credibility estimator of Jewell (1975) on the model of Buehlmann & Straub (1970), see Buehlmann & Gisler, A Course in
// Credibility Theory (2005), ch. 4 and 6. The shop itself tells w, b and a: the analysis of variance of a nested
// classification (Searle, Casella & McCulloch, Variance Components (1992), ch. 5), negative estimates being 0; with one
// level it is the moment estimator of DerSimonian & Laird (1986).
//
// w / b, the sales that a product's prior weighs, is kept within 5..15. So a product with 20 sales is mostly its own
// history (Z >= .57), one with fewer than 5 mostly its priors (Z <= .44), and those between blend (SPEC 9), also in
// shops too small or too uniform to tell b.
//
// The objective's typical depth is the last prior: what is offered lies half way between it and what buyers of this
// product are used to; where the shop tells of no discount at all, at the typical depth itself.
#ifndef BUNDLE_WORKER_OFFERS_DISCOUNT_H
#define BUNDLE_WORKER_OFFERS_DISCOUNT_H

#include "worker/offers/offers.h"

#define OWN_PRIOR_SALES_MIN 5.0
#define OWN_PRIOR_SALES_MAX 15.0

struct discount_variances {
    double within, products, types; // w, b, a
};
// Fills the discounts of m from its data. Shops without any sale with a price have 0 everywhere.
struct discount_variances discount_learn(struct market *m, struct arena *memory);

double discount_history(const struct market *m, uint32_t item);                  // 0..1, as above
double discount_shrunk(const struct market *m, enum objective o, uint32_t item); // share of the price that is offered
double discount_linear(enum objective o, uint32_t units); // small uploads: by how many pieces, nothing else is known

// The objective's range in basis points, the rules' maximum applied; the least is 3 %: less is no offer.
struct discount_range {
    uint32_t min_bp, max_bp;
};
struct discount_range discount_range(const struct offer_rules *r, enum objective o);

#endif
