#include "worker/store/bundle_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store_test.h"
#include "worker/store/bundle_copies.h"
#include "worker/store/import.h"
#include "worker/store/upload_load.h"

static struct test_db db;
static struct import_result result;
static struct dataset *data;
static struct store_target target = {{"job-1", 5}, {"shop", 4}, {NULL, 0}, 0};
static char upload_id[37];

static void load_upload(void)
{
    struct import_options o = {.csv = CSV_TEST_OPTIONS, .shop = STR("shop"), .run_id = STR("r")};
    struct import_file files[] = {{.path = golden_csv("shopify_orders.csv")},
                                  {.path = golden_csv("shopify_products.csv")},
                                  {.path = golden_csv("catalog.csv")}};
    struct err e = {0};
    struct upload_info info;
    if (!import_files(db.pg, &o, files, 3, &result, &e) ||
        !upload_load(db.pg, STR("shop"), STR("r"), &ENRICH_RULES_DEFAULT, NULL, &info, &data, &e))
        fail_msg("%s", e.message);
    (void)snprintf(upload_id, sizeof upload_id, "%s", info.csv_upload_id);
}

static int setup(void **state)
{
    (void)state;
    test_db_create(&db, "bundles");
    load_upload();
    target.csv_upload_id = str_of(upload_id);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dataset_destroy(data);
    test_db_drop(&db);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    struct err e;
    assert_true(pg_exec(db.pg,
                        "DELETE FROM bundle_recommendations; DELETE FROM generation_progress; UPDATE csv_uploads SET "
                        "status = 'ready', last_job = NULL, error_message = NULL, bundle_generation_metrics = NULL",
                        &e));
    target.job = STR("job-1");
    return 0;
}

// Row number i of a set; its id says both.
static struct bundle_row row_of(unsigned set, unsigned i)
{
    struct bundle_row r = {.bundle_type = STR("FBT"),
                           .objective = STR("increase_aov"),
                           .products = STR("[{\"name\": \"A\\u0000B\", \"path\": \"c:\\\\u0000\", \"price\": 12.99}]"),
                           .pricing = STR("{\"bundle_price\": 12.50, \"currency\": \"USD\"}"),
                           .ai_copy = STR("{\"title\": \"Tea \\\"for\\\" two, {braces}\"}"),
                           .confidence = 0.1,
                           .predicted_lift = 1.5,
                           .support = 0.25,
                           .lift = 2.0 / 3,
                           .ranking_score = 0.75,
                           .rank_position = i + 1,
                           .discount_reference = STR("increase_aov/FBT/1250bp"),
                           .explanation = {"Bought\0together", 15},
                           .evidence = STR("{\"orders_together\": 3}"),
                           .generation_sources = STR("[\"co_purchase\"]"),
                           .objectives = STR("[\"increase_aov\"]")};
    (void)snprintf(r.id, sizeof r.id, "00000000-0000-8000-8000-%06u%06u", set, i);
    return r;
}

static void store_preliminary(unsigned set, unsigned n, bool expected)
{
    struct bundle_row rows[64];
    struct err e = {0};
    bool stored = !expected;
    for (unsigned i = 0; i < n; i++)
        rows[i] = row_of(set, i);
    if (!bundle_store_preliminary(db.pg, &target, &(struct bundle_rows){rows, n}, data, &stored, &e))
        fail_msg("%s", e.message);
    assert_int_equal(stored, expected);
}

static void store_final(unsigned set, unsigned n)
{
    struct bundle_row rows[64];
    struct err e = {0};
    for (unsigned i = 0; i < n; i++)
        rows[i] = row_of(set, i);
    if (!bundle_store_final(db.pg, &target, &(struct bundle_rows){rows, n}, STR("{\"total_ms\": 12}"), &e))
        fail_msg("%s", e.message);
}

static const char *all_rows(void)
{
    return test_db_value(&db, "SELECT md5(string_agg(b::text, E'\\n' ORDER BY id)) FROM bundle_recommendations b");
}

static const char *by_status(void)
{
    return test_db_value(&db,
                         "SELECT coalesce(string_agg(status || ' ' || n, ', ' ORDER BY status), 'none') FROM (SELECT "
                         "status, count(*) AS n FROM bundle_recommendations GROUP BY status) s");
}

static const char *upload_status(void)
{
    return test_db_value(&db,
                         "SELECT status || ' ' || coalesce(last_job, '-') FROM csv_uploads WHERE csv_type = 'orders'");
}

