// An artefact: all that is mined once per upload and used by every task of its jobs: dataset, evidence and the market
// made of them. Immutable, shared by reference count; its fingerprint is the hash of its own encoded content, so a blob
// that does not hash to its name is foreign or corrupt and never used.
//
//     memory (LRU, byte budget)  ->  Redis (<queue>:cache:<fingerprint>, zstd, TTL)  ->  made again from the upload
//
// FAILURE   artefact_cache_get: NULL without an error means "not to be had here": make it again.
// THREADS   Any; a fingerprint asked for by several threads at once is fetched once.
#ifndef BUNDLE_WORKER_STORE_ARTEFACT_H
#define BUNDLE_WORKER_STORE_ARTEFACT_H

#include "common/queue.h"
#include "worker/offers/offers.h"

enum { ARTEFACT_VERSION = 1, FINGERPRINT_HEX = 32, ARTEFACT_BLOB_MAX = 1 << 30 };

struct artefact {
    struct arena memory; // of market
    struct dataset *data;
    struct evidence *evidence;
    struct market market;
    char fingerprint[FINGERPRINT_HEX + 1];
    size_t bytes;        // memory held, roughly
    unsigned references; // of the cache's lock
};

// Mines the dataset and wraps both. Takes the dataset, also on failure. `blob`: the encoded artefact (not compressed).
bool artefact_make(struct artefact **out, struct dataset *take_data, const struct mining_rules *rules,
                   const atomic_bool *is_cancelled, struct buf *blob, struct err *e) MUST_USE;

struct artefact_cache;
struct artefact_cache *artefact_cache_create(const struct queue *q, size_t budget_bytes, int64_t ttl_s,
                                             size_t blob_max);
void artefact_cache_destroy(struct artefact_cache *c);

// Into memory; the caller keeps its reference.
void artefact_cache_put(struct artefact_cache *c, struct artefact *a);
// The SET that shares it with other workers; false: larger than blob_max.
bool artefact_cache_share_cmd(const struct artefact_cache *c, const struct artefact *a, const struct buf *blob,
                              struct redis_cmd *out) MUST_USE;
// A reference, from memory or Redis; NULL: make it again. Errors of Redis are logged, not returned: the upload is still
// in PostgreSQL.
struct artefact *artefact_cache_get(struct artefact_cache *c, struct redis *redis, struct str fp);
// The same from memory only.
struct artefact *artefact_cache_find(struct artefact_cache *c, struct str fp);
void artefact_release(struct artefact_cache *c, struct artefact *a);

#endif
