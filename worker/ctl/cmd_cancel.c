#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/ctl_redis.h"

static const struct arg_option OPTIONS[] = {
    {"shop", "SHOP", "whose upload it is (not needed with a job's id)", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Ends a queued or running job, by its id, or by its upload and --shop. Workers drop its tasks within two seconds. "
    "What is stored\n"
    "already (preliminary bundles) stays. A job that has ended stays as it is, and is said to have ended.\n"
    "\n"
    "examples:\n"
    "  bundlectl cancel --shop demo UPLOAD\n"
    "  bundlectl cancel JOB";

static bool print_state(const struct ctl *c, struct str state, struct str job, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (c->is_json) {
        struct json_out j = json_out_on(&out);
        json_out_object(&j);
        json_out_key_str(&j, "job", job);
        json_out_key_str(&j, "status", state);
        json_out_end(&j);
        buf_putc(&out, '\n');
    } else {
        buf_puts(&out, "job ");
        term_put(&out, job);
        buf_puts(&out, ": ");
        term_put(&out, state);
        buf_putc(&out, '\n');
    }
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    if (!ctl_redis_open(&redis, c, e))
        return false;
    AUTO(redis_cmd_fini) struct redis_cmd cancel;
    const char *shop = args_value(a, "shop");
    const struct str word = str_of(a->words[0]), none = {"", 0};
    const struct queue_cancellation whose = {shop ? none : word, shop ? str_of(shop) : none, shop ? word : none};
    queue_cancel_cmd(&redis.queue, none, &whose, "Cancelled", "bundlectl cancel", &cancel);
    if (!redis_call(redis.redis, &cancel, &reply, e))
        return false;
    struct str state = redis_reply_str(redis_reply_at(reply, 0));
    if (str_eq(state, STR("unknown")))
        return err_set(e, ERR_NOT_FOUND, "the queue knows no %s %.128s%s", shop ? "upload" : "job", a->words[0],
                       shop ? "" : "; of an upload, say whose: --shop SHOP");
    return print_state(c, state, redis_reply_str(redis_reply_at(reply, 1)), e);
}

const struct ctl_command CMD_CANCEL = {
    .name = "cancel",
    .words = "UPLOAD --shop SHOP | JOB",
    .summary = "end a queued or running job",
    .help = HELP,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
