#include "common/both.h"

#include <pthread.h>
#include <stdbool.h>

#include "common/check.h"
#include "common/thread.h"

struct call {
    void (*function)(void *context);
    void *context;
};

static void *run(void *call_)
{
    const struct call *call = call_;
    call->function(call->context);
    return NULL;
}

void both_at_once(void (*a)(void *context), void (*b)(void *context), void *context)
{
    struct call call = {b, context};
    pthread_t thread;
    bool has_thread = thread_start(&thread, run, &call);
    a(context);
    if (has_thread)
        CHECK(pthread_join(thread, NULL) == 0);
    else
        b(context);
}
