// Requests to a language model: libcurl's multi interface on libevent's loop, the only place that knows libcurl.
//
//     http_send --> waits for one of in_flight_max places --> libcurl --> on_answer (once, or never after http_cancel)
//
// BOUNDS    in_flight_max requests run at a time, the others wait here, outside libcurl (whose time limits count
//           waiting), in the order in which they came; how many wait is the caller's to bound. timeout_ms from when it
//           runs; an answer that trickles (less than 64 bytes/s for 10 s, once it has begun) is given up, so is one
//           larger than response_max. No redirects; http and https only; proxies from the environment (http_proxy,
//           https_proxy, no_proxy ...). A connection is used again unless it was idle for a minute. blocks_private
//           looks at the address connected to, before the first packet; with a proxy that is the proxy's.
// FAILURE   In the answer: what failed, as a kind that says whether trying again is worth it, and a sentence without
//           secrets (no header, no user, path or query of the URL, no body).
// SECRETS   Headers and the URL are wiped when the request ends. Nothing of a request is logged.
// THREADS   All of it belongs to the loop's thread. http_global_init once, in main, before threads.
// CALLS     on_answer runs from the loop, never from within http_send or http_cancel; it may send, and cancel others;
//           it may not destroy the client.
#ifndef BUNDLE_WORKER_COPY_HTTP_H
#define BUNDLE_WORKER_COPY_HTTP_H

#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

// Host, and port where the URL names one: all that may be said of a URL. false: `wrong` is what is wrong with it.
enum { HTTP_HOST_MAX = 270 };
bool http_url_host(const char *url, char out[HTTP_HOST_MAX], const char **wrong) MUST_USE;

struct http_settings {
    unsigned in_flight_max;
    int64_t timeout_ms, connect_ms;
    size_t response_max;
    bool is_http2;       // over TLS, where the server offers it
    bool blocks_private; // no private, loopback, link-local addresses
    const char *ca_file; // "": the system's
    const char *user_agent;
    int64_t trickle_ms; // an answer that trickles for this long is given up; 0: 10 s
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
    HTTP_RESET,     // the connection ended (in the handshake too), or what came is no HTTP, or endless headers
    HTTP_TOO_LARGE, // its body; the status says what it would have been. Trying again is no use
    HTTP_REFUSED    // by us: a private address, another protocol, a URL that is none, a header with a line end
};
const char *http_result_name(enum http_result r); // for metrics: "timeout"

struct http_answer { // views, valid during the call
    enum http_result result;
    int status; // 0: it did not come so far
    struct str body;
    int64_t retry_after_ms; // of Retry-After, seconds or date; -1: not said
    int64_t took_ms;        // from when it had a place
    const char *error;      // what failed, "" where nothing did
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

#endif
