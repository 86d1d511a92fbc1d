// FBT: sets of 2-4 products that stand in one basket, grown greedily from a strong pair by exact itemset counts.
#include "worker/offers/search.h"

// A third product that is in fewer of the pair's orders than this makes another bundle, not a larger one.
#define KEPT_SHARE 0.30

static bool is_taken(const struct search *s, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < s->n_bundles; i++) {
        const struct bundle *x = &s->bundles[i];
        bool has_a = false, has_b = false;
        for (uint32_t k = 0; k < x->n_parts; k++) {
            has_a |= x->parts[k].item == a;
            has_b |= x->parts[k].item == b;
        }
        if (has_a && has_b)
            return true;
    }
    return false;
}

static uint32_t orders_to_keep(const struct search *s, const struct bundle *b)
{
    if (b->n_parts < s->shape->set_min)
        return search_orders_min(s);
    uint32_t share = (uint32_t)(KEPT_SHARE * s->growth.n_orders), least = search_orders_for_more(s);
    return share > least ? share : least;
}

// Without joint orders the set grows by the anchor's further links.
static void extend_by_links(struct search *s, struct bundle *b)
{
    for (uint32_t k = 0; k < s->n_links && b->n_parts < s->shape->set_min; k++) {
        const struct link *l = &s->links[k];
        if (l->anchor == b->parts[0].item && search_may_use(s, l->partner) && search_may_join(s, b, l->partner))
            search_add_part(b, l->partner, 1, ROLE_PART);
    }
}

static void build_from(struct search *s, const struct link *l)
{
    struct bundle b = search_bundle(s, l->sources);
    search_add_part(&b, l->anchor, 1, ROLE_ANCHOR);
    if (!search_may_join(s, &b, l->partner))
        return;
    search_add_part(&b, l->partner, 1, ROLE_PART);
    b.strength = l->strength;
    growth_start(&s->growth, l->anchor);
    growth_add(&s->growth, l->partner);
    while (s->growth.n_orders > 0 && b.n_parts < s->shape->set_max &&
           search_extend(s, &b, orders_to_keep(s, &b), ROLE_PART))
        ;
    extend_by_links(s, &b);
    if (b.n_parts >= s->shape->set_min)
        search_accept(s, &b);
}

void build_fbt(struct search *s)
{
    for (uint32_t k = 0; k < s->n_links && !search_is_full(s); k++) {
        const struct link *l = &s->links[k];
        if (search_may_anchor(s, l->anchor) && search_may_use(s, l->partner) && !is_taken(s, l->anchor, l->partner))
            build_from(s, l);
    }
}
