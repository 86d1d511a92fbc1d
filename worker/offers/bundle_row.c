#include "worker/offers/bundle_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

#include "common/check.h"
#include "common/json_out.h"
#include "worker/offers/explain.h"
#include "worker/offers/count_test.h"
#include "worker/offers/discount.h"

enum { TEXT_BYTES_MAX = 1 << 20, RECENT_DAYS = 90 };

static struct str keep(struct buf *text, struct arena *memory)
{
    struct err e;
    CHECK(buf_ok(text, "a bundle's text", &e)); // names are bounded by the rows' limits, parts by PARTS_MAX
    struct str copy = {arena_strdup(memory, text->data ? text->data : "", text->len), text->len};
    buf_clear(text);
    return copy;
}

static void put_money(struct json_out *j, const char *key, int64_t minor, unsigned decimals)
{
    json_out_key(j, key);
    if (minor == MONEY_UNKNOWN)
        json_out_null(j);
    else
        json_out_decimal(j, minor, decimals);
}

// --- id

static void hash_text(XXH3_state_t *h, struct str text)
{
    uint8_t len[4] = {(uint8_t)text.len, (uint8_t)(text.len >> 8), (uint8_t)(text.len >> 16),
                      (uint8_t)(text.len >> 24)};
    XXH3_128bits_update(h, len, sizeof len); // so that "ab" + "c" is not "a" + "bc"
    if (text.len)
        XXH3_128bits_update(h, text.ptr, text.len);
}

static void hash_u32(XXH3_state_t *h, uint32_t n)
{
    uint8_t bytes[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
    XXH3_128bits_update(h, bytes, sizeof bytes);
}

static void hash_bundle(XXH3_state_t *h, const struct market *m, const struct bundle *b)
{
    hash_text(h, str_of(bundle_type_name(b->type)));
    hash_text(h, str_of(objective_row(b->objective)->name));
    for (uint32_t i = 0; i < b->n_parts; i++) {
        hash_text(h, m->data->items[b->parts[i].item].variant_id);
        hash_u32(h, b->parts[i].quantity);
        hash_text(h, str_of(part_role_name(b->parts[i].role)));
    }
    for (uint32_t k = 0; k < b->pricing.n_tiers; k++)
        hash_u32(h, b->pricing.tiers[k].min_quantity);
    hash_u32(h, b->pricing.pick_n);
}

// RFC 9562, version 8: bits of our own, but for version and variant.
static void make_id(const struct market *m, const struct bundle *b, struct str upload, struct str status, char *out)
{
    XXH3_state_t *h = XXH3_createState();
    CHECK(h);
    XXH3_128bits_reset(h);
    hash_text(h, upload);
    hash_text(h, status);
    hash_bundle(h, m, b);
    XXH128_hash_t hash = XXH3_128bits_digest(h);
    XXH3_freeState(h);
    uint64_t high = (hash.high64 & ~UINT64_C(0xf000)) | UINT64_C(0x8000);
    uint64_t low = (hash.low64 & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    snprintf(out, 37, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64, high >> 32,
             high >> 16 & 0xffff, high & 0xffff, low >> 48, low & UINT64_C(0xffffffffffff));
}

// --- the JSON columns

static void put_products(const struct market *m, const struct bundle *b, struct buf *out)
{
    struct arena scratch;
    struct json_out j = json_out_on(out);
    arena_init(&scratch, 0);
    json_out_array(&j);
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        const struct item *it = &m->data->items[p->item];
        json_out_object(&j);
        json_out_key_str(&j, "variant_id", it->variant_id);
        json_out_key_str(&j, "product_id", it->product_id);
        json_out_key_str(&j, "sku", it->sku);
        json_out_key_str(&j, "name", item_display_name(it, &scratch));
        json_out_key_int(&j, "quantity", p->quantity);
        json_out_key_str(&j, "role", str_of(part_role_name(p->role)));
        put_money(&j, "price", p->price_minor, m->data->decimals);
        json_out_end(&j);
    }
    json_out_end(&j);
    arena_fini(&scratch);
}

static void put_guards(struct json_out *j, uint32_t guards)
{
    static const struct {
        enum price_guard guard;
        const char *name;
    } NAMES[] = {{GUARD_COST_FLOOR, "cost_floor"},
                 {GUARD_DISCOUNT_CAP, "discount_cap"},
                 {GUARD_LIST_FLOOR, "list_floor"},
                 {GUARD_NICE_ENDING, "nice_ending"}};
    json_out_key(j, "guards");
    json_out_array(j);
    for (size_t g = 0; g < ARRAY_LEN(NAMES); g++) {
        if (guards & NAMES[g].guard)
            json_out_str(j, str_of(NAMES[g].name));
    }
    json_out_end(j);
}

static int64_t line_price(const struct part *p)
{
    return p->price_minor == MONEY_UNKNOWN ? MONEY_UNKNOWN : p->price_minor * (int64_t)p->quantity;
}

// What pricing took for the product's history; nothing to tell where the upload names no discount, or it is too small.
static void put_usual_discount(const struct market *m, const struct bundle *b, uint32_t item, struct json_out *j)
{
    json_out_key(j, "usual_discount_pct");
    if (b->pricing.method == PRICE_SHRUNK && m->shop_discount > 0)
        json_out_real(j, 100 * discount_history(m, item), 2);
    else
        json_out_null(j);
}

static void put_per_product(const struct market *m, const struct bundle *b, struct json_out *j)
{
    unsigned decimals = m->data->decimals;
    json_out_key(j, "per_product");
    json_out_array(j);
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        int64_t list = line_price(p);
        bool is_known = list != MONEY_UNKNOWN;
        json_out_object(j);
        json_out_key_str(j, "variant_id", m->data->items[p->item].variant_id);
        json_out_key_int(j, "quantity", p->quantity);
        put_money(j, "list_total", list, decimals);
        put_money(j, "discount", is_known ? p->discount_minor : MONEY_UNKNOWN, decimals);
        put_money(j, "total", is_known ? list - p->discount_minor : MONEY_UNKNOWN, decimals);
        put_usual_discount(m, b, p->item, j);
        json_out_end(j);
    }
    json_out_end(j);
}

