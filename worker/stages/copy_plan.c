#include <stdio.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "common/mp.h"
#include "worker/copy/prompt.h"
#include "worker/stages/copy_stage.h"
#include "worker/store/bundle_copies.h"
#include "worker/store/pg_outage.h"

enum { BATCH_BYTES_MAX = 4 << 20 };

// ---- a row's ai_copy ----

// A JSON object with one more text at its end.
static struct str with_text(struct str object, const char *key, struct str text, struct arena *memory)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, object.len + 6 * text.len + 256);
    buf_put(&out, object.ptr, object.len - 1); // but for its "}"
    buf_printf(&out, ",\"%s\":", key);
    struct json_out j = json_out_on(&out);
    json_out_str(&j, text);
    buf_putc(&out, '}');
    return arena_str(memory, buf_str(&out));
}

struct str copy_with_source(struct str json, const char *source, struct arena *memory)
{
    return with_text(json, "source", str_of(source), memory);
}

struct str copy_with_reason(struct str template_json, struct str reason, struct arena *memory)
{
    return with_text(template_json, "reason", reason, memory);
}

void copy_count(struct copy_counts *c, struct str kind, uint32_t n)
{
    uint32_t at = 0;
    while (at < c->n && str_cmp(c->of[at].kind, kind) < 0)
        at++;
    if (at == c->n || !str_eq(c->of[at].kind, kind)) {
        if (c->n == COPY_KINDS_MAX || n == 0)
            return;
        memmove(&c->of[at + 1], &c->of[at], (c->n - at) * sizeof c->of[0]);
        c->of[at].kind = kind;
        c->of[at].n = 0;
        c->n++;
    }
    c->of[at].n += n;
}

// ---- planning ----

struct planner {
    const struct copy_planning *p;
    struct bundle_rows *rows;
    struct copy_plan *plan;
    struct arena *memory;
    const struct settings *settings;
    struct brief *briefs; // of row i
    uint32_t *asked;
};

static void leave_template(struct planner *w, uint32_t i, const char *kind, const char *reason)
{
    w->rows->rows[i].ai_copy = copy_with_reason(w->rows->rows[i].ai_copy, str_of(reason), w->memory);
    copy_count(&w->plan->kinds, str_of(kind), 1);
}

// Which rows the model is to write for, as far as the bundle says it.
static void choose(struct planner *w)
{
    for (uint32_t i = 0; i < w->rows->n; i++) {
        const struct bundle *b = &w->p->list->bundles[i];
        if (!w->plan->is_enabled)
            leave_template(w, i, "no_model", COPY_NO_MODEL);
        else if (w->p->task->is_partial)
            leave_template(w, i, "deadline", COPY_NO_TIME);
        else if (w->rows->rows[i].rank_position > w->settings->copy_max_bundles)
            leave_template(w, i, "rank", "the language model writes for the best bundles only");
        else if (brief_has_order(w->p->market, b, w->memory))
            leave_template(w, i, "instruction", "a product's title reads like an instruction to the language model");
        else {
            brief_make(w->p->market, b, w->plan->model, w->plan->locale, w->memory, &w->briefs[i]);
            w->asked[w->plan->n_asked++] = i;
        }
    }
}

// Copy that this upload's rows have already is taken, not asked for. Where PostgreSQL is away it is asked for.
static bool reuse(struct planner *w, struct err *e)
{
    struct copy_plan *plan = w->plan;
    struct str *copies = ARENA_ARRAY(w->memory, struct str, plan->n_asked);
    const char **keys = ARENA_ARRAY(w->memory, const char *, plan->n_asked);
    uint32_t n = 0;
    for (uint32_t k = 0; k < plan->n_asked; k++)
        keys[k] = w->briefs[w->asked[k]].key;
    if (plan->n_asked == 0)
        return true;
    if (!bundle_copies_find(w->p->slot->pg, w->p->csv_upload_id, keys, plan->n_asked, w->memory, copies, e)) {
        pg_outage_note(e);
        if (e->kind != ERR_PG_AWAY && e->kind != ERR_CANCELLED)
            LOG(LOG_WARN, "copy that is there cannot be looked up; it is asked for", LOG_S("error", e->message));
        return e->kind != ERR_CANCELLED;
    }
    for (uint32_t k = 0; k < plan->n_asked; k++) {
        if (copies[k].len)
            w->rows->rows[w->asked[k]].ai_copy = copy_with_source(copies[k], "cache", w->memory);
        else
            w->asked[n++] = w->asked[k];
    }
    plan->n_reused = plan->n_asked - n;
    plan->n_asked = n;
    return true;
}

