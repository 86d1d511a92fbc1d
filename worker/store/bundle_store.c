#include "worker/store/bundle_store.h"

#include <stdio.h>

#include "common/check.h"
#include "common/json_out.h"
#include "worker/store/pg_internal.h"

// $1 upload, $2 shop, $3 job, $4 fence: the first parameters of every statement here.
//
// The first statement locks the upload's row: jobs of one upload queue up, and what they see afterwards is what the one
// before them committed. TARGET is empty where the upload is not this shop's, and where a task that was drawn later,
// or the job's end, was written already: nothing happens then.
#define TARGET_WHERE "SELECT id FROM csv_uploads WHERE id = $1::uuid AND shop_id = $2 AND fence <= $4"
#define TARGET "target AS (" TARGET_WHERE ")"
// Besides: not where this job has stored its final bundles already, which nothing of a slow worker's must follow.
#define TARGET_NOT_FINAL "target AS (" TARGET_WHERE " AND NOT (status = 'final' AND last_job IS NOT DISTINCT FROM $3))"

static const char LOCK_SQL[] = "SELECT fence > $4, status = 'final' AND last_job IS NOT DISTINCT FROM $3 FROM "
                               "csv_uploads WHERE id = $1::uuid AND shop_id = $2 FOR UPDATE";

// Rows that are made again keep their created_at; approved and used ones are the merchant's.
#define DELETE_OTHERS(target, which)                                                                                   \
    "WITH " target " DELETE FROM bundle_recommendations b USING target WHERE b.csv_upload_id = target.id AND NOT "     \
    "b.is_approved AND NOT b.is_used AND NOT b.id = ANY ($5::uuid[])" which ""

#define INSERT_ROWS(target, status)                                                                                    \
    "WITH " target ", n AS (SELECT * FROM unnest($5::text[]::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], " \
    "$10::text[], $11::float8[], $12::float8[], $13::float8[], $14::float8[], $15::float8[], $16::int8[], "            \
    "$17::text[], "                                                                                                    \
    "$18::text[], $19::text[], $20::text[], $21::text[]) AS n (id, bundle_type, objective, products, pricing, "        \
    "ai_copy, "                                                                                                        \
    "confidence, predicted_lift, support, lift, ranking_score, rank_position, discount_reference, explanation, "       \
    "evidence, generation_sources, objectives)) "                                                                      \
    "INSERT INTO bundle_recommendations AS b (id, csv_upload_id, shop_id, job, status, bundle_type, objective, "       \
    "products, pricing, ai_copy, confidence, predicted_lift, support, lift, ranking_score, rank_position, "            \
    "discount_reference, explanation, evidence, generation_sources, objectives) "                                      \
    "SELECT n.id, target.id, $2, $3, '" status "', bundle_type, objective, products::jsonb, pricing::jsonb, "          \
    "ai_copy::jsonb, confidence, predicted_lift, support, lift, ranking_score, rank_position, "                        \
    "nullif(discount_reference, ''), nullif(explanation, ''), evidence::jsonb, generation_sources::jsonb, "            \
    "objectives::jsonb FROM n, target ORDER BY n.id "                                                                  \
    "ON CONFLICT (id) DO UPDATE SET job = excluded.job, products = excluded.products, pricing = excluded.pricing, "    \
    "ai_copy = excluded.ai_copy, confidence = excluded.confidence, predicted_lift = excluded.predicted_lift, "         \
    "support = excluded.support, lift = excluded.lift, ranking_score = excluded.ranking_score, "                       \
    "rank_position = excluded.rank_position, discount_reference = excluded.discount_reference, "                       \
    "explanation = excluded.explanation, evidence = excluded.evidence, "                                               \
    "generation_sources = excluded.generation_sources, objectives = excluded.objectives "                              \
    "WHERE b.csv_upload_id = excluded.csv_upload_id AND NOT b.is_approved AND NOT b.is_used"

