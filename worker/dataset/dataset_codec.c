#include "worker/dataset/dataset.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/mp.h"

// Columns are written as this machine has them in memory.
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "binary columns are little-endian");

struct column {
    const char *key;
    size_t offset, size;
};

#define COLUMN(field)                                                                                                  \
    {                                                                                                                  \
#field, offsetof(struct item, field), sizeof(((struct item *)NULL)->field)                                     \
    }
static const struct column NUMBERS[] = {
    COLUMN(product),     COLUMN(type_id),          COLUMN(vendor_id),         COLUMN(flags),
    COLUMN(price_minor), COLUMN(compare_at_minor), COLUMN(cost_minor),        COLUMN(stock),
    COLUMN(created_at),  COLUMN(velocity),         COLUMN(avg_discount),      COLUMN(margin),
    COLUMN(repeat_rate), COLUMN(orders),           COLUMN(orders_recent),     COLUMN(units),
    COLUMN(sales),       COLUMN(discount_mean),    COLUMN(discount_variance), COLUMN(seasons),
};
static const struct column TEXTS[] = {
    COLUMN(variant_id), COLUMN(product_id), COLUMN(sku), COLUMN(title), COLUMN(variant_title), COLUMN(tags),
};

enum { FLAGS = 6, HEAD_ENTRIES = FLAGS + 11, ORDER_COLUMNS = 2, LINE_COLUMNS = 3, NAME_LISTS = 2 };

struct flag {
    const char *key;
    size_t offset;
};
static const struct flag HAS[FLAGS] = {
    {"has_prices", offsetof(struct dataset, has_prices)},       {"has_dates", offsetof(struct dataset, has_dates)},
    {"has_customers", offsetof(struct dataset, has_customers)}, {"has_catalog", offsetof(struct dataset, has_catalog)},
    {"has_costs", offsetof(struct dataset, has_costs)},         {"has_stock", offsetof(struct dataset, has_stock)},
};

static void put_column(struct buf *out, const char *key, const void *data, size_t n, size_t size)
{
    mp_put_key(out, key);
    mp_put_bin(out, data, n * size);
}

static void put_number(struct buf *out, const char *key, int64_t value)
{
    mp_put_key(out, key);
    mp_put_int(out, value);
}

// A list of texts: their lengths, and all their bytes in one piece. `texts` stand `stride` bytes apart.
static void put_texts(struct buf *out, const char *key, const void *texts, size_t n, size_t stride)
{
    uint32_t *lengths = reallocarray(NULL, n + 1, sizeof *lengths);
    struct buf bytes;
    CHECK(lengths);
    buf_init(&bytes, SIZE_MAX / 2);
    for (size_t i = 0; i < n; i++) {
        struct str text;
        memcpy(&text, (const char *)texts + i * stride, sizeof text);
        lengths[i] = (uint32_t)text.len;
        buf_put(&bytes, text.ptr, text.len);
    }
    mp_put_key(out, key);
    mp_put_array(out, 2);
    mp_put_bin(out, lengths, n * sizeof *lengths);
    mp_put_bin(out, buf_str(&bytes).ptr, bytes.len);
    buf_fini(&bytes);
    free(lengths);
}

static void put_head(const struct dataset *d, struct buf *out)
{
    mp_put_key(out, "currency");
    mp_put_str(out, str_of(d->currency));
    put_number(out, "decimals", d->decimals);
    for (size_t i = 0; i < FLAGS; i++) {
        bool value;
        memcpy(&value, (const char *)d + HAS[i].offset, sizeof value);
        mp_put_key(out, HAS[i].key);
        mp_put_bool(out, value);
    }
    put_number(out, "as_of", d->as_of);
    put_number(out, "lines_read", d->lines_read);
    put_number(out, "n_items", d->n_items);
    put_number(out, "n_products", d->n_products);
    put_number(out, "n_orders", d->n_orders);
    put_number(out, "n_customers", d->n_customers);
    put_number(out, "n_lines", d->n_lines);
    put_number(out, "median_price", d->median_price_minor);
    put_column(out, "left_out", d->left_out, LEFT_OUT_REASONS, sizeof d->left_out[0]);
}

static void put_vendors(const struct dataset *d, struct buf *out)
{
    struct str *names = calloc((size_t)d->n_vendors + 1, sizeof *names);
    CHECK(names);
    for (uint32_t i = 0; i < d->n_items; i++)
        if (d->items[i].vendor_id != ID_NONE)
            names[d->items[i].vendor_id] = d->items[i].vendor;
    put_texts(out, "vendors", names, d->n_vendors, sizeof *names);
    free(names);
}

