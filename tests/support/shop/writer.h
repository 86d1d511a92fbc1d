// A CSV file being written: RFC 4180 quoting, LF; fast enough for ten million rows.
#ifndef BUNDLE_TESTS_SHOP_WRITER_H
#define BUNDLE_TESTS_SHOP_WRITER_H

#include "common/buf.h"

struct writer {
    int fd;
    char path[512];
    struct buf pending;
};

// Creates DIR/NAME, or NAME where dir is "". All of these end the process with a message when the file cannot be
// written.
void writer_open(struct writer *w, const char *dir, const char *name);
void writer_close(struct writer *w);

void writer_raw(struct writer *w, const char *text); // as it stands: separators, headers
void writer_bytes(struct writer *w, const void *bytes, size_t n);
void writer_end_row(struct writer *w);

// Into a buf, so that what is the same for many rows can be kept.
void put_text(struct buf *b, const char *text); // quoted where needed
void put_uint(struct buf *b, uint64_t value);

#endif
