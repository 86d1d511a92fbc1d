#include "worker/mining/embedding.h"

#include <math.h>

#include "common/check.h"
#include "tests/unit/mining/blob.h"
#include "tests/unit/mining/orders.h"

static struct embedding *train(const struct dataset *d, const struct embedding_rules *rules)
{
    struct embedding *v;
    struct err e;
    if (!embedding_train(&v, d, rules, NULL, &e))
        fail_msg("%s", e.message);
    return v;
}

static uint32_t n_neighbours(const struct embedding *v, uint32_t item)
{
    return v->neighbour_first[item + 1] - v->neighbour_first[item];
}

static struct buf encoded(const struct embedding *v)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    embedding_encode(v, &b);
    assert_false(b.is_over);
    return b;
}

// Orders whose items come from baskets[o][0 .. sizes[o]).
struct draft {
    struct builder *builder;
    uint32_t n_orders;
};

static void draft_add(struct draft *draft, const uint32_t *items, uint32_t n)
{
    const struct sample_row order = ORDER(""), line = LINE("");
    struct row order_row = order.row, line_row = line.row;
    char id[16], sku[16];
    (void)snprintf(id, sizeof id, "%06u", draft->n_orders++);
    order_row.order.order_id = line_row.line.order_id = str_of(id);
    orders_add(draft->builder, &order_row);
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(sku, sizeof sku, "item-%05u", items[i]);
        line_row.line.sku = str_of(sku);
        orders_add(draft->builder, &line_row);
    }
}

static struct dataset *draft_finish(struct draft *draft)
{
    struct dataset *d = NULL;
    struct err e;
    if (!builder_finish(draft->builder, &d, &e))
        fail_msg("%s", e.message);
    builder_destroy(draft->builder);
    return d;
}

enum { GROUPS = 60, PER_GROUP = 8, CLUSTERED = GROUPS * PER_GROUP };

// Each order takes four items of one group and one of all.
static struct dataset *clusters(uint32_t n_orders)
{
    struct draft draft = {.builder = builder_create(&ENRICH_RULES_DEFAULT)};
    uint64_t seed = 17;
    for (uint32_t o = 0; o < n_orders; o++) {
        uint32_t items[5], group = sample_random(&seed, GROUPS);
        for (uint32_t i = 0; i < 4; i++)
            items[i] = group * PER_GROUP + sample_random(&seed, PER_GROUP);
        items[4] = sample_random(&seed, CLUSTERED);
        draft_add(&draft, items, 5);
    }
    return draft_finish(&draft);
}

// 30 orders to a group: each of its items meets each other in about 4 of them, and an item of another group rarely.
static void items_bought_together_are_neighbours(void **state)
{
    (void)state;
    struct dataset *d = clusters(GROUPS * 30);
    assert_int_equal(d->n_items, CLUSTERED); // ids in the order of the names: groups stand together
    for (uint32_t passes = 0; passes <= 3; passes += 3) {
        struct embedding_rules rules = EMBEDDING_RULES_DEFAULT;
        rules.passes = passes;
        struct embedding *v = train(d, &rules);
        uint32_t right = 0;
        for (uint32_t i = 0; i < d->n_items; i++)
            for (uint32_t k = 0; k < PER_GROUP - 1; k++)
                right += v->neighbours[v->neighbour_first[i] + k].item / PER_GROUP == i / PER_GROUP;
        print_message("%u passes: %u of %u\n", passes, right, CLUSTERED * (PER_GROUP - 1));
        assert_true(right > CLUSTERED * (PER_GROUP - 1) * 95 / 100);
        embedding_destroy(v);
    }
    dataset_destroy(d);
}

static void lists_are_sorted_and_complete(void **state)
{
    (void)state;
    struct dataset *d = orders_random(5, 400, 60, 6);
    struct embedding *v = train(d, &EMBEDDING_RULES_DEFAULT);
    for (uint32_t a = 0; a < v->n_items; a++) {
        const struct embedding_neighbour *list = v->neighbours + v->neighbour_first[a];
        for (uint32_t k = 0; k < n_neighbours(v, a); k++) {
            assert_true(list[k].item != a && list[k].item < v->n_items);
            assert_true(fabsf(list[k].cosine) <= 1.0001F);
            assert_true(k == 0 || list[k - 1].score >= list[k].score);
            assert_ptr_equal(embedding_find(v, a, list[k].item), &list[k]);
        }
        assert_true(n_neighbours(v, a) == 0 || n_neighbours(v, a) == EMBEDDING_RULES_DEFAULT.neighbours_max);
        assert_null(embedding_find(v, a, a));
    }
    embedding_destroy(v);
    dataset_destroy(d);
}

