#include "worker/copy/http_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"

// ---- the library ----

bool http_global_init(struct err *e)
{
    // libcurl, told to leave signals alone (NOSIGNAL), leaves this one to us: TLS writes to connections that may be
    // gone.
    (void)signal(SIGPIPE, SIG_IGN);
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    return code == CURLE_OK || err_set(e, ERR_INTERNAL, "libcurl does not start: %s", curl_easy_strerror(code));
}

void http_global_cleanup(void)
{
    curl_global_cleanup();
}

static bool is_able(const struct http_settings *s, struct err *e)
{
    int has = curl_version_info(CURLVERSION_NOW)->features;
    if (!(has & CURL_VERSION_ASYNCHDNS))
        return err_set(e, ERR_CONFIG,
                       "this libcurl looks names up synchronously: every lookup would stop all requests; "
                       "install one with AsynchDNS (curl --version)");
    if (!(has & CURL_VERSION_SSL))
        return err_set(e, ERR_CONFIG, "this libcurl is built without TLS; install one with it (curl --version)");
    if (s->is_http2 && !(has & CURL_VERSION_HTTP2))
        return err_set(e, ERR_CONFIG, "copy.http2: this libcurl is built without HTTP/2");
    if (s->ca_file[0] && access(s->ca_file, R_OK) != 0)
        return err_set(e, ERR_CONFIG, "copy.ca_file: %s cannot be read (%m)", s->ca_file);
    return true;
}

// ---- calls ----

