#include "worker/mining/evidence.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "worker/mining/backoff.h"
#include "worker/mining/best.h"
#include "worker/mining/exact_math.h"
#include "worker/mining/pair_coverage.h"
#include "worker/mining/tally.h"
#include "worker/mining/top.h"

const struct mining_rules MINING_RULES_DEFAULT = {
    .neighbours_max = 48,
    .pairs_max = 20000,
    .basket_max = 1000,
    .pair_orders_min = 2,
    .shrink = 3,
    .fade_days = 30,
    .lift_min = 0.5,
    .prior_orders = 10,
};

enum { SMALL_UPLOAD_LINES = 20, RARE_PARTNERS_MAX = 10 };

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

double evidence_score(double orders, double expected, double shrink)
{
    double above = orders + shrink, below = expected + shrink;
    return orders > 0 && below > 0 ? orders * exact_log2(above / below) : 0;
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

struct miner {
    const struct dataset *data;
    const struct mining_rules *rules;
    struct evidence *v;
    struct postings postings;
    struct order_weights weights;
    struct tally tally;
    struct top near;   // of the row at hand
    struct best pairs; // of all
    uint32_t pair_orders_min;
    double *weight_of;   // by item: of its orders, as the tally has it
    double *damping;     // by item: popularity^(-1/8)
    uint64_t n_partners; // of all items: every pair twice
    struct neighbour *neighbours;
    size_t n_neighbours, capacity;
};

static void count_baskets(struct miner *m)
{
    const struct dataset *d = m->data;
    struct evidence *v = m->v;
    uint64_t sum = 0, sum_pairs = 0;
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint64_t n = d->line_first[o + 1] - d->line_first[o];
        v->n_too_large += n > m->rules->basket_max;
        if (m->weights.relevance[o] == 0)
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

static double eighth_root(double x)
{
    return sqrt(sqrt(sqrt(x)));
}

// What a pair's orders promise beside their number: both items' trends, and a little more where the pair is more than
// its items meeting by chance.
static double factor_of(const struct miner *m, uint32_t a, uint32_t b, uint32_t orders, double expected)
{
    double lift = (orders + m->rules->shrink) / (expected + m->rules->shrink);
    return m->weights.trend[a] * m->weights.trend[b] * sqrt(eighth_root(lift));
}

// No pair of the item has a factor above this times the other's trend: lift <= (c(b) + s) / (q * c(b) + s) with
// q = kappa * c(a) / N, which lies between 1 and 1 / q.
static double factor_bound(const struct miner *m, uint32_t item)
{
    const struct evidence *v = m->v;
    double q = v->kappa * v->item_multi[item] / v->n_multi;
    return m->weights.trend[item] * (q < 1 ? sqrt(eighth_root(1 / q)) : 1);
}

// Chance expects more joint orders of best sellers than there can be where baskets differ much in size.
static bool is_below_chance(const struct miner *m, uint32_t a, uint32_t b, uint32_t orders, double expected)
{
    const uint32_t *multi = m->v->item_multi;
    uint32_t most = multi[a] < multi[b] ? multi[a] : multi[b];
    return orders < m->rules->lift_min * (expected < most ? expected : most);
}

static void offer_pair(struct miner *m, uint32_t a, uint32_t b)
{
    const struct tally *t = &m->tally;
    struct ranked_pair pair = {.a = a, .b = b, .orders = tally_orders(t, b), .orders_recent = t->recent[b]};
    double expected = evidence_expected(m->v, a, b);
    if (pair.orders < m->pair_orders_min || is_below_chance(m, a, b, pair.orders, expected))
        return;
    pair.key = (float)(tally_weight(t, b) * factor_of(m, a, b, pair.orders, expected));
    if (pair.key >= m->pairs.key_min)
        best_offer(&m->pairs, &pair);
}

// What rounding may take away is taken off.
static double below(float value)
{
    return (double)value * (1 - 1e-6);
}

static void offer_row(struct miner *m, uint32_t item)
{
    const struct tally *t = &m->tally;
    const double *damping = m->damping, *trend = m->weights.trend;
    double all = tally_weight(t, item), share = 1 / all, bound = factor_bound(m, item);
    double near_needed = 0, pair_needed = below(m->pairs.key_min) / bound; // of damped weights, weights times trend
    for (uint32_t i = 0; i < t->n_touched; i++) {
        uint32_t other = t->touched[i];
        double weight = tally_weight(t, other);
        if (weight * damping[other] >= near_needed && other != item) {
            top_offer(&m->near, top_key((float)(weight * damping[other] * share), other));
            near_needed = below(top_value(m->near.least)) * all;
        }
        if (weight * trend[other] >= pair_needed && other > item) {
            offer_pair(m, item, other);
            pair_needed = below(m->pairs.key_min) / bound;
        }
    }
}

static void keep_neighbours(struct miner *m, uint32_t item)
{
    struct top *near = &m->near;
    top_sort(near);
    if (m->n_neighbours + near->n > m->capacity) {
        m->capacity = m->capacity * 2 + near->n;
        m->neighbours = reallocarray(m->neighbours, m->capacity, sizeof *m->neighbours);
        CHECK(m->neighbours);
    }
    for (uint32_t i = 0; i < near->n; i++) {
        uint32_t other = top_id(near->keys[i]), orders = tally_orders(&m->tally, other);
        double expected = evidence_expected(m->v, item, other);
        if (orders < m->pair_orders_min && i >= RARE_PARTNERS_MAX)
            continue;
        m->neighbours[m->n_neighbours++] = (struct neighbour){
            .item = other,
            .orders = orders,
            .orders_recent = m->tally.recent[other],
            .score = (float)evidence_score(orders, expected, m->rules->shrink),
            .relevance = top_value(near->keys[i]),
        };
    }
    top_clear(near);
    m->v->neighbour_first[item + 1] = (uint32_t)m->n_neighbours;
}

static void mine_row(struct miner *m, uint32_t item)
{
    tally_count(&m->tally, item);
    m->weight_of[item] = tally_weight(&m->tally, item);
    offer_row(m, item);
    keep_neighbours(m, item);
    m->n_partners += m->tally.n_touched > 0 ? m->tally.n_touched - 1 : 0;
    tally_clear(&m->tally);
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

static void keep_pairs(struct miner *m, struct arena *scratch)
{
    struct evidence *v = m->v;
    best_sort(&m->pairs);
    v->n_pairs = m->pairs.n;
    v->pairs = ARENA_ARRAY(&v->memory, struct item_pair, v->n_pairs);
    double *factors = ARENA_ARRAY(scratch, double, v->n_pairs);
    for (uint32_t i = 0; i < v->n_pairs; i++) {
        const struct ranked_pair *p = &m->pairs.pairs[i];
        double expected = evidence_expected(v, p->a, p->b);
        float score = (float)evidence_score(p->orders, expected, m->rules->shrink);
        v->pairs[i] = (struct item_pair){p->a, p->b, p->orders, p->orders_recent, score, 0};
        factors[i] = factor_of(m, p->a, p->b, p->orders, expected);
    }
    pair_coverage_rank(v->pairs, factors, v->n_pairs, m->data, &m->weights);
}

static double mean_order_weight(const struct miner *m)
{
    double weight = 0, orders = 0;
    for (uint32_t i = 0; i < m->v->n_items; i++) {
        weight += m->weight_of[i];
        orders += m->v->item_multi[i];
    }
    return orders > 0 ? weight / orders : 0;
}

static void keep_all_neighbours(struct miner *m)
{
    struct evidence *v = m->v;
    const struct backoff b = {
        .lists = m->neighbours,
        .first = v->neighbour_first,
        .n_items = v->n_items,
        .weights = m->weight_of,
        .damping = m->damping,
        .prior = m->rules->prior_orders * mean_order_weight(m),
    };
    v->neighbours = ARENA_ARRAY(&v->memory, struct neighbour, m->n_neighbours);
    if (m->n_neighbours > 0)
        backoff_smooth(v->neighbours, &b);
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
    if (d->n_orders > TALLY_ORDERS_MAX)
        return err_set(e, ERR_LIMIT, "%u orders are more than the %u that can be mined together: split the upload",
                       d->n_orders, (unsigned)TALLY_ORDERS_MAX);
    m->pair_orders_min = is_small || m->rules->pair_orders_min < 1 ? 1 : m->rules->pair_orders_min;
    top_init(&m->near, m->rules->neighbours_max, scratch);
    best_init(&m->pairs, m->rules->pairs_max);
    postings_build(&m->postings, d, scratch);
    order_weights_build(&m->weights, d, m->rules, scratch);
    tally_init(&m->tally, &m->postings, m->weights.relevance, scratch);
    count_baskets(m);
    m->weight_of = ARENA_ARRAY(scratch, double, d->n_items);
    m->damping = ARENA_ARRAY(scratch, double, d->n_items);
    for (uint32_t i = 0; i < d->n_items; i++)
        m->damping[i] = 1 / eighth_root(m->v->item_multi[i]);
    if (!mine_rows(m, is_cancelled, e))
        return false;
    m->v->pairs_distinct = m->n_partners / 2;
    keep_all_neighbours(m);
    keep_pairs(m, scratch);
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
    best_fini(&m.pairs);
    free(m.neighbours);
    if (!is_mined) {
        evidence_destroy(m.v);
        return false;
    }
    *out = m.v;
    return true;
}
