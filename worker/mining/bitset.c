#include "worker/mining/bitset.h"

// Inlined into functions that are compiled for different processors. words: a multiple of BITSET_BLOCK_WORDS.
static inline __attribute__((always_inline)) uint32_t count_and(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint32_t n = 0;
    for (size_t i = 0; i < words; i += BITSET_BLOCK_WORDS)
        n += (uint32_t)(__builtin_popcountll(a[i] & b[i]) + __builtin_popcountll(a[i + 1] & b[i + 1]) +
                        __builtin_popcountll(a[i + 2] & b[i + 2]) + __builtin_popcountll(a[i + 3] & b[i + 3]));
    return n;
}

uint32_t bitset_count_and_plain(const uint64_t *a, const uint64_t *b, size_t words)
{
    return count_and(a, b, words);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static uint32_t count_and_popcnt(const uint64_t *a, const uint64_t *b, size_t words)
{
    return count_and(a, b, words);
}
#endif

bitset_count_function bitset_count_and(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("popcnt"))
        return count_and_popcnt;
#endif
    return bitset_count_and_plain; // other processors need not be asked
}

size_t bitset_words(uint32_t n_bits)
{
    size_t words = ((size_t)n_bits + 63) / 64;
    return (words + BITSET_BLOCK_WORDS - 1) / BITSET_BLOCK_WORDS * BITSET_BLOCK_WORDS;
}

void bitset_and(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        out[i] = a[i] & b[i];
}
