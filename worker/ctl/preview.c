#include "worker/ctl/preview.h"

#include <stdio.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "worker/copy/template.h"
#include "worker/dataset/builder.h"
#include "worker/mining/mined.h"
#include "worker/offers/bundle_row.h"
#include "worker/settings.h"

// X(phase, name in "timings_ms")
#define PHASES(X)                                                                                                      \
    X(PHASE_READ, "read")     /* files to rows */                                                                      \
    X(PHASE_ENRICH, "enrich") /* rows to a dataset */                                                                  \
    X(PHASE_MINE, "mine")                                                                                              \
    X(PHASE_PAIRS, "pairs")                                                                                            \
    X(PHASE_MERGE, "merge")                                                                                            \
    X(PHASE_ROWS, "rows") /* copy and explanations */
#define PHASE_ENUM(phase, name) phase,
enum phase { PHASES(PHASE_ENUM) PHASE_COUNT };
#define PHASE_NAME(phase, name) name,
static const char *const PHASE_NAMES[] = {PHASES(PHASE_NAME)};

struct pair_outcome {
    const char *skip_reason; // NULL: worked out
    uint32_t candidates;
};

struct preview {
    const struct preview_request *request;
    struct preview_rejects *rejects;
    struct arena memory;
    struct dataset *data;
    struct mined *mined;
    struct market market;
    struct offer_rules rules;
    struct pair_outcome pairs[BUNDLE_PAIRS_MAX]; // objective * TYPE_COUNT + type
    struct bundle_list lists[BUNDLE_PAIRS_MAX];
    uint32_t n_lists;
    struct merge_report report;
    struct bundle_rows rows;
    int64_t phase_us[PHASE_COUNT];
    atomic_bool is_cancelled; // nobody sets it: one process, one Ctrl-C
};

static void preview_fini(struct preview *p)
{
    mined_destroy(p->mined);
    dataset_destroy(p->data);
    arena_fini(&p->memory);
}

// ---- reading ----

struct reading {
    struct preview *p;
    struct builder *builder;
    unsigned source;
};

static bool on_row(void *context, const struct row *row, struct err *e)
{
    struct reading *r = context;
    return builder_add(r->builder, row, r->source, e);
}

static void on_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    struct reading *r = context;
    struct preview_rejects *rejects = r->p->rejects;
    rejects->total++;
    if (rejects->n == PREVIEW_REJECTS_MAX)
        return;
    struct import_reject *reject = &rejects->rows[rejects->n++];
    reject->line = line;
    (void)snprintf(reject->file, sizeof reject->file, "%s", r->p->request->files[r->source]);
    (void)snprintf(reject->column, sizeof reject->column, STR_FMT, STR_ARG(column));
    (void)snprintf(reject->reason, sizeof reject->reason, "%s", reason);
}

static bool read_files(struct preview *p, struct builder *builder, struct err *e)
{
    struct reading reading = {.p = p, .builder = builder};
    const struct csv_sink sink = {.on_row = on_row, .on_reject = on_reject, .context = &reading};
    for (unsigned i = 0; i < p->request->n_files; i++) {
        struct csv_report report;
        reading.source = i;
        if (!csv_read(p->request->files[i], &p->request->csv, &sink, &report, e))
            return false;
    }
    return true;
}

// ---- computing ----

static bool load(struct preview *p, struct err *e)
{
    struct enrich_rules rules = settings_enrich_rules(p->request->settings);
    job_request_enrich(&p->request->job, &rules);
    AUTO(builder_destroyp) struct builder *builder = builder_create(&rules);
    int64_t begun_us = clock_mono_us();
    if (!read_files(p, builder, e))
        return false;
    int64_t read_us = clock_mono_us();
    p->phase_us[PHASE_READ] = read_us - begun_us;
    if (!builder_finish(builder, &p->data, e))
        return false;
    p->phase_us[PHASE_ENRICH] = clock_mono_us() - read_us;
    return true;
}

