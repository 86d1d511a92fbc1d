// An artefact: all that is mined once per upload and used by every task of its jobs: dataset, mined parts and the
// market made of them. Its fingerprint is the hash of its own encoded content, so a blob that does not hash to its name
// is foreign or corrupt and never used.
//
//     blob    zstd frame of: {"kind": "artefact", "v", "dataset", "mined"}, named by the XXH3-128 of what is in the
//     frame
//
// THREADS   Immutable; shared by reference count, which the cache guards (artefact_cache.h).
#ifndef BUNDLE_WORKER_STORE_ARTEFACT_H
#define BUNDLE_WORKER_STORE_ARTEFACT_H

#include "worker/mining/mined.h"
#include "worker/offers/offers.h"

// The version goes up whenever the encoding changes, or the same orders and rules give something else.
enum { ARTEFACT_VERSION = 4, FINGERPRINT_HEX = 32, ARTEFACT_BLOB_MAX = 1 << 30 };

struct artefact {
    struct arena memory; // of market
    struct dataset *data;
    struct mined *mined;
    struct market market;
    char fingerprint[FINGERPRINT_HEX + 1];
    size_t bytes;        // memory held, roughly
    unsigned references; // of the cache's lock
};

// Who cannot wait for all of it (mined.h): a has data and market, which knows the counts alone.
struct artefact_early {
    bool (*ready)(void *context, const struct artefact *a, struct err *e);
    void *context;
};

// Mines the dataset and wraps both; one reference, the caller's. Takes the dataset, also on failure. `blob`: the
// encoded artefact (not compressed).
bool artefact_make(struct artefact **out, struct dataset *take_data, const struct mined_rules *rules,
                   const struct artefact_early *early, const atomic_bool *is_cancelled, struct buf *blob,
                   struct err *e) MUST_USE;
void artefact_destroy(struct artefact *a); // NULL is fine
void artefact_destroyp(struct artefact **a);

void artefact_encode(const struct artefact *a, struct buf *blob);
bool artefact_decode(struct artefact **out, struct str blob, struct err *e) MUST_USE; // trusts nothing

void artefact_fingerprint(struct str blob, char out[FINGERPRINT_HEX + 1]);
bool artefact_deflate(struct str blob, struct buf *packed) MUST_USE; // false: over the buffer's limit
// The size is said in the frame and bounded before anything is allocated.
bool artefact_inflate(struct str packed, struct buf *blob, struct err *e) MUST_USE;

#endif
