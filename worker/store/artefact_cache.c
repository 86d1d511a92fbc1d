#include "worker/store/artefact_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/outage.h"

enum { ENTRIES_MAX = 64 };

struct entry {
    struct artefact *artefact; // NULL while somebody fetches it
    char fingerprint[FINGERPRINT_HEX + 1];
    struct artefact_source source; // that it was last asked for by; name "": not known
    uint64_t used;                 // tick of last use; 0: the entry is free
    int64_t shared_until_ms;       // on clock_mono_ms: Redis has the blob at least until then
    bool is_fetching, is_too_large;
};

struct artefact_cache {
    const struct queue *queue;
    size_t budget_bytes, blob_max, held_bytes;
    int64_t ttl_s;
    uint64_t tick, discarded;
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

// ---- memory; under the lock ----

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

static struct artefact *entry_use(struct artefact_cache *c, struct entry *e)
{
    e->used = ++c->tick;
    e->artefact->references++;
    return e->artefact;
}

// A reference from memory, after whoever fetches it has done so.
static struct artefact *find_locked(struct artefact_cache *c, struct str fp)
{
    struct entry *e;
    while ((e = entry_find(c, fp)) && e->is_fetching)
        (void)pthread_cond_wait(&c->is_fetched, &c->lock);
    return e ? entry_use(c, e) : NULL;
}

static struct entry *entry_of_source(struct artefact_cache *c, const char *name)
{
    struct entry *newest = NULL;
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        struct entry *e = &c->entries[i];
        if (e->artefact && strcmp(e->source.name, name) == 0 && (!newest || e->used > newest->used))
            newest = e;
    }
    return newest;
}

// ---- memory ----

void artefact_cache_destroy(struct artefact_cache *c)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++)
        entry_clear(c, &c->entries[i]);
    (void)pthread_cond_destroy(&c->is_fetched);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

void artefact_cache_put(struct artefact_cache *c, struct artefact *a, const struct artefact_source *source)
{
    (void)pthread_mutex_lock(&c->lock);
    struct entry *e = entry_find(c, str_of(a->fingerprint));
    if (!e)
        e = entry_make(c, str_of(a->fingerprint));
    if (e) // before it is filled: what does not fit goes at once
        e->source = *source;
    if (e && !e->artefact && !e->is_fetching)
        entry_fill(c, e, a);
    (void)pthread_mutex_unlock(&c->lock);
}

struct artefact *artefact_cache_find(struct artefact_cache *c, struct str fingerprint)
{
    (void)pthread_mutex_lock(&c->lock);
    struct artefact *a = find_locked(c, fingerprint);
    (void)pthread_mutex_unlock(&c->lock);
    return a;
}

struct artefact *artefact_cache_find_source(struct artefact_cache *c, const struct artefact_source *source)
{
    (void)pthread_mutex_lock(&c->lock);
    struct entry *e = entry_of_source(c, source->name);
    bool is_it = e && source->revision[0] && strcmp(e->source.revision, source->revision) == 0;
    struct artefact *a = is_it ? entry_use(c, e) : NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return a;
}

bool artefact_cache_knows(struct artefact_cache *c, const char *source_name)
{
    (void)pthread_mutex_lock(&c->lock);
    bool is_known = entry_of_source(c, source_name) != NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return is_known;
}

uint64_t artefact_cache_discarded(struct artefact_cache *c)
{
    (void)pthread_mutex_lock(&c->lock);
    uint64_t n = c->discarded;
    (void)pthread_mutex_unlock(&c->lock);
    return n;
}

void artefact_release(struct artefact_cache *c, struct artefact *a)
{
    if (!a)
        return;
    (void)pthread_mutex_lock(&c->lock);
    release_locked(a);
    (void)pthread_mutex_unlock(&c->lock);
}

// ---- Redis ----

static void begin_cmd(const struct artefact_cache *c, const char *name, struct str fp, struct redis_cmd *out)
{
    AUTO(buf_fini) struct buf key;
    buf_init(&key, 256);
    queue_key(c->queue, "cache", fp, &key);
    redis_cmd_init(out, name);
    redis_cmd_str(out, buf_str(&key));
}

