#include "worker/runtime/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/log.h"
#include "worker/runtime/loop_internal.h"

enum { LAST_CALL_MS = 3000 };

static struct timeval timeval_of_ms(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static void on_lost(void *context, const struct err *cause)
{
    (void)context;
    LOG(LOG_WARN, "Redis is away; trying again until it is back", LOG_S("error", cause->message));
}

static void on_back(void *context, int64_t lost_ms, unsigned attempts)
{
    (void)context;
    LOG(LOG_INFO, "Redis is back", LOG_R("after_s", (double)lost_ms / 1000), LOG_I("attempts", attempts));
}

static void on_command_ready(void *context)
{
    struct loop *l = context;
    if (!l->was_connected)
        LOG(LOG_INFO, "connected to Redis", LOG_S("queue", l->config->queue.key));
    l->was_connected = true;
    l->lanes[QUEUE_LANE_IO].may_draw = true;
    turn_look(l);
    lane_wait(l);
}

static void on_intake_ready(void *context)
{
    intake_wait(context);
}

static void on_wake_ready(void *context)
{
    struct loop *l = context;
    lane_wait(l);
}

void loop_heard(struct loop *l, enum loop_ask what, const struct redis_reply *reply)
{
    static const char *const MESSAGES[LOOP_ASKS][2] = {
        [LOOP_TURN] = {"Redis refuses a turn; trying again", "Redis takes turns again"},
        [LOOP_WORK] = {"Redis refuses to wait for work; trying again", "waiting for work again"},
        [LOOP_COMMAND] = {"Redis refuses a command of a task", "Redis takes commands of tasks again"},
        [LOOP_JOBS] = {"Redis refuses to wait for jobs; trying again", "waiting for jobs again"},
        [LOOP_ADMIT] = {"Redis refuses to admit a job; trying again", "Redis admits jobs again"},
        [LOOP_REJECT] = {"Redis refuses to put a message aside; trying again", "Redis puts messages aside again"},
        [LOOP_CANCEL] = {"Redis refuses to cancel a job; trying again", "Redis cancels jobs again"},
        [LOOP_SWEEP] = {"Redis refuses a sweep; trying again", "Redis takes sweeps again"},
    };
    struct err e;
    if (redis_reply_error(reply, &e))
        outage_failed(&l->refusals[what], MESSAGES[what][0], &e);
    else if (reply)
        outage_ended(&l->refusals[what], MESSAGES[what][1]);
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    intake_sweep(context);
}

void loop_stop_if_idle(struct loop *l)
{
    if (l->is_draining && beat_held(l->beat) == 0 && !l->is_turn_out)
        (void)event_base_loopbreak(l->base);
}

static void on_grace_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct loop *l = context;
    if (l->is_grace_over) { // Redis does not even take them back: their leases will run out
        LOG(LOG_WARN, "stopping without handing back", LOG_I("tasks", beat_held(l->beat)));
        (void)event_base_loopbreak(l->base);
        return;
    }
    l->is_grace_over = true;
    LOG(LOG_INFO, "grace period over: handing back what still runs", LOG_I("tasks", beat_held(l->beat)));
    beat_cancel_all(l->beat);
    struct timeval last_call = timeval_of_ms(LAST_CALL_MS);
    (void)evtimer_add(l->grace_timer, &last_call);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct loop *l = context;
    if (l->is_draining) {
        LOG(LOG_WARN, "second signal: stopping now");
        _exit(128 + (int)number);
    }
    l->is_draining = true;
    LOG(LOG_INFO, "stopping: finishing or handing back tasks", LOG_I("tasks", beat_held(l->beat)));
    struct timeval grace = timeval_of_ms(l->config->grace_ms);
    (void)evtimer_add(l->grace_timer, &grace);
    turn_hand_back_waiting(l);
    turn_maybe(l);
    loop_stop_if_idle(l);
}

static struct redis_async *connect_to(struct loop *l, const char *name, void (*on_ready)(void *))
{
    const struct redis_hooks hooks = {.on_ready = on_ready, .on_lost = on_lost, .on_back = on_back, .context = l};
    return redis_async_create(l->base, &l->config->redis, name, l->config->redis_timeout_ms, &hooks);
}

