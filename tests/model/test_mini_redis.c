// The small Redis of the model against a real one (BUNDLE_TEST_REDIS): the same random commands and scripts get the
// same replies, also the errors.

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "tests/model/mini_redis.h"

enum { WORDS_MAX = 12, SEQUENCES = 300, COMMANDS = 60 };

struct world {
    struct redis *real;
    struct mini_redis *mini;
    uint64_t random;
    char prefix[64]; // of all keys, in braces
};

static unsigned below(struct world *w, unsigned n)
{
    w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(w->random >> 33) % n;
}

// ---- what commands are made of ----
// k a key: of the kind that its command wants mostly; f field or member, v value, i integer, s score, p 1..3
static const char *const TEMPLATES[] = {
    "h HSET k f v",
    "h HSET k f v f v",
    "h HSETNX k f v",
    "h HGET k f",
    "h HMGET k f f",
    "h HGETALL k",
    "h HEXISTS k f",
    "h HDEL k f f",
    "h HLEN k",
    "h HINCRBY k f i",
    "h HSET k f",
    "s SADD k f f",
    "s SREM k f",
    "s SCARD k",
    "s SMEMBERS k",
    "s SISMEMBER k f",
    "l LPUSH k f f",
    "l RPUSH k f",
    "l LPOP k",
    "l LPOP k p",
    "l RPOP k",
    "l RPOP k p",
    "l LLEN k",
    "l LRANGE k i i",
    "l LTRIM k i i",
    "l LREM k i f",
    "l LPOS k f",
    "l LMOVE k k LEFT RIGHT",
    "l LMOVE k k RIGHT LEFT",
    "l LMOVE k k left up",
    "z ZADD k s f",
    "z ZADD k s f s f",
    "z ZREM k f f",
    "z ZCARD k",
    "z ZSCORE k f",
    "z ZMSCORE k f f",
    "z ZRANGE k i i",
    "z ZRANGE k i i WITHSCORES",
    "z ZPOPMIN k",
    "z ZPOPMIN k p",
    "z ZCOUNT k s s",
    "z ZRANGEBYSCORE k s s",
    "z ZRANGEBYSCORE k -inf s LIMIT 0 p",
    "z ZRANGEBYSCORE k (s +inf LIMIT p p",
    "z ZADD k f f",
    "t SET k v",
    "t SET k i",
    "t SET k v PX 100000",
    "t SET k v PX -3",
    "t SET k v PX a",
    "t SET k v PX 12345678901234567890",
    "t GET k",
    "t INCR k",
    "t DEL k k k k k",
    "t EXISTS k k",
    "t PEXPIRE k 100000",
    "t PEXPIRE k -1",
    "t TYPE k",
    "h TYPE k",
    "z EXISTS k",
    "l DEL k",
    "h DEL k",
    "s DEL k",
    "z DEL k",
    "t GET",
    "h HGET k",
    "t SET k v px",
    "t PUBLISH k v",
    "l LINDEX k i",
    "s SRANDMEMBER k 9",
    "z ZRANDMEMBER k 9",
    "z ZREMRANGEBYSCORE k s s",
    "z ZREMRANGEBYSCORE k -inf (s",
};

static void pick_word(struct world *w, char kind, const char *word, char *out, size_t size)
{
    static const char KINDS[] = "hslzt";
    static const char *const VALUES[] = {"a", "b", "7", "", "a\tb\"\\/", "12345678901234567890", "-3"};
    static const char *const SCORES[] = {"0", "1", "2", "-1.5", "1700000000123", "inf", "-inf", "2.25"};
    if (strcmp(word, "k") == 0)
        (void)snprintf(out, size, "%s:%c%u", w->prefix, below(w, 8) ? kind : KINDS[below(w, 5)], below(w, 2));
    else if (strcmp(word, "f") == 0)
        (void)snprintf(out, size, "f%u", below(w, 4));
    else if (strcmp(word, "v") == 0)
        (void)snprintf(out, size, "%s", VALUES[below(w, ARRAY_LEN(VALUES))]);
    else if (strcmp(word, "i") == 0)
        (void)snprintf(out, size, "%d", (int)below(w, 9) - 4);
    else if (strcmp(word, "p") == 0)
        (void)snprintf(out, size, "%u", 1 + below(w, 3));
    else if (strcmp(word, "s") == 0)
        (void)snprintf(out, size, "%s", SCORES[below(w, ARRAY_LEN(SCORES))]);
    else if (strcmp(word, "(s") == 0)
        (void)snprintf(out, size, "(%s", SCORES[below(w, ARRAY_LEN(SCORES))]);
    else
        (void)snprintf(out, size, "%s", word);
}

