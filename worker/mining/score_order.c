#include "worker/mining/score_order.h"

#include <stdlib.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 3, N_DIGIT_VALUES = 1 << DIGIT_BITS };

struct keyed {
    uint32_t key, place;
};

// Ascends where the float descends: the bits of floats of one sign are ordered like the floats' sizes.
static uint32_t key_of(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? bits : ~bits & 0x7fffffff;
}

static void sort_by_digit(const struct keyed *from, struct keyed *to, uint32_t n, unsigned shift)
{
    uint32_t at[N_DIGIT_VALUES] = {0}, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        at[from[i].key >> shift & (N_DIGIT_VALUES - 1)]++;
    for (uint32_t value = 0; value < N_DIGIT_VALUES; value++) {
        uint32_t count = at[value];
        at[value] = sum;
        sum += count;
    }
    for (uint32_t i = 0; i < n; i++)
        to[at[from[i].key >> shift & (N_DIGIT_VALUES - 1)]++] = from[i];
}

// Radix sort, least significant digit first.
uint32_t *score_order(const float *scores, uint32_t n, struct arena *memory)
{
    struct keyed *from = ARENA_ARRAY(memory, struct keyed, n), *to = ARENA_ARRAY(memory, struct keyed, n);
    uint32_t *order = ARENA_ARRAY(memory, uint32_t, n);
    for (uint32_t i = 0; i < n; i++)
        from[i] = (struct keyed){key_of(scores[i]), i};
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        struct keyed *sorted = to;
        sort_by_digit(from, to, n, digit * DIGIT_BITS);
        to = from;
        from = sorted;
    }
    for (uint32_t i = 0; i < n; i++)
        order[i] = from[i].place;
    return order;
}

void score_sort(void *things, const float *scores, uint32_t n, size_t size,
                int (*compare_equal)(const void *left, const void *right))
{
    struct arena memory;
    if (n == 0)
        return;
    arena_init(&memory, 0);
    const uint32_t *order = score_order(scores, n, &memory);
    char *to = things, *from = arena_alloc_array(&memory, n, size);
    memcpy(from, things, n * size);
    for (uint32_t i = 0; i < n; i++)
        memcpy(to + i * size, from + order[i] * size, size);
    for (uint32_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && scores[order[end]] == scores[order[first]];)
            end++;
        if (end - first > 1)
            qsort(to + first * size, end - first, size, compare_equal);
    }
    arena_fini(&memory);
}
