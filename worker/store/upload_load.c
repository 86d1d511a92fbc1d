#include "worker/store/upload_load.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/check.h"
#include "common/failpoint.h"
#include "worker/store/upload_internal.h"

#define LOADING "loading the upload"

struct table {
    const char *columns, *name, *group;
    enum row_kind kind;
    unsigned n_fields; // the last one is the row's version
    bool (*on_row)(void *context, const struct pgbin_field *fields, struct err *e);
};

// Which rows of one table are seen, in no order: how many, and the sum of their versions' hashes.
struct seen {
    uint64_t rows, sum;
};

struct load {
    struct pg *pg;
    const struct table *table; // being read
    struct upload_files files;
    struct seen seen[ROW_KINDS];
    uint64_t shop_options;            // hash
    bool is_unversioned;              // rows of a table that tells no versions
    const struct enrich_rules *rules; // NULL: rows are not built
    const struct upload_shop *asks;
    struct builder *builder;
    unsigned last_source; // rows of a file come in long stretches
};

// ---- versions ----

static bool note_version(struct load *l, struct pgbin_field version, uint64_t rows, struct err *e)
{
    static const uint8_t NO_XID[4];
    if (version.len != (int32_t)sizeof NO_XID && version.len != (int32_t)sizeof(uint64_t))
        return err_set(e, ERR_CODEC, "COPY: a row version of %d bytes", version.len);
    // Views and foreign tables give no transaction.
    l->is_unversioned |= version.len == (int32_t)sizeof NO_XID && memcmp(version.ptr, NO_XID, sizeof NO_XID) == 0;
    l->seen[l->table->kind].rows += rows;
    l->seen[l->table->kind].sum += rows * XXH3_64bits(version.ptr, (size_t)version.len);
    return true;
}

static bool on_versions(void *context, const struct pgbin_field *f, struct err *e)
{
    int64_t rows;
    return pgbin_int64(f[0], &rows, e) && note_version(context, f[1], (uint64_t)rows, e);
}

// ---- rows ----

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

static bool add_row(struct load *l, const struct pgbin_field *f, const struct row *row, struct err *e)
{
    unsigned source = 0;
    return note_version(l, f[l->table->n_fields - 1], 1, e) && source_of(l, f[0], &source, e) &&
           builder_add(l->builder, row, source, e);
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
           pgbin_amount(f[10], &o->total_e4, e) && add_row(context, f, &row, e);
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
           pgbin_amount(f[11], &l->line_discount_e4, e) && add_row(context, f, &row, e);
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
           pgbin_amount(f[8], &v->cost_e4, e) && add_row(context, f, &row, e);
}

static bool on_inventory(void *context, const struct pgbin_field *f, struct err *e)
{
    struct row row = {.kind = ROW_INVENTORY};
    struct row_inventory *i = &row.inventory;
    i->inventory_item_id = pgbin_text(f[1]);
    i->location_id = pgbin_text(f[2]);
    return pgbin_int64(f[3], &i->available, e) && pgbin_date(f[4], &i->updated_at, e) && add_row(context, f, &row, e);
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
           pgbin_int64(f[15], &c->available_total, e) && add_row(context, f, &row, e);
}

// ---- what is read ----

// Explicit columns and types: the binary stream does not tell them, and a web app's own tables may differ in theirs.
#define CATALOG_COLUMNS                                                                                                \
    "csv_upload_id::uuid, product_id::text, product_title::text, product_type::text, vendor::text, tags::text, "       \
    "product_status::text, product_created_at::timestamptz, variant_id::text, sku::text, variant_title::text, "        \
    "inventory_item_id::text, price::numeric, compare_at_price::numeric, cost::numeric, available_total::bigint"
// A row's version is the transaction that wrote it. Jobs write their flags into the catalogue's rows: those are known
// by their content, which jobs leave alone.
#define VERSION "xmin"
#define CATALOG_VERSION "hash_record_extended(ROW(" CATALOG_COLUMNS "), 0)"

