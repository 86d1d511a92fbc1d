#include "http_server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "common/check.h"

enum { FLOOD_AHEAD = 1 << 18 };

struct http_peer {
    struct http_server *server;
    struct bufferevent *stream;
    struct event *timer;
    TAILQ_ENTRY(http_peer) link;
    int number;
    bool is_running, must_close;
    struct evbuffer *later; // the body of an answer that is still to come
    char dripped;
    int drip_ms;
    const char *flood;
};

struct http_server {
    struct event_base *base;
    struct evconnlistener *listener;
    http_server_on_request *on_request;
    void *context;
    void (*greet)(struct http_peer *p);
    TAILQ_HEAD(, http_peer) peers;
    struct http_server_stats stats;
};

// ---- a connection's end ----

static void ended(struct http_peer *p)
{
    if (p->is_running)
        p->server->stats.running--;
    p->is_running = false;
}

void http_peer_close(struct http_peer *p)
{
    struct http_server *s = p->server;
    ended(p);
    TAILQ_REMOVE(&s->peers, p, link);
    s->stats.open--;
    event_free(p->timer);
    evbuffer_free(p->later);
    bufferevent_free(p->stream);
    free(p);
}

void http_peer_reset(struct http_peer *p)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    CHECK(setsockopt(bufferevent_getfd(p->stream), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    http_peer_close(p);
}

static void on_event(struct bufferevent *stream, short what, void *context)
{
    (void)stream;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        http_peer_close(context);
}

// ---- requests ----

static size_t content_length(struct str headers)
{
    static const char NAME[] = "Content-Length:";
    const char *at = strcasestr(headers.ptr, NAME); // the buffer ends in a NUL
    return at ? strtoul(at + sizeof NAME - 1, NULL, 10) : 0;
}

static bool take_request(struct http_peer *p, struct evbuffer *in)
{
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (end.pos < 0 || p->is_running)
        return false;
    size_t head = (size_t)end.pos + 4, have = evbuffer_get_length(in);
    char *text = malloc(have + 1);
    CHECK(text && evbuffer_copyout(in, text, have) == (ev_ssize_t)have);
    text[head - 1] = '\0';
    size_t line = strcspn(text, "\r"), body = content_length((struct str){text, head - 1});
    bool is_whole = have >= head + body;
    if (is_whole) {
        struct http_server *s = p->server;
        const struct http_asked asked = {{text, line}, {text + line + 2, head - line - 3}, {text + head, body}};
        CHECK(evbuffer_drain(in, head + body) == 0);
        p->is_running = true;
        s->stats.requests++;
        s->stats.running++;
        if (s->stats.running > s->stats.running_max)
            s->stats.running_max = s->stats.running;
        s->on_request(s->context, p, &asked);
    }
    free(text);
    return is_whole;
}

static void on_read(struct bufferevent *stream, void *context)
{
    (void)take_request(context, bufferevent_get_input(stream));
}

// ---- what it does ----

void http_peer_raw(struct http_peer *p, struct str bytes)
{
    CHECK(bufferevent_write(p->stream, bytes.ptr, bytes.len) == 0);
}

void http_peer_answer(struct http_peer *p, const char *status, const char *headers, struct str body)
{
    char head[1024];
    int len = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, body.len, headers);
    CHECK(len > 0 && (size_t)len < sizeof head);
    ended(p);
    http_peer_raw(p, (struct str){head, (size_t)len});
    http_peer_raw(p, body);
}

static void arm(struct http_peer *p, int ms)
{
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    CHECK(event_add(p->timer, &after) == 0);
}

static void on_time(evutil_socket_t s, short events, void *context)
{
    (void)s;
    (void)events;
    struct http_peer *p = context;
    if (p->must_close) {
        http_peer_close(p);
        return;
    }
    if (p->dripped) {
        http_peer_raw(p, (struct str){&p->dripped, 1});
        arm(p, p->drip_ms);
        return;
    }
    size_t len = evbuffer_get_length(p->later);
    http_peer_answer(p, "200 OK", "", (struct str){(const char *)evbuffer_pullup(p->later, -1), len});
    CHECK(evbuffer_drain(p->later, len) == 0);
}

void http_peer_answer_later(struct http_peer *p, int ms, struct str body)
{
    CHECK(evbuffer_add(p->later, body.ptr, body.len) == 0);
    arm(p, ms);
}

void http_peer_close_later(struct http_peer *p, int ms)
{
    p->must_close = true;
    arm(p, ms);
}

void http_peer_drip(struct http_peer *p, int every_ms, char c)
{
    p->dripped = c;
    p->drip_ms = every_ms;
    arm(p, every_ms);
}

static void on_drained(struct bufferevent *stream, void *context)
{
    struct http_peer *p = context;
    if (!p->flood)
        return;
    while (evbuffer_get_length(bufferevent_get_output(stream)) < FLOOD_AHEAD)
        http_peer_raw(p, str_of(p->flood));
}

void http_peer_flood(struct http_peer *p, const char *bytes)
{
    p->flood = bytes;
    on_drained(p->stream, p);
}

int http_peer_number(const struct http_peer *p)
{
    return p->number;
}

// ---- the server ----

static void on_connect(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int len,
                       void *context)
{
    (void)listener;
    (void)address;
    (void)len;
    struct http_server *s = context;
    struct http_peer *p = calloc(1, sizeof *p);
    CHECK(p);
    p->server = s;
    p->number = (int)++s->stats.connects;
    s->stats.open++;
    p->stream = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    p->timer = evtimer_new(s->base, on_time, p);
    p->later = evbuffer_new();
    CHECK(p->stream && p->timer && p->later);
    bufferevent_setcb(p->stream, on_read, on_drained, on_event, p);
    CHECK(bufferevent_enable(p->stream, EV_READ | EV_WRITE) == 0);
    TAILQ_INSERT_TAIL(&s->peers, p, link);
    if (s->greet)
        s->greet(p);
}

struct http_server *http_server_start(struct event_base *base, http_server_on_request *on_request, void *context)
{
    const struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct http_server *s = calloc(1, sizeof *s);
    CHECK(s);
    *s = (struct http_server){.base = base, .on_request = on_request, .context = context};
    TAILQ_INIT(&s->peers);
    s->listener = evconnlistener_new_bind(base, on_connect, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 512,
                                          (const struct sockaddr *)&here, sizeof here);
    CHECK(s->listener);
    return s;
}

void http_server_greet(struct http_server *s, void (*greet)(struct http_peer *p))
{
    s->greet = greet;
}

void http_server_stop(struct http_server *s)
{
    struct http_peer *p;
    while ((p = TAILQ_FIRST(&s->peers)))
        http_peer_close(p);
    evconnlistener_free(s->listener);
    free(s);
}

int http_server_port(const struct http_server *s)
{
    struct sockaddr_in here;
    socklen_t len = sizeof here;
    CHECK(getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&here, &len) == 0);
    return ntohs(here.sin_port);
}

struct http_server_stats http_server_stats(const struct http_server *s)
{
    return s->stats;
}
