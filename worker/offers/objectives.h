// Objectives: which items an objective is about (anchors), what may stand beside them, and how well a finished set
// serves it: the table of SPEC 6 as functions. Adding an objective: a row in bundle.h and a row in objectives.c.
#ifndef BUNDLE_WORKER_OFFERS_OBJECTIVES_H
#define BUNDLE_WORKER_OFFERS_OBJECTIVES_H

#include "worker/offers/offers.h"

// How an objective likes its sets.
struct objective_shape {
    uint32_t set_min, set_max; // products of an FBT
    uint32_t kit_max;          // products of a FIXED kit (3 at least)
    uint32_t pick_n;           // MIX_MATCH
    bool needs_distinct_types;
    bool is_anchor_reward;            // BXGY: the anchor is what one gets, not what one buys
    double depth;                     // typical discount as a position between the objective's min (0) and max (1)
    double anchor_depth, other_depth; // factors on the discount of anchors and of the others
};
const struct objective_shape *objective_shape(enum objective o);

double objective_anchor(const struct market *m, enum objective o, uint32_t item); // 0: no anchor, else its worth as one

// 0: must not stand beside this anchor in an offer of this type; else how welcome it is, up to 1.
double objective_partner(const struct market *m, enum objective o, enum bundle_type t, uint32_t anchor,
                         uint32_t partner);

double objective_fit(const struct market *m, const struct bundle *b); // 0..1; 0: does not serve b->objective

// Of every item: its worth as an anchor, 0: none, or not on offer. Pinned items are worth more than all others: whether
// what is built around them serves the objective is for its fit to say.
void objective_worths(const struct market *m, const struct offer_rules *r, enum objective o, double *worths);
// The best of them, best first (ties: lower item id). Returns how many, <= max.
uint32_t objective_anchors(const double *worths, uint32_t n_items, uint32_t *out, uint32_t max);
bool objective_has_anchor(const struct market *m, const struct offer_rules *r,
                          enum objective o); // a pin makes no product seasonal

#endif
