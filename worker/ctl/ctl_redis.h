// The queue as bundlectl's commands see it: a connection and the queue's names.
#ifndef BUNDLE_WORKER_CTL_CTL_REDIS_H
#define BUNDLE_WORKER_CTL_CTL_REDIS_H

#include "common/queue_admin.h"
#include "worker/ctl/ctl.h"

struct ctl_redis {
    struct redis_url url;
    struct queue queue;
    struct redis *redis; // for commands
    int64_t timeout_ms;
};

bool ctl_redis_open(struct ctl_redis *r, const struct ctl *c, struct err *e) MUST_USE;
void ctl_redis_close(struct ctl_redis *r); // for AUTO; all zero is fine
// One more connection, for a subscription.
bool ctl_redis_more(const struct ctl_redis *r, struct redis **out, struct err *e) MUST_USE;

// A command of plain words.
bool ctl_redis_ask(struct ctl_redis *r, const struct str *words, size_t n, struct redis_reply **reply,
                   struct err *e) MUST_USE;
// "{queue}:<name>" and a message into the inbox.
struct str ctl_redis_key(const struct ctl_redis *r, const char *name, char out[128]);
bool ctl_redis_push(struct ctl_redis *r, struct str message, struct err *e) MUST_USE;

// The queue's overview; *o are views into *reply. most: jobs that are listed.
bool ctl_redis_overview(struct ctl_redis *r, unsigned most, struct redis_reply **reply, struct queue_overview *o,
                        struct err *e) MUST_USE;
bool ctl_redis_now(struct ctl_redis *r, int64_t *now_ms, struct err *e) MUST_USE; // by Redis' clock

// HGET {queue}:<name>:<suffix> field; *out is empty (and put is nothing) where it is not there.
bool ctl_redis_hget(struct ctl_redis *r, const char *name, struct str suffix, const char *field, struct buf *out,
                    struct err *e) MUST_USE;

#endif
