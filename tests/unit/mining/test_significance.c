#include "worker/mining/significance.h"

#include <math.h>

#include "common/check.h"
#include "tests/unit/dataset/sample.h"
#include "worker/mining/exact_math.h"
#include "worker/mining/score_order.h"

static bool is_near(double x, double y, double relative)
{
    return fabs(x - y) <= relative * fabs(y);
}

static void logarithms_and_powers_are_right(void **state)
{
    (void)state;
    assert_true(exact_log2(1) == 0 && exact_log2(8) == 3 && exact_log2(0.25) == -2);
    assert_true(exact_exp2(0) == 1 && exact_exp2(10) == 1024 && exact_exp2(-3) == 0.125);
    assert_true(exact_exp2(-1001) == 0);
    for (double x = 1e-200; x < 1e200; x *= 1.37)
        assert_true(fabs(exact_log2(x) - log2(x)) <= 4e-16 * fabs(log2(x)) + 4e-16);
    for (double x = -999; x < 999; x += 0.773)
        assert_true(is_near(exact_exp2(x), exp2(x), 1e-15));
}

// The sum by definition, in products of fractions: no logarithms.
static double choose(uint32_t n, uint32_t k)
{
    double product = 1;
    for (uint32_t i = 1; i <= k; i++)
        product = product * (n - k + i) / i;
    return k <= n ? product : 0;
}

static double fisher_by_definition(uint32_t population, uint32_t marked, uint32_t drawn, uint32_t both)
{
    double sum = 0;
    for (uint32_t j = both; j <= marked && j <= drawn; j++)
        sum += choose(marked, j) * choose(population - marked, drawn - j);
    return sum / choose(population, drawn);
}

static void fisher_worked_by_hand(void **state)
{
    (void)state;
    struct arena memory;
    struct log_factorials f;
    arena_init(&memory, 0);
    log_factorials_init(&f, 1000000, &memory);
    assert_true(is_near(fisher_p(&f, 8, 4, 3, 3), 4.0 / 56, 1e-14));    // C(4,3) C(4,0) / C(8,3)
    assert_true(is_near(fisher_p(&f, 8, 4, 4, 3), 17.0 / 70, 1e-14));   // the lady tasting tea: (16 + 1) / C(8,4)
    assert_true(is_near(fisher_p(&f, 30, 3, 3, 3), 1.0 / 4060, 1e-13)); // 1 / C(30,3)
    assert_true(
        is_near(fisher_p(&f, 1000000, 2, 2, 1), 3999994.0 / 999999000000, 1e-8)); // 1 - C(999998,2) / C(1000000,2)
    assert_true(fisher_p(&f, 8, 4, 3, 0) == 1);
    assert_true(fisher_p(&f, 5, 4, 4, 3) == 1); // cannot be fewer
    assert_true(fisher_p(&f, 0, 0, 0, 0) == 1);
    double rare = fisher_p(&f, 1000000, 1000, 1000, 1000);
    assert_true(rare >= 0 && rare < 1e-300); // less than a double can say
    arena_fini(&memory);
}

static void fisher_is_its_definition(void **state)
{
    (void)state;
    struct arena memory;
    struct log_factorials f;
    arena_init(&memory, 0);
    log_factorials_init(&f, 200, &memory);
    for (uint32_t population = 1; population <= 200; population += population < 24 ? 1 : 44)
        for (uint32_t marked = 0; marked <= population; marked += 1 + population / 20)
            for (uint32_t drawn = 0; drawn <= population; drawn += 1 + population / 17)
                for (uint32_t both = 0; both <= marked && both <= drawn; both++) {
                    double p = fisher_p(&f, population, marked, drawn, both);
                    double expected = fisher_by_definition(population, marked, drawn, both);
                    assert_true(p >= 0 && p <= 1 && fabs(p - expected) <= 1e-11 * expected + 1e-14);
                }
    arena_fini(&memory);
}

