// The queue's scripts on a real Redis (BUNDLE_TEST_REDIS, which scripts/test sets): the join, the fence and the events
// hold whatever order claims, ends, failures, crashes and repeats come in.

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "tests/unit/runtime/queue_limits.h"
#include "tests/unit/runtime/queue_world.h"

enum { JOBS_PER_TEST = 60 };

static uint64_t next_random(struct world *w) // xorshift64*
{
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return w->random * 2685821657736338717ull;
}

static unsigned below(struct world *w, unsigned n)
{
    return (unsigned)(next_random(w) >> 33) % n;
}

static void end_one(struct world *w)
{
    static const enum queue_outcome OUTCOMES[] = {QUEUE_DONE, QUEUE_DONE, QUEUE_DONE,  QUEUE_RETRY,
                                                  QUEUE_AWAY, QUEUE_BACK, QUEUE_FAILED};
    struct held *h = &w->held[below(w, (unsigned)w->n_held)];
    bool is_many = strcmp(h->stage, "many") == 0;
    // Only the split stage may lose tasks here, or most jobs would end at once.
    enum queue_outcome outcome = OUTCOMES[below(w, is_many ? 7 : 3)];
    bool was_open = is_open(w);
    enum queue_verdict verdict = settle(w, h, outcome);
    if (h->is_stale)
        assert_int_equal(verdict, QUEUE_FENCED);
    else if (h->is_ended)
        assert_int_not_equal(verdict, QUEUE_OK);
    else
        assert_int_equal(verdict, was_open ? QUEUE_OK : QUEUE_CLOSED);
    count_done(w, h, outcome, verdict);
    h->is_ended = true;
}

static void step(struct world *w)
{
    unsigned what = below(w, 10);
    if (what < 4 || w->n_held == 0) {
        if (draw(w, 1 + below(w, 3)) == 0)
            let_time_pass(w, NULL);
    } else if (what < 9) {
        end_one(w);
    } else {
        struct held *h = &w->held[below(w, (unsigned)w->n_held)];
        if (!h->is_ended && !h->is_stale) {
            let_time_pass(w, h);
            h->is_stale = true;
        }
    }
    if (is_open(w))
        check_places(w);
}

static void random_jobs_join(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < JOBS_PER_TEST; i++) {
        char answer[32];
        w->random = 0x9E3779B97F4A7C15ull * (i + 1);
        w->n_many = i % (TASKS_MAX + 1);
        w->has_io = i % 2;
        w->n_done = 0;
        w->n_held = 0;
        (void)snprintf(w->job, sizeof w->job, "job%u", i);
        assert_int_equal(admit(w, w->job, w->job, false, answer), QUEUE_ADMITTED);
        for (unsigned k = 0; k < 60 && w->n_held < HELD_MAX - 3 && is_open(w); k++)
            step(w);
        run_out(w);
        check_events(w);
        check_nothing_left(w);
    }
}

