// The header of a CSV file: which of the four kinds it is, and which column feeds which field, by config/aliases.conf.
// FAILURE  ERR_INPUT that says what the file has and what is missing.
#ifndef BUNDLE_WORKER_STORE_CSV_HEADER_H
#define BUNDLE_WORKER_STORE_CSV_HEADER_H

#include "common/arena.h"
#include "common/buf.h"
#include "worker/store/csv_read.h"

// X(symbol, name in aliases.conf, kind)
#define CSV_FIELDS(X)                                                                                                  \
    X(ORDER_INVOICE_NO, "order.invoice_no", CSV_ORDERS)                                                                \
    X(ORDER_ID, "order.order_id", CSV_ORDERS)                                                                          \
    X(ORDER_CREATED_AT, "order.created_at", CSV_ORDERS)                                                                \
    X(ORDER_CREATED_TIME, "order.created_time", CSV_ORDERS)                                                            \
    X(ORDER_CUSTOMER_ID, "order.customer_id", CSV_ORDERS)                                                              \
    X(ORDER_CUSTOMER_EMAIL, "order.customer_email", CSV_ORDERS)                                                        \
    X(ORDER_CURRENCY, "order.currency", CSV_ORDERS)                                                                    \
    X(ORDER_FINANCIAL_STATUS, "order.financial_status", CSV_ORDERS)                                                    \
    X(ORDER_CANCELLED_AT, "order.cancelled_at", CSV_ORDERS)                                                            \
    X(ORDER_RETURNED, "order.returned", CSV_ORDERS)                                                                    \
    X(ORDER_SUBTOTAL, "order.subtotal", CSV_ORDERS)                                                                    \
    X(ORDER_DISCOUNT, "order.discount", CSV_ORDERS)                                                                    \
    X(ORDER_TOTAL, "order.total", CSV_ORDERS)                                                                          \
    X(LINE_ITEM_ID, "line.line_item_id", CSV_ORDERS)                                                                   \
    X(LINE_VARIANT_ID, "line.variant_id", CSV_ORDERS)                                                                  \
    X(LINE_SKU, "line.sku", CSV_ORDERS)                                                                                \
    X(LINE_NAME, "line.name", CSV_ORDERS)                                                                              \
    X(LINE_VARIANT_TITLE, "line.variant_title", CSV_ORDERS)                                                            \
    X(LINE_BRAND, "line.brand", CSV_ORDERS)                                                                            \
    X(LINE_CATEGORY, "line.category", CSV_ORDERS)                                                                      \
    X(LINE_QUANTITY, "line.quantity", CSV_ORDERS)                                                                      \
    X(LINE_UNIT_PRICE, "line.unit_price", CSV_ORDERS)                                                                  \
    X(LINE_DISCOUNT, "line.line_discount", CSV_ORDERS)                                                                 \
    X(VARIANT_ID, "variant.variant_id", CSV_VARIANTS)                                                                  \
    X(VARIANT_PRODUCT_ID, "variant.product_id", CSV_VARIANTS)                                                          \
    X(VARIANT_SKU, "variant.sku", CSV_VARIANTS)                                                                        \
    X(VARIANT_TITLE, "variant.variant_title", CSV_VARIANTS)                                                            \
    X(VARIANT_PRICE, "variant.price", CSV_VARIANTS)                                                                    \
    X(VARIANT_COMPARE_AT, "variant.compare_at_price", CSV_VARIANTS)                                                    \
    X(VARIANT_COST, "variant.cost", CSV_VARIANTS)                                                                      \
    X(VARIANT_INVENTORY_ITEM, "variant.inventory_item_id", CSV_VARIANTS)                                               \
    X(INVENTORY_ITEM, "inventory.inventory_item_id", CSV_INVENTORY)                                                    \
    X(INVENTORY_LOCATION, "inventory.location_id", CSV_INVENTORY)                                                      \
    X(INVENTORY_AVAILABLE, "inventory.available", CSV_INVENTORY)                                                       \
    X(INVENTORY_UPDATED_AT, "inventory.updated_at", CSV_INVENTORY)                                                     \
    X(CATALOG_PRODUCT_ID, "catalog.product_id", CSV_CATALOG)                                                           \
    X(CATALOG_TITLE, "catalog.product_title", CSV_CATALOG)                                                             \
    X(CATALOG_TYPE, "catalog.product_type", CSV_CATALOG)                                                               \
    X(CATALOG_VENDOR, "catalog.vendor", CSV_CATALOG)                                                                   \
    X(CATALOG_TAGS, "catalog.tags", CSV_CATALOG)                                                                       \
    X(CATALOG_STATUS, "catalog.product_status", CSV_CATALOG)                                                           \
    X(CATALOG_CREATED_AT, "catalog.product_created_at", CSV_CATALOG)                                                   \
    X(CATALOG_VARIANT_ID, "catalog.variant_id", CSV_CATALOG)                                                           \
    X(CATALOG_SKU, "catalog.sku", CSV_CATALOG)                                                                         \
    X(CATALOG_VARIANT_TITLE, "catalog.variant_title", CSV_CATALOG)                                                     \
    X(CATALOG_OPTION1, "catalog.option1", CSV_CATALOG)                                                                 \
    X(CATALOG_OPTION2, "catalog.option2", CSV_CATALOG)                                                                 \
    X(CATALOG_OPTION3, "catalog.option3", CSV_CATALOG)                                                                 \
    X(CATALOG_INVENTORY_ITEM, "catalog.inventory_item_id", CSV_CATALOG)                                                \
    X(CATALOG_PRICE, "catalog.price", CSV_CATALOG)                                                                     \
    X(CATALOG_COMPARE_AT, "catalog.compare_at_price", CSV_CATALOG)                                                     \
    X(CATALOG_COST, "catalog.cost", CSV_CATALOG)                                                                       \
    X(CATALOG_AVAILABLE, "catalog.available_total", CSV_CATALOG)

#define CSV_FIELD_ENUM(symbol, ...) CSV_##symbol,
enum csv_field { CSV_FIELDS(CSV_FIELD_ENUM) CSV_FIELD_COUNT };

enum { CSV_COLUMNS_MAX = 1024, CSV_NO_COLUMN = -1 };

struct csv_header {
    enum csv_kind kind;
    struct str *names; // as the file has them
    size_t n;
    int column_of[CSV_FIELD_COUNT]; // CSV_NO_COLUMN: the file has none
    bool *is_used;                  // per column: some field takes it
};

// kind: enum csv_kind, or -1: by the names. Names and tables go into `memory`.
bool csv_header_read(struct csv_header *h, const struct str *names, size_t n, int kind, struct arena *memory,
                     struct err *e) MUST_USE;
struct str csv_header_name(const struct csv_header *h, enum csv_field f); // the file's name for it; "": no column
void csv_header_explain(const struct csv_header *h, struct buf *out);

#endif
