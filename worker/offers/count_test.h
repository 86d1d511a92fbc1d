// Tests of counts: is a count more, or less, than what was expected of it? Without the C library's exp and gamma, whose
// last bits differ between machines: exact tails come from the ratios of neighbouring terms, summed on both sides of
// the count (the sum of all stands for what would normalise them).
#ifndef BUNDLE_WORKER_OFFERS_COUNT_TEST_H
#define BUNDLE_WORKER_OFFERS_COUNT_TEST_H

#include <stdbool.h>
#include <stdint.h>

// A count of what happens `expected` times on average, Poisson: P(X >= count) <= 5 %.
bool poisson_is_above(uint32_t count, double expected);

// Of `all` orders `hits_all` are hits, and `hits` of some `n` of them: is that fewer than by chance, i.e. is the share
// of hits lower there than in the others? Fisher's exact test, hypergeometric: P(X <= hits) <= 5 %.
bool fisher_is_below(uint32_t hits, uint32_t n, uint32_t hits_all, uint32_t all);

// The 95 % limits of a Poisson count's expectation by Byar's approximation to the exact ones: c (1 - 1/(9c) - z/(3 sqrt
// c))^3 and the same of c + 1 with + z (Rothman & Boice, Epidemiologic Analysis with a Programmable Calculator, 1979;
// Breslow & Day, Statistical Methods in Cancer Research II, 1987, section 2.3).
struct interval {
    double low, high;
};
struct interval poisson_interval(uint32_t count);

#endif
