// Requests to a language model: libcurl's multi interface on libevent's loop, the only place that knows libcurl.
//
//     http_post --> waits for one of in_flight_max places --> libcurl --> on_answer (once, or never after http_cancel)
//
// BOUNDS    in_flight_max requests run at a time, the others wait here, outside libcurl (whose time limits count
// waiting).
//           timeout_ms from when it runs; an answer that trickles (less than 64 bytes/s for 10 s) is given up, so is
//           one larger than response_max. No redirects; http and https only; proxies from the environment; keep-alive.
// FAILURE   In the answer: what failed, as a kind that says whether trying again is worth it, and a sentence without
// any
//           secret (no header, no URL's user part, no body).
// SECRETS   Headers are wiped when the request ends. Nothing of a request is logged.
// THREADS   All of it belongs to the loop's thread. http_global_init once, in main, before threads.
#ifndef BUNDLE_WORKER_COPY_HTTP_H
#define BUNDLE_WORKER_COPY_HTTP_H

#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

struct http_settings {
    unsigned in_flight_max;
    int64_t timeout_ms, connect_ms;
    size_t response_max;
    bool is_http2;       // over TLS, where the server offers it
    bool blocks_private; // no private, loopback, link-local addresses
    const char *ca_file; // "": the system's
    const char *user_agent;
};

bool http_global_init(struct err *e) MUST_USE;
void http_global_cleanup(void);

struct event_base;
struct http;
bool http_create(struct http **out, struct event_base *base, const struct http_settings *s, struct err *e) MUST_USE;
void http_destroy(struct http *h); // cancels what runs; NULL is fine

enum http_result {
    HTTP_ANSWERED, // status and body are there, whatever the status
    HTTP_NO_NAME,  // DNS
    HTTP_NO_CONNECT,
    HTTP_TLS, // its certificate, or the handshake: trying again is no use
    HTTP_TIMEOUT,
    HTTP_SLOW,
    HTTP_RESET,     // the connection ended, or what came is no HTTP
    HTTP_TOO_LARGE, // trying again is no use
    HTTP_REFUSED    // by us: a private address, another protocol, a URL that is none
};
const char *http_result_name(enum http_result r); // for metrics: "timeout"

struct http_answer { // views, valid during the call
    enum http_result result;
    int status;
    struct str body;
    int64_t retry_after_ms;     // of Retry-After, seconds or date; -1: not said
    int64_t waited_ms, took_ms; // for a place; from then on
    const char *error;          // what failed, "" where nothing did
};
typedef void http_on_answer(void *context, const struct http_answer *a);

struct http_request {
    const char *url;
    const char *const *headers; // "Name: value", up to a NULL; copied
    struct str body;            // copied; Content-Type: application/json. Empty: GET
};
struct http_call;
struct http_call *http_send(struct http *h, const struct http_request *r, http_on_answer *on_answer, void *context);
void http_cancel(struct http_call *c); // on_answer is not called; not from within an on_answer of the same call

struct http_stats {
    uint64_t requests, connects; // begun; new connections among them
    unsigned running, waiting, connections_open;
};
struct http_stats http_stats(const struct http *h);

#endif
