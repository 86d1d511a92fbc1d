// How well a job's final bundles foretell held-out orders.
//
// AS A LIST     the first K bundles of two or more products, best first: the share of the orders with two or more known
//               items that contain
//                   two products    any two different products of one of them;
//                   a pair          the same of the first K that are no pools (MIX_MATCH), whose many pairs are
//                                   easily hit;
//                   all             what the offer asks for: all products, N of a pool.
// BY TYPE       over all held-out orders with a known item, how many of those with the `base` took the offer:
//
//                 type             base: orders with          taken: of these, orders with
//                 FBT              its anchor (first product)  all its products
//                 VOLUME_DISCOUNT  its product                 at least the first tier's quantity of it
//                 MIX_MATCH        any of the pool             N different ones of it
//                 BXGY             all it asks to buy (X)      the rewards too: P(Y|X)
//                 FIXED            any of the kit              all of it
//
//               summed over the type's bundles; the same counts in the training orders stand beside them, and are
//               higher: the bundles were chosen there.
#ifndef BUNDLE_WORKER_EVALUATE_BUNDLE_SCORE_H
#define BUNDLE_WORKER_EVALUATE_BUNDLE_SCORE_H

#include "worker/evaluate/pair_score.h"
#include "worker/offers/bundle.h"

enum list_hit { HIT_TWO, HIT_PAIR, HIT_ALL, LIST_HITS }; // as above

struct list_score {
    uint32_t bundles; // min(K, how many have two or more products)
    uint32_t sets;    // ... and are no pools
    double hit[LIST_HITS];
};

// out[i] is for the first cuts->at[i] bundles.
void list_score(const struct heldout *h, const struct bundle_list *list, const struct cuts *cuts,
                struct list_score *out);

struct offer_count {
    uint64_t base, taken; // orders
};

struct type_score {
    uint32_t bundles;
    uint32_t taken_again; // of these, by one held-out order or more
    struct offer_count train, heldout;
    uint32_t two_together, three_together; // bundles of which some held-out order has two, three different products
};

void type_scores(const struct postings *train, const struct postings *heldout, const struct bundle_list *list,
                 struct type_score out[TYPE_COUNT]);

#endif
