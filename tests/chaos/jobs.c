#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/check.h"
#include "common/clock.h"
#include "tests/chaos/chaos.h"

// What an upload is asked for changes from job to job, so that bundles of an older job would be seen. Texts of options.
static const char *const VARIANTS[] = {"", ",\"bundles\":7", ",\"max_discount\":5"};

enum { MESSAGES_MAX = 2, QUIET_EVERY_MS = 60, JUDGE_WITHIN_MS = 60000, FOUND_WITHIN_MS = 180000, TEXT_BYTES = 512 };

enum plan {
    PLAN_ONE,
    PLAN_TWICE,   // the same again while it runs: it joins
    PLAN_FORCED,  // something else, by force: it replaces
    PLAN_CANCEL,  // cancelled while it runs
    PLAN_DELAYED, // not before half a second from now
    PLANS
};

struct message {
    char job[NAME_BYTES], text[TEXT_BYTES];
    int variant;
    int64_t due_ms, pushed_ms, pushed_at_ms; // monotonic; 0: not yet; Unix
    bool is_cancel, is_forced, is_written;   // written: PostgreSQL has it
};

struct ended {
    char job[2 * NAME_BYTES], state[16];
    double created;
    int variant; // < 0: not known: found again by a reconciler
};

struct round {
    const struct upload *upload;
    int number;
    enum plan plan;
    struct message messages[MESSAGES_MAX];
    int n_messages;
    int64_t look_ms, quiet_since_ms;
    struct ended judged;   // the latest job that was judged, of this round or the one before
    int64_t rest_until_ms; // before the next round: time for a zombie to do harm
    bool is_over;
};

static int jobs_named;

// ---- producing ----

// Season words that no product has: each set of them is an artefact of its own, so that it is mined anew.
static void write_message(struct chaos *c, struct round *r, struct message *m, bool is_forced, int delay_s)
{
    static const char *const PRIORITIES[] = {"interactive", "normal", "bulk"};
    char extra[96] = "";
    int word = chance(c, 0.6) ? ++jobs_named : 0;
    (void)snprintf(m->job, sizeof m->job, "j%d", ++jobs_named);
    m->is_forced = is_forced;
    m->variant = (int)between(c, 0, ARRAY_LEN(VARIANTS) - 1);
    if (is_forced)
        (void)snprintf(extra, sizeof extra, ",\"force\":true");
    if (delay_s)
        (void)snprintf(extra, sizeof extra, ",\"delay_s\":%d", delay_s);
    (void)snprintf(m->text, sizeof m->text,
                   "{\"v\":1,\"shop\":\"%s\",\"upload\":\"%s\",\"job\":\"%s\",\"priority\":\"%s\"%s,"
                   "\"options\":{\"season_words\":[\"zq%d\"]%s}}",
                   r->upload->shop, r->upload->id, m->job, PRIORITIES[between(c, 0, 2)], extra, word,
                   VARIANTS[m->variant]);
}

static void write_cancel(const struct round *r, struct message *m)
{
    m->is_cancel = true;
    (void)snprintf(m->text, sizeof m->text, "{\"v\":1,\"shop\":\"%s\",\"upload\":\"%s\",\"cancel\":true}",
                   r->upload->shop, r->upload->id);
}

static enum plan choose_plan(struct chaos *c)
{
    static const struct {
        enum plan plan;
        int weight;
    } WEIGHTS[] = {{PLAN_ONE, 50}, {PLAN_TWICE, 15}, {PLAN_FORCED, 15}, {PLAN_CANCEL, 15}, {PLAN_DELAYED, 5}};
    int64_t at = between(c, 0, 99);
    for (size_t i = 0; i < ARRAY_LEN(WEIGHTS); i++) {
        if (at < WEIGHTS[i].weight)
            return WEIGHTS[i].plan;
        at -= WEIGHTS[i].weight;
    }
    return PLAN_ONE;
}

static void round_begin(struct chaos *c, struct round *r)
{
    int64_t now_ms = clock_mono_ms();
    const struct upload *upload = r->upload;
    *r = (struct round){.upload = upload, .number = r->number + 1, .plan = choose_plan(c), .judged = r->judged};
    write_message(c, r, &r->messages[0], chance(c, 0.05), r->plan == PLAN_DELAYED ? 1 : 0);
    r->messages[0].due_ms = now_ms + between(c, 0, 100);
    r->n_messages = 1;
    if (r->plan == PLAN_ONE || r->plan == PLAN_DELAYED)
        return;
    struct message *second = &r->messages[r->n_messages++];
    if (r->plan == PLAN_CANCEL)
        write_cancel(r, second);
    else
        write_message(c, r, second, r->plan == PLAN_FORCED, 0);
    second->due_ms = r->messages[0].due_ms + between(c, 0, 600);
}

