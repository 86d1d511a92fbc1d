// The cells of the row at hand, by field and type. A parse that fails leaves field and reason in the csv_rows and gives
// false; an absent column or an empty cell is no failure, it gives empty or unknown.
#ifndef BUNDLE_WORKER_STORE_CSV_CELLS_H
#define BUNDLE_WORKER_STORE_CSV_CELLS_H

#include "worker/store/csv_rows.h"

bool cell_is_mapped(const struct csv_rows *r, enum csv_field f);
struct str cell_text(const struct csv_rows *r, enum csv_field f);                           // "": absent or empty
bool cell_fail(struct csv_rows *r, enum csv_field f, const char *reason, struct str value); // always false

bool cell_id(struct csv_rows *r, enum csv_field f, struct str *out) MUST_USE;   // <= CSV_ID_BYTES_MAX
bool cell_long(struct csv_rows *r, enum csv_field f, struct str *out) MUST_USE; // <= CSV_TEXT_BYTES_MAX
bool cell_amount(struct csv_rows *r, enum csv_field f, int64_t *e4) MUST_USE;
bool cell_count(struct csv_rows *r, enum csv_field f, int64_t *out) MUST_USE;
bool cell_date(struct csv_rows *r, enum csv_field f, int64_t *unix_s) MUST_USE;
bool cell_yes_no(struct csv_rows *r, enum csv_field f, bool *out) MUST_USE;
bool cell_currency(struct csv_rows *r, enum csv_field f, char code[4]) MUST_USE; // "" or upper case

#endif
