#include "worker/runtime/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "worker/runtime/mailbox.h"

struct task_job {
    atomic_uint references;
    struct arena memory;
    struct str id, shop, upload, stage, payload, shared, failed;
    int64_t deadline_ms;
    bool is_partial;
    struct task_input *inputs;
    size_t n_inputs;
};

static struct str keep(struct task *t, struct str s)
{
    return arena_str(&t->memory, s);
}

static int input_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct task_input *)a)->task, ((const struct task_input *)b)->task);
}

static void keep_inputs(struct task_job *j, const struct queue_claimed_job *from)
{
    j->n_inputs = queue_claimed_results(from);
    if (j->n_inputs == 0)
        return;
    j->inputs = ARENA_ARRAY(&j->memory, struct task_input, j->n_inputs);
    for (size_t i = 0; i < j->n_inputs; i++) {
        struct str name, result;
        queue_claimed_result(from, i, &name, &result);
        j->inputs[i] = (struct task_input){arena_str(&j->memory, name), arena_str(&j->memory, result)};
    }
    // Redis gives a hash in no order of ours.
    qsort(j->inputs, j->n_inputs, sizeof *j->inputs, input_cmp);
}

struct task_job *task_job_create(const struct queue_claimed_job *from)
{
    struct arena memory;
    arena_init(&memory, 0);
    struct task_job *j = arena_alloc(&memory, sizeof *j);
    j->memory = memory;
    atomic_init(&j->references, 1);
    j->id = arena_str(&j->memory, from->id); // NUL-terminated, like all of them, for logs
    j->shop = arena_str(&j->memory, from->shop);
    j->upload = arena_str(&j->memory, from->upload);
    j->stage = arena_str(&j->memory, from->stage);
    j->payload = arena_str(&j->memory, from->payload);
    j->shared = arena_str(&j->memory, from->shared);
    j->failed = arena_str(&j->memory, from->failed);
    j->deadline_ms = clock_mono_ms() + from->left_ms;
    j->is_partial = from->is_partial;
    keep_inputs(j, from);
    return j;
}

void task_job_release(struct task_job *j)
{
    if (!j || atomic_fetch_sub(&j->references, 1) > 1)
        return;
    struct arena memory = j->memory;
    arena_fini(&memory);
}

struct task *task_create(const struct queue *q, struct mailbox *m, struct task_job *j, const struct queue_claim *c,
                         struct str token)
{
    struct arena memory;
    arena_init(&memory, 0);
    struct task *t = arena_alloc(&memory, sizeof *t); // it lives in its own memory: one block for both
    t->memory = memory;
    t->queue = q;
    t->mailbox = m;
    atomic_fetch_add(&j->references, 1);
    t->of_job = j;
    t->job = j->id;
    t->shop = j->shop;
    t->upload = j->upload;
    t->stage = j->stage;
    t->job_payload = j->payload;
    t->shared = j->shared;
    t->failed = j->failed;
    t->deadline_ms = j->deadline_ms;
    t->is_partial = j->is_partial;
    t->inputs = j->inputs;
    t->n_inputs = j->n_inputs;
    char *ref = arena_alloc(&t->memory, j->id.len + 1 + c->task.len + 1); // zeroed: ends with a NUL
    memcpy(ref, j->id.ptr, j->id.len);
    ref[j->id.len] = '/';
    memcpy(ref + j->id.len + 1, c->task.ptr, c->task.len);
    t->ref = (struct str){ref, j->id.len + 1 + c->task.len};
    t->name = (struct str){ref + j->id.len + 1, c->task.len};
    t->token = keep(t, token);
    t->payload = keep(t, c->payload);
    t->attempts = c->attempts;
    t->crashes = c->crashes;
    t->bundles = -1;
    return t;
}

void task_destroy(struct task *t)
{
    if (!t)
        return;
    free(t->more);
    task_job_release(t->of_job);
    struct arena memory = t->memory;
    arena_fini(&memory);
}

enum queue_lane task_lane(const struct task *t)
{
    return t->kind && t->kind->begin ? QUEUE_LANE_IO : QUEUE_LANE_COMPUTE;
}

void task_enter(struct task *t)
{
    const struct log_context context = {
        .job = t->job.ptr, .upload = t->upload.ptr, .shop = t->shop.ptr, .task = t->name.ptr};
    log_set_context(&context);
    check_set_context(t->ref.ptr);
    if (t->begun_us == 0)
        t->begun_us = clock_mono_us();
}

