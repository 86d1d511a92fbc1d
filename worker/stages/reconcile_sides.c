#include "worker/stages/reconcile_internal.h"

#include "common/check.h"

void reconcile_sides_fini(struct reconcile_sides *s)
{
    pg_destroy(s->pg);
    redis_close(s->redis);
    s->pg = NULL;
    s->redis = NULL;
}

bool reconcile_call(struct reconcile_sides *s, struct redis_cmd *take_cmd, struct redis_reply **reply, struct err *e)
{
    const struct stages_env *env = s->env;
    bool ok = s->redis ||
              redis_open(&s->redis, env->redis_url, "bundle-worker-reconcile", env->settings->redis_timeout_ms, e);
    ok = ok && redis_call(s->redis, take_cmd, reply, e);
    redis_cmd_fini(take_cmd);
    return ok;
}

bool reconcile_find(struct reconcile_sides *s, struct str shop, struct str upload, struct arena *memory,
                    struct str *state, struct str *job, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    queue_find_cmd(s->env->queue, shop, upload, &c);
    if (!reconcile_call(s, &c, &reply, e))
        return false;
    *state = arena_str(memory, redis_reply_str(redis_reply_at(reply, 0)));
    *job = arena_str(memory, redis_reply_str(redis_reply_at(reply, 1)));
    return true;
}

// As stage_fence has it.
bool reconcile_fence(struct reconcile_sides *s, int64_t *fence, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    redis_cmd_init(&c, "TIME");
    if (!reconcile_call(s, &c, &reply, e))
        return false;
    int64_t seconds = redis_reply_int(redis_reply_at(reply, 0)), us = redis_reply_int(redis_reply_at(reply, 1));
    *fence = (seconds * 1000 + us / 1000) * STAGE_FENCES_PER_MS + STAGE_FENCES_PER_MS - 1;
    return true;
}

bool reconcile_is_called_off(const struct reconcile_sides *s)
{
    return s->is_closing && atomic_load(s->is_closing);
}

bool reconcile_goes_on(const struct err *one, bool *ok, struct err *e)
{
    bool is_over = one->kind == ERR_REDIS_AWAY || one->kind == ERR_PG_AWAY || one->kind == ERR_CANCELLED ||
                   one->kind == ERR_CONFIG;
    if (*ok || is_over)
        *e = *one;
    *ok = false;
    return !is_over;
}
