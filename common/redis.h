// The Redis adapter: commands, replies, a blocking connection and one on the event loop. The only place that knows
// hiredis (redis.c, redis_async.c), from 0.14 on.
//
// COMMAND   built with redis_cmd_*: either a plain command or a call of a script (EVALSHA, and EVAL where Redis has
// lost
//           the script: NOSCRIPT means that nothing ran, so repeating is safe).
// FAILURE   ERR_REDIS_AWAY: no answer, or one that says "not now, not here" (LOADING, READONLY, MASTERDOWN, NOREPLICAS,
//           OOM, MISCONF): the command may or may not have run; connection and command can be tried again.
//           ERR_REDIS: Redis answered an error. ERR_CONFIG: bad URL, AUTH refused, TLS not built in.
// SECRETS   No error names user or password.
// THREADS   A connection belongs to one thread; an async one to its loop's thread.
#ifndef BUNDLE_COMMON_REDIS_H
#define BUNDLE_COMMON_REDIS_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"

struct redis_url {
    char host[256]; // "" for a unix socket
    char path[108]; // unix socket
    char user[128], password[512];
    int port, db;
    bool is_tls;
};
// redis://[user:password@]host[:port][/db], rediss://..., unix:///path[?db=n]. password_file "" : none.
bool redis_url_parse(const char *text, const char *password_file, struct redis_url *out, struct err *e) MUST_USE;

// A Lua script, embedded at build time; sha is of body.
struct redis_script {
    const char *name, *sha, *body;
};

struct redis_cmd {
    const struct redis_script *script; // NULL: a plain command
    struct buf args;                   // in RESP
    unsigned n_args;
};
enum { REDIS_CMD_MAX_BYTES = 512 << 20 };
void redis_cmd_init(struct redis_cmd *c, const char *name); // "SET"
void redis_cmd_init_script(struct redis_cmd *c, const struct redis_script *s,
                           struct str key); // one key: names the slot
void redis_cmd_fini(struct redis_cmd *c);
void redis_cmd_str(struct redis_cmd *c, struct str arg); // any bytes
void redis_cmd_text(struct redis_cmd *c, const char *arg);
void redis_cmd_int(struct redis_cmd *c, int64_t arg);

enum redis_type { REDIS_NIL, REDIS_INT, REDIS_TEXT, REDIS_ARRAY, REDIS_ERROR };
struct redis_reply; // all accessors take NULL as nil
enum redis_type redis_reply_type(const struct redis_reply *r);
int64_t redis_reply_int(const struct redis_reply *r);    // 0 where it is none; texts are read as numbers
struct str redis_reply_str(const struct redis_reply *r); // "" where it is none; of errors the message
size_t redis_reply_size(const struct redis_reply *r);    // of an array, else 0
const struct redis_reply *redis_reply_at(const struct redis_reply *r, size_t i); // NULL past the end
bool redis_reply_error(const struct redis_reply *r, struct err *e);              // true when it is one, e filled

// ---- blocking ----
struct redis;
bool redis_open(struct redis **out, const struct redis_url *url, const char *name, int64_t timeout_ms,
                struct err *e) MUST_USE;
void redis_close(struct redis *r); // NULL is fine
void redis_closep(struct redis **r);
// Sends and waits. The reply is the caller's (redis_reply_free); an error reply is false. A lost connection is opened
// again by the next call.
bool redis_call(struct redis *r, const struct redis_cmd *c, struct redis_reply **reply, struct err *e) MUST_USE;
void redis_reply_free(struct redis_reply *reply); // NULL is fine
void redis_reply_freep(struct redis_reply **reply);
// Waits up to timeout_ms for a pub/sub message: true with *reply NULL when none came.
bool redis_next_message(struct redis *r, int64_t timeout_ms, struct redis_reply **reply, struct err *e) MUST_USE;

// ---- on the event loop ----
struct event_base;
struct redis_async;
struct redis_hooks {
    void (*on_ready)(void *context);                         // connected, authenticated: send now
    void (*on_lost)(void *context, const struct err *cause); // said once per outage; it reconnects by itself
    void *context;
};
// The reply is a view, valid during the call; NULL: the connection went, the outcome is unknown.
typedef void redis_on_reply(void *context, const struct redis_reply *reply);

struct redis_async *redis_async_create(struct event_base *base, const struct redis_url *url, const char *name,
                                       int64_t timeout_ms, const struct redis_hooks *hooks);
void redis_async_destroy(struct redis_async *r); // pending callbacks run with NULL first; hooks are not called
bool redis_async_is_ready(const struct redis_async *r);
// wait_ms: how long the answer may take on top of the connection's timeout (blocking commands); 0 otherwise.
// false: not ready, the callback will not run. Takes the command's content.
bool redis_async_send(struct redis_async *r, struct redis_cmd *take_cmd, int64_t wait_ms, redis_on_reply *on_reply,
                      void *context);
uint64_t redis_async_round_trips(const struct redis_async *r);

#endif
