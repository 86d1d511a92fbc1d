#include "worker/store/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

#include <cmocka.h>

#include "store_test.h"
#include "worker/store/pg_internal.h"

static struct test_db db;

static int setup(void **state)
{
    (void)state;
    test_db_create(&db, "schema");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_db_drop(&db);
    return 0;
}

static void applying_again_changes_nothing(void **state)
{
    (void)state;
    struct err e;
    int version = -1;
    static const char columns[] =
        "SELECT md5(string_agg(table_name || column_name || data_type, ',' ORDER BY table_name, "
        "column_name)) FROM information_schema.columns WHERE table_schema = 'public'";
    const char *before = test_db_value(&db, columns);
    assert_true(schema_apply(db.pg, &e));
    assert_string_equal(test_db_value(&db, columns), before);
    assert_true(schema_version(db.pg, &version, &e));
    assert_int_equal(version, SCHEMA_VERSION);
    assert_string_equal(test_db_value(&db, "SELECT count(*) FROM schema_version"), "2");
}

static void no_schema_is_version_0(void **state)
{
    (void)state;
    struct err e;
    int version = -1;
    assert_true(pg_exec(db.pg, "CREATE SCHEMA elsewhere; SET search_path = elsewhere", &e));
    assert_true(schema_version(db.pg, &version, &e));
    assert_int_equal(version, 0);
    assert_true(pg_exec(db.pg, "RESET search_path; DROP SCHEMA elsewhere", &e));
}

static void *apply(void *context)
{
    struct pg *pg = test_db_connect(context);
    struct err e = {0};
    bool is_good = schema_apply(pg, &e);
    if (!is_good)
        (void)fprintf(stderr, "%s\n", e.message);
    pg_destroy(pg);
    return is_good ? context : NULL;
}

static void concurrent_callers_queue_up(void **state)
{
    (void)state;
    struct err e;
    assert_true(pg_exec(db.pg, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", &e));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, apply, &db), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &db);
    }
    assert_string_equal(test_db_value(&db, "SELECT max(version) FROM schema_version"), "2");
}

static void sessions_read_one_snapshot(void **state)
{
    (void)state;
    assert_string_equal(test_db_value(&db, "SHOW default_transaction_isolation"), "repeatable read");
    assert_string_equal(test_db_value(&db, "SHOW statement_timeout"), "1min");
    assert_string_equal(test_db_value(&db, "SHOW application_name"), "bundle-test");
}

static void errors_are_sorted(void **state)
{
    (void)state;
    struct err e;
    assert_false(pg_exec(db.pg, "SELECT * FROM no_such_table", &e));
    assert_int_equal(e.kind, ERR_PG);
    assert_non_null(strstr(e.message, "42P01"));
    assert_non_null(strstr(e.message, "bundlectl schema apply"));
    assert_false(pg_exec(db.pg, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$", &e));
    assert_int_equal(e.kind, ERR_PG_AWAY);
    assert_false(pg_exec(db.pg, "SELECT pg_terminate_backend(pg_backend_pid())", &e));
    assert_int_equal(e.kind, ERR_PG_AWAY);
    assert_true(pg_exec(db.pg, "SELECT 1", &e)); // it is back by itself
}

// A connection that the server closed while it was idle is noticed before it is used.
static void an_idle_connection_that_died_comes_back(void **state)
{
    (void)state;
    struct err e;
    struct pg *other = test_db_connect(&db);
    assert_true(pg_exec(other, "SELECT 1", &e));
    assert_string_equal(test_db_value(&db,
                                      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
                                      "current_database() AND pid <> pg_backend_pid()"),
                        "t");
    assert_true(pg_exec(other, "SELECT 1", &e));
    pg_destroy(other);
}

static void secrets_stay_secret(void **state)
{
    (void)state;
    static const char *const urls[] = {"host=/nowhere password=hunter2", "hunter2",
                                       "postgresql://u:hun@ter2@localhost:1/x",
                                       "postgresql://u:hunter2@localhost:port/x"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct settings *s = calloc(1, sizeof *s);
        assert_non_null(s);
        struct err e = {0};
        (void)snprintf(s->pg_url, sizeof s->pg_url, "%s", urls[i]);
        s->pg_timeout_ms = 1000;
        struct pg *pg = pg_create(s, "bundle-test");
        assert_false(pg_connect(pg, &e));
        assert_true(e.kind == ERR_CONFIG || e.kind == ERR_PG_AWAY);
        assert_null(strstr(e.message, "hunter2"));
        assert_null(strstr(e.message, "ter2@"));
        pg_destroy(pg);
        free(s);
    }
}

static void own_options_are_kept(void **state)
{
    (void)state;
    struct settings *s = calloc(1, sizeof *s);
    assert_non_null(s);
    *s = *db.settings;
    (void)strcat(s->pg_url, " options='-c work_mem=5MB'");
    struct test_db other = {.settings = s};
    other.pg = pg_create(s, "bundle-test");
    assert_string_equal(test_db_value(&other, "SHOW work_mem"), "5MB");
    assert_string_equal(test_db_value(&other, "SHOW default_transaction_isolation"), "repeatable read");
    pg_destroy(other.pg);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applying_again_changes_nothing),
        cmocka_unit_test(no_schema_is_version_0),
        cmocka_unit_test(concurrent_callers_queue_up),
        cmocka_unit_test(sessions_read_one_snapshot),
        cmocka_unit_test(errors_are_sorted),
        cmocka_unit_test(an_idle_connection_that_died_comes_back),
        cmocka_unit_test(secrets_stay_secret),
        cmocka_unit_test(own_options_are_kept),
    };
    return cmocka_run_group_tests_name("store_schema", tests, setup, teardown);
}
