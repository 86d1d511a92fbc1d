#include <stdio.h>
#include <time.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/outage.h"
#include "worker/stages/stages_internal.h"

enum { RULES_TEXT_MAX = 1 << 20, POLL_FIRST_MS = 5, POLL_MOST_MS = 200 };

// In Redis, of a source: "<revision> <fingerprint> <token>". The token of who shared it last tells one that was made
// again from one that is no good.
enum { VALUE_MAX = 2 * (FINGERPRINT_HEX + 1) + QUEUE_TOKEN_MAX };
// Instead of a fingerprint: no blob, every worker makes its own.
static const char TOO_LARGE[FINGERPRINT_HEX + 1] = "--------------------------------";

struct search {
    struct task *task;
    struct stages_slot *slot;
    const struct job_request *request;
    const struct artefact_early *early;
    struct upload_shop asks; // on_options NULL: the request has its shop's options already
    struct stage_artefact *out;
    char outdated[VALUE_MAX]; // what Redis knows that is no good
    bool is_alone;            // in flight within this worker only
    bool has_looked;          // at the rows, since it last waited
    bool is_waiting;          // for another worker, who makes what memory has not: Redis will say when it is there
    int64_t poll_ms;
};

void stage_artefact_init(struct stage_artefact *a)
{
    *a = (struct stage_artefact){.artefact = NULL};
    buf_init(&a->blob, ARTEFACT_BLOB_MAX);
}

void stage_artefact_fini(struct stage_artefact *a, struct stages_slot *slot)
{
    artefact_release(slot->env->cache, a->artefact);
    buf_fini(&a->blob);
}

// ---- what is asked for ----

static struct enrich_rules enrich_rules(const struct search *s)
{
    struct enrich_rules rules = settings_enrich_rules(s->slot->env->settings);
    job_request_enrich(s->request, &rules);
    return rules;
}

// Upload and shop, and all rules that shape what is mined: those of the settings, then those that a job may set.
static void name_source(const struct search *s)
{
    AUTO(buf_fini) struct buf text;
    const struct enrich_rules rules = enrich_rules(s);
    buf_init(&text, RULES_TEXT_MAX);
    buf_printf(&text, "artefact %d %s\n%zu %zu %zu %lld\n", ARTEFACT_VERSION, s->asks.on_options ? "job" : "all",
               s->task->shop.len, s->task->upload.len, rules.season_words.len, (long long)rules.as_of);
    buf_put(&text, s->task->shop.ptr, s->task->shop.len);
    buf_put(&text, s->task->upload.ptr, s->task->upload.len);
    buf_put(&text, rules.season_words.ptr, rules.season_words.len);
    settings_print_mining(s->slot->env->settings, &text);
    CHECK(!text.is_over);
    artefact_fingerprint(buf_str(&text), s->out->source.name);
}

// What the shop asks for is not part of the name, but of the revision: it is told with the rows.
static void take_shop_options(void *search, struct str json, struct enrich_rules *rules)
{
    const struct search *s = search;
    struct arena *memory = &s->task->memory;
    struct job_request with = *s->request;
    s->out->shop_options = arena_str(memory, json);
    job_options_default(&with.options, json, memory);
    job_request_enrich(&with, rules);
}

static const struct upload_shop *asks(const struct search *s)
{
    return s->asks.on_options ? &s->asks : NULL;
}

// ---- memory ----

static bool look(struct search *s, struct err *e)
{
    struct stage_artefact *out = s->out;
    if (s->has_looked)
        return true;
    if (!upload_look(s->slot->pg, s->task->shop, s->task->upload, asks(s), &out->info, e))
        return false;
    memcpy(out->source.revision, out->info.revision, sizeof out->source.revision);
    s->has_looked = true;
    return true;
}

static bool try_memory(struct search *s, struct err *e)
{
    struct artefact_cache *cache = s->slot->env->cache;
    if (!artefact_cache_knows(cache, s->out->source.name))
        return true;
    if (!look(s, e))
        return false;
    s->out->artefact = artefact_cache_find_source(cache, &s->out->source);
    s->out->from = ARTEFACT_IN_MEMORY;
    return true;
}

