#include "common/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/redis_internal.h"

// The blocking connection. The async one is in redis_async.c.
struct redis {
    redisContext *context; // NULL: not connected
    struct redis_url url;
    char name[64];
    int64_t timeout_ms;
    unsigned sentinel; // the one to ask first
    int64_t heard_ms;  // subscriptions: when something came last
    bool is_pinged;    // ... and that we have asked since whether anybody is there
};

static struct timeval timeval_of_ms(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static void disconnect(struct redis *r)
{
    if (r->context)
        redisFree(r->context);
    r->context = NULL;
}

static bool drop(struct redis *r, const char *doing, const char *why, struct err *e)
{
    bool is_timeout = r->context && r->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    (void)err_set(e, ERR_REDIS_AWAY, "%s Redis: %s", doing,
                  why           ? why
                  : is_timeout  ? "no answer in time"
                  : !r->context ? "out of memory"
                                : r->context->errstr);
    disconnect(r);
    return false;
}

// Each read and write waits timeout_ms at most (SO_RCVTIMEO, SO_SNDTIMEO); one that goes on and on, a few bytes at a
// time, ends here.
static bool is_too_late(int64_t begun_ms, const struct redis *r)
{
    return clock_mono_ms() - begun_ms > r->timeout_ms * REDIS_CALL_TIMEOUTS;
}

static bool put(struct redis *r, struct str bytes, struct err *e)
{
    int64_t begun_ms = clock_mono_ms();
    int is_done = 0;
    errno = 0;
    if (redisAppendFormattedCommand(r->context, bytes.ptr, bytes.len) != REDIS_OK)
        return drop(r, "asking", NULL, e);
    while (!is_done) {
        if (is_too_late(begun_ms, r))
            return drop(r, "asking", "it takes the command too slowly", e);
        if (redisBufferWrite(r->context, &is_done) != REDIS_OK)
            return drop(r, "asking", NULL, e);
    }
    return true;
}

static bool get(struct redis *r, struct redis_reply **reply, struct err *e)
{
    int64_t begun_ms = clock_mono_ms();
    void *answer = NULL;
    for (;;) {
        errno = 0;
        if (redisGetReplyFromReader(r->context, &answer) != REDIS_OK)
            return drop(r, "asking", NULL, e);
        if (answer)
            break;
        if (is_too_late(begun_ms, r))
            return drop(r, "asking", "it answers too slowly", e);
        if (redisBufferRead(r->context) != REDIS_OK)
            return drop(r, "asking", NULL, e);
    }
    *reply = answer;
    return true;
}

static bool exchange(struct redis *r, struct str bytes, struct redis_reply **reply, struct err *e)
{
    return put(r, bytes, e) && get(r, reply, e);
}

static bool hear_hello(struct redis *r, const struct redis_hello *hello, struct err *e)
{
    for (unsigned i = 0; i < hello->n; i++) {
        AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
        if (!get(r, &reply, e) || !redis_hello_judge(hello->steps[i], &r->url, reply, e))
            return false;
    }
    return true;
}

static bool say_hello(struct redis *r, struct err *e)
{
    struct redis_hello hello;
    AUTO(buf_fini) struct buf bytes;
    buf_init(&bytes, REDIS_IO_MAX_BYTES);
    redis_hello_init(&hello, &r->url, r->name);
    redis_hello_format(&hello, &bytes);
    bool ok = (bytes.len == 0 || put(r, buf_str(&bytes), e)) && hear_hello(r, &hello, e);
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.len);
    redis_hello_fini(&hello);
    return ok;
}

static bool connect_socket(struct redis *r, const struct redis_place *at, struct err *e)
{
    struct timeval limit = timeval_of_ms(r->timeout_ms);
    errno = 0;
    r->context = r->url.path[0] ? redisConnectUnixWithTimeout(r->url.path, limit)
                                : redisConnectWithTimeout(at->host, at->port, limit);
    if (!r->context || r->context->err)
        return drop(r, "connecting to", NULL, e);
    (void)fcntl(r->context->fd, F_SETFD, FD_CLOEXEC);
    if (!r->url.path[0])
        (void)redisEnableKeepAlive(r->context);
    return redisSetTimeout(r->context, limit) == REDIS_OK || drop(r, "connecting to", NULL, e);
}

// Redis sends nothing unasked: a connection whose other end has closed is of no use, however alive it looks from here.
static bool is_closed_by_peer(const struct redis *r)
{
    struct pollfd peer = {.fd = r->context->fd, .events = POLLRDHUP};
    return poll(&peer, 1, 0) > 0;
}

