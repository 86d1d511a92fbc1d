#include "common/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/adapters/libevent.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/outage.h"
#include "common/redis_internal.h"

// One connection that comes back by itself:
//
//     WAITING --timer--> LOCATING --found--> CONNECTING --connected--> GREETING --hello answered--> READY
//        ^                  |                    |                        |                          |
//        +---- backoff -----+------ failure -----+------- failure --------+-------- failure ---------+
//
// LOCATING asks Sentinels and DNS in a thread; an address needs none of that. An outage begins with the first failure
// and is over, and the backoff short again, when a command has been answered: a server that lets us in and closes the
// connection at once is not back. hiredis 0.14 has no timeouts on async connections, so one watchdog timer serves every
// version: it drops a connection whose greeting or oldest pending answer is overdue. Freeing inside hiredis' connect
// callback is a use after free there; all drops that we decide ourselves go through the timer.
enum state { WAITING, LOCATING, CONNECTING, GREETING, READY };
enum { BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 2000, WATCHDOG_MS = 200 };

struct pending {
    struct redis_cmd cmd;
    redis_on_reply *on_reply;
    void *context;
    int64_t deadline_ms;
    bool is_eval;
    struct pending *next, *previous;
};

struct redis_async {
    struct event_base *base;
    struct redis_url url;
    char name[64];
    int64_t timeout_ms;
    struct redis_hooks hooks;
    redisAsyncContext *context; // NULL while WAITING and LOCATING
    struct redis_tls *tls;      // of context; NULL without TLS
    enum state state;
    int64_t state_deadline_ms;
    struct redis_search *search; // while LOCATING
    struct event *search_event;
    struct redis_place place; // where the master is, numeric, and the name its certificate must be for
    char server[256];
    unsigned sentinel, attempts; // the one to ask first; since the last answer
    enum redis_step hello[REDIS_HELLO_MAX];
    unsigned n_hello, n_answered;
    int64_t backoff_ms;
    bool was_ready, is_closing, must_drop;
    struct err cause;
    struct outage outage;
    struct event *timer;   // reconnect and watchdog
    struct event *flush;   // active once something is to be written
    struct pending oldest; // ring head: next is the oldest
    struct arena replies;  // the one that is read or answered just now
};

static void arm(struct redis_async *r, int64_t ms)
{
    struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    (void)evtimer_add(r->timer, &after);
}

static void pending_unlink(struct pending *p)
{
    p->next->previous = p->previous;
    p->previous->next = p->next;
}

static void pending_append(struct redis_async *r, struct pending *p)
{
    p->next = &r->oldest;
    p->previous = r->oldest.previous;
    p->previous->next = p;
    r->oldest.previous = p;
}

static void pending_destroy(struct pending *p)
{
    redis_cmd_fini(&p->cmd);
    free(p);
}

static void say_lost(struct redis_async *r)
{
    int64_t now_ms = clock_mono_ms();
    struct err cause = r->cause;
    if (!outage_note(&r->outage, cause.kind, now_ms))
        return;
    if (now_ms - r->outage.since_ms >= OUTAGE_REMINDER_MS)
        (void)err_wrap(&cause, "still, after %lld s and %u attempts",
                       (long long)(now_ms - r->outage.since_ms + 500) / 1000, r->attempts);
    r->hooks.on_lost(r->hooks.context, &cause);
}

// A command has been answered: the outage, if there was one, is over.
static void say_back(struct redis_async *r)
{
    struct outage was;
    unsigned attempts = r->attempts;
    r->backoff_ms = BACKOFF_FIRST_MS;
    r->attempts = 0;
    if (outage_over(&r->outage, &was) && r->hooks.on_back)
        r->hooks.on_back(r->hooks.context, clock_mono_ms() - was.since_ms, attempts);
}

// The connection is gone (hiredis has freed or will free its context), or there was none: try again later.
static void lost(struct redis_async *r)
{
    (void)redis_tls_refused(r->tls, &r->cause); // then that is the cause
    redis_tls_free(r->tls);
    r->tls = NULL;
    r->context = NULL;
    r->state = WAITING;
    r->must_drop = false;
    if (r->is_closing)
        return;
    if (!r->was_ready)
        r->sentinel++; // this one may not know yet who the master is
    r->was_ready = false;
    say_lost(r);
    // Full jitter keeps a fleet from reconnecting in step.
    arm(r, BACKOFF_FIRST_MS + random() % r->backoff_ms);
    if ((r->backoff_ms *= 2) > BACKOFF_MAX_MS)
        r->backoff_ms = BACKOFF_MAX_MS;
}

