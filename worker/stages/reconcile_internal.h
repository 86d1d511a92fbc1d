// What the parts of the reconciler share. Not for anybody else.
#ifndef BUNDLE_WORKER_STAGES_RECONCILE_INTERNAL_H
#define BUNDLE_WORKER_STAGES_RECONCILE_INTERNAL_H

#include "worker/stages/reconcile.h"
#include "worker/stages/stages_internal.h"
#include "worker/store/upload_requests.h"

// The two sides that are to be at one. Of one thread.
struct reconcile_sides {
    const struct stages_env *env;
    struct pg *pg;
    struct redis *redis;           // NULL: not connected
    const atomic_bool *is_closing; // NULL: nobody calls it off
};
void reconcile_sides_fini(struct reconcile_sides *s); // gives the connections back; they come again when needed

struct str reconcile_keep(struct arena *memory, struct str text); // a copy, NUL-terminated
bool reconcile_call(struct reconcile_sides *s, struct redis_cmd *take_cmd, struct redis_reply **reply,
                    struct err *e) MUST_USE;
// The upload's latest job, "" where Redis knows none. In `memory`.
bool reconcile_find(struct reconcile_sides *s, struct str shop, struct str upload, struct arena *memory,
                    struct str *state, struct str *job, struct err *e) MUST_USE;
// Fills the end's fence: after all tasks that were drawn until now.
bool reconcile_write_end(struct reconcile_sides *s, struct upload_end *end, struct err *e) MUST_USE;

// *n: how many were pushed again, or told their end.
bool reconcile_scan(struct reconcile_sides *s, int64_t *n, struct err *e) MUST_USE;

#endif
