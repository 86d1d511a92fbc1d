#include "worker/runtime/loop_internal.h"

#include <math.h>

#include <event2/event.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"

// Moving averages forget with this weight per sample: about the last ten count.
static const double AVERAGE_WEIGHT = 0.1;
// Ends may lie in the mailbox for this share of a round trip: too little to leave slots without work.
static const double LIE_SHARE = 0.125;

// The longest urgent task is forgotten by this much with each that is shorter: a second takes hundreds of them.
static const double URGENT_FADE = 0.97;

static void on_gather_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    turn_maybe(context);
}

void turn_init(struct loop *l)
{
    l->gather_timer = evtimer_new(l->base, on_gather_over, l);
    CHECK(l->gather_timer);
    l->ended_end = &l->ended;
    for (int i = 0; i < QUEUE_LANES; i++)
        l->lanes[i] = (struct loop_lane){.loop = l, .which = (enum queue_lane)i, .may_draw = true};
    l->round_trip_us = 200;
    l->task_us = 1000;
    l->urgent_us = 1e6; // long, until many have shown otherwise
    l->settle_max = TURN_TASKS_MAX;
    l->turn_number = l->turn_answered = (uint64_t)clock_wall_ms() * 1000; // a process of the same name began lower
}

void turn_fini(struct loop *l)
{
    event_free(l->gather_timer);
    while (l->ended) {
        struct task *t = l->ended;
        l->ended = t->next;
        beat_release(l->beat, t);
        task_destroy(t);
    }
}

static void average(double *a, double sample)
{
    *a += (sample - *a) * AVERAGE_WEIGHT;
}

static struct loop_lane *lane_of(struct loop *l, const struct task *t)
{
    return &l->lanes[task_lane(t)];
}

// Of the many small tasks an average; of urgent ones, each of which a whole job waits for, the longest of late. I/O
// takes no slot's time.
static void note_run(struct loop *l, const struct task *t)
{
    double us = (double)t->run_us;
    if (task_lane(t) == QUEUE_LANE_IO)
        return;
    if (t->kind && t->kind->urgency > QUEUE_URGENT)
        average(&l->task_us, us);
    else
        l->urgent_us = us > l->urgent_us * URGENT_FADE ? us : l->urgent_us * URGENT_FADE;
}

static void ended_append(struct loop *l, struct task *t)
{
    t->next = NULL;
    *l->ended_end = t;
    l->ended_end = &t->next;
    lane_of(l, t)->n_ended++;
}

// A worker that does no I/O knows no stage of I/O: one that comes nevertheless fails on a slot, as an unknown one does.
static const struct task_kind *kind_of(const struct loop *l, struct str stage)
{
    for (size_t i = 0; i < l->config->n_kinds; i++) {
        const struct task_kind *k = &l->config->kinds[i];
        if (str_eq(stage, str_of(k->stage)))
            return k->begin && l->config->io_max == 0 ? NULL : k;
    }
    return NULL;
}

static void hand_back(struct loop *l, struct task *t)
{
    t->outcome = QUEUE_BACK;
    ended_append(l, t);
}

static void begin_io(struct loop *l, struct task *t)
{
    if (l->is_draining) { // it was drawn before that
        hand_back(l, t);
        return;
    }
    struct err e;
    FAILPOINT("task.before");
    task_enter(t);
    if (atomic_load(&t->is_cancelled)) {
        (void)err_set(&e, ERR_CANCELLED, "cancelled before it began");
        task_end(t, false, &e);
    } else {
        t->kind->begin(t, l->io);
    }
    task_leave();
}

// A lane that got as much as it wanted may get more, and it looks again where a marker came meanwhile: that may be of
// after the turn.
static void note_claimed(struct loop_lane *lane, unsigned n)
{
    lane->may_draw = lane->may_draw || (lane->want > 0 && n >= lane->want);
    lane_pass_mark(lane);
}

// Takes *job's place.
static bool next_job(const struct redis_reply *reply, size_t number, struct task_job **job)
{
    struct queue_claimed_job j;
    if (!queue_turn_job(reply, number, &j))
        return false;
    task_job_release(*job);
    *job = task_job_create(&j);
    return true;
}

