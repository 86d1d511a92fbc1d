// Nearest neighbours, exact, among vectors of length 1 with a prior: every pair is scored, 16 at a time.
#ifndef BUNDLE_WORKER_MINING_NEAREST_H
#define BUNDLE_WORKER_MINING_NEAREST_H

#include <stdatomic.h>

#include "worker/mining/vectors.h"

struct near {
    uint32_t row;
    float cosine, score;
};

struct nearest_question {
    const float *rows; // n of them
    uint32_t n;
    uint32_t n_candidates; // the first of the rows: only they are found
    const float *priors;   // n_candidates
    float cosine_weight;   // score = cosine_weight * cosine + prior
    uint32_t wanted;
};

// found[i * wanted ..]: what is nearest to row i, best first, equal ones by row; n_found[i] of them, min(wanted,
// candidates other than i). is_cancelled: ERR_CANCELLED.
bool nearest_find(struct near *found, uint32_t *n_found, const struct nearest_question *q,
                  const struct vector_kernel *kernel, const atomic_bool *is_cancelled, struct err *e) MUST_USE;

#endif
