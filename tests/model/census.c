#include "tests/model/census.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"

enum { KEY_MAX = 160, EVENTS_MAX = 32 };
static const char *const JOB_NAMES[CENSUS_JOBS] = {"J1", "J2"};

PRINTF_LIKE(4, 5)
static bool find_key(const struct mini_redis *m, const char *queue_key, struct mini_view *out, const char *fmt, ...)
{
    char key[KEY_MAX];
    va_list args;
    int n = snprintf(key, sizeof key, "%s:", queue_key);
    va_start(args, fmt);
    (void)vsnprintf(key + n, sizeof key - (size_t)n, fmt, args);
    va_end(args);
    *out = (struct mini_view){.n = 0};
    return mini_redis_find(m, str_of(key), out);
}

static int64_t field_int(const struct mini_redis *m, const struct mini_view *hash, const char *field)
{
    struct str text = {"", 0};
    int64_t n = 0;
    (void)mini_view_field(m, hash, str_of(field), &text);
    (void)str_to_int(text, &n);
    return n;
}

static struct str field_text(const struct mini_redis *m, const struct mini_view *hash, const char *field)
{
    struct str text = {"", 0};
    (void)mini_view_field(m, hash, str_of(field), &text);
    return text;
}

static bool starts_with(struct str s, const char *prefix)
{
    return s.len >= strlen(prefix) && memcmp(s.ptr, prefix, strlen(prefix)) == 0;
}

static struct str without(struct str s, size_t n)
{
    return (struct str){s.ptr + n, s.len - n};
}

// ---- taking it ----

// state|attempts|crashes|til|begun|token
static bool read_record(struct str text, struct census_task *t)
{
    struct str parts[6];
    size_t n = 0;
    const char *at = text.ptr, *end = text.ptr + text.len;
    while (n < ARRAY_LEN(parts)) {
        const char *bar = n + 1 < ARRAY_LEN(parts) ? memchr(at, '|', (size_t)(end - at)) : end;
        if (!bar)
            return false;
        parts[n++] = (struct str){at, (size_t)(bar - at)};
        at = bar + 1;
    }
    t->state = parts[0].len == 1 ? parts[0].ptr[0] : '?';
    t->token = parts[5];
    return str_to_int(parts[1], &t->attempts) && str_to_int(parts[2], &t->crashes) && str_to_int(parts[3], &t->til_ms);
}

static struct census_task *task_of(struct census *c, struct str ref)
{
    for (size_t i = 0; i < CENSUS_JOBS; i++) {
        struct census_job *j = &c->jobs[i];
        if (ref.len <= j->id.len || memcmp(ref.ptr, j->id.ptr, j->id.len) != 0 || ref.ptr[j->id.len] != '/')
            continue;
        struct str name = without(ref, j->id.len + 1);
        for (size_t k = 0; k < j->n_tasks; k++)
            if (str_eq(j->tasks[k].name, name))
                return &j->tasks[k];
    }
    return NULL;
}

const struct census_task *census_find(const struct census *c, struct str ref)
{
    return task_of((struct census *)c, ref);
}

const struct census_job *census_job_of(const struct census *c, struct str ref)
{
    for (size_t i = 0; i < CENSUS_JOBS; i++)
        if (ref.len > c->jobs[i].id.len && memcmp(ref.ptr, c->jobs[i].id.ptr, c->jobs[i].id.len) == 0)
            return &c->jobs[i];
    return NULL;
}