// ---- tasks ----

static void share(const struct planner *w)
{
    AUTO(buf_fini) struct buf out;
    int64_t ran_ms = clock_mono_ms() - w->p->begun_ms;
    buf_init(&out, 8192);
    mp_put_envelope(&out, "copy-shared", COPY_SHARED_VERSION, 3);
    mp_put_key(&out, "model");
    mp_put_str(&out, w->plan->model);
    mp_put_key(&out, "locale");
    mp_put_str(&out, w->plan->locale);
    mp_put_key(&out, "opened_ms");
    mp_put_int(&out, stage_drawn_ms(w->p->task) + ran_ms);
    task_share(w->p->task, buf_str(&out));
}

// An equal part of the job's budget; the first ones get the rest.
static int64_t part_of(int64_t budget, uint32_t k, uint32_t n)
{
    return budget / n + (k < budget % n);
}

static void put_brief(const struct planner *w, uint32_t row, struct buf *out)
{
    mp_put_array(out, 3);
    mp_put_int(out, row);
    mp_put_str(out, w->briefs[row].facts);
    mp_put_str(out, str_of(w->briefs[row].key));
}

static bool leave_task(const struct planner *w, uint32_t k, uint32_t n_tasks, struct err *e)
{
    uint32_t batch = (uint32_t)w->settings->copy_batch, from = k * batch;
    uint32_t n = w->plan->n_asked - from < batch ? w->plan->n_asked - from : batch;
    AUTO(buf_fini) struct buf out;
    char name[32];
    buf_init(&out, BATCH_BYTES_MAX);
    mp_put_envelope(&out, "copy-task", COPY_TASK_VERSION, 3);
    mp_put_key(&out, "requests");
    mp_put_int(&out, part_of(w->settings->copy_budget_requests, k, n_tasks));
    mp_put_key(&out, "tokens");
    mp_put_int(&out, part_of(w->settings->copy_budget_tokens, k, n_tasks));
    mp_put_key(&out, "briefs");
    mp_put_array(&out, n);
    for (uint32_t i = 0; i < n; i++)
        put_brief(w, w->asked[from + i], &out);
    if (!buf_ok(&out, "what a copy task is told", e))
        return false;
    (void)snprintf(name, sizeof name, "copy.%05u", k + 1);
    task_more(w->p->task, str_of(name), buf_str(&out));
    return true;
}

// For how many batches the budget lasts, each asked for once and as large as the first. The best come first: it is not
// spread so thin that nobody can ask.
static uint32_t affordable(const struct planner *w, uint32_t n)
{
    const struct brief *briefs[PROMPT_BRIEFS_MAX];
    struct prompt first = {.model = w->plan->model, .locale = w->plan->locale, .briefs = briefs};
    while (first.n < w->plan->n_asked && (int64_t)first.n < w->settings->copy_batch) {
        briefs[first.n] = &w->briefs[w->asked[first.n]];
        first.n++;
    }
    const struct prompt_tokens likely = prompt_tokens(&first);
    int64_t of_tokens = w->settings->copy_budget_tokens / (likely.in + likely.out);
    int64_t most = w->settings->copy_budget_requests < of_tokens ? w->settings->copy_budget_requests : of_tokens;
    return n < most ? n : (uint32_t)most;
}

static bool leave_tasks(struct planner *w, struct err *e)
{
    uint32_t batch = (uint32_t)w->settings->copy_batch;
    uint32_t n_tasks = affordable(w, (w->plan->n_asked + batch - 1) / batch);
    while (w->plan->n_asked > n_tasks * batch)
        leave_template(w, w->asked[--w->plan->n_asked], "budget", COPY_NO_BUDGET);
    for (uint32_t k = 0; k < n_tasks; k++)
        if (!leave_task(w, k, n_tasks, e))
            return false;
    if (n_tasks)
        share(w);
    return true;
}

