// A server that does with a request what a test says, byte by byte: what a well-behaved one would never do. It runs on
// the test's own loop, beside the client.
#ifndef BUNDLE_TESTS_HTTP_SERVER_H
#define BUNDLE_TESTS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

struct event_base;
struct http_server;
struct http_peer; // a connection of it

struct http_asked {     // views, valid during the call
    struct str line;    // "POST /v1 HTTP/1.1"
    struct str headers; // all of them, with their line ends
    struct str body;
};
// Says what to do with one request, now or later; it is running until one of the functions below ends it.
typedef void http_server_on_request(void *context, struct http_peer *p, const struct http_asked *asked);

struct http_server *http_server_start(struct event_base *base, http_server_on_request *on_request, void *context);
void http_server_greet(struct http_server *s, void (*greet)(struct http_peer *p)); // before any request
void http_server_stop(struct http_server *s);                                      // hangs up on everybody
int http_server_port(const struct http_server *s);

void http_peer_answer(struct http_peer *p, const char *status, const char *headers,
                      struct str body);                                    // "200 OK", "A: b\r\n"
void http_peer_answer_later(struct http_peer *p, int ms, struct str body); // 200, a copy of body
void http_peer_raw(struct http_peer *p, struct str bytes);                 // goes on
void http_peer_drip(struct http_peer *p, int every_ms, char c);            // that byte again and again, until it ends
void http_peer_flood(struct http_peer *p, const char *bytes);              // these as fast as they are taken, for ever
void http_peer_close(struct http_peer *p);
void http_peer_close_later(struct http_peer *p, int ms); // when what was said has been sent
void http_peer_reset(struct http_peer *p);               // RST
int http_peer_number(const struct http_peer *p);         // 1 for the first connection

struct http_server_stats {
    unsigned requests, connects, open, running, running_max;
};
struct http_server_stats http_server_stats(const struct http_server *s);

#endif
