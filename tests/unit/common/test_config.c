#include "common/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

struct values {
    int64_t lease_ms, level;
    double shrink;
    bool is_on;
    char name[CONFIG_TEXT_MAX], url[CONFIG_TEXT_MAX];
};

static const struct config_key KEYS[] = {
    {"queue.lease_ms", CONFIG_INT, offsetof(struct values, lease_ms), "10000", 500, 600000, NULL, false, "A lease."},
    {"mining.shrink", CONFIG_REAL, offsetof(struct values, shrink), "3", 0, 1000, NULL, false, "Pull to chance."},
    {"offers.on", CONFIG_BOOL, offsetof(struct values, is_on), "false", 0, 0, NULL, false, "On or off."},
    {"queue.name", CONFIG_TEXT, offsetof(struct values, name), "bundles", 0, 0, NULL, false, "A name."},
    {"redis.url", CONFIG_TEXT, offsetof(struct values, url), "redis://127.0.0.1", 0, 0, NULL, true, "Where."},
    {"log.level", CONFIG_CHOICE, offsetof(struct values, level), "info", 0, 0, "debug|info|warn", false, "Least."},
};
static const char *const NOT_KEYS[] = {"BUNDLE_CONFIG", NULL};
static const struct config_table TABLE = {KEYS, ARRAY_LEN(KEYS), NOT_KEYS};

static struct values defaults(void)
{
    struct values v = {0};
    struct err e = {0};
    assert_true(config_defaults(&TABLE, &v, &e));
    return v;
}

// Writes `text` into a file and reads it as configuration; "FILE" in a message stands for its path.
static bool read_text(struct values *v, const char *text, size_t len, struct err *e)
{
    char path[] = "/tmp/bundle-config-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
    bool ok = config_file(&TABLE, v, path, e);
    assert_int_equal(unlink(path), 0);
    if (!ok) {
        assert_int_equal(e->kind, ERR_CONFIG);
        assert_memory_equal(e->message, path, strlen(path));
        memmove(e->message, e->message + strlen(path), strlen(e->message) - strlen(path) + 1);
    }
    return ok;
}

static void file_refuses(const char *text, const char *message)
{
    struct values v = defaults();
    struct err e = {0};
    assert_false(read_text(&v, text, strlen(text), &e));
    assert_string_equal(e.message, message);
}

static void later_sources_win(void **state)
{
    (void)state;
    struct err e = {0};
    struct values v = defaults();
    assert_int_equal(v.lease_ms, 10000);
    static const char FILE_TEXT[] = "queue.lease_ms = 2000\nqueue.name=fromfile\nmining.shrink = 1.5\n";
    assert_true(read_text(&v, FILE_TEXT, sizeof FILE_TEXT - 1, &e));
    assert_int_equal(v.lease_ms, 2000);
    char *environment[] = {(char[]){"PATH=/bin"}, (char[]){"BUNDLE_QUEUE_LEASE_MS=3000"},
                           (char[]){"BUNDLE_QUEUE_NAME=fromenv"}, (char[]){"BUNDLE_CONFIG=x"}, NULL};
    assert_true(config_environment(&TABLE, &v, environment, &e));
    assert_int_equal(v.lease_ms, 3000);
    assert_true(config_set(&TABLE, &v, "queue.lease_ms=4000", &e));
    assert_int_equal(v.lease_ms, 4000);
    assert_string_equal(v.name, "fromenv");
    assert_true(v.shrink == 1.5);
    assert_int_equal(v.level, 1);
}

static void files_may_be_written_by_people(void **state)
{
    (void)state;
    struct err e = {0};
    struct values v = defaults();
    static const char TEXT[] =
        "\n  # a comment\r\n  queue.lease_ms=5000 # ten\r\n\tqueue.name = \"two # words \" # so\n"
        "redis.url = redis://u:p#w@h # the # in the password stays\noffers.on=Yes\n"
        "log.level = 'WARN'";
    assert_true(read_text(&v, TEXT, sizeof TEXT - 1, &e));
    assert_int_equal(v.lease_ms, 5000);
    assert_string_equal(v.name, "two # words ");
    assert_string_equal(v.url, "redis://u:p#w@h");
    assert_true(v.is_on);
    assert_int_equal(v.level, 2);
    static const char EMPTY[] = "queue.name =\nredis.url = # none\n";
    assert_true(read_text(&v, EMPTY, sizeof EMPTY - 1, &e));
    assert_string_equal(v.name, "");
    assert_string_equal(v.url, "");
}

static void errors_name_file_line_and_what_is_right(void **state)
{
    (void)state;
    file_refuses("\n\nqueue.leas_ms = 1\n", ":3: there is no setting \"queue.leas_ms\"; did you mean queue.lease_ms?");
    file_refuses("zzzzzz = 1", ":1: there is no setting \"zzzzzz\"");
    file_refuses("queue.lease_ms = 499", ":1: queue.lease_ms = \"499\": must be a whole number from 500 to 600000");
    file_refuses("queue.lease_ms = 600001",
                 ":1: queue.lease_ms = \"600001\": must be a whole number from 500 to 600000");
    file_refuses("queue.lease_ms =", ":1: queue.lease_ms = \"\": must be a whole number from 500 to 600000");
    file_refuses("mining.shrink = nan", ":1: mining.shrink = \"nan\": must be a number from 0 to 1000");
    file_refuses("offers.on = maybe", ":1: offers.on = \"maybe\": must be true or false");
    file_refuses("log.level = loud", ":1: log.level = \"loud\": must be one of debug|info|warn");
    file_refuses("queue.name", ":1: must be \"key = value\"");
    file_refuses("queue.name = \"open", ":1: the quotes around the value of queue.name are not closed, or text follows "
                                        "them");
    file_refuses("queue.name = \"a\" b",
                 ":1: the quotes around the value of queue.name are not closed, or text follows "
                 "them");
    file_refuses("queue.name = \xFF", ":1: the line is not UTF-8 text");
}

