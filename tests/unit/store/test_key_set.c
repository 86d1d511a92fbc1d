#include "worker/store/key_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void tells_keys_apart(void **state)
{
    (void)state;
    struct key_set s = {0};
    assert_true(key_set_add(&s, STR("a"), STR("bc")));
    assert_false(key_set_add(&s, STR("a"), STR("bc")));
    assert_true(key_set_add(&s, STR("ab"), STR("c")));
    assert_true(key_set_add(&s, STR("bc"), STR("a")));
    assert_true(key_set_add(&s, STR(""), STR("")));
    assert_false(key_set_add(&s, STR(""), STR("")));
    assert_int_equal(s.n, 4);
    key_set_fini(&s);
}

static void grows(void **state)
{
    (void)state;
    struct key_set s = {0};
    char text[16];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20000; i++) {
            int len = snprintf(text, sizeof text, "%d", i);
            assert_int_equal(key_set_add(&s, STR("x"), (struct str){text, (size_t)len}), round == 0);
        }
    assert_int_equal(s.n, 20000);
    key_set_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_keys_apart), cmocka_unit_test(grows)};
    return cmocka_run_group_tests_name("key_set", tests, NULL, NULL);
}