static bool ensure_open(struct redis *r, struct err *e)
{
    struct redis_place at = {.port = r->url.port};
    memcpy(at.host, r->url.host, sizeof at.host);
    if (r->context && is_closed_by_peer(r))
        disconnect(r);
    if (r->context)
        return true;
    if (r->url.n_sentinels && !redis_ask_sentinels(&r->url, &r->sentinel, &at, e))
        return false;
    if (connect_socket(r, &at, e) && redis_start_tls(r->context, &r->url, at.host, NULL, e) && say_hello(r, e)) {
        r->heard_ms = clock_mono_ms();
        r->is_pinged = false;
        return true;
    }
    disconnect(r);
    r->sentinel++; // this one may not know yet who the master is
    return false;
}

bool redis_open(struct redis **out, const struct redis_url *url, const char *name, int64_t timeout_ms, struct err *e)
{
    struct redis *r = calloc(1, sizeof *r);
    CHECK(r);
    r->url = *url;
    r->timeout_ms = timeout_ms;
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    if (!ensure_open(r, e)) {
        redis_close(r);
        return false;
    }
    *out = r;
    return true;
}

void redis_close(struct redis *r)
{
    if (!r)
        return;
    disconnect(r);
    redis_url_forget(&r->url);
    free(r);
}

void redis_closep(struct redis **r)
{
    redis_close(*r);
    *r = NULL;
}

static bool call(struct redis *r, const struct redis_cmd *c, bool is_eval, struct redis_reply **reply, struct err *e)
{
    AUTO(buf_fini) struct buf bytes;
    buf_init(&bytes, REDIS_IO_MAX_BYTES);
    redis_cmd_format(c, is_eval, &bytes);
    return exchange(r, buf_str(&bytes), reply, e);
}

bool redis_call(struct redis *r, const struct redis_cmd *c, struct redis_reply **reply, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *answer = NULL;
    if (!redis_cmd_ok(c, e) || !ensure_open(r, e) || !call(r, c, false, &answer, e))
        return false;
    if (c->script && redis_is_noscript(answer)) {
        redis_reply_freep(&answer);
        if (!call(r, c, true, &answer, e))
            return false;
    }
    if (redis_reply_error(answer, e)) {
        if (redis_wants_reconnect(answer, &r->url))
            disconnect(r); // the next call looks for the master again
        return false;
    }
    *reply = answer;
    answer = NULL;
    return true;
}

// ---- subscriptions ----

static bool is_pong(const struct redis_reply *r)
{
    return str_eq(redis_reply_str(redis_reply_at(r, 0)), STR("pong"));
}

// Nothing came for a while: a quiet channel, or a server that is gone without a word? Asks, and gives up in the end.
static bool check_alive(struct redis *r, struct err *e)
{
    int64_t silent_ms = clock_mono_ms() - r->heard_ms;
    if (r->is_pinged && silent_ms > 2 * r->timeout_ms)
        return drop(r, "listening to", "no answer in time", e);
    if (r->is_pinged || silent_ms <= r->timeout_ms)
        return true;
    r->is_pinged = true;
    r->heard_ms =
        clock_mono_ms() - r->timeout_ms; // nobody may have listened for long; the answer has its time from now
    return put(r, STR("*1\r\n$4\r\nPING\r\n"), e);
}

// A whole message, where one has come; *reply NULL where not.
static bool take_message(struct redis *r, struct redis_reply **reply, struct err *e)
{
    void *answer = NULL;
    do {
        redis_reply_free(answer);
        answer = NULL;
        errno = 0;
        if (redisGetReplyFromReader(r->context, &answer) != REDIS_OK)
            return drop(r, "listening to", NULL, e);
        if (answer) {
            r->heard_ms = clock_mono_ms();
            r->is_pinged = false;
        }
    } while (answer && is_pong(answer));
    *reply = answer;
    return true;
}

bool redis_next_message(struct redis *r, int64_t timeout_ms, struct redis_reply **reply, struct err *e)
{
    *reply = NULL;
    if (!r->context)
        return err_set(e, ERR_REDIS_AWAY, "the subscription's connection to Redis is gone");
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    for (;;) {
        if (!take_message(r, reply, e))
            return false;
        int64_t left_ms = until_ms - clock_mono_ms();
        if (*reply || left_ms <= 0)
            return true;
        if (!check_alive(r, e))
            return false;
        struct pollfd wait = {.fd = r->context->fd, .events = POLLIN};
        (void)poll(&wait, 1, (int)(left_ms < r->timeout_ms ? left_ms : r->timeout_ms));
        errno = 0;
        if (wait.revents && redisBufferRead(r->context) != REDIS_OK)
            return drop(r, "listening to", NULL, e);
    }
}
