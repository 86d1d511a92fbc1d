// The HTTP client with a server that answers: places, order, keep-alive, cancelling. What goes wrong is in
// test_http_failures.c.

#include "worker/copy/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "http_test.h"

enum { LATENCY_MS = 20 };

// ---- what is sent, what is answered ----

static void show(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)context;
    char text[2048];
    (void)snprintf(text, sizeof text, STR_FMT "\n" STR_FMT "\n" STR_FMT, STR_ARG(asked->line), STR_ARG(asked->headers),
                   STR_ARG(asked->body));
    http_peer_answer(p, "200 OK", "", str_of(text));
}

static void a_post_is_json_with_the_headers_given_and_nothing_that_waits(void **state)
{
    (void)state;
    struct surroundings s;
    http_test_open(&s, show, NULL);
    struct got g = http_test_ask(&s, "/v1/chat/completions", "{\"a\":1}");
    assert_int_equal(g.result, HTTP_ANSWERED);
    assert_int_equal(g.status, 200);
    assert_int_equal(g.retry_after_ms, -1);
    assert_int_equal(strncmp(g.body, "POST /v1/chat/completions HTTP/1.1\n", 35), 0);
    assert_non_null(strstr(g.body, "Authorization: Bearer the-key\r\n"));
    assert_non_null(strstr(g.body, "X-Project: p\r\n"));
    assert_non_null(strstr(g.body, "User-Agent: bundle-worker/test\r\n"));
    assert_non_null(strstr(g.body, "Content-Type: application/json\r\n"));
    assert_null(strcasestr(g.body, "expect"));
    assert_string_equal(strchr(g.body, '{'), "{\"a\":1}");
    http_test_close(&s);
}

static void without_a_body_it_is_a_get(void **state)
{
    (void)state;
    struct surroundings s;
    http_test_open(&s, show, NULL);
    struct got g = http_test_ask(&s, "/v1/models", "");
    assert_int_equal(strncmp(g.body, "GET /v1/models HTTP/1.1\n", 24), 0);
    assert_null(strcasestr(g.body, "content-type"));
    http_test_close(&s);
}

static void answer_status(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)asked;
    http_peer_answer(p, context, "Location: /elsewhere\r\n", STR("why"));
}

static void every_status_is_an_answer_and_no_redirect_is_followed(void **state)
{
    (void)state;
    static char STATUS[][32] = {"302 Found", "308 Permanent Redirect", "401 Unauthorized", "429 Too Many", "503 No"};
    for (size_t i = 0; i < ARRAY_LEN(STATUS); i++) {
        struct surroundings s;
        http_test_open(&s, answer_status, STATUS[i]);
        struct got g = http_test_ask(&s, "/", "{}");
        assert_int_equal(g.result, HTTP_ANSWERED);
        assert_int_equal(g.status, (int)strtol(STATUS[i], NULL, 10));
        assert_string_equal(g.body, "why");
        assert_int_equal(http_server_stats(s.server).requests, 1);
        http_test_close(&s);
    }
}

static void answer_with_headers(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)asked;
    http_peer_answer(p, "429 Too Many Requests", context, STR(""));
}

static int64_t retry_after(const char *headers)
{
    struct surroundings s;
    char copy[128];
    (void)snprintf(copy, sizeof copy, "%s", headers);
    http_test_open(&s, answer_with_headers, copy);
    struct got g = http_test_ask(&s, "/", "{}");
    assert_int_equal(g.status, 429);
    http_test_close(&s);
    return g.retry_after_ms;
}

static int64_t retry_after_date(time_t in_s)
{
    char header[128];
    struct tm tm;
    time_t then = time(NULL) + in_s;
    assert_true(strftime(header, sizeof header, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&then, &tm)));
    return retry_after(header);
}

static void retry_after_is_read_in_both_forms(void **state)
{
    (void)state;
    assert_int_equal(retry_after(""), -1);
    assert_int_equal(retry_after("Retry-After: 7\r\n"), 7000);
    assert_int_equal(retry_after("retry-after:  0\r\n"), 0);
    assert_int_equal(retry_after("Retry-After: soon\r\n"), -1);
    assert_in_range(retry_after("Retry-After: 99999999999999999\r\n"), 1, 86400000);
    assert_in_range(retry_after_date(3600), 3500000, 3600000);
    assert_int_equal(retry_after_date(-3600), 0);
}

// ---- places ----

static void answer_slowly(void *context, struct http_peer *p, const struct http_asked *asked)
{
    const int *latency_ms = context;
    http_peer_answer_later(p, *latency_ms, asked->body);
}

static void answer_with_arrival(void *context, struct http_peer *p, const struct http_asked *asked)
{
    char text[64];
    int *n_arrived = context;
    int len = snprintf(text, sizeof text, STR_FMT " %d", STR_ARG(asked->body), (*n_arrived)++);
    http_peer_answer_later(p, LATENCY_MS, (struct str){text, (size_t)len});
}

