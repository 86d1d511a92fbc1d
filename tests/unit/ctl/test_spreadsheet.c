#include "worker/ctl/spreadsheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static const char *cell(struct buf *out, struct str text)
{
    buf_clear(out);
    spreadsheet_put_cell(out, text);
    return out->len ? out->data : "";
}

static void cells_are_quoted_where_needed(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1000);
    assert_string_equal(cell(&out, STR("Blue Mug")), "Blue Mug");
    assert_string_equal(cell(&out, STR("")), "");
    assert_string_equal(cell(&out, STR("a,b")), "\"a,b\"");
    assert_string_equal(cell(&out, STR("12\" plate")), "\"12\"\" plate\"");
    assert_string_equal(cell(&out, STR("two\nlines")), "\"two\nlines\"");
}

static void formulas_become_text(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1000);
    assert_string_equal(cell(&out, STR("=HYPERLINK(\"x\")")), "\"'=HYPERLINK(\"\"x\"\")\"");
    assert_string_equal(cell(&out, STR("+1")), "\"'+1\"");
    assert_string_equal(cell(&out, STR("@cmd")), "\"'@cmd\"");
    assert_string_equal(cell(&out, STR("1=1")), "1=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_quoted_where_needed),
        cmocka_unit_test(formulas_become_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