static void make_command(struct world *w, struct redis_cmd *c, char *shown, size_t size)
{
    char text[128], word[128];
    char *save = NULL;
    (void)snprintf(text, sizeof text, "%s", TEMPLATES[below(w, ARRAY_LEN(TEMPLATES))]);
    char kind = text[0];
    size_t len = 0;
    bool is_first = true;
    for (char *at = strtok_r(text + 2, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        pick_word(w, kind, at, word, sizeof word);
        if (is_first)
            redis_cmd_init(c, word);
        else
            redis_cmd_text(c, word);
        is_first = false;
        len += (size_t)snprintf(shown + len, size - len, "%s ", word);
    }
}

// ---- comparing ----

static void show(const struct redis_reply *r, struct buf *out)
{
    switch (redis_reply_type(r)) {
    case REDIS_NIL:
        buf_puts(out, "nil");
        break;
    case REDIS_INT:
        buf_printf(out, "%lld", (long long)redis_reply_int(r));
        break;
    case REDIS_ERROR:
        buf_printf(out, "error %s", strncmp(redis_reply_str(r).ptr, "WRONGTYPE", 9) == 0 ? "WRONGTYPE" : "ERR");
        break;
    case REDIS_TEXT:
        buf_printf(out, "\"" STR_FMT "\"", STR_ARG(redis_reply_str(r)));
        break;
    case REDIS_ARRAY:
        buf_puts(out, "[");
        for (size_t i = 0; i < redis_reply_size(r); i++) {
            show(redis_reply_at(r, i), out);
            buf_puts(out, " ");
        }
        buf_puts(out, "]");
        break;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Sets and hashes come in any order: `step` elements belong together.
static void show_sorted(const struct redis_reply *r, size_t step, struct buf *out)
{
    char *shown[64];
    size_t n = redis_reply_size(r) / step;
    assert_true(n <= ARRAY_LEN(shown));
    for (size_t i = 0; i < n; i++) {
        struct buf one;
        buf_init(&one, 1 << 20);
        for (size_t k = 0; k < step; k++)
            show(redis_reply_at(r, i * step + k), &one);
        buf_putc(&one, ' ');
        size_t len;
        shown[i] = buf_take(&one, &len);
    }
    qsort(shown, n, sizeof *shown, by_text);
    buf_puts(out, "sorted ");
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, shown[i]);
        free(shown[i]);
    }
}

static void show_reply(const char *command, const struct redis_reply *r, struct buf *out)
{
    bool is_any_order = strncmp(command, "SMEMBERS", 8) == 0 || strncmp(command + 1, "RANDMEMBER", 10) == 0;
    if (redis_reply_type(r) == REDIS_ARRAY && is_any_order)
        show_sorted(r, 1, out);
    else if (redis_reply_type(r) == REDIS_ARRAY && strncmp(command, "HGETALL", 7) == 0)
        show_sorted(r, 2, out);
    else
        show(r, out);
}

// redis_call() makes errors of error replies; what Redis said is in the message.
static struct redis_reply *ask_real(struct world *w, const struct redis_cmd *c, struct buf *shown, const char *command)
{
    struct redis_reply *reply = NULL;
    struct err e = {0};
    if (redis_call(w->real, c, &reply, &e)) {
        show_reply(command, reply, shown);
        return reply;
    }
    if (e.kind != ERR_REDIS)
        fail_msg("%s: %s", command, e.message);
    buf_printf(shown, "error %s", strstr(e.message, "WRONGTYPE") ? "WRONGTYPE" : "ERR");
    return NULL;
}

static void compare(struct world *w, struct redis_cmd *c, const char *command)
{
    AUTO(buf_fini) struct buf real, mini;
    buf_init(&real, 1 << 20);
    buf_init(&mini, 1 << 20);
    redis_reply_free(ask_real(w, c, &real, command));
    AUTO(redis_reply_freep) struct redis_reply *of_mini = mini_redis_call(w->mini, c);
    show_reply(command, of_mini, &mini);
    redis_cmd_fini(c);
    if (!str_eq(buf_str(&real), buf_str(&mini)))
        fail_msg("%s\n  Redis: %s\n  model: %s", command, real.data, mini.data);
}

static void say_words(struct redis_cmd *c, const char *words)
{
    char text[256], *save = NULL;
    (void)snprintf(text, sizeof text, "%s", words);
    redis_cmd_init(c, strtok_r(text, " ", &save));
    for (char *at = strtok_r(NULL, " ", &save); at; at = strtok_r(NULL, " ", &save))
        redis_cmd_text(c, at);
}

// ---- the tests ----

static void forget_all(struct world *w)
{
    static const char KINDS[] = "hslzt";
    struct redis_cmd c;
    redis_cmd_init(&c, "DEL");
    for (unsigned i = 0; i < 10; i++) {
        char key[80];
        (void)snprintf(key, sizeof key, "%s:%c%u", w->prefix, KINDS[i / 2], i % 2);
        redis_cmd_text(&c, key);
    }
    AUTO(buf_fini) struct buf shown;
    buf_init(&shown, 1 << 10);
    redis_reply_free(ask_real(w, &c, &shown, "DEL"));
    redis_cmd_fini(&c);
    mini_redis_clear(w->mini);
}

static void random_commands_are_answered_alike(void **state)
{
    struct world *w = *state;
    for (unsigned s = 0; s < SEQUENCES; s++) {
        forget_all(w);
        for (unsigned i = 0; i < COMMANDS; i++) {
            struct redis_cmd c;
            char shown[512];
            make_command(w, &c, shown, sizeof shown);
            compare(w, &c, shown);
            mini_redis_forget_published(w->mini);
        }
    }
    forget_all(w);
}

// "NAME suffix rest": of the key that ends so.
static void words_of_key(const struct world *w, const char *text, struct redis_cmd *c)
{
    char words[256];
    int name_len = (int)strcspn(text, " ");
    int n = snprintf(words, sizeof words, "%.*s %s:%s", name_len, text, w->prefix, text + name_len + 1);
    assert_in_range(n, 1, sizeof words - 1);
    say_words(c, words);
}

static void assert_same_kind_of_ttl(struct world *w, const char *pttl)
{
    struct redis_cmd c;
    words_of_key(w, pttl, &c);
    AUTO(buf_fini) struct buf shown;
    buf_init(&shown, 1 << 10);
    AUTO(redis_reply_freep) struct redis_reply *real = ask_real(w, &c, &shown, pttl);
    AUTO(redis_reply_freep) struct redis_reply *mini = mini_redis_call(w->mini, &c);
    redis_cmd_fini(&c);
    int64_t a = redis_reply_int(real), b = redis_reply_int(mini);
    assert_true(a < 0 ? a == b : b > 0); // -1: none, -2: no such key
}

static void time_to_live_is_kept_and_lost_alike(void **state)
{
    struct world *w = *state;
    static const char *const STEPS[] = {
        "SET t0 v PX 5000000", "INCR t1",     "PEXPIRE t1 5000000", "INCR t1",    "SET t1 v", "HSET h0 a b",
        "PEXPIRE h0 5000000",  "HSET h0 c d", "HDEL h0 a c",        "HSET h0 a b"};
    for (size_t i = 0; i < ARRAY_LEN(STEPS); i++) {
        struct redis_cmd c;
        words_of_key(w, STEPS[i], &c);
        compare(w, &c, STEPS[i]);
        assert_same_kind_of_ttl(w, "PTTL t0");
        assert_same_kind_of_ttl(w, "PTTL t1");
        assert_same_kind_of_ttl(w, "PTTL h0");
    }
    char key[80];
    struct mini_view view;
    (void)snprintf(key, sizeof key, "%s:t0", w->prefix);
    assert_true(mini_redis_find(w->mini, str_of(key), &view));
    mini_redis_set_clock(w->mini, mini_redis_clock(w->mini) + 5000000);
    assert_false(mini_redis_find(w->mini, str_of(key), &view));
    forget_all(w);
}

static void streams_are_capped_and_read_alike(void **state)
{
    struct world *w = *state;
    static const char SCRIPT[] = "local log = KEYS[1] .. ':log'\n"
                                 "redis.call('DEL', log)\n"
                                 "for i = 1, 5 do redis.call('XADD', log, 'MAXLEN', 3, '*', 'n', i, 'text', 'x') end\n"
                                 "local all, shown = redis.call('XRANGE', log, '-', '+'), {}\n"
                                 "for i, e in ipairs(all) do shown[i] = e[2] end\n"
                                 "local one = redis.call('XRANGE', log, all[2][1], all[2][1])\n"
                                 "local gone = redis.call('XDEL', log, all[2][1], '1-1')\n"
                                 "return {shown, one[1][2], gone, redis.call('XLEN', log), #all,\n"
                                 "  redis.call('XTRIM', log, 'MAXLEN', 0), redis.call('EXISTS', log),\n"
                                 "  #redis.call('XRANGE', log, '-', '+'), redis.call('DEL', log)}";
    const struct redis_script script = {"streams", "0000000000000000000000000000000000000001", SCRIPT};
    struct redis_cmd c;
    redis_cmd_init_script(&c, &script, str_of(w->prefix));
    compare(w, &c, "streams");
}

static void scripts_are_answered_alike(void **state)
{
    struct world *w = *state;
    static const char *const BODIES[] = {
        "return {1.9, -1.9, true, false, 'x', {2, {3}}}",
        "return {1, nil, 3}",
        "return {ok = 'fine'}",
        "return {err = 'ERR no'}",
        "return nil",
        "return redis.call('HGETALL', KEYS[1] .. ':none')",
        "return {redis.call('GET', KEYS[1] .. ':no') == false, redis.call('HMGET', KEYS[1] .. ':no', 'a')[1] == false}",
        "return redis.call('SET', KEYS[1] .. ':t0', 1.5)",
        "return {redis.call('SET', KEYS[1] .. ':t0', 1e15), redis.call('GET', KEYS[1] .. ':t0')}",
        "return {redis.call('SET', KEYS[1] .. ':t0', 0.5), redis.call('GET', KEYS[1] .. ':t0')}",
        "return redis.call('SET', KEYS[1] .. ':t0', 'v').ok",
        "return type(redis.call('TIME')[1])",
        "return cjson.encode('a\"b\\\\c/d\\n\\1\\127é')",
        "return {cjson.encode(3), cjson.encode(2.5), cjson.encode(17e8)}",
        "undefined = 1",
        "return undefined",
        "return redis.call('NOSUCHCOMMAND')",
        "return redis.call('GET', {})",
        "return ARGV[1] .. #ARGV",
        "return {redis.call('SET', KEYS[1] .. ':t0', 'x'), redis.call('LPUSH', KEYS[1] .. ':t1', 'x')}",
        "return {string.format('%.0f', 1700000000123), 10 / 4, 7 % 3, 2 ^ 3, tostring(1e3), math.floor(2.7)}",
        "return {redis.call('ZADD', KEYS[1] .. ':z0', 9e15, 'm'), redis.call('ZSCORE', KEYS[1] .. ':z0', 'm')}",
        "redis.call('DEL', KEYS[1] .. ':z0', KEYS[1] .. ':t0') return redis.call('LPOP', KEYS[1] .. ':none', 2)",
    };
    for (size_t i = 0; i < ARRAY_LEN(BODIES); i++) {
        char name[16], sha[48];
        (void)snprintf(name, sizeof name, "body%zu", i);
        (void)snprintf(sha, sizeof sha, "%040zu", i + 100); // of no script that Redis knows: it is sent whole
        const struct redis_script script = {name, sha, BODIES[i]};
        struct redis_cmd c;
        redis_cmd_init_script(&c, &script, str_of(w->prefix));
        redis_cmd_text(&c, "argument");
        compare(w, &c, BODIES[i]);
    }
}

static void what_it_does_not_know_is_an_error(void **state)
{
    struct world *w = *state;
    static const char *const BODIES[] = {"return redis.call('GEOADD', KEYS[1] .. ':a', 1, 2, 'b')",
                                         "return redis.call('GET', 'elsewhere')", "return cjson.encode({1})",
                                         "return redis.call('XADD', KEYS[1] .. ':a', '1-1', 'b', 'c')"};
    for (size_t i = 0; i < ARRAY_LEN(BODIES); i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "unknown%zu", i);
        const struct redis_script script = {name, "", BODIES[i]};
        struct redis_cmd c;
        redis_cmd_init_script(&c, &script, str_of(w->prefix));
        AUTO(redis_reply_freep) struct redis_reply *r = mini_redis_call(w->mini, &c);
        redis_cmd_fini(&c);
        assert_int_equal(redis_reply_type(r), REDIS_ERROR);
    }
}

