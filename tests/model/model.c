#include "tests/model/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "tests/model/census.h"
#include "tests/model/normal_form.h"

enum {
    HELD_MAX = 8,
    WANT_MAX = 3,
    LEASE_MS = 4,
    TASK_MS = 8,
    RETRY_MS = 8,
    DEADLINE_MS = 16,
    REF_MAX = 24,
    TOKEN_MAX = 48
};
static const char SHOP[] = "shop", UPLOAD[] = "upload";
static const char *const WORKERS[] = {"W1", "W2"};
static const char DEAD_WORKER[] = "W9"; // whose command is still on its way

const char *const MODEL_BUDGET_NAMES[MODEL_N_BUDGETS] = {
#define X(name) #name,
    MODEL_BUDGETS(X)
#undef X
};
const char *const MODEL_KIND_NAMES[MODEL_N_KINDS] = {"turn",  "beat",    "wake",  "crash", "preliminary", "sweep",
                                                     "step",  "freeze",  "jump",  "late",  "cancel",      "repeat",
                                                     "force", "restart", "raise", "pause", "resume"};

enum { COMPUTE_BIT = 1 << QUEUE_LANE_COMPUTE, IO_BIT = 1 << QUEUE_LANE_IO };
static const char *const WAKE_KEYS[QUEUE_LANES] = {"wake", "wake:io"};

static const struct queue_stage PLAN[] = {
    {.name = "split",
     .message = "Split",
     .urgency = 0,
     .from = 1,
     .to = 50,
     .is_required = true,
     .timeout_ms = TASK_MS},
    {.name = "many", .message = "Many", .urgency = 1, .from = 50, .to = 70, .is_split = true, .timeout_ms = TASK_MS},
    {.name = "join", .message = "Join", .urgency = 0, .from = 70, .to = 99, .is_required = true, .timeout_ms = TASK_MS},
};

struct held {
    char ref[REF_MAX], token[TOKEN_MAX];
    char outcome; // how it ended, by its name's first letter; '-': it runs
};
struct worker {
    unsigned number, answered; // of turns
    unsigned hungry;           // a bit per lane: there may be more than it was given
    struct held held[HELD_MAX];
    size_t n_held;
};

struct model {
    struct model_scenario scenario;
    struct mini_redis *redis;
    struct queue queue;
    struct queue_stage plan[ARRAY_LEN(PLAN)];
    unsigned lanes; // that its workers know
    struct normal_form *normal;
    struct census before, after;
    struct redis_cmd told; // of a sweep: what PostgreSQL knows now
    bool is_told;
    // What is kept under "~..." between states
    struct worker workers[ARRAY_LEN(WORKERS)], loaded[ARRAY_LEN(WORKERS)];
    unsigned left[MODEL_N_BUDGETS];
};

// The one random number that commands have (jitter): none here.
long random(void)
{
    return 0;
}

// ---- what the state remembers besides Redis ----

static struct redis_reply *ask(struct model *m, struct redis_cmd *c)
{
    struct redis_reply *reply = mini_redis_call(m->redis, c);
    redis_cmd_fini(c);
    return reply;
}

static void tell(struct model *m, size_t n, const struct str *words)
{
    AUTO(buf_fini) struct buf reply;
    buf_init(&reply, 1 << 20);
    CHECK(mini_redis_do(m->redis, n, words, &reply));
}

static void put_field(struct model *m, const char *key, const char *field, const char *value)
{
    const struct str words[] = {STR("HSET"), str_of(key), str_of(field), str_of(value)};
    tell(m, ARRAY_LEN(words), words);
}

static void delete_key(struct model *m, const char *key)
{
    const struct str words[] = {STR("DEL"), str_of(key)};
    tell(m, ARRAY_LEN(words), words);
}

static void key_of(const struct model *m, const char *name, const char *suffix, char *out, size_t size)
{
    (void)snprintf(out, size, "%s:%s%s", m->queue.key, name, suffix);
}

static bool find(const struct model *m, const char *name, struct mini_view *out)
{
    char key[128];
    key_of(m, name, "", key, sizeof key);
    *out = (struct mini_view){.n = 0};
    return mini_redis_find(m->redis, str_of(key), out);
}

static void save_worker(struct model *m, size_t i)
{
    const struct worker *w = &m->workers[i];
    const struct {
        const char *field;
        unsigned value;
    } NUMBERS[] = {{"number", w->number}, {"answered", w->answered}, {"hungry", w->hungry}};
    char key[8], text[REF_MAX + TOKEN_MAX];
    (void)snprintf(key, sizeof key, "~%s", WORKERS[i]);
    delete_key(m, key);
    for (size_t k = 0; k < ARRAY_LEN(NUMBERS); k++) {
        (void)snprintf(text, sizeof text, "%u", NUMBERS[k].value);
        put_field(m, key, NUMBERS[k].field, text);
    }
    for (size_t k = 0; k < w->n_held; k++) {
        const struct held *h = &w->held[k];
        const char outcome[] = {h->outcome, '\0'};
        (void)snprintf(text, sizeof text, "%s %s", h->ref,
                       h->token); // it may hold one task twice: lost, and drawn again
        put_field(m, key, text, outcome);
    }
}

static int by_ref(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    int order = strcmp(x->ref, y->ref);
    return order ? order : strcmp(x->token, y->token);
}

static unsigned number_in(const struct model *m, const struct mini_view *hash, const char *field)
{
    struct str text;
    int64_t n = 0;
    CHECK(mini_view_field(m->redis, hash, str_of(field), &text) && str_to_int(text, &n));
    return (unsigned)n;
}

static void load_worker(struct model *m, size_t i)
{
    struct worker *w = &m->workers[i];
    struct mini_view v;
    char key[8];
    (void)snprintf(key, sizeof key, "~%s", WORKERS[i]);
    CHECK(mini_redis_find(m->redis, str_of(key), &v));
    *w = (struct worker){.number = number_in(m, &v, "number"),
                         .answered = number_in(m, &v, "answered"),
                         .hungry = number_in(m, &v, "hungry")};
    for (size_t k = 0; k < v.n; k++) {
        struct str field = mini_redis_text(m->redis, v.items[k].a);
        const char *blank = memchr(field.ptr, ' ', field.len);
        if (!blank)
            continue;
        CHECK(w->n_held < HELD_MAX);
        struct held *h = &w->held[w->n_held++];
        h->outcome = mini_redis_text(m->redis, v.items[k].b).ptr[0];
        (void)snprintf(h->ref, sizeof h->ref, "%.*s", (int)(blank - field.ptr), field.ptr);
        (void)snprintf(h->token, sizeof h->token, "%s", blank + 1);
    }
    qsort(w->held, w->n_held, sizeof *w->held, by_ref);
}

