#include "common/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

enum { ALIGNMENT = 16, SMALLEST_BLOCK = 2 << 10, LARGEST_GROWTH = 8 << 20, LARGEST_KEPT = 256 << 10 };

struct arena_block {
    struct arena_block *older;
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

void arena_init(struct arena *a, size_t budget_bytes)
{
    *a = (struct arena){.budget_bytes = budget_bytes};
}

void arena_fini(struct arena *a)
{
    while (a->newest) {
        struct arena_block *older = a->newest->older;
        free(a->newest);
        a->newest = older;
    }
    a->used_bytes = 0;
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = a->newest;
    if (!kept || kept->size > LARGEST_KEPT) {
        arena_fini(a);
        return;
    }
    a->newest = kept->older;
    arena_fini(a);
    memset(kept->bytes, 0, kept->used);
    kept->older = NULL;
    kept->used = 0;
    a->newest = kept;
}

static struct arena_block *block_create(struct arena *a, size_t at_least)
{
    // Doubling keeps the number of blocks logarithmic; the cap keeps a nearly full arena from wasting half of itself.
    size_t size = a->newest ? a->newest->size * 2 : SMALLEST_BLOCK;
    if (size > LARGEST_GROWTH)
        size = LARGEST_GROWTH;
    if (size < at_least)
        size = at_least;
    struct arena_block *block = calloc(1, sizeof *block + size); // calloc: large blocks come zeroed from the kernel
    CHECK(block);
    block->size = size;
    block->older = a->newest;
    a->newest = block;
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    CHECK(size <= SIZE_MAX / 2);
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct arena_block *block = a->newest;
    if (!block || block->size - block->used < rounded)
        block = block_create(a, rounded);
    void *memory = block->bytes + block->used;
    block->used += rounded;
    a->used_bytes += rounded;
    return memory;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    CHECK(!__builtin_mul_overflow(n, size, &bytes));
    return arena_alloc(a, bytes);
}

char *arena_strdup(struct arena *a, const char *text, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

struct str arena_str(struct arena *a, struct str text)
{
    return (struct str){arena_strdup(a, text.ptr, text.len), text.len};
}

bool arena_within(const struct arena *a, const char *what, struct err *e)
{
    if (a->budget_bytes == 0 || a->used_bytes <= a->budget_bytes)
        return true;
    return err_set(e, ERR_LIMIT, "%s needs more than %zu MiB: raise job.memory_mb or split the upload", what,
                   a->budget_bytes >> 20);
}
