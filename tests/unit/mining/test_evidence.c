#include "worker/mining/evidence.h"

#include <math.h>

#include "tests/unit/mining/blob.h"
#include "tests/unit/mining/orders.h"

static struct evidence *mine(const struct dataset *d, const struct mining_rules *rules)
{
    struct evidence *v;
    struct err e;
    if (!evidence_mine(&v, d, rules, NULL, &e))
        fail_msg("%s", e.message);
    return v;
}

// Weights are kept in fixed point.
#define NEARLY 1e-5

// Counts of every pair by looking at every order.
struct oracle {
    uint32_t n, n_multi, n_too_large;
    uint32_t *joint, *recent, *multi;
    double *weight; // of the joint orders; on the diagonal of an item's
    uint64_t increments, distinct;
    double kappa;
};

static struct oracle oracle_of(const struct dataset *d, const struct mining_rules *r)
{
    struct oracle o = {.n = d->n_items};
    double sum = 0, sum_pairs = 0;
    o.joint = calloc((size_t)o.n * o.n, sizeof *o.joint);
    o.recent = calloc((size_t)o.n * o.n, sizeof *o.recent);
    o.multi = calloc(o.n, sizeof *o.multi);
    o.weight = calloc((size_t)o.n * o.n, sizeof *o.weight);
    for (uint32_t order = 0; order < d->n_orders; order++) {
        uint32_t first = d->line_first[order], end = d->line_first[order + 1], size = end - first;
        o.n_too_large += size > r->basket_max;
        if (size < 2 || size > r->basket_max)
            continue;
        o.n_multi++;
        sum += size;
        sum_pairs += (double)size * (size - 1);
        o.increments += (uint64_t)size * (size - 1) / 2;
        double age = d->has_dates ? (double)(d->as_of - d->order_at[order]) / DAY : 0;
        double weight = 1 / (1 + (r->fade_days > 0 ? age / r->fade_days : 0)) / sqrt(size - 1);
        bool is_recent = d->has_dates && d->order_at[order] > d->as_of - 30 * DAY && d->order_at[order] <= d->as_of;
        for (uint32_t i = first; i < end; i++) {
            o.multi[d->line_item[i]]++;
            for (uint32_t j = first; j < end; j++) {
                size_t at = (size_t)d->line_item[i] * o.n + d->line_item[j];
                o.distinct += i < j && o.joint[at] == 0;
                o.joint[at]++;
                o.recent[at] += is_recent;
                o.weight[at] += weight;
            }
        }
    }
    o.kappa = sum > 0 ? o.n_multi * sum_pairs / (sum * sum) : 0;
    return o;
}

static void oracle_fini(struct oracle *o)
{
    free(o->joint);
    free(o->recent);
    free(o->multi);
    free(o->weight);
}

static double oracle_expected(const struct oracle *o, uint32_t a, uint32_t b)
{
    return o->kappa * o->multi[a] * o->multi[b] / o->n_multi;
}

static double oracle_relevance(const struct oracle *o, uint32_t a, uint32_t b)
{
    return o->weight[(size_t)a * o->n + b] / o->weight[(size_t)a * o->n + a] / pow(o->multi[b], 0.125);
}

static float oracle_score(const struct oracle *o, uint32_t a, uint32_t b, double shrink)
{
    double c = o->joint[(size_t)a * o->n + b], x = oracle_expected(o, a, b);
    return (float)(c * log2((c + shrink) / (x + shrink)));
}

// How many of a's partners stand before one of this relevance, and its item.
static uint32_t n_before(const struct oracle *o, uint32_t a, double relevance, uint32_t b)
{
    uint32_t n = 0;
    for (uint32_t other = 0; other < o->n; other++) {
        double its = oracle_relevance(o, a, other);
        if (other != a && o->joint[(size_t)a * o->n + other] > 0)
            n += its > relevance * (1 + NEARLY) || (its > relevance * (1 - NEARLY) && other < b);
    }
    return n;
}