static void a_job_without_split_tasks_goes_on(void **state)
{
    struct world *w = *state;
    char answer[32], status[16];
    (void)snprintf(w->job, sizeof w->job, "none");
    w->n_many = 0;
    (void)admit(w, "none", "none", false, answer);
    assert_int_equal(draw(w, 5), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    assert_int_equal(draw(w, 5), 1);
    assert_string_equal(w->held[1].stage, "last");
    assert_int_equal(settle(w, &w->held[1], QUEUE_DONE), QUEUE_OK);
    job_field(w, "status", status, sizeof status);
    assert_string_equal(status, "final");
}

static void an_upload_has_one_open_job(void **state)
{
    struct world *w = *state;
    char answer[32];
    assert_int_equal(admit(w, "one", "up", false, answer), QUEUE_ADMITTED);
    assert_int_equal(admit(w, "two", "up", false, answer), QUEUE_JOINED);
    assert_string_equal(answer, "one");
    assert_int_equal(admit(w, "three", "up", true, answer), QUEUE_REPLACED);
    assert_string_equal(answer, "three");
    (void)snprintf(w->job, sizeof w->job, "one");
    assert_false(is_open(w));
    check_events(w);
    (void)snprintf(w->job, sizeof w->job, "three");
    assert_true(is_open(w));
    assert_int_equal(draw(w, 9), 1); // the replaced job's task is passed over
    assert_string_equal(w->held[0].ref, "three/first");
}

static void two_deaths_are_poison(void **state)
{
    struct world *w = *state;
    char answer[32], reason[64];
    (void)snprintf(w->job, sizeof w->job, "poison");
    (void)admit(w, "poison", "poison", false, answer);
    assert_int_equal(draw(w, 1), 1);
    let_time_pass(w, &w->held[0]);
    assert_true(is_open(w));
    assert_int_equal(draw(w, 1), 1);
    let_time_pass(w, &w->held[1]);
    assert_false(is_open(w));
    job_field(w, "reason", reason, sizeof reason);
    assert_non_null(strstr(reason, "poison"));
    check_events(w);
}

static void pass_the_deadline(struct world *w)
{
    redis_reply_free(plain(w, "ZADD", "open", "XX", "0", w->job, NULL));
    sweep(w);
}

static void a_deadline_ends_with_what_is_there(void **state)
{
    struct world *w = *state;
    char answer[32], partial[8], failed[256], status[16];
    (void)snprintf(w->job, sizeof w->job, "late");
    w->n_many = 3;
    w->n_done = 1;
    (void)admit(w, "late", "late", false, answer);
    assert_int_equal(draw(w, 1), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    assert_int_equal(draw(w, 2), 2);
    assert_int_equal(settle(w, &w->held[1], QUEUE_DONE), QUEUE_OK);
    pass_the_deadline(w);
    assert_int_equal(settle(w, &w->held[2], QUEUE_DONE), QUEUE_FENCED);
    assert_int_equal(draw(w, 5), 1); // which checks that the last stage gets exactly one result of the split one
    assert_string_equal(w->held[3].stage, "last");
    assert_int_equal(settle(w, &w->held[3], QUEUE_DONE), QUEUE_OK);
    job_field(w, "partial", partial, sizeof partial);
    job_field(w, "failed", failed, sizeof failed);
    job_field(w, "status", status, sizeof status);
    assert_string_equal(partial, "1");
    assert_non_null(strstr(failed, "job deadline"));
    assert_string_equal(status, "final");
    check_events(w);
    check_nothing_left(w);
}

static void a_deadline_with_nothing_there_fails(void **state)
{
    struct world *w = *state;
    char answer[32], status[16];
    (void)snprintf(w->job, sizeof w->job, "nothing");
    (void)admit(w, "nothing", "nothing", false, answer);
    assert_int_equal(draw(w, 1), 1);
    pass_the_deadline(w);
    job_field(w, "status", status, sizeof status);
    assert_string_equal(status, "failed");
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_CLOSED);
    check_events(w);
    check_nothing_left(w);
}

static void errors_are_tried_again_and_outages_burn_nothing(void **state)
{
    struct world *w = *state;
    char answer[32], status[16];
    (void)snprintf(w->job, sizeof w->job, "errors");
    (void)admit(w, "errors", "errors", false, answer);
    for (size_t i = 0; i < 10; i++) { // an outage is no attempt, however long
        assert_int_equal(draw(w, 1), 1);
        assert_int_equal(settle(w, &w->held[i], QUEUE_AWAY), QUEUE_OK);
        assert_int_equal(draw(w, 1), 0);
        let_time_pass(w, NULL);
    }
    for (size_t i = 10; i < 13; i++) { // three attempts are all there are
        assert_true(is_open(w));
        assert_int_equal(draw(w, 1), 1);
        assert_int_equal(settle(w, &w->held[i], QUEUE_RETRY), QUEUE_OK);
        let_time_pass(w, NULL);
    }
    job_field(w, "status", status, sizeof status);
    assert_string_equal(status, "failed");
    check_events(w);
    check_nothing_left(w);
}

static void cancelling_fences_what_runs(void **state)
{
    struct world *w = *state;
    char answer[32];
    struct redis_cmd c;
    (void)snprintf(w->job, sizeof w->job, "cancel");
    (void)admit(w, "cancel", "cancelled upload", false, answer);
    assert_int_equal(draw(w, 1), 1);
    const struct queue_cancellation whose = {STR(""), STR("shop"), STR("cancelled upload")};
    queue_cancel_cmd(&w->queue, STR(""), &whose, "Stopped", "test", &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_true(str_eq(redis_reply_str(redis_reply_at(r, 0)), STR("cancelled")));
    queue_beat_cmd(&w->queue, "test", STR("{}"), &c);
    redis_cmd_text(&c, w->held[0].ref);
    redis_cmd_text(&c, w->held[0].token);
    AUTO(redis_reply_freep) struct redis_reply *lost = ask(w, &c);
    assert_int_equal(redis_reply_size(lost), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_CLOSED);
    check_nothing_left(w);
    check_events(w);
}

static void a_bad_message_is_put_aside_once(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    redis_reply_free(plain(w, "RPUSH", "intake", "junk", NULL));
    for (int i = 0; i < 2; i++) {
        queue_reject_cmd(&w->queue, STR("junk"), "not a job", STR(""), STR(""), &c);
        redis_reply_free(ask(w, &c));
    }
    assert_int_equal(plain_int(w, "XLEN", "dead", NULL), 1);
    assert_int_equal(plain_int(w, "LLEN", "intake", NULL), 0);
}

static void shops_take_turns(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 6; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "fair%d", i);
        const struct queue_job j = {.id = str_of(id),
                                    .upload = str_of(id),
                                    .shop = i < 5 ? STR("big") : STR("small"),
                                    .payload = STR("payload")};
        (void)admit_job(w, &j);
    }
    assert_int_equal(draw(w, 2), 2);
    assert_string_equal(w->held[1].ref, "fair5/first"); // the small shop's only job is second, not sixth
}

