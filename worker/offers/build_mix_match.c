// MIX_MATCH: any N of a pool. A pool is first the variants of one product, then products that can stand in for each
// other (same kind, like price), else products that go together.
#include "worker/offers/search.h"
#include "worker/offers/similarity.h"

enum { POOL_MIN = 3, POOL_MAX = 8, TOGETHER_MAX = 5, PICK_MAX = 3 };

#define EXCHANGEABLE_MIN 0.35

static void finish(struct search *s, struct bundle *b)
{
    if (b->n_parts < POOL_MIN)
        return;
    b->pricing.pick_n = s->shape->pick_n < PICK_MAX ? s->shape->pick_n : PICK_MAX;
    if (b->n_parts <= b->pricing.pick_n) // choosing all of it is no choice
        b->pricing.pick_n = 2;
    search_accept(s, b);
}

static bool may_start(const struct search *s, uint32_t anchor)
{
    return s->anchor_uses[anchor] == 0 && search_may_anchor(s, anchor);
}

// Most popular variants first; the anchor in front.
static void build_variants(struct search *s, uint32_t anchor)
{
    const struct market *m = s->market;
    struct bundle b = search_bundle(s, SOURCE_VARIANTS);
    b.strength = 1;
    search_add_part(&b, anchor, 1, ROLE_POOL);
    for (uint32_t k = 0; k < m->n_by_popularity && b.n_parts < POOL_MAX; k++) {
        uint32_t item = m->by_popularity[k];
        if (item != anchor && m->data->items[item].product == m->data->items[anchor].product &&
            item_is_offerable(m, s->rules, item) && objective_partner(m, s->objective, s->type, anchor, item) > 0)
            search_add_part(&b, item, 1, ROLE_POOL);
    }
    finish(s, &b);
}

static void build_from_links(struct search *s, uint32_t anchor, double exchangeable_min, uint32_t pool_max)
{
    struct bundle b = search_bundle(s, 0);
    search_add_part(&b, anchor, 1, ROLE_POOL);
    for (uint32_t k = 0; k < s->n_links && b.n_parts < pool_max; k++) {
        const struct link *l = &s->links[k];
        if (l->anchor != anchor || !search_may_use(s, l->partner) ||
            exchangeability(s->market, anchor, l->partner) < exchangeable_min || !search_may_join(s, &b, l->partner))
            continue;
        b.strength += l->strength;
        b.sources |= l->sources;
        search_add_part(&b, l->partner, 1, ROLE_POOL);
    }
    finish(s, &b);
}

static bool has_variants(const struct search *s, uint32_t anchor)
{
    const struct item *items = s->market->data->items;
    for (uint32_t k = 0; k < s->n_anchors; k++) {
        if (s->anchors[k] == anchor)
            return true;
        if (items[s->anchors[k]].product == items[anchor].product)
            return false; // the product had its turn by a better anchor
    }
    return false;
}

static void build_all_variants(struct search *s)
{
    bool has_many = s->market->data->n_products < s->market->data->n_items;
    for (uint32_t a = 0; has_many && a < s->n_anchors && !search_is_full(s); a++) {
        if (may_start(s, s->anchors[a]) && has_variants(s, s->anchors[a]))
            build_variants(s, s->anchors[a]);
    }
}

static void build_all_from_links(struct search *s, double exchangeable_min, uint32_t pool_max)
{
    for (uint32_t k = 0; k < s->n_links && !search_is_full(s); k++) {
        if (may_start(s, s->links[k].anchor))
            build_from_links(s, s->links[k].anchor, exchangeable_min, pool_max);
    }
}

void build_mix_match(struct search *s)
{
    if (!s->shape->needs_distinct_types) {
        if (s->n_bundles == 0)
            build_all_variants(s);
        build_all_from_links(s, EXCHANGEABLE_MIN, POOL_MAX);
    }
    if (s->n_bundles < CANDIDATES_TARGET || s->shape->needs_distinct_types)
        build_all_from_links(s, 0, TOGETHER_MAX);
}
