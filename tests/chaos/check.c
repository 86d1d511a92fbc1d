// The independent checker: what must hold once everything has come to rest, read from Redis and PostgreSQL as they are.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/check.h"
#include "tests/chaos/chaos.h"

enum { FREEZES_THAT_TELL = 20 };

static const char *const EVERLASTING[] = {"jobs",    "intake", "dead",    "ready:", "ring:", "delayed",
                                          "leases",  "busy:",  "open",    "paused", "ended", "kept",
                                          "workers", "wake",   "wake:io", "fence",  "stats"};
static const char *const EMPTY_AT_REST[] = {"jobs",   "intake", "ready:", "ring:", "delayed",
                                            "leases", "busy:",  "open",   "ended"};

// ---- keys ----

// `name` is what follows the queue's name and a colon; an entry that ends in a colon stands for all that begin with it.
static bool is_in(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(list[i]);
        if (list[i][len - 1] == ':' ? strncmp(list[i], name, len) == 0 : strcmp(list[i], name) == 0)
            return true;
    }
    return false;
}

static void check_key(struct chaos *c, const char *key)
{
    if (strncmp(key, QUEUE ":", strlen(QUEUE ":")) != 0) {
        violation(c, "a key that is not the queue's: %s", key);
        return;
    }
    const char *name = key + strlen(QUEUE ":");
    redisReply *ttl = redis_ask(&c->servers, "PTTL %s", key);
    if (ttl && ttl->integer == -1 && !is_in(EVERLASTING, ARRAY_LEN(EVERLASTING), name))
        violation(c, "a key without TTL: %s", key);
    freeReplyObject(ttl);
    if (is_in(EMPTY_AT_REST, ARRAY_LEN(EMPTY_AT_REST), name))
        violation(c, "not empty at rest: %s", key);
}

static bool is_job_key(const char *key)
{
    static const char PREFIX[] = QUEUE ":job:";
    return strncmp(key, PREFIX, strlen(PREFIX)) == 0 && !strchr(key + strlen(PREFIX), ':');
}

// ---- events ----

struct events {
    long n, terminal, preliminary, last_seq, last_progress, last_copy_done, last_copy_total;
    bool is_gapless, is_monotonic, is_copy_monotonic, is_terminal_last;
};

static void add_event(struct events *all, const char *text)
{
    json_t *event = json_loads(text, 0, NULL);
    const char *status = json_string_value(json_object_get(event, "status"));
    long seq = (long)json_integer_value(json_object_get(event, "seq"));
    long progress = (long)json_integer_value(json_object_get(event, "progress"));
    long copy_done = (long)json_integer_value(json_object_get(event, "copy_done"));
    long copy_total = (long)json_integer_value(json_object_get(event, "copy_total"));
    bool is_terminal =
        status && (strcmp(status, "final") == 0 || strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0);
    all->n++;
    all->is_gapless = all->is_gapless && status && seq == all->last_seq + 1;
    all->is_monotonic = all->is_monotonic && progress >= all->last_progress;
    all->is_copy_monotonic = all->is_copy_monotonic && copy_done >= all->last_copy_done &&
                             copy_total >= all->last_copy_total && copy_done <= copy_total;
    all->terminal += is_terminal;
    all->preliminary += status && strcmp(status, "preliminary") == 0;
    all->is_terminal_last = is_terminal;
    all->last_seq = seq;
    all->last_progress = progress;
    all->last_copy_done = copy_done;
    all->last_copy_total = copy_total;
    json_decref(event);
}

static const char *fault_of(const struct events *e)
{
    if (e->n == 0)
        return "no events";
    if (!e->is_gapless)
        return "a gap in seq";
    if (!e->is_monotonic)
        return "progress goes back";
    if (!e->is_copy_monotonic)
        return "copy_done or copy_total goes back";
    if (e->terminal != 1)
        return e->terminal ? "more than one end" : "no end";
    if (!e->is_terminal_last)
        return "an event behind the end";
    return e->preliminary > 1 ? "preliminary twice" : NULL;
}

// touched: Redis crashed while the job ran, and may have lost up to a second of it.
static void check_events(struct chaos *c, const char *job, bool is_touched)
{
    struct events all = {.is_gapless = true, .is_monotonic = true, .is_copy_monotonic = true};
    redisReply *log = redis_ask(&c->servers, "XRANGE " QUEUE ":job:%s:log - +", job);
    for (size_t i = 0; log && i < log->elements; i++)
        if (log->element[i]->elements == 2)
            add_event(&all, redis_text(log->element[i]->element[1], 1));
    const char *fault = log ? fault_of(&all) : NULL;
    freeReplyObject(log);
    if (fault && is_touched)
        c->excused++;
    else if (fault)
        violation(c, "events of %s: %s (%ld events, %ld ends, %ld preliminary)", job, fault, all.n, all.terminal,
                  all.preliminary);
}

