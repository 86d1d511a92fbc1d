// The request: one prompt for several bundles, as the body of POST .../chat/completions. Pure.
//
//     messages[0]  system: what to write, how long, in which language, and that all that follows is data
//     messages[1]  user: {"locale": "en", "bundles": [{"id": "b1", ...facts of the first brief}, ...]}
//
// PROMPT_VERSION is part of the cache's key: raise it with any change of the words.
#ifndef BUNDLE_WORKER_COPY_PROMPT_H
#define BUNDLE_WORKER_COPY_PROMPT_H

#include "common/buf.h"
#include "worker/copy/brief.h"

enum { PROMPT_VERSION = 1, PROMPT_BRIEFS_MAX = 50 };

enum prompt_structure { PROMPT_SCHEMA, PROMPT_JSON, PROMPT_PLAIN }; // response_format: json_schema, json_object, none

// Servers differ in what they take; more of it is left out, or said otherwise, as they refuse it (copy_judge.c).
struct prompt_dialect {
    enum prompt_structure structure;
    bool is_completion_tokens; // max_completion_tokens instead of max_tokens
    bool has_temperature;
};

struct prompt {
    struct str model, locale;
    struct prompt_dialect dialect;
    const struct brief *const *briefs;
    size_t n; // 1..PROMPT_BRIEFS_MAX
};
void prompt_body(const struct prompt *p, struct buf *out);
// What it may cost, before anybody has counted: for limits and budgets.
struct prompt_tokens {
    int64_t in, out;
};
struct prompt_tokens prompt_tokens(const struct prompt *p);

#endif
