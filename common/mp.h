// MessagePack, behind accessors: the only place that knows msgpack-c. Everything that we put into Redis is an envelope:
// a map whose first entries are "kind" (text) and "v" (version).
//
// READING     mp_open() first scans the bytes (depth, nodes, every declared count against the bytes that are left,
//             exact end), because msgpack-c allocates what a header claims; only then it decodes. Values are views
//             into the document; text and binary are views into the caller's bytes, which must outlive it.
// FAILURE     ERR_CODEC with what is wrong. The accessors return false / NULL on another type or absence and leave the
//             outputs alone.
// THREADS     One owner at a time.
#ifndef BUNDLE_COMMON_MP_H
#define BUNDLE_COMMON_MP_H

#include "common/buf.h"
#include "common/str.h"

struct mp_limits {
    unsigned depth_max;
    size_t nodes_max;
};

extern const struct mp_limits MP_LIMITS_MESSAGE;  // payloads from outside: depth 8, 20,000 nodes
extern const struct mp_limits MP_LIMITS_ARTEFACT; // our own blobs: depth 12, 4 million nodes

struct mp_doc;   // owns decoded nodes
struct mp_value; // a node

bool mp_scan(const void *data, size_t len, const struct mp_limits *limits, struct err *e) MUST_USE;
bool mp_open(struct mp_doc **out, const void *data, size_t len, const struct mp_limits *limits, struct err *e) MUST_USE;
void mp_close(struct mp_doc *doc);   // NULL is fine
void mp_closep(struct mp_doc **doc); // for AUTO
const struct mp_value *mp_root(const struct mp_doc *doc);

// mp_open + check of "kind" and "v": a foreign kind is ERR_CODEC; a foreign version ERR_INTERNAL, which is tried again:
// a worker of that version, of an old or a new release beside this one, may read it.
bool mp_open_envelope(struct mp_doc **out, const void *data, size_t len, const char *kind, int version,
                      const struct mp_limits *limits, struct err *e) MUST_USE;

bool mp_is_map(const struct mp_value *v);
bool mp_is_array(const struct mp_value *v);
bool mp_is_nil(const struct mp_value *v);
size_t mp_size(const struct mp_value *v);                                   // entries of a map or array, else 0
const struct mp_value *mp_at(const struct mp_value *array, size_t i);       // NULL: not an array, or past its end
const struct mp_value *mp_get(const struct mp_value *map, const char *key); // NULL: not a map, or no such key
bool mp_entry(const struct mp_value *map, size_t i, struct str *key, const struct mp_value **value); // text keys only
bool mp_int(const struct mp_value *v, int64_t *out);
bool mp_real(const struct mp_value *v, double *out); // integers too
bool mp_bool(const struct mp_value *v, bool *out);
bool mp_str(const struct mp_value *v, struct str *out);
bool mp_bin(const struct mp_value *v, struct str *out);
// Every NULL-safe: mp_int(mp_get(map, "n"), &n) is false where "n" is absent.

// Writing, into a buf. The caller counts the entries of maps and arrays.
void mp_put_map(struct buf *b, size_t entries);
void mp_put_array(struct buf *b, size_t entries);
void mp_put_str(struct buf *b, struct str value);
void mp_put_key(struct buf *b, const char *key);
void mp_put_int(struct buf *b, int64_t value);
void mp_put_real(struct buf *b, double value);
void mp_put_bool(struct buf *b, bool value);
void mp_put_nil(struct buf *b);
void mp_put_bin(struct buf *b, const void *data, size_t len);
void mp_put_envelope(struct buf *b, const char *kind, int version, size_t more_entries); // map of 2 + more_entries

#endif
