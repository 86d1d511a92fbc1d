#include "worker/mining/bitset.h"

#include <string.h>

#include "tests/unit/dataset/sample.h"

static uint64_t *bits_random(size_t words, uint64_t *seed)
{
    uint64_t *a = aligned_alloc(BITSET_ALIGNMENT, (words + 8) * sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < words; i++)
        a[i] = (uint64_t)sample_random(seed, UINT32_MAX) << 32 ^ sample_random(seed, UINT32_MAX);
    return a;
}

static uint32_t count_one_by_one(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint32_t n = 0;
    for (size_t bit = 0; bit < words * 64; bit++)
        n += (a[bit / 64] >> bit % 64 & 1) && (b[bit / 64] >> bit % 64 & 1);
    return n;
}

static void every_kernel_counts_the_same(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t words = 0; words <= 80; words += 8) {
        uint64_t *a = bits_random(words, &seed), *b = bits_random(words, &seed);
        uint32_t n = count_one_by_one(a, b, words);
        for (size_t k = 0; k < N_BITSET_KERNELS; k++) {
            if (!BITSET_KERNELS[k].is_supported()) {
                print_message("%s is not supported here\n", BITSET_KERNELS[k].name);
                continue;
            }
            assert_int_equal(BITSET_KERNELS[k].count_and(a, b, words), n);
            assert_int_equal(BITSET_KERNELS[k].count_and(a, a, words), count_one_by_one(a, a, words));
        }
        bitset_and(a, a, b, words);
        assert_int_equal(count_one_by_one(a, a, words), n);
        free(a);
        free(b);
    }
}

static void bitsets_are_whole_blocks(void **state)
{
    (void)state;
    assert_int_equal(bitset_words(0), 0);
    assert_int_equal(bitset_words(1), 8);
    assert_int_equal(bitset_words(512), 8);
    assert_int_equal(bitset_words(513), 16);
    assert_int_equal(bitset_words(UINT32_MAX), (UINT64_C(1) << 32) / 64);
    uint64_t bits[8] = {0};
    bitset_add(bits, 0);
    bitset_add(bits, 63);
    bitset_add(bits, 64);
    assert_true(bits[0] == (UINT64_C(1) << 63 | 1) && bits[1] == 1);
}

static void the_kernel_runs_here(void **state)
{
    (void)state;
    assert_true(bitset_kernel()->is_supported());
    print_message("counting with %s\n", bitset_kernel()->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_counts_the_same),
        cmocka_unit_test(bitsets_are_whole_blocks),
        cmocka_unit_test(the_kernel_runs_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
