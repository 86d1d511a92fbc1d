#include "common/check.h"
#include "worker/ctl/watch.h"

static const struct arg_option OPTIONS[] = {
    {"shop", "SHOP", "whose upload it is (not needed with a job's id)", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Shows progress live: bars on a terminal, a line per event elsewhere, the events themselves with --json (a JSON\n"
    "object a line). With an UPLOAD (or a job's id) it ends with that job: exit code 0 final, 1 failed, 9 cancelled,\n"
    "3 rejected. An UPLOAD is its shop's: --shop says whose. Without either it shows all jobs of the queue until it "
    "is\n"
    "stopped.\n"
    "\n"
    "examples:\n"
    "  bundlectl watch --shop demo UPLOAD\n"
    "  bundlectl watch                                       everything, for operators\n"
    "  bundlectl watch --json --shop demo UPLOAD | jq -r .message";

// A job's id stands for its upload.
static bool find_job(struct ctl_redis *r, const char *job, struct buf *shop, struct buf *upload, struct err *e)
{
    struct str id = str_of(job);
    if (!ctl_redis_hget(r, "job", id, "upload", upload, e) || !ctl_redis_hget(r, "job", id, "shop", shop, e))
        return false;
    return upload->len ||
           err_set(e, ERR_USAGE, "the queue knows no job %.128s; of an upload, say whose: --shop SHOP", job);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    AUTO(watch_closep) struct watch *w = NULL;
    AUTO(buf_fini) struct buf upload;
    AUTO(buf_fini) struct buf shop;
    const char *shop_word = args_value(a, "shop"), *word = a->n_words ? a->words[0] : NULL;
    buf_init(&upload, 4096);
    buf_init(&shop, 4096);
    if (!ctl_redis_open(&redis, c, e))
        return false;
    if (word && !shop_word && !find_job(&redis, word, &shop, &upload, e))
        return false;
    if (word && shop_word) {
        buf_puts(&shop, shop_word);
        buf_puts(&upload, word);
    }
    const struct watch_what what = {buf_str(&shop), buf_str(&upload)};
    return watch_open(&w, c, &redis, &what, false, e) && watch_follow(w, exit_code, e);
}

const struct ctl_command CMD_WATCH = {
    .name = "watch",
    .words = "[UPLOAD --shop SHOP | JOB]",
    .summary = "show progress live",
    .help = HELP,
    .options = OPTIONS,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
