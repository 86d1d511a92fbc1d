#include "common/log.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

// What one LOG call wrote to stderr, behind the time stamp.
static char captured[2 * LOG_LINE_MAX];
static int saved_stderr, pipe_out;

static void capture_begin(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    assert_int_equal(close(ends[1]), 0);
    pipe_out = ends[0];
}

static size_t capture_end(void)
{
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0); // closes the pipe's writing end
    assert_int_equal(close(saved_stderr), 0);
    ssize_t n = read(pipe_out, captured, sizeof captured - 1);
    assert_true(n >= 0);
    captured[n] = '\0';
    assert_int_equal(read(pipe_out, captured + n, 1), 0);
    assert_int_equal(close(pipe_out), 0);
    return (size_t)n;
}

static const char *behind_time(void)
{
    assert_memory_equal(captured, "ts=2", 4);
    const char *space = strchr(captured, ' ');
    assert_non_null(space);
    assert_int_equal(space - captured, (ptrdiff_t)strlen("ts=2026-11-23T10:00:00.123Z"));
    return space + 1;
}

static void logfmt_quotes_what_needs_it(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, "");
    capture_begin();
    LOG(LOG_INFO, "upload loaded", LOG_S("currency", "GBP"), LOG_I("lines", -370931), LOG_R("share", 0.25),
        LOG_S("empty", ""), LOG_S("hard", "a\"b\\c\nd=e"), LOG_R("none", NAN), LOG_S("null", NULL));
    (void)capture_end();
    assert_string_equal(behind_time(),
                        "level=info msg=\"upload loaded\" currency=GBP lines=-370931 share=0.25 empty=\"\" "
                        "hard=\"a\\\"b\\\\c\\nd=e\" none=null null=\"\"\n");
}

static void context_is_on_every_line(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, "ab12");
    const struct log_context context = {.job = "j1", .upload = "u1", .shop = "s 1", .task = NULL};
    log_set_context(&context);
    capture_begin();
    LOG(LOG_WARN, "slow");
    (void)capture_end();
    log_set_context(NULL);
    assert_string_equal(behind_time(), "level=warn msg=slow worker=ab12 job=j1 upload=u1 shop=\"s 1\"\n");
    capture_begin();
    LOG(LOG_ERROR, "x");
    (void)capture_end();
    assert_string_equal(behind_time(), "level=error msg=x worker=ab12\n");
}

static void json_lines_parse(void **state)
{
    (void)state;
    log_setup(LOG_DEBUG, LOG_JSON, "w");
    capture_begin();
    LOG(LOG_DEBUG, "quote \" and \xFF", LOG_I("n", 3), LOG_R("x", 1.5), LOG_R("nan", NAN), LOG_S("t", "a\tb"));
    size_t len = capture_end();
    assert_int_equal(captured[len - 1], '\n');
    json_t *line = json_loads(captured, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "debug");
    assert_string_equal(json_string_value(json_object_get(line, "msg")), "quote \" and \xEF\xBF\xBD");
    assert_int_equal(json_integer_value(json_object_get(line, "n")), 3);
    assert_true(json_real_value(json_object_get(line, "x")) == 1.5);
    assert_true(json_is_null(json_object_get(line, "nan")));
    assert_string_equal(json_string_value(json_object_get(line, "t")), "a\tb");
    json_decref(line);
}

static void levels_filter(void **state)
{
    (void)state;
    log_setup(LOG_WARN, LOG_LOGFMT, "");
    capture_begin();
    LOG(LOG_INFO, "not this");
    assert_int_equal(capture_end(), 0);
    assert_true(log_is_on(LOG_ERROR));
}

// At every length around the limit: one line, within the limit, well-formed.
static void long_lines_are_cut_and_stay_well_formed(void **state)
{
    (void)state;
    static char text[LOG_LINE_MAX + 100];
    log_setup(LOG_INFO, LOG_JSON, "");
    for (size_t len = LOG_LINE_MAX - 200; len < sizeof text - 1; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        text[len - 1] = len % 2 ? '\n' : 'x';
        capture_begin();
        LOG(LOG_INFO, "m", LOG_S("a", text), LOG_I("n", 123456789), LOG_S("b", "tail"));
        size_t n = capture_end();
        assert_true(n <= LOG_LINE_MAX);
        assert_ptr_equal(strchr(captured, '\n'), captured + n - 1);
        json_t *line = json_loads(captured, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(line);
        json_decref(line);
    }
}

static void closed_stderr_drops_the_line(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, "");
    int saved = dup(STDERR_FILENO);
    assert_int_equal(close(STDERR_FILENO), 0);
    LOG(LOG_INFO, "into nothing");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_int_equal(close(saved), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logfmt_quotes_what_needs_it),
        cmocka_unit_test(context_is_on_every_line),
        cmocka_unit_test(json_lines_parse),
        cmocka_unit_test(levels_filter),
        cmocka_unit_test(long_lines_are_cut_and_stay_well_formed),
        cmocka_unit_test(closed_stderr_drops_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
