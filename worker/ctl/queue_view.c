#include "worker/ctl/queue_view.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "common/check.h"
#include "common/json_out.h"
#include "common/queue_admin.h"
#include "worker/ctl/payload.h"

static const char *const PRIORITIES[] = {"interactive", "normal", "bulk"};

// ---- replies as JSON ----

// One of our own JSON texts as it stands; null where it does not parse.
static void put_json_text(struct json_out *j, struct str text)
{
    json_auto_t *v = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL);
    if (v)
        json_out_raw(j, text);
    else
        json_out_null(j);
}

static struct str text_of(const struct redis_reply *pairs, const char *field)
{
    return redis_reply_str(queue_field(pairs, field));
}

static int64_t int_of(const struct redis_reply *pairs, const char *field)
{
    return redis_reply_int(queue_field(pairs, field));
}

static void put_text(struct json_out *j, const char *key, const struct redis_reply *pairs, const char *field)
{
    if (queue_field(pairs, field))
        json_out_key_str(j, key, text_of(pairs, field));
}

static void put_int(struct json_out *j, const char *key, const struct redis_reply *pairs, const char *field)
{
    if (queue_field(pairs, field))
        json_out_key_int(j, key, int_of(pairs, field));
}

static struct str priority_name(int64_t priority)
{
    return priority >= 0 && priority < (int64_t)ARRAY_LEN(PRIORITIES) ? str_of(PRIORITIES[priority]) : STR("unknown");
}

// ---- overview ----

// Places are "*" and ":<shop>"; what is there is {"since", "why"}.
static void put_paused(struct json_out *j, const struct redis_reply *paused)
{
    json_out_key(j, "paused");
    json_out_array(j);
    for (size_t i = 0; i + 1 < redis_reply_size(paused); i += 2) {
        struct str place = redis_reply_str(redis_reply_at(paused, i));
        struct str text = redis_reply_str(redis_reply_at(paused, i + 1));
        json_auto_t *v = json_loadb(text.ptr, text.len, 0, NULL);
        const char *why = json_string_value(json_object_get(v, "why"));
        json_out_object(j);
        json_out_key(j, "shop");
        if (place.len && place.ptr[0] == ':')
            json_out_str(j, (struct str){place.ptr + 1, place.len - 1});
        else
            json_out_null(j);
        json_out_key_int(j, "since_ms", json_integer_value(json_object_get(v, "since")));
        json_out_key_str(j, "why", str_of(why));
        json_out_end(j);
    }
    json_out_end(j);
}

static void put_ready(struct json_out *j, const struct redis_reply *ready)
{
    static const char *const NAMES[][2] = {[QUEUE_URGENT] = {"urgent", "urgent_shops"},
                                           [QUEUE_MANY] = {"tasks", "tasks_shops"},
                                           [QUEUE_IO] = {"io", "io_shops"}};
    json_out_key(j, "ready");
    json_out_object(j);
    for (size_t p = 0; p < ARRAY_LEN(PRIORITIES); p++) {
        json_out_key(j, PRIORITIES[p]);
        json_out_object(j);
        for (size_t urgency = 0; urgency < ARRAY_LEN(NAMES); urgency++) {
            const struct redis_reply *row = redis_reply_at(ready, ARRAY_LEN(NAMES) * p + urgency);
            json_out_key_int(j, NAMES[urgency][0], redis_reply_int(redis_reply_at(row, 2)));
            json_out_key_int(j, NAMES[urgency][1], redis_reply_int(redis_reply_at(row, 1)));
        }
        json_out_end(j);
    }
    json_out_end(j);
}

// A worker's card is its own JSON: what it says of itself, and until when that counts.
static void put_workers(struct json_out *j, const struct redis_reply *workers)
{
    json_out_key(j, "workers");
    json_out_array(j);
    for (size_t i = 0; i + 2 < redis_reply_size(workers); i += 3) {
        json_out_object(j);
        json_out_key_str(j, "worker", redis_reply_str(redis_reply_at(workers, i)));
        json_out_key_int(j, "until_ms", redis_reply_int(redis_reply_at(workers, i + 1)));
        json_out_key(j, "card");
        put_json_text(j, redis_reply_str(redis_reply_at(workers, i + 2)));
        json_out_end(j);
    }
    json_out_end(j);
}

