#include "common/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/redis_internal.h"

bool redis_start_tls(redisContext *c, const struct redis_url *url, struct err *e)
{
#ifdef BUNDLE_HAVE_HIREDIS_SSL
    if (!url->is_tls)
        return true;
    redisSSLContextError cause = REDIS_SSL_CTX_NONE;
    redisSSLContext *tls = redisCreateSSLContext(NULL, "/etc/ssl/certs", NULL, NULL, url->host, &cause);
    if (!tls)
        return err_set(e, ERR_CONFIG, "TLS to Redis: %s", redisSSLContextGetError(cause));
    bool ok = redisInitiateSSLWithContext(c, tls) == REDIS_OK;
    redisFreeSSLContext(tls); // OpenSSL counts references: the connection keeps what it needs
    return ok || err_set(e, ERR_REDIS_AWAY, "TLS to Redis: %s", c->errstr);
#else
    (void)c, (void)url, (void)e;
    return true;
#endif
}

// ---- commands ----

void redis_cmd_str(struct redis_cmd *c, struct str arg)
{
    buf_printf(&c->args, "$%zu\r\n", arg.len);
    buf_put(&c->args, arg.ptr, arg.len);
    buf_put(&c->args, "\r\n", 2);
    c->n_args++;
}

void redis_cmd_text(struct redis_cmd *c, const char *arg)
{
    redis_cmd_str(c, str_of(arg));
}

void redis_cmd_int(struct redis_cmd *c, int64_t arg)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)arg);
    redis_cmd_str(c, (struct str){text, (size_t)len});
}

void redis_cmd_init(struct redis_cmd *c, const char *name)
{
    *c = (struct redis_cmd){0};
    buf_init(&c->args, REDIS_CMD_MAX_BYTES);
    redis_cmd_text(c, name);
}

void redis_cmd_init_script(struct redis_cmd *c, const struct redis_script *s, struct str key)
{
    *c = (struct redis_cmd){.script = s};
    buf_init(&c->args, REDIS_CMD_MAX_BYTES);
    redis_cmd_int(c, 1);
    redis_cmd_str(c, key);
}

void redis_cmd_fini(struct redis_cmd *c)
{
    buf_fini(&c->args);
}

void redis_cmd_format(const struct redis_cmd *c, bool is_eval, struct buf *out)
{
    buf_printf(out, "*%u\r\n", c->n_args + (c->script ? 2 : 0));
    if (c->script && is_eval)
        buf_printf(out, "$4\r\nEVAL\r\n$%zu\r\n", strlen(c->script->body));
    if (c->script && is_eval)
        buf_puts(out, c->script->body);
    if (c->script && is_eval)
        buf_puts(out, "\r\n");
    if (c->script && !is_eval)
        buf_printf(out, "$7\r\nEVALSHA\r\n$40\r\n%s\r\n", c->script->sha);
    buf_put(out, c->args.data, c->args.len);
}

unsigned redis_hello(const struct redis_url *url, const char *name, struct redis_cmd cmds[REDIS_HELLO_MAX])
{
    unsigned n = 0;
    if (url->password[0]) {
        redis_cmd_init(&cmds[n], "AUTH");
        if (url->user[0])
            redis_cmd_text(&cmds[n], url->user);
        redis_cmd_text(&cmds[n++], url->password);
    }
    if (url->db) {
        redis_cmd_init(&cmds[n], "SELECT");
        redis_cmd_int(&cmds[n++], url->db);
    }
    redis_cmd_init(&cmds[n], "CLIENT");
    redis_cmd_text(&cmds[n], "SETNAME");
    redis_cmd_text(&cmds[n++], name);
    return n;
}

// ---- replies ----

static const redisReply *raw(const struct redis_reply *r)
{
    return (const redisReply *)(const void *)r;
}

