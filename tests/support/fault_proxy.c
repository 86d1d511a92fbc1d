// fault_proxy LISTEN UPSTREAM [DELAY_MS]: a socket in front of another one that misbehaves as networks do. An address
// is the path of a unix socket or 127.0.0.1:PORT; to listen on port 0 takes any that is free. Says "listening on
// ADDRESS" as soon as it does. Commands come on stdin, one per line:
//
//     delay MS   what either side sends arrives MS / 2 later, so that a round trip takes MS more, however long it is
//     drop       every connection is closed now, as by a server that goes
//     reset      every connection is reset now (RST, where it is TCP)
//     hold       nothing passes, in either direction, new connections neither: a partition
//     mute       what clients send arrives, no answer comes back: the outcome is unknown
//     refuse     every connection is closed, new ones as soon as they come
//     pass       back to normal: what was held passes, what was muted is reset
//
// Each command is answered by a line of its own ("done").

#include <netinet/in.h>
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

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_un path;
        struct sockaddr_in port;
    } at;
    socklen_t len;
};

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
    bool has_ended; // nothing more comes from `from`
};

struct link {
    struct way there, back;
    struct link *next, **at;
    bool was_muted;
};

enum mode { PASS, HOLD, MUTE, REFUSE };

static struct address upstream;
static int64_t delay_us;
static enum mode mode;
static struct link *links;

// ---- links ----

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
    *l->at = l->next;
    if (l->next)
        l->next->at = l->at;
    way_fini(&l->there);
    way_fini(&l->back);
    free(l);
}

static void reset_when_closed(struct bufferevent *b)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    evutil_socket_t fd = bufferevent_getfd(b);
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void link_reset(struct link *l)
{
    reset_when_closed(l->there.from);
    reset_when_closed(l->back.from);
    link_destroy(l);
}

// What was sent before an end arrives before it.
static bool is_drained(const struct way *w)
{
    return w->has_ended && !w->first && evbuffer_get_length(bufferevent_get_output(w->to)) == 0;
}

static void arm(struct way *w)
{
    int64_t left_us = w->first->due_us - clock_mono_us();
    if (left_us < 0)
        left_us = 0;
    struct timeval after = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    (void)evtimer_add(w->timer, &after);
}

