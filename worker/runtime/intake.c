#include "worker/runtime/loop_internal.h"

#include <stdio.h>

#include "common/check.h"
#include "common/failpoint.h"
#include "common/log.h"

static void log_admitted(const struct queue_admitted *a)
{
    static const char *const WORDS[] = {"job admitted", "job joined the one there is", "job replaced the one that ran",
                                        NULL, "job rejected: its id is that of another upload's job"};
    AUTO(arena_fini) struct arena memory;
    arena_init(&memory, 0);
    const struct log_context context = {.job = arena_strdup(&memory, a->job.ptr, a->job.len),
                                        .upload = arena_strdup(&memory, a->upload.ptr, a->upload.len),
                                        .shop = arena_strdup(&memory, a->shop.ptr, a->shop.len)};
    log_set_context(&context);
    LOG(LOG_INFO, WORDS[a->what]);
    log_set_context(NULL);
}

static void on_admitted(void *context, const struct redis_reply *reply)
{
    struct loop *l = context;
    struct queue_admitted admitted;
    FAILPOINT("admit.after");
    loop_heard(l, LOOP_ADMIT, reply);
    // Where it was not admitted it waits in the intake: the sweep brings it again.
    if (!queue_admit_reply(reply, &admitted) || admitted.what == QUEUE_GONE)
        return;
    log_admitted(&admitted);
    turn_look(l);
}

static void on_put_aside(void *context, const struct redis_reply *reply)
{
    FAILPOINT("reject.after");
    loop_heard(context, LOOP_REJECT, reply);
}

static void on_cancelled(void *context, const struct redis_reply *reply)
{
    FAILPOINT("cancel.after");
    loop_heard(context, LOOP_CANCEL, reply);
    struct str job = redis_reply_str(redis_reply_at(reply, 1));
    struct str state = redis_reply_str(redis_reply_at(reply, 0));
    char texts[2][QUEUE_ID_MAX + 1];
    (void)snprintf(texts[0], sizeof texts[0], STR_FMT, STR_ARG(job));
    (void)snprintf(texts[1], sizeof texts[1], STR_FMT, STR_ARG(state));
    if (state.len && !str_eq(state, STR("gone")) && !str_eq(state, STR("waits")))
        LOG(LOG_INFO, "asked to cancel a job", LOG_S("job", texts[0]), LOG_S("state", texts[1]));
}

static void reject(struct loop *l, struct str raw, const struct admission *a, const struct err *why)
{
    struct redis_cmd c;
    LOG(LOG_WARN, "message rejected: it is among the dead", LOG_S("error", why->message), LOG_I("bytes", raw.len));
    queue_reject_cmd(&l->config->queue, raw, why->message, a->job.shop, a->job.upload, &c);
    FAILPOINT("reject.before");
    (void)redis_async_send(l->command, &c, 0, on_put_aside, l);
}

static void cancel(struct loop *l, struct str raw, const struct queue_job *j)
{
    struct redis_cmd c;
    const struct queue_cancellation cancellation = {j->id, j->shop, j->upload};
    queue_cancel_cmd(&l->config->queue, raw, &cancellation, "Cancelled", "asked for by a message", &c);
    FAILPOINT("cancel.before");
    (void)redis_async_send(l->command, &c, 0, on_cancelled, l);
}

static void admit(struct loop *l, struct str raw)
{
    AUTO(arena_fini) struct arena memory;
    struct admission a = {.n_stages = 0};
    struct err e;
    arena_init(&memory, 0);
    if (!l->config->admit(l->config->admit_context, raw, &memory, &a, &e)) {
        reject(l, raw, &a, &e);
        return;
    }
    if (a.is_cancellation) {
        cancel(l, raw, &a.job);
        return;
    }
    struct redis_cmd c;
    queue_admit_cmd(&l->config->queue, raw, &a.job, a.plan, a.n_stages, &c);
    FAILPOINT("admit.before");
    (void)redis_async_send(l->command, &c, 0, on_admitted, l); // not ready: the sweep brings the message again
    // The turn right behind it, without waiting for the answer, draws what this job begins with.
    turn_look(l);
}

// Within Redis, by a sweep: it is not sent there and back once more.
static void put_aside(struct loop *l, size_t bytes)
{
    LOG(LOG_WARN, "message rejected: larger than queue.payload_bytes_max", LOG_I("bytes", bytes));
    intake_sweep(l);
}

static void on_intake(void *context, const struct redis_reply *reply)
{
    struct loop *l = context;
    l->is_intake_out = false;
    if (!reply)
        return; // on_ready of the connection waits again
    loop_heard(l, LOOP_JOBS, reply);
    if (redis_reply_type(reply) == REDIS_ERROR)
        return; // the sweep waits again
    FAILPOINT("intake.after");
    if (redis_reply_type(reply) == REDIS_TEXT) {
        struct str raw = redis_reply_str(reply);
        if (raw.len <= l->config->queue.payload_max)
            admit(l, raw);
        else
            put_aside(l, raw.len);
    }
    intake_wait(l);
}

void intake_wait(struct loop *l)
{
    if (l->is_intake_out || l->is_draining || !redis_async_is_ready(l->intake))
        return;
    struct redis_cmd c;
    queue_intake_cmd(&l->config->queue, INTAKE_WAIT_MS, &c);
    l->is_intake_out = redis_async_send(l->intake, &c, INTAKE_WAIT_MS, on_intake, l);
}

static void hand_over_ends(struct loop *l, const struct redis_reply *reply)
{
    struct queue_end end;
    for (size_t i = 0; l->config->on_end && i < queue_swept_ends(reply); i++)
        if (queue_swept_end(reply, i, &end))
            l->config->on_end(l->config->on_end_context, &end);
}

static void log_mends(const struct redis_reply *reply)
{
    for (size_t i = 0; i < queue_swept_mends(reply); i++) {
        char text[512];
        (void)snprintf(text, sizeof text, STR_FMT, STR_ARG(queue_swept_mend(reply, i)));
        LOG(LOG_ERROR, "the queue was not in order, and is mended", LOG_S("what", text));
    }
}

static void on_swept(void *context, const struct redis_reply *reply)
{
    struct loop *l = context;
    FAILPOINT("sweep.after");
    loop_heard(l, LOOP_SWEEP, reply);
    for (size_t i = 0; !l->is_draining && i < queue_swept_messages(reply); i++)
        admit(l, queue_swept_message(reply, i));
    hand_over_ends(l, reply);
    log_mends(reply);
    intake_wait(l); // what was refused is tried again
    turn_maybe(l);
    lane_wait(l);
}

void intake_sweep(struct loop *l)
{
    struct redis_cmd c;
    queue_sweep_cmd(&l->config->queue, &c);
    FAILPOINT("sweep.before");
    (void)redis_async_send(l->command, &c, 0, on_swept, l);
}
