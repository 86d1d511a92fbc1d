#include "worker/evaluate/baselines.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "worker/mining/evidence.h"
#include "worker/mining/postings.h"

enum { RATIO_ORDERS_MIN = 5 }; // ratios of smaller counts are mostly chance

void near_lists_init(struct near_lists *l, uint32_t n_items, struct arena *memory)
{
    *l = (struct near_lists){ARENA_ARRAY(memory, uint32_t, (size_t)n_items * NEAR_MAX),
                             ARENA_ARRAY(memory, uint32_t, n_items), n_items};
}

// ---- the best so far ----

// Room for twice as many as are wanted: when it is full, the worse half goes.
struct top {
    struct ranked_pair *pairs;
    uint32_t n, max;
    double score_min; // what a pair needs to get in
};

static void top_init(struct top *t, uint32_t max, struct arena *memory)
{
    *t = (struct top){ARENA_ARRAY(memory, struct ranked_pair, (size_t)max * 2), 0, max, -INFINITY};
}

static int compare_pairs(const void *left, const void *right)
{
    const struct ranked_pair *x = left, *y = right;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

static void top_cut(struct top *t)
{
    qsort(t->pairs, t->n, sizeof *t->pairs, compare_pairs);
    t->n = t->n < t->max ? t->n : t->max;
    if (t->n == t->max)
        t->score_min = t->pairs[t->n - 1].score;
}

static void top_offer(struct top *t, uint32_t a, uint32_t b, double score)
{
    if (score < t->score_min)
        return;
    t->pairs[t->n++] = (struct ranked_pair){a, b, score};
    if (t->n == 2 * t->max)
        top_cut(t);
}

static struct ranked_pairs top_take(struct top *t)
{
    top_cut(t);
    return (struct ranked_pairs){t->pairs, t->n};
}

static void top_take_near(struct top *t, uint32_t item, struct near_lists *l)
{
    top_cut(t);
    l->n[item] = t->n;
    for (uint32_t i = 0; i < t->n; i++)
        l->items[(size_t)item * NEAR_MAX + i] = t->pairs[i].b;
    t->n = 0;
    t->score_min = -INFINITY;
}

// ---- rows of joint counts ----

struct counter {
    const struct dataset *data;
    uint32_t basket_max;
    uint32_t n_multi;     // N
    uint32_t *item_multi; // c(a)
    struct postings postings;
    // the row at hand: of an item with every other
    uint32_t *orders; // c(ab)
    double *sized;    // sum of 1 / (items - 1)
    uint32_t *touched;
    uint32_t n_touched;
};

static uint32_t size_of(const struct dataset *d, uint32_t order)
{
    return d->line_first[order + 1] - d->line_first[order];
}

static bool is_counted(const struct counter *c, uint32_t order)
{
    uint32_t size = size_of(c->data, order);
    return size >= 2 && size <= c->basket_max;
}

static void counter_init(struct counter *c, const struct dataset *d, uint32_t basket_max, struct arena *scratch)
{
    *c = (struct counter){
        .data = d,
        .basket_max = basket_max,
        .item_multi = ARENA_ARRAY(scratch, uint32_t, d->n_items),
        .orders = ARENA_ARRAY(scratch, uint32_t, d->n_items),
        .sized = ARENA_ARRAY(scratch, double, d->n_items),
        .touched = ARENA_ARRAY(scratch, uint32_t, d->n_items),
    };
    postings_build(&c->postings, d, scratch);
    for (uint32_t o = 0; o < d->n_orders; o++) {
        c->n_multi += is_counted(c, o);
        for (uint32_t l = d->line_first[o]; is_counted(c, o) && l < d->line_first[o + 1]; l++)
            c->item_multi[d->line_item[l]]++;
    }
}

static void count_order(struct counter *c, uint32_t order, uint32_t item)
{
    const struct dataset *d = c->data;
    double weight = 1.0 / (size_of(d, order) - 1);
    for (uint32_t l = d->line_first[order]; l < d->line_first[order + 1]; l++) {
        uint32_t other = d->line_item[l];
        if (other == item)
            continue;
        if (c->orders[other]++ == 0)
            c->touched[c->n_touched++] = other;
        c->sized[other] += weight;
    }
}

static void count_row(struct counter *c, uint32_t item)
{
    for (uint32_t i = 0; i < c->n_touched; i++) {
        c->orders[c->touched[i]] = 0;
        c->sized[c->touched[i]] = 0;
    }
    c->n_touched = 0;
    for (uint32_t p = c->postings.first[item]; p < c->postings.first[item + 1]; p++)
        if (is_counted(c, c->postings.orders[p]))
            count_order(c, c->postings.orders[p], item);
}

// ---- scores ----

// evidence_score(c, x, 0) is c * log2(c / x): a constant factor away from the ratio's terms.
static double log_likelihood_ratio(double ab, double a, double b, double n)
{
    return evidence_score(ab, a * b / n, 0) + evidence_score(a - ab, a * (n - b) / n, 0) +
           evidence_score(b - ab, (n - a) * b / n, 0) + evidence_score(n - a - b + ab, (n - a) * (n - b) / n, 0);
}

static void offer_pair(const struct counter *c, uint32_t a, uint32_t b, struct top tops[PAIR_RANKING_COUNT])
{
    double n = c->n_multi, ca = c->item_multi[a], cb = c->item_multi[b], joint = c->orders[b];
    top_offer(&tops[PAIRS_BY_COUNT], a, b, joint);
    if (joint * n > ca * cb)
        top_offer(&tops[PAIRS_BY_LLR], a, b, log_likelihood_ratio(joint, ca, cb, n));
    if (c->orders[b] < RATIO_ORDERS_MIN)
        return;
    top_offer(&tops[PAIRS_BY_COSINE], a, b, joint / sqrt(ca * cb));
    top_offer(&tops[PAIRS_BY_LIFT], a, b, joint * n / (ca * cb));
}

static void offer_near(const struct counter *c, uint32_t a, uint32_t b, struct top tops[NEAR_RANKING_COUNT])
{
    double joint = c->orders[b];
    top_offer(&tops[NEAR_BY_COUNT], a, b, joint);
    top_offer(&tops[NEAR_BY_SIZED_COUNT], a, b, c->sized[b]);
    top_offer(&tops[NEAR_BY_COSINE], a, b, joint / sqrt((double)c->item_multi[a] * c->item_multi[b]));
}

// ---- popularity ----

// Items that were sold together with others, most orders first.
static struct ranked_pairs best_sellers(const struct counter *c, struct arena *memory)
{
    struct ranked_pairs sellers = {ARENA_ARRAY(memory, struct ranked_pair, c->data->n_items), 0};
    for (uint32_t i = 0; i < c->data->n_items; i++)
        if (c->item_multi[i] > 0)
            sellers.pairs[sellers.n++] = (struct ranked_pair){i, 0, c->item_multi[i]};
    if (sellers.n > 0)
        qsort(sellers.pairs, sellers.n, sizeof *sellers.pairs, compare_pairs);
    return sellers;
}

// Before the i-th with the j-th seller (from 0, i < j) stand all pairs of the first i + 1 with those from i + 1 to j:
// only where these are at most `max` can it be among the best.
static void pairs_by_popularity(const struct ranked_pairs *sellers, struct top *top)
{
    for (uint32_t i = 0; i < sellers->n; i++)
        for (uint32_t j = i + 1; j < sellers->n && (uint64_t)(i + 1) * (j - i) <= top->max; j++) {
            uint32_t a = sellers->pairs[i].a, b = sellers->pairs[j].a;
            top_offer(top, a < b ? a : b, a < b ? b : a, sellers->pairs[i].score * sellers->pairs[j].score);
        }
}

static void near_by_popularity(const struct ranked_pairs *sellers, struct near_lists *l)
{
    for (uint32_t i = 0; i < l->n_items; i++)
        for (uint32_t s = 0; s < sellers->n && l->n[i] < NEAR_MAX; s++)
            if (sellers->pairs[s].a != i)
                l->items[(size_t)i * NEAR_MAX + l->n[i]++] = sellers->pairs[s].a;
}

// ---- all ----

void baselines_mine(const struct dataset *d, uint32_t pairs_max, uint32_t basket_max, struct arena *memory,
                    struct baselines *out)
{
    struct arena scratch;
    struct counter c;
    struct top pairs[PAIR_RANKING_COUNT], near[NEAR_RANKING_COUNT];
    arena_init(&scratch, 0);
    counter_init(&c, d, basket_max, &scratch);
    for (int r = 0; r < PAIR_RANKING_COUNT; r++)
        top_init(&pairs[r], pairs_max, memory);
    for (int r = 0; r < NEAR_RANKING_COUNT; r++) {
        top_init(&near[r], NEAR_MAX, &scratch);
        near_lists_init(&out->near[r], d->n_items, memory);
    }
    for (uint32_t a = 0; a < d->n_items; a++) {
        count_row(&c, a);
        for (uint32_t i = 0; i < c.n_touched; i++) {
            if (a < c.touched[i])
                offer_pair(&c, a, c.touched[i], pairs);
            offer_near(&c, a, c.touched[i], near);
        }
        for (int r = 0; r < NEAR_RANKING_COUNT; r++)
            top_take_near(&near[r], a, &out->near[r]);
    }
    struct ranked_pairs sellers = best_sellers(&c, &scratch);
    pairs_by_popularity(&sellers, &pairs[PAIRS_BY_POPULARITY]);
    near_by_popularity(&sellers, &out->near[NEAR_BY_POPULARITY]);
    for (int r = 0; r < PAIR_RANKING_COUNT; r++)
        out->pairs[r] = top_take(&pairs[r]);
    arena_fini(&scratch);
}

void baselines_count(const struct dataset *d, uint32_t pairs_max, uint32_t basket_max, struct arena *memory,
                     struct ranked_pairs *out)
{
    struct arena scratch;
    struct counter c;
    struct top top;
    arena_init(&scratch, 0);
    counter_init(&c, d, basket_max, &scratch);
    top_init(&top, pairs_max, memory);
    for (uint32_t a = 0; a < d->n_items; a++) {
        count_row(&c, a);
        for (uint32_t i = 0; i < c.n_touched; i++)
            if (a < c.touched[i])
                top_offer(&top, a, c.touched[i], c.orders[c.touched[i]]);
    }
    *out = top_take(&top);
    arena_fini(&scratch);
}
