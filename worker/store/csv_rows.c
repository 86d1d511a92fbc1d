#include "worker/store/csv_rows.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "worker/store/csv_cells.h"

void csv_rows_init(struct csv_rows *r, const struct csv_header *h, const struct csv_options *o,
                   const struct csv_sink *sink, struct csv_report *report)
{
    *r = (struct csv_rows){.header = h, .options = o, .sink = sink, .report = report};
    arena_init(&r->memory, 0);
    arena_init(&r->product_memory, 0);
    intern_init(&r->order_ids, &r->memory);
    buf_init(&r->scratch, 4 * CSV_TEXT_BYTES_MAX);
}

void csv_rows_fini(struct csv_rows *r)
{
    intern_fini(&r->order_ids);
    arena_fini(&r->memory);
    arena_fini(&r->product_memory);
    key_set_fini(&r->seen);
    buf_fini(&r->scratch);
    free(r->orders);
}

static bool reject(struct csv_rows *r)
{
    r->report->rejected++;
    r->sink->on_reject(r->sink->context, r->line, csv_header_name(r->header, r->bad_field), r->bad_reason);
    return true; // the row is dealt with; reading goes on
}

static bool give(struct csv_rows *r, const struct row *row, struct err *e)
{
    return r->sink->on_row(r->sink->context, row, e);
}

static struct csv_order_state *order_state(struct csv_rows *r, struct str order_id)
{
    uint32_t id = intern_add(&r->order_ids, order_id);
    if (id >= r->orders_capacity) {
        size_t capacity = r->orders_capacity ? r->orders_capacity * 2 : 1024;
        r->orders = realloc(r->orders, capacity * sizeof *r->orders);
        CHECK(r->orders);
        memset(r->orders + r->orders_capacity, 0, (capacity - r->orders_capacity) * sizeof *r->orders);
        r->orders_capacity = capacity;
    }
    return &r->orders[id];
}

static const enum csv_field ORDER_FIELDS[] = {CSV_ORDER_CREATED_AT, CSV_ORDER_CURRENCY, CSV_ORDER_FINANCIAL_STATUS,
                                              CSV_ORDER_SUBTOTAL, CSV_ORDER_TOTAL};

// Whether the row carries the order itself: always in a file that has no column for an order's fields.
static bool carries_order(const struct csv_rows *r)
{
    bool has_columns = false;
    for (size_t i = 0; i < ARRAY_LEN(ORDER_FIELDS); i++) {
        has_columns |= cell_is_mapped(r, ORDER_FIELDS[i]);
        if (cell_text(r, ORDER_FIELDS[i]).len)
            return true;
    }
    return !has_columns;
}

static bool parse_order_id(struct csv_rows *r, struct str *out)
{
    enum csv_field f = cell_is_mapped(r, CSV_ORDER_INVOICE_NO) ? CSV_ORDER_INVOICE_NO : CSV_ORDER_ID;
    struct str id;
    if (!cell_id(r, f, &id))
        return false;
    if (id.len == 0)
        return cell_fail(r, f, "missing", STR(""));
    *out = id;
    return true;
}

// "C536379" takes an invoice back, "A563185" adjusts the books (UCI Online Retail): neither is a sale.
static bool invoice_is_no_sale(struct str invoice_no)
{
    if (invoice_no.len < 2 || !isdigit((unsigned char)invoice_no.ptr[1]))
        return false;
    return strchr("CcAa", invoice_no.ptr[0]) != NULL;
}

// Some exports (Bread Basket) keep the time of day in a column of its own.
static bool parse_order_date(struct csv_rows *r, int64_t *unix_s)
{
    struct str day = cell_text(r, CSV_ORDER_CREATED_AT), time = cell_text(r, CSV_ORDER_CREATED_TIME);
    if (day.len == 0 || time.len == 0)
        return cell_date(r, CSV_ORDER_CREATED_AT, unix_s);
    buf_clear(&r->scratch);
    buf_printf(&r->scratch, STR_FMT " " STR_FMT, STR_ARG(day), STR_ARG(time));
    if (date_parse(buf_str(&r->scratch), r->options->date_order, unix_s))
        return true;
    int64_t ignored;
    bool is_day_good = date_parse(day, r->options->date_order, &ignored);
    return cell_fail(r, is_day_good ? CSV_ORDER_CREATED_TIME : CSV_ORDER_CREATED_AT,
                     is_day_good ? "not a time" : "not a date", is_day_good ? time : day);
}

