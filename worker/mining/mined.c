#include "worker/mining/mined.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mp.h"

enum { SMALL_LINES = 20 };

struct mined_rules mined_rules_default(void)
{
    return (struct mined_rules){MINING_RULES_DEFAULT, ITEMSET_LIMITS_DEFAULT, EMBEDDING_RULES_DEFAULT, 0};
}

void mined_destroy(struct mined *m)
{
    if (!m)
        return;
    evidence_destroy(m->evidence);
    itemsets_destroy(m->itemsets);
    embedding_destroy(m->embedding);
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
    size_t embedding = m->embedding ? m->embedding->memory.used_bytes : 0;
    return sizeof *m + m->evidence->memory.used_bytes + m->itemsets->memory.used_bytes + embedding;
}

static bool is_within(const struct mined *m, const struct dataset *d, size_t memory_max_bytes, struct err *e)
{
    if (memory_max_bytes == 0 || d->memory.used_bytes + mined_bytes(m) <= memory_max_bytes)
        return true;
    return err_set(e, ERR_LIMIT, "what is mined needs more than %zu MiB: raise job.memory_mb or split the upload",
                   memory_max_bytes >> 20);
}

struct training {
    const struct dataset *data;
    const struct embedding_rules *rules;
    const atomic_bool *is_cancelled;
    struct embedding *embedding;
    struct err err;
    pthread_t thread;
    bool is_wanted, has_thread, is_trained;
};

static void *train(void *training_)
{
    struct training *t = training_;
    t->is_trained = embedding_train(&t->embedding, t->data, t->rules, t->is_cancelled, &t->err);
    return NULL;
}

static void training_begin(struct training *t)
{
    t->is_wanted = t->data->lines_read >= SMALL_LINES;
    t->has_thread = t->is_wanted && pthread_create(&t->thread, NULL, train, t) == 0;
}

static bool training_end(struct training *t, struct mined *m, struct err *e)
{
    if (!t->is_wanted)
        return true;
    if (t->has_thread)
        CHECK(pthread_join(t->thread, NULL) == 0);
    else
        train(t); // no thread to be had
    m->embedding = t->embedding;
    if (!t->is_trained)
        *e = t->err;
    return t->is_trained;
}

bool mined_make(struct mined **out, const struct dataset *d, const struct mined_rules *rules,
                const atomic_bool *is_cancelled, struct err *e)
{
    AUTO(mined_destroyp) struct mined *m = mined_create();
    struct training training = {.data = d, .rules = &rules->embedding, .is_cancelled = is_cancelled};
    struct err training_err;
    training_begin(&training);
    bool is_counted = evidence_mine(&m->evidence, d, &rules->evidence, is_cancelled, e) &&
                      itemsets_mine(&m->itemsets, d, &rules->itemsets, is_cancelled, e);
    bool is_trained = training_end(&training, m, is_counted ? e : &training_err);
    if (!is_counted || !is_trained || !is_within(m, d, rules->memory_max_bytes, e))
        return false;
    *out = m;
    m = NULL;
    return true;
}

void mined_encode(const struct mined *m, struct buf *out)
{
    mp_put_map(out, m->embedding ? 3 : 2);
    mp_put_key(out, "evidence");
    evidence_encode(m->evidence, out);
    mp_put_key(out, "itemsets");
    itemsets_encode(m->itemsets, out);
    if (!m->embedding)
        return;
    mp_put_key(out, "embedding");
    embedding_encode(m->embedding, out);
}

bool mined_decode(struct mined **out, const struct mp_value *v, const struct dataset *d, struct err *e)
{
    AUTO(mined_destroyp) struct mined *m = mined_create();
    const struct mp_value *embedding = mp_get(v, "embedding");
    if (!evidence_decode(&m->evidence, mp_get(v, "evidence"), d, e) ||
        !itemsets_decode(&m->itemsets, mp_get(v, "itemsets"), d, e) ||
        (embedding && !embedding_decode(&m->embedding, embedding, d, e)))
        return false;
    *out = m;
    m = NULL;
    return true;
}
