#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/check.h"
#include "worker/copy/numbers.h"

static const struct {
    const char *text;
    enum number_kind kind;
    int64_t first, second; // hundredths
    const char *currency, *piece;
} CASES[] = {
    {"for £12.50 now", NUMBER_MONEY, 1250, 1250, "gbp", "£12.50"},
    {"für 1.234,50 € jetzt", NUMBER_MONEY, 123450, 123450, "eur", "1.234,50 €"},
    {"US$1,234.50", NUMBER_MONEY, 123450, 123450, "$", "$1,234.50"},
    {"1.230 EUR", NUMBER_MONEY, 123000, 123, "eur", "1.230 eur"},
    {"CHF 12'345.60", NUMBER_MONEY, 1234560, 1234560, "chf", "chf 12'345.60"},
    {"99 cents", NUMBER_MONEY, 9900, 9900, "$", "99 cents"},
    {"12,90 zł", NUMBER_MONEY, 1290, 1290, "pln", "12,90 zl"},
    {"199 Kč", NUMBER_MONEY, 19900, 19900, "czk", "199 kc"},
    {"¥1,200", NUMBER_MONEY, 120000, 120, "¥", "¥1,200"},
    {"5 euros off", NUMBER_MONEY, 500, 500, "eur", "5 euros"},
    {"12,5 % Rabatt", NUMBER_PERCENT, 1250, 1250, NULL, "12,5 %"},
    {"20 percent", NUMBER_PERCENT, 2000, 2000, NULL, "20 percent"},
    {"20 per cent off", NUMBER_PERCENT, 2000, 2000, NULL, "20 per cent"},
    {"20-Prozent-Rabatt", NUMBER_PERCENT, 2000, 2000, NULL, "20-prozent"},
    {"20 pour cent", NUMBER_PERCENT, 2000, 2000, NULL, "20 pour cent"},
    {"%20 indirim", NUMBER_PERCENT, 2000, 2000, NULL, "%20"},
    {"１５％", NUMBER_PERCENT, 1500, 1500, NULL, "15%"},
    {"3 tins", NUMBER_PLAIN, 300, 300, NULL, "3"},
    {"buy 2, save", NUMBER_PLAIN, 200, 200, NULL, "2"},
    {"100g", NUMBER_PLAIN, 10000, 10000, NULL, "100"},
    {"2 eurythmics", NUMBER_PLAIN, 200, 200, NULL, "2"},
    {"5 percentage", NUMBER_PLAIN, 500, 500, NULL, "5"},
    {"10 pieces", NUMBER_PLAIN, 1000, 1000, NULL, "10"},
    {"0.75 l", NUMBER_PLAIN, 75, 75, NULL, "0.75"},
};

static void kinds_and_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct buf plain;
        struct number n;
        size_t at = 0;
        char piece[64] = "";
        buf_init(&plain, 1024);
        numbers_put_plain(&plain, str_of(CASES[i].text));
        if (!numbers_next(buf_str(&plain), &at, false, &n))
            fail_msg("no number: %s", CASES[i].text);
        memcpy(piece, n.text.ptr, n.text.len);
        if (n.kind != CASES[i].kind || n.values[0] != CASES[i].first * 100 || n.values[1] != CASES[i].second * 100)
            fail_msg("%s: kind %d, %lld or %lld", CASES[i].text, n.kind, (long long)n.values[0],
                     (long long)n.values[1]);
        assert_string_equal(piece, CASES[i].piece);
        if (CASES[i].currency)
            assert_string_equal(n.currency, CASES[i].currency);
        assert_false(numbers_next(buf_str(&plain), &at, false, &n));
        buf_fini(&plain);
    }
}

static void one_after_the_other(void **state)
{
    (void)state;
    const struct str text = STR("2 100 g, b12 and 7.");
    struct number n;
    size_t at = 0;
    assert_true(numbers_next(text, &at, true, &n) && n.values[0] == 21000000);
    at = 0;
    assert_true(numbers_next(text, &at, false, &n) && n.values[0] == 20000 && !n.is_in_word);
    assert_true(numbers_next(text, &at, false, &n) && n.values[0] == 1000000);
    assert_true(numbers_next(text, &at, false, &n) && n.values[0] == 120000 && n.is_in_word);
    assert_true(numbers_next(text, &at, false, &n) && n.values[0] == 70000);
    assert_false(numbers_next(text, &at, false, &n));
    at = 0;
    assert_true(numbers_next(STR("99999999999999999999999"), &at, false, &n));
    assert_int_equal(n.values[0], -1);
    assert_false(numbers_equal(&n, &n));
    at = 0;
    assert_true(numbers_next(STR("tea x10"), &at, true, &n) && n.values[0] == 100000 && !n.is_in_word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_and_values), cmocka_unit_test(one_after_the_other)};
    return cmocka_run_group_tests_name("numbers", tests, NULL, NULL);
}