static void take_job(const struct mini_redis *m, const char *queue_key, const char *id, struct census_job *j)
{
    struct mini_view job, tasks, open, results;
    *j = (struct census_job){.id = str_of(id)};
    j->is_there = find_key(m, queue_key, &job, "job:%s", id);
    if (!j->is_there)
        return;
    j->state = field_text(m, &job, "state");
    j->status = field_text(m, &job, "status");
    j->stage = field_text(m, &job, "stage");
    j->at = field_int(m, &job, "at");
    j->seq = field_int(m, &job, "seq");
    j->progress = field_int(m, &job, "progress");
    (void)find_key(m, queue_key, &open, "job:%s:open", id);
    (void)find_key(m, queue_key, &results, "job:%s:results", id);
    (void)find_key(m, queue_key, &tasks, "job:%s:tasks", id);
    j->n_open = open.n;
    for (size_t i = 0; i < tasks.n; i++) {
        struct str name = mini_redis_text(m, tasks.items[i].a);
        if (memchr(name.ptr, ':', name.len))
            continue; // payload:, error:, ms:
        CHECK(j->n_tasks < CENSUS_TASKS_MAX);
        struct census_task *t = &j->tasks[j->n_tasks++];
        *t = (struct census_task){.name = name, .result = {"", 0}};
        CHECK(read_record(mini_redis_text(m, tasks.items[i].b), t));
        t->is_open = mini_view_has(m, &open, name);
        t->has_result = mini_view_field(m, &results, name, &t->result);
    }
}

static void take_places(const struct mini_redis *m, const struct mini_view *v, struct str kind, struct census *c)
{
    for (size_t i = 0; i < v->n; i++) {
        struct census_task *t = task_of(c, mini_redis_text(m, v->items[i].a));
        if (!t)
            continue;
        if (starts_with(kind, "ready:"))
            t->n_ready++;
        else if (starts_with(kind, "busy:"))
            t->is_busy = true;
        else if (str_eq(kind, STR("delayed"))) {
            t->n_delayed++;
            t->due_ms = (int64_t)v->items[i].score;
        } else if (str_eq(kind, STR("leases"))) {
            t->n_leased++;
            t->lease_ms = (int64_t)v->items[i].score;
        }
    }
}

void census_take(const struct mini_redis *m, const char *queue_key, struct census *out)
{
    size_t prefix = strlen(queue_key) + 1;
    *out = (struct census){.now_ms = mini_redis_clock(m)};
    for (size_t i = 0; i < CENSUS_JOBS; i++)
        take_job(m, queue_key, JOB_NAMES[i], &out->jobs[i]);
    for (size_t i = 0; i < mini_redis_keys(m); i++) {
        struct mini_view v = mini_redis_view(m, i);
        if (starts_with(v.key, queue_key))
            take_places(m, &v, without(v.key, prefix), out);
    }
}

// ---- a state ----

static bool wrong(struct err *e, const struct census_job *j, const struct census_task *t, const char *what)
{
    return err_set(e, ERR_INTERNAL, "%.*s/%.*s (%c): %s", (int)j->id.len, j->id.ptr, t ? (int)t->name.len : 0,
                   t ? t->name.ptr : "", t ? t->state : '-', what);
}

// is_loose: a job began anew under its old id, or changed its priority: refs of before may still stand in ready lists,
// where they are dropped when drawn.
static bool check_open_task(const struct census_job *j, const struct census_task *t, bool is_loose, struct err *e)
{
    unsigned n_ready = t->n_ready, wanted = t->state == 'w';
    if (t->state != 'w' && t->state != 'd' && t->state != 'l')
        return wrong(e, j, t, "it is open, its record says that it has ended");
    if (is_loose ? n_ready < wanted : n_ready != wanted)
        return wrong(e, j, t, "not once in the ready lists when waiting, or there when it is not");
    if (t->n_delayed != (t->state == 'd'))
        return wrong(e, j, t, "delayed and its record disagree");
    if (t->n_leased != (t->state == 'l') || t->is_busy != (t->state == 'l'))
        return wrong(e, j, t, "leased, busy and its record disagree");
    if ((t->state == 'l') != (t->token.len > 0))
        return wrong(e, j, t, "a token without a lease, or a lease without a token");
    return !t->has_result || wrong(e, j, t, "it has a result before it ended");
}