static bool parse_order(struct csv_rows *r, struct row_order *o, char currency[4])
{
    bool is_good =
        parse_order_date(r, &o->created_at) && cell_id(r, CSV_ORDER_CUSTOMER_ID, &o->customer_id) &&
        cell_id(r, CSV_ORDER_CUSTOMER_EMAIL, &o->customer_email) && cell_currency(r, CSV_ORDER_CURRENCY, currency) &&
        cell_id(r, CSV_ORDER_FINANCIAL_STATUS, &o->financial_status) &&
        cell_yes_no(r, CSV_ORDER_RETURNED, &o->is_returned) && cell_amount(r, CSV_ORDER_SUBTOTAL, &o->subtotal_e4) &&
        cell_amount(r, CSV_ORDER_DISCOUNT, &o->discount_e4) && cell_amount(r, CSV_ORDER_TOTAL, &o->total_e4);
    o->currency = str_of(currency);
    o->is_returned |= cell_text(r, CSV_ORDER_CANCELLED_AT).len > 0;
    o->is_returned |= cell_is_mapped(r, CSV_ORDER_INVOICE_NO) && invoice_is_no_sale(o->order_id);
    return is_good;
}

// Gives the order where this row is the first that names it. *is_good false: the row is bad and told so.
static bool take_order(struct csv_rows *r, struct str order_id, struct csv_order_state *state, bool *is_good,
                       struct err *e)
{
    *is_good = true;
    if (state->is_taken)
        return true;
    *is_good = false;
    struct row row = {.kind = ROW_ORDER, .order = {.order_id = order_id}};
    char currency[4] = "";
    bool is_orphan = state->is_refused && !carries_order(r);
    if (is_orphan)
        (void)cell_fail(r, cell_is_mapped(r, CSV_ORDER_INVOICE_NO) ? CSV_ORDER_INVOICE_NO : CSV_ORDER_ID,
                        "the first row of this order was rejected", order_id);
    if (is_orphan || !parse_order(r, &row.order, currency)) {
        state->is_refused = true;
        return reject(r);
    }
    *is_good = state->is_taken = true;
    r->report->orders++;
    return give(r, &row, e);
}

static bool names_something_sold(const struct csv_rows *r)
{
    return cell_text(r, CSV_LINE_NAME).len || cell_text(r, CSV_LINE_SKU).len || cell_text(r, CSV_LINE_VARIANT_ID).len ||
           cell_text(r, CSV_LINE_QUANTITY).len || cell_text(r, CSV_LINE_UNIT_PRICE).len;
}

static bool parse_quantity(struct csv_rows *r, int64_t *quantity)
{
    if (!cell_is_mapped(r, CSV_LINE_QUANTITY)) {
        *quantity = 1; // files of plain baskets name no quantity: one of each
        return true;
    }
    if (!cell_count(r, CSV_LINE_QUANTITY, quantity))
        return false;
    return *quantity != COUNT_UNKNOWN || cell_fail(r, CSV_LINE_QUANTITY, "missing", STR(""));
}

static bool parse_line(struct csv_rows *r, struct row_line *l)
{
    return cell_id(r, CSV_LINE_ITEM_ID, &l->line_item_id) && cell_id(r, CSV_LINE_VARIANT_ID, &l->variant_id) &&
           cell_id(r, CSV_LINE_SKU, &l->sku) && cell_long(r, CSV_LINE_NAME, &l->name) &&
           cell_long(r, CSV_LINE_VARIANT_TITLE, &l->variant_title) && cell_long(r, CSV_LINE_BRAND, &l->brand) &&
           cell_long(r, CSV_LINE_CATEGORY, &l->category) && parse_quantity(r, &l->quantity) &&
           cell_amount(r, CSV_LINE_UNIT_PRICE, &l->unit_price_e4) &&
           cell_amount(r, CSV_LINE_DISCOUNT, &l->line_discount_e4);
}

// A line's id within its order: the file's, else its number. In a file that names some, a number may be one of these.
static bool identify_line(struct csv_rows *r, struct row_line *l, struct csv_order_state *state, char number[24])
{
    if (l->line_item_id.len) {
        return key_set_add(&r->seen, l->order_id, l->line_item_id) ||
               cell_fail(r, CSV_LINE_ITEM_ID, "this line of the order stands in a row before", l->line_item_id);
    }
    uint32_t n = state->lines;
    do {
        int len = snprintf(number, 24, "%u", ++n);
        l->line_item_id = (struct str){number, (size_t)len};
    } while (cell_is_mapped(r, CSV_LINE_ITEM_ID) && !key_set_add(&r->seen, l->order_id, l->line_item_id));
    state->lines = n;
    return true;
}