// score = weight * cosine + popularity * ln(orders of b / orders): b in 3 of 4.
static void the_score_follows_the_formula(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1"), LINE("1", .sku = STR("A")), LINE("1", .sku = STR("B")),
        ORDER("2"), LINE("2", .sku = STR("A")), LINE("2", .sku = STR("B")),
        ORDER("3"), LINE("3", .sku = STR("A")), LINE("3", .sku = STR("B")),
        ORDER("4"), LINE("4", .sku = STR("A")), LINE("4", .sku = STR("C")),
        ORDER("5"), LINE("5", .sku = STR("D")),
    };
    struct dataset *d = BUILD(rows);
    struct embedding *v = train(d, &EMBEDDING_RULES_DEFAULT);
    const struct embedding_neighbour *b = embedding_find(v, 0, 1);
    assert_non_null(b);
    assert_true(fabs((double)b->score - v->likeness_weight * (double)b->cosine - 0.5 * log(0.75)) < 1e-6);
    assert_int_equal(n_neighbours(v, 0), 2);
    assert_int_equal(n_neighbours(v, 3), 0); // D was never bought with anything
    assert_null(embedding_find(v, 0, 3));
    embedding_destroy(v);
    dataset_destroy(d);
}

static void the_smallest_shops_are_served(void **state)
{
    (void)state;
    const struct sample_row one[] = {ORDER("1"), LINE("1", .sku = STR("A"))};
    const struct sample_row apart[] = {ORDER("1"), LINE("1", .sku = STR("A")), ORDER("2"), LINE("2", .sku = STR("B"))};
    const struct sample_row two[] = {ORDER("1"), LINE("1", .sku = STR("A")), LINE("1", .sku = STR("B"))};
    struct dataset *shops[] = {BUILD(one), BUILD(apart), BUILD(two)};
    static const uint32_t NEIGHBOURS[] = {0, 0, 2};
    struct draft draft = {.builder = builder_create(&ENRICH_RULES_DEFAULT)};
    struct dataset *none = draft_finish(&draft);
    struct embedding *v = train(none, &EMBEDDING_RULES_DEFAULT);
    assert_int_equal(v->neighbour_first[0], 0);
    embedding_destroy(v);
    dataset_destroy(none);
    for (size_t i = 0; i < ARRAY_LEN(shops); i++) {
        v = train(shops[i], &EMBEDDING_RULES_DEFAULT);
        assert_int_equal(v->neighbour_first[v->n_items], NEIGHBOURS[i]);
        for (uint32_t k = 0; k < NEIGHBOURS[i]; k++)
            assert_true(isfinite(v->neighbours[k].score));
        embedding_destroy(v);
        dataset_destroy(shops[i]);
    }
}

static void one_huge_order_is_served(void **state)
{
    (void)state;
    enum { ITEMS = 3000 };
    uint32_t *items = calloc(ITEMS, sizeof *items);
    struct draft draft = {.builder = builder_create(&ENRICH_RULES_DEFAULT)};
    struct embedding_rules rules = EMBEDDING_RULES_DEFAULT;
    for (uint32_t i = 0; i < ITEMS; i++)
        items[i] = i;
    draft_add(&draft, items, ITEMS);
    struct dataset *d = draft_finish(&draft);
    rules.visits_max = 100; // fewer than the order has: it is visited once all the same
    struct embedding *v = train(d, &rules);
    assert_int_equal(v->neighbour_first[v->n_items], ITEMS * rules.neighbours_max);
    embedding_destroy(v);
    dataset_destroy(d);
    free(items);
}