// As common/PROTOCOL.md asks web apps to: first what is wanted, in PostgreSQL, then the push.
static bool write_request(struct chaos *c, const struct round *r, const struct message *m)
{
    static const char SQL[] = "UPDATE csv_uploads SET status = 'requested', request = $2::jsonb, requested_at = now(), "
                              "updated_at = now() WHERE id = $1::uuid";
    const char *const values[] = {r->upload->id, m->text};
    PGresult *done = pg_ask(&c->servers, SQL, 2, values);
    PQclear(done);
    return done != NULL;
}

// An answer that is lost leaves open whether it was pushed: like any web app, we look later (push_again).
static void push(struct chaos *c, const struct round *r, struct message *m)
{
    if (!m->is_cancel && !m->is_written && !(m->is_written = write_request(c, r, m)))
        return; // PostgreSQL is away
    redisReply *reply = redis_ask(&c->servers, "RPUSH " QUEUE ":jobs %s", m->text);
    if (!reply && (c->servers.is_refused || !c->servers.redis_pid || c->servers.is_redis_frozen))
        return; // it is certain that nothing was pushed: the next tick tries again
    m->pushed_ms = clock_mono_ms();
    m->pushed_at_ms = clock_wall_ms();
    freeReplyObject(reply);
}

void jobs_push_garbage(struct chaos *c)
{
    static const char *const GARBAGE[] = {"{\"v\":1",
                                          "[]",
                                          "{\"v\":1,\"shop\":\"x\",\"upload\":\"y\",\"no\":1}",
                                          "\xc1",
                                          "{\"v\":1,\"shop\":\"x\",\"upload\":\"no such upload\"}",
                                          "{\"v\":1,\"job\":\"nobody\",\"cancel\":true}"};
    freeReplyObject(redis_ask(&c->servers, "RPUSH " QUEUE ":jobs %s", GARBAGE[between(c, 0, ARRAY_LEN(GARBAGE) - 1)]));
}

// ---- is everything said and done? ----

static bool names_upload(const redisReply *list, const char *upload)
{
    for (size_t i = 0; i < list->elements; i++)
        if (strstr(redis_text(list, i), upload))
            return true;
    return false;
}

// The upload's latest job in `job` ("" : none) and whether anything about the upload is still under way, at one
// instant, so that a message cannot hide between two lists. false: Redis is away.
static bool look(struct chaos *c, const struct upload *u, char job[NAME_BYTES * 2], bool *is_busy)
{
    static const char SCRIPT[] = "return {redis.call('LRANGE', KEYS[1] .. ':jobs', 0, -1), "
                                 "redis.call('LRANGE', KEYS[1] .. ':intake', 0, -1), "
                                 "redis.call('GET', KEYS[1] .. ':upload:' .. ARGV[1])}";
    redisReply *all = redis_ask(&c->servers, "EVAL %s 1 " QUEUE " %s:%s", SCRIPT, u->shop, u->id);
    if (!all)
        return false;
    *is_busy = names_upload(all->element[0], u->id) || names_upload(all->element[1], u->id);
    (void)snprintf(job, NAME_BYTES * 2, "%s", redis_text(all, 2));
    freeReplyObject(all);
    if (*is_busy || !job[0])
        return true;
    redisReply *state = redis_ask(&c->servers, "HGET " QUEUE ":job:%s state", job);
    if (!state)
        return false;
    *is_busy = state->type == REDIS_REPLY_STRING && strcmp(state->str, "open") == 0;
    freeReplyObject(state);
    return true;
}

// ---- judging ----

// false: Redis is away. state "" : there is no such job.
static bool read_ended(struct chaos *c, struct ended *e)
{
    redisReply *f = redis_ask(&c->servers, "HMGET " QUEUE ":job:%s state created", e->job);
    if (!f)
        return false;
    (void)snprintf(e->state, sizeof e->state, "%s", redis_text(f, 0));
    e->created = strtod(redis_text(f, 1), NULL);
    freeReplyObject(f);
    return true;
}

