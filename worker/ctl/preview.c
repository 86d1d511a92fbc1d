#include "worker/ctl/preview.h"

#include <stdio.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "worker/copy/template.h"
#include "worker/offers/bundle_row.h"
#include "worker/offers/report.h"

#define PHASE_NAME(phase, name) name,
static const char *const PHASE_NAMES[] = {PHASES(PHASE_NAME)};

struct preview {
    const struct preview_request *request;
    const struct file_rejects *rejects;
    struct whole_job job;
    struct bundle_rows rows;
};

static void preview_fini(struct preview *p)
{
    whole_job_fini(&p->job);
}

static void make_rows(struct preview *p)
{
    struct whole_job *w = &p->job;
    int64_t begun_us = clock_mono_us();
    bundle_rows_make(&w->market, &w->bundles, STR("preview"), STR("final"), &w->memory, &p->rows);
    template_rows(&w->market, &w->bundles, job_options_locale(&w->request->options, w->settings), &p->rows, &w->memory);
    w->phase_us[PHASE_ROWS] = clock_mono_us() - begun_us;
}

// ---- the document ----

static void put_upload(const struct preview *p, struct json_out *j)
{
    const struct dataset *d = p->job.data;
    json_out_object(j);
    json_out_key_str(j, "csv_upload_id", STR("preview"));
    json_out_key_str(j, "shop_id", STR("preview"));
    json_out_key(j, "files");
    json_out_array(j);
    for (unsigned i = 0; i < p->request->files.n; i++)
        json_out_str(j, str_of(p->request->files.paths[i]));
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
        if (whole_job_wants(&p->job, i) && !p->job.pairs[i].skip_reason) {
            put_pair_name(i, j, true);
            json_out_int(j, p->job.pairs[i].candidates);
        }
    json_out_end(j);
    json_out_key(j, "pairs_skipped");
    json_out_array(j);
    for (unsigned i = 0; i < BUNDLE_PAIRS_MAX; i++)
        if (whole_job_wants(&p->job, i) && p->job.pairs[i].skip_reason) {
            json_out_object(j);
            put_pair_name(i, j, false);
            json_out_key_str(j, "reason", str_of(p->job.pairs[i].skip_reason));
            json_out_end(j);
        }
    json_out_end(j);
}

static void put_merge(const struct merge_report *r, struct json_out *j)
{
    json_out_key(j, "merge");
    json_out_object(j);
    merge_report_json(r, j);
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
        total_us += p->job.phase_us[phase];
        json_out_key_real(j, PHASE_NAMES[phase], (double)p->job.phase_us[phase] / 1000, 2);
    }
    json_out_key_real(j, "total", (double)total_us / 1000, 2);
    json_out_end(j);
    job_request_report(p->job.request, &p->job.market, &p->job.rules, j);
    put_pairs(p, j);
    mined_json(p->job.mined, j);
    pair_report_json(&p->job.ladder, j);
    put_merge(&p->job.report, j);
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

bool preview_run(const struct preview_request *r, struct file_rejects *rejects, struct buf *json, struct err *e)
{
    AUTO(preview_fini) struct preview p = {.request = r, .rejects = rejects};
    whole_job_init(&p.job, r->settings, &r->job);
    if (!whole_job_load(&p.job, &r->files, rejects, e) || !whole_job_mine(&p.job, e) || !whole_job_offer(&p.job, e))
        return false;
    make_rows(&p);
    put_document(&p, json);
    return buf_ok(json, "the document", e);
}