static void put_open_jobs(struct json_out *j, const struct queue_overview *o)
{
    json_out_key(j, "jobs");
    json_out_array(j);
    for (size_t i = 0; i < redis_reply_size(o->jobs); i++) {
        const struct redis_reply *row = redis_reply_at(o->jobs, i);
        int64_t deadline_ms = redis_reply_int(redis_reply_at(row, 1));
        json_out_object(j);
        json_out_key_str(j, "job", redis_reply_str(redis_reply_at(row, 0)));
        json_out_key(j, "deadline_ms");
        if (deadline_ms < QUEUE_NEVER_MS)
            json_out_int(j, deadline_ms);
        else
            json_out_null(j);
        json_out_key_str(j, "priority", priority_name(redis_reply_int(redis_reply_at(row, 2))));
        json_out_key(j, "event");
        put_json_text(j, redis_reply_str(redis_reply_at(row, 3)));
        json_out_end(j);
    }
    json_out_end(j);
}

static void put_overview(struct json_out *j, const char *queue_name, const struct queue_overview *o)
{
    json_out_object(j);
    json_out_key_str(j, "queue", str_of(queue_name));
    json_out_key_int(j, "now_ms", o->now_ms);
    put_paused(j, o->paused);
    for (size_t i = 0; i + 1 < redis_reply_size(o->figures); i += 2) {
        json_out_key(j, redis_reply_str(redis_reply_at(o->figures, i)).ptr);
        json_out_int(j, redis_reply_int(redis_reply_at(o->figures, i + 1)));
    }
    put_ready(j, o->ready);
    put_workers(j, o->workers);
    json_out_key(j, "counters");
    json_out_object(j);
    for (size_t i = 0; i + 1 < redis_reply_size(o->stats); i += 2) {
        json_out_key(j, redis_reply_str(redis_reply_at(o->stats, i)).ptr);
        json_out_int(j, redis_reply_int(redis_reply_at(o->stats, i + 1)));
    }
    json_out_end(j);
    put_open_jobs(j, o);
    json_out_end(j);
}

bool queue_view_overview(struct ctl_redis *r, const char *queue_name, unsigned most, struct buf *json, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct queue_overview o;
    if (!ctl_redis_overview(r, most, &reply, &o, e))
        return false;
    struct json_out j = json_out_on(json);
    put_overview(&j, queue_name, &o);
    return buf_ok(json, "the queue's overview", e);
}

// ---- a job: stages ----

// The plan's lines: name|urgency|from|to|split|required|timeout_ms|message.
struct stage {
    struct str name, message;
    bool is_split, is_required;
    int64_t timeout_ms, total; // total: tasks it was split into
};
enum { STAGES_MAX = 32, STAGE_FIELDS = 8 };

static struct str take_until(struct str *rest, char end)
{
    const char *at = rest->len ? memchr(rest->ptr, end, rest->len) : NULL;
    struct str taken = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
    size_t used = taken.len + (at ? 1 : 0);
    *rest = (struct str){rest->ptr + used, rest->len - used};
    return taken;
}

static struct stage read_stage(struct str line)
{
    struct str f[STAGE_FIELDS];
    for (size_t i = 0; i + 1 < STAGE_FIELDS; i++)
        f[i] = take_until(&line, '|');
    struct stage s = {.name = f[0],
                      .message = line,
                      .is_split = str_eq(f[4], STR("1")),
                      .is_required = str_eq(f[5], STR("1")),
                      .total = 1};
    (void)str_to_int(f[6], &s.timeout_ms);
    return s;
}

// "pairs_total" of the counts, which are JSON members.
static int64_t total_of(const struct stage *s, struct str counts)
{
    char member[96];
    int len = snprintf(member, sizeof member, "\"" STR_FMT "_total\":", STR_ARG(s->name));
    const char *at = counts.len ? memmem(counts.ptr, counts.len, member, (size_t)len) : NULL;
    return at ? strtoll(at + len, NULL, 10) : 0;
}

static size_t read_plan(const struct queue_inspected *i, struct stage stages[STAGES_MAX])
{
    struct str rest = text_of(i->hash, "plan"), counts = text_of(i->hash, "counts");
    size_t n = 0;
    while (rest.len && n < STAGES_MAX) {
        stages[n] = read_stage(take_until(&rest, '\n'));
        if (stages[n].is_split)
            stages[n].total = total_of(&stages[n], counts);
        n++;
    }
    return n;
}