static bool has_redis_crashed_since(const struct chaos *c, int64_t unix_ms)
{
    for (int i = 0; i < c->n_redis_crashes; i++)
        if (c->redis_crashes_ms[i] >= unix_ms - 2000)
            return true;
    return false;
}

// What a crash of Redis took away may have ended before: PostgreSQL remembers. false: it is away.
static bool read_remembered(struct chaos *c, const struct upload *u, struct ended *e)
{
    const char *const values[] = {u->id, e->job};
    PGresult *r = pg_ask(&c->servers,
                         "SELECT status FROM csv_uploads WHERE id = $1::uuid AND last_job = $2 AND status IN ('final', "
                         "'cancelled')",
                         2, values);
    if (r && PQntuples(r) == 1)
        (void)snprintf(e->state, sizeof e->state, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    return r != NULL;
}

// A forced one replaces what there is, and joins nothing but a newer request that overtook it.
static bool must_be_there(const struct round *r, int i)
{
    return r->messages[i].is_forced && (i == r->n_messages - 1 || r->messages[i + 1].is_cancel);
}

// The upload is unfinished by PostgreSQL's word, so that the reconciler has to find it.
static bool is_owed(struct chaos *c, const struct upload *u)
{
    const char *const values[] = {u->id};
    PGresult *r =
        pg_ask(&c->servers,
               "SELECT FROM csv_uploads WHERE id = $1::uuid AND status IN ('requested', 'processing', 'preliminary')",
               1, values);
    bool is_owed = r && PQntuples(r) == 1;
    PQclear(r);
    return is_owed;
}

// A message of which nothing is left: it has joined another job, or Redis lost it in a crash. Then it is pushed again.
// Every other time the reconciler has to find it instead, from what PostgreSQL has; where it is killed just then, each
// time costs it queue.reconcile_after_s.
static bool push_again(struct chaos *c, struct round *r, struct message *m)
{
    bool has_crashed = has_redis_crashed_since(c, m->pushed_at_ms);
    if (has_crashed && r->number % 2 == 0 && clock_mono_ms() < r->quiet_since_ms + FOUND_WITHIN_MS)
        return false;
    if (has_crashed && r->number % 2 == 0 && is_owed(c, r->upload))
        violation(c, "%s of shop %s was lost with Redis, and no reconciler found it", m->job, r->upload->shop);
    if (!has_crashed)
        violation(c, "%s of shop %s was pushed, and there is nothing of it (no Redis crash since)", m->job,
                  r->upload->shop);
    m->pushed_ms = 0;
    m->due_ms = clock_mono_ms();
    c->repushed++;
    return false;
}

// What PostgreSQL has of the upload: true when it is what `e` must have left there. Its differences are in *why.
static bool is_stored(struct chaos *c, const struct upload *u, const struct ended *e, bool *is_away, char why[256])
{
    static const char SQL[] =
        "SELECT u.status, u.last_job, (SELECT count(*) FROM (SELECT * FROM chaos.rows WHERE csv_upload_id = $1::uuid "
        "EXCEPT SELECT * FROM chaos.wanted($1::uuid, $2::int)) x), (SELECT count(*) FROM (SELECT * FROM "
        "chaos.wanted($1::uuid, $2::int) EXCEPT SELECT * FROM chaos.rows WHERE csv_upload_id = $1::uuid) x) FROM "
        "csv_uploads u WHERE u.id = $1::uuid";
    char variant[16];
    (void)snprintf(variant, sizeof variant, "%d", e->variant < 0 ? 0 : e->variant);
    const char *const values[] = {u->id, variant};
    PGresult *r = pg_ask(&c->servers, SQL, 2, values);
    *is_away = !r;
    if (!r)
        return false;
    const char *status = PQgetvalue(r, 0, 0), *job = PQgetvalue(r, 0, 1);
    const char *more = PQgetvalue(r, 0, 2), *less = PQgetvalue(r, 0, 3);
    // Cancelled between its COMMIT and the queue's word of it, a job leaves all of its bundles.
    bool is_final = strcmp(status, "final") == 0;
    bool is_right = strcmp(job, e->job) == 0 && (strcmp(status, e->state) == 0 || (is_final && e->state[0] == 'c'));
    if (is_final && e->variant >= 0)
        is_right = is_right && strcmp(more, "0") == 0 && strcmp(less, "0") == 0;
    (void)snprintf(why, 256, "csv_uploads says %s by %s; %s rows differ from an undisturbed run, %s are missing",
                   status, job, more, less);
    PQclear(r);
    return is_right && (!is_final || copy_is_sound(c, u, is_away, why));
}

static int add_ended(struct ended *all, int n, const char *job, int variant)
{
    for (int i = 0; i < n; i++)
        if (strcmp(all[i].job, job) == 0)
            return n;
    all[n] = (struct ended){.variant = variant};
    (void)snprintf(all[n].job, sizeof all[n].job, "%s", job);
    return n + 1;
}

static void judge_states(struct chaos *c, const struct round *r, const struct ended *all, int n)
{
    for (int i = 0; i < n; i++) {
        bool may_be_cancelled = r->plan == PLAN_CANCEL || r->plan == PLAN_FORCED;
        c->jobs_judged += all[i].state[0] != '\0';
        c->jobs_final += strcmp(all[i].state, "final") == 0;
        c->jobs_cancelled += strcmp(all[i].state, "cancelled") == 0;
        c->found += all[i].variant < 0;
        if (strcmp(all[i].state, "failed") == 0 || (strcmp(all[i].state, "cancelled") == 0 && !may_be_cancelled)) {
            redisReply *why = redis_ask(&c->servers, "HGET " QUEUE ":job:%s reason", all[i].job);
            violation(c, "%s of shop %s ended %s: %s", all[i].job, r->upload->shop, all[i].state,
                      why && why->str ? why->str : "?");
            freeReplyObject(why);
        }
    }
}

// true: the round is over. Called once nothing is under way any more; what PostgreSQL says of a cancelled job follows
// later than the queue's word.
static bool judge(struct chaos *c, struct round *r, const char *latest)
{
    struct ended all[MESSAGES_MAX + 1];
    const struct ended *last = NULL;
    char why[256] = "";
    bool is_away = false;
    int n = 0;
    for (int i = 0; i < r->n_messages; i++)
        if (!r->messages[i].is_cancel)
            n = add_ended(all, n, r->messages[i].job, r->messages[i].variant);
    if (latest[0] && strcmp(latest, r->judged.job) != 0)
        n = add_ended(all, n, latest, -1);
    for (int i = 0; i < n; i++) {
        if (!read_ended(c, &all[i]))
            return false;
        if (!all[i].state[0] && has_redis_crashed_since(c, r->messages[0].pushed_at_ms) &&
            !read_remembered(c, r->upload, &all[i]))
            return false;
        if (all[i].state[0] && (!last || all[i].created >= last->created))
            last = &all[i];
    }
    for (int i = 0; i < r->n_messages; i++)
        if (!r->messages[i].is_cancel && all[i].state[0] == '\0' && (!last || must_be_there(r, i)))
            return push_again(c, r, &r->messages[i]);
    if (!is_stored(c, r->upload, last, &is_away, why)) {
        if (is_away || clock_mono_ms() < r->quiet_since_ms + JUDGE_WITHIN_MS)
            return false;
        violation(c, "%s of shop %s (upload %s, variant %d) ended %s, but %s", last->job, r->upload->shop,
                  r->upload->id, last->variant, last->state, why);
    }
    judge_states(c, r, all, n);
    if (strcmp(last->state, "final") == 0)
        copy_count(c, r->upload);
    r->judged = *last;
    if (chance(c, 0.3))
        r->rest_until_ms = clock_mono_ms() + between(c, 0, 3 * (int64_t)c->options.lease_ms);
    return true;
}

static void round_tick(struct chaos *c, struct round *r)
{
    char latest[2 * NAME_BYTES];
    bool is_busy;
    int64_t now_ms = clock_mono_ms();
    for (int i = 0; i < r->n_messages; i++) {
        if (r->messages[i].pushed_ms == 0 && now_ms >= r->messages[i].due_ms)
            push(c, r, &r->messages[i]);
        if (r->messages[i].pushed_ms == 0)
            return;
    }
    if (now_ms < r->look_ms)
        return;
    r->look_ms = now_ms + QUIET_EVERY_MS;
    if (!look(c, r->upload, latest, &is_busy))
        return;
    if (is_busy) {
        r->quiet_since_ms = 0;
        return;
    }
    if (r->quiet_since_ms == 0)
        r->quiet_since_ms = now_ms;
    r->is_over = judge(c, r, latest);
}

// What was right when it was judged still is: no zombie has written over it. true: asked and answered.
static bool judge_again(struct chaos *c, const struct round *r)
{
    char why[256];
    bool is_away = false;
    if (!r->judged.job[0] || is_stored(c, r->upload, &r->judged, &is_away, why))
        return true;
    if (!is_away)
        violation(c, "%s of shop %s had ended %s and was right, but now %s", r->judged.job, r->upload->shop,
                  r->judged.state, why);
    return !is_away;
}

void jobs_judge_again(struct chaos *c)
{
    for (int i = 0; i < c->n_uploads; i++)
        if (!judge_again(c, &c->rounds[i]))
            fatal("PostgreSQL does not answer the checker");
}

void jobs_tick(struct chaos *c)
{
    int64_t now_ms = clock_mono_ms();
    for (int i = 0; i < c->n_uploads; i++) {
        struct round *r = &c->rounds[i];
        if (!r->is_over)
            round_tick(c, r);
        else if (!c->is_closing && now_ms >= r->rest_until_ms && (!r->rest_until_ms || judge_again(c, r)))
            round_begin(c, r);
    }
}

bool jobs_are_quiet(const struct chaos *c)
{
    for (int i = 0; i < c->n_uploads; i++)
        if (!c->rounds[i].is_over)
            return false;
    return true;
}

void jobs_stuck(struct chaos *c)
{
    for (int i = 0; i < c->n_uploads; i++) {
        const struct round *r = &c->rounds[i];
        if (!r->is_over)
            violation(c, "round %d of shop %s (upload %s, job %s) has not ended", r->number, r->upload->shop,
                      r->upload->id, r->messages[0].job);
    }
}

void jobs_start(struct chaos *c)
{
    c->rounds = calloc((size_t)c->n_uploads, sizeof *c->rounds);
    CHECK(c->rounds);
    for (int i = 0; i < c->n_uploads; i++) {
        c->rounds[i].upload = &c->uploads[i];
        c->rounds[i].is_over = true;
    }
}

// ---- uploads, and what an undisturbed run makes of them ----

static void read_import(const char *path, struct upload *u)
{
    json_t *root = json_load_file(path, 0, NULL), *file;
    size_t i;
    json_array_foreach(json_object_get(root, "files"), i, file)
    {
        const char *type = json_string_value(json_object_get(file, "kind"));
        const char *id = json_string_value(json_object_get(file, "csv_upload_id"));
        if (type && id && strcmp(type, "orders") == 0)
            (void)snprintf(u->id, sizeof u->id, "%s", id);
    }
    json_decref(root);
    if (!u->id[0])
        fatal("%s names no upload of orders", path);
}

static void import(struct chaos *c, struct upload *u, int seed)
{
    char generate[PATH_BYTES], ctl[PATH_BYTES], dir[PATH_BYTES], answer[PATH_BYTES], lines[16], seeds[16];
    char files[4][2 * PATH_BYTES], pg[URL_BYTES + 16], command[PATH_BYTES * 12];
    static const char *const NAMES[] = {"orders", "variants", "inventory", "catalog"};
    (void)snprintf(generate, sizeof generate, "%s/generate_shop", c->options.bin);
    (void)snprintf(ctl, sizeof ctl, "%s/bundlectl", c->options.bin);
    (void)snprintf(dir, sizeof dir, "%s/shop", c->options.dir);
    (void)snprintf(answer, sizeof answer, "%s/import.json", c->options.dir);
    (void)snprintf(lines, sizeof lines, "%d", c->options.lines);
    (void)snprintf(seeds, sizeof seeds, "%d", seed);
    (void)snprintf(pg, sizeof pg, "BUNDLE_PG_URL=%s", c->servers.pg_url);
    for (size_t i = 0; i < 4; i++)
        (void)snprintf(files[i], sizeof files[i], "%s/%s.csv", dir, NAMES[i]);
    const char *const env[] = {pg, NULL};
    const char *const make[] = {generate, "--out", dir, "--lines", lines, "--seed", seeds, NULL};
    process_run(make, NULL, "/dev/null");
    (void)snprintf(command, sizeof command, "%s import %s %s %s %s --shop %s --json >%s", ctl, files[0], files[1],
                   files[2], files[3], u->shop, answer);
    const char *const load[] = {"/bin/sh", "-c", command, NULL};
    process_run(load, env, "/dev/stderr");
    read_import(answer, u);
}

// The content of a row is all but when and by which job it was written, and its copy: see copy.c.
static void prepare_reference(struct chaos *c)
{
    static const char *const SQL[] = {
        "CREATE SCHEMA chaos",
        "DO $$ BEGIN EXECUTE 'CREATE VIEW chaos.rows AS SELECT ' || (SELECT string_agg(quote_ident(attname), ', ' "
        "ORDER BY "
        "attnum) FROM pg_attribute WHERE attrelid = 'bundle_recommendations'::regclass AND attnum > 0 AND NOT "
        "attisdropped AND attname NOT IN ('created_at', 'job', 'ai_copy')) || ' FROM bundle_recommendations'; END $$",
        "CREATE TABLE chaos.reference AS SELECT 0 AS variant, r AS content FROM chaos.rows r LIMIT 0",
        "CREATE FUNCTION chaos.wanted(uuid, int) RETURNS SETOF chaos.rows LANGUAGE sql STABLE AS 'SELECT (content).* "
        "FROM "
        "chaos.reference WHERE (content).csv_upload_id = $1 AND variant = $2'"};
    for (size_t i = 0; i < ARRAY_LEN(SQL); i++)
        PQclear(pg_ask(&c->servers, SQL[i], 0, NULL));
    copy_prepare(c);
}

static void keep_reference(struct chaos *c, const struct upload *u, int variant)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", variant);
    const char *const values[] = {u->id, text};
    PGresult *r = pg_ask(
        &c->servers, "INSERT INTO chaos.reference SELECT $2::int, r FROM chaos.rows r WHERE csv_upload_id = $1::uuid",
        2, values);
    if (!r || strcmp(PQcmdTuples(r), "0") == 0)
        fatal("an undisturbed run makes no bundles of shop %s: more --lines?", u->shop);
    PQclear(r);
    copy_keep_templates(c, u);
}

