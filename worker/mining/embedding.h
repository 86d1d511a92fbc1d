// Embedding: item2vec. Each item that was ever bought with another becomes a vector of length 1 in 64 dimensions; items
// that are bought in the same company lie close together, also where they never met in one order.
//
//     orders -> spectral.h (start) -> sgns.h (skip-gram with negative sampling) -> each item's nearest neighbours
//
// VECTORS   unit(in + out + 2 start), after the passes: what was learned (in and out together, as Pennington, Socher,
//           Manning 2014, section 4.2, and Levy, Goldberg, Dagan 2015, section 3.3, do), held to where it came from.
// SCORE     likeness_weight * cosine(a, b) + popularity * ln(orders of b / orders). Were popularity 1 and the weight
//           right, this were ln P(b | a) to a constant: the cosine stands for the pointwise mutual information that
//           SGNS factorises (Levy, Goldberg 2014). The weight is learned from the shop, as Fisher's discriminant
//           between the cosines of pairs bought together and of pairs by chance, (mean - mean) / variance: with few
//           products the cosine says little, and popularity decides; with thousands likeness does. So one rule serves
//           catalogues of any size. popularity 0 gives the order by cosine.
// BOUNDS    Work grows with the upload to visits_max lines in all passes together (larger: fewer passes, then a random
//           sample of the orders), words_max items (the most bought ones) and scores_max scores (more: neighbours are
//           looked for among the most bought items only). Memory: 1.3 kB an item of the vocabulary, 4 bytes a line.
// INVARIANTS  1. Neighbours are sorted by score, then by item's orders, then by item id; an item is not its own.
//             2. Same dataset, rules and seed: same bytes, on any processor.
// THREADS     Immutable once trained.
#ifndef BUNDLE_WORKER_MINING_EMBEDDING_H
#define BUNDLE_WORKER_MINING_EMBEDDING_H

#include <stdatomic.h>

#include "worker/dataset/dataset.h"

struct embedding_neighbour {
    uint32_t item;
    float cosine;
    float score;
};

struct embedding_rules {
    uint32_t passes;              // over the orders; 0: the spectral start alone
    uint32_t contexts, negatives; // per item of an order; together at most 64
    uint32_t neighbours_max;      // kept per item
    uint32_t visits_max;          // order lines looked at in all passes together
    uint32_t words_max;           // items with a vector
    uint64_t scores_max;          // pairs of items compared
    double popularity;            // in the score
    double rate;                  // the first learning rate
    double frequent;              // subsampled: items bought more often than this many times the mean
    uint64_t seed;
};
extern const struct embedding_rules EMBEDDING_RULES_DEFAULT;

struct embedding {
    struct arena memory;
    uint32_t n_items; // == dataset.n_items
    double likeness_weight;
    uint32_t *neighbour_first; // n_items + 1
    struct embedding_neighbour *neighbours;
};

bool embedding_train(struct embedding **out, const struct dataset *d, const struct embedding_rules *r,
                     const atomic_bool *is_cancelled, struct err *e) MUST_USE;
void embedding_destroy(struct embedding *v); // NULL is fine
void embedding_destroyp(struct embedding **v);

const struct embedding_neighbour *embedding_find(const struct embedding *v, uint32_t a, uint32_t b); // NULL: not kept

struct buf;
struct mp_value;
void embedding_encode(const struct embedding *v, struct buf *out);
bool embedding_decode(struct embedding **out, const struct mp_value *m, const struct dataset *d,
                      struct err *e) MUST_USE; // trusts nothing

#endif
