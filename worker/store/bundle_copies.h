// Copy that an upload's final rows have already (ai_copy, written by a language model), by the key of what it was
// written from (copy/brief.h).
#ifndef BUNDLE_WORKER_STORE_BUNDLE_COPIES_H
#define BUNDLE_WORKER_STORE_BUNDLE_COPIES_H

#include "common/arena.h"
#include "common/str.h"
#include "worker/store/pg.h"

// One statement. out[i]: the JSON object for keys[i], without its source; "" where there is none. Keys are hexadecimal.
bool bundle_copies_find(struct pg *pg, struct str csv_upload_id, const char *const *keys, size_t n,
                        struct arena *memory, struct str *out, struct err *e) MUST_USE;

#endif
