// What keeps PostgreSQL and the queue at one, on a thread of its own with connections that it opens when it needs them:
//
//   ends   a job that failed or was cancelled in Redis, where no stage could say so: csv_uploads is told, then the
//   queue
//          that it was (script told).
//   lost   every queue.reconcile_s: uploads in csv_uploads that were asked for, are not finished and were not written
//          about for queue.reconcile_after_s, and whose job Redis does not know to be open, are pushed on the inbox
//          again: with their job's id, so that pushing twice is pushing once. One whose request is no job message is
//          written off as failed; where Redis knows that the job at work on it has ended, that is written.
//
// INVARIANTS  An end is told to the queue only after it was committed; one that could not be written is said again by
//             the next sweep. A lost upload is touched before it is pushed: a worker that dies in between costs one
//             more queue.reconcile_after_s.
// LIFE        reconcile_create before loop_run, reconcile_poke from the loop (its on_end hook), reconcile_destroy after
//             it: stops what runs and joins.
#ifndef BUNDLE_WORKER_STAGES_RECONCILE_H
#define BUNDLE_WORKER_STAGES_RECONCILE_H

#include "worker/stages/stages.h"

struct reconcile;
struct reconcile *reconcile_create(const struct stages_env *env); // env outlives it
void reconcile_destroy(struct reconcile *r);
// Copies the end; any thread. When too many wait it is left to the next sweep.
void reconcile_poke(void *reconcile, const struct queue_end *end);

// One look for what was lost, on the caller's thread; *n: how many uploads were pushed again, or told their end. None
// while messages wait in the inbox: they may be just those.
bool reconcile_lost(const struct stages_env *env, int64_t *n, struct err *e) MUST_USE;

#endif
