// The mailbox: how compute threads hand commands and finished tasks to the event loop, in order.
// THREADS  Anybody posts; the loop's thread takes.
#ifndef BUNDLE_WORKER_RUNTIME_MAILBOX_H
#define BUNDLE_WORKER_RUNTIME_MAILBOX_H

#include "common/redis.h"

struct event_base;
struct task;

struct mail {
    struct mail *next;
    struct redis_cmd cmd; // when task is NULL
    struct task *task;    // ended
};

struct mailbox;
// on_mail runs on the loop after something was posted.
struct mailbox *mailbox_create(struct event_base *base, void (*on_mail)(void *context), void *context);
void mailbox_destroy(struct mailbox *m); // what is left in it is destroyed too
void mailbox_post_cmd(struct mailbox *m, struct redis_cmd *take_cmd);
void mailbox_post_task(struct mailbox *m, struct task *take_task);
struct mail *mailbox_take(struct mailbox *m); // oldest first, NULL: empty; the caller owns it (mail_destroy)
void mail_destroy(struct mail *mail);         // not the task
#endif
