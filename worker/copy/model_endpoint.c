#include "worker/copy/model_endpoint.h"

#include <stdio.h>

#include "common/secret.h"

bool model_endpoint_url(const struct copywriter_settings *s, const char *path, struct buf *out, struct err *e)
{
    struct str base = str_of(s->url);
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    buf_init(out, MODEL_URL_MAX);
    buf_printf(out, STR_FMT "%s", STR_ARG(base), path);
    return buf_ok(out, "copy.url", e);
}

static bool read_key(const struct copywriter_settings *s, char *out, size_t size, struct err *e)
{
    if (!s->key[0])
        return secret_read("copy.key_file", s->key_file, out, size, e);
    int len = snprintf(out, size, "%s", s->key);
    return (size_t)len < size || err_set(e, ERR_CONFIG, "copy.key is longer than %zu bytes", size - 1);
}

bool model_headers_make(struct model_headers *out, const struct copywriter_settings *s, struct err *e)
{
    static const char BEARER[] = "Authorization: Bearer ";
    size_t n = 0, prefix = sizeof BEARER - 1;
    *out = (struct model_headers){.all = {out->authorization}};
    memcpy(out->authorization, BEARER, prefix);
    if (!read_key(s, out->authorization + prefix, sizeof out->authorization - prefix, e)) {
        model_headers_wipe(out);
        return false;
    }
    (void)snprintf(out->organization, sizeof out->organization, "OpenAI-Organization: %s", s->organization);
    (void)snprintf(out->project, sizeof out->project, "OpenAI-Project: %s", s->project);
    if (s->organization[0])
        out->all[++n] = out->organization;
    if (s->project[0])
        out->all[++n] = out->project;
    return true;
}

void model_headers_wipe(struct model_headers *h)
{
    explicit_bzero(h, sizeof *h);
}
