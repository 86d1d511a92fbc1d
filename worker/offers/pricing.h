// Pricing (SPEC 9): a discount shrunk towards category and shop (discount.h), the objective's cap, the type's rule,
// then the guards in order. Lines reconcile to the totals to the minor unit, always.
//
// GUARDS    1. cost     cost known: price >= cost * (1 + margin_floor); FBT and FIXED each line, VOLUME_DISCOUNT and
//                       MIX_MATCH each piece, BXGY the whole, which pays for its reward
//           2. cap      discount <= the objective's maximum and the merchant's, of the same
//           3. list     price >= list_floor * list price, of the same
//           4. endings  a nice price only where 1-3 and the objective's minimum allow it; FBT and FIXED
#ifndef BUNDLE_WORKER_OFFERS_PRICING_H
#define BUNDLE_WORKER_OFFERS_PRICING_H

#include "worker/offers/offers.h"

// Prices b by its type, objective and parts (item, quantity, role set by the caller; for VOLUME the tiers'
// min_quantity, for BXGY the roles, for MIX_MATCH pick_n). false: no price satisfies the guards, the bundle is not
// sellable.
bool pricing_set(const struct market *m, const struct offer_rules *r, struct bundle *b) MUST_USE;

// The invariants of struct pricing and the guards. The property tests run it over random shops; merge runs it on all.
bool pricing_check(const struct market *m, const struct offer_rules *r, const struct bundle *b, struct err *e) MUST_USE;

#endif