static void bounds_are_within(void **state)
{
    (void)state;
    struct err e = {0};
    struct values v = defaults();
    assert_true(config_set(&TABLE, &v, "queue.lease_ms=500", &e));
    assert_true(config_set(&TABLE, &v, "queue.lease_ms=600000", &e));
    assert_true(config_set(&TABLE, &v, " mining.shrink = 0 ", &e));
    assert_true(config_set(&TABLE, &v, "queue.name=a=b", &e));
    assert_string_equal(v.name, "a=b");
}

static void texts_and_lines_have_a_maximum(void **state)
{
    (void)state;
    struct err e = {0};
    struct values v = defaults();
    AUTO(buf_fini) struct buf text;
    buf_init(&text, 10000);
    buf_printf(&text, "queue.name=%*d", CONFIG_TEXT_MAX - 1, 7);
    for (size_t i = strlen("queue.name="); i < text.len; i++)
        text.data[i] = 'x';
    assert_true(config_set(&TABLE, &v, text.data, &e));
    assert_int_equal(strlen(v.name), CONFIG_TEXT_MAX - 1);
    buf_putc(&text, 'x');
    assert_false(config_set(&TABLE, &v, text.data, &e));
    assert_non_null(strstr(e.message, "must be a text of at most 1023 bytes"));
    buf_clear(&text);
    buf_puts(&text, "queue.name=");
    while (text.len <= CONFIG_LINE_MAX)
        buf_putc(&text, 'x');
    assert_false(read_text(&v, text.data, text.len, &e));
    assert_string_equal(e.message, ":1: the line is longer than 4096 bytes");
    assert_false(read_text(&v, "queue.name = a\0b\n", 17, &e));
}

static void missing_file_is_an_error(void **state)
{
    (void)state;
    struct err e = {0};
    struct values v = defaults();
    assert_false(config_file(&TABLE, &v, "/nonexistent/worker.conf", &e));
    assert_string_equal(e.message, "/nonexistent/worker.conf: No such file or directory");
    assert_false(config_file(&TABLE, &v, "/tmp", &e)); // opens, but does not read
}

static void environment_and_command_line_name_their_source(void **state)
{
    (void)state;
    struct err e = {0};
    struct values v = defaults();
    char *unknown[] = {(char[]){"BUNDLE_QUEUE_LEASE=1"}, NULL};
    assert_false(config_environment(&TABLE, &v, unknown, &e));
    assert_string_equal(e.message, "environment variable BUNDLE_QUEUE_LEASE: there is no such setting");
    char *bad[] = {(char[]){"BUNDLE_LOG_LEVEL=loud"}, NULL};
    assert_false(config_environment(&TABLE, &v, bad, &e));
    assert_string_equal(e.message,
                        "environment variable BUNDLE_LOG_LEVEL: log.level = \"loud\": must be one of debug|info|warn");
    assert_false(config_set(&TABLE, &v, "queue.lease_ms", &e));
    assert_string_equal(e.message, "--set queue.lease_ms: must be KEY=VALUE");
    assert_false(config_set(&TABLE, &v, "nonsense=1", &e));
    assert_string_equal(e.message, "--set: there is no setting \"nonsense\"");
}

static void secrets_are_never_shown(void **state)
{
    (void)state;
    struct err e = {0};
    struct values v = defaults();
    assert_true(config_set(&TABLE, &v, "redis.url=redis://:hunter2@h", &e));
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    config_print_values(&TABLE, &v, &out);
    assert_null(strstr(out.data, "hunter2"));
    assert_non_null(strstr(out.data, "redis.url = ***\n"));
    AUTO(buf_fini) struct buf long_url;
    buf_init(&long_url, 10000);
    buf_puts(&long_url, "redis.url=hunter2");
    while (long_url.len < 2000)
        buf_putc(&long_url, 'x');
    assert_false(config_set(&TABLE, &v, long_url.data, &e));
    assert_null(strstr(e.message, "hunter2"));
}

static void printed_files_read_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct values v = defaults();
    v.lease_ms = 1;
    v.name[0] = '\0';
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 100000);
    config_print_defaults(&TABLE, &out);
    assert_non_null(strstr(out.data, "\n# A lease. (500 to 600000)\nqueue.lease_ms = 10000\n"));
    assert_true(read_text(&v, out.data, out.len, &e));
    assert_int_equal(v.lease_ms, 10000);
    assert_string_equal(v.name, "bundles");

    (void)snprintf(v.name, sizeof v.name, " \"needs # quotes\" ");
    buf_clear(&out);
    config_print_values(&TABLE, &v, &out);
    struct values again = defaults();
    assert_true(read_text(&again, out.data, out.len, &e));
    assert_string_equal(again.name, v.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(files_may_be_written_by_people),
        cmocka_unit_test(errors_name_file_line_and_what_is_right),
        cmocka_unit_test(bounds_are_within),
        cmocka_unit_test(texts_and_lines_have_a_maximum),
        cmocka_unit_test(missing_file_is_an_error),
        cmocka_unit_test(environment_and_command_line_name_their_source),
        cmocka_unit_test(secrets_are_never_shown),
        cmocka_unit_test(printed_files_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