static bool take_order_row(struct csv_rows *r, struct err *e)
{
    struct str order_id;
    if (!parse_order_id(r, &order_id))
        return reject(r);
    struct csv_order_state *state = order_state(r, order_id);
    bool is_good;
    if (!take_order(r, order_id, state, &is_good, e))
        return false;
    if (!is_good || !names_something_sold(r))
        return true;
    struct row row = {.kind = ROW_LINE, .line = {.order_id = order_id}};
    char number[24];
    if (!parse_line(r, &row.line) || !identify_line(r, &row.line, state, number))
        return reject(r);
    r->report->lines++;
    return give(r, &row, e);
}

// Identity of a row that must not come twice. Rows without an id can't be told apart and are all taken.
static bool is_first(struct csv_rows *r, enum csv_field f, struct str id, struct str within)
{
    return id.len == 0 || key_set_add(&r->seen, id, within) || cell_fail(r, f, "stands in a row before", id);
}

static bool parse_variant(struct csv_rows *r, struct row_variant *v)
{
    bool is_good = cell_id(r, CSV_VARIANT_ID, &v->variant_id) && cell_id(r, CSV_VARIANT_PRODUCT_ID, &v->product_id) &&
                   cell_id(r, CSV_VARIANT_SKU, &v->sku) && cell_long(r, CSV_VARIANT_TITLE, &v->variant_title) &&
                   cell_id(r, CSV_VARIANT_INVENTORY_ITEM, &v->inventory_item_id) &&
                   cell_amount(r, CSV_VARIANT_PRICE, &v->price_e4) &&
                   cell_amount(r, CSV_VARIANT_COMPARE_AT, &v->compare_at_e4) &&
                   cell_amount(r, CSV_VARIANT_COST, &v->cost_e4);
    if (is_good && v->variant_id.len == 0 && v->sku.len == 0)
        return cell_fail(r, cell_is_mapped(r, CSV_VARIANT_ID) ? CSV_VARIANT_ID : CSV_VARIANT_SKU, "missing", STR(""));
    return is_good && is_first(r, CSV_VARIANT_ID, v->variant_id, STR(""));
}

static bool take_variant_row(struct csv_rows *r, struct err *e)
{
    struct row row = {.kind = ROW_VARIANT};
    return parse_variant(r, &row.variant) ? give(r, &row, e) : reject(r);
}

static bool parse_inventory(struct csv_rows *r, struct row_inventory *i)
{
    if (!cell_id(r, CSV_INVENTORY_ITEM, &i->inventory_item_id) ||
        !cell_id(r, CSV_INVENTORY_LOCATION, &i->location_id) ||
        !cell_count(r, CSV_INVENTORY_AVAILABLE, &i->available) ||
        !cell_date(r, CSV_INVENTORY_UPDATED_AT, &i->updated_at))
        return false;
    if (i->inventory_item_id.len == 0)
        return cell_fail(r, CSV_INVENTORY_ITEM, "missing", STR(""));
    return is_first(r, CSV_INVENTORY_ITEM, i->inventory_item_id, i->location_id);
}

static bool take_inventory_row(struct csv_rows *r, struct err *e)
{
    struct row row = {.kind = ROW_INVENTORY};
    return parse_inventory(r, &row.inventory) ? give(r, &row, e) : reject(r);
}

static bool parse_product(struct csv_rows *r, struct row_catalog *c)
{
    return cell_id(r, CSV_CATALOG_PRODUCT_ID, &c->product_id) && cell_long(r, CSV_CATALOG_TITLE, &c->product_title) &&
           cell_long(r, CSV_CATALOG_TYPE, &c->product_type) && cell_long(r, CSV_CATALOG_VENDOR, &c->vendor) &&
           cell_long(r, CSV_CATALOG_TAGS, &c->tags) && cell_id(r, CSV_CATALOG_STATUS, &c->product_status) &&
           cell_date(r, CSV_CATALOG_CREATED_AT, &c->product_created_at);
}

static void keep_text(struct csv_rows *r, struct str *text)
{
    *text = arena_str(&r->product_memory, *text);
}

