#include "worker/store/upload_load.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/check.h"
#include "worker/store/pg_internal.h"
#include "worker/store/pgbin.h"

enum { SQL_BYTES_MAX = 1 << 20, FILES_MAX = 1000, ROWS_BETWEEN_CHECKS = 4096 };

// The files of the run, newest first: of an order that stands in two of them, the builder keeps the first source's.
struct files {
    uint8_t ids[FILES_MAX][PGBIN_UUID_BYTES];
    unsigned n;
};

struct load {
    struct pg *pg;
    struct files files;
    struct builder *builder;
    const atomic_bool *is_cancelled;
    unsigned until_check;
    unsigned last_source; // rows of a file come in long stretches
};

// --- what the upload is

#define FILE_COLUMNS                                                                                                   \
    "u.id::text, u.run_id, u.csv_type, u.status, u.last_job IS NULL, u.error_message, "                                \
    "coalesce(u.content_hash, u.total_rows || '/' || u.processed_rows)"
enum { COL_SHOP_KNOWN, COL_ID, COL_RUN, COL_TYPE, COL_STATUS, COL_NO_JOB, COL_ERROR, COL_CONTENT, COLS };

// The condition on csv_uploads u that picks the files of the data set.
static bool put_condition(struct pg *pg, struct buf *sql, struct str shop, struct str upload, struct err *e)
{
    AUTO(buf_finip) struct buf shop_literal, upload_literal;
    buf_init(&shop_literal, SQL_BYTES_MAX);
    buf_init(&upload_literal, SQL_BYTES_MAX);
    if (!pg_put_literal(pg, &shop_literal, shop, e) || !pg_put_literal(pg, &upload_literal, upload, e))
        return false;
    const char *s = buf_str(&shop_literal).ptr, *u = buf_str(&upload_literal).ptr;
    buf_printf(sql, "u.shop_id = %s AND (u.run_id = %s", s, u);
    if (pg_is_uuid(upload))
        buf_printf(sql,
                   " OR u.id = %s::uuid OR u.run_id = (SELECT n.run_id FROM csv_uploads n WHERE n.shop_id = %s AND "
                   "n.id = %s::uuid AND n.run_id <> '')",
                   u, s, u);
    buf_puts(sql, ")");
    return true;
}

// Always one row at least: without files it has a NULL id, and still tells whether the shop is known.
static bool put_info(struct pg *pg, struct buf *sql, struct str shop, struct str condition, struct err *e)
{
    AUTO(buf_finip) struct buf shop_literal;
    buf_init(&shop_literal, SQL_BYTES_MAX);
    if (!pg_put_literal(pg, &shop_literal, shop, e))
        return false;
    const char *s = buf_str(&shop_literal).ptr;
    buf_printf(
        sql,
        "SELECT EXISTS (SELECT FROM shops WHERE shop_id = %s) OR EXISTS (SELECT FROM csv_uploads WHERE shop_id = "
        "%s), " FILE_COLUMNS " FROM (VALUES (1)) one (x) LEFT JOIN csv_uploads u ON " STR_FMT
        " ORDER BY u.created_at DESC, u.id DESC",
        s, s, STR_ARG(condition));
    return true;
}

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static void uuid_bytes(const char *text, uint8_t out[PGBIN_UUID_BYTES])
{
    size_t n = 0;
    for (const char *p = text; *p && n < PGBIN_UUID_BYTES * 2; p++) {
        if (*p == '-')
            continue;
        uint8_t digit = (uint8_t)hex_digit(*p);
        out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] | digit : digit << 4);
        n++;
    }
}

static bool fail_not_found(const PGresult *r, struct str shop, struct str upload, struct err *e)
{
    bool is_shop_known = PQgetvalue(r, 0, COL_SHOP_KNOWN)[0] == 't';
    if (!is_shop_known)
        return err_set(e, ERR_NOT_FOUND, "no shop \"" STR_FMT "\"", STR_ARG(shop));
    return err_set(e, ERR_NOT_FOUND, "shop \"" STR_FMT "\" has no upload \"" STR_FMT "\"", STR_ARG(shop),
                   STR_ARG(upload));
}

// "failed" by a job is worth another job; by the import it is not.
static bool check_status(const PGresult *r, int row, struct err *e)
{
    const char *status = PQgetvalue(r, row, COL_STATUS), *id = PQgetvalue(r, row, COL_ID);
    if (strcmp(status, "importing") == 0)
        return err_set(e, ERR_INPUT, "upload %s is still being imported", id);
    if (strcmp(status, "failed") == 0 && PQgetvalue(r, row, COL_NO_JOB)[0] == 't')
        return err_set(e, ERR_INPUT, "the import of upload %s failed: %s", id, PQgetvalue(r, row, COL_ERROR));
    return true;
}

