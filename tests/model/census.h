// What stands where in a queue, read from outside the scripts, and what must hold of it.
//
// INVARIANTS of a state (census_check)
//  1. A task that is open is in exactly one place: waiting in one ready list, delayed, or leased; what its record says.
//  2. What is leased, busy, delayed belongs to an open job; Q:busy:<shop> is the shop's leased refs.
//  3. An open job has an open task; its other tasks have ended. An ended job has none, is told (Q:ended) if it must.
//  4. A result was stored by the holder of the task's last token, and by nobody else.
//  5. The ring of a lane and priority names each shop with a task that is ready once, and no other.
//  6. All keys of a job have a TTL; keys without one are those of the list in PROTOCOL.md.
// INVARIANTS of a step (census_check_step)
//  7. seq has no gap, progress does not go back, one terminal event comes last; the log says what was published.
//  8. A stage opens once, in the order of the plan; what has ended stays ended; a job ends once. No script stumbles.
#ifndef BUNDLE_TESTS_CENSUS_H
#define BUNDLE_TESTS_CENSUS_H

#include "tests/model/mini_redis.h"

enum { CENSUS_TASKS_MAX = 6, CENSUS_JOBS = 2 };

struct census_task {
    struct str name, token;
    char state; // of its record; 0: none
    int64_t attempts, crashes, til_ms;
    unsigned n_ready, n_delayed, n_leased;
    int64_t lease_ms, due_ms;
    bool is_open, is_busy, has_result;
    struct str result;
};
struct census_job {
    bool is_there;
    struct str id, state, status, stage;
    int64_t at, seq, progress;
    size_t n_open;
    struct census_task tasks[CENSUS_TASKS_MAX];
    size_t n_tasks;
};
struct census {
    int64_t now_ms;
    struct census_job jobs[CENSUS_JOBS];
};

void census_take(const struct mini_redis *m, const char *queue_key, struct census *out);
const struct census_task *census_find(const struct census *c, struct str ref); // NULL: no such record
const struct census_job *census_job_of(const struct census *c, struct str ref);
bool census_check(const struct mini_redis *m, const char *queue_key, const struct census *c, struct err *e) MUST_USE;
bool census_check_step(const struct mini_redis *m, const char *queue_key, const struct census *before,
                       const struct census *after, struct err *e) MUST_USE;

#endif
