// What the parts of the event loop share. Not for anybody else.
#ifndef BUNDLE_WORKER_RUNTIME_LOOP_INTERNAL_H
#define BUNDLE_WORKER_RUNTIME_LOOP_INTERNAL_H

#include "common/outage.h"
#include "worker/runtime/beat.h"
#include "worker/runtime/loop.h"
#include "worker/runtime/mailbox.h"

enum {
    TURN_TASKS_MAX = 64,
    TURN_BYTES_MAX = REDIS_CMD_MAX_BYTES / 2, // of results; one of them more still fits
    WAKE_WAIT_MS = 2000,
    INTAKE_WAIT_MS = 5000
};

// What Redis is asked for.
enum loop_ask {
    LOOP_TURN,
    LOOP_WORK,    // the wait for it
    LOOP_COMMAND, // of a task: progress, what it shares
    LOOP_JOBS,    // the wait for them
    LOOP_ADMIT,
    LOOP_REJECT,
    LOOP_CANCEL,
    LOOP_SWEEP,
    LOOP_ASKS
};

// Of the tasks that compute, and of those of I/O.
struct loop_lane {
    struct loop *loop;
    enum queue_lane which;
    struct redis_async *wake;
    bool is_wake_out, may_draw;
    bool is_marked;   // a wake marker came while a turn was out
    unsigned held;    // but for those that are being settled
    unsigned n_ended; // of these
    unsigned want;    // of the turn that is out
};

struct loop {
    const struct loop_config *config;
    struct event_base *base;
    struct redis_async *command, *intake;
    struct loop_lane lanes[QUEUE_LANES];
    void *io;
    struct mailbox *mailbox;
    struct slots *slots;
    struct beat *beat;
    struct event *sweep_timer, *grace_timer, *signals[2];
    bool was_connected, is_draining, is_grace_over;
    struct outage refusals[LOOP_ASKS];

    // turn.c
    struct task *ended; // waiting to be settled, oldest first
    struct task **ended_end;
    int64_t gathering_since_us; // 0: not gathering
    struct event *gather_timer;
    struct task *settling[TURN_TASKS_MAX];
    unsigned n_settling;
    int64_t turn_sent_us;
    unsigned settle_max; // 1 after Redis refused a turn: which of its ends was it?
    uint64_t turn_number, turn_answered;
    bool is_turn_out, is_intake_out;
    double round_trip_us, task_us; // moving averages
    double urgent_us;              // the longest of late
    uint64_t tasks_done, turns, fenced;
};

// turn.c
void turn_init(struct loop *l);
void turn_fini(struct loop *l);  // drops what was not settled
void turn_on_mail(void *loop);   // something was posted
void turn_maybe(struct loop *l); // take a turn if there is a reason to and none is out
void turn_look(struct loop *l);  // there may be something to draw: take a turn
void turn_hand_back_waiting(struct loop *l);

// lane.c
unsigned lane_want(const struct loop_lane *lane); // how many the next turn draws; with what it settles taken off
unsigned lane_want_urgent(const struct loop *l);  // of those that compute
void lane_wait(struct loop *l);                   // block on the wake markers of the lanes that have room
void lane_pass_mark(struct loop_lane *lane);      // to somebody else, where it is of no use here

// intake.c
void intake_wait(struct loop *l); // block on the inbox
void intake_sweep(struct loop *l);

// loop.c
// Takes note of an answer: an error is said when it begins and once a minute while it goes on, not for every try; so is
// its end. NULL (no answer) says nothing: the connection speaks for itself.
void loop_heard(struct loop *l, enum loop_ask what, const struct redis_reply *reply);
void loop_stop_if_idle(struct loop *l);

#endif
