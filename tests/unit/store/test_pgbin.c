#include "worker/store/pgbin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worker/dataset/rows.h"

static struct pgbin_field field_of(const struct buf *b)
{
    const uint8_t *at = (const uint8_t *)b->data;
    int32_t len = (int32_t)(((uint32_t)at[0] << 24) | ((uint32_t)at[1] << 16) | ((uint32_t)at[2] << 8) | at[3]);
    return (struct pgbin_field){at + 4, len};
}

static void amounts_come_back(void **state)
{
    (void)state;
    static const int64_t amounts[] = {
        0,      1,         -1,         9999,      10000,         10001,     99999999,      100000000,
        129900, -50000000, 1000000000, INT64_MAX, INT64_MIN + 1, 123456789, AMOUNT_UNKNOWN};
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        struct buf b;
        struct err e;
        int64_t back = 7;
        buf_init(&b, 100);
        pgbin_put_amount(&b, amounts[i]);
        assert_true(pgbin_amount(field_of(&b), &back, &e));
        assert_int_equal(back, amounts[i]);
        buf_fini(&b);
    }
}

// digits, weight, sign, scale and the digits themselves, as PostgreSQL writes them
static bool decode(const char *bytes, size_t len, int64_t *out)
{
    struct err e;
    return pgbin_amount((struct pgbin_field){(const uint8_t *)bytes, (int32_t)len}, out, &e);
}
#define DECODE(literal, out) decode(literal, sizeof(literal) - 1, out)

static void numeric_is_read_as_postgres_writes_it(void **state)
{
    (void)state;
    int64_t v;
    assert_true(DECODE("\0\2\0\0\0\0\0\2\0\14\46\254", &v)); // 12.9900: 12, 9900
    assert_int_equal(v, 129900);
    assert_true(DECODE("\0\1\0\1\0\0\0\0\0\1", &v)); // 10000: one digit of weight 1
    assert_int_equal(v, 100000000);
    assert_true(DECODE("\0\1\377\377\100\0\0\4\0\1", &v)); // -0.0001
    assert_int_equal(v, -1);
    assert_true(DECODE("\0\0\0\0\0\0\0\0", &v));
    assert_int_equal(v, 0);
    assert_true(DECODE("\0\0\0\0\300\0\0\0", &v)); // NaN
    assert_int_equal(v, AMOUNT_UNKNOWN);
    assert_true(DECODE("\0\0\0\0\320\0\0\0", &v)); // infinity
    assert_int_equal(v, AMOUNT_UNKNOWN);
    assert_true(DECODE("\0\1\0\12\0\0\0\0\0\1", &v)); // 1e40: does not fit
    assert_int_equal(v, AMOUNT_UNKNOWN);
}

static void numeric_rounds_half_away_from_zero(void **state)
{
    (void)state;
    int64_t v;
    assert_true(DECODE("\0\1\377\376\0\0\0\10\23\210", &v)); // 0.00005000
    assert_int_equal(v, 1);
    assert_true(DECODE("\0\1\377\376\0\0\0\10\23\207", &v)); // 0.00004999
    assert_int_equal(v, 0);
    assert_true(DECODE("\0\3\0\0\100\0\0\10\0\1\0\2\23\210", &v)); // -1.00025
    assert_int_equal(v, -10003);
    assert_true(DECODE("\0\1\377\375\0\0\0\14\47\17", &v)); // 0.000000009999
    assert_int_equal(v, 0);
}

static void broken_values_are_errors(void **state)
{
    (void)state;
    int64_t v = 7;
    bool truth = true;
    struct err e;
    struct pgbin_field three = {(const uint8_t *)"abc", 3};
    assert_false(DECODE("\0\2\0\0\0\0\0\2\0\14", &v)); // two digits said, one there
    assert_false(decode("\0\2\0", 3, &v));
    assert_false(pgbin_int64(three, &v, &e));
    assert_false(pgbin_date(three, &v, &e));
    assert_false(pgbin_bool(three, &truth, &e));
    assert_int_equal(e.kind, ERR_CODEC);
    assert_int_equal(v, 7);
}