static void do_on_mini(struct world *w, const char *words)
{
    struct redis_cmd c;
    say_words(&c, words);
    AUTO(redis_reply_freep) struct redis_reply *r = mini_redis_call(w->mini, &c);
    redis_cmd_fini(&c);
    assert_int_not_equal(redis_reply_type(r), REDIS_ERROR);
}

static struct mini_hash hash_now(struct world *w, struct mini_state *state)
{
    mini_redis_save(w->mini, state);
    return mini_redis_hash(w->mini, state);
}

static void assert_hash(struct mini_hash a, struct mini_hash b, bool is_equal)
{
    assert_int_equal(a.low == b.low && a.high == b.high, is_equal);
}

static void states_come_back_and_symmetric_ones_are_one(void **state)
{
    struct world *w = *state;
    struct mini_state first, second, third;
    mini_redis_clear(w->mini);
    mini_redis_symmetries(w->mini, 3, 2);
    do_on_mini(w, "SADD q:open T1 T2 T3");
    do_on_mini(w, "RPUSH q:ready J/T1 J/T3");
    do_on_mini(w, "ZADD q:leases 5 J/T2");
    do_on_mini(w, "HSET q:tasks T2 l|7-W1 T1 w");
    struct mini_hash one = hash_now(w, &first);
    do_on_mini(w, "RPOP q:ready");
    struct mini_hash other = hash_now(w, &second);
    assert_hash(one, other, false);

    mini_redis_restore(w->mini, &first);
    struct mini_view ready;
    assert_true(mini_redis_find(w->mini, STR("q:ready"), &ready));
    assert_int_equal(ready.n, 2);
    do_on_mini(w, "RPUSH q:ready x");
    mini_redis_restore(w->mini, &first);
    assert_true(mini_redis_find(w->mini, STR("q:ready"), &ready));
    assert_int_equal(ready.n, 2); // what is changed afterwards does not reach the snapshot

    // T1 -> T3 -> T2 -> T1 and W1 <-> W2
    mini_redis_clear(w->mini);
    do_on_mini(w, "SADD q:open T1 T2 T3");
    do_on_mini(w, "HSET q:tasks T1 l|7-W2 T3 w");
    do_on_mini(w, "ZADD q:leases 5 J/T1");
    do_on_mini(w, "RPUSH q:ready J/T3 J/T2");
    assert_hash(one, hash_now(w, &third), true);
    free(third.entries);
    do_on_mini(w, "HSET q:tasks T1 l|7-W2 T2 w"); // two wait now, and one waits twice as it were
    assert_hash(one, hash_now(w, &third), false);
    free(third.entries);
    free(first.entries);
    free(second.entries);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct redis_url url;
    struct err e = {0};
    CHECK(w);
    if (!redis_url_parse(getenv("BUNDLE_TEST_REDIS"), "", &url, &e) || !redis_open(&w->real, &url, "test", 5000, &e)) {
        (void)fprintf(stderr, "%s\n", e.message);
        free(w);
        return -1;
    }
    w->mini = mini_redis_create();
    w->random = 20260101;
    mini_redis_set_clock(w->mini, 1700000000000);
    (void)snprintf(w->prefix, sizeof w->prefix, "{test_mini_redis-%d}", (int)getpid());
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    redis_close(w->real);
    mini_redis_destroy(w->mini);
    free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_commands_are_answered_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(time_to_live_is_kept_and_lost_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(streams_are_capped_and_read_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(scripts_are_answered_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(what_it_does_not_know_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(states_come_back_and_symmetric_ones_are_one, setup, teardown),
    };
    if (!getenv("BUNDLE_TEST_REDIS")) {
        (void)puts("skipped: BUNDLE_TEST_REDIS names no Redis (scripts/test sets it)");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
