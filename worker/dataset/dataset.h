// Dataset: one upload in memory, columnar, cleaned and enriched (SPEC 4), with the figures and flags of SPEC 6. It is
// what every stage computes from; all workers see the same bytes.
//
//     items[i]                     one variant; i is the item id used everywhere (mining, offers)
//     order_at[o], order_customer[o]
//     lines of order o:            line_first[o] .. line_first[o + 1]: line_item[], line_quantity[]
//
// INVARIANTS  (dataset_check() tests them)
//   1. Items are sorted by identity (variant_id, else sku, else name, bytewise), orders by (date, order id), lines by
//      item: equal rows in any order give equal datasets.
//   2. An item appears at most once in an order, with the summed quantity (>= 1).
//   3. Every order has at least one line; every line's item exists.
//   4. Money is in minor units of `currency` (MONEY_UNKNOWN where not known), dates in Unix seconds.
// THREADS     Immutable once built: shared freely.
#ifndef BUNDLE_WORKER_DATASET_DATASET_H
#define BUNDLE_WORKER_DATASET_DATASET_H

#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"
#include "worker/dataset/rows.h"

#define MONEY_UNKNOWN INT64_MIN
#define MONEY_MAX INT64_C(1000000000000000) // minor units; more is no price: sums of a bundle stay far inside int64
#define DATE_MAX INT64_C(1000000000000)     // |Unix seconds|; farther away is no date
#define STOCK_UNKNOWN INT32_MIN
#define ID_NONE UINT32_MAX

enum item_flag {
    ITEM_SLOW_MOVER = 1 << 0,
    ITEM_NEW_LAUNCH = 1 << 1,
    ITEM_SEASONAL = 1 << 2,
    ITEM_HIGH_MARGIN = 1 << 3,
    ITEM_MARGIN_ESTIMATED = 1 << 4, // margin is a guess: cost unknown
    ITEM_GIFT_CARD = 1 << 5,
    ITEM_INACTIVE = 1 << 6,   // product_status is known and not "active"
    ITEM_IN_CATALOG = 1 << 7, // came with the catalogue or variants file, not only from order lines
    ITEM_PACKAGING = 1 << 8,  // a bag to carry the rest home: sold, but not what a bundle is made of
};

struct item {
    struct str variant_id;    // identity; for items made from lines: the sku, else the name
    struct str product_id;    // == variant_id where no catalogue names it
    struct str sku;           // display only; often empty
    struct str title;         // product title
    struct str variant_title; // "" or e.g. "Blue / M"
    struct str type, vendor, tags;
    uint32_t product; // dense product number: items of one product share it
    uint32_t type_id; // dense product-type number, ID_NONE: no type
    uint32_t vendor_id;
    uint32_t flags;                                    // enum item_flag
    uint32_t seasons;                                  // bit per season of enrich_rules.season_words; 0: not seasonal
    int64_t price_minor, compare_at_minor, cost_minor; // price: list price, else median of the newest 20 line prices
    int32_t stock;
    int64_t created_at; // DATE_UNKNOWN: not known
    // figures, from all lines at once (figures.c)
    double velocity;          // units a day, 60 days before as_of
    double avg_discount;      // 0..1, discounts / gross over 180 days before as_of
    uint32_t sales;           // priced lines of these 180 days: what the next two are over
    double discount_mean;     // 0..1, of each line's discount / gross, in whole basis points
    double discount_variance; // of the same, divided by sales - 1; 0 for fewer than two
    double margin;            // (price - cost) / price; see ITEM_MARGIN_ESTIMATED
    double repeat_rate;       // share of its known customers who bought it in two or more orders
    uint32_t orders;          // orders that contain it
    uint32_t orders_recent;   // of these, in the 30 days before as_of
    int64_t units;
};

enum left_out {
    LEFT_OUT_QUANTITY,  // quantity <= 0
    LEFT_OUT_PRICE,     // price <= 0
    LEFT_OUT_CANCELLED, // cancelled, refunded or voided order
    LEFT_OUT_GIFT_CARD,
    LEFT_OUT_NO_IDENTITY, // nothing to tell what was sold
    LEFT_OUT_SERVICE,     // postage, fees, manual corrections, ...
    LEFT_OUT_CURRENCY,    // another currency than most of the upload
    LEFT_OUT_NO_ORDER,    // a line whose order is not in the upload
    LEFT_OUT_DUPLICATE,   // the same order again, in another file of the run
    LEFT_OUT_REASONS
};
const char *left_out_name(enum left_out reason); // "quantity", "price", ... as in metrics

