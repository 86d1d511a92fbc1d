// The copy of one bundle, and as it is kept: JSON for the bundle's row, MessagePack for the cache. Pure.
// THREADS   Values; texts are views.
#ifndef BUNDLE_WORKER_COPY_COPY_TEXT_H
#define BUNDLE_WORKER_COPY_COPY_TEXT_H

#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"

enum { COPY_LINES_MAX = 8 };

struct copy_text { // as it came: not checked yet (check.h); a field that is missing is ""
    struct str title, description, value_proposition;
    struct str features[COPY_LINES_MAX], benefits[COPY_LINES_MAX];
    unsigned n_features, n_benefits;
    bool is_malformed; // a field of another type, or too many of them
};

// JSON without its end: {"title": ..., "benefits": [...]   (what follows, and the end, is the caller's: source, model
// ...)
struct json_out;
void copy_text_json(const struct copy_text *copy, struct json_out *j);

// "copy" v1, the value of Q:copy:<key>.
void copy_text_encode(const struct copy_text *copy, struct buf *out);
// Views into `bytes`; false: that is none. Not checked: bytes from Redis are as good as a model's.
bool copy_text_decode(struct copy_text *out, struct str bytes) MUST_USE;

#endif
