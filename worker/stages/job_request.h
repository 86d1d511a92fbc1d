// What a producer asks for (common/PROTOCOL.md, "Job"): decoded from JSON or MessagePack, every field checked, with an
// error that names the field and the remedy.
// THREADS  Values; texts are views into the payload or the arena.
#ifndef BUNDLE_WORKER_STAGES_JOB_REQUEST_H
#define BUNDLE_WORKER_STAGES_JOB_REQUEST_H

#include "common/queue.h"
#include "worker/stages/job_options.h"

enum { JOB_VERSION = 1 };

struct job_request {
    struct str job; // "" : the worker names it
    struct str upload, shop;
    bool is_forced, is_cancellation;
    enum queue_priority priority;
    int64_t not_before_ms, delay_ms; // as struct queue_job has them
    struct job_options options;
};

// A producer's message to the payload that travels with the job (MessagePack; a view into raw or the arena).
bool job_payload_of_message(struct str raw, size_t bytes_max, struct arena *memory, struct str *payload,
                            struct err *e) MUST_USE;
// *out has shop and upload as soon as they are known, also when false is returned.
bool job_request_read(struct str payload, struct arena *memory, struct job_request *out, struct err *e) MUST_USE;

// The request's options on top of the settings' rules. Names are looked up in d, without (ASCII) case.
void job_request_enrich(const struct job_request *r, struct enrich_rules *rules);
void job_request_offer(const struct job_request *r, const struct dataset *d, struct arena *memory,
                       struct offer_rules *rules);

// For the job's metrics, as entries of an object that is open: the options (job_options_json); "options_unknown": names
// that nothing in the upload has; "pinned_not_offered": pins that rules or stock forbid; "not_in_catalog": how many
// products are not offered because the catalogue lacks them. `rules` are those of job_request_offer.
void job_request_report(const struct job_request *r, const struct market *m, const struct offer_rules *rules,
                        struct json_out *j);

#endif
