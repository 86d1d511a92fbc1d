#include "worker/runtime/loop_internal.h"

#include "common/check.h"
#include "common/log.h"

static void log_admitted(const struct queue_admitted *a)
{
    static const char *const WORDS[] = {"job admitted", "job joined the one that runs",
                                        "job replaced the one that ran"};
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
    struct err e;
    if (!reply)
        return; // it waits in the intake: the sweep brings it again
    if (redis_reply_error(reply, &e)) {
        LOG(LOG_ERROR, "a job could not be admitted", LOG_S("error", e.message));
        return;
    }
    if (!queue_admit_reply(reply, &admitted) || admitted.what == QUEUE_GONE)
        return;
    log_admitted(&admitted);
    l->may_draw = true;
    turn_maybe(l);
}

static void on_rejected(void *context, const struct redis_reply *reply)
{
    (void)context;
    struct err e;
    if (redis_reply_error(reply, &e))
        LOG(LOG_ERROR, "a bad message could not be put aside", LOG_S("error", e.message));
}

static void reject(struct loop *l, struct str raw, struct str upload, const struct err *why)
{
    struct redis_cmd c;
    LOG(LOG_WARN, "message rejected: it is on the dead list", LOG_S("error", why->message), LOG_I("bytes", raw.len));
    queue_reject_cmd(&l->config->queue, raw, why->message, upload, &c);
    (void)redis_async_send(l->command, &c, 0, on_rejected, l);
}

static void admit(struct loop *l, struct str raw)
{
    AUTO(arena_fini) struct arena memory;
    struct admission a;
    struct str upload = {"", 0};
    struct err e;
    arena_init(&memory, 0);
    if (!l->config->admit(l->config->admit_context, raw, &memory, &a, &upload, &e)) {
        reject(l, raw, upload, &e);
        return;
    }
    struct redis_cmd c;
    queue_admit_cmd(&l->config->queue, raw, &a.job, a.plan, a.n_stages, &c);
    (void)redis_async_send(l->command, &c, 0, on_admitted, l); // not ready: the sweep brings the message again
    // The turn right behind it, without waiting for the answer, draws what this job begins with.
    l->may_draw = true;
    turn_maybe(l);
}

static void on_intake(void *context, const struct redis_reply *reply)
{
    struct loop *l = context;
    struct err e;
    if (!reply)
        return;
    if (redis_reply_error(reply, &e))
        LOG(LOG_ERROR, "waiting for jobs failed", LOG_S("error", e.message));
    else if (redis_reply_type(reply) == REDIS_TEXT)
        admit(l, redis_reply_str(reply));
    intake_wait(l);
}

void intake_wait(struct loop *l)
{
    if (l->is_draining || !redis_async_is_ready(l->intake))
        return;
    struct redis_cmd c;
    queue_intake_cmd(&l->config->queue, INTAKE_WAIT_MS, &c);
    (void)redis_async_send(l->intake, &c, INTAKE_WAIT_MS, on_intake, l);
}

static void on_swept(void *context, const struct redis_reply *reply)
{
    struct loop *l = context;
    struct err e;
    if (redis_reply_error(reply, &e)) {
        LOG(LOG_ERROR, "sweep failed", LOG_S("error", e.message));
        return;
    }
    for (size_t i = 0; i < redis_reply_size(reply); i++)
        admit(l, redis_reply_str(redis_reply_at(reply, i)));
    turn_maybe(l); // ends that a failed turn left behind
    turn_wait(l);
}

void intake_sweep(struct loop *l)
{
    struct redis_cmd c;
    queue_sweep_cmd(&l->config->queue, &c);
    (void)redis_async_send(l->command, &c, 0, on_swept, l);
}
