// A chaos run: the director keeps workers, a producer and disturbances going (director.c), and an independent checker
// reads Redis and PostgreSQL as they are, knowing only what common/PROTOCOL.md says (check.c). All that is random comes
// from one seed; what the processes make of it does not, so that a seed gives the same disturbances, not the same run.
//
//     jobs.c      the producer: rounds of jobs for each upload, and what must be in PostgreSQL after each
//     workers.c   the worker processes: armed with a point, killed, frozen, stopped, started again; recovery times
//     disturb.c   the table of disturbances to servers and networks
//     copy.c      the language model, and what must hold of the copy
//     check.c     what must hold of every job, key and row at the end
//     report.c    tables and JSON
//
// THREADS   One.
#ifndef BUNDLE_TESTS_CHAOS_H
#define BUNDLE_TESTS_CHAOS_H

#include "tests/chaos/servers.h"
#include "tests/support/shop/random.h"

#define QUEUE "{chaos}"
#define MODEL_KEY "sk-chaos"

enum {
    WORKERS_MAX = 32,
    UPLOADS_MAX = 64,
    CRASHES_MAX = 1 << 16,
    RECOVERIES_MAX = 1 << 18,
    POINTS_MAX = 128,
    NAME_BYTES = 48
};

struct goals { // 0: none
    int jobs, kills, hits;
};

struct options {
    const char *bin, *dir, *json;
    const char *points; // only those whose name begins so
    double freezes;     // share of struck points that freeze instead of killing
    uint64_t seed;
    double minutes; // the most a run may take; the time it takes where there are no goals
    struct goals goals;
    int workers, shops, uploads, lines; // uploads: of a shop; lines: of an upload
    int lease_ms, pace_ms;              // pace: mean time between disturbances
    bool is_calm;                       // workers alone are disturbed, not servers and networks
};

// ---- what happened ----
struct tally {
    const char *name;
    long n;
};

struct recovery { // of one task whose worker was killed
    char ref[192], token[96];
    int64_t killed_ms;  // monotonic
    int took_ms;        // < 0: not yet
    bool has_run_again; // not ended in another way
    bool is_clean;      // neither a server nor a network was disturbed meanwhile, and a worker was there
};

struct point {
    const char *name, *where;
    long passes, kills, stops;
    long armed; // workers
};

struct upload {
    char shop[NAME_BYTES], id[NAME_BYTES];
};

struct chaos {
    struct options options;
    struct servers servers;
    pid_t model_pid;
    int model_port;
    struct random random;
    int64_t begun_ms; // monotonic

    struct upload uploads[UPLOADS_MAX];
    int n_uploads;
    struct worker *workers;
    struct round *rounds;
    bool is_closing;  // no new rounds, no new disturbances
    bool is_stopping; // dead workers stay dead

    struct point points[POINTS_MAX];
    int n_points;
    char points_log[PATH_BYTES];
    long starts; // of workers

    struct recovery *recoveries;
    int n_recoveries;
    int64_t redis_crashes_ms[CRASHES_MAX]; // Unix time
    int n_redis_crashes;
    bool is_disturbed; // a server or network is, just now

    long jobs_judged, jobs_final, jobs_cancelled, repushed, found, kills, freezes;
    struct {
        long model, cache, template;
    } copies; // bundles of final jobs, by where their copy is from
    long violations, excused;
};

// What must hold does not. The first ones are printed at once, all are counted and written to DIR/violations.
void violation(struct chaos *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void say(const struct chaos *c, const char *fmt, ...) PRINTF_LIKE(2, 3); // a line with the time since the start
bool chance(struct chaos *c, double probability);
int64_t between(struct chaos *c, int64_t low, int64_t high);

// ---- jobs.c ----
void jobs_prepare(struct chaos *c); // shops, uploads, and the rows of an undisturbed run
void jobs_start(struct chaos *c);
void jobs_tick(struct chaos *c);
bool jobs_are_quiet(const struct chaos *c); // every round has ended and was judged
void jobs_stuck(struct chaos *c);           // says which have not
void jobs_judge_again(struct chaos *c);     // at the end: of each upload, what was judged last
void jobs_push_garbage(struct chaos *c);

// ---- workers.c ----
void workers_create(struct chaos *c);
void workers_tick(struct chaos *c);
void workers_stop(struct chaos *c); // as operators do; each must exit with 0
void workers_kill_one(struct chaos *c);
void workers_freeze_one(struct chaos *c, int64_t ms);
void workers_replace_one(struct chaos *c); // SIGTERM; the next one is armed with a point
void workers_undisturbed(struct chaos *c); // starts one plain worker on the servers themselves
bool workers_are_armed_with(const struct chaos *c, const char *prefix); // any, with a point whose name begins so
bool workers_have_recovered(const struct chaos *c);                     // what was killed runs again, or has ended
void workers_spoil_recoveries(struct chaos *c);

// ---- disturb.c ----
void disturb_tick(struct chaos *c);
void disturb_heal(struct chaos *c); // everything is up and passes
void disturb_tallies(const struct chaos *c, const struct tally **out, int *n);

// ---- copy.c ----
void copy_model_start(struct chaos *c);
void copy_model_stop(struct chaos *c);
void copy_model_behave(struct chaos *c, const char *json);         // as model_server --help says
void copy_prepare(struct chaos *c);                                // the schema chaos is there
void copy_keep_templates(struct chaos *c, const struct upload *u); // of an undisturbed run, without a model
bool copy_is_sound(struct chaos *c, const struct upload *u, bool *is_away, char why[256]);
void copy_count(struct chaos *c, const struct upload *u);

// ---- check.c ----
void check_all(struct chaos *c);

// ---- report.c ----
void report_read_points(struct chaos *c); // what was passed since the last call
void report_progress(const struct chaos *c);
bool report_reached(const struct chaos *c); // the goals
bool report_end(struct chaos *c);           // true: everything holds and the goals were reached

#endif
