// CSV files to rows: delimiter and quoting by RFC 4180 (libcsv), gzip by its magic bytes, BOM, CRLF; the header decides
// which of the four kinds a file is and which column feeds which field, through config/aliases.conf (embedded; names
// are compared without case and separators). Shopify's one-order-over-several-rows and the flat one-row-per-line files
// (UCI, Bread Basket, Groceries) both come out as orders + lines.
//
// BAD ROWS  go to on_reject with line (of the file, where the row begins), column (header name, "" for the whole row)
//           and reason; reading goes on. A file that cannot be told apart, is not UTF-8, or ends inside quotes is
//           ERR_INPUT.
// THREADS   One reader, one thread.
#ifndef BUNDLE_WORKER_STORE_CSV_READ_H
#define BUNDLE_WORKER_STORE_CSV_READ_H

#include "worker/dataset/date.h"
#include "worker/dataset/rows.h"

#include "common/err.h"

enum csv_kind { CSV_ORDERS, CSV_VARIANTS, CSV_INVENTORY, CSV_CATALOG, CSV_KINDS };
const char *csv_kind_name(enum csv_kind k); // "orders", "variants", "inventory_levels", "catalog": csv_uploads.csv_type

struct csv_options {
    int kind; // enum csv_kind, or -1: by the header
    enum date_order date_order;
    struct str currency;  // for files that name none; "" : none known
    size_t row_bytes_max; // 1 MiB
};

struct csv_report {
    enum csv_kind kind;
    uint64_t rows, rejected, orders, lines;
    uint64_t bytes;           // uncompressed
    uint64_t content_hash[2]; // XXH3-128 of the uncompressed bytes
};

struct csv_sink {
    bool (*on_row)(void *context, const struct row *r, struct err *e); // false stops reading with e
    void (*on_reject)(void *context, uint64_t line, struct str column, const char *reason);
    void (*on_progress)(void *context, uint64_t bytes_read, uint64_t bytes_total); // NULL: none; compressed bytes
    void *context;
};

bool csv_read(const char *path, const struct csv_options *o, const struct csv_sink *sink, struct csv_report *report,
              struct err *e) MUST_USE;

// What every column of the file's header is taken for, for --explain and errors: "Lineitem sku -> sku".
bool csv_explain_header(const char *path, const struct csv_options *o, struct buf *out, struct err *e) MUST_USE;

#endif
