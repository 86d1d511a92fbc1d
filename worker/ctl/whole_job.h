// A whole job in one process (item2vec trains on a second thread), from a dataset to the final bundles: no Redis, no
// PostgreSQL. What `preview` shows and `evaluate` tests.
#ifndef BUNDLE_WORKER_CTL_WHOLE_JOB_H
#define BUNDLE_WORKER_CTL_WHOLE_JOB_H

#include "worker/ctl/upload_files.h"
#include "worker/offers/offers.h"
#include "worker/settings.h"
#include "worker/stages/job_request.h"

// X(phase, name in "timings_ms")
#define PHASES(X)                                                                                                      \
    X(PHASE_READ, "read")     /* files to rows */                                                                      \
    X(PHASE_ENRICH, "enrich") /* rows to a dataset */                                                                  \
    X(PHASE_MINE, "mine")                                                                                              \
    X(PHASE_PAIRS, "pairs")                                                                                            \
    X(PHASE_MERGE, "merge")                                                                                            \
    X(PHASE_ROWS, "rows") /* copy and explanations */
#define PHASE_ENUM(phase, name) phase,
enum phase { PHASES(PHASE_ENUM) PHASE_COUNT };

struct pair_outcome {
    const char *skip_reason; // NULL: worked out
    uint32_t candidates;
};

struct whole_job {
    const struct settings *settings;
    const struct job_request *request;
    struct arena memory;
    struct dataset *data; // owned
    struct mined *mined;
    struct market market;
    struct offer_rules rules;
    struct pair_outcome pairs[BUNDLE_PAIRS_MAX]; // objective * TYPE_COUNT + type
    struct bundle_list lists[BUNDLE_PAIRS_MAX];
    uint32_t n_lists;
    struct bundle_list bundles; // final, best first
    struct merge_report report;
    struct pair_report ladder;
    int64_t phase_us[PHASE_COUNT]; // the caller's own phases are its to fill
    atomic_bool is_cancelled;      // nobody sets it: one process, one Ctrl-C
};

void whole_job_init(struct whole_job *w, const struct settings *settings, const struct job_request *request);
void whole_job_fini(struct whole_job *w);

struct enrich_rules whole_job_enrich_rules(const struct whole_job *w); // what its dataset is to be built with
bool whole_job_load(struct whole_job *w, const struct upload_files *files, struct file_rejects *rejects,
                    struct err *e) MUST_USE;
bool whole_job_mine(struct whole_job *w, struct err *e) MUST_USE;  // evidence, market, rules; needs data
bool whole_job_offer(struct whole_job *w, struct err *e) MUST_USE; // all pairs, then merged; needs what was mined
bool whole_job_wants(const struct whole_job *w, unsigned pair);    // did the request ask for it?

#endif