static void limits_hold(void **state)
{
    (void)state;
    struct dataset *d = orders_random(6, 500, 80, 6);
    struct embedding_rules rules = EMBEDDING_RULES_DEFAULT;
    uint32_t served = 0;
    rules.words_max = 20;
    rules.scores_max = 20 * 7; // each of 20 against the 7 most bought
    struct embedding *v = train(d, &rules);
    for (uint32_t i = 0; i < v->n_items; i++) {
        served += n_neighbours(v, i) > 0;
        assert_true(n_neighbours(v, i) <= 7);
    }
    assert_int_equal(served, 20);
    embedding_destroy(v);
    dataset_destroy(d);
}

static void the_same_orders_give_the_same_bytes(void **state)
{
    (void)state;
    struct dataset *d = orders_random(7, 300, 50, 6);
    struct embedding_rules rules = EMBEDDING_RULES_DEFAULT;
    struct embedding *v = train(d, &rules), *again = train(d, &rules);
    rules.seed = 2;
    struct embedding *other = train(d, &rules);
    struct buf a = encoded(v), b = encoded(again), c = encoded(other);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_memory_not_equal(a.data, c.data, a.len);
    buf_fini(&a);
    buf_fini(&b);
    buf_fini(&c);
    embedding_destroy(v);
    embedding_destroy(again);
    embedding_destroy(other);
    dataset_destroy(d);
}

static void training_stops_when_cancelled(void **state)
{
    (void)state;
    struct dataset *d = orders_random(2, 50, 20, 5);
    struct embedding *v = NULL;
    struct err e;
    atomic_bool is_cancelled = true;
    assert_false(embedding_train(&v, d, &EMBEDDING_RULES_DEFAULT, &is_cancelled, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_null(v);
    dataset_destroy(d);
}

static bool decode(const void *data, size_t len, const struct dataset *d, struct embedding **out, struct err *e)
{
    struct mp_doc *doc;
    if (!mp_open(&doc, data, len, &MP_LIMITS_ARTEFACT, e))
        return false;
    bool is_decoded = embedding_decode(out, mp_root(doc), d, e);
    mp_close(doc);
    return is_decoded;
}

static void bytes_come_back_as_they_were(void **state)
{
    (void)state;
    struct dataset *d = orders_random(3, 100, 20, 6), *other = orders_random(3, 100, 25, 6);
    struct embedding *v = train(d, &EMBEDDING_RULES_DEFAULT), *back;
    struct err e;
    struct buf b = encoded(v);
    if (!decode(b.data, b.len, d, &back, &e))
        fail_msg("%s", e.message);
    struct buf again = encoded(back);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    embedding_destroy(back);
    assert_true(other->n_items != d->n_items);
    assert_false(decode(b.data, b.len, other, &back, &e));
    buf_fini(&again);
    buf_fini(&b);
    embedding_destroy(v);
    dataset_destroy(other);
    dataset_destroy(d);
}

static void assert_sane(const struct embedding *v, const struct dataset *d)
{
    assert_int_equal(v->n_items, d->n_items);
    for (uint32_t i = 0; i < d->n_items; i++)
        for (uint32_t k = v->neighbour_first[i]; k < v->neighbour_first[i + 1]; k++)
            assert_true(v->neighbours[k].item < d->n_items && v->neighbours[k].item != i &&
                        isfinite(v->neighbours[k].score) && fabsf(v->neighbours[k].cosine) < 1.01F);
}

static bool read_back(const void *data, size_t len, const struct dataset *d, struct err *e)
{
    struct embedding *back;
    if (!decode(data, len, d, &back, e))
        return false;
    assert_sane(back, d);
    embedding_destroy(back);
    return true;
}

static void broken_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    struct dataset *d = orders_random(4, 60, 12, 5);
    struct embedding *v = train(d, &EMBEDDING_RULES_DEFAULT);
    struct buf b = encoded(v);
    blob_is_refused_or_harmless(&b, d, read_back);
    buf_fini(&b);
    embedding_destroy(v);
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_bought_together_are_neighbours),
        cmocka_unit_test(lists_are_sorted_and_complete),
        cmocka_unit_test(the_score_follows_the_formula),
        cmocka_unit_test(the_smallest_shops_are_served),
        cmocka_unit_test(one_huge_order_is_served),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(the_same_orders_give_the_same_bytes),
        cmocka_unit_test(training_stops_when_cancelled),
        cmocka_unit_test(bytes_come_back_as_they_were),
        cmocka_unit_test(broken_bytes_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