static void preliminary_then_final(void **state)
{
    (void)state;
    store_preliminary(1, 3, true);
    assert_string_equal(by_status(), "preliminary 3");
    assert_string_equal(upload_status(), "preliminary job-1");
    assert_string_equal(test_db_value(&db, "SELECT status || progress FROM generation_progress"), "preliminary50");
    store_final(2, 5);
    assert_string_equal(by_status(), "final 5");
    assert_string_equal(upload_status(), "final job-1");
    assert_string_equal(test_db_value(&db, "SELECT status || progress FROM generation_progress"), "final100");
    assert_string_equal(test_db_value(&db, "SELECT bundle_generation_metrics ->> 'total_ms' FROM csv_uploads WHERE "
                                           "csv_type = 'orders'"),
                        "12");
}

static void values_arrive_as_they_were(void **state)
{
    (void)state;
    store_final(2, 1);
    assert_string_equal(test_db_value(&db, "SELECT products #>> '{0,name}' FROM bundle_recommendations"), "AB");
    assert_string_equal(test_db_value(&db, "SELECT products #>> '{0,path}' FROM bundle_recommendations"), "c:\\u0000");
    assert_string_equal(test_db_value(&db, "SELECT pricing ->> 'bundle_price' FROM bundle_recommendations"), "12.50");
    assert_string_equal(test_db_value(&db, "SELECT explanation FROM bundle_recommendations"), "Boughttogether");
    assert_string_equal(test_db_value(&db, "SELECT ai_copy ->> 'title' FROM bundle_recommendations"),
                        "Tea \"for\" two, {braces}");
    assert_string_equal(test_db_value(&db, "SELECT confidence || ' ' || lift FROM bundle_recommendations"),
                        "0.1 0.6666666666666666");
}

static void twice_is_once(void **state)
{
    (void)state;
    store_preliminary(1, 3, true);
    const char *before = all_rows();
    store_preliminary(1, 3, true);
    assert_string_equal(all_rows(), before);
    store_final(2, 4);
    before = all_rows();
    store_final(2, 4);
    assert_string_equal(all_rows(), before);
    store_preliminary(3, 2, false); // of the same job, too late
    assert_string_equal(all_rows(), before);
    assert_string_equal(upload_status(), "final job-1");
    assert_string_equal(test_db_value(&db, "SELECT status || progress FROM generation_progress"), "final100");
}

static void a_new_job_replaces_what_is_not_the_merchants(void **state)
{
    (void)state;
    struct err e;
    store_final(1, 4);
    assert_true(pg_exec(db.pg,
                        "UPDATE bundle_recommendations SET is_approved = true WHERE rank_position = 1; UPDATE "
                        "bundle_recommendations SET is_used = true, explanation = 'mine' WHERE rank_position = 2",
                        &e));
    target.job = STR("job-2");
    store_preliminary(2, 2, true);
    assert_string_equal(by_status(), "final 4, preliminary 2"); // earlier final rows stay until the new ones come
    store_final(1, 2);                                          // equal to the two that are the merchant's
    assert_string_equal(by_status(), "final 2");
    assert_string_equal(test_db_value(&db, "SELECT explanation FROM bundle_recommendations WHERE is_used"), "mine");
    store_final(3, 3);
    assert_string_equal(by_status(), "final 5");
    assert_string_equal(test_db_value(&db, "SELECT count(*) FROM bundle_recommendations WHERE is_used OR is_approved"),
                        "2");
}

// The flags of the whole catalogue go in one of them.
static void statements_are_the_same_for_any_number_of_rows(void **state)
{
    (void)state;
    uint64_t before = pg_statements(db.pg);
    store_preliminary(1, 1, true);
    uint64_t few = pg_statements(db.pg) - before;
    store_preliminary(2, 40, true);
    assert_int_equal(pg_statements(db.pg) - before - few, few);
    assert_int_equal(few, 8);
}

static void no_bundles_is_a_result(void **state)
{
    (void)state;
    store_preliminary(1, 2, true);
    store_final(2, 0);
    assert_string_equal(by_status(), "none");
    assert_string_equal(upload_status(), "final job-1");
}

