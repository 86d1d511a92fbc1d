// Rows: what an upload consists of, one struct per table. The CSV reader makes them, PostgreSQL's COPY takes and gives
// them, the dataset builder eats them: one shape, three users.
//
// UNITS     Amounts are exact integers in 1/10,000 of the currency's major unit (_e4): the currency is only known once
//           all orders are. Dates are Unix seconds UTC. Texts are views, valid until the giver's next row; empty =
//           absent.
#ifndef BUNDLE_WORKER_DATASET_ROWS_H
#define BUNDLE_WORKER_DATASET_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

#define AMOUNT_UNKNOWN INT64_MIN
#define DATE_UNKNOWN INT64_MIN
#define COUNT_UNKNOWN INT64_MIN

enum row_kind { ROW_ORDER, ROW_LINE, ROW_VARIANT, ROW_INVENTORY, ROW_CATALOG, ROW_KINDS };

struct row_order {
    struct str order_id;
    struct str customer_id;
    struct str customer_email;
    struct str currency;         // ISO 4217, upper case
    struct str financial_status; // paid, refunded, voided, ...
    int64_t created_at;
    bool is_returned; // cancelled or returned as a whole
    int64_t subtotal_e4, discount_e4, total_e4;
};

struct row_line {
    struct str order_id;
    struct str line_item_id;
    struct str variant_id;
    struct str sku;
    struct str name; // product title, or what the export calls the line
    struct str variant_title;
    struct str brand;
    struct str category;
    int64_t quantity;
    int64_t unit_price_e4;
    int64_t line_discount_e4; // of the whole line
};

struct row_variant {
    struct str variant_id, product_id, sku, variant_title, inventory_item_id;
    int64_t price_e4, compare_at_e4, cost_e4;
};

struct row_inventory {
    struct str inventory_item_id, location_id;
    int64_t available;
    int64_t updated_at;
};

struct row_catalog {
    struct str product_id, product_title, product_type, vendor, tags, product_status;
    int64_t product_created_at;
    struct str variant_id, sku, variant_title, inventory_item_id;
    int64_t price_e4, compare_at_e4, cost_e4;
    int64_t available_total;
};

struct row {
    enum row_kind kind;
    union {
        struct row_order order;
        struct row_line line;
        struct row_variant variant;
        struct row_inventory inventory;
        struct row_catalog catalog;
    };
};

#endif
