// Pricing (SPEC 9): a discount shrunk towards category and shop, the objective's cap, the type's rule, then the guards
// in order. Formula and source of the shrinkage: pricing.c. Lines reconcile to the totals to the minor unit, always.
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
