#include "worker/store/schema.h"

#include "common/check.h"
#include "worker/store/pg_internal.h"

extern const char SCHEMA_SQL[];

// Any number, the same for all: callers that come at once queue up behind the first.
#define LOCK_SCHEMA "SELECT pg_advisory_xact_lock(4803245102917)"

bool schema_apply(struct pg *pg, struct err *e)
{
    if (!pg_begin(pg, e))
        return false;
    if (pg_exec(pg, LOCK_SCHEMA, e) && pg_exec(pg, SCHEMA_SQL, e) && pg_commit(pg, e))
        return true;
    pg_rollback(pg);
    return err_wrap(e, "applying the schema");
}

static bool table_exists(struct pg *pg, bool *exists, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = NULL;
    if (!pg_query(pg, "reading the schema's version", "SELECT to_regclass('schema_version') IS NOT NULL", 0, NULL,
                  &result, e))
        return false;
    *exists = PQgetvalue(result, 0, 0)[0] == 't';
    return true;
}

bool schema_version(struct pg *pg, int *version, struct err *e)
{
    bool exists;
    if (!pg_connect(pg, e) || !table_exists(pg, &exists, e))
        return false;
    if (!exists) {
        *version = 0;
        return true;
    }
    AUTO(pg_result_clearp) PGresult *result = NULL;
    if (!pg_query(pg, "reading the schema's version", "SELECT coalesce(max(version), 0) FROM schema_version", 0, NULL,
                  &result, e))
        return false;
    int64_t value;
    if (!str_to_int(str_of(PQgetvalue(result, 0, 0)), &value))
        return err_set(e, ERR_PG, "reading the schema's version: not a number");
    *version = (int)value;
    return true;
}
