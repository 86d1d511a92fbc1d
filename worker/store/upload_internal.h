// What loading an upload and telling who it is share. Not for anybody else.
#ifndef BUNDLE_WORKER_STORE_UPLOAD_INTERNAL_H
#define BUNDLE_WORKER_STORE_UPLOAD_INTERNAL_H

#include "worker/store/pg_internal.h"
#include "worker/store/pgbin.h"
#include "worker/store/upload_load.h"

enum { UPLOAD_SQL_MAX = 1 << 20, UPLOAD_FILES_MAX = 1000 };

// The files of the run, newest first: of an order that stands in two of them, the builder keeps the first source's.
struct upload_files {
    uint8_t ids[UPLOAD_FILES_MAX][PGBIN_UUID_BYTES];
    unsigned n;
    char server[64]; // when this server was started
};

// The condition on csv_uploads u that picks the files of the data set.
bool upload_put_condition(struct pg *pg, struct buf *sql, struct str shop, struct str upload, struct err *e) MUST_USE;
// The statement that tells them, and its result.
bool upload_put_info(struct pg *pg, struct buf *sql, struct str shop, struct str condition, struct err *e) MUST_USE;
struct str upload_shop_options(const PGresult *r); // a view of the result
bool upload_take_info(const PGresult *r, struct str shop, struct str upload, struct upload_info *info,
                      struct upload_files *files, struct err *e) MUST_USE;

#endif
