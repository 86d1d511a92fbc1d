#include "worker/mining/evidence.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/mining/postings.h"

const struct mining_rules MINING_RULES_DEFAULT = {
    .neighbours_max = 48,
    .pairs_max = 20000,
    .basket_max = 1000,
    .pair_orders_min = 2,
    .shrink = 3,
};

enum { SMALL_UPLOAD_LINES = 20, RECENT_S = 30 * 86400 };

void evidence_destroy(struct evidence *v)
{
    if (!v)
        return;
    arena_fini(&v->memory);
    free(v);
}

void evidence_destroyp(struct evidence **v)
{
    evidence_destroy(*v);
    *v = NULL;
}

// x > 0 as m * 2^exponent with 1 <= m < 2.
static double split(double x, int *exponent)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    *exponent = (int)(bits >> 52) - 1023;
    bits = (bits & ((UINT64_C(1) << 52) - 1)) | (UINT64_C(1023) << 52);
    memcpy(&x, &bits, sizeof x);
    return x;
}

// log2 by the series of atanh, of ordinary positive x. The C library's differs in the last bit between machines (with
// and without fused multiply-add), and equal uploads must give equal bytes everywhere.
static double log2_exact(double x)
{
    static const double TWO_OVER_LN2 = 2.8853900817779268;
    int exponent;
    double m = split(x, &exponent);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    double t = (m - 1) / (m + 1), t2 = t * t, sum = 0; // |t| <= 0.172: 10 terms reach 1e-17
    for (int k = 19; k >= 1; k -= 2)
        sum = sum * t2 + 1.0 / k;
    return exponent + TWO_OVER_LN2 * t * sum;
}

// An upper bound of log2 for a handful of instructions: log2(m) <= m - 1 + 0.0861 on [1, 2).
static double log2_bound(double x)
{
    int exponent;
    double m = split(x, &exponent);
    return exponent + (m - 1) + 0.0862;
}

double evidence_score(double orders, double expected, double shrink)
{
    double above = orders + shrink, below = expected + shrink;
    return orders > 0 && below > 0 ? orders * log2_exact(above / below) : 0;
}

double evidence_expected(const struct evidence *v, uint32_t a, uint32_t b)
{
    CHECK(a < v->n_items && b < v->n_items);
    return v->n_multi ? v->kappa * v->item_multi[a] * v->item_multi[b] / v->n_multi : 0;
}

const struct neighbour *evidence_find(const struct evidence *v, uint32_t a, uint32_t b)
{
    CHECK(a < v->n_items && b < v->n_items);
    for (uint32_t i = v->neighbour_first[a]; i < v->neighbour_first[a + 1]; i++)
        if (v->neighbours[i].item == b)
            return &v->neighbours[i];
    return NULL;
}

