#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max_bytes = max_bytes};
}

void buf_fini(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->capacity = 0;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->is_over = false;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (b->is_over || len > b->max_bytes || b->len > b->max_bytes - len) {
        b->is_over = true;
        return NULL;
    }
    if (b->capacity < b->len + len + 1) {
        size_t capacity = b->capacity ? b->capacity * 2 : 256;
        if (capacity < b->len + len + 1)
            capacity = b->len + len + 1;
        b->data = realloc(b->data, capacity);
        CHECK(b->data);
        b->capacity = capacity;
    }
    return b->data + b->len;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    char *room = buf_reserve(b, len);
    if (!room)
        return;
    if (len)
        memcpy(room, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
    buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char small[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    CHECK(len >= 0);
    if ((size_t)len < sizeof small) {
        buf_put(b, small, (size_t)len);
        return;
    }
    char *room = buf_reserve(b, (size_t)len);
    if (!room)
        return;
    va_start(args, fmt);
    (void)vsnprintf(room, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

bool buf_ok(const struct buf *b, const char *what, struct err *e)
{
    if (!b->is_over)
        return true;
    return err_set(e, ERR_LIMIT, "%s is larger than its limit of %zu bytes", what, b->max_bytes);
}

char *buf_take(struct buf *b, size_t *len)
{
    if (!b->data)
        buf_put(b, "", 0);
    char *data = b->data;
    *len = b->len;
    b->data = NULL;
    b->len = b->capacity = 0;
    return data;
}
