#include "tests/support/shop/random.h"

#include <stdlib.h>

#include "common/check.h"

uint64_t random_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void random_init(struct random *r, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        r->state[i] = random_mix(seed + i * 0x9e3779b97f4a7c15u);
}

static uint64_t rotate_left(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t random_u64(struct random *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint32_t random_below(struct random *r, uint32_t n)
{
    CHECK(n > 0);
    return (uint32_t)(((random_u64(r) >> 32) * n) >> 32);
}

int64_t random_between(struct random *r, int64_t low, int64_t high)
{
    CHECK(low <= high && high - low < UINT32_MAX);
    return low + (int64_t)random_below(r, (uint32_t)(high - low + 1));
}

double random_unit(struct random *r)
{
    return (double)(random_u64(r) >> 11) * 0x1p-53;
}

bool random_chance(struct random *r, double probability)
{
    return random_unit(r) < probability;
}

void alias_init(struct alias *a, const double *weights, uint32_t n)
{
    double total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += weights[i];
    CHECK(total > 0);
    a->n = n;
    a->keep = calloc(n, sizeof(*a->keep));
    a->other = calloc(n, sizeof(*a->other));
    uint32_t *queue = calloc(n, sizeof(*queue)); // columns under their fair share from the left, over it from the right
    CHECK(a->keep && a->other && queue);
    uint32_t n_small = 0, n_large = 0;
    for (uint32_t i = 0; i < n; i++) {
        a->keep[i] = weights[i] / total * n;
        a->other[i] = i;
        queue[a->keep[i] < 1 ? n_small++ : n - ++n_large] = i;
    }
    while (n_small > 0 && n_large > 0) {
        uint32_t small = queue[--n_small], large = queue[n - n_large];
        a->other[small] = large;
        a->keep[large] -= 1 - a->keep[small];
        if (a->keep[large] < 1) {
            n_large--;
            queue[n_small++] = large;
        }
    }
    free(queue);
}

void alias_fini(struct alias *a)
{
    free(a->keep);
    free(a->other);
}

uint32_t alias_pick(const struct alias *a, struct random *r)
{
    uint32_t column = random_below(r, a->n);
    return random_unit(r) < a->keep[column] ? column : a->other[column];
}
