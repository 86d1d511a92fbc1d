// The heartbeat: a thread and a connection of its own that renew the leases of every task this worker holds, so that no
// computing and no busy loop is ever taken for death. A task past its own deadline is not renewed any more.
//
// THREADS   hold and release from the loop's thread; the beat thread reads refs and tokens and sets is_cancelled of
// tasks
//           whose lease is lost (taken over, job cancelled, out of time).
#ifndef BUNDLE_WORKER_RUNTIME_BEAT_H
#define BUNDLE_WORKER_RUNTIME_BEAT_H

#include "worker/runtime/task.h"

struct beat;
struct beat *beat_create(const struct queue *q, const struct redis_url *url, const char *worker, unsigned slots,
                         int64_t every_ms, int64_t timeout_ms);
void beat_destroy(struct beat *b);
void beat_hold(struct beat *b, struct task *t);
void beat_release(struct beat *b, struct task *t);
void beat_cancel_all(struct beat *b);   // every held task is asked to stop
size_t beat_held(const struct beat *b); // loop's thread

#endif
