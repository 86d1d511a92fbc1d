// What the coordinators share. Not for anybody else.
#ifndef BUNDLE_WORKER_STAGES_STAGES_INTERNAL_H
#define BUNDLE_WORKER_STAGES_STAGES_INTERNAL_H

#include "worker/stages/job_request.h"
#include "worker/stages/stages.h"
#include "worker/store/upload_load.h"

enum { PREPARE_VERSION = 1, PAIR_VERSION = 2, MERGE_VERSION = 1 };

bool stage_prepare(struct task *t, void *slot, struct err *e);
bool stage_pair(struct task *t, void *slot, struct err *e);
bool stage_merge(struct task *t, void *slot, struct err *e);
bool stage_publish(struct task *t, void *slot, struct err *e);

// The request that travels with the task, on top of its shop's options (job_options_default).
bool stage_request(struct task *t, struct str shop_options, struct job_request *out, struct err *e) MUST_USE;
// A pair's payload: the artefact's fingerprint, and the shop's options where there are any.
struct str stage_pair_payload(struct task *t, struct str fingerprint, struct str shop_options);
void stage_pair_of_payload(struct str payload, struct str *fingerprint, struct str *shop_options);
struct offer_rules stage_offer_rules(const struct stages_slot *slot, const struct job_request *r,
                                     const struct artefact *a, struct arena *memory);

// Loads and mines the upload.
struct stage_made {
    struct artefact *artefact;
    struct upload_info info;
    struct buf blob; // the encoded artefact; buf_init before, buf_fini after
    int64_t load_ms, mine_ms;
};
bool stage_make(struct task *t, struct stages_slot *slot, const struct job_request *r, struct stage_made *out,
                struct err *e) MUST_USE;
// The artefact of this fingerprint: cached, or made again. ERR_INPUT when the upload has changed since.
bool stage_artefact(struct task *t, struct stages_slot *slot, const struct job_request *r, struct str fingerprint,
                    struct artefact **out, struct err *e) MUST_USE;

// A failure that ends the job is written to PostgreSQL too, where the web app looks (csv_upload_id "": there is no such
// row to write it to). Returns false, as err_set does.
bool stage_failed(struct task *t, struct stages_slot *slot, struct str csv_upload_id, struct err *e);

#endif
