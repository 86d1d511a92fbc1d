// Reports: what the ladder and the merge did, between tasks and for a job's metrics.
// THREADS  Values.
#ifndef BUNDLE_WORKER_OFFERS_REPORT_H
#define BUNDLE_WORKER_OFFERS_REPORT_H

#include "worker/offers/offers.h"

void pair_report_add(struct pair_report *sum, const struct pair_report *r);
void pair_report_encode(const struct pair_report *r, struct buf *out);
struct mp_value;
bool pair_report_decode(struct pair_report *out, const struct mp_value *v, struct err *e) MUST_USE; // trusts nothing

struct json_out;
void pair_report_json(const struct pair_report *r, struct json_out *j); // "ladder": the tiers that ran, each an object
void merge_report_json(const struct merge_report *r, struct json_out *j); // its fields, into the object that is open

#endif
