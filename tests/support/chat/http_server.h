// A small HTTP/1.1 server on libevent that can also do what a server should not: evhttp knows only how to behave.
//
//     on_request --> answered later, from the loop: exchange_reply, or one of the bad endings --> on_ended
//                \-> the client goes --> on_ended
//
// BOUNDS   SERVER_HEAD_MAX, SERVER_BODY_MAX, SERVER_CONNECTIONS_MAX; one request of a connection at a time.
// THREADS  All of it belongs to the loop's thread.
#ifndef BUNDLE_TESTS_CHAT_HTTP_SERVER_H
#define BUNDLE_TESTS_CHAT_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

enum { SERVER_HEAD_MAX = 16384, SERVER_BODY_MAX = 8388608, SERVER_CONNECTIONS_MAX = 4096 };

struct exchange { // one request, until on_ended
    const char *method, *path;
    struct str authorization, body;
    void *call; // the handler's own
};

struct server_hooks {
    void (*on_request)(void *context, struct exchange *x); // answers after it has returned
    void (*on_ended)(void *context, struct exchange *x);   // once for each request; x is gone afterwards
    void *context;
};

struct event_base;
struct server;
struct server *server_create(struct event_base *base, uint16_t port, const struct server_hooks *hooks); // NULL: errno
uint16_t server_port(const struct server *s);
void server_destroy(struct server *s); // ends what is going on

struct server_counts {
    unsigned open;
    uint64_t total;
};
struct server_counts server_counts(const struct server *s);

struct reply {
    int status;
    const char *type;    // Content-Type
    const char *headers; // more of them, each with its CRLF; NULL: none
    struct str body;     // copied
};
void exchange_reply(struct exchange *x, const struct reply *r);
void exchange_reply_chunked(struct exchange *x, const struct reply *r);
void exchange_reply_cut(struct exchange *x, const struct reply *r); // half of the body that is announced, then closed
void exchange_drip(struct exchange *x, const struct reply *r);      // a byte of the body a second
void exchange_say(struct exchange *x, struct str bytes);            // just these, then closed
void exchange_reset(struct exchange *x);                            // RST

#endif
