#include "common/intern.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/check.h"

enum { FIRST_CAPACITY = 256 };
static const uint32_t EMPTY = UINT32_MAX;

static void slot_fill(struct intern *t, uint32_t at, uint32_t id)
{
    t->slots[at] = (struct intern_slot){id, (uint32_t)(t->hashes[id] >> 32)};
}

static void slots_resize(struct intern *t, uint32_t capacity)
{
    t->capacity = capacity;
    t->hashes = realloc(t->hashes, capacity * sizeof *t->hashes);
    t->texts = realloc(t->texts, capacity * sizeof *t->texts);
    free(t->slots);
    t->slots = malloc((size_t)capacity * 2 * sizeof *t->slots); // half full at most
    CHECK(t->hashes && t->texts && t->slots);
    t->slots_mask = capacity * 2 - 1;
    for (size_t i = 0; i < (size_t)capacity * 2; i++)
        t->slots[i].id = EMPTY;
    for (uint32_t id = 0; id < t->n; id++) {
        uint32_t at = (uint32_t)t->hashes[id] & t->slots_mask;
        while (t->slots[at].id != EMPTY)
            at = (at + 1) & t->slots_mask;
        slot_fill(t, at, id);
    }
}

void intern_init(struct intern *t, struct arena *memory)
{
    *t = (struct intern){.memory = memory};
    slots_resize(t, FIRST_CAPACITY);
}

void intern_fini(struct intern *t)
{
    free(t->slots);
    free(t->hashes);
    free(t->texts);
    *t = (struct intern){0};
}

// The slot that holds `text`, or the empty one where it would go.
static uint32_t slot_of(const struct intern *t, struct str text, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & t->slots_mask;
    while (t->slots[at].id != EMPTY) {
        if (t->slots[at].hash_high == hash >> 32 && str_eq(t->texts[t->slots[at].id], text))
            break;
        at = (at + 1) & t->slots_mask;
    }
    return at;
}

uint32_t intern_add(struct intern *t, struct str text)
{
    uint64_t hash = XXH3_64bits(text.ptr, text.len);
    uint32_t at = slot_of(t, text, hash);
    if (t->slots[at].id != EMPTY)
        return t->slots[at].id;
    if (t->n == t->capacity) {
        CHECK(t->capacity <= UINT32_MAX / 4);
        slots_resize(t, t->capacity * 2);
        at = slot_of(t, text, hash);
    }
    uint32_t id = t->n++;
    t->hashes[id] = hash;
    t->texts[id] = (struct str){arena_strdup(t->memory, text.ptr, text.len), text.len};
    slot_fill(t, at, id);
    return id;
}

int64_t intern_find(const struct intern *t, struct str text)
{
    uint32_t at = slot_of(t, text, XXH3_64bits(text.ptr, text.len));
    return t->slots[at].id == EMPTY ? INTERN_NONE : (int64_t)t->slots[at].id;
}

struct str intern_text(const struct intern *t, uint32_t id)
{
    CHECK(id < t->n);
    return t->texts[id];
}