static void quiet(void *context)
{
    (void)context;
}

static void quiet_lost(void *context, const struct err *cause)
{
    (void)context, (void)cause;
}

// The blocking connections come and go with the command one; one voice is enough.
static struct redis_async *connect_quietly(struct loop *l, const char *name, void (*on_ready)(void *))
{
    const struct redis_hooks hooks = {.on_ready = on_ready ? on_ready : quiet, .on_lost = quiet_lost, .context = l};
    return redis_async_create(l->base, &l->config->redis, name, l->config->redis_timeout_ms, &hooks);
}

static void connect_to_wake(struct loop *l)
{
    static const char *const NAMES[QUEUE_LANES] = {"bundle-worker-wake", "bundle-worker-wake-io"};
    for (int i = 0; i < QUEUE_LANES; i++)
        if (i != QUEUE_LANE_IO || l->config->io_max > 0)
            l->lanes[i].wake = connect_quietly(l, NAMES[i], on_wake_ready);
}

static void start(struct loop *l)
{
    const struct loop_config *c = l->config;
    turn_init(l);
    l->mailbox = mailbox_create(l->base, turn_on_mail, l);
    l->beat = beat_create(&c->queue, &c->redis, c->worker, c->slots, c->beat_ms, c->redis_timeout_ms);
    l->slots = slots_create(c->slots, &c->slot_hooks, l->mailbox);
    l->io = c->io_hooks.open ? c->io_hooks.open(c->io_hooks.context) : NULL;
    l->command = connect_to(l, "bundle-worker-command", on_command_ready);
    l->intake = connect_quietly(l, "bundle-worker-intake", on_intake_ready);
    connect_to_wake(l);
    l->sweep_timer = event_new(l->base, -1, EV_PERSIST, on_sweep, l);
    l->grace_timer = evtimer_new(l->base, on_grace_over, l);
    l->signals[0] = evsignal_new(l->base, SIGTERM, on_signal, l);
    l->signals[1] = evsignal_new(l->base, SIGINT, on_signal, l);
    CHECK(l->sweep_timer && l->grace_timer && l->signals[0] && l->signals[1]);
    struct timeval every = timeval_of_ms(c->sweep_ms);
    (void)event_add(l->sweep_timer, &every);
    (void)event_add(l->signals[0], NULL);
    (void)event_add(l->signals[1], NULL);
    sigset_t stop; // held back since main() began
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &stop, NULL);
}

static void stop(struct loop *l)
{
    if (l->config->io_hooks.close)
        l->config->io_hooks.close(l->io);
    slots_destroy(l->slots);
    redis_async_destroy(l->intake);
    for (int i = 0; i < QUEUE_LANES; i++)
        if (l->lanes[i].wake)
            redis_async_destroy(l->lanes[i].wake);
    redis_async_destroy(l->command); // a turn that is out comes back as lost: its tasks are on the ended list again
    turn_fini(l);
    beat_destroy(l->beat);
    mailbox_destroy(l->mailbox);
    event_free(l->sweep_timer);
    event_free(l->grace_timer);
    event_free(l->signals[0]);
    event_free(l->signals[1]);
}

// hiredis wants to write, and no more, with each command: the kernel is told what has changed once a round. (That would
// not do for files that are duplicates of each other, of which this loop has none.)
static struct event_base *base_create(void)
{
    struct event_config *config = event_config_new();
    CHECK(config && event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

bool loop_run(const struct loop_config *config, struct err *e)
{
    struct loop l = {.config = config};
    (void)signal(SIGPIPE, SIG_IGN);
    if (evthread_use_pthreads() != 0 || !(l.base = base_create()))
        return err_set(e, ERR_INTERNAL, "libevent does not start");
    srandom((unsigned)clock_wall_ms() ^ (unsigned)getpid()); // jitter only
    start(&l);
    LOG(LOG_INFO, "worker started", LOG_I("slots", config->slots));
    (void)event_base_dispatch(l.base);
    stop(&l);
    LOG(LOG_INFO, "worker stopped", LOG_I("tasks", l.tasks_done), LOG_I("turns", l.turns), LOG_I("fenced", l.fenced));
    event_base_free(l.base);
    libevent_global_shutdown();
    return true;
}
