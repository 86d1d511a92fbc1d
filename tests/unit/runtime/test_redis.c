// URLs need no server; the rest talks to the Redis of BUNDLE_TEST_REDIS where there is one.

#include "common/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"

static struct redis_url parsed(const char *text)
{
    struct redis_url u;
    struct err e = {0};
    if (!redis_url_parse(text, "", &u, &e))
        fail_msg("%s: %s", text, e.message);
    return u;
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    struct redis_url u = parsed("redis://cache.example:6380/3");
    assert_string_equal(u.host, "cache.example");
    assert_int_equal(u.port, 6380);
    assert_int_equal(u.db, 3);
    u = parsed("redis://me:p%40ss%3A@h");
    assert_string_equal(u.user, "me");
    assert_string_equal(u.password, "p@ss:");
    assert_int_equal(u.port, 6379);
    u = parsed("redis://:secret@[::1]:7000");
    assert_string_equal(u.host, "::1");
    assert_string_equal(u.user, "");
    assert_string_equal(u.password, "secret");
    u = parsed("unix:///run/redis.sock?db=2");
    assert_string_equal(u.path, "/run/redis.sock");
    assert_int_equal(u.db, 2);
    u = parsed("unix:///run/a@b/redis.sock");
    assert_string_equal(u.path, "/run/a@b/redis.sock");
    u = parsed("unix://me:p%2Fss@/run/redis.sock");
    assert_string_equal(u.user, "me");
    assert_string_equal(u.password, "p/ss");
    assert_string_equal(u.path, "/run/redis.sock");
}

static void sentinels_are_taken_apart(void **state)
{
    (void)state;
    struct redis_url u = parsed("redis+sentinel://one,two:7000,[::1]:7001/shop-master");
    assert_int_equal(u.n_sentinels, 3);
    assert_string_equal(u.sentinels[0].host, "one");
    assert_int_equal(u.sentinels[0].port, 26379);
    assert_string_equal(u.sentinels[1].host, "two");
    assert_int_equal(u.sentinels[1].port, 7000);
    assert_string_equal(u.sentinels[2].host, "::1");
    assert_int_equal(u.sentinels[2].port, 7001);
    assert_string_equal(u.master, "shop-master");
    assert_string_equal(u.host, "");
    assert_string_equal(u.sentinel_password, "");
    u = parsed("redis+sentinel://me:p%40ss@one/m/3?sentinel_user=s&sentinel_password=q%26%3F");
    assert_string_equal(u.user, "me");
    assert_string_equal(u.password, "p@ss");
    assert_int_equal(u.db, 3);
    assert_string_equal(u.sentinel_user, "s");
    assert_string_equal(u.sentinel_password, "q&?");
}

static void tls_is_there_or_said_to_be_missing(void **state)
{
    (void)state;
    struct redis_url u = {0};
    struct err e = {0};
    bool ok = redis_url_parse("rediss://h:7000", "", &u, &e);
    if (ok) {
        assert_true(u.is_tls);
        assert_true(redis_url_set_tls(&u, "", "", "", &e));
        assert_false(redis_url_set_tls(&u, "/no/such/ca.pem", "", "", &e));
        assert_non_null(strstr(e.message, "redis.tls_ca_file"));
        assert_false(redis_url_set_tls(&u, "", "/dev/null", "", &e));
        assert_non_null(strstr(e.message, "redis.tls_key_file"));
    } else {
        assert_int_equal(e.kind, ERR_CONFIG);
        assert_non_null(strstr(e.message, "TLS"));
    }
    u = parsed("redis://h");
    assert_true(redis_url_set_tls(&u, "", "", "", &e));
    assert_false(redis_url_set_tls(&u, "/dev/null", "", "", &e));
    assert_non_null(strstr(e.message, "rediss://"));
}

static void bad_urls_are_refused_without_repeating_them(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      "localhost",
                                      "http://h",
                                      "redis://",
                                      "redis://h:0",
                                      "redis://h:99999",
                                      "redis://h/x",
                                      "redis://u:geheim%zz@h",
                                      "unix://",
                                      "unix:///s?geheim=2",
                                      "unix://geheim/s",
                                      "redis+unix:///s",
                                      "redis+sentinel://h",
                                      "redis+sentinel://h/",
                                      "redis+sentinel:///m",
                                      "redis+sentinel://h,,h/m",
                                      "redis+sentinel://h:x/m",
                                      "redis+sentinel://h/m/x",
                                      "redis+sentinel://h/m?geheim=1",
                                      "redis+sentinel://a,b,c,d,e,f,g,h,i/m"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct redis_url u;
        struct err e = {0};
        assert_false(redis_url_parse(BAD[i], "", &u, &e));
        assert_int_equal(e.kind, ERR_CONFIG);
        assert_null(strstr(e.message, "geheim"));
    }
}

