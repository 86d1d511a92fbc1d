// Seeded random numbers for the shop generator: xoshiro256** over a splitmix64 seed, and the alias method for weighted
// choice in O(1). The same seed gives the same numbers on every machine.
//
// Sources: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021); M. Vose, "A
// linear algorithm for generating random numbers with a given distribution", IEEE TSE 17 (1991).
#ifndef BUNDLE_TESTS_SHOP_RANDOM_H
#define BUNDLE_TESTS_SHOP_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

uint64_t random_mix(uint64_t x); // splitmix64's step: a hash of x

void random_init(struct random *r, uint64_t seed);
uint64_t random_u64(struct random *r);
uint32_t random_below(struct random *r, uint32_t n);                 // 0..n-1
int64_t random_between(struct random *r, int64_t low, int64_t high); // both ends included
double random_unit(struct random *r);                                // 0 <= x < 1
bool random_chance(struct random *r, double probability);

struct alias {
    uint32_t n;
    double *keep;    // chance to stay in a column
    uint32_t *other; // else this one
};

void alias_init(struct alias *a, const double *weights, uint32_t n); // at least one weight > 0
void alias_fini(struct alias *a);
uint32_t alias_pick(const struct alias *a, struct random *r);

#endif
