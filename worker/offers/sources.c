// What the orders say of a pair's anchors, on one scale: the count-aware association of mining/evidence.h (joint orders
// times log-ratio to chance), times how welcome the objective finds the partner.
#include "worker/offers/association.h"
#include "worker/offers/search.h"

enum { COVERING_PAIRS_MAX = 4000 };

// What a covering pair's newly reached orders are worth beside its association, in bits for each order.
#define COVERAGE_BITS 4.0

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

// The side that the objective would rather build on; ID_NONE: neither.
static uint32_t anchor_of(const struct search *s, const struct item_pair *p)
{
    double a = objective_anchor(s->market, s->objective, p->a), b = objective_anchor(s->market, s->objective, p->b);
    if (!item_is_offerable(s->market, s->rules, p->a) || !item_is_offerable(s->market, s->rules, p->b))
        return ID_NONE;
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
    for (uint32_t a = 0; a < s->n_anchors; a++)
        collect_pairs(s, s->anchors[a]);
    collect_covering(s);
    links_settle(s);
}
