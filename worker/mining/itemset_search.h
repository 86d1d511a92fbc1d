// Search for the frequent itemsets of 2..4 items: all of them, with exact counts. Internal to itemsets.c.
//
// METHOD    Eclat (M. Zaki, Scalable algorithms for association mining, 2000) on projected databases. Items are ranked
//           by how many orders have them. An item's partners, the more frequent items met in enough of its orders, are
//           found by counting pairs row by row, as in evidence.c. Then the orders of one item become bits: a bitset for
//           each of its partners, as wide as the item has orders. So bitsets are dense however sparse the shop is, and
//           larger sets are ANDs of a few hundred bits; lists of orders would only be longer. An item of c orders has
//           at most lines / c more frequent partners: its bitsets together never take more than about a bit for each
//           order line.
// BUDGET    At most sets_max sets of each size: while there are more, the threshold of that size (and so of the larger
//           ones) rises by one order. What remains is the same whatever was found first: every set with at least
//           orders_min[size] orders, that being the least threshold from the one asked for, and not below the one of
//           the size before, that leaves at most sets_max.
#ifndef BUNDLE_WORKER_MINING_ITEMSET_SEARCH_H
#define BUNDLE_WORKER_MINING_ITEMSET_SEARCH_H

#include "worker/mining/itemsets.h"

struct itemset_search {
    const struct dataset *data;
    const uint32_t *item_orders; // counted orders of each item: of 2..basket_max distinct items
    uint32_t basket_max, sets_max;
    uint32_t orders_min; // asked for, >= 1
};

struct itemsets_found {
    struct itemset *sets; // items, n and orders are set; freed by the caller
    uint32_t n;
    uint32_t orders_min[ITEMSET_ITEMS_MAX + 1]; // used, by size (2..4)
};

bool itemset_search_run(const struct itemset_search *q, struct itemsets_found *out, const atomic_bool *is_cancelled,
                        struct err *e) MUST_USE;

#endif