static bool is_same(const struct worker *a, const struct worker *b)
{
    if (a->number != b->number || a->answered != b->answered || a->hungry != b->hungry || a->n_held != b->n_held)
        return false;
    for (size_t i = 0; i < a->n_held; i++)
        if (by_ref(&a->held[i], &b->held[i]) != 0 || a->held[i].outcome != b->held[i].outcome)
            return false;
    return true;
}

static void save_workers(struct model *m)
{
    for (size_t i = 0; i < m->scenario.workers; i++)
        if (!is_same(&m->workers[i], &m->loaded[i]))
            save_worker(m, i);
}

static void save_left(struct model *m, size_t i)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", m->left[i]);
    put_field(m, "~left", MODEL_BUDGET_NAMES[i], text);
}

static void load(struct model *m)
{
    struct mini_view v;
    for (size_t i = 0; i < m->scenario.workers; i++)
        load_worker(m, i);
    memcpy(m->loaded, m->workers, sizeof m->loaded);
    CHECK(mini_redis_find(m->redis, STR("~left"), &v));
    for (size_t i = 0; i < MODEL_N_BUDGETS; i++)
        m->left[i] = number_in(m, &v, MODEL_BUDGET_NAMES[i]);
}

// Turns that were answered need no number any more; what an answered turn drew is of no use to anybody.
static void forget_answered_turns(struct model *m, size_t i)
{
    struct worker *w = &m->workers[i];
    struct mini_view v;
    char name[16], key[128];
    (void)snprintf(name, sizeof name, "turn:%s", WORKERS[i]);
    key_of(m, name, "", key, sizeof key);
    if (find(m, name, &v)) {
        int64_t number = 0;
        char text[1024];
        struct str record = mini_redis_text(m->redis, v.items[0].a);
        size_t digits = strcspn(record.ptr, "\n");
        CHECK(str_to_int((struct str){record.ptr, digits}, &number));
        if (number <= w->answered) {
            delete_key(m, key);
        } else {
            (void)snprintf(text, sizeof text, "%lld%s", (long long)number - w->answered, record.ptr + digits);
            const struct str words[] = {STR("SET"), str_of(key), str_of(text), STR("PX"), STR("100000")};
            tell(m, ARRAY_LEN(words), words);
        }
    }
    w->number -= w->answered;
    w->answered = 0;
}

// The workers' cards; and where workers look whenever they like, the marker that would wake them.
static void forget_what_nobody_asks(struct model *m)
{
    char key[128];
    key_of(m, "workers", "", key, sizeof key);
    delete_key(m, key);
    for (size_t i = 0; i < m->scenario.workers; i++) {
        key_of(m, "worker:", WORKERS[i], key, sizeof key);
        delete_key(m, key);
        m->workers[i].hungry |= m->scenario.must_wake ? 0 : m->lanes;
    }
    for (size_t i = 0; i < QUEUE_LANES && !m->scenario.must_wake; i++) {
        key_of(m, WAKE_KEYS[i], "", key, sizeof key);
        delete_key(m, key);
    }
}

// ---- the merchant ----

