// All interleavings of the queue's real scripts under workers, faults and time (model.h), in scenarios that are each
// explored to the end; and mutants of the scripts, each of which must be caught. explore_queue explores larger ones.

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/clock.h"
#include "scripts.h" // generated: SCRIPT_ADMIT ...
#include "tests/model/explore.h"

// Sanitizers look for memory errors, not for interleavings: they see the beginning of each scenario.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED
#endif
#ifdef IS_SANITIZED
enum { STATES_MAX = 300, IS_WHOLE_WANTED = false };
#else
enum { STATES_MAX = 2000000, IS_WHOLE_WANTED = true };
#endif

#define BUDGET(...) .budget = {__VA_ARGS__}

static const struct model_scenario SCENARIOS[] = {
    {"three tasks, two workers", 2, 3, BUDGET([MODEL_slows] = 1)},
    {"slow tasks", 2, 1, BUDGET([MODEL_slows] = 6)},
    {"two deaths", 2, 2, BUDGET([MODEL_crashes] = 2)},
    {"three deaths", 2, 3, BUDGET([MODEL_crashes] = 3)},
    {"two deaths, each worker and task for itself", 2, 2, BUDGET([MODEL_crashes] = 2), .is_plain = true},
    {"a worker frozen, and awake again", 2, 2, BUDGET([MODEL_freezes] = 1)},
    {"frozen, with an event from inside", 2, 1, BUDGET([MODEL_freezes] = 1, [MODEL_preliminaries] = 1)},
    {"answers lost", 2, 3, BUDGET([MODEL_losses] = 2)},
    {"answers lost, and a death", 2, 2, BUDGET([MODEL_losses] = 1, [MODEL_crashes] = 1)},
    {"a command done late, and a death", 2, 2, BUDGET([MODEL_lates] = 1, [MODEL_crashes] = 1)},
    {"errors, and something away", 2, 2, BUDGET([MODEL_failures] = 2, [MODEL_aways] = 1)},
    {"handed back, and a death", 2, 2, BUDGET([MODEL_backs] = 1, [MODEL_crashes] = 1)},
    {"cancelled, and asked for again", 1, 2, BUDGET([MODEL_cancels] = 1, [MODEL_repeats] = 1)},
    {"a forced repeat, and a death", 2, 1, BUDGET([MODEL_forces] = 1, [MODEL_crashes] = 1)},
    {"asked for again by its own id", 2, 1, BUDGET([MODEL_cancels] = 1, [MODEL_restarts] = 1)},
    {"a hurry", 2, 2, BUDGET([MODEL_raises] = 1)},
    {"paused", 2, 1, BUDGET([MODEL_pauses] = 1, [MODEL_slows] = 2)},
    {"Redis away for a while", 2, 1, BUDGET([MODEL_jumps] = 1, [MODEL_crashes] = 1)},
    {"nobody looks unasked", 2, 3, .must_wake = true},
    {"nobody looks unasked, with errors", 2, 2, BUDGET([MODEL_failures] = 1, [MODEL_backs] = 1), .must_wake = true},
    {"two jobs, drawn in either order", 1, 1, BUDGET([MODEL_forces] = 1, [MODEL_slows] = 1), .has_priorities = true},
    {"I/O, and a death", 2, 2, BUDGET([MODEL_crashes] = 1), .has_io = true},
    {"I/O, and answers lost", 2, 2, BUDGET([MODEL_losses] = 1), .has_io = true},
    {"I/O, and a command done late", 1, 1, BUDGET([MODEL_lates] = 1), .has_io = true},
    {"I/O, with errors, and something away", 1, 2, BUDGET([MODEL_failures] = 1, [MODEL_aways] = 1), .has_io = true},
    {"I/O, a hurry, and handed back", 1, 2, BUDGET([MODEL_raises] = 1, [MODEL_backs] = 1), .has_io = true},
    {"I/O, cancelled, paused", 1, 2, BUDGET([MODEL_cancels] = 1, [MODEL_pauses] = 1), .has_io = true},
    {"I/O, nobody looks unasked", 2, 2, .has_io = true, .must_wake = true},
};

static void explore_one(const struct model_scenario *s, struct explored *x)
{
    int64_t begun_us = clock_mono_us();
    struct model *m = model_create(s);
    explore(m, STATES_MAX, x);
    model_destroy(m);
    printf("%-50s %7zu states %8zu transitions depth %2u fair futures <= %2u  %.1f s\n", s->name, x->states,
           x->transitions, x->depth, x->good_steps, (double)(clock_mono_us() - begun_us) / 1e6);
}

