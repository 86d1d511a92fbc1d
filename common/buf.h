// A growable byte buffer that names its maximum at birth.
//
// INVARIANTS  1. data[len] is '\0' once anything was put. 2. len <= max_bytes. 3. After an overflow nothing is put.
// FAILURE     Putting past the maximum sets is_over; the one who uses the content asks buf_ok().
// THREADS     One owner at a time.
#ifndef BUNDLE_COMMON_BUF_H
#define BUNDLE_COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

struct buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max_bytes;
    bool is_over;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b); // empty, keeps its memory

void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *buf_reserve(struct buf *b, size_t len); // room for len bytes at the end, NULL when over; commit with b->len += n

bool buf_ok(const struct buf *b, const char *what, struct err *e) MUST_USE; // ERR_LIMIT naming `what` when over
char *buf_take(struct buf *b, size_t *len); // the caller owns (free) the bytes now; the buffer is empty; never NULL
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->data ? b->data : "", b->len};
}

#endif
