// Coverage: which orders the bundles of a list reach, so that each next bundle is worth the orders that none before it
// reaches (greedy maximum coverage is within 1 - 1/e of the best list: Nemhauser, Wolsey & Fisher, Mathematical
// Programming 14, 1978).
//
// REACH     A bundle of several products reaches the orders with two or more of them; tiers reach the orders with the
//           quantity of tier 1. The two are counted apart: who takes six of a thing may also take it with another.
// WEIGHT    An order counts 2^-(age / 60 days) (linear between two halvings), as much as any where there are no dates.
//           Only the newest COVERAGE_ORDERS_MAX orders are looked at.
// THREADS   Belongs to one caller.
#ifndef BUNDLE_WORKER_OFFERS_COVERAGE_H
#define BUNDLE_WORKER_OFFERS_COVERAGE_H

#include "worker/offers/offers.h"

enum { COVERAGE_ORDERS_MAX = 1 << 17 };

struct coverage {
    const struct market *market;
    uint32_t order_first; // the oldest order that is looked at
    uint32_t *weight;     // per order from there on
    uint8_t *reached;     // ... a bit for each kind of reach
    uint32_t *first;      // per bundle, and one more
    uint32_t *orders;     // that it reaches, from order_first on
    const struct bundle_list *list;
};

void coverage_init(struct coverage *c, const struct market *m, const struct bundle_list *list, struct arena *memory);
uint64_t coverage_gain(const struct coverage *c, uint32_t bundle); // weight of the orders that it would newly reach
void coverage_take(struct coverage *c, uint32_t bundle);

#endif
