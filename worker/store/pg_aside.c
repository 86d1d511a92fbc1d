#include "worker/store/pg_aside.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/thread.h"

struct aside {
    struct aside_call call;
    pthread_mutex_t lock;
    pthread_cond_t is_changed;
    bool is_done, is_left;
};

static void aside_destroy(struct aside *a)
{
    (void)pthread_cond_destroy(&a->is_changed);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}

// Whoever comes last clears up.
static void *aside_main(void *argument)
{
    struct aside *a = argument;
    a->call.work(a->call.context);
    (void)pthread_mutex_lock(&a->lock);
    a->is_done = true;
    bool is_left = a->is_left;
    (void)pthread_cond_signal(&a->is_changed);
    (void)pthread_mutex_unlock(&a->lock);
    if (is_left) {
        a->call.undo(a->call.context);
        aside_destroy(a);
        thread_left_is_done();
    }
    return NULL;
}

static struct aside *aside_create(const struct aside_call *call)
{
    struct aside *a = calloc(1, sizeof *a);
    CHECK(a);
    a->call = *call;
    CHECK(pthread_mutex_init(&a->lock, NULL) == 0);
    thread_cond_init(&a->is_changed);
    return a;
}

// Under the lock.
static void await(struct aside *a, int64_t until_ms, const atomic_bool *is_cancelled)
{
    while (!a->is_done) {
        int64_t left_ms = until_ms - clock_mono_ms();
        if (left_ms <= 0 || (is_cancelled && atomic_load(is_cancelled)))
            return;
        const struct timespec tick = thread_deadline(left_ms < ASIDE_TICK_MS ? left_ms : ASIDE_TICK_MS);
        (void)pthread_cond_timedwait(&a->is_changed, &a->lock, &tick);
    }
}

bool aside_run(const struct aside_call *call, int64_t until_ms, const atomic_bool *is_cancelled)
{
    struct aside *a = aside_create(call);
    pthread_t thread;
    if (!thread_start(&thread, aside_main, a)) { // no thread to be had: better late than not at all
        aside_destroy(a);
        call->work(call->context);
        return true;
    }
    (void)pthread_mutex_lock(&a->lock);
    await(a, until_ms, is_cancelled);
    bool is_done = a->is_done;
    a->is_left = !is_done;
    (void)pthread_mutex_unlock(&a->lock);
    if (!is_done) {
        thread_leave(thread);
        return false;
    }
    (void)pthread_join(thread, NULL);
    aside_destroy(a);
    return true;
}