// Partners among the best neighbours_max; beyond the best 10 only those with enough joint orders.
static uint32_t n_kept(const struct oracle *o, const struct mining_rules *r, uint32_t a)
{
    uint32_t n = 0;
    for (uint32_t b = 0; b < o->n; b++) {
        uint32_t joint = o->joint[(size_t)a * o->n + b], rank = n_before(o, a, oracle_relevance(o, a, b), b);
        n += b != a && joint > 0 && rank < r->neighbours_max && (rank < 10 || joint >= r->pair_orders_min);
    }
    return n;
}

static void assert_row(const struct evidence *v, const struct oracle *o, const struct mining_rules *r, uint32_t a)
{
    uint32_t n = v->neighbour_first[a + 1] - v->neighbour_first[a];
    assert_int_equal(n, n_kept(o, r, a));
    for (uint32_t i = 0; i < n; i++) {
        const struct neighbour *b = &v->neighbours[v->neighbour_first[a] + i];
        size_t at = (size_t)a * o->n + b->item;
        float expected = oracle_score(o, a, b->item, r->shrink);
        double relevance = oracle_relevance(o, a, b->item);
        assert_int_equal(b->orders, o->joint[at]);
        assert_int_equal(b->orders_recent, o->recent[at]);
        assert_true(fabsf(b->score - expected) <= 1e-5F * fabsf(expected));
        assert_true(fabs((double)b->relevance - relevance) <= NEARLY * relevance);
        if (i < 10)
            assert_in_range(i, n_before(o, a, relevance * (1 + 2 * NEARLY), 0), n_before(o, a, relevance, o->n) - 1);
        else
            assert_true(b->orders >= r->pair_orders_min && b[-1].relevance >= b->relevance);
    }
}

static bool is_eligible(const struct oracle *o, const struct mining_rules *r, uint32_t a, uint32_t b)
{
    double most = o->multi[a] < o->multi[b] ? o->multi[a] : o->multi[b], x = oracle_expected(o, a, b);
    uint32_t joint = o->joint[(size_t)a * o->n + b];
    return joint >= r->pair_orders_min && joint >= r->lift_min * (x < most ? x : most);
}

static void assert_pairs(const struct evidence *v, const struct oracle *o, const struct mining_rules *r)
{
    uint32_t n = 0;
    for (uint32_t a = 0; a < o->n; a++)
        for (uint32_t b = a + 1; b < o->n; b++)
            n += is_eligible(o, r, a, b);
    assert_int_equal(v->n_pairs, n < r->pairs_max ? n : r->pairs_max);
    for (uint32_t i = 0; i < v->n_pairs; i++) {
        const struct item_pair *p = &v->pairs[i];
        float expected = oracle_score(o, p->a, p->b, r->shrink);
        assert_true(p->a < p->b && is_eligible(o, r, p->a, p->b));
        assert_int_equal(p->orders, o->joint[(size_t)p->a * o->n + p->b]);
        assert_int_equal(p->orders_recent, o->recent[(size_t)p->a * o->n + p->b]);
        assert_true(fabsf(p->score - expected) <= 1e-5F * fabsf(expected));
        assert_true(p->gain >= 0 && (i == 0 || p[-1].gain >= p->gain));
    }
    assert_true(v->n_pairs == 0 || v->pairs[0].gain > 0);
}

static void assert_like_oracle(const struct dataset *d, const struct mining_rules *r)
{
    struct evidence *v = mine(d, r);
    struct oracle o = oracle_of(d, r);
    assert_int_equal(v->n_multi, o.n_multi);
    assert_int_equal(v->n_too_large, o.n_too_large);
    assert_int_equal(v->pair_increments, o.increments);
    assert_int_equal(v->pairs_distinct, o.distinct);
    assert_true(fabs(v->kappa - o.kappa) < 1e-12);
    assert_memory_equal(v->item_multi, o.multi, o.n * sizeof *o.multi);
    for (uint32_t a = 0; a < o.n; a++)
        assert_row(v, &o, r, a);
    assert_pairs(v, &o, r);
    oracle_fini(&o);
    evidence_destroy(v);
}

