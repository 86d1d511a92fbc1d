// The chat completions API as servers have it: what a request must look like, and what answers look like.
#ifndef BUNDLE_TESTS_CHAT_API_H
#define BUNDLE_TESTS_CHAT_API_H

#include <jansson.h>

#include "common/err.h"

enum api_structured { API_NONE, API_JSON, API_SCHEMA }; // the best response_format that the server knows

struct api_dialect {
    enum api_structured knows;
    bool refuses_max_tokens;  // wants max_completion_tokens
    bool refuses_temperature; // takes none but the default, 1
};

struct api_request {             // views into the request
    const char *model, *content; // of the last message
    const json_t *messages;
    int64_t max_tokens; // INT64_MAX: not said
};
bool api_read(const json_t *body, const struct api_dialect *d, struct api_request *out, struct err *e) MUST_USE;

struct api_usage {
    int64_t tokens_in, tokens_out;
};
int64_t api_tokens(const char *text); // about four bytes each
struct api_usage api_usage(const struct api_request *r, const char *content);

// content NULL: null. Longer than the request allows: cut off, as finish_reason says. The caller frees them.
char *api_completion(const struct api_request *r, const char *content, bool is_cut, const struct api_usage *usage);
char *api_error(const char *message, const char *type, const char *code);
char *api_models(void);

#endif
