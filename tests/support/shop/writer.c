#include "tests/support/shop/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLUSH_BYTES = 1 << 18, PENDING_MAX = 1 << 20 };

static _Noreturn void writer_die(const struct writer *w)
{
    fprintf(stderr, "generate_shop: %s: %s\n", w->path, strerror(errno));
    exit(6);
}

void writer_open(struct writer *w, const char *dir, const char *name)
{
    snprintf(w->path, sizeof(w->path), "%s%s%s", dir, *dir ? "/" : "", name);
    w->fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (w->fd < 0)
        writer_die(w);
    buf_init(&w->pending, PENDING_MAX);
}

static void writer_flush(struct writer *w)
{
    for (size_t at = 0; at < w->pending.len;) {
        ssize_t n = write(w->fd, w->pending.data + at, w->pending.len - at);
        if (n < 0)
            writer_die(w);
        at += (size_t)n;
    }
    buf_clear(&w->pending);
}

void writer_close(struct writer *w)
{
    writer_flush(w);
    if (close(w->fd) != 0)
        writer_die(w);
    buf_fini(&w->pending);
}

void writer_raw(struct writer *w, const char *text)
{
    buf_puts(&w->pending, text);
}

void writer_bytes(struct writer *w, const void *bytes, size_t n)
{
    buf_put(&w->pending, bytes, n);
}

void writer_end_row(struct writer *w)
{
    buf_putc(&w->pending, '\n');
    if (w->pending.len >= FLUSH_BYTES)
        writer_flush(w);
}

void put_text(struct buf *b, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        buf_puts(b, text);
        return;
    }
    buf_putc(b, '"');
    for (; *text; text++) {
        if (*text == '"')
            buf_putc(b, '"');
        buf_putc(b, *text);
    }
    buf_putc(b, '"');
}

void put_uint(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    buf_put(b, digits + at, sizeof(digits) - at);
}
