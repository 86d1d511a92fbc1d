// What the parts of the Redis adapter share. Not for anybody else.
#ifndef BUNDLE_COMMON_REDIS_INTERNAL_H
#define BUNDLE_COMMON_REDIS_INTERNAL_H

#include <hiredis/hiredis.h>

#include "common/arena.h"
#include "common/redis.h"

// A command's arguments, and around them what redis_cmd_format adds: a script's body at most.
enum { REDIS_IO_MAX_BYTES = REDIS_CMD_MAX_BYTES + (1 << 20) };

// ---- redis_cmd.c ----

// The command as bytes for the wire; is_eval: with the script's body instead of its hash.
void redis_cmd_format(const struct redis_cmd *c, bool is_eval, struct buf *out);

// What a new connection is told and asked before it is used.
enum redis_step { REDIS_STEP_AUTH, REDIS_STEP_SELECT, REDIS_STEP_ROLE, REDIS_STEP_PING, REDIS_STEP_NAME };
enum { REDIS_HELLO_MAX = 5 };
struct redis_hello {
    unsigned n;
    struct redis_cmd cmds[REDIS_HELLO_MAX];
    enum redis_step steps[REDIS_HELLO_MAX];
};
void redis_hello_init(struct redis_hello *h, const struct redis_url *url, const char *name);
void redis_hello_fini(struct redis_hello *h);
void redis_hello_format(const struct redis_hello *h, struct buf *out); // all of it
bool redis_hello_judge(enum redis_step step, const struct redis_url *url, const struct redis_reply *r,
                       struct err *e) MUST_USE;

// ---- redis_reply.c ----

bool redis_is_noscript(const struct redis_reply *r);
// An error that says "not here": failed over, or starting; behind Sentinels also a master that has lost its replicas:
// it may be the one that was cut off. The connection is of no use.
bool redis_wants_reconnect(const struct redis_reply *r, const struct redis_url *url);

// ---- redis_reader.c ----

// From now on c's replies have their parts in `memory`, which must outlive c and is emptied when one is freed: before
// the next is read, so there is one at a time.
void redis_read_into(redisContext *c, struct arena *memory);

// ---- redis_tls.c ----

// server: the name or address that its certificate must be for. On a connection of the event loop this only begins the
// handshake, of which hiredis tells nothing but that it failed: *session (NULL: not wanted) knows why.
struct redis_tls;
bool redis_start_tls(redisContext *c, const struct redis_url *url, const char *server, struct redis_tls **session,
                     struct err *e) MUST_USE;
bool redis_tls_refused(const struct redis_tls *session, struct err *e); // was it the certificate? NULL: no
void redis_tls_free(struct redis_tls *session);                         // NULL is fine

// ---- redis_locate.c: where to connect ----

// Asks the Sentinels one after the other, beginning with number *first (which becomes the one that answered), for no
// longer than about REDIS_LOCATE_MS in all.
enum { REDIS_LOCATE_MS = 1500, REDIS_SENTINEL_MS = 400 };
bool redis_ask_sentinels(const struct redis_url *url, unsigned *first, struct redis_place *out, struct err *e) MUST_USE;
bool redis_needs_search(const struct redis_url *url); // Sentinels, or a name that only DNS knows

// The same, and the lookup of names, in a thread of its own. THREADS: begin, end and abandon from one thread.
struct redis_search;
struct redis_search *redis_search_begin(const struct redis_url *url, unsigned first,
                                        unsigned attempt); // NULL: no thread
int redis_search_fd(const struct redis_search *s);         // readable when it is done
// Once it is done: takes s. out->host is numeric, server the name its certificate must be for.
bool redis_search_end(struct redis_search *take_s, unsigned *first, struct redis_place *out, char server[256],
                      struct err *e) MUST_USE;
void redis_search_abandon(struct redis_search *take_s); // NULL is fine; its thread ends by itself

#endif