// The first of a shop's jobs are begun; the next one not before there is little to do for these.
static void a_shop_ends_what_it_has_begun(void **state)
{
    struct world *w = *state;
    char answer[32];
    w->n_many = w->n_done = TASKS_MAX;
    for (int i = 0; i < 12; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "line%02d", i);
        (void)admit(w, id, id, false, answer);
    }
    for (int i = 0; i < 9; i++) { // 64 small tasks wait after eight of them, and then one is drawn
        w->n_held = 0;
        assert_int_equal(draw(w, 1), 1);
        assert_string_equal(w->held[0].stage, i < 8 ? "first" : "many");
        assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    }
    w->n_held = 0;
    assert_int_equal(draw(w, 1), 1);
    assert_string_equal(w->held[0].stage, "first"); // there are 63
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    unsigned n_many = 0, n_last = 0;
    for (bool is_last = false; !is_last; n_many++) { // what ends a job goes before what begins one
        w->n_held = 0;
        assert_int_equal(draw(w, 1), 1);
        is_last = strcmp(w->held[0].stage, "last") == 0;
        n_last += is_last;
        assert_true(is_last || strcmp(w->held[0].stage, "many") == 0);
        assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    }
    assert_int_equal(n_many, TASKS_MAX); // seven more of the first job, and its end
    assert_int_equal(n_last, 1);
}

static void a_shop_runs_no_more_than_its_cap(void **state)
{
    struct world *w = *state;
    struct queue_limits limits = QUEUE_TEST_LIMITS;
    limits.shop_running_max = 3;
    char name[QUEUE_NAME_MAX], answer[32];
    (void)snprintf(name, sizeof name, "test_queue-%d-capped", (int)getpid());
    queue_init(&w->queue, name, &limits);
    w->n_many = TASKS_MAX;
    (void)admit(w, "capped", "capped", false, answer);
    assert_int_equal(draw(w, 9), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    assert_int_equal(draw(w, 9), 3);
    assert_int_equal(draw(w, 9), 0);
    assert_int_equal(settle(w, &w->held[1], QUEUE_DONE), QUEUE_OK);
    assert_int_equal(draw(w, 9), 1);
}

static void urgent_tasks_are_not_held_ahead(void **state)
{
    struct world *w = *state;
    char answer[32];
    w->n_many = 4;
    (void)snprintf(w->job, sizeof w->job, "one");
    (void)admit(w, "one", "one", false, answer);
    assert_int_equal(draw_lanes(w, 9, 1, 0), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK); // four small tasks now
    for (int i = 0; i < 3; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "more%d", i);
        (void)admit(w, id, id, false, answer);
    }
    assert_int_equal(draw_lanes(w, 9, 2, 0), 6); // two of the three urgent ones, all four small ones
    assert_string_equal(w->held[1].stage, "first");
    assert_string_equal(w->held[2].stage, "first");
    assert_string_equal(w->held[3].stage, "many");
    assert_int_equal(plain_int(w, "LLEN", "wake", NULL), 1); // somebody else is told of the third
    assert_int_equal(draw_lanes(w, 9, 0, 0), 0);
    assert_int_equal(draw_lanes(w, 9, 1, 0), 1);
}

// ---- what an operator or a web developer may do ----

static void urgent_jobs_are_drawn_first_and_none_starves(void **state)
{
    struct world *w = *state;
    static const enum queue_priority PRIORITIES[] = {QUEUE_BULK, QUEUE_NORMAL, QUEUE_INTERACTIVE};
    unsigned bulk_first = 0;
    for (int i = 0; i < 30; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "p%d.%d", i % 3, i);
        const struct queue_job j = job_of(id, "shop", PRIORITIES[i % 3]);
        (void)admit_job(w, &j);
    }
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(draw(w, 1), 1);
        bulk_first += strncmp(w->held[i].ref, "p0.", 3) == 0;
        assert_int_not_equal(strncmp(w->held[i].ref, "p1.", 3), 0); // the middle ones wait for both
    }
    assert_in_range(bulk_first, 1, 2);
}

static void a_scheduled_job_waits_for_its_time(void **state)
{
    struct world *w = *state;
    struct queue_job j = job_of("later", "shop", QUEUE_NORMAL);
    j.delay_ms = 3600000;
    (void)snprintf(w->job, sizeof w->job, "later");
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    sweep(w);
    assert_int_equal(draw(w, 5), 0);
    assert_true(plain_int(w, "PTTL", "job:later", NULL) > QUEUE_LIFE_S * 1000ll);
    j.id = STR("now");
    j.delay_ms = 0;
    assert_int_equal(admit_job(w, &j), QUEUE_JOINED); // asked for again, without a delay: now it is
    sweep(w);
    assert_int_equal(draw(w, 5), 1);
    assert_string_equal(w->held[0].ref, "later/first");
}

