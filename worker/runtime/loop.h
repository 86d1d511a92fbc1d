// The worker's event loop: it alone talks to the queue. It knows kinds of tasks and opaque bytes, nothing of bundles.
//
//        intake connection   BLMOVE inbox -> intake, then admit or reject      (intake.c)
//        wake connections    BLPOP of a wake marker while slots are free, or while there is room for more I/O (lane.c)
//        command connection  turns: end finished tasks, draw new ones          (turn.c)
//                            progress, blobs, sweep
//        mailbox             what slots and I/O post; slots compute; I/O waits for others; beat renews leases
//
// INVARIANTS  1. At most one turn is on its way. 2. A task is in exactly one of: slots, I/O, ended list, turn.
//             3. No task is drawn beyond slots + prefetch that compute, nor beyond io_max of I/O; neither counts for
//             the other.
// STOPPING    SIGTERM or SIGINT: draw no more, hand back what no slot has begun, wait up to grace_ms for the rest,
//             then ask it to stop and hand it back too; loop_run returns. A second signal ends the process at once.
#ifndef BUNDLE_WORKER_RUNTIME_LOOP_H
#define BUNDLE_WORKER_RUNTIME_LOOP_H

#include "worker/runtime/slots.h"

// What a producer's message asks for: a job, or the end of one.
struct admission {
    struct queue_job job; // shop and upload as far as they are known, also of a message that is refused
    bool is_cancellation; // of job.id, or ("") of the upload's job
    const struct queue_stage *plan;
    size_t n_stages;
};

// What waits for others, without a slot: tasks of the kinds that have `begin`.
struct io_hooks {
    void *(*open)(void *context); // before the first turn
    void (*close)(void *io);      // ends all tasks that it still has, each by task_end, and calls nothing afterwards
    void *context;
};

struct loop_config {
    struct queue queue;
    struct redis_url redis;
    const char *worker; // name
    unsigned slots;
    unsigned prefetch_max;
    unsigned io_max; // tasks of I/O at a time; 0: none are drawn
    int64_t redis_timeout_ms, beat_ms, sweep_ms, grace_ms;
    const struct task_kind *kinds;
    size_t n_kinds;
    // Reads a producer's message. Texts may live in `memory`.
    bool (*admit)(void *context, struct str raw, struct arena *memory, struct admission *out, struct err *e);
    void *admit_context;
    // A job that failed or was cancelled, of which somebody should tell PostgreSQL, and then the queue
    // (queue_told_cmd); else it is said again later, here or to another worker. Views, valid during the call. NULL:
    // nobody listens.
    void (*on_end)(void *context, const struct queue_end *end);
    void *on_end_context;
    struct slots_hooks slot_hooks;
    struct io_hooks io_hooks; // NULLs: nothing to open
};

// Runs until it is told to stop. false: it could not start.
bool loop_run(const struct loop_config *config, struct err *e) MUST_USE;

#endif
