// Item to item: every item of a held-out order asks for its neighbours; the order's other items are the right answers.
// Means over the queries of an order, then over the orders, so that a large one does not speak for a hundred small
// ones:
//
//     recall     right ones among the first 10 / right answers
//     hit        1 where at least one is among the first 10
//     NDCG       sum over the right ones of 1 / log2(1 + rank), over what the best order of them would have
//                (Jarvelin & Kekalainen, ACM TOIS 20(4), 2002; gains of 0 and 1)
//     coverage   share of the known items that stand among the first 10 of some item that was asked for
#ifndef BUNDLE_WORKER_EVALUATE_NEAR_SCORE_H
#define BUNDLE_WORKER_EVALUATE_NEAR_SCORE_H

#include "worker/evaluate/baselines.h"
#include "worker/evaluate/heldout.h"

struct near_score {
    uint64_t queries;
    double recall, ndcg, hit, coverage;
};

struct near_score near_score(const struct heldout *h, const bool *is_known, const struct near_lists *lists);

#endif