// ---- Redis ----

// Who makes it. Without Redis there is nobody to share with: we do.
static enum queue_once ask(struct search *s, char value[VALUE_MAX])
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(buf_fini) struct buf name;
    const struct task *t = s->task;
    struct redis *redis = stage_redis(s->slot);
    enum queue_once what = QUEUE_ONCE_YOURS;
    struct redis_cmd once;
    struct str text = {"", 0};
    struct err e;
    buf_init(&name, 256);
    buf_puts(&name, s->out->source.name);
    if (s->is_alone)
        buf_printf(&name, "@%s", s->slot->env->worker);
    queue_once_cmd(t->queue, buf_str(&name), t->ref, t->token, str_of(s->outdated), &once);
    FAILPOINT("once.before");
    if (redis && !redis_call(redis, &once, &reply, &e))
        LOG(outage_level(&e), "Redis does not say who mines", LOG_S("error", e.message));
    else if (redis && (!queue_once_reply(reply, &what, &text) || text.len >= VALUE_MAX))
        what = QUEUE_ONCE_YOURS; // not of this program
    FAILPOINT("once.after");
    redis_cmd_fini(&once);
    (void)snprintf(value, VALUE_MAX, STR_FMT, STR_ARG(text));
    return what;
}

// What Redis knows may be of other rows than there are now, or its blob may have gone or be broken: then we ask again,
// saying so. One too large to share is made on every worker, by one of its slots.
static bool try_known(struct search *s, const char *value, struct err *e)
{
    struct stage_artefact *out = s->out;
    struct artefact_cache *cache = s->slot->env->cache;
    bool is_whole = strlen(value) > 2 * FINGERPRINT_HEX + 1;
    struct str revision = {value, is_whole ? FINGERPRINT_HEX : 0};
    struct str fingerprint = {value + (is_whole ? FINGERPRINT_HEX + 1 : 0), revision.len};
    (void)snprintf(s->outdated, sizeof s->outdated, "%s", value);
    if (!look(s, e))
        return false;
    if (revision.len == 0 || !str_eq(revision, str_of(out->info.revision)))
        return true;
    s->is_alone = str_eq(fingerprint, str_of(TOO_LARGE));
    if (s->is_alone)
        return true;
    out->artefact = artefact_cache_find(cache, fingerprint);
    out->from = out->artefact ? ARTEFACT_IN_MEMORY : ARTEFACT_IN_REDIS;
    return out->artefact || artefact_cache_get(cache, stage_redis(s->slot), fingerprint, &out->artefact, e);
}

// Nobody tells when the other's lease ends, so that we have to ask.
static bool wait_a_moment(struct search *s, struct err *e)
{
    if (atomic_load(&s->task->is_cancelled))
        return err_set(e, ERR_CANCELLED, "cancelled while another worker mined");
    s->poll_ms = s->poll_ms ? s->poll_ms * 2 : POLL_FIRST_MS;
    if (s->poll_ms > POLL_MOST_MS)
        s->poll_ms = POLL_MOST_MS;
    const struct timespec moment = {0, s->poll_ms * 1000000};
    (void)nanosleep(&moment, NULL);
    s->has_looked = false;
    return true;
}

// ---- making ----

static bool make(struct search *s, struct err *e)
{
    struct stage_artefact *out = s->out;
    const struct settings *settings = s->slot->env->settings;
    const struct enrich_rules enrich = enrich_rules(s);
    const struct mined_rules mining = settings_mined_rules(settings);
    struct dataset *data = NULL;
    int64_t begun_ms = clock_mono_ms();
    if (!upload_load(s->slot->pg, s->task->shop, s->task->upload, &enrich, asks(s), &out->info, &data, e))
        return false;
    int64_t loaded_ms = clock_mono_ms();
    FAILPOINT("mine.before");
    if (!artefact_make(&out->artefact, data, &mining, s->early, &s->task->is_cancelled, &out->blob, e))
        return false;
    out->from = ARTEFACT_MADE;
    out->load_ms = loaded_ms - begun_ms;
    out->mine_ms = clock_mono_ms() - loaded_ms;
    memcpy(out->source.revision, out->info.revision, sizeof out->source.revision);
    return true;
}

