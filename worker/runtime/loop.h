// The worker's event loop: it alone talks to the queue. It knows kinds of tasks and opaque bytes, nothing of bundles.
//
//        intake connection   BLMOVE inbox -> intake, then admit or reject      (intake.c)
//        wake connection     BLPOP of the wake marker while slots are free     (turn.c)
//        command connection  turns: end finished tasks, draw new ones          (turn.c)
//                            progress, blobs, sweep
//        mailbox             what slots post; slots compute; beat renews leases
//
// INVARIANTS  1. At most one turn is on its way. 2. A task is in exactly one of: slots, ended list, turn.
//             3. Tasks held never exceed slots + prefetch.
// STOPPING    SIGTERM or SIGINT: draw no more, hand back what no slot has begun, wait up to grace_ms for the rest, then
// ask
//             it to stop and hand it back too; loop_run returns. A second signal ends the process at once.
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

struct loop_config {
    struct queue queue;
    struct redis_url redis;
    const char *worker; // name
    unsigned slots;
    unsigned prefetch_max;
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
};

// Runs until it is told to stop. false: it could not start.
bool loop_run(const struct loop_config *config, struct err *e) MUST_USE;

#endif
