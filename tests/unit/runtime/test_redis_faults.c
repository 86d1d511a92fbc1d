// What the Redis adapter does when Redis does not do what it should: a server of our own that says so (fake_redis.h).

#include "common/redis.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/check.h"
#include "common/clock.h"
#include "fake_redis.h"
#include "tests/unit/do_until.h"

// Where silence is to be noticed, and where an answer is to be waited for however busy the machine is.
enum { TIMEOUT_MS = 200, PATIENCE_MS = 60000 };

static struct redis_url url_of(const char *host, int port)
{
    char text[256];
    struct redis_url u;
    struct err e;
    (void)snprintf(text, sizeof text, "redis://%s:%d", host, port);
    if (!redis_url_parse(text, "", &u, &e))
        fail_msg("%s: %s", text, e.message);
    return u;
}

static bool ask(struct redis *r, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(redis_cmd_fini) struct redis_cmd c;
    redis_cmd_init(&c, "GET");
    redis_cmd_text(&c, "key");
    return redis_call(r, &c, &reply, e);
}

// ---- what errors mean ----

static const char *error_to_get(void *context, const struct fake_command *c)
{
    return strcmp(c->args[0], "GET") == 0 ? context : NULL;
}

static struct err error_of(const char *reply)
{
    char line[512];
    (void)snprintf(line, sizeof line, "-%s\r\n", reply);
    struct fake_redis *f = fake_redis_start(error_to_get, line);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    struct redis *r = NULL;
    struct err e = {0};
    assert_true(redis_open(&r, &u, "test", PATIENCE_MS, &e));
    assert_false(ask(r, &e));
    redis_close(r);
    fake_redis_stop(f);
    return e;
}

#define IN_SCRIPT "ERR Error running script (call to f_6b1bf486c81ceb7edf3c093f4c48582e38c0e791): @user_script:12: "

static void errors_are_told_apart_also_inside_scripts_of_any_version(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum err_kind kind;
        const char *names; // what the message must name
    } CASES[] = {
        {"LOADING Redis is loading the dataset in memory", ERR_REDIS_AWAY, "LOADING"},
        {"READONLY You can't write against a read only replica.", ERR_REDIS_AWAY, "READONLY"},
        {"READONLY You can't write against a read only replica. script: 2d0b, on @user_script:1.", ERR_REDIS_AWAY, ""},
        {IN_SCRIPT "@user_script: 12: -READONLY You can't write against a read only replica.", ERR_REDIS_AWAY, ""},
        {IN_SCRIPT "@user_script: 12: -OOM command not allowed when used memory > 'maxmemory'.", ERR_REDIS_AWAY, ""},
        {IN_SCRIPT "@user_script: 12: -MISCONF Redis is configured to save RDB snapshots", ERR_REDIS_AWAY, ""},
        {IN_SCRIPT "@user_script: 12: -NOREPLICAS Not enough good replicas to write.", ERR_REDIS_AWAY, ""},
        {"OOM command not allowed when used memory > 'maxmemory'.", ERR_REDIS_AWAY, ""},
        {"MISCONF Errors writing to the AOF file: No space left on device", ERR_REDIS_AWAY, ""},
        {"BUSY Redis is busy running a script.", ERR_REDIS_AWAY, ""},
        {"MASTERDOWN Link with MASTER is down", ERR_REDIS_AWAY, ""},
        {"NOREPLICAS Not enough good replicas to write.", ERR_REDIS_AWAY, ""},
        {"TRYAGAIN Multiple keys request during rehashing of slot", ERR_REDIS_AWAY, ""},
        {"CLUSTERDOWN Hash slot not served", ERR_REDIS_AWAY, ""},
        {"UNBLOCKED force unblock from blocking operation, instance state changed", ERR_REDIS_AWAY, ""},
        {"ERR max number of clients reached", ERR_REDIS_AWAY, ""},
        {"MOVED 3999 127.0.0.1:6381", ERR_CONFIG, "Cluster"},
        {"ASK 3999 127.0.0.1:6381", ERR_CONFIG, "Cluster"},
        {"CROSSSLOT Keys in request don't hash to the same slot", ERR_CONFIG, "Cluster"},
        {"NOAUTH Authentication required.", ERR_CONFIG, "redis.password_file"},
        {"WRONGPASS invalid username-password pair or user is disabled.", ERR_CONFIG, "redis.password_file"},
        {"NOPERM this user has no permissions to run the 'get' command", ERR_CONFIG, "config/redis.acl"},
        {IN_SCRIPT "@user_script: 12: The user executing the script can't run this command or subcommand", ERR_CONFIG,
         "config/redis.acl"},
        {"ERR ACL failure in script: User x has no permissions to run the 'xlen' command script: 2d0b, on "
         "@user_script:1.",
         ERR_CONFIG, "config/redis.acl"},
        {"ERR The user executing the script can't run this command or subcommand script: 2d0b, on @user_script:1.",
         ERR_CONFIG, "config/redis.acl"},
        {"ERR unknown command", ERR_REDIS, "unknown command"},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", ERR_REDIS, ""},
        {"BUSYKEY Target key name already exists.", ERR_REDIS, ""},
        {IN_SCRIPT "WRONGTYPE Operation against a key holding the wrong kind of value", ERR_REDIS, ""},
        {IN_SCRIPT "attempt to index a nil value near -READONLY", ERR_REDIS, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct err e = error_of(CASES[i].reply);
        if (e.kind != CASES[i].kind || !strstr(e.message, CASES[i].names))
            fail_msg("%s is taken for %s: %s", CASES[i].reply, err_kind_name(e.kind), e.message);
    }
}

