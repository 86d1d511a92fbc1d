#include "worker/store/bundle_store.h"

#include <stdio.h>

#include "common/json_out.h"
#include "common/check.h"
#include "worker/store/pg_internal.h"
#include "worker/store/upload_load.h"

static const char UPLOAD_SQL[] =
    "SELECT id, run_id, shop_id, filename, status, error_message, total_rows, processed_rows, rejected_rows, last_job, "
    "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), bundle_generation_metrics "
    "FROM csv_uploads WHERE id = $1::uuid";

// One set or the other: final rows where there are any.
static const char ROWS_SQL[] =
    "SELECT id, bundle_type, objective, products, pricing, ai_copy, confidence, predicted_lift, support, lift, "
    "ranking_score, rank_position, discount_reference, explanation, evidence, generation_sources, objectives, status, "
    "is_approved, is_used, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
    "FROM bundle_recommendations WHERE csv_upload_id = $1::uuid AND status = (SELECT min(status) FROM "
    "bundle_recommendations WHERE csv_upload_id = $1::uuid) ORDER BY rank_position, id"; // 'final' < 'preliminary'

static double real_at(const PGresult *r, int row, int column)
{
    double value = 0;
    (void)str_to_real(pg_text_at(r, row, column), &value); // NULL: 0
    return value;
}

static void put_upload(struct json_out *j, const PGresult *r)
{
    static const char *const texts[] = {"csv_upload_id", "run_id", "shop_id", "filename", "status", "error_message"};
    json_out_object(j);
    for (int i = 0; i < 6; i++)
        json_out_key_str(j, texts[i], pg_text_at(r, 0, i));
    json_out_key_int(j, "total_rows", pg_int_at(r, 0, 6));
    json_out_key_int(j, "processed_rows", pg_int_at(r, 0, 7));
    json_out_key_int(j, "rejected_rows", pg_int_at(r, 0, 8));
    json_out_key_str(j, "job", pg_text_at(r, 0, 9));
    json_out_key_str(j, "created_at", pg_text_at(r, 0, 10));
    json_out_end(j);
}

static void put_bundle(struct json_out *j, const PGresult *r, int i, struct str upload, struct str shop)
{
    struct bundle_row row = {.bundle_type = pg_text_at(r, i, 1),
                             .objective = pg_text_at(r, i, 2),
                             .products = pg_text_at(r, i, 3),
                             .pricing = pg_text_at(r, i, 4),
                             .ai_copy = pg_text_at(r, i, 5),
                             .confidence = real_at(r, i, 6),
                             .predicted_lift = real_at(r, i, 7),
                             .support = real_at(r, i, 8),
                             .lift = real_at(r, i, 9),
                             .ranking_score = real_at(r, i, 10),
                             .rank_position = (uint32_t)pg_int_at(r, i, 11),
                             .discount_reference = pg_text_at(r, i, 12),
                             .explanation = pg_text_at(r, i, 13),
                             .evidence = pg_text_at(r, i, 14),
                             .generation_sources = pg_text_at(r, i, 15),
                             .objectives = pg_text_at(r, i, 16)};
    (void)snprintf(row.id, sizeof row.id, "%s", PQgetvalue(r, i, 0));
    struct bundle_row_context c = {.csv_upload_id = upload,
                                   .shop_id = shop,
                                   .status = pg_text_at(r, i, 17),
                                   .is_approved = PQgetvalue(r, i, 18)[0] == 't',
                                   .is_used = PQgetvalue(r, i, 19)[0] == 't',
                                   .created_at = pg_text_at(r, i, 20)};
    bundle_row_json(&row, &c, j);
}

static void put_document(struct buf *json, const PGresult *upload, const PGresult *rows, struct str shop)
{
    struct json_out j = json_out_on(json);
    json_out_object(&j);
    json_out_key_int(&j, "version", 1);
    json_out_key(&j, "upload");
    put_upload(&j, upload);
    json_out_key(&j, "bundles");
    json_out_array(&j);
    for (int i = 0; i < PQntuples(rows); i++)
        put_bundle(&j, rows, i, pg_text_at(upload, 0, 0), shop);
    json_out_end(&j);
    json_out_key(&j, "metrics");
    json_out_raw(&j, PQgetisnull(upload, 0, 11) ? STR("{}") : pg_text_at(upload, 0, 11));
    json_out_end(&j);
}

bool bundle_store_document(struct pg *pg, struct str shop, struct str upload, struct buf *json, struct err *e)
{
    struct upload_info info;
    if (!upload_find(pg, shop, upload, &info, e))
        return false;
    const char *const id[] = {info.csv_upload_id};
    AUTO(pg_result_clearp) PGresult *about = NULL;
    AUTO(pg_result_clearp) PGresult *rows = NULL;
    if (!pg_query(pg, "reading the upload", UPLOAD_SQL, 1, id, &about, e) ||
        !pg_query(pg, "reading the bundles", ROWS_SQL, 1, id, &rows, e))
        return false;
    if (PQntuples(about) == 0)
        return err_set(e, ERR_NOT_FOUND, "upload \"" STR_FMT "\" has just been deleted", STR_ARG(upload));
    put_document(json, about, rows, shop);
    return buf_ok(json, "the document of bundles", e);
}
