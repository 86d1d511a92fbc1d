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

bool reconcile_call(struct reconcile_sides *s, struct redis_cmd *take_cmd, struct redis_reply **reply,
                    struct err *e) MUST_USE;
// The upload's latest job, "" where Redis knows none. In `memory`.
bool reconcile_find(struct reconcile_sides *s, struct str shop, struct str upload, struct arena *memory,
                    struct str *state, struct str *job, struct err *e) MUST_USE;
// After all tasks that were drawn until now. Whoever writes an end takes it before looking whether the job has ended:
// one that begins anew in between has a later one, and is left alone.
bool reconcile_fence(struct reconcile_sides *s, int64_t *fence, struct err *e) MUST_USE;
bool reconcile_is_called_off(const struct reconcile_sides *s);
// One of several has failed with `one`: *ok is false, *e the first such error. false: what follows would fail too (a
// side is away, a setting is wrong, somebody asked us to stop), and *e says that.
bool reconcile_goes_on(const struct err *one, bool *ok, struct err *e);

struct reconcile_found {
    int64_t n;    // that were pushed again, or told their end
    bool is_more; // there may be more: the inbox was not empty, or there was no room for all
};
// Fills *out, whatever it returns.
bool reconcile_scan(struct reconcile_sides *s, struct reconcile_found *out, struct err *e) MUST_USE;

#endif