static bool check_closed_task(const struct census_job *j, const struct census_task *t, bool is_job_open, bool is_loose,
                              struct err *e)
{
    if (is_job_open && t->state != 'e' && t->state != 'f')
        return wrong(e, j, t, "not open, but it has not ended");
    if (t->n_leased || t->n_delayed || t->is_busy)
        return wrong(e, j, t, "ended, but in leases, delayed or busy");
    // One that its job's deadline ended while it waited is dropped when drawn, as those of ended jobs are.
    if (is_job_open && t->n_ready && t->state != 'f' && !is_loose)
        return wrong(e, j, t, "done, but in a ready list");
    if (is_job_open && t->state == 'e' && !t->has_result)
        return wrong(e, j, t, "done, but its result is gone");
    if (t->has_result && (t->state != 'e' || !str_eq(t->result, t->token)))
        return wrong(e, j, t, "its result is not of the one who held it last");
    return true;
}

static bool check_failed_list(const struct mini_redis *m, const char *queue_key, const struct census_job *j,
                              struct err *e)
{
    struct mini_view job;
    size_t n_listed = 0, n_failed = 0;
    (void)find_key(m, queue_key, &job, "job:%.*s", (int)j->id.len, j->id.ptr);
    struct str list = field_text(m, &job, "failed");
    for (const char *at = list.ptr; list.len && (at = strstr(at, "\"task\":")); at++)
        n_listed++;
    for (size_t i = 0; i < j->n_tasks; i++)
        n_failed += j->tasks[i].state == 'f';
    return n_listed == n_failed || wrong(e, j, NULL, "`failed` does not list the tasks that failed, each once");
}

static bool is_in(const struct mini_redis *m, const char *queue_key, const char *zset, struct str member)
{
    struct mini_view v;
    return find_key(m, queue_key, &v, "%s", zset) && mini_view_has(m, &v, member);
}

static bool check_job(const struct mini_redis *m, const char *queue_key, const struct census_job *j, bool is_loose,
                      struct err *e)
{
    bool is_open = str_eq(j->state, STR("open"));
    if (is_open != is_in(m, queue_key, "open", j->id))
        return wrong(e, j, NULL, "its state and Q:open disagree");
    if (!is_open != is_in(m, queue_key, "kept", j->id))
        return wrong(e, j, NULL, "its state and Q:kept disagree");
    if (is_open ? j->n_open == 0 : j->n_open != 0)
        return wrong(e, j, NULL, "an open job without an open task, or an ended one with some");
    size_t n_open = 0;
    for (size_t i = 0; i < j->n_tasks; i++) {
        const struct census_task *t = &j->tasks[i];
        n_open += t->is_open;
        if (t->is_open ? !check_open_task(j, t, is_loose, e) : !check_closed_task(j, t, is_open, is_loose, e))
            return false;
    }
    if (n_open != j->n_open)
        return wrong(e, j, NULL, "an open task without a record");
    bool is_told = !is_open && !str_eq(j->state, STR("final"));
    if (!is_told && is_in(m, queue_key, "ended", j->id))
        return wrong(e, j, NULL, "in Q:ended, and is not one of those");
    return !is_open || check_failed_list(m, queue_key, j, e);
}

static bool check_refs(const struct mini_redis *m, const char *queue_key, const char *name, const struct census *c,
                       struct err *e)
{
    struct mini_view v;
    if (!find_key(m, queue_key, &v, "%s", name))
        return true;
    for (size_t i = 0; i < v.n; i++) {
        struct str ref = mini_redis_text(m, v.items[i].a);
        const struct census_task *t = census_find(c, ref);
        const struct census_job *j = census_job_of(c, ref);
        if (!t || !t->is_open || !str_eq(j->state, STR("open")))
            return err_set(e, ERR_INTERNAL, "Q:%s holds " STR_FMT ", which is no open task", name, STR_ARG(ref));
    }
    return true;
}

// Of each priority three classes that compute, 0..8, in rings 0..2; one of I/O, 9..11, in rings 3..5.
enum { PRIORITIES = 3, RINGS = 2 * PRIORITIES, CLASSES = 3, CLASS_IO = CLASSES * PRIORITIES, CLASSES_ALL = 12 };

