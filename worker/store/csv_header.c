#include "worker/store/csv_header.h"

#include <ctype.h>
#include <stdio.h>

#include "common/check.h"

extern const char ALIASES_CONF[];

static const struct field_row {
    const char *name;
    enum csv_kind kind;
} FIELDS[CSV_FIELD_COUNT] = {
#define FIELD_ROW(symbol, name, kind) {name, kind},
    CSV_FIELDS(FIELD_ROW)};

const char *csv_kind_name(enum csv_kind k)
{
    static const char *const names[CSV_KINDS] = {"orders", "variants", "inventory_levels", "catalog"};
    CHECK(k < CSV_KINDS);
    return names[k];
}

// What names are compared by: lower-case letters and digits, and whatever is not ASCII.
static struct str normalised(struct str name, struct arena *memory)
{
    char *text = arena_alloc(memory, name.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c >= 0x80 || isalnum(c))
            text[len++] = (char)tolower(c);
    }
    return (struct str){text, len};
}

static struct str take_until(struct str *rest, char stop)
{
    const char *end = memchr(rest->ptr, stop, rest->len);
    struct str taken = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = taken.len + (end ? 1 : 0);
    rest->ptr += used;
    rest->len -= used;
    return taken;
}

static int column_named(const struct str *keys, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(keys[i], key))
            return (int)i;
    return CSV_NO_COLUMN;
}

// The first free column that one of the aliases names.
static int column_for(struct csv_header *h, const struct str *keys, struct str aliases, struct arena *memory)
{
    while (aliases.len) {
        struct str companion = take_until(&aliases, ',');
        struct str alias = take_until(&companion, '&');
        int column = column_named(keys, h->n, normalised(alias, memory));
        if (column == CSV_NO_COLUMN || h->is_used[column])
            continue;
        if (companion.len && column_named(keys, h->n, normalised(companion, memory)) == CSV_NO_COLUMN)
            continue;
        h->is_used[column] = true;
        return column;
    }
    return CSV_NO_COLUMN;
}

static enum csv_field field_of_name(struct str name)
{
    for (unsigned f = 0; f < CSV_FIELD_COUNT; f++)
        if (str_eq(str_of(FIELDS[f].name), name))
            return f;
    return CSV_FIELD_COUNT;
}

static void map_columns(struct csv_header *h, const struct str *keys, enum csv_kind kind, struct arena *memory)
{
    h->kind = kind;
    memset(h->is_used, 0, h->n * sizeof *h->is_used);
    for (unsigned f = 0; f < CSV_FIELD_COUNT; f++)
        h->column_of[f] = CSV_NO_COLUMN;
    struct str rest = str_of(ALIASES_CONF);
    while (rest.len) {
        struct str aliases = str_trim(take_until(&rest, '\n'));
        if (aliases.len == 0 || aliases.ptr[0] == '#')
            continue;
        enum csv_field f = field_of_name(str_trim(take_until(&aliases, '=')));
        CHECK(f < CSV_FIELD_COUNT); // aliases.conf is compiled in: an unknown field is a mistake of ours
        if (FIELDS[f].kind == kind)
            h->column_of[f] = column_for(h, keys, aliases, memory);
    }
}

static bool has(const struct csv_header *h, enum csv_field f)
{
    return h->column_of[f] != CSV_NO_COLUMN;
}

