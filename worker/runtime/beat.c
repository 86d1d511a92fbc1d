#include "worker/runtime/beat.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/json_out.h"
#include "common/outage.h"
#include "common/thread.h"

struct beat {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t is_changed;
    bool is_closing;
    struct task held; // ring head
    size_t n_held;
    const struct queue *queue;
    struct redis_url url;
    const char *worker;
    unsigned slots;
    int64_t every_ms, timeout_ms;
};

static void put_card(const struct beat *b, struct buf *out)
{
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_str(&j, "worker", str_of(b->worker));
    json_out_key_str(&j, "host", str_of(host));
    json_out_key_int(&j, "pid", getpid());
    json_out_key_str(&j, "version", STR(BUNDLE_VERSION));
    json_out_key_int(&j, "slots", b->slots);
    json_out_key_int(&j, "held", (int64_t)b->n_held);
    json_out_end(&j);
}

// The command for all leases held now; tasks out of time are told to stop and left out.
static void build(struct beat *b, struct redis_cmd *out)
{
    AUTO(buf_fini) struct buf card;
    buf_init(&card, 4096);
    (void)pthread_mutex_lock(&b->lock);
    put_card(b, &card);
    queue_beat_cmd(b->queue, b->worker, buf_str(&card), out);
    int64_t now_ms = clock_mono_ms();
    for (struct task *t = b->held.held_next; t != &b->held; t = t->held_next) {
        if (now_ms > t->deadline_ms) {
            atomic_store(&t->is_cancelled, true);
            continue;
        }
        redis_cmd_str(out, t->ref);
        redis_cmd_str(out, t->token);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static void cancel_lost(struct beat *b, const struct redis_reply *lost)
{
    (void)pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < redis_reply_size(lost); i++) {
        struct str ref = redis_reply_str(redis_reply_at(lost, i));
        for (struct task *t = b->held.held_next; t != &b->held; t = t->held_next)
            if (str_eq(t->ref, ref))
                atomic_store(&t->is_cancelled, true);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static bool beat_once(struct beat *b, struct redis **redis, struct err *e)
{
    if (!*redis && !redis_open(redis, &b->url, "bundle-worker-beat", b->timeout_ms, e))
        return false;
    struct redis_cmd c;
    build(b, &c);
    AUTO(redis_reply_freep) struct redis_reply *lost = NULL;
    FAILPOINT("beat.before");
    bool ok = redis_call(*redis, &c, &lost, e);
    FAILPOINT("beat.after");
    redis_cmd_fini(&c);
    if (ok)
        cancel_lost(b, lost);
    return ok;
}

// true: closing
static bool wait_for_next(struct beat *b)
{
    const struct timespec until = thread_deadline(b->every_ms);
    (void)pthread_mutex_lock(&b->lock);
    while (!b->is_closing && pthread_cond_timedwait(&b->is_changed, &b->lock, &until) == 0)
        ;
    bool is_closing = b->is_closing;
    (void)pthread_mutex_unlock(&b->lock);
    return is_closing;
}

static void *beat_main(void *argument)
{
    struct beat *b = argument;
    AUTO(redis_closep) struct redis *redis = NULL;
    struct outage outage = {0};
    (void)pthread_setname_np(pthread_self(), "beat");
    do {
        struct err e;
        if (beat_once(b, &redis, &e))
            outage_ended(&outage, "heartbeat is back");
        else
            outage_failed(&outage, "heartbeat failed; going on", &e);
    } while (!wait_for_next(b));
    return NULL;
}

struct beat *beat_create(const struct queue *q, const struct redis_url *url, const char *worker, unsigned slots,
                         int64_t every_ms, int64_t timeout_ms)
{
    struct beat *b = calloc(1, sizeof *b);
    CHECK(b);
    b->held.held_next = b->held.held_previous = &b->held;
    b->queue = q;
    b->url = *url;
    b->worker = worker;
    b->slots = slots;
    b->every_ms = every_ms;
    b->timeout_ms = timeout_ms;
    CHECK(pthread_mutex_init(&b->lock, NULL) == 0);
    thread_cond_init(&b->is_changed);
    CHECK(thread_start(&b->thread, beat_main, b));
    return b;
}

void beat_destroy(struct beat *b)
{
    (void)pthread_mutex_lock(&b->lock);
    b->is_closing = true;
    (void)pthread_cond_signal(&b->is_changed);
    (void)pthread_mutex_unlock(&b->lock);
    (void)pthread_join(b->thread, NULL);
    (void)pthread_cond_destroy(&b->is_changed);
    (void)pthread_mutex_destroy(&b->lock);
    redis_url_forget(&b->url);
    free(b);
}

void beat_hold(struct beat *b, struct task *t)
{
    (void)pthread_mutex_lock(&b->lock);
    t->held_next = &b->held;
    t->held_previous = b->held.held_previous;
    t->held_previous->held_next = t;
    b->held.held_previous = t;
    b->n_held++;
    (void)pthread_mutex_unlock(&b->lock);
}

void beat_release(struct beat *b, struct task *t)
{
    (void)pthread_mutex_lock(&b->lock);
    t->held_next->held_previous = t->held_previous;
    t->held_previous->held_next = t->held_next;
    b->n_held--;
    (void)pthread_mutex_unlock(&b->lock);
}

void beat_cancel_all(struct beat *b)
{
    (void)pthread_mutex_lock(&b->lock);
    for (struct task *t = b->held.held_next; t != &b->held; t = t->held_next)
        atomic_store(&t->is_cancelled, true);
    (void)pthread_mutex_unlock(&b->lock);
}

size_t beat_held(const struct beat *b)
{
    return b->n_held; // only the loop's thread changes it
}
