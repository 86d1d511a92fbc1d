#include "worker/stages/reconcile.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/json_out.h"
#include "common/log.h"
#include "worker/stages/job_json.h"
#include "worker/stages/stages_internal.h"
#include "worker/store/pg_outage.h"
#include "worker/store/upload_requests.h"

enum { ENDS_MAX = 256, LOST_MAX = 100, IDLE_MS = 5000, TEXT_MAX = 1 << 20 };

struct ends { // what waits to be written; texts live in memory
    struct arena memory;
    struct queue_end list[ENDS_MAX];
    size_t n;
};

struct reconcile {
    const struct stages_env *env;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t is_changed;
    struct ends *waiting;   // under the lock
    atomic_bool is_closing; // set under the lock

    // the thread's own
    struct pg *pg;
    struct redis *redis; // NULL: not connected
    int64_t scan_at_ms;
    int64_t n_recovered;
};

static struct ends *ends_create(void)
{
    struct ends *e = calloc(1, sizeof *e);
    CHECK(e);
    arena_init(&e->memory, 0);
    return e;
}

static void ends_destroy(struct ends *e)
{
    arena_fini(&e->memory);
    free(e);
}

// NUL-terminated.
static struct str keep(struct arena *memory, struct str text)
{
    return (struct str){arena_strdup(memory, text.ptr, text.len), text.len};
}

