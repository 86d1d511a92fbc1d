#include "worker/ctl/queue_render.h"

#include <jansson.h>

#include "common/check.h"
#include "worker/ctl/progress_bar.h"
#include "worker/ctl/table.h"

enum { INDENT = 2, BAR_COLUMNS = 10, NAME_MIN = 12 };

// ---- fields ----

static const json_t *get(const json_t *o, const char *key)
{
    return json_object_get(o, key);
}

static struct str text_of(const json_t *o, const char *key)
{
    const json_t *v = get(o, key);
    return (struct str){json_is_string(v) ? json_string_value(v) : "", json_is_string(v) ? json_string_length(v) : 0};
}

static int64_t int_of(const json_t *o, const char *key)
{
    const json_t *v = get(o, key);
    return json_is_number(v) ? (int64_t)json_number_value(v) : 0;
}

static bool has(const json_t *o, const char *key)
{
    return get(o, key) && !json_is_null(get(o, key));
}

static enum term_style style_of(struct str state)
{
    static const char *const GOOD[] = {"final", "done", "ended"};
    static const char *const BAD[] = {"failed", "cancelled", "poison"};
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++)
        if (str_eq(state, str_of(GOOD[i])))
            return TERM_GREEN;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (str_eq(state, str_of(BAD[i])))
            return TERM_RED;
    return TERM_YELLOW;
}

static void put_styled(const struct term *t, enum term_style style, struct str text, struct buf *out)
{
    term_style_begin(t, style, out);
    term_put(out, text);
    term_style_end(t, out);
}

// "12.3 s" from one time to another; what should lie ahead and does not is "overdue".
static void put_span(int64_t from_ms, int64_t to_ms, struct buf *out)
{
    if (to_ms < from_ms)
        buf_puts(out, "overdue");
    else
        progress_put_duration(out, to_ms - from_ms);
}

// ---- overview ----

static void put_title(const struct term *t, const json_t *o, struct buf *out)
{
    const json_t *pause;
    size_t i;
    buf_puts(out, "queue ");
    put_styled(t, TERM_BOLD, text_of(o, "queue"), out);
    buf_putc(out, '\n');
    json_array_foreach(get(o, "paused"), i, pause)
    {
        buf_printf(out, "%*s", INDENT, "");
        put_styled(t, TERM_YELLOW, STR("paused"), out);
        if (has(pause, "shop")) {
            buf_puts(out, ": shop ");
            term_put(out, text_of(pause, "shop"));
        }
        buf_puts(out, " for ");
        put_span(int_of(pause, "since_ms"), int_of(o, "now_ms"), out);
        if (text_of(pause, "why").len)
            buf_puts(out, ": ");
        term_put(out, text_of(pause, "why"));
        buf_putc(out, '\n');
    }
}

static void put_figures(const json_t *o, struct buf *out)
{
    static const char *const FIGURES[][2] = {{"inbox", "in the inbox"}, {"intake", "being admitted"},
                                             {"open", "open jobs"},     {"leased", "tasks running"},
                                             {"delayed", "delayed"},    {"dead", "dead"},
                                             {"untold", "ends to tell"}};
    buf_printf(out, "%*s", INDENT, "");
    for (size_t i = 0; i < ARRAY_LEN(FIGURES); i++) {
        buf_puts(out, i ? ", " : "");
        term_put_count(out, (uint64_t)int_of(o, FIGURES[i][0]));
        buf_printf(out, " %s", FIGURES[i][1]);
    }
    buf_putc(out, '\n');
}

static int64_t most_shops(const json_t *row)
{
    int64_t urgent = int_of(row, "urgent_shops"), others = int_of(row, "tasks_shops"), io = int_of(row, "io_shops");
    int64_t compute = urgent > others ? urgent : others;
    return compute > io ? compute : io;
}

