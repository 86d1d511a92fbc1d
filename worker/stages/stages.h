// The stages of a job: coordinators that load, compute and store, and decide nothing else (SPEC 2).
//
//     prepare --pairs (one task per objective and type that applies)--> merge --copy (batches)--> publish
//
//     result of       carries                                            read by
//     prepare         "prepare-result": artefact, where to store, the       merge
//                     shop's options (pairs share both), metrics
//     a pair          "pair-result": its bundles                            merge
//     merge           "merge-result": the final rows, metrics               publish
//
// THREADS   Each runs on a slot, which owns a PostgreSQL and a Redis connection.
#ifndef BUNDLE_WORKER_STAGES_STAGES_H
#define BUNDLE_WORKER_STAGES_STAGES_H

#include "worker/runtime/loop.h"
#include "worker/settings.h"
#include "worker/store/artefact_cache.h"
#include "worker/store/pg.h"

struct stages_env { // one per process, read-only but for the cache, which locks itself
    const struct settings *settings;
    const struct queue *queue;
    const struct redis_url *redis_url;
    struct artefact_cache *cache;
    const char *worker;
};

struct stages_slot {
    struct stages_env *env;
    struct pg *pg;
    struct redis *redis; // NULL: none could be made yet
};

enum { STAGES_N = 5 };
extern const struct queue_stage STAGES_PLAN[STAGES_N];
extern const struct task_kind STAGES_KINDS[];
extern const size_t STAGES_N_KINDS;

// Hooks of the event loop; context is a struct stages_env.
bool stages_admit(void *env, struct str raw, struct arena *memory, struct admission *out, struct err *e);
void *stages_slot_open(void *env, unsigned number);
void stages_slot_close(void *slot);

// "increase_aov.FBT": the name of a pair's task, and back.
void stages_pair_name(enum objective o, enum bundle_type t, struct buf *out);
bool stages_pair_of_name(struct str name, enum objective *o, enum bundle_type *t);

#endif