static void a_run_id_is_unique_in_its_shop_only(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    struct queue_job one = job_of("one", "shop", QUEUE_NORMAL), other = job_of("other", "shop:2", QUEUE_NORMAL);
    one.upload = other.upload = STR("run");
    assert_int_equal(admit_job(w, &one), QUEUE_ADMITTED);
    assert_int_equal(admit_job(w, &other), QUEUE_ADMITTED);
    queue_find_cmd(&w->queue, STR("shop:2"), STR("run"), &c);
    AUTO(redis_reply_freep) struct redis_reply *found = ask(w, &c);
    assert_true(str_eq(redis_reply_str(redis_reply_at(found, 0)), STR("open")));
    assert_true(str_eq(redis_reply_str(redis_reply_at(found, 1)), STR("other")));
    assert_int_equal(plain_int(w, "EXISTS", "progress:shop%3A2:run", NULL), 1);
}

static void what_is_paused_is_not_drawn(void **state)
{
    struct world *w = *state;
    const struct queue_job a = job_of("a", "a", QUEUE_NORMAL), b = job_of("b", "b", QUEUE_NORMAL);
    set_paused(w, STR("a"), true);
    assert_int_equal(admit_job(w, &a), QUEUE_ADMITTED);
    assert_int_equal(admit_job(w, &b), QUEUE_ADMITTED);
    assert_int_equal(draw(w, 5), 1);
    assert_string_equal(w->held[0].ref, "b/first");
    set_paused(w, STR(""), true);
    set_paused(w, STR("a"), false);
    assert_int_equal(draw(w, 5), 0);
    (void)snprintf(w->job, sizeof w->job, "b");
    pass_the_deadline(w); // time stands still
    assert_true(is_open(w));
    set_paused(w, STR(""), false);
    assert_int_equal(plain_int(w, "LLEN", "wake", NULL), 1);
    assert_int_equal(draw(w, 5), 1);
    assert_string_equal(w->held[1].ref, "a/first");
}

static void what_came_to_nothing_can_be_asked_for_again(void **state)
{
    struct world *w = *state;
    struct queue_job j = job_of("twice", "shop", QUEUE_NORMAL);
    struct redis_cmd c;
    char id[32];
    (void)snprintf(w->job, sizeof w->job, "twice");
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    assert_int_equal(draw(w, 1), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_FAILED), QUEUE_OK);
    AUTO(redis_reply_freep) struct redis_reply *dead = plain(w, "XRANGE", "dead", "-", "+", NULL);
    assert_int_equal(redis_reply_size(dead), 1);
    (void)snprintf(id, sizeof id, STR_FMT, STR_ARG(redis_reply_str(redis_reply_at(redis_reply_at(dead, 0), 0))));
    for (int i = 0; i < 2; i++) {
        queue_retry_cmd(&w->queue, str_of(id), &c);
        AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
        assert_true(str_eq(redis_reply_str(r), i ? STR("unknown") : STR("retried")));
    }
    AUTO(redis_reply_freep) struct redis_reply *message = plain(w, "LPOP", "jobs", NULL);
    assert_true(str_eq(redis_reply_str(message), STR("payload")));
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED); // it failed: the same id begins anew
    assert_int_equal(draw(w, 1), 1);
    assert_int_equal(settle(w, &w->held[1], QUEUE_DONE), QUEUE_OK);
    assert_int_equal(draw(w, 1), 1);
    assert_int_equal(settle(w, &w->held[2], QUEUE_DONE), QUEUE_OK);
    check_events(w);
    assert_int_equal(admit_job(w, &j), QUEUE_JOINED); // it is final: its answer stands
}

static void ends_are_told_until_somebody_has_written_them(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    struct queue_end end;
    const struct queue_job j = job_of("lost", "shop", QUEUE_NORMAL);
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    const struct queue_cancellation whose = {.job = STR("lost")};
    queue_cancel_cmd(&w->queue, STR(""), &whose, "Stopped", "by the test", &c);
    redis_reply_free(ask(w, &c));
    for (int i = 0; i < 3; i++) {
        queue_sweep_cmd(&w->queue, &c);
        AUTO(redis_reply_freep) struct redis_reply *swept = ask(w, &c);
        assert_int_equal(queue_swept_ends(swept), i != 1); // the second: the first one is at it
        if (i != 1) {
            assert_true(queue_swept_end(swept, 0, &end));
            assert_true(str_eq(end.job, STR("lost")) && str_eq(end.state, STR("cancelled")));
            assert_true(str_eq(end.message, STR("Stopped")) && str_eq(end.reason, STR("by the test")));
        } else {
            redis_reply_free(plain(w, "ZADD", "ended", "XX", "0", "lost", NULL)); // it did not get there
        }
    }
    queue_told_cmd(&w->queue, &c);
    redis_cmd_text(&c, "lost");
    redis_reply_free(ask(w, &c));
    assert_int_equal(plain_int(w, "ZCARD", "ended", NULL), 0);
}