// The catalogue is often a file of its own: all files of the run. A row without a variant id goes by what the dataset
// knows such a variant by (catalog.c): a variant's SKU, else an identity made of its SKU, its titles or its title. Keys
// that two items share name none of them. Rows that have their flags already are not written again.
static const char FLAGS_SQL[] =
    "WITH " TARGET_NOT_FINAL ", files AS (SELECT f.id FROM csv_uploads f, csv_uploads u, target WHERE u.id = target.id "
    "AND f.shop_id = u.shop_id AND (f.id = u.id OR f.run_id = nullif(u.run_id, ''))), "
    "n AS (SELECT key, min(flags) AS flags FROM unnest($5::text[], $6::int8[]) AS n (key, flags) GROUP BY key "
    "HAVING count(*) = 1), "
    "wanted AS (SELECT DISTINCT ON (c.csv_upload_id, c.row_no) c.csv_upload_id, c.row_no, n.flags & 1 <> 0 AS slow, "
    "n.flags & 2 <> 0 AS new, n.flags & 4 <> 0 AS season, n.flags & 8 <> 0 AS margin FROM catalog_snapshot c, "
    "LATERAL (VALUES (1, 'i' || nullif(c.variant_id, '')), "
    "(2, CASE WHEN coalesce(c.variant_id, '') = '' THEN 's' || upper(c.sku COLLATE \"C\") END), "
    "(3, CASE WHEN coalesce(c.variant_id, '') = '' THEN 'i' || c.sku END), "
    "(4, CASE WHEN coalesce(c.variant_id, '') = '' THEN 'i' || upper(c.sku COLLATE \"C\") END), "
    "(5, CASE WHEN coalesce(c.variant_id, '') = '' THEN 'i' || c.product_title || ' - ' || c.variant_title END), "
    "(6, CASE WHEN coalesce(c.variant_id, '') = '' THEN 'i' || c.product_title END)) k (rank, key) "
    "JOIN n ON n.key = k.key WHERE c.csv_upload_id = ANY (ARRAY (SELECT id FROM files)) "
    "ORDER BY c.csv_upload_id, c.row_no, k.rank) "
    "UPDATE catalog_snapshot c SET is_slow_mover = w.slow, is_new_launch = w.new, is_seasonal = w.season, "
    "is_high_margin = w.margin FROM wanted w WHERE c.csv_upload_id = w.csv_upload_id AND c.row_no = w.row_no AND "
    "(c.is_slow_mover, c.is_new_launch, c.is_seasonal, c.is_high_margin) IS DISTINCT FROM (w.slow, w.new, w.season, "
    "w.margin)";

#define PUT_PROGRESS(target)                                                                                           \
    "WITH " target " INSERT INTO generation_progress (upload_id, shop_domain, step, progress, status, message, "       \
    "metadata) SELECT target.id, $2, $5, $6::int8, $7, $8, $9::jsonb FROM target "                                     \
    "ON CONFLICT (upload_id) DO UPDATE SET shop_domain = excluded.shop_domain, step = excluded.step, "                 \
    "progress = excluded.progress, status = excluded.status, message = excluded.message, "                             \
    "metadata = excluded.metadata, updated_at = now()"

static const char UPLOAD_PRELIMINARY_SQL[] =
    "WITH " TARGET_NOT_FINAL " UPDATE csv_uploads u SET status = 'preliminary', error_message = NULL, last_job = $3, "
    "fence = $4, updated_at = now() FROM target WHERE u.id = target.id";
static const char UPLOAD_FINAL_SQL[] =
    "WITH " TARGET " UPDATE csv_uploads u SET status = 'final', error_message = NULL, last_job = $3, fence = $4, "
    "bundle_generation_metrics = $5::jsonb, updated_at = now() FROM target WHERE u.id = target.id";
static const char UPLOAD_FAILED_SQL[] =
    "WITH " TARGET_NOT_FINAL " UPDATE csv_uploads u SET status = 'failed', error_message = $5, last_job = $3, "
    "fence = $4, updated_at = now() FROM target WHERE u.id = target.id";

// --- parameters

static struct pg_params params_of(const struct store_target *t, struct arena *memory)
{
    struct pg_params p = {.memory = memory};
    pg_params_text(&p, t->csv_upload_id);
    pg_params_text(&p, t->shop);
    pg_params_text(&p, t->job);
    pg_params_int(&p, t->fence);
    return p;
}

