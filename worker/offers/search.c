#include "worker/offers/search.h"

#include "common/check.h"
#include "worker/offers/association.h"
#include "worker/offers/pricing.h"
#include "worker/offers/ranking.h"

void search_init(struct search *s, const struct market *m, const struct offer_rules *r, enum objective o,
                 enum bundle_type t, struct arena *memory)
{
    *s = (struct search){.market = m, .rules = r, .objective = o, .type = t, .memory = memory};
    s->shape = objective_shape(o);
    s->worths = ARENA_ARRAY(memory, double, m->data->n_items + 1);
    objective_worths(m, r, o, s->worths);
    s->n_anchors = objective_anchors(s->worths, m->data->n_items, s->anchors, ANCHORS_MAX);
    while (s->n_pinned < s->n_anchors && item_is_pinned(r, s->anchors[s->n_pinned]))
        s->n_pinned++;
    s->bundles_max = r->candidates_per_pair;
    s->bundles = ARENA_ARRAY(memory, struct bundle, s->bundles_max + 1);
    s->links = ARENA_ARRAY(memory, struct link, LINKS_MAX);
    s->anchor_uses = ARENA_ARRAY(memory, uint8_t, m->data->n_items + 1);
    s->uses = ARENA_ARRAY(memory, uint8_t, m->data->n_items + 1);
    growth_init(&s->growth, m, memory);
}

bool search_is_full(const struct search *s)
{
    return s->n_bundles >= s->bundles_max;
}

// The share of the orders that hold the item, of as many candidates as there can be.
static double share_of_candidates(const struct search *s, uint32_t item)
{
    const struct evidence *v = s->market->evidence;
    return v->n_multi ? (double)v->item_multi[item] / v->n_multi * s->bundles_max : 0;
}

bool search_may_use(const struct search *s, uint32_t item)
{
    return s->uses[item] < USES_MAX || s->uses[item] < share_of_candidates(s, item);
}

bool search_may_anchor(const struct search *s, uint32_t item)
{
    bool has_room =
        s->anchor_uses[item] < USES_AS_ANCHOR_MAX || s->anchor_uses[item] < share_of_candidates(s, item) / 2;
    return has_room && search_may_use(s, item);
}

uint32_t search_orders_min(const struct search *s)
{
    return s->market->is_small ? 1 : 2;
}

uint32_t search_orders_for_more(const struct search *s)
{
    enum { ONE_IN = 1000 };
    uint32_t share = s->market->evidence->n_multi / ONE_IN, least = search_orders_min(s);
    return share > least ? share : least;
}

static bool is_product_in(const struct search *s, const struct bundle *b, uint32_t item)
{
    const struct item *items = s->market->data->items;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (items[b->parts[i].item].product == items[item].product)
            return true;
    }
    return false;
}

static bool is_type_in(const struct search *s, const struct bundle *b, uint32_t item)
{
    const struct item *items = s->market->data->items;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (items[b->parts[i].item].type_id == items[item].type_id)
            return true;
    }
    return false;
}

bool search_may_join(const struct search *s, const struct bundle *b, uint32_t item)
{
    if (b->n_parts == PARTS_MAX || is_product_in(s, b, item))
        return false;
    if (s->shape->needs_distinct_types && is_type_in(s, b, item))
        return false;
    if (objective_partner(s->market, s->objective, s->type, b->parts[0].item, item) <= 0)
        return false;
    if (!item_is_offerable(s->market, s->rules, item))
        return false;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (!items_may_share(s->market, s->rules, s->objective, s->type, b->parts[i].item, item) ||
            association_pair_is_negative(s->market, b->parts[i].item, item))
            return false;
    }
    return true;
}

double search_welcome(const struct search *s, uint32_t anchor, uint32_t partner)
{
    const struct item *items = s->market->data->items;
    if (items[anchor].product == items[partner].product || !item_is_offerable(s->market, s->rules, partner))
        return 0;
    return objective_partner(s->market, s->objective, s->type, anchor, partner);
}

struct bundle search_bundle(const struct search *s, uint32_t sources)
{
    struct bundle b = {.type = s->type, .objective = s->objective, .sources = sources};
    b.objectives = 1u << s->objective;
    return b;
}

void search_add_part(struct bundle *b, uint32_t item, uint32_t quantity, enum part_role role)
{
    CHECK(b->n_parts < PARTS_MAX);
    b->parts[b->n_parts++] =
        (struct part){.item = item, .quantity = quantity, .role = role, .price_minor = MONEY_UNKNOWN};
}

enum { EXTENSIONS_TRIED = 8 };

