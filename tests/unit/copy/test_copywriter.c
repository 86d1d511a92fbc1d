// The copywriter between a real Redis (BUNDLE_TEST_REDIS) and a model that does what a test says: each order ends, once
// and in time, with good copy or a reason.

#include "copywriter_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"

#define SCRIPT(s, ...)                                                                                                 \
    do {                                                                                                               \
        static const struct act ACTS[] = {__VA_ARGS__};                                                                \
        scene_script((s), ACTS, ARRAY_LEN(ACTS));                                                                      \
    } while (0)
#define WRITE                                                                                                          \
    {                                                                                                                  \
        .do_what = ACT_WRITE                                                                                           \
    }
#define STATUS(text, more_headers, its_body)                                                                           \
    {                                                                                                                  \
        .do_what = ACT_STATUS, .arg = (text), .headers = (more_headers), .body = (its_body)                            \
    }

static unsigned generation; // of keys: nothing is in the cache unless a test asks twice

static struct scene_order *write_first(struct scene *s, size_t n)
{
    scene_open(s);
    struct scene_order *o = scene_order(s, 0, n, ++generation);
    scene_write(s, o);
    return o;
}

static void call_redis(struct scene *s, const char *const *words, size_t n)
{
    struct redis_cmd c;
    struct redis_reply *reply = NULL;
    struct err e;
    redis_cmd_init(&c, words[0]);
    for (size_t i = 1; i < n; i++)
        redis_cmd_text(&c, words[i]);
    if (!redis_call(s->redis, &c, &reply, &e))
        fail_msg("%s", e.message);
    redis_cmd_fini(&c);
    redis_reply_free(reply);
}

static void urls_that_are_none_are_told_at_once(void **state)
{
    static const char *const URLS[] = {"", "api.example.com/v1", "https://", "ftp://user:hidden@api.example.com/v1"};
    struct scene *s = scene_need(state);
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(URLS); i++) {
        s->settings.url = URLS[i];
        assert_false(copywriter_create(&s->writer, &s->settings, &s->queue, &s->redis_url, &e));
        assert_int_equal(e.kind, ERR_CONFIG);
        assert_memory_equal(e.message, "copy.url: ", 10);
        assert_null(strstr(e.message, "hidden"));
    }
}

static void all_in_one_request_and_then_from_the_cache(void **state)
{
    struct scene *s = scene_need(state);
    struct scene_order *o = write_first(s, 10);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_MODEL), 10);
    assert_int_equal(s->n_asked, 1);
    assert_string_equal(s->asked[0].bundles, "ABCDEFGHIJ");
    assert_string_equal(s->asked[0].key, "a-key");
    assert_int_equal(s->asked[0].structure, 's');
    assert_int_equal(o->usage.requests, 1);
    assert_int_equal(o->usage.tokens_in, 100);
    assert_int_equal(o->usage.tokens_out, 20);
    assert_non_null(strstr(o->json[3], "\"title\":\"Green Tea D with its strainer\""));
    assert_non_null(strstr(o->json[3], "\"model\":\"m\",\"locale\":\"en\",\"key\":\""));
    char first[2048];
    (void)snprintf(first, sizeof first, "%s", o->json[3]);
    o = scene_order(s, 0, 10, generation);
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_CACHE), 10);
    assert_string_equal(o->json[3], first);
    assert_int_equal(o->usage.cache_asked, 10);
    assert_int_equal(o->usage.cache_hits, 10);
    assert_int_equal(s->n_asked, 1);
}

static void what_is_not_in_the_cache_is_asked_for(void **state)
{
    struct scene *s = scene_need(state);
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    o = scene_order(s, 0, 4, generation);
    scene_write(s, o);
    scene_wait(s, o);
    assert_string_equal(s->asked[1].bundles, "CD");
    assert_int_equal(o->usage.cache_hits, 2);
    assert_int_equal(scene_count(o, COPY_MODEL), 2);
}

static void cached_copy_that_is_spoilt_is_asked_for(void **state)
{
    struct scene *s = scene_need(state);
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    char key[128];
    (void)snprintf(key, sizeof key, "%s:copy:%s", s->queue.key, o->briefs[0].key);
    call_redis(s, (const char *const[]){"SET", key, "{\"title\": \"free money\"}"}, 3);
    o = scene_order(s, 0, 1, generation);
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(o->usage.cache_hits, 0);
    assert_int_equal(scene_count(o, COPY_MODEL), 1);
}

