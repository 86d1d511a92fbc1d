#include "worker/copy/copywriter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/thread.h"
#include "worker/copy/copywriter_internal.h"
#include "worker/copy/model_endpoint.h"

enum { TICK_MS = 200, LAST_CALL_MS = 500 };

// ---- orders in, and what is to be looked at once in a while ----

static void begin_all(struct copywriter *w)
{
    (void)pthread_mutex_lock(&w->lock);
    struct copy_run *run = w->inbox, *in_order = NULL;
    w->inbox = NULL;
    w->is_ending = w->is_closing;
    (void)pthread_mutex_unlock(&w->lock);
    for (struct copy_run *next; run; run = next) {
        next = run->next;
        run->next = in_order;
        in_order = run;
    }
    for (struct copy_run *next; in_order; in_order = next) {
        next = in_order->next;
        in_order->next = NULL;
        copy_run_begin(in_order);
    }
}

static void look_at_all(struct copywriter *w)
{
    int64_t now_ms = clock_mono_ms();
    for (struct copy_run *run = w->runs, *next; run; run = next) {
        next = run->next;
        copy_run_look(run, now_ms);
    }
    copy_line_move(w);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    look_at_all(context);
}

// What the gate is still to be told is waited for, for a moment.
void copywriter_maybe_end(struct copywriter *w)
{
    if (w->is_ending && !w->runs && w->n_leaving == 0)
        (void)event_base_loopbreak(w->base);
}

static void on_last_call(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct copywriter *w = context;
    (void)event_base_loopbreak(w->base);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct copywriter *w = context;
    begin_all(w);
    if (!w->is_ending)
        return;
    while (w->runs)
        copy_run_cancel(w->runs);
    const struct timeval last_call = {.tv_usec = LAST_CALL_MS * 1000};
    (void)evtimer_add(w->last_call, &last_call);
    copywriter_maybe_end(w);
}

static void on_ready(void *context)
{
    struct copywriter *w = context;
    w->line.paused_until_ms = 0;
    look_at_all(w);
}

// The worker's loop says it: one voice is enough.
static void on_lost(void *context, const struct err *cause)
{
    (void)context, (void)cause;
}

static void *run_thread(void *argument)
{
    struct copywriter *w = argument;
    (void)pthread_setname_np(pthread_self(), "copywriter");
    CHECK(event_base_dispatch(w->base) >= 0);
    return NULL;
}

// ---- life ----

// "https://user@API.example.com:443/v1" -> "api.example.com:443": all that speak to it share the gate of that name.
static bool name_url(struct copywriter *w, struct err *e)
{
    const char *wrong;
    if (!http_url_host(w->s.url, w->place, &wrong))
        return err_set(e, ERR_CONFIG, "copy.url: %s; it is to be like https://api.openai.com/v1", wrong);
    for (char *c = w->place; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    w->s.gate.name = w->place;
    return model_endpoint_url(&w->s, "/chat/completions", &w->url, e);
}

static void make_events(struct copywriter *w)
{
    const struct timeval every = {.tv_usec = TICK_MS * 1000};
    w->wake = event_new(w->base, -1, EV_PERSIST, on_wake, w);
    w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
    w->last_call = evtimer_new(w->base, on_last_call, w);
    CHECK(w->wake && w->tick && w->last_call);
    (void)event_add(w->tick, &every);
    copy_line_init(w);
}

static struct prompt_dialect first_dialect(enum copy_structured wanted)
{
    static const enum prompt_structure STRUCTURES[] = {[COPY_AUTO] = PROMPT_SCHEMA,
                                                       [COPY_SCHEMA] = PROMPT_SCHEMA,
                                                       [COPY_JSON] = PROMPT_JSON,
                                                       [COPY_PLAIN] = PROMPT_PLAIN};
    return (struct prompt_dialect){.structure = STRUCTURES[wanted], .has_temperature = true};
}

static void destroy_parts(struct copywriter *w)
{
    http_destroy(w->http);
    redis_async_destroy(w->redis); // what is on its way comes back as lost
    copy_line_fini(w);
    event_free(w->wake);
    event_free(w->tick);
    event_free(w->last_call);
    event_base_free(w->base);
    language_close(w->language);
    (void)pthread_mutex_destroy(&w->lock);
    buf_fini(&w->url);
    free(w);
}

bool copywriter_create(struct copywriter **out, const struct copywriter_settings *s, const struct queue *q,
                       const struct redis_url *url, struct err *e)
{
    struct copywriter *w = calloc(1, sizeof *w);
    const struct redis_hooks hooks = {.on_ready = on_ready, .on_lost = on_lost, .context = w};
    CHECK(w && evthread_use_pthreads() == 0 && (w->base = event_base_new()));
    CHECK(pthread_mutex_init(&w->lock, NULL) == 0);
    w->s = *s;
    w->queue = q;
    w->dialect = first_dialect(s->structured);
    make_events(w);
    if (!name_url(w, e) || !language_open(&w->language, e) || !http_create(&w->http, w->base, &s->http, e)) {
        destroy_parts(w);
        return false;
    }
    w->redis = redis_async_create(w->base, url, "bundle-worker-copy", s->redis_timeout_ms, &hooks);
    CHECK(thread_start(&w->thread, run_thread, w));
    *out = w;
    return true;
}

void copywriter_destroy(struct copywriter *w)
{
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->is_closing = true;
    (void)pthread_mutex_unlock(&w->lock);
    event_active(w->wake, EV_READ, 0);
    (void)pthread_join(w->thread, NULL);
    destroy_parts(w);
}

void copywriter_write(struct copywriter *w, const struct copy_order *order)
{
    struct copy_run *run = copy_run_create(w, order);
    (void)pthread_mutex_lock(&w->lock);
    CHECK(!w->is_closing);
    run->next = w->inbox;
    w->inbox = run;
    (void)pthread_mutex_unlock(&w->lock);
    event_active(w->wake, EV_READ, 0);
}
