// The queue's two lanes on a real Redis (BUNDLE_TEST_REDIS, which scripts/test sets): what computes and what waits for
// somebody else stand in nobody's way, and all that holds of the one holds of the other.

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/queue_admin.h"
#include "tests/unit/runtime/queue_world.h"

// A job whose n tasks of I/O wait.
static void split_job(struct world *w, const char *id, const char *shop, enum queue_priority priority, unsigned n)
{
    const struct queue_job j = job_of(id, shop, priority);
    w->has_io = true;
    w->n_many = n;
    w->n_held = 0;
    (void)snprintf(w->job, sizeof w->job, "%s", id);
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    assert_int_equal(draw_lanes(w, 1, 1, 0), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    w->n_held = 0;
}

static void take_markers(struct world *w)
{
    redis_reply_free(plain(w, "DEL", "wake", NULL));
    redis_reply_free(plain(w, "DEL", "wake:io", NULL));
}

static void expect_markers(struct world *w, int64_t compute, int64_t io)
{
    assert_int_equal(plain_int(w, "LLEN", "wake", NULL), compute);
    assert_int_equal(plain_int(w, "LLEN", "wake:io", NULL), io);
}

static void each_lane_is_drawn_for_itself(void **state)
{
    struct world *w = *state;
    split_job(w, "io", "shop", QUEUE_NORMAL, 6);
    assert_int_equal(draw_lanes(w, 9, 9, 0), 0);
    assert_int_equal(draw_lanes(w, 0, 0, 2), 2);
    assert_string_equal(w->held[0].stage, "many");
    const struct queue_job j = job_of("next", "shop", QUEUE_NORMAL);
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    assert_int_equal(draw_lanes(w, 0, 0, 1), 1);
    assert_string_equal(w->held[2].stage, "many");
    assert_int_equal(draw_lanes(w, 9, 9, 2), 3); // what computes and what does not, neither counting for the other
    assert_string_equal(w->held[3].ref, "next/first");
    assert_string_equal(w->held[4].stage, "many");
    assert_string_equal(w->held[5].stage, "many");
    assert_int_equal(draw_lanes(w, 9, 9, 9), 1);
    check_places(w);
    assert_int_equal(plain_int(w, "EXISTS", "ring:4", NULL), 0);
}

// A turn that wants one lane comes across nothing of the other: else it would stumble here.
static void a_lane_that_is_not_wanted_is_not_looked_at(void **state)
{
    struct world *w = *state;
    split_job(w, "io", "shop", QUEUE_NORMAL, 3);
    const struct queue_job j = job_of("next", "shop", QUEUE_NORMAL);
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    redis_reply_free(plain(w, "SET", "ring:4", "spoilt", NULL));
    redis_reply_free(plain(w, "SET", "ready:10:shop", "spoilt", NULL));
    assert_int_equal(draw_lanes(w, 9, 9, 0), 1);
    redis_reply_free(plain(w, "DEL", "ready:10:shop", NULL));
    redis_reply_free(plain(w, "DEL", "ring:4", NULL));
    assert_int_equal(look_closely(w), 3);
    redis_reply_free(plain(w, "SET", "ring:1", "spoilt", NULL));
    redis_reply_free(plain(w, "SET", "ready:4:shop", "spoilt", NULL));
    assert_int_equal(draw_lanes(w, 0, 0, 9), 3);
}

static void a_lane_wakes_who_has_room_in_it(void **state)
{
    struct world *w = *state;
    const struct queue_job j = job_of("io", "shop", QUEUE_NORMAL);
    w->has_io = true;
    w->n_many = 3;
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    expect_markers(w, 1, 0);
    assert_int_equal(draw_lanes(w, 1, 1, 0), 1);
    take_markers(w);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    expect_markers(w, 0, 1);
    take_markers(w);
    assert_int_equal(draw_lanes(w, 1, 1, 2), 2);
    expect_markers(w, 0, 1); // more than this one takes
    take_markers(w);
    assert_int_equal(draw_lanes(w, 9, 9, 0), 0);
    expect_markers(w, 0, 0); // it has no room there, and says nothing
    assert_int_equal(draw_lanes(w, 9, 9, 1), 1);
    expect_markers(w, 0, 0); // there is no more
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(settle(w, &w->held[i], QUEUE_DONE), QUEUE_OK);
    expect_markers(w, 1, 0); // the last stage computes
}

static void pass_wake(struct world *w, enum queue_lane lane)
{
    struct redis_cmd c;
    queue_pass_wake_cmd(&w->queue, lane, &c);
    redis_reply_free(ask(w, &c));
}

static void a_marker_is_passed_on_where_there_is_a_reason(void **state)
{
    struct world *w = *state;
    split_job(w, "io", "shop", QUEUE_NORMAL, 1);
    take_markers(w);
    pass_wake(w, QUEUE_LANE_COMPUTE);
    expect_markers(w, 0, 0);
    pass_wake(w, QUEUE_LANE_IO);
    pass_wake(w, QUEUE_LANE_IO);
    expect_markers(w, 0, 1);
    take_markers(w);
    assert_int_equal(draw_lanes(w, 0, 0, 2), 1);
    pass_wake(w, QUEUE_LANE_IO);
    expect_markers(w, 0, 0);
}

static void shops_and_priorities_take_turns_in_io_too(void **state)
{
    struct world *w = *state;
    split_job(w, "big", "big", QUEUE_NORMAL, TASKS_MAX);
    split_job(w, "small", "small", QUEUE_NORMAL, 1);
    split_job(w, "bulk", "bulk", QUEUE_BULK, TASKS_MAX);
    assert_int_equal(draw_lanes(w, 0, 0, 4), 4);
    unsigned n_small = 0;
    for (size_t i = 0; i < 4; i++)
        n_small += strcmp(w->held[i].ref, "small/t0") == 0;
    assert_int_equal(n_small, 1);
    split_job(w, "now", "now", QUEUE_INTERACTIVE, TASKS_MAX);
    unsigned n_now = 0, n_bulk = 0;
    for (size_t i = 0; i < TASKS_MAX; i++) {
        assert_int_equal(draw_lanes(w, 0, 0, 1), 1);
        n_now += strncmp(w->held[i].ref, "now/", 4) == 0;
        n_bulk += strncmp(w->held[i].ref, "bulk/", 5) == 0;
    }
    assert_int_equal(n_bulk, 1); // every eighth turn goes the other way round
    assert_int_equal(n_now, TASKS_MAX - 1);
}

static void a_pause_and_a_cap_hold_in_io_too(void **state)
{
    struct world *w = *state;
    char *cap = strstr(w->queue.limits, "shop_running_max=100");
    assert_non_null(cap);
    memcpy(cap, "shop_running_max=003", strlen("shop_running_max=003"));
    split_job(w, "a", "a", QUEUE_NORMAL, 5);
    split_job(w, "b", "b", QUEUE_NORMAL, 1);
    set_paused(w, STR("b"), true);
    assert_int_equal(draw_lanes(w, 0, 0, 9), 3);
    assert_int_equal(draw_lanes(w, 0, 0, 9), 0);
    set_paused(w, STR(""), true);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    assert_int_equal(draw_lanes(w, 0, 0, 9), 0);
    take_markers(w);
    set_paused(w, STR("b"), false);
    set_paused(w, STR(""), false);
    expect_markers(w, 0, 1);
    assert_int_equal(draw_lanes(w, 0, 0, 9), 2); // one of each shop
}

static void a_lost_answer_loses_nothing_of_either_lane(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    split_job(w, "io", "shop", QUEUE_NORMAL, 4);
    const struct queue_job j = job_of("next", "shop", QUEUE_NORMAL);
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    struct queue_turn turn = turn_of(w, 1, 1, 2, 0);
    queue_turn_begin(&w->queue, &turn, &c);
    redis_reply_free(ask(w, &c)); // nobody reads it
    turn.number++;
    turn.want = turn.want_urgent = 0;
    turn.want_io = 1;
    queue_turn_begin(&w->queue, &turn, &c); // answered: still the one before
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_int_equal(queue_turn_claims(r), 4); // the three that were drawn, and the one that it asks for
    assert_int_equal(plain_int(w, "ZCARD", "leases", NULL), 4);
    assert_int_equal(plain_int(w, "LLEN", "ready:10:shop", NULL), 1);
    check_places(w);
}

static void what_is_handed_back_or_lost_waits_in_its_lane(void **state)
{
    struct world *w = *state;
    split_job(w, "io", "shop", QUEUE_NORMAL, 3);
    assert_int_equal(draw_lanes(w, 0, 0, 3), 3);
    assert_int_equal(settle(w, &w->held[1], QUEUE_BACK), QUEUE_OK);
    assert_int_equal(plain_int(w, "LLEN", "ready:10:shop", NULL), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_AWAY), QUEUE_OK);
    let_time_pass(w, &w->held[2]); // its worker died, and the one that was away is due
    assert_int_equal(plain_int(w, "LLEN", "ready:10:shop", NULL), 3);
    take_markers(w);
    assert_int_equal(draw_lanes(w, 9, 9, 1), 1);
    assert_string_equal(w->held[3].stage, "many");
    expect_markers(w, 0, 1);
    count_done(w, &w->held[3], QUEUE_DONE, settle(w, &w->held[3], QUEUE_DONE));
    w->n_held = 0;
    run_out(w);
    check_events(w);
    check_nothing_left(w);
}

