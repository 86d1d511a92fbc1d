#include "tests/support/chat/http_server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "common/check.h"
#include "tests/support/chat/http_internal.h"

struct server {
    struct server_hooks hooks;
    struct evconnlistener *listener;
    struct connection *connections;
    struct server_counts counts;
};

// ---- life of a connection ----

static void end_exchange(struct connection *c)
{
    if (!c->is_busy)
        return;
    c->server->hooks.on_ended(c->server->hooks.context, &c->exchange);
    c->is_busy = c->has_said_continue = false;
    free(c->head);
    free(c->body);
    c->head = c->body = NULL;
    (void)event_del(c->drip_timer);
    (void)evbuffer_drain(c->drip, evbuffer_get_length(c->drip));
}

void connection_destroy(struct connection *c)
{
    end_exchange(c);
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    c->server->counts.open--;
    event_free(c->drip_timer);
    evbuffer_free(c->drip);
    bufferevent_free(c->link);
    free(c);
}

static void close_when_sent(struct connection *c)
{
    c->is_closing = true;
    if (evbuffer_get_length(bufferevent_get_output(c->link)) == 0)
        connection_destroy(c);
}

static void read_request(struct connection *c);

void exchange_done(struct connection *c)
{
    end_exchange(c);
    if (c->is_last)
        close_when_sent(c);
    else
        read_request(c);
}

// ---- requests ----

static void refuse(struct connection *c, const char *status_line)
{
    (void)evbuffer_add_printf(bufferevent_get_output(c->link),
                              "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status_line);
    close_when_sent(c);
}

// The value of a header, "" when it is not there. The head's lines end with CRLF.
static struct str head_field(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1, *end = strstr(value, "\r\n");
            return str_trim((struct str){value, end ? (size_t)(end - value) : strlen(value)});
        }
    }
    return STR("");
}

static bool body_length(const char *head, size_t *out)
{
    struct str text = head_field(head, "Content-Length");
    int64_t value = 0;
    if (text.len && (!str_to_int(text, &value) || value < 0 || value > SERVER_BODY_MAX))
        return false;
    *out = (size_t)value;
    return true;
}

// "POST /v1/models?x HTTP/1.1": the words become strings of their own, the query is left out.
static bool split_first_line(struct connection *c)
{
    char *method_end = strchr(c->head, ' ');
    char *path_end = method_end ? strchr(method_end + 1, ' ') : NULL;
    if (!path_end || strncmp(path_end + 1, "HTTP/1.", 7) != 0 || path_end > strstr(c->head, "\r\n"))
        return false;
    c->is_last = path_end[8] == '0' || str_eq_nocase(head_field(c->head, "Connection"), STR("close"));
    c->exchange.authorization = head_field(c->head, "Authorization");
    *method_end = *path_end = '\0';
    c->exchange.method = c->head;
    c->exchange.path = method_end + 1;
    char *query = strchr(method_end + 1, '?');
    if (query)
        *query = '\0';
    return true;
}

static char *take_bytes(struct evbuffer *in, size_t len)
{
    char *out = malloc(len + 1);
    CHECK(out && evbuffer_remove(in, out, len) == (int)len);
    out[len] = '\0';
    return out;
}

static void begin_exchange(struct connection *c, size_t head_len, size_t body_len)
{
    struct evbuffer *in = bufferevent_get_input(c->link);
    c->exchange = (struct exchange){0};
    c->head = take_bytes(in, head_len);
    c->body = take_bytes(in, body_len);
    c->exchange.body = (struct str){c->body, body_len};
    if (!split_first_line(c)) {
        free(c->head);
        free(c->body);
        c->head = c->body = NULL;
        refuse(c, "400 Bad Request");
        return;
    }
    c->is_busy = true;
    c->server->hooks.on_request(c->server->hooks.context, &c->exchange);
}

