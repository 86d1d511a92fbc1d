// How well a ranked list of pairs foretells held-out orders (those with two or more known items), at its first K.
//
//     hit          share of the orders that contain at least one of the pairs completely
//     support      of a pair: share of the orders that contain it; lift: c(ab) N / (c(a) c(b)), 0 where either item
//                  was not sold. Both counted in the held-out orders; divide lift by heldout_kappa() for the one that
//                  is corrected for basket size.
//     confirmed    share of the pairs with 3 or more joint orders and lift >= 1.2
//     seen again   share of the pairs with 2 or more joint orders and lift > 1
#ifndef BUNDLE_WORKER_EVALUATE_PAIR_SCORE_H
#define BUNDLE_WORKER_EVALUATE_PAIR_SCORE_H

#include "worker/evaluate/baselines.h"
#include "worker/evaluate/heldout.h"

enum { CUTS_MAX = 16 };

struct cuts { // the Ks, none smaller than the one before
    uint32_t at[CUTS_MAX];
    uint32_t n;
};

struct pair_score {
    uint32_t pairs; // min(K, length of the list)
    uint32_t items; // distinct ones in them
    uint32_t orders_hit;
    double hit, support_mean, lift_mean, lift_median, confirmed, seen_again;
};

// out[i] is for the first cuts->at[i] pairs.
void pair_score(const struct heldout *h, const struct ranked_pairs *list, const struct cuts *cuts,
                struct pair_score *out);

double heldout_kappa(const struct heldout *h); // N * sum n(n-1) / (sum n)^2, see evidence.h

#endif