static void put_ready(const struct term *t, const json_t *o, struct buf *out)
{
    static const struct table_column COLUMNS[] = {{"Waiting tasks", false, 0}, {"Urgent", true, 0}, {"Others", true, 0},
                                                  {"For I/O", true, 0},        {"Shops", true, 0},  {NULL, false, 0}};
    AUTO(table_destroyp) struct table *table = table_create(COLUMNS);
    const char *name;
    json_t *row;
    json_object_foreach((json_t *)(uintptr_t)get(o, "ready"), name, row)
    {
        table_text(table, str_of(name));
        table_int(table, int_of(row, "urgent"));
        table_int(table, int_of(row, "tasks"));
        table_int(table, int_of(row, "io"));
        table_int(table, most_shops(row));
    }
    buf_putc(out, '\n');
    table_print(table, t, INDENT, out);
}

static void put_workers(const struct term *t, const json_t *o, struct buf *out)
{
    static const struct table_column COLUMNS[] = {
        {"Worker", false, NAME_MIN}, {"Host", false, NAME_MIN}, {"Pid", true, 0},        {"Version", false, 0},
        {"Slots", true, 0},          {"Holds", true, 0},        {"Counts for", true, 0}, {NULL, false, 0}};
    AUTO(table_destroyp) struct table *table = table_create(COLUMNS);
    const json_t *worker;
    size_t i;
    json_array_foreach(get(o, "workers"), i, worker)
    {
        const json_t *card = get(worker, "card");
        table_text(table, text_of(worker, "worker"));
        table_text(table, text_of(card, "host"));
        buf_printf(table_cell(table), "%lld", (long long)int_of(card, "pid"));
        table_text(table, text_of(card, "version"));
        table_int(table, int_of(card, "slots"));
        table_int(table, int_of(card, "held"));
        put_span(int_of(o, "now_ms"), int_of(worker, "until_ms"), table_cell(table));
    }
    buf_putc(out, '\n');
    if (i)
        table_print(table, t, INDENT, out);
    else
        buf_printf(out, "%*sno worker is there\n", INDENT, "");
}

static void put_job_row(const struct term *t, const json_t *o, const json_t *job, struct table *table)
{
    const json_t *event = get(job, "event");
    struct str status = text_of(event, "status");
    int64_t now_ms = int_of(o, "now_ms");
    table_text(table, text_of(job, "job"));
    table_text(table, text_of(event, "shop"));
    table_text(table, text_of(event, "upload"));
    table_text(table, text_of(job, "priority"));
    table_text(table, status);
    table_style(table, style_of(status));
    table_text(table, text_of(event, "step"));
    struct buf *bar = table_cell(table);
    progress_bar_put(t, (double)int_of(event, "progress") / 100, BAR_COLUMNS, bar);
    buf_printf(bar, " %3lld%%", (long long)int_of(event, "progress"));
    progress_put_duration(table_cell(table), now_ms - int_of(event, "ts") + int_of(event, "elapsed_ms"));
    struct buf *deadline = table_cell(table);
    if (has(job, "deadline_ms"))
        put_span(now_ms, int_of(job, "deadline_ms"), deadline);
    else
        buf_putc(deadline, '-'); // it has not begun
}

static void put_jobs(const struct term *t, const json_t *o, struct buf *out)
{
    static const struct table_column COLUMNS[] = {
        {"Job", false, NAME_MIN}, {"Shop", false, NAME_MIN}, {"Upload", false, NAME_MIN}, {"Priority", false, 0},
        {"Status", false, 0},     {"Step", false, 0},        {"Progress", false, 0},      {"Age", true, 0},
        {"Deadline in", true, 0}, {NULL, false, 0}};
    AUTO(table_destroyp) struct table *table = table_create(COLUMNS);
    const json_t *job;
    size_t n;
    json_array_foreach(get(o, "jobs"), n, job) put_job_row(t, o, job, table);
    if (n == 0)
        return;
    buf_putc(out, '\n');
    table_print(table, t, INDENT, out);
    if ((int64_t)n < int_of(o, "open"))
        buf_printf(out, "%*s... and %lld more (--limit)\n", INDENT, "", (long long)int_of(o, "open") - (long long)n);
}