// Every kind of catalogue row finds its item: by variant id, by SKU, by title; only those that change are written.
static void flags_reach_the_catalogue(void **state)
{
    (void)state;
    struct err e;
    static const char flagged[] = "SELECT count(*) FROM catalog_snapshot WHERE is_seasonal IS NOT NULL";
    assert_true(pg_exec(db.pg,
                        "UPDATE catalog_snapshot SET is_slow_mover = NULL, is_new_launch = NULL, is_seasonal = NULL, "
                        "is_high_margin = NULL",
                        &e));
    store_preliminary(1, 1, true);
    assert_string_equal(test_db_value(&db, flagged), test_db_value(&db, "SELECT count(*) FROM catalog_snapshot"));
    assert_string_equal(test_db_value(&db, "SELECT string_agg(coalesce(variant_id, sku), ',' ORDER BY sku) FROM "
                                           "catalog_snapshot WHERE is_seasonal"),
                        "v1,TT-1"); // tags "winter" and "summer"
    const char *before = test_db_value(&db, "SELECT max(xmin::text::bigint) FROM catalog_snapshot");
    store_preliminary(1, 1, true);
    assert_string_equal(test_db_value(&db, "SELECT max(xmin::text::bigint) FROM catalog_snapshot"), before);
}

static void a_failed_job_says_so(void **state)
{
    (void)state;
    struct err e;
    assert_true(bundle_store_failed(db.pg, &target, STR("No order has two products."), &e));
    assert_string_equal(upload_status(), "failed job-1");
    assert_string_equal(test_db_value(&db, "SELECT error_message FROM csv_uploads WHERE csv_type = 'orders'"),
                        "No order has two products.");
    assert_string_equal(test_db_value(&db, "SELECT status FROM generation_progress"), "failed");
    store_final(1, 1);
    assert_true(bundle_store_failed(db.pg, &target, STR("late"), &e)); // by somebody slow: final stays final
    assert_string_equal(upload_status(), "final job-1");
}