struct dataset {
    struct arena memory; // owns everything below
    char currency[4];    // "" where the upload has no prices
    unsigned decimals;   // of the currency
    bool has_prices, has_dates, has_customers, has_catalog, has_costs, has_stock;
    int64_t as_of;       // newest order, or the job's; DATE_UNKNOWN without dates
    uint32_t lines_read; // order lines before anything was left out: what "small upload" is measured by
    uint32_t left_out[LEFT_OUT_REASONS];

    struct item *items;
    uint32_t n_items, n_products, n_types, n_vendors;
    struct str *types; // n_types names
    int64_t *order_at;
    uint32_t *order_customer; // dense customer number, ID_NONE: unknown
    uint32_t n_orders, n_customers;
    uint32_t *line_first; // n_orders + 1
    uint32_t *line_item;
    uint32_t *line_quantity;
    uint32_t n_lines;
    int64_t median_price_minor; // over items that sold; MONEY_UNKNOWN without prices
};

// What enrichment leaves out and recognises; lists are '|'-separated, matched without case.
struct enrich_rules {
    struct str service_ids; // whole SKU / stock code: "POST|DOT|M|D|C2|BANK CHARGES|AMAZONFEE|..."
    struct str
        service_words;    // "postage|bank charges|~freight": whole names, phrases anywhere, '~' anywhere: see words.h
    struct str packaging; // "shopping bag|shopping bags": whole names
    struct str season_words; // "christmas=xmas|easter": one season, its words parted by '='
    bool ignores_sku_case;   // "85123a" and "85123A" are one product; identities made of SKUs are upper case then
    int64_t as_of;           // DATE_UNKNOWN: the newest order
    uint32_t lines_max;      // limit job.lines_max
    size_t memory_max_bytes;
    double slow_velocity; // SPEC 6: 0.1 a day
    int32_t slow_stock;   // 10
    uint32_t new_days;    // 30
    double high_margin;   // 0.5
};
// The default lists. No single letters among the ids, though some exports have such codes: a small shop may well call
// its products A, B, C, and the words find those lines by their names ("Manual", "Discount", "SAMPLES", "Adjust bad
// debt").
#define ENRICH_SERVICE_IDS                                                                                             \
    "POST|DOT|C2|C3|PADS|CRUK|AMAZONFEE|BANK CHARGES|SHIPPING|SHIP|ADJUST|ADJUST2|TEST001|TEST002|"                    \
    "SP1002"
#define ENRICH_SERVICE_WORDS                                                                                           \
    "postage|dotcom postage|postage and packing|postage & packing|p&p|shipping|shipping fee|"                          \
    "shipping charge|shipping charges|shipping cost|shipping protection|shipping insurance|delivery|"                  \
    "delivery charge|delivery fee|next day delivery|express delivery|freight|carriage|"                                \
    "next day carriage|packing charge|handling|handling fee|service charge|bank charges|amazon fee|"                   \
    "manual|adjustment|adjust bad debt|discount|voucher|sample|samples|carrier bag|carrier bags|"                      \
    "bag charge|tip|donation|cruk commission|gift wrap|gift wrapping|none"
#define ENRICH_PACKAGING "shopping bag|shopping bags|plastic bag|plastic bags|bag for life|bags for life"
#define ENRICH_SEASON_WORDS                                                                                            \
    "christmas=xmas=advent=holiday=winter|new year=winter|valentine=valentines|easter=spring|"                         \
    "mothers day=mother's day|fathers day=father's day|summer|back to school|halloween=autumn|"                        \
    "thanksgiving=autumn|black friday"
extern const struct enrich_rules ENRICH_RULES_DEFAULT;

void dataset_destroy(struct dataset *d); // NULL is fine
void dataset_destroyp(struct dataset **d);
bool dataset_check(const struct dataset *d, struct err *e) MUST_USE; // the invariants; also run on decoded blobs

// As MessagePack: columns as little-endian binary. `fingerprint` of content and rules; see artefact.h for the envelope.
void dataset_encode(const struct dataset *d, struct buf *out);
struct mp_value;
bool dataset_decode(struct dataset **out, const struct mp_value *v, struct err *e) MUST_USE; // trusts nothing

// "Blue Mug" or "Blue Mug, large" for people; view or arena copy.
struct str item_display_name(const struct item *i, struct arena *memory);

#endif
