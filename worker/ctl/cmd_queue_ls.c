#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "common/check.h"
#include "common/queue_admin.h"
#include "worker/ctl/cmd_queue.h"
#include "worker/ctl/queue_render.h"
#include "worker/ctl/queue_view.h"

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 1000, REPAINT_MS = 1000, QUEUES_MAX = 1000 };

static const struct arg_option OPTIONS[] = {
    {"limit", "N", "list at most N open jobs (20)", NULL},
    {"all", NULL, "a line for each queue that is found in this Redis", NULL},
    {"watch", NULL, "paint it anew every second; with --json a line every second", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Shows the queue (queue.name): what waits, by priority; what runs; the workers that are there; the open jobs, "
    "those\n"
    "that run first; and what was counted since the queue was made. Urgent tasks are prepare, merge and publish; "
    "those\n"
    "for I/O wait for a language model and take no slot.\n"
    "\n"
    "examples:\n"
    "  bundlectl queue ls\n"
    "  bundlectl queue ls --watch --limit 50\n"
    "  bundlectl queue ls --all\n"
    "  bundlectl queue ls --json | jq '.jobs[] | select(.event.shop == \"demo\")'";

static bool parse(const struct buf *json, json_t **out, struct err *e)
{
    json_error_t cause;
    *out = json_loadb(json->data, json->len, 0, &cause);
    return *out || err_set(e, ERR_INTERNAL, "the overview does not parse: %s", cause.text);
}

static bool show_one(const struct ctl *c, struct ctl_redis *r, unsigned most, bool is_screen, struct err *e)
{
    AUTO(buf_fini) struct buf json;
    AUTO(buf_fini) struct buf out;
    json_auto_t *overview = NULL;
    buf_init(&json, CTL_OUTPUT_MAX);
    buf_init(&out, CTL_OUTPUT_MAX);
    if (!queue_view_overview(r, c->settings->queue_name, most, &json, e))
        return false;
    buf_putc(&json, '\n');
    if (c->is_json)
        return ctl_print(&json, e);
    if (!parse(&json, &overview, e))
        return false;
    if (is_screen)
        buf_puts(&out, "\033[H\033[J");
    queue_render_overview(&c->out, overview, &out);
    return ctl_print(&out, e);
}

// ---- all queues of this Redis ----

// "{name}:stats" is there of every queue that was ever used.
static struct str name_of_key(struct str key)
{
    static const char TAIL[] = "}:stats";
    size_t tail = sizeof TAIL - 1;
    if (key.len <= tail + 1 || key.ptr[0] != '{' || memcmp(key.ptr + key.len - tail, TAIL, tail) != 0)
        return STR("");
    return (struct str){key.ptr + 1, key.len - tail - 1};
}

static bool add_overview(struct ctl_redis *r, const struct ctl *c, struct str name, json_t *all, struct err *e)
{
    AUTO(buf_fini) struct buf json;
    char text[QUEUE_NAME_MAX + 1];
    json_t *overview;
    buf_init(&json, CTL_OUTPUT_MAX);
    (void)snprintf(text, sizeof text, STR_FMT, STR_ARG(name));
    const struct queue_limits limits = settings_queue_limits(c->settings);
    queue_init(&r->queue, text, &limits);
    if (!queue_view_overview(r, text, QUEUE_LIST_MAX, &json, e)) {
        if (e->kind != ERR_REDIS) // Redis is away, or refuses us; else this one is spoilt, and hides none of the others
            return err_wrap(e, "queue %s", text);
        overview = json_pack("{s:s, s:s}", "queue", text, "error", e->message);
        CHECK(overview);
    } else if (!parse(&json, &overview, e)) {
        return err_wrap(e, "queue %s", text);
    }
    CHECK(json_array_append_new(all, overview) == 0);
    return true;
}

static bool is_known(const json_t *names, struct str name)
{
    const json_t *v;
    size_t i;
    json_array_foreach(names, i, v) if (str_eq(str_of(json_string_value(v)), name)) return true;
    return false;
}

static bool scan(struct ctl_redis *r, json_t *names, struct err *e)
{
    AUTO(buf_fini) struct buf cursor;
    buf_init(&cursor, 64);
    buf_puts(&cursor, "0");
    do {
        AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
        const struct str words[] = {STR("SCAN"),      buf_str(&cursor), STR("MATCH"),
                                    STR("{*}:stats"), STR("COUNT"),     STR("1000")};
        if (!ctl_redis_ask(r, words, ARRAY_LEN(words), &reply, e))
            return false;
        const struct redis_reply *keys = redis_reply_at(reply, 1);
        for (size_t i = 0; i < redis_reply_size(keys); i++) {
            struct str name = name_of_key(redis_reply_str(redis_reply_at(keys, i)));
            bool is_new = name.len && name.len <= QUEUE_NAME_MAX && str_is_utf8(name) && !is_known(names, name);
            if (is_new && json_array_size(names) < QUEUES_MAX)
                CHECK(json_array_append_new(names, json_stringn(name.ptr, name.len)) == 0);
        }
        struct str next = redis_reply_str(redis_reply_at(reply, 0));
        buf_clear(&cursor);
        buf_put(&cursor, next.ptr, next.len);
    } while (!str_eq(buf_str(&cursor), STR("0")));
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool read_all(const struct ctl *c, struct ctl_redis *r, json_t *all, struct err *e)
{
    json_auto_t *names = json_array();
    const char *sorted[QUEUES_MAX];
    CHECK(names);
    if (!scan(r, names, e))
        return false;
    size_t n = json_array_size(names);
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_string_value(json_array_get(names, i));
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++)
        if (!add_overview(r, c, str_of(sorted[i]), all, e))
            return false;
    return true;
}

static bool show_all(const struct ctl *c, struct ctl_redis *r, bool is_screen, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    json_auto_t *all = json_array();
    buf_init(&out, CTL_OUTPUT_MAX);
    CHECK(all);
    if (!read_all(c, r, all, e))
        return false;
    if (c->is_json) {
        char *text = json_dumps(all, JSON_COMPACT);
        CHECK(text);
        buf_printf(&out, "{\"queues\":%s}\n", text);
        free(text);
    } else {
        buf_puts(&out, is_screen ? "\033[H\033[J" : "");
        queue_render_queues(&c->out, all, &out);
    }
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    int64_t most;
    bool is_watch = args_has(a, "watch"), is_all = args_has(a, "all");
    bool is_screen = is_watch && c->out.is_tty && !c->is_json;
    AUTO(ctl_redis_close) struct ctl_redis redis = {0};
    if (!args_int(a, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &most, e) || !ctl_redis_open(&redis, c, e))
        return false;
    for (;;) {
        bool ok = is_all ? show_all(c, &redis, is_screen, e) : show_one(c, &redis, (unsigned)most, is_screen, e);
        if (!ok && !(is_watch && e->kind == ERR_REDIS_AWAY))
            return false;
        if (!ok)
            ctl_note("%s; trying again", e->message);
        if (!is_watch)
            return true;
        (void)poll(NULL, 0, REPAINT_MS);
    }
}

const struct ctl_command CMD_QUEUE_LS = {
    .name = "queue ls",
    .words = "",
    .summary = "what waits, what runs, who works",
    .help = HELP,
    .options = OPTIONS,
    .needs_settings = true,
    .run = run,
};
