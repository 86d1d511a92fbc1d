// A set of keys of one or two texts, kept as 128-bit hashes: tells whether a row's key was there before, at 32 bytes a
// key whatever its length.
// THREADS  One owner at a time.
#ifndef BUNDLE_WORKER_STORE_KEY_SET_H
#define BUNDLE_WORKER_STORE_KEY_SET_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

struct key_set_slot {
    uint64_t low, high; // both 0: empty
};

struct key_set {
    struct key_set_slot *slots;
    size_t n, n_slots; // n_slots: 0 or a power of two
};

void key_set_fini(struct key_set *s);                            // a zeroed struct is an empty set
bool key_set_add(struct key_set *s, struct str a, struct str b); // false: it was there already

#endif