// The copywriter is somebody who may do anything but that.
static void become_one_without(struct scene *s, const char *command)
{
    char minus[32];
    (void)snprintf(minus, sizeof minus, "-%s", command);
    call_redis(s, (const char *const[]){"ACL", "SETUSER", "limited", "reset", "on", ">pw", "~*", "+@all", minus}, 9);
    (void)snprintf(s->redis_url.user, sizeof s->redis_url.user, "limited");
    (void)snprintf(s->redis_url.password, sizeof s->redis_url.password, "pw");
}

static void be_forgotten(struct scene *s)
{
    call_redis(s, (const char *const[]){"ACL", "DELUSER", "limited"}, 3);
}

static void copy_that_redis_refuses_to_look_up_is_asked_for(void **state)
{
    struct scene *s = scene_need(state);
    become_one_without(s, "mget");
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    be_forgotten(s);
    assert_int_equal(scene_count(o, COPY_MODEL), 2);
    assert_int_equal(o->usage.cache_asked, 0);
}

static unsigned count_in(FILE *file, const char *words)
{
    char line[4096];
    unsigned n = 0;
    rewind(file);
    while (fgets(line, sizeof line, file))
        n += strstr(line, words) != NULL;
    return n;
}

// Lookups and the gate succeed meanwhile, as they do in a Redis that is full.
static void that_redis_refuses_to_keep_copy_is_said_once(void **state)
{
    struct scene *s = scene_need(state);
    int before = dup(STDERR_FILENO);
    FILE *said = tmpfile();
    become_one_without(s, "set");
    assert_non_null(said);
    assert_true(dup2(fileno(said), STDERR_FILENO) >= 0);
    for (unsigned i = 0; i < 3; i++) {
        struct scene_order *o = i == 0 ? write_first(s, 2) : scene_order(s, 0, 2, ++generation);
        if (i > 0)
            scene_write(s, o);
        scene_wait(s, o);
        assert_int_equal(scene_count(o, COPY_MODEL), 2);
    }
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    assert_int_equal(close(before), 0);
    be_forgotten(s);
    assert_int_equal(count_in(said, "refuses to keep copy"), 1);
    assert_int_equal(count_in(said, "again\""), 0); // that something is over
    assert_int_equal(fclose(said), 0);
}

static void refused_copy_is_asked_for_again_alone_and_once(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_SPOIL, .arg = "BD"}, {.do_what = ACT_SPOIL, .arg = "D"});
    struct scene_order *o = write_first(s, 4);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3);
    assert_int_equal(strlen(s->asked[1].bundles) + strlen(s->asked[2].bundles), 2);
    assert_int_equal(scene_count(o, COPY_MODEL), 3);
    assert_int_equal(o->sources[1], COPY_MODEL);
    assert_int_equal(o->sources[3], COPY_TEMPLATE);
    assert_string_equal(o->kinds[3], "missing");
    assert_true(o->reasons[3][0] != '\0');
    assert_int_equal(o->usage.requests, 3);
    assert_int_equal(o->usage.retries, 2);
    assert_int_equal(o->usage.tokens_in, 300);
}

static void an_answer_that_cannot_be_read_is_asked_for_bundle_by_bundle(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_GARBAGE}, WRITE, WRITE, {.do_what = ACT_GARBAGE});
    struct scene_order *o = write_first(s, 3);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 4);
    assert_int_equal(scene_count(o, COPY_MODEL), 2);
    for (size_t i = 0; i < 3; i++)
        if (o->sources[i] == COPY_TEMPLATE)
            assert_string_equal(o->kinds[i], "unreadable");
}

static void what_was_cut_off_says_so(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_CUT});
    struct scene_order *o = write_first(s, 3);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3); // two again, alone: nothing of them comes
    assert_int_equal(o->sources[0], COPY_MODEL);
    assert_string_equal(o->kinds[1], "cut");
    assert_string_equal(o->kinds[2], "cut");
    assert_non_null(strstr(o->reasons[1], "cut off"));
}

