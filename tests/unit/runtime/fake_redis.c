#include "fake_redis.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/check.h"

const char FAKE_SILENCE[] = "silence";
const char FAKE_CLOSE[] = "close";
const char FAKE_DRIP[] = "drip";
const char FAKE_MASTER[] = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";

enum { CONNECTIONS_MAX = 64, TICK_MS = 20, INPUT_MAX = 1 << 16 };

struct connection {
    int fd;
    unsigned number;
    bool drips;
    size_t len;
    char input[INPUT_MAX];
};

struct fake_redis {
    int listener, port;
    pthread_t thread;
    atomic_bool is_closing, must_hang_up;
    atomic_uint n_connections;
    fake_answer *answer;
    void *context;
    struct connection *open[CONNECTIONS_MAX];
};

static void hang_up(struct connection **c)
{
    if (*c)
        (void)close((*c)->fd);
    free(*c);
    *c = NULL;
}

// One whole command at the head of the input: its length, 0 when it is not all there.
static size_t parse(const char *input, size_t len, struct fake_command *out)
{
    const char *at = input, *end = input + len;
    char *after;
    const char *line = memchr(at, '\n', len);
    if (!line)
        return 0;
    CHECK(at[0] == '*');
    unsigned long n = strtoul(at + 1, &after, 10);
    at = line + 1;
    for (unsigned long i = 0; i < n; i++) {
        line = memchr(at, '\n', (size_t)(end - at));
        if (!line)
            return 0;
        CHECK(at[0] == '$');
        size_t size = strtoul(at + 1, &after, 10);
        if ((size_t)(end - line - 1) < size + 2)
            return 0;
        if (i < FAKE_ARGS_MAX) {
            size_t cut = size < sizeof out->args[i] ? size : sizeof out->args[i] - 1;
            memcpy(out->args[i], line + 1, cut);
        }
        at = line + 1 + size + 2;
    }
    return (size_t)(at - input);
}

static const char *answer_of_health(const struct fake_command *c)
{
    if (strcmp(c->args[0], "ROLE") == 0)
        return FAKE_MASTER;
    return strcmp(c->args[0], "PING") == 0 ? "+PONG\r\n" : "+OK\r\n";
}

// false: hung up
static bool serve(struct fake_redis *f, struct connection *c)
{
    ssize_t n = read(c->fd, c->input + c->len, sizeof c->input - c->len);
    if (n <= 0)
        return false;
    c->len += (size_t)n;
    for (;;) {
        struct fake_command command = {.connection = c->number};
        size_t used = parse(c->input, c->len, &command);
        if (used == 0)
            return c->len < sizeof c->input;
        c->len -= used;
        memmove(c->input, c->input + used, c->len);
        const char *text = f->answer ? f->answer(f->context, &command) : NULL;
        if (!text)
            text = answer_of_health(&command);
        if (text == FAKE_CLOSE)
            return false;
        if (text == FAKE_DRIP) {
            c->drips = true;
            text = "$1000000\r\n";
        }
        if (text != FAKE_SILENCE && send(c->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
            return false;
    }
}

static void accept_one(struct fake_redis *f)
{
    int fd = accept(f->listener, NULL, NULL);
    if (fd < 0)
        return;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (f->open[i])
            continue;
        f->open[i] = calloc(1, sizeof *f->open[i]);
        CHECK(f->open[i]);
        f->open[i]->fd = fd;
        f->open[i]->number = atomic_fetch_add(&f->n_connections, 1) + 1;
        return;
    }
    (void)close(fd);
}

static void drip(struct connection **c)
{
    if (*c && (*c)->drips && send((*c)->fd, "x", 1, MSG_NOSIGNAL) < 0)
        hang_up(c);
}

static void tick(struct fake_redis *f)
{
    struct pollfd fds[CONNECTIONS_MAX + 1] = {{.fd = f->listener, .events = POLLIN}};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        fds[i + 1] = (struct pollfd){.fd = f->open[i] ? f->open[i]->fd : -1, .events = POLLIN};
    (void)poll(fds, CONNECTIONS_MAX + 1, TICK_MS);
    bool must_hang_up = atomic_load(&f->must_hang_up);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (f->open[i] && (must_hang_up || (fds[i + 1].revents && !serve(f, f->open[i]))))
            hang_up(&f->open[i]);
        drip(&f->open[i]);
    }
    if (must_hang_up)
        atomic_store(&f->must_hang_up, false); // now that it is done: somebody waits for that
    if (fds[0].revents)
        accept_one(f);
}

static void *fake_main(void *argument)
{
    struct fake_redis *f = argument;
    while (!atomic_load(&f->is_closing))
        tick(f);
    return NULL;
}

struct fake_redis *fake_redis_start(fake_answer *answer, void *context)
{
    struct fake_redis *f = calloc(1, sizeof *f);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    CHECK(f);
    f->answer = answer;
    f->context = context;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(f->listener >= 0 && bind(f->listener, (struct sockaddr *)&here, sizeof here) == 0);
    CHECK(listen(f->listener, 64) == 0 && getsockname(f->listener, (struct sockaddr *)&here, &len) == 0);
    f->port = ntohs(here.sin_port);
    CHECK(pthread_create(&f->thread, NULL, fake_main, f) == 0);
    return f;
}

void fake_redis_stop(struct fake_redis *f)
{
    atomic_store(&f->is_closing, true);
    (void)pthread_join(f->thread, NULL);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        hang_up(&f->open[i]);
    (void)close(f->listener);
    free(f);
}

int fake_redis_port(const struct fake_redis *f)
{
    return f->port;
}

unsigned fake_redis_connections(const struct fake_redis *f)
{
    return atomic_load(&f->n_connections);
}

void fake_redis_hang_up(struct fake_redis *f)
{
    atomic_store(&f->must_hang_up, true);
    while (atomic_load(&f->must_hang_up))
        (void)poll(NULL, 0, 1);
}
