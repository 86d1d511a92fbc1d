#include "common/err.h"

#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

static void set_cuts_long_messages(void **state)
{
    (void)state;
    struct err e;
    assert_false(err_set(&e, ERR_INPUT, "%2000d", 1));
    assert_int_equal(strlen(e.message), ERR_MESSAGE_MAX - 1);
    assert_int_equal(e.kind, ERR_INPUT);
}

static void wrap_puts_what_we_did_in_front(void **state)
{
    (void)state;
    struct err e;
    (void)err_set(&e, ERR_PG, "no such table");
    assert_false(err_wrap(&e, "loading upload %d", 7));
    assert_string_equal(e.message, "loading upload 7: no such table");
    assert_int_equal(e.kind, ERR_PG);
}

static void messages_are_utf8(void **state)
{
    (void)state;
    struct err e;
    (void)err_set(&e, ERR_INPUT, "a\xff\xc3\xa9 \xc3");
    assert_string_equal(e.message, "a?\xc3\xa9 ?");
    (void)err_set(&e, ERR_INPUT, "%*s\xe2\x82\xac", ERR_MESSAGE_MAX - 2, ""); // the euro sign does not fit
    assert_string_equal(e.message + ERR_MESSAGE_MAX - 2, "?");
    (void)err_wrap(&e, "%*s\xc3\xa9", 239, "");
    assert_int_equal(e.message[239], '?');
    assert_int_equal(e.message[240], ':');
}

static void kinds_decide_what_happens_next(void **state)
{
    (void)state;
    struct err e = {.kind = ERR_NOT_FOUND};
    assert_string_equal(err_kind_name(ERR_PG_AWAY), "postgres_away");
    assert_true(err_kind_is_retried(ERR_PG_AWAY));
    assert_false(err_kind_burns_attempt(ERR_PG_AWAY));
    assert_true(err_kind_burns_attempt(ERR_PG));
    assert_false(err_kind_is_retried(ERR_INPUT));
    assert_int_equal(err_exit_code(&e), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_cuts_long_messages),
        cmocka_unit_test(wrap_puts_what_we_did_in_front),
        cmocka_unit_test(messages_are_utf8),
        cmocka_unit_test(kinds_decide_what_happens_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