static void say_continue(struct connection *c, const char *head)
{
    if (c->has_said_continue || !str_eq_nocase(head_field(head, "Expect"), STR("100-continue")))
        return;
    c->has_said_continue = true;
    (void)evbuffer_add_printf(bufferevent_get_output(c->link), "HTTP/1.1 100 Continue\r\n\r\n");
}

// The next request, once it is all there.
static void read_request(struct connection *c)
{
    struct evbuffer *in = bufferevent_get_input(c->link);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (end.pos < 0 ? evbuffer_get_length(in) > SERVER_HEAD_MAX : end.pos > SERVER_HEAD_MAX) {
        refuse(c, "431 Request Header Fields Too Large");
        return;
    }
    if (end.pos < 0)
        return;
    size_t head_len = (size_t)end.pos + 4, body_len;
    char head[SERVER_HEAD_MAX + 5];
    (void)evbuffer_copyout(in, head, head_len);
    head[head_len] = '\0';
    if (head_field(head, "Transfer-Encoding").len)
        refuse(c, "501 Not Implemented");
    else if (!body_length(head, &body_len))
        refuse(c, "413 Content Too Large");
    else if (evbuffer_get_length(in) < head_len + body_len)
        say_continue(c, head);
    else
        begin_exchange(c, head_len, body_len);
}

// ---- libevent ----

static void on_read(struct bufferevent *link, void *context)
{
    (void)link;
    struct connection *c = context;
    if (!c->is_busy && !c->is_closing)
        read_request(c);
}

static void on_written(struct bufferevent *link, void *context)
{
    (void)link;
    struct connection *c = context;
    if (c->is_closing)
        connection_destroy(c);
}

static void on_event(struct bufferevent *link, short what, void *context)
{
    (void)link;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        connection_destroy(context);
}

static void on_drip(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct connection *c = context;
    if (evbuffer_get_length(c->drip) > 0)
        (void)evbuffer_remove_buffer(c->drip, bufferevent_get_output(c->link), 1);
    else
        exchange_done(c);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len,
                      void *context)
{
    (void)peer, (void)peer_len;
    struct server *s = context;
    s->counts.total++;
    if (s->counts.open == SERVER_CONNECTIONS_MAX) {
        (void)evutil_closesocket(fd);
        return;
    }
    struct event_base *base = evconnlistener_get_base(listener);
    struct connection *c = calloc(1, sizeof *c);
    CHECK(c && (c->link = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE)));
    CHECK((c->drip = evbuffer_new()) && (c->drip_timer = event_new(base, -1, EV_PERSIST, on_drip, c)));
    c->server = s;
    c->next = s->connections;
    c->at = &s->connections;
    if (c->next)
        c->next->at = &c->next;
    s->connections = c;
    s->counts.open++;
    bufferevent_setcb(c->link, on_read, on_written, on_event, c);
    bufferevent_setwatermark(c->link, EV_READ, 0, SERVER_HEAD_MAX + SERVER_BODY_MAX + 8);
    (void)bufferevent_enable(c->link, EV_READ | EV_WRITE);
}

// ---- the server ----

struct server *server_create(struct event_base *base, uint16_t port, const struct server_hooks *hooks)
{
    const struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct server *s = calloc(1, sizeof *s);
    CHECK(s);
    s->hooks = *hooks;
    s->listener = evconnlistener_new_bind(base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 1024,
                                          (const struct sockaddr *)&here, sizeof here);
    if (s->listener)
        return s;
    free(s);
    return NULL;
}

uint16_t server_port(const struct server *s)
{
    struct sockaddr_in here;
    socklen_t len = sizeof here;
    CHECK(getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&here, &len) == 0);
    return ntohs(here.sin_port);
}

struct server_counts server_counts(const struct server *s)
{
    return s->counts;
}

void server_destroy(struct server *s)
{
    if (!s)
        return;
    while (s->connections)
        connection_destroy(s->connections);
    evconnlistener_free(s->listener);
    free(s);
}
