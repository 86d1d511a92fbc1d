// One request of the model server, until it is answered.
#ifndef BUNDLE_TESTS_CHAT_CALL_H
#define BUNDLE_TESTS_CHAT_CALL_H

#include "tests/support/chat/behaviour.h"
#include "tests/support/chat/limit.h"
#include "tests/support/chat/service.h"
#include "tests/support/chat/stats.h"

struct service {
    struct service_options options;
    struct behaviour *behaviour;
    struct server *server;
    struct event_base *base;
    struct limit requests, tokens;
    struct stats stats;
};

struct call { // one exchange
    struct service *service;
    struct exchange *exchange;
    struct event *timer; // until it is answered
    int64_t after_ms;
    int status;
    const char *type;
    char headers[128];
    char *body;
    enum fault fault; // FAULT_COUNT: none
    bool is_chat;
    struct stats_ticket ticket;
};

void answer(struct call *c, int status, char *take_body);
void answer_error(struct call *c, int status, const char *message, const char *type, const char *code);

bool may_ask(struct call *c); // false: it is answered with 401
void chat(struct call *c);    // POST /chat/completions

#endif
