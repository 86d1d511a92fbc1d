#include "worker/store/upload_requests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store_test.h"
#include "worker/store/bundle_store.h"
#include "worker/store/pg_internal.h"

#define ORDERS "00000000-0000-8000-8000-000000000001"
#define CATALOG "00000000-0000-8000-8000-000000000002"
#define LATER "00000000-0000-8000-8000-000000000003"

enum { END_FENCE = 100 };

static struct test_db db;

static int setup(void **state)
{
    (void)state;
    test_db_create(&db, "requests");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_db_drop(&db);
    return 0;
}

static void sql(const char *text)
{
    struct err e = {0};
    if (!pg_exec(db.pg, text, &e))
        fail_msg("%s: %s", text, e.message);
}

// A run of three files; its home is the first orders file.
static int clean(void **state)
{
    (void)state;
    sql("TRUNCATE csv_uploads CASCADE");
    sql("INSERT INTO csv_uploads (id, run_id, shop_id, csv_type, status, created_at) VALUES "
        "('" CATALOG "', 'run', 'shop', 'catalog', 'ready', now() - interval '3 hours'), "
        "('" ORDERS "', 'run', 'shop', 'orders', 'ready', now() - interval '2 hours'), "
        "('" LATER "', 'run', 'shop', 'orders', 'ready', now() - interval '1 hour')");
    return 0;
}

static const char *statuses(void)
{
    return test_db_value(&db, "SELECT string_agg(status || ' ' || coalesce(last_job, '-') || ' ' || "
                              "coalesce(error_message, '-'), ', ' ORDER BY id) FROM csv_uploads");
}

static const char *home(void)
{
    return test_db_value(&db, "SELECT status || ' ' || coalesce(last_job, '-') || ' ' || coalesce(error_message, '-') "
                              "FROM csv_uploads WHERE id = '" ORDERS "'");
}

static void note(const char *job, const char *upload, int64_t fence)
{
    struct err e = {0};
    const struct upload_request r = {str_of(job), STR("shop"), str_of(upload), STR("{\"upload\": \"run\"}"), fence};
    if (!upload_request_note(db.pg, &r, &e))
        fail_msg("%s", e.message);
}

static void end_at(const char *job, const char *upload, const char *state, int64_t fence)
{
    struct err e = {0};
    const struct upload_end u = {str_of(job), STR("shop"), str_of(upload), str_of(state), STR("why"), fence};
    if (!upload_request_ended(db.pg, &u, &e))
        fail_msg("%s", e.message);
}

static void end(const char *job, const char *upload, const char *state)
{
    end_at(job, upload, state, END_FENCE);
}

static void a_request_is_noted_where_its_bundles_go(void **state)
{
    (void)state;
    note("j", "run", 1);
    assert_string_equal(statuses(), "processing j -, ready - -, ready - -");
    assert_string_equal(test_db_value(&db, "SELECT request->>'upload' FROM csv_uploads WHERE id = '" ORDERS "'"),
                        "run");
    note("k", LATER, 2); // the file that is named
    assert_string_equal(statuses(), "processing j -, ready - -, processing k -");
    note("l", "nobody's", 3);
    assert_string_equal(statuses(), "processing j -, ready - -, processing k -");
}

static void a_final_job_does_not_begin_again(void **state)
{
    (void)state;
    sql("UPDATE csv_uploads SET status = 'final', last_job = 'j' WHERE id = '" ORDERS "'");
    note("j", "run", 1);
    assert_string_equal(home(), "final j -");
    note("k", "run", 1); // another one does
    assert_string_equal(home(), "processing k -");
    sql("UPDATE csv_uploads SET status = 'preliminary'");
    note("k", "run", 1); // a second attempt
    assert_string_equal(home(), "preliminary k -");
}

static void who_was_drawn_earlier_comes_too_late(void **state)
{
    (void)state;
    const struct store_target early = {STR("early"), STR("shop"), STR(ORDERS), 4};
    const struct store_target late = {STR("late"), STR("shop"), STR(ORDERS), 5};
    const struct bundle_rows none = {NULL, 0};
    struct err e = {0};
    note("early", "run", 4);
    note("late", "run", 5);
    note("early", "run", 4);
    assert_string_equal(home(), "processing late -");
    assert_false(bundle_store_final(db.pg, &early, &none, STR("{}"), &e));
    assert_int_equal(e.kind, ERR_FENCED);
    assert_false(bundle_store_failed(db.pg, &early, STR("early"), &e));
    assert_int_equal(e.kind, ERR_FENCED);
    assert_string_equal(home(), "processing late -");
    assert_true(bundle_store_final(db.pg, &late, &none, STR("{}"), &e));
    assert_string_equal(home(), "final late -");
}

// A worker that does not know yet is refused; the same job, asked for again, is not.
static void what_was_cancelled_is_not_published(void **state)
{
    (void)state;
    const struct bundle_rows none = {NULL, 0};
    struct store_target t = {STR("j"), STR("shop"), STR(ORDERS), END_FENCE - 1};
    struct err e = {0};
    note("j", "run", 1);
    end("j", "run", "cancelled");
    note("j", "run", END_FENCE - 1);
    assert_false(bundle_store_final(db.pg, &t, &none, STR("{}"), &e));
    assert_int_equal(e.kind, ERR_FENCED);
    assert_string_equal(home(), "cancelled j why");
    t.fence = END_FENCE + 1;
    note("j", "run", t.fence);
    assert_string_equal(home(), "processing j -");
    assert_true(bundle_store_final(db.pg, &t, &none, STR("{}"), &e));
    assert_string_equal(home(), "final j -");
}

