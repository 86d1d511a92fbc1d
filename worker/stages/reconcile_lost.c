// What was asked for and is not finished, and Redis does not know.

#include "common/check.h"
#include "common/failpoint.h"
#include "common/json_out.h"
#include "common/log.h"
#include "worker/stages/job_json.h"
#include "worker/stages/reconcile_internal.h"

enum { LOST_MAX = 100 };

static bool list_len(struct reconcile_sides *s, const char *name, int64_t *len, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(buf_fini) struct buf key;
    struct redis_cmd c;
    buf_init(&key, 256);
    queue_key(s->env->queue, name, STR(""), &key);
    redis_cmd_init(&c, "LLEN");
    redis_cmd_str(&c, buf_str(&key));
    if (!reconcile_call(s, &c, &reply, e))
        return false;
    *len = redis_reply_int(reply);
    return true;
}

static bool push(struct reconcile_sides *s, struct str message, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    queue_push_cmd(s->env->queue, message, &c);
    return reconcile_call(s, &c, &reply, e);
}

struct lost {
    const struct upload_lost *row;
    struct job_request request;
    struct str payload;
    struct arena *memory;
    bool is_open;     // Redis knows a job of the upload that is
    struct str state; // of the job that the request names, where it is the upload's latest; "" unknown
};

// As the upload is called by whoever asked, by its id or by its run.
static bool look(struct reconcile_sides *s, struct lost *l, struct err *e)
{
    const struct str names[] = {l->request.upload, l->row->csv_upload_id, l->row->run_id};
    for (size_t i = 0; i < ARRAY_LEN(names) && !l->is_open; i++) {
        struct str state, job;
        if (names[i].len == 0)
            continue;
        if (!reconcile_find(s, l->row->shop, names[i], l->memory, &state, &job, e))
            return false;
        l->is_open = str_eq(state, STR("open"));
        if (job.len && str_eq(job, l->request.job))
            l->state = state;
    }
    return true;
}

static bool read_request(struct reconcile_sides *s, struct lost *l, struct err *e)
{
    const struct upload_lost *row = l->row;
    size_t bytes_max = 2 * (size_t)s->env->settings->queue_payload_max; // jsonb's text has spaces in it
    if (row->message.len == 0) {
        l->request = (struct job_request){.shop = row->shop, .upload = row->csv_upload_id};
        return true;
    }
    if (!job_payload_of_message(row->message, bytes_max, l->memory, &l->payload, e) ||
        !job_request_read(l->payload, l->memory, &l->request, e))
        return err_wrap(e, "csv_uploads.request");
    l->request.job = reconcile_keep(l->memory, l->request.job);
    if (l->request.is_cancellation || !str_eq(l->request.shop, row->shop))
        return err_set(e, ERR_INPUT, "csv_uploads.request: not a job of this shop");
    return true;
}

// The same job again; under a new name where that one is final, which would be the answer.
static bool make_message(const struct lost *l, struct buf *out, struct err *e)
{
    bool is_final = str_eq(l->state, STR("final"));
    if (l->payload.len)
        return job_json_of_payload(l->payload, is_final ? STR("") : l->request.job, out, e);
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_int(&j, "v", JOB_VERSION);
    json_out_key_str(&j, "shop", l->request.shop);
    json_out_key_str(&j, "upload", l->request.upload);
    json_out_end(&j);
    return buf_ok(out, "the job's message", e);
}

// The job that was at work on it has ended, and PostgreSQL was not told or has forgotten.
static bool write_late(struct reconcile_sides *s, const struct lost *l, struct err *e)
{
    struct upload_end end = {l->request.job,
                             l->row->shop,
                             l->row->csv_upload_id,
                             l->state,
                             STR("The job ended; its bundles were not finished"),
                             0};
    return reconcile_write_end(s, &end, e);
}

static bool write_off(struct reconcile_sides *s, const struct lost *l, const struct err *why, struct err *e)
{
    const struct upload_lost *row = l->row;
    struct upload_end end = {STR("reconciler"), row->shop, row->csv_upload_id, STR("failed"), str_of(why->message), 0};
    LOG(LOG_WARN, "upload cannot be enqueued again", LOG_S("upload", row->csv_upload_id.ptr),
        LOG_S("error", why->message));
    return reconcile_write_end(s, &end, e);
}

static bool enqueue_again(struct reconcile_sides *s, const struct lost *l, struct err *e)
{
    AUTO(buf_fini) struct buf message;
    struct err why;
    buf_init(&message, (size_t)s->env->settings->queue_payload_max);
    if (!make_message(l, &message, &why))
        return write_off(s, l, &why, e);
    FAILPOINT("reconcile.push");
    if (!push(s, buf_str(&message), e))
        return false;
    const struct log_context context = {
        .job = l->request.job.ptr, .upload = l->row->csv_upload_id.ptr, .shop = l->row->shop.ptr};
    log_set_context(&context);
    LOG(LOG_INFO, "upload enqueued again", LOG_S("reason", "reconciled: asked for, not finished, unknown to Redis"));
    log_set_context(NULL);
    return true;
}

static bool recover(struct reconcile_sides *s, const struct upload_lost *row, struct arena *memory, int64_t *n,
                    struct err *e)
{
    struct lost l = {.row = row, .memory = memory, .state = {"", 0}};
    struct err why;
    if (!read_request(s, &l, &why))
        return write_off(s, &l, &why, e);
    if (!look(s, &l, e))
        return false;
    bool has_ended = str_eq(l.state, STR("failed")) || str_eq(l.state, STR("cancelled"));
    if (l.is_open)
        return true;
    (*n)++;
    return has_ended && !str_eq(row->status, STR("requested")) ? write_late(s, &l, e) : enqueue_again(s, &l, e);
}

// Messages that nobody has read yet may be just what seems lost.
static bool is_inbox_read(struct reconcile_sides *s, bool *out, struct err *e)
{
    int64_t n_jobs, n_intake;
    if (!list_len(s, "jobs", &n_jobs, e) || !list_len(s, "intake", &n_intake, e))
        return false;
    *out = n_jobs == 0 && n_intake == 0;
    return true;
}

static bool is_called_off(const struct reconcile_sides *s)
{
    return s->is_closing && atomic_load(s->is_closing);
}

bool reconcile_scan(struct reconcile_sides *s, int64_t *n_recovered, struct err *e)
{
    struct arena memory;
    struct upload_lost *lost = NULL;
    size_t n = 0;
    bool is_read;
    *n_recovered = 0;
    arena_init(&memory, 0);
    bool ok = is_inbox_read(s, &is_read, e);
    if (ok && is_read)
        ok = upload_requests_lost(s->pg, s->env->settings->queue_reconcile_after_s, LOST_MAX, &memory, &lost, &n, e);
    for (size_t i = 0; ok && i < n && !is_called_off(s); i++)
        ok = recover(s, &lost[i], &memory, n_recovered, e);
    arena_fini(&memory);
    return ok;
}

bool reconcile_lost(const struct stages_env *env, int64_t *n, struct err *e)
{
    struct reconcile_sides s = {.env = env, .pg = pg_create(env->settings, "bundlectl doctor")};
    bool ok = reconcile_scan(&s, n, e);
    reconcile_sides_fini(&s);
    return ok;
}
