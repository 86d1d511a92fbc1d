#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "common/check.h"
#include "common/queue_admin.h"
#include "worker/ctl/doctor.h"
#include "worker/ctl/progress_bar.h"
#include "worker/ctl/queue_view.h"

enum { KEYS_MAX = 20000, BATCH = 20, EXAMPLES = 3, REPAIRS_MAX = 1000, EXAMPLE_BYTES = 160 };

// ---- what audit.lua finds ----

#define REMEDY_RIGHTS "run bundlectl as a user with the rights of bundle-operator in config/redis.acl"
#define BY_REPAIR "bundlectl doctor --repair"
#define BY_SWEEP "a worker's sweep mends it, sooner or later; bundlectl doctor --repair does at once"

static const struct problem {
    const char *what; // as audit.lua says it
    enum doctor_status status;
    const char *remedy;
} PROBLEMS[] = {
    {"no TTL", DOCTOR_FAIL, BY_REPAIR " gives them one"},
    {"part of a job that is gone", DOCTOR_FAIL, BY_REPAIR " deletes them"},
    {"points to a job that is gone", DOCTOR_FAIL, BY_REPAIR " deletes them"},
    {"left over from an ended job", DOCTOR_FAIL, BY_REPAIR " deletes them"},
    {"open job that is not listed", DOCTOR_FAIL, BY_REPAIR " lists them, with a new deadline"},
    {"ended job that is not listed", DOCTOR_WARN, BY_REPAIR " lists them"},
    {"listed as open, and is not", DOCTOR_FAIL, BY_REPAIR " takes them off the list"},
    {"listed as kept, and is gone", DOCTOR_WARN,
     BY_REPAIR " takes them off the list; did Redis evict them? see maxmemory-policy"},
    {"lease of a task that is not leased", DOCTOR_FAIL, BY_REPAIR " takes them away"},
    {"time of a task that is not delayed", DOCTOR_FAIL, BY_REPAIR " takes them away"},
    {"busy with a task that is not leased", DOCTOR_FAIL, BY_REPAIR " takes them away"},
    {"lease that ran out long ago", DOCTOR_FAIL, "start a worker: each sweeps up after those that died"},
    {"end that PostgreSQL was not told", DOCTOR_WARN,
     "a worker tells it as soon as PostgreSQL answers; is one running?"},
    {"leased task without a lease", DOCTOR_FAIL, BY_SWEEP},
    {"delayed task without a time", DOCTOR_FAIL, BY_SWEEP},
    {"waiting task on no list", DOCTOR_FAIL, BY_SWEEP},
    {"ended task among the open ones", DOCTOR_FAIL, BY_SWEEP},
    {"job without open tasks", DOCTOR_FAIL, BY_SWEEP},
    {"job that does not read", DOCTOR_FAIL,
     BY_REPAIR " takes its keys away, and the dead have the reason; enqueue its upload again"},
    {"key that does not read", DOCTOR_FAIL,
     "it names a job whose keys somebody has spoilt; once that one is mended, bundlectl doctor --repair again"},
    {"shop in a ring without tasks", DOCTOR_FAIL, BY_REPAIR " takes it out"},
    {"shop twice in a ring", DOCTOR_WARN, BY_REPAIR " takes one out"},
    {"tasks of a shop that is in no ring", DOCTOR_FAIL, BY_REPAIR " puts it in"},
    {"more than one wake marker", DOCTOR_WARN, BY_REPAIR " takes the others away"},
    {"unknown key", DOCTOR_WARN, "of another version? drain the queue with that version, then redis-cli DEL"},
    {"wrong type", DOCTOR_FAIL, "somebody else writes under this name: find out who, then redis-cli DEL"},
};

struct audit {
    struct doctor *d;
    int64_t keys;
    bool is_cut; // there are more
    struct {
        int64_t n, mended;
        struct buf examples;
    } found[ARRAY_LEN(PROBLEMS)];
};

static void note(struct audit *a, struct str what, struct str where, bool is_mended)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(PROBLEMS) && !str_eq(what, str_of(PROBLEMS[i].what)))
        i++;
    if (a->found[i].n++ < EXAMPLES) {
        struct buf *out = &a->found[i].examples;
        buf_puts(out, out->len ? ", " : "");
        term_put_cut(out, where, EXAMPLE_BYTES / 2);
    }
    a->found[i].mended += is_mended;
}

