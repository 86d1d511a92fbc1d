#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/mp.h"
#include "worker/copy/prompt.h"
#include "worker/stages/copy_stage.h"

enum { FACTS_BYTES_MAX = 1 << 14 }; // twice what eight names of four-byte characters, with quotes to escape, come to

struct copy_job { // in the task's memory
    struct task *task;
    const struct stages_env *env;
    int64_t waited_ms; // since the stage was opened, when this task was drawn
    uint32_t n;
    uint32_t *rows;
    struct brief *briefs;
    struct copy_order order;
};

// ---- what came ----

static bool read_shared(struct copy_job *j, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct str bytes = j->task->shared;
    int64_t opened_ms;
    if (!mp_open_envelope(&doc, bytes.ptr, bytes.len, "copy-shared", COPY_SHARED_VERSION, &MP_LIMITS_MESSAGE, e))
        return false;
    const struct mp_value *root = mp_root(doc);
    if (!mp_str(mp_get(root, "model"), &j->order.model) || j->order.model.len > CONFIG_TEXT_MAX ||
        !mp_str(mp_get(root, "locale"), &j->order.locale) || !mp_int(mp_get(root, "opened_ms"), &opened_ms))
        return err_set(e, ERR_CODEC, "what copy tasks share lacks a field, or is none");
    int64_t waited_ms = stage_drawn_ms(j->task) - opened_ms;
    j->waited_ms = waited_ms > 0 ? waited_ms : 0;
    return true;
}

static bool is_facts(struct str s)
{
    return s.len >= 3 && s.len <= FACTS_BYTES_MAX && s.ptr[0] == '{';
}

static bool read_brief(struct copy_job *j, uint32_t i, const struct mp_value *v, struct err *e)
{
    int64_t row;
    struct str key;
    if (!mp_int(mp_at(v, 0), &row) || row < 0 || row > UINT32_MAX || !mp_str(mp_at(v, 1), &j->briefs[i].facts) ||
        !is_facts(j->briefs[i].facts) || !mp_str(mp_at(v, 2), &key) || key.len != BRIEF_KEY_HEX)
        return err_set(e, ERR_CODEC, "brief %u of a copy task is none", i + 1);
    j->rows[i] = (uint32_t)row;
    memcpy(j->briefs[i].key, key.ptr, key.len);
    return true;
}

static bool read_payload(struct copy_job *j, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct str bytes = j->task->payload;
    if (!mp_open_envelope(&doc, bytes.ptr, bytes.len, "copy-task", COPY_TASK_VERSION, &MP_LIMITS_MESSAGE, e))
        return false;
    const struct mp_value *root = mp_root(doc), *briefs = mp_get(root, "briefs");
    size_t n = mp_size(briefs);
    if (n == 0 || n > PROMPT_BRIEFS_MAX || !mp_int(mp_get(root, "requests"), &j->order.requests_max) ||
        !mp_int(mp_get(root, "tokens"), &j->order.tokens_max))
        return err_set(e, ERR_CODEC, "a copy task lacks a field");
    j->n = (uint32_t)n;
    j->rows = ARENA_ARRAY(&j->task->memory, uint32_t, n);
    j->briefs = ARENA_ARRAY(&j->task->memory, struct brief, n);
    for (uint32_t i = 0; i < j->n; i++)
        if (!read_brief(j, i, mp_at(briefs, i), e))
            return false;
    return true;
}

// ---- what it leaves ----

static const char *const SOURCES[] = {[COPY_TEMPLATE] = "template", [COPY_MODEL] = "model", [COPY_CACHE] = "cache"};

static void put_written(uint32_t row, const struct copy_written *w, struct buf *out)
{
    mp_put_array(out, 5);
    mp_put_int(out, row);
    mp_put_str(out, str_of(SOURCES[w->source]));
    mp_put_str(out, w->json);
    mp_put_str(out, w->reason);
    mp_put_str(out, str_of(w->kind));
}

static bool leave(struct copy_job *j, const struct copy_outcome *outcome, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, (size_t)j->env->settings->queue_result_max);
    mp_put_envelope(&out, "copy-result", COPY_RESULT_VERSION, 3);
    mp_put_key(&out, "after_ms"); // the stage was opened
    mp_put_int(&out, j->waited_ms + outcome->usage.took_ms);
    mp_put_key(&out, "usage");
    copy_usage_encode(&outcome->usage, &out);
    mp_put_key(&out, "written");
    mp_put_array(&out, j->n);
    for (uint32_t i = 0; i < j->n; i++)
        put_written(j->rows[i], &outcome->written[i], &out);
    if (!buf_ok(&out, "the result of a copy task (queue.result_bytes_max)", e))
        return false;
    task_result(j->task, buf_str(&out));
    return true;
}

static void on_done(void *context, const struct copy_outcome *outcome)
{
    struct copy_job *j = context;
    struct err e;
    bool ok = !outcome->is_cancelled && leave(j, outcome, &e);
    if (outcome->is_cancelled)
        (void)err_set(&e, ERR_CANCELLED, "cancelled while copy was written");
    FAILPOINT("copy.end");
    task_end(j->task, ok, &e);
}

static void do_without(struct copy_job *j, const char *kind, struct str reason)
{
    struct copy_written *written = ARENA_ARRAY(&j->task->memory, struct copy_written, j->n);
    const struct copy_outcome outcome = {.written = written};
    for (uint32_t i = 0; i < j->n; i++)
        written[i] = (struct copy_written){.source = COPY_TEMPLATE, .reason = reason, .kind = kind};
    on_done(j, &outcome);
}

static int64_t time_left_ms(const struct copy_job *j)
{
    int64_t of_budget = j->env->settings->copy_budget_s * 1000 - j->waited_ms;
    int64_t of_stage = j->task->deadline_ms - clock_mono_ms() - COPY_MARGIN_MS; // past it it would end without a word
    return of_budget < of_stage ? of_budget : of_stage;
}

static void order(struct copy_job *j)
{
    struct task *t = j->task;
    j->order.briefs = j->briefs;
    j->order.n = j->n;
    j->order.within_ms = time_left_ms(j);
    j->order.is_cancelled = &t->is_cancelled;
    j->order.log = (struct log_context){t->job.ptr, t->upload.ptr, t->shop.ptr, t->name.ptr};
    j->order.on_done = on_done;
    j->order.context = j;
    FAILPOINT("copy.begin");
    copywriter_write(j->env->copywriter, &j->order);
}

void stage_copy_begin(struct task *t, void *io)
{
    struct copy_job *j = ARENA_NEW(&t->memory, struct copy_job);
    struct err e;
    j->task = t;
    j->env = io;
    if (!read_shared(j, &e) || !read_payload(j, &e))
        task_end(t, false, &e);
    else if (t->is_partial)
        do_without(j, "deadline", STR(COPY_NO_TIME));
    else if (!j->env->copywriter) // one without a model draws them too: there may be no other
        do_without(j, "no_model", STR(COPY_NO_MODEL));
    else
        order(j);
}