static void absurd_token_counts_are_not_believed(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_ABSURD}, WRITE);
    s->settings.gate.units_per_min = 1000000;
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_MODEL), 2); // each alone: budget and gate let them
    assert_true(o->usage.tokens_in + o->usage.tokens_out < 10000);
}

static void failures_that_may_pass_are_tried_three_times(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_RESET}, STATUS("503 Service Unavailable", NULL, ""), WRITE);
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_MODEL), 2);
    assert_int_equal(o->usage.requests, 3);
    assert_int_equal(o->usage.retries, 2);
    SCRIPT(s, STATUS("500 Internal Server Error", NULL, ""));
    o = scene_order(s, 0, 2, ++generation);
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3);
    assert_int_equal(scene_count(o, COPY_TEMPLATE), 2);
    assert_string_equal(o->kinds[0], "server");
}

static void many_failures_in_a_row_and_nobody_asks(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("500 Internal Server Error", NULL, ""));
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3);
    o = scene_order(s, 0, 2, ++generation);
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3);
    assert_string_equal(o->kinds[0], "closed");
    assert_non_null(strstr(o->reasons[0], "500"));
    assert_true(o->usage.took_ms < SCENE_WITHIN_MS / 2); // it did not wait for its time to be over
}

static void retry_after_is_heeded(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("429 Too Many Requests", "Retry-After: 2\r\n", ""), WRITE);
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_MODEL), 1);
    assert_int_equal(s->n_asked, 2);
    assert_true(s->asked[1].at_ms - s->asked[0].at_ms >= 1500); // unheeded: 1.1 s at most; by Redis' clock
}

// Or all workers would come back in the same moment.
static void retry_after_no_time_is_not_taken_at_its_word(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("429 Too Many Requests", "Retry-After: 0\r\n", ""), WRITE);
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 2);
    assert_true(s->asked[1].at_ms - s->asked[0].at_ms >= 990);
    assert_int_equal(scene_count(o, COPY_MODEL), 1);
}

static void retry_after_a_failure_is_heeded_and_spread(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("503 Service Unavailable", "Retry-After: 1\r\n", ""), WRITE);
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_MODEL), 1);
    assert_true(s->asked[1].at_ms - s->asked[0].at_ms >= 750); // unheeded: half a second at most; by libevent's clock
}

static void a_large_error_page_is_an_error(void **state)
{
    static char page[4096];
    struct scene *s = scene_need(state);
    memset(page, ' ', sizeof page - 1);
    s->settings.http.response_max = 1000;
    s->settings.gate.failures_max = 100;
    SCRIPT(s, STATUS("502 Bad Gateway", NULL, page));
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3);
    assert_string_equal(o->kinds[0], "server");
    assert_int_equal(o->usage.tokens_in, 0);
}

static void an_answer_that_is_too_large_counts_and_is_asked_for_bundle_by_bundle(void **state)
{
    struct scene *s = scene_need(state);
    s->settings.http.response_max = 1000; // one bundle's copy, not six
    struct scene_order *o = write_first(s, 6);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 7);
    assert_int_equal(scene_count(o, COPY_MODEL), 6);
    assert_true(o->usage.tokens_in > 600 + 500);
}

static void a_key_that_cannot_be_sent_is_said(void **state)
{
    struct scene *s = scene_need(state);
    s->settings.key = "a-\x01-key";
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 0);
    assert_string_equal(o->kinds[0], "refused");
    assert_non_null(strstr(o->reasons[0], "key is not allowed"));
}

static void one_that_would_be_too_late_is_not_waited_for(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("429 Too Many Requests", "Retry-After: 600\r\n", ""));
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_string_equal(o->kinds[0], "limited");
    assert_int_equal(s->n_asked, 1);
    assert_true(o->usage.took_ms < SCENE_WITHIN_MS / 2);
}

static void a_key_that_is_refused_stops_everything_at_once(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("401 Unauthorized", NULL, "{\"error\":{\"message\":\"Incorrect API key provided: a-key\"}}"));
    struct scene_order *o = write_first(s, 3);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 1);
    assert_string_equal(o->kinds[0], "refused");
    assert_null(strstr(o->reasons[0], "a-key"));
    o = scene_order(s, 0, 3, ++generation);
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 1);
    assert_string_equal(o->kinds[0], "closed");
}

