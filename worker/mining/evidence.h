// Evidence: what the orders say about items bought together. Item and pair counts, exact; pairs ranked for what they
// reach together, each item's partners ranked for it, and a count-aware score that explains either.
//
// Pair counting walks the catalogue row by row: for item a, every order of a adds its items to one row of counters
// (tally.h). Memory is one row plus what is kept (the neighbours_max best of each item), at any vocabulary.
//
// RELEVANCE of b for a: P(b|a) / popularity(b)^(1/8), popularity in multi-item orders. P(b|a): sum over the joint
//           orders of r / (n - 1)^(1/2), as a share of the same sum over all orders of a, backed off for rare items
//           (backoff.h). n: items of the order; r: its age's weight (order_weights.h). A confidence, therefore, of
//           newer and smaller orders first, that does not always recommend the best sellers.
// GAIN      of a pair: the share of future orders it is expected to be met in where no pair before it is: greedy
//           coverage of orders weighted by age (pair_coverage.h), times both items' trends and ((c + s) / (x +
//           s))^(1/16). Pairs are chosen from the pairs_max best by relevance weight, trends and lift.
// SCORE     c * log2((c + s) / (x + s)): joint orders times the shrunk log-ratio to what independence expects
//           (Kilgarriff's "salience" family, the lexicographer's mutual information). A coincidence seen once scores
//           little, a pair that merely consists of best sellers scores near 0, negative association scores below 0.
//           x = kappa * c(a) * c(b) / N, kappa = N * sum n(n-1) / (sum n)^2 over multi-item orders: the joint count
//           that chance gives for the basket sizes this shop has.
// INVARIANTS  1. Counts are numbers of distinct orders. 2. Neighbour lists are sorted by relevance, then by item id.
//             3. Pairs are sorted by gain, highest first; those that were not chosen have none and stand last.
//             4. Same dataset, same bytes: no clock, no threads' order, no float reassociation.
// THREADS     Immutable once mined.
#ifndef BUNDLE_WORKER_MINING_EVIDENCE_H
#define BUNDLE_WORKER_MINING_EVIDENCE_H

#include <stdatomic.h>

#include "worker/dataset/dataset.h"

struct neighbour {
    uint32_t item;
    uint32_t orders;        // joint
    uint32_t orders_recent; // joint, in the 30 days before as_of
    float score;            // may be 0 or less
    float relevance;        // 0..1
};

struct item_pair {
    uint32_t a, b; // a < b
    uint32_t orders, orders_recent;
    float score;
    float gain; // 0: not chosen
};

struct mining_rules {
    uint32_t neighbours_max; // kept per item, default 48
    uint32_t pairs_max;      // ranked pairs kept, default 20000
    uint32_t basket_max; // orders with more distinct items are left out of pair counting (and counted), default 1000
    uint32_t pair_orders_min; // joint orders for a pair to be ranked, and for a partner beyond an item's best 10: 2;
                              // 1 for uploads of < 20 lines
    double shrink;            // s, default 3
    double fade_days;         // of an order's weight (order_weights.h), default 30; 0: age does not matter
    double lift_min;          // joint to expected orders for a pair to be ranked, default 0.5
    double prior_orders;      // behind what a rare item's partners say, default 10 (backoff.h)
};
extern const struct mining_rules MINING_RULES_DEFAULT;

struct evidence {
    struct arena memory;
    uint32_t n_items;
    uint32_t n_orders;    // == dataset.n_orders
    uint32_t n_multi;     // orders with two or more distinct items, within basket_max
    uint32_t n_too_large; // orders over basket_max
    double kappa;
    uint32_t *item_multi;      // orders_multi[i]: multi-item orders that contain i (the marginals of the pair counts)
    uint32_t *neighbour_first; // n_items + 1
    struct neighbour *neighbours;
    struct item_pair *pairs; // best first
    uint32_t n_pairs;
    uint64_t pair_increments; // sum over orders of n(n-1)/2
    uint64_t pairs_distinct;  // pairs seen at least once
};

// is_cancelled is looked at between rows; set: ERR_CANCELLED.
bool evidence_mine(struct evidence **out, const struct dataset *d, const struct mining_rules *rules,
                   const atomic_bool *is_cancelled, struct err *e) MUST_USE;
void evidence_destroy(struct evidence *v);
void evidence_destroyp(struct evidence **v);

double evidence_expected(const struct evidence *v, uint32_t a, uint32_t b);              // x above; multi-item orders
double evidence_score(double orders, double expected, double shrink);                    // the formula above
const struct neighbour *evidence_find(const struct evidence *v, uint32_t a, uint32_t b); // b among a's, NULL: not kept

void evidence_encode(const struct evidence *v, struct buf *out);
struct mp_value;
bool evidence_decode(struct evidence **out, const struct mp_value *m, const struct dataset *d, struct err *e) MUST_USE;

#endif