static void a_lost_answer_loses_no_task(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    char answer[32];
    struct queue_claim claim;
    w->n_many = 3;
    (void)snprintf(w->job, sizeof w->job, "job");
    (void)admit(w, "job", "job", false, answer);
    assert_int_equal(draw(w, 1), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    struct queue_turn turn = turn_of(w, 2, 2, 0, 0);
    queue_turn_begin(&w->queue, &turn, &c);
    redis_reply_free(ask(w, &c)); // nobody reads it
    turn.number++;
    queue_turn_begin(&w->queue, &turn, &c); // answered: still the one before
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_int_equal(queue_turn_claims(r), 3); // the two that were drawn, and the third that it asks for
    for (size_t i = 0; i < 3; i++) {
        assert_true(queue_turn_claim(r, i, &claim));
        assert_int_equal(claim.crashes, 0);
        struct held h = {.stage = "many"};
        (void)snprintf(h.ref, sizeof h.ref, "job/" STR_FMT, STR_ARG(claim.task));
        (void)snprintf(h.token, sizeof h.token, STR_FMT, STR_ARG(queue_turn_token(r)));
        assert_int_equal(settle(w, &h, QUEUE_DONE), QUEUE_OK);
    }
    check_places(w);
}

static void a_turn_that_comes_late_draws_nothing(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    for (int i = 0; i < 2; i++) {
        const struct queue_job j = job_of(i ? "b" : "a", "shop", QUEUE_NORMAL);
        assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    }
    struct queue_turn late = turn_of(w, 1, 1, 0, 0); // sent, and its connection given up
    struct queue_turn next = late;
    next.number++;
    queue_turn_begin(&w->queue, &next, &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_int_equal(queue_turn_claims(r), 1);
    queue_turn_begin(&w->queue, &late, &c);
    AUTO(redis_reply_freep) struct redis_reply *unheard = ask(w, &c);
    assert_int_equal(queue_turn_claims(unheard), 0);
    assert_int_equal(plain_int(w, "ZCARD", "leases", NULL), 1);
}

static void a_task_past_its_time_is_not_handed_back(void **state)
{
    struct world *w = *state;
    char answer[32], record[128];
    (void)snprintf(w->job, sizeof w->job, "slow");
    (void)admit(w, "slow", "slow", false, answer);
    assert_int_equal(draw(w, 1), 1);
    (void)snprintf(record, sizeof record, "l|0|0|1|1|%s", w->held[0].token); // its time was over long ago
    redis_reply_free(plain(w, "HSET", "job:slow:tasks", "first", record, NULL));
    assert_int_equal(settle(w, &w->held[0], QUEUE_BACK), QUEUE_OK);
    AUTO(redis_reply_freep) struct redis_reply *now = plain(w, "HGET", "job:slow:tasks", "first", NULL);
    assert_memory_equal(redis_reply_str(now).ptr, "d|1|0|", 6);
    assert_int_equal(plain_int(w, "HGET", "stats", "timeouts"), 1);
}

static void redis_stays_small(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 40; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "small%d", i);
        const struct queue_job j = job_of(id, "shop", QUEUE_NORMAL);
        assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
        w->n_held = 0;
        assert_int_equal(draw(w, 1), 1);
        assert_int_equal(settle(w, &w->held[0], i % 2 ? QUEUE_FAILED : QUEUE_DONE), QUEUE_OK);
        if (i % 2 == 0) {
            assert_int_equal(draw(w, 1), 1);
            assert_int_equal(settle(w, &w->held[1], QUEUE_DONE), QUEUE_OK);
        }
    }
    int64_t jobs = 0, progress = 0;
    for (int i = 0; i < 40; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "job:small%d", i);
        jobs += plain_int(w, "EXISTS", key, NULL);
        (void)snprintf(key, sizeof key, "progress:shop:small%d", i);
        progress += plain_int(w, "EXISTS", key, NULL);
    }
    assert_int_equal(jobs, 5);
    assert_int_equal(progress, 5);
    assert_int_equal(plain_int(w, "ZCARD", "kept", NULL), 5);
    assert_int_equal(plain_int(w, "XLEN", "dead", NULL), 10); // of the 20
}

static void what_is_out_of_order_is_mended(void **state)
{
    struct world *w = *state;
    char answer[32];
    w->n_many = 4;
    (void)snprintf(w->job, sizeof w->job, "job");
    (void)admit(w, "job", "job", false, answer);
    assert_int_equal(draw(w, 1), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_DONE), QUEUE_OK);
    assert_int_equal(draw(w, 1), 1);
    assert_int_equal(look_closely(w), 0);
    redis_reply_free(plain(w, "ZREM", "leases", w->held[1].ref, NULL)); // leased by nobody
    assert_int_equal(look_closely(w), 1);
    redis_reply_free(plain(w, "DEL", "ready:2:shop", NULL)); // four that wait nowhere
    redis_reply_free(plain(w, "DEL", "ring:0", NULL));
    assert_int_equal(look_closely(w), 4);
    redis_reply_free(plain(w, "DEL", "ring:0", NULL)); // a shop that nobody visits
    assert_int_equal(look_closely(w), 1);
    assert_int_equal(look_closely(w), 0);
    check_places(w);
    w->n_held = 0;
    run_out(w);
    check_events(w);
    check_nothing_left(w);
}

