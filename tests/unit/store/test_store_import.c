#include "worker/store/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store_test.h"

static struct test_db db;
static struct import_result result;

static int setup(void **state)
{
    (void)state;
    test_db_create(&db, "import");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_db_drop(&db);
    return 0;
}

static struct import_options options_of(const char *shop)
{
    return (struct import_options){.csv = CSV_TEST_OPTIONS, .shop = str_of(shop)};
}

static struct import_file import_golden(const char *shop, const char *name)
{
    struct import_options o = options_of(shop);
    struct import_file file = {.path = golden_csv(name)};
    struct err e = {0};
    if (!import_files(db.pg, &o, &file, 1, &result, &e))
        fail_msg("%s", e.message);
    return file;
}

// A fingerprint of all data: what must not move when nothing should change.
static const char *everything(void)
{
    return test_db_value(&db, "SELECT md5(string_agg(x, E'\\n' ORDER BY x)) FROM (SELECT 'o' || o::text FROM orders o "
                              "UNION ALL SELECT 'l' || "
                              "l::text FROM order_lines l UNION ALL SELECT 'v' || v::text FROM variants v UNION ALL "
                              "SELECT 'i' || i::text FROM "
                              "inventory_levels i UNION ALL SELECT 'c' || c::text FROM catalog_snapshot c UNION ALL "
                              "SELECT 'u' || u::text FROM "
                              "csv_uploads u UNION ALL SELECT 's' || s::text FROM shops s) all_rows (x)");
}

static const char *count_of(const char *table)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return test_db_value(&db, sql);
}

static void all_kinds_are_stored(void **state)
{
    (void)state;
    static const char *const names[] = {"orders.csv",    "orders_graphql.csv",   "shopify_orders.csv", "variants.csv",
                                        "inventory.csv", "shopify_products.csv", "catalog.csv",        "semicolon.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(import_golden("kinds", names[i]).already);
    assert_string_equal(count_of("orders"), "13");
    assert_string_equal(count_of("order_lines"), "20");
    assert_string_equal(count_of("variants"), "3");
    assert_string_equal(count_of("inventory_levels"), "4");
    assert_string_equal(count_of("catalog_snapshot"), "8");
    assert_string_equal(
        test_db_value(&db, "SELECT string_agg(DISTINCT csv_type || ' ' || status, ',') FROM csv_uploads"),
        "catalog ready,inventory_levels ready,orders ready,variants ready");
    assert_string_equal(test_db_value(&db, "SELECT name FROM order_lines WHERE sku = 'LAMP-2'"),
                        "Sailor's Lamp\n(brass, two parts)");
    assert_string_equal(test_db_value(&db, "SELECT created_at AT TIME ZONE 'UTC' FROM orders WHERE order_id = '#1001'"),
                        "2024-03-01 15:15:00");
    assert_string_equal(test_db_value(&db, "SELECT unit_price FROM order_lines WHERE name = 'Käse, jung'"),
                        "1234.5000");
    assert_string_equal(test_db_value(&db, "SELECT count(*) FROM order_lines WHERE sku IS NULL"), "3");
    assert_string_equal(test_db_value(&db, "SELECT row_no FROM catalog_snapshot WHERE sku = 'TT-1'"), "3");
}

static void importing_twice_changes_nothing(void **state)
{
    (void)state;
    struct import_file first = import_golden("twice", "orders_bad.csv");
    assert_int_equal(result.rejected, 12);
    assert_int_equal(first.report.rows, 14);
    const char *before = everything();
    struct import_file again = import_golden("twice", "orders_bad.csv");
    assert_true(again.already);
    assert_int_equal(result.rejected, 0);
    assert_int_equal(again.report.rows, 14);
    assert_int_equal(again.report.rejected, 12);
    assert_string_equal(again.csv_upload_id, first.csv_upload_id);
    assert_string_equal(everything(), before);
}

static void rejects_are_listed(void **state)
{
    (void)state;
    (void)import_golden("rejects", "orders_bad.csv");
    assert_int_equal(result.n_rejects, 12);
    assert_int_equal(result.rejects[2].line, 5);
    assert_string_equal(result.rejects[2].column, "currency");
    assert_string_equal(result.rejects[2].reason, "unknown currency: \"XXQ\"");
    assert_non_null(strstr(result.rejects[2].file, "orders_bad.csv"));
    assert_string_equal(test_db_value(&db, "SELECT total_rows || ' ' || processed_rows || ' ' || rejected_rows FROM "
                                           "csv_uploads WHERE shop_id = 'rejects'"),
                        "14 2 12");
}

// One transaction for all files: a broken one, or in strict mode a bad row, leaves nothing of the others behind.
static void a_run_is_all_or_nothing(void **state)
{
    (void)state;
    const char *before = everything();
    struct import_options o = options_of("nothing");
    struct import_file files[] = {{.path = golden_csv("orders.csv")}, {.path = golden_csv("unclosed_quote.csv")}};
    struct err e = {0};
    assert_false(import_files(db.pg, &o, files, 2, &result, &e));
    assert_int_equal(e.kind, ERR_INPUT);
    assert_string_equal(everything(), before);
    o.is_strict = true;
    files[1].path = golden_csv("orders_bad.csv");
    assert_false(import_files(db.pg, &o, files, 2, &result, &e));
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.message, "line 3, column order_id: missing"));
    assert_string_equal(everything(), before);
    assert_true(pg_exec(db.pg, "SELECT 1", &e)); // the connection has survived
}

