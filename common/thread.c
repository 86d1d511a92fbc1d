#include "common/thread.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"

bool thread_start(pthread_t *out, void *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before); // a new thread has its maker's mask
    bool is_started = pthread_create(out, NULL, run, argument) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

static atomic_int n_left;

void thread_leave(pthread_t thread)
{
    atomic_fetch_add(&n_left, 1);
    (void)pthread_detach(thread);
}

void thread_left_is_done(void)
{
    atomic_fetch_sub(&n_left, 1);
}

void thread_exit_process(int code)
{
    if (atomic_load(&n_left) <= 0)
        exit(code);
    (void)fflush(NULL);
    _exit(code);
}

void thread_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(cond, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

struct timespec thread_deadline(int64_t ms)
{
    int64_t us = clock_mono_us() + ms * 1000;
    return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}