static void drop(struct redis_async *r)
{
    redisAsyncContext *context = r->context;
    if (!context)
        return;
    context->data = NULL; // its late callbacks must not find us
    r->context = NULL;
    r->state = WAITING;      // ... nor send on it
    redisAsyncFree(context); // pending callbacks run with NULL
    lost(r);
}

static void drop_soon(struct redis_async *r)
{
    r->must_drop = true;
    arm(r, 0);
}

static void on_hello(redisAsyncContext *context, void *answer, void *unused)
{
    (void)unused;
    struct redis_async *r = context->data;
    if (!r || r->state != GREETING || r->must_drop)
        return;
    enum redis_step step = r->hello[r->n_answered++];
    // Without an answer the connection ends by itself, and hiredis says why.
    if (!answer)
        return;
    if (!redis_hello_judge(step, &r->url, answer, &r->cause)) {
        drop_soon(r);
        return;
    }
    if (r->n_answered < r->n_hello)
        return;
    r->state = READY;
    r->was_ready = true;
    r->hooks.on_ready(r->hooks.context);
}

static void greet(struct redis_async *r)
{
    struct redis_hello hello;
    redis_hello_init(&hello, &r->url, r->name);
    r->state = GREETING;
    r->n_hello = hello.n;
    r->n_answered = 0;
    for (unsigned i = 0; i < hello.n; i++) {
        AUTO(buf_fini) struct buf bytes;
        buf_init(&bytes, 4096);
        redis_cmd_format(&hello.cmds[i], false, &bytes);
        r->hello[i] = hello.steps[i];
        if (redisAsyncFormattedCommand(r->context, on_hello, NULL, bytes.data, bytes.len) != REDIS_OK)
            drop_soon(r);
        explicit_bzero(bytes.data, bytes.len);
    }
    redis_hello_fini(&hello);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis_async *r = context->data;
    if (!r)
        return;
    if (status != REDIS_OK) {
        (void)err_set(&r->cause, ERR_REDIS_AWAY, "connecting to Redis: %s", context->errstr);
        lost(r); // hiredis frees the context
        return;
    }
    (void)fcntl(context->c.fd, F_SETFD, FD_CLOEXEC);
    if (!r->url.path[0])
        (void)redisEnableKeepAlive(&r->context->c);
    greet(r);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis_async *r = context->data;
    if (!r)
        return;
    if (!r->must_drop) // else we know better why
        (void)err_set(&r->cause, ERR_REDIS_AWAY, "Redis connection lost: %s",
                      status == REDIS_OK || !context->errstr[0] ? "closed" : context->errstr);
    lost(r);
}

static void connect_now(struct redis_async *r)
{
    redisAsyncContext *context =
        r->url.path[0] ? redisAsyncConnectUnix(r->url.path) : redisAsyncConnect(r->place.host, r->place.port);
    if (!context || context->err) {
        (void)err_set(&r->cause, ERR_REDIS_AWAY, "connecting to Redis: %s",
                      context ? context->errstr : "out of memory");
        if (context)
            redisAsyncFree(context);
        lost(r);
        return;
    }
    r->context = context;
    r->state = CONNECTING;
    r->state_deadline_ms = clock_mono_ms() + r->timeout_ms;
    context->data = r;
    redis_read_into(&context->c, &r->replies);
    if (redisLibeventAttach(context, r->base) != REDIS_OK ||
        !redis_start_tls(&context->c, &r->url, r->server, &r->tls, &r->cause)) {
        drop(r);
        return;
    }
    (void)redisAsyncSetConnectCallback(context, on_connect);
    (void)redisAsyncSetDisconnectCallback(context, on_disconnect);
    arm(r, WATCHDOG_MS);
}

// The loop lets go of the search's file before anybody may close it.
static struct redis_search *stop_watching(struct redis_async *r)
{
    struct redis_search *search = r->search;
    if (r->search_event)
        event_free(r->search_event);
    r->search_event = NULL;
    r->search = NULL;
    return search;
}

static void on_found(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct redis_async *r = context;
    struct redis_search *search = stop_watching(r);
    if (redis_search_end(search, &r->sentinel, &r->place, r->server, &r->cause))
        connect_now(r);
    else
        lost(r);
}

// No deadline: the Sentinels have theirs, the resolver its own, and nothing else waits.
static void locate(struct redis_async *r)
{
    r->attempts++;
    if (!redis_needs_search(&r->url)) {
        r->place.port = r->url.port;
        memcpy(r->place.host, r->url.host, sizeof r->place.host);
        memcpy(r->server, r->url.host, sizeof r->server);
        connect_now(r);
        return;
    }
    r->search = redis_search_begin(&r->url, r->sentinel, r->attempts - 1);
    if (!r->search) {
        (void)err_set(&r->cause, ERR_REDIS_AWAY, "connecting to Redis: no thread to look for it");
        lost(r);
        return;
    }
    r->state = LOCATING;
    r->search_event = event_new(r->base, redis_search_fd(r->search), EV_READ, on_found, r);
    CHECK(r->search_event);
    (void)event_add(r->search_event, NULL);
}