static void remember_product(struct csv_rows *r, const struct row_catalog *c)
{
    arena_fini(&r->product_memory);
    arena_init(&r->product_memory, 0);
    r->product = *c;
    keep_text(r, &r->product.product_id);
    keep_text(r, &r->product.product_title);
    keep_text(r, &r->product.product_type);
    keep_text(r, &r->product.vendor);
    keep_text(r, &r->product.tags);
    keep_text(r, &r->product.product_status);
}

static void carry_text(struct str *text, struct str from_first_row)
{
    if (text->len == 0)
        *text = from_first_row;
}

static void carry_product(const struct csv_rows *r, struct row_catalog *c)
{
    carry_text(&c->product_title, r->product.product_title);
    carry_text(&c->product_type, r->product.product_type);
    carry_text(&c->vendor, r->product.vendor);
    carry_text(&c->tags, r->product.tags);
    carry_text(&c->product_status, r->product.product_status);
    if (c->product_created_at == DATE_UNKNOWN)
        c->product_created_at = r->product.product_created_at;
}

// "Blue / M": the variant's title as orders write it, from the option columns of a products export.
static bool parse_variant_title(struct csv_rows *r, struct str *out)
{
    static const enum csv_field options[] = {CSV_CATALOG_OPTION1, CSV_CATALOG_OPTION2, CSV_CATALOG_OPTION3};
    if (!cell_long(r, CSV_CATALOG_VARIANT_TITLE, out))
        return false;
    if (out->len)
        return true;
    buf_clear(&r->scratch);
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct str option;
        if (!cell_long(r, options[i], &option))
            return false;
        if (option.len)
            buf_printf(&r->scratch, "%s" STR_FMT, r->scratch.len ? " / " : "", STR_ARG(option));
    }
    bool is_placeholder = str_eq_nocase(buf_str(&r->scratch), STR("Default Title")); // a product without options
    *out = is_placeholder ? STR("") : buf_str(&r->scratch);
    return true;
}

static bool parse_catalog_variant(struct csv_rows *r, struct row_catalog *c)
{
    return cell_id(r, CSV_CATALOG_VARIANT_ID, &c->variant_id) && cell_id(r, CSV_CATALOG_SKU, &c->sku) &&
           parse_variant_title(r, &c->variant_title) && cell_id(r, CSV_CATALOG_INVENTORY_ITEM, &c->inventory_item_id) &&
           cell_amount(r, CSV_CATALOG_PRICE, &c->price_e4) &&
           cell_amount(r, CSV_CATALOG_COMPARE_AT, &c->compare_at_e4) && cell_amount(r, CSV_CATALOG_COST, &c->cost_e4) &&
           cell_count(r, CSV_CATALOG_AVAILABLE, &c->available_total);
}

// A products export has rows that only add an image to the product above.
static bool is_image_row(const struct csv_rows *r, const struct row_catalog *c)
{
    return c->product_title.len == 0 && c->product_id.len && !cell_text(r, CSV_CATALOG_VARIANT_ID).len &&
           !cell_text(r, CSV_CATALOG_SKU).len && !cell_text(r, CSV_CATALOG_PRICE).len &&
           !cell_text(r, CSV_CATALOG_VARIANT_TITLE).len && !cell_text(r, CSV_CATALOG_OPTION1).len;
}

static bool take_catalog_row(struct csv_rows *r, struct err *e)
{
    struct row row = {.kind = ROW_CATALOG};
    struct row_catalog *c = &row.catalog;
    if (!parse_product(r, c))
        return reject(r);
    if (is_image_row(r, c))
        return true;
    if (c->product_title.len)
        remember_product(r, c);
    else if (c->product_id.len && str_eq(c->product_id, r->product.product_id))
        carry_product(r, c);
    if (!parse_catalog_variant(r, c))
        return reject(r);
    if (!c->product_title.len && !c->variant_id.len && !c->sku.len) {
        (void)cell_fail(r, CSV_CATALOG_TITLE, "missing", STR(""));
        return reject(r);
    }
    return is_first(r, CSV_CATALOG_VARIANT_ID, c->variant_id, STR("")) ? give(r, &row, e) : reject(r);
}

bool csv_rows_take(struct csv_rows *r, const struct str *cells, uint64_t line, struct err *e)
{
    r->cells = cells;
    r->line = line;
    switch (r->header->kind) {
    case CSV_ORDERS:
        return take_order_row(r, e);
    case CSV_VARIANTS:
        return take_variant_row(r, e);
    case CSV_INVENTORY:
        return take_inventory_row(r, e);
    default:
        return take_catalog_row(r, e);
    }
}
