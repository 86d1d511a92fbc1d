// Arena: memory that lives and dies together (one task, one dataset). Allocation is a bump; freeing is all at once.
//
// INVARIANTS  1. Every block is 16-byte aligned and zeroed. 2. used_bytes never shrinks before arena_fini() or
// arena_reset(). FAILURE     The budget is soft: allocation always succeeds (out of memory is a CHECK), and the places
// that grow with
//             the input ask arena_within() and report ERR_LIMIT with the name of the limit.
// THREADS     One owner at a time.
#ifndef BUNDLE_COMMON_ARENA_H
#define BUNDLE_COMMON_ARENA_H

#include <stddef.h>

#include "common/err.h"
#include "common/str.h"

struct arena_block;

struct arena {
    struct arena_block *newest;
    size_t used_bytes;
    size_t budget_bytes; // 0: no budget
};

void arena_init(struct arena *a, size_t budget_bytes);
void arena_fini(struct arena *a);
void arena_reset(struct arena *a); // as fini and init, but for a block of moderate size that is kept

void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, alloc_size(2), returns_nonnull));
void *arena_alloc_array(struct arena *a, size_t n, size_t size) __attribute__((malloc, returns_nonnull));
char *arena_strdup(struct arena *a, const char *text, size_t len); // NUL-terminated copy
struct str arena_str(struct arena *a, struct str text);            // likewise

// false and ERR_LIMIT once more than the budget is in use; `what` names who grew.
bool arena_within(const struct arena *a, const char *what, struct err *e) MUST_USE;

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc_array((a), (n), sizeof(type)))

#endif
