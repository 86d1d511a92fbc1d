#include "common/arena.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

static void blocks_are_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t size = 1; size < 3000; size += 7) {
        unsigned char *p = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAB, size); // must not show through in the next block
    }
    arena_fini(&a);
    assert_int_equal(a.used_bytes, 0);
}

static void large_blocks_get_their_own_room(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    char *small = ARENA_NEW(&a, char);
    uint64_t *large = ARENA_ARRAY(&a, uint64_t, 4 << 20);
    large[(4 << 20) - 1] = 7;
    char *next = ARENA_NEW(&a, char);
    assert_ptr_not_equal(small, next);
    assert_int_equal(a.used_bytes, 16 + (4u << 20) * 8 + 16);
    arena_fini(&a);
}

static void what_is_reset_is_zeroed_and_used_again(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (int round = 0; round < 3; round++) {
        const size_t size = round == 1 ? 1 << 20 : 50000; // the larger block is not kept
        (void)ARENA_NEW(&a, char);
        unsigned char *p = arena_alloc(&a, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAB, size);
        arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
    }
    arena_reset(&a); // nothing in it
    unsigned char *kept = arena_alloc(&a, 100);
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 100), kept);
    arena_fini(&a);
    arena_reset(&a); // nothing at all
}

static void budget_is_soft_and_named(void **state)
{
    (void)state;
    struct arena a;
    struct err e = {0};
    arena_init(&a, 1 << 20);
    (void)arena_alloc(&a, 1 << 20);
    assert_true(arena_within(&a, "loading", &e));
    (void)arena_alloc(&a, 1);
    assert_false(arena_within(&a, "loading", &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_non_null(strstr(e.message, "loading needs more than 1 MiB"));
    arena_fini(&a);
}

static void strdup_copies_any_bytes(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    const char *copy = arena_strdup(&a, "a\0b", 3);
    assert_memory_equal(copy, "a\0b", 4);
    assert_string_equal(arena_strdup(&a, NULL, 0), "");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_aligned),
        cmocka_unit_test(large_blocks_get_their_own_room),
        cmocka_unit_test(what_is_reset_is_zeroed_and_used_again),
        cmocka_unit_test(budget_is_soft_and_named),
        cmocka_unit_test(strdup_copies_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