static void a_foreign_upload_is_not_touched(void **state)
{
    (void)state;
    struct store_target other = target;
    struct bundle_row row = row_of(1, 0);
    struct err e = {0};
    other.shop = STR("another");
    assert_false(bundle_store_final(db.pg, &other, &(struct bundle_rows){&row, 1}, STR("{}"), &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    other = target;
    other.csv_upload_id = STR("not-a-uuid");
    assert_false(bundle_store_final(db.pg, &other, &(struct bundle_rows){&row, 1}, STR("{}"), &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(by_status(), "none");
    assert_string_equal(upload_status(), "ready -");
}

// One bad statement takes the whole transaction back, and the connection is as good as before.
static void a_failure_leaves_nothing_behind(void **state)
{
    (void)state;
    struct err e = {0};
    store_final(1, 2);
    const char *before = all_rows();
    struct bundle_row bad = row_of(2, 0);
    bad.pricing = STR("{not json");
    target.job = STR("job-2");
    assert_false(bundle_store_final(db.pg, &target, &(struct bundle_rows){&bad, 1}, STR("{}"), &e));
    assert_int_equal(e.kind, ERR_PG);
    assert_non_null(strstr(e.message, "storing final bundles"));
    assert_string_equal(all_rows(), before);
    assert_string_equal(upload_status(), "final job-1");
    store_final(2, 1);
    assert_string_equal(by_status(), "final 1");
}

// A reader in the middle sees one set or the other.
static void the_swap_is_one_transaction(void **state)
{
    (void)state;
    struct err e;
    struct pg *reader = test_db_connect(&db);
    struct test_db other = {.settings = db.settings, .pg = reader};
    store_preliminary(1, 3, true);
    assert_true(pg_exec(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ", &e));
    struct bundle_row row = row_of(2, 0);
    assert_true(pg_exec(reader, "SELECT count(*) FROM bundle_recommendations", &e));
    assert_true(bundle_store_final(db.pg, &target, &(struct bundle_rows){&row, 1}, STR("{}"), &e));
    assert_true(pg_exec(reader,
                        "DO $$ BEGIN IF (SELECT string_agg(DISTINCT status, ',') FROM bundle_recommendations) <> "
                        "'preliminary' THEN RAISE EXCEPTION 'mixed'; END IF; END $$; COMMIT",
                        &e));
    assert_string_equal(test_db_value(&other, "SELECT string_agg(DISTINCT status, ',') FROM bundle_recommendations"),
                        "final");
    pg_destroy(reader);
}

// Final rows only, of this upload only, and only what a model wrote.
static void written_copy_is_found_by_its_key(void **state)
{
    static const char *const KEYS[] = {"00c0ffee", "00000001", "00000002", "0badcafe"};
    static const char *const COPIES[] = {"{\"source\": \"model\", \"key\": \"00c0ffee\", \"title\": \"Tea\"}",
                                         "{\"source\": \"template\", \"key\": \"00000001\"}",
                                         "{\"source\": \"cache\", \"key\": \"0badcafe\"}"};
    (void)state;
    struct bundle_row rows[3];
    struct arena memory;
    struct str found[4] = {{0}};
    struct err e;
    arena_init(&memory, 0);
    for (unsigned i = 0; i < 3; i++) {
        rows[i] = row_of(1, i);
        rows[i].ai_copy = str_of(COPIES[i]);
    }
    assert_true(bundle_store_final(db.pg, &target, &(struct bundle_rows){rows, 3}, STR("{}"), &e));
    uint64_t before = pg_statements(db.pg);
    assert_true(bundle_copies_find(db.pg, target.csv_upload_id, KEYS, 4, &memory, found, &e));
    assert_int_equal(pg_statements(db.pg) - before, 1);
    assert_true(str_eq(found[0], STR("{\"key\": \"00c0ffee\", \"title\": \"Tea\"}")));
    assert_true(found[1].len == 0 && found[2].len == 0);
    assert_true(str_eq(found[3], STR("{\"key\": \"0badcafe\"}")));
    memset(found, 0, sizeof found);
    assert_true(bundle_copies_find(db.pg, STR("00000000-0000-8000-8000-000000000000"), KEYS, 4, &memory, found, &e));
    assert_int_equal(found[0].len, 0);
    assert_true(pg_exec(db.pg, "UPDATE bundle_recommendations SET status = 'preliminary'", &e));
    assert_true(bundle_copies_find(db.pg, target.csv_upload_id, KEYS, 4, &memory, found, &e));
    assert_int_equal(found[0].len, 0);
    arena_fini(&memory);
}

static void the_document_has_one_set(void **state)
{
    (void)state;
    struct buf json;
    struct err e = {0};
    buf_init(&json, 1 << 20);
    assert_true(bundle_store_document(db.pg, STR("shop"), STR("r"), &json, &e));
    assert_non_null(strstr(json.data, "\"bundles\":[]"));
    assert_non_null(strstr(json.data, "\"metrics\":{}"));
    buf_clear(&json);
    store_preliminary(1, 2, true);
    assert_true(bundle_store_document(db.pg, STR("shop"), target.csv_upload_id, &json, &e));
    assert_non_null(strstr(json.data, "\"version\":1"));
    assert_non_null(strstr(json.data, "000001000000"));
    assert_non_null(strstr(json.data, "000001000001"));
    buf_clear(&json);
    target.job = STR("job-2");
    store_final(2, 1);
    target.job = STR("job-3");
    store_preliminary(3, 1, true);
    assert_true(bundle_store_document(db.pg, STR("shop"), STR("r"), &json, &e));
    assert_non_null(strstr(json.data, "000002000000"));
    assert_null(strstr(json.data, "000003000000"));
    assert_non_null(strstr(json.data, "\"total_ms\": 12"));
    assert_false(bundle_store_document(db.pg, STR("shop"), STR("other"), &json, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(preliminary_then_final, clean),
        cmocka_unit_test_setup(values_arrive_as_they_were, clean),
        cmocka_unit_test_setup(twice_is_once, clean),
        cmocka_unit_test_setup(a_new_job_replaces_what_is_not_the_merchants, clean),
        cmocka_unit_test_setup(statements_are_the_same_for_any_number_of_rows, clean),
        cmocka_unit_test_setup(no_bundles_is_a_result, clean),
        cmocka_unit_test_setup(flags_reach_the_catalogue, clean),
        cmocka_unit_test_setup(a_failed_job_says_so, clean),
        cmocka_unit_test_setup(a_foreign_upload_is_not_touched, clean),
        cmocka_unit_test_setup(a_failure_leaves_nothing_behind, clean),
        cmocka_unit_test_setup(the_swap_is_one_transaction, clean),
        cmocka_unit_test_setup(written_copy_is_found_by_its_key, clean),
        cmocka_unit_test_setup(the_document_has_one_set, clean),
    };
    return cmocka_run_group_tests_name("store_bundles", tests, setup, teardown);
}
