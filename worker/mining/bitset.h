// Bitsets in blocks of 512 bits, and how many bits two of them share: what counting itemsets comes down to. The kernel
// is chosen at run time by what the processor has; all give the same counts.
//
// INVARIANTS  Bits past the end of what a bitset stands for are 0.
// THREADS     Pure.
#ifndef BUNDLE_WORKER_MINING_BITSET_H
#define BUNDLE_WORKER_MINING_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BITSET_ALIGNMENT = 64 }; // bytes, of every bitset
#define BITSET_BLOCK_BITS UINT64_C(512)

struct bitset_kernel {
    const char *name;
    bool (*is_supported)(void); // by this processor
    uint32_t (*count_and)(const uint64_t *a, const uint64_t *b, size_t words);
};

extern const struct bitset_kernel BITSET_KERNELS[]; // fastest first; the last is plain C
extern const size_t N_BITSET_KERNELS;
const struct bitset_kernel *bitset_kernel(void); // the fastest that runs here

size_t bitset_words(uint32_t n_bits); // a multiple of a block
void bitset_and(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t words);

static inline void bitset_add(uint64_t *a, uint32_t bit)
{
    a[bit / 64] |= UINT64_C(1) << bit % 64;
}

#endif
