#include "worker/store/artefact.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "common/check.h"
#include "common/log.h"
#include "common/mp.h"

enum { COMPRESSION_LEVEL = 1, ENTRIES_MAX = 64 };

// ---- one artefact ----

static void artefact_destroy(struct artefact *a)
{
    if (!a)
        return;
    arena_fini(&a->memory);
    evidence_destroy(a->evidence);
    dataset_destroy(a->data);
    free(a);
}

static void artefact_destroyp(struct artefact **a)
{
    artefact_destroy(*a);
    *a = NULL;
}

static struct artefact *artefact_create(void)
{
    struct artefact *a = calloc(1, sizeof *a);
    CHECK(a);
    arena_init(&a->memory, 0);
    a->references = 1;
    return a;
}

static void fingerprint(const void *data, size_t len, char out[FINGERPRINT_HEX + 1])
{
    XXH128_hash_t h = XXH3_128bits(data, len);
    (void)snprintf(out, FINGERPRINT_HEX + 1, "%016llx%016llx", (unsigned long long)h.high64,
                   (unsigned long long)h.low64);
}

static void finish(struct artefact *a, const void *blob, size_t len)
{
    market_init(&a->market, a->data, a->evidence, &a->memory);
    fingerprint(blob, len, a->fingerprint);
    a->bytes = a->memory.used_bytes + a->data->memory.used_bytes + a->evidence->memory.used_bytes;
}

bool artefact_make(struct artefact **out, struct dataset *take_data, const struct mining_rules *rules,
                   const atomic_bool *is_cancelled, struct buf *blob, struct err *e)
{
    AUTO(artefact_destroyp) struct artefact *a = artefact_create();
    a->data = take_data;
    if (!evidence_mine(&a->evidence, a->data, rules, is_cancelled, e))
        return false;
    mp_put_envelope(blob, "artefact", ARTEFACT_VERSION, 2);
    mp_put_key(blob, "dataset");
    dataset_encode(a->data, blob);
    mp_put_key(blob, "evidence");
    evidence_encode(a->evidence, blob);
    if (!buf_ok(blob, "the mined artefact", e))
        return false;
    finish(a, blob->data, blob->len);
    *out = a;
    a = NULL;
    return true;
}

static bool artefact_decode(struct artefact **out, const void *data, size_t len, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    AUTO(artefact_destroyp) struct artefact *a = artefact_create();
    if (!mp_open_envelope(&doc, data, len, "artefact", ARTEFACT_VERSION, &MP_LIMITS_ARTEFACT, e) ||
        !dataset_decode(&a->data, mp_get(mp_root(doc), "dataset"), e) ||
        !evidence_decode(&a->evidence, mp_get(mp_root(doc), "evidence"), a->data, e))
        return false;
    finish(a, data, len);
    *out = a;
    a = NULL;
    return true;
}

// ---- compression ----

// The blob, decompressed; its size is said in the frame and bounded before anything is allocated.
static bool inflate_blob(struct str packed, struct buf *out, struct err *e)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.ptr, packed.len);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > ARTEFACT_BLOB_MAX)
        return err_set(e, ERR_CODEC, "the cached artefact is not a bounded zstd frame");
    char *room = buf_reserve(out, (size_t)size);
    size_t n = room ? ZSTD_decompress(room, (size_t)size, packed.ptr, packed.len) : 0;
    if (!room || ZSTD_isError(n) || n != size)
        return err_set(e, ERR_CODEC, "the cached artefact does not decompress");
    out->len += n;
    return true;
}

// ---- the cache ----

struct entry {
    struct artefact *artefact; // NULL while somebody fetches it
    char fingerprint[FINGERPRINT_HEX + 1];
    uint64_t used; // tick of last use
    bool is_fetching;
};