static void put_items(const struct dataset *d, struct buf *out)
{
    char *values = reallocarray(NULL, (size_t)d->n_items + 1, sizeof(int64_t));
    CHECK(values);
    for (size_t c = 0; c < ARRAY_LEN(NUMBERS); c++) {
        for (uint32_t i = 0; i < d->n_items; i++)
            memcpy(values + i * NUMBERS[c].size, (const char *)&d->items[i] + NUMBERS[c].offset, NUMBERS[c].size);
        put_column(out, NUMBERS[c].key, values, d->n_items, NUMBERS[c].size);
    }
    free(values);
    for (size_t c = 0; c < ARRAY_LEN(TEXTS); c++)
        put_texts(out, TEXTS[c].key, (const char *)d->items + TEXTS[c].offset, d->n_items, sizeof *d->items);
}

void dataset_encode(const struct dataset *d, struct buf *out)
{
    mp_put_map(out, HEAD_ENTRIES + NAME_LISTS + ARRAY_LEN(NUMBERS) + ARRAY_LEN(TEXTS) + ORDER_COLUMNS + LINE_COLUMNS);
    put_head(d, out);
    put_texts(out, "types", d->types, d->n_types, sizeof *d->types);
    put_vendors(d, out);
    put_items(d, out);
    put_column(out, "order_at", d->order_at, d->n_orders, sizeof *d->order_at);
    put_column(out, "order_customer", d->order_customer, d->n_orders, sizeof *d->order_customer);
    put_column(out, "line_first", d->line_first, (size_t)d->n_orders + 1, sizeof *d->line_first);
    put_column(out, "line_item", d->line_item, d->n_lines, sizeof *d->line_item);
    put_column(out, "line_quantity", d->line_quantity, d->n_lines, sizeof *d->line_quantity);
}

static bool broken(struct err *e, const char *key)
{
    return err_set(e, ERR_CODEC, "dataset: '%s' is missing or malformed", key);
}

static bool get_u32(const struct mp_value *map, const char *key, uint32_t *out, struct err *e)
{
    int64_t value;
    if (!mp_int(mp_get(map, key), &value) || value < 0 || value >= UINT32_MAX)
        return broken(e, key);
    *out = (uint32_t)value;
    return true;
}

static bool get_column(const struct mp_value *map, const char *key, size_t n, size_t size, struct str *out,
                       struct err *e)
{
    if (!mp_bin(mp_get(map, key), out) || out->len / size != n || out->len % size != 0)
        return broken(e, key);
    return true;
}

// A column in the dataset's memory; the bytes in the message may be unaligned.
static bool copy_column(struct dataset *d, const struct mp_value *map, const char *key, size_t n, size_t size,
                        void *out, struct err *e)
{
    struct str bytes;
    if (!get_column(map, key, n, size, &bytes, e))
        return false;
    void *copy = arena_alloc_array(&d->memory, n, size);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    memcpy(out, &copy, sizeof copy);
    return true;
}

// Texts as views into one copy; their number is what the lengths say.
static bool get_texts(struct dataset *d, const struct mp_value *map, const char *key, struct str **out, size_t *n,
                      struct err *e)
{
    const struct mp_value *pair = mp_get(map, key);
    struct str lengths, bytes;
    if (mp_size(pair) != 2 || !mp_bin(mp_at(pair, 0), &lengths) || !mp_bin(mp_at(pair, 1), &bytes) ||
        lengths.len % sizeof(uint32_t) != 0)
        return broken(e, key);
    *n = lengths.len / sizeof(uint32_t);
    struct str *texts = ARENA_ARRAY(&d->memory, struct str, *n);
    const char *at = arena_strdup(&d->memory, bytes.ptr, bytes.len);
    size_t left = bytes.len;
    for (size_t i = 0; i < *n; i++) {
        uint32_t len;
        memcpy(&len, lengths.ptr + i * sizeof len, sizeof len);
        if (len > left)
            return broken(e, key);
        texts[i] = (struct str){at, len};
        at += len;
        left -= len;
    }
    *out = texts;
    return left == 0 || broken(e, key);
}

