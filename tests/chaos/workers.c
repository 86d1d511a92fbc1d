#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "tests/chaos/chaos.h"

enum {
    SETTINGS_MAX = 40,
    SETTING_BYTES = URL_BYTES + 64,
    STOP_WITHIN_MS = 20000,
    POLL_MS = 20,
    POINT_WITHIN_MS = 8000,
    BEGIN_WITHIN_MS = 3000
};

enum fate { FATE_NONE, FATE_KILLED, FATE_TOLD }; // what we did to it, as its end must show

struct worker {
    pid_t pid; // 0: none
    int number, incarnation;
    char name[NAME_BYTES];
    enum fate fate;
    int point;     // it is armed with, < 0: none
    int point_nth; // at which hit
    bool is_armed_to_stop;
    int64_t begin_ms; // to be started then
    int64_t started_ms;
    bool has_begun;      // it was there a while, when it was told
    int64_t continue_ms; // frozen until then; 0: runs
    int64_t told_ms;
};

static int points_due; // workers to be armed

// ---- starting ----

// Settings that are the run's, not the product's: every limit that would end a job for the disturbances' sake is far
// away.
static void write_settings(const struct chaos *c, const struct worker *w, char out[SETTINGS_MAX][SETTING_BYTES],
                           const char **env, bool is_direct)
{
    const struct options *o = &c->options;
    int n = 0;
#define SET(...) (void)snprintf(out[n++], SETTING_BYTES, __VA_ARGS__)
    SET("BUNDLE_QUEUE_NAME=chaos");
    SET("BUNDLE_REDIS_URL=%s%s", is_direct ? "unix://" : "",
        is_direct ? c->servers.redis_socket : c->servers.worker_redis_url);
    SET("BUNDLE_PG_URL=%s", is_direct ? c->servers.pg_url : c->servers.worker_pg_url);
    SET("BUNDLE_WORKER_NAME=%s", w->name);
    SET("BUNDLE_WORKER_SLOTS=2");
    SET("BUNDLE_QUEUE_LEASE_MS=%d", o->lease_ms);
    SET("BUNDLE_QUEUE_BEAT_MS=%d", o->lease_ms / 10);
    SET("BUNDLE_QUEUE_SWEEP_MS=%d", o->lease_ms / 10);
    SET("BUNDLE_QUEUE_CRASHES=100");
    SET("BUNDLE_JOB_DEADLINE_S=7200");
    SET("BUNDLE_QUEUE_KEEP_S=14400");
    SET("BUNDLE_QUEUE_JOBS_KEPT=1000000");
    SET("BUNDLE_QUEUE_LOG_MAX=100000");
    SET("BUNDLE_CACHE_REDIS_TTL_S=60");
    SET("BUNDLE_QUEUE_RECONCILE_S=2");
    SET("BUNDLE_QUEUE_RECONCILE_AFTER_S=10");
    SET("BUNDLE_COPY_CACHE_TTL_S=60");
    if (!is_direct) {
        SET("BUNDLE_COPY_KEY=" MODEL_KEY);
        SET("BUNDLE_COPY_URL=http://127.0.0.1:%d/v1", c->model_port);
        SET("BUNDLE_COPY_MODEL=%s", w->name); // else all copy would be there after an upload's first job
        SET("BUNDLE_COPY_BUDGET_S=8");
        SET("BUNDLE_COPY_TIMEOUT_MS=1500");
    }
    SET("BUNDLE_REDIS_TIMEOUT_MS=%d", o->lease_ms / 2);
    SET("FAILPOINT_LOG=%s", c->points_log);
    if (w->point >= 0)
        SET("FAILPOINTS=%s=%s@%d", c->points[w->point].name, w->is_armed_to_stop ? "stop" : "kill", w->point_nth);
#undef SET
    for (int i = 0; i < n; i++)
        env[i] = out[i];
    env[n] = NULL;
}

