#include "common/queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "scripts.h" // generated: SCRIPT_ADMIT ...

void queue_init(struct queue *q, const char *name, const struct queue_limits *l)
{
    (void)snprintf(q->key, sizeof q->key, "{%s}", name);
    q->payload_max = (size_t)l->payload_max;
    int n = snprintf(q->limits, sizeof q->limits,
                     " lease_ms=%lld attempts=%lld crashes=%lld retry_ms=%lld keep_ms=%lld jobs_kept=%lld log_max=%lld "
                     "dead_max=%lld shop_running_max=%lld deadline_ms=%lld payload_max=%lld life_ms=%lld",
                     (long long)l->lease_ms, (long long)l->attempts, (long long)l->crashes, (long long)l->retry_ms,
                     (long long)l->keep_s * 1000, (long long)l->jobs_kept, (long long)l->log_max,
                     (long long)l->dead_max, (long long)l->shop_running_max, (long long)l->deadline_s * 1000,
                     (long long)l->payload_max, (long long)QUEUE_LIFE_S * 1000);
    CHECK(n > 0 && (size_t)n < sizeof q->limits);
}

static void begin(const struct queue *q, const struct redis_script *s, struct redis_cmd *out)
{
    redis_cmd_init_script(out, s, str_of(q->key));
    redis_cmd_text(out, q->limits);
}

// Stages as prelude.lua reads them, one a line, and the counts that events say of those that split.
static void put_plan(const struct queue_stage *plan, size_t n, struct buf *lines, struct buf *counts)
{
    for (size_t i = 0; i < n; i++) {
        const struct queue_stage *s = &plan[i];
        CHECK(!strpbrk(s->name, "|\n") && !strchr(s->message, '\n'));
        buf_printf(lines, "%s|%d|%d|%d|%d|%d|%lld|%s\n", s->name, s->urgency, s->from, s->to, s->is_split,
                   s->is_required, (long long)s->timeout_ms, s->message);
        if (s->is_split)
            buf_printf(counts, "\"%s_done\":0,\"%s_total\":0,", s->name, s->name);
    }
}

void queue_admit_cmd(const struct queue *q, struct str raw, const struct queue_job *job, const struct queue_stage *plan,
                     size_t n_stages, struct redis_cmd *out)
{
    AUTO(buf_fini) struct buf stages, counts;
    buf_init(&stages, 1 << 16);
    buf_init(&counts, 1 << 16);
    put_plan(plan, n_stages, &stages, &counts);
    begin(q, &SCRIPT_ADMIT, out);
    redis_cmd_str(out, raw);
    redis_cmd_str(out, job->id);
    redis_cmd_str(out, job->upload);
    redis_cmd_str(out, job->shop);
    redis_cmd_text(out, job->is_forced ? "1" : "0");
    redis_cmd_str(out, job->payload);
    redis_cmd_str(out, buf_str(&stages));
    redis_cmd_str(out, buf_str(&counts));
    redis_cmd_int(out, job->priority);
    redis_cmd_int(out, job->not_before_ms);
    redis_cmd_int(out, job->delay_ms);
}