// Better first: higher score, then lower item ids.
static bool pair_is_better(const struct item_pair *x, const struct item_pair *y)
{
    if (x->score != y->score)
        return x->score > y->score;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

// The best `max` pairs seen, in a buffer of twice as many: when it is full the better half stays. That is a few steps
// for a pair, where a heap takes its depth.
struct best {
    struct item_pair *pairs;
    uint32_t n, max, capacity;
    float score_min;     // once it was full: with less a pair cannot get in any more
    uint32_t orders_min; // with fewer joint orders neither, whatever its items' marginals
    bool was_full;
};

static void swap_pairs(struct item_pair *x, struct item_pair *y)
{
    struct item_pair moved = *x;
    *x = *y;
    *y = moved;
}

// Hoare's selection: afterwards the `wanted` best of n pairs stand first.
static void select_best(struct item_pair *pairs, uint32_t n, uint32_t wanted)
{
    uint32_t low = 0, high = n;
    while (high - low > 1) {
        swap_pairs(&pairs[low], &pairs[low + (high - low) / 2]); // the middle one: sorted runs are common
        uint32_t split_at = low;
        for (uint32_t i = low + 1; i < high; i++)
            if (pair_is_better(&pairs[i], &pairs[low]))
                swap_pairs(&pairs[i], &pairs[++split_at]);
        swap_pairs(&pairs[low], &pairs[split_at]);
        if (split_at >= wanted)
            high = split_at;
        else
            low = split_at + 1;
    }
}

// The score of n joint orders is largest where chance expects none: n * log2((n + s) / s).
static void raise_orders_min(struct best *t, double shrink)
{
    double least = (double)t->score_min * (1 - 1e-6); // scores are rounded to float
    while (shrink > 0 && least > 0 && evidence_score(t->orders_min, 0, shrink) < least)
        t->orders_min++;
}

static void best_shrink(struct best *t, double shrink)
{
    select_best(t->pairs, t->n, t->max);
    t->n = t->max;
    t->was_full = true;
    t->score_min = t->pairs[0].score;
    for (uint32_t i = 1; i < t->n; i++)
        if (t->pairs[i].score < t->score_min)
            t->score_min = t->pairs[i].score;
    raise_orders_min(t, shrink);
}

static void best_offer(struct best *t, const struct item_pair *pair, double shrink)
{
    if (t->n == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 64;
        t->pairs = reallocarray(t->pairs, t->capacity, sizeof *t->pairs);
        CHECK(t->pairs);
    }
    t->pairs[t->n++] = *pair;
    if (t->n / 2 >= t->max)
        best_shrink(t, shrink);
}

static void best_clear(struct best *t)
{
    t->n = t->orders_min = 0;
    t->was_full = false;
}

// Could a pair of this score get in?
static bool best_may_take(const struct best *t, double score_bound)
{
    return t->max > 0 && (!t->was_full || score_bound >= (double)t->score_min);
}

static int compare_pairs(const void *left, const void *right)
{
    if (pair_is_better(left, right))
        return -1;
    return pair_is_better(right, left);
}

static void best_sort(struct best *t)
{
    if (t->n > t->max) {
        select_best(t->pairs, t->n, t->max);
        t->n = t->max;
    }
    if (t->n > 0)
        qsort(t->pairs, t->n, sizeof *t->pairs, compare_pairs);
}

// One row of joint counts: of the item at hand with every other.
struct tally {
    uint32_t *orders, *recent; // by item, all zero between rows
    uint32_t *touched;         // items with orders > 0, in no order that matters
    uint32_t n_touched;
};

struct miner {
    const struct dataset *data;
    const struct mining_rules *rules;
    struct evidence *v;
    struct postings postings;
    struct tally tally;
    struct best near, pairs; // near: of the row at hand, as pairs (item, other)
    uint32_t pair_orders_min;
    uint32_t recent_first, recent_end; // orders in the recent window
    struct neighbour *neighbours;
    size_t n_neighbours, capacity;
};

static uint32_t basket_size(const struct dataset *d, uint32_t order)
{
    return d->line_first[order + 1] - d->line_first[order];
}

static bool is_counted(const struct miner *m, uint32_t order)
{
    uint32_t n = basket_size(m->data, order);
    return n >= 2 && n <= m->rules->basket_max;
}

static void count_baskets(struct miner *m)
{
    const struct dataset *d = m->data;
    struct evidence *v = m->v;
    uint64_t sum = 0, sum_pairs = 0;
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint64_t n = basket_size(d, o);
        v->n_too_large += n > m->rules->basket_max;
        if (!is_counted(m, o))
            continue;
        v->n_multi++;
        sum += n;
        sum_pairs += n * (n - 1);
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1]; l++)
            v->item_multi[d->line_item[l]]++;
    }
    v->pair_increments = sum_pairs / 2;
    v->kappa = sum ? (double)v->n_multi * (double)sum_pairs / ((double)sum * (double)sum) : 0;
}

// Orders are sorted by date: the recent ones stand together.
static void find_recent(struct miner *m)
{
    const struct dataset *d = m->data;
    uint32_t first = d->n_orders, end = d->n_orders;
    if (d->has_dates && d->as_of != DATE_UNKNOWN) {
        while (end > 0 && d->order_at[end - 1] > d->as_of)
            end--;
        first = end;
        while (first > 0 && d->order_at[first - 1] != DATE_UNKNOWN && d->order_at[first - 1] > d->as_of - RECENT_S)
            first--;
    }
    m->recent_first = first;
    m->recent_end = end;
}

