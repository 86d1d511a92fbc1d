#include "tests/unit/evaluate/baskets.h"
#include "worker/evaluate/split.h"

// 12 multi-item orders and 3 others.
static const char *const ORDERS[] = {"a b", "a",   "a b", "b c", "a c", "a b", "c",    "a b",
                                     "b c", "a b", "a c", "a b", "b",   "b c", "a b c"};

static struct split split(const struct dataset *d, struct split_rules rules, struct arena *memory)
{
    struct split s;
    struct err e;
    if (!split_orders(d, &rules, memory, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

static void the_oldest_orders_train(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct dataset *d = BASKETS(ORDERS);
    struct split s = split(d, (struct split_rules){.share = 0.5}, &memory);
    assert_int_equal(s.n_train, 6);
    assert_int_equal(s.n_test, 6);
    for (uint32_t o = 0; o < d->n_orders; o++) // the sixth multi-item order is o = 7, the next one o = 8
        assert_int_equal(s.is_train[o], o < 8);
    s = split(d, (struct split_rules){.share = 0.75}, &memory);
    assert_int_equal(s.n_train, 9);
    assert_true(s.is_train[10] && !s.is_train[11]);
    dataset_destroy(d);
    arena_fini(&memory);
}

static void others_before_the_first_held_out_order_train_too(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct dataset *d = BASKETS(ORDERS);
    struct split s = split(d, (struct split_rules){.share = 10.0 / 12}, &memory);
    assert_true(s.is_train[11] && s.is_train[12] && !s.is_train[13]); // 12 is a single one
    dataset_destroy(d);
    arena_fini(&memory);
}

static void each_part_has_at_least_one_order(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct dataset *d = BASKETS(ORDERS);
    assert_int_equal(split(d, (struct split_rules){.share = 0.001}, &memory).n_train, 1);
    assert_int_equal(split(d, (struct split_rules){.share = 0.999}, &memory).n_test, 1);
    dataset_destroy(d);
    arena_fini(&memory);
}

static void chance_is_the_seed_s(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct dataset *d = BASKETS(ORDERS);
    unsigned times_trained[15] = {0}, n_equal = 0;
    struct split first = split(d, (struct split_rules){.share = 0.5, .by = SPLIT_BY_CHANCE, .seed = 0}, &memory);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct split_rules rules = {.share = 0.5, .by = SPLIT_BY_CHANCE, .seed = seed};
        struct split s = split(d, rules, &memory), again = split(d, rules, &memory);
        unsigned multi = 0, others = 0;
        assert_memory_equal(s.is_train, again.is_train, d->n_orders);
        n_equal += memcmp(s.is_train, first.is_train, d->n_orders) == 0;
        for (uint32_t o = 0; o < d->n_orders; o++) {
            times_trained[o] += s.is_train[o];
            *(d->line_first[o + 1] - d->line_first[o] > 1 ? &multi : &others) += s.is_train[o];
        }
        assert_int_equal(multi, 6);
        assert_int_equal(others, 1); // half of 3, rounded down
    }
    assert_in_range(n_equal, 1, 50);  // of 924 * 3 possible ones
    for (unsigned o = 0; o < 15; o++) // each is as likely as the others: 5 sigma
        assert_in_range(times_trained[o], o == 1 || o == 6 || o == 12 ? 258 : 420,
                        o == 1 || o == 6 || o == 12 ? 408 : 580);
    dataset_destroy(d);
    arena_fini(&memory);
}

static void refused(struct dataset *d, enum split_by by, const char *why)
{
    struct arena memory;
    struct split s;
    struct err e;
    arena_init(&memory, 0);
    assert_false(split_orders(d, &(struct split_rules){.share = 0.8, .by = by}, &memory, &s, &e));
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.message, why));
    dataset_destroy(d);
    arena_fini(&memory);
}

static void what_can_not_be_split_says_why(void **state)
{
    (void)state;
    static const char *const SINGLES[] = {"a", "b:3", "c"};
    refused(BASKETS(SINGLES), SPLIT_BY_DATE, "no order has two or more products");
    refused(baskets_build(ORDERS, 9, DAY), SPLIT_BY_DATE,
            "only 7 orders have two or more products: a back-test needs at least 10");
    refused(baskets_build(ORDERS, 15, 0), SPLIT_BY_DATE, "no dates");
    refused(baskets_build(ORDERS, 0, DAY), SPLIT_BY_CHANCE, "no order has two or more products");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_orders_train),
        cmocka_unit_test(others_before_the_first_held_out_order_train_too),
        cmocka_unit_test(each_part_has_at_least_one_order),
        cmocka_unit_test(chance_is_the_seed_s),
        cmocka_unit_test(what_can_not_be_split_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
