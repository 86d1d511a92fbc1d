#include <stdlib.h>

#include <jansson.h>

#include "common/check.h"
#include "worker/ctl/cmd_queue.h"
#include "worker/ctl/queue_render.h"
#include "worker/ctl/queue_view.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 10000 };

static const struct arg_option OPTIONS[] = {
    {"limit", "N", "the N newest (50)", NULL},
    {"clear", NULL, "take all away for good; needs --yes", NULL},
    {"yes", NULL, "yes, really", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] = "Shows what came to nothing, newest first, with the reason and what is needed to ask again: "
                           "messages that were no job\n"
                           "(rejected), jobs that failed (failed), jobs with a task that workers died on (poison) and "
                           "jobs whose keys somebody\n"
                           "had spoilt (broken: of those no message is left). --json has the payloads.\n"
                           "At most queue.dead_max entries are kept.\n"
                           "\n"
                           "examples:\n"
                           "  bundlectl queue dead\n"
                           "  bundlectl queue dead --json --limit 1 | jq '.dead[0].payload'\n"
                           "  bundlectl queue retry --all\n"
                           "  bundlectl queue dead --clear --yes";

static bool show(const struct ctl *c, struct ctl_redis *r, unsigned most, struct err *e)
{
    json_auto_t *entries = NULL;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (!queue_view_dead(r, NULL, most, &entries, e))
        return false;
    if (c->is_json) {
        char *text = json_dumps(entries, JSON_COMPACT);
        CHECK(text);
        buf_printf(&out, "{\"dead\":%s}\n", text);
        free(text);
    } else {
        queue_render_dead(&c->out, entries, &out);
    }
    return ctl_print(&out, e);
}

static bool clear(const struct ctl *c, struct ctl_redis *r, bool is_sure, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(buf_fini) struct buf out;
    char key[128];
    buf_init(&out, CTL_OUTPUT_MAX);
    const struct str length[] = {STR("XLEN"), ctl_redis_key(r, "dead", key)};
    const struct str trim[] = {STR("XTRIM"), length[1], STR("MAXLEN"), STR("0")};
    if (!ctl_redis_ask(r, is_sure ? trim : length, is_sure ? ARRAY_LEN(trim) : ARRAY_LEN(length), &reply, e))
        return false;
    long long n = redis_reply_int(reply);
    if (!is_sure)
        return err_set(e, ERR_USAGE, "%lld entries would go for good, and what they asked for with them; say --yes", n);
    buf_printf(&out, c->is_json ? "{\"cleared\":%lld}\n" : "%lld entries are gone\n", n);
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    int64_t most;
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    if (!args_int(a, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &most, e) || !ctl_redis_open(&redis, c, e))
        return false;
    return args_has(a, "clear") ? clear(c, &redis, args_has(a, "yes"), e) : show(c, &redis, (unsigned)most, e);
}

const struct ctl_command CMD_QUEUE_DEAD = {
    .name = "queue dead",
    .words = "",
    .summary = "what came to nothing, and why",
    .help = HELP,
    .options = OPTIONS,
    .needs_settings = true,
    .run = run,
};
