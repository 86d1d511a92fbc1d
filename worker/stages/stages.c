#include "worker/stages/stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/outage.h"
#include "worker/stages/copy_stage.h"
#include "worker/store/bundle_store.h"
#include "worker/store/pg_outage.h"

const struct queue_stage STAGES_PLAN[STAGES_N] = {
    {.name = "prepare",
     .message = "Reading the upload",
     .urgency = 0,
     .from = 1,
     .to = 50,
     .is_required = true,
     .timeout_ms = 300000},
    {.name = "pairs",
     .message = "Working out offers",
     .urgency = 1,
     .from = 50,
     .to = 70,
     .is_split = true,
     .timeout_ms = 120000},
    {.name = "merge",
     .message = "Choosing the best offers",
     .urgency = 0,
     .from = 70,
     .to = 85,
     .is_required = true,
     .timeout_ms = 120000},
    {.name = "copy",
     .message = "Writing copy",
     .urgency = QUEUE_IO,
     .from = 85,
     .to = 92,
     .is_split = true,
     .timeout_ms = 120000},
    {.name = "publish",
     .message = "Storing the bundles",
     .urgency = 0,
     .from = 92,
     .to = 100,
     .is_required = true,
     .timeout_ms = 120000},
};

// Whatever a task waits for in PostgreSQL ends with the task's cancellation.
static bool run(struct task *t, struct stages_slot *slot, bool (*stage)(struct task *, void *, struct err *),
                struct err *e)
{
    uint64_t statements_before = pg_statements(slot->pg);
    pg_watch(slot->pg, &t->is_cancelled);
    bool ok = stage(t, slot, e);
    pg_watch(slot->pg, NULL);
    if (!ok)
        pg_outage_note(e);
    else if (pg_statements(slot->pg) > statements_before)
        pg_outage_over(slot->pg);
    return ok;
}

