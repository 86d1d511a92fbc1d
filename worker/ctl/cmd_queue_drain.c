#include <poll.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "worker/ctl/cmd_queue.h"
#include "worker/ctl/ctl_redis.h"
#include "worker/ctl/progress_bar.h"

enum { LOOK_EVERY_MS = 200, SAY_EVERY_MS = 5000, AWAY_MS_MAX = 60000, TIMEOUT_S_MAX = 30 * 86400 };

static const struct arg_option OPTIONS[] = {
    {"cancel", NULL, "cancel all open jobs instead of waiting for them", NULL},
    {"timeout", "S", "give up after S seconds (exit code 5); without: wait for ever", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Waits until nothing is left to do: the inbox is empty, no job is open, and PostgreSQL has been told "
    "how all have ended.\n"
    "Producers may go on pushing; stop them first if it is to end. It ends nobody's work unless "
    "--cancel says so; what is\n"
    "in the inbox is cancelled once it is admitted.\n"
    "\n"
    "examples:\n"
    "  bundlectl queue drain --timeout 600 && systemctl stop bundle-worker\n"
    "  bundlectl queue drain --cancel";

struct drain {
    const struct ctl *c;
    struct ctl_redis *redis;
    int64_t most; // there has been to do, at once
    int64_t left; // messages, open jobs, ends that PostgreSQL is still to be told
    int64_t cancelled, said_ms;
    bool has_bar, has_said_paused, has_said_idle;
};

static bool look(struct drain *d, unsigned most_jobs, struct redis_reply **reply, struct queue_overview *o,
                 struct err *e)
{
    static const char *const LEFT[] = {"inbox", "intake", "open", "untold"};
    if (!ctl_redis_overview(d->redis, most_jobs, reply, o, e))
        return false;
    d->left = 0;
    for (size_t i = 0; i < ARRAY_LEN(LEFT); i++)
        d->left += queue_overview_figure(o, LEFT[i]);
    d->most = d->left > d->most ? d->left : d->most;
    return true;
}

static bool cancel_open(struct drain *d, const struct queue_overview *o, struct err *e)
{
    for (size_t i = 0; i < redis_reply_size(o->jobs); i++) {
        AUTO(redis_cmd_fini) struct redis_cmd c = {0};
        AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
        const struct queue_cancellation whose = {.job = redis_reply_str(redis_reply_at(redis_reply_at(o->jobs, i), 0))};
        queue_cancel_cmd(&d->redis->queue, STR(""), &whose, "Cancelled", "bundlectl queue drain --cancel", &c);
        if (!redis_call(d->redis->redis, &c, &reply, e))
            return false;
        d->cancelled += str_eq(redis_reply_str(redis_reply_at(reply, 0)), STR("cancelled"));
    }
    return true;
}

// What would make the waiting endless is said once.
static void say_why_it_lasts(struct drain *d, const struct queue_overview *o)
{
    if (redis_reply_size(o->paused) && !d->has_said_paused)
        ctl_note("something is paused and stays: see bundlectl queue ls, and bundlectl queue resume");
    if (redis_reply_size(o->workers) == 0 && !d->has_said_idle)
        ctl_note("no worker is there: nothing is done until one is started");
    d->has_said_paused = d->has_said_paused || redis_reply_size(o->paused);
    d->has_said_idle = redis_reply_size(o->workers) == 0;
}

static void show(struct drain *d, const struct queue_overview *o)
{
    AUTO(buf_fini) struct buf line;
    AUTO(buf_fini) struct buf cut;
    const struct term *t = &d->c->err;
    int64_t now_ms = clock_mono_ms();
    int64_t inbox = queue_overview_figure(o, "inbox") + queue_overview_figure(o, "intake");
    int64_t untold = queue_overview_figure(o, "untold");
    buf_init(&line, 4096);
    buf_init(&cut, 4096);
    if (!t->is_tty && d->said_ms && now_ms - d->said_ms < SAY_EVERY_MS)
        return;
    d->said_ms = now_ms;
    if (t->is_tty) {
        progress_bar_put(t, d->most ? 1 - (double)d->left / (double)d->most : 1, PROGRESS_BAR_COLUMNS, &line);
        buf_putc(&line, ' ');
    }
    buf_printf(&line, "%lld in the inbox, %lld open jobs, %lld tasks running, %lld delayed", (long long)inbox,
               (long long)queue_overview_figure(o, "open"), (long long)queue_overview_figure(o, "leased"),
               (long long)queue_overview_figure(o, "delayed"));
    if (untold)
        buf_printf(&line, ", %lld ends that PostgreSQL is still to be told", (long long)untold);
    term_put_cut(&cut, buf_str(&line), t->is_tty ? t->columns - 1 : TERM_COLUMNS_MAX); // one line, to be painted over
    ctl_note("%s%s%s", d->has_bar ? "\033[A\r" : "", cut.data, t->is_tty ? "\033[K" : "");
    d->has_bar = t->is_tty;
}

static bool step(struct drain *d, bool is_cancel, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct queue_overview o;
    if (!look(d, is_cancel ? QUEUE_LIST_MAX : 1, &reply, &o, e))
        return false;
    if (d->left == 0)
        return true;
    if (is_cancel && !cancel_open(d, &o, e))
        return false;
    say_why_it_lasts(d, &o);
    show(d, &o);
    return true;
}

static bool wait_until_empty(struct drain *d, bool is_cancel, int64_t timeout_s, struct err *e)
{
    int64_t begun_ms = clock_mono_ms(), away_since_ms = 0;
    for (;;) {
        bool ok = step(d, is_cancel, e);
        int64_t now_ms = clock_mono_ms();
        if (ok && d->left == 0)
            return true;
        if (!ok && (e->kind != ERR_REDIS_AWAY || (away_since_ms && now_ms - away_since_ms > AWAY_MS_MAX)))
            return false;
        if (!ok && !away_since_ms)
            ctl_note("%s; trying again", e->message);
        away_since_ms = ok ? 0 : away_since_ms ? away_since_ms : now_ms;
        if (timeout_s && now_ms - begun_ms >= timeout_s * 1000)
            return err_set(e, ERR_LIMIT, "%lld messages, jobs and ends are left after %lld s (--timeout)",
                           (long long)d->left, (long long)timeout_s);
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}

static bool print_end(const struct drain *d, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (d->c->is_json) {
        struct json_out j = json_out_on(&out);
        json_out_object(&j);
        json_out_key_str(&j, "queue", str_of(d->c->settings->queue_name));
        json_out_key_str(&j, "status", STR("empty"));
        json_out_key_int(&j, "cancelled", d->cancelled);
        json_out_end(&j);
    } else {
        buf_printf(&out, "queue %s is empty", d->c->settings->queue_name);
        if (d->cancelled)
            buf_printf(&out, ", %lld jobs cancelled", (long long)d->cancelled);
    }
    buf_putc(&out, '\n');
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    int64_t timeout_s;
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    if (!args_int(a, "timeout", 1, TIMEOUT_S_MAX, 0, &timeout_s, e) || !ctl_redis_open(&redis, c, e))
        return false;
    struct drain d = {.c = c, .redis = &redis};
    return wait_until_empty(&d, args_has(a, "cancel"), timeout_s, e) && print_end(&d, e);
}

const struct ctl_command CMD_QUEUE_DRAIN = {
    .name = "queue drain",
    .words = "",
    .summary = "wait until nothing is left to do",
    .help = HELP,
    .options = OPTIONS,
    .needs_settings = true,
    .run = run,
};
