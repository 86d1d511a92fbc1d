// Writing JSON into a buf: commas and escaping are its business, nesting is the caller's. (Reading JSON is jansson's;
// writing needs no tree to be built first.)
//
//     struct json_out j = json_out_on(&b);
//     json_out_object(&j); json_out_key_int(&j, "n", 3); json_out_end(&j);
//
// INVARIANTS  1. What comes out parses, if every object/array opened is ended and every key has one value.
//             2. Bytes that are not UTF-8 come out as U+FFFD; control characters as \u00XX.
// FAILURE     The buf's.
#ifndef BUNDLE_COMMON_JSON_OUT_H
#define BUNDLE_COMMON_JSON_OUT_H

#include "common/buf.h"

enum { JSON_OUT_DEPTH_MAX = 32 };

struct json_out {
    struct buf *out;
    unsigned depth;
    bool needs_comma[JSON_OUT_DEPTH_MAX];
    char closer[JSON_OUT_DEPTH_MAX];
    bool has_key;
};

// The escaped form of the first character of a non-empty text, as it stands inside quotes: at most JSON_ESCAPED_MAX
// bytes into `out`; how many is returned, and *consumed is set to the bytes of the text they stand for.
enum { JSON_ESCAPED_MAX = 6 };
size_t json_out_escape(struct str text, char out[JSON_ESCAPED_MAX], size_t *consumed);

struct json_out json_out_on(struct buf *out);
void json_out_object(struct json_out *j);
void json_out_array(struct json_out *j);
void json_out_end(struct json_out *j); // ends the innermost object or array
void json_out_key(struct json_out *j, const char *key);

void json_out_str(struct json_out *j, struct str value);
void json_out_int(struct json_out *j, int64_t value);
void json_out_real(struct json_out *j, double value, int decimals); // not finite: null
void json_out_bool(struct json_out *j, bool value);
void json_out_null(struct json_out *j);
void json_out_raw(struct json_out *j, struct str json);                      // one value, written as it is
void json_out_decimal(struct json_out *j, int64_t value, unsigned decimals); // 1299, 2 -> 12.99: exact, no float

// The usual "key": value pairs.
void json_out_key_str(struct json_out *j, const char *key, struct str value);
void json_out_key_int(struct json_out *j, const char *key, int64_t value);
void json_out_key_real(struct json_out *j, const char *key, double value, int decimals);
void json_out_key_bool(struct json_out *j, const char *key, bool value);

#endif
