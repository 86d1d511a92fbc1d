#include <stdlib.h>

#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/job_message.h"
#include "worker/ctl/watch.h"
#include "worker/stages/job_request.h"

static const struct arg_option OPTIONS[] = {
    {"shop", "SHOP", "whose upload it is (required)", NULL},
    JOB_OPTION_ROWS,
    {"force", NULL, "replace a running job of the same upload", NULL},
    {"priority", "NAME", "interactive goes before normal (the default), normal before bulk", "interactive|normal|bulk"},
    {"at", "TIME", "not before this time: 2026-11-23T08:00:00Z, or Unix seconds", NULL},
    {"delay", "S", "not before S seconds from now, at most 30 days", NULL},
    {"wait", NULL, "show progress until the job ends; see `bundlectl watch --help` for the exit code", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Puts a job on the queue: make the bundles of an upload. UPLOAD is what `import` printed, or an id of "
    "csv_uploads.\n"
    "An upload that is queued or running already is joined, not made twice. The message is checked before it is sent.\n"
    "\n" JOB_OPTIONS_HELP "\n"
    "examples:\n"
    "  bundlectl enqueue --shop demo UPLOAD --wait\n"
    "  bundlectl enqueue --shop demo UPLOAD --objective gift_box --option max_discount=20 --option exclude=SKU1,SKU2\n"
    "  bundlectl enqueue --shop demo UPLOAD --force --wait --json\n"
    "  bundlectl enqueue --shop demo UPLOAD --priority bulk --at 2026-11-24T03:00:00Z";

// The worker would say the same, but later and elsewhere.
static bool check_message(const struct ctl *c, const struct buf *message, struct err *e)
{
    AUTO(arena_fini) struct arena memory;
    struct job_request request;
    struct str payload;
    arena_init(&memory, 0);
    return job_payload_of_message(buf_str(message), (size_t)c->settings->queue_payload_max, &memory, &payload, e) &&
           job_request_read(payload, &memory, &request, e);
}

static bool print_queued(const struct ctl *c, const char *shop, const char *upload, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (c->is_json) {
        struct json_out j = json_out_on(&out);
        json_out_object(&j);
        json_out_key_str(&j, "status", STR("sent"));
        json_out_key_str(&j, "upload", str_of(upload));
        json_out_end(&j);
        buf_putc(&out, '\n');
    } else {
        buf_printf(&out, "sent; follow it with: bundlectl watch --shop %s %s\n", shop, upload);
    }
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    const char *shop = args_value(a, "shop"), *upload = a->words[0];
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    AUTO(watch_closep) struct watch *w = NULL;
    AUTO(buf_fini) struct buf message;
    buf_init(&message, 16 << 20);
    if (!shop)
        return err_set(e, ERR_USAGE, "--shop SHOP is missing: whose upload is it?");
    if (!job_message_build(a, shop, upload, args_has(a, "force"), &message, e) || !check_message(c, &message, e))
        return false;
    if (!ctl_redis_open(&redis, c, e))
        return false;
    if (!args_has(a, "wait"))
        return ctl_redis_push(&redis, buf_str(&message), e) && print_queued(c, shop, upload, e);
    // Listening comes first, so that nothing is missed.
    const struct watch_what what = {str_of(shop), str_of(upload)};
    return watch_open(&w, c, &redis, &what, true, e) && ctl_redis_push(&redis, buf_str(&message), e) &&
           watch_follow(w, exit_code, e);
}

const struct ctl_command CMD_ENQUEUE = {
    .name = "enqueue",
    .words = "UPLOAD --shop SHOP",
    .summary = "put a job on the queue: make an upload's bundles",
    .help = HELP,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
