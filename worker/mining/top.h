// The largest keys of all that are offered, in a buffer of several times as many: when it is full the best stay. That
// is a few steps for a key, where a heap takes its depth.
//
// THREADS  One owner at a time.
#ifndef BUNDLE_WORKER_MINING_TOP_H
#define BUNDLE_WORKER_MINING_TOP_H

#include <stdint.h>
#include <string.h>

#include "common/arena.h"

struct top {
    uint64_t *keys;
    uint32_t n, max, room;
    uint64_t least; // what is not above it cannot get in any more
};

void top_init(struct top *t, uint32_t max, struct arena *memory);
void top_make_room(struct top *t);
void top_sort(struct top *t); // afterwards n <= max keys, largest first; offer nothing more
void top_clear(struct top *t);

// Of different keys only.
static inline void top_offer(struct top *t, uint64_t key)
{
    if (key <= t->least)
        return;
    t->keys[t->n++] = key;
    if (t->n == t->room)
        top_make_room(t);
}

// Keys in the order of their values (0 or more), equal ones in the order of ids, lower first.
static inline uint64_t top_key(float value, uint32_t id)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint64_t)bits << 32 | (uint32_t)~id;
}

static inline uint32_t top_id(uint64_t key)
{
    return ~(uint32_t)key;
}

static inline float top_value(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