static bool says_mended(const struct redis_reply *findings, size_t i)
{
    return redis_reply_int(redis_reply_at(findings, i + 2)) == 1;
}

// Where a reply is full and something was mended, there may be more: *is_all says whether this was all. What was not
// mended is then found, and noted, the next time.
static void note_all(struct audit *a, const struct redis_reply *findings, bool *is_all)
{
    size_t n = redis_reply_size(findings);
    *is_all = true;
    for (size_t i = 0; i + 2 < n && n / 3 == QUEUE_FINDINGS_MAX; i += 3)
        *is_all = *is_all && !says_mended(findings, i);
    for (size_t i = 0; i + 2 < n; i += 3)
        if (*is_all || says_mended(findings, i))
            note(a, redis_reply_str(redis_reply_at(findings, i)), redis_reply_str(redis_reply_at(findings, i + 1)),
                 says_mended(findings, i));
}

static bool ask(struct audit *a, const struct redis_reply *keys, size_t from, size_t to, bool *is_all, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd c = {0};
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    queue_audit_cmd(&a->d->redis.queue, a->d->is_repair, &c);
    for (size_t i = from; i < to; i++)
        redis_cmd_str(&c, redis_reply_str(redis_reply_at(keys, i)));
    if (!redis_call(a->d->redis.redis, &c, &reply, e))
        return false;
    note_all(a, reply, is_all);
    return true;
}

static bool audit_batch(struct audit *a, const struct redis_reply *keys, size_t from, struct err *e)
{
    size_t to = from + BATCH < redis_reply_size(keys) ? from + BATCH : redis_reply_size(keys);
    bool is_all = false;
    for (int i = 0; i < REPAIRS_MAX && !is_all; i++)
        if (!ask(a, keys, from, to, &is_all, e))
            return false;
    a->keys += (int64_t)(to - from);
    return is_all || err_set(e, ERR_LIMIT, "%d repairs in a row found more to mend: is somebody breaking it meanwhile?",
                             REPAIRS_MAX);
}

// The queue's name with what means something to MATCH escaped.
static void put_pattern(const struct queue *q, struct buf *out)
{
    for (const char *c = q->key; *c; c++) {
        if (strchr("\\*?[]^-", *c))
            buf_putc(out, '\\');
        buf_putc(out, *c);
    }
    buf_puts(out, ":*");
}

static bool audit_all(struct audit *a, struct err *e)
{
    AUTO(buf_fini) struct buf cursor;
    AUTO(buf_fini) struct buf pattern;
    buf_init(&cursor, 64);
    buf_init(&pattern, 256);
    buf_puts(&cursor, "0");
    put_pattern(&a->d->redis.queue, &pattern);
    do {
        AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
        const struct str words[] = {STR("SCAN"),       buf_str(&cursor), STR("MATCH"),
                                    buf_str(&pattern), STR("COUNT"),     STR("500")};
        if (!ctl_redis_ask(&a->d->redis, words, ARRAY_LEN(words), &reply, e))
            return false;
        const struct redis_reply *keys = redis_reply_at(reply, 1);
        for (size_t i = 0; i < redis_reply_size(keys); i += BATCH)
            if (!audit_batch(a, keys, i, e))
                return false;
        struct str next = redis_reply_str(redis_reply_at(reply, 0));
        buf_clear(&cursor);
        buf_put(&cursor, next.ptr, next.len);
        a->is_cut = !str_eq(next, STR("0"));
    } while (a->is_cut && (a->d->is_all || a->keys < KEYS_MAX));
    return true;
}

// ---- telling ----

static void tell_problem(struct audit *a, size_t i)
{
    const struct problem *p = &PROBLEMS[i];
    bool is_mended = a->found[i].mended == a->found[i].n;
    doctor_say(a->d, "queue", p->what, is_mended ? DOCTOR_MENDED : p->status, is_mended ? "" : p->remedy,
               "%lld%s: %s%s", (long long)a->found[i].n, is_mended ? " mended" : "",
               a->found[i].examples.len ? a->found[i].examples.data : "", a->found[i].n > EXAMPLES ? ", ..." : "");
}