static void fifty_at_once_run_five_at_a_time_in_order(void **state)
{
    (void)state;
    enum { N = 50 };
    struct surroundings s;
    static struct got got[N];
    int n_arrived = 0;
    http_test_open(&s, answer_with_arrival, &n_arrived);
    for (int i = 0; i < N; i++) {
        char body[16];
        (void)snprintf(body, sizeof body, "%d", i);
        (void)http_test_send(&s, "/", body, &got[i]);
    }
    HTTP_TEST_AWAIT(&s, s.n_got == N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(got[i].result, HTTP_ANSWERED);
        char *arrival = NULL;
        assert_int_equal(strtol(got[i].body, &arrival, 10), i);
        // When it begins all before it have begun, and all but four of them have ended.
        long behind = strtol(arrival, NULL, 10) - i;
        assert_true(behind >= -4 && behind <= 4);
        assert_true(got[i].order >= (unsigned)(i > 3 ? i - 3 : 1));
    }
    assert_int_equal(http_server_stats(s.server).running_max, 5);
    assert_int_equal(http_server_stats(s.server).connects, 5);
    assert_int_equal(http_server_stats(s.server).requests, N);
    http_test_close(&s);
}

static void waiting_for_a_place_does_not_count_as_time_of_the_request(void **state)
{
    (void)state;
    enum { N = 5 };
    struct surroundings s;
    struct got got[N];
    int latency_ms = 600;
    http_test_open(&s, answer_slowly, &latency_ms);
    s.settings.in_flight_max = 1;
    s.settings.timeout_ms = 2500; // less than all of them take, one after the other; much more than one takes
    http_test_client(&s);
    for (int i = 0; i < N; i++)
        (void)http_test_send(&s, "/", "{}", &got[i]);
    HTTP_TEST_AWAIT(&s, s.n_got == N);
    for (int i = 0; i < N; i++)
        assert_int_equal(got[i].result, HTTP_ANSWERED);
    assert_int_equal(http_server_stats(s.server).connects, 1);
    http_test_close(&s);
}

static void answer_and_leave(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)context;
    http_peer_answer(p, "200 OK", "Connection: close\r\n", asked->body);
}

static void a_server_that_closes_each_time_is_connected_to_each_time(void **state)
{
    (void)state;
    struct surroundings s;
    http_test_open(&s, answer_and_leave, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_test_ask(&s, "/", "{}").result, HTTP_ANSWERED);
    assert_int_equal(http_server_stats(s.server).connects, 3);
    HTTP_TEST_AWAIT(&s, http_server_stats(s.server).open == 0);
    http_test_close(&s);
}

// The second request on a connection finds that nobody is there any more.
static void hang_up_on_the_second(void *context, struct http_peer *p, const struct http_asked *asked)
{
    int *asked_of_first = context;
    if (http_peer_number(p) == 1 && ++*asked_of_first == 2)
        http_peer_close(p);
    else
        http_peer_answer(p, "200 OK", "", asked->body);
}

static void an_idle_connection_that_has_died_costs_no_request(void **state)
{
    (void)state;
    struct surroundings s;
    int asked_of_first = 0;
    http_test_open(&s, hang_up_on_the_second, &asked_of_first);
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_test_ask(&s, "/", "{}").result, HTTP_ANSWERED);
    assert_int_equal(http_server_stats(s.server).connects, 2);
    http_test_close(&s);
}

struct rush {
    struct surroundings *s;
    unsigned left, ended;
    struct got got; // of the last one
};

static void next_of_rush(void *context, const struct http_answer *a)
{
    struct rush *r = context;
    char url[128];
    assert_int_equal(a->result, HTTP_ANSWERED);
    r->ended++;
    if (r->left == 0)
        return;
    r->left--;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", http_server_port(r->s->server));
    const struct http_request again = {.url = url, .body = STR("{}")};
    (void)http_send(r->s->http, &again, next_of_rush, r);
}

static void answer_now(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)context;
    http_peer_answer(p, "200 OK", "", asked->body);
}

static void ten_thousand_requests_leave_no_connection(void **state)
{
    (void)state;
    enum { N = 10000 };
    struct surroundings s;
    int files = http_test_files();
    http_test_open(&s, answer_now, NULL);
    struct rush r = {.s = &s, .left = N};
    int64_t begun_us = clock_mono_us();
    const struct http_answer first = {.result = HTTP_ANSWERED};
    for (int i = 0; i < 5; i++)
        next_of_rush(&r, &first);
    r.ended = 0;
    HTTP_TEST_AWAIT(&s, r.ended == N);
    print_message("%d requests in %lld ms\n", N, (long long)(clock_mono_us() - begun_us) / 1000);
    assert_int_equal(http_server_stats(s.server).requests, N);
    assert_int_equal(http_server_stats(s.server).connects, 5);
    assert_int_equal(http_server_stats(s.server).open, 5);
    http_test_close(&s);
    assert_int_equal(http_test_files(), files);
}

