// Bundles into PostgreSQL: one pipeline of parameterised statements, one transaction, one round trip.
//
//   preliminary  removes this upload's earlier preliminary rows, inserts the new ones (status 'preliminary'), writes
//                the flags of all items back to catalog_snapshot in one UPDATE, mirrors the progress. Earlier final
//                rows stay.
//   final        replaces: every row of the upload that is neither approved nor used goes, the final rows come,
//                csv_uploads gets status and metrics. A reader sees one set or the other. Approved or used rows
//                survive; a new row equal to one (same id) leaves it as it is.
//
// INVARIANTS  1. Running either twice leaves what running it once does.
//             2. A "final" never goes back to "preliminary": the preliminary write of a job is refused (returns true,
//                *stored = false) when csv_uploads.last_job is this job's and final already.
//             3. Fence: what a task wrote is not overwritten by one that was drawn before it, however late that one
//                wakes up, nor is the end of a job that failed or was cancelled: ERR_FENCED.
// FAILURE     As pg.h says; ERR_FENCED; ERR_NOT_FOUND: the shop has no such upload. Deadlocks and serialization
//             failures are tried again in here.
#ifndef BUNDLE_WORKER_STORE_BUNDLE_STORE_H
#define BUNDLE_WORKER_STORE_BUNDLE_STORE_H

#include "worker/offers/bundle_row.h"
#include "worker/store/pg.h"

struct store_target {
    struct str job, shop, csv_upload_id;
    int64_t fence; // of the task: larger, the later it was drawn
};

bool bundle_store_preliminary(struct pg *pg, const struct store_target *t, const struct bundle_rows *rows,
                              const struct dataset *flags_of, bool *stored, struct err *e) MUST_USE;
bool bundle_store_final(struct pg *pg, const struct store_target *t, const struct bundle_rows *rows,
                        struct str metrics_json, struct err *e) MUST_USE;
// A job that failed: status, message for the merchant and the reason, in csv_uploads and generation_progress.
bool bundle_store_failed(struct pg *pg, const struct store_target *t, struct str message, struct err *e) MUST_USE;

// The document of `bundlectl bundles`: {"version", "upload", "bundles", "metrics"} of one upload, ranked, final rows
// when there are any, else preliminary ones. ERR_NOT_FOUND as upload_load.
bool bundle_store_document(struct pg *pg, struct str shop, struct str upload, struct buf *json, struct err *e) MUST_USE;

#endif
