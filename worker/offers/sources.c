// Where links come from, in the order they are asked; the next is asked only while a pair has too few candidates. The
// later tiers of the ladder (SPEC 7) are further rows of the table.
#include <stdlib.h>

#include "common/check.h"
#include "worker/offers/association.h"
#include "worker/offers/search.h"
#include "worker/offers/similarity.h"

enum {
    SIMILAR_LOOKED_AT = 1500, // of the most popular items, per anchor
    POPULAR_LOOKED_AT = 40,
    LINKS_PER_ANCHOR = 12, // of the sources without joint orders
};

static int compare_links(const void *left, const void *right)
{
    const struct link *a = left, *b = right;
    if (a->strength < b->strength || a->strength > b->strength)
        return a->strength > b->strength ? -1 : 1;
    if (a->anchor != b->anchor)
        return a->anchor < b->anchor ? -1 : 1;
    return a->partner < b->partner ? -1 : a->partner > b->partner;
}

// Keeps the LINKS_MAX strongest: full, the list is sorted once and the weakest half gives way.
static void add_link(struct search *s, struct link l)
{
    if (s->n_links == LINKS_MAX) {
        qsort(s->links, s->n_links, sizeof s->links[0], compare_links);
        s->n_links = LINKS_MAX / 2;
    }
    s->links[s->n_links++] = l;
}

static double welcome(const struct search *s, uint32_t anchor, uint32_t partner)
{
    const struct item *items = s->market->data->items;
    if (items[anchor].product == items[partner].product || !item_is_offerable(s->market, s->rules, partner))
        return 0;
    return objective_partner(s->market, s->objective, s->type, anchor, partner);
}

static void collect_pairs(struct search *s)
{
    const struct evidence *v = s->market->evidence;
    for (uint32_t a = 0; a < s->n_anchors; a++) {
        uint32_t anchor = s->anchors[a];
        for (uint32_t k = v->neighbour_first[anchor]; k < v->neighbour_first[anchor + 1]; k++) {
            const struct neighbour *n = &v->neighbours[k];
            if (n->score <= 0)
                break; // sorted by score
            double weight = n->orders >= search_orders_min(s) ? welcome(s, anchor, n->item) : 0;
            if (weight > 0)
                add_link(s, (struct link){anchor, n->item, n->orders, weight * (double)n->score});
        }
    }
}

// Of one anchor's partners without joint orders the best few; like items in the order of `looked_at`.
static void collect_similar(struct search *s, uint32_t anchor, uint32_t looked_at,
                            double (*likeness)(const struct market *m, uint32_t a, uint32_t b))
{
    const struct market *m = s->market;
    struct link best[LINKS_PER_ANCHOR];
    uint32_t n = 0;
    for (uint32_t k = 0; k < m->n_by_popularity && k < looked_at; k++) {
        struct link l = {.anchor = anchor, .partner = m->by_popularity[k]};
        l.strength = likeness(m, anchor, l.partner) * s->source_weight;
        if (l.strength <= 0 || (n == LINKS_PER_ANCHOR && l.strength <= best[n - 1].strength))
            continue;
        l.strength *= welcome(s, anchor, l.partner);
        if (l.strength <= 0 || association_pair_is_negative(m, anchor, l.partner))
            continue;
        uint32_t at = n < LINKS_PER_ANCHOR ? n++ : n - 1;
        for (; at > 0 && best[at - 1].strength < l.strength; at--)
            best[at] = best[at - 1];
        best[at] = l;
    }
    for (uint32_t k = 0; k < n; k++) {
        best[k].orders = association_pair_orders(m, anchor, best[k].partner);
        add_link(s, best[k]);
    }
}

static double pool_or_basket_likeness(const struct market *m, uint32_t a, uint32_t b)
{
    double like = catalog_similarity(m, a, b), exchange = exchangeability(m, a, b);
    return like > exchange ? like : exchange;
}

static void collect_catalog(struct search *s)
{
    for (uint32_t a = 0; a < s->n_anchors; a++)
        collect_similar(s, s->anchors[a], SIMILAR_LOOKED_AT, pool_or_basket_likeness);
}

static double popular_likeness(const struct market *m, uint32_t a, uint32_t b)
{
    const struct item *items = m->data->items;
    if (items[b].orders == 0)
        return 0;
    double share = (double)items[b].orders / m->orders_max;
    return share * (0.5 + 0.5 * price_closeness(&items[a], &items[b]));
}

static void collect_popular(struct search *s)
{
    for (uint32_t a = 0; a < s->n_anchors; a++)
        collect_similar(s, s->anchors[a], POPULAR_LOOKED_AT, popular_likeness);
}

struct link_source {
    enum source source;
    double weight;    // of its links' strength, where they have no joint orders
    bool is_for_tiny; // also asked in an upload of fewer than 10 lines
    void (*collect)(struct search *s);
};

static const struct link_source LINK_SOURCES[] = {
    {SOURCE_PAIRS, 1.0, true, collect_pairs},
    {SOURCE_CATALOG, 0.4, true, collect_catalog},
    {SOURCE_POPULARITY, 0.5, false, collect_popular},
};
const uint32_t N_LINK_SOURCES = ARRAY_LEN(LINK_SOURCES);

bool sources_collect(struct search *s, uint32_t number)
{
    const struct link_source *source = &LINK_SOURCES[number];
    s->n_links = 0;
    if (s->market->is_tiny && !source->is_for_tiny)
        return false;
    s->source = source->source;
    s->source_weight = source->weight;
    source->collect(s);
    qsort(s->links, s->n_links, sizeof s->links[0], compare_links);
    return s->n_links > 0;
}