// By id, not by age: what an upload holds does not change with the order its files came in.
static uint64_t content_of(const PGresult *r)
{
    uint64_t sum = 0;
    char text[512];
    for (int i = 0; i < PQntuples(r); i++) {
        int len = snprintf(text, sizeof text, "%s %s", PQgetvalue(r, i, COL_ID), PQgetvalue(r, i, COL_CONTENT));
        sum += XXH3_64bits(text, len < (int)sizeof text ? (size_t)len : sizeof text - 1);
    }
    return XXH3_64bits(&sum, sizeof sum);
}

// The file named, else the run's first orders file, else its first.
static int home_row(const PGresult *r, struct str upload)
{
    int home = PQntuples(r) - 1;
    for (int i = 0; i < PQntuples(r); i++) // newest first: the last match is the oldest
        if (strcmp(PQgetvalue(r, i, COL_TYPE), "orders") == 0)
            home = i;
    for (int i = 0; i < PQntuples(r); i++)
        if (str_eq_nocase(str_of(PQgetvalue(r, i, COL_ID)), upload))
            home = i;
    return home;
}

static bool take_info(const PGresult *r, struct str shop, struct str upload, struct upload_info *info,
                      struct files *files, struct err *e)
{
    int n = PQntuples(r);
    if (PQnfields(r) != COLS || n < 1)
        return err_set(e, ERR_PG, "reading the upload: an unexpected result");
    if (PQgetisnull(r, 0, COL_ID))
        return fail_not_found(r, shop, upload, e);
    if (n > FILES_MAX)
        return err_set(e, ERR_LIMIT, "the run has %d files, at most %d are loaded", n, FILES_MAX);
    for (int i = 0; i < n; i++) {
        if (!check_status(r, i, e))
            return false;
        uuid_bytes(PQgetvalue(r, i, COL_ID), files->ids[i]);
    }
    files->n = (unsigned)n;
    int home = home_row(r, upload);
    *info = (struct upload_info){.content = content_of(r), .n_files = files->n};
    (void)snprintf(info->csv_upload_id, sizeof info->csv_upload_id, "%s", PQgetvalue(r, home, COL_ID));
    (void)snprintf(info->run_id, sizeof info->run_id, "%s", PQgetvalue(r, home, COL_RUN));
    return true;
}

bool upload_find(struct pg *pg, struct str shop, struct str upload, struct upload_info *info, struct err *e)
{
    AUTO(buf_finip) struct buf sql, condition;
    buf_init(&sql, SQL_BYTES_MAX);
    buf_init(&condition, SQL_BYTES_MAX);
    if (!pg_connect(pg, e) || !put_condition(pg, &condition, shop, upload, e) ||
        !put_info(pg, &sql, shop, buf_str(&condition), e) || !buf_ok(&sql, "the upload's name", e))
        return false;
    AUTO(pg_result_clearp) PGresult *result = NULL;
    struct files files;
    return pg_query(pg, "reading the upload", sql.data, 0, NULL, &result, e) &&
           take_info(result, shop, upload, info, &files, e);
}

// --- rows

static bool source_of(struct load *l, struct pgbin_field id, unsigned *source, struct err *e)
{
    if (id.len != PGBIN_UUID_BYTES)
        return err_set(e, ERR_CODEC, "COPY: an upload id of %d bytes", id.len);
    for (unsigned i = 0; i < l->files.n; i++) {
        unsigned candidate = (l->last_source + i) % l->files.n;
        if (memcmp(l->files.ids[candidate], id.ptr, PGBIN_UUID_BYTES) == 0) {
            *source = l->last_source = candidate;
            return true;
        }
    }
    return err_set(e, ERR_PG, "loading: a row of a file that is not of this run"); // one snapshot: can't be
}

static bool add_row(struct load *l, struct pgbin_field id, const struct row *row, struct err *e)
{
    if (l->until_check-- == 0) {
        l->until_check = ROWS_BETWEEN_CHECKS;
        if (l->is_cancelled && atomic_load_explicit(l->is_cancelled, memory_order_relaxed))
            return err_set(e, ERR_CANCELLED, "loading was cancelled");
    }
    unsigned source = 0;
    return source_of(l, id, &source, e) && builder_add(l->builder, row, source, e);
}

static bool on_order(void *context, const struct pgbin_field *f, struct err *e)
{
    struct row row = {.kind = ROW_ORDER};
    struct row_order *o = &row.order;
    o->order_id = pgbin_text(f[1]);
    o->customer_id = pgbin_text(f[2]);
    o->customer_email = pgbin_text(f[3]);
    o->currency = pgbin_text(f[4]);
    o->financial_status = pgbin_text(f[5]);
    return pgbin_date(f[6], &o->created_at, e) && pgbin_bool(f[7], &o->is_returned, e) &&
           pgbin_amount(f[8], &o->subtotal_e4, e) && pgbin_amount(f[9], &o->discount_e4, e) &&
           pgbin_amount(f[10], &o->total_e4, e) && add_row(context, f[0], &row, e);
}