static void put_tiers(const struct market *m, const struct pricing *p, struct json_out *j)
{
    json_out_key(j, "tiers");
    json_out_array(j);
    for (uint32_t k = 0; k < p->n_tiers; k++) {
        json_out_object(j);
        json_out_key_int(j, "min_qty", p->tiers[k].min_quantity);
        json_out_key_real(j, "discount_pct", p->tiers[k].discount_bp / 100.0, 2);
        put_money(j, "unit_price", p->tiers[k].unit_price_minor, m->data->decimals);
        json_out_end(j);
    }
    json_out_end(j);
}

static void put_side(const struct market *m, const struct bundle *b, enum part_role role, struct json_out *j)
{
    bool is_reward = role == ROLE_REWARD;
    json_out_key(j, is_reward ? "get" : "buy");
    json_out_object(j);
    json_out_key_int(j, "quantity", is_reward ? b->pricing.get_quantity : b->pricing.buy_quantity);
    if (is_reward)
        json_out_key_real(j, "discount_pct", b->pricing.get_discount_bp / 100.0, 2);
    json_out_key(j, "variant_ids");
    json_out_array(j);
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].role == role)
            json_out_str(j, m->data->items[b->parts[i].item].variant_id);
    }
    json_out_end(j);
    json_out_end(j);
}

static void put_structure(const struct market *m, const struct bundle *b, struct json_out *j)
{
    if (b->type == TYPE_VOLUME) {
        put_tiers(m, &b->pricing, j);
    } else if (b->type == TYPE_MIX_MATCH) {
        json_out_key_int(j, "pick_n", b->pricing.pick_n);
    } else if (b->type == TYPE_BXGY) {
        put_side(m, b, ROLE_QUALIFIER, j);
        put_side(m, b, ROLE_REWARD, j);
    }
}