static void note_shared(struct artefact_cache *c, struct str fp, int64_t until_ms, bool is_too_large)
{
    (void)pthread_mutex_lock(&c->lock);
    struct entry *e = entry_find(c, fp);
    if (e) {
        e->shared_until_ms = until_ms;
        e->is_too_large = is_too_large;
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static bool set_cmd(struct artefact_cache *c, const struct artefact *a, struct str blob, struct redis_cmd *out)
{
    AUTO(buf_fini) struct buf packed;
    buf_init(&packed, ARTEFACT_BLOB_MAX);
    if (!artefact_deflate(blob, &packed) || packed.len > c->blob_max) {
        note_shared(c, str_of(a->fingerprint), 0, true);
        return false;
    }
    begin_cmd(c, "SET", str_of(a->fingerprint), out);
    redis_cmd_str(out, buf_str(&packed));
    redis_cmd_text(out, "EX");
    redis_cmd_int(out, c->ttl_s);
    return true;
}

static bool encode_and_set_cmd(struct artefact_cache *c, const struct artefact *a, struct redis_cmd *out)
{
    AUTO(buf_fini) struct buf blob;
    buf_init(&blob, ARTEFACT_BLOB_MAX);
    artefact_encode(a, &blob);
    return !blob.is_over && set_cmd(c, a, buf_str(&blob), out);
}

static bool expire_cmd(const struct artefact_cache *c, const struct artefact *a, struct redis_cmd *out)
{
    begin_cmd(c, "EXPIRE", str_of(a->fingerprint), out);
    redis_cmd_int(out, c->ttl_s);
    return true;
}

bool artefact_cache_share_cmd(struct artefact_cache *c, const struct artefact *a, const struct buf *blob,
                              struct redis_cmd *out)
{
    int64_t now_ms = clock_mono_ms();
    (void)pthread_mutex_lock(&c->lock);
    const struct entry *e = entry_find(c, str_of(a->fingerprint));
    bool is_there = e && e->shared_until_ms > now_ms, is_too_large = e && e->is_too_large;
    (void)pthread_mutex_unlock(&c->lock);
    if (is_too_large)
        return false;
    bool ok = is_there ? expire_cmd(c, a, out)
              : blob   ? set_cmd(c, a, buf_str(blob), out)
                       : encode_and_set_cmd(c, a, out);
    if (ok)
        note_shared(c, str_of(a->fingerprint), now_ms + c->ttl_s * 1000, false);
    return ok;
}

// Whoever reads it keeps it for another while (GETEX, of Redis 6.2).
static bool read_blob(struct artefact_cache *c, struct redis *redis, struct str fp, struct redis_reply **reply,
                      struct err *e)
{
    struct redis_cmd get;
    begin_cmd(c, "GETEX", fp, &get);
    redis_cmd_text(&get, "EX");
    redis_cmd_int(&get, c->ttl_s);
    bool ok = redis_call(redis, &get, reply, e);
    redis_cmd_fini(&get);
    return ok;
}

// *is_genuine: the bytes are those that the name says.
static bool unpack(struct str packed, struct str fp, bool *is_genuine, struct artefact **out, struct err *e)
{
    AUTO(buf_fini) struct buf blob;
    char name[FINGERPRINT_HEX + 1];
    buf_init(&blob, ARTEFACT_BLOB_MAX);
    if (!artefact_inflate(packed, &blob, e))
        return false;
    artefact_fingerprint(buf_str(&blob), name);
    *is_genuine = str_eq(str_of(name), fp);
    if (!*is_genuine)
        return err_set(e, ERR_CODEC, "the cached artefact is not the one its name says");
    return artefact_decode(out, buf_str(&blob), e);
}

static void discard(struct artefact_cache *c, struct redis *redis, struct str fp, const struct err *cause)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd del;
    struct err e;
    LOG(LOG_WARN, "cached artefact discarded: it is made again", LOG_S("error", cause->message));
    (void)pthread_mutex_lock(&c->lock);
    c->discarded++;
    (void)pthread_mutex_unlock(&c->lock);
    begin_cmd(c, "DEL", fp, &del);
    if (!redis_call(redis, &del, &reply, &e))
        LOG(outage_level(&e), "it could not be deleted", LOG_S("error", e.message));
    redis_cmd_fini(&del);
}

static bool fetch(struct artefact_cache *c, struct redis *redis, struct str fp, struct artefact **out, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    bool is_genuine = false;
    if (!redis)
        return true;
    if (!read_blob(c, redis, fp, &reply, e)) {
        LOG(outage_level(e), "the cache cannot be read", LOG_S("error", e->message));
        return true;
    }
    if (redis_reply_type(reply) != REDIS_TEXT || unpack(redis_reply_str(reply), fp, &is_genuine, out, e))
        return true;
    if (is_genuine)
        return err_set(e, ERR_INTERNAL, "a worker of another version made this artefact, and must go on with it");
    discard(c, redis, fp, e);
    return true;
}

// From memory; what is not there is reserved for this thread to fetch, where there is room for it.
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

bool artefact_cache_get(struct artefact_cache *c, struct redis *redis, struct str fingerprint, struct artefact **out,
                        struct err *e)
{
    *out = find_or_reserve(c, fingerprint);
    if (*out)
        return true;
    int64_t asked_ms = clock_mono_ms();
    bool ok = fetch(c, redis, fingerprint, out, e);
    (void)pthread_mutex_lock(&c->lock);
    struct entry *entry = entry_find(c, fingerprint);
    if (entry && entry->is_fetching && *out) {
        entry->shared_until_ms = asked_ms + c->ttl_s * 1000;
        entry_fill(c, entry, *out);
    } else if (entry && entry->is_fetching) {
        *entry = (struct entry){0};
    }
    (void)pthread_cond_broadcast(&c->is_fetched);
    (void)pthread_mutex_unlock(&c->lock);
    return ok;
}
