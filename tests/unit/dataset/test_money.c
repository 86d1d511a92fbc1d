#include "worker/dataset/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

static void decimals_are_those_of_iso_4217(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        unsigned decimals;
    } CASES[] = {{"USD", 2}, {"JPY", 0}, {"KWD", 3}, {"CLF", 4}, {"AED", 2}, {"ZWL", 2}, {"XXX", 2}, {"ISK", 0}};
    static const char *const NONE[] = {"", "US", "USDD", "usd", "ZZZ", "D2A", "2AF"};
    unsigned decimals = 9;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_true(currency_decimals(str_of(CASES[i].code), &decimals));
        assert_int_equal(decimals, CASES[i].decimals);
    }
    decimals = 9;
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        assert_false(currency_decimals(str_of(NONE[i]), &decimals));
    assert_int_equal(decimals, 9);
}

static void amounts_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t e4;
    } CASES[] = {
        {"0", 0},
        {"12", 120000},
        {"12.5", 125000},
        {"2.55", 25500},
        {".50", 5000},
        {"-3", -30000},
        {"+3", 30000},
        {"- 3", -30000},
        {"(3.50)", -35000},
        {" 7 ", 70000},
        // separators
        {"1,234.50", 12345000},
        {"1.234,50", 12345000},
        {"12,5", 125000},
        {"12,50", 125000},
        {"0,500", 5000},
        {"1,234", 12340000},
        {"1.234", 12340},
        {"1234,567", 12345670},
        {"1,234,567", 12345670000},
        {"1.234.567", 12345670000},
        {"1,234.567", 12345670},
        {"1.234,567", 12345670},
        {"1.234.567,89", 12345678900},
        {"1,23,456.00", 1234560000},
        {"1 234,50", 12345000},
        {"1\xC2\xA0"
         "234,50",
         12345000},
        {"1'234.50", 12345000},
        // more than four decimals
        {"0.00005", 1},
        {"0.00004", 0},
        {"-0.00005", -1},
        {"2.123456", 21235},
        // currencies
        {"£12", 120000},
        {"$12.50", 125000},
        {"-$12.50", -125000},
        {"$-12.50", -125000},
        {"US$ 1,000.00", 10000000},
        {"12.5 GBP", 125000},
        {"GBP12.5", 125000},
        {"$12.50 USD", 125000},
        {"12,50 €", 125000},
        {"12,50\xC2\xA0€", 125000},
        {"kr 100", 1000000},
        {"Rs. 99.50", 995000},
        {"10 zł", 100000},
        {"922337203685477.5807", INT64_MAX},
    };
    static const char *const NONE[] = {
        "",
        " ",
        "-",
        "abc",
        "£",
        "12 apples",
        "1e5",
        "1.2.3",
        "1,2,3",
        "12.34.56",
        "2010.12.01",
        "--3",
        "-$-3",
        "12-",
        "1..2",
        "1,,234",
        "0x10",
        "5 kg",
        "nan",
        "1 23",
        "12:30",
        "1,2345,678",
        "1234567.",
        "1.234 567",
        "922337203685477.5808",
        "99999999999999999999",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t e4 = -77;
        if (!money_parse_e4(str_of(CASES[i].text), &e4) || e4 != CASES[i].e4)
            fail_msg("\"%s\" gave %lld", CASES[i].text, (long long)e4);
    }
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        int64_t e4 = -77;
        if (money_parse_e4(str_of(NONE[i]), &e4) || e4 != -77)
            fail_msg("\"%s\" gave %lld", NONE[i], (long long)e4);
    }
}

static void conversion_rounds_half_away_from_zero(void **state)
{
    (void)state;
    static const struct {
        int64_t e4;
        unsigned decimals;
        int64_t minor;
    } CASES[] = {
        {25500, 2, 255},
        {12345, 2, 123},
        {12350, 2, 124},
        {-12350, 2, -124},
        {12349, 2, 123},
        {5000, 0, 1},
        {4999, 0, 0},
        {-5000, 0, -1},
        {12345, 3, 1235},
        {12344, 3, 1234},
        {12345, 4, 12345},
        {INT64_MAX, 4, INT64_MAX},
        {INT64_MAX, 0, 922337203685478},
    };
    int64_t minor = 5;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_true(money_minor_of_e4(CASES[i].e4, CASES[i].decimals, &minor));
        assert_int_equal(minor, CASES[i].minor);
    }
    minor = 5;
    assert_false(money_minor_of_e4(INT64_MIN, 2, &minor));
    assert_false(money_minor_of_e4(1, 5, &minor));
    assert_int_equal(minor, 5);
}

static void assert_printed(int64_t minor, unsigned decimals, const char *expected)
{
    struct buf b;
    buf_init(&b, 100);
    money_print(&b, minor, decimals);
    assert_string_equal(b.data, expected);
    buf_fini(&b);
}

static void assert_for_people(int64_t minor, const char *currency, const char *expected)
{
    struct buf b;
    buf_init(&b, 100);
    money_print_for_people(&b, minor, str_of(currency));
    assert_string_equal(b.data, expected);
    buf_fini(&b);
}

static void amounts_are_printed_exactly(void **state)
{
    (void)state;
    assert_printed(1299, 2, "12.99");
    assert_printed(-5, 2, "-0.05");
    assert_printed(0, 2, "0.00");
    assert_printed(0, 0, "0");
    assert_printed(1200, 0, "1200");
    assert_printed(1250, 3, "1.250");
    assert_printed(INT64_MAX, 2, "92233720368547758.07");
    assert_printed(INT64_MIN, 0, "-9223372036854775808");
}

static void amounts_are_printed_for_people(void **state)
{
    (void)state;
    assert_for_people(1299, "GBP", "£12.99");
    assert_for_people(1200, "JPY", "¥1,200");
    assert_for_people(1250, "KWD", "KWD 1.250");
    assert_for_people(-123456789, "USD", "-$1,234,567.89");
    assert_for_people(99999, "EUR", "€999.99");
    assert_for_people(100000, "EUR", "€1,000.00");
    assert_for_people(1299, "XXX", "12.99");
    assert_for_people(1299, "", "12.99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_those_of_iso_4217),        cmocka_unit_test(amounts_are_read),
        cmocka_unit_test(conversion_rounds_half_away_from_zero), cmocka_unit_test(amounts_are_printed_exactly),
        cmocka_unit_test(amounts_are_printed_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