static struct str stage_state(const struct queue_inspected *i, const struct stage *s, size_t number)
{
    size_t at = (size_t)int_of(i->hash, "at");
    struct str state = text_of(i->hash, "state");
    if (s->is_split && s->total == 0 && (number < at || str_eq(state, STR("final"))))
        return STR("passed over");
    if (number < at || str_eq(state, STR("final")))
        return STR("done");
    if (str_eq(state, STR("open")))
        return number == at ? STR("open") : STR("to come");
    return number == at ? state : STR("not reached");
}

// ---- a job: tasks ----

struct task {
    struct str name, state, token;
    int64_t attempts, crashes, til_ms, begun_ms;
    size_t stage; // its number, from 1
};

static bool is_ended(const struct task *t)
{
    return str_eq(t->state, STR("e")) || str_eq(t->state, STR("f"));
}

// A record: state|attempts|crashes|til|begun|token.
static struct task read_task(struct str name, struct str record)
{
    struct task t = {.name = name, .state = take_until(&record, '|')};
    (void)str_to_int(take_until(&record, '|'), &t.attempts);
    (void)str_to_int(take_until(&record, '|'), &t.crashes);
    (void)str_to_int(take_until(&record, '|'), &t.til_ms);
    (void)str_to_int(take_until(&record, '|'), &t.begun_ms);
    t.token = record;
    return t;
}

// In the order in which they ended, open ones last: a stage opens when all tasks before it have ended.
static int by_end(const void *a_, const void *b_)
{
    const struct task *a = a_, *b = b_;
    if (is_ended(a) != is_ended(b))
        return is_ended(a) ? -1 : 1;
    if (is_ended(a) && a->til_ms != b->til_ms)
        return a->til_ms < b->til_ms ? -1 : 1;
    if (a->begun_ms != b->begun_ms)
        return a->begun_ms < b->begun_ms ? -1 : 1;
    return str_cmp(a->name, b->name);
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct task *)a)->name, ((const struct task *)b)->name);
}

// Their names say it of tasks of stages that do not split; of the others, how many tasks each stage had.
static void find_stages(struct task *tasks, size_t n_tasks, const struct stage *stages, size_t n_stages, size_t at)
{
    int64_t given[STAGES_MAX] = {0};
    qsort(tasks, n_tasks, sizeof *tasks, by_end);
    for (size_t i = 0; i < n_tasks; i++) {
        for (size_t s = 0; s < n_stages && tasks[i].stage == 0; s++)
            if (!stages[s].is_split && str_eq(stages[s].name, tasks[i].name))
                tasks[i].stage = s + 1;
        for (size_t s = 0; s < n_stages && tasks[i].stage == 0; s++)
            if (stages[s].is_split && given[s] < stages[s].total) {
                given[s]++;
                tasks[i].stage = s + 1;
            }
        if (tasks[i].stage == 0)
            tasks[i].stage = at;
    }
    qsort(tasks, n_tasks, sizeof *tasks, by_name);
}

static bool is_record(struct str field)
{
    return !memchr(field.ptr, ':', field.len); // "error:<task>" and the like are about one
}

static size_t read_tasks(const struct queue_inspected *i, struct task **out)
{
    size_t n = 0, size = redis_reply_size(i->tasks);
    struct task *tasks = calloc(size / 2 + 1, sizeof *tasks);
    CHECK(tasks);
    for (size_t k = 0; k + 1 < size; k += 2) {
        struct str field = redis_reply_str(redis_reply_at(i->tasks, k));
        if (is_record(field))
            tasks[n++] = read_task(field, redis_reply_str(redis_reply_at(i->tasks, k + 1)));
    }
    *out = tasks;
    return n;
}

static const struct redis_reply *field_of_task(const struct redis_reply *pairs, const char *prefix, struct str task)
{
    char field[QUEUE_TASK_MAX + 16];
    (void)snprintf(field, sizeof field, "%s" STR_FMT, prefix, STR_ARG(task));
    return queue_field(pairs, field);
}

static struct str state_name(struct str state)
{
    static const char *const NAMES[] = {"waiting", "delayed", "leased", "ended", "failed"};
    const char *at = state.len == 1 ? memchr("wdlef", state.ptr[0], 5) : NULL;
    return at ? str_of(NAMES[at - "wdlef"]) : STR("unknown");
}

static struct str worker_of(struct str token)
{
    (void)take_until(&token, '-');
    return token;
}

