#include <jansson.h>

#include "common/check.h"
#include "worker/ctl/cmd_queue.h"
#include "worker/ctl/queue_render.h"
#include "worker/ctl/queue_view.h"

enum { EVENTS_MAX = 1000 };

static const struct arg_option OPTIONS[] = {
    {"shop", "SHOP", "whose upload it is, where several shops have one of that name", NULL},
    {"events", NULL, "its events too, oldest first", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Shows a job as a tree: its stages in order, the tasks of each, who holds them since when, failed attempts, "
    "crashes,\n"
    "times and last errors. It is found by its id, or as the latest job of an upload; an ended job as long as its "
    "keys\n"
    "live (queue.keep_s).\n"
    "\n"
    "examples:\n"
    "  bundlectl queue inspect UPLOAD --shop demo --events\n"
    "  bundlectl queue inspect JOB --json | jq '.stages[].tasks[] | select(.state == \"leased\")'";

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    AUTO(buf_fini) struct buf json;
    AUTO(buf_fini) struct buf out;
    buf_init(&json, CTL_OUTPUT_MAX);
    buf_init(&out, CTL_OUTPUT_MAX);
    if (!ctl_redis_open(&redis, c, e) || !queue_view_job(&redis, str_of(a->words[0]), args_value(a, "shop"),
                                                         args_has(a, "events") ? EVENTS_MAX : 0, &json, e))
        return false;
    buf_putc(&json, '\n');
    if (c->is_json)
        return ctl_print(&json, e);
    json_error_t cause;
    json_auto_t *job = json_loadb(json.data, json.len, 0, &cause);
    if (!job)
        return err_set(e, ERR_INTERNAL, "what is known of the job does not parse: %s", cause.text);
    queue_render_job(&c->out, job, &out);
    return ctl_print(&out, e);
}

const struct ctl_command CMD_QUEUE_INSPECT = {
    .name = "queue inspect",
    .words = "JOB|UPLOAD",
    .summary = "a job's tree: stages, tasks, who holds each, errors, times",
    .help = HELP,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
