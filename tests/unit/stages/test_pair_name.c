#include "worker/stages/stages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/check.h"

static void every_pair_has_a_name_and_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BUNDLE_PAIRS_MAX; i++) {
        AUTO(buf_fini) struct buf name;
        enum objective o;
        enum bundle_type t;
        buf_init(&name, QUEUE_TASK_MAX);
        stages_pair_name((enum objective)(i / TYPE_COUNT), (enum bundle_type)(i % TYPE_COUNT), &name);
        assert_true(stages_pair_of_name(buf_str(&name), &o, &t));
        assert_int_equal(o, i / TYPE_COUNT);
        assert_int_equal(t, i % TYPE_COUNT);
    }
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "", ".", "increase_aov", "increase_aov.", ".FBT", "increase_aov.fbt", "x.FBT", "increase_aov.FBT.FBT"};
    enum objective o;
    enum bundle_type t;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        assert_false(stages_pair_of_name(str_of(NAMES[i]), &o, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_has_a_name_and_back),
        cmocka_unit_test(other_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
