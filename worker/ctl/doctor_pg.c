#include "common/check.h"
#include "common/clock.h"
#include "worker/ctl/doctor.h"
#include "worker/stages/reconcile.h"
#include "worker/store/pg_health.h"
#include "worker/store/schema.h"

enum { VERSION_MIN = 140000, LOST_MAX = 100, EXAMPLES = 3 };

// ---- the server ----

static void examine_health(struct doctor *d, struct pg *pg)
{
    struct pg_health h;
    struct err e;
    int64_t before_ms = clock_wall_ms();
    if (!pg_health_read(pg, &h, &e)) {
        doctor_say_error(d, "postgres", "server", "", &e);
        return;
    }
    int64_t skew_ms = h.now_ms - (before_ms + clock_wall_ms()) / 2;
    bool is_new = h.version >= VERSION_MIN;
    doctor_say(d, "postgres", "version", is_new ? DOCTOR_OK : DOCTOR_FAIL, is_new ? "" : "PostgreSQL 14 or later",
               "PostgreSQL %lld.%lld, as user %s", (long long)h.version / 10000, (long long)h.version % 10000, h.user);
    if (h.is_standby)
        doctor_say(d, "postgres", "role", DOCTOR_FAIL,
                   "let pg.url name the primary, or add target_session_attrs=read-write",
                   "this is a standby: it takes no writes");
    doctor_clock(d, "postgres", skew_ms);
    // Every slot keeps one; import, bundlectl and the web app want some too.
    int64_t here = d->c->settings->worker_slots, wanted = d->slots > here ? d->slots : here;
    bool is_tight = wanted && h.connections_max < wanted + 5;
    doctor_say(d, "postgres", "connections", is_tight ? DOCTOR_WARN : DOCTOR_OK,
               is_tight ? "raise max_connections, lower worker.slots, or put a pooler between" : "",
               "%lld of %lld in use; the workers' slots want %lld", (long long)h.connections_used,
               (long long)h.connections_max, (long long)wanted);
}

static bool examine_schema(struct doctor *d, struct pg *pg)
{
    struct err e;
    int version = 0;
    if (!schema_version(pg, &version, &e)) {
        doctor_say_error(d, "postgres", "connection", "is PostgreSQL up, and are pg.url and pg.password_file right?",
                         &e);
        return false;
    }
    doctor_say(d, "postgres", "connection", DOCTOR_OK, "", "answers");
    bool is_old = version < SCHEMA_VERSION;
    doctor_say(d, "postgres", "schema",
               is_old                     ? DOCTOR_FAIL
               : version > SCHEMA_VERSION ? DOCTOR_WARN
                                          : DOCTOR_OK,
               is_old                     ? "run `bundlectl schema apply` as the owner of the tables"
               : version > SCHEMA_VERSION ? "update this program"
                                          : "",
               "version %d, this program needs %d", version, SCHEMA_VERSION);
    return !is_old;
}

static void examine_rights(struct doctor *d, struct pg *pg)
{
    AUTO(buf_fini) struct buf missing;
    struct err e;
    buf_init(&missing, 1 << 16);
    if (!pg_health_rights(pg, &missing, &e))
        doctor_say_error(d, "postgres", "rights", "", &e);
    else if (missing.len)
        doctor_say(d, "postgres", "rights", DOCTOR_FAIL,
                   "grant them as the owner of the tables: config/postgres-role.sql", "this user lacks %s",
                   missing.data);
    else
        doctor_say(d, "postgres", "rights", DOCTOR_OK, "", "this user may do all that a worker does");
}

void doctor_postgres(struct doctor *d)
{
    struct pg *pg = pg_create(d->c->settings, "bundlectl doctor");
    bool is_usable = examine_schema(d, pg);
    if (!is_usable) {
        pg_destroy(pg);
        return;
    }
    d->pg = pg;
    examine_health(d, pg);
    examine_rights(d, pg);
}

// ---- uploads ----

struct lost {
    struct doctor *d;
    struct buf names;
    int64_t n, on_their_way;
};

static bool is_open(struct doctor *d, struct str shop, struct str upload, bool *is_open, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd find = {0};
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    queue_find_cmd(&d->redis.queue, shop, upload, &find);
    if (!redis_call(d->redis.redis, &find, &reply, e))
        return false;
    *is_open = str_eq(redis_reply_str(redis_reply_at(reply, 0)), STR("open"));
    return true;
}

// A job calls it by its id, by its run, or by the id of another of its files.
static bool on_unfinished(void *context, const struct pg_unfinished *u, struct err *e)
{
    struct lost *l = context;
    const struct str names[] = {u->id, u->run_id, u->asked_as};
    bool has_job = false;
    for (size_t i = 0; i < ARRAY_LEN(names) && !has_job; i++)
        if (names[i].len && !is_open(l->d, u->shop, names[i], &has_job, e))
            return false;
    if (has_job) {
        l->on_their_way++;
        return true;
    }
    if (l->n++ < EXAMPLES)
        buf_printf(&l->names, "%s" STR_FMT " of shop " STR_FMT " (" STR_FMT " for %lld s)", l->names.len ? "; " : "",
                   STR_ARG(u->id), STR_ARG(u->shop), STR_ARG(u->status), (long long)u->idle_s);
    return true;
}

static void mend_lost(struct doctor *d, struct lost *l)
{
    const struct stages_env env = {
        .settings = d->c->settings, .queue = &d->redis.queue, .redis_url = &d->redis.url, .worker = "bundlectl"};
    struct err e;
    int64_t n;
    if (!reconcile_lost(&env, &n, &e))
        doctor_say_error(d, "uploads", "lost", "", &e);
    else if (n >= l->n)
        doctor_say(d, "uploads", "lost", DOCTOR_MENDED, "", "%lld enqueued again or told their end: %s", (long long)n,
                   l->names.data);
    else
        doctor_say(d, "uploads", "lost", DOCTOR_FAIL,
                   "what waits in the inbox may be just those: start a worker, then run this again",
                   "%lld of %lld enqueued again: %s", (long long)n, (long long)l->n, l->names.data);
}

void doctor_uploads(struct doctor *d)
{
    struct lost l = {.d = d};
    struct err e;
    if (!d->pg || !d->redis.redis)
        return;
    buf_init(&l.names, DOCTOR_TEXT_MAX / 2);
    if (!pg_health_unfinished(d->pg, d->c->settings->queue_reconcile_after_s, LOST_MAX, on_unfinished, &l, &e))
        doctor_say_error(d, "uploads", "lost", "", &e);
    else if (l.n && d->is_repair)
        mend_lost(d, &l);
    else if (l.n)
        doctor_say(d, "uploads", "lost", DOCTOR_FAIL,
                   "bundlectl doctor --repair enqueues them; a worker does so by itself "
                   "every queue.reconcile_s",
                   "%lld uploads were asked for and no job is on its way to them: %s", (long long)l.n, l.names.data);
    else
        doctor_say(d, "uploads", "lost", DOCTOR_OK, "", "none; %lld are on their way for a while",
                   (long long)l.on_their_way);
    buf_fini(&l.names);
}
