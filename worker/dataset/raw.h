// Raw: what the builder has collected before anything is resolved, and how it is worked up. Private to worker/dataset.
//
//     rows --builder.c--> struct raw --catalog.c--> products --resolve.c--> product of each tuple, titles
//                                    --baskets.c--> orders sorted, lines judged --figures.c--> figures, flags
//     finish.c calls them in order.
//
// A "tuple" is all that a line says about its product (six texts). Lines repeat few tuples very often, so that products
// are resolved once per tuple and a line costs about 11 bytes (pack.h). What a step does not need any more it frees: at
// ten million lines nothing may take its time to go.
#ifndef BUNDLE_WORKER_DATASET_RAW_H
#define BUNDLE_WORKER_DATASET_RAW_H

#include "common/intern.h"
#include "worker/dataset/builder.h"
#include "worker/dataset/pack.h"
#include "worker/dataset/words.h"

enum { SOURCES_MAX = UINT16_MAX, KEPT = UINT8_MAX, CURRENCIES_MAX = UINT8_MAX };

struct raw_product {
    bool is_variants_row;
    uint16_t source;
    struct str variant_id, product_id, sku, title, variant_title, type, vendor, tags, status, inventory_item;
    int64_t created_at;
    int64_t price_e4, compare_at_e4, cost_e4, available;
};

struct raw_inventory {
    struct str item, location;
    int64_t available, updated_at;
    uint16_t source;
};

enum tuple_field {
    TUPLE_VARIANT_ID,
    TUPLE_SKU,
    TUPLE_NAME,
    TUPLE_VARIANT_TITLE,
    TUPLE_BRAND,
    TUPLE_CATEGORY,
    TUPLE_FIELDS
};

#define RAW_LIST(type)                                                                                                 \
    struct {                                                                                                           \
        struct type *at;                                                                                               \
        size_t n, capacity;                                                                                            \
    }

struct raw {
    struct enrich_rules rules;
    struct arena memory, order_memory; // order_memory: texts of order_ids
    struct intern order_ids, tuples, texts, currencies;
    struct pack lines, orders;
    RAW_LIST(raw_product) products;
    RAW_LIST(raw_inventory) inventory;
    bool has_several_sources, has_line_prices, keeps_order_ids;
    uint32_t *order_of_rank; // once finished: the dataset's orders in order_ids
    uint32_t n_ranked;
};

struct str raw_tuple_field(const struct raw *r, uint32_t tuple, enum tuple_field field);
size_t raw_bytes(const struct raw *r); // roughly what it takes in memory
bool raw_within(const struct raw *r, size_t more_bytes, struct err *e) MUST_USE;

// An item in the making. Texts are views into raw.memory.
struct product {
    struct str identity, product_id, sku, title, variant_title, type, vendor, tags, status, inventory_item;
    int64_t created_at;
    int64_t price_e4, compare_at_e4, cost_e4, available;
    bool is_in_catalog, is_gift_card, is_service;
    uint64_t kept_lines;
    uint32_t item; // final number, ID_NONE: dropped
};

// A text key that leads to one product, or to none because it would lead to several.
struct lookup {
    struct intern keys;
    uint32_t *products;
    uint32_t capacity;
};
void lookup_init(struct lookup *l, struct arena *memory);
void lookup_fini(struct lookup *l);
void lookup_add(struct lookup *l, struct str key, uint32_t product); // an empty key is not added
uint32_t lookup_find(const struct lookup *l, struct str key);        // ID_NONE: unknown or ambiguous

struct products {
    RAW_LIST(product) list;
    struct lookup by_identity, by_sku, by_title;
    struct arena *memory;
    struct words service_ids, service_words;
    bool ignores_sku_case;
};
void products_init(struct products *p, const struct enrich_rules *rules, struct arena *memory);
void products_fini(struct products *p);
uint32_t products_add(struct products *p, struct str identity);  // new or known
struct str products_sku_key(struct products *p, struct str sku); // what SKUs are compared by
uint32_t products_find_sku(struct products *p, struct str sku);
uint32_t products_find_title(struct products *p, struct str title, struct str variant_title);
// Lets `product` be found by its SKU and by its title, where those lead to no other.
void products_index(struct products *p, uint32_t product, struct str sku, struct str title, struct str variant_title);

