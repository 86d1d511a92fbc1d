// The best `max` pairs of all that are offered, in a buffer of twice as many: when it is full the better half stays.
// That is a few steps for a pair, where a heap takes its depth.
//
// ORDER    Higher key first, then lower item ids.
// THREADS  One owner at a time.
#ifndef BUNDLE_WORKER_MINING_BEST_H
#define BUNDLE_WORKER_MINING_BEST_H

#include <stdbool.h>
#include <stdint.h>

struct ranked_pair {
    float key;
    uint32_t a, b;
    uint32_t orders, orders_recent;
};

struct best {
    struct ranked_pair *pairs;
    uint32_t n, max, capacity;
    float key_min; // with less a pair cannot get in any more; -INFINITY until the buffer was full once
};

void best_init(struct best *t, uint32_t max);
void best_fini(struct best *t);
void best_clear(struct best *t);
void best_offer(struct best *t, const struct ranked_pair *pair); // key >= key_min, not NaN
void best_sort(struct best *t);                                  // afterwards n <= max pairs, best first

#endif
