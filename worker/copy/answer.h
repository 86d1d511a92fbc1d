// What a model answered: the copy in it, however it is wrapped. Reads the API's envelope (choices[0].message.content,
// usage), then the content: JSON as asked, or in a code fence, between sentences, with comments or trailing commas, as
// a bare array, by id; of an answer that was cut off, the bundles that are whole. Trusts nothing. Pure.
#ifndef BUNDLE_WORKER_COPY_ANSWER_H
#define BUNDLE_WORKER_COPY_ANSWER_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "worker/copy/copy_text.h"

struct answer {
    const struct copy_text **copies; // n entries, by the request's order ("b1" is the first); NULL: none came, or two
    size_t n, n_found;
    int64_t tokens_in, tokens_out; // -1: not said
    bool is_cut;                   // finish_reason "length"
};

// n: how many were asked for. ERR_CODEC: there is no content in it, and why. Content without any copy in it is an
// answer (it has been paid for): n_found is 0 then. So has been what has no content: false sets tokens_* and is_cut
// too, and nothing else.
bool answer_read(struct str body, size_t n, struct arena *memory, struct answer *out, struct err *e) MUST_USE;

// The error that the API put into a body of status 4xx or 5xx ({"error": {"message", "type", "code"}}), one line, cut
// to `size`; "" where there is none. May hold what the server was told (a key, even): for decisions, never for logs.
void answer_error(struct str body, char *out, size_t size);

#endif