// ---- cancelling ----

static void never_answer(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)context;
    (void)p;
    (void)asked;
}

static void cancelled_calls_are_not_answered_and_leave_their_place(void **state)
{
    (void)state;
    struct surroundings s;
    struct got hangs, waits, other, refused;
    http_test_open(&s, never_answer, NULL);
    s.settings.in_flight_max = 1;
    http_test_client(&s);
    struct http_call *running = http_test_send(&s, "/", "{}", &hangs), *waiting = http_test_send(&s, "/", "{}", &waits);
    (void)http_test_send(&s, "/", "{}", &other);
    http_cancel(http_test_send_to(&s, "nonsense", "", &refused));
    HTTP_TEST_AWAIT(&s, http_server_stats(s.server).requests == 1);
    http_cancel(waiting);
    http_cancel(running);
    HTTP_TEST_AWAIT(&s, http_server_stats(s.server).requests == 2); // the other one
    HTTP_TEST_AWAIT(&s, http_server_stats(s.server).open == 1);
    assert_int_equal(hangs.n + waits.n + other.n + refused.n, 0);
    http_test_close(&s); // with one running
    assert_int_equal(other.n, 0);
}

static void destroying_cancels_what_waits_and_runs(void **state)
{
    (void)state;
    struct surroundings s;
    static struct got got[20];
    int files = http_test_files();
    http_test_open(&s, never_answer, NULL);
    for (int i = 0; i < 20; i++)
        (void)http_test_send(&s, "/", "{}", &got[i]);
    HTTP_TEST_AWAIT(&s, http_server_stats(s.server).running == 5);
    http_test_close(&s);
    for (int i = 0; i < 20; i++)
        assert_int_equal(got[i].n, 0);
    assert_int_equal(http_test_files(), files);
}

struct chain {
    struct got got;
    struct http_call *others[4];
    int n_others;
    struct got next;
};

static void cancel_others_and_send(void *context, const struct http_answer *a)
{
    struct chain *c = context;
    http_test_take(&c->got, a);
    for (int i = 0; i < c->n_others; i++)
        http_cancel(c->others[i]);
    (void)http_test_send(c->got.s, "/next", "{}", &c->next);
}

static void answer_all_but_hang(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)context;
    if (!memmem(asked->line.ptr, asked->line.len, "/hang", 5))
        http_peer_answer(p, "200 OK", "", asked->body);
}

// The others: two that run, one that waits, and one that has ended and is to be answered next.
static void an_answer_may_cancel_others_and_send(void **state)
{
    (void)state;
    struct surroundings s;
    struct got others[4];
    http_test_open(&s, answer_all_but_hang, NULL);
    s.settings.in_flight_max = 2;
    http_test_client(&s);
    struct chain c = {.got = {.s = &s}, .n_others = 4};
    c.others[0] = http_test_send(&s, "/hang", "{}", &others[0]);
    c.others[1] = http_test_send(&s, "/hang", "{}", &others[1]);
    c.others[2] = http_test_send(&s, "/hang", "{}", &others[2]);
    const struct http_request wrong = {.url = "nonsense"};
    (void)http_send(s.http, &wrong, cancel_others_and_send, &c);
    c.others[3] = http_test_send_to(&s, "nonsense too", "", &others[3]);
    HTTP_TEST_AWAIT(&s, c.next.n == 1);
    assert_int_equal(c.got.result, HTTP_REFUSED);
    assert_int_equal(c.next.result, HTTP_ANSWERED);
    for (int i = 0; i < 4; i++)
        assert_int_equal(others[i].n, 0);
    http_test_close(&s);
}

int main(void)
{
    struct err e;
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
    (void)unsetenv("ALL_PROXY");
    CHECK(http_global_init(&e));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_is_json_with_the_headers_given_and_nothing_that_waits),
        cmocka_unit_test(without_a_body_it_is_a_get),
        cmocka_unit_test(every_status_is_an_answer_and_no_redirect_is_followed),
        cmocka_unit_test(retry_after_is_read_in_both_forms),
        cmocka_unit_test(fifty_at_once_run_five_at_a_time_in_order),
        cmocka_unit_test(waiting_for_a_place_does_not_count_as_time_of_the_request),
        cmocka_unit_test(a_server_that_closes_each_time_is_connected_to_each_time),
        cmocka_unit_test(an_idle_connection_that_has_died_costs_no_request),
        cmocka_unit_test(ten_thousand_requests_leave_no_connection),
        cmocka_unit_test(cancelled_calls_are_not_answered_and_leave_their_place),
        cmocka_unit_test(destroying_cancels_what_waits_and_runs),
        cmocka_unit_test(an_answer_may_cancel_others_and_send),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