static void admit(struct model *m, const char *job, bool is_forced, enum queue_priority priority, struct err *e,
                  enum queue_admission *what, char *answer, size_t size)
{
    struct redis_cmd c;
    struct queue_admitted admitted = {.what = QUEUE_GONE};
    const struct queue_job j = {.id = str_of(job),
                                .upload = str_of(UPLOAD),
                                .shop = str_of(SHOP),
                                .is_forced = is_forced,
                                .priority = priority,
                                .payload = STR("payload")};
    queue_admit_cmd(&m->queue, (struct str){"", 0}, &j, m->plan, ARRAY_LEN(m->plan), &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(m, &c);
    if (!redis_reply_error(r, e) && !queue_admit_reply(r, &admitted))
        (void)err_set(e, ERR_INTERNAL, "admit answered what is not of the protocol");
    *what = admitted.what;
    (void)snprintf(answer, size, STR_FMT, STR_ARG(admitted.job));
}

static const struct census_job *open_job(const struct census *c)
{
    for (size_t i = 0; i < CENSUS_JOBS; i++)
        if (c->jobs[i].is_there && str_eq(c->jobs[i].state, STR("open")))
            return &c->jobs[i];
    return NULL;
}

static bool ask_again(struct model *m, const char *job, bool is_forced, enum queue_priority priority, struct err *e)
{
    const struct census_job *open = open_job(&m->before);
    const struct census_job *same = &m->before.jobs[job[1] - '1'];
    bool is_same_open = open && str_eq(open->id, str_of(job));
    bool is_same_final = !open && same->is_there && str_eq(same->state, STR("final"));
    enum queue_admission wanted = open && is_forced && !is_same_open ? QUEUE_REPLACED
                                  : open || is_same_final            ? QUEUE_JOINED
                                                                     : QUEUE_ADMITTED;
    enum queue_admission what;
    char answer[16];
    *e = (struct err){0};
    admit(m, job, is_forced, priority, e, &what, answer, sizeof answer);
    if (e->kind)
        return false;
    const char *wanted_job = wanted == QUEUE_JOINED && open ? (open == &m->before.jobs[0] ? "J1" : "J2") : job;
    if (what != wanted || strcmp(answer, wanted_job) != 0)
        return err_set(e, ERR_INTERNAL, "admission %d of %s answered, %d of %s expected", (int)what, answer,
                       (int)wanted, wanted_job);
    return true;
}

static bool cancel(struct model *m, struct err *e)
{
    struct redis_cmd c;
    const struct queue_cancellation what = {.job = STR("J1"), .shop = STR(""), .upload = STR("")};
    queue_cancel_cmd(&m->queue, (struct str){"", 0}, &what, "Cancelled", "asked", &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(m, &c);
    if (redis_reply_error(r, e))
        return false;
    const struct census_job *j = &m->before.jobs[0];
    struct str wanted = str_eq(j->state, STR("open")) ? STR("cancelled") : j->state;
    return str_eq(redis_reply_str(redis_reply_at(r, 0)), wanted) ||
           err_set(e, ERR_INTERNAL, "cancel answered \"" STR_FMT "\"", STR_ARG(redis_reply_str(redis_reply_at(r, 0))));
}

static bool pause_queue(struct model *m, bool is_paused, struct err *e)
{
    struct redis_cmd c;
    queue_pause_cmd(&m->queue, (struct str){"", 0}, is_paused, STR("why"), &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(m, &c);
    if (redis_reply_error(r, e))
        return false;
    return redis_reply_int(r) == 1 || err_set(e, ERR_INTERNAL, "pausing or resuming changed nothing");
}

// ---- the workers ----

static enum queue_outcome outcome_of(char letter)
{
    static const char LETTERS[] = "dfrab";
    const char *at = strchr(LETTERS, letter);
    CHECK(at && *at);
    return (enum queue_outcome)(at - LETTERS);
}

static enum queue_verdict expected_verdict(const struct census *c, const struct held *h)
{
    const struct census_task *t = census_find(c, str_of(h->ref));
    const struct census_job *j = census_job_of(c, str_of(h->ref));
    if (!t || !str_eq(t->token, str_of(h->token)))
        return QUEUE_FENCED;
    if (t->state != 'l')
        return QUEUE_AGAIN;
    return str_eq(j->state, STR("open")) ? QUEUE_OK : QUEUE_CLOSED;
}

static void put_settlement(const struct model *m, const struct held *h, struct redis_cmd *c)
{
    static const struct queue_more MORE[] = {
        {STR("T1"), STR("p:T1")}, {STR("T2"), STR("p:T2")}, {STR("T3"), STR("p:T3")}};
    bool splits = strstr(h->ref, "/split") && h->outcome == 'd';
    const struct queue_settlement s = {.ref = str_of(h->ref),
                                       .token = str_of(h->token),
                                       .outcome = outcome_of(h->outcome),
                                       .result = str_of(h->token), // so that it says who stored it
                                       .message = STR("Said"),
                                       .reason = STR("reason"),
                                       .bundles = -1,
                                       .shared = splits ? STR("shared") : STR(""),
                                       .more = splits ? MORE : NULL,
                                       .n_more = splits ? m->scenario.tasks : 0};
    queue_turn_add(c, &s);
}

static void mark_ends(struct worker *w, const struct model_action *a)
{
    static const char LETTERS[] = "dfrab";
    size_t n = 0;
    for (size_t i = 0; i < w->n_held; i++) {
        struct held *h = &w->held[i];
        if (h->outcome != '-')
            continue;
        if (a->ends == MODEL_END_ALL)
            h->outcome = 'd';
        else if (a->ends == MODEL_END_MIXED)
            h->outcome = n++ ? 'f' : 'd';
        else if (a->ends == MODEL_END_ONE && i == a->task)
            h->outcome = LETTERS[a->outcome];
    }
}

static unsigned wanted_of(const struct model_action *a, enum queue_lane lane)
{
    return a->lanes & 1u << lane ? a->want : 0;
}

static void build_turn(struct model *m, const struct model_action *a, struct redis_cmd *c)
{
    struct worker *w = &m->workers[a->worker];
    unsigned n = 0;
    mark_ends(w, a);
    for (size_t i = 0; i < w->n_held; i++)
        n += w->held[i].outcome != '-';
    const struct queue_turn turn = {.worker = WORKERS[a->worker],
                                    .number = ++w->number,
                                    .answered = w->answered,
                                    .want = wanted_of(a, QUEUE_LANE_COMPUTE),
                                    .want_urgent = wanted_of(a, QUEUE_LANE_COMPUTE),
                                    .want_io = wanted_of(a, QUEUE_LANE_IO),
                                    .n_settlements = n};
    queue_turn_begin(&m->queue, &turn, c);
    for (size_t i = 0; i < w->n_held; i++)
        if (w->held[i].outcome != '-')
            put_settlement(m, &w->held[i], c);
}

static bool check_claim(const struct model *m, const struct queue_claimed_job *j, const struct queue_claim *c,
                        struct str token, struct err *e)
{
    char ref[REF_MAX], payload[16];
    (void)snprintf(ref, sizeof ref, STR_FMT "/" STR_FMT, STR_ARG(j->id), STR_ARG(c->task));
    (void)snprintf(payload, sizeof payload, "p:" STR_FMT, STR_ARG(c->task));
    const struct census_task *t = census_find(&m->after, str_of(ref));
    if (!t || t->state != 'l' || !str_eq(t->token, token))
        return err_set(e, ERR_INTERNAL, "%s was handed out and is not leased by its token", ref);
    if (!str_eq(c->payload, ref[3] == 'T' ? str_of(payload) : STR("")) || !str_eq(j->payload, STR("payload")))
        return err_set(e, ERR_INTERNAL, "%s was handed out with another payload", ref);
    bool is_many = str_eq(j->stage, STR("many"));
    if (!str_eq(j->shared, is_many ? STR("shared") : STR("")))
        return err_set(e, ERR_INTERNAL, "%s was handed out with another shared part", ref);
    const struct census_job *job = census_job_of(&m->after, str_of(ref));
    size_t n_done = 0;
    for (size_t i = 0; i < job->n_tasks; i++)
        n_done += job->tasks[i].state == 'e';
    if (queue_claimed_results(j) != (is_many ? 0 : n_done))
        return err_set(e, ERR_INTERNAL, "%s was handed out with %zu results of %zu", ref, queue_claimed_results(j),
                       n_done);
    return true;
}

static bool take_claims(struct model *m, struct worker *w, const struct redis_reply *r, struct err *e)
{
    struct str token = queue_turn_token(r);
    for (size_t i = 0; i < queue_turn_claims(r); i++) {
        struct queue_claim c;
        struct queue_claimed_job j;
        if (!queue_turn_claim(r, i, &c) || !queue_turn_job(r, c.job, &j))
            return err_set(e, ERR_INTERNAL, "a claim that is not of the protocol");
        if (!check_claim(m, &j, &c, token, e))
            return false;
        CHECK(w->n_held < HELD_MAX);
        struct held *h = &w->held[w->n_held++];
        h->outcome = '-';
        (void)snprintf(h->ref, sizeof h->ref, STR_FMT "/" STR_FMT, STR_ARG(j.id), STR_ARG(c.task));
        (void)snprintf(h->token, sizeof h->token, STR_FMT, STR_ARG(token));
        for (size_t k = 0; k + 1 < w->n_held; k++)
            if (strcmp(w->held[k].ref, h->ref) == 0 && strcmp(w->held[k].token, h->token) == 0)
                return err_set(e, ERR_INTERNAL, "%s was handed out twice", h->ref);
    }
    return true;
}

// Who got as much as it wanted in a lane may get more. What came beyond that was drawn before, and its answer lost.
static bool note_hunger(const struct model *m, struct worker *w, const struct model_action *a, bool is_redrawn,
                        const struct redis_reply *r, struct err *e)
{
    size_t n[QUEUE_LANES] = {0};
    for (size_t i = 0; i < queue_turn_claims(r); i++) {
        struct queue_claim c;
        struct queue_claimed_job j;
        bool is_io = m->scenario.has_io && queue_turn_claim(r, i, &c) && queue_turn_job(r, c.job, &j) &&
                     str_eq(j.stage, STR("many"));
        n[is_io ? QUEUE_LANE_IO : QUEUE_LANE_COMPUTE]++;
    }
    for (int i = 0; i < QUEUE_LANES; i++) {
        unsigned bit = 1u << i, want = wanted_of(a, (enum queue_lane)i);
        if (n[i] > want && !is_redrawn)
            return err_set(e, ERR_INTERNAL, "a turn that wanted %u tasks of lane %d was given %zu", want, i, n[i]);
        if (want > 0)
            w->hungry = (w->hungry & ~bit) | (n[i] >= want ? bit : 0);
    }
    return true;
}

static bool holds_twice(const struct worker *w, const struct held *h)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_held; i++)
        n += strcmp(w->held[i].ref, h->ref) == 0;
    return n > 1;
}

// What a turn must have done to each task that it ended, and to those that it may not touch.
static bool check_effect(const struct model *m, const struct worker *w, const struct held *h,
                         enum queue_verdict verdict, struct err *e)
{
    const struct census_task *was = census_find(&m->before, str_of(h->ref));
    const struct census_task *is = census_find(&m->after, str_of(h->ref));
    const struct census_job *j = census_job_of(&m->after, str_of(h->ref));
    if (verdict != QUEUE_OK) {
        bool has_ended = was && is && is->state == 'e' && was->state != 'e' && !holds_twice(w, h);
        return !has_ended || err_set(e, ERR_INTERNAL, "%s: refused, and ended all the same", h->ref);
    }
    bool is_open = str_eq(j->state, STR("open"));
    int64_t attempts = is->attempts - was->attempts;
    bool is_late = was->til_ms <= m->before.now_ms; // past its time limit: handing back is no excuse
    if (is->crashes != was->crashes)
        return err_set(e, ERR_INTERNAL, "%s: an end counts as no crash", h->ref);
    if (h->outcome == 'd' && is_open && is->state != 'e')
        return err_set(e, ERR_INTERNAL, "%s: done, and not ended", h->ref);
    if (h->outcome == 'f' && is->state != 'f')
        return err_set(e, ERR_INTERNAL, "%s: failed, and not ended", h->ref);
    if (strchr("dfa", h->outcome) && attempts != 0)
        return err_set(e, ERR_INTERNAL, "%s: this end burns no attempt", h->ref);
    if (h->outcome == 'b' && attempts != (is_late && is_open ? 1 : 0) && attempts != is_late)
        return err_set(e, ERR_INTERNAL, "%s: handing back burns no attempt", h->ref);
    if (h->outcome == 'r' && attempts != 1)
        return err_set(e, ERR_INTERNAL, "%s: an error burns an attempt", h->ref);
    return true;
}

static bool check_turn(struct model *m, const struct worker *was, const struct redis_reply *r, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < was->n_held; i++) {
        const struct held *h = &was->held[i];
        if (h->outcome == '-')
            continue;
        enum queue_verdict verdict = queue_turn_verdict(r, n++), wanted = expected_verdict(&m->before, h);
        // Of several ends in one turn an earlier one may end the job, or the same task's.
        bool is_closed_now = wanted == QUEUE_OK && verdict == QUEUE_CLOSED && n > 1;
        if (verdict != wanted && !is_closed_now)
            return err_set(e, ERR_INTERNAL, "%s with %s: verdict %d, expected %d", h->ref, h->token, (int)verdict,
                           (int)wanted);
        if (!check_effect(m, was, h, verdict, e))
            return false;
    }
    return queue_turn_verdicts(r) == n || err_set(e, ERR_INTERNAL, "more verdicts than ends");
}