struct extension {
    uint32_t item;
    double score;
};

static double extension_score(const struct search *s, const struct bundle *b, uint32_t item)
{
    const struct evidence *v = s->market->evidence;
    const struct growth *g = &s->growth;
    double welcome = objective_partner(s->market, s->objective, s->type, b->parts[0].item, item);
    if (welcome <= 0 || v->n_multi == 0 || !search_may_use(s, item))
        return 0;
    double expected = v->kappa * g->n_orders * v->item_multi[item] / v->n_multi;
    return welcome * evidence_score(g->counts[item], expected, ASSOCIATION_SHRINK);
}

// The few best by score; ties by item id.
static uint32_t best_extensions(const struct search *s, const struct bundle *b, uint32_t orders_min,
                                struct extension *best)
{
    const struct growth *g = &s->growth;
    uint32_t n = 0;
    for (uint32_t k = 0; k < g->n_touched; k++) {
        struct extension x = {.item = g->touched[k]};
        if (g->counts[x.item] < orders_min || (x.score = extension_score(s, b, x.item)) <= 0)
            continue;
        uint32_t at = n;
        while (at > 0 &&
               (best[at - 1].score < x.score || (best[at - 1].score <= x.score && best[at - 1].item > x.item)))
            at--;
        if (at == EXTENSIONS_TRIED)
            continue;
        n += n < EXTENSIONS_TRIED;
        for (uint32_t i = n - 1; i > at; i--)
            best[i] = best[i - 1];
        best[at] = x;
    }
    return n;
}

static bool is_above_chance(const struct search *s, const struct bundle *b, uint32_t item, uint32_t orders)
{
    uint32_t items[PARTS_MAX];
    for (uint32_t i = 0; i < b->n_parts; i++)
        items[i] = b->parts[i].item;
    items[b->n_parts] = item;
    return !association_is_negative(orders, association_expected(s->market, items, b->n_parts + 1));
}

bool search_extend(struct search *s, struct bundle *b, uint32_t orders_min, enum part_role role)
{
    struct extension best[EXTENSIONS_TRIED];
    growth_count(&s->growth);
    uint32_t n = best_extensions(s, b, orders_min, best);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t item = best[k].item;
        if (!search_may_join(s, b, item) || !is_above_chance(s, b, item, s->growth.counts[item]))
            continue;
        search_add_part(b, item, 1, role);
        growth_add(&s->growth, item);
        return true;
    }
    return false;
}

static bool is_same_set(const struct bundle *a, const struct bundle *b)
{
    if (a->n_parts != b->n_parts)
        return false;
    for (uint32_t i = 0; i < a->n_parts; i++) {
        uint32_t k = 0;
        while (k < b->n_parts && (a->parts[i].item != b->parts[k].item ||
                                  (a->parts[i].role == ROLE_REWARD) != (b->parts[k].role == ROLE_REWARD)))
            k++;
        if (k == b->n_parts)
            return false;
    }
    return true;
}

static bool is_known(const struct search *s, const struct bundle *b)
{
    for (uint32_t i = 0; i < s->n_bundles; i++) {
        if (is_same_set(&s->bundles[i], b) || ranking_is_like_pool(&s->bundles[i], b))
            return true;
    }
    return false;
}

// Chance is no argument where people choose one of several (a pool) or more of the same.
static bool is_against_evidence(const struct bundle *b)
{
    return (b->type == TYPE_FBT || b->type == TYPE_BXGY || b->type == TYPE_FIXED) &&
           association_is_negative(b->orders_together, b->expected);
}

static void set_strength(const struct search *s, struct bundle *b)
{
    if (b->orders_together == 0 || s->type == TYPE_VOLUME || s->type == TYPE_MIX_MATCH)
        return; // the builder's
    double score = evidence_score(b->orders_together, b->expected, ASSOCIATION_SHRINK);
    b->strength = score > 0 ? score : 0;
}

static void count_use(uint8_t *uses)
{
    if (*uses < UINT8_MAX)
        (*uses)++;
}

bool search_accept(struct search *s, struct bundle *b)
{
    if (search_is_full(s) || is_known(s, b))
        return false;
    association_count(s->market, b);
    if (is_against_evidence(b) || !pricing_set(s->market, s->rules, b))
        return false;
    set_strength(s, b);
    ranking_features(s->market, b);
    if (b->fit <= 0)
        return false;
    s->bundles[s->n_bundles++] = *b;
    count_use(&s->anchor_uses[b->parts[0].item]);
    for (uint32_t i = 0; i < b->n_parts; i++)
        count_use(&s->uses[b->parts[i].item]);
    return true;
}
