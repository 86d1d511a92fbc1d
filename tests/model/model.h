// The model of the queue: workers, a merchant and time, which do all that they may do to the product's own scripts on a
// Redis in memory (mini_redis.h). A state is that Redis, with what the workers remember kept in it under keys "~...";
// model_actions lists what may happen next, model_apply does one of these and checks what must hold (census.h).
//
//     two workers (W1, W2): turns that end and draw tasks, answers that get lost, commands that arrive late, beats,
//     deaths; the merchant: asks again, forces, cancels; the operator: pauses; time: up to the next deadline
//
// One job (J1) of three stages, split -> T1, T2, T3 -> join; a second (J2) for the same upload where it is asked for.
// The middle stage computes, or is I/O: workers then have room in two lanes. NORMAL FORM  After each action the clock
// is set back, what is past becomes "now", tokens are numbered again, and what
//              no script reads (counters, events that were checked) is dropped: so that the states are finitely many.
#ifndef BUNDLE_TESTS_MODEL_H
#define BUNDLE_TESTS_MODEL_H

#include "common/queue.h"
#include "tests/model/mini_redis.h"

// How often each of these may happen in one history: what makes the states finitely many, and says how bad a day it is.
#define MODEL_BUDGETS(X)                                                                                               \
    X(crashes)       /* a worker dies and comes back empty */                                                          \
    X(losses)        /* a turn is done, its answer never comes */                                                      \
    X(lates)         /* a turn seems lost, is sent again, and is done later nevertheless */                            \
    X(failures)      /* a task ends failed, or with an error that is tried again */                                    \
    X(aways)         /* or because something it needs is away */                                                       \
    X(backs)         /* or is handed back */                                                                           \
    X(slows)         /* time goes on to the next deadline while somebody has something to do */                        \
    X(freezes)       /* a worker is silent until the next deadline, and then goes on */                                \
    X(jumps)         /* so are all, and nobody sweeps */                                                               \
    X(cancels)       /* of J1 */                                                                                       \
    X(repeats)       /* the upload is asked for again */                                                               \
    X(forces)        /* and by force */                                                                                \
    X(restarts)      /* J1 by its own id */                                                                            \
    X(raises)        /* the upload is asked for again, interactively */                                                \
    X(pauses)        /* of the queue */                                                                                \
    X(preliminaries) /* an event from inside a task */

enum model_budget {
#define X(name) MODEL_##name,
    MODEL_BUDGETS(X)
#undef X
        MODEL_N_BUDGETS
};
extern const char *const MODEL_BUDGET_NAMES[MODEL_N_BUDGETS];

struct model_scenario {
    const char *name;
    unsigned workers, tasks; // up to 2 and 3
    unsigned budget[MODEL_N_BUDGETS];
    bool has_priorities; // draws also in the turned order
    bool must_wake;      // who has nothing to do draws when the wake marker comes: none may be missing. Else whenever
    bool has_io;         // the middle stage's tasks wait for somebody else
    bool is_plain;       // tasks and workers are not taken for alike: more states, no less to be found
};

enum model_kind {
    MODEL_TURN,
    MODEL_BEAT,
    MODEL_WAKE, // takes the marker
    MODEL_CRASH,
    MODEL_PRELIMINARY,
    MODEL_SWEEP,
    MODEL_STEP,   // time, with all beats and with sweeps on the way that find nothing; free when all else is done
    MODEL_FREEZE, // time, without the beats of one worker
    MODEL_JUMP,   // time, without any
    MODEL_LATE,   // the command that was late is done
    MODEL_CANCEL,
    MODEL_REPEAT,
    MODEL_FORCE,
    MODEL_RESTART,
    MODEL_RAISE,
    MODEL_PAUSE,
    MODEL_RESUME,
    MODEL_N_KINDS
};
extern const char *const MODEL_KIND_NAMES[MODEL_N_KINDS];

enum model_ends { MODEL_END_NONE, MODEL_END_ONE, MODEL_END_ALL, MODEL_END_MIXED };
enum model_fate { MODEL_ANSWERED, MODEL_LOST, MODEL_STUCK };
struct model_action {
    unsigned char kind, worker;
    unsigned char ends, task, outcome; // which of the worker's tasks (of a turn, of an event), and how they end
    unsigned char want, fate, lanes;   // lanes: a bit each; of a turn, where it draws; of a wake, whose marker it takes
    bool is_turned;
    bool is_good; // what a fair and undisturbed future is made of
};

struct model;
struct model *model_create(const struct model_scenario *s);
void model_destroy(struct model *m);
struct mini_redis *model_redis(struct model *m);
bool model_begin(struct model *m, struct err *violation) MUST_USE; // the first state
// All that may happen in the state at hand.
enum { MODEL_ACTIONS_MAX = 256 };
size_t model_actions(struct model *m, struct model_action out[MODEL_ACTIONS_MAX]);
// false: something that must hold does not, and violation says what.
bool model_apply(struct model *m, const struct model_action *a, struct err *violation) MUST_USE;
// What a fair scheduler without faults would do next; -1: everything has ended.
int model_next_good(struct model *m, const struct model_action *actions, size_t n);
void model_action_text(const struct model *m, const struct model_action *a, struct buf *out);
void model_state_text(struct model *m, struct buf *out); // for traces

#endif
