// What the parts of the HTTP client share:
//
//     http.c           calls: sent, waiting for a place, answered, cancelled
//     http_multi.c     libcurl's multi interface on libevent
//     http_transfer.c  one call as libcurl sees it: options in, result out
//
// A call is on one list at a time: waiting --> running --> done --> (its on_answer) --> gone.
#ifndef BUNDLE_WORKER_COPY_HTTP_INTERNAL_H
#define BUNDLE_WORKER_COPY_HTTP_INTERNAL_H

#include <sys/queue.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "common/buf.h"
#include "worker/copy/http.h"

enum { HTTP_TRICKLE_MS = 10000, HTTP_TRICKLE_BYTES_PER_S = 64 };

enum http_call_state { HTTP_WAITING, HTTP_RUNNING, HTTP_DONE, HTTP_ANSWERING };

struct http_call {
    struct http *h;
    TAILQ_ENTRY(http_call) link;
    enum http_call_state state;
    http_on_answer *on_answer;
    void *context;

    char *url, *body; // NULL body: GET
    size_t body_len;
    struct curl_slist *headers;
    char host[HTTP_HOST_MAX]; // with the port where the URL names one: all that errors say of the URL
    int64_t begun_ms, ended_ms;

    CURL *easy; // while running
    char curl_error[CURL_ERROR_SIZE];
    bool is_private, has_text; // an address was refused; the body has begun
    int64_t watched_ms;        // since when watched_bytes had come
    size_t watched_bytes;
    struct buf answer;
    size_t headers_len; // of the answer

    enum http_result result;
    int status;
    int64_t retry_after_ms;
    struct err error;
};

TAILQ_HEAD(http_calls, http_call);

struct http {
    struct event_base *base;
    struct http_settings settings; // texts are ours
    CURLM *multi;
    struct event *timer;             // libcurl's
    struct event *refused, *watcher; // to answer what never ran; looks for answers that trickle
    struct http_calls waiting, running, done;
    struct http_call *answering;
    unsigned n_running;
};

// http_multi.c
bool http_multi_create(struct http *h, struct err *e) MUST_USE;
void http_multi_destroy(struct http *h);
void http_multi_add(struct http_call *c);    // begins
void http_multi_remove(struct http_call *c); // leaves libcurl, whatever it was doing

// http_transfer.c
CURL *http_transfer_begin(struct http_call *c);
void http_transfer_result(struct http_call *c, CURLcode code); // fills result, status, error ...

// http.c
void http_ended(struct http_call *c); // its result is there: out of libcurl, onto the list of those done
void http_settle(struct http *h);     // fills places, answers those done; never from one of libcurl's callbacks

#endif
