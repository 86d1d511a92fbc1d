#include "worker/mining/bitset.h"

#include "tests/unit/dataset/sample.h"

enum { WORDS_MAX = 80 };

static void fill(uint64_t *a, size_t words, uint64_t *seed)
{
    for (size_t i = 0; i < words; i++)
        a[i] = (uint64_t)sample_random(seed, UINT32_MAX) << 33 ^ sample_random(seed, UINT32_MAX);
}

static uint32_t count_one_by_one(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint32_t n = 0;
    for (size_t bit = 0; bit < words * 64; bit++)
        n += (a[bit / 64] >> bit % 64 & 1) && (b[bit / 64] >> bit % 64 & 1);
    return n;
}

static void all_ways_count_the_same(void **state)
{
    (void)state;
    uint64_t a[WORDS_MAX], b[WORDS_MAX], both[WORDS_MAX], seed = 1;
    for (size_t words = 0; words <= WORDS_MAX; words += BITSET_BLOCK_WORDS) {
        fill(a, words, &seed);
        fill(b, words, &seed);
        uint32_t n = count_one_by_one(a, b, words);
        assert_int_equal(bitset_count_and_plain(a, b, words), n);
        assert_int_equal(bitset_count_and()(a, b, words), n);
        assert_int_equal(bitset_count_and()(a, a, words), count_one_by_one(a, a, words));
        bitset_and(both, a, b, words);
        assert_int_equal(count_one_by_one(both, both, words), n);
    }
}

static void bitsets_are_whole_blocks(void **state)
{
    (void)state;
    assert_int_equal(bitset_words(0), 0);
    assert_int_equal(bitset_words(1), 4);
    assert_int_equal(bitset_words(256), 4);
    assert_int_equal(bitset_words(257), 8);
    assert_int_equal(bitset_words(UINT32_MAX), (UINT64_C(1) << 32) / 64);
}

static void bits_are_where_they_belong(void **state)
{
    (void)state;
    uint64_t bits[4] = {0};
    bitset_add(bits, 0);
    bitset_add(bits, 63);
    bitset_add(bits, 64);
    assert_true(bits[0] == (UINT64_C(1) << 63 | 1) && bits[1] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_count_the_same),
        cmocka_unit_test(bitsets_are_whole_blocks),
        cmocka_unit_test(bits_are_where_they_belong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
