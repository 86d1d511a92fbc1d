#include "worker/store/upload_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/check.h"
#include "store_test.h"
#include "worker/store/import.h"
#include "worker/store/shop_options.h"

static struct test_db db;
static struct import_result result;

static int setup(void **state)
{
    (void)state;
    test_db_create(&db, "load");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_db_drop(&db);
    return 0;
}

static void import_run(const char *shop, const char *run, struct import_file *files, size_t n)
{
    struct import_options o = {.csv = CSV_TEST_OPTIONS, .shop = str_of(shop), .run_id = str_of(run)};
    struct err e = {0};
    if (!import_files(db.pg, &o, files, n, &result, &e))
        fail_msg("%s", e.message);
}

struct direct {
    struct builder *builder;
    unsigned source;
};

static bool add_row(void *context, const struct row *r, struct err *e)
{
    const struct direct *d = context;
    return builder_add(d->builder, r, d->source, e);
}

static void ignore_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    (void)context, (void)line, (void)column, (void)reason;
}

// The files straight into a builder, numbered as the loader numbers them: the newest (last) first.
static struct dataset *read_directly(const struct import_file *files, size_t n)
{
    struct direct d = {.builder = builder_create(&ENRICH_RULES_DEFAULT)};
    const struct csv_sink sink = {.on_row = add_row, .on_reject = ignore_reject, .context = &d};
    struct csv_report report;
    struct dataset *out = NULL;
    struct err e = {0};
    for (size_t i = 0; i < n; i++) {
        d.source = (unsigned)(n - 1 - i);
        if (!csv_read(files[i].path, &CSV_TEST_OPTIONS, &sink, &report, &e))
            fail_msg("%s", e.message);
    }
    if (!builder_finish(d.builder, &out, &e))
        fail_msg("%s", e.message);
    builder_destroy(d.builder);
    return out;
}

static struct dataset *load(const char *shop, const char *upload, struct upload_info *info)
{
    struct dataset *out = NULL;
    struct err e = {0};
    if (!upload_load(db.pg, str_of(shop), str_of(upload), &ENRICH_RULES_DEFAULT, NULL, info, &out, &e))
        fail_msg("%s", e.message);
    return out;
}

static void assert_same(const struct dataset *a, const struct dataset *b)
{
    struct buf x, y;
    buf_init(&x, 1 << 28);
    buf_init(&y, 1 << 28);
    dataset_encode(a, &x);
    dataset_encode(b, &y);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    buf_fini(&x);
    buf_fini(&y);
}

static void expect_round_trip(const char *shop, const char *run, struct import_file *files, size_t n)
{
    import_run(shop, run, files, n);
    struct upload_info info;
    struct dataset *loaded = load(shop, run, &info);
    struct dataset *direct = read_directly(files, n);
    assert_same(loaded, direct);
    assert_int_equal(info.n_files, n);
    assert_string_equal(info.run_id, run);
    dataset_destroy(loaded);
    dataset_destroy(direct);
}

static void what_is_loaded_is_what_was_read(void **state)
{
    (void)state;
    struct import_file own[] = {{.path = golden_csv("orders.csv")},
                                {.path = golden_csv("variants.csv")},
                                {.path = golden_csv("inventory.csv")},
                                {.path = golden_csv("catalog.csv")}};
    expect_round_trip("trip", "own", own, 4);
    struct import_file shopify[] = {{.path = golden_csv("shopify_orders.csv")},
                                    {.path = golden_csv("shopify_products.csv")}};
    expect_round_trip("trip", "shopify", shopify, 2);
    struct import_file graphql[] = {{.path = golden_csv("orders_graphql.csv")}};
    expect_round_trip("trip", "graphql", graphql, 1);
    struct import_file bad[] = {{.path = golden_csv("orders_bad.csv")}};
    expect_round_trip("trip", "bad", bad, 1);
}

