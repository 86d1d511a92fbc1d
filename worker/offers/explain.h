// One sentence per bundle, with its own numbers, every one recomputable from the orders.
#ifndef BUNDLE_WORKER_OFFERS_EXPLAIN_H
#define BUNDLE_WORKER_OFFERS_EXPLAIN_H

#include "worker/offers/offers.h"

void explain_bundle(const struct market *m, const struct bundle *b, struct buf *out);

#endif