static void forget_settled(struct worker *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n_held; i++)
        if (w->held[i].outcome == '-')
            w->held[kept++] = w->held[i];
    w->n_held = kept;
}

static void set_fence_before_turned(struct model *m)
{
    struct mini_view v;
    int64_t n = 0;
    char key[128], text[24];
    CHECK(find(m, "fence", &v) && str_to_int(mini_redis_text(m->redis, v.items[0].a), &n));
    key_of(m, "fence", "", key, sizeof key);
    n += 7;
    (void)snprintf(text, sizeof text, "%lld", (long long)n);
    const struct str words[] = {STR("SET"), str_of(key), str_of(text)};
    tell(m, ARRAY_LEN(words), words);
}

static void keep_for_later(struct model *m, const struct redis_cmd *c)
{
    const struct str words[] = {STR("SET"), STR("~late"), buf_str(&c->args)};
    tell(m, ARRAY_LEN(words), words);
}

static bool turn(struct model *m, const struct model_action *a, struct err *e)
{
    struct worker *w = &m->workers[a->worker];
    struct redis_cmd c;
    unsigned was_hungry = w->hungry;
    build_turn(m, a, &c);
    w->hungry = m->lanes;
    if (a->fate == MODEL_STUCK) {
        keep_for_later(m, &c);
        redis_cmd_fini(&c);
        return true;
    }
    if (a->is_turned)
        set_fence_before_turned(m);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(m, &c);
    if (redis_reply_error(r, e))
        return false;
    census_take(m->redis, m->queue.key, &m->after);
    if (!check_turn(m, w, r, e))
        return false;
    if (a->fate == MODEL_LOST)
        return true;
    bool is_redrawn = w->answered + 1 < w->number;
    w->answered = w->number;
    w->hungry = was_hungry;
    forget_settled(w);
    return note_hunger(m, w, a, is_redrawn, r, e) && take_claims(m, w, r, e);
}

// A command that was taken for lost is done after all; nobody waits for what it answers.
static bool do_late(struct model *m, struct err *e)
{
    struct mini_view v;
    struct redis_cmd c;
    CHECK(mini_redis_find(m->redis, STR("~late"), &v));
    const struct queue_turn empty = {.worker = ""};
    queue_turn_begin(&m->queue, &empty, &c); // for its script
    buf_clear(&c.args);
    struct str words = mini_redis_text(m->redis, v.items[0].a);
    buf_put(&c.args, words.ptr, words.len);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(m, &c);
    delete_key(m, "~late");
    return !redis_reply_error(r, e);
}

static bool beat(struct model *m, size_t number, struct err *e)
{
    struct worker *w = &m->workers[number];
    struct redis_cmd c;
    queue_beat_cmd(&m->queue, WORKERS[number], STR("{}"), &c);
    for (size_t i = 0; i < w->n_held; i++) {
        redis_cmd_text(&c, w->held[i].ref);
        redis_cmd_text(&c, w->held[i].token);
    }
    AUTO(redis_reply_freep) struct redis_reply *r = ask(m, &c);
    if (redis_reply_error(r, e))
        return false;
    for (size_t i = 0; i < w->n_held; i++) {
        struct held *h = &w->held[i];
        const struct census_task *t = census_find(&m->before, str_of(h->ref));
        bool is_held = expected_verdict(&m->before, h) == QUEUE_OK && t->til_ms > m->before.now_ms;
        bool is_lost = false;
        for (size_t k = 0; k < redis_reply_size(r); k++)
            is_lost |= str_eq(redis_reply_str(redis_reply_at(r, k)), str_of(h->ref));
        if (holds_twice(w, h))
            is_lost = !is_held; // the answer names tasks, not tokens
        if (is_lost == is_held)
            return err_set(e, ERR_INTERNAL, "a beat said of %s that it was %s", h->ref, is_lost ? "lost" : "held");
        if (is_lost && h->outcome == '-')
            h->outcome = 'b'; // the handler is told to stop, and hands back
    }
    return true;
}

