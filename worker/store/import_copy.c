#include "worker/store/import_copy.h"

#include <errno.h>

#include "common/check.h"

// Small chunks keep reader and server at work side by side: a unix socket holds about 200 KiB and calls itself writable
// again only below a quarter of that, so 256 KiB at once leave the server idle while the next ones are parsed (1
// million lines, 2 cores: 4.3 s with 256 KiB, 3.3 s with 64, 2.9 s with 32 or 8). A row larger than a chunk fits the
// buffer too.
enum { CHUNK_BYTES = 32 << 10, BUFFER_MAX = 64 << 20, HELD_MAX = 8 << 20 };

#define IMPORTING "importing rows"

static const char *const COPY_SQL[ROW_KINDS] = {
    [ROW_ORDER] = "COPY orders (csv_upload_id, order_id, customer_id, customer_email, currency, financial_status, "
                  "created_at, returned, subtotal, discount, total) FROM STDIN (FORMAT binary)",
    [ROW_LINE] =
        "COPY order_lines (csv_upload_id, order_id, line_item_id, variant_id, sku, name, variant_title, brand, "
        "category, quantity, unit_price, line_discount) FROM STDIN (FORMAT binary)",
    [ROW_VARIANT] = "COPY variants (csv_upload_id, row_no, variant_id, product_id, sku, variant_title, price, "
                    "compare_at_price, cost, inventory_item_id) FROM STDIN (FORMAT binary)",
    [ROW_INVENTORY] =
        "COPY inventory_levels (csv_upload_id, inventory_item_id, location_id, available, updated_at) FROM "
        "STDIN (FORMAT binary)",
    [ROW_CATALOG] = "COPY catalog_snapshot (csv_upload_id, row_no, product_id, product_title, product_type, vendor, "
                    "tags, product_status, product_created_at, variant_id, sku, variant_title, inventory_item_id, "
                    "price, compare_at_price, cost, available_total) FROM STDIN (FORMAT binary)",
};

void import_copy_init(struct import_copy *c, struct pg *pg, const uint8_t upload[PGBIN_UUID_BYTES])
{
    *c = (struct import_copy){.pg = pg};
    memcpy(c->upload, upload, sizeof c->upload);
    buf_init(&c->out, BUFFER_MAX);
    buf_init(&c->held, BUFFER_MAX);
}

void import_copy_fini(struct import_copy *c)
{
    buf_fini(&c->out);
    buf_fini(&c->held);
    if (c->spool)
        (void)fclose(c->spool);
    c->spool = NULL;
}

// --- rows as bytes

static void put_order(struct import_copy *c, struct buf *b, const struct row_order *o)
{
    pgbin_put_row(b, 11);
    pgbin_put_uuid(b, c->upload);
    pgbin_put_key_text(b, o->order_id);
    pgbin_put_text(b, o->customer_id);
    pgbin_put_text(b, o->customer_email);
    pgbin_put_text(b, o->currency);
    pgbin_put_text(b, o->financial_status);
    pgbin_put_date(b, o->created_at);
    pgbin_put_bool(b, o->is_returned);
    pgbin_put_amount(b, o->subtotal_e4);
    pgbin_put_amount(b, o->discount_e4);
    pgbin_put_amount(b, o->total_e4);
}

static void put_line(struct import_copy *c, struct buf *b, const struct row_line *l)
{
    pgbin_put_row(b, 12);
    pgbin_put_uuid(b, c->upload);
    pgbin_put_key_text(b, l->order_id);
    pgbin_put_key_text(b, l->line_item_id);
    pgbin_put_text(b, l->variant_id);
    pgbin_put_text(b, l->sku);
    pgbin_put_text(b, l->name);
    pgbin_put_text(b, l->variant_title);
    pgbin_put_text(b, l->brand);
    pgbin_put_text(b, l->category);
    pgbin_put_int64(b, l->quantity);
    pgbin_put_amount(b, l->unit_price_e4);
    pgbin_put_amount(b, l->line_discount_e4);
}

static void put_variant(struct import_copy *c, struct buf *b, const struct row_variant *v)
{
    pgbin_put_row(b, 10);
    pgbin_put_uuid(b, c->upload);
    pgbin_put_int64(b, ++c->row_no);
    pgbin_put_text(b, v->variant_id);
    pgbin_put_text(b, v->product_id);
    pgbin_put_text(b, v->sku);
    pgbin_put_text(b, v->variant_title);
    pgbin_put_amount(b, v->price_e4);
    pgbin_put_amount(b, v->compare_at_e4);
    pgbin_put_amount(b, v->cost_e4);
    pgbin_put_text(b, v->inventory_item_id);
}

static void put_inventory(struct import_copy *c, struct buf *b, const struct row_inventory *i)
{
    pgbin_put_row(b, 5);
    pgbin_put_uuid(b, c->upload);
    pgbin_put_key_text(b, i->inventory_item_id);
    pgbin_put_key_text(b, i->location_id);
    pgbin_put_int64(b, i->available);
    pgbin_put_date(b, i->updated_at);
}

