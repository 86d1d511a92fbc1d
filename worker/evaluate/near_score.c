#include "worker/evaluate/near_score.h"

static const double GAINS[NEAR_MAX] = { // 1 / log2(1 + rank), rank from 1
    1,
    0.63092975357145743710,
    0.5,
    0.43067655807339305067,
    0.38685280723454158687,
    0.35620718710802217651,
    0.33333333333333333333,
    0.31546487678572871855,
    0.30102999566398119521,
    0.28906482631788785927};

struct answers { // summed over the queries of an order, or as means over all orders
    double recall, ndcg, hit;
};

static void ask(const struct near_lists *lists, uint32_t item, const bool *is_in_order, uint32_t n_right,
                struct answers *sum)
{
    uint32_t found = 0;
    double gain = 0, best = 0;
    for (uint32_t i = 0; i < lists->n[item]; i++) {
        if (!is_in_order[lists->items[(size_t)item * NEAR_MAX + i]])
            continue;
        gain += GAINS[i];
        found++;
    }
    for (uint32_t i = 0; i < n_right && i < NEAR_MAX; i++)
        best += GAINS[i];
    sum->recall += (double)found / n_right;
    sum->ndcg += gain / best;
    sum->hit += found > 0;
}

static struct answers ask_order(const struct near_lists *lists, const uint32_t *items, uint32_t n, bool *is_in_order)
{
    struct answers sum = {0};
    for (uint32_t i = 0; i < n; i++)
        is_in_order[items[i]] = true;
    for (uint32_t i = 0; i < n; i++)
        ask(lists, items[i], is_in_order, n - 1, &sum);
    for (uint32_t i = 0; i < n; i++)
        is_in_order[items[i]] = false;
    return (struct answers){sum.recall / n, sum.ndcg / n, sum.hit / n};
}

static double coverage(const struct heldout *h, const bool *is_known, const struct near_lists *lists,
                       struct arena *scratch)
{
    bool *is_listed = ARENA_ARRAY(scratch, bool, lists->n_items);
    uint32_t known = 0, listed = 0;
    for (uint32_t i = 0; i < lists->n_items; i++)
        for (uint32_t at = 0; h->orders.items[i].orders > 0 && at < lists->n[i]; at++)
            is_listed[lists->items[(size_t)i * NEAR_MAX + at]] = true;
    for (uint32_t i = 0; i < lists->n_items; i++) {
        known += is_known[i];
        listed += is_known[i] && is_listed[i];
    }
    return known ? (double)listed / known : 0;
}

struct near_score near_score(const struct heldout *h, const bool *is_known, const struct near_lists *lists)
{
    const struct dataset *d = &h->orders;
    struct arena scratch;
    struct near_score s = {.queries = d->n_lines};
    arena_init(&scratch, 0);
    bool *is_in_order = ARENA_ARRAY(&scratch, bool, d->n_items);
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint32_t first = d->line_first[o], n = d->line_first[o + 1] - first;
        struct answers mean = ask_order(lists, d->line_item + first, n, is_in_order);
        s.recall += mean.recall / d->n_orders;
        s.ndcg += mean.ndcg / d->n_orders;
        s.hit += mean.hit / d->n_orders;
    }
    s.coverage = coverage(h, is_known, lists, &scratch);
    arena_fini(&scratch);
    return s;
}
