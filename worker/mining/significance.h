// Significance: is a rule more than chance, and how many of the rules found would chance have given? Guards small
// shops, where many pairs met a few times.
//
// SOURCES   Fisher's exact test: R. A. Fisher, J. R. Statist. Soc. 98 (1935), 39-54; one-sided: P(X >= both), X
//           hypergeometric. log n! beyond 18: Stirling's series to n^-5.
//           False discovery rate: Y. Benjamini, Y. Hochberg, J. R. Statist. Soc. B 57 (1995), 289-300.
//           Wilson's interval: E. B. Wilson, J. Am. Statist. Assoc. 22 (1927), 209-212.
// THREADS   Pure; a struct log_factorials belongs to one thread.
#ifndef BUNDLE_WORKER_MINING_SIGNIFICANCE_H
#define BUNDLE_WORKER_MINING_SIGNIFICANCE_H

#include <stdint.h>

#include "common/arena.h"

struct log_factorials { // log2 n!, worked out where first asked for
    uint32_t n_max;
    double *known;
};
void log_factorials_init(struct log_factorials *f, uint32_t n_max, struct arena *memory);

// Of `population` orders, `marked` have one thing and `drawn` another: how likely at least `both` have both by chance.
// marked, drawn <= population <= f->n_max; both <= marked, drawn. 0 where it is less than about 1e-57.
double fisher_p(struct log_factorials *f, uint32_t population, uint32_t marked, uint32_t drawn, uint32_t both);

// Benjamini-Hochberg adjusted p-values in place: values[i] becomes the least false discovery rate at which the test i
// is taken. n_tests >= n: the tests made in all; those not in values count as not significant.
void fdr_adjust(float *values, uint32_t n, double n_tests);

// Lower end of the one-sided 90 % Wilson interval of hits / tries. 0 tries: 0.
double wilson_lower(uint32_t hits, uint32_t tries);

#endif
