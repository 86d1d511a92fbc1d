// A claimed task: what came with it, what it leaves, and whether somebody wants it to stop. It belongs to one thread at
// a time and moves by hand-off: loop -> slot -> loop, or loop -> whoever does the I/O -> loop.
//
// INVARIANTS  1. is_cancelled only ever goes from false to true; it is the one field that other threads touch.
//             2. What task_post sends (progress, blobs) is on its way to Redis before the task's end is.
#ifndef BUNDLE_WORKER_RUNTIME_TASK_H
#define BUNDLE_WORKER_RUNTIME_TASK_H

#include <stdatomic.h>

#include "common/arena.h"
#include "common/queue.h"
#include "worker/runtime/mailbox.h"

struct task;

// Which handler runs a stage's tasks. One that computes has `run`, and what goes first on a worker's slots (urgency, as
// in the plan); `slot` is what the thread owns (hooks.slot_open of the loop). One that waits for somebody else has
// `begin`: it is called on the loop's thread, hands the task on to `io` (io_hooks.open) and returns at once; whoever
// has the task then looks at is_cancelled, and ends it by task_end.
struct task_kind {
    const char *stage;
    int urgency;
    bool (*run)(struct task *t, void *slot, struct err *e);
    void (*begin)(struct task *take_t, void *io);
};

struct task_input {
    struct str task, result;
};

// What all tasks drawn of a job in one turn have in common; copied once, counted.
struct task_job;
struct task_job *task_job_create(const struct queue_claimed_job *from);
void task_job_release(struct task_job *j); // NULL is fine

struct task {
    // what came
    struct arena memory;     // lives as long as the task; handlers may use it
    struct task_job *of_job; // a reference
    struct str ref, token, job, name, stage, payload, shared, job_payload, shop, upload, failed;
    int64_t attempts, crashes, deadline_ms; // deadline: monotonic
    bool is_partial;
    const struct task_input *inputs; // sorted by task name
    size_t n_inputs;
    const struct task_kind *kind; // NULL: nobody here knows this stage
    atomic_bool is_cancelled;

    // what it leaves
    enum queue_outcome outcome;
    struct str result, message, reason, share;
    int64_t bundles;
    struct queue_more *more;
    size_t n_more;
    int64_t begun_us, run_us;

    const struct queue *queue;
    struct mailbox *mailbox;
    struct task *next;                      // in whoever holds it
    struct mail mail;                       // takes it to the loop
    struct task *held_next, *held_previous; // in the registry of leases (beat.h)
};

// Copies; takes a reference of its own on the job.
struct task *task_create(const struct queue *q, struct mailbox *m, struct task_job *j, const struct queue_claim *c,
                         struct str token);
void task_destroy(struct task *t);

// ---- for who runs it ----
enum queue_lane task_lane(const struct task *t);
void task_enter(struct task *t); // from here this thread's lines in the log, and its panics, are the task's
void task_leave(void);
void task_note_end(struct task *t, bool ok, const struct err *e); // how it ended: outcome, reason, time; e: where !ok
// The end of a task that was begun: to the loop with it. Any thread, once.
void task_end(struct task *take_t, bool ok, const struct err *e);

// ---- for handlers ----
// The text or bytes are copied.
void task_result(struct task *t, struct str bytes);
void task_say(struct task *t, const char *fmt, ...) PRINTF_LIKE(2, 3); // the job's last word, if it ends by this task
void task_more(struct task *t, struct str name, struct str payload);   // a task of the next stage
void task_share(struct task *t, struct str bytes);                     // what those have in common
struct str task_input(const struct task *t, struct str name); // the result of that task, "" where there is none
// An event now. bundles < 0: no news.
void task_progress(struct task *t, int percent, const char *fmt, ...) PRINTF_LIKE(3, 4);
void task_preliminary(struct task *t, int percent, int64_t bundles, const char *message);
void task_post(struct task *t, struct redis_cmd *take_cmd); // any command, sent before the task's end

#endif
