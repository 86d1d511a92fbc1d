// What the HTTP client says when something goes wrong: names, addresses, connections, answers, proxies.

#include "worker/copy/http.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "http_test.h"
#include "worker/copy/http_address.h"

enum { TRICKLE_MS = 200, DRIP_MS = 50, RESPONSE_MAX = 5000 };

// ---- names: the process' own getaddrinfo answers those that end in .test ----

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER; // whoever looks up held.test waits for it

static int add(const char *address, const char *service, struct addrinfo **list, const struct addrinfo *hints)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    struct addrinfo *one = NULL, numeric = {.ai_family = AF_UNSPEC, .ai_flags = AI_NUMERICHOST};
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    numeric.ai_socktype = hints ? hints->ai_socktype : 0;
    int status = real(address, service, &numeric, &one);
    if (status == 0) {
        one->ai_next = *list;
        *list = one;
    }
    return status;
}

int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict req,
                struct addrinfo **restrict pai) // glibc's names, without their underscores
{
    *pai = NULL;
    if (strcmp(name, "inside.test") == 0)
        return add("10.1.2.3", service, pai, req);
    if (strcmp(name, "metadata.test") == 0)
        return add("169.254.169.254", service, pai, req) ? EAI_FAIL : add("::ffff:169.254.169.254", service, pai, req);
    if (strcmp(name, "here.test") == 0)
        return add("127.0.0.1", service, pai, req);
    if (strcmp(name, "held.test") == 0) {
        (void)pthread_mutex_lock(&held);
        (void)pthread_mutex_unlock(&held);
    }
    return EAI_NONAME;
}

static void a_name_that_is_none(void **state)
{
    (void)state;
    struct surroundings s;
    http_test_open(&s, NULL, NULL);
    struct got g = http_test_ask_at(&s, "http://user:pass-word@nobody.test/", "{}");
    assert_int_equal(g.result, HTTP_NO_NAME);
    assert_non_null(strstr(g.error, "nobody.test"));
    http_test_close(&s);
}

static void a_lookup_that_takes_long_holds_up_nobody(void **state)
{
    (void)state;
    struct surroundings s;
    struct got cancelled;
    http_test_open(&s, NULL, NULL);
    s.settings.connect_ms = 200;
    http_test_client(&s);
    (void)pthread_mutex_lock(&held);
    struct http_call *c = http_test_send_to(&s, "http://held.test/", "{}", &cancelled);
    http_test_run(&s, 50);
    http_cancel(c);
    struct got g = http_test_ask_at(&s, "http://held.test/", "{}");
    (void)http_test_send_to(&s, "http://held.test/", "{}", &cancelled);
    http_test_run(&s, 50);
    http_destroy(s.http); // with a lookup on its way
    s.http = NULL;
    (void)pthread_mutex_unlock(&held); // only now: none of that waited for a lookup
    assert_int_equal(g.result, HTTP_NO_NAME);
    assert_in_range(g.took_ms, 190, s.settings.timeout_ms - 1);
    assert_int_equal(cancelled.n, 0);
    http_test_close(&s);
}

// ---- addresses ----