static bool mine(struct preview *p, struct err *e)
{
    struct mining_rules rules = settings_mining_rules(p->request->settings);
    int64_t begun_us = clock_mono_us();
    size_t memory_max_bytes = (size_t)p->request->settings->job_memory_mb << 20;
    if (!mined_make(&p->mined, p->data, &rules, memory_max_bytes, &p->is_cancelled, e))
        return false;
    market_init(&p->market, p->data, p->mined->evidence, &p->memory);
    p->rules = settings_offer_rules(p->request->settings);
    job_request_offer(&p->request->job, p->data, &p->memory, &p->rules);
    p->phase_us[PHASE_MINE] = clock_mono_us() - begun_us;
    return true;
}

static bool is_wanted(const struct preview *p, unsigned pair)
{
    return p->rules.objectives >> (pair / TYPE_COUNT) & 1 && p->rules.types >> (pair % TYPE_COUNT) & 1;
}

static bool work_out_pairs(struct preview *p, struct err *e)
{
    int64_t begun_us = clock_mono_us();
    for (unsigned pair = 0; pair < BUNDLE_PAIRS_MAX; pair++) {
        enum objective o = (enum objective)(pair / TYPE_COUNT);
        enum bundle_type t = (enum bundle_type)(pair % TYPE_COUNT);
        struct pair_outcome *outcome = &p->pairs[pair];
        if (!is_wanted(p, pair))
            continue;
        outcome->skip_reason = offers_skip_reason(&p->market, &p->rules, o, t);
        if (outcome->skip_reason)
            continue;
        struct bundle_list *list = &p->lists[p->n_lists];
        if (!offers_for_pair(&p->market, &p->rules, o, t, &p->memory, &p->is_cancelled, list, e))
            return false;
        outcome->candidates = list->n;
        p->n_lists++;
    }
    p->phase_us[PHASE_PAIRS] = clock_mono_us() - begun_us;
    return true;
}

static bool merge(struct preview *p, struct err *e)
{
    struct bundle_list merged;
    int64_t begun_us = clock_mono_us();
    if (!offers_merge(&p->market, &p->rules, p->lists, p->n_lists, &p->memory, &p->is_cancelled, &merged, &p->report,
                      e))
        return false;
    int64_t merged_us = clock_mono_us();
    p->phase_us[PHASE_MERGE] = merged_us - begun_us;
    bundle_rows_make(&p->market, &merged, STR("preview"), STR("final"), &p->memory, &p->rows);
    template_rows(&p->market, &merged, &p->rows, &p->memory);
    p->phase_us[PHASE_ROWS] = clock_mono_us() - merged_us;
    return true;
}

// ---- the document ----

static void put_upload(const struct preview *p, struct json_out *j)
{
    const struct dataset *d = p->data;
    json_out_object(j);
    json_out_key_str(j, "csv_upload_id", STR("preview"));
    json_out_key_str(j, "shop_id", STR("preview"));
    json_out_key(j, "files");
    json_out_array(j);
    for (unsigned i = 0; i < p->request->n_files; i++)
        json_out_str(j, str_of(p->request->files[i]));
    json_out_end(j);
    json_out_key_str(j, "currency", str_of(d->currency));
    json_out_key_int(j, "orders", d->n_orders);
    json_out_key_int(j, "lines", d->lines_read);
    json_out_key_int(j, "items", d->n_items);
    json_out_key_int(j, "rejected_rows", (int64_t)p->rejects->total);
    json_out_key(j, "as_of");
    if (d->as_of == DATE_UNKNOWN) {
        json_out_null(j);
    } else {
        AUTO(buf_fini) struct buf date;
        buf_init(&date, 64);
        date_print(&date, d->as_of);
        json_out_str(j, buf_str(&date));
    }
    json_out_key(j, "left_out");
    json_out_object(j);
    for (int reason = 0; reason < LEFT_OUT_REASONS; reason++)
        if (d->left_out[reason])
            json_out_key_int(j, left_out_name((enum left_out)reason), d->left_out[reason]);
    json_out_end(j);
    json_out_end(j);
}