// ---- the blocking connection ----

static const char *role_of_replica(void *context, const struct fake_command *c)
{
    (void)context;
    return strcmp(c->args[0], "ROLE") == 0
               ? "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:1\r\n"
               : NULL;
}

static const char *role_of_sentinel(void *context, const struct fake_command *c)
{
    (void)context;
    return strcmp(c->args[0], "ROLE") == 0 ? "*2\r\n$8\r\nsentinel\r\n*0\r\n" : NULL;
}

static const char *role_is_hidden(void *context, const struct fake_command *c)
{
    (void)context;
    return strcmp(c->args[0], "ROLE") == 0 ? "-ERR unknown command 'ROLE'\r\n" : NULL;
}

static const char *server_loads(void *context, const struct fake_command *c)
{
    (void)context;
    return strcmp(c->args[0], "PING") == 0 ? "-LOADING Redis is loading the dataset in memory\r\n" : NULL;
}

static const char *select_fails(void *context, const struct fake_command *c)
{
    (void)context;
    return strcmp(c->args[0], "SELECT") == 0 ? "-ERR DB index is out of range\r\n" : NULL;
}

static void a_server_of_no_use_is_refused_at_once(void **state)
{
    (void)state;
    static const struct {
        fake_answer *answer;
        enum err_kind kind;
        const char *names;
    } CASES[] = {{role_of_replica, ERR_REDIS_AWAY, "replica"},
                 {role_of_sentinel, ERR_CONFIG, "redis+sentinel://"},
                 {server_loads, ERR_REDIS_AWAY, "LOADING"},
                 {select_fails, ERR_CONFIG, "database"},
                 {role_is_hidden, ERR_NONE, ""}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct fake_redis *f = fake_redis_start(CASES[i].answer, NULL);
        struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
        u.db = 99;
        struct redis *r = NULL;
        struct err e = {0};
        assert_int_equal(redis_open(&r, &u, "test", PATIENCE_MS, &e), CASES[i].kind == ERR_NONE);
        assert_int_equal(e.kind, CASES[i].kind);
        assert_non_null(strstr(e.message, CASES[i].names));
        redis_close(r);
        fake_redis_stop(f);
    }
}

static const char *silent(void *context, const struct fake_command *c)
{
    const char *command = context;
    return strcmp(c->args[0], command) == 0 ? FAKE_SILENCE : NULL;
}

static const char *drips(void *context, const struct fake_command *c)
{
    (void)context;
    return strcmp(c->args[0], "GET") == 0 ? FAKE_DRIP : NULL;
}

