#include "http_test.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

int http_test_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

void http_test_client(struct surroundings *s)
{
    struct err e = {0};
    http_destroy(s->http);
    if (!http_create(&s->http, s->base, &s->settings, &e))
        fail_msg("%s", e.message);
}

void http_test_open(struct surroundings *s, http_server_on_request *on_request, void *context)
{
    *s = (struct surroundings){.base = event_base_new(),
                               .settings = {.in_flight_max = 5,
                                            .timeout_ms = 10000,
                                            .connect_ms = 5000,
                                            .response_max = 65536,
                                            .ca_file = "",
                                            .user_agent = "bundle-worker/test"}};
    assert_non_null(s->base);
    s->server = http_server_start(s->base, on_request, context);
    http_test_client(s);
}

void http_test_close(struct surroundings *s)
{
    http_destroy(s->http);
    HTTP_TEST_AWAIT(s, http_server_stats(s->server).open == 0);
    http_server_stop(s->server);
    event_base_free(s->base);
}

static void note(void *context)
{
    struct got *g = context;
    g->n++;
    g->order = ++g->s->n_got;
}

void http_test_take(void *context, const struct http_answer *a)
{
    struct got *g = context;
    size_t kept = a->body.len < HTTP_TEST_BODY_MAX - 1 ? a->body.len : HTTP_TEST_BODY_MAX - 1;
    note(g);
    g->result = a->result;
    g->status = a->status;
    g->retry_after_ms = a->retry_after_ms;
    g->took_ms = a->took_ms;
    g->body_len = a->body.len;
    memcpy(g->body, a->body.ptr, kept);
    g->body[kept] = '\0';
    (void)snprintf(g->error, sizeof g->error, "%s", a->error);
    assert_true((a->result == HTTP_ANSWERED) == (a->error[0] == '\0'));
}

struct http_call *http_test_send_to(struct surroundings *s, const char *url, const char *body, struct got *g)
{
    static const char *const HEADERS[] = {"Authorization: Bearer the-key", "X-Project: p", NULL};
    const struct http_request r = {.url = url, .headers = HEADERS, .body = str_of(body)};
    *g = (struct got){.s = s};
    return http_send(s->http, &r, http_test_take, g);
}

struct http_call *http_test_send(struct surroundings *s, const char *path, const char *body, struct got *g)
{
    char url[512];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", http_server_port(s->server), path);
    return http_test_send_to(s, url, body, g);
}

struct got http_test_ask_at(struct surroundings *s, const char *url, const char *body)
{
    struct got g;
    (void)http_test_send_to(s, url, body, &g);
    HTTP_TEST_AWAIT(s, g.n == 1);
    return g;
}

struct got http_test_ask(struct surroundings *s, const char *path, const char *body)
{
    struct got g;
    (void)http_test_send(s, path, body, &g);
    assert_int_equal(g.n, 0); // never from within http_send
    HTTP_TEST_AWAIT(s, g.n == 1);
    return g;
}

static void on_time(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    *(bool *)context = true;
}

void http_test_run(struct surroundings *s, int ms)
{
    bool is_over = false;
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    struct event *timer = evtimer_new(s->base, on_time, &is_over);
    assert_true(timer && event_add(timer, &after) == 0);
    while (!is_over)
        assert_true(event_base_loop(s->base, EVLOOP_ONCE) >= 0);
    event_free(timer);
}
