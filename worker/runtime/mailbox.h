// The mailbox: how compute threads hand commands and finished tasks to the event loop, in order. Waking the loop costs
// more than a small task, so finished tasks may lie there for a moment while their slot goes on with the next one:
// until the slot has no more (mailbox_wake), or until the mailbox has been left alone for its patience, whichever is
// first.
//
// INVARIANTS  1. What was posted is taken within the patience (and the millisecond that libevent's timers are
//                exact to), whatever the slots do meanwhile.
// THREADS     Anybody posts and wakes; the loop's thread does all else.
#ifndef BUNDLE_WORKER_RUNTIME_MAILBOX_H
#define BUNDLE_WORKER_RUNTIME_MAILBOX_H

#include "common/redis.h"

struct event_base;
struct task;

struct mail {
    struct mail *next;
    struct redis_cmd cmd; // when task is NULL
    struct task *task;    // ended; the mail is part of it
};

struct mailbox;
// on_mail runs on the loop after something was posted.
struct mailbox *mailbox_create(struct event_base *base, void (*on_mail)(void *context), void *context);
void mailbox_destroy(struct mailbox *m);                              // what is left in it is destroyed too
void mailbox_post_cmd(struct mailbox *m, struct redis_cmd *take_cmd); // wakes the loop
// true: somebody must call mailbox_wake soon, and before waiting for anything.
bool mailbox_post_task(struct mailbox *m, struct task *take_task) MUST_USE;
void mailbox_wake(struct mailbox *m);
// All there is, in order, chained by `next`; NULL: empty. The caller owns it (mail_destroy each).
struct mail *mailbox_take(struct mailbox *m);
void mail_destroy(struct mail *mail); // not the task
// Slots have been given work. patience_us: how long their ends may lie.
void mailbox_expect(struct mailbox *m, int64_t patience_us);
#endif
