// Vectors of 64 floats, one per item, and the five loops over them that take item2vec's time. They are written once,
// with the compilers' vector extensions, and compiled for several instruction sets; the processor chooses at run time.
//
// INVARIANTS  Every kernel gives the same bytes: the 16 lanes and the order of every sum are fixed in the source,
//             nothing is fused or reassociated.
// THREADS     Pure functions of their arguments.
#ifndef BUNDLE_WORKER_MINING_VECTORS_H
#define BUNDLE_WORKER_MINING_VECTORS_H

#include <stdint.h>

#include "common/arena.h"

enum {
    VECTOR_DIMS = 64,
    VECTOR_LANES = 16,   // items of a block, see `score`: a multiple of every register's
    VECTOR_QUERIES = 4,  // scored at a time
    VECTOR_TARGETS = 64, // of one SGNS step, at most
};

// A row of `in` and `out` per item. The squares are AdaGrad's sums of squared gradients (Duchi, Hazan, Singer 2011,
// section 1.1), one per row instead of one per weight, of the errors alone.
struct sgns_model {
    float *in, *out;
    float *in_squares, *out_squares;
};

struct vector_kernel {
    const char *name;
    // One order: to[i] += weight * (sum over its items j of from[j]), for each of its items i.
    void (*spread)(float *to, const float *from, const uint32_t *items, uint32_t n, float weight);
    // products = a' b, 64 x 64, of two matrices of n rows.
    void (*gram)(double products[VECTOR_DIMS][VECTOR_DIMS], const float *a, const float *b, uint32_t n);
    // rows = rows * by, each of n rows in place.
    void (*multiply)(float *rows, uint32_t n, const float by[VECTOR_DIMS][VECTOR_DIMS]);
    // One step of skip-gram with negative sampling: targets[0 .. n_contexts) were bought with the centre, the others up
    // to n were drawn. All errors are taken before any update.
    void (*step)(const struct sgns_model *m, uint32_t centre, const uint32_t *targets, uint32_t n_contexts, uint32_t n,
                 float rate);
    // scores[q][i] = queries[q] . item i, for VECTOR_QUERIES queries; blocks hold VECTOR_LANES items each, transposed:
    // [block][dimension][lane].
    void (*score)(float *const scores[VECTOR_QUERIES], const float *const queries[VECTOR_QUERIES], const float *blocks,
                  uint32_t n_blocks);
};

const struct vector_kernel *vector_kernel_best(void);           // for this processor
const struct vector_kernel *const *vector_kernels(uint32_t *n); // all that run on it, the portable one first
float *vectors_create(struct arena *memory, uint32_t n);        // n zero rows, each on cache lines of its own
void vectors_normalise(float *rows, uint32_t n);                // to length 1; a zero row stays

#endif