static void counts_are_those_of_brute_force(void **state)
{
    (void)state;
    static const struct {
        uint32_t n_orders, n_items, size_max;
        struct mining_rules rules;
    } CASES[] = {
        // without back-off, which test_backoff.c looks at
        {300, 40, 10, {48, 20000, 1000, 2, 3, 30, 0.5, 0}},
        {300, 40, 10, {5, 30, 1000, 2, 3, 30, 0.5, 0}},   // lists full
        {500, 12, 12, {3, 7, 1000, 1, 3, 10, 0.9, 0}},    // dense
        {400, 300, 6, {48, 500, 1000, 1, 3, 30, 0.5, 0}}, // sparse
        {300, 40, 30, {10, 50, 8, 2, 3, 30, 0.5, 0}},     // many baskets too large
        {300, 40, 10, {10, 50, 1000, 2, 0, 0, 0, 0}},     // no shrinkage, no fading, no least lift
        {300, 40, 10, {1, 1, 1000, 3, 0.5, 1000, 2, 0}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct dataset *d = orders_random(i + 1, CASES[i].n_orders, CASES[i].n_items, CASES[i].size_max);
        assert_like_oracle(d, &CASES[i].rules);
        dataset_destroy(d);
    }
}

// Fewer than 20 lines: pairs seen once are ranked too.
static void small_uploads_keep_what_they_have(void **state)
{
    (void)state;
    static const struct {
        const char *baskets;
        uint32_t n_lines, n_pairs;
    } CASES[] = {
        {"", 0, 0},
        {"A", 1, 0},
        {"ABCDE", 5, 10},
        {"AB AB A", 5, 1},
        {"ABC ABD CDE", 9, 8},
        {"A B C A B C A B C", 9, 0},
        {"ABC ABD CDE ABC ABC EFGH", 19, 14},
    };
    struct mining_rules rules = MINING_RULES_DEFAULT;
    rules.pair_orders_min = 1;
    rules.prior_orders = 0;
    for (size_t i = 0; i < 2 * sizeof CASES / sizeof CASES[0]; i++) {
        struct dataset *d = orders_of(CASES[i / 2].baskets, i % 2 ? T0 : DATE_UNKNOWN);
        struct evidence *v = mine(d, &MINING_RULES_DEFAULT);
        assert_int_equal(d->n_lines, CASES[i / 2].n_lines);
        assert_int_equal(v->n_pairs, CASES[i / 2].n_pairs);
        assert_like_oracle(d, &rules);
        evidence_destroy(v);
        dataset_destroy(d);
    }
}

// Baskets of one large order and many small ones: chance expects 625 orders with A and B, there are 50 of either.
static void what_always_sells_together_is_never_below_chance(void **state)
{
    (void)state;
    struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    const struct sample_row order = ORDER(""), line = LINE("");
    struct dataset *d = NULL;
    struct err e;
    for (unsigned o = 0; o <= 50; o++) {
        struct row order_row = order.row, line_row = line.row;
        char id[16], sku[16];
        (void)snprintf(id, sizeof id, "%u", o);
        order_row.order.order_id = line_row.line.order_id = str_of(id);
        orders_add(b, &order_row);
        for (unsigned i = 0; i < (o == 0 ? 100 : 2); i++) {
            (void)snprintf(sku, sizeof sku, o == 0 ? "other-%u" : "both-%u", i);
            line_row.line.sku = str_of(sku);
            orders_add(b, &line_row);
        }
    }
    if (!builder_finish(b, &d, &e))
        fail_msg("%s", e.message);
    builder_destroy(b);
    struct evidence *v = mine(d, &MINING_RULES_DEFAULT);
    assert_true(evidence_expected(v, 0, 1) > 600);
    assert_int_equal(v->n_pairs, 1);
    assert_int_equal(v->pairs[0].orders, 50);
    evidence_destroy(v);
    dataset_destroy(d);
}

static void scores_follow_the_formula(void **state)
{
    (void)state;
    assert_true(fabs(evidence_score(5, 1, 3) - 5) < 1e-12);  // 5 * log2(8 / 4)
    assert_true(fabs(evidence_score(1, 13, 3) + 2) < 1e-12); // 1 * log2(4 / 16)
    assert_true(evidence_score(7, 7, 3) == 0);
    assert_true(evidence_score(0, 7, 3) == 0);
    for (double orders = 1; orders < 1e6; orders *= 1.7)
        for (double expected = 1e-6; expected < 1e6; expected *= 3.1)
            assert_true(fabs(evidence_score(orders, expected, 3) - orders * log2((orders + 3) / (expected + 3))) <
                        1e-13 * orders * 20);
}

// Three orders of A+B, one of A+C: N = 4, sum n = 8, sum n(n-1) = 8, kappa = 4 * 8 / 64.
static void a_small_shop_worked_by_hand(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1"), LINE("1", .sku = STR("A")), LINE("1", .sku = STR("B")),
        ORDER("2"), LINE("2", .sku = STR("A")), LINE("2", .sku = STR("B")),
        ORDER("3"), LINE("3", .sku = STR("A")), LINE("3", .sku = STR("B")),
        ORDER("4"), LINE("4", .sku = STR("A")), LINE("4", .sku = STR("C")),
        ORDER("5"), LINE("5", .sku = STR("C")),
    };
    struct dataset *d = BUILD(rows);
    struct evidence *v = mine(d, &MINING_RULES_DEFAULT);
    assert_int_equal(v->n_multi, 4);
    assert_true(v->kappa == 0.5);
    assert_true(evidence_expected(v, 0, 1) == 0.5 * 4 * 3 / 4);
    assert_int_equal(v->pair_increments, 4);
    assert_int_equal(v->pairs_distinct, 2);
    assert_int_equal(v->n_pairs, 2); // an upload this small keeps what was seen once
    assert_int_equal(v->pairs[0].orders, 3);
    assert_int_equal(v->pairs[0].orders_recent, 3);
    assert_true(v->pairs[0].score == (float)evidence_score(3, 1.5, 3));
    // A+B is in 3 of 4 equal orders, each order of A+C is A+C's own: 3/4 and 1/4, times ((3 + 3) / (1.5 + 3))^(1/16)
    // and ((1 + 3) / (0.5 + 3))^(1/16).
    assert_true(fabs((double)v->pairs[0].gain - 0.75 * 1.018143) < 1e-5);
    assert_true(fabs((double)v->pairs[1].gain - 0.25 * 1.008380) < 1e-5);
    const struct neighbour *near_a = &v->neighbours[v->neighbour_first[0]];
    // B: 3 of 4 orders, popularity 3; the 10 prior orders know of nothing that goes with B or C but A.
    assert_int_equal(near_a[0].item, 1);
    assert_true(fabs((double)near_a[0].relevance - 3.0 / (4 + 10) / pow(3, 0.125)) < 1e-5);
    assert_true(fabs((double)near_a[1].relevance - 1.0 / (4 + 10)) < 1e-5);
    assert_non_null(evidence_find(v, 2, 0));
    assert_int_equal(evidence_find(v, 2, 0)->orders, 1);
    assert_null(evidence_find(v, 1, 2));
    evidence_destroy(v);
    dataset_destroy(d);
}

