// The gate on a real Redis (BUNDLE_TEST_REDIS): limits, closing, probes. Times are Redis' own and long; what is to pass
// is put into the past.

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/gate.h"

struct place {
    struct queue queue;
    struct gate gate;
    struct redis *workers[2]; // take turns
    unsigned turns;
    char name[80];
};

static struct redis_reply *ask(struct place *p, struct redis_cmd *c)
{
    struct redis_reply *reply = NULL;
    struct err e = {0};
    bool ok = redis_call(p->workers[p->turns++ % ARRAY_LEN(p->workers)], c, &reply, &e);
    redis_cmd_fini(c);
    if (!ok)
        fail_msg("%s", e.message);
    return reply;
}

struct entry {
    enum gate_verdict verdict;
    bool is_probe;
    int64_t ms;
    char reason[64];
};

static struct entry enter(struct place *p, int64_t units)
{
    struct redis_cmd c;
    struct gate_entered g;
    gate_enter_cmd(&p->queue, &p->gate, units, &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(p, &c);
    assert_true(gate_entered(r, &g));
    struct entry out = {.verdict = g.verdict, .is_probe = g.is_probe, .ms = g.ms};
    (void)snprintf(out.reason, sizeof out.reason, STR_FMT, STR_ARG(g.reason));
    return out;
}

static void leave(struct place *p, const struct gate_left *l)
{
    struct redis_cmd c;
    gate_leave_cmd(&p->queue, &p->gate, l, &c);
    redis_reply_free(ask(p, &c));
}

static void leave_as(struct place *p, enum gate_outcome outcome, bool is_probe)
{
    const struct gate_left l = {.outcome = outcome, .is_probe = is_probe, .used = -1, .reason = "it is broken"};
    leave(p, &l);
}

// Enters once the gate lets somebody in again.
static struct entry enter_when_open(struct place *p, int64_t units)
{
    struct entry g = enter(p, units);
    for (int64_t until_ms = clock_mono_ms() + 10000; g.verdict != GATE_GO && clock_mono_ms() < until_ms;) {
        assert_true(g.ms > 0);
        (void)usleep((useconds_t)g.ms * 1000);
        g = enter(p, units);
    }
    return g;
}

static void begin_cmd(struct place *p, const char *name, struct redis_cmd *c)
{
    char key[200];
    (void)snprintf(key, sizeof key, "%s:gate:%s", p->queue.key, p->name);
    redis_cmd_init(c, name);
    redis_cmd_text(c, key);
}

static int64_t ttl_ms(struct place *p)
{
    struct redis_cmd c;
    begin_cmd(p, "PTTL", &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(p, &c);
    return redis_reply_int(r);
}

// Until when it is closed, limited, or a probe is on its way: that has been.
static void let_pass(struct place *p, const char *field)
{
    struct redis_cmd c;
    begin_cmd(p, "HSET", &c);
    redis_cmd_text(&c, field);
    redis_cmd_int(&c, 1);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(p, &c);
    assert_int_equal(redis_reply_int(r), 0); // it was there
}

static void expect_probe(struct place *p)
{
    struct entry g = enter(p, 1);
    assert_int_equal(g.verdict, GATE_GO);
    assert_true(g.is_probe);
}

static int setup(void **state)
{
    const char *url_text = getenv("BUNDLE_TEST_REDIS");
    const char *name = getenv("TEST_NAME");
    const struct queue_limits limits = {.lease_ms = 1000, .payload_max = 1000};
    struct redis_url url;
    struct err e;
    static struct place p;
    static unsigned number;
    if (!url_text || !name) // scripts/test sets both
        return 0;
    p = (struct place){0};
    (void)snprintf(p.name, sizeof p.name, "place-%d-%u", (int)getpid(), number++);
    queue_init(&p.queue, name, &limits);
    assert_true(redis_url_parse(url_text, "", &url, &e));
    for (size_t i = 0; i < ARRAY_LEN(p.workers); i++)
        if (!redis_open(&p.workers[i], &url, "test-gate", 5000, &e))
            fail_msg("%s", e.message);
    p.gate = (struct gate){
        .name = p.name, .failures_max = 3, .closed_ms = 60000, .closed_max_ms = 150000, .probe_ms = 60000};
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    for (size_t i = 0; p && i < ARRAY_LEN(p->workers); i++)
        redis_close(p->workers[i]);
    return 0;
}

static struct place *need(void **state)
{
    if (!*state)
        skip();
    return *state;
}

static void without_limits_all_enter_and_nothing_is_kept(void **state)
{
    struct place *p = need(state);
    for (int i = 0; i < 50; i++)
        assert_int_equal(enter(p, 1000000).verdict, GATE_GO);
    leave_as(p, GATE_OK, false);
    assert_int_equal(ttl_ms(p), -2); // there is no such key
}

// Lets all in that may until one has to wait; how many those were.
static unsigned enter_all(struct place *p, int64_t units, int64_t *wait_ms)
{
    for (unsigned n = 0; n < 100000; n++) {
        struct entry g = enter(p, units);
        if (g.verdict == GATE_GO)
            continue;
        assert_int_equal(g.verdict, GATE_WAIT);
        *wait_ms = g.ms;
        return n;
    }
    fail_msg("no limit holds");
    return 0;
}

static void a_tenth_of_the_limit_enters_at_once_and_then_one_by_one(void **state)
{
    struct place *p = need(state);
    int64_t wait_ms;
    int64_t begun_ms = clock_mono_ms();
    p->gate.requests_per_min = 600; // 60 at once, then one each 60000 / 541 ms
    unsigned n = enter_all(p, 7, &wait_ms);
    int64_t took_ms = clock_mono_ms() - begun_ms;
    assert_true(n >= 60 && n <= 61 + took_ms / 110);
    assert_true(wait_ms >= 1 && wait_ms <= 111);
    assert_int_equal(enter_when_open(p, 7).verdict, GATE_GO);
    assert_true(ttl_ms(p) > 60000);
}

static void a_minute_has_no_more_than_the_limit(void **state)
{
    struct place *p = need(state);
    int64_t wait_ms;
    int64_t begun_ms = clock_mono_ms();
    p->gate.requests_per_min = 600;
    for (unsigned n = 0; n < 66;) {
        n += enter_all(p, 1, &wait_ms);
        int64_t took_ms = clock_mono_ms() - begun_ms;
        assert_true(n <= 60 + took_ms * 541 / 60000 + 1); // which makes 600 of a minute
        (void)usleep((useconds_t)wait_ms * 1000);
    }
}

static void a_single_request_a_minute_is_one(void **state)
{
    struct place *p = need(state);
    int64_t wait_ms;
    p->gate.requests_per_min = 1;
    assert_int_equal(enter_all(p, 1, &wait_ms), 1);
    assert_true(wait_ms > 50000 && wait_ms <= 60000);
}

static void units_are_limited_and_corrected(void **state)
{
    struct place *p = need(state);
    int64_t wait_ms;
    p->gate.units_per_min = 60000; // 6000 at once, then 54001 a minute
    unsigned n = enter_all(p, 2000, &wait_ms);
    assert_true(n >= 3 && n < 10); // a fourth after two seconds
    assert_true(wait_ms > 0 && wait_ms <= 2223);
    const struct gate_left cheap = {.outcome = GATE_OK, .units = 2000, .used = 0};
    leave(p, &cheap);
    assert_int_equal(enter(p, 2000).verdict, GATE_GO);
    const struct gate_left dear = {.outcome = GATE_OK, .units = 2000, .used = 50000};
    leave(p, &dear);
    assert_true(enter(p, 2000).ms > 40000);
}

static void what_is_larger_than_a_burst_waits_until_nothing_is_owed(void **state)
{
    struct place *p = need(state);
    p->gate.units_per_min = 60000;
    assert_int_equal(enter(p, 90000).verdict, GATE_GO); // larger than the limit, even: else it would never
    struct entry g = enter(p, 1);
    assert_int_equal(g.verdict, GATE_WAIT);
    assert_true(g.ms > 60000);
}

static void what_was_not_asked_is_given_back(void **state)
{
    struct place *p = need(state);
    const struct gate_left nothing = {.outcome = GATE_NOT_ASKED, .units = 500, .used = -1};
    p->gate.requests_per_min = 1;
    p->gate.units_per_min = 1000;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(enter(p, 500).verdict, GATE_GO);
        assert_int_equal(enter(p, 500).verdict, GATE_WAIT);
        leave(p, &nothing);
    }
}

static void limited_keeps_everybody_waiting(void **state)
{
    struct place *p = need(state);
    const struct gate_left slow_down = {.outcome = GATE_LIMITED, .used = -1, .closed_ms = 60000};
    const struct gate_left shorter = {.outcome = GATE_LIMITED, .used = -1, .closed_ms = 1};
    assert_int_equal(enter(p, 1).verdict, GATE_GO);
    leave(p, &slow_down);
    leave(p, &shorter); // takes nothing back
    struct entry g = enter(p, 1);
    assert_int_equal(g.verdict, GATE_WAIT);
    assert_in_range(g.ms, 30000, 60000);
    let_pass(p, "limited");
    assert_int_equal(enter(p, 1).verdict, GATE_GO);
}

static void close_it(struct place *p)
{
    for (int64_t i = 0; i < p->gate.failures_max; i++) {
        assert_int_equal(enter(p, 1).verdict, GATE_GO);
        leave_as(p, GATE_FAILED, false);
    }
    struct entry g = enter(p, 1);
    assert_int_equal(g.verdict, GATE_CLOSED);
    assert_true(g.ms > 0 && g.ms <= p->gate.closed_ms);
    assert_string_equal(g.reason, "it is broken");
}

static void failures_in_a_row_close_it_others_do_not(void **state)
{
    struct place *p = need(state);
    for (int i = 0; i < 10; i++) {
        leave_as(p, GATE_FAILED, false);
        leave_as(p, GATE_FAILED, false);
        leave_as(p, GATE_OK, false);
    }
    assert_int_equal(enter(p, 1).verdict, GATE_GO);
    close_it(p);
}

static void exactly_one_probe(void **state)
{
    struct place *p = need(state);
    close_it(p);
    let_pass(p, "closed");
    expect_probe(p);
    for (int i = 0; i < 20; i++)
        assert_int_equal(enter(p, 1).verdict, GATE_CLOSED);
    leave_as(p, GATE_OK, true);
    for (int i = 0; i < 20; i++) {
        struct entry g = enter(p, 1);
        assert_true(g.verdict == GATE_GO && !g.is_probe);
    }
}

static void each_failed_probe_doubles_the_time(void **state)
{
    static const int64_t SPANS[] = {120000, 150000, 150000}; // from 60 s, at most 150
    struct place *p = need(state);
    close_it(p);
    for (size_t i = 0; i < ARRAY_LEN(SPANS); i++) {
        let_pass(p, "closed");
        expect_probe(p);
        leave_as(p, GATE_FAILED, true);
        leave_as(p, GATE_FAILED, false); // one that was on its way before it closed changes nothing
        struct entry g = enter(p, 1);
        assert_int_equal(g.verdict, GATE_CLOSED);
        assert_in_range(g.ms, SPANS[i] - 20000, SPANS[i]);
    }
}

static void a_probe_that_says_nothing_makes_room_for_another(void **state)
{
    static const enum gate_outcome NOTHING[] = {GATE_NOT_ASKED, GATE_GIVEN_UP};
    struct place *p = need(state);
    close_it(p);
    let_pass(p, "closed");
    for (size_t i = 0; i < ARRAY_LEN(NOTHING); i++) {
        expect_probe(p);
        assert_int_equal(enter(p, 1).verdict, GATE_CLOSED);
        leave_as(p, NOTHING[i], true);
    }
    expect_probe(p);
}

static void a_probe_that_is_lost_counts_for_its_time(void **state)
{
    struct place *p = need(state);
    close_it(p);
    let_pass(p, "closed");
    expect_probe(p);
    struct entry g = enter(p, 1);
    assert_int_equal(g.verdict, GATE_CLOSED);
    assert_in_range(g.ms, 1, p->gate.probe_ms);
    let_pass(p, "probe");
    expect_probe(p);
}

static void a_probe_heeds_the_limits(void **state)
{
    struct place *p = need(state);
    p->gate.requests_per_min = 1;
    p->gate.failures_max = 1;
    assert_int_equal(enter(p, 1).verdict, GATE_GO);
    leave_as(p, GATE_FAILED, false);
    assert_int_equal(enter(p, 1).verdict, GATE_CLOSED);
    let_pass(p, "closed");
    assert_int_equal(enter(p, 1).verdict, GATE_WAIT);
}

static void refused_closes_it_at_once(void **state)
{
    struct place *p = need(state);
    const struct gate_left refused = {
        .outcome = GATE_REFUSED, .used = -1, .closed_ms = 120000, .reason = "the key is wrong"};
    assert_int_equal(enter(p, 1).verdict, GATE_GO);
    leave(p, &refused);
    struct entry g = enter(p, 1);
    assert_int_equal(g.verdict, GATE_CLOSED);
    assert_string_equal(g.reason, "the key is wrong");
    assert_in_range(g.ms, 100000, 120000);
    let_pass(p, "closed");
    expect_probe(p);
    leave_as(p, GATE_OK, true);
    assert_int_equal(enter(p, 1).verdict, GATE_GO);
}

static void answers_that_are_none(void **state)
{
    struct gate_entered g;
    (void)state;
    assert_false(gate_entered(NULL, &g));
}

#define GATE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATE_TEST(without_limits_all_enter_and_nothing_is_kept),
        GATE_TEST(a_tenth_of_the_limit_enters_at_once_and_then_one_by_one),
        GATE_TEST(a_minute_has_no_more_than_the_limit),
        GATE_TEST(a_single_request_a_minute_is_one),
        GATE_TEST(units_are_limited_and_corrected),
        GATE_TEST(what_is_larger_than_a_burst_waits_until_nothing_is_owed),
        GATE_TEST(what_was_not_asked_is_given_back),
        GATE_TEST(limited_keeps_everybody_waiting),
        GATE_TEST(failures_in_a_row_close_it_others_do_not),
        GATE_TEST(exactly_one_probe),
        GATE_TEST(each_failed_probe_doubles_the_time),
        GATE_TEST(a_probe_that_says_nothing_makes_room_for_another),
        GATE_TEST(a_probe_that_is_lost_counts_for_its_time),
        GATE_TEST(a_probe_heeds_the_limits),
        GATE_TEST(refused_closes_it_at_once),
        cmocka_unit_test(answers_that_are_none),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