static void imports_are_left_alone(void **state)
{
    (void)state;
    sql("UPDATE csv_uploads SET status = 'importing'");
    note("j", "run", 1);
    end("j", "run", "failed");
    assert_string_equal(home(), "importing - -");
    sql("UPDATE csv_uploads SET status = 'failed', error_message = 'not a CSV file'");
    note("j", "run", 1);
    end("j", "run", "failed");
    assert_string_equal(home(), "failed - not a CSV file");
}

static void an_end_is_written_once_and_for_its_own_job(void **state)
{
    (void)state;
    end("queued", "run", "cancelled"); // it never began
    end("queued", "run", "cancelled");
    assert_string_equal(home(), "cancelled queued why");
    assert_string_equal(test_db_value(&db, "SELECT status || ' ' || message || ' ' || (metadata->>'job') FROM "
                                           "generation_progress"),
                        "cancelled why queued");
    note("running", "run", END_FENCE + 1);
    end("queued", "run", "cancelled");
    assert_string_equal(home(), "processing running -");
    end("running", "run", "failed"); // its first end: it has begun anew since
    assert_string_equal(home(), "processing running -");
    end_at("running", "run", "failed", END_FENCE + 2);
    assert_string_equal(home(), "failed running why");
    sql("UPDATE csv_uploads SET status = 'final', last_job = 'done', error_message = NULL");
    end("done", "run", "failed");
    end("queued", "run", "failed");
    assert_string_equal(home(), "final done -");
}

static size_t lost(struct pg *pg, int64_t after_s)
{
    struct upload_lost *list;
    struct arena memory;
    struct err e = {0};
    size_t n = 0;
    arena_init(&memory, 0);
    if (!upload_requests_lost(pg, after_s, 10, &memory, &list, &n, &e))
        fail_msg("%s", e.message);
    if (n) {
        assert_string_equal(list[0].csv_upload_id.ptr, ORDERS);
        assert_string_equal(list[0].run_id.ptr, "run");
        assert_string_equal(list[0].shop.ptr, "shop");
        assert_string_equal(list[0].status.ptr, "processing");
        assert_string_equal(list[0].message.ptr, "{\"upload\": \"run\"}");
        assert_string_equal(list[0].last_job.ptr, "j");
    }
    arena_fini(&memory);
    return n;
}

static void lost_uploads_are_given_once(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(lost(db.pg, 60), 0); // nobody asked for it
    note("j", "run", 1);
    assert_int_equal(lost(db.pg, 60), 0); // just now
    sql("UPDATE csv_uploads SET updated_at = now() - interval '61 seconds'");
    struct pg *other = test_db_connect(&db);
    assert_true(pg_begin(other, &e));
    assert_true(pg_exec(other, "SELECT pg_advisory_xact_lock(4803245102918)", &e));
    assert_int_equal(lost(db.pg, 60), 0); // somebody else looks
    assert_true(pg_exec(other, "COMMIT", &e));
    assert_int_equal(lost(db.pg, 60), 1);
    assert_int_equal(lost(other, 60), 0); // touched
    static const char *const ENDS[] = {"final", "failed", "cancelled", "ready", "importing"};
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        char text[120];
        (void)snprintf(text, sizeof text, "UPDATE csv_uploads SET status = '%s', updated_at = 'yesterday'", ENDS[i]);
        sql(text);
        assert_int_equal(lost(db.pg, 60), 0);
    }
    pg_destroy(other);
}

static void the_scan_uses_its_index(void **state)
{
    (void)state;
    sql("INSERT INTO csv_uploads (id, shop_id, status) SELECT gen_random_uuid(), 's', 'final' FROM generate_series(1, "
        "5000)");
    sql("ANALYZE csv_uploads");
    const char *plan = test_db_value(&db, "EXPLAIN (FORMAT json) SELECT id FROM csv_uploads WHERE status IN "
                                          "('requested', 'processing', 'preliminary') AND updated_at < now() - 60 * "
                                          "interval '1 second' ORDER BY updated_at LIMIT 100 FOR UPDATE SKIP LOCKED");
    assert_non_null(strstr(plan, "csv_uploads_unfinished"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_request_is_noted_where_its_bundles_go, clean),
        cmocka_unit_test_setup(a_final_job_does_not_begin_again, clean),
        cmocka_unit_test_setup(who_was_drawn_earlier_comes_too_late, clean),
        cmocka_unit_test_setup(what_was_cancelled_is_not_published, clean),
        cmocka_unit_test_setup(imports_are_left_alone, clean),
        cmocka_unit_test_setup(an_end_is_written_once_and_for_its_own_job, clean),
        cmocka_unit_test_setup(lost_uploads_are_given_once, clean),
        cmocka_unit_test_setup(the_scan_uses_its_index, clean),
    };
    return cmocka_run_group_tests_name("upload_requests", tests, setup, teardown);
}
