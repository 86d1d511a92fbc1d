#include "worker/copy/copywriter_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "worker/copy/model_endpoint.h"

enum { TRIES_MAX = 3, BODY_BYTES_MAX = 8 << 20, TOKENS_ABSURD = 16 };

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    copy_request_send(context);
}

struct copy_request *copy_request_create(struct copy_run *run, bool is_again)
{
    struct copy_request *r = calloc(1, sizeof *r);
    CHECK(r);
    r->run = run;
    r->is_again = is_again;
    r->timer = evtimer_new(run->writer->base, on_timer, r);
    CHECK(r->timer);
    r->next = run->requests;
    if (r->next)
        r->next->previous = r;
    run->requests = r;
    return r;
}

void copy_request_add(struct copy_request *r, size_t number)
{
    CHECK(r->n < PROMPT_BRIEFS_MAX);
    r->numbers[r->n] = number;
    r->briefs[r->n++] = &r->run->order.briefs[number];
}

static struct prompt prompt_of(const struct copy_request *r)
{
    return (struct prompt){.model = r->run->order.model,
                           .locale = r->run->order.locale,
                           .dialect = r->dialect,
                           .briefs = r->briefs,
                           .n = r->n};
}

// ---- budgets: what is waiting or running counts as if it were over ----

static void reserve(struct copy_request *r)
{
    const struct prompt p = prompt_of(r);
    r->likely = prompt_tokens(&p);
    r->units = r->likely.in + r->likely.out;
    r->run->tokens_reserved += r->units;
    r->run->n_waiting++;
    r->is_waiting = true;
}

static void unreserve_request(struct copy_request *r)
{
    r->run->n_waiting -= r->is_waiting;
    r->is_waiting = false;
}

static void unreserve_tokens(struct copy_request *r)
{
    r->run->tokens_reserved -= r->units;
    r->units = 0;
}

static bool is_within_budget(const struct copy_run *run, char reason[128])
{
    const struct copy_usage *u = &run->usage;
    if (u->requests + run->n_waiting > run->order.requests_max) {
        (void)snprintf(reason, 128, "the requests that this job may send to the language model are used up");
        return false;
    }
    if (u->tokens_in + u->tokens_out + run->tokens_reserved > run->order.tokens_max) {
        (void)snprintf(reason, 128, "the language model's tokens that this job may use are used up");
        return false;
    }
    return true;
}

void copy_request_send(struct copy_request *r)
{
    char reason[128];
    r->dialect = r->run->writer->dialect;
    reserve(r);
    if (is_within_budget(r->run, reason)) {
        copy_line_join(r);
        return;
    }
    copy_run_failed(r, "budget", reason, false);
}

// ---- sending ----

static void on_answer(void *context, const struct http_answer *a);

static void post(struct copy_request *r, const char *const *headers)
{
    struct copywriter *w = r->run->writer;
    const struct prompt p = prompt_of(r);
    AUTO(buf_fini) struct buf body;
    buf_init(&body, BODY_BYTES_MAX);
    prompt_body(&p, &body);
    CHECK(!body.is_over); // PROMPT_BRIEFS_MAX briefs of bounded facts
    const struct http_request request = {.url = w->url.data, .headers = headers, .body = buf_str(&body)};
    r->sent_ms = clock_mono_ms();
    r->run->usage.requests++;
    r->run->usage.retries += r->is_again || r->tries + r->limited > 0;
    r->call = http_send(w->http, &request, on_answer, r);
}

static bool send_now(struct copy_request *r, struct err *e)
{
    struct model_headers headers;
    if (!model_headers_make(&headers, &r->run->writer->s, e))
        return false;
    post(r, headers.all);
    model_headers_wipe(&headers);
    return true;
}

static void complain(struct copywriter *w, const struct err *e)
{
    outage_failed(&w->outage, "no copy from the language model; bundles get template copy", e);
}

static void complain_of(struct copywriter *w, enum err_kind kind, const struct copy_verdict *v)
{
    struct err e;
    (void)err_set(&e, kind, "%s%s%s%s%s%s", v->reason, v->cause ? " (" : "", v->cause ? v->cause : "",
                  v->cause ? ")" : "", v->remedy ? ": " : "", v->remedy ? v->remedy : "");
    complain(w, &e);
}

static void close_for(struct copy_request *r, const struct gate_entered *g)
{
    char reason[256];
    (void)snprintf(reason, sizeof reason, "the language model is left alone for a while: " STR_FMT, STR_ARG(g->reason));
    copy_run_failed(r, "closed", reason, false);
}

void copy_request_entered(struct copy_request *r, const struct gate_entered *g)
{
    struct err e;
    unreserve_request(r);
    if (g->verdict == GATE_CLOSED) {
        close_for(r, g);
        return;
    }
    copy_run_no_trouble(r->run);
    if (send_now(r, &e))
        return;
    const struct gate_left nothing = {.outcome = GATE_NOT_ASKED, .used = -1};
    copy_line_leave(r, &nothing);
    complain(r->run->writer, &e);
    copy_run_failed(r, "key", "the language model's key cannot be read", false);
}

// ---- answers ----

static const struct answer UNSAID = {.tokens_in = -1, .tokens_out = -1};

// What it took; where that is not said, what was expected. One absurd number would shut the gate for days.
static int64_t count_tokens(struct copy_request *r, const struct answer *a)
{
    struct copy_usage *u = &r->run->usage;
    bool is_said = a->tokens_in >= 0 && a->tokens_out >= 0 && a->tokens_in + a->tokens_out <= r->units * TOKENS_ABSURD;
    int64_t in = is_said ? a->tokens_in : r->likely.in;
    int64_t out = is_said ? a->tokens_out : r->likely.out;
    u->tokens_in += in;
    u->tokens_out += out;
    return in + out;
}