static void an_empty_account_is_no_rate_limit(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("429 Too Many Requests", NULL,
                     "{\"error\":{\"message\":\"You exceeded your quota\",\"type\":\"insufficient_quota\"}}"));
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 1);
    assert_string_equal(o->kinds[0], "quota");
}

static void other_refusals_are_not_repeated(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("404 Not Found", NULL, "{\"error\":{\"message\":\"no such model\"}}"));
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 1);
    assert_string_equal(o->kinds[0], "rejected");
}

static void a_server_that_knows_no_schema_is_asked_for_less(void **state)
{
    static const char NO_SCHEMA[] = "{\"error\":{\"message\":\"response_format is not supported\"}}";
    struct scene *s = scene_need(state);
    SCRIPT(s, STATUS("400 Bad Request", NULL, NO_SCHEMA), STATUS("400 Bad Request", NULL, NO_SCHEMA), WRITE);
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3);
    assert_int_equal(s->asked[1].structure, 'j');
    assert_int_equal(s->asked[2].structure, 'p');
    assert_int_equal(scene_count(o, COPY_MODEL), 2);
    SCRIPT(s, WRITE);
    o = scene_order(s, 0, 1, ++generation);
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(s->asked[0].structure, 'p'); // it is remembered
}

static void is_asked(const struct asked *a, char structure, bool is_completion_tokens, bool has_temperature)
{
    assert_int_equal(a->structure, structure);
    assert_int_equal(a->has_max_completion_tokens, is_completion_tokens);
    assert_int_equal(a->has_max_tokens, !is_completion_tokens);
    assert_int_equal(a->has_temperature, has_temperature);
}

#define REFUSES(message) STATUS("400 Bad Request", NULL, "{\"error\":{\"message\":\"" message "\"}}")

static void what_a_model_does_not_take_is_said_otherwise(void **state)
{
    struct scene *s = scene_need(state);
    s->settings.structured = COPY_SCHEMA; // is kept, whatever else is learnt
    SCRIPT(s,
           REFUSES("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                   "instead."),
           REFUSES("Unsupported value: 'temperature' does not support 0.6 with this model."), WRITE);
    struct scene_order *o = write_first(s, 2);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3);
    is_asked(&s->asked[0], 's', false, true);
    is_asked(&s->asked[1], 's', true, true);
    is_asked(&s->asked[2], 's', true, false);
    assert_int_equal(scene_count(o, COPY_MODEL), 2);
    assert_int_equal(o->usage.retries, 0); // no failure
    SCRIPT(s, WRITE);
    o = scene_order(s, 0, 1, ++generation);
    scene_write(s, o);
    scene_wait(s, o);
    is_asked(&s->asked[0], 's', true, false); // it is remembered
}

// One that names everything at once, for ever: each step is taken once.
static void nothing_is_said_otherwise_for_ever(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, REFUSES("Unknown: max_tokens, temperature, response_format"));
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 3);
    is_asked(&s->asked[1], 'j', true, false);
    is_asked(&s->asked[2], 'p', true, false);
    assert_string_equal(o->kinds[0], "rejected");
}

static void too_many_tokens_are_too_many_by_any_name(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, REFUSES("max_tokens is too large: 700. This model supports at most 512 completion tokens."));
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 1);
    assert_string_equal(o->kinds[0], "rejected");
}

static void budgets_hold(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_SPOIL, .arg = "ABC"});
    scene_open(s);
    struct scene_order *o = scene_order(s, 0, 3, ++generation);
    o->order.requests_max = 2;
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 2);
    assert_string_equal(o->kinds[0], "missing"); // asked for again,
    assert_string_equal(o->kinds[1], "budget");  // not so any more
    o = scene_order(s, 0, 3, ++generation);
    o->order.tokens_max = 10;
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 2);
    assert_string_equal(o->kinds[2], "budget");
}