static void put_catalog(struct import_copy *c, struct buf *b, const struct row_catalog *r)
{
    pgbin_put_row(b, 17);
    pgbin_put_uuid(b, c->upload);
    pgbin_put_int64(b, ++c->row_no);
    pgbin_put_text(b, r->product_id);
    pgbin_put_text(b, r->product_title);
    pgbin_put_text(b, r->product_type);
    pgbin_put_text(b, r->vendor);
    pgbin_put_text(b, r->tags);
    pgbin_put_text(b, r->product_status);
    pgbin_put_date(b, r->product_created_at);
    pgbin_put_text(b, r->variant_id);
    pgbin_put_text(b, r->sku);
    pgbin_put_text(b, r->variant_title);
    pgbin_put_text(b, r->inventory_item_id);
    pgbin_put_amount(b, r->price_e4);
    pgbin_put_amount(b, r->compare_at_e4);
    pgbin_put_amount(b, r->cost_e4);
    pgbin_put_int64(b, r->available_total);
}

static void put_row(struct import_copy *c, struct buf *b, const struct row *r)
{
    switch (r->kind) {
    case ROW_ORDER:
        put_order(c, b, &r->order);
        break;
    case ROW_LINE:
        put_line(c, b, &r->line);
        break;
    case ROW_VARIANT:
        put_variant(c, b, &r->variant);
        break;
    case ROW_INVENTORY:
        put_inventory(c, b, &r->inventory);
        break;
    default:
        CHECK(r->kind == ROW_CATALOG);
        put_catalog(c, b, &r->catalog);
    }
}

// --- the server

static bool begin(struct import_copy *c, enum row_kind kind, struct err *e)
{
    pg_count_statements(c->pg, 1);
    AUTO(pg_result_clearp) PGresult *result = NULL;
    if (!PQsendQuery(pg_handle(c->pg), COPY_SQL[kind]))
        return pg_fail(c->pg, NULL, IMPORTING, e);
    if (!pg_next_result(c->pg, IMPORTING, &result, e))
        return false;
    if (PQresultStatus(result) != PGRES_COPY_IN)
        return pg_fail(c->pg, result, IMPORTING, e);
    c->has_begun = true;
    buf_clear(&c->out);
    pgbin_put_header(&c->out);
    return true;
}

static bool flush(struct import_copy *c, struct err *e)
{
    if (!buf_ok(&c->out, "a row", e) || !pg_put_copy(c->pg, IMPORTING, c->out.data, c->out.len, e))
        return false;
    buf_clear(&c->out);
    return true;
}

static bool end(struct import_copy *c, struct err *e)
{
    pgbin_put_trailer(&c->out);
    if (!flush(c, e))
        return false;
    if (PQputCopyEnd(pg_handle(c->pg), NULL) != 1)
        return pg_fail(c->pg, NULL, IMPORTING, e);
    AUTO(pg_result_clearp) PGresult *result = NULL;
    AUTO(pg_result_clearp) PGresult *nothing = NULL;
    if (!pg_next_result(c->pg, IMPORTING, &result, e))
        return false;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return pg_fail(c->pg, result, IMPORTING, e);
    c->has_begun = false;
    return pg_next_result(c->pg, IMPORTING, &nothing, e) && (nothing == NULL || pg_fail(c->pg, nothing, IMPORTING, e));
}

// --- orders, held back

static bool spool_failed(struct err *e)
{
    return err_set(e, ERR_IO, "a temporary file for the orders: %s", strerror(errno));
}

static bool hold(struct import_copy *c, const struct row *r, struct err *e)
{
    put_row(c, &c->held, r);
    if (!buf_ok(&c->held, "an order", e))
        return false;
    if (c->held.len < HELD_MAX)
        return true;
    if (!c->spool && !(c->spool = tmpfile()))
        return spool_failed(e);
    if (fwrite(c->held.data, 1, c->held.len, c->spool) != c->held.len)
        return spool_failed(e);
    buf_clear(&c->held);
    return true;
}

static bool send_spool(struct import_copy *c, struct err *e)
{
    char chunk[64 << 10];
    if (fflush(c->spool) != 0 || fseek(c->spool, 0, SEEK_SET) != 0)
        return spool_failed(e);
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, c->spool)) > 0)
        if (!pg_put_copy(c->pg, IMPORTING, chunk, n, e))
            return false;
    return !ferror(c->spool) || spool_failed(e);
}

static bool send_held(struct import_copy *c, struct err *e)
{
    if (!begin(c, ROW_ORDER, e) || !flush(c, e))
        return false;
    if (c->spool && !send_spool(c, e))
        return false;
    return (c->held.len == 0 || pg_put_copy(c->pg, IMPORTING, c->held.data, c->held.len, e)) && end(c, e);
}

bool import_copy_row(struct import_copy *c, const struct row *r, struct err *e)
{
    if (r->kind == ROW_ORDER)
        return hold(c, r, e);
    if (!c->has_begun && !begin(c, r->kind, e))
        return false;
    put_row(c, &c->out, r);
    return c->out.len < CHUNK_BYTES || flush(c, e);
}

bool import_copy_end(struct import_copy *c, struct err *e)
{
    if (c->has_begun && !end(c, e))
        return false;
    return (!c->spool && c->held.len == 0) || send_held(c, e);
}
