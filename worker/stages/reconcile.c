#include "worker/stages/reconcile.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/outage.h"
#include "common/thread.h"
#include "worker/stages/reconcile_internal.h"
#include "worker/store/pg_outage.h"

enum { ENDS_MAX = 256, IDLE_MS = 5000, SOON_MS = 1000, WAIT_MAX_MS = 3600000 };

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
    int64_t scan_at_ms, failed_ms;
    struct outage outage;
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

// Said again while it waits to be written: a slow one does not pile up.
static bool is_waiting(const struct ends *w, const struct queue_end *end)
{
    for (size_t i = 0; i < w->n; i++)
        if (str_eq(w->list[i].job, end->job) && str_eq(w->list[i].state, end->state))
            return true;
    return false;
}

void reconcile_poke(void *reconcile, const struct queue_end *end)
{
    struct reconcile *r = reconcile;
    (void)pthread_mutex_lock(&r->lock);
    struct ends *w = r->waiting;
    if (w->n < ENDS_MAX && !is_waiting(w, end)) {
        struct arena *m = &w->memory;
        w->list[w->n++] =
            (struct queue_end){arena_str(m, end->job),   arena_str(m, end->shop),    arena_str(m, end->upload),
                               arena_str(m, end->state), arena_str(m, end->message), arena_str(m, end->reason)};
        (void)pthread_cond_signal(&r->is_changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

// ---- ends ----

// Of a job that another one has followed on the same upload nobody wants to hear; of one that has begun anew, what it
// comes to. *is_settled: the queue need not say it again.
static bool write_if_latest(struct reconcile_sides *s, const struct upload_end *end, bool *is_settled, struct err *e)
{
    struct arena memory;
    struct str state, job;
    arena_init(&memory, 0);
    bool ok = reconcile_find(s, end->shop, end->upload, &memory, &state, &job, e);
    if (ok) {
        bool is_same = str_eq(job, end->job);
        *is_settled = !is_same || str_eq(state, end->state);
        if (*is_settled && (is_same || job.len == 0))
            ok = upload_request_ended(s->pg, end, e);
    }
    arena_fini(&memory);
    return ok;
}

static bool write_each(struct reconcile_sides *s, const struct ends *ends, struct redis_cmd *told, size_t *n_told,
                       struct err *e)
{
    struct err one;
    int64_t fence;
    bool ok = reconcile_fence(s, &fence, e), goes_on = ok;
    for (size_t i = 0; goes_on && i < ends->n && !reconcile_is_called_off(s); i++) {
        const struct queue_end *q = &ends->list[i];
        const struct upload_end end = {q->job, q->shop, q->upload, q->state, q->message, fence};
        bool is_settled;
        if (!write_if_latest(s, &end, &is_settled, &one)) {
            goes_on = reconcile_goes_on(&one, &ok, e);
        } else if (is_settled) {
            redis_cmd_str(told, end.job);
            ++*n_told;
        }
    }
    return ok;
}

static bool write_ends(struct reconcile_sides *s, const struct ends *ends, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(redis_cmd_fini) struct redis_cmd told;
    struct err second;
    size_t n_told = 0;
    queue_told_cmd(s->env->queue, &told);
    bool ok = write_each(s, ends, &told, &n_told, e);
    FAILPOINT("told.before");
    if (n_told && !reconcile_call(s, &told, &reply, &second)) // also where others failed
        (void)reconcile_goes_on(&second, &ok, e);
    FAILPOINT("told.after");
    return ok;
}

// ---- the thread ----

static int64_t next_scan_ms(const struct reconcile *r)
{
    int64_t every_s = r->sides.env->settings->queue_reconcile_s;
    return every_s ? clock_mono_ms() + every_s * 1000 : INT64_MAX;
}

// What fails for one upload and not for the next is one outage: it is over when nothing failed for a while.
static void note(struct reconcile *r, bool ok, const struct err *e)
{
    if (ok && pg_statements(r->sides.pg) > 0)
        pg_outage_over(r->sides.pg);
    if (ok && clock_mono_ms() - r->failed_ms >= OUTAGE_REMINDER_MS)
        outage_ended(&r->outage, "PostgreSQL and the queue are at one again");
    if (ok || e->kind == ERR_CANCELLED)
        return;
    r->failed_ms = clock_mono_ms();
    pg_outage_note(e);
    static const char message[] = "PostgreSQL and the queue are not at one; trying again";
    if (e->kind == ERR_PG_AWAY || e->kind == ERR_REDIS_AWAY) // said elsewhere, once
        LOG(LOG_DEBUG, message, LOG_S("error", e->message));
    else
        outage_failed(&r->outage, message, e);
}

static void work(struct reconcile *r, const struct ends *ends)
{
    struct err e = {0}, one;
    struct reconcile_sides *s = &r->sides;
    bool ok = true, goes_on = true;
    if (!s->pg) {
        s->pg = pg_create(s->env->settings, "bundle-worker reconcile");
        pg_watch(s->pg, &r->is_closing);
    }
    if (ends->n && !write_ends(s, ends, &one))
        goes_on = reconcile_goes_on(&one, &ok, &e);
    if (clock_mono_ms() >= r->scan_at_ms) {
        struct reconcile_found found = {0};
        if (goes_on && !reconcile_is_called_off(s) && !reconcile_scan(s, &found, &one))
            (void)reconcile_goes_on(&one, &ok, &e);
        r->scan_at_ms = found.is_more ? clock_mono_ms() + SOON_MS : next_scan_ms(r);
    }
    note(r, ok, &e);
}

static void wait_until(struct reconcile *r, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_mono_ms();
    const struct timespec until = thread_deadline(left_ms < WAIT_MAX_MS ? left_ms : WAIT_MAX_MS);
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
