// What the files of store/ share of the PostgreSQL adapter; nobody outside includes it, so that libpq stays in here.
#ifndef BUNDLE_WORKER_STORE_PG_INTERNAL_H
#define BUNDLE_WORKER_STORE_PG_INTERNAL_H

#include <libpq-fe.h>

#include "common/buf.h"
#include "worker/store/pg.h"

static inline void buf_finip(struct buf *b)
{
    buf_fini(b);
}

PGconn *pg_handle(struct pg *pg); // after pg_connect()
void pg_count_statements(struct pg *pg, unsigned n);

void pg_result_clearp(PGresult **r);
// A cell of text results. Views, valid as long as the result; NULL is "" and 0.
struct str pg_text_at(const PGresult *r, int row, int column);
int64_t pg_int_at(const PGresult *r, int row, int column);
// `e` from a result, or from the connection where it is NULL or the connection broke; always false.
// `what`, here and below: what we were doing, for errors.
bool pg_fail(struct pg *pg, const PGresult *result, const char *what, struct err *e);

// One statement with text parameters (NULL: null) and text results; *out NULL where nobody wants the result.
bool pg_query(struct pg *pg, const char *what, const char *sql, int n, const char *const *values, PGresult **out,
              struct err *e) MUST_USE;
// BEGIN at READ COMMITTED: what writes wants to see what others committed while it waited for a lock.
bool pg_begin(struct pg *pg, struct err *e) MUST_USE;
bool pg_commit(struct pg *pg, struct err *e) MUST_USE;
void pg_rollback(struct pg *pg); // also out of a COPY; the connection is usable afterwards, or reconnects

// Runs `once` (whole transactions only) again where the server undid it because others were in the way (deadlock,
// serialization failure): a few times, after a moment each. Its last error is the caller's.
bool pg_retry(struct pg *pg, bool (*once)(void *context, struct pg *pg, struct err *e), void *context,
              struct err *e) MUST_USE;

// What libpq would wait for.
bool pg_next_result(struct pg *pg, const char *what, PGresult **out, struct err *e) MUST_USE; // *out NULL: no more
// A message of a COPY: its length (PQfreemem(*bytes)), -1 at the end, -2 with e filled.
int pg_next_copy(struct pg *pg, const char *what, char **bytes, struct err *e) MUST_USE;
bool pg_put_copy(struct pg *pg, const char *what, const char *bytes, size_t len, struct err *e) MUST_USE;
void pg_drain(struct pg *pg);                        // waits for what is running and throws its results away
void pg_disconnect(struct pg *pg);                   // stops what is running; the next use connects again
void pg_set_patient(struct pg *pg, bool is_patient); // statements that take as long as they take
bool pg_put_literal(struct pg *pg, struct buf *sql, struct str text, struct err *e) MUST_USE; // 'text', escaped
bool pg_is_uuid(struct str text);                                                             // 8-4-4-4-12 hex digits

// A transaction of parameterised statements in one round trip (libpq's pipeline mode).
//
//     pg_pipeline_begin -> pg_pipeline_add ... -> pg_pipeline_end
//
// BEGIN and COMMIT stand around them. FAILURE: everything is rolled back, the connection is usable.
enum { PG_PARAMS_MAX = 32 };
struct pg_params { // values in libpq's binary format
    int n;
    Oid types[PG_PARAMS_MAX];
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    struct arena *memory; // of values that are built
};
void pg_params_text(struct pg_params *p, struct str text); // NULs are left out: text in PostgreSQL holds none
void pg_params_int(struct pg_params *p, int64_t value);
void pg_params_json(struct pg_params *p, struct str json); // sent as text, \u0000 taken out: jsonb holds none
void pg_params_text_array(struct pg_params *p, size_t n, struct str (*at)(const void *rows, size_t i),
                          const void *rows);
void pg_params_json_array(struct pg_params *p, size_t n, struct str (*at)(const void *rows, size_t i),
                          const void *rows);
void pg_params_real_array(struct pg_params *p, size_t n, double (*at)(const void *rows, size_t i), const void *rows);
void pg_params_int_array(struct pg_params *p, size_t n, int64_t (*at)(const void *rows, size_t i), const void *rows);

struct pg_pipeline {
    struct pg *pg;
    unsigned n; // statements between BEGIN and COMMIT
};
bool pg_pipeline_begin(struct pg_pipeline *p, struct pg *pg, struct err *e) MUST_USE;
bool pg_pipeline_add(struct pg_pipeline *p, const char *sql, const struct pg_params *params, struct err *e) MUST_USE;
// results[i]: of statement i where wanted (the caller clears them); may be NULL.
bool pg_pipeline_end(struct pg_pipeline *p, const char *what, PGresult **results, unsigned n_results,
                     struct err *e) MUST_USE;

#endif
