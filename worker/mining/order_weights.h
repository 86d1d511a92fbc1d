// What an order counts for: the more, the newer and the smaller it is. Tastes and ranges change, so what sold together
// last week says more about next week than what did a year ago; and in a large basket everything meets everything.
//
//     age       r = 1 / (1 + age / fade_days), age before as_of; 1 without dates or fade_days
//     relevance r / (n - 1)^(1/2)  n: distinct items of the order; for ranking one item's partners
//     coverage  r^(3/2)            for choosing pairs: which orders will be met again?
//     trend     of an item: the root of its share of the orders of these days (half-life 5 days) to its share of all
//               orders' coverage weights, shrunk as by 50 orders. Pairs go together for long, items come and go: the
//               trends of both correct what older orders promise.
//
// Measured on held-out orders against half-lives and windows; a power of the age
// keeps both this month and this season in sight, which no single half-life did.
// INVARIANTS  An order that is not counted (one item, or more than basket_max) weighs 0, others more.
// THREADS     Immutable once built.
#ifndef BUNDLE_WORKER_MINING_ORDER_WEIGHTS_H
#define BUNDLE_WORKER_MINING_ORDER_WEIGHTS_H

#include "worker/mining/evidence.h"

enum { ORDER_WEIGHTS_SUM_BITS = 38 };

struct order_weights {
    uint32_t *relevance; // fixed point: those of all orders add up to less than 2^ORDER_WEIGHTS_SUM_BITS
    uint32_t *coverage;  // fixed point: at most 2^20
    double *trend;       // by item
};

void order_weights_build(struct order_weights *out, const struct dataset *d, const struct mining_rules *rules,
                         struct arena *memory);

#endif
