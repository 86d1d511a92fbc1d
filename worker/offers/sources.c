// What the orders say of a pair's anchors, on one scale: the count-aware association of mining/evidence.h (joint orders
// times log-ratio to chance), times how welcome the objective finds the partner.
#include "worker/offers/association.h"
#include "worker/offers/search.h"

enum { COVERING_PAIRS_MAX = 4000 };

// A likeness of 1 by item2vec counts as so many joint orders; under COSINE_MIN it says nothing.
#define PRIOR_ORDERS 2.0
#define COSINE_MIN 0.3F

// What a covering pair's newly reached orders are worth beside its association, in bits for each order.
#define COVERAGE_BITS 8.0

static double strength_of(const struct search *s, uint32_t anchor, uint32_t partner, double association)
{
    return association > 0 ? association * search_welcome(s, anchor, partner) : 0;
}

static void collect_pairs(struct search *s, uint32_t anchor)
{
    const struct evidence *v = s->market->evidence;
    for (uint32_t k = v->neighbour_first[anchor]; k < v->neighbour_first[anchor + 1]; k++) {
        const struct neighbour *n = &v->neighbours[k];
        if (n->orders < search_orders_min(s))
            continue;
        links_add(s, (struct link){anchor, n->item, n->orders, SOURCE_PAIRS,
                                   strength_of(s, anchor, n->item, (double)n->score)});
    }
}

static void add_rule(struct search *s, uint32_t anchor, uint32_t partner, const struct rule *r)
{
    if (r->n_lhs == 1 && r->orders >= search_orders_min(s))
        links_add(s, (struct link){anchor, partner, r->orders, SOURCE_RULES,
                                   strength_of(s, anchor, partner, (double)r->score)});
}

// Rules of one product lead from the anchor, and to it; longer ones are sets, see build_sets.c.
static void collect_rules(struct search *s, uint32_t anchor)
{
    const struct itemsets *sets = s->market->itemsets;
    struct places from = itemsets_rules_from(sets, anchor), to = itemsets_rules_to(sets, anchor);
    for (uint32_t k = 0; k < from.n; k++)
        add_rule(s, anchor, sets->rules[from.at[k]].rhs, &sets->rules[from.at[k]]);
    for (uint32_t k = 0; k < to.n; k++)
        add_rule(s, anchor, sets->rules[to.at[k]].lhs[0], &sets->rules[to.at[k]]);
}

// A neighbour by item2vec is worth its joint orders and, for its likeness, a few that might have been.
static void collect_embedding(struct search *s, uint32_t anchor)
{
    const struct market *m = s->market;
    const struct embedding *v = m->embedding;
    for (uint32_t k = v->neighbour_first[anchor]; k < v->neighbour_first[anchor + 1]; k++) {
        const struct embedding_neighbour *n = &v->neighbours[k];
        if (n->cosine < COSINE_MIN || search_welcome(s, anchor, n->item) <= 0)
            continue; // before anything is counted
        uint32_t orders = association_pair_orders(m, anchor, n->item);
        double expected = evidence_expected(m->evidence, anchor, n->item);
        if ((orders > 0 && orders < search_orders_min(s)) || association_is_negative(orders, expected))
            continue; // met once: no evidence, and no news either
        double worth = evidence_score(orders + PRIOR_ORDERS * (double)n->cosine, expected, ASSOCIATION_SHRINK);
        links_add(s, (struct link){anchor, n->item, orders, SOURCE_EMBEDDING, strength_of(s, anchor, n->item, worth)});
    }
}

// The side that the objective would rather build on; ID_NONE: neither.
static uint32_t anchor_of(const struct search *s, const struct item_pair *p)
{
    double a = s->worths[p->a], b = s->worths[p->b];
    return a <= 0 && b <= 0 ? ID_NONE : a >= b ? p->a : p->b;
}

// Pairs that reach orders which no pair before them does, whether or not the objective's best anchors are in them.
static void collect_covering(struct search *s)
{
    const struct evidence *v = s->market->evidence;
    for (uint32_t k = 0; k < v->n_pairs && k < COVERING_PAIRS_MAX; k++) {
        const struct item_pair *p = &v->pairs[k];
        uint32_t anchor = p->gain > 0 && p->orders >= search_orders_min(s) ? anchor_of(s, p) : ID_NONE;
        if (anchor == ID_NONE)
            continue;
        uint32_t partner = anchor == p->a ? p->b : p->a;
        double worth = (double)p->score + (double)p->gain * v->n_multi * COVERAGE_BITS;
        links_add(s,
                  (struct link){anchor, partner, p->orders, SOURCE_COVERAGE, strength_of(s, anchor, partner, worth)});
    }
}

void sources_collect(struct search *s)
{
    links_clear(s);
    for (uint32_t a = 0; a < s->n_anchors; a++) {
        collect_pairs(s, s->anchors[a]);
        if (s->market->itemsets)
            collect_rules(s, s->anchors[a]);
        if (s->market->embedding)
            collect_embedding(s, s->anchors[a]);
    }
    collect_covering(s);
    links_settle(s);
}