static void every_scenario_holds(void **state)
{
    (void)state;
    size_t states = 0, by_kind[MODEL_N_KINDS] = {0};
    for (size_t i = 0; i < ARRAY_LEN(SCENARIOS); i++) {
        struct explored x;
        explore_one(&SCENARIOS[i], &x);
        if (x.is_violated) {
            printf("%s", x.trace ? x.trace : "");
            fail_msg("\"%s\": %s", SCENARIOS[i].name, x.violation.message);
        }
        assert_true(x.is_whole || !IS_WHOLE_WANTED);
        assert_true(x.good_steps > 0 || !IS_WHOLE_WANTED);
        states += x.states;
        for (size_t k = 0; k < MODEL_N_KINDS; k++)
            by_kind[k] += x.by_kind[k];
        explored_fini(&x);
    }
    printf("%zu states in all; by action:", states);
    for (size_t k = 0; k < MODEL_N_KINDS; k++) {
        printf(" %s %zu", MODEL_KIND_NAMES[k], by_kind[k]);
        assert_true(by_kind[k] > 0 || !IS_WHOLE_WANTED); // each can happen in some scenario
    }
    printf("\n");
}

// ---- mutants ----

struct mutant {
    const char *what;
    const char *script; // "": wherever the text stands
    const char *text, *instead;
    struct model_scenario scenario;
};

static const struct mutant MUTANTS[] = {
    {"an ended task stays in the open set",
     "",
     "call('SREM', j.key .. ':open', unpack(names))",
     "",
     {.workers = 1, .tasks = 1}},
    {"the join opens one task too early", "", "if open > 0 then", "if open > 1 then", {.workers = 1, .tasks = 2}},
    {"a task that failed does not join",
     "",
     "tasks_end(j, {task}, {j.id .. '/' .. task}, {task, record_text(r)}, {}, {}, '', message)",
     "task_set(j, task, r)",
     {.workers = 1, .tasks = 1, BUDGET([MODEL_failures] = 1)}},
    {"whoever comes may end a task",
     "",
     "string.sub(drawn, -#token) == token and string.byte(drawn, -#token - 1) == 124",
     "true",
     {.workers = 2, .tasks = 1, BUDGET([MODEL_freezes] = 1)}},
    {"a task ends as often as it is said",
     "turn",
     "elseif r.state ~= 'l' then verdict = AGAIN",
     "",
     {.workers = 1, .tasks = 2, BUDGET([MODEL_losses] = 1)}},
    {"what a lost answer handed out stays where it is",
     "turn",
     "if old_token and",
     "if false and",
     {.workers = 1, .tasks = 2, BUDGET([MODEL_losses] = 1)}},
    {"anything in a ready list is handed out",
     "",
     "'^w|(%d+|%d+|)'",
     "'^%a|(%d+|%d+|)'",
     {.workers = 1, .tasks = 1, BUDGET([MODEL_slows] = 1)}},
    {"an emptied shop stays in the ring", "turn", "call('LREM', ring, -1, shop)", "", {.workers = 1, .tasks = 1}},
    {"leases are not given up", "", "call('ZREM', Q .. ':leases', ...)", "", {.workers = 1, .tasks = 1}},
    {"busy is not given up", "", "call('SREM', j.busy, ...)", "", {.workers = 1, .tasks = 1}},
    {"a job ends twice",
     "",
     "if j.state ~= 'open' then return end",
     "",
     {.workers = 1, .tasks = 1, BUDGET([MODEL_cancels] = 2)}},
    {"a stage opens without saying so", "", "job_set(j, 'at', at)", "", {.workers = 1, .tasks = 1}},
    {"seq has gaps", "", "j.seq = j.seq + 1", "j.seq = j.seq + 2", {.workers = 1, .tasks = 1}},
    {"progress goes back",
     "",
     "math.max(progress, j.progress)",
     "progress",
     {.workers = 1, .tasks = 2, BUDGET([MODEL_repeats] = 1, [MODEL_preliminaries] = 1)}},
    {"nobody is woken", "", "if must_wake[lane] and", "if false and", {.workers = 1, .tasks = 1, .must_wake = true}},
    {"what waits for others wakes who computes",
     "",
     "wake = Q .. ':wake:io'",
     "wake = Q .. ':wake'",
     {.workers = 1, .tasks = 1, .has_io = true, .must_wake = true}},
    {"I/O is drawn as if it computed",
     "",
     "j.stage.urgency == 2 and IO or COMPUTE",
     "COMPUTE",
     {.workers = 1, .tasks = 1, .has_io = true}},
    {"I/O stands in the rings of what computes",
     "",
     "first_ring = 3",
     "first_ring = 0",
     {.workers = 1, .tasks = 1, .has_io = true}},
    {"what was drawn of one lane counts for the other",
     "turn",
     "want[lane] - taken[lane]",
     "want[lane] - taken[COMPUTE]",
     {.workers = 1, .tasks = 3, .has_io = true}},
    {"a beat renews what is lost",
     "beat",
     "r.token ~= held.token",
     "false",
     {.workers = 2, .tasks = 1, BUDGET([MODEL_freezes] = 2)}},
    {"whoever comes may speak for a task",
     "progress",
     "r.token ~= ARGV[3]",
     "false",
     {.workers = 2, .tasks = 1, BUDGET([MODEL_freezes] = 1, [MODEL_preliminaries] = 1)}},
    {"what is due stays delayed",
     "sweep",
     "push(j, {ref}, false)",
     "",
     {.workers = 1, .tasks = 1, BUDGET([MODEL_failures] = 1)}},
    {"a dead worker's task is dropped",
     "sweep",
     "guarded(job, take_over, ref, job, task)",
     "",
     {.workers = 2, .tasks = 1, BUDGET([MODEL_crashes] = 1)}},
    {"results live for ever",
     "",
     "call('PEXPIRE', j.key .. ':results', LIMIT.life_ms)",
     "",
     {.workers = 1, .tasks = 1}},
    {"results of one stage are lost to the next",
     "",
     "call('HSET', j.key .. ':results', unpack(results))",
     "",
     {.workers = 1, .tasks = 1}},
    {"PostgreSQL is not told of a cancellation",
     "",
     "call('ZADD', Q .. ':ended', NOW, j.id)",
     "",
     {.workers = 1, .tasks = 1, BUDGET([MODEL_cancels] = 1)}},
    {"handing back burns an attempt",
     "",
     "r.state, r.token = 'w', ''",
     "r.state, r.token, r.attempts = 'w', '', r.attempts + 1",
     {.workers = 1, .tasks = 1, BUDGET([MODEL_backs] = 1)}},
};

