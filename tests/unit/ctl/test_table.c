#include "worker/ctl/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static const struct table_column COLUMNS[] = {
    {"Name", false, 4}, {"Tasks", true, 0}, {"Reason", false, 6}, {NULL, false, 0}};

static struct table *two_rows(void)
{
    struct table *t = table_create(COLUMNS);
    table_text(t, STR("a"));
    table_int(t, 1234567);
    table_text(t, STR("short"));
    table_text(t, STR("a long name"));
    table_int(t, -5);
    table_text(t, STR("somebody's\033[31m reason"));
    return t;
}

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
    (void)state;
    const struct term plain = {.columns = 20}; // nobody's terminal: nothing is cut
    AUTO(table_destroyp) struct table *t = two_rows();
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 4096);
    table_print(t, &plain, 2, &out);
    assert_string_equal(out.data, "  Name             Tasks  Reason\n"
                                  "  a            1,234,567  short\n"
                                  "  a long name         -5  somebody's [31m reason\n");
}

static void a_narrow_terminal_cuts_what_may_be_cut(void **state)
{
    (void)state;
    const struct term narrow = {.is_tty = true, .columns = 26};
    AUTO(table_destroyp) struct table *t = two_rows();
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 4096);
    table_print(t, &narrow, 0, &out);
    for (struct str rest = buf_str(&out); rest.len;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        assert_non_null(end);
        assert_true(term_width((struct str){rest.ptr, (size_t)(end - rest.ptr)}) <= 26);
        rest = (struct str){end + 1, rest.len - (size_t)(end - rest.ptr) - 1};
    }
    assert_non_null(strstr(out.data, "1,234,567")); // a number never
}

static void styles_are_for_colour_only(void **state)
{
    (void)state;
    const struct term plain = {.columns = 80}, colour = {.columns = 80, .is_tty = true, .has_colour = true};
    AUTO(table_destroyp) struct table *t = table_create(COLUMNS);
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 4096);
    table_text(t, STR("x"));
    table_style(t, TERM_RED);
    table_int(t, 0);
    table_text(t, STR(""));
    table_print(t, &plain, 0, &out);
    assert_null(strchr(out.data, '\033'));
    buf_clear(&out);
    table_print(t, &colour, 0, &out);
    assert_non_null(strstr(out.data, "\033[31mx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
        cmocka_unit_test(a_narrow_terminal_cuts_what_may_be_cut),
        cmocka_unit_test(styles_are_for_colour_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
