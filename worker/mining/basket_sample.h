// What item2vec learns from: orders with two or more items, shuffled, their items numbered from the most bought to the
// least ("words" 0, 1, ... of the vocabulary), so that the rows in most use stand together.
// THREADS  Immutable once built.
#ifndef BUNDLE_WORKER_MINING_BASKET_SAMPLE_H
#define BUNDLE_WORKER_MINING_BASKET_SAMPLE_H

#include "worker/dataset/dataset.h"
#include "worker/mining/random.h"

struct basket_sample {
    uint32_t n_words;
    uint32_t *item_of; // by word
    uint32_t *counts;  // by word: drawn orders that contain it
    uint32_t n_drawn;  // orders drawn; of them n_orders have two words or more and stand below
    uint32_t n_orders, n_lines;
    uint32_t *first; // n_orders + 1
    uint32_t *words;
};

// Draws every order with two or more items, or at random as many as lines_max lines take (one at least). The
// vocabulary are the words_max items most bought in them.
void basket_sample_build(struct basket_sample *s, const struct dataset *d, uint32_t words_max, uint32_t lines_max,
                         struct random *random, struct arena *memory);

#endif