static void audit_keys(struct doctor *d)
{
    struct audit *a = calloc(1, sizeof *a);
    struct err e;
    int64_t problems = 0;
    CHECK(a);
    a->d = d;
    for (size_t i = 0; i < ARRAY_LEN(PROBLEMS); i++)
        buf_init(&a->found[i].examples, EXAMPLES * (EXAMPLE_BYTES * 2));
    bool ok = audit_all(a, &e);
    for (size_t i = 0; i < ARRAY_LEN(PROBLEMS); i++) {
        if (a->found[i].n)
            tell_problem(a, i);
        problems += a->found[i].n;
        buf_fini(&a->found[i].examples);
    }
    if (!ok)
        doctor_say_error(d, "queue", "keys", e.kind == ERR_CONFIG ? REMEDY_RIGHTS : "", &e);
    else if (problems == 0)
        doctor_say(d, "queue", "keys", DOCTOR_OK, "", "%lld looked at, all add up", (long long)a->keys);
    if (ok && a->is_cut)
        doctor_say(d, "queue", "keys", DOCTOR_WARN, "bundlectl doctor --all", "only the first %lld were looked at",
                   (long long)a->keys);
    free(a);
}

// ---- workers and what waits ----

static const char *card_text(const json_t *worker, const char *field)
{
    const char *text = json_string_value(json_object_get(json_object_get(worker, "card"), field));
    return text ? text : "";
}

static void examine_workers(struct doctor *d, const json_t *overview)
{
    const json_t *workers = json_object_get(overview, "workers"), *worker;
    const char *version = "";
    bool differ = false;
    size_t i;
    json_array_foreach(workers, i, worker)
    {
        d->workers++;
        d->slots += json_integer_value(json_object_get(json_object_get(worker, "card"), "slots"));
        differ = differ || (i && strcmp(version, card_text(worker, "version")) != 0);
        version = card_text(worker, "version");
    }
    if (d->workers == 0)
        doctor_say(d, "workers", "there", DOCTOR_WARN, "start bundle-worker; its log says why it ends, if it does",
                   "none: nothing in the queue is done");
    else
        doctor_say(d, "workers", "there", DOCTOR_OK, "", "%lld with %lld slots, all heard of within their lease",
                   (long long)d->workers, (long long)d->slots);
    if (differ)
        doctor_say(d, "workers", "versions", DOCTOR_WARN, "fine during a deploy; else update the others",
                   "workers of several versions are there");
}

static int64_t int_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void examine_backlog(struct doctor *d, const json_t *overview)
{
    const json_t *paused = json_object_get(overview, "paused");
    size_t n_paused = json_array_size(paused);
    int64_t dead = int_of(overview, "dead");
    if (n_paused) {
        AUTO(buf_fini) struct buf since;
        buf_init(&since, 64);
        const json_t *first = json_array_get(paused, 0);
        const char *shop = json_string_value(json_object_get(first, "shop"));
        const char *why = json_string_value(json_object_get(first, "why"));
        progress_put_duration(&since, int_of(overview, "now_ms") - int_of(first, "since_ms"));
        doctor_say(d, "queue", "paused", DOCTOR_WARN, "bundlectl queue resume [--shop SHOP]",
                   "%s%.128s for %s%s%.200s%s", shop ? "shop " : "the whole queue", shop ? shop : "", since.data,
                   why && why[0] ? ": " : "", why ? why : "", n_paused > 1 ? ", and more" : "");
    }
    doctor_say(d, "queue", "dead", dead ? DOCTOR_WARN : DOCTOR_OK,
               dead ? "bundlectl queue dead shows them; then bundlectl queue retry --all, or queue dead --clear --yes"
                    : "",
               "%lld messages and jobs came to nothing", (long long)dead);
    doctor_say(d, "queue", "backlog", DOCTOR_OK, "", "%lld in the inbox, %lld open jobs, %lld tasks running",
               (long long)int_of(overview, "inbox"), (long long)int_of(overview, "open"),
               (long long)int_of(overview, "leased"));
}

void doctor_queue(struct doctor *d)
{
    AUTO(buf_fini) struct buf json;
    json_auto_t *overview = NULL;
    struct err e;
    buf_init(&json, CTL_OUTPUT_MAX);
    if (!d->redis.redis)
        return;
    if (!queue_view_overview(&d->redis, d->c->settings->queue_name, QUEUE_LIST_MAX, &json, &e)) {
        doctor_say_error(d, "queue", "overview", REMEDY_RIGHTS, &e);
        return;
    }
    overview = json_loadb(json.data, json.len, 0, NULL);
    CHECK(overview);
    examine_workers(d, overview);
    examine_backlog(d, overview);
    audit_keys(d);
}