static void no_answer_ends_the_wait(void **state)
{
    (void)state;
    char command[] = "PING";
    struct fake_redis *f = fake_redis_start(silent, command);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    struct redis *r = NULL;
    struct err e;
    assert_false(redis_open(&r, &u, "test", TIMEOUT_MS, &e));
    assert_int_equal(e.kind, ERR_REDIS_AWAY);
    assert_non_null(strstr(e.message, "no answer in time"));
    fake_redis_stop(f);
}

// Which would go on for hours.
static void half_an_answer_ends_the_wait(void **state)
{
    (void)state;
    struct fake_redis *f = fake_redis_start(drips, NULL);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    struct redis *r = NULL;
    struct err e;
    DO_UNTIL(, redis_open(&r, &u, "test", TIMEOUT_MS, &e)); // with so little patience it may take a few tries
    assert_false(ask(r, &e));
    assert_int_equal(e.kind, ERR_REDIS_AWAY);
    redis_close(r);
    fake_redis_stop(f);
}

static void a_connection_closed_while_idle_costs_no_call(void **state)
{
    (void)state;
    struct fake_redis *f = fake_redis_start(NULL, NULL);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    struct redis *r = NULL;
    struct err e;
    assert_true(redis_open(&r, &u, "test", PATIENCE_MS, &e));
    assert_true(ask(r, &e));
    fake_redis_hang_up(f);
    assert_true(ask(r, &e));
    assert_int_equal(fake_redis_connections(f), 2);
    redis_close(r);
    fake_redis_stop(f);
}

static const char *readonly_at_first(void *context, const struct fake_command *c)
{
    (void)context;
    return strcmp(c->args[0], "GET") == 0 && c->connection == 1 ? "-READONLY You can't write\r\n" : NULL;
}

static void a_failed_over_server_is_left(void **state)
{
    (void)state;
    struct fake_redis *f = fake_redis_start(readonly_at_first, NULL);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    struct redis *r = NULL;
    struct err e;
    assert_true(redis_open(&r, &u, "test", PATIENCE_MS, &e));
    assert_false(ask(r, &e));
    assert_int_equal(e.kind, ERR_REDIS_AWAY);
    assert_true(ask(r, &e));
    assert_int_equal(fake_redis_connections(f), 2);
    redis_close(r);
    fake_redis_stop(f);
}

static const char *wants_second_password(void *context, const struct fake_command *c)
{
    (void)context;
    if (strcmp(c->args[0], "AUTH") != 0)
        return NULL;
    return strcmp(c->args[1], "me") == 0 && strcmp(c->args[2], c->connection == 1 ? "first" : "second") == 0
               ? "+OK\r\n"
               : "-WRONGPASS invalid username-password pair\r\n";
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

static void a_rotated_password_is_read_again(void **state)
{
    (void)state;
    char path[] = "/tmp/test_redis_faults.XXXXXX", text[64];
    struct fake_redis *f = fake_redis_start(wants_second_password, NULL);
    struct redis_url u;
    struct redis *r = NULL;
    struct err e;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0);
    write_file(path, "first\n");
    (void)snprintf(text, sizeof text, "redis://me:@127.0.0.1:%d", fake_redis_port(f));
    assert_true(redis_url_parse(text, path, &u, &e));
    assert_true(redis_open(&r, &u, "test", PATIENCE_MS, &e));
    fake_redis_hang_up(f);
    assert_false(ask(r, &e));
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_null(strstr(e.message, "first"));
    write_file(path, "second\n");
    assert_true(ask(r, &e));
    redis_close(r);
    (void)unlink(path);
    fake_redis_stop(f);
}

static const char *subscribed(void *context, const struct fake_command *c)
{
    const atomic_bool *answers = context;
    if (strcmp(c->args[0], "SUBSCRIBE") == 0)
        return "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    if (strcmp(c->args[0], "PING") == 0 && c->args[1][0] == '\0')
        return !atomic_load(answers) ? FAKE_SILENCE : NULL;
    return NULL;
}

