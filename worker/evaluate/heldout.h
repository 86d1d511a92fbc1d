// Held out: orders that the engine has not seen, in the item numbers of the training dataset.
//
// Items that are not known are dropped from an order, and orders with fewer than `items_min` items left are dropped
// whole: nobody can predict what was not there to be learned.
//
// THREADS    Immutable once built.
#ifndef BUNDLE_WORKER_EVALUATE_HELDOUT_H
#define BUNDLE_WORKER_EVALUATE_HELDOUT_H

#include "worker/mining/postings.h"

struct heldout {
    struct dataset orders; // items (only their numbers and counts of orders), orders and lines; nothing else
    struct postings postings;
};

// Which orders contain how many of a set of items.
struct meeting {
    uint32_t *items;  // by order: of the set; 0 for the orders that are not in `orders`
    uint32_t *orders; // those with at least one
    uint32_t n_orders;
};

bool *items_of_multi_item_orders(const struct dataset *train, struct arena *memory); // by item

// Orders of `from` that are not is_excluded (by order; NULL: none is). Items are the same where their identity is, and
// known where is_known (by training item; NULL: all are).
void heldout_init(struct heldout *h, const struct dataset *train, const bool *is_known, const struct dataset *from,
                  const bool *is_excluded, uint32_t items_min, struct arena *memory);

void meeting_init(struct meeting *m, const struct postings *p, struct arena *memory);
void meeting_of(struct meeting *m, const struct postings *p, const uint32_t *items, uint32_t n); // forgets the last set
uint32_t meeting_count(const struct meeting *m, uint32_t items_min); // orders with so many of the set

#endif
