// What the model server's "model" writes: decent copy for a bundle from its own facts, in English, German, French or
// Spanish (others: English), the same each time. It is gullible: a product's name that gives orders is obeyed, in the
// copy of every bundle of the request, as the worst model would.
#ifndef BUNDLE_TESTS_CHAT_WRITER_H
#define BUNDLE_TESTS_CHAT_WRITER_H

#include <jansson.h>

#include "common/str.h"

// asked: what stands in the user's message, {"locale", "bundles": [...]}. obeys: further words, up to a NULL. A new
// reference: {"bundles": [{"id", "title", "description", "value_proposition", "features", "benefits"}]}; NULL: that is
// not what was asked.
json_t *writer_answer(const json_t *asked, const char *const *obeys);

// One bundle's copy, in the language of that locale.
json_t *writer_copy(const json_t *facts, const char *locale);

// What that name orders to write, "" for a rant of the model's own; NULL: it gives no orders.
const char *writer_order(const char *name, const char *const *obeys);

#endif