static void put_pricing(const struct market *m, const struct bundle *b, struct buf *out)
{
    const struct pricing *p = &b->pricing;
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    put_money(&j, "original_total", p->original_minor, m->data->decimals);
    put_money(&j, "bundle_price", p->bundle_minor, m->data->decimals);
    put_money(&j, "discount_amount", p->discount_minor, m->data->decimals);
    json_out_key_real(&j, "total_discount_pct", p->discount_bp / 100.0, 2);
    json_out_key(&j, "currency");
    if (m->data->currency[0])
        json_out_str(&j, str_of(m->data->currency));
    else
        json_out_null(&j);
    json_out_key_str(&j, "method", str_of(price_method_name(p->method)));
    put_guards(&j, p->guards);
    put_per_product(m, b, &j);
    put_structure(m, b, &j);
    if (p->original_minor == MONEY_UNKNOWN)
        json_out_key_str(&j, "note", STR("The upload has no prices: percentages only."));
    json_out_end(&j);
}

// 95 % interval of the lift: that of the joint orders as a Poisson count, over what chance gives.
static void put_lift_interval(const struct bundle *b, struct json_out *j)
{
    if (b->lift <= 0 || b->expected <= 0)
        return;
    struct interval orders = poisson_interval(b->orders_together);
    json_out_key_real(j, "lift_low", orders.low / b->expected, 4);
    json_out_key_real(j, "lift_high", orders.high / b->expected, 4);
}

static void put_newest(const struct market *m, const struct bundle *b, struct json_out *j)
{
    uint32_t n = m->data->n_orders - m->newest.first;
    json_out_key(j, "newest_fifth");
    if (n == 0) {
        json_out_null(j);
        return;
    }
    json_out_object(j);
    json_out_key_int(j, "orders_together", b->newest_together);
    json_out_key_int(j, "orders_base", b->newest_base);
    json_out_key_int(j, "orders_total", n);
    json_out_key_real(j, "expected", b->newest_expected, 4);
    json_out_key(j, "is_confirmed");
    if (b->confirmation == CONFIRMATION_UNKNOWN)
        json_out_null(j);
    else
        json_out_bool(j, b->confirmation == CONFIRMED);
    json_out_end(j);
}

static void put_evidence(const struct market *m, const struct bundle *b, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_int(&j, "orders_together", b->orders_together);
    json_out_key_int(&j, "orders_base", b->orders_base);
    json_out_key_int(&j, "orders_total", b->orders_total);
    json_out_key(&j, "orders_recent");
    if (m->data->has_dates)
        json_out_int(&j, b->orders_recent);
    else
        json_out_null(&j);
    json_out_key_int(&j, "recent_days", RECENT_DAYS);
    json_out_key_real(&j, "expected", b->expected, 4);
    put_lift_interval(b, &j);
    put_newest(m, b, &j);
    json_out_key_real(&j, "strength", b->strength, 4);
    json_out_key(&j, "features");
    json_out_object(&j);
    json_out_key_real(&j, "fit", b->fit, 4);
    json_out_key_real(&j, "inventory", b->inventory, 4);
    json_out_key_real(&j, "price_sanity", b->price_sanity, 4);
    json_out_key_real(&j, "novelty", b->novelty, 4);
    json_out_end(&j);
    json_out_end(&j);
}

static void put_sources(const struct bundle *b, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_array(&j);
    for (unsigned s = 0; s < SOURCE_COUNT; s++) {
        if (b->sources & 1u << s)
            json_out_str(&j, str_of(source_name((enum source_bit)s)));
    }
    json_out_end(&j);
}