static void tally_order(struct tally *t, const uint32_t *items, uint32_t n)
{
    uint32_t n_touched = t->n_touched;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t orders = t->orders[items[i]]++;
        t->touched[n_touched] = items[i]; // counts only where it is the first
        n_touched += orders == 0;
    }
    t->n_touched = n_touched;
}

static void add_one_each(uint32_t *counts, const uint32_t *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        counts[items[i]]++;
}

static void tally_find_touched(struct tally *t, uint32_t n_items)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_items; i++) {
        t->touched[n] = i;
        n += t->orders[i] > 0;
    }
    t->n_touched = n;
}

// Lines in the counted orders of an item.
static uint64_t work_of(const struct miner *m, uint32_t item)
{
    uint64_t lines = 0;
    for (uint32_t p = m->postings.first[item]; p < m->postings.first[item + 1]; p++)
        lines += is_counted(m, m->postings.orders[p]) ? basket_size(m->data, m->postings.orders[p]) : 0;
    return lines;
}

static void tally_item(struct miner *m, uint32_t item)
{
    const struct dataset *d = m->data;
    // Where a row will be dense, looking through all of it afterwards is cheaper than noting what is new all along.
    bool is_dense = work_of(m, item) >= d->n_items;
    for (uint32_t p = m->postings.first[item]; p < m->postings.first[item + 1]; p++) {
        uint32_t order = m->postings.orders[p];
        const uint32_t *items = d->line_item + d->line_first[order];
        if (!is_counted(m, order))
            continue;
        if (is_dense)
            add_one_each(m->tally.orders, items, basket_size(d, order));
        else
            tally_order(&m->tally, items, basket_size(d, order));
        if (order >= m->recent_first && order < m->recent_end)
            add_one_each(m->tally.recent, items, basket_size(d, order));
    }
    if (is_dense)
        tally_find_touched(&m->tally, d->n_items);
}

static void offer_pair(struct miner *m, uint32_t a, uint32_t b, double expected_factor)
{
    uint32_t orders = m->tally.orders[b];
    bool may_be_near = orders >= m->near.orders_min, may_be_pair = a < b && orders >= m->pairs.orders_min;
    if ((!may_be_near && !may_be_pair) || orders < m->pair_orders_min || a == b)
        return; // most do
    double shrink = m->rules->shrink, expected = expected_factor * m->v->item_multi[b];
    double ratio = (orders + shrink) / (expected + shrink);
    double bound = orders * log2_bound(ratio);
    // A float score is at most half a unit of its last place above the exact one.
    bound += (bound < 0 ? -bound : bound) * 1e-6;
    bool is_near = may_be_near && best_may_take(&m->near, bound);
    bool is_pair = may_be_pair && best_may_take(&m->pairs, bound);
    if (!is_near && !is_pair)
        return;
    struct item_pair pair = {a, b, orders, m->tally.recent[b], (float)evidence_score(orders, expected, shrink), 0};
    if (is_near)
        best_offer(&m->near, &pair, shrink);
    if (is_pair)
        best_offer(&m->pairs, &pair, shrink);
}

static void keep_neighbours(struct miner *m, uint32_t item)
{
    best_sort(&m->near);
    if (m->n_neighbours + m->near.n > m->capacity) {
        m->capacity = m->capacity * 2 + m->near.n;
        m->neighbours = reallocarray(m->neighbours, m->capacity, sizeof *m->neighbours);
        CHECK(m->neighbours);
    }
    for (uint32_t i = 0; i < m->near.n; i++) {
        const struct item_pair *p = &m->near.pairs[i];
        m->neighbours[m->n_neighbours++] = (struct neighbour){p->b, p->orders, p->orders_recent, p->score, p->score};
    }
    best_clear(&m->near);
    m->v->neighbour_first[item + 1] = (uint32_t)m->n_neighbours;
}