enum redis_type redis_reply_type(const struct redis_reply *r)
{
    if (!r)
        return REDIS_NIL;
    switch (raw(r)->type) {
    case REDIS_REPLY_INTEGER:
        return REDIS_INT;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return REDIS_TEXT;
    case REDIS_REPLY_ARRAY:
        return REDIS_ARRAY;
    case REDIS_REPLY_ERROR:
        return REDIS_ERROR;
    default:
        return REDIS_NIL;
    }
}

struct str redis_reply_str(const struct redis_reply *r)
{
    enum redis_type type = redis_reply_type(r);
    if (type != REDIS_TEXT && type != REDIS_ERROR)
        return (struct str){"", 0};
    return (struct str){raw(r)->str, (size_t)raw(r)->len};
}

int64_t redis_reply_int(const struct redis_reply *r)
{
    int64_t value = 0;
    if (redis_reply_type(r) == REDIS_INT)
        return raw(r)->integer;
    (void)str_to_int(redis_reply_str(r), &value);
    return value;
}

size_t redis_reply_size(const struct redis_reply *r)
{
    return redis_reply_type(r) == REDIS_ARRAY ? raw(r)->elements : 0;
}

const struct redis_reply *redis_reply_at(const struct redis_reply *r, size_t i)
{
    return i < redis_reply_size(r) ? (const struct redis_reply *)(const void *)raw(r)->element[i] : NULL;
}

static bool error_starts(const struct redis_reply *r, const char *prefix)
{
    struct str text = redis_reply_str(r);
    return redis_reply_type(r) == REDIS_ERROR && text.len >= strlen(prefix) &&
           memcmp(text.ptr, prefix, strlen(prefix)) == 0;
}

bool redis_is_noscript(const struct redis_reply *r)
{
    return error_starts(r, "NOSCRIPT");
}

bool redis_wants_reconnect(const struct redis_reply *r)
{
    return error_starts(r, "LOADING") || error_starts(r, "READONLY") || error_starts(r, "MASTERDOWN");
}

static bool is_away(const struct redis_reply *r)
{
    return redis_wants_reconnect(r) || error_starts(r, "NOREPLICAS") || error_starts(r, "OOM") ||
           error_starts(r, "MISCONF") || error_starts(r, "BUSY") || error_starts(r, "UNBLOCKED");
}

bool redis_reply_error(const struct redis_reply *r, struct err *e)
{
    if (redis_reply_type(r) != REDIS_ERROR)
        return false;
    enum err_kind kind = is_away(r) ? ERR_REDIS_AWAY : ERR_REDIS;
    if (error_starts(r, "NOAUTH") || error_starts(r, "WRONGPASS") || error_starts(r, "NOPERM"))
        kind = ERR_CONFIG;
    (void)err_set(e, kind, "Redis says: " STR_FMT, STR_ARG(redis_reply_str(r)));
    return true;
}

void redis_reply_free(struct redis_reply *reply)
{
    if (reply)
        freeReplyObject(reply);
}

void redis_reply_freep(struct redis_reply **reply)
{
    redis_reply_free(*reply);
    *reply = NULL;
}

// ---- blocking ----

struct redis {
    redisContext *context; // NULL: not connected
    struct redis_url url;
    char name[64];
    int64_t timeout_ms;
};