static char *copy(const char *bytes, size_t len)
{
    char *out = malloc(len + 1);
    CHECK(out);
    memcpy(out, bytes, len);
    out[len] = '\0';
    return out;
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void call_destroy(struct http_call *c)
{
    for (struct curl_slist *l = c->headers; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(c->headers);
    wipe(c->url);
    free(c->body);
    buf_fini(&c->answer);
    free(c);
}

static void add_header(struct http_call *c, const char *header)
{
    struct curl_slist *longer = curl_slist_append(c->headers, header);
    CHECK(longer);
    c->headers = longer;
}

static bool has_control_character(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return true;
    return false;
}

// NULL, or why it is not sent at all.
static const char *objection(struct http_call *c, const struct http_request *r)
{
    const char *wrong = NULL;
    for (const char *const *header = r->headers; header && *header; header++)
        if (has_control_character(*header))
            return "a header (the key?) holds a control character";
    return http_url_host(r->url, c->host, &wrong) ? NULL : wrong;
}

static struct http_call *call_create(struct http *h, const struct http_request *r)
{
    struct http_call *c = calloc(1, sizeof *c);
    CHECK(c);
    c->h = h;
    c->url = copy(r->url, strlen(r->url));
    c->retry_after_ms = -1;
    c->begun_ms = c->ended_ms = clock_mono_ms();
    buf_init(&c->answer, h->settings.response_max);
    for (const char *const *header = r->headers; header && *header; header++)
        add_header(c, *header);
    if (r->body.len) {
        c->body = copy(r->body.ptr, r->body.len);
        c->body_len = r->body.len;
        add_header(c, "Content-Type: application/json");
        add_header(c, "Expect:"); // no waiting for "100 Continue"
    }
    return c;
}

// ---- from list to list ----

static void watch(struct http *h)
{
    int64_t ms = h->settings.trickle_ms / 10 + 1;
    const struct timeval every = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    CHECK(event_add(h->watcher, &every) == 0);
}

static void fill_places(struct http *h)
{
    struct http_call *c;
    while (h->n_running < h->settings.in_flight_max && (c = TAILQ_FIRST(&h->waiting))) {
        TAILQ_REMOVE(&h->waiting, c, link);
        TAILQ_INSERT_TAIL(&h->running, c, link);
        c->state = HTTP_RUNNING;
        c->begun_ms = clock_mono_ms();
        if (h->n_running++ == 0)
            watch(h);
        http_multi_add(c);
    }
}

static void leave_place(struct http_call *c)
{
    struct http *h = c->h;
    http_multi_remove(c);
    TAILQ_REMOVE(&h->running, c, link);
    if (--h->n_running == 0)
        CHECK(event_del(h->watcher) == 0);
}

static void be_done(struct http_call *c)
{
    c->state = HTTP_DONE;
    c->ended_ms = clock_mono_ms();
    TAILQ_INSERT_TAIL(&c->h->done, c, link);
}

void http_ended(struct http_call *c)
{
    leave_place(c);
    be_done(c);
}

static void answer(struct http_call *c)
{
    struct http *h = c->h;
    const struct http_answer a = {
        .result = c->result,
        .status = c->status,
        .body = c->result == HTTP_ANSWERED ? buf_str(&c->answer) : STR(""),
        .retry_after_ms = c->retry_after_ms,
        .took_ms = c->ended_ms - c->begun_ms,
        .error = c->error.message,
    };
    c->state = HTTP_ANSWERING;
    h->answering = c;
    c->on_answer(c->context, &a);
    h->answering = NULL;
    call_destroy(c);
}

// Whoever waits comes before what an on_answer sends.
void http_settle(struct http *h)
{
    struct http_call *c;
    fill_places(h);
    while ((c = TAILQ_FIRST(&h->done))) {
        TAILQ_REMOVE(&h->done, c, link);
        answer(c);
    }
}

static void on_refused(evutil_socket_t s, short events, void *context)
{
    (void)s;
    (void)events;
    http_settle(context);
}

// ---- answers that trickle ----

static bool is_trickle(struct http_call *c, int64_t now_ms)
{
    int64_t ms = now_ms - c->watched_ms;
    size_t bytes = c->answer.len - c->watched_bytes;
    if (!c->has_text || ms < c->h->settings.trickle_ms)
        return false;
    c->watched_ms = now_ms;
    c->watched_bytes = c->answer.len;
    return (int64_t)bytes * 1000 < ms * HTTP_TRICKLE_BYTES_PER_S;
}

// libcurl's own limit counts the time in which the model thinks, too.
static void on_watch(evutil_socket_t s, short events, void *context)
{
    (void)s;
    (void)events;
    struct http *h = context;
    int64_t now_ms = clock_mono_ms();
    struct http_call *next;
    for (struct http_call *c = TAILQ_FIRST(&h->running); c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (!is_trickle(c, now_ms))
            continue;
        c->result = HTTP_SLOW;
        (void)err_set(&c->error, ERR_IO, "%s: the answer trickles, with less than %d bytes a second for %lld ms",
                      c->host, HTTP_TRICKLE_BYTES_PER_S, (long long)h->settings.trickle_ms);
        http_ended(c);
    }
    http_settle(h);
}

// ---- for callers ----

static const char *const RESULTS[] = {"answered", "no_name", "no_connect", "tls",    "timeout",
                                      "slow",     "reset",   "too_large",  "refused"};

const char *http_result_name(enum http_result r)
{
    CHECK((size_t)r < ARRAY_LEN(RESULTS));
    return RESULTS[r];
}

bool http_create(struct http **out, struct event_base *base, const struct http_settings *s, struct err *e)
{
    if (!is_able(s, e))
        return false;
    struct http *h = calloc(1, sizeof *h);
    CHECK(h && s->in_flight_max > 0);
    h->base = base;
    h->settings = *s;
    h->settings.ca_file = copy(s->ca_file, strlen(s->ca_file));
    h->settings.user_agent = copy(s->user_agent, strlen(s->user_agent));
    if (s->trickle_ms == 0)
        h->settings.trickle_ms = HTTP_TRICKLE_MS;
    TAILQ_INIT(&h->waiting);
    TAILQ_INIT(&h->running);
    TAILQ_INIT(&h->done);
    h->refused = evtimer_new(h->base, on_refused, h);
    h->watcher = event_new(h->base, -1, EV_PERSIST, on_watch, h);
    CHECK(h->refused && h->watcher);
    if (!http_multi_create(h, e)) {
        http_destroy(h);
        return false;
    }
    *out = h;
    return true;
}

static void cancel_all(struct http_calls *calls)
{
    struct http_call *c;
    while ((c = TAILQ_FIRST(calls)))
        http_cancel(c);
}

void http_destroy(struct http *h)
{
    if (!h)
        return;
    CHECK(!h->answering);
    cancel_all(&h->waiting); // first, so that none takes a place
    cancel_all(&h->running);
    cancel_all(&h->done);
    http_multi_destroy(h);
    event_free(h->refused);
    event_free(h->watcher);
    free((char *)h->settings.ca_file);
    free((char *)h->settings.user_agent);
    free(h);
}

struct http_call *http_send(struct http *h, const struct http_request *r, http_on_answer *on_answer, void *context)
{
    static const struct timeval NOW = {0};
    struct http_call *c = call_create(h, r);
    const char *wrong = objection(c, r);
    c->on_answer = on_answer;
    c->context = context;
    if (wrong) {
        c->result = HTTP_REFUSED;
        (void)err_set(&c->error, ERR_CONFIG, "%s", wrong);
        be_done(c);
        CHECK(event_add(h->refused, &NOW) == 0); // never from within this call
        return c;
    }
    TAILQ_INSERT_TAIL(&h->waiting, c, link);
    fill_places(h);
    return c;
}

void http_cancel(struct http_call *c)
{
    struct http *h = c->h;
    CHECK(c->state != HTTP_ANSWERING);
    switch (c->state) {
    case HTTP_WAITING:
        TAILQ_REMOVE(&h->waiting, c, link);
        break;
    case HTTP_RUNNING:
        leave_place(c);
        fill_places(h);
        break;
    case HTTP_DONE:
    case HTTP_ANSWERING:
        TAILQ_REMOVE(&h->done, c, link);
    }
    call_destroy(c);
}
