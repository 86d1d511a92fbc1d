#include "worker/store/artefact.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "common/check.h"
#include "common/mp.h"

enum { COMPRESSION_LEVEL = 1 };

void artefact_destroy(struct artefact *a)
{
    if (!a)
        return;
    arena_fini(&a->memory);
    mined_destroy(a->mined);
    dataset_destroy(a->data);
    free(a);
}

void artefact_destroyp(struct artefact **a)
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

void artefact_fingerprint(struct str blob, char out[FINGERPRINT_HEX + 1])
{
    XXH128_hash_t h = XXH3_128bits(blob.ptr, blob.len);
    (void)snprintf(out, FINGERPRINT_HEX + 1, "%016llx%016llx", (unsigned long long)h.high64,
                   (unsigned long long)h.low64);
}

static void finish(struct artefact *a, struct str blob)
{
    market_know(&a->market, a->mined);
    artefact_fingerprint(blob, a->fingerprint);
    a->bytes = a->memory.used_bytes + a->data->memory.used_bytes + mined_bytes(a->mined);
}

void artefact_encode(const struct artefact *a, struct buf *blob)
{
    mp_put_envelope(blob, "artefact", ARTEFACT_VERSION, 2);
    mp_put_key(blob, "dataset");
    dataset_encode(a->data, blob);
    mp_put_key(blob, "mined");
    mined_encode(a->mined, blob);
}

struct making {
    struct artefact *artefact;
    const struct artefact_early *early;
};

static bool on_counted(void *making_, const struct mined *m, struct err *e)
{
    const struct making *k = making_;
    market_init(&k->artefact->market, k->artefact->data, m, &k->artefact->memory);
    return !k->early || k->early->ready(k->early->context, k->artefact, e);
}

bool artefact_make(struct artefact **out, struct dataset *take_data, const struct mined_rules *rules,
                   const struct artefact_early *early, const atomic_bool *is_cancelled, struct buf *blob, struct err *e)
{
    AUTO(artefact_destroyp) struct artefact *a = artefact_create();
    struct making making = {a, early};
    const struct mined_early counted = {on_counted, &making};
    a->data = take_data;
    if (!mined_make(&a->mined, a->data, rules, &counted, is_cancelled, e))
        return false;
    artefact_encode(a, blob);
    if (!buf_ok(blob, "the mined artefact", e))
        return false;
    finish(a, buf_str(blob));
    *out = a;
    a = NULL;
    return true;
}

bool artefact_decode(struct artefact **out, struct str blob, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    AUTO(artefact_destroyp) struct artefact *a = artefact_create();
    if (!mp_open_envelope(&doc, blob.ptr, blob.len, "artefact", ARTEFACT_VERSION, &MP_LIMITS_ARTEFACT, e) ||
        !dataset_decode(&a->data, mp_get(mp_root(doc), "dataset"), e) ||
        !mined_decode(&a->mined, mp_get(mp_root(doc), "mined"), a->data, e))
        return false;
    market_init(&a->market, a->data, a->mined, &a->memory);
    finish(a, blob);
    *out = a;
    a = NULL;
    return true;
}

bool artefact_deflate(struct str blob, struct buf *packed)
{
    size_t bound = ZSTD_compressBound(blob.len);
    char *room = buf_reserve(packed, bound);
    size_t n = room ? ZSTD_compress(room, bound, blob.ptr, blob.len, COMPRESSION_LEVEL) : 0;
    if (!room || ZSTD_isError(n))
        return false;
    packed->len += n;
    return true;
}

bool artefact_inflate(struct str packed, struct buf *blob, struct err *e)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.ptr, packed.len);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > ARTEFACT_BLOB_MAX)
        return err_set(e, ERR_CODEC, "the cached artefact is not a bounded zstd frame");
    char *room = buf_reserve(blob, (size_t)size);
    size_t n = room ? ZSTD_decompress(room, (size_t)size, packed.ptr, packed.len) : 0;
    if (!room || ZSTD_isError(n) || n != size)
        return err_set(e, ERR_CODEC, "the cached artefact does not decompress");
    blob->len += n;
    return true;
}
