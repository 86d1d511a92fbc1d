#include "worker/mining/order_weights.h"

#include <math.h>

#include "tests/unit/mining/orders.h"

#define UNIT (1 << 24) // of relevance where few orders leave room for all bits
#define COVERAGE_UNIT (1 << 20)

static struct order_weights weigh(const struct dataset *d, double fade_days, struct arena *memory)
{
    struct order_weights w;
    struct mining_rules rules = MINING_RULES_DEFAULT;
    rules.fade_days = fade_days;
    order_weights_build(&w, d, &rules, memory);
    return w;
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 1e-5 * expected)
        fail_msg("%.8g is not %.8g", value, expected);
}

// Orders of 2 items, 60 days, 30 days and 0 days old; one of a single item; one undated.
static struct dataset *sample(void)
{
    const struct sample_row rows[] = {
        ORDER("1", .created_at = T0 - 60 * DAY),
        LINE("1", .sku = STR("A")),
        LINE("1", .sku = STR("B")),
        ORDER("2", .created_at = T0 - 30 * DAY),
        LINE("2", .sku = STR("A")),
        LINE("2", .sku = STR("B")),
        ORDER("3", .created_at = T0),
        LINE("3", .sku = STR("A")),
        LINE("3", .sku = STR("C")),
        ORDER("4", .created_at = T0),
        LINE("4", .sku = STR("D")),
        ORDER("5", .created_at = DATE_UNKNOWN),
        LINE("5", .sku = STR("A")),
        LINE("5", .sku = STR("B")),
    };
    return BUILD(rows);
}

static void newer_orders_weigh_more(void **state)
{
    (void)state;
    struct dataset *d = sample();
    struct arena memory;
    arena_init(&memory, 0);
    struct order_weights w = weigh(d, 30, &memory);
    const double ages[] = {60, 60, 30, 0}; // the undated one first, as old as the oldest
    for (unsigned o = 0; o < 4; o++) {
        double r = 1 / (1 + ages[o] / 30);
        assert_near(w.relevance[o], r * UNIT);
        assert_near(w.coverage[o], r * sqrt(r) * COVERAGE_UNIT);
    }
    assert_int_equal(w.relevance[4], 0); // one item: not counted
    assert_int_equal(w.coverage[4], 0);
    arena_fini(&memory);
    dataset_destroy(d);
}

static void smaller_orders_weigh_more(void **state)
{
    (void)state;
    struct dataset *d = orders_of("AB ABC ABCDE ABCDEFGHIJKLMNOPQ", T0);
    struct arena memory;
    arena_init(&memory, 0);
    struct order_weights w = weigh(d, 30, &memory);
    for (uint32_t o = 0; o < 4; o++) {
        assert_near(w.relevance[o], UNIT / sqrt(d->line_first[o + 1] - d->line_first[o] - 1)); // 1, 2, 4, 16 partners
        assert_int_equal(w.coverage[o], COVERAGE_UNIT + 1);
    }
    arena_fini(&memory);
    dataset_destroy(d);
}

// Of these days: 2^-12 + 2^-12 + 2^-6 + 1. A is in all orders: no trend. C is in the newest alone.
static void an_item_that_comes_up_has_a_trend(void **state)
{
    (void)state;
    struct dataset *d = sample();
    struct arena memory;
    arena_init(&memory, 0);
    struct order_weights w = weigh(d, 30, &memory);
    double all_now = 2 * pow(2, -12) + pow(2, -6) + 1, all = 2 * pow(3, -1.5) + pow(2, -1.5) + 1;
    assert_near(w.trend[0], 1);
    assert_near(w.trend[1], sqrt(((all_now - 1) * all / (all - 1) + 50) / (all_now + 50)));
    assert_near(w.trend[2], sqrt((all + 50) / (all_now + 50)));
    assert_near(w.trend[3], 1);
    arena_fini(&memory);
    dataset_destroy(d);
}

static void without_dates_or_fading_age_does_not_matter(void **state)
{
    (void)state;
    struct sample_row rows[] = {
        ORDER("1", .created_at = DATE_UNKNOWN), LINE("1", .sku = STR("A")), LINE("1", .sku = STR("B")),
        ORDER("2", .created_at = DATE_UNKNOWN), LINE("2", .sku = STR("A")), LINE("2", .sku = STR("B")),
    };
    struct dataset *undated = BUILD(rows), *dated = sample();
    struct arena memory;
    arena_init(&memory, 0);
    struct order_weights w = weigh(undated, 30, &memory), v = weigh(dated, 0, &memory);
    assert_int_equal(w.relevance[0], w.relevance[1]);
    assert_int_equal(w.coverage[0], COVERAGE_UNIT + 1);
    assert_true(w.trend[0] == 1 && w.trend[1] == 1);
    assert_int_equal(v.relevance[0], v.relevance[3]);
    assert_int_equal(v.coverage[0], v.coverage[3]);
    assert_true(v.trend[2] == 1);
    arena_fini(&memory);
    dataset_destroy(dated);
    dataset_destroy(undated);
}

static void weights_stay_within_their_sum(void **state)
{
    (void)state;
    struct dataset *d = orders_random(5, 40000, 50, 3);
    struct arena memory;
    uint64_t sum = 0;
    arena_init(&memory, 0);
    struct order_weights w = weigh(d, 0, &memory);
    for (uint32_t o = 0; o < d->n_orders; o++) {
        bool is_counted = d->line_first[o + 1] - d->line_first[o] >= 2;
        assert_true((w.relevance[o] > 0) == is_counted && (w.coverage[o] > 0) == is_counted);
        sum += w.relevance[o];
    }
    assert_true(sum < UINT64_C(1) << ORDER_WEIGHTS_SUM_BITS && sum > UINT64_C(1) << (ORDER_WEIGHTS_SUM_BITS - 1));
    arena_fini(&memory);
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newer_orders_weigh_more),
        cmocka_unit_test(smaller_orders_weigh_more),
        cmocka_unit_test(an_item_that_comes_up_has_a_trend),
        cmocka_unit_test(without_dates_or_fading_age_does_not_matter),
        cmocka_unit_test(weights_stay_within_their_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