static const struct table ROWS[] = {
    {"csv_upload_id::uuid, order_id::text, customer_id::text, customer_email::text, currency::text, "
     "financial_status::text, created_at::timestamptz, returned::boolean, subtotal::numeric, discount::numeric, "
     "total::numeric, " VERSION,
     "orders", "", ROW_ORDER, 12, on_order},
    {"csv_upload_id::uuid, order_id::text, line_item_id::text, variant_id::text, sku::text, name::text, "
     "variant_title::text, brand::text, category::text, quantity::bigint, unit_price::numeric, "
     "line_discount::numeric, " VERSION,
     "order_lines", "", ROW_LINE, 13, on_line},
    {"csv_upload_id::uuid, variant_id::text, product_id::text, sku::text, variant_title::text, "
     "inventory_item_id::text, price::numeric, compare_at_price::numeric, cost::numeric, " VERSION,
     "variants", "", ROW_VARIANT, 10, on_variant},
    {"csv_upload_id::uuid, inventory_item_id::text, location_id::text, available::bigint, "
     "updated_at::timestamptz, " VERSION,
     "inventory_levels", "", ROW_INVENTORY, 6, on_inventory},
    {CATALOG_COLUMNS ", " CATALOG_VERSION, "catalog_snapshot", "", ROW_CATALOG, 17, on_catalog},
};

// The same rows, by their versions only.
#define VERSIONS(name, kind, version)                                                                                  \
    {                                                                                                                  \
        "count(*), " version, name, " GROUP BY 2", kind, 2, on_versions                                                \
    }
static const struct table VERSIONS_OF[] = {
    VERSIONS("orders", ROW_ORDER, VERSION),
    VERSIONS("order_lines", ROW_LINE, VERSION),
    VERSIONS("variants", ROW_VARIANT, VERSION),
    VERSIONS("inventory_levels", ROW_INVENTORY, VERSION),
    VERSIONS("catalog_snapshot", ROW_CATALOG, CATALOG_VERSION),
};

// = ANY (ARRAY (...)) makes the planner fetch the ids first and then use the tables' keys. A table has an xmin of its
// own; inside a view's rows the name means the one outside, which is no transaction.
static bool make_sql(struct pg *pg, struct buf *sql, const struct table *tables, size_t n, struct str shop,
                     struct str upload, struct err *e)
{
    AUTO(buf_finip) struct buf condition;
    buf_init(&condition, UPLOAD_SQL_MAX);
    if (!upload_put_condition(pg, &condition, shop, upload, e) ||
        !upload_put_info(pg, sql, shop, buf_str(&condition), e))
        return false;
    for (size_t i = 0; i < n; i++)
        buf_printf(
            sql,
            "; COPY (SELECT r.* FROM (SELECT '0'::xid AS xmin) none, LATERAL (SELECT %s FROM %s WHERE csv_upload_id "
            "= ANY (ARRAY (SELECT u.id FROM csv_uploads u WHERE " STR_FMT "))%s) r) TO STDOUT (FORMAT binary)",
            tables[i].columns, tables[i].name, STR_ARG(buf_str(&condition)), tables[i].group);
    return buf_ok(sql, "the upload's name", e);
}

// ---- the stream ----

static bool expect(struct load *l, ExecStatusType status, PGresult **out, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = NULL;
    if (!pg_next_result(l->pg, LOADING, &result, e))
        return false;
    if (PQresultStatus(result) != status)
        return pg_fail(l->pg, result, LOADING, e);
    if (out) {
        *out = result;
        result = NULL;
    }
    return true;
}

