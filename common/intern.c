#include "common/intern.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/check.h"

enum { FIRST_SLOTS = 256, FIRST_BLOCK = 1 << 10, LARGEST_BLOCK = 64 << 10 };
static const uint32_t EMPTY = UINT32_MAX;

static void slots_create(struct intern *t, size_t n)
{
    free(t->slots);
    t->slots = malloc(n * sizeof *t->slots);
    CHECK(t->slots);
    t->slots_mask = (uint32_t)(n - 1);
    for (size_t i = 0; i < n; i++)
        t->slots[i].id = EMPTY;
}

void intern_init(struct intern *t, struct arena *memory)
{
    *t = (struct intern){.memory = memory, .block_bytes = FIRST_BLOCK};
    slots_create(t, FIRST_SLOTS);
}

void intern_fini(struct intern *t)
{
    free(t->slots);
    free(t->texts);
    *t = (struct intern){0};
}

size_t intern_bytes(const struct intern *t)
{
    return t->slots ? t->n * sizeof *t->texts + ((size_t)t->slots_mask + 1) * sizeof *t->slots : 0;
}

struct str intern_text(const struct intern *t, uint32_t id)
{
    uint32_t len;
    CHECK(id < t->n);
    memcpy(&len, t->texts[id], sizeof len);
    return (struct str){t->texts[id] + sizeof len, len};
}

// The slot that holds `text`, or the empty one where it would go.
static uint32_t slot_of(const struct intern *t, struct str text, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & t->slots_mask;
    while (t->slots[at].id != EMPTY) {
        if (t->slots[at].hash_high == hash >> 32 && str_eq(intern_text(t, t->slots[at].id), text))
            break;
        at = (at + 1) & t->slots_mask;
    }
    return at;
}

// Texts stand in the order of their ids: hashing them again costs less than keeping every hash.
static void slots_grow(struct intern *t)
{
    CHECK(t->slots_mask < UINT32_MAX / 2);
    slots_create(t, ((size_t)t->slots_mask + 1) * 2);
    for (uint32_t id = 0; id < t->n; id++) {
        struct str text = intern_text(t, id);
        uint64_t hash = XXH3_64bits(text.ptr, text.len);
        uint32_t at = (uint32_t)hash & t->slots_mask;
        while (t->slots[at].id != EMPTY)
            at = (at + 1) & t->slots_mask;
        t->slots[at] = (struct intern_slot){id, (uint32_t)(hash >> 32)};
    }
}

static const char *text_keep(struct intern *t, struct str text)
{
    uint32_t len = (uint32_t)text.len;
    size_t bytes = sizeof len + text.len + 1;
    CHECK(text.len < UINT32_MAX);
    if (bytes > t->room_bytes) {
        t->room_bytes = bytes > t->block_bytes ? bytes : t->block_bytes;
        t->room = arena_alloc(t->memory, t->room_bytes);
        t->block_bytes = t->block_bytes < LARGEST_BLOCK ? t->block_bytes * 2 : LARGEST_BLOCK;
    }
    char *kept = t->room;
    memcpy(kept, &len, sizeof len);
    if (len > 0)
        memcpy(kept + sizeof len, text.ptr, len);
    t->room += bytes;
    t->room_bytes -= bytes;
    return kept;
}

uint32_t intern_add(struct intern *t, struct str text)
{
    uint64_t hash = XXH3_64bits(text.ptr, text.len);
    uint32_t at = slot_of(t, text, hash);
    if (t->slots[at].id != EMPTY)
        return t->slots[at].id;
    if (t->n >= t->slots_mask / 4 * 3) { // three quarters full at most
        slots_grow(t);
        at = slot_of(t, text, hash);
    }
    if (t->n == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : FIRST_SLOTS;
        t->texts = reallocarray(t->texts, t->capacity, sizeof *t->texts);
        CHECK(t->texts);
    }
    uint32_t id = t->n++;
    t->texts[id] = text_keep(t, text);
    t->slots[at] = (struct intern_slot){id, (uint32_t)(hash >> 32)};
    return id;
}

int64_t intern_find(const struct intern *t, struct str text)
{
    uint32_t at = slot_of(t, text, XXH3_64bits(text.ptr, text.len));
    return t->slots[at].id == EMPTY ? INTERN_NONE : (int64_t)t->slots[at].id;
}
