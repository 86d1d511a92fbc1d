#include "common/outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_outage_is_said_at_first_and_once_a_minute(void **state)
{
    (void)state;
    struct outage o = {0}, was;
    unsigned said = 0;
    assert_false(outage_over(&o, &was));
    for (int64_t ms = 0; ms < 180000; ms += 100)
        said += outage_note(&o, ERR_REDIS_AWAY, 5000 + ms);
    assert_int_equal(said, 3); // at 0, 60 and 120 s
    assert_true(outage_over(&o, &was));
    assert_int_equal(was.failures, 1800);
    assert_int_equal(was.since_ms, 5000);
    assert_false(outage_over(&o, &was));
    assert_true(outage_note(&o, ERR_REDIS_AWAY, 190000)); // the next one is another
}

static void another_kind_is_said_once_however_they_alternate(void **state)
{
    (void)state;
    struct outage o = {0};
    unsigned said = 0;
    for (int i = 0; i < 100; i++)
        said += outage_note(&o, i % 2 ? ERR_CONFIG : ERR_REDIS_AWAY, i);
    assert_int_equal(said, 2);
}

static void what_another_one_says_is_not_said_aloud(void **state)
{
    (void)state;
    const struct err away = {.kind = ERR_REDIS_AWAY}, wrong = {.kind = ERR_REDIS};
    assert_int_equal(outage_level(&away), LOG_DEBUG);
    assert_int_equal(outage_level(&wrong), LOG_WARN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_is_said_at_first_and_once_a_minute),
        cmocka_unit_test(another_kind_is_said_once_however_they_alternate),
        cmocka_unit_test(what_another_one_says_is_not_said_aloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
