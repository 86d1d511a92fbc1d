#include "worker/copy/http_internal.h"

#include "common/check.h"

// libcurl says which sockets and which moment it waits for; libevent waits, and tells it. socket_action may not be
// called from libcurl's own callbacks, and a message of curl_multi_info_read is gone with the next call of libcurl: so
// what has ended is only taken down at first, and answered when libcurl has returned.

static void take_ended(struct http *h)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(h->multi, &left))) {
        struct http_call *c = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        CHECK(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &c) == CURLE_OK && c);
        http_transfer_result(c, code);
        http_ended(c);
    }
}

static void act(struct http *h, curl_socket_t s, int what)
{
    int running;
    CHECK(curl_multi_socket_action(h->multi, s, what, &running) == CURLM_OK);
    take_ended(h);
    http_settle(h);
}

static void on_socket_event(evutil_socket_t s, short events, void *context)
{
    int what = (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
    act(context, s, what);
}

static void on_time(evutil_socket_t s, short events, void *context)
{
    (void)s;
    (void)events;
    act(context, CURL_SOCKET_TIMEOUT, 0);
}

static int wait_for_socket(CURL *easy, curl_socket_t s, int what, void *context, void *assigned)
{
    (void)easy;
    struct http *h = context;
    struct event *event = assigned;
    if (event)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        short events =
            (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
        event = event_new(h->base, s, events, on_socket_event, h);
        CHECK(event && event_add(event, NULL) == 0);
    }
    CHECK(what == CURL_POLL_REMOVE || curl_multi_assign(h->multi, s, event) == CURLM_OK);
    return 0;
}

static int wait_for_time(CURLM *multi, long ms, void *context)
{
    (void)multi;
    struct http *h = context;
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    CHECK((ms < 0 ? event_del(h->timer) : event_add(h->timer, &after)) == 0);
    return 0;
}

bool http_multi_create(struct http *h, struct err *e)
{
    h->timer = evtimer_new(h->base, on_time, h);
    h->multi = curl_multi_init();
    CHECK(h->timer);
    if (!h->multi)
        return err_set(e, ERR_INTERNAL, "libcurl: no memory, or no file descriptors left");
    bool ok = curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, wait_for_socket) == CURLM_OK &&
              curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
              curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, wait_for_time) == CURLM_OK &&
              curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK &&
              curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)h->settings.in_flight_max) == CURLM_OK &&
              curl_multi_setopt(h->multi, CURLMOPT_PIPELINING,
                                h->settings.is_http2 ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING) == CURLM_OK;
    CHECK(ok);
    return true;
}

void http_multi_destroy(struct http *h)
{
    if (h->multi)
        CHECK(curl_multi_cleanup(h->multi) == CURLM_OK); // it still calls us back
    if (h->timer)
        event_free(h->timer);
}

void http_multi_add(struct http_call *c)
{
    c->easy = http_transfer_begin(c);
    CHECK(curl_multi_add_handle(c->h->multi, c->easy) == CURLM_OK);
}

void http_multi_remove(struct http_call *c)
{
    CHECK(curl_multi_remove_handle(c->h->multi, c->easy) == CURLM_OK);
    curl_easy_cleanup(c->easy);
    c->easy = NULL;
}
