#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/cmd_queue.h"
#include "worker/ctl/ctl_redis.h"

static const struct arg_option OPTIONS[] = {
    {"shop", "SHOP", "whose upload it is; not needed with a job's id", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Ends a queued or running job, by its id, or by its upload and --shop. Workers drop its tasks within two seconds. "
    "What\n"
    "is stored already (preliminary bundles) stays. A job that has ended stays as it is, and is said to have ended. "
    "One\n"
    "that no worker has admitted yet is cancelled in its turn: the request follows it through the inbox.\n"
    "\n"
    "examples:\n"
    "  bundlectl cancel UPLOAD --shop demo\n"
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
    } else {
        buf_puts(&out, "job ");
        term_put(&out, job);
        buf_puts(&out, ": ");
        term_put(&out, state);
    }
    buf_putc(&out, '\n');
    return ctl_print(&out, e);
}

// {"v":1, "shop": ..., "upload": ..., "cancel": true}, or by its job: whatever was pushed before it is admitted before.
static bool follow_through_inbox(struct ctl_redis *r, const struct queue_cancellation *whose, struct err *e)
{
    AUTO(buf_fini) struct buf message;
    buf_init(&message, 1 << 16);
    struct json_out j = json_out_on(&message);
    json_out_object(&j);
    json_out_key_int(&j, "v", 1);
    if (whose->job.len) {
        json_out_key_str(&j, "job", whose->job);
    } else {
        json_out_key_str(&j, "shop", whose->shop);
        json_out_key_str(&j, "upload", whose->upload);
    }
    json_out_key_bool(&j, "cancel", true);
    json_out_end(&j);
    return ctl_redis_push(r, buf_str(&message), e);
}

static bool inbox_is_empty(struct ctl_redis *r, bool *is_empty, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct queue_overview o;
    if (!ctl_redis_overview(r, 1, &reply, &o, e))
        return false;
    *is_empty = queue_overview_figure(&o, "inbox") + queue_overview_figure(&o, "intake") == 0;
    return true;
}

static bool not_found(const struct queue_cancellation *whose, struct err *e)
{
    if (whose->job.len)
        return err_set(e, ERR_NOT_FOUND, "the queue knows no job " STR_FMT "; of an upload, say whose: --shop SHOP",
                       STR_ARG(whose->job));
    return err_set(e, ERR_NOT_FOUND, "the queue knows no job of upload " STR_FMT " of shop " STR_FMT,
                   STR_ARG(whose->upload), STR_ARG(whose->shop));
}

static bool cancel(struct ctl *c, struct ctl_redis *r, const struct queue_cancellation *whose, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd cmd = {0};
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    bool is_empty = false;
    queue_cancel_cmd(&r->queue, STR(""), whose, "Cancelled", "bundlectl cancel", &cmd);
    // In this order: a message that is admitted between the two is seen by the first or the second.
    if (!inbox_is_empty(r, &is_empty, e) || !redis_call(r->redis, &cmd, &reply, e))
        return false;
    struct str state = redis_reply_str(redis_reply_at(reply, 0)), job = redis_reply_str(redis_reply_at(reply, 1));
    bool is_unknown = str_eq(state, STR("unknown"));
    // A job's id is known or not; of an upload, another message may be on its way.
    bool may_follow = !is_empty && (is_unknown || whose->upload.len);
    if (may_follow && !follow_through_inbox(r, whose, e))
        return false;
    if (may_follow && !str_eq(state, STR("cancelled")))
        return print_state(c, STR("asked"), whose->job.len ? whose->job : whose->upload, e);
    return is_unknown ? not_found(whose, e) : print_state(c, state, job, e);
}

static bool is_id(struct str text)
{
    return text.len && text.len <= QUEUE_ID_MAX && str_is_utf8(text);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    const char *shop = args_value(a, "shop");
    struct str word = str_of(a->words[0]);
    if (!is_id(word) || (shop && !is_id(str_of(shop))))
        return err_set(e, ERR_USAGE, "a job, an upload and a shop have 1 to %d bytes of UTF-8", QUEUE_ID_MAX);
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    struct queue_cancellation whose = {.job = word};
    if (shop)
        whose = (struct queue_cancellation){.shop = str_of(shop), .upload = word};
    return ctl_redis_open(&redis, c, e) && cancel(c, &redis, &whose, e);
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

const struct ctl_command CMD_QUEUE_CANCEL = {
    .name = "queue cancel",
    .words = "UPLOAD --shop SHOP | JOB",
    .summary = "the same as bundlectl cancel",
    .help = HELP,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