void reconcile_poke(void *reconcile, const struct queue_end *end)
{
    struct reconcile *r = reconcile;
    (void)pthread_mutex_lock(&r->lock);
    struct ends *w = r->waiting;
    if (w->n < ENDS_MAX) {
        struct arena *m = &w->memory;
        w->list[w->n++] = (struct queue_end){keep(m, end->job),   keep(m, end->shop),    keep(m, end->upload),
                                             keep(m, end->state), keep(m, end->message), keep(m, end->reason)};
        (void)pthread_cond_signal(&r->is_changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

// ---- Redis ----

static bool call(struct reconcile *r, struct redis_cmd *take_cmd, struct redis_reply **reply, struct err *e)
{
    const struct stages_env *env = r->env;
    bool ok = r->redis ||
              redis_open(&r->redis, env->redis_url, "bundle-worker-reconcile", env->settings->redis_timeout_ms, e);
    ok = ok && redis_call(r->redis, take_cmd, reply, e);
    redis_cmd_fini(take_cmd);
    return ok;
}

// The upload's latest job, "" where Redis knows none.
static bool find(struct reconcile *r, struct str shop, struct str upload, struct arena *memory, struct str *state,
                 struct str *job, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    queue_find_cmd(r->env->queue, shop, upload, &c);
    if (!call(r, &c, &reply, e))
        return false;
    *state = keep(memory, redis_reply_str(redis_reply_at(reply, 0)));
    *job = keep(memory, redis_reply_str(redis_reply_at(reply, 1)));
    return true;
}

static bool list_len(struct reconcile *r, const char *name, int64_t *len, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(buf_fini) struct buf key;
    struct redis_cmd c;
    buf_init(&key, 256);
    queue_key(r->env->queue, name, STR(""), &key);
    redis_cmd_init(&c, "LLEN");
    redis_cmd_str(&c, buf_str(&key));
    if (!call(r, &c, &reply, e))
        return false;
    *len = redis_reply_int(reply);
    return true;
}

static bool push(struct reconcile *r, struct str message, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    queue_push_cmd(r->env->queue, message, &c);
    return call(r, &c, &reply, e);
}

// After all tasks that were drawn until now (stage_fence).
static bool fence_now(struct reconcile *r, int64_t *fence, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    redis_cmd_init(&c, "TIME");
    if (!call(r, &c, &reply, e))
        return false;
    int64_t s = redis_reply_int(redis_reply_at(reply, 0)), us = redis_reply_int(redis_reply_at(reply, 1));
    *fence = (s * 1000 + us / 1000) * STAGE_FENCES_PER_MS + STAGE_FENCES_PER_MS - 1;
    return true;
}

// ---- ends ----

static bool write_end(struct reconcile *r, struct upload_end *end, struct err *e)
{
    return fence_now(r, &end->fence, e) && upload_request_ended(r->pg, end, e);
}

// Of a job that another one has followed on the same upload, or that has begun anew, nobody wants to hear.
static bool write_if_latest(struct reconcile *r, const struct queue_end *end, struct arena *memory, struct err *e)
{
    struct str state, job;
    struct upload_end row = {end->job, end->shop, end->upload, end->state, end->message, 0};
    if (!find(r, end->shop, end->upload, memory, &state, &job, e))
        return false;
    bool is_latest = job.len == 0 || (str_eq(job, end->job) && str_eq(state, end->state));
    return !is_latest || write_end(r, &row, e);
}

static bool write_ends(struct reconcile *r, const struct ends *ends, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct arena memory;
    struct redis_cmd told;
    struct err second;
    bool ok = true;
    arena_init(&memory, 0);
    queue_told_cmd(r->env->queue, &told);
    for (size_t i = 0; ok && i < ends->n; i++) {
        ok = write_if_latest(r, &ends->list[i], &memory, e);
        if (ok)
            redis_cmd_str(&told, ends->list[i].job);
    }
    arena_fini(&memory);
    FAILPOINT("told.before");
    ok = call(r, &told, &reply, ok ? e : &second) && ok; // also what was written before one failed
    FAILPOINT("told.after");
    return ok;
}

// ---- what was lost ----

struct lost {
    const struct upload_lost *row;
    struct job_request request;
    struct str payload;
    struct arena *memory;
    bool is_open;     // Redis knows a job of the upload that is
    struct str state; // of the job that the request names, where it is the upload's latest; "" unknown
};

// As the upload is called by whoever asked, by its id or by its run.
static bool look(struct reconcile *r, struct lost *l, struct err *e)
{
    const struct str names[] = {l->request.upload, l->row->csv_upload_id, l->row->run_id};
    for (size_t i = 0; i < ARRAY_LEN(names) && !l->is_open; i++) {
        struct str state, job;
        if (names[i].len == 0)
            continue;
        if (!find(r, l->row->shop, names[i], l->memory, &state, &job, e))
            return false;
        l->is_open = str_eq(state, STR("open"));
        if (job.len && str_eq(job, l->request.job))
            l->state = state;
    }
    return true;
}

static bool read_request(struct reconcile *r, struct lost *l, struct err *e)
{
    const struct upload_lost *row = l->row;
    size_t bytes_max = (size_t)r->env->settings->queue_payload_max;
    if (row->message.len == 0) {
        l->request = (struct job_request){.shop = row->shop, .upload = row->csv_upload_id};
        return true;
    }
    if (!job_payload_of_message(row->message, bytes_max, l->memory, &l->payload, e) ||
        !job_request_read(l->payload, l->memory, &l->request, e))
        return err_wrap(e, "csv_uploads.request");
    l->request.job = keep(l->memory, l->request.job);
    if (l->request.is_cancellation || !str_eq(l->request.shop, row->shop))
        return err_set(e, ERR_INPUT, "csv_uploads.request: not a job of this shop");
    return true;
}

// The same job again; under a new name where that one is final, which would be the answer.
static bool make_message(const struct lost *l, struct buf *out, struct err *e)
{
    bool is_final = str_eq(l->state, STR("final"));
    if (l->payload.len)
        return job_json_of_payload(l->payload, is_final ? STR("") : l->request.job, out, e);
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_int(&j, "v", JOB_VERSION);
    json_out_key_str(&j, "shop", l->request.shop);
    json_out_key_str(&j, "upload", l->request.upload);
    json_out_end(&j);
    return buf_ok(out, "the job's message", e);
}

static bool enqueue_again(struct reconcile *r, const struct lost *l, struct err *e)
{
    AUTO(buf_fini) struct buf message;
    buf_init(&message, TEXT_MAX);
    FAILPOINT("reconcile.push");
    if (!make_message(l, &message, e) || !push(r, buf_str(&message), e))
        return false;
    const struct log_context context = {
        .job = l->request.job.ptr, .upload = l->row->csv_upload_id.ptr, .shop = l->row->shop.ptr};
    log_set_context(&context);
    LOG(LOG_INFO, "upload enqueued again", LOG_S("reason", "reconciled: asked for, not finished, unknown to Redis"));
    log_set_context(NULL);
    return true;
}

// The job that was at work on it has ended, and PostgreSQL was not told or has forgotten.
static bool write_late(struct reconcile *r, const struct lost *l, struct err *e)
{
    struct upload_end end = {l->request.job,
                             l->row->shop,
                             l->row->csv_upload_id,
                             l->state,
                             STR("The job ended; its bundles were not finished"),
                             0};
    return write_end(r, &end, e);
}

static bool write_off(struct reconcile *r, const struct lost *l, const struct err *why, struct err *e)
{
    const struct upload_lost *row = l->row;
    struct upload_end end = {STR("reconciler"), row->shop, row->csv_upload_id, STR("failed"), str_of(why->message), 0};
    LOG(LOG_WARN, "upload cannot be enqueued again", LOG_S("upload", row->csv_upload_id.ptr),
        LOG_S("error", why->message));
    return write_end(r, &end, e);
}

static bool recover(struct reconcile *r, const struct upload_lost *row, struct arena *memory, struct err *e)
{
    struct lost l = {.row = row, .memory = memory, .state = {"", 0}};
    struct err why;
    if (!read_request(r, &l, &why))
        return write_off(r, &l, &why, e);
    if (!look(r, &l, e))
        return false;
    bool has_ended = str_eq(l.state, STR("failed")) || str_eq(l.state, STR("cancelled"));
    if (l.is_open)
        return true;
    r->n_recovered++;
    return has_ended && !str_eq(row->status, STR("requested")) ? write_late(r, &l, e) : enqueue_again(r, &l, e);
}

// Messages that nobody has read yet may be just what seems lost.
static bool is_inbox_read(struct reconcile *r, bool *out, struct err *e)
{
    int64_t n_jobs, n_intake;
    if (!list_len(r, "jobs", &n_jobs, e) || !list_len(r, "intake", &n_intake, e))
        return false;
    *out = n_jobs == 0 && n_intake == 0;
    return true;
}

static bool scan(struct reconcile *r, struct err *e)
{
    struct arena memory;
    struct upload_lost *lost = NULL;
    size_t n = 0;
    bool is_read;
    arena_init(&memory, 0);
    bool ok = is_inbox_read(r, &is_read, e);
    if (ok && is_read)
        ok = upload_requests_lost(r->pg, r->env->settings->queue_reconcile_after_s, LOST_MAX, &memory, &lost, &n, e);
    for (size_t i = 0; ok && i < n && !atomic_load(&r->is_closing); i++)
        ok = recover(r, &lost[i], &memory, e);
    arena_fini(&memory);
    return ok;
}

// ---- the thread ----

static int64_t next_scan_ms(const struct reconcile *r)
{
    int64_t every_s = r->env->settings->queue_reconcile_s;
    return every_s ? clock_mono_ms() + every_s * 1000 : INT64_MAX;
}

static void disconnect(struct reconcile *r)
{
    pg_destroy(r->pg);
    redis_close(r->redis);
    r->pg = NULL;
    r->redis = NULL;
}

static void note(const struct reconcile *r, bool ok, const struct err *e)
{
    if (ok && pg_statements(r->pg) > 0)
        pg_outage_over(r->pg);
    if (ok || e->kind == ERR_CANCELLED)
        return;
    pg_outage_note(e);
    bool is_away = e->kind == ERR_PG_AWAY || e->kind == ERR_REDIS_AWAY; // said elsewhere, once
    LOG(is_away ? LOG_DEBUG : LOG_WARN, "PostgreSQL and the queue are not at one; trying again",
        LOG_S("error", e->message));
}

static void work(struct reconcile *r, const struct ends *ends)
{
    struct err e = {0};
    bool ok = true;
    if (!r->pg) {
        r->pg = pg_create(r->env->settings, "bundle-worker reconcile");
        pg_watch(r->pg, &r->is_closing);
    }
    if (ends->n)
        ok = write_ends(r, ends, &e);
    if (ok && clock_mono_ms() >= r->scan_at_ms)
        ok = scan(r, &e);
    if (clock_mono_ms() >= r->scan_at_ms)
        r->scan_at_ms = next_scan_ms(r);
    note(r, ok, &e);
}

static void wait_until(struct reconcile *r, int64_t until_ms)
{
    struct timespec until;
    int64_t left_ms = until_ms - clock_mono_ms();
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    left_ms = left_ms < 0 ? 0 : left_ms > 3600000 ? 3600000 : left_ms;
    until.tv_nsec += left_ms % 1000 * 1000000;
    until.tv_sec += left_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&r->is_changed, &r->lock, &until);
}

// What is to be done next, NULL: closing. Connections that nothing needs for a while are given back meanwhile.
static struct ends *next(struct reconcile *r)
{
    int64_t idle_at_ms = clock_mono_ms() + IDLE_MS;
    (void)pthread_mutex_lock(&r->lock);
    while (!atomic_load(&r->is_closing) && r->waiting->n == 0 && clock_mono_ms() < r->scan_at_ms) {
        bool is_connected = r->pg || r->redis;
        if (is_connected && clock_mono_ms() >= idle_at_ms)
            disconnect(r);
        else
            wait_until(r, is_connected && idle_at_ms < r->scan_at_ms ? idle_at_ms : r->scan_at_ms);
    }
    struct ends *taken = r->waiting;
    r->waiting = ends_create();
    bool is_closing = atomic_load(&r->is_closing);
    (void)pthread_mutex_unlock(&r->lock);
    if (!is_closing)
        return taken;
    ends_destroy(taken);
    return NULL;
}

static void *reconcile_main(void *argument)
{
    struct reconcile *r = argument;
    struct ends *ends;
    (void)pthread_setname_np(pthread_self(), "reconcile");
    r->scan_at_ms = next_scan_ms(r);
    while ((ends = next(r))) {
        work(r, ends);
        ends_destroy(ends);
    }
    disconnect(r);
    return NULL;
}

struct reconcile *reconcile_create(const struct stages_env *env)
{
    struct reconcile *r = calloc(1, sizeof *r);
    pthread_condattr_t attributes;
    sigset_t all, before;
    CHECK(r);
    r->env = env;
    r->waiting = ends_create();
    CHECK(pthread_mutex_init(&r->lock, NULL) == 0 && pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&r->is_changed, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
    (void)sigfillset(&all); // signals are the loop's
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    CHECK(pthread_create(&r->thread, NULL, reconcile_main, r) == 0);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

void reconcile_destroy(struct reconcile *r)
{
    (void)pthread_mutex_lock(&r->lock);
    atomic_store(&r->is_closing, true);
    (void)pthread_cond_signal(&r->is_changed);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->thread, NULL);
    ends_destroy(r->waiting);
    (void)pthread_cond_destroy(&r->is_changed);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

bool reconcile_lost(const struct stages_env *env, int64_t *n, struct err *e)
{
    struct reconcile r = {.env = env, .pg = pg_create(env->settings, "bundlectl doctor")};
    bool ok = scan(&r, e);
    *n = r.n_recovered;
    disconnect(&r);
    return ok;
}