static void put_objectives(const struct bundle *b, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_array(&j);
    json_out_str(&j, str_of(objective_row(b->objective)->name)); // the one it ranks under first
    for (unsigned o = 0; o < OBJECTIVE_COUNT; o++) {
        if (o != b->objective && b->objectives & 1u << o)
            json_out_str(&j, str_of(objective_row((enum objective)o)->name));
    }
    json_out_end(&j);
}

static void make_texts(const struct market *m, const struct bundle *b, struct buf *text, struct arena *memory,
                       struct bundle_row *row)
{
    put_products(m, b, text);
    row->products = keep(text, memory);
    put_pricing(m, b, text);
    row->pricing = keep(text, memory);
    row->ai_copy = STR("null");
    buf_printf(text, "%s/%s/%ubp", objective_row(b->objective)->name, bundle_type_name(b->type),
               b->pricing.discount_bp);
    row->discount_reference = keep(text, memory);
    explain_bundle(m, b, text);
    row->explanation = keep(text, memory);
    put_evidence(m, b, text);
    row->evidence = keep(text, memory);
    put_sources(b, text);
    row->generation_sources = keep(text, memory);
    put_objectives(b, text);
    row->objectives = keep(text, memory);
}

void bundle_rows_make(const struct market *m, const struct bundle_list *list, struct str upload, struct str status,
                      struct arena *memory, struct bundle_rows *out)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    struct bundle_row *rows = ARENA_ARRAY(memory, struct bundle_row, (size_t)list->n + 1);
    for (uint32_t i = 0; i < list->n; i++) {
        const struct bundle *b = &list->bundles[i];
        struct bundle_row *row = &rows[i];
        make_id(m, b, upload, status, row->id);
        row->bundle_type = str_of(bundle_type_name(b->type));
        row->objective = str_of(objective_row(b->objective)->name);
        row->confidence = b->confidence;
        row->predicted_lift = b->predicted_lift;
        row->support = b->support;
        row->lift = b->lift;
        row->ranking_score = b->ranking_score;
        row->rank_position = b->rank;
        make_texts(m, b, &text, memory, row);
    }
    buf_fini(&text);
    *out = (struct bundle_rows){rows, list->n};
}

static void key_raw(struct json_out *j, const char *key, struct str json)
{
    json_out_key(j, key);
    json_out_raw(j, json);
}

void bundle_row_json(const struct bundle_row *row, const struct bundle_row_context *c, struct json_out *j)
{
    json_out_object(j);
    json_out_key_str(j, "id", str_of(row->id));
    json_out_key_str(j, "csv_upload_id", c->csv_upload_id);
    json_out_key_str(j, "shop_id", c->shop_id);
    json_out_key_str(j, "bundle_type", row->bundle_type);
    json_out_key_str(j, "objective", row->objective);
    key_raw(j, "products", row->products);
    key_raw(j, "pricing", row->pricing);
    key_raw(j, "ai_copy", row->ai_copy);
    json_out_key_real(j, "confidence", row->confidence, 6);
    json_out_key_real(j, "predicted_lift", row->predicted_lift, 6);
    json_out_key_real(j, "support", row->support, 6);
    json_out_key_real(j, "lift", row->lift, 6);
    json_out_key_real(j, "ranking_score", row->ranking_score, 6);
    json_out_key_int(j, "rank_position", row->rank_position);
    json_out_key_str(j, "discount_reference", row->discount_reference);
    json_out_key_str(j, "status", c->status);
    json_out_key_str(j, "explanation", row->explanation);
    key_raw(j, "evidence", row->evidence);
    key_raw(j, "generation_sources", row->generation_sources);
    key_raw(j, "objectives", row->objectives);
    json_out_key_bool(j, "is_approved", c->is_approved);
    json_out_key_bool(j, "is_used", c->is_used);
    json_out_key(j, "created_at");
    if (c->created_at.len)
        json_out_str(j, c->created_at);
    else
        json_out_null(j);
    json_out_end(j);
}
