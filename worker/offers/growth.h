// Growth of an itemset: the orders that hold a set so far, and how often every other item stands in them: exact counts
// of all one-item extensions in one pass over those orders.
#ifndef BUNDLE_WORKER_OFFERS_GROWTH_H
#define BUNDLE_WORKER_OFFERS_GROWTH_H

#include "worker/offers/offers.h"

struct growth {
    const struct market *market;
    uint32_t *orders; // that hold the set, ascending
    uint32_t n_orders;
    uint32_t *counts; // per item, over these orders; only of `touched` not 0
    uint32_t *touched;
    uint32_t n_touched;
};

void growth_init(struct growth *g, const struct market *m, struct arena *memory);
void growth_start(struct growth *g, uint32_t item); // the set is {item}
void growth_add(struct growth *g, uint32_t item);   // the set gains item
void growth_count(struct growth *g);                // fills counts and touched

#endif
