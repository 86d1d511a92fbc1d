#include "common/buf.h"

#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 100000);
    assert_true(str_eq(buf_str(&b), STR("")));
    for (int i = 0; i < 10000; i++)
        buf_putc(&b, (char)('a' + i % 26));
    assert_int_equal(b.len, 10000);
    assert_int_equal(b.data[9999], 'a' + 9999 % 26);
    assert_int_equal(b.data[10000], '\0');
}

static void maximum_holds_and_is_named(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 5);
    buf_puts(&b, "12345");
    assert_true(buf_ok(&b, "the payload", &e));
    buf_putc(&b, '6');
    buf_put(&b, "", 0); // nothing more is put, not even what would fit
    assert_int_equal(b.len, 5);
    assert_false(buf_ok(&b, "the payload", &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_string_equal(e.message, "the payload is larger than its limit of 5 bytes");
    buf_clear(&b);
    buf_puts(&b, "again");
    assert_true(buf_ok(&b, "the payload", &e));
}

static void overflowing_sizes_are_over_not_wrapped(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, SIZE_MAX / 4);
    buf_putc(&b, 'x');
    assert_null(buf_reserve(&b, SIZE_MAX - 1));
    assert_true(b.is_over);
}

static void printf_of_any_length(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 10000);
    buf_printf(&b, "%d-", 42);
    buf_printf(&b, "%2000d", 7); // longer than the stack buffer
    assert_int_equal(b.len, 2003);
    assert_memory_equal(b.data, "42- ", 4);
    assert_int_equal(b.data[2002], '7');
    buf_printf(&b, "%9000d", 7);
    assert_true(b.is_over);
    assert_int_equal(b.len, 2003);
}

static void take_hands_the_bytes_over(void **state)
{
    (void)state;
    struct buf b;
    size_t len;
    buf_init(&b, 100);
    char *nothing = buf_take(&b, &len);
    assert_string_equal(nothing, "");
    assert_int_equal(len, 0);
    buf_puts(&b, "bytes");
    char *taken = buf_take(&b, &len);
    assert_string_equal(taken, "bytes");
    assert_int_equal(b.len, 0);
    free(nothing);
    free(taken);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(maximum_holds_and_is_named),
        cmocka_unit_test(overflowing_sizes_are_over_not_wrapped),
        cmocka_unit_test(printf_of_any_length),
        cmocka_unit_test(take_hands_the_bytes_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
