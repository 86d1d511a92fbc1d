// Who asked for what and how it stands, in csv_uploads: what of a job must outlive Redis.
//
//     ready --(web app)--> requested --note--> processing --> preliminary --> final       (bundle_store.h)
//                              ^                   |  ended: failed, cancelled
//                              +------ lost -------+  found again, for the queue
//
// `upload` is what a job calls it, a csv_uploads.id or a run_id: written is the row that its bundles are stored under.
// An upload that is not there, or still being imported, is left alone: whoever loads it says so.
//
// INVARIANTS  1. Each may run twice: the second time changes nothing that matters.
//             2. What a job stored as final stays final. A task that was drawn before its job ended (final, failed,
//                cancelled) is refused from then on (bundle_store.h, fence); one that begins the job anew is not.
//             3. A job's end never hides another job that is at work on the upload, or has finished it, nor the same
//                job begun anew since (fence).
#ifndef BUNDLE_WORKER_STORE_UPLOAD_REQUESTS_H
#define BUNDLE_WORKER_STORE_UPLOAD_REQUESTS_H

#include "common/arena.h"
#include "worker/store/pg.h"

// A job has begun; a task that was drawn before one that has written since notes nothing. message: what asked for it
// (JSON), to ask for it again.
struct upload_request {
    struct str job, shop, upload, message;
    int64_t fence; // as struct store_target has it
};
bool upload_request_note(struct pg *pg, const struct upload_request *r, struct err *e) MUST_USE;

// A job has failed or was cancelled, whether or not it ever began. state: "failed" or "cancelled".
struct upload_end {
    struct str job, shop, upload, state, message;
    int64_t fence; // larger than that of any task drawn before; smaller than those of a job that begins anew
};
bool upload_request_ended(struct pg *pg, const struct upload_end *end, struct err *e) MUST_USE;

// Uploads that were asked for and are not finished, of which nothing was written for after_s seconds: the oldest, at
// most `limit`. They are touched, so that nobody else gets them for as long; none while somebody else is asking.
struct upload_lost {
    struct str csv_upload_id, run_id, shop, status, message, last_job; // in `memory`; "": no run, request, job yet
};
bool upload_requests_lost(struct pg *pg, int64_t after_s, unsigned limit, struct arena *memory,
                          struct upload_lost **out, size_t *n, struct err *e) MUST_USE;

#endif
