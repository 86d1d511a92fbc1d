// Search: the working state of one pair (objective, bundle type) while its candidates are found, and what the builders
// of the five types share. Sources (sources.c) give links, builders (build_*.c) make bundles of them, search_accept()
// counts, prices and keeps those that hold.
//
//     sources, in order until enough --> links --> builder of the type --> search_accept --> bundles
#ifndef BUNDLE_WORKER_OFFERS_SEARCH_H
#define BUNDLE_WORKER_OFFERS_SEARCH_H

#include "worker/offers/growth.h"
#include "worker/offers/objectives.h"
#include "worker/offers/offers.h"

enum {
    ANCHORS_MAX = 64,       // per pair
    LINKS_MAX = 512,        // per source
    CANDIDATES_ENOUGH = 5,  // fewer: the next source is asked (SPEC 7)
    CANDIDATES_TARGET = 10, // ... until there are so many
    USES_AS_ANCHOR_MAX = 3, // of one item in a pair's candidates: a pair is not one hub and its partners
    USES_MAX = 6,
};

struct link { // an anchor and what may stand beside it
    uint32_t anchor, partner;
    uint32_t orders; // joint
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
    uint32_t anchors[ANCHORS_MAX];
    uint32_t n_anchors;

    enum source source; // the one that is being used
    double source_weight;
    struct link *links; // its links, strongest first
    uint32_t n_links;

    struct bundle *bundles;
    uint32_t n_bundles, bundles_max;
    uint8_t *anchor_uses, *uses; // per item
};

void search_init(struct search *s, const struct market *m, const struct offer_rules *r, enum objective o,
                 enum bundle_type t, struct arena *memory);
bool search_is_full(const struct search *s);
bool search_may_use(const struct search *s, uint32_t anchor, uint32_t other);

// May item join these parts: offerable, a product (and where the objective wants it a type) of its own, welcome beside
// the anchor parts[0], not avoided together with any part by the customers.
bool search_may_join(const struct search *s, const struct bundle *b, uint32_t item);

struct bundle search_bundle(const struct search *s); // an empty one of this pair
void search_add_part(struct bundle *b, uint32_t item, uint32_t quantity, enum part_role role);
// The strongest extension of the set in s->growth (which holds b's parts): at least orders_min joint orders and more
// than chance. false: none.
bool search_extend(struct search *s, struct bundle *b, uint32_t orders_min, enum part_role role);

// Evidence, checks, price, features; kept when all hold and it is not there already.
bool search_accept(struct search *s, struct bundle *b);
uint32_t search_orders_min(const struct search *s); // joint orders that count as seen: 2, in small uploads 1

// The sources are numbered in the order in which they are asked. Fills s->links; false: nothing, or not for this
// upload.
extern const uint32_t N_LINK_SOURCES;
bool sources_collect(struct search *s, uint32_t number);

void build_fbt(struct search *s);
void build_volume(struct search *s); // once a pair: needs no links
void build_mix_match(struct search *s);
void build_bxgy(struct search *s);
void build_fixed(struct search *s);

#endif
