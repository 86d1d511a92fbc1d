// Where item2vec's vectors start: the rows of a rank-64 approximation of the normalised co-occurrence matrix
//
//     M = D^-1/2 X' W X D^-1/2      X orders x items (0/1), W = diag((n - 1)^-1/2), n the order's items,
//                                   D = diag(orders of the item)
//
// by randomised subspace iteration with a Rayleigh-Ritz step (Halko, Martinsson, Tropp 2011, algorithms 4.4 and 5.3).
// M itself is never made: a product with it is one walk over the orders, 256 operations a line.
//
// What SGNS factorises, too, is a transformed co-occurrence matrix (Levy, Goldberg 2014), so it starts near its end.
// More iterations are no better: the third product's half-converged tail smooths what rare items say.
#ifndef BUNDLE_WORKER_MINING_SPECTRAL_H
#define BUNDLE_WORKER_MINING_SPECTRAL_H

#include <stdatomic.h>

#include "worker/mining/basket_sample.h"
#include "worker/mining/vectors.h"

// rows: n_words rows, each of length 1 afterwards (0 where nothing is known). is_cancelled: ERR_CANCELLED.
bool spectral_vectors(float *rows, const struct basket_sample *s, const struct vector_kernel *kernel,
                      struct random *random, const atomic_bool *is_cancelled, struct err *e) MUST_USE;

#endif