static void mine_row(struct miner *m, uint32_t item)
{
    struct tally *t = &m->tally;
    struct evidence *v = m->v;
    tally_item(m, item);
    double factor = v->n_multi ? v->kappa * v->item_multi[item] / v->n_multi : 0;
    for (uint32_t i = 0; i < t->n_touched; i++) {
        v->pairs_distinct += item < t->touched[i];
        offer_pair(m, item, t->touched[i], factor);
    }
    for (uint32_t i = 0; i < t->n_touched; i++)
        t->orders[t->touched[i]] = t->recent[t->touched[i]] = 0;
    t->n_touched = 0;
    keep_neighbours(m, item);
}

static bool mine_rows(struct miner *m, const atomic_bool *is_cancelled, struct err *e)
{
    for (uint32_t item = 0; item < m->data->n_items; item++) {
        if (is_cancelled && atomic_load_explicit(is_cancelled, memory_order_relaxed))
            return err_set(e, ERR_CANCELLED, "mining was cancelled");
        mine_row(m, item);
        if (m->n_neighbours > UINT32_MAX / 2)
            return err_set(e, ERR_LIMIT, "too many neighbours to keep: lower mining.neighbours_max");
    }
    return true;
}

static void keep_results(struct miner *m)
{
    struct evidence *v = m->v;
    best_sort(&m->pairs);
    v->n_pairs = m->pairs.n;
    v->pairs = ARENA_ARRAY(&v->memory, struct item_pair, v->n_pairs);
    v->neighbours = ARENA_ARRAY(&v->memory, struct neighbour, m->n_neighbours);
    if (v->n_pairs > 0)
        memcpy(v->pairs, m->pairs.pairs, v->n_pairs * sizeof *v->pairs);
    if (m->n_neighbours > 0)
        memcpy(v->neighbours, m->neighbours, m->n_neighbours * sizeof *v->neighbours);
}

static struct evidence *evidence_create(const struct dataset *d)
{
    struct evidence *v = calloc(1, sizeof *v);
    CHECK(v);
    arena_init(&v->memory, 0);
    v->n_items = d->n_items;
    v->n_orders = d->n_orders;
    v->item_multi = ARENA_ARRAY(&v->memory, uint32_t, d->n_items);
    v->neighbour_first = ARENA_ARRAY(&v->memory, uint32_t, (size_t)d->n_items + 1);
    return v;
}

static bool mine(struct miner *m, struct arena *scratch, const atomic_bool *is_cancelled, struct err *e)
{
    const struct dataset *d = m->data;
    bool is_small = d->lines_read < SMALL_UPLOAD_LINES;
    m->pair_orders_min = is_small || m->rules->pair_orders_min < 1 ? 1 : m->rules->pair_orders_min;
    m->near.max = m->rules->neighbours_max;
    m->pairs.max = m->rules->pairs_max;
    m->tally.orders = ARENA_ARRAY(scratch, uint32_t, d->n_items);
    m->tally.recent = ARENA_ARRAY(scratch, uint32_t, d->n_items);
    m->tally.touched = ARENA_ARRAY(scratch, uint32_t, (size_t)d->n_items + 1);
    postings_build(&m->postings, d, scratch);
    count_baskets(m);
    find_recent(m);
    if (!mine_rows(m, is_cancelled, e))
        return false;
    keep_results(m);
    return true;
}

bool evidence_mine(struct evidence **out, const struct dataset *d, const struct mining_rules *rules,
                   const atomic_bool *is_cancelled, struct err *e)
{
    struct arena scratch;
    struct miner m = {.data = d, .rules = rules, .v = evidence_create(d)};
    arena_init(&scratch, 0);
    bool is_mined = mine(&m, &scratch, is_cancelled, e);
    arena_fini(&scratch);
    free(m.near.pairs);
    free(m.pairs.pairs);
    free(m.neighbours);
    if (!is_mined) {
        evidence_destroy(m.v);
        return false;
    }
    *out = m.v;
    return true;
}
