// The order of things by a score, in linear time.
// THREADS  Pure.
#ifndef BUNDLE_WORKER_MINING_SCORE_ORDER_H
#define BUNDLE_WORKER_MINING_SCORE_ORDER_H

#include <stdint.h>

#include "common/arena.h"

// The places 0..n-1 from the highest score to the lowest; equal scores (0 and -0 are not) keep their order. No NaN.
uint32_t *score_order(const float *scores, uint32_t n, struct arena *memory);

// Sorts n things of `size` bytes by their scores, highest first, and equal ones by compare_equal.
void score_sort(void *things, const float *scores, uint32_t n, size_t size,
                int (*compare_equal)(const void *left, const void *right));

#endif