static void a_password_file_is_read_and_trimmed(void **state)
{
    (void)state;
    char path[] = "/tmp/test_redis.XXXXXX";
    struct redis_url u;
    struct err e;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "hidden\n", 7) == 7);
    assert_true(redis_url_parse("redis://h", path, &u, &e));
    assert_string_equal(u.password, "hidden");
    (void)close(fd);
    (void)unlink(path);
    assert_false(redis_url_parse("redis://h", path, &u, &e));
    assert_non_null(strstr(e.message, path));
}

static void away_is_told_from_wrong(void **state)
{
    (void)state;
    struct redis_url u = parsed("unix:///tmp/there-is-no-such-socket");
    struct redis *r;
    struct err e;
    assert_false(redis_open(&r, &u, "test", 5000, &e));
    assert_int_equal(e.kind, ERR_REDIS_AWAY);
}

static void commands_carry_any_bytes(void **state)
{
    (void)state;
    if (!getenv("BUNDLE_TEST_REDIS"))
        skip();
    struct redis_url u = parsed(getenv("BUNDLE_TEST_REDIS"));
    AUTO(redis_closep) struct redis *r = NULL;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    struct err e;
    assert_true(redis_open(&r, &u, "test", 5000, &e));
    redis_cmd_init(&c, "ECHO");
    redis_cmd_str(&c, (struct str){"a\0\r\n*1\xFF", 7});
    assert_true(redis_call(r, &c, &reply, &e));
    redis_cmd_fini(&c);
    assert_true(str_eq(redis_reply_str(reply), (struct str){"a\0\r\n*1\xFF", 7}));
}

static void a_lost_script_is_sent_again(void **state)
{
    (void)state;
    if (!getenv("BUNDLE_TEST_REDIS"))
        skip();
    struct redis_url u = parsed(getenv("BUNDLE_TEST_REDIS"));
    AUTO(redis_closep) struct redis *r = NULL;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    const struct redis_script script = {"unknown", "0123456789012345678901234567890123456789",
                                        "return {KEYS[1], ARGV[1]}"};
    struct redis_cmd c;
    struct err e;
    assert_true(redis_open(&r, &u, "test", 5000, &e));
    redis_cmd_init_script(&c, &script, STR("k"));
    redis_cmd_int(&c, -5);
    assert_true(redis_call(r, &c, &reply, &e));
    redis_cmd_fini(&c);
    assert_int_equal(redis_reply_size(reply), 2);
    assert_int_equal(redis_reply_int(redis_reply_at(reply, 1)), -5);
    assert_null(redis_reply_at(reply, 2));
}

static void an_error_of_redis_is_an_error(void **state)
{
    (void)state;
    if (!getenv("BUNDLE_TEST_REDIS"))
        skip();
    struct redis_url u = parsed(getenv("BUNDLE_TEST_REDIS"));
    AUTO(redis_closep) struct redis *r = NULL;
    struct redis_reply *reply = NULL;
    struct redis_cmd c;
    struct err e;
    assert_true(redis_open(&r, &u, "test", 5000, &e));
    redis_cmd_init(&c, "NOSUCHCOMMAND");
    assert_false(redis_call(r, &c, &reply, &e));
    redis_cmd_fini(&c);
    assert_int_equal(e.kind, ERR_REDIS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(sentinels_are_taken_apart),
        cmocka_unit_test(tls_is_there_or_said_to_be_missing),
        cmocka_unit_test(bad_urls_are_refused_without_repeating_them),
        cmocka_unit_test(a_password_file_is_read_and_trimmed),
        cmocka_unit_test(away_is_told_from_wrong),
        cmocka_unit_test(commands_carry_any_bytes),
        cmocka_unit_test(a_lost_script_is_sent_again),
        cmocka_unit_test(an_error_of_redis_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
