// delay_proxy LISTEN UPSTREAM DELAY_MS: a unix socket in front of another one that makes the way longer. What either
// side sends arrives DELAY_MS / 2 later, so that a round trip takes DELAY_MS more, however many bytes or messages it
// has.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/str.h"

struct parcel { // bytes on their way
    struct parcel *next;
    struct evbuffer *bytes;
    int64_t due_us;
};

struct way { // one direction
    struct bufferevent *from, *to;
    struct parcel *first, **end;
    struct event *timer;
    struct link *link;
};

struct link {
    struct way there, back;
};

static struct sockaddr_un upstream;
static int64_t delay_us;

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    CHECK(strlen(path) < sizeof a.sun_path);
    (void)memcpy(a.sun_path, path, strlen(path));
    return a;
}

static void way_fini(struct way *w)
{
    while (w->first) {
        struct parcel *p = w->first;
        w->first = p->next;
        evbuffer_free(p->bytes);
        free(p);
    }
    event_free(w->timer);
    bufferevent_free(w->from);
}

static void link_destroy(struct link *l)
{
    way_fini(&l->there);
    way_fini(&l->back);
    free(l);
}

static void arm(struct way *w)
{
    int64_t left_us = w->first->due_us - clock_mono_us();
    if (left_us < 0)
        left_us = 0;
    struct timeval after = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    (void)evtimer_add(w->timer, &after);
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct way *w = context;
    while (w->first && w->first->due_us <= clock_mono_us()) {
        struct parcel *p = w->first;
        w->first = p->next;
        (void)bufferevent_write_buffer(w->to, p->bytes);
        evbuffer_free(p->bytes);
        free(p);
    }
    if (w->first)
        arm(w);
    else
        w->end = &w->first;
}

static void on_read(struct bufferevent *from, void *context)
{
    struct link *l = context;
    struct way *w = from == l->there.from ? &l->there : &l->back;
    struct parcel *p = calloc(1, sizeof *p);
    CHECK(p && (p->bytes = evbuffer_new()));
    (void)evbuffer_add_buffer(p->bytes, bufferevent_get_input(from));
    p->due_us = clock_mono_us() + delay_us / 2;
    bool is_alone = !w->first;
    *w->end = p;
    w->end = &p->next;
    if (is_alone)
        arm(w);
}

static void on_event(struct bufferevent *b, short what, void *context)
{
    (void)b;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        link_destroy(context);
}

static void way_init(struct way *w, struct event_base *base, struct bufferevent *from, struct bufferevent *to,
                     struct link *l)
{
    *w = (struct way){.from = from, .to = to, .link = l};
    w->end = &w->first;
    w->timer = evtimer_new(base, on_due, w);
    CHECK(w->timer);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len,
                      void *context)
{
    (void)peer, (void)peer_len, (void)context;
    struct event_base *base = evconnlistener_get_base(listener);
    struct link *l = calloc(1, sizeof *l);
    struct bufferevent *client = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    struct bufferevent *server = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    CHECK(l && client && server);
    way_init(&l->there, base, client, server, l);
    way_init(&l->back, base, server, client, l);
    bufferevent_setcb(client, on_read, NULL, on_event, l);
    bufferevent_setcb(server, on_read, NULL, on_event, l);
    (void)bufferevent_enable(client, EV_READ | EV_WRITE);
    (void)bufferevent_enable(server, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(server, (struct sockaddr *)&upstream, sizeof upstream) != 0)
        link_destroy(l);
}

int main(int argc, char **argv)
{
    int64_t delay_ms;
    if (argc != 4 || !str_to_int(str_of(argv[3]), &delay_ms) || delay_ms < 0) {
        (void)fputs("usage: delay_proxy LISTEN UPSTREAM DELAY_MS (paths of unix sockets)\n", stderr);
        return 2;
    }
    struct sockaddr_un here = address_of(argv[1]);
    struct event_base *base = event_base_new();
    CHECK(base);
    upstream = address_of(argv[2]);
    delay_us = delay_ms * 1000;
    (void)unlink(argv[1]);
    struct evconnlistener *listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                                              (struct sockaddr *)&here, sizeof here);
    if (!listener || chmod(argv[1], 0777) != 0) {
        perror(argv[1]);
        return 1;
    }
    (void)event_base_dispatch(base);
    return 1;
}
