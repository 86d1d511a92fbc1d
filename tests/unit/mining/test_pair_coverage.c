#include "worker/mining/pair_coverage.h"

#include "tests/unit/mining/orders.h"

enum { LEFT_OVER = 3 };

// All pairs of items bought together, in the order of their first meeting in the rows; factors around 1.
static uint32_t list_pairs(const struct dataset *d, struct item_pair *pairs, double *factors)
{
    uint32_t n = 0;
    for (uint32_t a = 0; a < d->n_items; a++)
        for (uint32_t b = a + 1; b < d->n_items; b++) {
            uint32_t orders = 0;
            for (uint32_t o = 0; o < d->n_orders; o++)
                orders += order_has(d, o, a) && order_has(d, o, b);
            factors[n] = 1 + (a * 7 + b) % 5 / 10.0;
            pairs[n] = (struct item_pair){.a = a, .b = b, .orders = orders};
            n += orders > 0;
        }
    return n;
}

// The greedy choice by working out every pair's worth at every step. Orders weigh what is in `left`.
static void assert_greedy(const struct dataset *d, const struct item_pair *ranked, const struct item_pair *pairs,
                          const double *factors, uint32_t n, uint32_t *left)
{
    bool *is_chosen = calloc(n, sizeof *is_chosen);
    double all = 0;
    for (uint32_t o = 0; o < d->n_orders; o++)
        all += left[o];
    for (uint32_t k = 0; k < n && ranked[k].gain > 0; k++) {
        double most = -1;
        uint32_t best = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint64_t sum = 0;
            for (uint32_t o = 0; o < d->n_orders; o++)
                sum += order_has(d, o, pairs[i].a) && order_has(d, o, pairs[i].b) ? left[o] : 0;
            if (!is_chosen[i] && (double)sum * factors[i] > most) {
                most = (double)sum * factors[i];
                best = i;
            }
        }
        is_chosen[best] = true;
        assert_int_equal(ranked[k].a, pairs[best].a);
        assert_int_equal(ranked[k].b, pairs[best].b);
        assert_true(ranked[k].gain == (float)(most / all));
        for (uint32_t o = 0; o < d->n_orders; o++)
            if (order_has(d, o, pairs[best].a) && order_has(d, o, pairs[best].b))
                left[o] /= LEFT_OVER;
    }
    free(is_chosen);
}

static struct order_weights weigh(const struct dataset *d, struct arena *memory)
{
    struct order_weights w;
    order_weights_build(&w, d, &MINING_RULES_DEFAULT, memory);
    return w;
}

static void the_choice_is_greedy(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct dataset *d = orders_random(seed, 150, 12, 6);
        struct arena memory;
        struct item_pair pairs[66] = {0}, ranked[66];
        double factors[67];
        arena_init(&memory, 0);
        struct order_weights w = weigh(d, &memory);
        uint32_t n = list_pairs(d, pairs, factors);
        memcpy(ranked, pairs, sizeof ranked);
        pair_coverage_rank(ranked, factors, n, d, &w);
        assert_true(n > 20 && ranked[19].gain > 0);
        assert_greedy(d, ranked, pairs, factors, n, w.coverage);
        arena_fini(&memory);
        dataset_destroy(d);
    }
}

// Five orders of A+B+C, four of A+B+D, three of E+F, all of one day. A+B is worth 9 of 12; then the orders with it are
// worth a third: A+C 5/3, A+D 4/3, so E+F (3) comes before them though A+C was in more orders.
static void what_is_covered_counts_a_third(void **state)
{
    (void)state;
    struct dataset *d = orders_of("ABC ABC ABC ABC ABC ABD ABD ABD ABD EF EF EF", T0);
    struct arena memory;
    struct item_pair pairs[] = {{.a = 0, .b = 2}, {.a = 0, .b = 3}, {.a = 4, .b = 5}, {.a = 0, .b = 1}};
    static const double FACTORS[] = {1, 1, 1, 1};
    arena_init(&memory, 0);
    struct order_weights w = weigh(d, &memory);
    pair_coverage_rank(pairs, FACTORS, 4, d, &w);
    const uint32_t expected[4][2] = {{0, 1}, {4, 5}, {0, 2}, {0, 3}};
    const double gains[] = {9.0 / 12, 3.0 / 12, 5.0 / 36, 4.0 / 36};
    for (unsigned k = 0; k < 4; k++) {
        assert_int_equal(pairs[k].a, expected[k][0]);
        assert_int_equal(pairs[k].b, expected[k][1]);
        assert_true((double)pairs[k].gain > gains[k] - 1e-5 && (double)pairs[k].gain < gains[k] + 1e-5);
    }
    arena_fini(&memory);
    dataset_destroy(d);
}

// More pairs than are looked at: the others stay where they were. More orders than are looked at: every second one.
static void what_is_over_the_bounds_stays(void **state)
{
    (void)state;
    enum { N_PAIRS = COVERAGE_CANDIDATES_MAX + 100 };
    struct dataset *d = orders_random(9, COVERAGE_ORDERS_MAX * 2, 120, 4);
    struct item_pair *pairs = calloc(N_PAIRS, sizeof *pairs);
    double *factors = calloc(N_PAIRS, sizeof *factors);
    struct arena memory;
    uint32_t n = 0;
    arena_init(&memory, 0);
    struct order_weights w = weigh(d, &memory);
    for (uint32_t b = 1; b < 120; b++)
        for (uint32_t a = 0; a < b && n < N_PAIRS; a++) {
            factors[n] = 1;
            pairs[n++] = (struct item_pair){.a = a, .b = b};
        }
    pair_coverage_rank(pairs, factors, n, d, &w);
    assert_int_equal(n, N_PAIRS);
    for (uint32_t i = 1; i < n; i++) {
        assert_true(pairs[i - 1].gain >= pairs[i].gain);
        assert_true((i < COVERAGE_CHOSEN_MAX) == (pairs[i].gain > 0));
        if (i >= COVERAGE_CANDIDATES_MAX)
            assert_int_equal(pairs[i].b * (pairs[i].b - 1) / 2 + pairs[i].a, i);
    }
    arena_fini(&memory);
    free(factors);
    free(pairs);
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_choice_is_greedy),
        cmocka_unit_test(what_is_covered_counts_a_third),
        cmocka_unit_test(what_is_over_the_bounds_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
