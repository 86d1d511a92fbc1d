#include "common/mp.h"

#include <math.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

// An exact copy on the heap, so that the sanitizer sees every read past the end.
static bool scans(const void *bytes, size_t len)
{
    struct err e = {0};
    char *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    bool ok = mp_scan(copy, len, &MP_LIMITS_MESSAGE, &e);
    assert_true(ok || e.kind == ERR_CODEC);
    free(copy);
    return ok;
}

#define SCANS(literal) scans(literal, sizeof(literal) - 1)

static void sample_put(struct buf *b)
{
    mp_put_envelope(b, "sample", 3, 9);
    mp_put_key(b, "text");
    mp_put_str(b, STR("gr\xC3\xBC\xC3\x9F"));
    mp_put_key(b, "int");
    mp_put_int(b, -70000);
    mp_put_key(b, "most");
    mp_put_int(b, INT64_MAX);
    mp_put_key(b, "real");
    mp_put_real(b, 0.1);
    mp_put_key(b, "yes");
    mp_put_bool(b, true);
    mp_put_key(b, "nil");
    mp_put_nil(b);
    mp_put_key(b, "bin");
    mp_put_bin(b, "\0\1\2", 3);
    mp_put_key(b, "list");
    mp_put_array(b, 40);
    for (int i = 0; i < 40; i++)
        mp_put_int(b, i * 1000);
    mp_put_key(b, "map");
    mp_put_map(b, 1);
    mp_put_int(b, 5); // a key that is no text
    mp_put_str(b, STR("five"));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 4096);
    sample_put(&b);
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    assert_true(mp_open_envelope(&doc, b.data, b.len, "sample", 3, &MP_LIMITS_MESSAGE, &e));
    const struct mp_value *root = mp_root(doc);
    struct str text = {0};
    int64_t n = 0;
    double x = 0;
    bool yes = false;
    assert_int_equal(mp_size(root), 11);
    assert_true(mp_str(mp_get(root, "text"), &text) && str_eq(text, STR("gr\xC3\xBC\xC3\x9F")));
    assert_true(mp_int(mp_get(root, "int"), &n) && n == -70000);
    assert_true(mp_int(mp_get(root, "most"), &n) && n == INT64_MAX);
    assert_true(mp_real(mp_get(root, "real"), &x) && x == 0.1);
    assert_true(mp_real(mp_get(root, "int"), &x) && x == -70000.0);
    assert_true(mp_bool(mp_get(root, "yes"), &yes) && yes);
    assert_true(mp_is_nil(mp_get(root, "nil")));
    assert_true(mp_bin(mp_get(root, "bin"), &text) && str_eq(text, STR("\0\1\2")));
    assert_true(mp_is_array(mp_get(root, "list")));
    assert_true(mp_int(mp_at(mp_get(root, "list"), 39), &n) && n == 39000);
    assert_null(mp_at(mp_get(root, "list"), 40));
}

static void absence_and_other_types_leave_outputs_alone(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 4096);
    sample_put(&b);
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    assert_true(mp_open(&doc, b.data, b.len, &MP_LIMITS_MESSAGE, &e));
    const struct mp_value *root = mp_root(doc), *value = NULL;
    struct str text = STR("before");
    int64_t n = 77;
    double x = 77;
    bool yes = true;
    assert_false(mp_int(mp_get(root, "absent"), &n));
    assert_false(mp_int(mp_get(root, "text"), &n));
    assert_false(mp_int(mp_get(root, "real"), &n));
    assert_false(mp_real(mp_get(root, "text"), &x));
    assert_false(mp_bool(mp_get(root, "int"), &yes));
    assert_false(mp_str(mp_get(root, "bin"), &text));
    assert_false(mp_bin(mp_get(root, "text"), &text));
    assert_false(mp_entry(mp_get(root, "map"), 0, &text, &value)); // the key is a number
    assert_null(mp_get(mp_get(root, "list"), "x"));
    assert_null(mp_at(root, 0));
    assert_null(mp_get(NULL, "x"));
    assert_int_equal(mp_size(NULL), 0);
    assert_true(n == 77 && x == 77 && yes && !value && str_eq(text, STR("before")));
}

static void integers_past_int64_are_not_ints(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    int64_t n = 5;
    double x = 0;
    assert_true(mp_open(&doc, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, &MP_LIMITS_MESSAGE, &e));
    assert_false(mp_int(mp_root(doc), &n));
    assert_true(mp_real(mp_root(doc), &x) && x == 18446744073709551616.0);
}

static void floats_of_both_widths(void **state)
{
    (void)state;
    struct err e = {0};
    double x = 0;
    struct mp_doc *doc = NULL;
    assert_true(mp_open(&doc, "\xca\x3f\xc0\x00\x00", 5, &MP_LIMITS_MESSAGE, &e));
    assert_true(mp_real(mp_root(doc), &x) && x == 1.5);
    mp_close(doc);
    assert_true(mp_open(&doc, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9, &MP_LIMITS_MESSAGE, &e));
    assert_true(mp_real(mp_root(doc), &x) && x == 1.5);
    mp_close(doc);
}

