// Where the language model is, and who asks: URLs below copy.url, and the headers with key, organisation and project.
//
// FAILURE  ERR_CONFIG: the key's file cannot be read, or the key is too long; the key is not in it.
// SECRETS  The key is in memory from headers to wipe.
#ifndef BUNDLE_WORKER_COPY_MODEL_ENDPOINT_H
#define BUNDLE_WORKER_COPY_MODEL_ENDPOINT_H

#include "common/buf.h"
#include "worker/copy/copywriter.h"

enum { MODEL_KEY_MAX = 4096, MODEL_NAME_MAX = 1100, MODEL_URL_MAX = 2048 };

bool model_endpoint_url(const struct copywriter_settings *s, const char *path, struct buf *out, struct err *e) MUST_USE;

struct model_headers {
    char authorization[MODEL_KEY_MAX], organization[MODEL_NAME_MAX], project[MODEL_NAME_MAX];
    const char *all[4]; // up to a NULL, as http_send wants them
};
bool model_headers_make(struct model_headers *out, const struct copywriter_settings *s, struct err *e) MUST_USE;
void model_headers_wipe(struct model_headers *h);

#endif
