// The schema (config/schema.sql, embedded): versioned, idempotent.
#ifndef BUNDLE_WORKER_STORE_SCHEMA_H
#define BUNDLE_WORKER_STORE_SCHEMA_H

#include "worker/store/pg.h"

enum { SCHEMA_VERSION = 2 };

bool schema_apply(struct pg *pg, struct err *e) MUST_USE; // create or migrate; concurrent callers queue up
bool schema_version(struct pg *pg, int *version, struct err *e) MUST_USE; // 0: not there

#endif