static void a_subscription_to_a_dead_server_ends(void **state)
{
    (void)state;
    atomic_bool answers = true;
    struct fake_redis *f = fake_redis_start(subscribed, &answers);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    struct redis *r = NULL;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    struct err e;
    DO_UNTIL(, redis_open(&r, &u, "test", TIMEOUT_MS, &e));
    redis_cmd_init(&c, "SUBSCRIBE");
    redis_cmd_text(&c, "c");
    DO_UNTIL(, redis_call(r, &c, &reply, &e));
    redis_cmd_fini(&c);
    atomic_store(&answers, false);
    struct redis_reply *message = NULL;
    assert_false(redis_next_message(r, PATIENCE_MS, &message, &e));
    assert_int_equal(e.kind, ERR_REDIS_AWAY);
    assert_non_null(strstr(e.message, "no answer in time"));
    redis_close(r);
    fake_redis_stop(f);
}

// ---- the connection on the event loop ----

struct watcher {
    struct event_base *base;
    struct redis_async *redis;
    unsigned ready, lost, back, answers, nothings;
    struct err cause;
    bool asks_when_ready;
};

static void on_answer(void *context, const struct redis_reply *reply)
{
    struct watcher *w = context;
    if (reply)
        w->answers++;
    else
        w->nothings++;
}

static bool ask_async(struct watcher *w)
{
    struct redis_cmd c;
    redis_cmd_init(&c, "GET");
    redis_cmd_text(&c, "key");
    return redis_async_send(w->redis, &c, 0, on_answer, w);
}

static void on_ready(void *context)
{
    struct watcher *w = context;
    w->ready++;
    if (w->asks_when_ready)
        assert_true(ask_async(w));
}

static void on_lost(void *context, const struct err *cause)
{
    struct watcher *w = context;
    w->lost++;
    w->cause = *cause;
}

static void on_back(void *context, int64_t lost_ms, unsigned attempts)
{
    struct watcher *w = context;
    assert_true(lost_ms >= 0 && attempts > 0);
    w->back++;
}

static void watch(struct watcher *w, const struct redis_url *u, int64_t timeout_ms)
{
    const struct redis_hooks hooks = {.on_ready = on_ready, .on_lost = on_lost, .on_back = on_back, .context = w};
    w->base = event_base_new();
    assert_non_null(w->base);
    w->redis = redis_async_create(w->base, u, "test", timeout_ms, &hooks);
}

static void run_a_moment(struct watcher *w)
{
    const struct timeval tick = {.tv_usec = 10000};
    (void)event_base_loopexit(w->base, &tick);
    (void)event_base_dispatch(w->base);
}

static void unwatch(struct watcher *w)
{
    redis_async_destroy(w->redis);
    event_base_free(w->base);
}

static const char *closes_five_times(void *context, const struct fake_command *c)
{
    (void)context;
    return strcmp(c->args[0], "GET") == 0 && c->connection <= 5 ? FAKE_CLOSE : NULL;
}

static void an_outage_is_said_once_and_its_end_once(void **state)
{
    (void)state;
    struct watcher w = {.asks_when_ready = true};
    struct fake_redis *f = fake_redis_start(closes_five_times, NULL);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    watch(&w, &u, PATIENCE_MS);
    DO_UNTIL(run_a_moment(&w), w.back == 1);
    assert_int_equal(w.lost, 1);
    assert_int_equal(w.ready, 6);
    assert_int_equal(w.nothings, 5);
    assert_int_equal(w.cause.kind, ERR_REDIS_AWAY);
    unwatch(&w);
    fake_redis_stop(f);
}

static const char *silent_at_first(void *context, const struct fake_command *c)
{
    const char *command = context;
    return strcmp(c->args[0], command) == 0 && c->connection == 1 ? FAKE_SILENCE : NULL;
}

static void silence_ends_the_connection(void **state)
{
    (void)state;
    static char commands[][8] = {"GET", "PING"};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct watcher w = {.asks_when_ready = true};
        struct fake_redis *f = fake_redis_start(silent_at_first, commands[i]);
        struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
        watch(&w, &u, TIMEOUT_MS);
        DO_UNTIL(run_a_moment(&w), w.back == 1);
        assert_int_equal(w.lost, 1);
        assert_int_equal(w.answers, 1);
        assert_true(fake_redis_connections(f) >= 2); // a busy machine's answers may be late, too
        unwatch(&w);
        fake_redis_stop(f);
    }
}