static void what_is_loaded_of_real_files_is_what_was_read(void **state)
{
    (void)state;
    static const char *const names[] = {"bread_basket/BreadBasket_DMS.csv", "groceries/groceries_orders.csv",
                                        "online_retail/OnlineRetail_to_2011-09.csv.gz"};
    for (size_t i = 0; i < 3; i++) {
        struct import_file file = {.path = real_data(names[i])};
        if (!file.path) {
            print_message("skipped: %s is not on this machine\n", names[i]);
            skip();
            return;
        }
        expect_round_trip("real", names[i], &file, 1);
    }
}

static void six_statements_whatever_the_size(void **state)
{
    (void)state;
    struct import_file files[] = {{.path = golden_csv("orders.csv")}, {.path = golden_csv("catalog.csv")}};
    import_run("count", "r", files, 2);
    struct upload_info info;
    uint64_t before = pg_statements(db.pg);
    dataset_destroy(load("count", "r", &info));
    assert_int_equal(pg_statements(db.pg) - before, 6);
}

// Two shops, and two uploads of one shop, with the same order ids: each loads its own.
static void equal_ids_do_not_mix(void **state)
{
    (void)state;
    struct import_file mine = {.path = golden_csv("orders.csv")};
    struct import_file theirs = {.path = golden_csv("semicolon.csv")};
    import_run("mine", "same-run", &mine, 1);
    import_run("theirs", "same-run", &theirs, 1);
    struct upload_info info;
    struct dataset *a = load("mine", "same-run", &info);
    assert_string_equal(info.csv_upload_id, mine.csv_upload_id);
    assert_int_equal(a->lines_read, 6);
    struct dataset *b = load("theirs", "same-run", &info);
    assert_int_equal(b->lines_read, 2);
    struct dataset *by_id = load("mine", mine.csv_upload_id, &info);
    assert_same(a, by_id);
    dataset_destroy(a);
    dataset_destroy(b);
    dataset_destroy(by_id);
    struct err e = {0};
    struct dataset *out = NULL;
    assert_false(
        upload_load(db.pg, STR("theirs"), str_of(mine.csv_upload_id), &ENRICH_RULES_DEFAULT, NULL, &info, &out, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void home_is_the_file_named_or_the_first_of_orders(void **state)
{
    (void)state;
    struct import_file files[] = {{.path = golden_csv("catalog.csv")},
                                  {.path = golden_csv("orders.csv")},
                                  {.path = golden_csv("orders_graphql.csv")}};
    import_run("home", "r", files, 3);
    struct upload_info info;
    struct err e = {0};
    assert_true(upload_find(db.pg, STR("home"), STR("r"), &info, &e));
    assert_string_equal(info.csv_upload_id, files[1].csv_upload_id);
    assert_true(upload_find(db.pg, STR("home"), str_of(files[0].csv_upload_id), &info, &e));
    assert_string_equal(info.csv_upload_id, files[0].csv_upload_id);
    assert_int_equal(info.n_files, 3);
}

static void take_revision(const char *upload, char out[UPLOAD_REVISION_HEX + 1])
{
    struct upload_info looked, loaded;
    struct err e = {0};
    if (!upload_look(db.pg, STR("versions"), str_of(upload), NULL, &looked, &e))
        fail_msg("%s", e.message);
    assert_int_equal(strlen(looked.revision), UPLOAD_REVISION_HEX);
    dataset_destroy(load("versions", upload, &loaded));
    assert_string_equal(looked.revision, loaded.revision); // the same rows, seen in two ways
    assert_string_equal(looked.csv_upload_id, loaded.csv_upload_id);
    memcpy(out, looked.revision, sizeof looked.revision);
}

static void any_change_of_the_rows_gives_another_revision(void **state)
{
    (void)state;
    static const char *const CHANGES[] = {
        "UPDATE order_lines SET quantity = quantity + 1 WHERE csv_upload_id = '%' AND line_item_id = "
        "(SELECT min(line_item_id) FROM order_lines WHERE csv_upload_id = '%')",
        "DELETE FROM order_lines WHERE csv_upload_id = '%' AND ctid = "
        "(SELECT min(ctid) FROM order_lines WHERE csv_upload_id = '%')",
        "INSERT INTO order_lines (csv_upload_id, order_id, line_item_id) VALUES ('%', 'new', '1')",
        // As many lines as before, the same content, but rows of their own: taken for a change.
        "WITH gone AS (DELETE FROM order_lines WHERE csv_upload_id = '%' AND order_id = 'new' RETURNING *) "
        "INSERT INTO orders (csv_upload_id, order_id) SELECT csv_upload_id, order_id FROM gone",
        "UPDATE orders SET created_at = created_at + interval '1 day' WHERE csv_upload_id = '%'",
        "INSERT INTO variants (csv_upload_id, variant_id) VALUES ('%', 'v')",
        "INSERT INTO inventory_levels (csv_upload_id, inventory_item_id) VALUES ('%', 'i')",
        "INSERT INTO catalog_snapshot (csv_upload_id, variant_id, price) VALUES ('%', 'v', 1)",
        "UPDATE catalog_snapshot SET price = 2 WHERE csv_upload_id = '%' AND variant_id = 'v'",
        "DELETE FROM catalog_snapshot WHERE csv_upload_id = '%' AND variant_id = 'v'",
    };
    struct import_file file = {.path = golden_csv("orders.csv")};
    char revisions[ARRAY_LEN(CHANGES) + 1][UPLOAD_REVISION_HEX + 1];
    struct err e = {0};
    import_run("versions", "v", &file, 1);
    take_revision("v", revisions[0]);
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++) {
        AUTO(buf_fini) struct buf sql;
        buf_init(&sql, 4096);
        for (const char *at = CHANGES[i], *hole; *at; at = *hole ? hole + 1 : hole) { // '%' is the upload's id
            hole = at + strcspn(at, "%");
            buf_put(&sql, at, (size_t)(hole - at));
            buf_puts(&sql, *hole ? file.csv_upload_id : "");
        }
        if (!pg_exec(db.pg, sql.data, &e))
            fail_msg("%s", e.message);
        take_revision("v", revisions[i + 1]);
        bool is_undone = i + 1 == ARRAY_LEN(CHANGES); // the catalogue is empty again: known by its content
        assert_int_equal(strcmp(revisions[i + 1], revisions[i + 1 - (is_undone ? 3 : 1)]) == 0, is_undone);
    }
}

static void what_jobs_write_leaves_the_revision_alone(void **state)
{
    (void)state;
    struct import_file files[] = {{.path = golden_csv("orders.csv")}, {.path = golden_csv("catalog.csv")}};
    char before[UPLOAD_REVISION_HEX + 1], after[UPLOAD_REVISION_HEX + 1], other[UPLOAD_REVISION_HEX + 1];
    struct err e = {0};
    import_run("versions", "job", files, 2);
    take_revision("job", before);
    assert_true(pg_exec(db.pg, "UPDATE catalog_snapshot SET is_seasonal = true, is_new_launch = false", &e));
    assert_true(pg_exec(db.pg, "UPDATE csv_uploads SET status = 'final', last_job = 'j', updated_at = now()", &e));
    take_revision("job", after);
    assert_string_equal(before, after);
    take_revision(files[0].csv_upload_id, after); // the same files by another name
    assert_string_equal(before, after);
    import_run("versions", "twin", files, 1); // the same lines in another upload
    take_revision("twin", other);
    assert_string_not_equal(before, other);
}

static void rows_of_a_view_have_no_revision(void **state)
{
    (void)state;
    struct import_file file = {.path = golden_csv("orders.csv")};
    struct upload_info looked, loaded;
    struct err e = {0};
    import_run("viewed", "r", &file, 1);
    assert_true(pg_exec(db.pg,
                        "ALTER TABLE order_lines RENAME TO order_lines_kept; CREATE VIEW order_lines AS SELECT * FROM "
                        "order_lines_kept",
                        &e));
    dataset_destroy(load("viewed", "r", &loaded));
    assert_true(upload_look(db.pg, STR("viewed"), STR("r"), NULL, &looked, &e));
    assert_string_equal(loaded.revision, "");
    assert_string_equal(looked.revision, "");
    assert_true(pg_exec(db.pg, "DROP VIEW order_lines; ALTER TABLE order_lines_kept RENAME TO order_lines", &e));
}

static void expect_error(const char *shop, const char *upload, enum err_kind kind, const char *part)
{
    struct upload_info info;
    struct dataset *out = NULL;
    struct err e = {0};
    assert_false(upload_load(db.pg, str_of(shop), str_of(upload), &ENRICH_RULES_DEFAULT, NULL, &info, &out, &e));
    assert_null(out);
    assert_int_equal(e.kind, kind);
    if (!strstr(e.message, part))
        fail_msg("\"%s\" says nothing of \"%s\"", e.message, part);
    assert_true(pg_exec(db.pg, "SELECT 1", &e));
}

static void what_cannot_be_loaded_says_why(void **state)
{
    (void)state;
    struct import_file file = {.path = golden_csv("orders.csv")};
    struct err e;
    import_run("o'shop", "r", &file, 1);
    expect_error("nobody", "r", ERR_NOT_FOUND, "no shop \"nobody\"");
    expect_error("o'shop", "it's; DROP TABLE orders", ERR_NOT_FOUND, "has no upload");
    expect_error("o'shop", "00000000-0000-0000-0000-000000000000", ERR_NOT_FOUND, "has no upload");
    assert_true(pg_exec(db.pg, "UPDATE csv_uploads SET status = 'importing' WHERE shop_id = 'o''shop'", &e));
    expect_error("o'shop", "r", ERR_INPUT, "still being imported");
    assert_true(pg_exec(db.pg,
                        "UPDATE csv_uploads SET status = 'failed', error_message = 'disk full' WHERE shop_id = "
                        "'o''shop'",
                        &e));
    expect_error("o'shop", "r", ERR_INPUT, "disk full");
    assert_true(pg_exec(db.pg, "UPDATE csv_uploads SET last_job = 'j1' WHERE shop_id = 'o''shop'", &e));
    struct upload_info info;
    dataset_destroy(load("o'shop", "r", &info)); // a job failed: the next one may try
}

static void make_many_lines(const char *shop)
{
    char path[] = "/tmp/test_store_load.XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    (void)fprintf(file, "order_id,item\n");
    for (int i = 0; i < 50000; i++)
        (void)fprintf(file, "%d,Item %d\n", i / 5, i % 97);
    (void)fclose(file);
    struct import_file f = {.path = path};
    import_run(shop, "many", &f, 1);
    (void)remove(path);
}

static void loading_can_be_cancelled_and_limited(void **state)
{
    (void)state;
    make_many_lines("many");
    struct upload_info info;
    struct dataset *out = NULL;
    struct err e = {0};
    atomic_bool is_cancelled = true;
    pg_watch(db.pg, &is_cancelled);
    assert_false(upload_load(db.pg, STR("many"), STR("many"), &ENRICH_RULES_DEFAULT, NULL, &info, &out, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    pg_watch(db.pg, NULL);
    struct enrich_rules rules = ENRICH_RULES_DEFAULT;
    rules.lines_max = 1000;
    assert_false(upload_load(db.pg, STR("many"), STR("many"), &rules, NULL, &info, &out, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    struct dataset *d = load("many", "many", &info); // on the same connection
    assert_int_equal(d->lines_read, 50000);
    dataset_destroy(d);
}

// A statement that fails in the middle of its rows: the error is the server's, and the connection goes on.
static void a_failing_table_is_reported(void **state)
{
    (void)state;
    struct import_file file = {.path = golden_csv("orders.csv")};
    struct err e = {0};
    import_run("broken", "r", &file, 1);
    assert_true(pg_exec(db.pg,
                        "ALTER TABLE order_lines RENAME TO order_lines_kept; CREATE VIEW order_lines AS SELECT "
                        "csv_upload_id, order_id, line_item_id, variant_id, sku, name, variant_title, brand, "
                        "category, quantity / (CASE WHEN order_id = 'A3' THEN 0 ELSE 1 END) AS quantity, unit_price, "
                        "line_discount FROM order_lines_kept",
                        &e));
    expect_error("broken", "r", ERR_PG, "division by zero");
    assert_true(pg_exec(db.pg, "DROP VIEW order_lines; ALTER TABLE order_lines_kept RENAME TO order_lines", &e));
}

// A web app's own rows: NULLs, infinity, NaN and more decimals than we keep.
static void odd_values_are_unknown(void **state)
{
    (void)state;
    struct err e = {0};
    struct upload_info info;
    assert_true(pg_exec(
        db.pg,
        "INSERT INTO csv_uploads (id, shop_id, status) VALUES ('00000000-0000-4000-8000-000000000001', 'odd', 'ready');"
        "INSERT INTO orders (csv_upload_id, order_id, created_at, total) VALUES "
        "('00000000-0000-4000-8000-000000000001', "
        "'1', 'infinity', 'NaN');"
        "INSERT INTO order_lines (csv_upload_id, order_id, line_item_id, name, unit_price) VALUES "
        "('00000000-0000-4000-8000-000000000001', '1', '1', 'Tea', 2.5), ('00000000-0000-4000-8000-000000000001', '1', "
        "'2', 'Milk', NULL)",
        &e));
    struct dataset *d = load("odd", "00000000-0000-4000-8000-000000000001", &info);
    assert_string_equal(info.csv_upload_id, "00000000-0000-4000-8000-000000000001");
    assert_string_equal(info.run_id, "");
    assert_int_equal(d->n_orders, 1);
    assert_false(d->has_dates);
    dataset_destroy(d);
}

// ---- what the shop asks for ----

static char asked[256];

static void on_options(void *context, struct str json, struct enrich_rules *rules)
{
    (void)snprintf(asked, sizeof asked, STR_FMT, STR_ARG(json));
    rules->as_of = *(const int64_t *)context;
}

// Two files: the options come with the first row of them. What they change holds for the rows of the same load.
static void the_shop_is_heard_before_its_rows(void **state)
{
    (void)state;
    struct import_file files[] = {{.path = golden_csv("orders.csv")}, {.path = golden_csv("catalog.csv")}};
    int64_t as_of = 86400;
    const struct upload_shop asks = {on_options, &as_of};
    struct upload_info before, after, looked;
    struct dataset *d = NULL;
    struct buf json;
    struct err e = {0};
    buf_init(&json, 1000);
    import_run("asking", "r", files, 2);
    assert_true(upload_look(db.pg, STR("asking"), STR("r"), &asks, &before, &e));
    assert_string_equal(asked, "");
    assert_true(shop_options_write(db.pg, STR("asking"), STR("{\"bundles\":3}"), &e));
    assert_true(shop_options_read(db.pg, STR("asking"), &json, &e));
    assert_string_equal(json.data, "{\"bundles\": 3}");
    assert_true(upload_load(db.pg, STR("asking"), STR("r"), &ENRICH_RULES_DEFAULT, &asks, &after, &d, &e));
    assert_string_equal(asked, "{\"bundles\": 3}");
    assert_true(d->as_of == as_of);
    assert_true(upload_look(db.pg, STR("asking"), STR("r"), &asks, &looked, &e));
    assert_string_equal(after.revision, looked.revision);
    assert_string_not_equal(before.revision, after.revision);
    dataset_destroy(d);
    buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_loaded_is_what_was_read),
        cmocka_unit_test(what_is_loaded_of_real_files_is_what_was_read),
        cmocka_unit_test(six_statements_whatever_the_size),
        cmocka_unit_test(the_shop_is_heard_before_its_rows),
        cmocka_unit_test(equal_ids_do_not_mix),
        cmocka_unit_test(home_is_the_file_named_or_the_first_of_orders),
        cmocka_unit_test(any_change_of_the_rows_gives_another_revision),
        cmocka_unit_test(what_jobs_write_leaves_the_revision_alone),
        cmocka_unit_test(rows_of_a_view_have_no_revision),
        cmocka_unit_test(what_cannot_be_loaded_says_why),
        cmocka_unit_test(loading_can_be_cancelled_and_limited),
        cmocka_unit_test(a_failing_table_is_reported),
        cmocka_unit_test(odd_values_are_unknown),
    };
    return cmocka_run_group_tests_name("store_load", tests, setup, teardown);
}