// Each of them makes msgpack-c reserve gigabytes or recurse when it is asked first.
static void hostile_headers_are_refused(void **state)
{
    (void)state;
    assert_false(SCANS("\xdd\x10\x00\x00\x00"));
    assert_false(SCANS("\xdd\xff\xff\xff\xff"));
    assert_false(SCANS("\xdf\x10\x00\x00\x00"));
    assert_false(SCANS("\xdf\xff\xff\xff\xff\xc0\xc0"));
    assert_false(SCANS("\xdb\xff\xff\xff\xff"));
    assert_false(SCANS("\xc6\xff\xff\xff\xff"));
    assert_false(SCANS("\xc9\xff\xff\xff\xff\x01"));
    assert_false(SCANS("\x81\xa1k")); // a map of one entry with a key alone
    assert_false(SCANS("\xc1"));      // never valid
    assert_false(SCANS("\x91\xc1"));
    assert_false(SCANS(""));
    assert_false(SCANS("\xc0\xc0")); // a second value behind the first
    assert_true(SCANS("\xc0"));
    assert_true(SCANS("\x90"));
    assert_true(SCANS("\x80"));
    assert_true(SCANS("\x92\x90\x81\xa1k\xc3"));
    assert_true(SCANS("\xd4\x01z")); // an extension: known length, read by nobody
    assert_true(SCANS("\xc7\x02\x01zz"));
}

static void depth_bombs_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    char bomb[100000];
    memset(bomb, 0x91, sizeof bomb);
    bomb[sizeof bomb - 1] = 0;
    assert_false(mp_scan(bomb, sizeof bomb, &MP_LIMITS_ARTEFACT, &e));
    assert_string_equal(e.message, "MessagePack is nested deeper than 12");
    assert_true(scans(bomb + sizeof bomb - 9, 9)); // 8 arrays around a number
    assert_false(scans(bomb + sizeof bomb - 10, 10));
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 100000);
    mp_put_array(&b, 19999);
    for (int i = 0; i < 19999; i++)
        mp_put_nil(&b);
    assert_true(scans(b.data, b.len));
    buf_clear(&b);
    mp_put_array(&b, 20000);
    for (int i = 0; i < 20000; i++)
        mp_put_nil(&b);
    assert_false(scans(b.data, b.len));
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 4096);
    sample_put(&b);
    assert_true(scans(b.data, b.len));
    for (size_t len = 0; len < b.len; len++)
        assert_false(scans(b.data, len));
}

// Whatever byte is damaged: an error or another valid document, never a read outside (the sanitizer watches).
static void every_damaged_byte_is_survived(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 4096);
    sample_put(&b);
    unsigned opened = 0;
    for (size_t at = 0; at < b.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct mp_doc *doc = NULL;
            b.data[at] = (char)(b.data[at] ^ (1 << bit));
            if (mp_open(&doc, b.data, b.len, &MP_LIMITS_MESSAGE, &e))
                opened++;
            mp_close(doc);
            b.data[at] = (char)(b.data[at] ^ (1 << bit));
        }
    }
    assert_true(opened > 0);
}

static void envelopes_of_other_kind_or_version_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct mp_doc *doc = NULL;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 4096);
    sample_put(&b);
    assert_false(mp_open_envelope(&doc, b.data, b.len, "other", 3, &MP_LIMITS_MESSAGE, &e));
    assert_string_equal(e.message, "kind is \"sample\", not \"other\"");
    assert_false(mp_open_envelope(&doc, b.data, b.len, "sample", 4, &MP_LIMITS_MESSAGE, &e));
    assert_string_equal(e.message, "sample has version 3, this program reads 4");
    assert_int_equal(e.kind, ERR_INTERNAL); // tried again, perhaps by a worker that does
    assert_false(mp_open_envelope(&doc, "\x80", 1, "sample", 3, &MP_LIMITS_MESSAGE, &e));
    assert_int_equal(e.kind, ERR_CODEC);
    assert_null(doc);
}

static void writing_past_the_buffers_maximum_is_told(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 64);
    sample_put(&b);
    assert_false(buf_ok(&b, "result", &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(absence_and_other_types_leave_outputs_alone),
        cmocka_unit_test(integers_past_int64_are_not_ints),
        cmocka_unit_test(floats_of_both_widths),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(depth_bombs_are_refused),
        cmocka_unit_test(too_many_values_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_damaged_byte_is_survived),
        cmocka_unit_test(envelopes_of_other_kind_or_version_are_refused),
        cmocka_unit_test(writing_past_the_buffers_maximum_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
