// An artefact of a few orders of five products, for targets that need a good one.
#ifndef BUNDLE_TESTS_FUZZ_SMALL_SHOP_H
#define BUNDLE_TESTS_FUZZ_SMALL_SHOP_H

#include "worker/store/artefact.h"

struct artefact *small_shop(int n_orders, struct buf *blob); // blob: initialised; the encoded artefact

#endif
