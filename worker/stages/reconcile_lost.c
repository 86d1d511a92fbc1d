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
    int64_t fence;
    bool is_open;     // Redis knows a job of the upload that is
    struct str state; // of the job that the request names, where it is the upload's latest; "" unknown
};

// As the upload is called by whoever asked, by its id or by its run.
static bool look(struct reconcile_sides *s, struct lost *l, struct err *e)
{
    const struct str names[] = {l->request.upload, l->row->csv_upload_id, l->row->run_id};
    for (size_t i = 0; i < ARRAY_LEN(names) && !l->is_open; i++) {
        struct str state, job;
        if (names[i].len == 0 || (i > 0 && str_eq(names[i], names[0])))
            continue;
        if (!reconcile_find(s, l->row->shop, names[i], l->memory, &state, &job, e))
            return false;
        l->is_open = str_eq(state, STR("open"));
        if (job.len && str_eq(job, l->request.job))
            l->state = state;
    }
    return true;
}

// Fills payload and request, or leaves both alone.
static bool read_request(struct reconcile_sides *s, struct lost *l, struct err *e)
{
    size_t bytes_max = 2 * (size_t)s->env->settings->queue_payload_max; // jsonb's text has spaces in it
    struct str payload;
    struct job_request request;
    if (l->row->message.len == 0)
        return true;
    if (!job_payload_of_message(l->row->message, bytes_max, l->memory, &payload, e) ||
        !job_request_read(payload, l->memory, &request, e))
        return err_wrap(e, "csv_uploads.request");
    if (request.is_cancellation || !str_eq(request.shop, l->row->shop))
        return err_set(e, ERR_INPUT, "csv_uploads.request: not a job of this shop");
    request.job = arena_str(l->memory, request.job);
    l->payload = payload;
    l->request = request;
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
    const struct upload_end end = {l->request.job,
                                   l->row->shop,
                                   l->row->csv_upload_id,
                                   l->state,
                                   STR("The job ended; its bundles were not finished"),
                                   l->fence};
    return upload_request_ended(s->pg, &end, e);
}

// In the name of the job that was at work on it, if any: no other may end it.
static bool write_off(struct reconcile_sides *s, const struct lost *l, const struct err *why, struct err *e)
{
    const struct upload_lost *row = l->row;
    const struct upload_end end = {row->last_job.len ? row->last_job : STR("reconciler"),
                                   row->shop,
                                   row->csv_upload_id,
                                   STR("failed"),
                                   str_of(why->message),
                                   l->fence};
    if (!upload_request_ended(s->pg, &end, e))
        return false;
    LOG(LOG_WARN, "upload cannot be enqueued again", LOG_S("upload", row->csv_upload_id.ptr),
        LOG_S("shop", row->shop.ptr), LOG_S("error", why->message));
    return true;
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

// *is_done: it was lost, and is not any more.
static bool recover(struct reconcile_sides *s, struct lost *l, bool *is_done, struct err *e)
{
    struct err why;
    bool is_job = read_request(s, l, &why);
    *is_done = false;
    if (!look(s, l, e))
        return false;
    if (l->is_open)
        return true;
    *is_done = true;
    if (!is_job)
        return write_off(s, l, &why, e);
    bool has_ended = str_eq(l->state, STR("failed")) || str_eq(l->state, STR("cancelled"));
    return has_ended && !str_eq(l->row->status, STR("requested")) ? write_late(s, l, e) : enqueue_again(s, l, e);
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

static bool take_lost(struct reconcile_sides *s, struct arena *memory, struct upload_lost **rows, size_t *n,
                      bool *is_more, struct err *e)
{
    bool is_read;
    int64_t after_s = s->env->settings->queue_reconcile_after_s;
    if (!is_inbox_read(s, &is_read, e) ||
        (is_read && !upload_requests_lost(s->pg, after_s, LOST_MAX, memory, rows, n, e)))
        return false;
    *is_more = !is_read || *n == LOST_MAX;
    return true;
}

bool reconcile_scan(struct reconcile_sides *s, struct reconcile_found *out, struct err *e)
{
    struct arena memory;
    struct upload_lost *rows = NULL;
    struct err one;
    int64_t fence;
    size_t n = 0;
    *out = (struct reconcile_found){0};
    arena_init(&memory, 0);
    bool ok = reconcile_fence(s, &fence, e) && take_lost(s, &memory, &rows, &n, &out->is_more, e);
    bool goes_on = ok;
    for (size_t i = 0; goes_on && i < n && !reconcile_is_called_off(s); i++) {
        bool is_done;
        struct lost l = {.row = &rows[i], .memory = &memory, .fence = fence, .state = {"", 0}};
        l.request = (struct job_request){.shop = rows[i].shop, .upload = rows[i].csv_upload_id};
        if (recover(s, &l, &is_done, &one))
            out->n += is_done;
        else
            goes_on = reconcile_goes_on(&one, &ok, e);
    }
    arena_fini(&memory);
    return ok;
}

bool reconcile_lost(const struct stages_env *env, int64_t *n, struct err *e)
{
    struct reconcile_sides s = {.env = env, .pg = pg_create(env->settings, "bundlectl doctor")};
    struct reconcile_found found;
    bool ok = reconcile_scan(&s, &found, e);
    *n = found.n;
    reconcile_sides_fini(&s);
    return ok;
}
