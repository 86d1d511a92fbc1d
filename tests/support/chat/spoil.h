// How a model's answer goes wrong: the faults of kinds FAULT_OF_COPY and FAULT_OF_CONTENT.
#ifndef BUNDLE_TESTS_CHAT_SPOIL_H
#define BUNDLE_TESTS_CHAT_SPOIL_H

#include <jansson.h>

#include "tests/support/chat/fault.h"

// Copy of all bundles, or of those in whose facts the text `mentions` occurs (NULL: all), is spoilt.
void spoil_copies(enum fault f, json_t *answer, const json_t *asked, const char *mentions);

// The message's content as the model would send it; the caller frees it. NULL: it is null.
char *spoil_content(enum fault f, json_t *answer); // FAULT_COUNT: as it should be

#endif