static bool on_line(void *context, const struct pgbin_field *f, struct err *e)
{
    struct row row = {.kind = ROW_LINE};
    struct row_line *l = &row.line;
    l->order_id = pgbin_text(f[1]);
    l->line_item_id = pgbin_text(f[2]);
    l->variant_id = pgbin_text(f[3]);
    l->sku = pgbin_text(f[4]);
    l->name = pgbin_text(f[5]);
    l->variant_title = pgbin_text(f[6]);
    l->brand = pgbin_text(f[7]);
    l->category = pgbin_text(f[8]);
    return pgbin_int64(f[9], &l->quantity, e) && pgbin_amount(f[10], &l->unit_price_e4, e) &&
           pgbin_amount(f[11], &l->line_discount_e4, e) && add_row(context, f[0], &row, e);
}

static bool on_variant(void *context, const struct pgbin_field *f, struct err *e)
{
    struct row row = {.kind = ROW_VARIANT};
    struct row_variant *v = &row.variant;
    v->variant_id = pgbin_text(f[1]);
    v->product_id = pgbin_text(f[2]);
    v->sku = pgbin_text(f[3]);
    v->variant_title = pgbin_text(f[4]);
    v->inventory_item_id = pgbin_text(f[5]);
    return pgbin_amount(f[6], &v->price_e4, e) && pgbin_amount(f[7], &v->compare_at_e4, e) &&
           pgbin_amount(f[8], &v->cost_e4, e) && add_row(context, f[0], &row, e);
}

static bool on_inventory(void *context, const struct pgbin_field *f, struct err *e)
{
    struct row row = {.kind = ROW_INVENTORY};
    struct row_inventory *i = &row.inventory;
    i->inventory_item_id = pgbin_text(f[1]);
    i->location_id = pgbin_text(f[2]);
    return pgbin_int64(f[3], &i->available, e) && pgbin_date(f[4], &i->updated_at, e) &&
           add_row(context, f[0], &row, e);
}

static bool on_catalog(void *context, const struct pgbin_field *f, struct err *e)
{
    struct row row = {.kind = ROW_CATALOG};
    struct row_catalog *c = &row.catalog;
    c->product_id = pgbin_text(f[1]);
    c->product_title = pgbin_text(f[2]);
    c->product_type = pgbin_text(f[3]);
    c->vendor = pgbin_text(f[4]);
    c->tags = pgbin_text(f[5]);
    c->product_status = pgbin_text(f[6]);
    c->variant_id = pgbin_text(f[8]);
    c->sku = pgbin_text(f[9]);
    c->variant_title = pgbin_text(f[10]);
    c->inventory_item_id = pgbin_text(f[11]);
    return pgbin_date(f[7], &c->product_created_at, e) && pgbin_amount(f[12], &c->price_e4, e) &&
           pgbin_amount(f[13], &c->compare_at_e4, e) && pgbin_amount(f[14], &c->cost_e4, e) &&
           pgbin_int64(f[15], &c->available_total, e) && add_row(context, f[0], &row, e);
}

// Explicit columns and types: the binary stream does not tell them, and a web app's own tables may differ in theirs.
static const struct table {
    const char *columns;
    const char *name;
    unsigned n_fields;
    bool (*on_row)(void *context, const struct pgbin_field *fields, struct err *e);
} TABLES[] = {
    {"csv_upload_id::uuid, order_id::text, customer_id::text, customer_email::text, currency::text, "
     "financial_status::text, created_at::timestamptz, returned::boolean, subtotal::numeric, discount::numeric, "
     "total::numeric",
     "orders", 11, on_order},
    {"csv_upload_id::uuid, order_id::text, line_item_id::text, variant_id::text, sku::text, name::text, "
     "variant_title::text, brand::text, category::text, quantity::bigint, unit_price::numeric, line_discount::numeric",
     "order_lines", 12, on_line},
    {"csv_upload_id::uuid, variant_id::text, product_id::text, sku::text, variant_title::text, "
     "inventory_item_id::text, price::numeric, compare_at_price::numeric, cost::numeric",
     "variants", 9, on_variant},
    {"csv_upload_id::uuid, inventory_item_id::text, location_id::text, available::bigint, updated_at::timestamptz",
     "inventory_levels", 5, on_inventory},
    {"csv_upload_id::uuid, product_id::text, product_title::text, product_type::text, vendor::text, tags::text, "
     "product_status::text, product_created_at::timestamptz, variant_id::text, sku::text, variant_title::text, "
     "inventory_item_id::text, price::numeric, compare_at_price::numeric, cost::numeric, available_total::bigint",
     "catalog_snapshot", 16, on_catalog},
};

