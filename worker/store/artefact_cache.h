// The artefact cache, in two steps: this process's memory (least recently used go first, within a byte budget), then
// Redis, which all workers share.
//
//     what was asked for (source.name: upload, shop and rules)
//         -> which rows that was made of (source.revision) -> the artefact's fingerprint -> the blob
//
// An artefact answers for its source only while the revision that PostgreSQL tells now (upload_load.h) is the one it
// was made of. Who makes one, when there is none, is settled in Redis (queue_once_cmd).
//
// FAILURE   What cannot be had is made again: the upload is still in PostgreSQL. Redis' errors are logged. A blob that
//           does not hash to its name is deleted, counted and logged. ERR_INTERNAL (retried): whole, but of another
//           version.
// THREADS   Any; a fingerprint asked for by several threads at once is fetched once.
#ifndef BUNDLE_WORKER_STORE_ARTEFACT_CACHE_H
#define BUNDLE_WORKER_STORE_ARTEFACT_CACHE_H

#include "common/queue.h"
#include "worker/store/artefact.h"

struct artefact_source {
    char name[FINGERPRINT_HEX + 1];
    char revision[FINGERPRINT_HEX + 1]; // "": cannot be told, is never reused
};

struct artefact_cache;
struct artefact_cache *artefact_cache_create(const struct queue *q, size_t budget_bytes, int64_t ttl_s,
                                             size_t blob_max);
void artefact_cache_destroy(struct artefact_cache *c);

// Into memory; the caller keeps its reference. The source is remembered with it, also when it is there already.
void artefact_cache_put(struct artefact_cache *c, struct artefact *a, const struct artefact_source *source);
// References, from memory only; NULL: not there.
struct artefact *artefact_cache_find(struct artefact_cache *c, struct str fingerprint);
struct artefact *artefact_cache_find_source(struct artefact_cache *c, const struct artefact_source *source);
bool artefact_cache_knows(struct artefact_cache *c, const char *source_name); // of whatever revision
// A reference, from memory or Redis (NULL: none); *out NULL: not to be had.
bool artefact_cache_get(struct artefact_cache *c, struct redis *redis, struct str fingerprint, struct artefact **out,
                        struct err *e) MUST_USE;
void artefact_release(struct artefact_cache *c, struct artefact *a);

// Keeps it in Redis for another TTL: EXPIRE while it must still be there, else SET of the blob, which is encoded again
// where it is NULL. false: larger than blob_max, so that each worker makes its own.
bool artefact_cache_share_cmd(struct artefact_cache *c, const struct artefact *a, const struct buf *blob,
                              struct redis_cmd *out) MUST_USE;
uint64_t artefact_cache_discarded(struct artefact_cache *c); // blobs that were not what their names say

#endif
