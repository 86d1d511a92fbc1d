// The Redis adapter: commands, replies, a blocking connection and one on the event loop. The only place that knows
// hiredis (redis*.c), from 0.14 on.
//
// COMMAND   built with redis_cmd_*: either a plain command or a call of a script (EVALSHA, and EVAL where Redis has
//           lost the script: NOSCRIPT means that nothing ran, so repeating is safe).
// CONNECT   every time anew: ask the Sentinels where the master is (redis+sentinel://), read the password file (so a
//           password can be rotated), then AUTH, SELECT, ROLE (a replica is no use to a queue), PING (a server that
//           still loads is not back), CLIENT SETNAME.
// FAILURE   ERR_REDIS_AWAY: no answer, or one that says "not now, not here" (LOADING, READONLY, MASTERDOWN, NOREPLICAS,
//           OOM, MISCONF, BUSY ..., also where a script met it): the command may or may not have run; connection and
//           command can be tried again. ERR_CONFIG: user, password or rights refused, a cluster, TLS that fails to
//           verify; it names the remedy, and trying again is right there too: an operator may mend it. ERR_LIMIT:
//           larger than REDIS_CMD_MAX_BYTES. ERR_REDIS: Redis answered an error.
// TIME      no call waits for ever: timeout_ms for a connection, and for an answer without any progress.
// SECRETS   No error names a password.
// THREADS   A connection belongs to one thread; an async one to its loop's thread, which it never blocks: names and
//           Sentinels are asked in a thread of their own.
#ifndef BUNDLE_COMMON_REDIS_H
#define BUNDLE_COMMON_REDIS_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"

struct redis_place {
    char host[256];
    int port;
};
enum { REDIS_SENTINELS_MAX = 8, REDIS_SECRET_MAX = 512, REDIS_FILE_MAX = 1024 };
struct redis_url {
    char host[256]; // "" for a unix socket, or with Sentinels
    char path[108]; // unix socket
    char user[128], password[REDIS_SECRET_MAX];
    char password_file[REDIS_FILE_MAX]; // read again for every connection; "": none
    int port, db;
    bool is_tls;
    char tls_ca[REDIS_FILE_MAX], tls_cert[REDIS_FILE_MAX], tls_key[REDIS_FILE_MAX]; // "": the system's CAs; none
    char master[128];                                                               // "": no Sentinel
    struct redis_place sentinels[REDIS_SENTINELS_MAX];
    unsigned n_sentinels;
    char sentinel_user[128], sentinel_password[REDIS_SECRET_MAX];
    bool is_sentinel; // the server is one itself: it gets no ROLE, no name
};
// redis://[user:password@]host[:port][/db], rediss://... (TLS), unix://[user:password@]/path[?db=n],
// redis+sentinel://[user:password@]host[:port],...[,host[:port]]/master[/db][?sentinel_user=...&sentinel_password=...],
// rediss+sentinel://... (TLS to both). What is none of the URL's own signs in a user or password is written as %XX.
// password_file "": none.
bool redis_url_parse(const char *text, const char *password_file, struct redis_url *out, struct err *e) MUST_USE;
// ca: a file, or a directory of hashed names; cert and key: ours, both or none. "": none.
bool redis_url_set_tls(struct redis_url *u, const char *ca, const char *cert, const char *key, struct err *e) MUST_USE;
void redis_url_forget(struct redis_url *u); // its secrets too

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
bool redis_cmd_ok(const struct redis_cmd *c, struct err *e) MUST_USE; // ERR_LIMIT when it is too large to be sent

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
// Sends and waits: timeout_ms without a byte, in all no longer than REDIS_CALL_TIMEOUTS as long. The reply is the
// caller's (redis_reply_free); an error reply is false. A lost connection is opened again by the next call, one that
// was closed while nobody used it by this call.
enum { REDIS_CALL_TIMEOUTS = 12 };
bool redis_call(struct redis *r, const struct redis_cmd *c, struct redis_reply **reply, struct err *e) MUST_USE;
void redis_reply_free(struct redis_reply *reply); // NULL is fine
void redis_reply_freep(struct redis_reply **reply);
// Waits up to timeout_ms for a pub/sub message: true with *reply NULL when none came. A silent connection is pinged, so
// that one that is dead is found out.
bool redis_next_message(struct redis *r, int64_t timeout_ms, struct redis_reply **reply, struct err *e) MUST_USE;

// ---- on the event loop ----
struct event_base;
struct redis_async;
struct redis_hooks {
    void (*on_ready)(void *context); // connected, authenticated: send now
    // It reconnects by itself. Said when an outage begins, when its kind changes, and once a minute while it lasts.
    void (*on_lost)(void *context, const struct err *cause);
    // After on_lost, once a command has been answered again; NULL: not wanted.
    void (*on_back)(void *context, int64_t lost_ms, unsigned attempts);
    void *context;
};
// The reply is a view, valid during the call; NULL: the connection went, the outcome is unknown.
typedef void redis_on_reply(void *context, const struct redis_reply *reply);

struct redis_async *redis_async_create(struct event_base *base, const struct redis_url *url, const char *name,
                                       int64_t timeout_ms, const struct redis_hooks *hooks);
void redis_async_destroy(struct redis_async *r); // pending callbacks run with NULL first; hooks are not called
bool redis_async_is_ready(const struct redis_async *r);
// wait_ms: how long the answer may take on top of the connection's timeout (blocking commands); 0 otherwise.
// false: not ready, or too large (redis_cmd_ok tells); the callback will not run. Takes the command's content.
bool redis_async_send(struct redis_async *r, struct redis_cmd *take_cmd, int64_t wait_ms, redis_on_reply *on_reply,
                      void *context);

#endif
