#include <jansson.h>

#include "common/check.h"
#include "worker/copy/http_once.h"
#include "worker/copy/model_endpoint.h"
#include "worker/ctl/doctor.h"
#include "worker/stages/stages.h"

enum { WAIT_MAX_MS = 10000, LIST_BYTES_MAX = 8 << 20, NAMES_SHOWN = 8 };

static struct copywriter_settings settings_of(const struct settings *s)
{
    struct copywriter_settings out;
    stages_copy_settings(s, &out);
    out.http.in_flight_max = 1;
    if (out.http.timeout_ms > WAIT_MAX_MS)
        out.http.timeout_ms = WAIT_MAX_MS;
    out.http.response_max = LIST_BYTES_MAX;
    out.http.user_agent = "bundlectl";
    return out;
}

// ---- the list of models ----

// false: it is not the list that the API has.
static bool read_list(struct str body, const char *wanted, bool *is_there, struct buf *names)
{
    json_auto_t *document = json_loadb(body.ptr, body.len, 0, NULL);
    const json_t *model, *models = json_object_get(document, "data");
    size_t i, n_shown = 0;
    json_array_foreach(models, i, model)
    {
        const char *name = json_string_value(json_object_get(model, "id"));
        *is_there |= name && strcmp(name, wanted) == 0;
        if (name && n_shown++ < NAMES_SHOWN)
            buf_printf(names, "%s%.100s", n_shown > 1 ? ", " : "", name);
    }
    if (n_shown > NAMES_SHOWN)
        buf_printf(names, " and %zu more", n_shown - NAMES_SHOWN);
    return json_is_array(models);
}

static void tell_model(struct doctor *d, struct str body)
{
    const char *wanted = d->c->settings->copy_model;
    bool is_there = false;
    AUTO(buf_fini) struct buf names;
    buf_init(&names, DOCTOR_TEXT_MAX);
    if (!read_list(body, wanted, &is_there, &names))
        doctor_say(d, "copy", "model", DOCTOR_WARN, "is copy.url what comes before /chat/completions?",
                   "/models does not answer with a list of models");
    else if (is_there)
        doctor_say(d, "copy", "model", DOCTOR_OK, "", "%s is on the server's list", wanted);
    else
        doctor_say(d, "copy", "model", DOCTOR_WARN, "let copy.model name one that is there",
                   "%s is not on the server's list: " STR_FMT, wanted, STR_ARG(buf_str(&names)));
}

// ---- what was answered ----

// What a server says may quote the key: only its status is told.
static void tell_status(struct doctor *d, const struct http_answer *a)
{
    int status = a->status;
    if (status == 401 || status == 403)
        doctor_say(d, "copy", "key", DOCTOR_FAIL, "copy.key or copy.key_file (and copy.organization, copy.project)",
                   "the server refuses it: status %d", status);
    else if (status == 404 || status == 405)
        doctor_say(d, "copy", "server", DOCTOR_WARN,
                   "is copy.url what comes before /chat/completions? Some servers have no list of models",
                   "no /models there: status %d", status);
    else if (status >= 300 && status < 400)
        doctor_say(d, "copy", "server", DOCTOR_FAIL, "let copy.url be where it leads to: redirects are not followed",
                   "it redirects: status %d", status);
    else
        doctor_say(d, "copy", "server", DOCTOR_WARN, "what fails gets template copy; the server's log may say more",
                   "status %d", status);
}

static const char *remedy_of(enum http_result r)
{
    switch (r) {
    case HTTP_NO_NAME:
    case HTTP_NO_CONNECT:
        return "is copy.url right, is the server up, and does a firewall or proxy (https_proxy, no_proxy) stand "
               "between?";
    case HTTP_TLS:
        return "let copy.ca_file name the authority that the server's certificate is from, and copy.url its host";
    case HTTP_REFUSED:
        return "copy.url wants http:// or https:// and an address that copy.block_private lets through";
    default:
        return "is copy.url the API's, and not another service's?";
    }
}

static void tell(void *context, const struct http_answer *a)
{
    struct doctor *d = context;
    if (a->result != HTTP_ANSWERED) {
        bool may_pass = a->result == HTTP_TIMEOUT || a->result == HTTP_SLOW || a->result == HTTP_RESET;
        doctor_say(d, "copy", "server", may_pass ? DOCTOR_WARN : DOCTOR_FAIL, remedy_of(a->result), "%s", a->error);
    } else if (a->status != 200) {
        tell_status(d, a);
    } else {
        doctor_say(d, "copy", "server", DOCTOR_OK, "", "answers, and takes the key; %lld ms", (long long)a->took_ms);
        tell_model(d, a->body);
    }
}

// It costs no tokens: only the list of models is asked for.
void doctor_model(struct doctor *d)
{
    const struct copywriter_settings s = settings_of(d->c->settings);
    struct model_headers headers;
    AUTO(buf_fini) struct buf url;
    struct err e;
    buf_init(&url, 0);
    if (!s.key[0] && !s.key_file[0]) {
        doctor_say(d, "copy", "model", DOCTOR_OK, "", "none is configured (copy.key): the copy comes from templates");
        return;
    }
    if (!http_global_init(&e)) {
        doctor_say_error(d, "copy", "server", "", &e);
        return;
    }
    bool ok = model_endpoint_url(&s, "/models", &url, &e) && model_headers_make(&headers, &s, &e);
    if (ok) {
        const struct http_request r = {.url = url.data, .headers = headers.all};
        ok = http_once(&s.http, &r, tell, d, &e);
        model_headers_wipe(&headers);
    }
    if (!ok)
        doctor_say_error(d, "copy", "settings", "set it right: bundlectl config explains each", &e);
    http_global_cleanup();
}
