#include "worker/runtime/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "worker/runtime/mailbox.h"

static struct str keep(struct task *t, struct str s)
{
    return (struct str){arena_strdup(&t->memory, s.ptr, s.len), s.len};
}

static int input_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct task_input *)a)->task, ((const struct task_input *)b)->task);
}

static void keep_inputs(struct task *t, const struct queue_claim *c)
{
    size_t n = queue_claim_results(c);
    struct task_input *inputs = ARENA_ARRAY(&t->memory, struct task_input, n);
    for (size_t i = 0; i < n; i++) {
        struct str name, result;
        queue_claim_result(c, i, &name, &result);
        inputs[i] = (struct task_input){keep(t, name), keep(t, result)};
    }
    // Redis gives a hash in no order of ours.
    if (n)
        qsort(inputs, n, sizeof *inputs, input_cmp);
    t->inputs = inputs;
    t->n_inputs = n;
}

struct task *task_create(const struct queue *q, struct mailbox *m, const struct queue_claim *c)
{
    struct task *t = calloc(1, sizeof *t);
    CHECK(t);
    arena_init(&t->memory, 0);
    t->queue = q;
    t->mailbox = m;
    t->ref = keep(t, c->ref);
    t->token = keep(t, c->token);
    queue_ref_split(t->ref, &t->job, &t->name);
    t->job = keep(t, t->job); // NUL-terminated, for logs
    t->stage = keep(t, c->stage);
    t->payload = keep(t, c->payload);
    t->job_payload = keep(t, c->job_payload);
    t->shop = keep(t, c->shop);
    t->upload = keep(t, c->upload);
    t->failed = keep(t, c->failed);
    t->attempts = c->attempts;
    t->crashes = c->crashes;
    t->deadline_ms = clock_mono_ms() + c->left_ms;
    t->is_partial = c->is_partial;
    t->bundles = -1;
    keep_inputs(t, c);
    return t;
}

void task_destroy(struct task *t)
{
    if (!t)
        return;
    free(t->more);
    arena_fini(&t->memory);
    free(t);
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
