// Skip-gram with negative sampling (Mikolov et al. 2013, "Distributed representations of words and phrases", equation
// 4) on orders instead of sentences (Barkan, Koenigstein 2016, item2vec): an item is trained to tell the items of its
// order from items drawn at random,
//
//     sum over contexts ln s(in_a . out_b) + sum over negatives ln s(-in_a . out_b).
//
// An order has no sequence, so the window is the whole order; of the others in it at most `contexts` are drawn, anew at
// each visit: linear in the size of the order, where all pairs are quadratic (and let large orders speak for the shop).
// All contexts of a centre share one set of negatives, drawn evenly from the vocabulary: for recommending, other
// exponents of popularity than word2vec's 0.75 do better (Caselles-Dupre, Lesaint, Royo-Letelier, RecSys 2018), and
// 0 does here.
// Frequent items are left out of an order at random, word2vec's rule with a threshold of `frequent` times the mean
// share. The rate falls linearly to 0, divided by AdaGrad's root (see vectors.h): rare items take larger steps.
#ifndef BUNDLE_WORKER_MINING_SGNS_H
#define BUNDLE_WORKER_MINING_SGNS_H

#include <stdatomic.h>

#include "worker/mining/basket_sample.h"
#include "worker/mining/vectors.h"

struct sgns_rules {
    uint32_t contexts, negatives; // contexts + negatives <= VECTOR_TARGETS
    uint32_t passes;              // over the sample ...
    uint32_t visits_max;          // ... but no more lines than this in all
    double rate;                  // the first
    double frequent;
};

// Trains in and out, which hold the starting vectors. One thread, a fixed order. is_cancelled: ERR_CANCELLED.
bool sgns_train(float *in, float *out, const struct basket_sample *s, const struct sgns_rules *r,
                const struct vector_kernel *kernel, struct random *random, const atomic_bool *is_cancelled,
                struct err *e) MUST_USE;

uint32_t sgns_keep(uint32_t count, double threshold); // word2vec's subsampling: kept when random_bits() <= this

#endif
