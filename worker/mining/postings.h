// Postings: for each item the orders that contain it, ascending; and exact counts of itemsets by intersection.
//
// DENSE    An item in one order of POSTINGS_DENSE_SHARE or more has a bitset of them too: no larger than its list.
// THREADS  Immutable once built.
#ifndef BUNDLE_WORKER_MINING_POSTINGS_H
#define BUNDLE_WORKER_MINING_POSTINGS_H

#include "worker/dataset/dataset.h"

enum { POSTINGS_DENSE_SHARE = 32 };
enum { POSTINGS_ITEMS_MAX = 64 }; // items in one question, each named once; no items: 0 orders

struct postings {
    const struct dataset *data; // not owned
    uint32_t *first;            // n_items + 1
    uint32_t *orders;
    uint32_t *quantities; // beside orders: how many of the item
    uint64_t **bits;      // per item: a bit per order, bits_words words; NULL: sparse
    size_t bits_words;
};

void postings_build(struct postings *p, const struct dataset *d, struct arena *memory);
uint32_t postings_count_all(const struct postings *p, const uint32_t *items, size_t n); // orders with all n
uint32_t postings_count_all_from(const struct postings *p, const uint32_t *items, size_t n,
                                 uint32_t from); // ... from this order on
uint32_t postings_count_some(const struct postings *p, const uint32_t *items, size_t n,
                             uint32_t at_least); // >= at_least of n
uint32_t postings_count_quantity(const struct postings *p, uint32_t item,
                                 uint32_t at_least); // orders with quantity >= k

#endif
