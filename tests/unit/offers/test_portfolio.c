#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "worker/offers/portfolio.h"

static uint32_t front_of(const struct criteria *c, uint32_t n, uint32_t bundle)
{
    for (uint32_t i = 0; i < n; i++) {
        if (c[i].bundle == bundle)
            return c[i].front;
    }
    return UINT32_MAX;
}

static void fronts_by_hand(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct criteria c[] = {
        {.value = {3, 1}, .bundle = 0}, {.value = {1, 3}, .bundle = 1}, {.value = {2, 2}, .bundle = 2},
        {.value = {2, 1}, .bundle = 3}, {.value = {1, 1}, .bundle = 4}, {.value = {2, 2}, .bundle = 5}, // equal to 2
    };
    assert_int_equal(portfolio_sort(c, 6, &memory), 3);
    const uint32_t fronts[] = {0, 0, 0, 1, 2, 0};
    for (uint32_t b = 0; b < 6; b++)
        assert_int_equal(front_of(c, 6, b), fronts[b]);
    arena_fini(&memory);
}

static void ends_are_least_crowded(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct criteria c[] = {
        {.value = {4, 0}, .bundle = 0},
        {.value = {3, 1}, .bundle = 1},
        {.value = {1, 3}, .bundle = 2},
        {.value = {0, 4}, .bundle = 3},
    };
    assert_int_equal(portfolio_sort(c, 4, &memory), 1);
    for (uint32_t i = 0; i < 4; i++) {
        bool is_end = c[i].bundle == 0 || c[i].bundle == 3;
        assert_int_equal(isinf(c[i].crowding) != 0, is_end);
        if (!is_end)
            assert_true(fabs(c[i].crowding - 1.5) < 1e-12); // (4-1)/4 + (3-0)/4
    }
    arena_fini(&memory);
}

static bool beats(const struct criteria *a, const struct criteria *b)
{
    bool is_better = false;
    for (int k = 0; k < CRITERIA; k++) {
        if (a->value[k] < b->value[k])
            return false;
        is_better |= a->value[k] > b->value[k];
    }
    return is_better;
}

// Against the definition: front f holds exactly those that only members of fronts below f beat, one of f - 1 at least.
static void fronts_are_exact(void **state)
{
    (void)state;
    enum { N = 120 };
    struct arena memory;
    struct criteria c[N] = {0};
    uint64_t seed = 42;
    arena_init(&memory, 0);
    for (uint32_t i = 0; i < N; i++) {
        c[i].bundle = i;
        for (int k = 0; k < CRITERIA; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            c[i].value[k] = (double)(seed >> 33 & 7);
        }
    }
    portfolio_sort(c, N, &memory);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t deepest = 0;
        for (uint32_t j = 0; j < N; j++) {
            if (beats(&c[j], &c[i]) && c[j].front + 1 > deepest)
                deepest = c[j].front + 1;
        }
        assert_int_equal(c[i].front, deepest);
    }
    arena_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts_by_hand),
        cmocka_unit_test(ends_are_least_crowded),
        cmocka_unit_test(fronts_are_exact),
    };
    return cmocka_run_group_tests_name("portfolio", tests, NULL, NULL);
}
