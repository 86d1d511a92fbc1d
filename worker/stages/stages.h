// The stages of a job: coordinators that load, compute and store, and decide nothing else (SPEC 2).
//
//     prepare --pairs (one task per objective and type that applies)--> merge --copy (batches)--> publish
//
//     result of       carries                                            read by
//     prepare         "prepare-result": artefact, where to store, the       merge
//                     shop's options (pairs share both), metrics
//     a pair          "pair-result": its bundles                            merge
//     merge           "merge-result": the final rows, metrics, which rows   publish
//                     wait for copy; a copy task for each batch of them     copy
//     a copy task     "copy-result": copy of its rows, or why there is none publish
//
// THREADS   Each runs on a slot, which owns a PostgreSQL and a Redis connection; but copy tasks, which wait for the
//           language model (copy_stage.h).
#ifndef BUNDLE_WORKER_STAGES_STAGES_H
#define BUNDLE_WORKER_STAGES_STAGES_H

#include "worker/runtime/loop.h"
#include "worker/settings.h"
#include "worker/store/artefact_cache.h"
#include "worker/store/pg.h"

struct copywriter;
struct copywriter_settings;
struct stages_env { // one per process, read-only but for the cache, which locks itself
    const struct settings *settings;
    const struct queue *queue;
    const struct redis_url *redis_url;
    struct artefact_cache *cache;
    const char *worker;
    struct copywriter *copywriter; // NULL: no language model is configured
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

// What settings must be for the stages: ERR_CONFIG.
bool stages_check(const struct settings *s, struct err *e) MUST_USE;

// The language model, where one is configured: env->copywriter. Before loop_run; stages_io_close ends it, and so does
// stages_copy_stop where the loop did not come to it.
bool stages_copy_start(struct stages_env *env, struct err *e) MUST_USE;
void stages_copy_stop(struct stages_env *env);
void stages_copy_settings(const struct settings *s, struct copywriter_settings *out); // its texts are s'
void *stages_io_open(void *env);
void stages_io_close(void *env);

// "increase_aov.FBT": the name of a pair's task, and back.
void stages_pair_name(enum objective o, enum bundle_type t, struct buf *out);
bool stages_pair_of_name(struct str name, enum objective *o, enum bundle_type *t);

#endif