// A job id is nobody else's: it neither joins, nor answers for, nor erases another upload's job.
static void a_job_id_is_of_one_upload(void **state)
{
    struct world *w = *state;
    char answer[32];
    (void)snprintf(w->job, sizeof w->job, "id");
    assert_int_equal(admit(w, "id", "mine", false, answer), QUEUE_ADMITTED);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(admit(w, "id", "another", i == 1, answer), QUEUE_TAKEN);
        assert_true(is_open(w));
    }
    assert_int_equal(plain_int(w, "XLEN", "dead", NULL), 2);
    assert_int_equal(draw(w, 1), 1);
    assert_int_equal(settle(w, &w->held[0], QUEUE_FAILED), QUEUE_OK);
    assert_int_equal(admit(w, "id", "another", false, answer), QUEUE_TAKEN); // its end is still there to be read
    assert_int_equal(admit(w, "id", "mine", false, answer), QUEUE_ADMITTED);
    assert_true(is_open(w));
}

static void a_joined_job_waits_where_it_is_looked_for(void **state)
{
    struct world *w = *state;
    struct queue_job j = job_of("patient", "shop", QUEUE_BULK);
    (void)snprintf(w->job, sizeof w->job, "patient");
    assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
    j.priority = QUEUE_INTERACTIVE;
    assert_int_equal(admit_job(w, &j), QUEUE_JOINED);
    assert_int_equal(plain_int(w, "LLEN", "ready:7:shop", NULL), 0);
    assert_int_equal(plain_int(w, "LLEN", "ready:1:shop", NULL), 1);
    assert_int_equal(look_closely(w), 0);
    check_places(w);
    assert_int_equal(draw(w, 9), 1);
    assert_int_equal(draw(w, 9), 0);
    assert_int_equal(plain_int(w, "EXISTS", "ring:0", NULL) + plain_int(w, "EXISTS", "ring:2", NULL), 0);
}

static struct str cancel_by(struct world *w, const char *raw, struct redis_reply **reply)
{
    struct redis_cmd c;
    const struct queue_cancellation whose = {STR("job"), STR(""), STR("")};
    queue_cancel_cmd(&w->queue, str_of(raw), &whose, "Stopped", "test", &c);
    *reply = ask(w, &c);
    return redis_reply_str(redis_reply_at(*reply, 0));
}

// Two workers: one has the job's message, the other the cancellation behind it.
static void a_cancellation_keeps_its_place(void **state)
{
    struct world *w = *state;
    const struct queue_job j = job_of("job", "shop", QUEUE_NORMAL);
    (void)snprintf(w->job, sizeof w->job, "job");
    redis_reply_free(plain(w, "RPUSH", "intake", "its message", "cancel it", NULL));
    AUTO(redis_reply_freep) struct redis_reply *early = NULL;
    assert_true(str_eq(cancel_by(w, "cancel it", &early), STR("waits")));
    assert_int_equal(plain_int(w, "LLEN", "intake", NULL), 2);
    assert_int_equal(admit_message(w, STR("its message"), &j), QUEUE_ADMITTED);
    assert_true(is_open(w));
    AUTO(redis_reply_freep) struct redis_reply *now = NULL;
    assert_true(str_eq(cancel_by(w, "cancel it", &now), STR("cancelled")));
    AUTO(redis_reply_freep) struct redis_reply *again = NULL;
    assert_true(str_eq(cancel_by(w, "cancel it", &again), STR("gone")));
    assert_int_equal(plain_int(w, "LLEN", "intake", NULL), 0);
    assert_false(is_open(w));
}

// Two workers, each with a request for the same upload: the one that was pushed last is what the shop wants.
static void a_request_is_not_replaced_by_an_older_one(void **state)
{
    struct world *w = *state;
    struct queue_job older = job_of("older", "shop", QUEUE_NORMAL), newer = job_of("newer", "shop", QUEUE_NORMAL);
    older.is_forced = true;
    older.upload = newer.upload;
    (void)snprintf(w->job, sizeof w->job, "newer");
    redis_reply_free(plain(w, "RPUSH", "intake", "the older", "the newer", NULL));
    assert_int_equal(admit_message(w, STR("the newer"), &newer), QUEUE_ADMITTED);
    assert_int_equal(admit_message(w, STR("the older"), &older), QUEUE_JOINED);
    assert_true(is_open(w));
    redis_reply_free(plain(w, "RPUSH", "intake", "the older", NULL)); // the same words once more: now the newest
    assert_int_equal(admit_message(w, STR("the older"), &older), QUEUE_REPLACED);
    assert_false(is_open(w));
}

