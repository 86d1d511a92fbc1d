// What the coordinators share. Not for anybody else.
#ifndef BUNDLE_WORKER_STAGES_STAGES_INTERNAL_H
#define BUNDLE_WORKER_STAGES_STAGES_INTERNAL_H

#include "worker/stages/job_request.h"
#include "worker/stages/stages.h"
#include "worker/store/bundle_store.h"
#include "worker/store/upload_load.h"

enum { PREPARE_VERSION = 1, PAIR_VERSION = 2, MERGE_VERSION = 2 };

bool stage_prepare(struct task *t, void *slot, struct err *e);
bool stage_pair(struct task *t, void *slot, struct err *e);
bool stage_merge(struct task *t, void *slot, struct err *e);
bool stage_publish(struct task *t, void *slot, struct err *e);

// Gives the task's arena its budget (job.memory_mb: arena_within after what grows with the upload) and reads the
// request that travels with it, on top of its shop's options (job_options_default).
bool stage_begin(struct task *t, const struct stages_slot *slot, struct str shop_options, struct job_request *out,
                 struct err *e) MUST_USE;
// What the pairs share: the artefact's fingerprint, and the shop's options where there are any.
struct str stage_pairs_shared(struct task *t, struct str fingerprint, struct str shop_options);
void stage_pairs_of_shared(struct str shared, struct str *fingerprint, struct str *shop_options);
struct redis *stage_redis(struct stages_slot *slot); // NULL: away
struct offer_rules stage_offer_rules(const struct stages_slot *slot, const struct job_request *r,
                                     const struct artefact *a, struct arena *memory);

// An artefact and how it was come by.
struct stage_artefact {
    struct artefact *artefact; // a reference: artefact_release
    struct artefact_source source;
    struct upload_info info;
    struct str shop_options; // as they were when it was looked for; JSON, in the task's memory
    enum { ARTEFACT_MADE, ARTEFACT_IN_MEMORY, ARTEFACT_IN_REDIS } from;
    struct buf blob; // of one that was made
    int64_t find_ms; // asking, waiting for another worker, reading
    int64_t load_ms, mine_ms;
};
void stage_artefact_init(struct stage_artefact *a);
void stage_artefact_fini(struct stage_artefact *a, struct stages_slot *slot); // gives the reference back

// The artefact of the job's upload as it is now: from memory, from Redis, by another worker that is just making it, or
// made here. out->info is filled as upload_load() does.
// early (NULL: nobody): called where it is made here, as soon as the pairs are counted; out->info is known then.
bool stage_obtain(struct task *t, struct stages_slot *slot, const struct job_request *r,
                  const struct artefact_early *early, struct stage_artefact *out, struct err *e) MUST_USE;
// Puts it where other workers find it, before the task's end is.
void stage_share(struct task *t, struct stages_slot *slot, const struct stage_artefact *a);
// The artefact of this fingerprint, obtained anew when it has gone. ERR_INPUT when the upload has changed since. The
// caller owns the reference.
bool stage_find(struct task *t, struct stages_slot *slot, const struct job_request *r, struct str fingerprint,
                struct artefact **out, struct err *e) MUST_USE;

// Where this task writes to, and what makes PostgreSQL refuse it once a task that was drawn later has written.
struct store_target stage_target(const struct task *t, struct str csv_upload_id);
int64_t stage_drawn_ms(const struct task *t); // when, by Redis' clock: of its token
int64_t stage_fence(const struct task *t);    // of its token: Redis ms * STAGE_FENCES_PER_MS + a counter
enum { STAGE_FENCES_PER_MS = 1000000 };

// A failure that ends the job is written to PostgreSQL too, where the web app looks (csv_upload_id "": there is no such
// row to write it to). Returns false, as err_set does.
bool stage_failed(struct task *t, struct stages_slot *slot, struct str csv_upload_id, struct err *e);

#endif