// Benjamini and Hochberg's own example (1995, section 3.2): of 15 tests at 0.05 the first four are taken.
static void discoveries_of_the_source(void **state)
{
    (void)state;
    float values[] = {0.0001F, 0.0459F, 0.0004F, 0.0019F, 0.0095F, 0.0201F, 0.0278F, 0.0298F,
                      0.0344F, 0.3240F, 0.4262F, 0.5719F, 0.6528F, 0.7590F, 1.0000F};
    fdr_adjust(values, 15, 15);
    unsigned taken = 0;
    for (size_t i = 0; i < 15; i++)
        taken += values[i] <= 0.05F;
    assert_int_equal(taken, 4);
    assert_true(is_near((double)values[0], 0.0001 * 15, 1e-6));
    assert_true(is_near((double)values[4], 0.0095 * 15 / 4, 1e-6)); // the fourth in order
    assert_true(values[14] == 1);
}

static void more_tests_ask_for_more(void **state)
{
    (void)state;
    float values[] = {0.01F, 0.02F};
    fdr_adjust(values, 2, 10);
    assert_true(is_near((double)values[0], 0.1, 1e-6) && is_near((double)values[1], 0.1, 1e-6)); // 0.02 * 10 / 2
    fdr_adjust(values, 0, 0);
}

static void intervals_follow_wilson(void **state)
{
    (void)state;
    assert_true(wilson_lower(0, 0) == 0);
    assert_true(fabs(wilson_lower(0, 10)) < 1e-15);
    const double z2 = 1.2815515655446004 * 1.2815515655446004;
    assert_true(is_near(wilson_lower(4, 4), 4 / (4 + z2), 1e-12));
    // share 0.5 of 10: (0.5 + z2/20 - z sqrt(0.25/10 + z2/400)) / (1 + z2/10)
    assert_true(
        is_near(wilson_lower(5, 10), (0.5 + z2 / 20 - sqrt(z2) * sqrt(0.025 + z2 / 400)) / (1 + z2 / 10), 1e-12));
}

static void scores_come_in_order(void **state)
{
    (void)state;
    const float scores[] = {1, -2, 3e-40F, 3, 0, -1e30F, 1, 1e30F, -2};
    const uint32_t expected[] = {7, 3, 0, 6, 2, 4, 1, 8, 5};
    struct arena memory;
    arena_init(&memory, 0);
    const uint32_t *order = score_order(scores, ARRAY_LEN(scores), &memory);
    assert_memory_equal(order, expected, sizeof expected);
    arena_fini(&memory);
}

static int compare_chars(const void *left, const void *right)
{
    return *(const char *)left - *(const char *)right;
}

static void equal_scores_are_told_apart(void **state)
{
    (void)state;
    char things[] = "zbxcya";
    const float scores[] = {1, 2, 1, 2, 1, 3};
    score_sort(things, scores, 6, 1, compare_chars);
    assert_string_equal(things, "abcxyz");
    score_sort(things, scores, 0, 1, compare_chars);
}

static void many_scores_come_in_order(void **state)
{
    (void)state;
    enum { N = 20000 };
    static float scores[N];
    struct arena memory;
    uint64_t seed = 5;
    for (uint32_t i = 0; i < N; i++)
        scores[i] = ((float)sample_random(&seed, 4000) - 1000) / 7;
    arena_init(&memory, 0);
    const uint32_t *order = score_order(scores, N, &memory);
    for (uint32_t i = 1; i < N; i++)
        assert_true(scores[order[i - 1]] > scores[order[i]] ||
                    (scores[order[i - 1]] == scores[order[i]] && order[i - 1] < order[i]));
    arena_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logarithms_and_powers_are_right),
        cmocka_unit_test(fisher_worked_by_hand),
        cmocka_unit_test(fisher_is_its_definition),
        cmocka_unit_test(discoveries_of_the_source),
        cmocka_unit_test(more_tests_ask_for_more),
        cmocka_unit_test(intervals_follow_wilson),
        cmocka_unit_test(scores_come_in_order),
        cmocka_unit_test(equal_scores_are_told_apart),
        cmocka_unit_test(many_scores_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