static const struct redis_script *const SCRIPTS[] = {&SCRIPT_ADMIT, &SCRIPT_BEAT,     &SCRIPT_CANCEL, &SCRIPT_PAUSE,
                                                     &SCRIPT_SWEEP, &SCRIPT_PROGRESS, &SCRIPT_TOLD,   &SCRIPT_TURN};

// The script with every occurrence of the text replaced; the caller frees it. NULL: it does not stand there.
static char *mutate(const char *body, const char *text, const char *instead)
{
    struct buf out;
    size_t len, n = 0;
    buf_init(&out, 1 << 20);
    for (const char *at; (at = strstr(body, text)); body = at + strlen(text), n++) {
        buf_put(&out, body, (size_t)(at - body));
        buf_puts(&out, instead);
    }
    buf_puts(&out, body);
    char *mutated = buf_take(&out, &len);
    if (n > 0)
        return mutated;
    free(mutated);
    return NULL;
}

static void load_mutant(struct model *m, const struct mutant *mutant)
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(SCRIPTS); i++) {
        struct err e;
        if (mutant->script[0] && strcmp(mutant->script, SCRIPTS[i]->name) != 0)
            continue;
        char *body = mutate(SCRIPTS[i]->body, mutant->text, mutant->instead);
        if (!body)
            continue;
        n++;
        if (!mini_redis_load(model_redis(m), SCRIPTS[i]->name, body, &e))
            fail_msg("\"%s\" does not compile: %s", mutant->what, e.message);
        free(body);
    }
    if (n == 0)
        fail_msg("\"%s\": the text is in no script any more: %s", mutant->what, mutant->text);
}

static void every_mutant_is_caught(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(MUTANTS); i++) {
        struct explored x;
        struct model *m = model_create(&MUTANTS[i].scenario);
        explore(m, STATES_MAX, &x); // what is caught below is the mutation, then
        if (x.is_violated)
            fail_msg("\"%s\": without it %s", MUTANTS[i].what, x.violation.message);
        explored_fini(&x);
        model_destroy(m);
        m = model_create(&MUTANTS[i].scenario);
        load_mutant(m, &MUTANTS[i]);
        explore(m, STATES_MAX, &x);
        model_destroy(m);
        printf("%-50s %7zu states: %s\n", MUTANTS[i].what, x.states,
               x.is_violated ? x.violation.message : "NOT CAUGHT");
        if (!x.is_violated)
            fail_msg("\"%s\" is not noticed in %zu states", MUTANTS[i].what, x.states);
        explored_fini(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mutant_is_caught),
        cmocka_unit_test(every_scenario_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
