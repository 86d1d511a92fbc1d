#include "tests/unit/runtime/queue_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/check.h"
#include "tests/unit/runtime/queue_limits.h"

enum { CLASSES = 12 };

#define STAGES(urgency_of_many)                                                                                        \
    {                                                                                                                  \
        {.name = "first", .message = "First", .from = 1, .to = 50, .is_required = true, .timeout_ms = 60000},          \
            {.name = "many",                                                                                           \
             .message = "Many",                                                                                        \
             .urgency = (urgency_of_many),                                                                             \
             .from = 50,                                                                                               \
             .to = 70,                                                                                                 \
             .is_split = true,                                                                                         \
             .timeout_ms = 60000},                                                                                     \
            {.name = "last", .message = "Last", .from = 70, .to = 100, .is_required = true, .timeout_ms = 60000},      \
    }
static const struct queue_stage PLAN[] = STAGES(QUEUE_MANY), PLAN_IO[] = STAGES(QUEUE_IO);

struct redis_reply *ask(struct world *w, struct redis_cmd *c)
{
    struct redis_reply *reply = NULL;
    struct err e = {0};
    bool ok = redis_call(w->redis, c, &reply, &e);
    redis_cmd_fini(c);
    if (!ok)
        fail_msg("%s", e.message);
    return reply;
}

// A plain command on a key of the queue; arguments end with NULL.
struct redis_reply *plain(struct world *w, const char *name, const char *key, ...)
{
    struct redis_cmd c;
    char full[256];
    va_list args;
    const char *arg;
    (void)snprintf(full, sizeof full, "%s:%s", w->queue.key, key);
    redis_cmd_init(&c, name);
    redis_cmd_text(&c, full);
    va_start(args, key);
    while ((arg = va_arg(args, const char *)))
        redis_cmd_text(&c, arg);
    va_end(args);
    return ask(w, &c);
}

int64_t plain_int(struct world *w, const char *name, const char *key, const char *arg)
{
    AUTO(redis_reply_freep) struct redis_reply *r = plain(w, name, key, arg, NULL);
    return redis_reply_int(r);
}

void job_field(struct world *w, const char *field, char *out, size_t size)
{
    char key[64];
    (void)snprintf(key, sizeof key, "job:%s", w->job);
    AUTO(redis_reply_freep) struct redis_reply *r = plain(w, "HGET", key, field, NULL);
    (void)snprintf(out, size, STR_FMT, STR_ARG(redis_reply_str(r)));
}

bool is_open(struct world *w)
{
    char state[16];
    job_field(w, "state", state, sizeof state);
    return strcmp(state, "open") == 0;
}