static struct str row_id(const void *rows, size_t i)
{
    return str_of(((const struct bundle_row *)rows)[i].id);
}

#define ROW_TEXT(field)                                                                                                \
    static struct str row_##field(const void *rows, size_t i)                                                          \
    {                                                                                                                  \
        return ((const struct bundle_row *)rows)[i].field;                                                             \
    }
#define ROW_REAL(field)                                                                                                \
    static double row_##field(const void *rows, size_t i)                                                              \
    {                                                                                                                  \
        return ((const struct bundle_row *)rows)[i].field;                                                             \
    }
ROW_TEXT(bundle_type)
ROW_TEXT(objective)
ROW_TEXT(products)
ROW_TEXT(pricing)
ROW_TEXT(ai_copy)
ROW_TEXT(discount_reference)
ROW_TEXT(explanation)
ROW_TEXT(evidence)
ROW_TEXT(generation_sources)
ROW_TEXT(objectives)
ROW_REAL(confidence)
ROW_REAL(predicted_lift)
ROW_REAL(support)
ROW_REAL(lift)
ROW_REAL(ranking_score)

static int64_t row_rank(const void *rows, size_t i)
{
    return ((const struct bundle_row *)rows)[i].rank_position;
}

static void put_rows(struct pg_params *p, const struct bundle_rows *rows)
{
    size_t n = rows->n;
    const void *r = rows->rows;
    pg_params_text_array(p, n, row_id, r);
    pg_params_text_array(p, n, row_bundle_type, r);
    pg_params_text_array(p, n, row_objective, r);
    pg_params_json_array(p, n, row_products, r);
    pg_params_json_array(p, n, row_pricing, r);
    pg_params_json_array(p, n, row_ai_copy, r);
    pg_params_real_array(p, n, row_confidence, r);
    pg_params_real_array(p, n, row_predicted_lift, r);
    pg_params_real_array(p, n, row_support, r);
    pg_params_real_array(p, n, row_lift, r);
    pg_params_real_array(p, n, row_ranking_score, r);
    pg_params_int_array(p, n, row_rank, r);
    pg_params_text_array(p, n, row_discount_reference, r);
    pg_params_text_array(p, n, row_explanation, r);
    pg_params_json_array(p, n, row_evidence, r);
    pg_params_json_array(p, n, row_generation_sources, r);
    pg_params_json_array(p, n, row_objectives, r);
}

// What FLAGS_SQL finds a catalogue row by: "i" and an identity, or "s" and a SKU.
struct flag_keys {
    struct str *keys;
    int64_t *flags;
    size_t n;
};

static void add_key(struct flag_keys *k, char kind, struct str text, uint32_t flags, struct arena *memory)
{
    char *key = arena_alloc(memory, text.len + 1);
    key[0] = kind;
    for (size_t i = 0; i < text.len; i++) // SKUs go without case
        key[i + 1] = (char)(kind == 's' && text.ptr[i] >= 'a' && text.ptr[i] <= 'z' ? text.ptr[i] - 32 : text.ptr[i]);
    k->keys[k->n] = (struct str){key, text.len + 1};
    k->flags[k->n++] = flags;
}

static struct flag_keys flag_keys_of(const struct dataset *d, struct arena *memory)
{
    struct flag_keys k = {.keys = ARENA_ARRAY(memory, struct str, (size_t)d->n_items * 2),
                          .flags = ARENA_ARRAY(memory, int64_t, (size_t)d->n_items * 2)};
    for (uint32_t i = 0; i < d->n_items; i++) {
        const struct item *item = &d->items[i];
        if (!(item->flags & ITEM_IN_CATALOG))
            continue;
        add_key(&k, 'i', item->variant_id, item->flags, memory);
        if (item->sku.len)
            add_key(&k, 's', item->sku, item->flags, memory);
    }
    return k;
}

static struct str key_at(const void *keys, size_t i)
{
    return ((const struct flag_keys *)keys)->keys[i];
}

