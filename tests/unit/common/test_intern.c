#include "common/intern.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

static void ids_are_dense_in_order_of_first_sight(void **state)
{
    (void)state;
    struct arena a;
    struct intern t;
    arena_init(&a, 0);
    intern_init(&t, &a);
    assert_int_equal(intern_add(&t, STR("mug")), 0);
    assert_int_equal(intern_add(&t, STR("")), 1);
    assert_int_equal(intern_add(&t, STR("a\0b")), 2);
    assert_int_equal(intern_add(&t, STR("mug")), 0);
    assert_int_equal(intern_find(&t, STR("a\0b")), 2);
    assert_int_equal(intern_find(&t, STR("a")), INTERN_NONE);
    assert_true(str_eq(intern_text(&t, 2), STR("a\0b")));
    intern_fini(&t);
    arena_fini(&a);
}

static struct str name_of(uint32_t i, char text[16])
{
    return (struct str){text, (size_t)snprintf(text, 16, "v%u", i)};
}

static void growing_keeps_ids_and_texts(void **state)
{
    (void)state;
    enum { N = 5000 };
    char text[16];
    struct arena a;
    struct intern t;
    arena_init(&a, 0);
    intern_init(&t, &a);
    (void)intern_add(&t, STR("first"));
    struct str first = intern_text(&t, 0);
    for (uint32_t i = 1; i < N; i++)
        assert_int_equal(intern_add(&t, name_of(i, text)), i);
    for (uint32_t i = 1; i < N; i++)
        assert_int_equal(intern_find(&t, name_of(i, text)), i);
    assert_int_equal(intern_find(&t, name_of(N, text)), INTERN_NONE);
    assert_ptr_equal(intern_text(&t, 0).ptr, first.ptr);
    assert_int_equal(t.n, N);
    intern_fini(&t);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_dense_in_order_of_first_sight),
        cmocka_unit_test(growing_keeps_ids_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