enum queue_admission admit(struct world *w, const char *job, const char *upload, bool is_forced, char *answer)
{
    struct redis_cmd c;
    const struct queue_job j = {.id = str_of(job),
                                .upload = str_of(upload),
                                .shop = STR("shop"),
                                .is_forced = is_forced,
                                .payload = STR("payload")};
    queue_admit_cmd(&w->queue, (struct str){"", 0}, &j, w->has_io ? PLAN_IO : PLAN, ARRAY_LEN(PLAN), &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    struct queue_admitted admitted;
    assert_true(queue_admit_reply(r, &admitted));
    assert_true(str_eq(admitted.upload, str_of(upload)));
    assert_true(str_eq(admitted.shop, STR("shop")));
    (void)snprintf(answer, 32, STR_FMT, STR_ARG(admitted.job));
    return admitted.what;
}

struct queue_turn turn_of(struct world *w, unsigned want, unsigned want_urgent, unsigned want_io,
                          unsigned n_settlements)
{
    w->turns++;
    return (struct queue_turn){.worker = "test",
                               .number = w->turns,
                               .answered = w->turns - 1,
                               .want = want,
                               .want_urgent = want_urgent,
                               .want_io = want_io,
                               .n_settlements = n_settlements};
}

size_t draw_lanes(struct world *w, unsigned n, unsigned n_urgent, unsigned n_io)
{
    struct redis_cmd c;
    const struct queue_turn turn = turn_of(w, n, n_urgent, n_io, 0);
    queue_turn_begin(&w->queue, &turn, &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    for (size_t i = 0; i < queue_turn_claims(r); i++) {
        struct queue_claim claim;
        struct queue_claimed_job job;
        assert_true(queue_turn_claim(r, i, &claim) && queue_turn_job(r, claim.job, &job));
        assert_true(w->n_held < HELD_MAX);
        struct held *h = &w->held[w->n_held++];
        *h = (struct held){.is_stale = false};
        (void)snprintf(h->ref, sizeof h->ref, STR_FMT "/" STR_FMT, STR_ARG(job.id), STR_ARG(claim.task));
        (void)snprintf(h->token, sizeof h->token, STR_FMT, STR_ARG(queue_turn_token(r)));
        (void)snprintf(h->stage, sizeof h->stage, STR_FMT, STR_ARG(job.stage));
        assert_true(str_eq(job.payload, STR("payload")));
        if (strcmp(h->stage, "many") == 0)
            assert_true(str_eq(job.shared, STR("for all of them")));
        // The last stage is made from the first one's result and exactly those of the split stage that were done.
        if (strcmp(h->stage, "last") == 0)
            assert_int_equal(queue_claimed_results(&job), 1 + w->n_done);
    }
    return queue_turn_claims(r);
}

size_t draw(struct world *w, unsigned n)
{
    return draw_lanes(w, n, n, w->has_io ? n : 0);
}

enum queue_verdict settle(struct world *w, const struct held *h, enum queue_outcome outcome)
{
    struct redis_cmd c;
    struct queue_more more[TASKS_MAX];
    char names[TASKS_MAX][16];
    bool splits = strcmp(h->stage, "first") == 0 && outcome == QUEUE_DONE;
    for (unsigned i = 0; splits && i < w->n_many; i++) {
        (void)snprintf(names[i], sizeof names[i], "t%u", i);
        more[i] = (struct queue_more){str_of(names[i]), i % 2 ? STR("x") : (struct str){"", 0}};
    }
    const struct queue_settlement s = {.ref = str_of(h->ref),
                                       .token = str_of(h->token),
                                       .outcome = outcome,
                                       .result = STR("result"),
                                       .message = STR("said"),
                                       .reason = STR("why"),
                                       .bundles = -1,
                                       .shared = STR("for all of them"),
                                       .more = more,
                                       .n_more = splits ? w->n_many : 0};
    const struct queue_turn turn = turn_of(w, 0, 0, 0, 1);
    queue_turn_begin(&w->queue, &turn, &c);
    queue_turn_add(&c, &s);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_int_equal(queue_turn_verdicts(r), 1);
    return queue_turn_verdict(r, 0);
}

void sweep(struct world *w)
{
    struct redis_cmd c;
    queue_sweep_cmd(&w->queue, &c);
    redis_reply_free(ask(w, &c));
}

// Lets the lease of h run out and delayed tasks become due, as time would.
void let_time_pass(struct world *w, struct held *h)
{
    sweep(w); // after a gap without sweeps leases get some grace
    if (h)
        redis_reply_free(plain(w, "ZADD", "leases", "XX", "0", h->ref, NULL));
    AUTO(redis_reply_freep) struct redis_reply *delayed = plain(w, "ZRANGE", "delayed", "0", "-1", NULL);
    for (size_t i = 0; i < redis_reply_size(delayed); i++) {
        char ref[96];
        (void)snprintf(ref, sizeof ref, STR_FMT, STR_ARG(redis_reply_str(redis_reply_at(delayed, i))));
        redis_reply_free(plain(w, "ZADD", "delayed", "XX", "0", ref, NULL));
    }
    sweep(w);
}

// Every open task of the open job is in exactly one place.
void check_places(struct world *w)
{
    char open_key[64];
    (void)snprintf(open_key, sizeof open_key, "job:%s:open", w->job);
    AUTO(redis_reply_freep) struct redis_reply *open = plain(w, "SMEMBERS", open_key, NULL);
    for (size_t i = 0; i < redis_reply_size(open); i++) {
        char ref[128];
        (void)snprintf(ref, sizeof ref, "%s/" STR_FMT, w->job, STR_ARG(redis_reply_str(redis_reply_at(open, i))));
        AUTO(redis_reply_freep) struct redis_reply *leased = plain(w, "ZSCORE", "leases", ref, NULL);
        AUTO(redis_reply_freep) struct redis_reply *delayed = plain(w, "ZSCORE", "delayed", ref, NULL);
        int places = (redis_reply_type(leased) != REDIS_NIL) + (redis_reply_type(delayed) != REDIS_NIL);
        for (unsigned class = 0; class < CLASSES; class ++) {
            char list[32];
            (void)snprintf(list, sizeof list, "ready:%u:shop", class);
            AUTO(redis_reply_freep) struct redis_reply *waiting = plain(w, "LPOS", list, ref, NULL);
            places += redis_reply_type(waiting) != REDIS_NIL;
        }
        assert_int_equal(places, 1);
    }
}

static bool is_terminal(const char *status)
{
    return strcmp(status, "final") == 0 || strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0;
}

// seq without a gap, progress never back, the terminal event once and last.
void check_events(struct world *w)
{
    char key[64];
    (void)snprintf(key, sizeof key, "job:%s:log", w->job);
    AUTO(redis_reply_freep) struct redis_reply *log = plain(w, "XRANGE", key, "-", "+", NULL);
    size_t n = redis_reply_size(log);
    long long progress = 0;
    assert_true(n >= 2);
    for (size_t i = 0; i < n; i++) {
        struct str text = redis_reply_str(redis_reply_at(redis_reply_at(redis_reply_at(log, i), 1), 1));
        json_t *event = json_loadb(text.ptr, text.len, 0, NULL);
        assert_non_null(event);
        assert_int_equal(json_integer_value(json_object_get(event, "seq")), i + 1);
        assert_true(json_integer_value(json_object_get(event, "progress")) >= progress);
        progress = json_integer_value(json_object_get(event, "progress"));
        assert_int_equal(is_terminal(json_string_value(json_object_get(event, "status"))), i + 1 == n);
        json_decref(event);
    }
}

void count_done(struct world *w, const struct held *h, enum queue_outcome o, enum queue_verdict v)
{
    if (v == QUEUE_OK && o == QUEUE_DONE && strcmp(h->stage, "many") == 0)
        w->n_done++;
}

// Nobody holds anything any more: whatever the test still held is taken away, and the job runs to its end.
void run_out(struct world *w)
{
    for (unsigned i = 0; i < 100 && is_open(w); i++) {
        for (size_t k = 0; k < w->n_held; k++)
            let_time_pass(w, w->held[k].is_ended ? NULL : &w->held[k]);
        w->n_held = 0;
        (void)draw(w, HELD_MAX / 2);
        for (size_t k = 0; k < w->n_held; k++) {
            count_done(w, &w->held[k], QUEUE_DONE, settle(w, &w->held[k], QUEUE_DONE));
            w->held[k].is_ended = true;
        }
        let_time_pass(w, NULL);
    }
    assert_false(is_open(w));
}

void check_nothing_left(struct world *w)
{
    assert_int_equal(plain_int(w, "ZCARD", "leases", NULL), 0);
    assert_int_equal(plain_int(w, "ZCARD", "delayed", NULL), 0);
    assert_int_equal(plain_int(w, "SCARD", "busy:shop", NULL), 0);
    assert_int_equal(plain_int(w, "ZCARD", "open", NULL), 0);
    char key[64];
    (void)snprintf(key, sizeof key, "job:%s", w->job);
    assert_true(plain_int(w, "PTTL", key, NULL) > 0);
}

struct queue_job job_of(const char *id, const char *shop, enum queue_priority priority)
{
    return (struct queue_job){
        .id = str_of(id), .upload = str_of(id), .shop = str_of(shop), .priority = priority, .payload = STR("payload")};
}

enum queue_admission admit_message(struct world *w, struct str raw, const struct queue_job *j)
{
    struct redis_cmd c;
    struct queue_admitted admitted;
    queue_admit_cmd(&w->queue, raw, j, w->has_io ? PLAN_IO : PLAN, ARRAY_LEN(PLAN), &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_true(queue_admit_reply(r, &admitted));
    return admitted.what;
}

enum queue_admission admit_job(struct world *w, const struct queue_job *j)
{
    return admit_message(w, STR(""), j);
}

void set_paused(struct world *w, struct str shop, bool is_paused)
{
    struct redis_cmd c;
    queue_pause_cmd(&w->queue, shop, is_paused, STR("a test"), &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    assert_int_equal(redis_reply_int(r), 1);
}

size_t look_closely(struct world *w)
{
    struct redis_cmd c;
    queue_sweep_cmd(&w->queue, &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, &c);
    return queue_swept_mends(r);
}

int queue_world_setup(void **state)
{
    const char *text = getenv("BUNDLE_TEST_REDIS");
    static unsigned number;
    struct world *w = calloc(1, sizeof *w);
    struct redis_url url;
    struct err e = {0};
    char name[64];
    CHECK(w);
    if (!redis_url_parse(text, "", &url, &e) || !redis_open(&w->redis, &url, "test", 5000, &e)) {
        (void)fprintf(stderr, "%s\n", e.message);
        free(w);
        return -1;
    }
    (void)snprintf(name, sizeof name, "test_queue-%d-%u", (int)getpid(), number++);
    queue_init(&w->queue, name, &QUEUE_TEST_LIMITS);
    *state = w;
    return 0;
}

int queue_world_teardown(void **state)
{
    struct world *w = *state;
    redis_close(w->redis);
    free(w);
    return 0;
}