static int64_t flags_at(const void *keys, size_t i)
{
    return ((const struct flag_keys *)keys)->flags[i];
}

// --- statements

struct store {
    const struct store_target *target;
    struct pg_pipeline pipeline;
    struct arena memory;
};

static void store_finip(struct store *s)
{
    arena_fini(&s->memory);
}

static bool add_lock(struct store *s, struct err *e)
{
    struct pg_params p = params_of(s->target, &s->memory);
    return pg_pipeline_add(&s->pipeline, LOCK_SQL, &p, e);
}

static bool add_rows(struct store *s, const char *delete_sql, const char *insert_sql, const struct bundle_rows *rows,
                     struct err *e)
{
    struct pg_params ids = params_of(s->target, &s->memory);
    pg_params_text_array(&ids, rows->n, row_id, rows->rows);
    if (!pg_pipeline_add(&s->pipeline, delete_sql, &ids, e))
        return false;
    struct pg_params all = params_of(s->target, &s->memory);
    put_rows(&all, rows);
    return pg_pipeline_add(&s->pipeline, insert_sql, &all, e);
}

static bool add_flags(struct store *s, const struct dataset *d, struct err *e)
{
    struct pg_params p = params_of(s->target, &s->memory);
    struct flag_keys keys = flag_keys_of(d, &s->memory);
    pg_params_text_array(&p, keys.n, key_at, &keys);
    pg_params_int_array(&p, keys.n, flags_at, &keys);
    return pg_pipeline_add(&s->pipeline, FLAGS_SQL, &p, e);
}

struct progress {
    const char *sql, *step, *status;
    const char *percent;
    struct str message;
    uint32_t bundles;
};

static struct str progress_metadata(struct store *s, uint32_t bundles)
{
    AUTO(buf_finip) struct buf text;
    buf_init(&text, 64 << 10);
    struct json_out j = json_out_on(&text);
    json_out_object(&j);
    json_out_key_str(&j, "job", s->target->job);
    json_out_key_int(&j, "bundles", bundles);
    json_out_end(&j);
    return arena_str(&s->memory, buf_str(&text));
}

static bool add_progress(struct store *s, const struct progress *progress, struct err *e)
{
    struct pg_params p = params_of(s->target, &s->memory);
    pg_params_text(&p, str_of(progress->step));
    pg_params_text(&p, str_of(progress->percent));
    pg_params_text(&p, str_of(progress->status));
    pg_params_text(&p, progress->message);
    pg_params_json(&p, progress_metadata(s, progress->bundles));
    return pg_pipeline_add(&s->pipeline, progress->sql, &p, e);
}

static bool begin(struct store *s, struct pg *pg, const struct store_target *t, struct err *e)
{
    *s = (struct store){.target = t};
    arena_init(&s->memory, 0);
    if (!pg_is_uuid(t->csv_upload_id))
        return err_set(e, ERR_NOT_FOUND, "no upload \"" STR_FMT "\"", STR_ARG(t->csv_upload_id));
    return pg_pipeline_begin(&s->pipeline, pg, e) && add_lock(s, e);
}

// *was_final: the locked row said that this job had stored its final bundles already.
static bool commit(struct store *s, const char *what, bool *was_final, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *lock = NULL;
    if (!pg_pipeline_end(&s->pipeline, what, &lock, 1, e))
        return false;
    if (PQntuples(lock) == 0)
        return err_set(e, ERR_NOT_FOUND, "%s: shop \"" STR_FMT "\" has no upload \"" STR_FMT "\" any more", what,
                       STR_ARG(s->target->shop), STR_ARG(s->target->csv_upload_id));
    if (PQgetvalue(lock, 0, 0)[0] == 't')
        return err_set(e, ERR_FENCED, "%s: a later task, or the job's end, is written already", what);
    *was_final = PQgetvalue(lock, 0, 1)[0] == 't';
    return true;
}

// --- what is stored, each as one transaction that can be tried again

struct preliminary {
    const struct store_target *target;
    const struct bundle_rows *rows;
    const struct dataset *flags_of;
    bool was_final;
};