static void a_hurry_moves_what_waits_in_io(void **state)
{
    struct world *w = *state;
    split_job(w, "job", "shop", QUEUE_BULK, 3);
    const struct queue_job again = job_of("job", "shop", QUEUE_INTERACTIVE);
    assert_int_equal(admit_job(w, &again), QUEUE_JOINED);
    assert_int_equal(plain_int(w, "LLEN", "ready:11:shop", NULL), 0);
    assert_int_equal(plain_int(w, "LLEN", "ready:9:shop", NULL), 3);
    assert_int_equal(look_closely(w), 0);
    check_places(w);
    assert_int_equal(draw_lanes(w, 0, 0, 9), 3);
    assert_int_equal(plain_int(w, "EXISTS", "ring:3", NULL), 0);
}

// The audit of one key: what it found, and whether mending it helped.
static void expect_finding(struct world *w, const char *key, const char *what)
{
    for (int i = 0; i < 2; i++) {
        struct redis_cmd c;
        AUTO(buf_fini) struct buf full;
        buf_init(&full, 512);
        queue_key(&w->queue, key, STR(""), &full);
        queue_audit_cmd(&w->queue, true, &c);
        redis_cmd_str(&c, buf_str(&full));
        AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
        assert_int_equal(redis_reply_size(r), i == 0 ? 3 : 0);
        assert_true(i == 1 || str_eq(redis_reply_str(redis_reply_at(r, 0)), str_of(what)));
    }
}