bool copy_plan_make(const struct copy_planning *p, struct bundle_rows *rows, struct copy_plan *out, struct err *e)
{
    const struct settings *s = p->slot->env->settings;
    struct arena *memory = &p->task->memory;
    struct planner w = {.p = p, .rows = rows, .plan = out, .memory = memory, .settings = s};
    w.briefs = ARENA_ARRAY(memory, struct brief, (size_t)rows->n + 1);
    w.asked = ARENA_ARRAY(memory, uint32_t, (size_t)rows->n + 1);
    *out = (struct copy_plan){.is_enabled = s->copy_key[0] || s->copy_key_file[0],
                              .model = str_of(s->copy_model),
                              .locale = p->locale,
                              .asked = w.asked};
    choose(&w);
    return reuse(&w, e) && leave_tasks(&w, e);
}

// ---- in "merge-result" ----

static void put_counts(const struct copy_counts *c, struct buf *out)
{
    mp_put_map(out, c->n);
    for (uint32_t k = 0; k < c->n; k++) {
        mp_put_str(out, c->of[k].kind);
        mp_put_int(out, c->of[k].n);
    }
}

void copy_plan_encode(const struct copy_plan *plan, struct buf *out)
{
    mp_put_map(out, 6);
    mp_put_key(out, "enabled");
    mp_put_bool(out, plan->is_enabled);
    mp_put_key(out, "model");
    mp_put_str(out, plan->model);
    mp_put_key(out, "locale");
    mp_put_str(out, plan->locale);
    mp_put_key(out, "reused");
    mp_put_int(out, plan->n_reused);
    mp_put_key(out, "kinds");
    put_counts(&plan->kinds, out);
    mp_put_key(out, "asked");
    mp_put_array(out, plan->n_asked);
    for (uint32_t k = 0; k < plan->n_asked; k++)
        mp_put_int(out, plan->asked[k]);
}

static bool get_counts(struct copy_counts *out, const struct mp_value *v)
{
    for (size_t k = 0; k < mp_size(v); k++) {
        struct str kind;
        const struct mp_value *value;
        int64_t n;
        if (!mp_entry(v, k, &kind, &value) || !mp_int(value, &n) || n < 0 || n > UINT32_MAX)
            return false;
        copy_count(out, kind, (uint32_t)n);
    }
    return mp_is_map(v);
}

// Each row at most once.
static bool get_asked(struct copy_plan *out, const struct mp_value *v, uint32_t n_rows, struct arena *memory)
{
    uint32_t *asked = ARENA_ARRAY(memory, uint32_t, mp_size(v) + 1);
    int64_t row, before = -1;
    for (size_t k = 0; k < mp_size(v); k++, before = row) {
        if (!mp_int(mp_at(v, k), &row) || row <= before || row >= n_rows)
            return false;
        asked[k] = (uint32_t)row;
    }
    out->asked = asked;
    out->n_asked = (uint32_t)mp_size(v);
    return mp_is_array(v);
}

bool copy_plan_decode(struct copy_plan *out, const struct mp_value *v, uint32_t n_rows, struct arena *memory,
                      struct err *e)
{
    int64_t n_reused;
    *out = (struct copy_plan){0};
    if (!mp_bool(mp_get(v, "enabled"), &out->is_enabled) || !mp_str(mp_get(v, "model"), &out->model) ||
        !mp_str(mp_get(v, "locale"), &out->locale) || !mp_int(mp_get(v, "reused"), &n_reused) || n_reused < 0 ||
        n_reused > n_rows || !get_counts(&out->kinds, mp_get(v, "kinds")) ||
        !get_asked(out, mp_get(v, "asked"), n_rows, memory))
        return err_set(e, ERR_CODEC, "the result of merge has no plan for copy");
    out->n_reused = (uint32_t)n_reused;
    return true;
}