static bool is_private(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return http_address_is_private((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return http_address_is_private((const struct sockaddr *)&v6);
}

static void private_addresses_are_known(void **state)
{
    (void)state;
    static const char *const INSIDE[] = {"0.0.0.0",
                                         "0.255.255.255",
                                         "10.0.0.1",
                                         "10.255.255.255",
                                         "100.64.0.0",
                                         "100.127.255.255",
                                         "127.0.0.1",
                                         "127.255.255.254",
                                         "169.254.169.254",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.0.0.8",
                                         "192.168.0.1",
                                         "198.18.0.1",
                                         "198.19.255.255",
                                         "224.0.0.1",
                                         "239.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "fc00::1",
                                         "fdff::1",
                                         "fe80::1",
                                         "febf::1",
                                         "fec0::1",
                                         "ff02::1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:10.0.0.1",
                                         "::ffff:169.254.169.254",
                                         "::7f00:1",
                                         "64:ff9b::7f00:1",
                                         "64:ff9b::a9fe:a9fe",
                                         "64:ff9b:1::1",
                                         "2002:7f00:1::1",
                                         "2002:a00:1::",
                                         "2001::1",
                                         "100::1",
                                         "2001:db8::1"};
    static const char *const OUTSIDE[] = {
        "1.1.1.1",          "9.255.255.255",   "11.0.0.0",    "100.63.255.255",  "100.128.0.0",     "126.255.255.255",
        "128.0.0.1",        "169.253.255.255", "169.255.0.0", "172.15.255.255",  "172.32.0.0",      "192.167.255.255",
        "192.169.0.0",      "198.17.255.255",  "198.20.0.0",  "223.255.255.255", "2606:4700::1111", "::ffff:1.1.1.1",
        "64:ff9b::101:101", "2002:101:101::1", "2a00::1",     "fbff::1",         "fe00::1"};
    const struct sockaddr other = {.sa_family = AF_UNIX};
    for (size_t i = 0; i < ARRAY_LEN(INSIDE); i++)
        if (!is_private(INSIDE[i]))
            fail_msg("%s is private", INSIDE[i]);
    for (size_t i = 0; i < ARRAY_LEN(OUTSIDE); i++)
        if (is_private(OUTSIDE[i]))
            fail_msg("%s is not private", OUTSIDE[i]);
    assert_true(http_address_is_private(&other));
}

static void private_addresses_are_not_connected_to(void **state)
{
    (void)state;
    static const char *const PLACES[] = {
        "http://127.0.0.1:%d/",  "http://localhost:%d/",     "http://[::1]:%d/",
        "http://0x7f.1:%d/",     "http://here.test:%d/",     "http://inside.test:%d/",
        "http://2130706433:%d/", "http://metadata.test:%d/", "http://[::ffff:127.0.0.1]:%d/"};
    struct surroundings s;
    http_test_open(&s, NULL, NULL);
    s.settings.blocks_private = true;
    http_test_client(&s);
    for (size_t i = 0; i < ARRAY_LEN(PLACES); i++) {
        char url[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(url, sizeof url, PLACES[i], http_server_port(s.server));
#pragma GCC diagnostic pop
        struct got g = http_test_ask_at(&s, url, "{}");
        if (g.result != HTTP_REFUSED || !strstr(g.error, "copy.block_private"))
            fail_msg("%s: %s, %s", url, http_result_name(g.result), g.error);
    }
    assert_int_equal(http_server_stats(s.server).connects, 0);
    http_test_close(&s);
}

static void what_is_not_http_is_refused(void **state)
{
    (void)state;
    static const char *const URLS[] = {"file:///etc/hosts",
                                       "ftp://127.0.0.1/",
                                       "gopher://127.0.0.1/",
                                       "127.0.0.1/v1",
                                       "",
                                       "http://",
                                       "dict://127.0.0.1/",
                                       "http://a b/",
                                       "http://a:99999/",
                                       "http://user:pass-word@a\n/"};
    struct surroundings s;
    http_test_open(&s, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(URLS); i++) {
        struct got g = http_test_ask_at(&s, URLS[i], "{}");
        if (g.result != HTTP_REFUSED || strstr(g.error, "pass-word") || !strstr(g.error, "URL"))
            fail_msg("%s: %s, %s", URLS[i], http_result_name(g.result), g.error);
    }
    http_test_close(&s);
}

static void a_header_with_a_line_end_is_refused(void **state)
{
    (void)state;
    static const char *const HEADERS[] = {"Authorization: Bearer the-key\r\nX-Other: injected", NULL};
    struct surroundings s;
    http_test_open(&s, NULL, NULL);
    struct got g = {.s = &s};
    const struct http_request r = {.url = "http://127.0.0.1/", .headers = HEADERS, .body = STR("{}")};
    (void)http_send(s.http, &r, http_test_take, &g);
    HTTP_TEST_AWAIT(&s, g.n == 1);
    assert_int_equal(g.result, HTTP_REFUSED);
    assert_null(strstr(g.error, "the-key"));
    http_test_close(&s);
}

// ---- connections ----

static int port_of(int fd)
{
    struct sockaddr_in here;
    socklen_t len = sizeof here;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &len), 0);
    return ntohs(here.sin_port);
}

static int bound_socket(void)
{
    const struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&here, sizeof here), 0);
    return fd;
}

