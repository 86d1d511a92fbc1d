// What the tests of store/ share: where files are, rows as text, a database of one's own.
#ifndef BUNDLE_TESTS_STORE_TEST_H
#define BUNDLE_TESTS_STORE_TEST_H

#include "worker/store/csv_read.h"
#include "worker/store/pg.h"

const char *golden_csv(const char *name); // tests/golden/csv/NAME; valid until the next call but fifteen
const char *real_data(const char *name);  // ../shared/data/NAME or $BUNDLE_DATA/NAME; NULL: not on this machine
void row_print(struct buf *out, const struct row *r); // one line, fields separated by '|', unknown as '?'

// Every row and reject of a file, printed one per line ("! line column: reason" for rejects).
bool csv_print(const char *path, const struct csv_options *o, struct buf *out, struct csv_report *report,
               struct err *e);
extern const struct csv_options CSV_TEST_OPTIONS;

// A fresh database NAME_<pid> with the schema, and settings that point at it. Exits 77 (skipped) without
// BUNDLE_TEST_PG.
struct test_db {
    struct settings *settings;
    char name[64];
    struct pg *pg;
};
void test_db_create(struct test_db *db, const char *name);
void test_db_drop(struct test_db *db);
struct pg *test_db_connect(const struct test_db *db); // another connection
// Runs one query that gives one value; "" for none or NULL. Valid until the next call but fifteen.
const char *test_db_value(struct test_db *db, const char *sql);

#endif
