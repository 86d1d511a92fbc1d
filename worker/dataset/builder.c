#include "worker/dataset/builder.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/dataset/money.h"
#include "worker/dataset/raw.h"

struct builder {
    struct raw raw;
    struct buf key;           // of the tuple at hand
    struct buf last_order_id; // lines of an order mostly come one after the other
    uint32_t last_order;
    bool has_last_order;
    struct raw_line last_line_row;
    struct raw_order last_order_row;
    unsigned first_source;
    bool has_source, is_finished;
};

enum { KEY_BYTES_MAX = 64 << 20 };

struct builder *builder_create(const struct enrich_rules *rules)
{
    struct builder *b = calloc(1, sizeof *b);
    CHECK(b);
    b->raw.rules = *rules;
    arena_init(&b->raw.memory, rules->memory_max_bytes);
    arena_init(&b->raw.order_memory, 0);
    intern_init(&b->raw.order_ids, &b->raw.order_memory);
    intern_init(&b->raw.tuples, &b->raw.memory);
    intern_init(&b->raw.texts, &b->raw.memory);
    intern_init(&b->raw.currencies, &b->raw.memory);
    buf_init(&b->key, KEY_BYTES_MAX);
    buf_init(&b->last_order_id, KEY_BYTES_MAX);
    return b;
}

void builder_destroy(struct builder *b)
{
    if (!b)
        return;
    pack_fini(&b->raw.lines);
    pack_fini(&b->raw.orders);
    free(b->raw.products.at);
    free(b->raw.inventory.at);
    intern_fini(&b->raw.order_ids);
    intern_fini(&b->raw.tuples);
    intern_fini(&b->raw.texts);
    intern_fini(&b->raw.currencies);
    arena_fini(&b->raw.order_memory);
    arena_fini(&b->raw.memory);
    buf_fini(&b->key);
    buf_fini(&b->last_order_id);
    free(b);
}

void builder_destroyp(struct builder **b)
{
    builder_destroy(*b);
    *b = NULL;
}

size_t raw_bytes(const struct raw *r)
{
    return r->memory.used_bytes + r->order_memory.used_bytes + intern_bytes(&r->order_ids) + intern_bytes(&r->tuples) +
           intern_bytes(&r->texts) + r->lines.len + r->orders.len + r->products.n * sizeof *r->products.at +
           r->inventory.n * sizeof *r->inventory.at;
}

bool raw_within(const struct raw *r, size_t more_bytes, struct err *e)
{
    size_t most = r->rules.memory_max_bytes;
    if (most == 0 || raw_bytes(r) + more_bytes <= most)
        return true;
    return err_set(e, ERR_LIMIT, "the upload's rows need more than %zu MiB: raise job.memory_mb or split the upload",
                   most >> 20);
}

// Doubling with realloc: large blocks are moved by the kernel's page tables, and pages not reached yet cost nothing.
static void *grown(void *at, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return at;
    *capacity = *capacity ? *capacity * 2 : 64;
    void *bigger = reallocarray(at, *capacity, size);
    CHECK(bigger);
    return bigger;
}

#define LIST_PUSH(list, value)                                                                                         \
    do {                                                                                                               \
        (list).at = grown((list).at, (list).n, &(list).capacity, sizeof *(list).at);                                   \
        (list).at[(list).n++] = (value);                                                                               \
    } while (0)

static struct str kept_text(struct raw *r, struct str text)
{
    return intern_text(&r->texts, intern_add(&r->texts, str_trim(text)));
}

// What Shopify writes where a product has no variants says nothing.
static struct str variant_title_of(struct str title)
{
    struct str trimmed = str_trim(title);
    return str_eq_nocase(trimmed, STR("Default Title")) ? STR("") : trimmed;
}

static uint32_t order_number(struct builder *b, struct str id)
{
    struct str trimmed = str_trim(id);
    if (b->has_last_order && str_eq(trimmed, buf_str(&b->last_order_id)))
        return b->last_order;
    b->last_order = intern_add(&b->raw.order_ids, trimmed);
    b->has_last_order = true;
    buf_clear(&b->last_order_id);
    buf_put(&b->last_order_id, trimmed.ptr, trimmed.len);
    return b->last_order;
}