// Which of `names` a reply is; false: none.
static bool name_index(const struct redis_reply *r, const char *const *names, size_t n, size_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(redis_reply_str(r), str_of(names[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool queue_admit_reply(const struct redis_reply *r, struct queue_admitted *out)
{
    static const char *const NAMES[] = {"admitted", "joined", "replaced", "gone", "taken"};
    size_t i;
    if (!name_index(redis_reply_at(r, 0), NAMES, ARRAY_LEN(NAMES), &i))
        return false;
    *out = (struct queue_admitted){.what = (enum queue_admission)i,
                                   .job = redis_reply_str(redis_reply_at(r, 1)),
                                   .upload = redis_reply_str(redis_reply_at(r, 2)),
                                   .shop = redis_reply_str(redis_reply_at(r, 3))};
    return true;
}

void queue_reject_cmd(const struct queue *q, struct str raw, const char *reason, struct str shop, struct str upload,
                      struct redis_cmd *out)
{
    begin(q, &SCRIPT_REJECT, out);
    redis_cmd_str(out, raw);
    redis_cmd_text(out, reason);
    redis_cmd_str(out, shop);
    redis_cmd_str(out, upload);
}

void queue_cancel_cmd(const struct queue *q, struct str raw, const struct queue_cancellation *c, const char *message,
                      const char *reason, struct redis_cmd *out)
{
    begin(q, &SCRIPT_CANCEL, out);
    redis_cmd_str(out, raw);
    redis_cmd_str(out, c->job);
    redis_cmd_str(out, c->shop);
    redis_cmd_str(out, c->upload);
    redis_cmd_text(out, message);
    redis_cmd_text(out, reason);
}

const char *queue_outcome_name(enum queue_outcome o)
{
    static const char *const NAMES[] = {"done", "failed", "retry", "away", "back"};
    CHECK((size_t)o < ARRAY_LEN(NAMES));
    return NAMES[o];
}

static void put_jitter(struct redis_cmd *out)
{
    redis_cmd_int(out, random() % 101);
}

void queue_turn_begin(const struct queue *q, const struct queue_turn *t, struct redis_cmd *out)
{
    begin(q, &SCRIPT_TURN, out);
    redis_cmd_text(out, t->worker);
    redis_cmd_int(out, (int64_t)t->number);
    if (t->answered + 1 == t->number)
        redis_cmd_text(out, "");
    else
        redis_cmd_int(out, (int64_t)t->answered);
    redis_cmd_int(out, t->want);
    redis_cmd_int(out, t->want_urgent);
    redis_cmd_int(out, t->want_io);
    put_jitter(out);
    redis_cmd_int(out, t->n_settlements);
}

// A task of many leaves a result and nothing else; that is said in few words.
static bool is_result_all(const struct queue_settlement *s)
{
    return s->outcome == QUEUE_DONE && s->message.len + s->reason.len + s->shared.len + s->n_more == 0 &&
           s->bundles < 0;
}

void queue_turn_add(struct redis_cmd *cmd, const struct queue_settlement *s)
{
    bool is_short = is_result_all(s);
    redis_cmd_str(cmd, s->ref);
    redis_cmd_str(cmd, s->token);
    redis_cmd_text(cmd, s->outcome == QUEUE_DONE && !is_short ? "left" : queue_outcome_name(s->outcome));
    redis_cmd_str(cmd, s->result);
    if (is_short)
        return;
    redis_cmd_str(cmd, s->message);
    redis_cmd_str(cmd, s->reason);
    if (s->bundles < 0)
        redis_cmd_text(cmd, "");
    else
        redis_cmd_int(cmd, s->bundles);
    redis_cmd_str(cmd, s->shared);
    redis_cmd_int(cmd, (int64_t)s->n_more);
    for (size_t i = 0; i < s->n_more; i++) {
        redis_cmd_str(cmd, s->more[i].name);
        redis_cmd_str(cmd, s->more[i].payload);
    }
}

size_t queue_turn_verdicts(const struct redis_reply *r)
{
    return redis_reply_str(redis_reply_at(r, 0)).len;
}

enum queue_verdict queue_turn_verdict(const struct redis_reply *r, size_t i)
{
    static const char LETTERS[] = "oafc";
    struct str verdicts = redis_reply_str(redis_reply_at(r, 0));
    const char *at = i < verdicts.len ? strchr(LETTERS, verdicts.ptr[i]) : NULL;
    return at && *at ? (enum queue_verdict)(at - LETTERS) : QUEUE_FENCED;
}

struct str queue_turn_token(const struct redis_reply *r)
{
    return redis_reply_str(redis_reply_at(r, 1));
}

size_t queue_turn_jobs(const struct redis_reply *r)
{
    return redis_reply_size(redis_reply_at(r, 2));
}

bool queue_turn_job(const struct redis_reply *r, size_t i, struct queue_claimed_job *out)
{
    enum { FIELDS = 10 };
    const struct redis_reply *j = redis_reply_at(redis_reply_at(r, 2), i);
    if (redis_reply_size(j) != FIELDS)
        return false;
    *out = (struct queue_claimed_job){.id = redis_reply_str(redis_reply_at(j, 0)),
                                      .shop = redis_reply_str(redis_reply_at(j, 1)),
                                      .upload = redis_reply_str(redis_reply_at(j, 2)),
                                      .stage = redis_reply_str(redis_reply_at(j, 3)),
                                      .left_ms = redis_reply_int(redis_reply_at(j, 4)),
                                      .payload = redis_reply_str(redis_reply_at(j, 5)),
                                      .shared = redis_reply_str(redis_reply_at(j, 6)),
                                      .is_partial = redis_reply_int(redis_reply_at(j, 7)) != 0,
                                      .failed = redis_reply_str(redis_reply_at(j, 8)),
                                      .made_from = redis_reply_at(j, 9)};
    return true;
}

enum { CLAIM_FIELDS = 2 };

size_t queue_turn_claims(const struct redis_reply *r)
{
    return redis_reply_size(redis_reply_at(r, 3)) / CLAIM_FIELDS;
}

// The number before the next bar, which is cut off.
static bool take_number(struct str *text, int64_t *out)
{
    const char *bar = memchr(text->ptr, '|', text->len);
    size_t len = bar ? (size_t)(bar - text->ptr) : 0;
    if (!bar || !str_to_int((struct str){text->ptr, len}, out))
        return false;
    *text = (struct str){bar + 1, text->len - len - 1};
    return true;
}

bool queue_turn_claim(const struct redis_reply *r, size_t i, struct queue_claim *out)
{
    const struct redis_reply *claims = redis_reply_at(r, 3);
    struct str text = redis_reply_str(redis_reply_at(claims, CLAIM_FIELDS * i)); // "1|2|0|task"
    int64_t job;
    if (!take_number(&text, &job) || job < 1 || (uint64_t)job > queue_turn_jobs(r) ||
        !take_number(&text, &out->attempts) || !take_number(&text, &out->crashes))
        return false;
    out->job = (size_t)job - 1;
    out->task = text;
    out->payload = redis_reply_str(redis_reply_at(claims, CLAIM_FIELDS * i + 1));
    return true;
}

size_t queue_claimed_results(const struct queue_claimed_job *j)
{
    return redis_reply_size(j->made_from) / 2;
}

void queue_claimed_result(const struct queue_claimed_job *j, size_t i, struct str *task, struct str *result)
{
    *task = redis_reply_str(redis_reply_at(j->made_from, 2 * i));
    *result = redis_reply_str(redis_reply_at(j->made_from, 2 * i + 1));
}

void queue_ref_split(struct str ref, struct str *job, struct str *task)
{
    const char *slash = memchr(ref.ptr, '/', ref.len);
    size_t at = slash ? (size_t)(slash - ref.ptr) : ref.len;
    *job = (struct str){ref.ptr, at};
    *task = slash ? (struct str){slash + 1, ref.len - at - 1} : (struct str){"", 0};
}

void queue_progress_cmd(const struct queue *q, struct str ref, struct str token, bool is_preliminary, int percent,
                        struct str message, int64_t bundles, struct redis_cmd *out)
{
    begin(q, &SCRIPT_PROGRESS, out);
    redis_cmd_str(out, ref);
    redis_cmd_str(out, token);
    redis_cmd_text(out, is_preliminary ? "preliminary" : "running");
    redis_cmd_int(out, percent);
    redis_cmd_str(out, message);
    if (bundles < 0)
        redis_cmd_text(out, "");
    else
        redis_cmd_int(out, bundles);
}

void queue_beat_cmd(const struct queue *q, const char *worker, struct str card_json, struct redis_cmd *out)
{
    begin(q, &SCRIPT_BEAT, out);
    redis_cmd_text(out, worker);
    redis_cmd_str(out, card_json);
}

void queue_sweep_cmd(const struct queue *q, struct redis_cmd *out)
{
    begin(q, &SCRIPT_SWEEP, out);
    put_jitter(out);
}

size_t queue_swept_messages(const struct redis_reply *r)
{
    return redis_reply_size(redis_reply_at(r, 0));
}

struct str queue_swept_message(const struct redis_reply *r, size_t i)
{
    return redis_reply_str(redis_reply_at(redis_reply_at(r, 0), i));
}

size_t queue_swept_ends(const struct redis_reply *r)
{
    return redis_reply_size(redis_reply_at(r, 1));
}

bool queue_swept_end(const struct redis_reply *r, size_t i, struct queue_end *out)
{
    enum { FIELDS = 6 };
    const struct redis_reply *end = redis_reply_at(redis_reply_at(r, 1), i);
    if (redis_reply_size(end) != FIELDS)
        return false;
    *out = (struct queue_end){.job = redis_reply_str(redis_reply_at(end, 0)),
                              .shop = redis_reply_str(redis_reply_at(end, 1)),
                              .upload = redis_reply_str(redis_reply_at(end, 2)),
                              .state = redis_reply_str(redis_reply_at(end, 3)),
                              .message = redis_reply_str(redis_reply_at(end, 4)),
                              .reason = redis_reply_str(redis_reply_at(end, 5))};
    return true;
}

size_t queue_swept_mends(const struct redis_reply *r)
{
    return redis_reply_size(redis_reply_at(r, 2));
}

struct str queue_swept_mend(const struct redis_reply *r, size_t i)
{
    return redis_reply_str(redis_reply_at(redis_reply_at(r, 2), i));
}

void queue_told_cmd(const struct queue *q, struct redis_cmd *out)
{
    begin(q, &SCRIPT_TOLD, out);
}

void queue_find_cmd(const struct queue *q, struct str shop, struct str upload, struct redis_cmd *out)
{
    begin(q, &SCRIPT_FIND, out);
    redis_cmd_str(out, shop);
    redis_cmd_str(out, upload);
}

void queue_pause_cmd(const struct queue *q, struct str shop, bool is_paused, struct str why, struct redis_cmd *out)
{
    char what[QUEUE_ID_MAX + 2];
    (void)snprintf(what, sizeof what, ":" STR_FMT, STR_ARG(shop));
    begin(q, &SCRIPT_PAUSE, out);
    redis_cmd_text(out, shop.len ? what : "*");
    redis_cmd_text(out, is_paused ? "1" : "0");
    redis_cmd_str(out, why);
}

void queue_retry_cmd(const struct queue *q, struct str id, struct redis_cmd *out)
{
    begin(q, &SCRIPT_RETRY, out);
    redis_cmd_str(out, id);
}

void queue_once_cmd(const struct queue *q, struct str name, struct str ref, struct str token, struct str outdated,
                    struct redis_cmd *out)
{
    begin(q, &SCRIPT_ONCE, out);
    redis_cmd_str(out, name);
    redis_cmd_str(out, ref);
    redis_cmd_str(out, token);
    redis_cmd_str(out, outdated);
}

bool queue_once_reply(const struct redis_reply *r, enum queue_once *what, struct str *value)
{
    static const char *const NAMES[] = {"known", "yours", "wait", "lost"};
    size_t i;
    if (!name_index(redis_reply_at(r, 0), NAMES, ARRAY_LEN(NAMES), &i))
        return false;
    *what = (enum queue_once)i;
    *value = redis_reply_str(redis_reply_at(r, 1));
    return true;
}

void queue_made_cmd(const struct queue *q, struct str name, struct str value, int64_t ttl_s, struct redis_cmd *out)
{
    AUTO(buf_fini) struct buf key;
    buf_init(&key, 512);
    queue_key(q, "made", name, &key);
    redis_cmd_init(out, "SET");
    redis_cmd_str(out, buf_str(&key));
    redis_cmd_str(out, value);
    redis_cmd_text(out, "EX");
    redis_cmd_int(out, ttl_s);
}

void queue_key(const struct queue *q, const char *name, struct str suffix, struct buf *out)
{
    buf_printf(out, "%s:%s", q->key, name);
    if (suffix.len)
        buf_printf(out, ":" STR_FMT, STR_ARG(suffix));
}

void queue_address(struct str shop, struct str upload, struct buf *out)
{
    for (size_t i = 0; i < shop.len; i++) {
        if (shop.ptr[i] == '%' || shop.ptr[i] == ':')
            buf_puts(out, shop.ptr[i] == ':' ? "%3A" : "%25");
        else
            buf_put(out, &shop.ptr[i], 1);
    }
    buf_put(out, ":", 1);
    buf_put(out, upload.ptr, upload.len);
}

static void put_key(const struct queue *q, const char *name, struct redis_cmd *out)
{
    char key[128];
    (void)snprintf(key, sizeof key, "%s:%s", q->key, name);
    redis_cmd_text(out, key);
}

static void put_wait(int64_t wait_ms, struct redis_cmd *out)
{
    char seconds[32];
    (void)snprintf(seconds, sizeof seconds, "%lld.%03lld", (long long)(wait_ms / 1000), (long long)(wait_ms % 1000));
    redis_cmd_text(out, seconds);
}

void queue_intake_cmd(const struct queue *q, int64_t wait_ms, struct redis_cmd *out)
{
    redis_cmd_init(out, "BLMOVE");
    put_key(q, "jobs", out);
    put_key(q, "intake", out);
    redis_cmd_text(out, "LEFT");
    redis_cmd_text(out, "RIGHT");
    put_wait(wait_ms, out);
}

void queue_wake_cmd(const struct queue *q, enum queue_lane lane, int64_t wait_ms, struct redis_cmd *out)
{
    redis_cmd_init(out, "BLPOP");
    put_key(q, lane == QUEUE_LANE_IO ? "wake:io" : "wake", out);
    put_wait(wait_ms, out);
}

void queue_pass_wake_cmd(const struct queue *q, enum queue_lane lane, struct redis_cmd *out)
{
    begin(q, &SCRIPT_WAKE, out);
    redis_cmd_int(out, lane);
}

void queue_push_cmd(const struct queue *q, struct str message, struct redis_cmd *out)
{
    redis_cmd_init(out, "RPUSH");
    put_key(q, "jobs", out);
    redis_cmd_str(out, message);
}