static void put_task_times(struct json_out *j, const struct queue_inspected *i, const struct task *t)
{
    const struct redis_reply *lease = field_of_task(i->leases, "", t->name);
    const struct redis_reply *due = field_of_task(i->delayed, "", t->name);
    if (t->begun_ms)
        json_out_key_int(j, "begun_ms", t->begun_ms);
    if (t->begun_ms && is_ended(t))
        json_out_key_int(j, "ran_ms", t->til_ms - t->begun_ms);
    if (str_eq(t->state, STR("l")))
        json_out_key_int(j, "limit_ms", t->til_ms);
    if (lease)
        json_out_key_int(j, "lease_until_ms", redis_reply_int(lease));
    if (due)
        json_out_key_int(j, "due_ms", redis_reply_int(due));
}

static void put_task(struct json_out *j, const struct queue_inspected *i, const struct task *t)
{
    const struct redis_reply *error = field_of_task(i->tasks, "error:", t->name);
    const struct redis_reply *bytes = field_of_task(i->results, "", t->name);
    json_out_object(j);
    json_out_key_str(j, "task", t->name);
    json_out_key_str(j, "state", state_name(t->state));
    if (worker_of(t->token).len)
        json_out_key_str(j, "worker", worker_of(t->token));
    json_out_key_int(j, "attempts", t->attempts);
    json_out_key_int(j, "crashes", t->crashes);
    put_task_times(j, i, t);
    if (bytes)
        json_out_key_int(j, "result_bytes", redis_reply_int(bytes));
    if (error)
        json_out_key_str(j, "error", redis_reply_str(error));
    json_out_end(j);
}

static void put_stages(struct json_out *j, const struct queue_inspected *i)
{
    struct stage stages[STAGES_MAX];
    struct task *tasks;
    size_t n_stages = read_plan(i, stages), n_tasks = read_tasks(i, &tasks);
    find_stages(tasks, n_tasks, stages, n_stages, (size_t)int_of(i->hash, "at"));
    json_out_key(j, "stages");
    json_out_array(j);
    for (size_t s = 0; s < n_stages; s++) {
        json_out_object(j);
        json_out_key_str(j, "stage", stages[s].name);
        json_out_key_str(j, "state", stage_state(i, &stages[s], s + 1));
        json_out_key_bool(j, "required", stages[s].is_required);
        json_out_key_bool(j, "split", stages[s].is_split);
        json_out_key_int(j, "timeout_ms", stages[s].timeout_ms);
        json_out_key(j, "tasks");
        json_out_array(j);
        for (size_t t = 0; t < n_tasks; t++)
            if (tasks[t].stage == s + 1)
                put_task(j, i, &tasks[t]);
        json_out_end(j);
        json_out_end(j);
    }
    json_out_end(j);
    free(tasks);
}

// ---- a job ----

static void put_events(struct json_out *j, const struct queue_inspected *i)
{
    json_out_key(j, "events");
    json_out_array(j);
    for (size_t n = redis_reply_size(i->events); n > 0; n--) // they come newest first
        put_json_text(j, redis_reply_str(redis_reply_at(i->events, n - 1)));
    json_out_end(j);
}

static void put_job(struct json_out *j, const struct queue_inspected *i)
{
    static const char *const TEXTS[] = {"shop", "upload", "state", "status", "reason"};
    static const char *const NUMBERS[] = {"progress", "bundles", "seq"};
    static const char *const TIMES[] = {"created", "started", "due", "ended"};
    int64_t deadline_ms = 0;
    json_out_object(j);
    json_out_key_str(j, "job", i->job);
    for (size_t k = 0; k < ARRAY_LEN(TEXTS); k++)
        put_text(j, TEXTS[k], i->hash, TEXTS[k]);
    for (size_t k = 0; k < ARRAY_LEN(NUMBERS); k++)
        put_int(j, NUMBERS[k], i->hash, NUMBERS[k]);
    json_out_key_str(j, "priority", priority_name(int_of(i->hash, "priority")));
    json_out_key_bool(j, "partial", queue_field(i->hash, "partial") != NULL);
    json_out_key_int(j, "now_ms", i->now_ms);
    for (size_t k = 0; k < ARRAY_LEN(TIMES); k++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s_ms", TIMES[k]);
        put_int(j, key, i->hash, TIMES[k]);
    }
    if (str_to_int(i->deadline, &deadline_ms) && deadline_ms < QUEUE_NEVER_MS)
        json_out_key_int(j, "deadline_ms", deadline_ms);
    json_out_key_int(j, "lives_ms", i->lives_ms);
    put_stages(j, i);
    put_events(j, i);
    json_out_end(j);
}

