// FIXED: a kit of 3-5 products around an anchor at one round price. Each further product is the one that goes best with
// all that are in, preferably one that stood in the same orders.
#include "worker/offers/association.h"
#include "worker/offers/search.h"
#include "worker/offers/similarity.h"

enum { KIT_MIN = 3, PARTNERS_TRIED = 24 };

static double strength_between(const struct search *s, uint32_t a, uint32_t b)
{
    const struct neighbour *n = evidence_find(s->market->evidence, a, b);
    return n && n->score > 0 ? (double)n->score : 0;
}

// Three clocks in three colours are a choice, not a kit.
static double complement(const struct search *s, const struct bundle *b, uint32_t item)
{
    double likest = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        double like = exchangeability(s->market, b->parts[i].item, item);
        likest = like > likest ? like : likest;
    }
    return likest > 0 ? 0.3 : 1;
}

// What link l adds to the kit: its own strength and that with the products in it, twice where orders hold them all.
static double worth(const struct search *s, const struct bundle *b, const struct link *l)
{
    double sum = l->strength;
    for (uint32_t i = 1; i < b->n_parts; i++)
        sum += strength_between(s, b->parts[i].item, l->partner);
    sum *= complement(s, b, l->partner);
    return s->growth.counts[l->partner] >= search_orders_min(s) ? 2 * sum : sum;
}

static const struct link *best_link(const struct search *s, const struct bundle *b)
{
    const struct link *best = NULL;
    double best_worth = 0;
    uint32_t tried = 0;
    for (uint32_t k = 0; k < s->n_links && tried < PARTNERS_TRIED; k++) {
        const struct link *l = &s->links[k];
        if (l->anchor != b->parts[0].item || !search_may_use(s, l->partner))
            continue;
        tried++;
        double w = worth(s, b, l);
        if (w > best_worth && search_may_join(s, b, l->partner)) {
            best = l;
            best_worth = w;
        }
    }
    return best;
}

static bool still_above_chance(const struct search *s, const struct bundle *b, uint32_t item)
{
    uint32_t items[PARTS_MAX];
    for (uint32_t i = 0; i < b->n_parts; i++)
        items[i] = b->parts[i].item;
    items[b->n_parts] = item;
    return !association_is_negative(s->growth.counts[item], association_expected(s->market, items, b->n_parts + 1));
}

// A kit that the orders suggested must be in enough of them; one of the ladder's may be new, but not a rarity.
static bool is_seen_enough(const struct search *s, const struct bundle *b)
{
    if (b->sources & (SOURCE_PAIRS | SOURCE_COVERAGE | SOURCE_RULES))
        return s->growth.n_orders >= search_orders_for_more(s);
    return s->growth.n_orders == 0 || s->growth.n_orders >= search_orders_min(s);
}

static void build_around(struct search *s, uint32_t anchor)
{
    struct bundle b = search_bundle(s, 0);
    search_add_part(&b, anchor, 1, ROLE_ANCHOR);
    growth_start(&s->growth, anchor);
    while (b.n_parts < s->shape->kit_max) {
        growth_count(&s->growth);
        const struct link *l = best_link(s, &b);
        if (!l || !still_above_chance(s, &b, l->partner))
            break;
        if (b.n_parts >= KIT_MIN && s->growth.counts[l->partner] < search_orders_for_more(s))
            break;
        b.strength += l->strength;
        b.sources |= l->sources;
        search_add_part(&b, l->partner, 1, ROLE_PART);
        growth_add(&s->growth, l->partner);
    }
    if (b.n_parts >= KIT_MIN && is_seen_enough(s, &b))
        search_accept(s, &b);
}

// Anchors come in the order of their strongest links.
void build_fixed(struct search *s)
{
    for (uint32_t k = 0; k < s->n_links && !search_is_full(s); k++) {
        uint32_t anchor = s->links[k].anchor, first = 0;
        while (s->links[first].anchor != anchor)
            first++;
        if (first == k && search_may_anchor(s, anchor))
            build_around(s, anchor);
    }
}
