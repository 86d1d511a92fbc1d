#include "worker/mining/mined.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/mp.h"

void mined_destroy(struct mined *m)
{
    if (!m)
        return;
    evidence_destroy(m->evidence);
    free(m);
}

void mined_destroyp(struct mined **m)
{
    mined_destroy(*m);
    *m = NULL;
}

static struct mined *mined_create(void)
{
    struct mined *m = calloc(1, sizeof *m);
    CHECK(m);
    return m;
}

size_t mined_bytes(const struct mined *m)
{
    return sizeof *m + m->evidence->memory.used_bytes;
}

static bool is_within(const struct mined *m, const struct dataset *d, size_t memory_max_bytes, struct err *e)
{
    if (memory_max_bytes == 0 || d->memory.used_bytes + mined_bytes(m) <= memory_max_bytes)
        return true;
    return err_set(e, ERR_LIMIT, "what is mined needs more than %zu MiB: raise job.memory_mb or split the upload",
                   memory_max_bytes >> 20);
}

bool mined_make(struct mined **out, const struct dataset *d, const struct mining_rules *rules, size_t memory_max_bytes,
                const atomic_bool *is_cancelled, struct err *e)
{
    AUTO(mined_destroyp) struct mined *m = mined_create();
    if (!evidence_mine(&m->evidence, d, rules, is_cancelled, e) || !is_within(m, d, memory_max_bytes, e))
        return false;
    *out = m;
    m = NULL;
    return true;
}

void mined_encode(const struct mined *m, struct buf *out)
{
    mp_put_map(out, 1);
    mp_put_key(out, "evidence");
    evidence_encode(m->evidence, out);
}

bool mined_decode(struct mined **out, const struct mp_value *v, const struct dataset *d, struct err *e)
{
    AUTO(mined_destroyp) struct mined *m = mined_create();
    if (!evidence_decode(&m->evidence, mp_get(v, "evidence"), d, e))
        return false;
    *out = m;
    m = NULL;
    return true;
}