static void time_ends_what_hangs(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, WRITE, {.do_what = ACT_HANG});
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o); // it is connected now
    o = scene_order(s, 0, 2, ++generation);
    o->order.within_ms = 1000;
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_TEMPLATE), 2);
    assert_string_equal(o->kinds[0], "time");
    assert_true(o->usage.took_ms >= 1000 && o->usage.took_ms < s->settings.http.timeout_ms / 2);
    assert_true(o->usage.slowest_ms > 0);
    assert_true(o->usage.tokens_in > 500 && o->usage.tokens_out > 0); // it may have been written all the same
    o = scene_order(s, 0, 2, ++generation);
    o->order.within_ms = -5;
    scene_write(s, o);
    scene_wait(s, o);
    assert_int_equal(s->n_asked, 2);
    assert_string_equal(o->kinds[0], "time");
}

static void a_request_has_its_own_time(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_HANG}, WRITE);
    s->settings.http.timeout_ms = 1000;
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_MODEL), 1);
    assert_int_equal(s->n_asked, 2);
    assert_true(o->usage.tokens_in > 100 + 500 && o->usage.tokens_out > 20); // the first one's too
}

static void a_cancelled_order_ends_soon(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_HANG});
    struct scene_order *o = write_first(s, 2);
    SCENE_AWAIT(s, s->n_asked == 1);
    atomic_store(&o->is_cancelled, true);
    scene_wait(s, o);
    assert_true(o->was_cancelled);
    assert_true(o->usage.took_ms < s->settings.http.timeout_ms / 2); // not because something else had ended
}

static void the_end_cancels_what_runs(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_HANG});
    s->settings.http.in_flight_max = 2;
    scene_open(s);
    for (size_t i = 0; i < 5; i++)
        scene_write(s, scene_order(s, i, 2, ++generation));
    SCENE_AWAIT(s, s->n_asked == 2);
    copywriter_destroy(s->writer);
    s->writer = NULL;
    for (size_t i = 0; i < 5; i++)
        assert_true(atomic_load(&s->orders[i].is_done) && s->orders[i].was_cancelled);
    SCENE_AWAIT(s, http_server_stats(s->server).open == 0);
}

static void never_more_requests_than_places(void **state)
{
    struct scene *s = scene_need(state);
    SCRIPT(s, {.do_what = ACT_WRITE, .after_ms = 30});
    s->settings.http.in_flight_max = 3;
    scene_open(s);
    for (size_t i = 0; i < SCENE_ORDERS_MAX; i++)
        scene_write(s, scene_order(s, i, 4, ++generation));
    for (size_t i = 0; i < SCENE_ORDERS_MAX; i++) {
        scene_wait(s, &s->orders[i]);
        assert_int_equal(scene_count(&s->orders[i], COPY_MODEL), 4);
    }
    assert_int_equal(http_server_stats(s->server).running_max, 3);
    assert_int_equal(s->n_asked, SCENE_ORDERS_MAX);
}

// The fourth waits, and the fifth has no time to.
static void limits_of_all_workers_hold(void **state)
{
    struct scene *s = scene_need(state);
    s->settings.gate.requests_per_min = 30; // three at once, then one each 2.14 s
    scene_open(s);
    int64_t begun_ms = clock_mono_ms();
    for (size_t i = 0; i < 5; i++) {
        struct scene_order *o = scene_order(s, i, 1, ++generation);
        o->order.within_ms = i == 4 ? 1700 : SCENE_WITHIN_MS;
        scene_write(s, o);
    }
    for (size_t i = 0; i < 5; i++)
        scene_wait(s, &s->orders[i]);
    assert_int_equal(s->n_asked, 4);
    assert_true(s->asked[3].at_ms - begun_ms >= 2000); // by Redis' clock
    assert_string_equal(s->orders[4].kinds[0], "limited");
}

static void nobody_listens(void **state)
{
    struct scene *s = scene_need(state);
    s->settings.url = "http://127.0.0.1:1/v1";
    s->settings.gate.failures_max = 100;
    struct scene_order *o = write_first(s, 1);
    scene_wait(s, o);
    assert_int_equal(scene_count(o, COPY_TEMPLATE), 1);
    assert_string_equal(o->kinds[0], http_result_name(HTTP_NO_CONNECT));
    assert_int_equal(o->usage.requests, 3);
}

