// Portfolio: of one objective's bundles those that no other beats in everything. Exact non-dominated sorting (ENS:
// Zhang et al., IEEE Trans. Evol. Comp. 19, 2015) with the crowding distance of NSGA-II (Deb et al., IEEE Trans. Evol.
// Comp. 6, 2002) over the criteria that fit the objective.
#ifndef BUNDLE_WORKER_OFFERS_PORTFOLIO_H
#define BUNDLE_WORKER_OFFERS_PORTFOLIO_H

#include "worker/offers/offers.h"

// Keeps the best `keep` of every objective in `list`, and those around a pinned product (front by front, the last front
// by crowding, then identity); order of the kept is by front. Returns the number of fronts of the objective that has
// most.
uint32_t portfolio_select(const struct market *m, const struct offer_rules *r, struct bundle_list *list, uint32_t keep,
                          struct arena *memory);

enum { CRITERIA = 5 };
struct criteria {
    double value[CRITERIA]; // more is better
    uint32_t bundle;        // its position in the caller's array
    uint32_t front;         // 0 is not dominated
    double crowding;
};
uint32_t portfolio_sort(struct criteria *c, uint32_t n, struct arena *memory); // sets front and crowding

#endif
