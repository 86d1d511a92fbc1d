// Interning: texts (any bytes) to dense ids 0..n-1 in the order of first sight. Open addressing over XXH3, because an
// upload of ten million lines asks it thirty million times; 20 to 30 bytes for a text besides its own, because it may
// hold millions.
//
// INVARIANTS  1. Same bytes, same id. 2. intern_text(id) stays valid until intern_fini().
// THREADS     One owner at a time; read-only lookups may be shared once nothing is added.
#ifndef BUNDLE_COMMON_INTERN_H
#define BUNDLE_COMMON_INTERN_H

#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

enum { INTERN_NONE = -1 };

// The upper half of the hash beside the id: a probe that meets another text is over without touching that text.
struct intern_slot {
    uint32_t id;
    uint32_t hash_high;
};

struct intern {
    struct arena *memory; // not owned
    struct intern_slot *slots;
    const char **texts; // each behind its length, one after the other in blocks of `memory`
    char *room;         // of the block at hand
    size_t room_bytes, block_bytes;
    uint32_t n;
    uint32_t capacity;
    uint32_t slots_mask;
};

void intern_init(struct intern *t, struct arena *memory);     // texts are copied into `memory`
void intern_fini(struct intern *t);                           // frees the tables, not the texts; again is fine
uint32_t intern_add(struct intern *t, struct str text);       // its id, new or known
int64_t intern_find(const struct intern *t, struct str text); // its id, or INTERN_NONE
struct str intern_text(const struct intern *t, uint32_t id);  // NUL-terminated
size_t intern_bytes(const struct intern *t);                  // of the tables in use, without the texts

#endif
