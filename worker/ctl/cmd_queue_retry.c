#include <ctype.h>
#include <stdio.h>

#include <jansson.h>

#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/cmd_queue.h"
#include "worker/ctl/queue_view.h"
#include "worker/stages/job_json.h"

enum { PAGE = 100 };

static const struct arg_option OPTIONS[] = {
    {"all", NULL, "everything that is dead", NULL},
    {"shop", "SHOP", "with --all: of this shop only", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] = "Puts something on the queue again: an entry of the dead stream, by its ID (`queue dead` "
                           "shows them), or a job that\n"
                           "has ended, by its id, as long as its keys live; that one is made anew as a new job. A dead "
                           "entry leaves the stream as\n"
                           "its message goes to the inbox. Attempts and crashes begin at zero.\n"
                           "\n"
                           "examples:\n"
                           "  bundlectl queue retry 1795428000123-0\n"
                           "  bundlectl queue retry JOB\n"
                           "  bundlectl queue retry --all --shop demo";

struct tally {
    int64_t retried, cut, empty;
};

static bool retry_entry(struct ctl_redis *r, struct str id, struct tally *t, bool *is_known, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd c = {0};
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    queue_retry_cmd(&r->queue, id, &c);
    if (!redis_call(r->redis, &c, &reply, e))
        return false;
    struct str answer = redis_reply_str(reply);
    *is_known = !str_eq(answer, STR("unknown"));
    t->retried += str_eq(answer, STR("retried"));
    t->cut += str_eq(answer, STR("cut"));
    t->empty += str_eq(answer, STR("empty"));
    return true;
}

// ---- all ----

// What is dead when this begins, each once: what fails again meanwhile is newer, and not seen.
static bool retry_all(struct ctl_redis *r, const char *shop, struct tally *t, struct err *e)
{
    char before[64] = "";
    for (;;) {
        json_auto_t *page = NULL;
        const json_t *entry;
        size_t i;
        if (!queue_view_dead(r, before[0] ? before : NULL, PAGE, &page, e))
            return false;
        json_array_foreach(page, i, entry)
        {
            const char *id = json_string_value(json_object_get(entry, "id"));
            const char *whose = json_string_value(json_object_get(entry, "shop"));
            bool is_known;
            (void)snprintf(before, sizeof before, "%s", id);
            if ((!shop || (whose && strcmp(whose, shop) == 0)) && !retry_entry(r, str_of(id), t, &is_known, e))
                return false;
        }
        if (json_array_size(page) < PAGE)
            return true;
    }
}

// ---- one ----

static bool is_stream_id(struct str word)
{
    const char *dash = memchr(word.ptr, '-', word.len);
    if (!dash || dash == word.ptr || dash + 1 == word.ptr + word.len)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!isdigit((unsigned char)word.ptr[i]) && word.ptr + i != dash)
            return false;
    return true;
}

// As a new job: under its own id a final one would only be answered that it is final.
static bool retry_job(struct ctl_redis *r, struct str job, struct err *e)
{
    AUTO(buf_fini) struct buf state;
    AUTO(buf_fini) struct buf payload;
    AUTO(buf_fini) struct buf message;
    buf_init(&state, 64);
    buf_init(&payload, 16 << 20);
    buf_init(&message, 16 << 20);
    if (!ctl_redis_hget(r, "job", job, "state", &state, e) || !ctl_redis_hget(r, "job", job, "payload", &payload, e))
        return false;
    if (state.len == 0)
        return err_set(e, ERR_NOT_FOUND, "the queue knows no dead entry and no job " STR_FMT, STR_ARG(job));
    if (str_eq(buf_str(&state), STR("open")))
        return err_set(e, ERR_USAGE, "job " STR_FMT " is queued or running; see bundlectl queue inspect", STR_ARG(job));
    if (!job_json_of_payload(buf_str(&payload), STR(""), &message, e))
        return err_wrap(e, "job " STR_FMT, STR_ARG(job));
    return ctl_redis_push(r, buf_str(&message), e);
}

static bool retry_one(struct ctl_redis *r, struct str word, struct tally *t, struct err *e)
{
    bool is_known = false;
    if (is_stream_id(word) && !retry_entry(r, word, t, &is_known, e))
        return false;
    if (is_known && t->cut)
        return err_set(e, ERR_LIMIT,
                       "entry " STR_FMT " was larger than is kept (queue.payload_bytes_max): its producer has "
                       "to send it again",
                       STR_ARG(word));
    if (is_known && t->empty)
        return err_set(e, ERR_NOT_FOUND, "entry " STR_FMT ": nothing of the message is left; enqueue the upload",
                       STR_ARG(word));
    if (is_known)
        return true;
    if (!retry_job(r, word, e))
        return false;
    t->retried = 1;
    return true;
}

static bool print_tally(const struct ctl *c, const struct tally *t, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (c->is_json) {
        struct json_out j = json_out_on(&out);
        json_out_object(&j);
        json_out_key_int(&j, "retried", t->retried);
        json_out_key_int(&j, "cut", t->cut);
        json_out_key_int(&j, "empty", t->empty);
        json_out_end(&j);
    } else {
        buf_printf(&out, "%lld sent to the inbox again", (long long)t->retried);
        if (t->cut)
            buf_printf(&out, ", %lld not: larger than is kept (queue.payload_bytes_max)", (long long)t->cut);
        if (t->empty)
            buf_printf(&out, ", %lld not: nothing of the message is left; enqueue the upload", (long long)t->empty);
    }
    buf_putc(&out, '\n');
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    bool is_all = args_has(a, "all");
    const char *shop = args_value(a, "shop");
    struct tally tally = {0};
    if (is_all == (a->n_words == 1))
        return err_set(e, ERR_USAGE, "say what: an ID, a JOB, or --all");
    if (shop && !is_all)
        return err_set(e, ERR_USAGE, "--shop goes with --all");
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    if (!ctl_redis_open(&redis, c, e))
        return false;
    bool ok = is_all ? retry_all(&redis, shop, &tally, e) : retry_one(&redis, str_of(a->words[0]), &tally, e);
    return ok && print_tally(c, &tally, e);
}

const struct ctl_command CMD_QUEUE_RETRY = {
    .name = "queue retry",
    .words = "ID|JOB|--all",
    .summary = "put something dead, or an ended job, on the queue again",
    .help = HELP,
    .options = OPTIONS,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
