#include "worker/ctl/queue_render.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static const struct term PLAIN = {.columns = 100};

static const char *render(void (*how)(const struct term *, const json_t *, struct buf *), const struct term *t,
                          const char *json, struct buf *out)
{
    json_t *v = json_loads(json, 0, NULL);
    assert_non_null(v);
    buf_clear(out);
    how(t, v, out);
    json_decref(v);
    return out->data;
}

static const char JOB[] =
    "{\"job\":\"j1\",\"shop\":\"demo\",\"upload\":\"u\",\"state\":\"open\",\"status\":\"preliminary\",\"progress\":61,"
    "\"bundles\":12,\"priority\":\"bulk\",\"partial\":true,\"now_ms\":100000,\"created_ms\":90000,\"started_ms\":90500,"
    "\"deadline_ms\":160000,\"stages\":["
    "{\"stage\":\"prepare\",\"state\":\"done\",\"split\":false,\"tasks\":["
    "{\"task\":\"prepare\",\"state\":\"ended\",\"worker\":\"w1\",\"attempts\":1,\"crashes\":0,\"begun_ms\":90500,"
    "\"ran_ms\":1500,\"error\":\"deadlock\"}]},"
    "{\"stage\":\"pairs\",\"state\":\"open\",\"split\":true,\"tasks\":["
    "{\"task\":\"a\",\"state\":\"leased\",\"worker\":\"w2\",\"attempts\":0,\"crashes\":1,\"begun_ms\":98000,"
    "\"lease_until_ms\":108000,\"limit_ms\":218000},"
    "{\"task\":\"b\",\"state\":\"leased\",\"worker\":\"w3\",\"attempts\":0,\"crashes\":0,\"begun_ms\":98000,"
    "\"limit_ms\":99000},"
    "{\"task\":\"c\",\"state\":\"delayed\",\"attempts\":2,\"crashes\":0,\"due_ms\":101000},"
    "{\"task\":\"d\",\"state\":\"failed\",\"attempts\":3,\"crashes\":0},"
    "{\"task\":\"e\",\"state\":\"waiting\",\"attempts\":0,\"crashes\":0}]},"
    "{\"stage\":\"merge\",\"state\":\"to come\",\"split\":false,\"tasks\":[]}],"
    "\"events\":[{\"seq\":1,\"status\":\"queued\",\"step\":\"queued\",\"progress\":0,\"bundles\":0,\"elapsed_ms\":0,"
    "\"message\":\"Waiting\"}]}";

static void a_job_is_a_tree(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1 << 16);
    assert_string_equal(render(queue_render_job, &PLAIN, JOB, &out),
                        "job j1: preliminary, 61 %, partial\n"
                        "  upload u of shop demo, priority bulk, 12 bundles stored\n"
                        "  admitted 10.0 s ago, begun after 500 ms, deadline in 1 min 00 s\n"
                        "|- prepare  done\n"
                        "|  `- prepare  ended, by w1 in 1.5 s, 1 failed attempts, last error: deadlock\n"
                        "|- pairs  open, 1 of 5 ended, 1 of them failed\n"
                        "|  |- a  leased by w2 for 2.0 s, lease ends in 8.0 s, time limit in 1 min 58 s, 1 crashes\n"
                        "|  |- b  leased by w3 for 2.0 s, WITHOUT A LEASE, time limit in overdue\n"
                        "|  |- c  delayed for 1.0 s, 2 failed attempts\n"
                        "|  |- d  failed, 3 failed attempts\n"
                        "|  `- e  waiting\n"
                        "`- merge  to come\n"
                        "\n"
                        "  Seq  After  Status  Step    Progress  Bundles  Message\n"
                        "    1   0 ms  queued  queued        0%        0  Waiting\n");
    const struct term unicode = {.columns = 100, .has_unicode = true};
    assert_non_null(
        strstr(render(queue_render_job, &unicode, JOB, &out), "\xE2\x94\x82  \xE2\x94\x94\xE2\x94\x80 e  waiting\n"));
}

static void an_overview_says_what_waits_and_who_works(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1 << 16);
    const char *text = render(
        queue_render_overview, &PLAIN,
        "{\"queue\":\"q\",\"now_ms\":10000,\"paused\":[{\"shop\":null,\"since_ms\":4000,\"why\":\"deploy\"},"
        "{\"shop\":\"demo\",\"since_ms\":9000,\"why\":\"\"}],\"inbox\":3,\"intake\":0,\"open\":2,\"leased\":1,"
        "\"delayed\":1,\"dead\":4,\"untold\":0,\"ready\":{\"interactive\":{\"urgent\":1,\"tasks\":0,"
        "\"urgent_shops\":1,\"tasks_shops\":0},\"normal\":{\"urgent\":0,\"tasks\":1234,\"io\":56,\"urgent_shops\":0,"
        "\"tasks_shops\":7,\"io_shops\":8},\"bulk\":{\"urgent\":0,\"tasks\":0,\"urgent_shops\":0,\"tasks_shops\":0}},"
        "\"workers\":[{\"worker\":\"w1\",\"until_ms\":22000,\"card\":{\"host\":\"h\",\"pid\":42,\"slots\":8,\"held\":3,"
        "\"version\":\"1.2.3\"}}],\"counters\":{\"jobs_final\":1000},\"jobs\":[{\"job\":\"j1\",\"deadline_ms\":9000,"
        "\"priority\":\"bulk\",\"event\":{\"shop\":\"demo\",\"upload\":\"u\",\"status\":\"running\",\"step\":\"pairs\","
        "\"progress\":50,\"elapsed_ms\":500,\"ts\":8000}}]}",
        &out);
    assert_non_null(strstr(text, "queue q\n  paused for 6.0 s: deploy\n  paused: shop demo for 1.0 s\n"));
    assert_non_null(strstr(text, "3 in the inbox, 0 being admitted, 2 open jobs, 1 tasks running, 1 delayed, 4 dead"));
    assert_non_null(strstr(text, "normal              0   1,234       56      8\n"));
    assert_non_null(strstr(text, "w1      h      42  1.2.3        8      3      12.0 s\n"));
    assert_non_null(strstr(text, "bulk      running  pairs  #####-----  50%  2.5 s      overdue\n"));
    assert_non_null(strstr(text, "... and 1 more (--limit)"));
    assert_non_null(strstr(text, "jobs_final 1,000"));
}

static void nothing_is_said_to_be_nothing(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1 << 16);
    assert_non_null(strstr(render(queue_render_overview, &PLAIN, "{\"queue\":\"q\"}", &out), "no worker is there"));
    assert_string_equal(render(queue_render_dead, &PLAIN, "[]", &out), "nothing is dead\n");
}

static void what_strangers_wrote_steers_no_terminal(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1 << 16);
    const char *text = render(queue_render_dead, &PLAIN,
                              "[{\"id\":\"1-0\",\"age_ms\":61000,\"kind\":\"rejected\",\"shop\":\"\\u001b[2J\","
                              "\"upload\":\"u\",\"bytes\":7,\"reason\":\"bad\\nthing\"}]",
                              &out);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "1-0  1 min 01 s  rejected   [2J/u"));
    assert_non_null(strstr(text, "bad thing\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_a_tree),
        cmocka_unit_test(an_overview_says_what_waits_and_who_works),
        cmocka_unit_test(nothing_is_said_to_be_nothing),
        cmocka_unit_test(what_strangers_wrote_steers_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
