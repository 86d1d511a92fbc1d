#include "common/redis_internal.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/thread.h"

// ---- Sentinels ----

static bool place_of_reply(const struct redis_reply *r, struct redis_place *out)
{
    struct str host = redis_reply_str(redis_reply_at(r, 0));
    int64_t port = redis_reply_int(redis_reply_at(r, 1));
    if (host.len == 0 || host.len >= sizeof out->host || port < 1 || port > 65535)
        return false;
    *out = (struct redis_place){.port = (int)port};
    memcpy(out->host, host.ptr, host.len);
    return true;
}

static bool ask(struct redis *sentinel, const char *master, struct redis_place *out, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd c;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    redis_cmd_init(&c, "SENTINEL");
    redis_cmd_text(&c, "get-master-addr-by-name");
    redis_cmd_text(&c, master);
    if (!redis_call(sentinel, &c, &reply, e))
        return false;
    if (redis_reply_type(reply) == REDIS_NIL)
        return err_set(e, ERR_CONFIG, "it watches no master called \"%s\" (check redis.url)", master);
    return place_of_reply(reply, out) || err_set(e, ERR_REDIS, "its answer is no address");
}

static bool ask_one(const struct redis_url *url, unsigned i, int64_t timeout_ms, struct redis_place *out, struct err *e)
{
    AUTO(redis_closep) struct redis *sentinel = NULL;
    struct redis_url of_sentinel = *url;
    of_sentinel.is_sentinel = true;
    of_sentinel.n_sentinels = 0;
    of_sentinel.port = url->sentinels[i].port;
    of_sentinel.password_file[0] = '\0';
    memcpy(of_sentinel.host, url->sentinels[i].host, sizeof of_sentinel.host);
    memcpy(of_sentinel.user, url->sentinel_user, sizeof of_sentinel.user);
    memcpy(of_sentinel.password, url->sentinel_password, sizeof of_sentinel.password);
    bool ok = redis_open(&sentinel, &of_sentinel, "", timeout_ms, e) && ask(sentinel, url->master, out, e);
    redis_url_forget(&of_sentinel);
    return ok || err_wrap(e, "Sentinel %s:%d", url->sentinels[i].host, url->sentinels[i].port);
}

bool redis_ask_sentinels(const struct redis_url *url, unsigned *first, struct redis_place *out, struct err *e)
{
    int64_t until_ms = clock_mono_ms() + REDIS_LOCATE_MS;
    CHECK(url->n_sentinels > 0);
    for (unsigned n = 0; n < url->n_sentinels; n++) {
        unsigned i = (*first + n) % url->n_sentinels;
        int64_t left_ms = until_ms - clock_mono_ms();
        if (n > 0 && left_ms <= 0) {
            *first = i; // the others' turn comes first next time
            return false;
        }
        if (ask_one(url, i, left_ms < REDIS_SENTINEL_MS ? left_ms : REDIS_SENTINEL_MS, out, e)) {
            *first = i;
            return true;
        }
    }
    return false;
}

// ---- names ----

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

bool redis_needs_search(const struct redis_url *url)
{
    return url->n_sentinels > 0 || (!url->path[0] && !is_numeric(url->host));
}

static size_t count_of(const struct addrinfo *list)
{
    size_t n = 0;
    for (; list; list = list->ai_next)
        n++;
    return n;
}

// Those of IPv4 first: where a name has both, servers that listen on one of them mostly listen on that.
static const struct addrinfo *nth_address(const struct addrinfo *list, size_t n)
{
    static const int FAMILIES[] = {AF_INET, AF_INET6};
    for (size_t f = 0; f < ARRAY_LEN(FAMILIES); f++)
        for (const struct addrinfo *a = list; a; a = a->ai_next)
            if (a->ai_family == FAMILIES[f] && n-- == 0)
                return a;
    return list;
}

// Of several addresses each gets its turn: one that does not answer must not hide the others.
static bool resolve(const char *host, unsigned attempt, char out[256], struct err *e)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int status = getaddrinfo(host, NULL, &wanted, &list);
    if (status != 0)
        return err_set(e, ERR_REDIS_AWAY, "connecting to Redis: no address for %s: %s", host, gai_strerror(status));
    const struct addrinfo *a = nth_address(list, attempt % count_of(list));
    status = getnameinfo(a->ai_addr, a->ai_addrlen, out, 256, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(list);
    return status == 0 || err_set(e, ERR_REDIS_AWAY, "connecting to Redis: %s: %s", host, gai_strerror(status));
}

// ---- both, in a thread ----

struct redis_search {
    atomic_int owners; // the one who began it and its thread
    int done_fd;       // eventfd
    struct redis_url url;
    unsigned first, attempt;
    bool is_found;
    struct redis_place place;
    char server[256];
    struct err cause;
};

static void search_release(struct redis_search *s)
{
    if (atomic_fetch_sub(&s->owners, 1) > 1)
        return;
    (void)close(s->done_fd);
    redis_url_forget(&s->url);
    free(s);
}

static bool search(struct redis_search *s)
{
    s->place.port = s->url.port;
    memcpy(s->place.host, s->url.host, sizeof s->place.host);
    if (s->url.n_sentinels && !redis_ask_sentinels(&s->url, &s->first, &s->place, &s->cause))
        return false;
    memcpy(s->server, s->place.host, sizeof s->server);
    return is_numeric(s->server) || resolve(s->server, s->attempt, s->place.host, &s->cause);
}

static void *search_main(void *argument)
{
    struct redis_search *s = argument;
    (void)pthread_setname_np(pthread_self(), "redis-search");
    s->is_found = search(s);
    const uint64_t one = 1;
    CHECK(write(s->done_fd, &one, sizeof one) == (ssize_t)sizeof one);
    search_release(s);
    thread_left_is_done();
    return NULL;
}

static bool start_thread(struct redis_search *s)
{
    pthread_t thread;
    if (!thread_start(&thread, search_main, s))
        return false;
    thread_leave(thread);
    return true;
}

struct redis_search *redis_search_begin(const struct redis_url *url, unsigned first, unsigned attempt)
{
    struct redis_search *s = calloc(1, sizeof *s);
    CHECK(s);
    s->url = *url;
    s->first = first;
    s->attempt = attempt;
    s->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&s->owners, 2);
    if (s->done_fd >= 0 && start_thread(s))
        return s;
    if (s->done_fd >= 0)
        (void)close(s->done_fd);
    redis_url_forget(&s->url);
    free(s);
    return NULL;
}

int redis_search_fd(const struct redis_search *s)
{
    return s->done_fd;
}

bool redis_search_end(struct redis_search *s, unsigned *first, struct redis_place *out, char server[256], struct err *e)
{
    uint64_t value;
    CHECK(read(s->done_fd, &value, sizeof value) == (ssize_t)sizeof value); // what the thread wrote is seen from here
    bool is_found = s->is_found;
    *first = s->first;
    if (is_found) {
        *out = s->place;
        memcpy(server, s->server, sizeof s->server);
    } else {
        *e = s->cause;
    }
    search_release(s);
    return is_found;
}

void redis_search_abandon(struct redis_search *s)
{
    if (s)
        search_release(s);
}
