#include "worker/mining/postings.h"

#include "common/check.h"
#include "tests/unit/mining/orders.h"

static uint32_t brute(const struct dataset *d, const uint32_t *items, size_t n, uint32_t at_least, uint32_t from)
{
    uint32_t count = 0;
    for (uint32_t o = from; o < d->n_orders; o++) {
        uint32_t together = 0;
        for (size_t i = 0; i < n; i++)
            together += order_has(d, o, items[i]);
        count += together >= at_least;
    }
    return count;
}

static uint32_t n_dense(const struct postings *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->data->n_items; i++)
        n += p->bits[i] != NULL;
    return n;
}

static void check_counts(const struct dataset *d, const struct postings *p)
{
    uint64_t seed = 5;
    for (unsigned round = 0; round < 300; round++) {
        uint32_t step = 1 + sample_random(&seed, d->n_items / 6 - 1), items[6];
        uint32_t first = sample_random(&seed, d->n_items - 5 * step);
        size_t n = 1 + sample_random(&seed, 6);
        for (uint32_t i = 0; i < n; i++)
            items[n - 1 - i] = first + i * step;
        uint32_t from = sample_random(&seed, d->n_orders + 1);
        assert_int_equal(postings_count_all(p, items, n), brute(d, items, n, (uint32_t)n, 0));
        assert_int_equal(postings_count_all_from(p, items, n, from), brute(d, items, n, (uint32_t)n, from));
        assert_int_equal(postings_count_some(p, items, n, 2), brute(d, items, n, 2, 0));
        assert_int_equal(postings_count_some(p, items, n, 1), brute(d, items, n, 1, 0));
    }
}

// All items in many orders, all in few, and some of each.
static void counts_are_those_of_brute_force(void **state)
{
    (void)state;
    static const struct {
        uint32_t n_orders, n_items, size_max;
        bool has_dense, has_sparse;
    } SHOPS[] = {{400, 14, 14, true, false}, {700, 6000, 3, false, true}, {640, 120, 8, true, true}};
    for (size_t i = 0; i < ARRAY_LEN(SHOPS); i++) {
        struct arena memory;
        struct postings p;
        struct dataset *d = orders_random(5, SHOPS[i].n_orders, SHOPS[i].n_items, SHOPS[i].size_max);
        arena_init(&memory, 0);
        postings_build(&p, d, &memory);
        assert_int_equal(n_dense(&p) > 0, SHOPS[i].has_dense);
        assert_int_equal(n_dense(&p) < d->n_items, SHOPS[i].has_sparse);
        check_counts(d, &p);
        arena_fini(&memory);
        dataset_destroy(d);
    }
}

static void lists_are_ascending_with_their_quantities(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1", .created_at = T0),
        LINE("1", .sku = STR("A"), .quantity = 2),
        LINE("1", .sku = STR("C")),
        ORDER("2", .created_at = T0 + 1),
        LINE("2", .sku = STR("A")),
        ORDER("3", .created_at = T0 + 2),
        LINE("3", .sku = STR("A"), .quantity = 3),
        LINE("3", .sku = STR("B")),
    };
    static const uint32_t FIRST[] = {0, 3, 4, 5}, ORDERS[] = {0, 1, 2, 2, 0}, QUANTITIES[] = {2, 1, 3, 1, 1};
    struct arena memory;
    struct postings p;
    struct dataset *d = BUILD(rows);
    arena_init(&memory, 0);
    postings_build(&p, d, &memory);
    assert_memory_equal(p.first, FIRST, sizeof FIRST);
    assert_memory_equal(p.orders, ORDERS, sizeof ORDERS);
    assert_memory_equal(p.quantities, QUANTITIES, sizeof QUANTITIES);
    assert_int_equal(postings_count_quantity(&p, 0, 1), 3);
    assert_int_equal(postings_count_quantity(&p, 0, 2), 2);
    assert_int_equal(postings_count_quantity(&p, 0, 4), 0);
    assert_int_equal(postings_count_all(&p, NULL, 0), 0);
    assert_int_equal(postings_count_some(&p, NULL, 0, 1), 0);
    arena_fini(&memory);
    dataset_destroy(d);
}

static void a_catalogue_without_orders_has_empty_lists(void **state)
{
    (void)state;
    const struct sample_row rows[] = {CATALOG("a", .product_title = STR("A")), CATALOG("b", .product_title = STR("B"))};
    static const uint32_t BOTH[] = {0, 1};
    struct arena memory;
    struct postings p;
    struct dataset *d = BUILD(rows);
    arena_init(&memory, 0);
    postings_build(&p, d, &memory);
    assert_int_equal(postings_count_all(&p, BOTH, 2), 0);
    assert_int_equal(postings_count_some(&p, BOTH, 2, 1), 0);
    assert_int_equal(postings_count_quantity(&p, 1, 0), 0);
    arena_fini(&memory);
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_brute_force),
        cmocka_unit_test(lists_are_ascending_with_their_quantities),
        cmocka_unit_test(a_catalogue_without_orders_has_empty_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
