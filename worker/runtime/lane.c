#include "worker/runtime/loop_internal.h"

// What ends while a round trip is on its way is held ahead; of urgent tasks only where the longest of late fit so
// often.
static const double URGENT_MARGIN = 12;
enum { URGENT_AHEAD_MAX = 4 };

// How many tasks to hold: one per slot, and as many more as the slots end while a round trip is on its way (Little's
// law).
static unsigned hold_target(const struct loop *l)
{
    double ahead = l->config->slots * l->round_trip_us / (l->task_us > 1 ? l->task_us : 1);
    unsigned prefetch = ahead < l->config->prefetch_max ? (unsigned)ahead : l->config->prefetch_max;
    return l->config->slots + prefetch;
}

// Of these, urgent ones: for free slots, so that no worker sits on what another could begin; more only where even the
// longest of late end by the dozen within a round trip.
unsigned lane_want_urgent(const struct loop *l)
{
    unsigned held = l->lanes[QUEUE_LANE_COMPUTE].held;
    unsigned free_slots = held < l->config->slots ? l->config->slots - held : 0;
    double ahead = l->config->slots * l->round_trip_us / (l->urgent_us > 1 ? l->urgent_us : 1) / URGENT_MARGIN;
    return free_slots + (ahead < URGENT_AHEAD_MAX ? (unsigned)ahead : URGENT_AHEAD_MAX);
}

static unsigned lane_target(const struct loop_lane *lane)
{
    if (lane->loop->is_draining)
        return 0;
    return lane->which == QUEUE_LANE_IO ? lane->loop->config->io_max : hold_target(lane->loop);
}

// What the next turn draws. One that settles always draws too: it costs nothing, and there is nearly always more where
// that came from.
unsigned lane_want(const struct loop_lane *lane)
{
    unsigned target = lane_target(lane);
    bool is_due = lane->may_draw || lane->loop->n_settling;
    unsigned want = is_due && lane->held < target ? target - lane->held : 0;
    return lane->which == QUEUE_LANE_IO && want > TURN_TASKS_MAX ? TURN_TASKS_MAX : want;
}

static void on_passed(void *context, const struct redis_reply *reply)
{
    loop_heard(context, LOOP_WORK, reply); // lost: whoever waits looks by itself before long
}

// A marker that came here is somebody else's where the lane has filled up since it was waited for.
void lane_pass_mark(struct loop_lane *lane)
{
    struct loop *l = lane->loop;
    if (lane->is_marked && lane->held >= lane_target(lane)) {
        struct redis_cmd c;
        queue_pass_wake_cmd(&l->config->queue, lane->which, &c);
        (void)redis_async_send(l->command, &c, 0, on_passed, l);
    }
    lane->is_marked = false;
}

static void on_wake(void *context, const struct redis_reply *reply)
{
    struct loop_lane *lane = context;
    struct loop *l = lane->loop;
    lane->is_wake_out = false;
    if (!reply)
        return; // on_ready of the connection waits again
    loop_heard(l, LOOP_WORK, reply);
    if (redis_reply_type(reply) == REDIS_ERROR)
        return;            // the sweep waits again
    lane->may_draw = true; // a marker, or time to look anyway
    lane->is_marked = redis_reply_type(reply) != REDIS_NIL;
    if (!l->is_turn_out) // whose answer may fill the lane
        lane_pass_mark(lane);
    turn_maybe(l);
    lane_wait(l);
}

static void wait_for(struct loop_lane *lane)
{
    const struct loop *l = lane->loop;
    unsigned room_for = lane->which == QUEUE_LANE_IO ? l->config->io_max : l->config->slots;
    if (lane->is_wake_out || lane->held >= room_for || !redis_async_is_ready(lane->wake))
        return;
    struct redis_cmd c;
    queue_wake_cmd(&l->config->queue, lane->which, WAKE_WAIT_MS, &c);
    lane->is_wake_out = redis_async_send(lane->wake, &c, WAKE_WAIT_MS, on_wake, lane);
}

void lane_wait(struct loop *l)
{
    for (int i = 0; i < QUEUE_LANES && !l->is_draining && !l->is_turn_out; i++)
        wait_for(&l->lanes[i]);
}
