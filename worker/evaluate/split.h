// Split: which orders an engine may learn from (training) and which it is then tested on (held out).
//
// BY DATE    the oldest `share` of the multi-item orders, and every other order before the first held-out one, train:
//            what a merchant would have known on that day.
// AT RANDOM  `share` of the multi-item orders and `share` of the others, drawn by `seed`: the same for the same
//            dataset.
// FAILURE    ERR_INPUT: fewer than SPLIT_MULTI_MIN multi-item orders; by date where there are none.
#ifndef BUNDLE_WORKER_EVALUATE_SPLIT_H
#define BUNDLE_WORKER_EVALUATE_SPLIT_H

#include "worker/dataset/dataset.h"

enum { SPLIT_MULTI_MIN = 10 }; // with fewer, a test set of a fifth is one order

enum split_by { SPLIT_BY_DATE, SPLIT_BY_CHANCE };

struct split_rules {
    double share; // of the orders that train; above 0, below 1
    enum split_by by;
    uint64_t seed;
};

struct split {
    bool *is_train;           // by order of the dataset
    uint32_t n_train, n_test; // multi-item orders; at least one each
};

uint32_t multi_item_orders(const struct dataset *d); // orders with two or more distinct items
bool split_orders(const struct dataset *d, const struct split_rules *rules, struct arena *memory, struct split *out,
                  struct err *e) MUST_USE;

#endif
