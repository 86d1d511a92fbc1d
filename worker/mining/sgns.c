#include "worker/mining/sgns.h"

#include <math.h>

#include "common/check.h"

struct trainer {
    const struct basket_sample *sample;
    const struct sgns_rules *rules;
    const struct vector_kernel *kernel;
    struct sgns_model model;
    struct random *random;
    uint32_t *keep;         // by word
    uint32_t *order, *pool; // the words of an order that were kept this time, twice
    uint64_t visits, visits_planned;
};

// Kept with probability min(1, sqrt(t / f) + t / f); count and threshold are counts.
uint32_t sgns_keep(uint32_t count, double threshold)
{
    double ratio = threshold / count, keep = sqrt(ratio) + ratio;
    return keep < 1 ? (uint32_t)(keep * UINT32_MAX) : UINT32_MAX;
}

static uint32_t subsample(struct trainer *t, const uint32_t *words, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (t->keep[words[i]] == UINT32_MAX || random_bits(t->random) <= t->keep[words[i]])
            t->order[kept] = t->pool[kept] = words[i], kept++;
    return kept;
}

// At most `contexts` others of the order, drawn without replacement: the head of a shuffle.
static uint32_t draw_contexts(struct trainer *t, uint32_t centre, uint32_t size, uint32_t *targets)
{
    uint32_t n = 0, wanted = t->rules->contexts;
    for (uint32_t i = 0; i < size && n < wanted; i++) {
        uint32_t at = size > wanted ? i + random_below(t->random, size - i) : i, word = t->pool[at];
        t->pool[at] = t->pool[i];
        t->pool[i] = word;
        if (word != centre)
            targets[n++] = word;
    }
    return n;
}

static uint32_t draw_negatives(struct trainer *t, uint32_t centre, uint32_t *targets)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->rules->negatives; i++) {
        uint32_t word = random_below(t->random, t->sample->n_words);
        if (word != centre)
            targets[n++] = word;
    }
    return n;
}

static void train_order(struct trainer *t, uint32_t order)
{
    uint32_t first = t->sample->first[order], n = t->sample->first[order + 1] - first, targets[VECTOR_TARGETS];
    float rate = (float)(t->rules->rate * (1 - (double)t->visits / (double)t->visits_planned));
    uint32_t size = subsample(t, t->sample->words + first, n);
    for (uint32_t i = 0; i < size && size >= 2; i++) {
        uint32_t centre = t->order[i], n_contexts = draw_contexts(t, centre, size, targets);
        uint32_t n_targets = n_contexts + draw_negatives(t, centre, targets + n_contexts);
        t->kernel->step(&t->model, centre, targets, n_contexts, n_targets, rate);
    }
    t->visits += n;
}

static void prepare(struct trainer *t, struct arena *scratch)
{
    const struct basket_sample *s = t->sample;
    uint32_t largest = 0;
    double threshold, total = 0;
    t->model.in_squares = ARENA_ARRAY(scratch, float, s->n_words);
    t->model.out_squares = ARENA_ARRAY(scratch, float, s->n_words);
    t->keep = ARENA_ARRAY(scratch, uint32_t, s->n_words);
    for (uint32_t w = 0; w < s->n_words; w++)
        total += s->counts[w];
    threshold = t->rules->frequent * total / s->n_words;
    for (uint32_t w = 0; w < s->n_words; w++)
        t->keep[w] = sgns_keep(s->counts[w], threshold);
    for (uint32_t o = 0; o < s->n_orders; o++)
        largest = s->first[o + 1] - s->first[o] > largest ? s->first[o + 1] - s->first[o] : largest;
    t->order = ARENA_ARRAY(scratch, uint32_t, largest);
    t->pool = ARENA_ARRAY(scratch, uint32_t, largest);
    t->visits_planned = (uint64_t)s->n_lines * t->rules->passes;
    if (t->visits_planned > t->rules->visits_max)
        t->visits_planned = t->rules->visits_max;
}

static bool train(struct trainer *t, const atomic_bool *is_cancelled, struct err *e)
{
    for (uint32_t o = 0; t->visits < t->visits_planned; o = (o + 1) % t->sample->n_orders) {
        if (is_cancelled && atomic_load_explicit(is_cancelled, memory_order_relaxed))
            return err_set(e, ERR_CANCELLED, "item2vec was cancelled");
        train_order(t, o);
    }
    return true;
}

bool sgns_train(float *in, float *out, const struct basket_sample *s, const struct sgns_rules *r,
                const struct vector_kernel *kernel, struct random *random, const atomic_bool *is_cancelled,
                struct err *e)
{
    AUTO(arena_fini) struct arena scratch;
    CHECK(r->contexts + r->negatives <= VECTOR_TARGETS);
    struct trainer t = {.sample = s, .rules = r, .kernel = kernel, .model = {.in = in, .out = out}, .random = random};
    arena_init(&scratch, 0);
    prepare(&t, &scratch);
    return train(&t, is_cancelled, e);
}
