#include "worker/store/upload_requests.h"

#include <stdio.h>

#include "common/check.h"
#include "worker/store/pg_internal.h"

// $1 shop, $2 upload, $3 the same where it is a UUID, else '', $4 job: the first parameters of what is written. The row
// that the loader calls the upload's home (upload_info.c), unless its import has not succeeded.
#define TARGET                                                                                                         \
    "target AS (SELECT id, status, last_job, fence FROM csv_uploads WHERE id = (SELECT u.id FROM csv_uploads u WHERE " \
    "u.shop_id = $1 AND (u.run_id = $2 OR u.id = nullif($3, '')::uuid) ORDER BY (u.id = nullif($3, '')::uuid) IS "     \
    "TRUE DESC, u.csv_type = 'orders' DESC, u.created_at, u.id LIMIT 1) AND status <> 'importing' AND NOT (status = "  \
    "'failed' AND last_job IS NULL) FOR UPDATE)"

static const char NOTE_SQL[] =
    "WITH " TARGET " UPDATE csv_uploads u SET status = CASE WHEN target.status = 'preliminary' AND target.last_job = "
    "$4 THEN 'preliminary' ELSE 'processing' END, request = $5::jsonb, last_job = $4, fence = $6, error_message = "
    "NULL, updated_at = now() FROM target WHERE u.id = target.id AND target.fence <= $6 AND NOT (target.status = "
    "'final' AND target.last_job IS NOT DISTINCT FROM $4)";

static const char ENDED_SQL[] =
    "WITH " TARGET ", ended AS (UPDATE csv_uploads u SET status = $5, error_message = $6, last_job = $4, fence = "
    "$7, updated_at = now() FROM target WHERE u.id = target.id AND target.fence <= $7 AND CASE WHEN target.last_job = "
    "$4 "
    "THEN target.status <> 'final' ELSE target.status IN ('ready', 'requested', 'failed', 'cancelled') END "
    "RETURNING u.id) "
    "INSERT INTO generation_progress (upload_id, shop_domain, step, progress, status, message, metadata) SELECT id, "
    "$1, $5, 100, $5, $6, jsonb_build_object('job', $4) FROM ended ON CONFLICT (upload_id) DO UPDATE SET shop_domain = "
    "excluded.shop_domain, step = excluded.step, progress = excluded.progress, status = excluded.status, message = "
    "excluded.message, metadata = excluded.metadata, updated_at = now()";

// Any number but the schema's, the same for all.
#define LOCK_SQL "SELECT pg_try_advisory_xact_lock(4803245102918)"

static const char LOST_SQL[] =
    "UPDATE csv_uploads u SET updated_at = now() FROM (SELECT id FROM csv_uploads WHERE status IN ('requested', "
    "'processing', 'preliminary') AND updated_at < now() - $1::int8 * interval '1 second' ORDER BY updated_at LIMIT "
    "$2::int8 FOR UPDATE SKIP LOCKED) lost WHERE u.id = lost.id RETURNING u.id, u.run_id, u.shop_id, "
    "u.status, u.request::text, u.last_job";

// --- writing

struct writing {
    const char *what, *sql;
    struct pg_params params;
    struct arena memory;
};

static void writing_finip(struct writing *w)
{
    arena_fini(&w->memory);
}

static void begin(struct writing *w, const char *what, const char *sql, struct str job, struct str shop,
                  struct str upload)
{
    *w = (struct writing){.what = what, .sql = sql};
    arena_init(&w->memory, 0);
    w->params.memory = &w->memory;
    pg_params_text(&w->params, shop);
    pg_params_text(&w->params, upload);
    pg_params_text(&w->params, pg_is_uuid(upload) ? upload : STR(""));
    pg_params_text(&w->params, job);
}

static bool write_once(void *context, struct pg *pg, struct err *e)
{
    const struct writing *w = context;
    struct pg_pipeline p;
    return pg_pipeline_begin(&p, pg, e) && pg_pipeline_add(&p, w->sql, &w->params, e) &&
           pg_pipeline_end(&p, w->what, NULL, 0, e);
}

bool upload_request_note(struct pg *pg, const struct upload_request *r, struct err *e)
{
    AUTO(writing_finip) struct writing w;
    begin(&w, "noting the job", NOTE_SQL, r->job, r->shop, r->upload);
    pg_params_json(&w.params, r->message);
    pg_params_int(&w.params, r->fence);
    return pg_retry(pg, write_once, &w, e);
}

bool upload_request_ended(struct pg *pg, const struct upload_end *end, struct err *e)
{
    AUTO(writing_finip) struct writing w;
    begin(&w, "noting the job's end", ENDED_SQL, end->job, end->shop, end->upload);
    pg_params_text(&w.params, end->state);
    pg_params_text(&w.params, end->message);
    pg_params_int(&w.params, end->fence);
    return pg_retry(pg, write_once, &w, e);
}

// --- what was lost

static struct str keep(const PGresult *r, int row, int column, struct arena *memory)
{
    return arena_str(memory, pg_text_at(r, row, column));
}

static void keep_lost(const PGresult *r, struct arena *memory, struct upload_lost **out, size_t *n)
{
    *n = (size_t)PQntuples(r);
    *out = ARENA_ARRAY(memory, struct upload_lost, *n);
    for (int i = 0; i < PQntuples(r); i++)
        (*out)[i] = (struct upload_lost){.csv_upload_id = keep(r, i, 0, memory),
                                         .run_id = keep(r, i, 1, memory),
                                         .shop = keep(r, i, 2, memory),
                                         .status = keep(r, i, 3, memory),
                                         .message = keep(r, i, 4, memory),
                                         .last_job = keep(r, i, 5, memory)};
}

static bool take_lost(struct pg *pg, int64_t after_s, unsigned limit, PGresult **lost, struct err *e)
{
    static const char what[] = "looking for lost uploads";
    AUTO(pg_result_clearp) PGresult *lock = NULL;
    char after[24], most[24];
    const char *const values[] = {after, most};
    (void)snprintf(after, sizeof after, "%lld", (long long)after_s);
    (void)snprintf(most, sizeof most, "%u", limit);
    if (!pg_query(pg, what, LOCK_SQL, 0, NULL, &lock, e))
        return false;
    bool is_mine = PQgetvalue(lock, 0, 0)[0] == 't';
    return !is_mine || pg_query(pg, what, LOST_SQL, 2, values, lost, e);
}

bool upload_requests_lost(struct pg *pg, int64_t after_s, unsigned limit, struct arena *memory,
                          struct upload_lost **out, size_t *n, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *lost = NULL;
    if (!pg_begin(pg, e))
        return false;
    if (!take_lost(pg, after_s, limit, &lost, e) || !pg_commit(pg, e)) {
        pg_rollback(pg);
        return false;
    }
    keep_lost(lost, memory, out, n);
    return true;
}
