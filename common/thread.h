// Threads as everybody here wants them.
#ifndef BUNDLE_COMMON_THREAD_H
#define BUNDLE_COMMON_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

// false: the system has no more. It gets no signals: those are for the thread that runs the event loop.
bool thread_start(pthread_t *out, void *(*run)(void *argument), void *argument);
// For a thread that nobody will join: it may sit in a library when main() ends, whose exit handlers would take the
// library from under it. It says when it is done, as the last thing it does.
void thread_leave(pthread_t thread);
void thread_left_is_done(void);
// Ends the process: by exit(), or where threads were left and are not done, without handlers.
_Noreturn void thread_exit_process(int code);

// One whose timed waits go by CLOCK_MONOTONIC.
void thread_cond_init(pthread_cond_t *cond);
struct timespec thread_deadline(int64_t ms); // for its timed waits: so long from now

#endif