#define STAGE(name)                                                                                                    \
    static bool run_##name(struct task *t, void *slot, struct err *e)                                                  \
    {                                                                                                                  \
        return run(t, slot, stage_##name, e);                                                                          \
    }
STAGE(prepare)
STAGE(pair)
STAGE(merge)
STAGE(publish)

const struct task_kind STAGES_KINDS[] = {
    {"prepare", 0, run_prepare, NULL},          {"pairs", 1, run_pair, NULL},      {"merge", 0, run_merge, NULL},
    {"copy", QUEUE_IO, NULL, stage_copy_begin}, {"publish", 0, run_publish, NULL},
};
const size_t STAGES_N_KINDS = ARRAY_LEN(STAGES_KINDS);

static struct str random_id(struct arena *memory)
{
    unsigned char bytes[16];
    char *text = arena_alloc(memory, 2 * sizeof bytes + 1);
    CHECK(getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return (struct str){text, 2 * sizeof bytes};
}

// The plan, with as much time for copy as settings give it.
static const struct queue_stage *plan_of(const struct settings *s, struct arena *memory)
{
    struct queue_stage *plan = ARENA_ARRAY(memory, struct queue_stage, STAGES_N);
    memcpy(plan, STAGES_PLAN, sizeof STAGES_PLAN);
    for (size_t i = 0; i < STAGES_N; i++) {
        int64_t needed_ms = plan[i].urgency == QUEUE_IO ? s->copy_budget_s * 1000 + COPY_MARGIN_MS : 0;
        if (needed_ms > plan[i].timeout_ms)
            plan[i].timeout_ms = needed_ms;
    }
    return plan;
}

bool stages_admit(void *env, struct str raw, struct arena *memory, struct admission *out, struct err *e)
{
    const struct stages_env *stages = env;
    struct job_request r = {.priority = QUEUE_NORMAL};
    struct str payload;
    bool ok = job_payload_of_message(raw, (size_t)stages->settings->queue_payload_max, memory, &payload, e) &&
              job_request_read(payload, memory, &r, e);
    out->job.shop = r.shop;
    out->job.upload = r.upload;
    if (!ok)
        return false;
    *out = (struct admission){.job = {.id = r.job.len || r.is_cancellation ? r.job : random_id(memory),
                                      .upload = r.upload,
                                      .shop = r.shop,
                                      .is_forced = r.is_forced,
                                      .priority = r.priority,
                                      .not_before_ms = r.not_before_ms,
                                      .delay_ms = r.delay_ms,
                                      .payload = payload},
                              .is_cancellation = r.is_cancellation,
                              .plan = plan_of(stages->settings, memory),
                              .n_stages = STAGES_N};
    return true;
}

void *stages_slot_open(void *env, unsigned number)
{
    struct stages_slot *slot = calloc(1, sizeof *slot);
    char name[64];
    CHECK(slot);
    slot->env = env;
    (void)snprintf(name, sizeof name, "bundle-worker slot %u", number);
    slot->pg = pg_create(slot->env->settings, name);
    // Now rather than during the first job; where one is away, each task tries again.
    struct err e;
    if (pg_connect(slot->pg, &e))
        pg_outage_over(slot->pg);
    else
        pg_outage_note(&e);
    (void)stage_redis(slot);
    return slot;
}

struct redis *stage_redis(struct stages_slot *slot)
{
    struct err e;
    if (!slot->redis && !redis_open(&slot->redis, slot->env->redis_url, "bundle-worker-slot",
                                    slot->env->settings->redis_timeout_ms, &e))
        LOG(outage_level(&e), "no Redis connection for the cache", LOG_S("error", e.message));
    return slot->redis;
}

void stages_slot_close(void *slot)
{
    struct stages_slot *s = slot;
    pg_destroy(s->pg);
    redis_close(s->redis);
    free(s);
}

void stages_pair_name(enum objective o, enum bundle_type t, struct buf *out)
{
    buf_printf(out, "%s.%s", objective_row(o)->name, bundle_type_name(t));
}

bool stages_pair_of_name(struct str name, enum objective *o, enum bundle_type *t)
{
    const char *dot = memchr(name.ptr, '.', name.len);
    if (!dot)
        return false;
    size_t at = (size_t)(dot - name.ptr);
    return objective_of_name((struct str){name.ptr, at}, o) &&
           bundle_type_of_name((struct str){dot + 1, name.len - at - 1}, t);
}

// ---- shared by the coordinators ----

bool stage_begin(struct task *t, const struct stages_slot *slot, struct str shop_options, struct job_request *out,
                 struct err *e)
{
    t->memory.budget_bytes = (size_t)slot->env->settings->job_memory_mb << 20;
    if (!job_request_read(t->job_payload, &t->memory, out, e))
        return false;
    job_options_default(&out->options, shop_options, &t->memory);
    return true;
}

struct str stage_pairs_shared(struct task *t, struct str fingerprint, struct str shop_options)
{
    size_t len = fingerprint.len + shop_options.len;
    char *shared = arena_alloc(&t->memory, len + 1);
    memcpy(shared, fingerprint.ptr, fingerprint.len);
    memcpy(shared + fingerprint.len, shop_options.ptr, shop_options.len);
    return (struct str){shared, len};
}

void stage_pairs_of_shared(struct str shared, struct str *fingerprint, struct str *shop_options)
{
    size_t len = shared.len < FINGERPRINT_HEX ? shared.len : FINGERPRINT_HEX;
    *fingerprint = (struct str){shared.ptr, len};
    *shop_options = (struct str){shared.ptr + len, shared.len - len};
}

struct offer_rules stage_offer_rules(const struct stages_slot *slot, const struct job_request *r,
                                     const struct artefact *a, struct arena *memory)
{
    struct offer_rules rules = settings_offer_rules(slot->env->settings);
    job_request_offer(r, a->data, memory, &rules);
    return rules;
}

// A token is "<counter>.<ms>-...".
int64_t stage_drawn_ms(const struct task *t)
{
    const char *dot = strchr(t->token.ptr, '.');
    return dot ? strtoll(dot + 1, NULL, 10) : 0;
}

// Redis' clock goes first, since its counter starts anew when Redis has lost everything.
int64_t stage_fence(const struct task *t)
{
    int64_t counter = strtoll(t->token.ptr, NULL, 10);
    return stage_drawn_ms(t) * STAGE_FENCES_PER_MS + counter % STAGE_FENCES_PER_MS;
}

struct store_target stage_target(const struct task *t, struct str csv_upload_id)
{
    return (struct store_target){t->job, t->shop, csv_upload_id, stage_fence(t)};
}

bool stage_failed(struct task *t, struct stages_slot *slot, struct str csv_upload_id, struct err *e)
{
    bool is_last = !err_kind_is_retried(e->kind) ||
                   (err_kind_burns_attempt(e->kind) && t->attempts + 1 >= slot->env->settings->queue_attempts);
    if (!is_last || e->kind == ERR_CANCELLED || e->kind == ERR_FENCED || csv_upload_id.len == 0)
        return false;
    const struct store_target target = stage_target(t, csv_upload_id);
    struct err second;
    if (!bundle_store_failed(slot->pg, &target, str_of(e->message), &second) && second.kind != ERR_FENCED)
        LOG(LOG_ERROR, "the failure could not be written to PostgreSQL", LOG_S("error", second.message));
    return false;
}
