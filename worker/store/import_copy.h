// One file's rows into their table by binary COPY. An orders file fills two tables, and a connection copies into one at
// a time: its orders wait in a temporary file while the lines are on their way.
//
//     import_copy_begin -> import_copy_row ... -> import_copy_end
//
// FAILURE  The caller rolls its transaction back; import_copy_fini always.
#ifndef BUNDLE_WORKER_STORE_IMPORT_COPY_H
#define BUNDLE_WORKER_STORE_IMPORT_COPY_H

#include <stdio.h>

#include "worker/dataset/rows.h"
#include "worker/store/pg_internal.h"
#include "worker/store/pgbin.h"

struct import_copy {
    struct pg *pg;
    uint8_t upload[PGBIN_UUID_BYTES];
    bool has_begun;  // the COPY of the rows that go straight through
    struct buf out;  // rows on their way to the server
    struct buf held; // orders on their way to the spool
    FILE *spool;     // NULL: none were held that did not fit into `held`
    int64_t row_no;
};

void import_copy_init(struct import_copy *c, struct pg *pg, const uint8_t upload[PGBIN_UUID_BYTES]);
void import_copy_fini(struct import_copy *c);
bool import_copy_row(struct import_copy *c, const struct row *r, struct err *e) MUST_USE;
bool import_copy_end(struct import_copy *c, struct err *e) MUST_USE;

#endif
