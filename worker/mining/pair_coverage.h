// Coverage: which pairs to show first, so that together they are met in as many future orders as possible. Greedy
// choice: each next pair is the one worth most to the orders that no pair before it covers. (Maximum coverage is
// submodular, so greedy reaches 1 - 1/e of the best: Nemhauser, Wolsey, Fisher 1978; computed lazily: Minoux 1978.)
//
// A past order stands for future ones like it, not for itself: where a chosen pair was in it, two in three of them are
// taken to be covered and the rest is left to other pairs. Measured on held-out orders, that beats full coverage.
//
// BOUNDS  Greedy among the first COVERAGE_CANDIDATES_MAX pairs, on at most COVERAGE_ORDERS_MAX orders and
//         COVERAGE_LINES_MAX lines (more: every k-th order, counted from the newest).
// THREADS Pure.
#ifndef BUNDLE_WORKER_MINING_PAIR_COVERAGE_H
#define BUNDLE_WORKER_MINING_PAIR_COVERAGE_H

#include "worker/mining/order_weights.h"

enum {
    COVERAGE_CANDIDATES_MAX = 4096,
    COVERAGE_CHOSEN_MAX = 1000,
    COVERAGE_ORDERS_MAX = 32768,
    COVERAGE_LINES_MAX = 1 << 20
};

// Puts the chosen pairs first, in the order of choice, and notes each one's gain: the share of all orders' coverage
// weight that it was worth then, times its factor. Pairs that were not chosen keep their order; their gain is 0.
void pair_coverage_rank(struct item_pair *pairs, const double *factors, uint32_t n, const struct dataset *d,
                        const struct order_weights *weights);

#endif
