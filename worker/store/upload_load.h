// Loading an upload: six statements in one round trip (one simple query): what the upload is, then binary COPY of
// orders, lines, variants, inventory and catalogue, decoded straight into the builder.
//
// `upload` is a csv_uploads.id or a run_id of `shop`: its data set is all files of the run.
// FAILURE   ERR_NOT_FOUND: no such upload of that shop (which of both is said); ERR_LIMIT; ERR_CANCELLED between rows,
//           when *is_cancelled; ERR_PG*; ERR_INPUT when the upload's status is "failed" or "importing".
//           *info is filled as soon as the upload may be worked on, also when false is returned: whoever reports the
//           failure needs to know whose it is.
#ifndef BUNDLE_WORKER_STORE_UPLOAD_LOAD_H
#define BUNDLE_WORKER_STORE_UPLOAD_LOAD_H

#include "worker/dataset/builder.h"
#include "worker/store/pg.h"

struct upload_info {
    char csv_upload_id[37]; // the file that bundles are stored under: the one named, else the run's first orders file
    char run_id[65];
    uint64_t content; // hash over the ids of all files of the run and their content hashes: part of the artefact's key
    unsigned n_files;
};

bool upload_load(struct pg *pg, struct str shop, struct str upload, const struct enrich_rules *rules,
                 const atomic_bool *is_cancelled, struct upload_info *info, struct dataset **out,
                 struct err *e) MUST_USE;

// Only who it is (one statement), for a worker that may have the artefact cached already.
bool upload_find(struct pg *pg, struct str shop, struct str upload, struct upload_info *info, struct err *e) MUST_USE;

#endif
