// PostgreSQL's binary COPY format, both ways, as pure functions on bytes: nothing here knows a connection.
//
//     header    "PGCOPY\n\377\r\n\0", int32 flags, int32 length of an extension
//     row       int16 number of fields; per field int32 length (-1: NULL) and that many bytes; big-endian
//     trailer   int16 -1
//
// READING  trusts nothing: every length is held against the bytes that are there, and a message may end anywhere.
// FAILURE  ERR_CODEC.
#ifndef BUNDLE_WORKER_STORE_PGBIN_H
#define BUNDLE_WORKER_STORE_PGBIN_H

#include <stdint.h>

#include "common/buf.h"

enum { PGBIN_FIELDS_MAX = 24, PGBIN_ROW_BYTES_MAX = 16 << 20, PGBIN_UUID_BYTES = 16 };

void pgbin_put_header(struct buf *b);
void pgbin_put_trailer(struct buf *b);
void pgbin_put_row(struct buf *b, unsigned n_fields); // its fields follow
void pgbin_put_null(struct buf *b);
void pgbin_put_text(struct buf *b, struct str text);     // empty: NULL
void pgbin_put_key_text(struct buf *b, struct str text); // empty: ''
void pgbin_put_uuid(struct buf *b, const uint8_t uuid[PGBIN_UUID_BYTES]);
void pgbin_put_bool(struct buf *b, bool value);
void pgbin_put_int64(struct buf *b, int64_t value); // COUNT_UNKNOWN: NULL
void pgbin_put_date(struct buf *b, int64_t unix_s); // timestamptz; DATE_UNKNOWN: NULL
void pgbin_put_amount(struct buf *b, int64_t e4);   // numeric; AMOUNT_UNKNOWN: NULL

struct pgbin_field {
    const uint8_t *ptr;
    int32_t len; // -1: NULL
};

// NULL gives empty or unknown.
struct str pgbin_text(struct pgbin_field f);
bool pgbin_bool(struct pgbin_field f, bool *out, struct err *e) MUST_USE;
bool pgbin_int64(struct pgbin_field f, int64_t *out, struct err *e) MUST_USE;
bool pgbin_date(struct pgbin_field f, int64_t *unix_s, struct err *e) MUST_USE; // infinity: unknown
// Rounded half away from zero beyond 4 decimals. NaN, infinity and what does not fit: unknown.
bool pgbin_amount(struct pgbin_field f, int64_t *e4, struct err *e) MUST_USE;

// The stream of one COPY: fed message by message, gives row by row. Fields are views, valid during on_row.
struct pgbin_reader {
    unsigned n_fields; // of every row
    bool (*on_row)(void *context, const struct pgbin_field *fields, struct err *e);
    void *context;
    bool has_header, has_ended;
    struct buf carry; // the beginning of a row whose end has not come yet
};

void pgbin_reader_init(struct pgbin_reader *r, unsigned n_fields,
                       bool (*on_row)(void *, const struct pgbin_field *, struct err *), void *context);
void pgbin_reader_fini(struct pgbin_reader *r);
bool pgbin_reader_feed(struct pgbin_reader *r, const void *data, size_t len, struct err *e) MUST_USE;
bool pgbin_reader_end(const struct pgbin_reader *r,
                      struct err *e) MUST_USE; // the trailer was there, and nothing after it

#endif
