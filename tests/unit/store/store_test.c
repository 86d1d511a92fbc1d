#include "store_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/check.h"
#include "worker/store/pg_internal.h"
#include "worker/store/schema.h"

enum { RING = 16 };

static char *ring_slot(void)
{
    static char slots[RING][4096];
    static unsigned next;
    return slots[next++ % RING];
}

const char *golden_csv(const char *name)
{
    char *path = ring_slot();
    (void)snprintf(path, 4096, "%s/tests/golden/csv/%s", BUNDLE_SOURCE_DIR, name);
    return path;
}

const char *real_data(const char *name)
{
    char *path = ring_slot();
    const char *folder = getenv("BUNDLE_DATA");
    if (folder)
        (void)snprintf(path, 4096, "%s/%s", folder, name);
    else
        (void)snprintf(path, 4096, "%s/../shared/data/%s", BUNDLE_SOURCE_DIR, name);
    return access(path, R_OK) == 0 ? path : NULL;
}

static void put_number(struct buf *out, int64_t value)
{
    if (value == INT64_MIN)
        buf_puts(out, "|?");
    else
        buf_printf(out, "|%lld", (long long)value);
}

static void put_texts(struct buf *out, const struct str *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "|" STR_FMT, STR_ARG(texts[i]));
}

static void print_order(struct buf *out, const struct row_order *o)
{
    const struct str texts[] = {o->order_id, o->customer_id, o->customer_email, o->currency, o->financial_status};
    buf_puts(out, "order");
    put_texts(out, texts, ARRAY_LEN(texts));
    put_number(out, o->created_at);
    buf_puts(out, o->is_returned ? "|returned" : "|");
    put_number(out, o->subtotal_e4);
    put_number(out, o->discount_e4);
    put_number(out, o->total_e4);
}

static void print_line(struct buf *out, const struct row_line *l)
{
    const struct str texts[] = {l->order_id, l->line_item_id,  l->variant_id, l->sku,
                                l->name,     l->variant_title, l->brand,      l->category};
    buf_puts(out, "line");
    put_texts(out, texts, ARRAY_LEN(texts));
    put_number(out, l->quantity);
    put_number(out, l->unit_price_e4);
    put_number(out, l->line_discount_e4);
}

static void print_variant(struct buf *out, const struct row_variant *v)
{
    const struct str texts[] = {v->variant_id, v->product_id, v->sku, v->variant_title, v->inventory_item_id};
    buf_puts(out, "variant");
    put_texts(out, texts, ARRAY_LEN(texts));
    put_number(out, v->price_e4);
    put_number(out, v->compare_at_e4);
    put_number(out, v->cost_e4);
}

static void print_inventory(struct buf *out, const struct row_inventory *i)
{
    const struct str texts[] = {i->inventory_item_id, i->location_id};
    buf_puts(out, "inventory");
    put_texts(out, texts, ARRAY_LEN(texts));
    put_number(out, i->available);
    put_number(out, i->updated_at);
}

static void print_catalog(struct buf *out, const struct row_catalog *c)
{
    const struct str texts[] = {c->product_id,    c->product_title,    c->product_type,   c->vendor,
                                c->tags,          c->variant_id,       c->product_status, c->sku,
                                c->variant_title, c->inventory_item_id};
    buf_puts(out, "catalog");
    put_texts(out, texts, ARRAY_LEN(texts));
    put_number(out, c->product_created_at);
    put_number(out, c->price_e4);
    put_number(out, c->compare_at_e4);
    put_number(out, c->cost_e4);
    put_number(out, c->available_total);
}

void row_print(struct buf *out, const struct row *r)
{
    switch (r->kind) {
    case ROW_ORDER:
        print_order(out, &r->order);
        break;
    case ROW_LINE:
        print_line(out, &r->line);
        break;
    case ROW_VARIANT:
        print_variant(out, &r->variant);
        break;
    case ROW_INVENTORY:
        print_inventory(out, &r->inventory);
        break;
    default:
        print_catalog(out, &r->catalog);
    }
    buf_putc(out, '\n');
}

static bool on_row(void *context, const struct row *r, struct err *e)
{
    (void)e;
    row_print(context, r);
    return true;
}

static void on_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    buf_printf(context, "! %llu " STR_FMT ": %s\n", (unsigned long long)line, STR_ARG(column), reason);
}

const struct csv_options CSV_TEST_OPTIONS = {.kind = -1, .date_order = DATE_MDY, .currency = {"", 0}};

bool csv_print(const char *path, const struct csv_options *o, struct buf *out, struct csv_report *report, struct err *e)
{
    const struct csv_sink sink = {.on_row = on_row, .on_reject = on_reject, .context = out};
    return csv_read(path, o, &sink, report, e);
}

// --- a database

static const char *server(void)
{
    const char *url = getenv("BUNDLE_TEST_PG");
    if (!url || !*url) {
        (void)fprintf(stderr, "skipped: BUNDLE_TEST_PG is not set (scripts/test sets it)\n");
        exit(77);
    }
    return url;
}

static void must(bool is_good, const struct err *e)
{
    if (is_good)
        return;
    (void)fprintf(stderr, "test database: %s\n", e->message);
    abort();
}

static void on_server(const char *sql)
{
    PGconn *c = PQconnectdb(server());
    CHECK(PQstatus(c) == CONNECTION_OK);
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        (void)fprintf(stderr, "%s: %s\n", sql, PQresultErrorMessage(r));
    CHECK(PQresultStatus(r) == PGRES_COMMAND_OK);
    PQclear(r);
    PQfinish(c);
}

// The server's connection string with another database name.
static void settings_for(struct settings *s, const char *database)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(server(), &message);
    CHECK(options);
    size_t len = 0;
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (o->val && strcmp(o->keyword, "dbname") != 0)
            len += (size_t)snprintf(s->pg_url + len, sizeof s->pg_url - len, "%s='%s' ", o->keyword, o->val);
    (void)snprintf(s->pg_url + len, sizeof s->pg_url - len, "dbname='%s'", database);
    PQconninfoFree(options);
    s->pg_timeout_ms = 60000;
}

struct pg *test_db_connect(const struct test_db *db)
{
    return pg_create(db->settings, "bundle-test");
}

void test_db_create(struct test_db *db, const char *name)
{
    char sql[160];
    struct err e;
    (void)snprintf(db->name, sizeof db->name, "t_%d_%s", (int)getpid(), name);
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s STRATEGY file_copy", db->name);
    on_server(sql);
    db->settings = calloc(1, sizeof *db->settings);
    CHECK(db->settings);
    settings_for(db->settings, db->name);
    db->pg = test_db_connect(db);
    must(schema_apply(db->pg, &e), &e);
}

void test_db_drop(struct test_db *db)
{
    char sql[160];
    pg_destroy(db->pg);
    (void)snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", db->name);
    on_server(sql);
    free(db->settings);
}

const char *test_db_value(struct test_db *db, const char *sql)
{
    struct err e;
    PGresult *r = NULL;
    must(pg_connect(db->pg, &e), &e);
    must(pg_query(db->pg, sql, sql, 0, NULL, &r, &e), &e);
    char *value = ring_slot();
    (void)snprintf(value, 4096, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return value;
}
