#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "common/check.h"
#include "common/json_out.h"
#include "common/log.h"
#include "common/mp.h"
#include "worker/stages/copy_stage.h"

#define USAGE_MAX (INT64_C(1) << 40)

static const struct {
    const char *name;
    size_t at;
    bool is_longest; // of all tasks; the others are added up
} USAGE[] = {
    {"requests", offsetof(struct copy_usage, requests), false},
    {"retries", offsetof(struct copy_usage, retries), false},
    {"tokens_in", offsetof(struct copy_usage, tokens_in), false},
    {"tokens_out", offsetof(struct copy_usage, tokens_out), false},
    {"cache_asked", offsetof(struct copy_usage, cache_asked), false},
    {"cache_hits", offsetof(struct copy_usage, cache_hits), false},
    {"slowest_ms", offsetof(struct copy_usage, slowest_ms), true},
};

static int64_t usage_at(const struct copy_usage *u, size_t k)
{
    return *(const int64_t *)(const void *)((const char *)u + USAGE[k].at);
}

static void usage_set(struct copy_usage *u, size_t k, int64_t value)
{
    *(int64_t *)(void *)((char *)u + USAGE[k].at) = value;
}

void copy_usage_encode(const struct copy_usage *u, struct buf *out)
{
    mp_put_map(out, ARRAY_LEN(USAGE));
    for (size_t k = 0; k < ARRAY_LEN(USAGE); k++) {
        mp_put_key(out, USAGE[k].name);
        mp_put_int(out, usage_at(u, k));
    }
}

bool copy_usage_decode(struct copy_usage *out, const struct mp_value *v)
{
    for (size_t k = 0; k < ARRAY_LEN(USAGE); k++) {
        int64_t value;
        if (!mp_int(mp_get(v, USAGE[k].name), &value) || value < 0 || value > USAGE_MAX)
            return false;
        usage_set(out, k, value);
    }
    return true;
}

static void usage_add(struct copy_usage *all, const struct copy_usage *u)
{
    for (size_t k = 0; k < ARRAY_LEN(USAGE); k++) {
        int64_t a = usage_at(all, k), b = usage_at(u, k);
        usage_set(all, k, !USAGE[k].is_longest ? a + b : a > b ? a : b);
    }
}

struct putting {
    struct task *task;
    const struct copy_plan *plan;
    struct bundle_rows *rows;
    bool *is_open; // row i waits for its copy
    struct copy_counts kinds;
    struct copy_usage usage;
    int64_t after_ms;
    uint32_t n_model, n_cache, n_template;
};

static void put_template(struct putting *p, uint32_t row, struct str kind, struct str reason)
{
    struct str *ai_copy = &p->rows->rows[row].ai_copy;
    *ai_copy = copy_with_reason(*ai_copy, reason, &p->task->memory);
    copy_count(&p->kinds, kind, 1);
    p->n_template++;
}

static bool are_texts(const json_t *list)
{
    size_t i;
    const json_t *v;
    json_array_foreach(list, i, v) if (!json_is_string(v)) return false;
    return json_is_array(list);
}

// It goes into the row as it is.
static bool is_copy(struct str json)
{
    static const char *const TEXTS[] = {"title", "description", "value_proposition", "model", "locale", "key"};
    json_auto_t *v = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++)
        if (!json_is_string(json_object_get(v, TEXTS[i])))
            return false;
    return are_texts(json_object_get(v, "features")) && are_texts(json_object_get(v, "benefits"));
}

static bool put_written(struct putting *p, const struct mp_value *v)
{
    struct str source, json, reason, kind;
    int64_t row;
    if (!mp_int(mp_at(v, 0), &row) || row < 0 || row >= p->rows->n || !p->is_open[row] ||
        !mp_str(mp_at(v, 1), &source) || !mp_str(mp_at(v, 2), &json) || !mp_str(mp_at(v, 3), &reason) ||
        !mp_str(mp_at(v, 4), &kind))
        return false;
    bool is_model = str_eq(source, STR("model")), is_cache = str_eq(source, STR("cache"));
    bool has_copy = is_copy(json);
    if ((is_model || is_cache) != has_copy)
        return false;
    p->is_open[row] = false;
    if (!has_copy)
        put_template(p, (uint32_t)row, kind, reason);
    else
        p->rows->rows[row].ai_copy = copy_with_source(json, is_model ? "model" : "cache", &p->task->memory);
    p->n_model += is_model;
    p->n_cache += is_cache;
    return true;
}

