// What the two halves of the Redis adapter share. Not for anybody else.
#ifndef BUNDLE_COMMON_REDIS_INTERNAL_H
#define BUNDLE_COMMON_REDIS_INTERNAL_H

#include <hiredis/hiredis.h>
#ifdef BUNDLE_HAVE_HIREDIS_SSL
#include <hiredis/hiredis_ssl.h>
#endif

#include "common/redis.h"

enum { REDIS_IO_MAX_BYTES = REDIS_CMD_MAX_BYTES };

// The command as bytes for the wire; is_eval: with the script's body instead of its hash.
void redis_cmd_format(const struct redis_cmd *c, bool is_eval, struct buf *out);
bool redis_is_noscript(const struct redis_reply *r);
bool redis_wants_reconnect(const struct redis_reply *r); // an error that says "not here": failed over, or starting
// AUTH, SELECT and CLIENT SETNAME as this URL needs them; returns how many. The caller owns them.
enum { REDIS_HELLO_MAX = 3 };
unsigned redis_hello(const struct redis_url *url, const char *name, struct redis_cmd cmds[REDIS_HELLO_MAX]);
bool redis_start_tls(redisContext *c, const struct redis_url *url, struct err *e) MUST_USE;

#endif