struct artefact_cache {
    const struct queue *queue;
    size_t budget_bytes, blob_max, held_bytes;
    int64_t ttl_s;
    uint64_t tick;
    pthread_mutex_t lock;
    pthread_cond_t is_fetched;
    struct entry entries[ENTRIES_MAX];
};

struct artefact_cache *artefact_cache_create(const struct queue *q, size_t budget_bytes, int64_t ttl_s, size_t blob_max)
{
    struct artefact_cache *c = calloc(1, sizeof *c);
    CHECK(c);
    c->queue = q;
    c->budget_bytes = budget_bytes;
    c->ttl_s = ttl_s;
    c->blob_max = blob_max;
    CHECK(pthread_mutex_init(&c->lock, NULL) == 0 && pthread_cond_init(&c->is_fetched, NULL) == 0);
    return c;
}

// Under the lock, as everything below that takes an entry.
static void release_locked(struct artefact *a)
{
    CHECK(a->references > 0);
    if (--a->references == 0)
        artefact_destroy(a);
}

static void entry_clear(struct artefact_cache *c, struct entry *e)
{
    if (e->artefact) {
        c->held_bytes -= e->artefact->bytes;
        release_locked(e->artefact);
    }
    *e = (struct entry){0};
}

void artefact_cache_destroy(struct artefact_cache *c)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++)
        entry_clear(c, &c->entries[i]);
    (void)pthread_cond_destroy(&c->is_fetched);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct entry *entry_find(struct artefact_cache *c, struct str fp)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++)
        if (c->entries[i].used && str_eq(str_of(c->entries[i].fingerprint), fp))
            return &c->entries[i];
    return NULL;
}

static struct entry *entry_oldest(struct artefact_cache *c)
{
    struct entry *oldest = NULL;
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        struct entry *e = &c->entries[i];
        if (e->artefact && (!oldest || e->used < oldest->used))
            oldest = e;
    }
    return oldest;
}

// A free entry for this fingerprint, NULL when every entry is being fetched.
static struct entry *entry_make(struct artefact_cache *c, struct str fp)
{
    struct entry *room = NULL;
    for (size_t i = 0; i < ENTRIES_MAX && !room; i++)
        if (!c->entries[i].used)
            room = &c->entries[i];
    if (!room && (room = entry_oldest(c)))
        entry_clear(c, room);
    if (!room || fp.len > FINGERPRINT_HEX)
        return NULL;
    memcpy(room->fingerprint, fp.ptr, fp.len);
    room->used = ++c->tick;
    return room;
}

static void entry_fill(struct artefact_cache *c, struct entry *e, struct artefact *a)
{
    a->references++;
    e->artefact = a;
    e->is_fetching = false;
    c->held_bytes += a->bytes;
    struct entry *oldest;
    while (c->held_bytes > c->budget_bytes && (oldest = entry_oldest(c)))
        entry_clear(c, oldest);
}

void artefact_cache_put(struct artefact_cache *c, struct artefact *a)
{
    (void)pthread_mutex_lock(&c->lock);
    struct entry *e = entry_find(c, str_of(a->fingerprint));
    if (!e)
        e = entry_make(c, str_of(a->fingerprint));
    if (e && !e->artefact && !e->is_fetching)
        entry_fill(c, e, a);
    (void)pthread_mutex_unlock(&c->lock);
}

static void cache_key(const struct artefact_cache *c, struct str fp, struct buf *out)
{
    buf_init(out, 256);
    queue_key(c->queue, "cache", fp, out);
}

bool artefact_cache_share_cmd(const struct artefact_cache *c, const struct artefact *a, const struct buf *blob,
                              struct redis_cmd *out)
{
    AUTO(buf_fini) struct buf key;
    AUTO(buf_fini) struct buf packed;
    cache_key(c, str_of(a->fingerprint), &key);
    buf_init(&packed, ARTEFACT_BLOB_MAX);
    size_t bound = ZSTD_compressBound(blob->len);
    char *room = buf_reserve(&packed, bound);
    size_t n = room ? ZSTD_compress(room, bound, blob->data, blob->len, COMPRESSION_LEVEL) : 0;
    if (!room || ZSTD_isError(n) || n > c->blob_max)
        return false;
    redis_cmd_init(out, "SET");
    redis_cmd_str(out, buf_str(&key));
    redis_cmd_str(out, (struct str){packed.data, n});
    redis_cmd_text(out, "EX");
    redis_cmd_int(out, c->ttl_s);
    return true;
}

