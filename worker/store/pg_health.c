#include "worker/store/pg_health.h"

#include <stdio.h>

#include "common/check.h"
#include "worker/store/pg_internal.h"

static const char HEALTH_SQL[] =
    "SELECT current_setting('server_version_num'), floor(extract(epoch FROM clock_timestamp()) * 1000)::int8, "
    "current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8, "
    "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), pg_is_in_recovery(), current_user";

// What the worker does with each table, and with which columns where not with all (config/postgres-role.sql grants it).
static const char RIGHTS_SQL[] =
    "SELECT string_agg(w.name || ': ' || w.what || coalesce(' (' || c || ')', ''), ', ') FROM (VALUES "
    "('schema_version', 'SELECT', NULL), ('shops', 'SELECT', NULL), ('csv_uploads', 'SELECT', NULL), "
    "('csv_uploads', 'UPDATE', '{status,error_message,request,last_job,fence,bundle_generation_metrics,updated_at}'), "
    "('orders', 'SELECT', NULL), ('order_lines', 'SELECT', NULL), ('variants', 'SELECT', NULL), "
    "('inventory_levels', 'SELECT', NULL), ('catalog_snapshot', 'SELECT', NULL), "
    "('catalog_snapshot', 'UPDATE', '{is_slow_mover,is_new_launch,is_seasonal,is_high_margin}'), "
    "('bundle_recommendations', 'SELECT', NULL), ('bundle_recommendations', 'INSERT', NULL), "
    "('bundle_recommendations', 'UPDATE', NULL), ('bundle_recommendations', 'DELETE', NULL), "
    "('generation_progress', 'SELECT', NULL), ('generation_progress', 'INSERT', NULL), "
    "('generation_progress', 'UPDATE', NULL)) w(name, what, columns) LEFT JOIN LATERAL unnest(w.columns::text[]) c ON "
    "true "
    "WHERE to_regclass(w.name) IS NULL OR NOT CASE WHEN c IS NULL THEN has_table_privilege(to_regclass(w.name), "
    "w.what) "
    "ELSE has_column_privilege(to_regclass(w.name), c, w.what) END";

static const char UNFINISHED_SQL[] =
    "SELECT shop_id, id, run_id, request->>'upload', status, floor(extract(epoch FROM now() - updated_at))::int8 "
    "FROM csv_uploads WHERE status IN ('requested', 'processing', 'preliminary') "
    "AND updated_at < now() - $1::int8 * interval '1 second' ORDER BY updated_at LIMIT $2::int8";

bool pg_health_read(struct pg *pg, struct pg_health *out, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *r = NULL;
    if (!pg_connect(pg, e) || !pg_query(pg, "asking for its health", HEALTH_SQL, 0, NULL, &r, e))
        return false;
    *out = (struct pg_health){.version = pg_int_at(r, 0, 0),
                              .now_ms = pg_int_at(r, 0, 1),
                              .connections_max = pg_int_at(r, 0, 2),
                              .connections_used = pg_int_at(r, 0, 3),
                              .is_standby = PQgetvalue(r, 0, 4)[0] == 't'};
    (void)snprintf(out->user, sizeof out->user, "%s", PQgetvalue(r, 0, 5));
    return true;
}

bool pg_health_rights(struct pg *pg, struct buf *missing, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *r = NULL;
    if (!pg_connect(pg, e) || !pg_query(pg, "asking for its rights", RIGHTS_SQL, 0, NULL, &r, e))
        return false;
    buf_puts(missing, PQgetvalue(r, 0, 0));
    return buf_ok(missing, "the missing rights", e);
}

bool pg_health_unfinished(struct pg *pg, int64_t after_s, int64_t limit, pg_health_on_upload *on_upload, void *context,
                          struct err *e)
{
    AUTO(pg_result_clearp) PGresult *r = NULL;
    char after[24], most[24];
    (void)snprintf(after, sizeof after, "%lld", (long long)after_s);
    (void)snprintf(most, sizeof most, "%lld", (long long)limit);
    const char *const values[] = {after, most};
    if (!pg_connect(pg, e) ||
        !pg_query(pg, "looking for unfinished uploads", UNFINISHED_SQL, ARRAY_LEN(values), values, &r, e))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        const struct pg_unfinished u = {.shop = pg_text_at(r, i, 0),
                                        .id = pg_text_at(r, i, 1),
                                        .run_id = pg_text_at(r, i, 2),
                                        .asked_as = pg_text_at(r, i, 3),
                                        .status = pg_text_at(r, i, 4),
                                        .idle_s = pg_int_at(r, i, 5)};
        if (!on_upload(context, &u, e))
            return false;
    }
    return true;
}
