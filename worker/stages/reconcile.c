#include "worker/stages/reconcile.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/thread.h"
#include "worker/stages/reconcile_internal.h"
#include "worker/store/pg_outage.h"

enum { ENDS_MAX = 256, IDLE_MS = 5000 };

struct ends { // what waits to be written; texts live in memory
    struct arena memory;
    struct queue_end list[ENDS_MAX];
    size_t n;
};

struct reconcile {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t is_changed;
    struct ends *waiting;   // under the lock
    atomic_bool is_closing; // set under the lock

    // the thread's own
    struct reconcile_sides sides; // pg NULL: not connected
    int64_t scan_at_ms;
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

void reconcile_poke(void *reconcile, const struct queue_end *end)
{
    struct reconcile *r = reconcile;
    (void)pthread_mutex_lock(&r->lock);
    struct ends *w = r->waiting;
    if (w->n < ENDS_MAX) {
        struct arena *m = &w->memory;
        w->list[w->n++] = (struct queue_end){reconcile_keep(m, end->job),     reconcile_keep(m, end->shop),
                                             reconcile_keep(m, end->upload),  reconcile_keep(m, end->state),
                                             reconcile_keep(m, end->message), reconcile_keep(m, end->reason)};
        (void)pthread_cond_signal(&r->is_changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

// ---- ends ----

// Of a job that another one has followed on the same upload, or that has begun anew, nobody wants to hear.
static bool write_if_latest(struct reconcile_sides *s, const struct queue_end *end, struct arena *memory, struct err *e)
{
    struct str state, job;
    struct upload_end row = {end->job, end->shop, end->upload, end->state, end->message, 0};
    if (!reconcile_find(s, end->shop, end->upload, memory, &state, &job, e))
        return false;
    bool is_latest = job.len == 0 || (str_eq(job, end->job) && str_eq(state, end->state));
    return !is_latest || reconcile_write_end(s, &row, e);
}

static bool write_ends(struct reconcile_sides *s, const struct ends *ends, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct arena memory;
    struct redis_cmd told;
    struct err second;
    bool ok = true;
    arena_init(&memory, 0);
    queue_told_cmd(s->env->queue, &told);
    for (size_t i = 0; ok && i < ends->n; i++) {
        ok = write_if_latest(s, &ends->list[i], &memory, e);
        if (ok)
            redis_cmd_str(&told, ends->list[i].job);
    }
    arena_fini(&memory);
    FAILPOINT("told.before");
    ok = reconcile_call(s, &told, &reply, ok ? e : &second) && ok; // also what was written before one failed
    FAILPOINT("told.after");
    return ok;
}

// ---- the thread ----

static int64_t next_scan_ms(const struct reconcile *r)
{
    int64_t every_s = r->sides.env->settings->queue_reconcile_s;
    return every_s ? clock_mono_ms() + every_s * 1000 : INT64_MAX;
}

static void note(const struct reconcile *r, bool ok, const struct err *e)
{
    if (ok && pg_statements(r->sides.pg) > 0)
        pg_outage_over(r->sides.pg);
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
    struct reconcile_sides *s = &r->sides;
    int64_t n_recovered;
    bool ok = true;
    if (!s->pg) {
        s->pg = pg_create(s->env->settings, "bundle-worker reconcile");
        pg_watch(s->pg, &r->is_closing);
    }
    if (ends->n)
        ok = write_ends(s, ends, &e);
    if (ok && clock_mono_ms() >= r->scan_at_ms)
        ok = reconcile_scan(s, &n_recovered, &e);
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
        bool is_connected = r->sides.pg || r->sides.redis;
        if (is_connected && clock_mono_ms() >= idle_at_ms)
            reconcile_sides_fini(&r->sides);
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
    reconcile_sides_fini(&r->sides);
    return NULL;
}

struct reconcile *reconcile_create(const struct stages_env *env)
{
    struct reconcile *r = calloc(1, sizeof *r);
    CHECK(r);
    r->sides = (struct reconcile_sides){.env = env, .is_closing = &r->is_closing};
    r->waiting = ends_create();
    CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
    thread_cond_init(&r->is_changed);
    CHECK(thread_start(&r->thread, reconcile_main, r));
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
