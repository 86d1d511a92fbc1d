// A job's message again, from the payload that travels with it: what PostgreSQL keeps, and what enqueues it anew.
#ifndef BUNDLE_WORKER_STAGES_JOB_JSON_H
#define BUNDLE_WORKER_STAGES_JOB_JSON_H

#include "common/json_out.h"
#include "common/mp.h"

// As JSON, without what was meant for the first time only (force, delay_s). `job` names the job ("": nobody does).
bool job_json_of_payload(struct str payload, struct str job, struct buf *json, struct err *e) MUST_USE;
// Any value.
void job_json_put(struct json_out *j, const struct mp_value *v);

#endif