static uint32_t customer_number(struct builder *b, const struct row_order *o)
{
    struct str id = str_trim(o->customer_id), email = str_trim(o->customer_email);
    buf_clear(&b->key);
    if (id.len > 0) {
        buf_puts(&b->key, "1:"); // sorts before an address: the id wins where rows of an order disagree
        buf_put(&b->key, id.ptr, id.len);
    } else if (email.len > 0) {
        buf_puts(&b->key, "2:");
        for (size_t i = 0; i < email.len; i++)
            buf_putc(&b->key, (char)(email.ptr[i] >= 'A' && email.ptr[i] <= 'Z' ? email.ptr[i] + 32 : email.ptr[i]));
    }
    return intern_add(&b->raw.texts, buf_str(&b->key));
}

// A code that ISO 4217 does not know names no currency; it knows fewer than fit a byte.
static uint8_t currency_number(struct builder *b, struct str text)
{
    struct str trimmed = str_trim(text);
    char code[3];
    unsigned decimals;
    bool is_code = trimmed.len == sizeof code;
    for (size_t i = 0; is_code && i < sizeof code; i++)
        code[i] = (char)(trimmed.ptr[i] >= 'a' && trimmed.ptr[i] <= 'z' ? trimmed.ptr[i] - 32 : trimmed.ptr[i]);
    struct str upper = {code, sizeof code};
    uint32_t number = intern_add(&b->raw.currencies, is_code && currency_decimals(upper, &decimals) ? upper : STR(""));
    CHECK(number <= CURRENCIES_MAX);
    return (uint8_t)number;
}

static bool is_cancelled(const struct row_order *o)
{
    static const struct str CANCELLED[] = {{"refunded", 8}, {"voided", 6}, {"cancelled", 9}, {"canceled", 8}};
    struct str status = str_trim(o->financial_status);
    for (size_t i = 0; i < ARRAY_LEN(CANCELLED); i++)
        if (str_eq_nocase(status, CANCELLED[i]))
            return true;
    return o->is_returned;
}

static bool is_same_order(const struct raw_order *a, const struct raw_order *b)
{
    return a->order == b->order && a->customer == b->customer && a->currency == b->currency && a->source == b->source &&
           a->is_cancelled == b->is_cancelled && a->at == b->at && a->discount_e4 == b->discount_e4;
}

static void add_order(struct builder *b, const struct row_order *o, uint16_t source)
{
    struct raw_order raw = {
        .order = order_number(b, o->order_id),
        .customer = customer_number(b, o),
        .currency = currency_number(b, o->currency),
        .source = source,
        .is_cancelled = is_cancelled(o),
        .at = raw_date(o->created_at),
        .discount_e4 = o->discount_e4,
    };
    // Flat exports say it again on every line.
    if (b->raw.orders.n == 0 || !is_same_order(&b->last_order_row, &raw))
        pack_order(&b->raw.orders, &raw, &b->last_order_row);
}

static uint32_t tuple_number(struct builder *b, const struct row_line *l)
{
    struct str fields[TUPLE_FIELDS] = {
        [TUPLE_VARIANT_ID] = str_trim(l->variant_id),
        [TUPLE_SKU] = str_trim(l->sku),
        [TUPLE_NAME] = str_trim(l->name),
        [TUPLE_VARIANT_TITLE] = variant_title_of(l->variant_title),
        [TUPLE_BRAND] = str_trim(l->brand),
        [TUPLE_CATEGORY] = str_trim(l->category),
    };
    uint32_t lengths[TUPLE_FIELDS];
    buf_clear(&b->key);
    for (unsigned i = 0; i < TUPLE_FIELDS; i++)
        lengths[i] = (uint32_t)fields[i].len;
    buf_put(&b->key, lengths, sizeof lengths);
    for (unsigned i = 0; i < TUPLE_FIELDS; i++)
        buf_put(&b->key, fields[i].ptr, fields[i].len);
    return intern_add(&b->raw.tuples, buf_str(&b->key));
}

struct str raw_tuple_field(const struct raw *r, uint32_t tuple, enum tuple_field field)
{
    struct str key = intern_text(&r->tuples, tuple);
    uint32_t lengths[TUPLE_FIELDS];
    memcpy(lengths, key.ptr, sizeof lengths);
    const char *at = key.ptr + sizeof lengths;
    for (unsigned i = 0; i < field; i++)
        at += lengths[i];
    return (struct str){at, lengths[field]};
}

