// The fallback ladder (SPEC 7): for pairs of which the orders gave too few candidates. Links of a tier weigh its weight
// times a likeness between 0 and 1, times how welcome the objective finds the partner.
//
//   7 cold start    likeness of the catalogue's words: type, vendor, title, price
//   6 popularity    share of the best seller's orders, leaning towards those that sell more now than they used to
//   5 complements   learned from the shop's types, else the table of words; price within three times
//   4 similarity    the larger of cosine c(ab) / sqrt(c(a) c(b)) and Jaccard c(ab) / (c(a) + c(b) - c(ab)) over baskets
//   3 smoothed      Laplace: (c(ab) + 1) / (c(a) + 2)
//   2 adaptive      confidence of rules with support >= max(3 orders, 1.5 %) and confidence >= 0.2
//   1 strict        confidence of strict rules (mining/itemsets.h)
#include <math.h>

#include "common/check.h"
#include "worker/offers/association.h"
#include "worker/offers/complements.h"
#include "worker/offers/search.h"
#include "worker/offers/similarity.h"

enum { SIMILAR_LOOKED_AT = 1500, POPULAR_LOOKED_AT = 40 }; // of the most popular items, per anchor

#define ADAPTIVE_CONFIDENCE 0.2
#define PRICE_WITHIN 3.0
#define SUBSTITUTE_FROM 0.75
#define RECENT_DAYS 30.0

struct rung {
    const char *name;
    enum source source;
    double weight;
    void (*collect)(struct search *s, const struct rung *t, uint32_t anchor);
};

// The best few links of one anchor.
struct best_links {
    struct link links[LINKS_PER_ANCHOR];
    uint32_t n;
};

// Could a link of at most this strength get in?
static bool has_room(const struct best_links *best, double strength_max)
{
    return strength_max > 0 && (best->n < LINKS_PER_ANCHOR || strength_max > best->links[best->n - 1].strength);
}

static void keep(struct best_links *best, struct link l)
{
    uint32_t at = best->n < LINKS_PER_ANCHOR ? best->n++ : best->n - 1;
    for (; at > 0 && best->links[at - 1].strength < l.strength; at--)
        best->links[at] = best->links[at - 1];
    best->links[at] = l;
}

static void add_all(struct search *s, struct best_links *best)
{
    for (uint32_t k = 0; k < best->n; k++) {
        best->links[k].orders = association_pair_orders(s->market, best->links[k].anchor, best->links[k].partner);
        links_add(s, best->links[k]);
    }
}

// Partners among the most popular items, by a likeness of two items.
static void collect_like(struct search *s, const struct rung *t, uint32_t anchor, uint32_t looked_at,
                         double (*likeness)(const struct market *m, uint32_t a, uint32_t b))
{
    const struct market *m = s->market;
    struct best_links best = {.n = 0};
    for (uint32_t k = 0; k < m->n_by_popularity && k < looked_at; k++) {
        uint32_t partner = m->by_popularity[k];
        double most = likeness(m, anchor, partner) * t->weight; // no partner is more welcome than 1
        if (!has_room(&best, most))
            continue;
        struct link l = {anchor, partner, 0, t->source, most * search_welcome(s, anchor, partner)};
        if (has_room(&best, l.strength) && !association_pair_is_negative(m, anchor, partner))
            keep(&best, l);
    }
    add_all(s, &best);
}

// Partners among those that stood in the anchor's orders, by their counts.
static void collect_seen(struct search *s, const struct rung *t, uint32_t anchor,
                         double (*likeness)(double joint, double of_anchor, double of_partner))
{
    const struct item *items = s->market->data->items;
    struct best_links best = {.n = 0};
    growth_start(&s->growth, anchor);
    growth_count(&s->growth);
    for (uint32_t k = 0; k < s->growth.n_touched; k++) {
        uint32_t partner = s->growth.touched[k], joint = s->growth.counts[partner];
        double most = likeness(joint, items[anchor].orders, items[partner].orders) * t->weight;
        if (partner == anchor || !has_room(&best, most))
            continue;
        struct link l = {anchor, partner, joint, t->source, most * search_welcome(s, anchor, partner)};
        if (has_room(&best, l.strength) &&
            !association_is_negative(joint, evidence_expected(s->market->evidence, anchor, partner)))
            keep(&best, l);
    }
    add_all(s, &best);
}

// What stands in for a thing belongs into a pool with it, and into no other offer.
static double pool_likeness(const struct market *m, uint32_t a, uint32_t b)
{
    double like = catalog_similarity(m, a, b), exchange = exchangeability(m, a, b);
    return like > exchange ? like : exchange;
}

static double set_likeness(const struct market *m, uint32_t a, uint32_t b)
{
    return exchangeability(m, a, b) > SUBSTITUTE_FROM ? 0 : catalog_similarity(m, a, b);
}

static void collect_cold_start(struct search *s, const struct rung *t, uint32_t anchor)
{
    collect_like(s, t, anchor, SIMILAR_LOOKED_AT, s->type == TYPE_MIX_MATCH ? pool_likeness : set_likeness);
}

// Orders of the newest 30 days against what the item's own pace over the upload's span gives; 1: as ever, up to 2.
static double trend(const struct dataset *d, const struct item *i)
{
    if (!d->has_dates || d->n_orders == 0 || d->as_of == DATE_UNKNOWN || d->order_at[0] == DATE_UNKNOWN)
        return 1;
    double days = (double)(d->as_of - d->order_at[0]) / 86400;
    double usual = days > RECENT_DAYS ? i->orders * RECENT_DAYS / days : i->orders;
    return fmin((i->orders_recent + 1) / (usual + 1), 2);
}