static void nobody_listens(void **state)
{
    (void)state;
    struct surroundings s;
    char url[128];
    int fd = bound_socket(); // bound, so that nobody else takes the port, and deaf
    http_test_open(&s, NULL, NULL);
    (void)snprintf(url, sizeof url, "http://user:pass-word@127.0.0.1:%d/v1?secret=x", port_of(fd));
    struct got g = http_test_ask_at(&s, url, "{}");
    assert_int_equal(g.result, HTTP_NO_CONNECT);
    assert_non_null(strstr(g.error, "refused"));
    assert_null(strstr(g.error, "pass-word"));
    assert_null(strstr(g.error, "secret"));
    http_test_close(&s);
    (void)close(fd);
}

// A listener whose queue is full drops whoever comes next, as a firewall does.
static void a_connection_that_does_not_come_about(void **state)
{
    (void)state;
    enum { FILLERS = 4 };
    struct surroundings s;
    char url[64];
    int fd = bound_socket(), fillers[FILLERS];
    struct sockaddr_in here;
    socklen_t len = sizeof here;
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &len), 0);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (const struct sockaddr *)&here, sizeof here); // in progress, most of them for ever
    }
    http_test_open(&s, NULL, NULL);
    s.settings.connect_ms = 200;
    http_test_client(&s);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", port_of(fd));
    struct got g = http_test_ask_at(&s, url, "{}");
    assert_int_equal(g.result, HTTP_NO_CONNECT);
    assert_in_range(g.took_ms, 190, s.settings.timeout_ms - 1);
    http_test_close(&s);
    for (int i = 0; i < FILLERS; i++)
        (void)close(fillers[i]);
    (void)close(fd);
}

// ---- answers ----

static void say(struct http_peer *p, const char *bytes)
{
    http_peer_raw(p, str_of(bytes));
}

