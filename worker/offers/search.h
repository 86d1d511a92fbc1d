// Search: the working state of one pair (objective, bundle type) while its candidates are found, and what the builders
// of the five types share.
//
//     sources.c: rules, co-purchased pairs, covering pairs, item2vec --+
//     ladder.c: tier by tier, while there are too few bundles ---------+--> links --> build_<type>.c --> search_accept
#ifndef BUNDLE_WORKER_OFFERS_SEARCH_H
#define BUNDLE_WORKER_OFFERS_SEARCH_H

#include "worker/offers/growth.h"
#include "worker/offers/objectives.h"
#include "worker/offers/offers.h"

enum {
    ANCHORS_MAX = 64,       // per pair
    LINKS_MAX = 512,        // at a time
    LINKS_PER_ANCHOR = 12,  // of a tier of the ladder
    CANDIDATES_ENOUGH = 5,  // fewer: the ladder is climbed (SPEC 7)
    CANDIDATES_TARGET = 10, // ... until there are so many
    USES_AS_ANCHOR_MAX = 3, // of one item in a pair's candidates: a pair is not one hub and its partners,
    USES_MAX = 6,           // except where the orders are: see search_may_anchor
};

struct link { // an anchor and what may stand beside it
    uint32_t anchor, partner;
    uint32_t orders;  // joint
    uint32_t sources; // enum source
    double strength;
};

struct search {
    const struct market *market;
    const struct offer_rules *rules;
    enum objective objective;
    enum bundle_type type;
    const struct objective_shape *shape;
    struct arena *memory;
    struct growth growth;
    double *worths; // of every item as an anchor
    uint32_t anchors[ANCHORS_MAX];
    uint32_t n_anchors, n_pinned; // pinned ones come first

    struct link *links; // see links_settle
    uint32_t n_links;

    struct bundle *bundles;
    uint32_t n_bundles, bundles_max;
    uint8_t *anchor_uses, *uses; // per item
};

void search_init(struct search *s, const struct market *m, const struct offer_rules *r, enum objective o,
                 enum bundle_type t, struct arena *memory);
bool search_is_full(const struct search *s);
// Has an item not yet stood in as large a share of the candidates as of the multi-item orders (half of it in front), or
// USES_MAX of them (USES_AS_ANCHOR_MAX)?
bool search_may_use(const struct search *s, uint32_t item);
bool search_may_anchor(const struct search *s, uint32_t item);

// May item join these parts: offerable, a product (and where the objective wants it a type) of its own, welcome beside
// the anchor parts[0], not avoided together with any part by the customers.
bool search_may_join(const struct search *s, const struct bundle *b, uint32_t item);

struct bundle search_bundle(const struct search *s, uint32_t sources); // an empty one of this pair
void search_add_part(struct bundle *b, uint32_t item, uint32_t quantity, enum part_role role);
// The strongest extension of the set in s->growth (which holds b's parts): at least orders_min joint orders and more
// than chance. false: none.
bool search_extend(struct search *s, struct bundle *b, uint32_t orders_min, enum part_role role);

// Evidence, checks, price, features; kept when all hold and it is not there already.
bool search_accept(struct search *s, struct bundle *b);
uint32_t search_orders_min(const struct search *s); // joint orders that count as seen: 2, in small uploads 1
// ... that a kit, or a set larger than it need be, must have at least: one order in 1,000.
uint32_t search_orders_for_more(const struct search *s);

// How welcome a partner is beside an anchor; 0: of the same product, not on offer, or not for this objective.
double search_welcome(const struct search *s, uint32_t anchor, uint32_t partner);

// Links: add as many as there are, then settle: those of one anchor and partner become one, with all their sources and
// the best strength; those of pinned anchors first, then the strongest, ties by anchor, then partner.
void links_clear(struct search *s);
void links_add(struct search *s, struct link l); // strength <= 0: not added; full: the weaker half gives way
void links_settle(struct search *s);

void sources_collect(struct search *s); // what the orders say of this pair's anchors, all on one scale

// Climbs until CANDIDATES_TARGET bundles are there. `build` makes bundles of the links. false: cancelled.
bool ladder_climb(struct search *s, void (*build)(struct search *s), const atomic_bool *is_cancelled,
                  struct pair_report *report, struct err *e) MUST_USE;
void ladder_ask_catalog(struct search *s); // the links of tier 7 alone

void build_sets(struct search *s, uint32_t n_min, uint32_t n_max); // of frequent itemsets of that many products
void build_fbt(struct search *s);
void build_volume(struct search *s); // once a pair: needs no links
void build_mix_match(struct search *s);
void build_bxgy(struct search *s);
void build_fixed(struct search *s);

#endif
