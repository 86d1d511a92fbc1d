#include "common/redis_internal.h"

#include <stdio.h>

#include "common/check.h"
#include "common/secret.h"

enum { HEAD_MAX = 24 }; // "$", a size_t, "\r\n"

// "$5\r\n", at the end of head; returns where it begins. By hand: a turn has hundreds of arguments, and printf was a
// third of what it cost.
static const char *put_length(size_t len, char head[HEAD_MAX])
{
    char *at = head + HEAD_MAX;
    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + len % 10);
    while (len /= 10);
    *--at = '$';
    return at;
}

void redis_cmd_str(struct redis_cmd *c, struct str arg)
{
    char head[HEAD_MAX];
    const char *at = put_length(arg.len, head);
    size_t head_len = (size_t)(head + HEAD_MAX - at);
    char *room = buf_reserve(&c->args, head_len + arg.len + 2);
    c->n_args++;
    if (!room)
        return; // redis_cmd_ok says so
    memcpy(room, at, head_len);
    if (arg.len)
        memcpy(room + head_len, arg.ptr, arg.len);
    memcpy(room + head_len + arg.len, "\r\n", 3); // with its NUL, which stands behind all that a buffer holds
    c->args.len += head_len + arg.len + 2;
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

bool redis_cmd_ok(const struct redis_cmd *c, struct err *e)
{
    return buf_ok(&c->args, c->script ? c->script->name : "a Redis command", e);
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

// ---- hello ----

static struct redis_cmd *add_step(struct redis_hello *h, enum redis_step step, const char *name)
{
    CHECK(h->n < REDIS_HELLO_MAX);
    h->steps[h->n] = step;
    redis_cmd_init(&h->cmds[h->n], name);
    return &h->cmds[h->n++];
}

static void add_auth(struct redis_hello *h, const struct redis_url *url)
{
    char password[REDIS_SECRET_MAX];
    struct err unused;
    (void)snprintf(password, sizeof password, "%s", url->password);
    // Where the file cannot be read any more, what it held at the start may still be right; Redis says whether it is.
    if (url->password_file[0] &&
        !secret_read("redis.password_file", url->password_file, password, sizeof password, &unused))
        (void)snprintf(password, sizeof password, "%s", url->password);
    if (password[0]) {
        struct redis_cmd *auth = add_step(h, REDIS_STEP_AUTH, "AUTH");
        if (url->user[0])
            redis_cmd_text(auth, url->user);
        redis_cmd_text(auth, password);
    }
    explicit_bzero(password, sizeof password);
}

void redis_hello_init(struct redis_hello *h, const struct redis_url *url, const char *name)
{
    h->n = 0;
    add_auth(h, url);
    if (url->is_sentinel)
        return;
    if (url->db)
        redis_cmd_int(add_step(h, REDIS_STEP_SELECT, "SELECT"), url->db);
    (void)add_step(h, REDIS_STEP_ROLE, "ROLE");
    (void)add_step(h, REDIS_STEP_PING, "PING");
    struct redis_cmd *client = add_step(h, REDIS_STEP_NAME, "CLIENT");
    redis_cmd_text(client, "SETNAME");
    redis_cmd_text(client, name);
}

void redis_hello_fini(struct redis_hello *h)
{
    for (unsigned i = 0; i < h->n; i++) {
        explicit_bzero(h->cmds[i].args.data, h->cmds[i].args.len); // a password
        redis_cmd_fini(&h->cmds[i]);
    }
    h->n = 0;
}

void redis_hello_format(const struct redis_hello *h, struct buf *out)
{
    for (unsigned i = 0; i < h->n; i++)
        redis_cmd_format(&h->cmds[i], false, out);
}

// A queue writes with every step it takes: a replica is as good as no server.
static bool judge_role(const struct redis_url *url, const struct redis_reply *r, struct err *e)
{
    struct str role = redis_reply_str(redis_reply_at(r, 0));
    if (redis_reply_type(r) == REDIS_ERROR && !url->n_sentinels)
        return true; // a service that hides it: the first write tells
    if (redis_reply_error(r, e))
        return false;
    if (str_eq(role, STR("master")))
        return true;
    if (str_eq(role, STR("sentinel")))
        return err_set(e, ERR_CONFIG,
                       "redis.url names a Sentinel: write redis+sentinel://host:port/name-of-the-master instead");
    return err_set(e, ERR_REDIS_AWAY,
                   url->n_sentinels ? "Sentinel named a server that is a replica (a failover is on its way)"
                                    : "this Redis is a replica, where nothing can be written: redis.url must name the "
                                      "master, or use redis+sentinel://");
}

bool redis_hello_judge(enum redis_step step, const struct redis_url *url, const struct redis_reply *r, struct err *e)
{
    if (step == REDIS_STEP_NAME)
        return true; // a user who may not name its connections may still work
    if (step == REDIS_STEP_ROLE)
        return judge_role(url, r, e);
    if (!redis_reply_error(r, e))
        return true;
    if (step == REDIS_STEP_PING || e->kind != ERR_REDIS)
        return false;
    e->kind = ERR_CONFIG; // what is asked for is wrong, not how
    return err_wrap(e, step == REDIS_STEP_AUTH ? "check user and password: redis.url, redis.password_file"
                                               : "check the database number in redis.url");
}