// NULL: enough columns for a file of its kind; else what is missing.
static const char *missing_in(const struct csv_header *h)
{
    switch (h->kind) {
    case CSV_ORDERS:
        if (!has(h, CSV_ORDER_ID) && !has(h, CSV_ORDER_INVOICE_NO))
            return "an order id (order_id, Name, InvoiceNo, Transaction ...)";
        if (!has(h, CSV_LINE_NAME) && !has(h, CSV_LINE_SKU) && !has(h, CSV_LINE_VARIANT_ID))
            return "what was sold (variant_id, sku, name, Lineitem name, Item ...)";
        return NULL;
    case CSV_CATALOG:
        return has(h, CSV_CATALOG_TITLE) ? NULL : "a product title (product_title, Title)";
    case CSV_INVENTORY:
        if (!has(h, CSV_INVENTORY_ITEM))
            return "an inventory item (inventory_item_id)";
        return has(h, CSV_INVENTORY_AVAILABLE) ? NULL : "a stock figure (available)";
    default:
        if (!has(h, CSV_VARIANT_ID) && !has(h, CSV_VARIANT_SKU))
            return "a variant (variant_id, sku)";
        if (!has(h, CSV_VARIANT_PRICE) && !has(h, CSV_VARIANT_COST) && !has(h, CSV_VARIANT_PRODUCT_ID) &&
            !has(h, CSV_VARIANT_INVENTORY_ITEM))
            return "something about the variant (price, cost, product_id, inventory_item_id)";
        return NULL;
    }
}

static void list_names(const struct str *names, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s" STR_FMT, i ? ", " : "", STR_ARG(names[i]));
}

static void buf_finip(struct buf *b)
{
    buf_fini(b);
}

static bool fail_with_names(const struct csv_header *h, const char *claim, struct err *e)
{
    enum { SHOWN_BYTES = 200 };
    AUTO(buf_finip) struct buf names;
    buf_init(&names, 64 << 10);
    list_names(h->names, h->n, &names);
    bool is_cut = names.len > SHOWN_BYTES;
    struct str shown = {buf_str(&names).ptr, is_cut ? SHOWN_BYTES : names.len};
    return err_set(e, ERR_INPUT, "%s; its columns are: " STR_FMT "%s", claim, STR_ARG(shown), is_cut ? " ..." : "");
}

static bool find_kind(struct csv_header *h, const struct str *keys, struct arena *memory, struct err *e)
{
    // In this order: an order line may name a product's title and stock, a catalogue row a variant and its stock.
    static const enum csv_kind order[] = {CSV_ORDERS, CSV_CATALOG, CSV_INVENTORY, CSV_VARIANTS};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        map_columns(h, keys, order[i], memory);
        if (!missing_in(h))
            return true;
    }
    return fail_with_names(
        h,
        "cannot tell whether this holds orders, catalog, variants or inventory levels (orders need an "
        "order id and a product's name, SKU or variant id)",
        e);
}

bool csv_header_read(struct csv_header *h, const struct str *names, size_t n, int kind, struct arena *memory,
                     struct err *e)
{
    CHECK(n <= CSV_COLUMNS_MAX);
    *h = (struct csv_header){.n = n};
    h->names = ARENA_ARRAY(memory, struct str, n);
    h->is_used = ARENA_ARRAY(memory, bool, n);
    struct str *keys = ARENA_ARRAY(memory, struct str, n);
    for (size_t i = 0; i < n; i++) {
        h->names[i] = arena_str(memory, names[i]);
        keys[i] = normalised(names[i], memory);
    }
    if (kind < 0)
        return find_kind(h, keys, memory, e);
    map_columns(h, keys, (enum csv_kind)kind, memory);
    const char *missing = missing_in(h);
    if (!missing)
        return true;
    char claim[160];
    (void)snprintf(claim, sizeof claim, "not a file of %s: no column for %s", csv_kind_name(h->kind), missing);
    return fail_with_names(h, claim, e);
}

struct str csv_header_name(const struct csv_header *h, enum csv_field f)
{
    int column = h->column_of[f];
    return column == CSV_NO_COLUMN ? STR("") : h->names[column];
}

static const char *field_of_column(const struct csv_header *h, size_t column)
{
    for (unsigned f = 0; f < CSV_FIELD_COUNT; f++)
        if (h->column_of[f] == (int)column)
            return FIELDS[f].name;
    return "(not used)";
}

void csv_header_explain(const struct csv_header *h, struct buf *out)
{
    buf_printf(out, "a file of %s\n", csv_kind_name(h->kind));
    for (size_t i = 0; i < h->n; i++)
        buf_printf(out, "  " STR_FMT " -> %s\n", STR_ARG(h->names[i]), field_of_column(h, i));
}
