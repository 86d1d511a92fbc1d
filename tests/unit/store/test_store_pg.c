#include "worker/store/pg.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/clock.h"
#include "store_test.h"
#include "tests/unit/do_until.h"
#include "worker/store/pg_internal.h"

// What is called off would take 30 s by itself.
enum { SOON_MS = 15000 };

static struct test_db db;

static int setup(void **state)
{
    (void)state;
    test_db_create(&db, "pg");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_db_drop(&db);
    return 0;
}

static void pause_ms(int64_t ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

// --- cancelling, by another thread after a moment

struct canceller {
    atomic_bool is_cancelled;
    pthread_t thread;
    int64_t after_ms, at_ms;
};

static void *canceller_main(void *context)
{
    struct canceller *c = context;
    pause_ms(c->after_ms);
    c->at_ms = clock_mono_ms();
    atomic_store(&c->is_cancelled, true);
    return NULL;
}

static void cancel_soon(struct canceller *c, struct pg *pg)
{
    *c = (struct canceller){.after_ms = 150};
    pg_watch(pg, &c->is_cancelled);
    assert_int_equal(pthread_create(&c->thread, NULL, canceller_main, c), 0);
}

// The statement that was under way has just come back with `e`.
static void expect_cancelled(struct canceller *c, struct pg *pg, const struct err *e)
{
    int64_t now_ms = clock_mono_ms();
    assert_int_equal(pthread_join(c->thread, NULL), 0);
    pg_watch(pg, NULL);
    assert_int_equal(e->kind, ERR_CANCELLED);
    assert_true(now_ms >= c->at_ms && now_ms - c->at_ms < SOON_MS);
}

static void expect_nothing_runs(void)
{
    static const char running[] =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND "
        "backend_type = 'client backend' AND state <> 'idle'";
    DO_UNTIL(pause_ms(10), strcmp(test_db_value(&db, running), "0") == 0);
}

static void a_long_statement_is_called_off(void **state)
{
    (void)state;
    struct pg *pg = test_db_connect(&db);
    struct canceller c;
    struct err e = {0};
    cancel_soon(&c, pg);
    assert_false(pg_exec(pg, "SELECT pg_sleep(30)", &e));
    expect_cancelled(&c, pg, &e);
    expect_nothing_runs();
    assert_true(pg_exec(pg, "SELECT 1", &e)); // as good as before
    pg_destroy(pg);
}

static void nothing_is_sent_once_it_is_called_off(void **state)
{
    (void)state;
    struct pg *pg = test_db_connect(&db);
    const atomic_bool is_cancelled = true;
    struct err e = {0};
    uint64_t before = pg_statements(pg);
    pg_watch(pg, &is_cancelled);
    assert_false(pg_exec(pg, "CREATE TABLE never (x int)", &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_int_equal(pg_statements(pg), before);
    pg_destroy(pg);
}

// What the pipeline wrote before it had to wait is undone.
static void a_pipeline_that_waits_for_a_lock_is_called_off(void **state)
{
    (void)state;
    struct pg *pg = test_db_connect(&db);
    struct pg_pipeline p;
    struct pg_params none = {.n = 0};
    struct canceller c;
    struct err e = {0};
    assert_true(pg_exec(db.pg, "CREATE TABLE locked (x int); INSERT INTO locked VALUES (1)", &e));
    assert_true(pg_exec(db.pg, "BEGIN; LOCK TABLE locked", &e));
    assert_true(pg_pipeline_begin(&p, pg, &e));
    assert_true(pg_pipeline_add(&p, "CREATE TABLE written (x int)", &none, &e));
    assert_true(pg_pipeline_add(&p, "UPDATE locked SET x = 2", &none, &e));
    cancel_soon(&c, pg);
    assert_false(pg_pipeline_end(&p, "waiting", NULL, 0, &e));
    expect_cancelled(&c, pg, &e);
    assert_true(pg_exec(db.pg, "ROLLBACK", &e));
    expect_nothing_runs();
    assert_string_equal(test_db_value(&db, "SELECT x FROM locked"), "1");
    assert_string_equal(test_db_value(&db, "SELECT to_regclass('written') IS NULL"), "t");
    pg_destroy(pg);
}

// A COPY into a table, which somebody has locked in the middle of it, by way of the lock that its rows' check takes.
static void a_copy_is_called_off(void **state)
{
    (void)state;
    static const char line[] = "1\n";
    struct pg *pg = test_db_connect(&db);
    AUTO(pg_result_clearp) PGresult *begun = NULL;
    AUTO(pg_result_clearp) PGresult *ended = NULL;
    struct canceller c;
    struct err e = {0};
    assert_true(
        pg_exec(db.pg,
                "CREATE TABLE slow (x int); CREATE FUNCTION sleepy() RETURNS trigger LANGUAGE plpgsql AS $$ "
                "BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON slow FOR EACH "
                "ROW EXECUTE FUNCTION sleepy()",
                &e));
    assert_true(pg_begin(pg, &e));
    assert_int_equal(PQsendQuery(pg_handle(pg), "COPY slow FROM STDIN"), 1);
    assert_true(pg_next_result(pg, "copying", &begun, &e));
    cancel_soon(&c, pg);
    bool is_good = true;
    for (int i = 0; is_good && i < 10000000; i++) // the server takes the first, and the socket is full soon
        is_good = pg_put_copy(pg, "copying", line, sizeof line - 1, &e);
    assert_false(is_good && pg_next_result(pg, "copying", &ended, &e));
    expect_cancelled(&c, pg, &e);
    pg_rollback(pg);
    expect_nothing_runs();
    pg_destroy(pg);
}

// --- servers that do not answer

static void settings_of(struct settings *s, const char *url, int64_t timeout_ms)
{
    (void)snprintf(s->pg_url, sizeof s->pg_url, "%s", url);
    s->pg_timeout_ms = timeout_ms;
}

// A socket that takes connections and says nothing.
static int mute_server(char *directory, char *socket_path, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(directory));
    (void)snprintf(socket_path, size, "%s/.s.PGSQL.5432", directory);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void connecting_is_called_off(void **state)
{
    (void)state;
    char directory[] = "/tmp/bundle-mute-XXXXXX", path[64], url[96];
    int fd = mute_server(directory, path, sizeof path);
    struct settings *s = calloc(1, sizeof *s);
    struct canceller c;
    struct err e = {0};
    assert_non_null(s);
    (void)snprintf(url, sizeof url, "host=%s connect_timeout=2", directory);
    settings_of(s, url, 60000);
    struct pg *pg = pg_create(s, "bundle-test");
    cancel_soon(&c, pg);
    assert_false(pg_connect(pg, &e));
    expect_cancelled(&c, pg, &e);
    pg_destroy(pg);
    free(s); // whoever still connects has copies of its own
    (void)close(fd);
    pause_ms(200); // it has heard of the closed socket
    (void)unlink(path);
    (void)rmdir(directory);
}

// Its process stopped, a server is as silent as one behind a cut cable.
static void a_silent_server_is_given_up(void **state)
{
    (void)state;
    struct settings *s = calloc(1, sizeof *s);
    struct err e = {0};
    assert_non_null(s);
    settings_of(s, db.settings->pg_url, 2000);
    struct pg *pg = pg_create(s, "bundle-test silent");
    assert_true(pg_exec(pg, "SELECT 1", &e));
    pid_t pid = (pid_t)strtol(test_db_value(&db, "SELECT pid FROM pg_stat_activity WHERE application_name = "
                                                 "'bundle-test silent'"),
                              NULL, 10);
    if (pid <= 0 || kill(pid, SIGSTOP) != 0) {
        pg_destroy(pg);
        free(s);
        skip(); // another user's process
    }
    int64_t begun_ms = clock_mono_ms();
    bool is_good = pg_exec(pg, "SELECT 2", &e);
    int64_t took_ms = clock_mono_ms() - begun_ms;
    (void)kill(pid, SIGCONT);
    assert_false(is_good);
    assert_int_equal(e.kind, ERR_PG_AWAY);
    assert_non_null(strstr(e.message, "pg.timeout_ms"));
    assert_true(took_ms >= 2000 && took_ms < DO_UNTIL_MS);
    assert_true(pg_exec(pg, "SELECT 3", &e));
    pg_destroy(pg);
    free(s);
}

static void a_statement_that_takes_too_long_names_the_setting(void **state)
{
    (void)state;
    struct settings *s = calloc(1, sizeof *s);
    struct err e = {0};
    assert_non_null(s);
    settings_of(s, db.settings->pg_url, 200);
    struct pg *pg = pg_create(s, "bundle-test");
    assert_false(pg_exec(pg, "SELECT pg_sleep(30)", &e));
    assert_int_equal(e.kind, ERR_PG); // an attempt: a third one will not help
    assert_non_null(strstr(e.message, "57014"));
    assert_non_null(strstr(e.message, "pg.timeout_ms"));
    pg_destroy(pg);
    free(s);
}

// --- what another attempt cures

static void a_server_that_cannot_take_it_now_is_away(void **state)
{
    (void)state;
    struct settings *s = calloc(1, sizeof *s);
    char url[CONFIG_TEXT_MAX];
    struct err e = {0};
    assert_non_null(s);
    assert_false(pg_exec(db.pg, "BEGIN READ ONLY; CREATE TABLE on_a_standby (x int)", &e));
    assert_int_equal(e.kind, ERR_PG_AWAY);
    assert_non_null(strstr(e.message, "25006"));
    pg_rollback(db.pg);
    assert_true(pg_exec(db.pg, "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0", &e));
    (void)snprintf(url, sizeof url, "%.*s user=crowded", (int)sizeof url - 16, db.settings->pg_url);
    settings_of(s, url, 1000);
    struct pg *pg = pg_create(s, "bundle-test");
    assert_false(pg_connect(pg, &e));
    assert_int_equal(e.kind, ERR_PG_AWAY);
    assert_non_null(strstr(e.message, "too many connections"));
    pg_destroy(pg);
    free(s);
    assert_true(pg_exec(db.pg, "DROP ROLE crowded", &e));
}

static bool run_sql(void *sql, struct pg *pg, struct err *e)
{
    return pg_exec(pg, sql, e);
}

// The sequence counts also what is undone.
static void conflicts_are_tried_again(void **state)
{
    (void)state;
    static char twice[] =
        "DO $$ BEGIN IF nextval('tries') < 3 THEN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END IF; "
        "END $$";
    static char always[] = "DO $$ BEGIN PERFORM nextval('tries'); RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$";
    static char other[] = "DO $$ BEGIN PERFORM nextval('tries'); RAISE EXCEPTION 'x' USING ERRCODE = '53100'; END $$";
    struct err e = {0};
    assert_true(pg_exec(db.pg, "CREATE SEQUENCE tries", &e));
    assert_true(pg_retry(db.pg, run_sql, twice, &e));
    assert_string_equal(test_db_value(&db, "SELECT last_value FROM tries"), "3");
    assert_false(pg_retry(db.pg, run_sql, always, &e));
    assert_int_equal(e.kind, ERR_PG_AWAY);
    assert_string_equal(test_db_value(&db, "SELECT last_value FROM tries"), "8");
    assert_false(pg_retry(db.pg, run_sql, other, &e)); // no conflict: later
    assert_int_equal(e.kind, ERR_PG_AWAY);
    assert_string_equal(test_db_value(&db, "SELECT last_value FROM tries"), "9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_statement_is_called_off),
        cmocka_unit_test(nothing_is_sent_once_it_is_called_off),
        cmocka_unit_test(a_pipeline_that_waits_for_a_lock_is_called_off),
        cmocka_unit_test(a_copy_is_called_off),
        cmocka_unit_test(connecting_is_called_off),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(a_statement_that_takes_too_long_names_the_setting),
        cmocka_unit_test(a_server_that_cannot_take_it_now_is_away),
        cmocka_unit_test(conflicts_are_tried_again),
    };
    return cmocka_run_group_tests_name("store_pg", tests, setup, teardown);
}
