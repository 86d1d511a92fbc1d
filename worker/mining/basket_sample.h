// What item2vec learns from: orders with two or more items, shuffled, their items numbered from the most bought to the
// least ("words" 0, 1, ... of the vocabulary), so that the rows in most use stand together.
// THREADS  Immutable once built.
#ifndef BUNDLE_WORKER_MINING_BASKET_SAMPLE_H
#define BUNDLE_WORKER_MINING_BASKET_SAMPLE_H

#include "worker/dataset/dataset.h"
#include "worker/mining/random.h"

struct basket_sample {
    uint32_t n_words;
    uint32_t *item_of;      // by word
    uint32_t *orders_multi; // by word: orders with two or more items that contain it, of the whole upload
    uint32_t n_multi;       // such orders
    uint32_t n_orders, n_lines;
    uint32_t *first; // n_orders + 1
    uint32_t *words;
};

// The vocabulary: the words_max items most bought together with another. Of the orders a random lines_max lines or
// fewer, but one order at least.
void basket_sample_build(struct basket_sample *s, const struct dataset *d, uint32_t words_max, uint32_t lines_max,
                         struct random *random, struct arena *memory);

#endif
