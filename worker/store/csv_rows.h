// From the cells of one CSV row to the rows of rows.h, by a file's header: what carries over from a row before (Shopify
// names an order and a product in their first row only), what repeats, and what is wrong.
//
//     an order's first row   -> ROW_ORDER and, where it names something sold, ROW_LINE
//     its further rows       -> ROW_LINE
//     other kinds            -> one row each
//
// BAD ROWS  are told to sink.on_reject, once per row, with the first bad column. An order whose first row is bad is
//           left out with its further rows, unless one of these carries the order's fields itself.
// FAILURE   Only what sink.on_row fails with.
#ifndef BUNDLE_WORKER_STORE_CSV_ROWS_H
#define BUNDLE_WORKER_STORE_CSV_ROWS_H

#include "common/intern.h"
#include "worker/store/csv_header.h"
#include "worker/store/key_set.h"

enum { CSV_ID_BYTES_MAX = 255, CSV_TEXT_BYTES_MAX = 65535, CSV_REASON_BYTES = 160 };

struct csv_order_state {
    uint32_t lines;  // accepted so far: where the file names no line ids, the last one's number
    bool is_taken;   // ROW_ORDER was given
    bool is_refused; // its first row was bad
};

struct csv_rows {
    const struct csv_header *header;
    const struct csv_options *options;
    const struct csv_sink *sink;
    struct csv_report *report;
    uint64_t line;           // of the file, where the row begins
    const struct str *cells; // trimmed, one per column; columns that no field takes are empty

    struct arena memory;
    struct intern order_ids;
    struct csv_order_state *orders; // by id in order_ids
    size_t orders_capacity;
    struct key_set seen; // (order, line), variant or (item, location) ids

    struct arena product_memory; // of `product`
    struct row_catalog product;  // the newest named product of a catalogue
    struct buf scratch;          // texts that are joined from several cells

    enum csv_field bad_field;
    char bad_reason[CSV_REASON_BYTES];
};

void csv_rows_init(struct csv_rows *r, const struct csv_header *h, const struct csv_options *o,
                   const struct csv_sink *sink, struct csv_report *report);
void csv_rows_fini(struct csv_rows *r);
bool csv_rows_take(struct csv_rows *r, const struct str *cells, uint64_t line, struct err *e) MUST_USE;

#endif
