// Writing JSON into a buf: commas and escaping are its business, nesting is the caller's. (Reading JSON is jansson's;
// writing it by jansson costs more than pricing the bundles that are written.)
//
//     struct json_out j = json_out_on(&b);
//     json_object(&j); json_key_int(&j, "n", 3); json_end(&j);
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

// Short names, where jansson is not seen: it has a json_object() and others of the same names, so the symbols must
// differ. A file that needs both includes <jansson.h> first and writes the long names.
#ifndef JANSSON_H
#define json_object json_out_object
#define json_array json_out_array
#define json_end json_out_end
#define json_key json_out_key
#define json_str json_out_str
#define json_int json_out_int
#define json_real json_out_real
#define json_bool json_out_bool
#define json_null json_out_null
#define json_raw json_out_raw
#define json_decimal json_out_decimal
#define json_key_str json_out_key_str
#define json_key_int json_out_key_int
#define json_key_real json_out_key_real
#define json_key_bool json_out_key_bool
#endif

#endif