static void put_counters(const json_t *o, struct buf *out)
{
    const char *name;
    json_t *value;
    const char *glue = "";
    if (json_object_size(get(o, "counters")) == 0)
        return;
    buf_printf(out, "\n%*ssince it was made: ", INDENT, "");
    json_object_foreach((json_t *)(uintptr_t)get(o, "counters"), name, value)
    {
        buf_printf(out, "%s%s ", glue, name);
        term_put_count(out, (uint64_t)json_integer_value(value));
        glue = ", ";
    }
    buf_putc(out, '\n');
}

void queue_render_overview(const struct term *t, const json_t *overview, struct buf *out)
{
    put_title(t, overview, out);
    put_figures(overview, out);
    put_ready(t, overview, out);
    put_workers(t, overview, out);
    put_jobs(t, overview, out);
    put_counters(overview, out);
}

static int64_t waiting_tasks(const json_t *overview)
{
    const char *name;
    json_t *row;
    int64_t n = 0;
    json_object_foreach((json_t *)(uintptr_t)get(overview, "ready"), name, row) n +=
        int_of(row, "urgent") + int_of(row, "tasks") + int_of(row, "io");
    return n;
}

void queue_render_queues(const struct term *t, const json_t *overviews, struct buf *out)
{
    static const struct table_column COLUMNS[] = {
        {"Queue", false, NAME_MIN}, {"Paused", false, 0}, {"Inbox", true, 0},     {"Waiting", true, 0},
        {"Delayed", true, 0},       {"Running", true, 0}, {"Open jobs", true, 0}, {"Dead", true, 0},
        {"Workers", true, 0},       {NULL, false, 0}};
    AUTO(table_destroyp) struct table *table = table_create(COLUMNS);
    const json_t *o;
    size_t i;
    json_array_foreach(overviews, i, o)
    {
        bool is_paused = json_array_size(get(o, "paused")) > 0;
        if (get(o, "error"))
            continue;
        table_text(table, text_of(o, "queue"));
        table_text(table, is_paused ? STR("yes") : STR("no"));
        if (is_paused)
            table_style(table, TERM_YELLOW);
        table_int(table, int_of(o, "inbox"));
        table_int(table, waiting_tasks(o));
        table_int(table, int_of(o, "delayed"));
        table_int(table, int_of(o, "leased"));
        table_int(table, int_of(o, "open"));
        table_int(table, int_of(o, "dead"));
        table_int(table, (int64_t)json_array_size(get(o, "workers")));
    }
    table_print(table, t, 0, out);
    json_array_foreach(overviews, i, o)
    {
        if (!get(o, "error"))
            continue;
        put_styled(t, TERM_RED, text_of(o, "queue"), out);
        buf_puts(out, " cannot be read (its own `bundlectl doctor` says more): ");
        term_put(out, text_of(o, "error"));
        buf_putc(out, '\n');
    }
}

// ---- a job's tree ----

struct branches {
    const char *node, *last_node, *pass, *blank;
};

static const struct branches *branches_of(const struct term *t)
{
    static const struct branches UNICODE = {"\xE2\x94\x9C\xE2\x94\x80 ", "\xE2\x94\x94\xE2\x94\x80 ", "\xE2\x94\x82  ",
                                            "   "};
    static const struct branches ASCII = {"|- ", "`- ", "|  ", "   "};
    return t->has_unicode ? &UNICODE : &ASCII;
}

