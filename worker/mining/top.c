#include "worker/mining/top.h"

enum { ROOM = 4, FEW = 16 };

void top_init(struct top *t, uint32_t max, struct arena *memory)
{
    *t = (struct top){.max = max, .room = max * ROOM};
    t->keys = ARENA_ARRAY(memory, uint64_t, t->room);
    top_clear(t);
}

void top_clear(struct top *t)
{
    t->n = 0;
    t->least = t->max > 0 ? 0 : UINT64_MAX;
}

// Larger keys than the middle one come to stand before it; where it stands then. Without a branch on the keys.
static uint32_t split(uint64_t *keys, uint32_t n)
{
    uint64_t pivot = keys[n / 2];
    uint32_t at = 0;
    keys[n / 2] = keys[n - 1];
    for (uint32_t i = 0; i + 1 < n; i++) {
        uint64_t key = keys[i];
        keys[i] = keys[at];
        keys[at] = key;
        at += key > pivot;
    }
    keys[n - 1] = keys[at];
    keys[at] = pivot;
    return at;
}

// Hoare's selection: afterwards the t->max largest keys stand first.
static void select_largest(struct top *t)
{
    uint32_t low = 0, high = t->n;
    while (high - low > 1) {
        uint32_t at = low + split(t->keys + low, high - low);
        if (at >= t->max)
            high = at;
        else
            low = at + 1;
    }
    t->n = t->max;
}

void top_make_room(struct top *t)
{
    select_largest(t);
    t->least = t->keys[0];
    for (uint32_t i = 1; i < t->n; i++)
        t->least = t->keys[i] < t->least ? t->keys[i] : t->least;
}

static void insertion_sort(uint64_t *keys, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        uint32_t at = i;
        for (; at > 0 && keys[at - 1] < key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

static void sort(uint64_t *keys, uint32_t n)
{
    while (n > FEW) {
        uint32_t at = split(keys, n);
        sort(keys, at);
        keys += at + 1;
        n -= at + 1;
    }
    insertion_sort(keys, n);
}

void top_sort(struct top *t)
{
    if (t->n > t->max)
        select_largest(t);
    sort(t->keys, t->n);
}
