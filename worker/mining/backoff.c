#include "worker/mining/backoff.h"

#include "worker/mining/top.h"

struct smoother {
    const struct backoff *b;
    uint32_t *place; // by item: 1 + where it stands in the list at hand, 0: nowhere
    double *sums;    // by that place: of P(k|a) * P(b|k) * damping[b]
    struct top order;
};

static uint32_t length(const struct backoff *b, uint32_t item)
{
    return b->first[item + 1] - b->first[item];
}

static uint32_t longest(const struct backoff *b)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < b->n_items; i++)
        most = length(b, i) > most ? length(b, i) : most;
    return most;
}

// Returns the sum of P(k|a).
static double walk(struct smoother *s, const struct neighbour *list, uint32_t n)
{
    const struct backoff *b = s->b;
    double all = 0;
    for (uint32_t i = 0; i < n && i < BACKOFF_PARTNERS; i++) {
        uint32_t k = list[i].item;
        double confidence = (double)list[i].relevance / b->damping[k];
        all += confidence;
        for (uint32_t at = b->first[k]; at < b->first[k + 1]; at++)
            s->sums[s->place[b->lists[at].item]] += confidence * (double)b->lists[at].relevance;
    }
    return all;
}

static void smooth_list(struct smoother *s, struct neighbour *out, const struct neighbour *list, uint32_t n,
                        double share)
{
    for (uint32_t i = 0; i < n; i++) {
        s->place[list[i].item] = i + 1;
        s->sums[i + 1] = 0;
    }
    double all = walk(s, list, n);
    for (uint32_t i = 0; i < n; i++) {
        double relevance = (1 - share) * (double)list[i].relevance + share * s->sums[i + 1] / all;
        top_offer(&s->order, top_key((float)relevance, list[i].item));
    }
    top_sort(&s->order);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = list[s->place[top_id(s->order.keys[i])] - 1];
        out[i].relevance = top_value(s->order.keys[i]);
    }
    top_clear(&s->order);
    for (uint32_t i = 0; i < n; i++)
        s->place[list[i].item] = 0;
}

void backoff_smooth(struct neighbour *out, const struct backoff *b)
{
    struct smoother s = {.b = b};
    struct arena memory;
    uint32_t most = longest(b);
    arena_init(&memory, 0);
    s.place = ARENA_ARRAY(&memory, uint32_t, b->n_items);
    s.sums = ARENA_ARRAY(&memory, double, (size_t)most + 1);
    top_init(&s.order, most, &memory);
    for (uint32_t i = 0; i < b->n_items; i++)
        smooth_list(&s, out + b->first[i], b->lists + b->first[i], length(b, i), b->prior / (b->prior + b->weights[i]));
    arena_fini(&memory);
}
