#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/offers/endings.h"

static int64_t charm(int64_t wanted, unsigned decimals)
{
    return ending_nearest(wanted, 1, INT64_MAX, decimals, ENDING_CHARM);
}

static int64_t round_price(int64_t wanted, unsigned decimals)
{
    return ending_nearest(wanted, 1, INT64_MAX, decimals, ENDING_ROUND);
}

static void charm_by_size(void **state)
{
    (void)state;
    assert_int_equal(charm(437, 2), 439);
    assert_int_equal(charm(1760, 2), 1749);
    assert_int_equal(charm(1780, 2), 1799);
    assert_int_equal(charm(4012, 2), 3999);
    assert_int_equal(charm(24960, 2), 24995);
    assert_int_equal(charm(24940, 2), 24895); // 45 below, 55 above
    assert_int_equal(charm(123800, 2), 123900);
}

static void round_by_size(void **state)
{
    (void)state;
    assert_int_equal(round_price(137, 2), 140);
    assert_int_equal(round_price(930, 2), 950);
    assert_int_equal(round_price(2360, 2), 2400);
    assert_int_equal(round_price(14600, 2), 14500);
}

static void currencies(void **state)
{
    (void)state;
    assert_int_equal(charm(1963, 0), 1980); // JPY 1,980
    assert_int_equal(charm(433, 0), 430);
    assert_int_equal(round_price(1963, 0), 2000);
    assert_int_equal(charm(4370, 3), 4390); // KWD 4.390
    assert_int_equal(round_price(23600, 3), 24000);
}

static void bounds_are_never_broken(void **state)
{
    (void)state;
    assert_int_equal(ending_nearest(1780, 1760, 1790, 2, ENDING_CHARM), 1780); // neither 17.49 nor 17.99
    assert_int_equal(ending_nearest(1780, 1700, 1790, 2, ENDING_CHARM), 1749);
    assert_int_equal(ending_nearest(1760, 1755, 1850, 2, ENDING_CHARM), 1799);
    assert_int_equal(ending_nearest(INT64_MAX - 3, 1, INT64_MAX, 2, ENDING_ROUND), INT64_MAX - 3);
}

static bool is_nice(int64_t price, unsigned decimals, enum ending style)
{
    int64_t unit = decimals == 3 ? 10 : 1, in_hundredths = price / unit;
    if (price % unit)
        return false;
    if (style == ENDING_ROUND)
        return in_hundredths % 10 == 0;
    return decimals == 0 ? in_hundredths % 10 == 0
                         : in_hundredths % 10 == 9 || in_hundredths % 100 == 95 || in_hundredths % 1000 == 900;
}

static void any_price_stays_within_its_bounds(void **state)
{
    (void)state;
    static const unsigned DECIMALS[] = {0, 2, 3};
    uint64_t seed = 1;
    unsigned nice = 0;
    for (int round = 0; round < 50000; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t wanted = 1 + (int64_t)(seed >> 16) % (round % 2 ? 3000 : INT64_C(10000000000));
        int64_t min = wanted - (int64_t)(seed >> 8) % (wanted / 5 + 1), max = wanted + (int64_t)(seed >> 24) % 900;
        unsigned decimals = DECIMALS[round % 3];
        enum ending style = round % 5 ? ENDING_CHARM : ENDING_ROUND;
        int64_t price = ending_nearest(wanted, min, max, decimals, style);
        assert_true(price >= 1 && price >= min && price <= max);
        assert_true(price == wanted || is_nice(price, decimals, style));
        nice += price != wanted;
    }
    assert_true(nice > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charm_by_size),
        cmocka_unit_test(round_by_size),
        cmocka_unit_test(currencies),
        cmocka_unit_test(bounds_are_never_broken),
        cmocka_unit_test(any_price_stays_within_its_bounds),
    };
    return cmocka_run_group_tests_name("endings", tests, NULL, NULL);
}