static bool preliminary(struct model *m, const struct model_action *a, struct err *e)
{
    const struct held *h = &m->workers[a->worker].held[a->task];
    struct redis_cmd c;
    queue_progress_cmd(&m->queue, str_of(h->ref), str_of(h->token), true, 60, STR("First"), -1, &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(m, &c);
    if (redis_reply_error(r, e))
        return false;
    bool is_holder = expected_verdict(&m->before, h) == QUEUE_OK;
    return redis_reply_int(r) == is_holder || err_set(e, ERR_INTERNAL, "an event of %s was %s", h->ref,
                                                      is_holder ? "refused" : "let through without the lease");
}

static bool take_wake(struct model *m, const struct model_action *a)
{
    char key[128];
    key_of(m, WAKE_KEYS[a->lanes == IO_BIT], "", key, sizeof key);
    const struct str words[] = {STR("LPOP"), str_of(key)};
    tell(m, ARRAY_LEN(words), words);
    m->workers[a->worker].hungry |= a->lanes;
    return true;
}

// A command that is on its way is then a dead worker's; its name comes to no other.
static bool crash(struct model *m, const struct model_action *a)
{
    char key[128], late[2048];
    struct mini_view v;
    m->workers[a->worker] = (struct worker){.hungry = m->lanes};
    key_of(m, "turn:", WORKERS[a->worker], key, sizeof key);
    delete_key(m, key);
    if (mini_redis_find(m->redis, STR("~late"), &v)) {
        struct str words = mini_redis_text(m->redis, v.items[0].a);
        char mark[16];
        (void)snprintf(mark, sizeof mark, "\r\n%s\r\n", WORKERS[a->worker]);
        CHECK(words.len < sizeof late);
        memcpy(late, words.ptr, words.len);
        char *at = memmem(late, words.len, mark, strlen(mark));
        if (at)
            memcpy(at + 2, DEAD_WORKER, 2);
        const struct str set[] = {STR("SET"), STR("~late"), {late, words.len}};
        tell(m, ARRAY_LEN(set), set);
    }
    return true;
}

// ---- time ----

static bool sweep(struct model *m, struct err *e)
{
    struct redis_cmd c;
    queue_sweep_cmd(&m->queue, &c);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(m, &c); // which looks at two jobs: there are no more
    if (redis_reply_error(r, e))
        return false;
    if (queue_swept_mends(r) > 0)
        return err_set(e, ERR_INTERNAL, "the sweep found something to mend: " STR_FMT, STR_ARG(queue_swept_mend(r, 0)));
    queue_told_cmd(&m->queue, &m->told);
    m->is_told = true;
    for (size_t i = 0; i < queue_swept_ends(r); i++) {
        struct queue_end end;
        if (!queue_swept_end(r, i, &end) || str_eq(end.state, STR("open")) || str_eq(end.state, STR("final")))
            return err_set(e, ERR_INTERNAL, "an end to be told that is none");
        redis_cmd_str(&m->told, end.job);
    }
    return true;
}

// The worker that swept writes the ends to PostgreSQL. (One that dies before is followed by another, 10 s later.)
static void tell_ends(struct model *m)
{
    if (m->is_told)
        redis_reply_free(ask(m, &m->told));
    m->is_told = false;
}

// The next time at which something happens by itself; INT64_MAX: never.
static int64_t next_deadline(const struct model *m)
{
    static const char *const NAMES[] = {"leases", "delayed", "open"};
    int64_t next = INT64_MAX, now = mini_redis_clock(m->redis);
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        struct mini_view v;
        if (!find(m, NAMES[i], &v))
            continue;
        for (size_t k = 0; k < v.n; k++) {
            int64_t at = (int64_t)v.items[k].score;
            if (at > now && at < INT64_C(9000000000000000) && at < next)
                next = at;
        }
    }
    return next;
}

static bool something_is_due(const struct model *m)
{
    static const char *const NAMES[] = {"leases", "delayed", "open", "ended"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        struct mini_view v;
        if (find(m, NAMES[i], &v) && v.n && (int64_t)v.items[0].score <= mini_redis_clock(m->redis))
            return true;
    }
    return false;
}

static bool pass_time(struct model *m, const struct model_action *a, struct err *e)
{
    char key[128], text[24];
    int64_t at = next_deadline(m);
    CHECK(at != INT64_MAX);
    mini_redis_set_clock(m->redis, at);
    if (a->kind == MODEL_JUMP)
        return true;
    key_of(m, "swept", "", key, sizeof key);
    (void)snprintf(text, sizeof text, "%lld", (long long)at);
    const struct str words[] = {STR("SET"), str_of(key), str_of(text), STR("PX"), STR("86400000")};
    tell(m, ARRAY_LEN(words), words);
    census_take(m->redis, m->queue.key, &m->before);
    for (size_t i = 0; i < m->scenario.workers; i++)
        if (m->workers[i].n_held && (a->kind == MODEL_STEP || i != a->worker) && !beat(m, i, e))
            return false;
    return true;
}

// ---- a step ----

static bool act(struct model *m, const struct model_action *a, struct err *e)
{
    switch ((enum model_kind)a->kind) {
    case MODEL_TURN:
        return turn(m, a, e);
    case MODEL_BEAT:
        return beat(m, a->worker, e);
    case MODEL_WAKE:
        return take_wake(m, a);
    case MODEL_CRASH:
        return crash(m, a);
    case MODEL_PRELIMINARY:
        return preliminary(m, a, e);
    case MODEL_SWEEP:
        return sweep(m, e);
    case MODEL_STEP:
    case MODEL_FREEZE:
    case MODEL_JUMP:
        return pass_time(m, a, e);
    case MODEL_LATE:
        return do_late(m, e);
    case MODEL_CANCEL:
        return cancel(m, e);
    case MODEL_REPEAT:
        return ask_again(m, "J2", false, QUEUE_NORMAL, e);
    case MODEL_FORCE:
        return ask_again(m, "J2", true, QUEUE_NORMAL, e);
    case MODEL_RESTART:
        return ask_again(m, "J1", false, QUEUE_NORMAL, e);
    case MODEL_RAISE:
        return ask_again(m, "J2", false, QUEUE_INTERACTIVE, e);
    case MODEL_PAUSE:
    case MODEL_RESUME:
        return pause_queue(m, a->kind == MODEL_PAUSE, e);
    case MODEL_N_KINDS:
        break;
    }
    return err_set(e, ERR_INTERNAL, "no such action");
}

