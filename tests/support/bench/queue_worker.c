// bench_queue_worker SHAPE: a worker on the product's own event loop and queue, with stages that compute nothing, so
// that what is measured is the queue. Settings as the product's, from the environment. A job is split (1 task) -> work
// (40) -> join (1), and join fails the job unless it is given all 40 results, whole.
//
//     noop       a task of work ends at once with a result of 1,024 bytes
//     spin       ... after SPIN_US of computing; split announces "preliminary"
//     hold       each job has one task of work: it says its pid on the channel <queue>:begun and goes on for ever;
//                after a crash it says so again and ends
//
// `scripts/bench queue` runs it.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/log.h"
#include "worker/stages/stages.h"

extern char **environ;

enum { FAN_OUT = 40, RESULT_BYTES = 1024, SPIN_US = 2000, HOLD_LOOK_US = 1000, STAGE_TIMEOUT_MS = 120000 };

static char result[RESULT_BYTES];

static const struct queue_stage PLAN[] = {
    {.name = "split", .message = "Splitting", .from = 1, .to = 10, .is_required = true, .timeout_ms = STAGE_TIMEOUT_MS},
    {.name = "work",
     .message = "Working",
     .urgency = 1,
     .from = 10,
     .to = 90,
     .is_split = true,
     .timeout_ms = STAGE_TIMEOUT_MS},
    {.name = "join", .message = "Joining", .from = 90, .to = 100, .is_required = true, .timeout_ms = STAGE_TIMEOUT_MS},
};

static bool split_into(struct task *t, int n)
{
    for (int i = 0; i < n; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "part-%02d", i);
        task_more(t, (struct str){name, (size_t)len}, STR("{}"));
    }
    return true;
}

static bool split(struct task *t, void *slot, struct err *e)
{
    (void)slot, (void)e;
    return split_into(t, FAN_OUT);
}

static bool split_spin(struct task *t, void *slot, struct err *e)
{
    (void)slot, (void)e;
    task_preliminary(t, 10, 1, "The first bundles are there");
    return split_into(t, FAN_OUT);
}

static bool split_hold(struct task *t, void *slot, struct err *e)
{
    (void)slot, (void)e;
    return split_into(t, 1);
}

static bool work_noop(struct task *t, void *slot, struct err *e)
{
    (void)slot, (void)e;
    task_result(t, (struct str){result, sizeof result});
    return true;
}

static bool work_spin(struct task *t, void *slot, struct err *e)
{
    for (int64_t until_us = clock_mono_us() + SPIN_US; clock_mono_us() < until_us;)
        ;
    return work_noop(t, slot, e);
}

static void say_begun(struct task *t)
{
    struct redis_cmd c;
    AUTO(buf_fini) struct buf channel;
    buf_init(&channel, 512);
    queue_key(t->queue, "begun", STR(""), &channel);
    redis_cmd_init(&c, "PUBLISH");
    redis_cmd_str(&c, buf_str(&channel));
    redis_cmd_int(&c, getpid());
    task_post(t, &c);
}

static bool work_hold(struct task *t, void *slot, struct err *e)
{
    say_begun(t);
    while (t->crashes == 0) {
        if (atomic_load(&t->is_cancelled))
            return err_set(e, ERR_CANCELLED, "asked to stop");
        (void)usleep(HOLD_LOOK_US);
    }
    return work_noop(t, slot, e);
}

static bool join_n(struct task *t, size_t n, struct err *e)
{
    size_t whole = 0;
    for (size_t i = 0; i < t->n_inputs; i++)
        whole += t->inputs[i].result.len == RESULT_BYTES;
    return whole == n || err_set(e, ERR_INTERNAL, "join was given %zu of %zu results", whole, n);
}

static bool join(struct task *t, void *slot, struct err *e)
{
    (void)slot;
    return join_n(t, FAN_OUT, e);
}

static bool join_hold(struct task *t, void *slot, struct err *e)
{
    (void)slot;
    return join_n(t, 1, e);
}

static const struct shape {
    const char *name;
    struct task_kind kinds[ARRAY_LEN(PLAN)];
} SHAPES[] = {
    {"noop", {{"split", 0, split, NULL}, {"work", 1, work_noop, NULL}, {"join", 0, join, NULL}}},
    {"spin", {{"split", 0, split_spin, NULL}, {"work", 1, work_spin, NULL}, {"join", 0, join, NULL}}},
    {"hold", {{"split", 0, split_hold, NULL}, {"work", 1, work_hold, NULL}, {"join", 0, join_hold, NULL}}},
};

// The message is read and checked as the product does it; only the plan is ours.
static bool admit(void *env, struct str raw, struct arena *memory, struct admission *out, struct err *e)
{
    if (!stages_admit(env, raw, memory, out, e))
        return false;
    out->plan = PLAN;
    out->n_stages = ARRAY_LEN(PLAN);
    return true;
}

static void *slot_open(void *context, unsigned number)
{
    (void)number;
    return context;
}

static void slot_close(void *slot)
{
    (void)slot;
}

static bool work(const struct settings *s, const struct shape *shape, struct err *e)
{
    struct loop_config *c = calloc(1, sizeof *c);
    const struct queue_limits limits = settings_queue_limits(s);
    char worker[32];
    CHECK(c);
    (void)snprintf(worker, sizeof worker, "bench-%d", (int)getpid());
    log_setup((enum log_level)s->log_level, (enum log_format)s->log_format, worker);
    queue_init(&c->queue, s->queue_name, &limits);
    struct stages_env env = {.settings = s, .queue = &c->queue, .redis_url = &c->redis, .worker = worker};
    c->worker = worker;
    c->slots = s->worker_slots > 0 ? (unsigned)s->worker_slots : 1;
    c->prefetch_max = (unsigned)s->queue_prefetch_max;
    c->redis_timeout_ms = s->redis_timeout_ms;
    c->beat_ms = s->queue_beat_ms;
    c->sweep_ms = s->queue_sweep_ms;
    c->grace_ms = s->worker_grace_s * 1000;
    c->kinds = shape->kinds;
    c->n_kinds = ARRAY_LEN(shape->kinds);
    c->admit = admit;
    c->admit_context = &env;
    c->slot_hooks = (struct slots_hooks){.slot_open = slot_open, .slot_close = slot_close, .context = c};
    bool ok = redis_url_parse(s->redis_url, s->redis_password_file, &c->redis, e) && loop_run(c, e);
    free(c);
    return ok;
}

static bool run(int argc, char **argv, struct settings *s, struct err *e)
{
    const struct settings_sources nothing = {0};
    if (!settings_load(s, &nothing, environ, e))
        return false;
    for (size_t i = 0; argc == 2 && i < ARRAY_LEN(SHAPES); i++)
        if (strcmp(SHAPES[i].name, argv[1]) == 0)
            return work(s, &SHAPES[i], e);
    return err_set(e, ERR_USAGE, "usage: bench_queue_worker noop|spin|hold");
}

int main(int argc, char **argv)
{
    struct settings *s = calloc(1, sizeof *s);
    struct err e = {0};
    CHECK(s);
    memset(result, 'x', sizeof result);
    bool ok = run(argc, argv, s, &e);
    if (!ok)
        (void)fprintf(stderr, "bench_queue_worker: %s\n", e.message);
    free(s);
    return ok ? 0 : 1;
}