// = ANY (ARRAY (...)) makes the planner fetch the ids first and then use the tables' keys.
static bool make_sql(struct pg *pg, struct buf *sql, struct str shop, struct str upload, struct err *e)
{
    AUTO(buf_finip) struct buf condition;
    buf_init(&condition, SQL_BYTES_MAX);
    if (!put_condition(pg, &condition, shop, upload, e) || !put_info(pg, sql, shop, buf_str(&condition), e))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(TABLES); i++)
        buf_printf(
            sql,
            "; COPY (SELECT %s FROM %s WHERE csv_upload_id = ANY (ARRAY (SELECT u.id FROM csv_uploads u WHERE " STR_FMT
            "))) TO STDOUT (FORMAT binary)",
            TABLES[i].columns, TABLES[i].name, STR_ARG(buf_str(&condition)));
    return buf_ok(sql, "the upload's name", e);
}

// A new result of the status that should be next.
static bool expect(struct load *l, ExecStatusType status, PGresult **out, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = PQgetResult(pg_handle(l->pg));
    if (PQresultStatus(result) != status)
        return pg_fail(l->pg, result, "loading the upload", e);
    if (out) {
        *out = result;
        result = NULL;
    }
    return true;
}

static bool read_messages(struct load *l, struct pgbin_reader *reader, struct err *e)
{
    for (;;) {
        char *bytes;
        int len = PQgetCopyData(pg_handle(l->pg), &bytes, 0);
        if (len == -1)
            return pgbin_reader_end(reader, e);
        if (len < 0)
            return pg_fail(l->pg, NULL, "loading the upload", e);
        bool is_good = pgbin_reader_feed(reader, bytes, (size_t)len, e);
        PQfreemem(bytes);
        if (!is_good)
            return false;
    }
}

// A statement that fails half-way ends its rows early: then the result behind them says why, not the missing trailer.
static bool read_table(struct load *l, const struct table *t, struct err *e)
{
    if (!expect(l, PGRES_COPY_OUT, NULL, e))
        return false;
    struct pgbin_reader reader;
    pgbin_reader_init(&reader, t->n_fields, t->on_row, l);
    bool is_good = read_messages(l, &reader, e);
    bool is_short = !is_good && e->kind == ERR_CODEC && !reader.has_ended;
    pgbin_reader_fini(&reader);
    if (is_short && PQtransactionStatus(pg_handle(l->pg)) == PQTRANS_ACTIVE) {
        AUTO(pg_result_clearp) PGresult *result = PQgetResult(pg_handle(l->pg));
        if (PQresultStatus(result) == PGRES_FATAL_ERROR)
            return pg_fail(l->pg, result, "loading the upload", e);
    }
    return is_good && expect(l, PGRES_COMMAND_OK, NULL, e);
}

static bool read_results(struct load *l, struct str shop, struct str upload, struct upload_info *info, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *first = NULL;
    if (!expect(l, PGRES_TUPLES_OK, &first, e) || !take_info(first, shop, upload, info, &l->files, e))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(TABLES); i++)
        if (!read_table(l, &TABLES[i], e))
            return false;
    PGresult *end = PQgetResult(pg_handle(l->pg));
    CHECK(end == NULL);
    return true;
}

static bool run(struct load *l, struct str shop, struct str upload, struct upload_info *info, struct err *e)
{
    AUTO(buf_finip) struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    if (!pg_connect(l->pg, e) || !make_sql(l->pg, &sql, shop, upload, e))
        return false;
    pg_count_statements(l->pg, 1 + (unsigned)ARRAY_LEN(TABLES));
    if (!PQsendQuery(pg_handle(l->pg), sql.data))
        return pg_fail(l->pg, NULL, "loading the upload", e);
    if (read_results(l, shop, upload, info, e))
        return true;
    if (l->files.n)
        pg_cancel_and_drain(l->pg);
    else
        pg_drain(l->pg); // no such upload: five empty COPYs are sooner read than cancelled
    return false;
}

bool upload_load(struct pg *pg, struct str shop, struct str upload, const struct enrich_rules *rules,
                 const atomic_bool *is_cancelled, struct upload_info *info, struct dataset **out, struct err *e)
{
    struct upload_info own = {0};
    struct load l = {.pg = pg, .is_cancelled = is_cancelled};
    l.builder = builder_create(rules);
    bool is_good = run(&l, shop, upload, &own, e) && builder_finish(l.builder, out, e);
    builder_destroy(l.builder);
    if (own.csv_upload_id[0])
        *info = own;
    return is_good;
}
