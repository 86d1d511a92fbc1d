// Association: exact counts of a set of items in the orders, and what chance gives. Uses postings for what evidence did
// not keep.
//
// CHANCE    For a set S the expected joint count is the largest, over its items i, of kappa * c(S without i) * c(i) / N
//           over multi-item orders: how often chance alone would add the last product to the others, at this shop's
//           basket sizes. For two items that is evidence_expected(). A lift above 1 so means that every part belongs.
// NEWEST    Do the newest fifth of the orders confirm what the others say? Two exact tests at 5 % (count_test.h):
//             above chance   more joint orders there than its own basket sizes and item counts give (the formula above)
//             fewer          a smaller share of the base's orders there than in the others
//           Confirmed: seen there twice and above chance; tiers and pools, which chance says nothing of: seen there
//           twice and not fewer, where none at all would have been. Not confirmed: fewer. Else, and where the others
//           never saw it, nobody can tell.
#ifndef BUNDLE_WORKER_OFFERS_ASSOCIATION_H
#define BUNDLE_WORKER_OFFERS_ASSOCIATION_H

#include "worker/offers/offers.h"

#define ASSOCIATION_SHRINK 3.0 // s of evidence_score

// Fewer than three quarters of the joint orders that chance gives: customers avoid it. Never having met is no evidence
// while chance itself expects less than one order.
bool association_is_negative(uint32_t orders, double expected);
bool association_pair_is_negative(const struct market *m, uint32_t a, uint32_t b);
uint32_t association_pair_orders(const struct market *m, uint32_t a, uint32_t b);
double association_expected(const struct market *m, const uint32_t *items, uint32_t n); // n 2..PARTS_MAX

void association_date(struct market *m); // fills recent_first and newest

// Fills the evidence fields of b from its type, parts and structure.
void association_count(const struct market *m, struct bundle *b);

#endif