static void without_redis_templates_in_time(void **state)
{
    struct scene *s = scene_need(state);
    struct err e;
    assert_true(redis_url_parse("redis://127.0.0.1:1/0", "", &s->redis_url, &e));
    scene_open(s);
    struct scene_order *o = scene_order(s, 0, 2, ++generation);
    o->order.within_ms = 600;
    scene_write(s, o);
    scene_wait(s, o);
    assert_string_equal(o->kinds[0], "redis");
    assert_int_equal(s->n_asked, 0);
    assert_true(o->usage.took_ms < SCENE_WITHIN_MS / 2);
}

static void the_key_is_read_for_each_request(void **state)
{
    struct scene *s = scene_need(state);
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/copywriter-key-%d", (int)getpid());
    s->settings.key = "";
    s->settings.key_file = path;
    scene_open(s);
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        (void)fprintf(file, "key-%d\n", i);
        (void)fclose(file);
        struct scene_order *o = scene_order(s, 0, 1, ++generation);
        scene_write(s, o);
        scene_wait(s, o);
    }
    (void)unlink(path);
    assert_string_equal(s->asked[0].key, "key-0");
    assert_string_equal(s->asked[1].key, "key-1");
    struct scene_order *o = scene_order(s, 0, 1, ++generation);
    scene_write(s, o);
    scene_wait(s, o);
    assert_string_equal(o->kinds[0], "key");
    assert_int_equal(s->n_asked, 2);
}

#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

int main(void)
{
    struct err e;
    const struct CMUnitTest tests[] = {
        SCENE_TEST(urls_that_are_none_are_told_at_once),
        SCENE_TEST(all_in_one_request_and_then_from_the_cache),
        SCENE_TEST(what_is_not_in_the_cache_is_asked_for),
        SCENE_TEST(cached_copy_that_is_spoilt_is_asked_for),
        SCENE_TEST(copy_that_redis_refuses_to_look_up_is_asked_for),
        SCENE_TEST(that_redis_refuses_to_keep_copy_is_said_once),
        SCENE_TEST(refused_copy_is_asked_for_again_alone_and_once),
        SCENE_TEST(an_answer_that_cannot_be_read_is_asked_for_bundle_by_bundle),
        SCENE_TEST(what_was_cut_off_says_so),
        SCENE_TEST(absurd_token_counts_are_not_believed),
        SCENE_TEST(failures_that_may_pass_are_tried_three_times),
        SCENE_TEST(many_failures_in_a_row_and_nobody_asks),
        SCENE_TEST(retry_after_is_heeded),
        SCENE_TEST(retry_after_no_time_is_not_taken_at_its_word),
        SCENE_TEST(retry_after_a_failure_is_heeded_and_spread),
        SCENE_TEST(a_large_error_page_is_an_error),
        SCENE_TEST(an_answer_that_is_too_large_counts_and_is_asked_for_bundle_by_bundle),
        SCENE_TEST(a_key_that_cannot_be_sent_is_said),
        SCENE_TEST(one_that_would_be_too_late_is_not_waited_for),
        SCENE_TEST(a_key_that_is_refused_stops_everything_at_once),
        SCENE_TEST(an_empty_account_is_no_rate_limit),
        SCENE_TEST(other_refusals_are_not_repeated),
        SCENE_TEST(a_server_that_knows_no_schema_is_asked_for_less),
        SCENE_TEST(what_a_model_does_not_take_is_said_otherwise),
        SCENE_TEST(nothing_is_said_otherwise_for_ever),
        SCENE_TEST(too_many_tokens_are_too_many_by_any_name),
        SCENE_TEST(budgets_hold),
        SCENE_TEST(time_ends_what_hangs),
        SCENE_TEST(a_request_has_its_own_time),
        SCENE_TEST(a_cancelled_order_ends_soon),
        SCENE_TEST(the_end_cancels_what_runs),
        SCENE_TEST(never_more_requests_than_places),
        SCENE_TEST(limits_of_all_workers_hold),
        SCENE_TEST(nobody_listens),
        SCENE_TEST(without_redis_templates_in_time),
        SCENE_TEST(the_key_is_read_for_each_request),
    };
    if (!http_global_init(&e))
        return 1;
    int failures = cmocka_run_group_tests_name("copywriter", tests, NULL, NULL);
    http_global_cleanup();
    libevent_global_shutdown();
    return failures;
}
