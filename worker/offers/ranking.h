// Ranking: the features of SPEC 6 and the weighted rank with which the final list is picked.
//
// PREDICTED LIFT  2.62 * discount * (1 - confidence) * T / (T + 10), T = joint orders. 2.62 is the mean price
//                 elasticity of Bijmolt, van Heerde & Pieters (J. Marketing Research 42, 2005); only buyers who do not
//                 take the set already can be won; a set that was never bought predicts nothing. A prior, not a
//                 measurement.
#ifndef BUNDLE_WORKER_OFFERS_RANKING_H
#define BUNDLE_WORKER_OFFERS_RANKING_H

#include "worker/offers/offers.h"

void ranking_features(const struct market *m, struct bundle *b); // fit, inventory, price_sanity, predicted_lift

// Picks and orders the final list from `pool` (any order in, deterministic out): always the one with the highest
//   score = ((1 - w) * (sum of weight * feature - novelty penalty) + w * reach) * DIMINISH^(taken of objective, type)
// next, where w = rules.coverage_weight and reach = sqrt(weight of the orders it newly reaches / most that one reaches
// alone) (coverage.h); 1 more for the first around each pinned product, which so keeps its place. Features are
// normalised to [0,1] inside the job, confidence and lift inside their type. Scores never rise down the list. Caps of
// the rules hold. Returns how many were left out by a cap.
uint32_t ranking_pick(const struct market *m, const struct offer_rules *r, struct bundle_list *pool,
                      struct arena *memory, struct bundle_list *out);

// May the final list take b, given those in it: per_products_max for every two products that are sold together (or one
// product by itself); pools must not be like one another.
bool ranking_has_room(const struct market *m, const struct offer_rules *r, const struct bundle_list *list,
                      const struct bundle *b);
bool ranking_is_like_pool(const struct bundle *a, const struct bundle *b);
int ranking_compare_identity(const struct bundle *a, const struct bundle *b); // total order by type, parts, structure

#endif