static bool store_preliminary(void *context, struct pg *pg, struct err *e)
{
    static const char delete_sql[] = DELETE_OTHERS(TARGET_NOT_FINAL, " AND b.status = 'preliminary'");
    static const char insert_sql[] = INSERT_ROWS(TARGET_NOT_FINAL, "preliminary");
    struct preliminary *c = context;
    struct progress progress = {.sql = PUT_PROGRESS(TARGET_NOT_FINAL),
                                .step = "preliminary",
                                .status = "preliminary",
                                .percent = "50",
                                .message = STR("Preliminary bundles are ready."),
                                .bundles = c->rows->n};
    AUTO(store_finip) struct store s;
    struct pg_params upload;
    if (!begin(&s, pg, c->target, e) || !add_rows(&s, delete_sql, insert_sql, c->rows, e) ||
        !add_flags(&s, c->flags_of, e) || !add_progress(&s, &progress, e))
        return false;
    upload = params_of(c->target, &s.memory);
    return pg_pipeline_add(&s.pipeline, UPLOAD_PRELIMINARY_SQL, &upload, e) &&
           commit(&s, "storing preliminary bundles", &c->was_final, e);
}

bool bundle_store_preliminary(struct pg *pg, const struct store_target *t, const struct bundle_rows *rows,
                              const struct dataset *flags_of, bool *stored, struct err *e)
{
    struct preliminary c = {.target = t, .rows = rows, .flags_of = flags_of};
    if (!pg_retry(pg, store_preliminary, &c, e))
        return false;
    *stored = !c.was_final;
    return true;
}

struct final {
    const struct store_target *target;
    const struct bundle_rows *rows;
    struct str metrics_json;
    bool was_final;
};

static bool store_final(void *context, struct pg *pg, struct err *e)
{
    static const char delete_sql[] = DELETE_OTHERS(TARGET, "");
    static const char insert_sql[] = INSERT_ROWS(TARGET, "final");
    struct final *c = context;
    struct progress progress = {.sql = PUT_PROGRESS(TARGET),
                                .step = "publish",
                                .status = "final",
                                .percent = "100",
                                .message = STR("Bundles are ready."),
                                .bundles = c->rows->n};
    AUTO(store_finip) struct store s;
    if (!begin(&s, pg, c->target, e) || !add_rows(&s, delete_sql, insert_sql, c->rows, e) ||
        !add_progress(&s, &progress, e))
        return false;
    struct pg_params upload = params_of(c->target, &s.memory);
    pg_params_json(&upload, c->metrics_json);
    return pg_pipeline_add(&s.pipeline, UPLOAD_FINAL_SQL, &upload, e) &&
           commit(&s, "storing final bundles", &c->was_final, e);
}

bool bundle_store_final(struct pg *pg, const struct store_target *t, const struct bundle_rows *rows,
                        struct str metrics_json, struct err *e)
{
    struct final c = {.target = t, .rows = rows, .metrics_json = metrics_json};
    return pg_retry(pg, store_final, &c, e);
}

struct failure {
    const struct store_target *target;
    struct str message;
};

static bool store_failed(void *context, struct pg *pg, struct err *e)
{
    const struct failure *c = context;
    struct progress progress = {.sql = PUT_PROGRESS(TARGET_NOT_FINAL),
                                .step = "failed",
                                .status = "failed",
                                .percent = "100",
                                .message = c->message};
    AUTO(store_finip) struct store s;
    bool was_final;
    if (!begin(&s, pg, c->target, e) || !add_progress(&s, &progress, e))
        return false;
    struct pg_params upload = params_of(c->target, &s.memory);
    pg_params_text(&upload, c->message);
    return pg_pipeline_add(&s.pipeline, UPLOAD_FAILED_SQL, &upload, e) &&
           commit(&s, "storing the job's failure", &was_final, e);
}

bool bundle_store_failed(struct pg *pg, const struct store_target *t, struct str message, struct err *e)
{
    struct failure c = {t, message};
    return pg_retry(pg, store_failed, &c, e);
}