static void deliver(struct way *w)
{
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

static void on_due(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct way *w = context;
    if (mode == HOLD)
        return; // "pass" delivers
    deliver(w);
    if (is_drained(w))
        link_destroy(w->link);
}

static void on_written(struct bufferevent *to, void *context)
{
    struct link *l = context;
    if (is_drained(to == l->there.to ? &l->there : &l->back))
        link_destroy(l);
}

static void on_read(struct bufferevent *from, void *context)
{
    struct link *l = context;
    struct way *w = from == l->there.from ? &l->there : &l->back;
    struct evbuffer *in = bufferevent_get_input(from);
    if (mode == MUTE && w == &l->back) {
        (void)evbuffer_drain(in, evbuffer_get_length(in));
        l->was_muted = true;
        return;
    }
    struct parcel *p = calloc(1, sizeof *p);
    CHECK(p && (p->bytes = evbuffer_new()));
    (void)evbuffer_add_buffer(p->bytes, in);
    p->due_us = clock_mono_us() + delay_us / 2;
    bool is_alone = !w->first;
    *w->end = p;
    w->end = &p->next;
    if (is_alone)
        arm(w);
}

static void on_event(struct bufferevent *b, short what, void *context)
{
    struct link *l = context;
    struct way *w = b == l->there.from ? &l->there : &l->back;
    if (what & BEV_EVENT_ERROR) {
        link_reset(l);
        return;
    }
    if (!(what & BEV_EVENT_EOF))
        return;
    w->has_ended = true;
    if (is_drained(w))
        link_destroy(l);
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
    if (mode == REFUSE) {
        (void)evutil_closesocket(fd);
        return;
    }
    struct event_base *base = evconnlistener_get_base(listener);
    struct link *l = calloc(1, sizeof *l);
    struct bufferevent *client = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    struct bufferevent *server = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    CHECK(l && client && server);
    way_init(&l->there, base, client, server, l);
    way_init(&l->back, base, server, client, l);
    l->next = links;
    l->at = &links;
    if (links)
        links->at = &l->next;
    links = l;
    bufferevent_setcb(client, on_read, on_written, on_event, l);
    bufferevent_setcb(server, on_read, on_written, on_event, l);
    (void)bufferevent_enable(client, EV_READ | EV_WRITE);
    (void)bufferevent_enable(server, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(server, &upstream.at.any, (int)upstream.len) != 0)
        link_destroy(l);
}

// ---- commands ----

static void for_each_link(void (*act)(struct link *l))
{
    for (struct link *l = links, *next; l; l = next) {
        next = l->next;
        act(l);
    }
}

static void release(struct link *l)
{
    if (l->was_muted) {
        link_reset(l);
        return;
    }
    if (l->there.first)
        arm(&l->there);
    if (l->back.first)
        arm(&l->back);
}

static void refuse(void)
{
    mode = REFUSE;
    for_each_link(link_destroy);
}

static void pass(void)
{
    mode = PASS;
    for_each_link(release);
}

static bool obey(const char *line)
{
    int64_t ms;
    if (strncmp(line, "delay ", 6) == 0 && str_to_int(str_of(line + 6), &ms) && ms >= 0)
        delay_us = ms * 1000;
    else if (strcmp(line, "drop") == 0)
        for_each_link(link_destroy);
    else if (strcmp(line, "reset") == 0)
        for_each_link(link_reset);
    else if (strcmp(line, "hold") == 0)
        mode = HOLD;
    else if (strcmp(line, "mute") == 0)
        mode = MUTE;
    else if (strcmp(line, "refuse") == 0)
        refuse();
    else if (strcmp(line, "pass") == 0)
        pass();
    else
        return false;
    return true;
}

static void on_command(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    static struct evbuffer *said;
    struct event **self = context;
    if (!said)
        CHECK((said = evbuffer_new()));
    int n = evbuffer_read(said, fd, 4096);
    if (n <= 0) { // nobody commands any more: it goes on as it is
        (void)event_del(*self);
        return;
    }
    char *line;
    while ((line = evbuffer_readln(said, NULL, EVBUFFER_EOL_LF))) {
        (void)puts(obey(line) ? "done" : "no such command");
        free(line);
    }
}

// ---- addresses ----

static bool address_read(const char *text, struct address *out)
{
    static const char LOOPBACK[] = "127.0.0.1:";
    int64_t port;
    if (strncmp(text, LOOPBACK, strlen(LOOPBACK)) == 0) {
        if (!str_to_int(str_of(text + strlen(LOOPBACK)), &port) || port < 0 || port > UINT16_MAX)
            return false;
        out->at.port = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        out->len = sizeof out->at.port;
        return true;
    }
    out->at.path = (struct sockaddr_un){.sun_family = AF_UNIX};
    out->len = sizeof out->at.path;
    if (!*text || strlen(text) >= sizeof out->at.path.sun_path)
        return false;
    (void)memcpy(out->at.path.sun_path, text, strlen(text));
    return true;
}

static bool say_where(struct evconnlistener *listener, const char *here)
{
    struct sockaddr_in in;
    socklen_t len = sizeof in;
    if (here[0] != '/' && getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&in, &len) == 0 &&
        in.sin_family == AF_INET)
        return printf("listening on 127.0.0.1:%d\n", ntohs(in.sin_port)) > 0;
    return chmod(here, 0777) == 0 && printf("listening on %s\n", here) > 0;
}

// Nobody commands through a file or /dev/null, which epoll would not wait for.
static void listen_to_commands(struct event_base *base)
{
    static struct event *commands;
    struct stat in;
    if (fstat(STDIN_FILENO, &in) != 0 || S_ISREG(in.st_mode) || (S_ISCHR(in.st_mode) && !isatty(STDIN_FILENO)))
        return;
    commands = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_command, &commands);
    CHECK(commands && evutil_make_socket_nonblocking(STDIN_FILENO) == 0 && event_add(commands, NULL) == 0);
}

// By default libevent reads a clock that moves every 4 ms: a delay of 1 would be one of 8.
static struct event_base *base_create(void)
{
    struct event_config *config = event_config_new();
    CHECK(config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0);
    struct event_base *base = event_base_new_with_config(config);
    CHECK(base);
    event_config_free(config);
    return base;
}

int main(int argc, char **argv)
{
    int64_t delay_ms = 0;
    struct address here;
    if (argc < 3 || argc > 4 || !address_read(argv[1], &here) || !address_read(argv[2], &upstream) ||
        (argc == 4 && (!str_to_int(str_of(argv[3]), &delay_ms) || delay_ms < 0))) {
        (void)fputs("usage: fault_proxy LISTEN UPSTREAM [DELAY_MS] (addresses: /path of a unix socket or "
                    "127.0.0.1:PORT; commands on stdin)\n",
                    stderr);
        return 2;
    }
    struct event_base *base = base_create();
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    delay_us = delay_ms * 1000;
    if (here.at.any.sa_family == AF_UNIX)
        (void)unlink(argv[1]);
    struct evconnlistener *listener = evconnlistener_new_bind(
        base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, &here.at.any, (int)here.len);
    if (!listener || !say_where(listener, argv[1])) {
        perror(argv[1]);
        return 1;
    }
    listen_to_commands(base);
    (void)event_base_dispatch(base);
    return 1;
}