static void begin_claimed(struct loop *l, const struct redis_reply *reply)
{
    struct task *first = NULL;
    struct task **end = &first;
    struct task_job *job = NULL; // of the claim before: those of one job stand together
    size_t number = SIZE_MAX;
    unsigned n[QUEUE_LANES] = {0};
    for (size_t i = 0; i < queue_turn_claims(reply); i++) {
        struct queue_claim c;
        if (!queue_turn_claim(reply, i, &c) || (c.job != number && !next_job(reply, c.job, &job))) {
            LOG(LOG_ERROR, "a claim does not follow the protocol; is a worker of another version running?");
            continue;
        }
        number = c.job;
        struct task *t = task_create(&l->config->queue, l->mailbox, job, &c, queue_turn_token(reply));
        t->kind = kind_of(l, t->stage);
        beat_hold(l->beat, t);
        lane_of(l, t)->held++;
        n[task_lane(t)]++;
        if (task_lane(t) == QUEUE_LANE_IO) {
            begin_io(l, t);
        } else {
            *end = t;
            end = &t->next;
        }
    }
    task_job_release(job);
    for (int i = 0; i < QUEUE_LANES; i++)
        note_claimed(&l->lanes[i], n[i]);
    if (!first)
        return;
    mailbox_expect(l->mailbox, (int64_t)(l->round_trip_us * LIE_SHARE));
    slots_push(l->slots, first);
}

static void end_settled(struct loop *l, const struct redis_reply *reply)
{
    for (unsigned i = 0; i < l->n_settling; i++) {
        struct task *t = l->settling[i];
        enum queue_verdict verdict = queue_turn_verdict(reply, i);
        if (verdict == QUEUE_FENCED) {
            l->fenced++;
            LOG(LOG_WARN, "a task's end was refused: its lease is somebody else's", LOG_S("ref", t->ref.ptr));
        }
        l->tasks_done++;
        beat_release(l->beat, t);
        task_destroy(t);
    }
    l->n_settling = 0;
}

// The answer is lost, so the outcome is unknown: settle again. The script recognises what it has settled already.
static void settle_again(struct loop *l)
{
    for (unsigned i = l->n_settling; i-- > 0;) {
        struct task *t = l->settling[i];
        lane_of(l, t)->held++;
        lane_of(l, t)->n_ended++;
        t->next = l->ended;
        if (!l->ended)
            l->ended_end = &t->next;
        l->ended = t;
    }
    l->n_settling = 0;
}

// Redis is full, cannot save or is busy: the same again later. Anything else lies in one of the ends: alone, it is
// given up, and its lease runs out.
static void on_refused_turn(struct loop *l, const struct redis_reply *reply)
{
    struct err e;
    loop_heard(l, LOOP_TURN, reply);
    if (redis_reply_error(reply, &e) && e.kind == ERR_REDIS && l->n_settling == 1) {
        struct task *t = l->settling[0];
        LOG(LOG_ERROR, "Redis refuses a task's end: giving it up", LOG_S("ref", t->ref.ptr), LOG_S("error", e.message));
        beat_release(l->beat, t);
        task_destroy(t);
        l->n_settling = 0;
    }
    l->settle_max = 1;
    settle_again(l);
}

static bool settles_a_split(const struct loop *l)
{
    for (unsigned i = 0; i < l->n_settling; i++)
        if (l->settling[i]->n_more > 0)
            return true;
    return false;
}

static bool settles_a_stage(const struct loop *l) // of one task, which opens the next
{
    for (unsigned i = 0; i < l->n_settling; i++)
        if (l->settling[i]->kind && l->settling[i]->kind->urgency == QUEUE_URGENT)
            return true;
    return false;
}

static void on_turn(void *context, const struct redis_reply *reply)
{
    struct loop *l = context;
    l->is_turn_out = false;
    if (!reply) {
        settle_again(l);
        return; // the connection's return tries again
    }
    if (redis_reply_type(reply) == REDIS_ERROR) {
        on_refused_turn(l, reply);
        return; // the sweep tries again
    }
    loop_heard(l, LOOP_TURN, reply);
    FAILPOINT("turn.after");
    if (settles_a_split(l))
        FAILPOINT("turn.split.after");
    if (settles_a_stage(l))
        FAILPOINT("turn.stage.after");
    average(&l->round_trip_us, (double)(clock_mono_us() - l->turn_sent_us));
    l->turns++;
    l->turn_answered = l->turn_number;
    l->settle_max = TURN_TASKS_MAX;
    end_settled(l, reply);
    if (queue_turn_claims(reply))
        FAILPOINT("turn.claimed");
    begin_claimed(l, reply);
    if (l->is_draining)
        turn_hand_back_waiting(l);
    turn_maybe(l);
    lane_wait(l);
    loop_stop_if_idle(l);
}

static void add_settlements(struct loop *l, struct redis_cmd *c)
{
    for (unsigned i = 0; i < l->n_settling; i++) {
        const struct task *t = l->settling[i];
        const struct queue_settlement s = {.ref = t->ref,
                                           .token = t->token,
                                           .outcome = t->outcome,
                                           .result = t->result,
                                           .message = t->message,
                                           .reason = t->reason,
                                           .bundles = t->bundles,
                                           .shared = t->share,
                                           .more = t->more,
                                           .n_more = t->n_more};
        queue_turn_add(c, &s);
    }
}

