#include "worker/ctl/term.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static void widths_are_columns_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(term_width(STR("mug")), 3);
    assert_int_equal(term_width(STR("caf\xC3\xA9")), 4);
    assert_int_equal(term_width(STR("cafe\xCC\x81")), 4);             // e + combining acute
    assert_int_equal(term_width(STR("\xE6\x97\xA5\xE6\x9C\xAC")), 4); // two wide characters
    assert_int_equal(term_width(STR("\xF0\x9F\x8E\x81!")), 3);        // a gift
    assert_int_equal(term_width(STR("\xFF\xFE")), 2);                 // two replacement characters
}

static void names_cannot_steer_the_terminal(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1000);
    term_put(&out, STR("a\033[2Jb\nc\xC2\x9B"
                       "d\xE2\x80\xAE"
                       "e"));
    assert_string_equal(out.data, "a [2Jb c d e");
}

static const char *cut(struct buf *out, struct str text, unsigned columns)
{
    buf_clear(out);
    term_put_cut(out, text, columns);
    return out->len ? out->data : "";
}

static void cutting_keeps_characters_whole(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1000);
    assert_string_equal(cut(&out, STR("teapot"), 6), "teapot");
    assert_string_equal(cut(&out, STR("teapot"), 5), "teap\xE2\x80\xA6");
    assert_string_equal(cut(&out, STR("\xE6\x97\xA5\xE6\x9C\xAC"), 3), "\xE6\x97\xA5\xE2\x80\xA6");
    assert_string_equal(cut(&out, STR("\xE6\x97\xA5\xE6\x9C\xAC"), 2), "\xE2\x80\xA6");
    assert_string_equal(cut(&out, STR("teapot"), 0), "");
}

static void padding_fills_exactly(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1000);
    term_put_padded(&out, STR("caf\xC3\xA9"), 6, false);
    term_put_padded(&out,
                    STR("\xC2\xA3"
                        "5"),
                    4, true);
    assert_string_equal(out.data, "caf\xC3\xA9    \xC2\xA3"
                                  "5");
    buf_clear(&out);
    term_put_padded(&out, STR("\xE6\x97\xA5\xE6\x9C\xAC"), 3, false);
    assert_int_equal(term_width(buf_str(&out)), 3);
}

static void wrapping_breaks_at_spaces(void **state)
{
    (void)state;
    struct str rest = STR("Bought together in 87 orders"), line;
    assert_true(term_wrap(&rest, 15, &line));
    assert_true(str_eq(line, STR("Bought together")));
    assert_true(term_wrap(&rest, 15, &line));
    assert_true(str_eq(line, STR("in 87 orders")));
    assert_false(term_wrap(&rest, 15, &line));
    rest = STR("abcdefgh ij"); // a word wider than the line is cut
    assert_true(term_wrap(&rest, 5, &line));
    assert_true(str_eq(line, STR("abcde")));
    assert_true(term_wrap(&rest, 5, &line));
    assert_true(str_eq(line, STR("fgh")));
    rest = STR("\xE6\x97\xA5\xE6\x9C\xAC"); // wider than the line: still one at a time, no endless loop
    assert_true(term_wrap(&rest, 1, &line));
    assert_int_equal(line.len, 3);
}

static void terminals_are_taken_as_they_are(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(setenv("COLUMNS", "72", 1), 0);
    struct term t = term_of(ends[1]);
    assert_int_equal(t.columns, 72);
    assert_false(t.is_tty);
    assert_false(t.has_colour);
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 100);
    term_style_begin(&t, TERM_BOLD, &out);
    term_style_end(&t, &out);
    assert_int_equal(out.len, 0);
    assert_int_equal(setenv("COLUMNS", "3", 1), 0);
    assert_int_equal(term_of(ends[1]).columns, TERM_COLUMNS_MIN);
    assert_int_equal(unsetenv("COLUMNS"), 0);
    assert_int_equal(term_of(ends[1]).columns, TERM_COLUMNS_DEFAULT);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static void counts_have_separators(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 100);
    term_put_count(&out, 0);
    buf_putc(&out, ' ');
    term_put_count(&out, 999);
    buf_putc(&out, ' ');
    term_put_count(&out, 1000);
    buf_putc(&out, ' ');
    term_put_count(&out, 1234050);
    assert_string_equal(out.data, "0 999 1,000 1,234,050");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_are_columns_not_bytes),   cmocka_unit_test(names_cannot_steer_the_terminal),
        cmocka_unit_test(cutting_keeps_characters_whole), cmocka_unit_test(padding_fills_exactly),
        cmocka_unit_test(wrapping_breaks_at_spaces),      cmocka_unit_test(terminals_are_taken_as_they_are),
        cmocka_unit_test(counts_have_separators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