// ... also when the newer one has had its answer before the older one's worker was found to be dead.
static void a_request_is_not_redone_by_an_older_one(void **state)
{
    struct world *w = *state;
    struct queue_job older = job_of("older", "shop", QUEUE_NORMAL), newer = job_of("newer", "shop", QUEUE_NORMAL);
    older.upload = newer.upload;
    (void)snprintf(w->job, sizeof w->job, "newer");
    redis_reply_free(plain(w, "RPUSH", "intake", "the older", "the newer", NULL));
    assert_int_equal(admit_message(w, STR("the newer"), &newer), QUEUE_ADMITTED);
    run_out(w);
    assert_false(is_open(w));
    assert_int_equal(admit_message(w, STR("the older"), &older), QUEUE_JOINED);
    assert_false(is_open(w));
    assert_int_equal(plain_int(w, "LLEN", "intake", NULL), 0);
    redis_reply_free(plain(w, "RPUSH", "intake", "the older", NULL));
    assert_int_equal(admit_message(w, STR("the older"), &older), QUEUE_ADMITTED);
}

// ... nor does a cancellation come back for ever: the job is among the dead.
static void a_spoilt_job_can_be_cancelled(void **state)
{
    struct world *w = *state;
    static const char *const KEYS[] = {"job:job", "job:job:open"};
    const struct queue_job j = job_of("job", "shop", QUEUE_NORMAL);
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        assert_int_equal(admit_job(w, &j), QUEUE_ADMITTED);
        redis_reply_free(plain(w, "RPUSH", "intake", "cancel it", NULL));
        redis_reply_free(plain(w, "SET", KEYS[i], "spoilt", NULL));
        AUTO(redis_reply_freep) struct redis_reply *r = NULL;
        assert_true(str_eq(cancel_by(w, "cancel it", &r), STR("unknown")));
        assert_int_equal(plain_int(w, "LLEN", "intake", NULL), 0);
        assert_int_equal(plain_int(w, "ZCARD", "open", NULL), 0);
        assert_int_equal(plain_int(w, "XLEN", "dead", NULL), i + 1);
    }
}

static void what_is_too_large_is_put_aside_by_a_sweep(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    static char large[70000];
    memset(large, 'x', sizeof large - 1);
    redis_reply_free(plain(w, "RPUSH", "intake", "small", large, "small too", NULL));
    queue_sweep_cmd(&w->queue, &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_int_equal(queue_swept_messages(r), 2);
    assert_int_equal(plain_int(w, "LLEN", "intake", NULL), 2);
    assert_int_equal(plain_int(w, "XLEN", "dead", NULL), 1);
    AUTO(redis_reply_freep) struct redis_reply *counted = plain(w, "HGET", "stats", "jobs_rejected", NULL);
    assert_true(str_eq(redis_reply_str(counted), STR("1")));
}

// Whatever key of a job is spoilt, however: the other job is drawn and ends.
static void a_spoilt_job_costs_itself(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *key, *field; // field NULL: the key becomes a text
    } SPOILT[] = {{"job:bad", NULL},          {"job:bad:tasks", NULL}, {"job:bad:open", NULL},
                  {"job:bad:tasks", "first"}, {"job:bad", "stage"},    {"job:bad", "plan"},
                  {"job:bad", "priority"},    {"job:bad", "created"},  {"job:bad:results", NULL}};
    const struct queue_job good = job_of("good", "b", QUEUE_NORMAL), bad = job_of("bad", "a", QUEUE_NORMAL);
    for (size_t i = 0; i < ARRAY_LEN(SPOILT); i++) {
        redis_reply_free(plain(w, "DEL", "job:good", NULL));
        redis_reply_free(plain(w, "DEL", "job:bad", NULL));
        redis_reply_free(plain(w, "DEL", "job:bad:tasks", NULL));
        redis_reply_free(plain(w, "DEL", "job:bad:open", NULL));
        redis_reply_free(plain(w, "DEL", "job:bad:results", NULL));
        w->n_held = 0;
        assert_int_equal(admit_job(w, &bad), QUEUE_ADMITTED);
        assert_int_equal(admit_job(w, &good), QUEUE_ADMITTED);
        if (SPOILT[i].field)
            redis_reply_free(plain(w, "HSET", SPOILT[i].key, SPOILT[i].field, "spoilt", NULL));
        else
            redis_reply_free(plain(w, "SET", SPOILT[i].key, "spoilt", NULL));
        for (int round = 0; round < 4; round++) {
            w->n_held = 0;
            (void)draw(w, 5);
            for (size_t k = 0; k < w->n_held; k++)
                (void)settle(w, &w->held[k], QUEUE_DONE);
            let_time_pass(w, NULL);
        }
        char status[16] = "";
        (void)snprintf(w->job, sizeof w->job, "good");
        job_field(w, "status", status, sizeof status);
        assert_string_equal(status, "final");
        assert_int_equal(plain_int(w, "ZCARD", "leases", NULL), 0);
    }
}