// catalog.c: the variants, catalogue and inventory rows as products.
void catalog_collect(struct raw *r, struct products *p);

// resolve.c: tuple_product[tuple], ID_NONE without identity; tuple_left_out[tuple]: KEPT or why all its lines are left
// out.
struct resolution {
    uint32_t *product;
    uint8_t *left_out;
    uint64_t *kept_lines;
};
void resolve_tuples(struct raw *r, struct products *p, struct resolution *out);
void resolve_texts(const struct raw *r, struct products *p, const struct resolution *res); // titles etc. from lines
uint32_t *resolve_items(struct products *p, struct arena *scratch,
                        uint32_t *n_items); // products in item order, numbered

// baskets.c: orders merged, currency chosen, lines judged; then the dataset's columns.
struct order_info {
    int64_t at, discount_e4;
    uint32_t customer;
    uint32_t rank; // in the dataset, ID_NONE: not in it
    uint32_t kept_lines;
    uint16_t source; // the lowest that has a row for it
    uint8_t currency;
    bool is_known : 1, is_seeded : 1, is_cancelled : 1, is_elsewhere_too : 1;
};
_Static_assert(sizeof(struct order_info) == 32, "an order costs its lines this much");

struct baskets {
    struct order_info *orders; // by raw order number
    uint32_t n_raw_orders;
    uint32_t n_kept_orders, n_kept_lines;
    char currency[4];
    unsigned decimals;
    bool has_prices, is_currency_named;
    uint32_t currency_number; // in raw.currencies, where one is named
    uint8_t *is_line_kept;    // a bit for each raw line
};
void baskets_collect(const struct raw *r, const struct products *p, struct baskets *b, struct arena *scratch);
void baskets_judge(struct raw *r, const struct products *p, struct resolution *res, struct baskets *b,
                   struct arena *scratch, uint32_t left_out[LEFT_OUT_REASONS]);
void baskets_sort(struct raw *r, struct baskets *b,
                  struct dataset *d); // orders of d; frees what names orders and customers

// figures.c: lines of one order at a time, oldest order first; afterwards what needs all of them.
struct sale {
    uint32_t item;
    uint32_t quantity;
    int64_t price_e4; // AMOUNT_UNKNOWN: not known
    int64_t discount_e4;
};

enum { PRICES_KEPT = 20 };

// Exactly a cache line: with many items, reaching them is what a line costs.
struct item_sums {
    __int128 gross, discounts; // within the discount window
    int64_t units, units_in_window;
    uint32_t orders, orders_recent;
    uint32_t sales;      // priced lines within it
    uint32_t price_ring; // which of figures.rings; ID_NONE: has a list price
};
_Static_assert(sizeof(struct item_sums) == 64, "a cache line");

// Of the lines' discount rates in basis points; apart, as most lines of most shops have none.
struct rate_sums {
    uint64_t sum, squares;
};

// The newest PRICES_KEPT prices.
struct price_ring {
    uint32_t seen; // PRICES_KEPT more than once round
    int64_t prices[PRICES_KEPT];
};

struct figures {
    struct dataset *data;
    struct item_sums *sums;
    struct rate_sums *rates;
    struct price_ring *rings;
    struct arena *scratch;
};
void figures_init(struct figures *f, struct dataset *d, struct arena *scratch);
void figures_add_order(struct figures *f, uint32_t order, const struct sale *sales, size_t n, int64_t discount_e4);
void figures_finish(struct figures *f, const struct enrich_rules *rules);

// Lines of d, given to the figures on the way.
void baskets_fill(const struct raw *r, const struct products *p, const struct resolution *res, const struct baskets *b,
                  struct dataset *d, struct figures *f);

// Minor units; MONEY_UNKNOWN where the amount is unknown, not positive, or over MONEY_MAX.
int64_t raw_minor(int64_t e4, unsigned decimals);
int64_t raw_date(int64_t unix_s); // DATE_UNKNOWN for "infinity" and the like

// finish.c: everything above, in order.
bool raw_finish(struct raw *r, struct dataset **out, struct err *e) MUST_USE;

#endif