static bool is_overdue(const struct redis_async *r)
{
    int64_t now_ms = clock_mono_ms();
    if (r->state != READY)
        return now_ms > r->state_deadline_ms;
    return r->oldest.next != &r->oldest && now_ms > r->oldest.next->deadline_ms;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct redis_async *r = context;
    if (r->state == WAITING)
        locate(r);
    if (!r->context)
        return; // looking for it, or waiting again
    if (!r->must_drop && is_overdue(r)) {
        (void)err_set(&r->cause, ERR_REDIS_AWAY, "Redis does not answer within %lld ms", (long long)r->timeout_ms);
        r->must_drop = true;
    }
    if (r->must_drop)
        drop(r);
    else
        arm(r, WATCHDOG_MS);
}

// What the loop's other events have said by now goes out in one piece, without asking whether there is room for it:
// there nearly always is, and what there is no room for waits for it as usual.
static void on_flush(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct redis_async *r = context;
    if (r->state == READY && !r->must_drop)
        redisAsyncHandleWrite(r->context);
}

struct redis_async *redis_async_create(struct event_base *base, const struct redis_url *url, const char *name,
                                       int64_t timeout_ms, const struct redis_hooks *hooks)
{
    struct redis_async *r = calloc(1, sizeof *r);
    CHECK(r);
    *r = (struct redis_async){
        .base = base, .url = *url, .timeout_ms = timeout_ms, .hooks = *hooks, .backoff_ms = BACKOFF_FIRST_MS};
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    r->oldest.next = r->oldest.previous = &r->oldest;
    arena_init(&r->replies, 0);
    r->timer = evtimer_new(base, on_timer, r);
    r->flush = event_new(base, -1, 0, on_flush, r);
    CHECK(r->timer && r->flush);
    arm(r, 0);
    return r;
}

void redis_async_destroy(struct redis_async *r)
{
    if (!r)
        return;
    r->is_closing = true;
    redis_search_abandon(stop_watching(r));
    drop(r);
    event_free(r->timer);
    event_free(r->flush);
    arena_fini(&r->replies);
    redis_url_forget(&r->url);
    free(r);
}

bool redis_async_is_ready(const struct redis_async *r)
{
    return r->state == READY && !r->must_drop;
}

static bool submit(struct redis_async *r, struct pending *p);

static void finish(struct pending *p, const struct redis_reply *reply)
{
    p->on_reply(p->context, reply);
    pending_destroy(p);
}

// What the answer says of the connection.
static const struct redis_reply *heed(struct redis_async *r, const struct redis_reply *reply)
{
    if (!r || !reply)
        return reply;
    if (!redis_wants_reconnect(reply, &r->url)) {
        say_back(r);
        return reply;
    }
    (void)redis_reply_error(reply, &r->cause);
    drop_soon(r);
    return NULL;
}

static void on_answer(redisAsyncContext *context, void *answer, void *data)
{
    struct pending *p = data;
    struct redis_async *r = context->data; // NULL: we are dropping it
    const struct redis_reply *reply = answer;
    pending_unlink(p);
    if (r && p->cmd.script && !p->is_eval && redis_is_noscript(reply)) {
        p->is_eval = true;
        if (submit(r, p))
            return;
        reply = NULL;
    }
    finish(p, heed(r, reply));
}

static bool submit(struct redis_async *r, struct pending *p)
{
    AUTO(buf_fini) struct buf bytes;
    buf_init(&bytes, REDIS_IO_MAX_BYTES);
    redis_cmd_format(&p->cmd, p->is_eval, &bytes);
    if (redisAsyncFormattedCommand(r->context, on_answer, p, bytes.data, bytes.len) != REDIS_OK)
        return false;
    pending_append(r, p);
    event_active(r->flush, 0, 0);
    return true;
}

bool redis_async_send(struct redis_async *r, struct redis_cmd *take_cmd, int64_t wait_ms, redis_on_reply *on_reply,
                      void *context)
{
    struct pending *p = calloc(1, sizeof *p);
    CHECK(p);
    *p = (struct pending){.cmd = *take_cmd,
                          .on_reply = on_reply,
                          .context = context,
                          .deadline_ms = clock_mono_ms() + r->timeout_ms + wait_ms};
    *take_cmd = (struct redis_cmd){0};
    if (redis_async_is_ready(r) && !p->cmd.args.is_over && submit(r, p))
        return true;
    pending_destroy(p);
    return false;
}
