#include "worker/mining/top.h"

#include "tests/unit/dataset/sample.h"

static int compare_keys(const void *left, const void *right)
{
    const uint64_t *x = left, *y = right;
    return *x > *y ? -1 : *x < *y;
}

static void the_largest_of_many_are_kept(void **state)
{
    (void)state;
    static const uint32_t MAXIMA[] = {1, 2, 16, 17, 48, 100, 999, 5000};
    uint64_t keys[2000], seed = 7;
    for (uint32_t i = 0; i < 2000; i++)
        keys[i] = top_key((float)sample_random(&seed, 100), i); // many equal values, no equal keys
    for (size_t k = 0; k < sizeof MAXIMA / sizeof MAXIMA[0]; k++) {
        struct arena memory;
        struct top t;
        arena_init(&memory, 0);
        top_init(&t, MAXIMA[k], &memory);
        for (uint32_t n = 0; n <= 2000; n += 500) {
            uint64_t sorted[2000];
            memcpy(sorted, keys, sizeof sorted);
            qsort(sorted, n, sizeof sorted[0], compare_keys);
            for (uint32_t i = 0; i < n; i++)
                top_offer(&t, keys[i]);
            top_sort(&t);
            assert_int_equal(t.n, n < MAXIMA[k] ? n : MAXIMA[k]);
            if (t.n > 0)
                assert_memory_equal(t.keys, sorted, t.n * sizeof sorted[0]);
            top_clear(&t);
        }
        arena_fini(&memory);
    }
}

static void keys_hold_their_value_and_id(void **state)
{
    (void)state;
    assert_true(top_key(0.5F, 7) > top_key(0.25F, 3));
    assert_true(top_key(0.5F, 7) > top_key(0.5F, 8)); // lower ids first
    assert_true(top_key(0, UINT32_MAX - 1) > 0);
    assert_true(top_value(top_key(0.3F, 12)) == 0.3F);
    assert_int_equal(top_id(top_key(0.3F, 12)), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_of_many_are_kept),
        cmocka_unit_test(keys_hold_their_value_and_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
