#include "tests/support/chat/service.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/check.h"
#include "tests/support/chat/call.h"

// ---- the other paths ----

static void change_behaviour(struct call *c)
{
    struct err e;
    if (behaviour_change(c->service->behaviour, c->exchange->body, &e))
        answer(c, 200, strdup("{}"));
    else
        answer_error(c, 400, e.message, "invalid_request_error", "behaviour");
}

static void show_stats(struct call *c)
{
    struct server_counts connections = server_counts(c->service->server);
    answer(c, 200, stats_json(&c->service->stats, &connections));
}

static void clear_stats(struct call *c)
{
    stats_clear(&c->service->stats);
    answer(c, 200, strdup("{}"));
}

static void list_models(struct call *c)
{
    if (may_ask(c))
        answer(c, 200, api_models());
}

static bool ends_with(const char *path, const char *end)
{
    size_t len = strlen(path), end_len = strlen(end);
    return len >= end_len && strcmp(path + len - end_len, end) == 0;
}

static void route(struct call *c)
{
    static const struct {
        const char *method, *path_end;
        void (*act)(struct call *c);
    } ROUTES[] = {{"POST", "/chat/completions", chat},
                  {"GET", "/models", list_models},
                  {"GET", "/stats", show_stats},
                  {"DELETE", "/stats", clear_stats},
                  {"PUT", "/behaviour", change_behaviour}};
    for (size_t i = 0; i < ARRAY_LEN(ROUTES); i++) {
        if (ends_with(c->exchange->path, ROUTES[i].path_end) && strcmp(c->exchange->method, ROUTES[i].method) == 0) {
            ROUTES[i].act(c);
            return;
        }
    }
    answer_error(c, 404, "Invalid URL", "invalid_request_error", "unknown_url");
}

// ---- sending ----

static void on_due(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct call *c = context;
    struct reply r = {.status = c->status, .type = c->type, .headers = c->headers, .body = str_of(c->body)};
    enum fault fault = c->status == 200 ? c->fault : FAULT_COUNT; // what is refused is refused properly
    if (fault == FAULT_TIMEOUT)
        return;
    if (fault == FAULT_RESET) {
        exchange_reset(c->exchange);
        return;
    }
    if (fault == FAULT_GARBAGE) {
        exchange_say(c->exchange, STR("\x16\x03\x01 220 mail.example ESMTP\r\n\r\n"));
        return;
    }
    if (c->is_chat)
        stats_answered(&c->service->stats, &c->ticket, c->status);
    if (fault == FAULT_DRIP)
        exchange_drip(c->exchange, &r);
    else if (fault == FAULT_CUT_BODY)
        exchange_reply_cut(c->exchange, &r);
    else if (fault == FAULT_TOO_LARGE_CHUNKED)
        exchange_reply_chunked(c->exchange, &r);
    else
        exchange_reply(c->exchange, &r);
}

static void on_request(void *context, struct exchange *x)
{
    struct service *s = context;
    struct call *c = calloc(1, sizeof *c);
    CHECK(c && (c->timer = evtimer_new(s->base, on_due, c)));
    c->service = s;
    c->exchange = x;
    c->type = "application/json";
    c->fault = FAULT_COUNT;
    x->call = c;
    route(c);
    CHECK(c->body);
    const struct timeval after = {.tv_sec = c->after_ms / 1000, .tv_usec = c->after_ms % 1000 * 1000};
    (void)evtimer_add(c->timer, &after);
}

static void on_ended(void *context, struct exchange *x)
{
    struct service *s = context;
    struct call *c = x->call;
    if (c->is_chat)
        stats_end(&s->stats, &c->ticket);
    event_free(c->timer);
    free(c->body);
    free(c);
}

struct service *service_create(struct event_base *base, const struct service_options *o, struct behaviour *b)
{
    struct service *s = calloc(1, sizeof *s);
    CHECK(s);
    s->options = *o;
    s->behaviour = b;
    s->base = base;
    stats_init(&s->stats);
    s->server = server_create(base, o->port, &(struct server_hooks){on_request, on_ended, s});
    if (s->server)
        return s;
    free(s);
    return NULL;
}

uint16_t service_port(const struct service *s)
{
    return server_port(s->server);
}

void service_destroy(struct service *s)
{
    if (!s)
        return;
    server_destroy(s->server);
    stats_fini(&s->stats);
    free(s);
}
