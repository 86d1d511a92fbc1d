// Loading an upload: several statements in one round trip (one simple query, one snapshot): what the upload is, then
// binary COPY of orders, lines, variants, inventory and catalogue, decoded straight into the builder.
//
// `upload` is a csv_uploads.id or a run_id of `shop`: its data set is all files of the run.
//
// REVISION  Names the rows that a load would see, for a fraction of its cost, so that what was made of them can be used
//           again. Anybody may change the rows at any time (an import, the web app's own INSERTs), so nothing that a
//           writer would have to keep up to date is relied on: each row version carries the transaction that wrote it
//           (xmin), and a set of versions is known by how many there are of each transaction. Two snapshots with equal
//           such sets are equal: a version that only the later one sees was written by a transaction that the earlier
//           one did not see, and where there is none, what is gone shows in the count. The catalogue, into which jobs
//           write their flags, is known by the hash of its other columns. Transaction numbers hold for one server
//           process: when the server was started is part of it, so a restart, a failover or a restored backup gives
//           another revision. Of views and foreign tables nothing is reused: they tell no transactions.
// FAILURE   ERR_NOT_FOUND: no such upload of that shop (which of both is said); ERR_LIMIT; ERR_CANCELLED (pg_watch);
//           ERR_PG*; ERR_INPUT when the upload's status is "failed" or "importing".
//           *info is filled as soon as the upload may be worked on, also when false is returned: whoever reports the
//           failure needs to know whose it is.
#ifndef BUNDLE_WORKER_STORE_UPLOAD_LOAD_H
#define BUNDLE_WORKER_STORE_UPLOAD_LOAD_H

#include "worker/dataset/builder.h"
#include "worker/store/pg.h"

enum { UPLOAD_REVISION_HEX = 32 };

struct upload_info {
    char csv_upload_id[37]; // the file that bundles are stored under: the one named, else the run's first orders file
    char run_id[65];
    char revision[UPLOAD_REVISION_HEX + 1]; // "": cannot be told
    unsigned n_files;
};

// Who wants to know what the shop asks of all its jobs (shop_options.h) is told before any row is read, since it may
// change the rules that rows are read by. It is part of the revision.
struct upload_shop {
    void (*on_options)(void *context, struct str json, struct enrich_rules *rules); // json: "" for none
    void *context;
};

// `asks` may be NULL.
bool upload_load(struct pg *pg, struct str shop, struct str upload, const struct enrich_rules *rules,
                 const struct upload_shop *asks, struct upload_info *info, struct dataset **out,
                 struct err *e) MUST_USE;

// What it is and its revision, without its rows.
bool upload_look(struct pg *pg, struct str shop, struct str upload, const struct upload_shop *asks,
                 struct upload_info *info, struct err *e) MUST_USE;
// Only what it is (one statement, no revision).
bool upload_find(struct pg *pg, struct str shop, struct str upload, struct upload_info *info, struct err *e) MUST_USE;

#endif
