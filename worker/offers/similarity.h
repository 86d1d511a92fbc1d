// Similarity of two items by what the catalogue and their titles say, for when the orders say nothing. Titles count as
// the words they consist of ("LUNCH BAG RED" and "LUNCH BAG CARS" share two of four), which also finds the families of
// shops that have no product types.
#ifndef BUNDLE_WORKER_OFFERS_SIMILARITY_H
#define BUNDLE_WORKER_OFFERS_SIMILARITY_H

#include "worker/offers/offers.h"

enum { TITLE_WORDS_MAX = 8 };

struct title_words {
    uint32_t hashes[TITLE_WORDS_MAX]; // ascending, distinct
    uint32_t n;
    uint64_t sizeless; // hash of the words, in order, but those that only say a size or a number of pieces; 0: no such
};

struct title_words title_words_of(struct str title);
double title_similarity(const struct title_words *a, const struct title_words *b); // Jaccard, 0..1

// Do the titles differ only in a size ("SMALL", "XL", "10CM", "30x40 cm") or a number of pieces ("SET OF 3", "PACK OF
// 12", "60 CAKE CASES"), or not at all? A number at the end alone is a name ("DOOR NUMBER 7").
bool is_same_product_in_another_size(const struct market *m, uint32_t a, uint32_t b);

// Cheaper over dearer price, 0..1; 0.5 where a price is not known.
double price_closeness(const struct item *a, const struct item *b);

// How well one can stand in for the other (the pool of a mix and match), 0..1: variants of one product 1; otherwise the
// same type or like titles, at a like price; 0: not exchangeable.
double exchangeability(const struct market *m, uint32_t a, uint32_t b);

// How plausible both are in one basket (SPEC 7, tier 7), 0..1: vendor, type, title, price; 0: nothing in common.
double catalog_similarity(const struct market *m, uint32_t a, uint32_t b);

#endif