static int budget_of(const struct model_action *a)
{
    static const int OF_OUTCOME[] = {-1, MODEL_failures, MODEL_failures, MODEL_aways, MODEL_backs};
    switch ((enum model_kind)a->kind) {
    case MODEL_TURN:
        return a->ends == MODEL_END_MIXED ? MODEL_failures : a->ends == MODEL_END_ONE ? OF_OUTCOME[a->outcome] : -1;
    case MODEL_CRASH:
        return MODEL_crashes;
    case MODEL_PRELIMINARY:
        return MODEL_preliminaries;
    case MODEL_STEP:
        return a->is_good ? -1 : MODEL_slows;
    case MODEL_FREEZE:
        return MODEL_freezes;
    case MODEL_JUMP:
        return MODEL_jumps;
    case MODEL_CANCEL:
        return MODEL_cancels;
    case MODEL_REPEAT:
        return MODEL_repeats;
    case MODEL_FORCE:
        return MODEL_forces;
    case MODEL_RESTART:
        return MODEL_restarts;
    case MODEL_RAISE:
        return MODEL_raises;
    case MODEL_PAUSE:
        return MODEL_pauses;
    default:
        return -1;
    }
}

static int budget_of_fate(const struct model_action *a)
{
    if (a->kind != MODEL_TURN || a->fate == MODEL_ANSWERED)
        return -1;
    return a->fate == MODEL_LOST ? MODEL_losses : MODEL_lates;
}

static bool is_affordable(const struct model *m, const struct model_action *a)
{
    int what = budget_of(a), fate = budget_of_fate(a);
    return (what < 0 || m->left[what] > 0) && (fate < 0 || m->left[fate] > 0);
}

static void pay(struct model *m, const struct model_action *a)
{
    int what = budget_of(a), fate = budget_of_fate(a);
    const int spent[] = {what, fate};
    for (size_t i = 0; i < ARRAY_LEN(spent); i++) {
        if (spent[i] < 0)
            continue;
        m->left[spent[i]]--;
        save_left(m, (size_t)spent[i]);
    }
    if (a->kind == MODEL_RESTART || a->kind == MODEL_RAISE)
        put_field(m, "~loose", "is", "1");
}

// Is there a task in this lane that somebody could draw now?
static bool is_drawable(const struct model *m, const struct census *c, enum queue_lane lane)
{
    struct mini_view v;
    if (find(m, "paused", &v))
        return false;
    for (size_t i = 0; i < CENSUS_JOBS; i++)
        for (size_t k = 0; k < c->jobs[i].n_tasks; k++)
            if (c->jobs[i].tasks[k].state == 'w' && c->jobs[i].tasks[k].is_open &&
                lane == (m->scenario.has_io && c->jobs[i].tasks[k].name.ptr[0] == 'T'))
                return true;
    return false;
}

static bool check_wake_of(const struct model *m, enum queue_lane lane, struct err *e)
{
    struct mini_view v;
    if (!m->scenario.must_wake || find(m, WAKE_KEYS[lane], &v) || !is_drawable(m, &m->after, lane))
        return true;
    for (size_t i = 0; i < m->scenario.workers; i++)
        if (m->workers[i].hungry & 1u << lane || m->workers[i].n_held || m->workers[i].number != m->workers[i].answered)
            return true;
    return err_set(e, ERR_INTERNAL, "a task waits, all workers sleep, and there is no marker \"%s\"", WAKE_KEYS[lane]);
}

static bool check_wake(const struct model *m, struct err *e)
{
    return check_wake_of(m, QUEUE_LANE_COMPUTE, e) && check_wake_of(m, QUEUE_LANE_IO, e);
}

// A worker that lives and says so is never taken for a dead one, nor does an answer that is lost count as a death.
static bool check_crashes(const struct model *m, struct err *e)
{
    static const enum model_budget CAUSES[] = {MODEL_crashes, MODEL_freezes, MODEL_jumps, MODEL_lates};
    for (size_t i = 0; i < ARRAY_LEN(CAUSES); i++)
        if (m->left[CAUSES[i]] != m->scenario.budget[CAUSES[i]])
            return true;
    for (size_t i = 0; i < CENSUS_JOBS; i++)
        for (size_t k = 0; k < m->after.jobs[i].n_tasks; k++)
            if (m->after.jobs[i].tasks[k].crashes > 0)
                return err_set(e, ERR_INTERNAL, STR_FMT " counts a death; nobody died",
                               STR_ARG(m->after.jobs[i].tasks[k].name));
    return true;
}

bool model_apply(struct model *m, const struct model_action *a, struct err *violation)
{
    *violation = (struct err){0};
    load(m);
    census_take(m->redis, m->queue.key, &m->before);
    pay(m, a);
    if (!act(m, a, violation))
        return false;
    census_take(m->redis, m->queue.key, &m->after);
    if (!census_check_step(m->redis, m->queue.key, &m->before, &m->after, violation) ||
        !census_check(m->redis, m->queue.key, &m->after, violation) || !check_wake(m, violation) ||
        !check_crashes(m, violation))
        return false;
    tell_ends(m);
    char key[128];
    key_of(m, "turn:", DEAD_WORKER, key, sizeof key);
    delete_key(m, key);
    for (size_t i = 0; i < m->scenario.workers; i++)
        forget_answered_turns(m, i);
    forget_what_nobody_asks(m);
    save_workers(m);
    normal_form_apply(m->normal);
    return true;
}

// ---- what may happen ----

struct list {
    struct model *m;
    struct model_action *out;
    size_t n;
};

static void add(struct list *l, struct model_action a)
{
    if (!is_affordable(l->m, &a))
        return;
    CHECK(l->n < MODEL_ACTIONS_MAX);
    l->out[l->n++] = a;
}

static bool is_anything_ready(const struct model *m)
{
    struct mini_view v;
    static const char *const RINGS[] = {"ring:0", "ring:1", "ring:2", "ring:3", "ring:4", "ring:5"};
    for (size_t i = 0; i < ARRAY_LEN(RINGS); i++)
        if (find(m, RINGS[i], &v))
            return true;
    return false;
}

// A beat changes something only where the clock has gone on since the last, or a lease is lost.
static bool does_beat_matter(const struct model *m, const struct worker *w)
{
    for (size_t i = 0; i < w->n_held; i++) {
        const struct held *h = &w->held[i];
        const struct census_task *t = census_find(&m->before, str_of(h->ref));
        bool is_lost = expected_verdict(&m->before, h) != QUEUE_OK || t->til_ms <= m->before.now_ms;
        if (is_lost ? h->outcome == '-' : t->lease_ms < t->til_ms && t->lease_ms < m->before.now_ms + LEASE_MS)
            return true;
    }
    return false;
}

static unsigned room_of(const struct worker *w)
{
    unsigned n = 0;
    for (size_t i = 0; i < w->n_held; i++)
        n += w->held[i].outcome == '-';
    return n < WANT_MAX ? WANT_MAX - n : 0;
}

static void add_turn(struct list *l, struct model_action a)
{
    add(l, a);
    if (a.want > 0 && l->m->scenario.has_priorities) {
        a.is_turned = true;
        a.is_good = false;
        add(l, a);
    }
}

