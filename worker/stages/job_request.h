// What a producer asks for (common/PROTOCOL.md, "Job"): decoded from JSON or MessagePack, every field checked, with an
// error that names the field and the remedy.
// THREADS  Values; texts are views into the payload or the arena.
#ifndef BUNDLE_WORKER_STAGES_JOB_REQUEST_H
#define BUNDLE_WORKER_STAGES_JOB_REQUEST_H

#include "common/arena.h"
#include "common/str.h"
#include "worker/offers/offers.h"

enum { JOB_VERSION = 1, JOB_LIST_MAX = 1000 };

struct job_request {
    struct str job; // "" : the worker names it
    struct str upload, shop;
    bool is_forced;
    // options; each as in PROTOCOL.md
    int64_t as_of;              // DATE_UNKNOWN: the newest order
    uint32_t objectives, types; // bit sets
    const struct str *excluded; // variant_id, product_id or sku
    size_t n_excluded;
    int64_t bundles_max;         // 0: the setting's
    double discount_max_pct;     // < 0: none
    double margin_floor;         // < 0: the setting's
    double price_min, price_max; // major units of the upload's currency; < 0: none
    struct str season_words;     // '|'-separated; "" : the setting's
};

// A producer's message to the payload that travels with the job (MessagePack; a view into raw or the arena).
bool job_payload_of_message(struct str raw, size_t bytes_max, struct arena *memory, struct str *payload,
                            struct err *e) MUST_USE;
// *upload is set as soon as it is known, also when false is returned.
bool job_request_read(struct str payload, struct arena *memory, struct job_request *out, struct str *upload,
                      struct err *e) MUST_USE;

// The request's options on top of the settings' rules. Items are looked up in d.
void job_request_enrich(const struct job_request *r, struct enrich_rules *rules);
void job_request_offer(const struct job_request *r, const struct dataset *d, struct arena *memory,
                       struct offer_rules *rules);

// The options as a JSON object, for the job's metrics: what was asked for is echoed.
struct json_out;
void job_request_json(const struct job_request *r, struct json_out *j);

#endif