static double popular_likeness(const struct market *m, uint32_t a, uint32_t b)
{
    const struct item *items = m->data->items;
    if (items[b].orders == 0)
        return 0;
    double share = (double)items[b].orders / m->orders_max;
    return share * trend(m->data, &items[b]) / 2 * (0.5 + 0.5 * price_closeness(&items[a], &items[b]));
}

static void collect_popular(struct search *s, const struct rung *t, uint32_t anchor)
{
    collect_like(s, t, anchor, POPULAR_LOOKED_AT, popular_likeness);
}

static double complement_likeness(const struct market *m, uint32_t a, uint32_t b)
{
    const struct item *x = &m->data->items[a], *y = &m->data->items[b];
    double close = price_closeness(x, y);
    if (close * PRICE_WITHIN < 1)
        return 0;
    double learned = complements_learned(m->complements, x->type_id, y->type_id);
    double like = learned > 0 ? learned : complements_by_words(m->complements, a, b) ? 0.5 : 0;
    return like * (0.5 + 0.5 * close);
}

static void collect_complements(struct search *s, const struct rung *t, uint32_t anchor)
{
    collect_like(s, t, anchor, SIMILAR_LOOKED_AT, complement_likeness);
}

static double cosine_or_jaccard(double joint, double a, double b)
{
    double cosine = joint / sqrt(a * b), jaccard = joint / (a + b - joint);
    return cosine > jaccard ? cosine : jaccard;
}

static void collect_similar(struct search *s, const struct rung *t, uint32_t anchor)
{
    collect_seen(s, t, anchor, cosine_or_jaccard);
}

static double laplace(double joint, double a, double b)
{
    (void)b;
    return (joint + 1) / (a + 2);
}

static void collect_smoothed(struct search *s, const struct rung *t, uint32_t anchor)
{
    collect_seen(s, t, anchor, laplace);
}

static void collect_rules(struct search *s, const struct rung *t, uint32_t anchor,
                          bool (*is_good)(const struct itemsets *sets, const struct rule *r))
{
    const struct itemsets *sets = s->market->itemsets;
    struct places from = sets ? itemsets_rules_from(sets, anchor) : (struct places){NULL, 0};
    struct best_links best = {.n = 0};
    for (uint32_t k = 0; k < from.n; k++) {
        const struct rule *r = &sets->rules[from.at[k]];
        double most = r->n_lhs == 1 && is_good(sets, r) ? (double)r->confidence * t->weight : 0;
        if (!has_room(&best, most))
            continue;
        struct link l = {anchor, r->rhs, 0, t->source, most * search_welcome(s, anchor, r->rhs)};
        if (has_room(&best, l.strength) && !association_pair_is_negative(s->market, anchor, r->rhs))
            keep(&best, l);
    }
    add_all(s, &best);
}

static bool is_strict(const struct itemsets *sets, const struct rule *r)
{
    (void)sets;
    return r->is_strict;
}

static bool is_adaptive(const struct itemsets *sets, const struct rule *r)
{
    return r->orders >= itemsets_tier2_orders_min(sets->n_orders) && (double)r->confidence >= ADAPTIVE_CONFIDENCE;
}

static void collect_adaptive_rules(struct search *s, const struct rung *t, uint32_t anchor)
{
    collect_rules(s, t, anchor, is_adaptive);
}

static void collect_strict_rules(struct search *s, const struct rung *t, uint32_t anchor)
{
    collect_rules(s, t, anchor, is_strict);
}

static const struct rung TIERS[] = {
    {"strict_rules", SOURCE_STRICT_RULES, 1.0, collect_strict_rules},
    {"adaptive_rules", SOURCE_ADAPTIVE_RULES, 0.9, collect_adaptive_rules},
    {"smoothed_co_purchase", SOURCE_SMOOTHED, 0.8, collect_smoothed},
    {"basket_similarity", SOURCE_SIMILARITY, 0.7, collect_similar},
    {"complements", SOURCE_COMPLEMENTS, 0.6, collect_complements},
    {"popularity", SOURCE_POPULARITY, 0.5, collect_popular},
    {"cold_start", SOURCE_COLD_START, 0.4, collect_cold_start},
};

const char *ladder_tier_name(unsigned tier)
{
    CHECK(tier < LADDER_TIERS);
    return TIERS[tier].name;
}

static void collect(struct search *s, unsigned k)
{
    links_clear(s);
    for (uint32_t a = 0; a < s->n_anchors; a++)
        TIERS[k].collect(s, &TIERS[k], s->anchors[a]);
    links_settle(s);
}

void ladder_ask_catalog(struct search *s)
{
    collect(s, LADDER_TIERS - 1);
}

static void climb_one(struct search *s, void (*build)(struct search *s), unsigned k, struct ladder_tier *report)
{
    uint32_t before = s->n_bundles;
    collect(s, k);
    build(s);
    report->runs++;
    report->links += s->n_links;
    report->bundles += s->n_bundles - before;
}

bool ladder_climb(struct search *s, void (*build)(struct search *s), const atomic_bool *is_cancelled,
                  struct pair_report *report, struct err *e)
{
    for (unsigned step = 0; step < LADDER_TIERS && s->n_bundles < CANDIDATES_TARGET; step++) {
        unsigned k = s->rules->climbs_bottom_up ? LADDER_TIERS - 1 - step : step;
        int64_t begun_us = report->now_us ? report->now_us() : 0;
        if (is_cancelled && atomic_load_explicit(is_cancelled, memory_order_relaxed))
            return err_set(e, ERR_CANCELLED, "cancelled while looking for candidates");
        climb_one(s, build, k, &report->tiers[k]);
        report->tiers[k].us += report->now_us ? report->now_us() - begun_us : 0;
    }
    return true;
}