static bool read_messages(struct load *l, struct pgbin_reader *reader, struct err *e)
{
    for (unsigned n = 0;; n++) {
        char *bytes;
        int len = pg_next_copy(l->pg, LOADING, &bytes, e);
        if (n % 4096 == 0)
            FAILPOINT("load.copy");
        if (len == -1)
            return pgbin_reader_end(reader, e);
        if (len < 0)
            return false;
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
    l->table = t;
    pgbin_reader_init(&reader, t->n_fields, t->on_row, l);
    FAILPOINT("load.copy");
    bool is_good = read_messages(l, &reader, e);
    bool is_short = !is_good && e->kind == ERR_CODEC && !reader.has_ended;
    pgbin_reader_fini(&reader);
    if (is_short && PQtransactionStatus(pg_handle(l->pg)) == PQTRANS_ACTIVE) {
        AUTO(pg_result_clearp) PGresult *result = NULL;
        if (!pg_next_result(l->pg, LOADING, &result, e))
            return false;
        if (PQresultStatus(result) == PGRES_FATAL_ERROR)
            return pg_fail(l->pg, result, LOADING, e);
    }
    return is_good && expect(l, PGRES_COMMAND_OK, NULL, e);
}

static void begin_rows(struct load *l, struct str shop_options)
{
    struct enrich_rules rules = l->rules ? *l->rules : ENRICH_RULES_DEFAULT;
    l->shop_options = XXH3_64bits(shop_options.ptr, shop_options.len);
    if (l->asks)
        l->asks->on_options(l->asks->context, shop_options, &rules);
    if (l->rules)
        l->builder = builder_create(&rules);
}

static bool read_results(struct load *l, const struct table *tables, size_t n, struct str shop, struct str upload,
                         struct upload_info *info, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *first = NULL;
    if (!expect(l, PGRES_TUPLES_OK, &first, e) || !upload_take_info(first, shop, upload, info, &l->files, e))
        return false;
    begin_rows(l, upload_shop_options(first));
    for (size_t i = 0; i < n; i++)
        if (!read_table(l, &tables[i], e))
            return false;
    AUTO(pg_result_clearp) PGresult *end = NULL;
    return pg_next_result(l->pg, LOADING, &end, e) && (end == NULL || pg_fail(l->pg, end, LOADING, e));
}

static void put_revision(const struct load *l, char out[UPLOAD_REVISION_HEX + 1])
{
    XXH3_state_t state;
    out[0] = '\0';
    if (l->is_unversioned)
        return;
    (void)XXH3_128bits_reset(&state);
    (void)XXH3_128bits_update(&state, l->files.server, strlen(l->files.server));
    (void)XXH3_128bits_update(&state, l->files.ids, l->files.n * sizeof l->files.ids[0]);
    (void)XXH3_128bits_update(&state, l->seen, sizeof l->seen);
    (void)XXH3_128bits_update(&state, &l->shop_options, sizeof l->shop_options);
    XXH128_hash_t h = XXH3_128bits_digest(&state);
    (void)snprintf(out, UPLOAD_REVISION_HEX + 1, "%016llx%016llx", (unsigned long long)h.high64,
                   (unsigned long long)h.low64);
}

static bool read_all(struct load *l, const struct table *tables, size_t n, struct str shop, struct str upload,
                     struct upload_info *info, struct err *e)
{
    AUTO(buf_finip) struct buf sql;
    buf_init(&sql, UPLOAD_SQL_MAX);
    if (!pg_connect(l->pg, e) || !make_sql(l->pg, &sql, tables, n, shop, upload, e))
        return false;
    pg_count_statements(l->pg, 1 + (unsigned)n);
    if (!PQsendQuery(pg_handle(l->pg), sql.data))
        return pg_fail(l->pg, NULL, LOADING, e);
    if (read_results(l, tables, n, shop, upload, info, e)) {
        put_revision(l, info->revision);
        return true;
    }
    if (e->kind == ERR_NOT_FOUND)
        pg_drain(l->pg); // no such upload: empty COPYs are sooner read than cancelled
    else
        pg_disconnect(l->pg);
    return false;
}

bool upload_load(struct pg *pg, struct str shop, struct str upload, const struct enrich_rules *rules,
                 const struct upload_shop *asks, struct upload_info *info, struct dataset **out, struct err *e)
{
    struct upload_info own = {0};
    struct load l = {.pg = pg, .rules = rules, .asks = asks};
    bool is_good = read_all(&l, ROWS, ARRAY_LEN(ROWS), shop, upload, &own, e) && builder_finish(l.builder, out, e);
    builder_destroy(l.builder);
    if (own.csv_upload_id[0])
        *info = own;
    return is_good;
}

bool upload_look(struct pg *pg, struct str shop, struct str upload, const struct upload_shop *asks,
                 struct upload_info *info, struct err *e)
{
    struct upload_info own = {0};
    struct load l = {.pg = pg, .asks = asks};
    bool is_good = read_all(&l, VERSIONS_OF, ARRAY_LEN(VERSIONS_OF), shop, upload, &own, e);
    if (own.csv_upload_id[0])
        *info = own;
    return is_good;
}
