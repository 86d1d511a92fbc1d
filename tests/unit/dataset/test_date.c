#include "worker/dataset/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "worker/dataset/rows.h"

struct date_case {
    const char *text;
    const char *expected; // NULL: no date
};

static void assert_dates(const struct date_case *cases, size_t n, enum date_order order)
{
    for (size_t i = 0; i < n; i++) {
        struct buf b;
        int64_t unix_s = -77;
        bool is_date = date_parse(str_of(cases[i].text), order, &unix_s);
        if (is_date != (cases[i].expected != NULL))
            fail_msg("\"%s\" is %s date", cases[i].text, is_date ? "a" : "no");
        if (!is_date) {
            assert_int_equal(unix_s, -77);
            continue;
        }
        buf_init(&b, 100);
        date_print(&b, unix_s);
        assert_string_equal(b.data, cases[i].expected);
        buf_fini(&b);
    }
}
#define ASSERT_DATES(cases, order) assert_dates(cases, sizeof(cases) / sizeof((cases)[0]), order)

static void formats_of_exports_are_read(void **state)
{
    (void)state;
    static const struct date_case CASES[] = {
        {"2016-10-30", "2016-10-30T00:00:00Z"},
        {" 2016-10-30 9:58:11 ", "2016-10-30T09:58:11Z"},
        {"2016-10-30T09:58:11Z", "2016-10-30T09:58:11Z"},
        {"2016-10-30t09:58:11z", "2016-10-30T09:58:11Z"},
        {"2016-10-30T09:58:11+02:00", "2016-10-30T07:58:11Z"},
        {"2016-10-30T09:58:11.123456+02:00", "2016-10-30T07:58:11Z"},
        {"2016-10-30 09:58:11+00", "2016-10-30T09:58:11Z"},
        {"2023-01-31 10:15:00 -0500", "2023-01-31T15:15:00Z"},
        {"2023-12-31 23:15:00 -0500", "2024-01-01T04:15:00Z"},
        {"2023-01-31 10:15:00 UTC", "2023-01-31T10:15:00Z"},
        {"2023-01-31 10:15 GMT", "2023-01-31T10:15:00Z"},
        {"2016/10/30 09:58", "2016-10-30T09:58:00Z"},
        {"12/1/2010 8:26", "2010-12-01T08:26:00Z"},
        {"12/1/2010 8:26 PM", "2010-12-01T20:26:00Z"},
        {"12/1/2010 12:05AM", "2010-12-01T00:05:00Z"},
        {"12/1/2010 12:05 pm", "2010-12-01T12:05:00Z"},
        {"13/1/2010", "2010-01-13T00:00:00Z"},
        {"01.12.2010 08:26", "2010-12-01T08:26:00Z"},
        {"1 Dec 2010", "2010-12-01T00:00:00Z"},
        {"1-Dec-2010 08:26", "2010-12-01T08:26:00Z"},
        {"1 december 2010", "2010-12-01T00:00:00Z"},
        {"Dec 1, 2010", "2010-12-01T00:00:00Z"},
        {"Sept 30, 2010, 8:26 AM", "2010-09-30T08:26:00Z"},
        {"1969-12-31 23:59:59", "1969-12-31T23:59:59Z"},
        {"1900-01-01", "1900-01-01T00:00:00Z"},
        {"2000-02-29", "2000-02-29T00:00:00Z"},
        {"2199-12-31 23:59:59", "2199-12-31T23:59:59Z"},
    };
    ASSERT_DATES(CASES, DATE_MDY);
}

static void day_first_is_an_option(void **state)
{
    (void)state;
    static const struct date_case CASES[] = {
        {"12/1/2010 8:26", "2010-01-12T08:26:00Z"},
        {"31/12/2010", "2010-12-31T00:00:00Z"},
        {"12/31/2010", NULL},
        {"2010-12-01", "2010-12-01T00:00:00Z"},
    };
    ASSERT_DATES(CASES, DATE_DMY);
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const struct date_case CASES[] = {
        {"", NULL},
        {" ", NULL},
        {"2016", NULL},
        {"2016-13-01", NULL},
        {"2016-00-10", NULL},
        {"2016-02-30", NULL},
        {"2015-02-29", NULL},
        {"1900-02-29", NULL},
        {"2100-02-29", NULL},
        {"2016-04-31", NULL},
        {"1899-12-31", NULL},
        {"2200-01-01", NULL},
        {"2016-1-0", NULL},
        {"2016-10/30", NULL},
        {"20161030", NULL},
        {"13/13/2010", NULL},
        {"1/2/10", NULL},
        {"31-12-2010", NULL},
        {"1 Foo 2010", NULL},
        {"Dec 2010", NULL},
        {"Decem 1, 2010", NULL},
        {"2016-10-30x", NULL},
        {"2016-10-30T", NULL},
        {"2016-10-30 24:00", NULL},
        {"2016-10-30 9:60", NULL},
        {"2016-10-30 9:58:60", NULL},
        {"2016-10-30 9", NULL},
        {"2016-10-30 9:5", NULL},
        {"2016-10-30 9:58:11.", NULL},
        {"2016-10-30 13:00 PM", NULL},
        {"2016-10-30 0:10 AM", NULL},
        {"2016-10-30 9:58 CET", NULL},
        {"2016-10-30 9:58+2", NULL},
        {"2016-10-30 9:58+16:00", NULL},
        {"2016-10-30 9:58+02:60", NULL},
        {"2016-10-30 9:58Z+1", NULL},
        {"-2016-10-30", NULL},
        {"99999999999-01-01", NULL},
    };
    ASSERT_DATES(CASES, DATE_MDY);
}

static void seconds_are_those_of_unix(void **state)
{
    (void)state;
    int64_t unix_s;
    assert_true(date_parse(STR("1970-01-01"), DATE_MDY, &unix_s));
    assert_int_equal(unix_s, 0);
    assert_true(date_parse(STR("2001-09-09 01:46:40"), DATE_MDY, &unix_s));
    assert_int_equal(unix_s, 1000000000);
    assert_true(date_parse(STR("1969-12-31 23:59:59"), DATE_MDY, &unix_s));
    assert_int_equal(unix_s, -1);
}

static void every_day_comes_back(void **state)
{
    (void)state;
    int64_t first, unix_s;
    assert_true(date_parse(STR("1900-01-01"), DATE_MDY, &first));
    for (int64_t day = 0; day < 109572; day += 13) { // to the end of 2199
        struct buf b;
        buf_init(&b, 100);
        date_print(&b, first + day * 86400 + 86399);
        assert_true(date_parse(buf_str(&b), DATE_MDY, &unix_s));
        assert_int_equal(unix_s, first + day * 86400 + 86399);
        buf_fini(&b);
    }
}

static void an_unknown_date_prints_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    date_print(&b, DATE_UNKNOWN);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_of_exports_are_read), cmocka_unit_test(day_first_is_an_option),
        cmocka_unit_test(what_is_no_date_is_refused),  cmocka_unit_test(seconds_are_those_of_unix),
        cmocka_unit_test(every_day_comes_back),        cmocka_unit_test(an_unknown_date_prints_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