static void shops_hold_the_same_ids_apart(void **state)
{
    (void)state;
    struct import_file one = import_golden("apart-1", "catalog.csv"), two = import_golden("apart-2", "catalog.csv");
    assert_string_not_equal(one.csv_upload_id, two.csv_upload_id);
    assert_false(two.already);
    assert_string_equal(test_db_value(&db, "SELECT count(*) FROM catalog_snapshot c JOIN csv_uploads u ON u.id = "
                                           "c.csv_upload_id WHERE u.shop_id LIKE 'apart-%' AND variant_id = 'v1'"),
                        "2");
}

static void deleting_an_upload_takes_its_rows_along(void **state)
{
    (void)state;
    const char *before = everything();
    (void)import_golden("deleted", "orders.csv");
    (void)import_golden("deleted", "catalog.csv");
    (void)import_golden("deleted", "variants.csv");
    (void)import_golden("deleted", "inventory.csv");
    struct err e;
    assert_true(pg_exec(db.pg,
                        "DELETE FROM csv_uploads WHERE shop_id = 'deleted'; DELETE FROM shops WHERE shop_id = "
                        "'deleted'",
                        &e));
    assert_string_equal(everything(), before);
}

static void the_run_is_what_the_files_hold(void **state)
{
    (void)state;
    struct import_options o = options_of("run");
    struct import_file files[] = {{.path = golden_csv("orders.csv")}, {.path = golden_csv("catalog.csv")}};
    struct err e = {0};
    char first[65];
    assert_true(import_files(db.pg, &o, files, 2, &result, &e));
    (void)snprintf(first, sizeof first, "%s", result.run_id);
    struct import_file turned[] = {files[1], files[0]};
    assert_true(import_files(db.pg, &o, turned, 2, &result, &e));
    assert_string_equal(result.run_id, first);
    assert_true(turned[0].already && turned[1].already);
    o.csv.date_order = DATE_DMY; // read differently: other data
    assert_true(import_files(db.pg, &o, files, 2, &result, &e));
    assert_string_not_equal(result.run_id, first);
    o.run_id = STR("my run");
    assert_true(import_files(db.pg, &o, files, 2, &result, &e));
    assert_string_equal(result.run_id, "my run");
    assert_false(files[0].already);
}

// More orders than are held in memory: the spool file takes them, and all arrive.
static void many_orders_go_through_the_spool(void **state)
{
    (void)state;
    enum { ORDERS = 90000 };
    char path[] = "/tmp/test_store_import.XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    (void)fprintf(file, "order_id,created_at,customer_email,item\n");
    for (int i = 0; i < ORDERS; i++)
        (void)fprintf(file, "order-%d,2024-01-01,somebody.with.a.long.address.%d@example.com,Tea\n", i, i);
    (void)fclose(file);
    struct import_options o = options_of("spool");
    struct import_file f = {.path = path};
    struct err e = {0};
    bool is_good = import_files(db.pg, &o, &f, 1, &result, &e);
    (void)remove(path);
    if (!is_good)
        fail_msg("%s", e.message);
    assert_string_equal(test_db_value(&db, "SELECT count(*) || ' ' || count(DISTINCT order_id) FROM orders WHERE "
                                           "customer_email LIKE 'somebody%'"),
                        "90000 90000");
}

static void real_files_are_stored(void **state)
{
    (void)state;
    static const char *const names[] = {"bread_basket/BreadBasket_DMS.csv", "groceries/groceries_orders.csv",
                                        "online_retail/OnlineRetail_to_2011-09.csv.gz"};
    static const char *const lines[] = {"21293", "43367", "370931"};
    for (size_t i = 0; i < 3; i++) {
        const char *path = real_data(names[i]);
        if (!path) {
            print_message("skipped: %s is not on this machine\n", names[i]);
            skip();
            return;
        }
        struct import_options o = options_of("real");
        struct import_file f = {.path = path};
        struct err e = {0};
        char sql[160];
        if (!import_files(db.pg, &o, &f, 1, &result, &e))
            fail_msg("%s", e.message);
        assert_int_equal(result.rejected, 0);
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM order_lines WHERE csv_upload_id = '%s'", f.csv_upload_id);
        assert_string_equal(test_db_value(&db, sql), lines[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_are_stored),
        cmocka_unit_test(importing_twice_changes_nothing),
        cmocka_unit_test(rejects_are_listed),
        cmocka_unit_test(a_run_is_all_or_nothing),
        cmocka_unit_test(shops_hold_the_same_ids_apart),
        cmocka_unit_test(deleting_an_upload_takes_its_rows_along),
        cmocka_unit_test(the_run_is_what_the_files_hold),
        cmocka_unit_test(many_orders_go_through_the_spool),
        cmocka_unit_test(real_files_are_stored),
    };
    return cmocka_run_group_tests_name("store_import", tests, setup, teardown);
}
