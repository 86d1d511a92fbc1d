#include "worker/store/key_set.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/check.h"

enum { FIRST_SLOTS = 1024 };

void key_set_fini(struct key_set *s)
{
    free(s->slots);
    *s = (struct key_set){0};
}

// The slot that holds the key, or the empty one where it goes.
static struct key_set_slot *slot_of(const struct key_set *s, struct key_set_slot key)
{
    size_t at = (size_t)key.low & (s->n_slots - 1);
    while (s->slots[at].low | s->slots[at].high) {
        if (s->slots[at].low == key.low && s->slots[at].high == key.high)
            break;
        at = (at + 1) & (s->n_slots - 1);
    }
    return &s->slots[at];
}

static void grow(struct key_set *s)
{
    struct key_set old = *s;
    s->n_slots = old.n_slots ? old.n_slots * 2 : FIRST_SLOTS;
    s->slots = calloc(s->n_slots, sizeof *s->slots);
    CHECK(s->slots);
    for (size_t i = 0; i < old.n_slots; i++)
        if (old.slots[i].low | old.slots[i].high)
            *slot_of(s, old.slots[i]) = old.slots[i];
    free(old.slots);
}

// The second text's hash is seeded with the first one's, so that ("ab", "c") is not ("a", "bc").
static struct key_set_slot key_of(struct str a, struct str b)
{
    XXH128_hash_t first = XXH3_128bits(a.ptr, a.len);
    XXH128_hash_t both = XXH3_128bits_withSeed(b.ptr, b.len, first.low64);
    struct key_set_slot key = {both.low64 ^ first.high64, both.high64 + first.low64};
    if (!(key.low | key.high))
        key.low = 1;
    return key;
}

bool key_set_add(struct key_set *s, struct str a, struct str b)
{
    if (s->n * 3 >= s->n_slots * 2)
        grow(s);
    struct key_set_slot key = key_of(a, b);
    struct key_set_slot *slot = slot_of(s, key);
    if (slot->low | slot->high)
        return false;
    *slot = key;
    s->n++;
    return true;
}
