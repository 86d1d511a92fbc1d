// Mined: all that is mined from a dataset, in one place for those who make, share and read it (the artefact cache,
// preview, evaluate). A new part is a member here and a line in each function of mined.c; ARTEFACT_VERSION tells the
// blobs apart.
//
// FAILURE   ERR_CANCELLED; ERR_LIMIT over memory_max_bytes; decoding trusts nothing: ERR_CODEC.
// THREADS   Immutable once made.
#ifndef BUNDLE_WORKER_MINING_MINED_H
#define BUNDLE_WORKER_MINING_MINED_H

#include "worker/mining/evidence.h"

struct mined {
    struct evidence *evidence;
};

// memory_max_bytes: of dataset and mined parts together; 0: no limit.
bool mined_make(struct mined **out, const struct dataset *d, const struct mining_rules *rules, size_t memory_max_bytes,
                const atomic_bool *is_cancelled, struct err *e) MUST_USE;
void mined_destroy(struct mined *m); // NULL is fine
void mined_destroyp(struct mined **m);
size_t mined_bytes(const struct mined *m); // in memory

void mined_encode(const struct mined *m, struct buf *out); // a map, a key for each part
struct mp_value;
bool mined_decode(struct mined **out, const struct mp_value *v, const struct dataset *d, struct err *e) MUST_USE;

#endif
