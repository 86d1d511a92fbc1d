// Itemsets: the frequent sets of 2..4 items of the multi-item orders, all of them with exact counts, and the
// association rules they hold. Indexed by item, best first: "sets around this anchor", "rules to this item".
//
// COUNTED   Orders of 2..basket_max distinct items, as in evidence.h; N is their number.
// SUPPORT   Sets are kept from orders_min orders on: support_min * N, or, where that is 0, what the number of orders
//           asks for: 5 % of N, but 5 orders are enough and 0.1 % are needed; no more than tier 2 of the ladder wants,
//           max(3, 1.5 % of N); and never under 2. Where a size has more than sets_max such sets, its threshold rises
//           until it has not (orders_min[size]): dense shops lose their rarest sets, never time or memory.
// CHANCE    What chance gives for lhs -> rhs: kappa * c(lhs) * c(rhs) / N (evidence.h); for a set, the most of that
//           over its items (offers/association.h). lift = orders / chance; score = evidence_score(orders, chance).
// RULES     lhs -> one item, with confidence >= confidence_min and lift > 1. A longer lhs has more confidence than each
//           of its parts (R. Bayardo, R. Agrawal, D. Gunopulos, Constraint-based rule mining in large, dense databases,
//           1999: improvement > 0).
// Q_VALUE   The false discovery rate at which a rule counts as found (significance.h). Its p-value is the largest of
//           Fisher's exact test of lhs with rhs, in a population of N / kappa orders, where independence gives what
//           chance gives here; and of the tests of each item of lhs with rhs among the orders of lhs without it (G.
//           Webb, Discovering significant patterns, 2007: productive rules). Adjusted by Benjamini-Hochberg among all
//           rules of this length that could have been found (Webb, Layered critical values, 2008): F (F - 1) for F
//           frequent items, F - 2 for each pair, F - 3 for each triple.
// STRICT    Rules of tier 1: q_value <= fdr_max, orders >= itemsets_strict_orders_min(N), and the lower end of the 90 %
//           interval of their confidence >= confidence_min, which asks for more where orders are few.
// INVARIANTS  1. items ascend; places from n on are ID_NONE. 2. Each part of two or more items of a kept set is kept,
//             with at least its orders. 3. Sets and rules are sorted by score, best first; ties: fewer items, then item
//             ids. 4. Same dataset and limits, same bytes. 5. Decoded sets are checked for 1 and 2, and all else is
//             derived from their counts.
// THREADS     Immutable once mined.
#ifndef BUNDLE_WORKER_MINING_ITEMSETS_H
#define BUNDLE_WORKER_MINING_ITEMSETS_H

#include <stdatomic.h>

#include "worker/dataset/dataset.h"

enum { ITEMSET_ITEMS_MIN = 2, ITEMSET_ITEMS_MAX = 4 };

enum itemset_flag {      // among the kept sets; those of 4 items have both
    ITEMSET_CLOSED = 1,  // no larger set has as many orders
    ITEMSET_MAXIMAL = 2, // no larger set has it as a part: a kit that cannot grow
};

struct itemset {
    uint32_t items[ITEMSET_ITEMS_MAX];
    uint32_t orders;
    float score;
    uint8_t n, flags;
};

struct rule {
    uint32_t lhs[ITEMSET_ITEMS_MAX - 1], rhs;
    uint32_t orders, orders_lhs, orders_rhs; // of all, of lhs, of rhs
    float confidence, confidence_back;       // of rhs given lhs; of lhs given rhs
    float lift, score, q_value;
    uint8_t n_lhs;
    bool is_strict;
};

struct itemset_limits {
    double support_min;    // share of N; 0: by N, see SUPPORT
    uint32_t sets_max;     // of each size, default 20000
    uint32_t basket_max;   // as in struct mining_rules
    double confidence_min; // default 0.2
    double fdr_max;        // default 0.05
    double shrink;         // as in struct mining_rules
};
extern const struct itemset_limits ITEMSET_LIMITS_DEFAULT;

struct item_index { // of each item the places of what has it, ascending: best first
    uint32_t *first, *places;
};

struct itemsets {
    struct arena memory;
    struct itemset_limits limits;
    uint32_t n_items;
    uint32_t n_orders;     // N
    uint32_t *item_orders; // of N
    double kappa;
    uint32_t orders_min_asked;
    uint32_t orders_min[ITEMSET_ITEMS_MAX + 1]; // used, by size; more than asked where sets_max was reached
    struct itemset *sets;
    uint32_t n_sets;
    struct rule *rules;
    uint32_t n_rules;
    uint32_t *table; // sets by their items, see itemsets_find
    uint32_t table_size;
    struct item_index sets_with, rules_from, rules_to;
};

// is_cancelled is looked at between items; set: ERR_CANCELLED.
bool itemsets_mine(struct itemsets **out, const struct dataset *d, const struct itemset_limits *limits,
                   const atomic_bool *is_cancelled, struct err *e) MUST_USE;
void itemsets_destroy(struct itemsets *s); // NULL is fine
void itemsets_destroyp(struct itemsets **s);

uint32_t itemsets_orders_min(uint32_t n_orders, double support_min); // see SUPPORT
uint32_t itemsets_strict_orders_min(uint32_t n_orders);              // the same without regard to tier 2 ...
uint32_t itemsets_tier2_orders_min(uint32_t n_orders);               // ... and what tier 2 wants

const struct itemset *itemsets_find(const struct itemsets *s, const uint32_t *items,
                                    uint32_t n); // ascending; NULL: not kept

// Places in sets and rules, best first. rules_from: the item is in lhs; rules_to: it is rhs.
struct places {
    const uint32_t *at;
    uint32_t n;
};
struct places itemsets_with(const struct itemsets *s, uint32_t item);
struct places itemsets_rules_from(const struct itemsets *s, uint32_t item);
struct places itemsets_rules_to(const struct itemsets *s, uint32_t item);

// The blob has the limits, the sets and their counts; the rest is derived from them.
void itemsets_encode(const struct itemsets *s, struct buf *out);
struct mp_value;
bool itemsets_decode(struct itemsets **out, const struct mp_value *m, const struct dataset *d, struct err *e) MUST_USE;

#endif