static bool fetch(struct artefact_cache *c, struct redis *redis, struct str fp, struct artefact **out, struct err *e)
{
    AUTO(buf_fini) struct buf key;
    AUTO(buf_fini) struct buf blob;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd get;
    cache_key(c, fp, &key);
    buf_init(&blob, ARTEFACT_BLOB_MAX);
    redis_cmd_init(&get, "GET");
    redis_cmd_str(&get, buf_str(&key));
    bool ok = redis_call(redis, &get, &reply, e);
    redis_cmd_fini(&get);
    if (!ok)
        return false;
    if (redis_reply_type(reply) != REDIS_TEXT)
        return err_set(e, ERR_NOT_FOUND, "not in Redis");
    AUTO(artefact_destroyp) struct artefact *a = NULL;
    if (!inflate_blob(redis_reply_str(reply), &blob, e) || !artefact_decode(&a, blob.data, blob.len, e))
        return false;
    if (!str_eq(str_of(a->fingerprint), fp))
        return err_set(e, ERR_CODEC, "the cached artefact is not the one its name says");
    *out = a;
    a = NULL;
    return true;
}

// Under the lock: a reference from memory, after whoever fetches it has done so.
static struct artefact *find_locked(struct artefact_cache *c, struct str fp)
{
    struct entry *e;
    while ((e = entry_find(c, fp)) && e->is_fetching)
        (void)pthread_cond_wait(&c->is_fetched, &c->lock);
    if (!e)
        return NULL;
    e->used = ++c->tick;
    e->artefact->references++;
    return e->artefact;
}

struct artefact *artefact_cache_find(struct artefact_cache *c, struct str fp)
{
    (void)pthread_mutex_lock(&c->lock);
    struct artefact *a = find_locked(c, fp);
    (void)pthread_mutex_unlock(&c->lock);
    return a;
}

// Like find, but what is not there is reserved for this thread to fetch, where there is room for it.
static struct artefact *find_or_reserve(struct artefact_cache *c, struct str fp)
{
    (void)pthread_mutex_lock(&c->lock);
    struct artefact *a = find_locked(c, fp);
    struct entry *e = a ? NULL : entry_make(c, fp);
    if (e)
        e->is_fetching = true;
    (void)pthread_mutex_unlock(&c->lock);
    return a;
}

struct artefact *artefact_cache_get(struct artefact_cache *c, struct redis *redis, struct str fp)
{
    struct artefact *a = NULL;
    struct err e;
    if ((a = find_or_reserve(c, fp)))
        return a;
    bool is_fetched = redis && fetch(c, redis, fp, &a, &e);
    if (redis && !is_fetched)
        LOG(LOG_WARN, "artefact not in the cache: making it again", LOG_S("error", e.message));
    (void)pthread_mutex_lock(&c->lock);
    struct entry *entry = entry_find(c, fp);
    if (entry && entry->is_fetching && is_fetched)
        entry_fill(c, entry, a);
    else if (entry && entry->is_fetching)
        *entry = (struct entry){0};
    (void)pthread_cond_broadcast(&c->is_fetched);
    (void)pthread_mutex_unlock(&c->lock);
    return a;
}

void artefact_release(struct artefact_cache *c, struct artefact *a)
{
    if (!a)
        return;
    (void)pthread_mutex_lock(&c->lock);
    release_locked(a);
    (void)pthread_mutex_unlock(&c->lock);
}