static unsigned ring_of_class(unsigned class)
{
    return class < CLASS_IO ? class / CLASSES : PRIORITIES + class - CLASS_IO;
}

static bool has_ready(const struct mini_redis *m, const char *queue_key, unsigned number, struct str shop)
{
    struct mini_view ready;
    for (unsigned class = 0; class < CLASSES_ALL; class ++)
        if (ring_of_class(class) == number && find_key(m, queue_key, &ready, "ready:%u:" STR_FMT, class, STR_ARG(shop)))
            return true;
    return false;
}

// is_loose: a change of priority may leave the shop in the ring of the old one, until somebody draws there.
static bool check_ring(const struct mini_redis *m, const char *queue_key, unsigned number, bool is_loose, struct err *e)
{
    struct mini_view ring;
    (void)find_key(m, queue_key, &ring, "ring:%u", number);
    for (size_t i = 0; i < ring.n; i++) {
        struct str shop = mini_redis_text(m, ring.items[i].a);
        for (size_t k = 0; k < i; k++)
            if (ring.items[k].a == ring.items[i].a)
                return err_set(e, ERR_INTERNAL, "Q:ring:%u names " STR_FMT " twice", number, STR_ARG(shop));
        if (!is_loose && !has_ready(m, queue_key, number, shop))
            return err_set(e, ERR_INTERNAL, "Q:ring:%u names " STR_FMT ", which has nothing ready", number,
                           STR_ARG(shop));
    }
    return true;
}

// rest: "<class>:<shop>"
static bool check_ready_key(const struct mini_redis *m, const char *queue_key, struct str rest, struct err *e)
{
    struct mini_view ring;
    size_t digits = strcspn(rest.ptr, ":");
    struct str shop = without(rest, digits + 1);
    int64_t class = CLASSES_ALL;
    if (!str_to_int((struct str){rest.ptr, digits}, &class) || class >= CLASSES_ALL ||
        !find_key(m, queue_key, &ring, "ring:%u", ring_of_class((unsigned)class)) || !mini_view_has(m, &ring, shop))
        return err_set(e, ERR_INTERNAL, "Q:ready:" STR_FMT " is in no ring", STR_ARG(rest));
    return true;
}

