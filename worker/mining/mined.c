#include "worker/mining/mined.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/json_out.h"
#include "common/mp.h"

enum { SMALL_LINES = 20 };

struct mined_rules mined_rules_default(void)
{
    return (struct mined_rules){MINING_RULES_DEFAULT, ITEMSET_LIMITS_DEFAULT, EMBEDDING_RULES_DEFAULT, 0, NULL};
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

struct making {
    const struct dataset *data;
    const struct mined_rules *rules;
    const struct mined_early *early;
    const atomic_bool *is_cancelled;
    struct mined *mined;         // of the thread that counts, and of who is shown it early
    struct embedding *embedding; // of the thread that trains, until both have ended
    bool is_counted, is_trained;
    struct err count_err, train_err;
};

static void count(void *making_)
{
    struct making *k = making_;
    struct mined *m = k->mined;
    k->is_counted = evidence_mine(&m->evidence, k->data, &k->rules->evidence, k->is_cancelled, &k->count_err) &&
                    (!k->early || k->early->counted(k->early->context, m, &k->count_err)) &&
                    itemsets_mine(&m->itemsets, k->data, &k->rules->itemsets, k->is_cancelled, &k->count_err);
}

static void train(void *making_)
{
    struct making *k = making_;
    k->is_trained = k->data->lines_read < SMALL_LINES ||
                    embedding_train(&k->embedding, k->data, &k->rules->embedding, k->is_cancelled, &k->train_err);
}

static void one_after_the_other(void (*a)(void *context), void (*b)(void *context), void *context)
{
    a(context);
    b(context);
}

bool mined_make(struct mined **out, const struct dataset *d, const struct mined_rules *rules,
                const struct mined_early *early, const atomic_bool *is_cancelled, struct err *e)
{
    AUTO(mined_destroyp) struct mined *m = mined_create();
    struct making k = {.data = d, .rules = rules, .early = early, .is_cancelled = is_cancelled, .mined = m};
    (rules->both ? rules->both : one_after_the_other)(count, train, &k);
    m->embedding = k.embedding;
    if (!k.is_counted || !k.is_trained) {
        *e = k.is_counted ? k.train_err : k.count_err;
        return false;
    }
    if (!is_within(m, d, rules->memory_max_bytes, e))
        return false;
    *out = m;
    m = NULL;
    return true;
}

static uint32_t count_strict(const struct itemsets *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_rules; i++)
        n += s->rules[i].is_strict;
    return n;
}

void mined_json(const struct mined *m, struct json_out *j)
{
    const struct evidence *v = m->evidence;
    const struct itemsets *s = m->itemsets;
    json_out_key(j, "mined");
    json_out_object(j);
    json_out_key_int(j, "multi_item_orders", v->n_multi);
    json_out_key_int(j, "orders_too_large", v->n_too_large);
    json_out_key_int(j, "pairs_seen", (int64_t)v->pairs_distinct);
    json_out_key_int(j, "pairs_kept", v->n_pairs);
    json_out_key_int(j, "itemsets", s->n_sets);
    json_out_key_int(j, "itemset_orders_min_asked", s->orders_min_asked);
    json_out_key(j, "itemset_orders_min"); // of 2, 3 and 4 items
    json_out_array(j);
    for (unsigned n = ITEMSET_ITEMS_MIN; n <= ITEMSET_ITEMS_MAX; n++)
        json_out_int(j, s->orders_min[n]);
    json_out_end(j);
    json_out_key_int(j, "rules", s->n_rules);
    json_out_key_int(j, "rules_strict", count_strict(s));
    json_out_key_int(j, "item2vec_neighbours", m->embedding ? m->embedding->neighbour_first[m->embedding->n_items] : 0);
    json_out_end(j);
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
    if (!embedding != (d->lines_read < SMALL_LINES))
        return err_set(e, ERR_CODEC, "mined: 'embedding' is missing, or there for a small upload");
    if (!evidence_decode(&m->evidence, mp_get(v, "evidence"), d, e) ||
        !itemsets_decode(&m->itemsets, mp_get(v, "itemsets"), d, e) ||
        (embedding && !embedding_decode(&m->embedding, embedding, d, e)))
        return false;
    *out = m;
    m = NULL;
    return true;
}