static void dates_come_back(void **state)
{
    (void)state;
    static const int64_t dates[] = {0, -1, 946684800, 946684799, 1714558200, DATE_UNKNOWN};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        struct buf b;
        struct err e;
        int64_t back = 7;
        buf_init(&b, 100);
        pgbin_put_date(&b, dates[i]);
        assert_true(pgbin_date(field_of(&b), &back, &e));
        assert_int_equal(back, dates[i]);
        buf_fini(&b);
    }
    struct err e;
    int64_t v;
    assert_true(pgbin_date((struct pgbin_field){(const uint8_t *)"\177\377\377\377\377\377\377\377", 8}, &v, &e));
    assert_int_equal(v, DATE_UNKNOWN); // infinity
    assert_true(pgbin_date((struct pgbin_field){(const uint8_t *)"\377\377\377\377\377\377\377\377", 8}, &v, &e));
    assert_int_equal(v, 946684799); // one microsecond before 2000: the second before
}

// --- streams

struct seen {
    struct buf text;
    unsigned rows;
};

static bool see_row(void *context, const struct pgbin_field *f, struct err *e)
{
    struct seen *s = context;
    int64_t n;
    if (!pgbin_int64(f[1], &n, e))
        return false;
    buf_printf(&s->text, STR_FMT "=%lld;", STR_ARG(pgbin_text(f[0])), (long long)n);
    s->rows++;
    return true;
}

static void put_stream(struct buf *b)
{
    pgbin_put_header(b);
    pgbin_put_row(b, 2);
    pgbin_put_text(b, STR("one"));
    pgbin_put_int64(b, 1);
    pgbin_put_row(b, 2);
    pgbin_put_text(b, STR(""));
    pgbin_put_int64(b, -5);
    pgbin_put_trailer(b);
}

static void a_stream_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    put_stream(&b);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct seen s = {0};
        struct err e;
        struct pgbin_reader r;
        buf_init(&s.text, 1000);
        pgbin_reader_init(&r, 2, see_row, &s);
        assert_true(pgbin_reader_feed(&r, b.data, cut, &e));
        assert_int_equal(pgbin_reader_end(&r, &e), cut == b.len);
        assert_true(pgbin_reader_feed(&r, b.data + cut, b.len - cut, &e));
        assert_true(pgbin_reader_end(&r, &e));
        assert_string_equal(s.text.data, "one=1;=-5;");
        pgbin_reader_fini(&r);
        buf_fini(&s.text);
    }
    buf_fini(&b);
}

// Every single byte set to three other values, fed from memory of exact size: ASan sees whatever is read beyond it.
static void a_broken_stream_never_reads_beyond(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    put_stream(&b);
    static const unsigned char others[] = {0xFF, 0x00, 0x7F};
    for (size_t at = 0; at < b.len * 3; at++) {
        char *copy = malloc(b.len);
        assert_non_null(copy);
        memcpy(copy, b.data, b.len);
        copy[at / 3] = (char)others[at % 3];
        struct seen s = {0};
        struct err e;
        struct pgbin_reader r;
        buf_init(&s.text, 1000);
        pgbin_reader_init(&r, 2, see_row, &s);
        if (pgbin_reader_feed(&r, copy, b.len, &e) && pgbin_reader_end(&r, &e))
            assert_true(s.rows <= 2);
        pgbin_reader_fini(&r);
        buf_fini(&s.text);
        free(copy);
    }
    buf_fini(&b);
}

static void foreign_streams_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"PGCOPY\n\377\r\n", "2024-01-01,not binary at all\n"};
    for (size_t i = 0; i < 2; i++) {
        struct pgbin_reader r;
        struct err e;
        struct seen s = {0};
        pgbin_reader_init(&r, 2, see_row, &s);
        bool is_fed = pgbin_reader_feed(&r, cases[i], strlen(cases[i]), &e);
        assert_false(is_fed && pgbin_reader_end(&r, &e));
        assert_int_equal(e.kind, ERR_CODEC);
        pgbin_reader_fini(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_come_back),
        cmocka_unit_test(numeric_is_read_as_postgres_writes_it),
        cmocka_unit_test(numeric_rounds_half_away_from_zero),
        cmocka_unit_test(broken_values_are_errors),
        cmocka_unit_test(dates_come_back),
        cmocka_unit_test(a_stream_may_be_cut_anywhere),
        cmocka_unit_test(a_broken_stream_never_reads_beyond),
        cmocka_unit_test(foreign_streams_are_refused),
    };
    return cmocka_run_group_tests_name("pgbin", tests, NULL, NULL);
}
