// What keeps PostgreSQL and the queue at one, on a thread of its own with connections that it opens when it needs them:
//
//   ends   a job that failed or was cancelled in Redis, where no stage could say so: csv_uploads is told, then the
//          queue that it was (script told).
//   lost   every queue.reconcile_s: uploads in csv_uploads that were asked for, are not finished and were not written
//          about for queue.reconcile_after_s, and whose job Redis does not know to be open, are pushed on the inbox
//          again: under their job's id, so that pushing twice is pushing once; under a new one where that job is final.
//          One whose request is no job message is written off as failed; where Redis knows that the job at work on it
//          has ended, that is written. More than one look has room for, or behind an inbox that was not empty: a second
//          later.
//
// INVARIANTS  An end is told to the queue only after it was committed; one that could not be written is said again by
//             the next sweep. A lost upload is touched before it is pushed: a worker that dies in between costs one
//             more queue.reconcile_after_s. One that cannot be written holds up none behind it. A job that begins anew
//             is never ended by what it was before (the end's fence).
// LIFE        reconcile_create before loop_run, reconcile_poke from the loop (its on_end hook), reconcile_destroy after
//             it: stops what runs and joins, within a second or two. A server that is silent just then is waited for:
//             Redis for two answers (redis.h, TIME), PostgreSQL for that to one COMMIT (pg.h, CANCEL).
#ifndef BUNDLE_WORKER_STAGES_RECONCILE_H
#define BUNDLE_WORKER_STAGES_RECONCILE_H

#include "worker/stages/stages.h"

struct reconcile;
struct reconcile *reconcile_create(const struct stages_env *env); // env outlives it
void reconcile_destroy(struct reconcile *r);
// Copies the end, unless it waits already; any thread. When too many wait it is left to the next sweep.
void reconcile_poke(void *reconcile, const struct queue_end *end);

// One look for what was lost, on the caller's thread; *n: how many uploads were pushed again, or told their end. None
// while messages wait in the inbox: they may be just those.
bool reconcile_lost(const struct stages_env *env, int64_t *n, struct err *e) MUST_USE;

#endif
