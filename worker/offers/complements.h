// Complements: kinds of products that are bought together (SPEC 7, tier 5). Learned from the orders, product type by
// product type, and behind that a small table of words that any shop's titles may hold (dress and belt).
//
// LEARNED   l = log2((n + 3) / (x + 3)), n the orders with both types, x = kappa * n(a) * n(b) / N what chance gives
//           for the number of types that this shop's orders hold (the formulas of mining/evidence.h, of types in the
//           place of items); likeness is l / 3 between 0 and 1: eight times chance is as good as it gets.
// THREADS   Immutable once learned.
#ifndef BUNDLE_WORKER_OFFERS_COMPLEMENTS_H
#define BUNDLE_WORKER_OFFERS_COMPLEMENTS_H

#include "worker/dataset/dataset.h"
#include "worker/offers/similarity.h"

enum { COMPLEMENT_TYPES_MAX = 512 }; // the types with most orders; others have only the words

struct complements {
    uint32_t *row_of_type; // per type: its row, ID_NONE: not among the kept ones
    uint32_t n_rows;
    float *likeness;  // n_rows * n_rows, 0..1
    uint32_t *first;  // per item: a bit for each row of the word table whose first ...
    uint32_t *second; // ... or second word is in its title
};

// words: per item, of its title.
void complements_learn(struct complements *c, const struct dataset *d, const struct title_words *words,
                       struct arena *memory);
double complements_learned(const struct complements *c, uint32_t type_a, uint32_t type_b); // 0..1; same type: 0
bool complements_by_words(const struct complements *c, uint32_t item_a, uint32_t item_b);

#endif
