// What the HTTP client's tests share: a loop with a client and a server (http_server.h) on it, and what was answered.
#ifndef BUNDLE_TESTS_HTTP_TEST_H
#define BUNDLE_TESTS_HTTP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

#include "http_server.h"
#include "tests/unit/do_until.h"
#include "worker/copy/http.h"

enum { HTTP_TEST_BODY_MAX = 512 };

struct surroundings {
    struct event_base *base;
    struct http_server *server;
    struct http *http;
    struct http_settings settings; // of http; change them before http_test_client
    unsigned n_got;                // answers so far, whoever asked
};

struct got {
    struct surroundings *s;
    unsigned n, order; // answers; the how-manieth of all it was
    enum http_result result;
    int status;
    int64_t retry_after_ms, took_ms;
    size_t body_len;
    char body[HTTP_TEST_BODY_MAX], error[512]; // body: its beginning
};

void http_test_open(struct surroundings *s, http_server_on_request *on_request,
                    void *context);            // and a client by settings
void http_test_client(struct surroundings *s); // another one, by its settings now
void http_test_close(struct surroundings *s);  // no file descriptor, no connection is left

// Asks the server; "" is a GET.
struct http_call *http_test_send(struct surroundings *s, const char *path, const char *body, struct got *g);
struct http_call *http_test_send_to(struct surroundings *s, const char *url, const char *body, struct got *g);
struct got http_test_ask(struct surroundings *s, const char *path, const char *body); // and waits for the answer
struct got http_test_ask_at(struct surroundings *s, const char *url, const char *body);
void http_test_take(void *context, const struct http_answer *a); // an on_answer, its context a struct got

void http_test_run(struct surroundings *s, int ms); // the loop goes on that long
#define HTTP_TEST_AWAIT(s, claim) DO_UNTIL(http_test_run(s, 1), claim)
int http_test_files(void); // open ones of this process

#endif
