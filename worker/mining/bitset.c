#include "worker/mining/bitset.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static bool is_always_supported(void)
{
    return true;
}

static uint32_t count_and_plain(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint32_t n = 0;
    for (size_t i = 0; i < words; i++)
        n += (uint32_t)__builtin_popcountll(a[i] & b[i]);
    return n;
}

#if defined(__x86_64__)
static bool has_popcnt(void)
{
    return __builtin_cpu_supports("popcnt");
}

__attribute__((target("popcnt"))) static uint32_t count_and_popcnt(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint64_t n = 0;
    for (size_t i = 0; i < words; i += 4)
        n += (uint64_t)(__builtin_popcountll(a[i] & b[i]) + __builtin_popcountll(a[i + 1] & b[i + 1]) +
                        __builtin_popcountll(a[i + 2] & b[i + 2]) + __builtin_popcountll(a[i + 3] & b[i + 3]));
    return (uint32_t)n;
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

// Bits of each byte by a table of half bytes, summed by eights (Mula, Kurz, Lemire: Faster population counts using AVX2
// instructions, 2018).
__attribute__((target("avx2"))) static __m256i count_avx2(__m256i bits)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                           2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(0x0f);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(bits, half));
    __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), half));
    return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

__attribute__((target("avx2"))) static uint32_t count_and_avx2(const uint64_t *a, const uint64_t *b, size_t words)
{
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < words; i += 4) {
        __m256i x = _mm256_load_si256((const void *)(a + i)), y = _mm256_load_si256((const void *)(b + i));
        sum = _mm256_add_epi64(sum, count_avx2(_mm256_and_si256(x, y)));
    }
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return (uint32_t)(_mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1));
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq");
}

__attribute__((target("avx512f,avx512vpopcntdq"))) static uint32_t count_and_avx512(const uint64_t *a,
                                                                                    const uint64_t *b, size_t words)
{
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < words; i += 8) {
        __m512i both = _mm512_and_si512(_mm512_load_si512(a + i), _mm512_load_si512(b + i));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(both));
    }
    return (uint32_t)_mm512_reduce_add_epi64(sum);
}
#endif

const struct bitset_kernel BITSET_KERNELS[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, count_and_avx512},
    {"avx2", has_avx2, count_and_avx2},
    {"popcnt", has_popcnt, count_and_popcnt},
#endif
    {"plain", is_always_supported, count_and_plain},
};
const size_t N_BITSET_KERNELS = sizeof BITSET_KERNELS / sizeof BITSET_KERNELS[0];

const struct bitset_kernel *bitset_kernel(void)
{
    const struct bitset_kernel *k = BITSET_KERNELS;
    while (!k->is_supported())
        k++;
    return k;
}

size_t bitset_words(uint32_t n_bits)
{
    return (n_bits + BITSET_BLOCK_BITS - 1) / BITSET_BLOCK_BITS * (BITSET_BLOCK_BITS / 64);
}

void bitset_and(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        out[i] = a[i] & b[i];
}