// The point that was disturbed least, and was not tried in vain more often than the others.
static int choose_point(struct chaos *c)
{
    int best = -1;
    long best_score = 0;
    for (int i = 0; i < c->n_points; i++) {
        const struct point *p = &c->points[i];
        long score = 4 * (p->kills + p->stops) + p->armed + (long)between(c, 0, 3);
        if (best < 0 || score < best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

static void arm(struct chaos *c, struct worker *w)
{
    w->point = -1;
    if (points_due == 0 || c->is_closing || c->n_points == 0)
        return;
    points_due--;
    w->point = choose_point(c);
    w->is_armed_to_stop = chance(c, c->options.freezes);
    struct point *p = &c->points[w->point];
    long often = p->passes / (c->starts + 1); // in a worker's life
    w->point_nth = (int)between(c, 1, often < 1 ? 1 : often > 20 ? 20 : often);
    p->armed++;
}

static void start(struct chaos *c, struct worker *w, bool is_direct)
{
    char program[PATH_BYTES], log[PATH_BYTES];
    static char settings[SETTINGS_MAX][SETTING_BYTES];
    const char *env[SETTINGS_MAX + 1];
    w->incarnation++;
    w->started_ms = clock_mono_ms();
    c->starts++;
    w->fate = FATE_NONE;
    w->continue_ms = w->told_ms = 0;
    (void)snprintf(w->name, sizeof w->name, "w%d.%d", w->number, w->incarnation);
    arm(c, w);
    write_settings(c, w, settings, env, is_direct);
    (void)snprintf(program, sizeof program, "%s/bundle-worker", c->options.bin);
    (void)snprintf(log, sizeof log, "%s/worker-%d.log", c->options.dir, w->number);
    const char *const argv[] = {program, NULL};
    w->pid = process_start(argv, env, log, NULL, NULL);
}

void workers_create(struct chaos *c)
{
    c->workers = calloc(WORKERS_MAX, sizeof *c->workers);
    CHECK(c->workers);
    for (int i = 0; i < c->options.workers; i++)
        c->workers[i] = (struct worker){.number = i + 1, .point = -1, .begin_ms = clock_mono_ms()};
}

void workers_undisturbed(struct chaos *c)
{
    start(c, &c->workers[0], true);
}

// ---- recovery: from the kill to the task's next claim ----

static void token_of(struct chaos *c, const char *ref, char state[2], char token[96])
{
    char job[192];
    state[0] = token[0] = '\0';
    (void)snprintf(job, sizeof job, "%s", ref);
    char *slash = strchr(job, '/');
    if (!slash)
        return;
    *slash = '\0';
    redisReply *record = redis_ask(&c->servers, "HGET " QUEUE ":job:%s:tasks %s", job, slash + 1);
    if (record && record->type == REDIS_REPLY_STRING) {
        const char *last = strrchr(record->str, '|');
        (void)snprintf(state, 2, "%c", record->str[0]);
        (void)snprintf(token, 96, "%s", last ? last + 1 : "");
    } else if (record) {
        (void)snprintf(state, 2, "-"); // the job is gone
    }
    freeReplyObject(record);
}

static bool is_token_of(const char *token, const char *worker)
{
    const char *name = strchr(token, '-');
    return name && strcmp(name + 1, worker) == 0;
}

static void note_orphans(struct chaos *c, const struct worker *w)
{
    redisReply *leases = redis_ask(&c->servers, "ZRANGE " QUEUE ":leases 0 -1");
    for (size_t i = 0; leases && i < leases->elements; i++) {
        struct recovery r = {.killed_ms = clock_mono_ms(), .took_ms = -1, .is_clean = !c->is_disturbed};
        char state[2];
        (void)snprintf(r.ref, sizeof r.ref, "%s", redis_text(leases, i));
        token_of(c, r.ref, state, r.token);
        if (!is_token_of(r.token, w->name))
            continue;
        if (c->n_recoveries == RECOVERIES_MAX)
            fatal("more than %d tasks of killed workers: shorten the run, or raise RECOVERIES_MAX", RECOVERIES_MAX);
        c->recoveries[c->n_recoveries++] = r;
    }
    freeReplyObject(leases);
}

static bool is_job_open(struct chaos *c, const char *ref)
{
    char job[192];
    (void)snprintf(job, sizeof job, "%.*s", (int)strcspn(ref, "/"), ref);
    redisReply *state = redis_ask(&c->servers, "HGET " QUEUE ":job:%s state", job); // hiredis knows no %.*s
    bool is_open = !state || (state->type == REDIS_REPLY_STRING && strcmp(state->str, "open") == 0);
    freeReplyObject(state);
    return is_open;
}

static bool has_recovered(struct chaos *c, struct recovery *r)
{
    char state[2], token[96];
    token_of(c, r->ref, state, token);
    if (state[0] == '\0')
        return false; // Redis is away
    if (state[0] == 'e' || state[0] == 'f' || state[0] == '-' || !is_job_open(c, r->ref)) {
        return true; // it ended another way: no figure
    }
    r->has_run_again = state[0] == 'l' && strcmp(token, r->token) != 0;
    return r->has_run_again;
}

static bool is_anybody_there(const struct chaos *c)
{
    for (int i = 0; i < c->options.workers; i++)
        if (c->workers[i].pid && c->workers[i].continue_ms == 0)
            return true;
    return false;
}

void workers_spoil_recoveries(struct chaos *c)
{
    for (int i = 0; i < c->n_recoveries; i++)
        if (c->recoveries[i].took_ms < 0)
            c->recoveries[i].is_clean = false;
}

bool workers_have_recovered(const struct chaos *c)
{
    for (int i = 0; i < c->n_recoveries; i++)
        if (c->recoveries[i].took_ms < 0)
            return false;
    return true;
}

static void poll_recoveries(struct chaos *c)
{
    static int first;
    static int64_t next_ms;
    int64_t now_ms = clock_mono_ms();
    if (c->is_disturbed || !is_anybody_there(c))
        workers_spoil_recoveries(c);
    if (now_ms < next_ms)
        return;
    next_ms = now_ms + POLL_MS;
    while (first < c->n_recoveries && c->recoveries[first].took_ms >= 0)
        first++;
    for (int i = first; i < c->n_recoveries; i++)
        if (c->recoveries[i].took_ms < 0 && has_recovered(c, &c->recoveries[i]))
            c->recoveries[i].took_ms = (int)(clock_mono_ms() - c->recoveries[i].killed_ms);
}

// ---- ends ----

static void explain_death(struct chaos *c, const struct worker *w, int status)
{
    if (WIFSIGNALED(status))
        violation(c, "worker %s was killed by signal %d, which nobody sent: see worker-%d.log", w->name,
                  WTERMSIG(status), w->number);
    else
        violation(c, "worker %s ended with status %d%s: see worker-%d.log", w->name, WEXITSTATUS(status),
                  w->fate == FATE_TOLD ? " when told to stop" : " by itself", w->number);
}

static void note_end(struct chaos *c, struct worker *w, int status)
{
    bool is_kill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (is_kill && (w->fate == FATE_KILLED || w->point >= 0)) {
        c->kills++;
        if (w->fate != FATE_KILLED)
            c->points[w->point].kills++;
        note_orphans(c, w);
    } else if (w->fate == FATE_TOLD && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && !w->has_begun) {
        w->point = -1; // told before it could listen: it held nothing
    } else if (w->fate != FATE_TOLD || status != 0) {
        explain_death(c, w, status);
    }
    w->pid = 0;
    w->begin_ms = clock_mono_ms() + between(c, 50, 500);
}

// Frozen by a point it is armed with: it is to be woken when its leases are somebody else's, mostly; at once where all
// are to stop.
static void note_freeze(struct chaos *c, struct worker *w)
{
    int64_t frozen_ms = c->is_stopping ? 0 : c->options.lease_ms * between(c, 20, 500) / 100;
    c->points[w->point].stops++;
    c->freezes++;
    w->point = -1;
    w->continue_ms = clock_mono_ms() + frozen_ms;
}

static void wake(struct worker *w)
{
    (void)kill(w->pid, SIGCONT);
    w->continue_ms = 0;
    if (w->fate == FATE_TOLD)
        w->told_ms = clock_mono_ms(); // it could not stop while it was frozen
}

static void worker_tick(struct chaos *c, struct worker *w)
{
    int status;
    int64_t now_ms = clock_mono_ms();
    if (!w->pid) {
        if (now_ms >= w->begin_ms && !c->is_stopping)
            start(c, w, false);
        return;
    }
    if (waitpid(w->pid, &status, WNOHANG) == w->pid) {
        note_end(c, w, status);
        return;
    }
    if (w->continue_ms == 0 && w->point >= 0 && w->is_armed_to_stop && process_state(w->pid) == 'T')
        note_freeze(c, w);
    if (w->continue_ms && now_ms >= w->continue_ms)
        wake(w);
    if (w->fate == FATE_TOLD && w->continue_ms == 0 && now_ms > w->told_ms + STOP_WITHIN_MS) {
        violation(c, "worker %s was told to stop and has not within %d ms (it is in state %c): see worker-%d.log",
                  w->name, STOP_WITHIN_MS, process_state(w->pid), w->number);
        w->fate = FATE_KILLED;
        (void)kill(w->pid, SIGKILL);
    }
}

void workers_tick(struct chaos *c)
{
    for (int i = 0; i < c->options.workers; i++)
        worker_tick(c, &c->workers[i]);
    poll_recoveries(c);
}

// ---- what the director does to them ----

bool workers_are_armed_with(const struct chaos *c, const char *prefix)
{
    for (int i = 0; i < c->options.workers; i++) {
        const struct worker *w = &c->workers[i];
        if (w->pid && w->point >= 0 && strncmp(c->points[w->point].name, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

static struct worker *choose(struct chaos *c)
{
    struct worker *fit[WORKERS_MAX];
    int n = 0;
    for (int i = 0; i < c->options.workers; i++) {
        struct worker *w = &c->workers[i];
        bool waits_for_point = w->point >= 0 && clock_mono_ms() < w->started_ms + POINT_WITHIN_MS;
        if (w->pid && w->fate == FATE_NONE && w->continue_ms == 0 && !waits_for_point)
            fit[n++] = w;
    }
    return n ? fit[between(c, 0, n - 1)] : NULL;
}

void workers_kill_one(struct chaos *c)
{
    struct worker *w = choose(c);
    if (!w)
        return;
    w->fate = FATE_KILLED;
    (void)kill(w->pid, SIGKILL);
}

void workers_freeze_one(struct chaos *c, int64_t ms)
{
    struct worker *w = choose(c);
    if (!w)
        return;
    (void)kill(w->pid, SIGSTOP);
    w->continue_ms = clock_mono_ms() + ms;
    c->freezes++;
}

static void tell(struct worker *w)
{
    w->fate = FATE_TOLD;
    w->told_ms = clock_mono_ms();
    w->has_begun = w->told_ms > w->started_ms + BEGIN_WITHIN_MS;
    (void)kill(w->pid, SIGTERM);
}

void workers_replace_one(struct chaos *c)
{
    struct worker *w = choose(c);
    if (points_due < c->options.workers)
        points_due++;
    if (w)
        tell(w);
}

void workers_stop(struct chaos *c)
{
    c->is_stopping = true;
    for (int i = 0; i < c->options.workers; i++) {
        struct worker *w = &c->workers[i];
        int64_t until_ms = clock_mono_ms() + STOP_WITHIN_MS;
        if (!w->pid)
            continue;
        wake(w);
        if (w->fate == FATE_NONE)
            tell(w);
        while (w->pid && clock_mono_ms() < until_ms) {
            worker_tick(c, w);
            (void)usleep(5000);
        }
        if (w->pid) {
            violation(c, "worker %s does not stop: see worker-%d.log", w->name, w->number);
            (void)kill(w->pid, SIGKILL);
            (void)process_wait(w->pid);
            w->pid = 0;
        }
    }
    c->is_stopping = false;
}