static void add_fates(struct list *l, struct model_action a)
{
    struct mini_view v;
    a.is_good = false;
    a.fate = MODEL_LOST;
    add(l, a);
    a.fate = MODEL_STUCK;
    if (!mini_redis_find(l->m->redis, STR("~late"), &v)) // one at a time
        add(l, a);
}

static void add_ends_of(struct list *l, struct model_action a, const struct worker *w, size_t i)
{
    a.ends = MODEL_END_ONE;
    a.task = (unsigned char)i;
    a.want = 0;
    for (a.outcome = QUEUE_DONE; a.outcome <= QUEUE_BACK; a.outcome++)
        add_turn(l, a);
    a.outcome = QUEUE_DONE;
    a.want = room_of(w) > 0 ? 1 : 0;
    if (a.want)
        add_turn(l, a);
    add_fates(l, a);
}

static void add_turns(struct list *l, size_t i)
{
    const struct worker *w = &l->m->workers[i];
    struct model_action a = {.kind = MODEL_TURN, .worker = (unsigned char)i, .lanes = (unsigned char)l->m->lanes};
    unsigned room = room_of(w), running = WANT_MAX - room;
    bool is_pending = w->n_held > running || w->number != w->answered;
    if (is_pending || (w->hungry && room > 0 && (l->m->scenario.must_wake || is_anything_ready(l->m)))) {
        a.want = (unsigned char)room;
        a.is_good = true;
        add_turn(l, a);
        a.is_good = false;
        add_fates(l, a);
        a.want = 1;
        if (room > 1)
            add_turn(l, a);
        for (a.lanes = COMPUTE_BIT; a.lanes < l->m->lanes; a.lanes++) // it has room in one lane only
            add_turn(l, a);
        a.lanes = (unsigned char)l->m->lanes;
    }
    for (size_t k = 0; k < w->n_held; k++)
        if (w->held[k].outcome == '-')
            add_ends_of(l, a, w, k);
    a.want = WANT_MAX;
    a.ends = MODEL_END_ALL;
    a.is_good = true;
    if (running > 0)
        add_turn(l, a);
    if (running > 1)
        add_fates(l, a);
    a.is_good = false;
    a.want = 0;
    a.ends = MODEL_END_MIXED;
    if (running > 1)
        add_turn(l, a);
}

static void add_worker(struct list *l, size_t i)
{
    struct model *m = l->m;
    const struct worker *w = &m->workers[i];
    struct model_action a = {.worker = (unsigned char)i};
    struct mini_view v;
    add_turns(l, i);
    a.kind = MODEL_BEAT;
    a.is_good = true;
    if (does_beat_matter(m, w))
        add(l, a);
    a.kind = MODEL_WAKE;
    for (a.lanes = COMPUTE_BIT; a.lanes <= IO_BIT && m->scenario.must_wake; a.lanes++)
        if (!(w->hungry & a.lanes) && find(m, WAKE_KEYS[a.lanes == IO_BIT], &v))
            add(l, a);
    a.lanes = 0;
    a.is_good = false;
    a.kind = MODEL_CRASH;
    if (w->n_held || w->number != w->answered)
        add(l, a);
    a.kind = MODEL_PRELIMINARY;
    for (size_t k = 0; k < w->n_held; k++) {
        a.task = (unsigned char)k;
        if (w->held[k].outcome == '-')
            add(l, a);
    }
}

static bool is_anything_unanswered(const struct model *m)
{
    for (size_t i = 0; i < m->scenario.workers; i++)
        if (m->workers[i].number != m->workers[i].answered)
            return true;
    return false;
}

static void add_environment(struct list *l)
{
    struct model *m = l->m;
    struct mini_view v;
    add(l, (struct model_action){.kind = MODEL_SWEEP, .is_good = true});
    if (next_deadline(m) != INT64_MAX) {
        bool is_idle = model_next_good(m, l->out, l->n) < 0;
        if (!is_anything_unanswered(m)) // a live worker sends its turn again before a lease is over
            add(l, (struct model_action){.kind = MODEL_STEP, .is_good = is_idle});
        add(l, (struct model_action){.kind = MODEL_JUMP});
        for (size_t i = 0; i < m->scenario.workers; i++)
            if (m->workers[i].n_held || m->workers[i].number != m->workers[i].answered)
                add(l, (struct model_action){.kind = MODEL_FREEZE, .worker = (unsigned char)i});
    }
    if (mini_redis_find(m->redis, STR("~late"), &v))
        add(l, (struct model_action){.kind = MODEL_LATE});
    bool is_paused = find(m, "paused", &v);
    add(l, (struct model_action){.kind = is_paused ? MODEL_RESUME : MODEL_PAUSE, .is_good = is_paused});
    static const enum model_kind ASKED[] = {MODEL_CANCEL, MODEL_REPEAT, MODEL_FORCE, MODEL_RESTART, MODEL_RAISE};
    for (size_t i = 0; i < ARRAY_LEN(ASKED); i++)
        add(l, (struct model_action){.kind = (unsigned char)ASKED[i]});
}

size_t model_actions(struct model *m, struct model_action out[MODEL_ACTIONS_MAX])
{
    struct list l = {.m = m, .out = out};
    load(m);
    census_take(m->redis, m->queue.key, &m->before);
    for (size_t i = 0; i < m->scenario.workers; i++)
        add_worker(&l, i);
    add_environment(&l);
    return l.n;
}

// ---- the fair and undisturbed future ----

static int find_action(const struct model_action *actions, size_t n, enum model_kind kind, int worker)
{
    for (size_t i = 0; i < n; i++)
        if (actions[i].is_good && actions[i].kind == kind && (worker < 0 || actions[i].worker == worker))
            return (int)i;
    return -1;
}

// A worker ends all that it holds and draws as much as it can; it beats first when it may be about to lose something.
static int next_of_worker(const struct model *m, const struct model_action *actions, size_t n, int i)
{
    const struct worker *w = &m->workers[i];
    int best = -1;
    if (w->hungry || w->n_held || w->number != w->answered)
        for (size_t k = 0; k < n; k++)
            if (actions[k].is_good && actions[k].kind == MODEL_TURN && actions[k].worker == i)
                best = (int)k; // the last one ends all
    return best;
}

int model_next_good(struct model *m, const struct model_action *actions, size_t n)
{
    int best;
    struct mini_view v;
    if (find(m, "paused", &v))
        return find_action(actions, n, MODEL_RESUME, -1);
    for (int i = 0; i < (int)m->scenario.workers; i++)
        if ((best = next_of_worker(m, actions, n, i)) >= 0)
            return best;
    if ((best = find_action(actions, n, MODEL_WAKE, -1)) >= 0)
        return best;
    if (something_is_due(m))
        return find_action(actions, n, MODEL_SWEEP, -1);
    return find_action(actions, n, MODEL_STEP, -1);
}

// ---- its life ----

