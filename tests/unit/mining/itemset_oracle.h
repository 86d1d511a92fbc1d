// Itemsets and rules by looking at every combination of every order, and the formulas of itemsets.h written down again.
#ifndef BUNDLE_TESTS_UNIT_MINING_ITEMSET_ORACLE_H
#define BUNDLE_TESTS_UNIT_MINING_ITEMSET_ORACLE_H

#include <math.h>

#include "tests/unit/mining/orders.h"
#include "worker/mining/itemsets.h"

struct oracle {
    uint32_t n_items, n_orders;
    double kappa;
    uint32_t *counts; // of items[0] <= items[1] <= ...; an item said again changes nothing: {a, a, b, b} is {a, b}
};

static inline uint32_t *oracle_count(const struct oracle *o, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return &o->counts[(((size_t)a * o->n_items + b) * o->n_items + c) * o->n_items + d];
}

static inline void oracle_count_order(struct oracle *o, const uint32_t *items, uint32_t n)
{
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = a; b < n; b++)
            for (uint32_t c = b; c < n; c++)
                for (uint32_t d = c; d < n; d++)
                    ++*oracle_count(o, items[a], items[b], items[c], items[d]);
}

static inline struct oracle oracle_of(const struct dataset *data, uint32_t basket_max)
{
    struct oracle o = {.n_items = data->n_items};
    double sum = 0, sum_pairs = 0;
    o.counts = calloc((size_t)o.n_items * o.n_items * o.n_items * o.n_items + 1, sizeof *o.counts);
    for (uint32_t order = 0; order < data->n_orders; order++) {
        uint32_t first = data->line_first[order], n = data->line_first[order + 1] - first;
        if (n < 2 || n > basket_max)
            continue;
        o.n_orders++;
        sum += n;
        sum_pairs += (double)n * (n - 1);
        oracle_count_order(&o, data->line_item + first, n);
    }
    o.kappa = o.n_orders ? o.n_orders * sum_pairs / (sum * sum) : 0;
    return o;
}

static inline void oracle_fini(struct oracle *o)
{
    free(o->counts);
}

// Orders with all of n ascending items, 1..4.
static inline uint32_t oracle_orders(const struct oracle *o, const uint32_t *items, uint32_t n)
{
    return *oracle_count(o, items[0], items[n > 1 ? 1 : 0], items[n > 2 ? 2 : n - 1], items[n - 1]);
}

// The k-th set of `size` items in the order of the alphabet; false: there are no more.
static inline bool oracle_next(uint32_t n_items, uint32_t *items, uint32_t size)
{
    for (uint32_t at = size; at-- > 0;) {
        if (++items[at] > n_items - (size - at))
            continue;
        for (uint32_t i = at + 1; i < size; i++)
            items[i] = items[i - 1] + 1;
        return true;
    }
    return false;
}

static inline uint32_t oracle_n_frequent(const struct oracle *o, uint32_t size, uint32_t orders_min)
{
    uint32_t items[] = {0, 1, 2, 3}, n = 0;
    if (o->n_items < size)
        return 0;
    do
        n += oracle_orders(o, items, size) >= orders_min;
    while (oracle_next(o->n_items, items, size));
    return n;
}

// The items that mask says, of a set.
static inline uint32_t oracle_part(const struct oracle *o, const struct itemset *set, unsigned mask)
{
    uint32_t items[ITEMSET_ITEMS_MAX], n = 0;
    for (uint32_t i = 0; i < set->n; i++)
        if (mask & 1U << i)
            items[n++] = set->items[i];
    return oracle_orders(o, items, n);
}

static inline double oracle_log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

static inline double oracle_fisher(double population, double marked, double drawn, double both)
{
    double p = 0;
    for (double j = both; j <= marked && j <= drawn; j++)
        if (drawn - j <= population - marked)
            p += exp(oracle_log_choose(marked, j) + oracle_log_choose(population - marked, drawn - j) -
                     oracle_log_choose(population, drawn));
    return p;
}

struct oracle_rule {
    bool is_kept;
    uint32_t n_lhs;
    double chance, p;
};

// The rule of a set to the item that rhs says.
static inline struct oracle_rule oracle_rule(const struct oracle *o, const struct itemset *set, unsigned rhs,
                                             const struct itemset_limits *limits)
{
    unsigned all = (1U << set->n) - 1, lhs = all & ~rhs;
    double n_all = oracle_part(o, set, all), n_lhs = oracle_part(o, set, lhs), n_rhs = oracle_part(o, set, rhs);
    struct oracle_rule r = {.n_lhs = set->n - 1U, .chance = o->kappa * n_lhs * n_rhs / o->n_orders};
    r.is_kept = n_all / n_lhs >= limits->confidence_min && n_all > r.chance;
    r.p = oracle_fisher(fmax(floor(o->n_orders / o->kappa + 0.5), n_lhs + n_rhs - n_all), n_lhs, n_rhs, n_all);
    for (unsigned part = 1; part < lhs; part++) {
        if ((part & ~lhs) != 0)
            continue;
        double n_part = oracle_part(o, set, part), n_part_all = oracle_part(o, set, part | rhs);
        r.is_kept = r.is_kept && n_all / n_lhs > n_part_all / n_part;
        if ((unsigned)__builtin_popcount(part) + 1 == r.n_lhs)
            r.p = fmax(r.p, oracle_fisher(n_part, n_lhs, n_part_all, n_all));
    }
    r.p = fmin(r.p, 1);
    return r;
}

#endif
