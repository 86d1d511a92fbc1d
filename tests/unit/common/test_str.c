#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

static void comparing(void **state)
{
    (void)state;
    assert_true(str_eq(STR(""), (struct str){NULL, 0}));
    assert_true(str_eq_nocase(STR("Lineitem SKU"), STR("lineitem sku")));
    assert_false(str_eq_nocase(STR("\xC3\x89"), STR("\xC3\xA9"))); // only ASCII has case here
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("\xC3"), STR("z")) > 0); // bytes are unsigned
    assert_int_equal(str_cmp(STR("x"), STR("x")), 0);
}

static void trimming(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t a b \r\n")), STR("a b")));
    assert_int_equal(str_trim(STR("  ")).len, 0);
}

static void utf8(void **state)
{
    (void)state;
    assert_true(str_is_utf8(STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\x81")));
    const struct str bad[] = {
        STR("\xC0\xAF"),     STR("\xE0\x80\xAF"), STR("\xED\xA0\x80"), STR("\xF4\x90\x80\x80"),
        STR("\xF0\x9F\x8E"), STR("\x80"),         STR("a\0b"),         STR("\xFF"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(str_is_utf8(bad[i]));
    assert_int_equal(str_utf8_len(STR("\xF0\x9F\x8E\x81x")), 4);
    assert_int_equal(str_utf8_len(STR("")), 0);
    assert_int_equal(str_utf8_len(STR("\xE2\x82")), 0);
}

static void words(void **state)
{
    (void)state;
    assert_true(str_has_word(STR("Hand SUMMER dress"), STR("summer")));
    assert_false(str_has_word(STR("midsummer"), STR("summer")));
    assert_false(str_has_word(STR("summer\xC3\xA9"), STR("summer"))); // a letter beyond ASCII goes on
    assert_true(str_has_word(STR("buy black friday!"), STR("black friday")));
    assert_false(str_has_word(STR("x"), STR("")));
}

static void whole_numbers(void **state)
{
    (void)state;
    int64_t n = 77;
    assert_true(str_to_int(STR("-9223372036854775808"), &n));
    assert_true(n == INT64_MIN);
    assert_true(str_to_int(STR("+12"), &n));
    assert_int_equal(n, 12);
    const struct str bad[] = {STR(""), STR("-"), STR("1 "), STR("0x1"), STR("9223372036854775808"), STR("1.0")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(str_to_int(bad[i], &n));
    assert_int_equal(n, 12);
}

static void real_numbers(void **state)
{
    (void)state;
    double x = 7;
    assert_true(str_to_real(STR("-2.5e3"), &x));
    assert_true(x == -2500.0);
    const struct str bad[] = {STR(""), STR("nan"), STR("inf"), STR("1e999"), STR(" 1"), STR("1,5")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(str_to_real(bad[i], &x));
    assert_true(x == -2500.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing), cmocka_unit_test(trimming),      cmocka_unit_test(utf8),
        cmocka_unit_test(words),     cmocka_unit_test(whole_numbers), cmocka_unit_test(real_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
