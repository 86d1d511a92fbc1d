#include "common/check.h"
#include "worker/ctl/watch.h"

static const char HELP[] =
    "Shows progress live: bars on a terminal, a line per event elsewhere, the events themselves with --json (a JSON\n"
    "object a line). With an UPLOAD (or a job's id) it ends with that job: exit code 0 final, 1 failed, 9 cancelled,\n"
    "3 rejected. Without one it shows all jobs of the queue until it is stopped.\n"
    "\n"
    "examples:\n"
    "  bundlectl watch UPLOAD\n"
    "  bundlectl watch                                       everything, for operators\n"
    "  bundlectl watch --json UPLOAD | jq -r .message";

// A job's id stands for its upload.
static bool find_upload(struct ctl_redis *r, struct str word, struct buf *upload, struct err *e)
{
    if (!ctl_redis_hget(r, "job", word, "upload", upload, e))
        return false;
    if (upload->len == 0)
        buf_put(upload, word.ptr, word.len);
    return true;
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    AUTO(watch_closep) struct watch *w = NULL;
    AUTO(buf_fini) struct buf upload;
    buf_init(&upload, 4096);
    if (!ctl_redis_open(&redis, c, e))
        return false;
    if (a->n_words && !find_upload(&redis, str_of(a->words[0]), &upload, e))
        return false;
    return watch_open(&w, c, &redis, buf_str(&upload), false, e) && watch_follow(w, exit_code, e);
}

const struct ctl_command CMD_WATCH = {
    .name = "watch",
    .words = "[UPLOAD]",
    .summary = "show progress live",
    .help = HELP,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
