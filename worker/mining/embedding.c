#include "worker/mining/embedding.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/mining/nearest.h"
#include "worker/mining/exact_math.h"
#include "worker/mining/sgns.h"
#include "worker/mining/spectral.h"

const struct embedding_rules EMBEDDING_RULES_DEFAULT = {
    .passes = 3,
    .contexts = 5,
    .negatives = 10,
    .neighbours_max = 16,
    .visits_max = 2000000,
    .words_max = 65536,
    .scores_max = 200000000,
    .popularity = 0.5,
    .rate = 0.5,
    .frequent = 4,
    .seed = 1,
};

void embedding_destroy(struct embedding *v)
{
    if (!v)
        return;
    arena_fini(&v->memory);
    free(v);
}

void embedding_destroyp(struct embedding **v)
{
    embedding_destroy(*v);
    *v = NULL;
}

const struct embedding_neighbour *embedding_find(const struct embedding *v, uint32_t a, uint32_t b)
{
    CHECK(a < v->n_items && b < v->n_items);
    for (uint32_t i = v->neighbour_first[a]; i < v->neighbour_first[a + 1]; i++)
        if (v->neighbours[i].item == b)
            return &v->neighbours[i];
    return NULL;
}

enum { LIKENESS_WEIGHT_MAX = 1000 }; // more is no finding: the cosines are all alike

struct training {
    const struct embedding_rules *rules;
    const struct vector_kernel *kernel;
    const atomic_bool *is_cancelled;
    struct basket_sample sample;
    struct random random;
    struct arena scratch;
    float *vectors; // a row per word
};

static bool train_vectors(struct training *t, struct err *e)
{
    const struct embedding_rules *r = t->rules;
    const struct sgns_rules rules = {r->contexts, r->negatives, r->passes, r->visits_max, r->rate, r->frequent};
    uint32_t n = t->sample.n_words;
    float *in = vectors_create(&t->scratch, n), *out = vectors_create(&t->scratch, n);
    if (!spectral_vectors(t->vectors, &t->sample, t->kernel, &t->random, t->is_cancelled, e))
        return false;
    memcpy(in, t->vectors, (size_t)n * VECTOR_DIMS * sizeof *in);
    memcpy(out, t->vectors, (size_t)n * VECTOR_DIMS * sizeof *out);
    if (!sgns_train(in, out, &t->sample, &rules, t->kernel, &t->random, t->is_cancelled, e))
        return false;
    for (size_t k = 0; k < (size_t)n * VECTOR_DIMS; k++)
        t->vectors[k] = (in[k] + out[k]) + 2 * t->vectors[k];
    vectors_normalise(t->vectors, n);
    return true;
}

static uint32_t candidates_of(const struct training *t)
{
    uint64_t n = t->rules->scores_max / t->sample.n_words;
    return n < t->sample.n_words ? (uint32_t)n : t->sample.n_words;
}

static float *priors_of(struct training *t, uint32_t n)
{
    static const double LN2 = 0.69314718055994531;
    float *priors = ARENA_ARRAY(&t->scratch, float, n);
    for (uint32_t w = 0; w < n; w++) {
        double share = (double)t->sample.counts[w] / t->sample.n_drawn;
        priors[w] = (float)(t->rules->popularity * LN2 * exact_log2(share));
    }
    return priors;
}

static double cosine_of(const struct training *t, uint32_t a, uint32_t b)
{
    const float *x = t->vectors + (size_t)a * VECTOR_DIMS, *y = t->vectors + (size_t)b * VECTOR_DIMS;
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0; // side by side: one alone would wait for itself at every step
    for (int k = 0; k < VECTOR_DIMS; k += 4) {
        s0 += (double)x[k] * (double)y[k];
        s1 += (double)x[k + 1] * (double)y[k + 1];
        s2 += (double)x[k + 2] * (double)y[k + 2];
        s3 += (double)x[k + 3] * (double)y[k + 3];
    }
    return (s0 + s2) + (s1 + s3);
}