static void put_head(const struct term *t, const json_t *job, struct buf *out)
{
    int64_t now_ms = int_of(job, "now_ms"), created_ms = int_of(job, "created_ms");
    buf_puts(out, "job ");
    put_styled(t, TERM_BOLD, text_of(job, "job"), out);
    buf_puts(out, ": ");
    struct str status = text_of(job, "status");
    put_styled(t, style_of(text_of(job, "state")), status, out);
    buf_printf(out, ", %lld %%%s\n", (long long)int_of(job, "progress"),
               json_is_true(get(job, "partial")) ? ", partial" : "");
    buf_printf(out, "%*supload ", INDENT, "");
    term_put(out, text_of(job, "upload"));
    buf_puts(out, " of shop ");
    term_put(out, text_of(job, "shop"));
    buf_puts(out, ", priority ");
    term_put(out, text_of(job, "priority"));
    buf_printf(out, ", %lld bundles stored\n%*sadmitted ", (long long)int_of(job, "bundles"), INDENT, "");
    progress_put_duration(out, now_ms - created_ms);
    buf_puts(out, " ago");
    if (has(job, "started_ms")) {
        buf_puts(out, ", begun after ");
        put_span(created_ms, int_of(job, "started_ms"), out);
    } else if (has(job, "due_ms")) {
        buf_puts(out, ", due in ");
        put_span(now_ms, int_of(job, "due_ms"), out);
    }
    if (has(job, "ended_ms")) {
        buf_puts(out, ", ended after ");
        put_span(created_ms, int_of(job, "ended_ms"), out);
    } else if (has(job, "deadline_ms")) {
        buf_puts(out, ", deadline in ");
        put_span(now_ms, int_of(job, "deadline_ms"), out);
    }
    buf_putc(out, '\n');
    if (text_of(job, "reason").len) {
        buf_printf(out, "%*sreason: ", INDENT, "");
        term_put(out, text_of(job, "reason"));
        buf_putc(out, '\n');
    }
}

static void put_holder(const json_t *task, int64_t now_ms, struct buf *out)
{
    bool is_leased = str_eq(text_of(task, "state"), STR("leased"));
    if (text_of(task, "worker").len) {
        buf_puts(out, is_leased ? " by " : ", by ");
        term_put(out, text_of(task, "worker"));
    }
    if (is_leased) {
        buf_puts(out, " for ");
        put_span(int_of(task, "begun_ms"), now_ms, out);
        buf_puts(out, has(task, "lease_until_ms") ? ", lease ends in " : ", WITHOUT A LEASE");
        if (has(task, "lease_until_ms"))
            put_span(now_ms, int_of(task, "lease_until_ms"), out);
        buf_puts(out, ", time limit in ");
        put_span(now_ms, int_of(task, "limit_ms"), out);
    } else if (has(task, "ran_ms")) {
        buf_puts(out, " in ");
        progress_put_duration(out, int_of(task, "ran_ms"));
    }
    if (has(task, "due_ms")) {
        buf_puts(out, " for ");
        put_span(now_ms, int_of(task, "due_ms"), out);
    }
}

static void put_task(const struct term *t, const json_t *task, int64_t now_ms, struct buf *out)
{
    struct str state = text_of(task, "state");
    term_put(out, text_of(task, "task"));
    buf_puts(out, "  ");
    put_styled(t, style_of(state), state, out);
    put_holder(task, now_ms, out);
    if (int_of(task, "attempts"))
        buf_printf(out, ", %lld failed attempts", (long long)int_of(task, "attempts"));
    if (int_of(task, "crashes"))
        buf_printf(out, ", %lld crashes", (long long)int_of(task, "crashes"));
    if (has(task, "result_bytes")) {
        buf_puts(out, ", result of ");
        term_put_count(out, (uint64_t)int_of(task, "result_bytes"));
        buf_puts(out, " bytes");
    }
    if (text_of(task, "error").len)
        buf_puts(out, ", last error: ");
    term_put(out, text_of(task, "error"));
    buf_putc(out, '\n');
}

static size_t count_tasks(const json_t *stage, const char *state)
{
    const json_t *task;
    size_t i, n = 0;
    json_array_foreach(get(stage, "tasks"), i, task) n += str_eq(text_of(task, "state"), str_of(state));
    return n;
}

static void put_stage(const struct term *t, const json_t *stage, struct buf *out)
{
    struct str state = text_of(stage, "state");
    size_t n = json_array_size(get(stage, "tasks"));
    put_styled(t, TERM_BOLD, text_of(stage, "stage"), out);
    buf_puts(out, "  ");
    if (str_eq(state, STR("to come")) || str_eq(state, STR("not reached")) || str_eq(state, STR("passed over")))
        put_styled(t, TERM_DIM, state, out);
    else
        put_styled(t, style_of(state), state, out);
    if (json_is_true(get(stage, "split")) && n) {
        buf_printf(out, ", %zu of %zu ended", count_tasks(stage, "ended") + count_tasks(stage, "failed"), n);
        if (count_tasks(stage, "failed"))
            buf_printf(out, ", %zu of them failed", count_tasks(stage, "failed"));
    }
    buf_putc(out, '\n');
}