static void a_shop_without_pairs_has_no_evidence(void **state)
{
    (void)state;
    const struct sample_row rows[] = {ORDER("1"), LINE("1", .sku = STR("A")), ORDER("2"), LINE("2", .sku = STR("B"))};
    struct dataset *d = BUILD(rows), *nothing = sample_build(NULL, 0);
    struct evidence *v = mine(d, &MINING_RULES_DEFAULT);
    assert_int_equal(v->n_pairs, 0);
    assert_true(v->kappa == 0 && evidence_expected(v, 0, 1) == 0);
    assert_null(evidence_find(v, 0, 1));
    evidence_destroy(v);
    v = mine(nothing, &MINING_RULES_DEFAULT);
    assert_int_equal(v->n_items, 0);
    evidence_destroy(v);
    dataset_destroy(nothing);
    dataset_destroy(d);
}

static void mining_stops_when_cancelled(void **state)
{
    (void)state;
    const atomic_bool is_cancelled = true;
    struct dataset *d = orders_random(1, 50, 10, 5);
    struct evidence *v = NULL;
    struct err e;
    assert_false(evidence_mine(&v, d, &MINING_RULES_DEFAULT, &is_cancelled, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_null(v);
    dataset_destroy(d);
}

static bool decode(const void *data, size_t len, const struct dataset *d, struct evidence **out, struct err *e)
{
    struct mp_doc *doc;
    if (!mp_open(&doc, data, len, &MP_LIMITS_ARTEFACT, e))
        return false;
    bool is_decoded = evidence_decode(out, mp_root(doc), d, e);
    mp_close(doc);
    return is_decoded;
}

static struct buf encoded(const struct evidence *v)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    evidence_encode(v, &b);
    assert_false(b.is_over);
    return b;
}

static void bytes_come_back_as_they_were(void **state)
{
    (void)state;
    struct dataset *d = orders_random(3, 100, 20, 6), *other = orders_random(3, 101, 20, 6);
    struct evidence *v = mine(d, &MINING_RULES_DEFAULT), *back;
    struct err e;
    struct buf b = encoded(v);
    if (!decode(b.data, b.len, d, &back, &e))
        fail_msg("%s", e.message);
    struct buf again = encoded(back);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    evidence_destroy(back);
    assert_false(decode(b.data, b.len, other, &back, &e));
    assert_non_null(strstr(e.message, "another upload"));
    buf_fini(&again);
    buf_fini(&b);
    evidence_destroy(v);
    dataset_destroy(other);
    dataset_destroy(d);
}

static void assert_sane(const struct evidence *v, const struct dataset *d)
{
    for (uint32_t i = 0; i < v->neighbour_first[v->n_items]; i++)
        assert_true(v->neighbours[i].item < d->n_items && v->neighbours[i].orders <= d->n_orders);
    for (uint32_t i = 0; i < v->n_pairs; i++)
        assert_true(v->pairs[i].a < v->pairs[i].b && v->pairs[i].b < d->n_items && isfinite(v->pairs[i].score));
}

static bool read_back(const void *data, size_t len, const struct dataset *d, struct err *e)
{
    struct evidence *back;
    if (!decode(data, len, d, &back, e))
        return false;
    assert_sane(back, d);
    evidence_destroy(back);
    return true;
}

static void broken_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    struct dataset *d = orders_random(4, 60, 12, 5);
    struct evidence *v = mine(d, &MINING_RULES_DEFAULT);
    struct buf b = encoded(v);
    blob_is_refused_or_harmless(&b, d, read_back);
    buf_fini(&b);
    evidence_destroy(v);
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_brute_force),
        cmocka_unit_test(small_uploads_keep_what_they_have),
        cmocka_unit_test(what_always_sells_together_is_never_below_chance),
        cmocka_unit_test(scores_follow_the_formula),
        cmocka_unit_test(a_small_shop_worked_by_hand),
        cmocka_unit_test(a_shop_without_pairs_has_no_evidence),
        cmocka_unit_test(mining_stops_when_cancelled),
        cmocka_unit_test(bytes_come_back_as_they_were),
        cmocka_unit_test(broken_bytes_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
