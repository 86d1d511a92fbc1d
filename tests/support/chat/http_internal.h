// What http_server.c and http_reply.c share.
#ifndef BUNDLE_TESTS_CHAT_HTTP_INTERNAL_H
#define BUNDLE_TESTS_CHAT_HTTP_INTERNAL_H

#include "tests/support/chat/http_server.h"

struct server;
struct connection {
    struct exchange exchange; // first: an exchange is its connection
    struct server *server;
    struct bufferevent *link;
    struct connection *next, **at;
    char *head, *body; // of the request that is being answered
    struct evbuffer *drip;
    struct event *drip_timer;
    bool is_busy, is_last, is_closing, has_said_continue;
};

void connection_destroy(struct connection *c);
void exchange_done(struct connection *c); // answered; the connection may be gone afterwards

#endif
