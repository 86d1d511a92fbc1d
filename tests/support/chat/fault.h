// What can go wrong with a language model, by name.
#ifndef BUNDLE_TESTS_CHAT_FAULT_H
#define BUNDLE_TESTS_CHAT_FAULT_H

#include <stdbool.h>
#include <stdio.h>

// X(constant, kind, name, what happens)
#define FAULTS(X)                                                                                                      \
    X(FAULT_STATUS_302, ANSWER, "status_302", "redirects to /stolen")                                                  \
    X(FAULT_STATUS_400, ANSWER, "status_400", "Bad Request")                                                           \
    X(FAULT_STATUS_401, ANSWER, "status_401", "the key is wrong; the message repeats it")                              \
    X(FAULT_STATUS_403, ANSWER, "status_403", "the key may not")                                                       \
    X(FAULT_STATUS_404, ANSWER, "status_404", "no such model")                                                         \
    X(FAULT_STATUS_429, ANSWER, "status_429", "too many requests; see retry_after")                                    \
    X(FAULT_STATUS_500, ANSWER, "status_500", "Internal Server Error")                                                 \
    X(FAULT_STATUS_502, ANSWER, "status_502", "Bad Gateway, as a page of HTML")                                        \
    X(FAULT_STATUS_503, ANSWER, "status_503", "Service Unavailable; see retry_after")                                  \
    X(FAULT_HTML, ANSWER, "html_page", "200, but a page of HTML")                                                      \
    X(FAULT_EMPTY, ANSWER, "empty_body", "200, but nothing in it")                                                     \
    X(FAULT_TIMEOUT, WIRE, "timeout", "never answers")                                                                 \
    X(FAULT_DRIP, WIRE, "drip", "a byte a second")                                                                     \
    X(FAULT_CUT_BODY, WIRE, "cut_body", "half of the body that was announced, then the connection ends")               \
    X(FAULT_GARBAGE, WIRE, "garbage", "no HTTP at all")                                                                \
    X(FAULT_RESET, WIRE, "reset", "the connection is reset")                                                           \
    X(FAULT_TOO_LARGE, WIRE, "too_large", "20 MB, announced")                                                          \
    X(FAULT_TOO_LARGE_CHUNKED, WIRE, "too_large_chunked", "20 MB in chunks, not announced")                            \
    X(FAULT_LENGTH, CONTENT, "finish_length", "the copy is cut off, finish_reason length")                             \
    X(FAULT_PROSE, CONTENT, "prose", "sentences around the JSON")                                                      \
    X(FAULT_FENCE, CONTENT, "fence", "the JSON in a code fence")                                                       \
    X(FAULT_COMMA, CONTENT, "trailing_comma", "commas before closing brackets")                                        \
    X(FAULT_TYPES, CONTENT, "wrong_types", "numbers and objects where texts should be")                                \
    X(FAULT_MISSING_IDS, CONTENT, "missing_ids", "every other bundle is left out")                                     \
    X(FAULT_UNASKED_IDS, CONTENT, "unasked_ids", "ids that nobody asked for")                                          \
    X(FAULT_TWICE_IDS, CONTENT, "twice_ids", "every bundle comes twice, with different copy")                          \
    X(FAULT_NO_CONTENT, CONTENT, "no_content", "content null")                                                         \
    X(FAULT_REFUSAL, CONTENT, "refusal", "I am sorry, I can't help with that")                                         \
    X(FAULT_LONG_TITLE, COPY, "long_title", "a title of 100 characters")                                               \
    X(FAULT_LONG_DESCRIPTION, COPY, "long_description", "a description of 400 characters")                             \
    X(FAULT_MARKUP, COPY, "html", "a <b> and an <img> in the description")                                             \
    X(FAULT_MARKDOWN, COPY, "markdown", "a title in **stars**")                                                        \
    X(FAULT_PRICE, COPY, "foreign_price", "a price that nobody named")                                                 \
    X(FAULT_PERCENT, COPY, "foreign_percent", "a percentage that nobody named")                                        \
    X(FAULT_PRODUCT, COPY, "foreign_product", "the QuantumMop X9000 comes with it")                                    \
    X(FAULT_SWAPPED, COPY, "swapped", "the copy of the next bundle of the request")                                    \
    X(FAULT_LANGUAGE, COPY, "wrong_language", "French; German where French was asked for")                             \
    X(FAULT_EMPTY_FIELDS, COPY, "empty_fields", "an empty title")                                                      \
    X(FAULT_MISSING_FIELD, COPY, "missing_field", "no description")                                                    \
    X(FAULT_CONTROL, COPY, "control_characters", "a bell and an escape sequence in the description")                   \
    X(FAULT_LINK, COPY, "link", "a URL in the value proposition")                                                      \
    X(FAULT_CLAIM, COPY, "claim", "an award that nobody knows of")

#define FAULT_ENUM(constant, ...) constant,
enum fault { FAULTS(FAULT_ENUM) FAULT_COUNT };
// A reply of its own; how it is sent; the model's answer as a whole; what it writes for a bundle.
enum fault_kind { FAULT_OF_ANSWER, FAULT_OF_WIRE, FAULT_OF_CONTENT, FAULT_OF_COPY };

const char *fault_name(enum fault f);
enum fault_kind fault_kind(enum fault f);
bool fault_find(const char *name, enum fault *out);
void fault_list(FILE *out);

#endif