// ---- jobs ----

static bool is_touched(const struct chaos *c, double created_ms, double ended_ms)
{
    for (int i = 0; i < c->n_redis_crashes; i++)
        if ((double)c->redis_crashes_ms[i] >= created_ms - 2000 && (double)c->redis_crashes_ms[i] <= ended_ms + 2000)
            return true;
    return false;
}

// When its log's last entry was written, by Redis' clock.
static double ended_at(struct chaos *c, const char *job)
{
    redisReply *last = redis_ask(&c->servers, "XREVRANGE " QUEUE ":job:%s:log + - COUNT 1", job);
    double ms = last && last->elements == 1 ? strtod(redis_text(last->element[0], 0), NULL) : 0;
    freeReplyObject(last);
    return ms;
}

static void check_job(struct chaos *c, const char *job)
{
    redisReply *f = redis_ask(&c->servers, "HMGET " QUEUE ":job:%s state created partial failed", job);
    const char *state = redis_text(f, 0);
    if (strcmp(state, "final") != 0 && strcmp(state, "cancelled") != 0 && strcmp(state, "failed") != 0)
        violation(c, "%s is \"%s\" at rest", job, state);
    if (redis_text(f, 2)[0] || redis_text(f, 3)[0])
        violation(c, "%s is partial: failed tasks %s", job, redis_text(f, 3));
    check_events(c, job, is_touched(c, strtod(redis_text(f, 1), NULL), ended_at(c, job)));
    freeReplyObject(f);
}

static void check_keys(struct chaos *c)
{
    char cursor[32] = "0";
    do {
        redisReply *part = redis_ask(&c->servers, "SCAN %s COUNT 500", cursor);
        if (!part)
            fatal("Redis does not answer the checker");
        (void)snprintf(cursor, sizeof cursor, "%s", redis_text(part, 0));
        for (size_t i = 0; i < part->element[1]->elements; i++) {
            const char *key = redis_text(part->element[1], i);
            check_key(c, key);
            if (is_job_key(key))
                check_job(c, key + strlen(QUEUE ":job:"));
        }
        freeReplyObject(part);
    } while (strcmp(cursor, "0") != 0);
}

// ---- rows ----

static void check_none(struct chaos *c, const char *what, const char *sql)
{
    PGresult *r = pg_ask(&c->servers, sql, 0, NULL);
    if (!r)
        fatal("PostgreSQL does not answer the checker");
    for (int i = 0; i < PQntuples(r) && i < 10; i++)
        violation(c, "%s: %s", what, PQgetvalue(r, i, 0));
    PQclear(r);
}

static void check_rows(struct chaos *c)
{
    check_none(c, "an upload that is neither final nor cancelled",
               "SELECT id || ' ' || status FROM csv_uploads WHERE id IN (SELECT (content).csv_upload_id FROM "
               "chaos.reference) AND status NOT IN ('final', 'cancelled')");
    check_none(
        c, "a bundle twice",
        "SELECT min(id::text) || ' of ' || csv_upload_id FROM bundle_recommendations GROUP BY csv_upload_id, status, "
        "bundle_type, objective, products HAVING count(*) > 1");
    check_none(
        c, "a rank twice in one upload",
        "SELECT csv_upload_id || ' ' || rank_position FROM bundle_recommendations GROUP BY csv_upload_id, status, "
        "rank_position HAVING count(*) > 1");
}

// What the sweep had to mend, and what it gave up, is a fault of the queue's: but for what a crash of Redis takes away.
static void check_counters(struct chaos *c)
{
    static const char *const NONE[] = {"mended", "jobs_broken", "timeouts"};
    for (size_t i = 0; i < ARRAY_LEN(NONE); i++) {
        redisReply *n = redis_ask(&c->servers, "HGET " QUEUE ":stats %s", NONE[i]);
        if (n && n->str && strcmp(n->str, "0") != 0 && c->n_redis_crashes == 0)
            violation(c, "stats say %s %s", NONE[i], n->str);
        freeReplyObject(n);
    }
}

// A zombie that comes back must find its door shut: frozen workers that were woken after their lease leave a trace.
static void check_fence(struct chaos *c)
{
    redisReply *n = redis_ask(&c->servers, "HGET " QUEUE ":stats fenced");
    const char *fenced = n && n->str ? n->str : "0";
    say(c, "%ld freezes, %s ends refused by the fence", c->freezes, fenced);
    if (c->freezes >= FREEZES_THAT_TELL && c->n_redis_crashes == 0 && strcmp(fenced, "0") == 0)
        violation(c, "after %ld freezes, most of them past the lease, nothing was refused by the fence", c->freezes);
    freeReplyObject(n);
}

void check_all(struct chaos *c)
{
    check_keys(c);
    check_rows(c);
    jobs_judge_again(c);
    check_counters(c);
    check_fence(c);
}
