// What the makers of itemsets share: itemsets.c mines, itemsets_codec.c decodes, rules.c derives the rules.
#ifndef BUNDLE_WORKER_MINING_ITEMSETS_INTERNAL_H
#define BUNDLE_WORKER_MINING_ITEMSETS_INTERNAL_H

#include "worker/mining/itemsets.h"
#include "worker/mining/significance.h"

struct itemsets *itemsets_create(const struct dataset *d, const struct itemset_limits *limits); // counts items

// Takes a copy of the sets (items, orders and n are set), scores and sorts them and derives all else. false and
// ERR_CODEC: a set comes twice, or has a part that is missing or has fewer orders.
bool itemsets_finish(struct itemsets *s, const struct itemset *sets, uint32_t n, struct err *e) MUST_USE;

double itemsets_chance(const struct itemsets *s, uint32_t orders_a, uint32_t orders_b); // kappa * a * b / N

// Counts of all parts of a set, by which of its items they have: bit i stands for items[i].
struct itemset_parts {
    uint32_t orders[1 << ITEMSET_ITEMS_MAX];
};

// Collects the rules of the sets, with p-values in q_value until they are judged together.
struct rule_maker {
    const struct itemsets *itemsets;
    uint32_t population; // N / kappa
    struct arena memory;
    struct log_factorials factorials;
    struct rule *rules;
    uint32_t n, capacity;
};
void rule_maker_init(struct rule_maker *m, const struct itemsets *s);
void rule_maker_fini(struct rule_maker *m);
void rule_maker_add_set(struct rule_maker *m, const struct itemset *set, const struct itemset_parts *parts);
void rule_maker_judge(struct rule_maker *m);

#endif
