#include "common/check.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local char context_of_thread[256];

void check_set_context(const char *context)
{
    (void)snprintf(context_of_thread, sizeof context_of_thread, "%s", context);
}

_Noreturn void check_failed(const char *claim, const char *file, int line)
{
    (void)fprintf(stderr, "PANIC %s:%d: not so: %s%s%s\n", file, line, claim, context_of_thread[0] ? "; on " : "",
                  context_of_thread);
    abort();
}
