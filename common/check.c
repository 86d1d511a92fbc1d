#include "common/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char context_of_thread[256];

void check_set_context(const char *context)
{
    size_t len = strnlen(context, sizeof context_of_thread - 1); // not by printf: every task comes by here twice
    memcpy(context_of_thread, context, len);
    context_of_thread[len] = '\0';
}

_Noreturn void check_failed(const char *claim, const char *file, int line)
{
    (void)fprintf(stderr, "PANIC %s:%d: not so: %s%s%s\n", file, line, claim, context_of_thread[0] ? "; on " : "",
                  context_of_thread);
    abort();
}
