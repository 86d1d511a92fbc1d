// Copy between the stages: merge plans it, copy tasks ask the copywriter, publish puts what came into the rows.
//
//     merge      rows with template copy, each that the model will not write for with its reason; copy_plan
//       "copy-shared", "copy-task" (briefs of a batch)       --> copy
//       "merge-result" (with the plan: which rows are asked for) --> publish
//     copy       "copy-result": per row copy or a reason; what it took --> publish
//
// INVARIANTS  1. In publish every row's ai_copy says its source, and template copy why. 2. What the model or its copies
//             were the cause of fails no task.
// THREADS     copy_begin on the loop's, its end on the copywriter's; all else on slots.
#ifndef BUNDLE_WORKER_STAGES_COPY_STAGE_H
#define BUNDLE_WORKER_STAGES_COPY_STAGE_H

#include "worker/copy/copywriter.h"
#include "worker/offers/bundle_row.h"
#include "worker/stages/stages_internal.h"

enum { COPY_SHARED_VERSION = 1, COPY_TASK_VERSION = 1, COPY_RESULT_VERSION = 1, COPY_KINDS_MAX = 64 };
enum { COPY_MARGIN_MS = 5000 }; // of a task's time limit, for all but the model

#define COPY_NO_TIME "the job's time was over before its copy was written"
#define COPY_NO_BUDGET "what this job may ask of the language model is used up"
#define COPY_NO_MODEL "no language model is configured"

struct copy_counts { // template copy by kind of reason
    struct {
        struct str kind;
        uint32_t n;
    } of[COPY_KINDS_MAX];
    uint32_t n;
};
void copy_count(struct copy_counts *c, struct str kind, uint32_t n); // keeps the view; sorted by kind

struct copy_plan {
    bool is_enabled; // a model is configured
    struct str model, locale;
    const uint32_t *asked; // rows
    uint32_t n_asked, n_reused;
    struct copy_counts kinds; // of what is decided already
};

// merge: fills in the copy that needs no asking, says why of the rest, leaves a copy task for each batch.
// begun_ms: when merge began (clock_mono_ms).
struct copy_planning {
    struct task *task;
    struct stages_slot *slot;
    const struct market *market;
    const struct bundle_list *list;
    struct str locale, csv_upload_id;
    int64_t begun_ms;
};
bool copy_plan_make(const struct copy_planning *p, struct bundle_rows *rows, struct copy_plan *out,
                    struct err *e) MUST_USE;
void copy_plan_encode(const struct copy_plan *plan, struct buf *out);
bool copy_plan_decode(struct copy_plan *out, const struct mp_value *v, uint32_t n_rows, struct arena *memory,
                      struct err *e) MUST_USE;

// publish: into the rows what copy tasks have written, and {...} of it all for the job's metrics.
void copy_put(struct task *t, const struct settings *s, const struct copy_plan *plan, struct bundle_rows *rows,
              struct buf *metrics);

// ai_copy with its source, and template copy with its reason. json: an object without them; template copy has its
// source.
struct str copy_with_source(struct str json, const char *source, struct arena *memory);
struct str copy_with_reason(struct str template_json, struct str reason, struct arena *memory);

// "copy-result", in numbers.
void copy_usage_encode(const struct copy_usage *u, struct buf *out);
bool copy_usage_decode(struct copy_usage *out, const struct mp_value *v) MUST_USE;

void stage_copy_begin(struct task *take_t, void *io); // io: struct stages_env

#endif
