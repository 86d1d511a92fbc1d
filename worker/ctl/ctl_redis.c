#include "worker/ctl/ctl_redis.h"

#include <signal.h>
#include <stdio.h>

#include "common/check.h"

static const char CLIENT_NAME[] = "bundlectl";

bool ctl_redis_open(struct ctl_redis *r, const struct ctl *c, struct err *e)
{
    const struct queue_limits limits = settings_queue_limits(c->settings);
    (void)signal(SIGPIPE, SIG_IGN); // hiredis writes to sockets that may be gone
    *r = (struct ctl_redis){.timeout_ms = c->settings->redis_timeout_ms};
    queue_init(&r->queue, c->settings->queue_name, &limits);
    return settings_redis_url(c->settings, &r->url, e) && redis_open(&r->redis, &r->url, CLIENT_NAME, r->timeout_ms, e);
}

void ctl_redis_close(struct ctl_redis *r)
{
    redis_close(r->redis);
    r->redis = NULL;
    redis_url_forget(&r->url);
}

bool ctl_redis_more(const struct ctl_redis *r, struct redis **out, struct err *e)
{
    return redis_open(out, &r->url, CLIENT_NAME, r->timeout_ms, e);
}

bool ctl_redis_ask(struct ctl_redis *r, const struct str *words, size_t n, struct redis_reply **reply, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd c = {0};
    CHECK(n > 0 && words[0].ptr[words[0].len] == '\0');
    redis_cmd_init(&c, words[0].ptr);
    for (size_t i = 1; i < n; i++)
        redis_cmd_str(&c, words[i]);
    return redis_call(r->redis, &c, reply, e);
}

struct str ctl_redis_key(const struct ctl_redis *r, const char *name, char out[128])
{
    int len = snprintf(out, 128, "%s:%s", r->queue.key, name);
    CHECK(len > 0 && len < 128);
    return (struct str){out, (size_t)len};
}

bool ctl_redis_push(struct ctl_redis *r, struct str message, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd c = {0};
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    queue_push_cmd(&r->queue, message, &c);
    return redis_call(r->redis, &c, &reply, e);
}

bool ctl_redis_overview(struct ctl_redis *r, unsigned most, struct redis_reply **reply, struct queue_overview *o,
                        struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd c = {0};
    queue_overview_cmd(&r->queue, most, &c);
    return redis_call(r->redis, &c, reply, e) &&
           (queue_overview_reply(*reply, o) ||
            err_set(e, ERR_CODEC, "the queue's overview is not as this version expects it"));
}

bool ctl_redis_now(struct ctl_redis *r, int64_t *now_ms, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    const struct str words[] = {STR("TIME")};
    if (!ctl_redis_ask(r, words, ARRAY_LEN(words), &reply, e))
        return false;
    *now_ms = redis_reply_int(redis_reply_at(reply, 0)) * 1000 + redis_reply_int(redis_reply_at(reply, 1)) / 1000;
    return true;
}

bool ctl_redis_hget(struct ctl_redis *r, const char *name, struct str suffix, const char *field, struct buf *out,
                    struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd get;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(buf_fini) struct buf key;
    buf_init(&key, 4096);
    queue_key(&r->queue, name, suffix, &key);
    redis_cmd_init(&get, "HGET");
    redis_cmd_str(&get, buf_str(&key));
    redis_cmd_text(&get, field);
    if (!redis_call(r->redis, &get, &reply, e))
        return false;
    struct str value = redis_reply_str(reply);
    buf_put(out, value.ptr, value.len);
    return buf_ok(out, field, e);
}