// Shorter than a setting may be: time in the model goes by in single milliseconds.
static void set_deadline(struct queue *q)
{
    char rest[sizeof q->limits];
    char *at = strstr(q->limits, " deadline_ms=");
    CHECK(at);
    (void)snprintf(rest, sizeof rest, "%s", strchr(at + 1, ' '));
    int n = snprintf(at, (size_t)(q->limits + sizeof q->limits - at), " deadline_ms=%d%s", DEADLINE_MS, rest);
    CHECK(n > 0 && at + n < q->limits + sizeof q->limits);
}

struct model *model_create(const struct model_scenario *s)
{
    struct model *m = calloc(1, sizeof *m);
    const struct queue_limits limits = {.lease_ms = LEASE_MS,
                                        .attempts = 2,
                                        .crashes = 2,
                                        .retry_ms = RETRY_MS,
                                        .keep_s = 3600,
                                        .jobs_kept = 100,
                                        .log_max = 100,
                                        .dead_max = 10,
                                        .shop_running_max = 100,
                                        .deadline_s = 1,
                                        .payload_max = 1000};
    CHECK(m && s->workers <= ARRAY_LEN(WORKERS) && s->tasks <= 3);
    m->scenario = *s;
    memcpy(m->plan, PLAN, sizeof m->plan);
    m->lanes = COMPUTE_BIT;
    if (s->has_io) {
        m->plan[1].urgency = QUEUE_IO;
        m->lanes |= IO_BIT;
    }
    m->redis = mini_redis_create();
    if (!s->is_plain)
        mini_redis_symmetries(m->redis, s->tasks, s->workers);
    queue_init(&m->queue, "model", &limits);
    set_deadline(&m->queue);
    m->normal = normal_form_create(m->redis, m->queue.key, LEASE_MS);
    return m;
}

void model_destroy(struct model *m)
{
    if (m->is_told)
        redis_cmd_fini(&m->told);
    normal_form_destroy(m->normal);
    mini_redis_destroy(m->redis);
    free(m);
}

struct mini_redis *model_redis(struct model *m)
{
    return m->redis;
}

bool model_begin(struct model *m, struct err *violation)
{
    enum queue_admission what;
    char answer[16];
    mini_redis_clear(m->redis);
    mini_redis_forget_published(m->redis);
    mini_redis_set_clock(m->redis, NORMAL_NOW_MS);
    memcpy(m->left, m->scenario.budget, sizeof m->left);
    for (size_t i = 0; i < m->scenario.workers; i++)
        m->workers[i] = (struct worker){.hungry = m->scenario.must_wake ? 0 : m->lanes};
    census_take(m->redis, m->queue.key, &m->before);
    *violation = (struct err){0};
    admit(m, "J1", false, QUEUE_NORMAL, violation, &what, answer, sizeof answer);
    if (violation->kind)
        return false;
    CHECK(what == QUEUE_ADMITTED);
    census_take(m->redis, m->queue.key, &m->after);
    if (!census_check_step(m->redis, m->queue.key, &m->before, &m->after, violation) ||
        !census_check(m->redis, m->queue.key, &m->after, violation))
        return false;
    for (size_t i = 0; i < m->scenario.workers; i++)
        save_worker(m, i);
    for (size_t i = 0; i < MODEL_N_BUDGETS; i++)
        save_left(m, i);
    forget_what_nobody_asks(m);
    normal_form_apply(m->normal);
    return true;
}

// ---- for traces ----

void model_action_text(const struct model *m, const struct model_action *a, struct buf *out)
{
    static const char *const ENDS[] = {"nothing", "one", "all done", "one done, the others failed"};
    static const char *const FATES[] = {"", ", its answer is lost", ", seems lost, is done later"};
    buf_puts(out, MODEL_KIND_NAMES[a->kind]);
    if (a->kind <= MODEL_PRELIMINARY || a->kind == MODEL_FREEZE)
        buf_printf(out, " of %s", WORKERS[a->worker]);
    if (a->kind == MODEL_WAKE)
        buf_printf(out, " by %s", WAKE_KEYS[a->lanes == IO_BIT]);
    if (a->kind == MODEL_PRELIMINARY)
        buf_printf(out, " about %s", m->workers[a->worker].held[a->task].ref);
    if (a->kind != MODEL_TURN)
        return;
    buf_printf(out, ": ends %s", ENDS[a->ends]);
    if (a->ends == MODEL_END_ONE)
        buf_printf(out, " (%s %s)", m->workers[a->worker].held[a->task].ref,
                   queue_outcome_name((enum queue_outcome)a->outcome));
    buf_printf(out, ", draws %u that compute and %u of I/O%s%s", wanted_of(a, QUEUE_LANE_COMPUTE),
               wanted_of(a, QUEUE_LANE_IO), a->is_turned ? " in the other order" : "", FATES[a->fate]);
}

static void put_task(const struct census *c, const struct census_job *j, const struct census_task *t, struct buf *out)
{
    buf_printf(out, " " STR_FMT "=%c", STR_ARG(t->name), t->state);
    if (t->attempts || t->crashes)
        buf_printf(out, "(%lld errors, %lld crashes)", (long long)t->attempts, (long long)t->crashes);
    if (t->n_leased)
        buf_printf(out, "[" STR_FMT ", lease %+lld, limit %+lld]", STR_ARG(t->token),
                   (long long)(t->lease_ms - c->now_ms), (long long)(t->til_ms - c->now_ms));
    if (t->n_delayed)
        buf_printf(out, "[due %+lld]", (long long)(t->due_ms - c->now_ms));
    if (t->n_ready > 1)
        buf_printf(out, "[in %u ready places]", t->n_ready);
    (void)j;
}

void model_state_text(struct model *m, struct buf *out)
{
    struct census c;
    load(m);
    census_take(m->redis, m->queue.key, &c);
    for (size_t i = 0; i < CENSUS_JOBS; i++) {
        const struct census_job *j = &c.jobs[i];
        if (!j->is_there)
            continue;
        buf_printf(out, "    " STR_FMT " " STR_FMT " at %lld:", STR_ARG(j->id), STR_ARG(j->state), (long long)j->at);
        for (size_t k = 0; k < j->n_tasks; k++)
            put_task(&c, j, &j->tasks[k], out);
        buf_puts(out, "\n");
    }
    for (size_t i = 0; i < m->scenario.workers; i++) {
        const struct worker *w = &m->workers[i];
        buf_printf(out, "    %s%s%s turn %u answered %u:", WORKERS[i], w->hungry & COMPUTE_BIT ? " hungry" : "",
                   w->hungry & IO_BIT ? " hungry for I/O" : "", w->number, w->answered);
        for (size_t k = 0; k < w->n_held; k++)
            buf_printf(out, " %s[%s]%c", w->held[k].ref, w->held[k].token, w->held[k].outcome);
        buf_puts(out, "\n");
    }
}