static const char *nonsense_at_first(void *context, const struct fake_command *c)
{
    return strcmp(c->args[0], "GET") == 0 && c->connection == 1 ? context : NULL;
}

// An array that no memory holds, a half one, what is no reply; and none of it is left in the next reply.
static void a_reply_that_is_none_ends_the_connection(void **state)
{
    (void)state;
    static char replies[][48] = {"*2000000000\r\n", "*2\r\n$5\r\nhello\r\n*-7\r\n", "*2\r\n:1\r\n!\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        struct watcher w = {.asks_when_ready = true};
        struct fake_redis *f = fake_redis_start(nonsense_at_first, replies[i]);
        struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
        watch(&w, &u, PATIENCE_MS);
        DO_UNTIL(run_a_moment(&w), w.back == 1);
        assert_int_equal(w.lost, 1);
        assert_int_equal(w.cause.kind, ERR_REDIS_AWAY);
        assert_int_equal(w.nothings, 1);
        assert_int_equal(w.answers, 1);
        unwatch(&w);
        fake_redis_stop(f);
    }
}

static const char *loads_at_first(void *context, const struct fake_command *c)
{
    (void)context;
    if (c->connection > 2)
        return NULL;
    return strcmp(c->args[0], "PING") == 0 ? "-LOADING Redis is loading the dataset in memory\r\n" : NULL;
}

static void a_server_that_loads_is_not_back(void **state)
{
    (void)state;
    struct watcher w = {.asks_when_ready = true};
    struct fake_redis *f = fake_redis_start(loads_at_first, NULL);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    watch(&w, &u, PATIENCE_MS);
    DO_UNTIL(run_a_moment(&w), w.back == 1);
    assert_int_equal(w.ready, 1);
    assert_int_equal(w.lost, 1);
    assert_non_null(strstr(w.cause.message, "LOADING"));
    unwatch(&w);
    fake_redis_stop(f);
}

static void a_refused_password_is_tried_again_without_a_word_each_time(void **state)
{
    (void)state;
    struct watcher w = {0};
    struct fake_redis *f = fake_redis_start(wants_second_password, NULL);
    struct redis_url u = url_of("me:wrong@127.0.0.1", fake_redis_port(f));
    int64_t begun_ms = clock_mono_ms();
    watch(&w, &u, PATIENCE_MS);
    DO_UNTIL(run_a_moment(&w), fake_redis_connections(f) >= 4);
    assert_true(clock_mono_ms() - begun_ms >= 75); // three pauses of 50 ms at least, by a coarser clock
    assert_int_equal(w.lost, 1);
    assert_int_equal(w.cause.kind, ERR_CONFIG);
    unwatch(&w);
    fake_redis_stop(f);
}

