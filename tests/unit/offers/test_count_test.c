#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "worker/offers/count_test.h"

static double poisson_term(uint32_t k, double mean)
{
    return exp(k * log(mean) - mean - lgamma(k + 1.0));
}

static double log_choose(uint32_t n, uint32_t k)
{
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

static void tails_by_hand(void **state)
{
    (void)state;
    assert_true(poisson_is_above(2, 0.35));  // 1 - 1.35 e^-.35 = .0487
    assert_false(poisson_is_above(2, 0.36)); // .0512
    assert_true(poisson_is_above(1, 0));
    assert_false(poisson_is_above(0, 0));
    assert_false(poisson_is_above(3, 3));
    assert_true(fisher_is_below(0, 4, 4, 9));  // 5 of the 126 ways to choose 4 of 9: .0397
    assert_false(fisher_is_below(0, 3, 4, 8)); // 4 of 56: .0714
    assert_false(fisher_is_below(1, 4, 4, 9)); // (5 + 4 * 10) / 126
    assert_false(fisher_is_below(0, 0, 3, 9)); // nothing looked at, no hits, nothing but hits
    assert_false(fisher_is_below(0, 5, 0, 9));
    assert_false(fisher_is_below(5, 5, 9, 9));
    assert_false(fisher_is_below(55, 149, 57, 152)); // 2 hits in 3 promise little
}

static void poisson_is_that_of_the_library(void **state)
{
    (void)state;
    unsigned above = 0;
    for (uint32_t count = 0; count < 400; count += 1 + count / 20) {
        for (double mean = 0.05; mean < 500; mean *= 1.07) {
            double upper = 1;
            for (uint32_t k = 0; k < count; k++)
                upper -= poisson_term(k, mean);
            if (fabs(upper - 0.05) > 1e-9)
                assert_int_equal(poisson_is_above(count, mean), upper <= 0.05);
            above += upper <= 0.05;
        }
    }
    assert_true(above > 500);
}

static void fisher_is_that_of_the_library(void **state)
{
    (void)state;
    unsigned below = 0;
    for (uint32_t all = 1; all < 60; all += 4) {
        for (uint32_t n = 0; n <= all; n++) {
            for (uint32_t hits_all = 0; hits_all <= all; hits_all += 2) {
                uint32_t first = n + hits_all > all ? n + hits_all - all : 0, last = n < hits_all ? n : hits_all;
                double lower = 0;
                for (uint32_t k = first; k <= last; k++) {
                    lower += exp(log_choose(hits_all, k) + log_choose(all - hits_all, n - k) - log_choose(all, n));
                    if (fabs(lower - 0.05) > 1e-9)
                        assert_int_equal(fisher_is_below(k, n, hits_all, all), lower <= 0.05);
                    below += lower <= 0.05;
                }
            }
        }
    }
    assert_true(below > 500);
}

static void extremes_end(void **state)
{
    (void)state;
    assert_true(poisson_is_above(4000000000u, 1)); // sums grow beyond a double on the way
    assert_true(poisson_is_above(1001700, 1e6));   // 1.7 standard deviations
    assert_false(poisson_is_above(1001600, 1e6));  // 1.6: .0549
    assert_true(fisher_is_below(0, 100000000, 1000000, 1000000000));
    assert_true(fisher_is_below(99460, 100000000, 1000000, 1000000000)); // of 100,000 +- 300
    assert_false(fisher_is_below(99560, 100000000, 1000000, 1000000000));
}

// Exact limits: chi-square quantiles / 2.
static void interval_by_hand(void **state)
{
    (void)state;
    static const struct {
        uint32_t count;
        double low, high, within;
    } EXACT[] = {{1, 0.0253, 5.5716, 0.02}, {3, 0.6187, 8.7673, 0.02},     {10, 4.7954, 18.3904, 0.01},
                 {87, 69.68, 107.31, 0.01}, {1000, 938.97, 1063.95, 0.01}, {0, 0, 3.6889, 0.03}};
    for (size_t i = 0; i < sizeof EXACT / sizeof EXACT[0]; i++) {
        struct interval x = poisson_interval(EXACT[i].count);
        assert_true(fabs(x.low - EXACT[i].low) <= EXACT[i].within);
        assert_true(fabs(x.high - EXACT[i].high) <= EXACT[i].within);
    }
    // 10 (1 - 1/90 - 1.96/(3 sqrt 10))^3 = 10 * .782291^3, 11 (1 - 1/99 + 1.96/(3 sqrt 11))^3 = 11 * 1.186883^3
    assert_true(fabs(poisson_interval(10).low - 10 * pow(0.782291, 3)) < 1e-3);
    assert_true(fabs(poisson_interval(10).high - 11 * pow(1.186883, 3)) < 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails_by_hand),
        cmocka_unit_test(poisson_is_that_of_the_library),
        cmocka_unit_test(fisher_is_that_of_the_library),
        cmocka_unit_test(extremes_end),
        cmocka_unit_test(interval_by_hand),
    };
    return cmocka_run_group_tests_name("significance", tests, NULL, NULL);
}
