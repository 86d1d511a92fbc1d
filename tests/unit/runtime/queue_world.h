// What tests of the queue's scripts share: a queue of its own on a real Redis, jobs of three stages (first -> many ->
// last, of which the middle one computes or is I/O), draws and ends, time that passes, and what must hold whatever
// happened. Everything fails the test where something is not so.
#ifndef BUNDLE_TESTS_QUEUE_WORLD_H
#define BUNDLE_TESTS_QUEUE_WORLD_H

#include "common/queue.h"

enum { HELD_MAX = 64, TASKS_MAX = 8 };

struct held {
    char ref[96], token[96], stage[16];
    bool is_stale; // its lease was taken away: every word of it must be refused
    bool is_ended; // settled already: settling again must change nothing
};

struct world {
    struct redis *redis;
    struct queue queue;
    uint64_t random, turns;
    struct held held[HELD_MAX];
    size_t n_held;
    unsigned n_many, n_done; // of the split stage
    bool has_io;             // it waits for somebody else
    char job[32];
};
int queue_world_setup(void **state); // of cmocka
int queue_world_teardown(void **state);

struct redis_reply *ask(struct world *w, struct redis_cmd *c);
// A plain command on a key of the queue; arguments end with NULL.
struct redis_reply *plain(struct world *w, const char *name, const char *key, ...);
int64_t plain_int(struct world *w, const char *name, const char *key, const char *arg);
void job_field(struct world *w, const char *field, char *out, size_t size); // of w->job
bool is_open(struct world *w);

struct queue_job job_of(const char *id, const char *shop, enum queue_priority priority);
// raw: as it stands in the intake.
enum queue_admission admit_message(struct world *w, struct str raw, const struct queue_job *j);
enum queue_admission admit_job(struct world *w, const struct queue_job *j);
enum queue_admission admit(struct world *w, const char *job, const char *upload, bool is_forced, char *answer);

struct queue_turn turn_of(struct world *w, unsigned want, unsigned want_urgent, unsigned want_io,
                          unsigned n_settlements);
size_t draw_lanes(struct world *w, unsigned n, unsigned n_urgent, unsigned n_io); // how many; they are held
size_t draw(struct world *w, unsigned n);                                         // n of each kind that there may be
// The end of "first" leaves w->n_many tasks for the next stage.
enum queue_verdict settle(struct world *w, const struct held *h, enum queue_outcome outcome);
void count_done(struct world *w, const struct held *h, enum queue_outcome o, enum queue_verdict v);
void sweep(struct world *w);
size_t look_closely(struct world *w);                // at two jobs, as a sweep does: how much was mended
void let_time_pass(struct world *w, struct held *h); // the lease of h (NULL: none) runs out; what is delayed is due
void run_out(struct world *w);                       // what is held is lost, and the job runs to its end
void set_paused(struct world *w, struct str shop, bool is_paused);

void check_places(struct world *w); // every open task of the open job is in exactly one place
void check_events(struct world *w); // seq without a gap, progress never back, the terminal event once and last
void check_nothing_left(struct world *w);

#endif
