// The model server's paths, and how requests to the model go: checked, limited, written, spoilt, answered in time.
#ifndef BUNDLE_TESTS_CHAT_SERVICE_H
#define BUNDLE_TESTS_CHAT_SERVICE_H

#include "tests/support/chat/api.h"
#include "tests/support/chat/behaviour.h"

struct service_options {
    uint16_t port;   // 0: any that is free
    const char *key; // NULL: any, or none
    struct api_dialect dialect;
};

struct event_base;
struct service;
struct service *service_create(struct event_base *base, const struct service_options *o,
                               struct behaviour *b); // NULL: errno
uint16_t service_port(const struct service *s);
void service_destroy(struct service *s);

#endif
