// What `bundlectl doctor` asks PostgreSQL; reads only.
#ifndef BUNDLE_WORKER_STORE_PG_HEALTH_H
#define BUNDLE_WORKER_STORE_PG_HEALTH_H

#include <stdint.h>

#include "common/buf.h"
#include "worker/store/pg.h"

struct pg_health {
    int64_t version; // server_version_num, 150020
    int64_t now_ms;
    int64_t connections_max, connections_used; // without those that are reserved for superusers
    bool is_standby;
    char user[128];
};
bool pg_health_read(struct pg *pg, struct pg_health *out, struct err *e) MUST_USE;

// Rights that the worker needs on tables and lacks, "csv_uploads: UPDATE, ..."; nothing where it has all.
bool pg_health_rights(struct pg *pg, struct buf *missing, struct err *e) MUST_USE;

// Uploads whose bundles were asked for, are not there, and have not been touched for after_s: at most limit, oldest
// first. Whether a job is on its way to them, the queue knows.
struct pg_unfinished {
    struct str shop, id, run_id, asked_as, status; // run_id, asked_as (by the last request): "" for none
    int64_t idle_s;
};
typedef bool pg_health_on_upload(void *context, const struct pg_unfinished *u, struct err *e);
bool pg_health_unfinished(struct pg *pg, int64_t after_s, int64_t limit, pg_health_on_upload *on_upload, void *context,
                          struct err *e) MUST_USE;

#endif