static void send_chunk(struct http_peer *p, int len)
{
    char chunk[RESPONSE_MAX + 64];
    int head =
        snprintf(chunk, sizeof chunk, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", (unsigned)len);
    http_peer_raw(p, (struct str){chunk, (size_t)head});
    memset(chunk, 'x', (size_t)len);
    http_peer_raw(p, (struct str){chunk, (size_t)len});
    say(p, "\r\n0\r\n\r\n");
}

static void send_bytes(struct http_peer *p, size_t len)
{
    char bytes[RESPONSE_MAX + 1];
    memset(bytes, 'x', len);
    http_peer_answer(p, "200 OK", "", (struct str){bytes, len});
}

static void is_at_limit(struct http_peer *p)
{
    send_bytes(p, RESPONSE_MAX);
}
static void is_over_limit(struct http_peer *p)
{
    send_bytes(p, RESPONSE_MAX + 1);
}
static void is_at_limit_in_chunks(struct http_peer *p)
{
    send_chunk(p, RESPONSE_MAX);
}
static void is_over_limit_in_chunks(struct http_peer *p)
{
    send_chunk(p, RESPONSE_MAX + 1);
}
static void floods_the_body(struct http_peer *p)
{
    say(p, "HTTP/1.1 200 OK\r\n\r\n");
    http_peer_flood(p, "0123456789012345678901234567890123456789");
}
static void floods_an_error(struct http_peer *p)
{
    say(p, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n\r\n");
    http_peer_flood(p, "0123456789012345678901234567890123456789");
}
static void floods_headers(struct http_peer *p)
{
    say(p, "HTTP/1.1 200 OK\r\n");
    http_peer_flood(p, "X-More: 0123456789012345678901234567890123456789\r\n");
}
static void floods_a_header(struct http_peer *p)
{
    say(p, "HTTP/1.1 200 OK\r\nX-Long: ");
    http_peer_flood(p, "0123456789012345678901234567890123456789");
}
static void never(struct http_peer *p)
{
    (void)p;
}
static void stops_in_the_middle(struct http_peer *p)
{
    say(p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n  ");
}
static void closes(struct http_peer *p)
{
    http_peer_close(p);
}
static void cuts_off_the_body(struct http_peer *p)
{
    say(p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n  ");
    http_peer_close_later(p, 20);
}
static void is_garbage(struct http_peer *p)
{
    say(p, "\x01\x02 220 smtp here\r\n\r\n");
}
static void has_a_wrong_length(struct http_peer *p)
{
    say(p, "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}");
}
static void trickles(struct http_peer *p)
{
    say(p, "HTTP/1.1 200 OK\r\n\r\n");
    http_peer_drip(p, DRIP_MS, 'x');
}
static void trickles_white_space(struct http_peer *p)
{
    say(p, "HTTP/1.1 200 OK\r\n\r\n");
    http_peer_drip(p, DRIP_MS, '\n');
}
static void thinks(struct http_peer *p)
{
    http_peer_answer_later(p, 3 * TRICKLE_MS, STR("{}"));
}

static const struct failure {
    const char *path;
    void (*serve)(struct http_peer *p);
    enum http_result result;
    const char *said; // part of the error
} FAILURES[] = {
    {"/at-limit", is_at_limit, HTTP_ANSWERED, ""},
    {"/over-limit", is_over_limit, HTTP_TOO_LARGE, "5000 bytes"},
    {"/chunks-at-limit", is_at_limit_in_chunks, HTTP_ANSWERED, ""},
    {"/chunks-over-limit", is_over_limit_in_chunks, HTTP_TOO_LARGE, "5000 bytes"},
    {"/flood", floods_the_body, HTTP_TOO_LARGE, "5000 bytes"},
    {"/error-flood", floods_an_error, HTTP_TOO_LARGE, "5000 bytes"},
    {"/headers-flood", floods_headers, HTTP_RESET, "65536 bytes"},
    {"/header-flood", floods_a_header, HTTP_RESET, "65536 bytes"},
    {"/never", never, HTTP_TIMEOUT, "timed out"},
    {"/stops", stops_in_the_middle, HTTP_TIMEOUT, "timed out"},
    {"/closes", closes, HTTP_RESET, "Empty reply"},
    {"/resets", http_peer_reset, HTTP_RESET, "reset"},
    {"/cut-off", cuts_off_the_body, HTTP_RESET, "8 bytes"},
    {"/garbage", is_garbage, HTTP_RESET, "not HTTP"},
    {"/wrong-length", has_a_wrong_length, HTTP_RESET, ""},
    {"/trickles", trickles, HTTP_SLOW, "64 bytes a second"},
    {"/white-space", trickles_white_space, HTTP_TIMEOUT, "timed out"},
    {"/thinks", thinks, HTTP_ANSWERED, ""},
};

static void fail_by_path(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)context;
    for (size_t i = 0; i < ARRAY_LEN(FAILURES); i++) {
        size_t len = strlen(FAILURES[i].path);
        if (asked->line.len > len + 5 && memcmp(asked->line.ptr + 5, FAILURES[i].path, len) == 0 &&
            asked->line.ptr[5 + len] == ' ') {
            FAILURES[i].serve(p);
            return;
        }
    }
    fail_msg("nobody knows " STR_FMT, STR_ARG(asked->line));
}

// All at once: none is in another's way.
static void each_failure_is_told_by_its_kind(void **state)
{
    (void)state;
    struct surroundings s;
    static struct got got[ARRAY_LEN(FAILURES)];
    http_test_open(&s, fail_by_path, NULL);
    s.settings.in_flight_max = ARRAY_LEN(FAILURES);
    s.settings.response_max = RESPONSE_MAX;
    s.settings.timeout_ms = 3000;
    s.settings.trickle_ms = TRICKLE_MS;
    http_test_client(&s);
    for (size_t i = 0; i < ARRAY_LEN(FAILURES); i++)
        (void)http_test_send(&s, FAILURES[i].path, "{}", &got[i]);
    HTTP_TEST_AWAIT(&s, s.n_got == ARRAY_LEN(FAILURES));
    for (size_t i = 0; i < ARRAY_LEN(FAILURES); i++) {
        print_message("%-20s %-10s %5lld ms  %s\n", FAILURES[i].path, http_result_name(got[i].result),
                      (long long)got[i].took_ms, got[i].error);
        if (got[i].result != FAILURES[i].result || !strstr(got[i].error, FAILURES[i].said))
            fail_msg("%s: %s, \"%s\"", FAILURES[i].path, http_result_name(got[i].result), got[i].error);
        assert_int_equal(got[i].n, 1);
        if (FAILURES[i].serve == floods_an_error) {
            assert_int_equal(got[i].status, 503);
            assert_int_equal(got[i].retry_after_ms, 7000);
        }
    }
    http_test_close(&s);
}

// ---- proxies ----

static void answer_with_line(void *context, struct http_peer *p, const struct http_asked *asked)
{
    (void)context;
    http_peer_answer(p, "200 OK", "", asked->line);
}

static void set_proxy(const char *proxy, const char *except)
{
    assert_int_equal(setenv("http_proxy", proxy, 1), 0);
    assert_int_equal(setenv("no_proxy", except, 1), 0);
}

static void the_environments_proxy_is_used_and_its_password_not_said(void **state)
{
    (void)state;
    struct surroundings s;
    char proxy[64];
    http_test_open(&s, answer_with_line, NULL);
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", http_server_port(s.server));
    set_proxy(proxy, "");
    assert_string_equal(http_test_ask_at(&s, "http://model.test/v1", "{}").body, "POST http://model.test/v1 HTTP/1.1");
    set_proxy("http://127.0.0.1:1", "127.0.0.1");
    assert_string_equal(http_test_ask(&s, "/v1", "{}").body, "POST /v1 HTTP/1.1");

    static const char *const WRONG[] = {"strange://me:pass-word@127.0.0.1:1", "http://me:pass-word@127.0.0.1:1",
                                        "http://me:pass-word@nobody.test:1", "http://me:pass-word@:x"};
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        set_proxy(WRONG[i], "");
        struct got g = http_test_ask_at(&s, "http://model.test/v1", "{}");
        if (g.result == HTTP_ANSWERED || strstr(g.error, "pass-word"))
            fail_msg("%s: %s, %s", WRONG[i], http_result_name(g.result), g.error);
    }
    assert_int_equal(unsetenv("http_proxy") + unsetenv("no_proxy"), 0);
    http_test_close(&s);
}

static void wrong_settings_name_the_setting(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    const struct http_settings s = {.in_flight_max = 1, .ca_file = "/nowhere/ca.pem", .user_agent = ""};
    struct http *h = NULL;
    struct err e;
    assert_false(http_create(&h, base, &s, &e));
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_non_null(strstr(e.message, "copy.ca_file: /nowhere/ca.pem"));
    assert_null(h);
    event_base_free(base);
}

int main(void)
{
    static const char *const PROXIES[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(PROXIES); i++)
        (void)unsetenv(PROXIES[i]);
    CHECK(http_global_init(&e));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_none),
        cmocka_unit_test(a_lookup_that_takes_long_holds_up_nobody),
        cmocka_unit_test(private_addresses_are_known),
        cmocka_unit_test(private_addresses_are_not_connected_to),
        cmocka_unit_test(what_is_not_http_is_refused),
        cmocka_unit_test(a_header_with_a_line_end_is_refused),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_connection_that_does_not_come_about),
        cmocka_unit_test(each_failure_is_told_by_its_kind),
        cmocka_unit_test(the_environments_proxy_is_used_and_its_password_not_said),
        cmocka_unit_test(wrong_settings_name_the_setting),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
