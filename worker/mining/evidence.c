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

// log2 by the series of atanh, of ordinary positive x. The C library's differs in the last bit between machines (with and
// without fused multiply-add), and equal uploads must give equal bytes everywhere.
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

// The best `max` pairs seen: a heap with the worst of them on top.
struct best {
    struct item_pair *heap;
    uint32_t n, max, capacity;
};

static void sift_down(struct best *t, uint32_t at)
{
    struct item_pair moving = t->heap[at];
    for (uint32_t child; (child = 2 * at + 1) < t->n; at = child) {
        if (child + 1 < t->n && pair_is_better(&t->heap[child], &t->heap[child + 1]))
            child++;
        if (!pair_is_better(&moving, &t->heap[child]))
            break;
        t->heap[at] = t->heap[child];
    }
    t->heap[at] = moving;
}

static void sift_up(struct best *t, uint32_t at)
{
    struct item_pair moving = t->heap[at];
    while (at > 0 && pair_is_better(&t->heap[(at - 1) / 2], &moving)) {
        t->heap[at] = t->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    t->heap[at] = moving;
}

static void best_offer(struct best *t, const struct item_pair *pair)
{
    if (t->n < t->max) {
        if (t->n == t->capacity) {
            t->capacity = t->capacity ? t->capacity * 2 : 64;
            t->heap = reallocarray(t->heap, t->capacity, sizeof *t->heap);
            CHECK(t->heap);
        }
        t->heap[t->n++] = *pair;
        sift_up(t, t->n - 1);
    } else if (t->max > 0 && pair_is_better(pair, &t->heap[0])) {
        t->heap[0] = *pair;
        sift_down(t, 0);
    }
}

// Could a pair of this score get in?
static bool best_may_take(const struct best *t, double score_bound)
{
    return t->n < t->max || (t->max > 0 && score_bound >= (double)t->heap[0].score);
}

static int compare_pairs(const void *left, const void *right)
{
    if (pair_is_better(left, right))
        return -1;
    return pair_is_better(right, left);
}

static void best_sort(struct best *t)
{
    if (t->n > 0)
        qsort(t->heap, t->n, sizeof *t->heap, compare_pairs);
}

// One catalogue row of joint counts: of the item at hand with every other.
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

static void tally_item(struct miner *m, uint32_t item)
{
    const struct dataset *d = m->data;
    for (uint32_t p = m->postings.first[item]; p < m->postings.first[item + 1]; p++) {
        uint32_t order = m->postings.orders[p];
        if (!is_counted(m, order))
            continue;
        const uint32_t *items = d->line_item + d->line_first[order];
        uint32_t n = basket_size(d, order);
        tally_order(&m->tally, items, n);
        if (order < m->recent_first || order >= m->recent_end)
            continue;
        for (uint32_t i = 0; i < n; i++)
            m->tally.recent[items[i]]++;
    }
}

static void offer_pair(struct miner *m, uint32_t a, uint32_t b, double expected_factor)
{
    uint32_t orders = m->tally.orders[b];
    double shrink = m->rules->shrink, expected = expected_factor * m->v->item_multi[b];
    double ratio = (orders + shrink) / (expected + shrink);
    double bound = orders * log2_bound(ratio);
    // Most pairs fall through here: a float score is at most half a unit of its last place above the exact one.
    bound += (bound < 0 ? -bound : bound) * 1e-6;
    bool is_near = best_may_take(&m->near, bound), is_pair = a < b && best_may_take(&m->pairs, bound);
    if (!is_near && !is_pair)
        return;
    struct item_pair pair = {a, b, orders, m->tally.recent[b], (float)evidence_score(orders, expected, shrink)};
    if (is_near)
        best_offer(&m->near, &pair);
    if (is_pair)
        best_offer(&m->pairs, &pair);
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
        const struct item_pair *p = &m->near.heap[i];
        m->neighbours[m->n_neighbours++] = (struct neighbour){p->b, p->orders, p->orders_recent, p->score};
    }
    m->near.n = 0;
    m->v->neighbour_first[item + 1] = (uint32_t)m->n_neighbours;
}

static void mine_row(struct miner *m, uint32_t item)
{
    struct tally *t = &m->tally;
    struct evidence *v = m->v;
    tally_item(m, item);
    double factor = v->n_multi ? v->kappa * v->item_multi[item] / v->n_multi : 0;
    for (uint32_t i = 0; i < t->n_touched; i++) {
        uint32_t other = t->touched[i];
        v->pairs_distinct += item < other;
        if (other != item && t->orders[other] >= m->pair_orders_min)
            offer_pair(m, item, other, factor);
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
        memcpy(v->pairs, m->pairs.heap, v->n_pairs * sizeof *v->pairs);
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
    free(m.near.heap);
    free(m.pairs.heap);
    free(m.neighbours);
    if (!is_mined) {
        evidence_destroy(m.v);
        return false;
    }
    *out = m.v;
    return true;
}
