// Bitsets, and how many bits two of them share: what counting itemsets comes down to. Of plain C and the processor's
// instruction for it, the faster one that is there is chosen at run time; wider ones (AVX2, AVX-512) gain nothing at
// the few hundred bits that the search compares.
//
// INVARIANTS  Bits past the end of what a bitset stands for are 0.
// THREADS     Pure.
#ifndef BUNDLE_WORKER_MINING_BITSET_H
#define BUNDLE_WORKER_MINING_BITSET_H

#include <stddef.h>
#include <stdint.h>

enum { BITSET_BLOCK_WORDS = 4 };

typedef uint32_t (*bitset_count_function)(const uint64_t *a, const uint64_t *b, size_t words); // bits that both have
uint32_t bitset_count_and_plain(const uint64_t *a, const uint64_t *b, size_t words);
bitset_count_function bitset_count_and(void); // the fastest that runs here

size_t bitset_words(uint32_t n_bits); // a multiple of BITSET_BLOCK_WORDS
void bitset_and(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t words);

static inline void bitset_add(uint64_t *a, uint32_t bit)
{
    a[bit / 64] |= UINT64_C(1) << bit % 64;
}

#endif