static void run_undisturbed(struct chaos *c, const struct upload *u, int variant)
{
    int64_t until_ms = clock_mono_ms() + 60000;
    char job[NAME_BYTES], state[16] = "";
    (void)snprintf(job, sizeof job, "quiet-%d", ++jobs_named);
    freeReplyObject(redis_ask(&c->servers,
                              "RPUSH " QUEUE
                              ":jobs {\"v\":1,\"shop\":\"%s\",\"upload\":\"%s\",\"job\":\"%s\",\"options\":{"
                              "\"season_words\":[\"zq0\"]%s}}",
                              u->shop, u->id, job, VARIANTS[variant]));
    while (strcmp(state, "final") != 0) {
        struct ended e = {.variant = variant};
        (void)snprintf(e.job, sizeof e.job, "%s", job);
        if (!read_ended(c, &e) || clock_mono_ms() > until_ms)
            fatal("an undisturbed job does not end: see the logs in %s", c->options.dir);
        (void)snprintf(state, sizeof state, "%s", e.state);
        (void)usleep(5000);
    }
    keep_reference(c, u, variant);
}

void jobs_prepare(struct chaos *c)
{
    char ctl[PATH_BYTES], pg[URL_BYTES + 16], log[PATH_BYTES];
    (void)snprintf(ctl, sizeof ctl, "%s/bundlectl", c->options.bin);
    (void)snprintf(pg, sizeof pg, "BUNDLE_PG_URL=%s", c->servers.pg_url);
    (void)snprintf(log, sizeof log, "%s/schema.log", c->options.dir);
    const char *const schema[] = {ctl, "schema", "apply", NULL}, *const env[] = {pg, NULL};
    process_run(schema, env, log);
    for (int shop = 0; shop < c->options.shops; shop++) {
        for (int i = 0; i < c->options.uploads; i++) {
            struct upload *u = &c->uploads[c->n_uploads++];
            (void)snprintf(u->shop, sizeof u->shop, "shop-%d", shop + 1);
            import(c, u, 100 * shop + i + 1);
        }
    }
    prepare_reference(c);
    for (int i = 0; i < c->n_uploads; i++)
        for (int variant = 0; variant < (int)ARRAY_LEN(VARIANTS); variant++)
            run_undisturbed(c, &c->uploads[i], variant);
}
