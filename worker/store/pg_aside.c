#include "worker/store/pg_aside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "common/check.h"
#include "common/clock.h"

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
    }
    return NULL;
}

static struct aside *aside_create(const struct aside_call *call)
{
    struct aside *a = calloc(1, sizeof *a);
    pthread_condattr_t attributes;
    CHECK(a);
    a->call = *call;
    CHECK(pthread_mutex_init(&a->lock, NULL) == 0 && pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&a->is_changed, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
    return a;
}

// Signals are for the thread that asked.
static bool start(struct aside *a, pthread_t *thread)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bool is_started = pthread_create(thread, NULL, aside_main, a) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

static struct timespec tick_of(int64_t left_ms)
{
    struct timespec t;
    int64_t ms = left_ms < ASIDE_TICK_MS ? left_ms : ASIDE_TICK_MS;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

// Under the lock.
static void await(struct aside *a, int64_t until_ms, const atomic_bool *is_cancelled)
{
    while (!a->is_done) {
        int64_t left_ms = until_ms - clock_mono_ms();
        if (left_ms <= 0 || (is_cancelled && atomic_load(is_cancelled)))
            return;
        const struct timespec tick = tick_of(left_ms);
        (void)pthread_cond_timedwait(&a->is_changed, &a->lock, &tick);
    }
}

bool aside_run(const struct aside_call *call, int64_t until_ms, const atomic_bool *is_cancelled)
{
    struct aside *a = aside_create(call);
    pthread_t thread;
    if (!start(a, &thread)) { // no thread to be had: better late than not at all
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
        (void)pthread_detach(thread);
        return false;
    }
    (void)pthread_join(thread, NULL);
    aside_destroy(a);
    return true;
}
