#include <stdio.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "common/check.h"
#include "tests/support/chat/http_internal.h"

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } REASONS[] = {{200, "OK"},
                   {302, "Found"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {429, "Too Many Requests"},
                   {500, "Internal Server Error"},
                   {502, "Bad Gateway"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++) {
        if (REASONS[i].status == status)
            return REASONS[i].reason;
    }
    return "Unnamed";
}

static struct connection *connection_of(struct exchange *x)
{
    struct connection *c = (struct connection *)x;
    CHECK(c->is_busy);
    return c;
}

static void put_head(struct connection *c, const struct reply *r, const char *length_header, struct evbuffer *out)
{
    (void)evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s\r\n%s%s\r\n", r->status,
                              reason_of(r->status), r->type, length_header, r->headers ? r->headers : "",
                              c->is_last ? "Connection: close\r\n" : "");
}

static void put_head_with_length(struct connection *c, const struct reply *r, struct evbuffer *out)
{
    char length[64];
    (void)snprintf(length, sizeof length, "Content-Length: %zu", r->body.len);
    put_head(c, r, length, out);
}

void exchange_reply(struct exchange *x, const struct reply *r)
{
    struct connection *c = connection_of(x);
    struct evbuffer *out = bufferevent_get_output(c->link);
    put_head_with_length(c, r, out);
    (void)evbuffer_add(out, r->body.ptr, r->body.len);
    exchange_done(c);
}

void exchange_reply_chunked(struct exchange *x, const struct reply *r)
{
    enum { CHUNK = 65536 };
    struct connection *c = connection_of(x);
    struct evbuffer *out = bufferevent_get_output(c->link);
    put_head(c, r, "Transfer-Encoding: chunked", out);
    for (size_t at = 0, len; at < r->body.len; at += len) {
        len = r->body.len - at < CHUNK ? r->body.len - at : CHUNK;
        (void)evbuffer_add_printf(out, "%zx\r\n", len);
        (void)evbuffer_add(out, r->body.ptr + at, len);
        (void)evbuffer_add(out, "\r\n", 2);
    }
    (void)evbuffer_add(out, "0\r\n\r\n", 5);
    exchange_done(c);
}

void exchange_reply_cut(struct exchange *x, const struct reply *r)
{
    struct connection *c = connection_of(x);
    struct evbuffer *out = bufferevent_get_output(c->link);
    put_head_with_length(c, r, out);
    (void)evbuffer_add(out, r->body.ptr, r->body.len / 2);
    c->is_last = true;
    exchange_done(c);
}

void exchange_drip(struct exchange *x, const struct reply *r)
{
    struct connection *c = connection_of(x);
    put_head_with_length(c, r, bufferevent_get_output(c->link));
    (void)evbuffer_add(c->drip, r->body.ptr, r->body.len);
    const struct timeval second = {.tv_sec = 1};
    (void)event_add(c->drip_timer, &second);
}

void exchange_say(struct exchange *x, struct str bytes)
{
    struct connection *c = connection_of(x);
    (void)evbuffer_add(bufferevent_get_output(c->link), bytes.ptr, bytes.len);
    c->is_last = true;
    exchange_done(c);
}

void exchange_reset(struct exchange *x)
{
    struct connection *c = connection_of(x);
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(bufferevent_getfd(c->link), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    connection_destroy(c);
}