static bool put_result(struct putting *p, struct str bytes, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct copy_usage usage = {0};
    int64_t after_ms;
    if (!mp_open_envelope(&doc, bytes.ptr, bytes.len, "copy-result", COPY_RESULT_VERSION, &MP_LIMITS_MESSAGE, e))
        return false;
    const struct mp_value *root = mp_root(doc), *written = mp_get(root, "written");
    if (!mp_int(mp_get(root, "after_ms"), &after_ms) || after_ms < 0 || after_ms > USAGE_MAX ||
        !copy_usage_decode(&usage, mp_get(root, "usage")))
        return err_set(e, ERR_CODEC, "the result of a copy task lacks a field");
    usage_add(&p->usage, &usage);
    p->after_ms = after_ms > p->after_ms ? after_ms : p->after_ms;
    for (size_t i = 0; i < mp_size(written); i++)
        if (!put_written(p, mp_at(written, i)))
            return err_set(e, ERR_CODEC, "entry %zu of a copy task's result is none", i);
    return true;
}

// Of tasks that failed, and where the job's deadline came first.
static void put_missing(struct putting *p)
{
    bool is_late = p->task->is_partial;
    for (uint32_t row = 0; row < p->rows->n; row++)
        if (p->is_open[row])
            put_template(p, row, is_late ? STR("deadline") : STR("failed"),
                         is_late ? STR(COPY_NO_TIME) : STR("the step that writes its copy failed"));
}

// A dollar amount or whatever the prices are in; null where they are not set.
static void put_cost(const struct settings *s, const struct copy_usage *u, struct json_out *j)
{
    double cost = ((double)u->tokens_in * s->copy_price_in + (double)u->tokens_out * s->copy_price_out) / 1e6;
    json_out_key(j, "cost");
    if (s->copy_price_in > 0 || s->copy_price_out > 0)
        json_out_real(j, cost, 6);
    else
        json_out_null(j);
}

static void put_numbers(const struct putting *p, const struct settings *s, struct json_out *j)
{
    json_out_key(j, "bundles");
    json_out_object(j);
    json_out_key_int(j, "model", p->n_model);
    json_out_key_int(j, "cache", p->n_cache);
    json_out_key_int(j, "template", p->n_template);
    json_out_end(j);
    json_out_key(j, "reasons");
    json_out_object(j);
    for (uint32_t k = 0; k < p->kinds.n; k++) {
        char kind[64];
        (void)snprintf(kind, sizeof kind, STR_FMT, STR_ARG(p->kinds.of[k].kind));
        json_out_key_int(j, kind, p->kinds.of[k].n);
    }
    json_out_end(j);
    for (size_t k = 0; k < ARRAY_LEN(USAGE); k++)
        json_out_key_int(j, USAGE[k].name, usage_at(&p->usage, k));
    put_cost(s, &p->usage, j);
    json_out_key_int(j, "rows_reused", p->plan->n_reused);
    json_out_key_int(j, "took_ms", p->after_ms);
}

static void put_metrics(const struct putting *p, const struct settings *s, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_bool(&j, "enabled", p->plan->is_enabled);
    if (p->plan->is_enabled) {
        json_out_key_str(&j, "model", p->plan->model);
        json_out_key_str(&j, "locale", p->plan->locale);
    }
    put_numbers(p, s, &j);
    json_out_end(&j);
}

static struct putting begin(struct task *t, const struct copy_plan *plan, struct bundle_rows *rows)
{
    struct putting p = {.task = t, .plan = plan, .rows = rows, .kinds = plan->kinds, .n_cache = plan->n_reused};
    p.is_open = ARENA_ARRAY(&t->memory, bool, (size_t)rows->n + 1);
    for (uint32_t k = 0; k < plan->n_asked; k++)
        p.is_open[plan->asked[k]] = true;
    for (uint32_t k = 0; k < plan->kinds.n; k++)
        p.n_template += plan->kinds.of[k].n;
    return p;
}

void copy_put(struct task *t, const struct settings *s, const struct copy_plan *plan, struct bundle_rows *rows,
              struct buf *metrics)
{
    struct putting p = begin(t, plan, rows);
    struct err e;
    for (size_t i = 0; i < t->n_inputs; i++)
        if (!str_eq(t->inputs[i].task, STR("merge")) && !put_result(&p, t->inputs[i].result, &e))
            LOG(LOG_WARN, "written copy cannot be read; the rest gets template copy",
                LOG_S("task", t->inputs[i].task.ptr), LOG_S("error", e.message));
    put_missing(&p);
    put_metrics(&p, s, metrics);
}