static bool add_line(struct builder *b, const struct row_line *l, uint16_t source, struct err *e)
{
    if (b->raw.lines.n >= b->raw.rules.lines_max)
        return err_set(e, ERR_LIMIT, "the upload has more than %u order lines: raise job.lines_max or split the upload",
                       b->raw.rules.lines_max);
    if (b->raw.lines.len > UINT32_MAX - PACK_ROW_MAX)
        return err_set(e, ERR_LIMIT, "the upload's order lines take more than 4 GiB packed: split the upload");
    int64_t quantity = l->quantity == COUNT_UNKNOWN ? 1 : l->quantity;
    struct raw_line raw = {
        .order = order_number(b, l->order_id),
        .tuple = tuple_number(b, l),
        .quantity = quantity > 0 && quantity <= INT32_MAX ? (int32_t)quantity : 0,
        .source = source,
        .price_e4 = l->unit_price_e4,
        .discount_e4 = l->line_discount_e4,
    };
    b->raw.has_line_prices |= raw.price_e4 > 0;
    pack_line(&b->raw.lines, &raw, &b->last_line_row);
    return true;
}

static void add_variant(struct raw *r, const struct row_variant *v, uint16_t source)
{
    struct raw_product raw = {
        .is_variants_row = true,
        .source = source,
        .variant_id = kept_text(r, v->variant_id),
        .product_id = kept_text(r, v->product_id),
        .sku = kept_text(r, v->sku),
        .variant_title = kept_text(r, variant_title_of(v->variant_title)),
        .inventory_item = kept_text(r, v->inventory_item_id),
        .created_at = DATE_UNKNOWN,
        .price_e4 = v->price_e4,
        .compare_at_e4 = v->compare_at_e4,
        .cost_e4 = v->cost_e4,
        .available = COUNT_UNKNOWN,
    };
    LIST_PUSH(r->products, raw);
}

static void add_catalog(struct raw *r, const struct row_catalog *c, uint16_t source)
{
    struct raw_product raw = {
        .source = source,
        .variant_id = kept_text(r, c->variant_id),
        .product_id = kept_text(r, c->product_id),
        .sku = kept_text(r, c->sku),
        .title = kept_text(r, c->product_title),
        .variant_title = kept_text(r, variant_title_of(c->variant_title)),
        .type = kept_text(r, c->product_type),
        .vendor = kept_text(r, c->vendor),
        .tags = kept_text(r, c->tags),
        .status = kept_text(r, c->product_status),
        .inventory_item = kept_text(r, c->inventory_item_id),
        .created_at = raw_date(c->product_created_at),
        .price_e4 = c->price_e4,
        .compare_at_e4 = c->compare_at_e4,
        .cost_e4 = c->cost_e4,
        .available = c->available_total,
    };
    LIST_PUSH(r->products, raw);
}

static void add_inventory(struct raw *r, const struct row_inventory *i, uint16_t source)
{
    struct raw_inventory raw = {
        .item = kept_text(r, i->inventory_item_id),
        .location = kept_text(r, i->location_id),
        .available = i->available,
        .updated_at = i->updated_at,
        .source = source,
    };
    if (raw.item.len > 0 && raw.available != COUNT_UNKNOWN)
        LIST_PUSH(r->inventory, raw);
}

static void note_source(struct builder *b, unsigned source)
{
    if (!b->has_source) {
        b->has_source = true;
        b->first_source = source;
    }
    b->raw.has_several_sources |= source != b->first_source;
}

static bool add_row(struct builder *b, const struct row *r, uint16_t source, struct err *e)
{
    switch (r->kind) {
    case ROW_ORDER:
        add_order(b, &r->order, source);
        return true;
    case ROW_LINE:
        return add_line(b, &r->line, source, e);
    case ROW_VARIANT:
        add_variant(&b->raw, &r->variant, source);
        return true;
    case ROW_INVENTORY:
        add_inventory(&b->raw, &r->inventory, source);
        return true;
    case ROW_CATALOG:
        add_catalog(&b->raw, &r->catalog, source);
        return true;
    case ROW_KINDS:
        break;
    }
    CHECK(r->kind < ROW_KINDS);
    return false;
}

bool builder_add(struct builder *b, const struct row *r, unsigned source, struct err *e)
{
    CHECK(!b->is_finished);
    if (source > SOURCES_MAX)
        return err_set(e, ERR_LIMIT, "the upload has more than %d files", SOURCES_MAX);
    note_source(b, source);
    return add_row(b, r, (uint16_t)source, e) && raw_within(&b->raw, 0, e);
}

bool builder_finish(struct builder *b, struct dataset **out, struct err *e)
{
    CHECK(!b->is_finished);
    b->is_finished = true;
    return raw_finish(&b->raw, out, e);
}

void builder_keep_order_ids(struct builder *b)
{
    b->raw.keeps_order_ids = true;
}

struct str builder_order_id(const struct builder *b, uint32_t order)
{
    CHECK(b->raw.order_of_rank && order < b->raw.n_ranked);
    return intern_text(&b->raw.order_ids, b->raw.order_of_rank[order]);
}