// Fisher's discriminant between the cosines of an order's line with another line of it, and with a line of any order.
static double learn_likeness_weight(struct training *t)
{
    enum { DRAWS_MAX = 5000 };
    const struct basket_sample *s = &t->sample;
    uint32_t draws = s->n_lines < DRAWS_MAX ? s->n_lines : DRAWS_MAX;
    double together = 0, apart = 0, apart_squares = 0, n = 0;
    for (uint32_t i = 0; i < draws; i++) {
        uint32_t order = random_below(&t->random, s->n_orders), size = s->first[order + 1] - s->first[order];
        uint32_t at = random_below(&t->random, size), other = (at + 1 + random_below(&t->random, size - 1)) % size;
        const uint32_t *words = s->words + s->first[order];
        uint32_t any = s->words[random_below(&t->random, s->n_lines)];
        if (any == words[at])
            continue;
        double cosine = cosine_of(t, words[at], any);
        together += cosine_of(t, words[at], words[other]);
        apart += cosine;
        apart_squares += cosine * cosine;
        n++;
    }
    double variance = n > 0 ? (apart_squares - apart * apart / n) / n : 0;
    double weight = variance > 0 ? (together - apart) / n / variance : 0;
    return weight > 0 && weight < LIKENESS_WEIGHT_MAX ? weight : 0;
}

// From words to items.
static void keep_neighbours(struct embedding *v, struct training *t, const struct near *found, const uint32_t *n_found)
{
    uint32_t *word_of = ARENA_ARRAY(&t->scratch, uint32_t, v->n_items), n = 0;
    for (uint32_t w = 0; w < t->sample.n_words; w++) {
        word_of[t->sample.item_of[w]] = w + 1;
        n += n_found[w];
    }
    v->neighbours = ARENA_ARRAY(&v->memory, struct embedding_neighbour, n);
    n = 0;
    for (uint32_t i = 0; i < v->n_items; i++) {
        const struct near *list = word_of[i] ? found + (size_t)(word_of[i] - 1) * t->rules->neighbours_max : NULL;
        for (uint32_t k = 0; list && k < n_found[word_of[i] - 1]; k++)
            v->neighbours[n++] =
                (struct embedding_neighbour){t->sample.item_of[list[k].row], list[k].cosine, list[k].score};
        v->neighbour_first[i + 1] = n;
    }
}

static bool find_neighbours(struct embedding *v, struct training *t, struct err *e)
{
    uint32_t n = t->sample.n_words, n_candidates = candidates_of(t);
    v->likeness_weight = learn_likeness_weight(t);
    struct near *found = ARENA_ARRAY(&t->scratch, struct near, (size_t)n * t->rules->neighbours_max);
    uint32_t *n_found = ARENA_ARRAY(&t->scratch, uint32_t, n);
    const struct nearest_question question = {.rows = t->vectors,
                                              .n = n,
                                              .n_candidates = n_candidates,
                                              .priors = priors_of(t, n_candidates),
                                              .cosine_weight = (float)v->likeness_weight,
                                              .wanted = t->rules->neighbours_max};
    if (!nearest_find(found, n_found, &question, t->kernel, t->is_cancelled, e))
        return false;
    keep_neighbours(v, t, found, n_found);
    return true;
}

static struct embedding *embedding_create(const struct dataset *d)
{
    struct embedding *v = calloc(1, sizeof *v);
    CHECK(v);
    arena_init(&v->memory, 0);
    v->n_items = d->n_items;
    v->neighbour_first = ARENA_ARRAY(&v->memory, uint32_t, (size_t)d->n_items + 1);
    v->neighbours = ARENA_ARRAY(&v->memory, struct embedding_neighbour, 0);
    return v;
}

static bool train(struct embedding *v, struct training *t, const struct dataset *d, struct err *e)
{
    basket_sample_build(&t->sample, d, t->rules->words_max, t->rules->visits_max, &t->random, &t->scratch);
    if (t->sample.n_orders == 0)
        return true; // nothing was ever bought together: no neighbours
    t->vectors = vectors_create(&t->scratch, t->sample.n_words);
    return train_vectors(t, e) && find_neighbours(v, t, e);
}

bool embedding_train(struct embedding **out, const struct dataset *d, const struct embedding_rules *r,
                     const atomic_bool *is_cancelled, struct err *e)
{
    AUTO(embedding_destroyp) struct embedding *v = embedding_create(d);
    struct training t = {.rules = r, .kernel = vector_kernel_best(), .is_cancelled = is_cancelled, .random = {r->seed}};
    arena_init(&t.scratch, 0);
    bool is_trained = train(v, &t, d, e);
    arena_fini(&t.scratch);
    if (!is_trained)
        return false;
    *out = v;
    v = NULL;
    return true;
}
