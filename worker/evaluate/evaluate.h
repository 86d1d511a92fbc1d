// Evaluate: a back-test. What the engine found in the training orders against what customers bought in the held-out
// ones, beside simple rankings of the same training orders and of the held-out orders themselves (the oracle).
//
// PROTOCOL   Pairs, neighbours and the list of bundles are scored on the held-out orders with two or more items that
//            multi-item training orders sold, and on those items only; bundle types on all held-out orders.
// THREADS    Pure.
#ifndef BUNDLE_WORKER_EVALUATE_EVALUATE_H
#define BUNDLE_WORKER_EVALUATE_EVALUATE_H

#include "worker/evaluate/bundle_score.h"
#include "worker/evaluate/near_score.h"
#include "worker/offers/offers.h"

struct evaluation {
    struct cuts cuts;
    uint32_t train_orders;             // multi-item
    uint32_t test_orders;              // that are scored
    uint32_t items;                    // known
    double items_per_order, kappa;     // of the scored orders
    struct pair_score pairs[CUTS_MAX]; // the engine's
    struct pair_score pairs_by[PAIR_RANKING_COUNT][CUTS_MAX];
    struct pair_score oracle[CUTS_MAX]; // pairs by their joint orders in the test itself
    struct near_score near;
    struct near_score near_by[NEAR_RANKING_COUNT];
    struct list_score list[CUTS_MAX];
    struct pair_score pairs_of_list[CUTS_MAX]; // the engine's, as many as list[] has bundles
    struct pair_score pairs_of_sets[CUTS_MAX]; // ... has sets
    struct type_score types[TYPE_COUNT];
};

struct evaluate_input {
    const struct market *market; // of the training orders
    const struct bundle_list *bundles;
    const struct dataset *test; // held-out orders are in this dataset,
    const bool *is_excluded;    // by order: except these; NULL: all
    uint32_t basket_max;        // of mining_rules
    struct cuts cuts;
};

void evaluate(const struct evaluate_input *in, struct evaluation *out);

#endif