static void put_bundles(const struct preview *p, struct json_out *j)
{
    const struct bundle_row_context context = {
        .csv_upload_id = STR("preview"), .shop_id = STR("preview"), .status = STR("final"), .created_at = STR("")};
    uint32_t n = p->rows.n;
    if (p->request->top && n > p->request->top)
        n = p->request->top;
    json_out_array(j);
    for (uint32_t i = 0; i < n; i++)
        bundle_row_json(&p->rows.rows[i], &context, j);
    json_out_end(j);
}

static void put_pair_name(unsigned pair, struct json_out *j, bool is_key)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", objective_row((enum objective)(pair / TYPE_COUNT))->name,
                   bundle_type_name((enum bundle_type)(pair % TYPE_COUNT)));
    if (is_key)
        json_out_key(j, name);
    else
        json_out_key_str(j, "pair", str_of(name));
}

static void put_pairs(const struct preview *p, struct json_out *j)
{
    json_out_key(j, "candidates");
    json_out_object(j);
    for (unsigned i = 0; i < BUNDLE_PAIRS_MAX; i++)
        if (is_wanted(p, i) && !p->pairs[i].skip_reason) {
            put_pair_name(i, j, true);
            json_out_int(j, p->pairs[i].candidates);
        }
    json_out_end(j);
    json_out_key(j, "pairs_skipped");
    json_out_array(j);
    for (unsigned i = 0; i < BUNDLE_PAIRS_MAX; i++)
        if (is_wanted(p, i) && p->pairs[i].skip_reason) {
            json_out_object(j);
            put_pair_name(i, j, false);
            json_out_key_str(j, "reason", str_of(p->pairs[i].skip_reason));
            json_out_end(j);
        }
    json_out_end(j);
}

static void put_merge(const struct merge_report *r, struct json_out *j)
{
    json_out_key(j, "merge");
    json_out_object(j);
    json_out_key_int(j, "candidates", r->candidates);
    json_out_key_int(j, "duplicates", r->duplicates);
    json_out_key_int(j, "broken_constraint", r->broken_constraint);
    json_out_key_int(j, "over_cap", r->over_cap);
    json_out_key_int(j, "filled_up", r->filled_up);
    json_out_key_int(j, "fronts", r->fronts);
    json_out_key_bool(j, "portfolio_skipped", r->portfolio_skipped);
    json_out_end(j);
}

static void put_metrics(const struct preview *p, struct json_out *j)
{
    int64_t total_us = 0;
    json_out_object(j);
    json_out_key_int(j, "bundles", p->rows.n);
    json_out_key(j, "timings_ms");
    json_out_object(j);
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        total_us += p->phase_us[phase];
        json_out_key_real(j, PHASE_NAMES[phase], (double)p->phase_us[phase] / 1000, 2);
    }
    json_out_key_real(j, "total", (double)total_us / 1000, 2);
    json_out_end(j);
    json_out_key(j, "options");
    job_request_json(&p->request->job, j);
    put_pairs(p, j);
    put_merge(&p->report, j);
    json_out_end(j);
}

static void put_document(const struct preview *p, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_int(&j, "version", 1);
    json_out_key(&j, "upload");
    put_upload(p, &j);
    json_out_key(&j, "bundles");
    put_bundles(p, &j);
    json_out_key(&j, "metrics");
    put_metrics(p, &j);
    json_out_end(&j);
    buf_putc(out, '\n');
}

bool preview_run(const struct preview_request *r, struct preview_rejects *rejects, struct buf *json, struct err *e)
{
    AUTO(preview_fini) struct preview p = {.request = r, .rejects = rejects};
    *rejects = (struct preview_rejects){0};
    arena_init(&p.memory, (size_t)r->settings->job_memory_mb << 20);
    if (!load(&p, e) || !mine(&p, e) || !work_out_pairs(&p, e) || !merge(&p, e))
        return false;
    put_document(&p, json);
    return buf_ok(json, "the document", e);
}