static void leave(struct copy_request *r, const struct copy_verdict *v, int64_t used)
{
    const struct gate_left l = {.outcome = v->outcome, .used = used, .closed_ms = v->closed_ms, .reason = v->reason};
    copy_line_leave(r, &l);
    unreserve_tokens(r);
}

static void read_answer(struct copy_request *r, const struct http_answer *http, const struct copy_verdict *v)
{
    struct arena memory;
    struct answer a = UNSAID;
    struct err e;
    arena_init(&memory, 0);
    bool ok = answer_read(http->body, r->n, &memory, &a, &e);
    leave(r, v, count_tokens(r, &a));
    outage_ended(&r->run->writer->outage, "the language model answers again");
    if (ok && a.n_found > 0)
        copy_run_answered(r, &a);
    else if (a.is_cut)
        copy_run_failed(r, COPY_CUT, COPY_CUT_REASON, true);
    else
        copy_run_failed(r, "unreadable", "the language model's answer could not be read", true);
    arena_fini(&memory);
    FAILPOINT("copy.taken");
}

// Any number from nothing to most: a fleet must not come back in step.
static int64_t jitter(int64_t most_ms)
{
    return most_ms > 0 ? random() % (most_ms + 1) : 0;
}

static void send_later(struct copy_request *r, const struct copy_verdict *v)
{
    copy_run_trouble(r->run, v->kind, v->reason);
    if (v->outcome == GATE_LIMITED) { // the gate says when
        r->limited++;
        copy_request_send(r);
        return;
    }
    int64_t ms = v->after_ms > 0 ? v->after_ms + jitter(v->after_ms / 10 + 500) : jitter(500LL << r->tries);
    if (++r->tries >= TRIES_MAX || clock_mono_ms() + ms > r->run->ends_ms) {
        complain_of(r->run->writer, ERR_IO, v);
        copy_run_failed(r, v->kind, v->reason, false);
        return;
    }
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    (void)evtimer_add(r->timer, &after);
}

// The server does not take what was asked, but may take it otherwise: from now on it is asked so by everybody here.
// Others may have learnt of it meanwhile, or of something else.
static void send_rephrased(struct copy_request *r, const struct prompt_dialect *to)
{
    static const char *const STRUCTURES[] = {"schema", "json", "none"};
    struct prompt_dialect *d = &r->run->writer->dialect;
    if (d->structure < to->structure)
        d->structure = to->structure;
    d->is_completion_tokens |= to->is_completion_tokens;
    d->has_temperature &= to->has_temperature;
    LOG(LOG_INFO, "the language model's server does not take such requests; asking otherwise",
        LOG_S("structured", STRUCTURES[d->structure]),
        LOG_S("limit", d->is_completion_tokens ? "max_completion_tokens" : "max_tokens"),
        LOG_S("temperature", d->has_temperature ? "ours" : "its default"));
    copy_request_send(r);
}

static void note_took(struct copy_request *r, int64_t ms)
{
    struct copy_usage *u = &r->run->usage;
    u->slowest_ms = ms > u->slowest_ms ? ms : u->slowest_ms;
}

// Nobody says what it took; the gate keeps what it was entered with.
static void leave_unread(struct copy_request *r, const struct copy_verdict *v, const struct http_answer *a)
{
    bool may_have_written = a->result == HTTP_TIMEOUT || a->result == HTTP_SLOW ||
                            (a->result == HTTP_TOO_LARGE && a->status < 300); // no error page
    if (may_have_written)
        (void)count_tokens(r, &UNSAID);
    leave(r, v, may_have_written ? -1 : 0);
}

static void on_answer(void *context, const struct http_answer *a)
{
    struct copy_request *r = context;
    FAILPOINT("copy.answered");
    const struct copy_verdict v = copy_judge(r, a);
    r->call = NULL;
    note_took(r, a->took_ms);
    if (v.next == COPY_READ) {
        read_answer(r, a, &v);
        return;
    }
    leave_unread(r, &v, a);
    if (v.is_news)
        complain_of(r->run->writer, v.is_news, &v);
    if (v.next == COPY_REPHRASE)
        send_rephrased(r, &v.dialect);
    else if (v.next == COPY_RETRY)
        send_later(r, &v);
    else
        copy_run_failed(r, v.kind, v.reason, v.next == COPY_ALONE);
}

// One that was running says something of the place only if it had a fair part of its time.
static void abandon(struct copy_request *r, bool is_late)
{
    const struct copywriter_settings *s = &r->run->writer->s;
    int64_t took_ms = clock_mono_ms() - r->sent_ms;
    bool was_slow = is_late && took_ms > s->http.timeout_ms / 4;
    const struct gate_left l = {.outcome = was_slow ? GATE_FAILED : GATE_GIVEN_UP,
                                .used = -1,
                                .reason = "the language model does not answer in time"};
    http_cancel(r->call);
    r->call = NULL;
    note_took(r, took_ms);
    (void)count_tokens(r, &UNSAID);
    copy_line_leave(r, &l);
}

void copy_request_destroy(struct copy_request *r, bool is_late)
{
    if (r->call)
        abandon(r, is_late);
    copy_line_drop(r);
    unreserve_request(r);
    unreserve_tokens(r);
    if (r->previous)
        r->previous->next = r->next;
    else
        r->run->requests = r->next;
    if (r->next)
        r->next->previous = r->previous;
    event_free(r->timer);
    free(r);
}