static void a_command_too_large_is_an_error_not_an_end(void **state)
{
    (void)state;
    struct watcher w = {.asks_when_ready = true};
    struct fake_redis *f = fake_redis_start(NULL, NULL);
    struct redis_url u = url_of("127.0.0.1", fake_redis_port(f));
    struct redis_cmd c;
    struct err e;
    watch(&w, &u, PATIENCE_MS);
    DO_UNTIL(run_a_moment(&w), redis_async_is_ready(w.redis));
    redis_cmd_init(&c, "SET");
    c.args.max_bytes = 1000; // as if it were the real limit
    char large[2000] = "";
    redis_cmd_str(&c, (struct str){large, sizeof large});
    assert_false(redis_cmd_ok(&c, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_false(redis_async_send(w.redis, &c, 0, on_answer, &w));
    assert_true(ask_async(&w));
    DO_UNTIL(run_a_moment(&w), w.answers == 2);
    assert_int_equal(w.lost, 0);
    unwatch(&w);
    fake_redis_stop(f);
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER; // whoever looks up held.test waits for it

int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict req,
                struct addrinfo **restrict pai) // glibc's names, without their underscores
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (strcmp(name, "held.test") == 0) {
        (void)pthread_mutex_lock(&held);
        (void)pthread_mutex_unlock(&held);
        return EAI_NONAME;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(name, service, req, pai);
}

static void a_lookup_that_takes_long_does_not_hold_up_the_loop(void **state)
{
    (void)state;
    struct watcher w = {0};
    struct redis_url u = url_of("held.test", 6379);
    (void)pthread_mutex_lock(&held);
    watch(&w, &u, PATIENCE_MS);
    for (int i = 0; i < 10; i++)
        run_a_moment(&w);
    assert_int_equal(w.lost, 0);
    unwatch(&w); // it is still at it: the search is abandoned
    (void)pthread_mutex_unlock(&held);
}

static void a_name_is_looked_up(void **state)
{
    (void)state;
    struct watcher w = {.asks_when_ready = true};
    struct fake_redis *f = fake_redis_start(NULL, NULL);
    struct redis_url u = url_of("localhost", fake_redis_port(f));
    watch(&w, &u, PATIENCE_MS);
    DO_UNTIL(run_a_moment(&w), w.answers == 1);
    unwatch(&w);
    fake_redis_stop(f);
}

// ---- Sentinels ----

struct sentinel {
    atomic_int port, next_port; // of the master, as it says
    const char *instead;
};

static const char *names_master(void *context, const struct fake_command *c)
{
    static _Thread_local char reply[128];
    struct sentinel *s = context;
    char port[8];
    if (strcmp(c->args[0], "SENTINEL") != 0)
        return NULL;
    if (s->instead)
        return s->instead;
    if (strcmp(c->args[2], "shop-master") != 0)
        return "*-1\r\n";
    (void)snprintf(port, sizeof port, "%d", (int)atomic_load(&s->port));
    (void)snprintf(reply, sizeof reply, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port);
    return reply;
}

static struct redis_url sentinel_url(int first_port, int second_port, const char *master)
{
    char text[256];
    struct redis_url u;
    struct err e;
    (void)snprintf(text, sizeof text, "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/%s", first_port, second_port, master);
    assert_true(redis_url_parse(text, "", &u, &e));
    return u;
}

static void the_master_is_the_one_that_the_sentinels_name(void **state)
{
    (void)state;
    struct fake_redis *master = fake_redis_start(NULL, NULL);
    struct sentinel knows = {.port = fake_redis_port(master)}, silent_one = {.instead = FAKE_SILENCE};
    struct fake_redis *first = fake_redis_start(names_master, &silent_one);
    struct fake_redis *second = fake_redis_start(names_master, &knows);
    struct redis_url u = sentinel_url(fake_redis_port(first), fake_redis_port(second), "shop-master");
    struct redis *r = NULL;
    struct err e;
    assert_true(redis_open(&r, &u, "test", PATIENCE_MS, &e));
    fake_redis_hang_up(master);
    assert_true(ask(r, &e));
    assert_int_equal(fake_redis_connections(first), 1); // the one that answered is asked first from then on
    assert_int_equal(fake_redis_connections(second), 2);
    redis_close(r);
    u = sentinel_url(fake_redis_port(second), fake_redis_port(second), "other-master");
    assert_false(redis_open(&r, &u, "test", PATIENCE_MS, &e));
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_non_null(strstr(e.message, "other-master"));
    fake_redis_stop(first);
    fake_redis_stop(second);
    fake_redis_stop(master);
}

static void a_sentinel_behind_the_times_is_not_believed(void **state)
{
    (void)state;
    struct watcher w = {.asks_when_ready = true};
    struct fake_redis *master = fake_redis_start(NULL, NULL), *replica = fake_redis_start(role_of_replica, NULL);
    struct sentinel late = {.port = fake_redis_port(replica)}, knows = {.port = fake_redis_port(master)};
    struct fake_redis *first = fake_redis_start(names_master, &late), *second = fake_redis_start(names_master, &knows);
    struct redis_url u = sentinel_url(fake_redis_port(first), fake_redis_port(second), "shop-master");
    watch(&w, &u, PATIENCE_MS);
    DO_UNTIL(run_a_moment(&w), w.back == 1);
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.lost, 1);
    assert_non_null(strstr(w.cause.message, "replica"));
    assert_int_equal(fake_redis_connections(master), 1);
    unwatch(&w);
    fake_redis_stop(first);
    fake_redis_stop(second);
    fake_redis_stop(master);
    fake_redis_stop(replica);
}

static const char *has_no_replicas(void *context, const struct fake_command *c)
{
    struct sentinel *knows = context; // by the time of the answer the others have another master
    if (strcmp(c->args[0], "GET") != 0)
        return NULL;
    atomic_store(&knows->port, atomic_load(&knows->next_port));
    return "-NOREPLICAS Not enough good replicas to write.\r\n";
}

static void a_master_that_was_cut_off_is_left(void **state)
{
    (void)state;
    struct watcher w = {.asks_when_ready = true};
    struct sentinel knows = {0};
    struct fake_redis *old = fake_redis_start(has_no_replicas, &knows), *new = fake_redis_start(NULL, NULL);
    atomic_store(&knows.port, fake_redis_port(old));
    atomic_store(&knows.next_port, fake_redis_port(new));
    struct fake_redis *sentinel = fake_redis_start(names_master, &knows);
    struct redis_url u = sentinel_url(fake_redis_port(sentinel), fake_redis_port(sentinel), "shop-master");
    watch(&w, &u, PATIENCE_MS);
    DO_UNTIL(run_a_moment(&w), w.back == 1);
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.nothings, 1);
    assert_non_null(strstr(w.cause.message, "NOREPLICAS"));
    assert_int_equal(fake_redis_connections(new), 1);
    unwatch(&w);
    fake_redis_stop(sentinel);
    fake_redis_stop(old);
    fake_redis_stop(new);
}

