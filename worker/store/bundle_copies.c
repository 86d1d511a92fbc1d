#include "worker/store/bundle_copies.h"

#include <stdio.h>

#include "common/check.h"
#include "worker/store/pg_internal.h"

static const char FIND_SQL[] =
    "SELECT DISTINCT ON (k.at) k.at, b.ai_copy - 'source' FROM unnest($2::text[]) WITH ORDINALITY k (key, at) "
    "JOIN bundle_recommendations b ON b.csv_upload_id = $1::uuid AND b.status = 'final' AND b.ai_copy->>'key' = k.key "
    "AND b.ai_copy->>'source' IN ('model', 'cache') ORDER BY k.at, b.id";

static void put_keys(const char *const *keys, size_t n, struct buf *array)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(array, "%c%s", i ? ',' : '{', keys[i]);
    buf_puts(array, n ? "}" : "{}");
}

static void take(const PGresult *result, int row, size_t n, struct arena *memory, struct str *out)
{
    int64_t at = 0;
    CHECK(str_to_int(str_of(PQgetvalue(result, row, 0)), &at) && at >= 1 && (uint64_t)at <= n);
    out[at - 1] = arena_str(memory, str_of(PQgetvalue(result, row, 1)));
}

bool bundle_copies_find(struct pg *pg, struct str csv_upload_id, const char *const *keys, size_t n,
                        struct arena *memory, struct str *out, struct err *e)
{
    AUTO(buf_finip) struct buf array;
    AUTO(pg_result_clearp) PGresult *result = NULL;
    char upload[64];
    buf_init(&array, n * 64 + 64);
    put_keys(keys, n, &array);
    (void)snprintf(upload, sizeof upload, STR_FMT, STR_ARG(csv_upload_id));
    const char *const values[] = {upload, array.data};
    if (!buf_ok(&array, "the keys of copy", e) || !pg_connect(pg, e) ||
        !pg_query(pg, "looking for copy that is written", FIND_SQL, 2, values, &result, e))
        return false;
    for (int row = 0; row < PQntuples(result); row++)
        take(result, row, n, memory, out);
    return true;
}
