// Discount: how deep a product is offered, before guards.
//
//     history = Z own + (1 - Z) (Zt type + (1 - Zt) shop),   Z = n / (n + 5), Zt = N / (N + 20)
//
// n are the product's sales, N those of its type: the credibility estimator of Buehlmann (ASTIN Bulletin 4, 1967), i.e.
// linear shrinkage. 20 sales give Z = .80 (mostly its own), 5-19 blend, fewer than 5 mostly the priors (SPEC 9).
// The objective's typical depth is the last prior: what is offered lies half way between it and what buyers of this
// product are used to; where the shop never gave a discount, at the typical depth itself.
#ifndef BUNDLE_WORKER_OFFERS_DISCOUNT_H
#define BUNDLE_WORKER_OFFERS_DISCOUNT_H

#include "worker/offers/offers.h"

double discount_history(const struct market *m, uint32_t item);                                  // 0..1, as above
double discount_shrunk(const struct market *m, enum objective o, uint32_t item, bool is_anchor); // share of the price
double discount_linear(enum objective o, uint32_t units); // small uploads: by how many pieces, nothing else is known

// The objective's range in basis points, the rules' maximum applied; the least is 1 %: an offer without one is none.
struct discount_range {
    uint32_t min_bp, max_bp;
};
struct discount_range discount_range(const struct offer_rules *r, enum objective o);

#endif