static void dead_sentinels_hold_up_nobody(void **state)
{
    (void)state;
    struct watcher w = {0};
    unsigned rounds = 0;
    struct sentinel dead = {.instead = FAKE_SILENCE};
    struct fake_redis *f = fake_redis_start(names_master, &dead);
    int port = fake_redis_port(f);
    char text[512];
    struct redis_url u;
    struct redis *r = NULL;
    struct err e;
    (void)snprintf(text, sizeof text,
                   "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/m",
                   port, port, port, port, port, port);
    assert_true(redis_url_parse(text, "", &u, &e));
    assert_false(redis_open(&r, &u, "test", PATIENCE_MS, &e));
    assert_int_equal(e.kind, ERR_REDIS_AWAY);
    assert_true(fake_redis_connections(f) < 6); // not all of them, each in its turn
    watch(&w, &u, PATIENCE_MS);
    DO_UNTIL((run_a_moment(&w), rounds++), w.lost > 0);
    assert_true(rounds > 5); // the loop went on while they were asked
    unwatch(&w);
    fake_redis_stop(f);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_told_apart_also_inside_scripts_of_any_version),
        cmocka_unit_test(a_server_of_no_use_is_refused_at_once),
        cmocka_unit_test(no_answer_ends_the_wait),
        cmocka_unit_test(half_an_answer_ends_the_wait),
        cmocka_unit_test(a_connection_closed_while_idle_costs_no_call),
        cmocka_unit_test(a_failed_over_server_is_left),
        cmocka_unit_test(a_rotated_password_is_read_again),
        cmocka_unit_test(a_subscription_to_a_dead_server_ends),
        cmocka_unit_test(an_outage_is_said_once_and_its_end_once),
        cmocka_unit_test(silence_ends_the_connection),
        cmocka_unit_test(a_reply_that_is_none_ends_the_connection),
        cmocka_unit_test(a_server_that_loads_is_not_back),
        cmocka_unit_test(a_refused_password_is_tried_again_without_a_word_each_time),
        cmocka_unit_test(a_command_too_large_is_an_error_not_an_end),
        cmocka_unit_test(a_lookup_that_takes_long_does_not_hold_up_the_loop),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(the_master_is_the_one_that_the_sentinels_name),
        cmocka_unit_test(a_sentinel_behind_the_times_is_not_believed),
        cmocka_unit_test(a_master_that_was_cut_off_is_left),
        cmocka_unit_test(dead_sentinels_hold_up_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