static void the_audit_knows_the_lane(void **state)
{
    struct world *w = *state;
    split_job(w, "io", "shop", QUEUE_NORMAL, 3);
    redis_reply_free(plain(w, "RPUSH", "ring:4", "ghost", NULL));
    expect_finding(w, "ring:4", "shop in a ring without tasks");
    redis_reply_free(plain(w, "RPUSH", "ring:4", "shop", NULL));
    expect_finding(w, "ring:4", "shop twice in a ring");
    redis_reply_free(plain(w, "DEL", "ring:4", NULL));
    expect_finding(w, "ready:10:shop", "tasks of a shop that is in no ring");
    redis_reply_free(plain(w, "RPUSH", "wake:io", "1", "1", NULL));
    expect_finding(w, "wake:io", "more than one wake marker");
    redis_reply_free(plain(w, "DEL", "ready:10:shop", NULL));
    redis_reply_free(plain(w, "DEL", "ring:4", NULL));
    take_markers(w);
    assert_int_equal(look_closely(w), 3); // the sweep puts them where they belong
    expect_markers(w, 0, 1);
    assert_int_equal(draw_lanes(w, 0, 0, 9), 3);
}

static int64_t waiting(const struct redis_reply *ready, enum queue_priority p, enum queue_urgency u)
{
    return redis_reply_int(redis_reply_at(redis_reply_at(ready, 3 * (size_t)p + (size_t)u), 2));
}

static void operators_see_what_waits_for_io(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    struct queue_overview o;
    split_job(w, "io", "shop", QUEUE_BULK, 3);
    const struct queue_job j = job_of("next", "shop", QUEUE_NORMAL);
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    queue_overview_cmd(&w->queue, 10, &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_true(queue_overview_reply(r, &o));
    assert_int_equal(waiting(o.ready, QUEUE_BULK, QUEUE_IO), 3);
    assert_int_equal(waiting(o.ready, QUEUE_BULK, QUEUE_MANY), 0);
    assert_int_equal(waiting(o.ready, QUEUE_NORMAL, QUEUE_URGENT), 1);
    assert_int_equal(waiting(o.ready, QUEUE_NORMAL, QUEUE_IO), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_world_setup, queue_world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_lane_is_drawn_for_itself),
        TEST(a_lane_that_is_not_wanted_is_not_looked_at),
        TEST(a_lane_wakes_who_has_room_in_it),
        TEST(a_marker_is_passed_on_where_there_is_a_reason),
        TEST(shops_and_priorities_take_turns_in_io_too),
        TEST(a_pause_and_a_cap_hold_in_io_too),
        TEST(a_lost_answer_loses_nothing_of_either_lane),
        TEST(what_is_handed_back_or_lost_waits_in_its_lane),
        TEST(a_hurry_moves_what_waits_in_io),
        TEST(the_audit_knows_the_lane),
        TEST(operators_see_what_waits_for_io),
    };
    if (!getenv("BUNDLE_TEST_REDIS")) {
        (void)puts("skipped: BUNDLE_TEST_REDIS names no Redis (scripts/test sets it)");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