static void take_ended(struct loop *l)
{
    size_t bytes = 0;
    while (l->ended && l->n_settling < l->settle_max && bytes < TURN_BYTES_MAX) {
        struct task *t = l->ended;
        l->ended = t->next;
        lane_of(l, t)->n_ended--;
        lane_of(l, t)->held--;
        bytes += t->result.len;
        l->settling[l->n_settling++] = t;
    }
    if (!l->ended)
        l->ended_end = &l->ended;
}

// On a slow network it pays to wait: what still runs here will have ended long before a round trip is over, so one turn
// can carry it all. Never longer than a round trip: a task may take longer than the others did.
static bool should_gather(struct loop *l)
{
    const struct loop_lane *compute = &l->lanes[QUEUE_LANE_COMPUTE];
    unsigned running = compute->held - compute->n_ended, n_ended = compute->n_ended + l->lanes[QUEUE_LANE_IO].n_ended;
    double rest_us = running * l->task_us / l->config->slots;
    int64_t now_us = clock_mono_us();
    if (l->gathering_since_us == 0)
        l->gathering_since_us = now_us;
    bool is_worth_it = n_ended > 0 && n_ended < TURN_TASKS_MAX && running > 0 && rest_us < l->round_trip_us / 2;
    if (is_worth_it && (double)(now_us - l->gathering_since_us) < l->round_trip_us) {
        struct timeval limit = {.tv_sec = (time_t)(l->round_trip_us / 1e6),
                                .tv_usec = (suseconds_t)fmod(l->round_trip_us, 1e6)};
        if (!evtimer_pending(l->gather_timer, NULL))
            (void)evtimer_add(l->gather_timer, &limit);
        return true;
    }
    l->gathering_since_us = 0;
    return false;
}

void turn_maybe(struct loop *l)
{
    if (l->is_turn_out || !redis_async_is_ready(l->command) || should_gather(l))
        return;
    take_ended(l);
    struct loop_lane *compute = &l->lanes[QUEUE_LANE_COMPUTE], *io = &l->lanes[QUEUE_LANE_IO];
    compute->want = lane_want(compute);
    io->want = lane_want(io);
    if (l->n_settling + compute->want + io->want == 0)
        return;
    struct redis_cmd c;
    const struct queue_turn turn = {.worker = l->config->worker,
                                    .number = ++l->turn_number,
                                    .answered = l->turn_answered,
                                    .want = compute->want,
                                    .want_urgent = lane_want_urgent(l),
                                    .want_io = io->want,
                                    .n_settlements = l->n_settling};
    queue_turn_begin(&l->config->queue, &turn, &c);
    add_settlements(l, &c);
    // Where a lane is full, what woke it is looked for as soon as it is not.
    compute->may_draw = compute->may_draw && compute->want == 0;
    io->may_draw = io->may_draw && io->want == 0;
    l->is_turn_out = true;
    l->turn_sent_us = clock_mono_us();
    FAILPOINT("turn.before");
    if (settles_a_split(l))
        FAILPOINT("turn.split.before");
    if (settles_a_stage(l))
        FAILPOINT("turn.stage.before");
    if (!redis_async_send(l->command, &c, 0, on_turn, l)) {
        l->is_turn_out = false;
        compute->may_draw = io->may_draw = true;
        settle_again(l);
    }
}

void turn_look(struct loop *l)
{
    l->lanes[QUEUE_LANE_COMPUTE].may_draw = true; // what jobs begin with; for I/O there is the marker
    turn_maybe(l);
}

static void ignore_reply(void *context, const struct redis_reply *reply)
{
    FAILPOINT("post.after");
    loop_heard(context, LOOP_COMMAND, reply);
}

void turn_on_mail(void *loop)
{
    struct loop *l = loop;
    for (struct mail *mail = mailbox_take(l->mailbox), *next; mail; mail = next) {
        next = mail->next;
        if (mail->task) {
            note_run(l, mail->task);
            ended_append(l, mail->task);
        } else {
            FAILPOINT("post.before");
            (void)redis_async_send(l->command, &mail->cmd, 0, ignore_reply, l); // away: the next event says more
        }
        mail_destroy(mail);
    }
    turn_maybe(l);
}

void turn_hand_back_waiting(struct loop *l)
{
    struct task *t;
    while ((t = slots_take_back(l->slots)))
        hand_back(l, t);
}
