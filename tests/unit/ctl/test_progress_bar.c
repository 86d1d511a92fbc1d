#include "worker/ctl/progress_bar.h"

#include <string.h>

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static const struct term PLAIN = {.columns = 100};

static const char *line_of(struct buf *out, const struct term *t, const char *event)
{
    json_t *parsed = json_loads(event, 0, NULL);
    assert_non_null(parsed);
    buf_clear(out);
    progress_bar_event(t, parsed, out);
    json_decref(parsed);
    return out->data;
}

static void bars_fill_with_the_share(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1000);
    progress_bar_put(&PLAIN, 0.5, 10, &out);
    assert_string_equal(out.data, "#####-----");
    buf_clear(&out);
    progress_bar_put(&PLAIN, 7, 4, &out); // past its end
    progress_bar_put(&PLAIN, -1, 4, &out);
    assert_string_equal(out.data, "####----");
    const struct term unicode = {.columns = 100, .has_unicode = true};
    buf_clear(&out);
    progress_bar_put(&unicode, 0.5, 2, &out);
    assert_string_equal(out.data, "\xE2\x96\x88\xE2\x96\x91");
}

static void durations_are_for_people(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1000);
    progress_put_duration(&out, 999);
    buf_putc(&out, '|');
    progress_put_duration(&out, 3270);
    buf_putc(&out, '|');
    progress_put_duration(&out, 245000);
    buf_putc(&out, '|');
    progress_put_duration(&out, 3 * 3600000 + 65000);
    assert_string_equal(out.data, "999 ms|3.2 s|4 min 05 s|3 h 01 min");
}

static void an_event_is_one_line(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    const char *line = line_of(&out, &PLAIN,
                               "{\"status\":\"running\",\"step\":\"pairs\",\"progress\":50,\"message\":\"Working\","
                               "\"pairs_done\":12,\"pairs_total\":34,\"elapsed_ms\":3100,\"eta_ms\":2000}");
    assert_string_equal(line,
                        "pairs        ############------------  50%  12/34 pairs  3.1 s, about 2.0 s left  Working");
}

static void missing_fields_are_left_out(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    assert_string_equal(line_of(&out, &PLAIN, "{\"status\":\"queued\",\"eta_ms\":null}"),
                        "queued       ------------------------   0%  ");
}

static void a_bad_end_says_so(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    assert_string_equal(line_of(&out, &PLAIN,
                                "{\"status\":\"failed\",\"step\":\"prepare\",\"progress\":50,\"eta_ms\":9,"
                                "\"elapsed_ms\":9,\"message\":\"no such upload\"}"),
                        "failed       ############------------  50%  9 ms  no such upload");
}

static void lines_never_wrap_and_never_steer(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    const struct term narrow = {.columns = 60};
    const char *line = line_of(&out, &narrow,
                               "{\"status\":\"running\",\"step\":\"prepare\",\"progress\":5,"
                               "\"message\":\"Reading \\u001b[31m the orders of a very large and busy shop\"}");
    assert_null(strchr(line, '\033'));
    assert_int_equal(term_width(buf_str(&out)), 59);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_fill_with_the_share), cmocka_unit_test(durations_are_for_people),
        cmocka_unit_test(an_event_is_one_line),     cmocka_unit_test(missing_fields_are_left_out),
        cmocka_unit_test(a_bad_end_says_so),        cmocka_unit_test(lines_never_wrap_and_never_steer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