static bool may_live_for_ever(struct str name)
{
    static const char *const NAMES[] = {"jobs",  "intake", "dead",    "delayed", "leases", "open", "paused",
                                        "ended", "kept",   "workers", "wake",    "fence",  "stats"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (str_eq(name, str_of(NAMES[i])))
            return true;
    return starts_with(name, "ready:") || starts_with(name, "ring:") || starts_with(name, "busy:") ||
           str_eq(name, STR("wake:io"));
}

static bool check_keys(const struct mini_redis *m, const char *queue_key, struct err *e)
{
    size_t prefix = strlen(queue_key) + 1;
    for (size_t i = 0; i < mini_redis_keys(m); i++) {
        struct mini_view v = mini_redis_view(m, i);
        if (!starts_with(v.key, queue_key))
            continue;
        struct str name = without(v.key, prefix);
        if (v.expires_ms == MINI_FOREVER && !may_live_for_ever(name))
            return err_set(e, ERR_INTERNAL, "Q:" STR_FMT " has no TTL", STR_ARG(name));
        if (starts_with(name, "ready:") && !check_ready_key(m, queue_key, without(name, strlen("ready:")), e))
            return false;
    }
    return true;
}

bool census_check(const struct mini_redis *m, const char *queue_key, const struct census *c, struct err *e)
{
    struct mini_view v;
    bool is_loose = mini_redis_find(m, STR("~loose"), &v);
    for (size_t i = 0; i < CENSUS_JOBS; i++)
        if (c->jobs[i].is_there && !check_job(m, queue_key, &c->jobs[i], is_loose, e))
            return false;
    for (unsigned number = 0; number < RINGS; number++)
        if (!check_ring(m, queue_key, number, is_loose, e))
            return false;
    if ((find_key(m, queue_key, &v, "wake") && v.n > 1) || (find_key(m, queue_key, &v, "wake:io") && v.n > 1))
        return err_set(e, ERR_INTERNAL, "a lane has more than one wake marker");
    return check_refs(m, queue_key, "leases", c, e) && check_refs(m, queue_key, "delayed", c, e) &&
           check_refs(m, queue_key, "busy:shop", c, e) && check_keys(m, queue_key, e);
}

// ---- a step ----

struct event {
    struct str text, job, status;
    int64_t seq, progress;
};

// The value behind "name": of an event; of texts without the quotes. Nothing in it is escaped here.
static struct str member(struct str event, const char *name)
{
    char mark[32];
    (void)snprintf(mark, sizeof mark, "\"%s\":", name);
    const char *at = memmem(event.ptr, event.len, mark, strlen(mark));
    if (!at)
        return (struct str){"", 0};
    at += strlen(mark);
    bool is_text = *at == '"';
    at += is_text;
    return (struct str){at, strcspn(at, is_text ? "\"" : ",}")};
}

static struct event read_event(struct str text)
{
    struct event ev = {.text = text, .job = member(text, "job"), .status = member(text, "status"), .seq = -1};
    (void)str_to_int(member(text, "seq"), &ev.seq);
    (void)str_to_int(member(text, "progress"), &ev.progress);
    return ev;
}

static bool is_terminal(struct str status)
{
    return str_eq(status, STR("final")) || str_eq(status, STR("failed")) || str_eq(status, STR("cancelled"));
}

// What the job's log must hold: one entry {"event", text} each.
static bool check_log(const struct mini_redis *m, const char *queue_key, const struct census_job *j,
                      const struct event *events, size_t n, struct err *e)
{
    struct mini_view log;
    (void)find_key(m, queue_key, &log, "job:%.*s:log", (int)j->id.len, j->id.ptr);
    if (log.n != n)
        return wrong(e, j, NULL, "its log has not what was published");
    for (size_t i = 0; i < n; i++) {
        struct str entry = mini_redis_text(m, log.items[i].b);
        if (!memmem(entry.ptr, entry.len, events[i].text.ptr, events[i].text.len))
            return wrong(e, j, NULL, "its log says something else than was published");
    }
    return true;
}

static bool check_events(const struct mini_redis *m, const char *queue_key, const struct census_job *before,
                         const struct census_job *after, const struct event *events, size_t n, bool *is_anew,
                         struct err *e)
{
    int64_t seq = before->seq, progress = before->progress;
    bool is_over = before->is_there && !str_eq(before->state, STR("open"));
    size_t first = 0;
    *is_anew = !before->is_there;
    for (size_t i = 0; i < n; i++) {
        const struct event *ev = &events[i];
        if (ev->seq == 1 && (*is_anew || is_over)) { // it begins, or begins anew
            *is_anew = true;
            is_over = false;
            seq = progress = 0;
            first = i;
        }
        if (is_over)
            return wrong(e, after, NULL, "an event after the last one");
        if (ev->seq != seq + 1)
            return wrong(e, after, NULL, "a gap in seq");
        if (ev->progress < progress)
            return wrong(e, after, NULL, "progress went back");
        seq = ev->seq;
        progress = ev->progress;
        is_over = is_terminal(ev->status);
    }
    if (after->is_there && (after->seq != seq || after->progress != progress))
        return wrong(e, after, NULL, "the job has another seq or progress than its last event");
    if (after->is_there && is_over == str_eq(after->state, STR("open")))
        return wrong(e, after, NULL, "it ended without an event, or an event ended it without its state");
    return check_log(m, queue_key, after, events + first, n - first, e);
}

static bool check_history(const struct census_job *before, const struct census_job *after, struct err *e)
{
    if (after->at < before->at || after->at > before->at + 1)
        return wrong(e, after, NULL, "stages do not open one after the other");
    for (size_t i = 0; i < before->n_tasks; i++) {
        const struct census_task *old = &before->tasks[i], *now = NULL;
        for (size_t k = 0; k < after->n_tasks; k++)
            if (str_eq(after->tasks[k].name, old->name))
                now = &after->tasks[k];
        if (!now)
            return wrong(e, before, old, "its record is gone");
        bool was_ended = old->state == 'e' || old->state == 'f';
        if (was_ended && (now->state != old->state || !str_eq(now->token, old->token)))
            return wrong(e, before, old, "it had ended, and ended again");
        if (now->attempts < old->attempts || now->crashes < old->crashes)
            return wrong(e, before, old, "attempts or crashes went back");
    }
    return true;
}

static size_t events_of(const struct mini_redis *m, const char *queue_key, struct str job, struct event *out)
{
    char channel[KEY_MAX];
    size_t n = 0;
    (void)snprintf(channel, sizeof channel, "%s:progress", queue_key);
    for (size_t i = 0; i < mini_redis_published(m); i++) {
        struct mini_message message = mini_redis_message(m, i);
        if (!str_eq(message.channel, str_of(channel)))
            continue;
        struct event ev = read_event(message.text);
        if (!str_eq(ev.job, job))
            continue;
        CHECK(n < EVENTS_MAX);
        out[n++] = ev;
    }
    return n;
}

// What goes to the operators goes to the upload's own channel too.
static bool check_channels(const struct mini_redis *m, const char *queue_key, struct err *e)
{
    size_t n = mini_redis_published(m), prefix = strlen(queue_key) + strlen(":progress");
    for (size_t i = 0; i < n; i++) {
        struct mini_message one = mini_redis_message(m, i);
        size_t partners = 0;
        for (size_t k = 0; k < n; k++) {
            struct mini_message other = mini_redis_message(m, k);
            partners += (one.channel.len == prefix) != (other.channel.len == prefix) && str_eq(one.text, other.text);
        }
        if (partners != 1)
            return err_set(e, ERR_INTERNAL, "an event was not published on both of its channels once: " STR_FMT,
                           STR_ARG(one.text));
    }
    return true;
}

// A script that stumbles over a job puts it aside ("broken"): nothing that the scripts wrote may make them stumble.
static bool check_dead(const struct mini_redis *m, const char *queue_key, struct err *e)
{
    struct mini_view dead;
    (void)find_key(m, queue_key, &dead, "dead");
    for (size_t i = 0; i < dead.n; i++) {
        struct str entry = mini_redis_text(m, dead.items[i].b);
        if (memmem(entry.ptr, entry.len, "broken", strlen("broken")))
            return err_set(e, ERR_INTERNAL, "a script gave up a job as broken: " STR_FMT, STR_ARG(entry));
    }
    return true;
}

bool census_check_step(const struct mini_redis *m, const char *queue_key, const struct census *before,
                       const struct census *after, struct err *e)
{
    for (size_t i = 0; i < CENSUS_JOBS; i++) {
        struct event events[EVENTS_MAX];
        const struct census_job *was = &before->jobs[i], *is = &after->jobs[i];
        size_t n = events_of(m, queue_key, is->id, events);
        bool is_anew;
        if (!is->is_there && (was->is_there || n > 0))
            return wrong(e, is, NULL, "the job is gone");
        if (!is->is_there)
            continue;
        if (!check_events(m, queue_key, was, is, events, n, &is_anew, e))
            return false;
        if (!is_anew && !check_history(was, is, e))
            return false;
        bool has_ended =
            is_terminal(is->state) && !str_eq(is->state, STR("final")) && (is_anew || str_eq(was->state, STR("open")));
        if (has_ended && !is_in(m, queue_key, "ended", is->id))
            return wrong(e, is, NULL, "PostgreSQL will not be told of its end");
    }
    return check_channels(m, queue_key, e) && check_dead(m, queue_key, e);
}