static enum queue_once once(struct world *w, const struct held *h, const char *outdated, char value[32])
{
    struct redis_cmd c;
    struct str text;
    enum queue_once what;
    queue_once_cmd(&w->queue, STR("thing"), str_of(h->ref), str_of(h->token), str_of(outdated), &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_true(queue_once_reply(r, &what, &text));
    (void)snprintf(value, 32, STR_FMT, STR_ARG(text));
    return what;
}

static void a_thing_is_made_by_one_at_a_time(void **state)
{
    struct world *w = *state;
    char answer[32], value[32];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(answer, sizeof answer, "job%d", i);
        assert_int_equal(admit(w, answer, answer, false, answer), QUEUE_ADMITTED);
    }
    assert_int_equal(draw(w, 3), 3);
    const struct held *first = &w->held[0], *second = &w->held[1], *third = &w->held[2];
    assert_int_equal(once(w, first, "", value), QUEUE_ONCE_YOURS);
    assert_int_equal(once(w, first, "", value), QUEUE_ONCE_YOURS); // asking again changes nothing
    assert_int_equal(once(w, second, "", value), QUEUE_ONCE_WAIT);
    assert_in_range(plain_int(w, "PTTL", "maker:thing", NULL), 1, 60000); // the task's own limit
    // The maker dies: its lease runs out, and who asks next takes over; it has no say any more.
    redis_reply_free(plain(w, "ZADD", "leases", "XX", "0", first->ref, NULL));
    assert_int_equal(once(w, second, "", value), QUEUE_ONCE_YOURS);
    assert_int_equal(once(w, third, "", value), QUEUE_ONCE_WAIT);
    assert_int_equal(once(w, first, "", value), QUEUE_ONCE_LOST);
    // The maker ends without having made it.
    assert_int_equal(settle(w, second, QUEUE_AWAY), QUEUE_OK);
    assert_int_equal(once(w, third, "", value), QUEUE_ONCE_YOURS);
    struct redis_cmd made;
    queue_made_cmd(&w->queue, STR("thing"), STR("here"), 60, &made);
    redis_reply_free(ask(w, &made));
    assert_int_equal(once(w, first, "", value), QUEUE_ONCE_KNOWN);
    assert_string_equal(value, "here");
    assert_in_range(plain_int(w, "TTL", "made:thing", NULL), 1, 60);
    assert_int_equal(once(w, third, "there", value), QUEUE_ONCE_KNOWN);
    assert_int_equal(once(w, third, "here", value), QUEUE_ONCE_YOURS); // no good: made again
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_world_setup, queue_world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(random_jobs_join),
        TEST(urgent_jobs_are_drawn_first_and_none_starves),
        TEST(a_scheduled_job_waits_for_its_time),
        TEST(a_run_id_is_unique_in_its_shop_only),
        TEST(what_is_paused_is_not_drawn),
        TEST(what_came_to_nothing_can_be_asked_for_again),
        TEST(ends_are_told_until_somebody_has_written_them),
        TEST(a_lost_answer_loses_no_task),
        TEST(a_turn_that_comes_late_draws_nothing),
        TEST(a_task_past_its_time_is_not_handed_back),
        TEST(redis_stays_small),
        TEST(what_is_out_of_order_is_mended),
        TEST(a_spoilt_job_costs_itself),
        TEST(a_spoilt_job_can_be_cancelled),
        TEST(a_request_is_not_replaced_by_an_older_one),
        TEST(a_request_is_not_redone_by_an_older_one),
        TEST(a_job_without_split_tasks_goes_on),
        TEST(an_upload_has_one_open_job),
        TEST(two_deaths_are_poison),
        TEST(a_deadline_ends_with_what_is_there),
        TEST(a_deadline_with_nothing_there_fails),
        TEST(errors_are_tried_again_and_outages_burn_nothing),
        TEST(cancelling_fences_what_runs),
        TEST(a_bad_message_is_put_aside_once),
        TEST(shops_take_turns),
        TEST(a_shop_ends_what_it_has_begun),
        TEST(a_shop_runs_no_more_than_its_cap),
        TEST(a_job_id_is_of_one_upload),
        TEST(a_joined_job_waits_where_it_is_looked_for),
        TEST(a_cancellation_keeps_its_place),
        TEST(what_is_too_large_is_put_aside_by_a_sweep),
        TEST(urgent_tasks_are_not_held_ahead),
        TEST(a_thing_is_made_by_one_at_a_time),
    };
    if (!getenv("BUNDLE_TEST_REDIS")) {
        (void)puts("skipped: BUNDLE_TEST_REDIS names no Redis (scripts/test sets it)");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