static void put_tree(const struct term *t, const json_t *job, struct buf *out)
{
    const struct branches *b = branches_of(t);
    const json_t *stage, *task;
    size_t s, k, n_stages = json_array_size(get(job, "stages"));
    json_array_foreach(get(job, "stages"), s, stage)
    {
        bool is_last = s + 1 == n_stages;
        size_t n_tasks = json_array_size(get(stage, "tasks"));
        buf_puts(out, is_last ? b->last_node : b->node);
        put_stage(t, stage, out);
        json_array_foreach(get(stage, "tasks"), k, task)
        {
            buf_puts(out, is_last ? b->blank : b->pass);
            buf_puts(out, k + 1 == n_tasks ? b->last_node : b->node);
            put_task(t, task, int_of(job, "now_ms"), out);
        }
    }
}

static void put_events(const struct term *t, const json_t *job, struct buf *out)
{
    static const struct table_column COLUMNS[] = {{"Seq", true, 0},       {"After", true, 0},    {"Status", false, 0},
                                                  {"Step", false, 0},     {"Progress", true, 0}, {"Bundles", true, 0},
                                                  {"Message", false, 20}, {NULL, false, 0}};
    AUTO(table_destroyp) struct table *table = table_create(COLUMNS);
    const json_t *event;
    size_t i;
    json_array_foreach(get(job, "events"), i, event)
    {
        table_int(table, int_of(event, "seq"));
        progress_put_duration(table_cell(table), int_of(event, "elapsed_ms"));
        table_text(table, text_of(event, "status"));
        table_style(table, style_of(text_of(event, "status")));
        table_text(table, text_of(event, "step"));
        buf_printf(table_cell(table), "%lld%%", (long long)int_of(event, "progress"));
        table_int(table, int_of(event, "bundles"));
        table_text(table, text_of(event, "message"));
    }
    if (i == 0)
        return;
    buf_putc(out, '\n');
    table_print(table, t, INDENT, out);
}

void queue_render_job(const struct term *t, const json_t *job, struct buf *out)
{
    put_head(t, job, out);
    put_tree(t, job, out);
    put_events(t, job, out);
}

// ---- the dead ----

static void put_whose(const json_t *entry, struct buf *out)
{
    term_put(out, text_of(entry, "shop"));
    if (text_of(entry, "upload").len)
        buf_putc(out, '/');
    term_put(out, text_of(entry, "upload"));
}

void queue_render_dead(const struct term *t, const json_t *entries, struct buf *out)
{
    static const struct table_column COLUMNS[] = {
        {"Id", false, 0},           {"Age", true, 0},         {"Kind", false, 0},
        {"Shop/upload", false, 20}, {"Job", false, NAME_MIN}, {"Task", false, NAME_MIN},
        {"Bytes", true, 0},         {"Reason", false, 20},    {NULL, false, 0}};
    AUTO(table_destroyp) struct table *table = table_create(COLUMNS);
    const json_t *entry;
    size_t i;
    json_array_foreach(entries, i, entry)
    {
        table_text(table, text_of(entry, "id"));
        progress_put_duration(table_cell(table), int_of(entry, "age_ms"));
        table_text(table, text_of(entry, "kind"));
        table_style(table, style_of(text_of(entry, "kind")));
        put_whose(entry, table_cell(table));
        table_text(table, text_of(entry, "job"));
        table_text(table, text_of(entry, "task"));
        table_int(table, int_of(entry, "bytes"));
        table_text(table, text_of(entry, "reason"));
    }
    if (i)
        table_print(table, t, 0, out);
    else
        buf_puts(out, "nothing is dead\n");
}