static struct timeval timeval_of_ms(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static bool drop(struct redis *r, const char *doing, struct err *e)
{
    bool is_timeout = r->context && r->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    (void)err_set(e, ERR_REDIS_AWAY, "%s Redis: %s", doing,
                  is_timeout   ? "no answer in time"
                  : r->context ? r->context->errstr
                               : "out of memory");
    if (r->context)
        redisFree(r->context);
    r->context = NULL;
    return false;
}

static bool flush_out(struct redis *r)
{
    int is_done = 0;
    while (!is_done)
        if (redisBufferWrite(r->context, &is_done) != REDIS_OK)
            return false;
    return true;
}

static bool exchange(struct redis *r, struct str bytes, struct redis_reply **reply, struct err *e)
{
    void *answer = NULL;
    errno = 0;
    if (redisAppendFormattedCommand(r->context, bytes.ptr, bytes.len) != REDIS_OK || !flush_out(r) ||
        redisGetReply(r->context, &answer) != REDIS_OK)
        return drop(r, "asking", e);
    *reply = answer;
    return true;
}

static bool hello_one(struct redis *r, const struct redis_cmd *c, bool may_fail, struct err *e)
{
    AUTO(buf_fini) struct buf bytes;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    buf_init(&bytes, 4096);
    redis_cmd_format(c, false, &bytes);
    return exchange(r, buf_str(&bytes), &reply, e) && (may_fail || !redis_reply_error(reply, e));
}

static bool say_hello(struct redis *r, struct err *e)
{
    struct redis_cmd hello[REDIS_HELLO_MAX];
    unsigned n = redis_hello(&r->url, r->name, hello);
    bool ok = true;
    for (unsigned i = 0; i < n; i++) {
        bool may_fail = i + 1 == n; // CLIENT SETNAME: a user who may not name its connections may still work
        ok = ok && hello_one(r, &hello[i], may_fail, e);
        redis_cmd_fini(&hello[i]);
    }
    if (!ok && r->context) {
        redisFree(r->context);
        r->context = NULL;
    }
    return ok;
}

static bool ensure_open(struct redis *r, struct err *e)
{
    if (r->context)
        return true;
    struct timeval limit = timeval_of_ms(r->timeout_ms);
    errno = 0;
    r->context = r->url.path[0] ? redisConnectUnixWithTimeout(r->url.path, limit)
                                : redisConnectWithTimeout(r->url.host, r->url.port, limit);
    if (!r->context || r->context->err)
        return drop(r, "connecting to", e);
    (void)fcntl(r->context->fd, F_SETFD, FD_CLOEXEC);
    if (!r->url.path[0])
        (void)redisEnableKeepAlive(r->context);
    if (redisSetTimeout(r->context, limit) != REDIS_OK)
        return drop(r, "connecting to", e);
    if (!redis_start_tls(r->context, &r->url, e)) {
        redisFree(r->context);
        r->context = NULL;
        return false;
    }
    return say_hello(r, e);
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
    if (r->context)
        redisFree(r->context);
    explicit_bzero(r->url.password, sizeof r->url.password);
    free(r);
}

void redis_closep(struct redis **r)
{
    redis_close(*r);
    *r = NULL;
}

bool redis_call(struct redis *r, const struct redis_cmd *c, struct redis_reply **reply, struct err *e)
{
    AUTO(buf_fini) struct buf bytes;
    buf_init(&bytes, REDIS_IO_MAX_BYTES);
    redis_cmd_format(c, false, &bytes);
    if (!buf_ok(&c->args, "a Redis command", e) || !buf_ok(&bytes, "a Redis command", e))
        return false;
    struct redis_reply *answer = NULL;
    if (!ensure_open(r, e) || !exchange(r, buf_str(&bytes), &answer, e))
        return false;
    if (c->script && redis_is_noscript(answer)) {
        redis_reply_free(answer);
        buf_clear(&bytes);
        redis_cmd_format(c, true, &bytes);
        if (!exchange(r, buf_str(&bytes), &answer, e))
            return false;
    }
    if (redis_reply_error(answer, e)) {
        redis_reply_free(answer);
        return false;
    }
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
        void *answer = NULL;
        if (redisGetReplyFromReader(r->context, &answer) != REDIS_OK)
            return drop(r, "listening to", e);
        if (answer) {
            *reply = answer;
            return true;
        }
        int64_t left_ms = until_ms - clock_mono_ms();
        struct pollfd wait = {.fd = r->context->fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&wait, 1, (int)left_ms) == 0)
            return true;
        errno = 0;
        if (wait.revents && redisBufferRead(r->context) != REDIS_OK)
            return drop(r, "listening to", e);
    }
}