void task_leave(void)
{
    check_set_context("");
    log_set_context(NULL);
}

static enum queue_outcome outcome_of(const struct err *e)
{
    if (e->kind == ERR_CANCELLED)
        return QUEUE_BACK;
    // Fenced: mostly its lease is somebody else's, and the queue refuses whatever is said. Where the queue still has it
    // as ours (its clock went back in a failover, say), a moment's delay keeps it from going round and round.
    if (e->kind == ERR_FENCED)
        return QUEUE_AWAY;
    if (!err_kind_is_retried(e->kind))
        return QUEUE_FAILED;
    return err_kind_burns_attempt(e->kind) ? QUEUE_RETRY : QUEUE_AWAY;
}

static void note_failure(struct task *t, const struct err *e)
{
    // What people can mend is told to them; the rest is told to operators.
    bool is_theirs = e->kind == ERR_INPUT || e->kind == ERR_NOT_FOUND || e->kind == ERR_LIMIT;
    t->outcome = outcome_of(e);
    t->reason = keep(t, str_of(e->message));
    t->message = is_theirs ? t->reason : STR("Something went wrong on our side; the upload itself is fine");
    // What is away says so itself, once: its tasks come again.
    bool is_news = t->outcome != QUEUE_BACK && t->outcome != QUEUE_AWAY;
    LOG(is_news ? LOG_WARN : LOG_DEBUG, "task failed", LOG_S("kind", err_kind_name(e->kind)),
        LOG_S("error", e->message), LOG_S("outcome", queue_outcome_name(t->outcome)),
        LOG_I("attempt", t->attempts + 1));
}

void task_note_end(struct task *t, bool ok, const struct err *e)
{
    if (ok)
        t->outcome = QUEUE_DONE;
    else
        note_failure(t, e);
    t->run_us = clock_mono_us() - t->begun_us;
    LOG(LOG_DEBUG, "task ran", LOG_S("outcome", queue_outcome_name(t->outcome)), LOG_I("us", t->run_us));
}

void task_end(struct task *take_t, bool ok, const struct err *e)
{
    struct mailbox *mailbox = take_t->mailbox; // posted, the task is the loop's
    task_enter(take_t);
    task_note_end(take_t, ok, e);
    task_leave();
    FAILPOINT("task.after");
    if (mailbox_post_task(mailbox, take_t))
        mailbox_wake(mailbox);
}

void task_result(struct task *t, struct str bytes)
{
    t->result = keep(t, bytes);
}

PRINTF_LIKE(2, 0)
static struct str keep_printed(struct task *t, const char *fmt, va_list args)
{
    char text[ERR_MESSAGE_MAX];
    (void)vsnprintf(text, sizeof text, fmt, args);
    return keep(t, str_of(text));
}

void task_say(struct task *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    t->message = keep_printed(t, fmt, args);
    va_end(args);
}

void task_more(struct task *t, struct str name, struct str payload)
{
    if ((t->n_more & (t->n_more - 1)) == 0) { // full at each power of two
        t->more = realloc(t->more, (t->n_more ? t->n_more * 2 : 1) * sizeof *t->more);
        CHECK(t->more);
    }
    t->more[t->n_more++] = (struct queue_more){keep(t, name), keep(t, payload)};
}

void task_share(struct task *t, struct str bytes)
{
    t->share = keep(t, bytes);
}

struct str task_input(const struct task *t, struct str name)
{
    for (size_t i = 0; i < t->n_inputs; i++)
        if (str_eq(t->inputs[i].task, name))
            return t->inputs[i].result;
    return (struct str){"", 0};
}

void task_post(struct task *t, struct redis_cmd *take_cmd)
{
    mailbox_post_cmd(t->mailbox, take_cmd);
}

void task_progress(struct task *t, int percent, const char *fmt, ...)
{
    va_list args;
    struct redis_cmd c;
    va_start(args, fmt);
    queue_progress_cmd(t->queue, t->ref, t->token, false, percent, keep_printed(t, fmt, args), -1, &c);
    va_end(args);
    task_post(t, &c);
}

void task_preliminary(struct task *t, int percent, int64_t bundles, const char *message)
{
    struct redis_cmd c;
    queue_progress_cmd(t->queue, t->ref, t->token, true, percent, str_of(message), bundles, &c);
    task_post(t, &c);
}
