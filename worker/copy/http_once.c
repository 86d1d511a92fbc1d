#include "worker/copy/http_once.h"

#include <event2/event.h>

#include "common/check.h"

struct once {
    struct event_base *base;
    http_on_answer *on_answer;
    void *context;
    bool is_answered;
};

static void take(void *context, const struct http_answer *a)
{
    struct once *o = context;
    o->on_answer(o->context, a);
    o->is_answered = true;
    CHECK(event_base_loopbreak(o->base) == 0);
}

bool http_once(const struct http_settings *s, const struct http_request *r, http_on_answer *on_answer, void *context,
               struct err *e)
{
    struct http *h = NULL;
    struct once o = {.base = event_base_new(), .on_answer = on_answer, .context = context};
    if (!o.base)
        return err_set(e, ERR_INTERNAL, "libevent: no memory, or no file descriptors left");
    bool ok = http_create(&h, o.base, s, e);
    if (ok) {
        (void)http_send(h, r, take, &o);
        CHECK(event_base_dispatch(o.base) >= 0 && o.is_answered); // its own time limit ends it
    }
    http_destroy(h);
    event_base_free(o.base);
    return ok;
}
