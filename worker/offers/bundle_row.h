// A bundle as it is stored, sent and read (SPEC 11): the row of bundle_recommendations, the element of "bundles" in the
// JSON document of `bundlectl preview` and `bundlectl bundles`. Texts of JSON are complete JSON values.
//
// The document, version 1: {"version": 1, "upload": {...}, "bundles": [row...], "metrics": {...}}
// Money in JSON is a number with exactly the currency's decimals ("price": 12.99); null where not known.
#ifndef BUNDLE_WORKER_OFFERS_BUNDLE_ROW_H
#define BUNDLE_WORKER_OFFERS_BUNDLE_ROW_H

#include "worker/offers/offers.h"

struct bundle_row {
    char id[37]; // UUID, deterministic from job id's upload + content + status
    struct str bundle_type, objective;
    struct str products; // JSON: [{variant_id, product_id, sku, name, quantity, role, price}, ...]
    struct str pricing;  // JSON: {original_total, bundle_price, discount_amount, total_discount_pct, currency, method,
                         //        guards: [...], per_product: [...], tiers|buy/get|pick_n where the type has them}
    struct str ai_copy;  // JSON: {title, description, value_proposition, features, benefits, source}
    double confidence, predicted_lift, support, lift, ranking_score;
    uint32_t rank_position;
    struct str discount_reference; // "increase_aov/FBT/1250bp": what the discount was derived from
    struct str explanation;        // one sentence with its own numbers
    struct str evidence;           // JSON: {orders_together, orders_base, orders_total, orders_recent, expected, ...}
    struct str generation_sources; // JSON array of source names
    struct str objectives;         // JSON array of objective names it serves
};

struct bundle_rows {
    struct bundle_row *rows;
    uint32_t n;
};

// Rows with explanation; ai_copy is null until somebody writes it (copy/template.h). id = UUIDv8 of XXH3-128 over
// upload, status ("preliminary"|"final"), type, objective, parts and structure.
void bundle_rows_make(const struct market *m, const struct bundle_list *list, struct str upload, struct str status,
                      struct arena *memory, struct bundle_rows *out);

// Merge's result on the wire ("merge-result" v1 wraps it).
void bundle_rows_encode(const struct bundle_rows *rows, struct buf *out);
struct mp_value;
bool bundle_rows_decode(struct bundle_rows *out, const struct mp_value *v, struct arena *memory,
                        struct err *e) MUST_USE;

// What a row looks like in the document (with upload, shop, status, is_approved, is_used, created_at beside it).
struct bundle_row_context {
    struct str csv_upload_id, shop_id, status, created_at;
    bool is_approved, is_used;
};
struct json_out;
void bundle_row_json(const struct bundle_row *row, const struct bundle_row_context *c, struct json_out *j);

#endif
