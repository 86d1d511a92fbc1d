#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/cmd_queue.h"
#include "worker/ctl/ctl_redis.h"

enum { WHY_MAX = 1000 };

static const struct arg_option PAUSE_OPTIONS[] = {
    {"shop", "SHOP", "only this shop's jobs; else the whole queue", NULL},
    {"why", "TEXT", "for whoever looks at the queue meanwhile", NULL},
    {NULL, NULL, NULL, NULL},
};

static const struct arg_option RESUME_OPTIONS[] = {
    {"shop", "SHOP", "only this shop's jobs; else the whole queue", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char PAUSE_HELP[] = "No further task begins, of the whole queue or of one shop, until it is resumed. What "
                                 "runs goes on to its end; jobs\n"
                                 "are admitted and wait; their deadlines wait with them.\n"
                                 "\n"
                                 "examples:\n"
                                 "  bundlectl queue pause --why 'migrating the database'\n"
                                 "  bundlectl queue pause --shop demo";

static const char RESUME_HELP[] =
    "Tasks begin again. A pause of the whole queue and one of a shop are apart: each is resumed by itself.\n"
    "\n"
    "examples:\n"
    "  bundlectl queue resume\n"
    "  bundlectl queue resume --shop demo";

static bool print_answer(const struct ctl *c, const char *shop, bool is_pause, bool is_changed, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (c->is_json) {
        struct json_out j = json_out_on(&out);
        json_out_object(&j);
        json_out_key_str(&j, "queue", str_of(c->settings->queue_name));
        json_out_key(&j, "shop");
        if (shop)
            json_out_str(&j, str_of(shop));
        else
            json_out_null(&j);
        json_out_key_bool(&j, "paused", is_pause);
        json_out_key_bool(&j, "changed", is_changed);
        json_out_end(&j);
    } else {
        buf_puts(&out, shop ? "shop " : "queue ");
        term_put(&out, str_of(shop ? shop : c->settings->queue_name));
        buf_printf(&out, " %s %s", is_changed ? "is" : "was already", is_pause ? "paused" : "running");
    }
    buf_putc(&out, '\n');
    return ctl_print(&out, e);
}

static bool change(struct ctl *c, const struct args *a, bool is_pause, struct err *e)
{
    const char *shop = args_value(a, "shop"), *why = args_value(a, "why");
    if (shop && (!shop[0] || !str_is_utf8(str_of(shop)) || strlen(shop) > QUEUE_ID_MAX))
        return err_set(e, ERR_USAGE, "--shop: must be 1 to %d bytes of UTF-8", QUEUE_ID_MAX);
    if (why && (strlen(why) > WHY_MAX || (why[0] && !str_is_utf8(str_of(why)))))
        return err_set(e, ERR_USAGE, "--why: must be at most %d bytes of UTF-8", WHY_MAX);
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    AUTO(redis_cmd_fini) struct redis_cmd cmd = {0};
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    if (!ctl_redis_open(&redis, c, e))
        return false;
    queue_pause_cmd(&redis.queue, str_of(shop), is_pause, str_of(why), &cmd);
    return redis_call(redis.redis, &cmd, &reply, e) && print_answer(c, shop, is_pause, redis_reply_int(reply) == 1, e);
}

static bool run_pause(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    return change(c, a, true, e);
}

static bool run_resume(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    return change(c, a, false, e);
}

const struct ctl_command CMD_QUEUE_PAUSE = {
    .name = "queue pause",
    .words = "",
    .summary = "let no further task begin, of the queue or of a shop",
    .help = PAUSE_HELP,
    .options = PAUSE_OPTIONS,
    .needs_settings = true,
    .run = run_pause,
};

const struct ctl_command CMD_QUEUE_RESUME = {
    .name = "queue resume",
    .words = "",
    .summary = "let tasks begin again",
    .help = RESUME_HELP,
    .options = RESUME_OPTIONS,
    .needs_settings = true,
    .run = run_resume,
};
