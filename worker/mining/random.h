// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 16).
#ifndef BUNDLE_WORKER_MINING_RANDOM_H
#define BUNDLE_WORKER_MINING_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state; // any seed
};

static inline uint32_t random_bits(struct random *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 32) ^ (uint32_t)(z >> 1);
}

// 0 .. n - 1, even to n / 2^32.
static inline uint32_t random_below(struct random *r, uint32_t n)
{
    return (uint32_t)((uint64_t)random_bits(r) * n >> 32);
}

#endif
