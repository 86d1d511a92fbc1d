// Coverage: which orders the bundles of a list reach, so that each next bundle is worth the orders that those before it
// leave (greedy maximum coverage: mining/pair_coverage.h, which also says why a bundle takes only two thirds of an
// order).
//
// REACH     A bundle of several products reaches the orders with two or more of them; tiers reach the orders with the
//           quantity of tier 1. The two are counted apart: who takes six of a thing may also take it with another.
// WEIGHT    An order counts 1 / (1 + age / 30 days)^(3/2), as in mining/order_weights.h, all alike where there are no
//           dates. Only the newest orders are looked at, BUNDLE_COVERAGE_ORDERS_MAX of them.
// THREADS   Belongs to one caller.
#ifndef BUNDLE_WORKER_OFFERS_COVERAGE_H
#define BUNDLE_WORKER_OFFERS_COVERAGE_H

#include "worker/offers/offers.h"

enum { BUNDLE_COVERAGE_ORDERS_MAX = 1 << 17 };
enum reach { REACH_TOGETHER, REACH_QUANTITY, REACH_COUNT };

struct coverage {
    const struct market *market;
    uint32_t order_first;        // the oldest order that is looked at
    uint32_t *left[REACH_COUNT]; // per order from there on: of its weight, fixed point
    uint32_t *first;             // per bundle, and one more
    uint32_t *orders;            // that it reaches, from order_first on
    const struct bundle_list *list;
};

void coverage_init(struct coverage *c, const struct market *m, const struct bundle_list *list, struct arena *memory);
uint64_t coverage_gain(const struct coverage *c, uint32_t bundle); // weight left of the orders that it reaches
void coverage_take(struct coverage *c, uint32_t bundle);

#endif
