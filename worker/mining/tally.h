// Tally: joint counts of one item with every other, and the sum of the orders' weights beside them, in one counter per
// item, so that an order costs one addition for each of its lines.
//
//     counter = joint orders << ORDER_WEIGHTS_SUM_BITS | sum of their weights
//
// INVARIANTS  Counters are 0 between rows. A sum of weights never carries into the count (order_weights.h).
// THREADS     One owner at a time.
#ifndef BUNDLE_WORKER_MINING_TALLY_H
#define BUNDLE_WORKER_MINING_TALLY_H

#include "worker/mining/order_weights.h"
#include "worker/mining/postings.h"

#define TALLY_ORDERS_MAX ((UINT64_C(1) << (64 - ORDER_WEIGHTS_SUM_BITS)) - 1)

struct tally {
    const struct postings *postings;
    const uint32_t *weights; // by order; 0: not counted
    uint64_t *counters;      // by item
    uint32_t *recent;        // by item: joint orders in the recent window
    uint32_t *touched;       // items with joint orders, in no order that matters
    uint32_t n_touched;
    uint32_t recent_first, recent_end; // orders in the recent window
};

void tally_init(struct tally *t, const struct postings *p, const uint32_t *weights, struct arena *memory);
void tally_count(struct tally *t, uint32_t item); // the row of an item; its own counter too
void tally_clear(struct tally *t);

static inline uint32_t tally_orders(const struct tally *t, uint32_t item)
{
    return (uint32_t)(t->counters[item] >> ORDER_WEIGHTS_SUM_BITS);
}

static inline double tally_weight(const struct tally *t, uint32_t item)
{
    return (double)(int64_t)(t->counters[item] & ((UINT64_C(1) << ORDER_WEIGHTS_SUM_BITS) - 1));
}

#endif
