// Endings: prices that people write on labels. Charm endings (4.29, 17.49, 39.99, 249.95, 1239; 1,980 in currencies
// without decimals) for sets, round ones (9.50, 24.00, 145.00, 1,500) for kits.
#ifndef BUNDLE_WORKER_OFFERS_ENDINGS_H
#define BUNDLE_WORKER_OFFERS_ENDINGS_H

#include <stdbool.h>
#include <stdint.h>

enum ending { ENDING_CHARM, ENDING_ROUND };

// The nice price nearest to `wanted` (the lower of two) within min..max; `wanted` itself when there is none.
int64_t ending_nearest(int64_t wanted, int64_t min, int64_t max, unsigned decimals, enum ending style);

#endif