static bool search(struct search *s, struct err *e)
{
    for (;;) {
        char value[VALUE_MAX];
        if (!s->is_waiting && !try_memory(s, e))
            return false;
        if (s->out->artefact)
            return true;
        enum queue_once what = ask(s, value);
        s->is_waiting = what == QUEUE_ONCE_WAIT;
        switch (what) {
        case QUEUE_ONCE_YOURS:
            return make(s, e);
        case QUEUE_ONCE_LOST:
            return err_set(e, ERR_FENCED, "the lease was lost before mining");
        case QUEUE_ONCE_WAIT:
            if (!wait_a_moment(s, e))
                return false;
            break;
        case QUEUE_ONCE_KNOWN:
            if (!try_known(s, value, e))
                return false;
            if (s->out->artefact)
                return true;
            break;
        }
    }
}

static bool obtain(struct search *s, struct err *e)
{
    struct stage_artefact *out = s->out;
    int64_t begun_ms = clock_mono_ms();
    name_source(s);
    if (!search(s, e))
        return false;
    out->find_ms = clock_mono_ms() - begun_ms - out->load_ms - out->mine_ms;
    artefact_cache_put(s->slot->env->cache, out->artefact, &out->source);
    LOG(LOG_INFO, out->from == ARTEFACT_MADE ? "upload loaded and mined" : "upload found in the cache",
        LOG_I("lines", out->artefact->data->lines_read), LOG_I("find_ms", out->find_ms), LOG_I("load_ms", out->load_ms),
        LOG_I("mine_ms", out->mine_ms));
    return true;
}

bool stage_obtain(struct task *t, struct stages_slot *slot, const struct job_request *r,
                  const struct artefact_early *early, struct stage_artefact *out, struct err *e)
{
    struct search s = {.task = t, .slot = slot, .request = r, .early = early, .out = out};
    s.asks = (struct upload_shop){take_shop_options, &s};
    return obtain(&s, e);
}

void stage_share(struct task *t, struct stages_slot *slot, const struct stage_artefact *a)
{
    struct redis_cmd c;
    char value[VALUE_MAX];
    FAILPOINT("share.before");
    bool is_shared =
        artefact_cache_share_cmd(slot->env->cache, a->artefact, a->from == ARTEFACT_MADE ? &a->blob : NULL, &c);
    if (is_shared)
        task_post(t, &c);
    else
        LOG(LOG_WARN, "artefact too large to share: other workers make it again",
            LOG_I("bytes", (int64_t)a->artefact->bytes));
    if (!a->source.revision[0])
        return;
    (void)snprintf(value, sizeof value, "%s %s " STR_FMT, a->source.revision,
                   is_shared ? a->artefact->fingerprint : TOO_LARGE, STR_ARG(t->token));
    queue_made_cmd(t->queue, str_of(a->source.name), str_of(value), slot->env->settings->cache_redis_ttl_s, &c);
    task_post(t, &c);
}

bool stage_find(struct task *t, struct stages_slot *slot, const struct job_request *r, struct str fingerprint,
                struct artefact **out, struct err *e)
{
    struct stage_artefact a;
    struct artefact *found = artefact_cache_find(slot->env->cache, fingerprint);
    if (!found && !artefact_cache_get(slot->env->cache, stage_redis(slot), fingerprint, &found, e))
        return false;
    if (found) {
        *out = found;
        return true;
    }
    struct search s = {.task = t, .slot = slot, .request = r, .out = &a};
    stage_artefact_init(&a);
    bool ok = obtain(&s, e);
    if (ok)
        stage_share(t, slot, &a);
    if (ok && !str_eq(str_of(a.artefact->fingerprint), fingerprint))
        ok = err_set(e, ERR_INPUT, "the upload was changed while its bundles were made; ask for them again");
    if (ok) {
        *out = a.artefact;
        a.artefact = NULL;
    }
    stage_artefact_fini(&a, slot);
    return ok;
}
