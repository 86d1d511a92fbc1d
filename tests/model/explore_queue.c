// Explores the queue's model by hand: explore_queue [--states N] [--workers N] [--tasks N] [--BUDGET N]...
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "tests/model/explore.h"

static unsigned *option(struct model_scenario *s, unsigned *states, unsigned *flags, const char *name)
{
    static const char *const FLAGS[] = {"priorities", "must_wake", "plain", "io"};
    if (strcmp(name, "states") == 0)
        return states;
    if (strcmp(name, "workers") == 0)
        return &s->workers;
    if (strcmp(name, "tasks") == 0)
        return &s->tasks;
    for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++)
        if (strcmp(name, FLAGS[i]) == 0)
            return &flags[i];
    for (size_t i = 0; i < MODEL_N_BUDGETS; i++)
        if (strcmp(name, MODEL_BUDGET_NAMES[i]) == 0)
            return &s->budget[i];
    return NULL;
}

static int usage(void)
{
    (void)fputs(
        "explore_queue [--NAME N]... explores the queue's model (tests/model/model.h).\n"
        "  states: stop after so many; workers, tasks: up to 2 and 3; priorities, must_wake, plain, io: 0 or 1;\n"
        "  how often in one history at most:",
        stderr);
    for (size_t i = 0; i < MODEL_N_BUDGETS; i++)
        (void)fprintf(stderr, " %s", MODEL_BUDGET_NAMES[i]);
    (void)fputs("\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct model_scenario s = {.name = "by hand", .workers = 2, .tasks = 3};
    unsigned max_states = 20000000, flags[4] = {0};
    struct explored x;
    for (int i = 1; i < argc; i += 2) {
        bool is_pair = i + 1 < argc && strncmp(argv[i], "--", 2) == 0;
        unsigned *value = is_pair ? option(&s, &max_states, flags, argv[i] + 2) : NULL;
        if (!value)
            return usage();
        *value = (unsigned)strtoul(argv[i + 1], NULL, 10);
    }
    s.has_priorities = flags[0] > 0;
    s.must_wake = flags[1] > 0;
    s.is_plain = flags[2] > 0;
    s.has_io = flags[3] > 0;
    int64_t begun_us = clock_mono_us();
    struct model *m = model_create(&s);
    explore(m, max_states, &x);
    printf("%zu states%s, %zu transitions, depth %u, fair futures of at most %u steps, %zu entries, %.1f s\n", x.states,
           x.is_whole ? "" : " (not all)", x.transitions, x.depth, x.good_steps, x.entries,
           (double)(clock_mono_us() - begun_us) / 1e6);
    for (size_t i = 0; i < MODEL_N_KINDS; i++)
        printf("  %s %zu\n", MODEL_KIND_NAMES[i], x.by_kind[i]);
    if (x.is_violated)
        printf("%s%s\n", x.trace ? x.trace : "", x.trace ? "" : x.violation.message);
    int status = x.is_violated ? 1 : 0;
    explored_fini(&x);
    model_destroy(m);
    return status;
}
