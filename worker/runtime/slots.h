// Slots: the compute threads. Each runs one task at a time with what it owns (its PostgreSQL connection, say).
// THREADS  Push and take back from the loop's thread; handlers run on the slots' threads.
#ifndef BUNDLE_WORKER_RUNTIME_SLOTS_H
#define BUNDLE_WORKER_RUNTIME_SLOTS_H

#include "worker/runtime/task.h"

struct slots_hooks {
    void *(*slot_open)(void *context, unsigned number); // on the slot's thread, once; never fails (connects lazily)
    void (*slot_close)(void *slot);
    void *context;
};

struct slots;
struct slots *slots_create(unsigned n, const struct slots_hooks *hooks, struct mailbox *mailbox);
void slots_destroy(struct slots *s); // waits for running tasks; waiting ones must have been taken back
// Tasks chained by `next`, in order; urgent ones go ahead of the others.
void slots_push(struct slots *s, struct task *take_tasks);
struct task *slots_take_back(struct slots *s); // a task that no slot has begun; NULL: none

#endif