static bool not_one(const struct queue_inspected *i, struct str name, struct err *e)
{
    if (i->what == QUEUE_UNKNOWN)
        return err_set(e, ERR_NOT_FOUND,
                       "the queue knows no job or upload " STR_FMT "; one whose job has been forgotten "
                       "is in PostgreSQL only (bundlectl bundles)",
                       STR_ARG(name));
    AUTO(buf_fini) struct buf shops;
    buf_init(&shops, ERR_MESSAGE_MAX);
    for (size_t k = 1; k < redis_reply_size(i->shops); k++) {
        buf_puts(&shops, k > 1 ? ", " : "");
        term_put(&shops, redis_reply_str(redis_reply_at(i->shops, k)));
    }
    return err_set(e, ERR_USAGE, "uploads of several shops are called " STR_FMT ": say which by --shop, one of %s",
                   STR_ARG(name), shops.len ? shops.data : "them");
}

bool queue_view_job(struct ctl_redis *r, struct str job_or_upload, const char *shop, unsigned most_events,
                    struct buf *json, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd c;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct queue_inspected i;
    queue_inspect_cmd(&r->queue, job_or_upload, str_of(shop), most_events, &c);
    if (!redis_call(r->redis, &c, &reply, e))
        return false;
    if (!queue_inspect_reply(reply, &i))
        return err_set(e, ERR_CODEC, "what the queue says of a job is not as this version expects it");
    if (i.what != QUEUE_JOB)
        return not_one(&i, job_or_upload, e);
    struct json_out j = json_out_on(json);
    put_job(&j, &i);
    return buf_ok(json, "the job", e);
}

// ---- the dead ----

// The time that a stream's id begins with.
static int64_t ms_of_id(struct str id)
{
    int64_t ms = 0;
    (void)str_to_int(take_until(&id, '-'), &ms);
    return ms;
}

static void put_dead(struct json_out *j, const struct redis_reply *entry, int64_t now_ms)
{
    static const char *const TEXTS[] = {"kind", "reason", "shop", "upload", "job", "stage", "task"};
    struct str id = redis_reply_str(redis_reply_at(entry, 0));
    const struct redis_reply *fields = redis_reply_at(entry, 1);
    json_out_object(j);
    json_out_key_str(j, "id", id);
    json_out_key_int(j, "ts_ms", ms_of_id(id));
    json_out_key_int(j, "age_ms", now_ms - ms_of_id(id));
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++)
        if (text_of(fields, TEXTS[i]).len)
            json_out_key_str(j, TEXTS[i], text_of(fields, TEXTS[i]));
    json_out_key_int(j, "bytes", int_of(fields, "bytes"));
    json_out_key(j, "payload");
    payload_put(j, text_of(fields, "payload"));
    json_out_end(j);
}

bool queue_view_dead(struct ctl_redis *r, const char *before, unsigned most, json_t **out, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(buf_fini) struct buf json;
    char key[128], end[64], count[16];
    int64_t now_ms;
    buf_init(&json, CTL_OUTPUT_MAX);
    (void)snprintf(end, sizeof end, "%s%s", before ? "(" : "+", before ? before : "");
    (void)snprintf(count, sizeof count, "%u", most);
    const struct str words[] = {STR("XREVRANGE"), ctl_redis_key(r, "dead", key), str_of(end), STR("-"), STR("COUNT"),
                                str_of(count)};
    if (!ctl_redis_now(r, &now_ms, e) || !ctl_redis_ask(r, words, ARRAY_LEN(words), &reply, e))
        return false;
    struct json_out j = json_out_on(&json);
    json_out_array(&j);
    for (size_t i = 0; i < redis_reply_size(reply); i++)
        put_dead(&j, redis_reply_at(reply, i), now_ms);
    json_out_end(&j);
    json_error_t cause;
    if (!buf_ok(&json, "the dead stream", e))
        return false;
    *out = json_loadb(json.data, json.len, 0, &cause);
    return *out || err_set(e, ERR_INTERNAL, "the dead stream's entries do not parse: %s", cause.text);
}
