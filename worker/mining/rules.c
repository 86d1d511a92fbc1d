#include <stdlib.h>

#include "common/check.h"
#include "worker/mining/evidence.h"
#include "worker/mining/itemsets_internal.h"
#include "worker/mining/significance.h"

// Does a part of lhs do as well alone? Confidences as fractions, compared crosswise: exactly.
static bool is_redundant(const uint32_t *orders, unsigned lhs, unsigned rhs)
{
    for (unsigned part = (lhs - 1) & lhs; part > 0; part = (part - 1) & lhs)
        if ((uint64_t)orders[lhs | rhs] * orders[part] <= (uint64_t)orders[part | rhs] * orders[lhs])
            return true;
    return false;
}

void rule_maker_init(struct rule_maker *m, const struct itemsets *s)
{
    *m = (struct rule_maker){.itemsets = s};
    arena_init(&m->memory, 0);
    if (s->n_orders == 0)
        return;
    m->population = (uint32_t)(s->n_orders / s->kappa + 0.5);
    uint32_t most = 2 * s->n_orders + 1; // kappa >= 1/2, as baskets have two items or more
    CHECK(m->population <= most);
    log_factorials_init(&m->factorials, most, &m->memory);
}

void rule_maker_fini(struct rule_maker *m)
{
    free(m->rules);
    arena_fini(&m->memory);
}

static void rule_maker_add(struct rule_maker *m, const struct rule *r)
{
    if (m->n == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 256;
        m->rules = reallocarray(m->rules, m->capacity, sizeof *m->rules);
        CHECK(m->rules);
    }
    m->rules[m->n++] = *r;
}

static struct rule rule_of(const struct itemset *set, const uint32_t *orders, uint32_t rhs_at, double chance,
                           double shrink)
{
    unsigned all = (1U << set->n) - 1, rhs = 1U << rhs_at;
    struct rule r = {
        .lhs = {ID_NONE, ID_NONE, ID_NONE},
        .rhs = set->items[rhs_at],
        .orders = set->orders,
        .orders_lhs = orders[all ^ rhs],
        .orders_rhs = orders[rhs],
        .confidence = (float)((double)set->orders / orders[all ^ rhs]),
        .confidence_back = (float)((double)set->orders / orders[rhs]),
        .lift = (float)(set->orders / chance),
        .score = (float)evidence_score(set->orders, chance, shrink),
    };
    for (uint32_t i = 0; i < set->n; i++)
        if (i != rhs_at)
            r.lhs[r.n_lhs++] = set->items[i];
    return r;
}

// How likely is a rule as good as this where lhs and rhs meet by chance, or where one item of lhs adds nothing?
static double p_value(struct rule_maker *m, const uint32_t *orders, unsigned lhs, unsigned rhs)
{
    uint32_t both = orders[lhs | rhs], apart = orders[lhs] + orders[rhs] - both;
    uint32_t population = m->population > apart ? m->population : apart; // holds both sides, whatever kappa is
    double most = fisher_p(&m->factorials, population, orders[lhs], orders[rhs], both);
    for (unsigned rest = lhs; rest > 0; rest &= rest - 1) {
        unsigned others = lhs & ~(rest & -rest);
        if (others == 0)
            break; // one item: nothing to add to
        double p = fisher_p(&m->factorials, orders[others], orders[lhs], orders[others | rhs], both);
        most = p > most ? p : most;
    }
    return most;
}

void rule_maker_add_set(struct rule_maker *m, const struct itemset *set, const struct itemset_parts *parts)
{
    unsigned all = (1U << set->n) - 1;
    for (uint32_t i = 0; i < set->n; i++) {
        unsigned rhs = 1U << i, lhs = all ^ rhs;
        double chance = itemsets_chance(m->itemsets, parts->orders[lhs], parts->orders[rhs]);
        if (set->orders <= chance || set->orders < m->itemsets->limits.confidence_min * parts->orders[lhs] ||
            is_redundant(parts->orders, lhs, rhs))
            continue;
        struct rule r = rule_of(set, parts->orders, i, chance, m->itemsets->limits.shrink);
        r.q_value = (float)p_value(m, parts->orders, lhs, rhs);
        rule_maker_add(m, &r);
    }
}

// How many rules with so many items in lhs could have been found.
static double n_hypotheses(const struct itemsets *s, uint32_t n_lhs)
{
    double n_frequent = 0, n_lhs_kept = 0;
    for (uint32_t i = 0; i < s->n_items; i++)
        n_frequent += s->item_orders[i] >= s->orders_min_asked;
    for (uint32_t i = 0; i < s->n_sets; i++)
        n_lhs_kept += s->sets[i].n == n_lhs;
    return (n_lhs == 1 ? n_frequent : n_lhs_kept) * (n_frequent - n_lhs);
}

static void adjust(struct rule_maker *m, uint32_t n_lhs)
{
    float *values = ARENA_ARRAY(&m->memory, float, m->n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n; i++)
        if (m->rules[i].n_lhs == n_lhs)
            values[n++] = m->rules[i].q_value;
    fdr_adjust(values, n, n_hypotheses(m->itemsets, n_lhs));
    for (uint32_t i = m->n; i > 0; i--)
        if (m->rules[i - 1].n_lhs == n_lhs)
            m->rules[i - 1].q_value = values[--n];
}

void rule_maker_judge(struct rule_maker *m)
{
    const struct itemset_limits *limits = &m->itemsets->limits;
    uint32_t orders_min = itemsets_strict_orders_min(m->itemsets->n_orders);
    for (uint32_t n_lhs = 1; n_lhs < ITEMSET_ITEMS_MAX; n_lhs++)
        adjust(m, n_lhs);
    for (uint32_t i = 0; i < m->n; i++) {
        struct rule *r = &m->rules[i];
        r->is_strict = (double)r->q_value <= limits->fdr_max && r->orders >= orders_min &&
                       wilson_lower(r->orders, r->orders_lhs) >= limits->confidence_min;
    }
}