static bool get_head(struct dataset *d, const struct mp_value *map, struct err *e)
{
    struct str currency, left_out;
    uint32_t decimals;
    if (!mp_str(mp_get(map, "currency"), &currency) || currency.len >= sizeof d->currency)
        return broken(e, "currency");
    memcpy(d->currency, currency.ptr, currency.len);
    for (size_t i = 0; i < FLAGS; i++) {
        bool value;
        if (!mp_bool(mp_get(map, HAS[i].key), &value))
            return broken(e, HAS[i].key);
        memcpy((char *)d + HAS[i].offset, &value, sizeof value);
    }
    if (!mp_int(mp_get(map, "as_of"), &d->as_of) || !mp_int(mp_get(map, "median_price"), &d->median_price_minor))
        return broken(e, "as_of");
    if (!get_u32(map, "decimals", &decimals, e) || !get_u32(map, "lines_read", &d->lines_read, e) ||
        !get_u32(map, "n_items", &d->n_items, e) || !get_u32(map, "n_products", &d->n_products, e) ||
        !get_u32(map, "n_orders", &d->n_orders, e) || !get_u32(map, "n_customers", &d->n_customers, e) ||
        !get_u32(map, "n_lines", &d->n_lines, e))
        return false;
    d->decimals = decimals;
    if (!get_column(map, "left_out", LEFT_OUT_REASONS, sizeof d->left_out[0], &left_out, e))
        return false;
    memcpy(d->left_out, left_out.ptr, left_out.len);
    return true;
}

static bool get_item_numbers(struct dataset *d, const struct mp_value *map, struct err *e)
{
    struct str columns[ARRAY_LEN(NUMBERS)];
    for (size_t c = 0; c < ARRAY_LEN(NUMBERS); c++)
        if (!get_column(map, NUMBERS[c].key, d->n_items, NUMBERS[c].size, &columns[c], e))
            return false;
    d->items = ARENA_ARRAY(&d->memory, struct item, d->n_items);
    for (size_t c = 0; c < ARRAY_LEN(NUMBERS); c++)
        for (uint32_t i = 0; i < d->n_items; i++)
            memcpy((char *)&d->items[i] + NUMBERS[c].offset, columns[c].ptr + i * NUMBERS[c].size, NUMBERS[c].size);
    return true;
}

static bool get_item_texts(struct dataset *d, const struct mp_value *map, struct err *e)
{
    for (size_t c = 0; c < ARRAY_LEN(TEXTS); c++) {
        struct str *texts;
        size_t n;
        if (!get_texts(d, map, TEXTS[c].key, &texts, &n, e))
            return false;
        if (n != d->n_items)
            return broken(e, TEXTS[c].key);
        for (uint32_t i = 0; i < d->n_items; i++)
            memcpy((char *)&d->items[i] + TEXTS[c].offset, &texts[i], sizeof texts[i]);
    }
    return true;
}

static bool get_names(struct dataset *d, const struct mp_value *map, struct err *e)
{
    struct str *vendors;
    size_t n_types, n_vendors;
    if (!get_texts(d, map, "types", &d->types, &n_types, e) || !get_texts(d, map, "vendors", &vendors, &n_vendors, e))
        return false;
    if (n_types >= ID_NONE || n_vendors >= ID_NONE)
        return broken(e, "types");
    d->n_types = (uint32_t)n_types;
    d->n_vendors = (uint32_t)n_vendors;
    for (uint32_t i = 0; i < d->n_items; i++) {
        struct item *item = &d->items[i];
        item->type = item->type_id < n_types ? d->types[item->type_id] : STR("");
        item->vendor = item->vendor_id < n_vendors ? vendors[item->vendor_id] : STR("");
    }
    return true;
}

static bool get_orders(struct dataset *d, const struct mp_value *map, struct err *e)
{
    size_t u32 = sizeof(uint32_t);
    return copy_column(d, map, "order_at", d->n_orders, sizeof(int64_t), &d->order_at, e) &&
           copy_column(d, map, "order_customer", d->n_orders, u32, &d->order_customer, e) &&
           copy_column(d, map, "line_first", (size_t)d->n_orders + 1, u32, &d->line_first, e) &&
           copy_column(d, map, "line_item", d->n_lines, u32, &d->line_item, e) &&
           copy_column(d, map, "line_quantity", d->n_lines, u32, &d->line_quantity, e);
}

bool dataset_decode(struct dataset **out, const struct mp_value *v, struct err *e)
{
    AUTO(dataset_destroyp) struct dataset *d = calloc(1, sizeof *d);
    CHECK(d);
    arena_init(&d->memory, 0);
    if (!get_head(d, v, e) || !get_item_numbers(d, v, e) || !get_item_texts(d, v, e) || !get_names(d, v, e) ||
        !get_orders(d, v, e) || !dataset_check(d, e))
        return false;
    *out = d;
    d = NULL;
    return true;
}
