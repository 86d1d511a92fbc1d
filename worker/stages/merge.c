#include "worker/stages/copy_stage.h"

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/json_out.h"
#include "common/mp.h"
#include "worker/copy/template.h"
#include "worker/offers/bundle_row.h"
#include "worker/offers/report.h"

enum { METRICS_MAX_BYTES = 2 << 20 };

struct prepared { // views into the task's inputs
    struct str fingerprint, csv_upload_id, shop_options, metrics;
};

static bool read_prepared(struct task *t, struct prepared *out, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct str bytes = task_input(t, STR("prepare"));
    if (!mp_open_envelope(&doc, bytes.ptr, bytes.len, "prepare-result", PREPARE_VERSION, &MP_LIMITS_MESSAGE, e))
        return false;
    const struct mp_value *root = mp_root(doc);
    out->shop_options = STR("");
    (void)mp_str(mp_get(root, "shop_options"), &out->shop_options);
    return (mp_str(mp_get(root, "fingerprint"), &out->fingerprint) &&
            mp_str(mp_get(root, "csv_upload_id"), &out->csv_upload_id) &&
            mp_str(mp_get(root, "metrics"), &out->metrics)) ||
           err_set(e, ERR_CODEC, "the result of prepare lacks a field");
}

struct pairs {
    struct bundle_list lists[BUNDLE_PAIRS_MAX];
    const char *names[BUNDLE_PAIRS_MAX];
    uint32_t n;
    int64_t cpu_us;
    struct pair_report ladder;
};

static bool read_pair(struct task *t, const struct task_input *in, const struct artefact *a, struct pairs *out,
                      struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct pair_report report;
    int64_t cpu_us = 0;
    if (!mp_open_envelope(&doc, in->result.ptr, in->result.len, "pair-result", PAIR_VERSION, &MP_LIMITS_ARTEFACT, e) ||
        !pair_report_decode(&report, mp_get(mp_root(doc), "ladder"), e) ||
        !bundles_decode(&out->lists[out->n], mp_get(mp_root(doc), "bundles"), a->data->n_items, &t->memory, e))
        return err_wrap(e, "result of %s", in->task.ptr);
    (void)mp_int(mp_get(mp_root(doc), "cpu_us"), &cpu_us);
    out->cpu_us += cpu_us;
    pair_report_add(&out->ladder, &report);
    out->names[out->n++] = in->task.ptr;
    return true;
}

// Inputs come sorted by name, so the lists do too.
static bool read_pairs(struct task *t, const struct artefact *a, struct pairs *out, struct err *e)
{
    for (size_t i = 0; i < t->n_inputs; i++) {
        if (str_eq(t->inputs[i].task, STR("prepare")))
            continue;
        if (out->n == BUNDLE_PAIRS_MAX)
            return err_set(e, ERR_CODEC, "more pair results than there are pairs");
        if (!read_pair(t, &t->inputs[i], a, out, e))
            return false;
    }
    return true;
}

static void put_by(struct json_out *j, const struct bundle_list *list)
{
    uint32_t by_type[TYPE_COUNT] = {0};
    uint32_t by_objective[OBJECTIVE_COUNT] = {0};
    uint32_t by_source[SOURCE_COUNT] = {0};
    for (uint32_t i = 0; i < list->n; i++) {
        const struct bundle *b = &list->bundles[i];
        by_type[b->type]++;
        by_objective[b->objective]++;
        for (unsigned s = 0; s < SOURCE_COUNT; s++)
            by_source[s] += b->sources >> s & 1;
    }
    json_out_key(j, "bundles_by_type");
    json_out_object(j);
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        json_out_key_int(j, bundle_type_name((enum bundle_type)i), by_type[i]);
    json_out_end(j);
    json_out_key(j, "bundles_by_objective");
    json_out_object(j);
    for (unsigned i = 0; i < OBJECTIVE_COUNT; i++)
        json_out_key_int(j, objective_row((enum objective)i)->name, by_objective[i]);
    json_out_end(j);
    json_out_key(j, "bundles_by_source");
    json_out_object(j);
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        json_out_key_int(j, source_name((enum source_bit)i), by_source[i]);
    json_out_end(j);
}

static const char *reason_for_none(const struct artefact *a, const struct pairs *pairs)
{
    if (a->data->lines_read == 0)
        return "the upload has no order lines";
    if (a->data->n_orders == 0)
        return "no order line is left after cleaning (see left_out)";
    if (a->data->n_items < 2)
        return "the upload has one product: nothing to combine";
    if (pairs->n == 0)
        return "nothing that was asked for applies to this upload (see prepare.pairs_skipped)";
    return "no combination of products stands out in these orders";
}

static void put_metrics(const struct task *t, const struct prepared *p, const struct artefact *a,
                        const struct pairs *pairs, const struct bundle_list *list, const struct merge_report *report,
                        int64_t merge_ms, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_int(&j, "version", 1);
    json_out_key_str(&j, "job", t->job);
    json_out_key_int(&j, "bundles", list->n);
    if (list->n == 0)
        json_out_key_str(&j, "no_bundles_reason", str_of(reason_for_none(a, pairs)));
    json_out_key(&j, "prepare");
    json_out_raw(&j, p->metrics);
    json_out_key(&j, "pairs");
    json_out_object(&j);
    json_out_key_int(&j, "done", pairs->n);
    json_out_key_int(&j, "cpu_us", pairs->cpu_us);
    json_out_key(&j, "candidates");
    json_out_object(&j);
    for (uint32_t i = 0; i < pairs->n; i++)
        json_out_key_int(&j, pairs->names[i], pairs->lists[i].n);
    json_out_end(&j);
    pair_report_json(&pairs->ladder, &j);
    json_out_end(&j);
    json_out_key(&j, "pairs_failed");
    json_out_raw(&j, t->failed.len ? t->failed : STR("[]"));
    json_out_key(&j, "merge");
    json_out_object(&j);
    merge_report_json(report, &j);
    json_out_key_int(&j, "ms", merge_ms);
    json_out_end(&j);
    put_by(&j, list);
    json_out_end(&j);
}

static bool leave(struct task *t, const struct stages_slot *slot, const struct prepared *p,
                  const struct bundle_rows *rows, const struct copy_plan *copy, struct str metrics, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, (size_t)slot->env->settings->queue_result_max);
    mp_put_envelope(&out, "merge-result", MERGE_VERSION, 4);
    mp_put_key(&out, "csv_upload_id");
    mp_put_str(&out, p->csv_upload_id);
    mp_put_key(&out, "metrics");
    mp_put_str(&out, metrics);
    mp_put_key(&out, "copy");
    copy_plan_encode(copy, &out);
    mp_put_key(&out, "rows");
    bundle_rows_encode(rows, &out);
    if (!buf_ok(&out, "the merged result (queue.result_bytes_max)", e))
        return false;
    task_result(t, buf_str(&out));
    return true;
}

struct merged {
    struct bundle_list list;
    struct merge_report report;
    struct bundle_rows rows;
    struct copy_plan copy;
};

static bool choose(struct task *t, struct stages_slot *slot, const struct job_request *r, const struct artefact *a,
                   const struct pairs *pairs, struct merged *out, struct err *e)
{
    struct offer_rules rules = stage_offer_rules(slot, r, a, &t->memory);
    return offers_merge(&a->market, &rules, pairs->lists, pairs->n, &t->memory, &t->is_cancelled, &out->list,
                        &out->report, e);
}

static bool make_rows(struct task *t, struct stages_slot *slot, const struct job_request *r, const struct prepared *p,
                      const struct artefact *a, int64_t begun_ms, struct merged *out, struct err *e)
{
    const struct copy_planning planning = {.task = t,
                                           .slot = slot,
                                           .market = &a->market,
                                           .list = &out->list,
                                           .locale = job_options_locale(&r->options, slot->env->settings),
                                           .csv_upload_id = p->csv_upload_id,
                                           .begun_ms = begun_ms};
    bundle_rows_make(&a->market, &out->list, p->csv_upload_id, STR("final"), &t->memory, &out->rows);
    template_rows(&a->market, &out->list, planning.locale, &out->rows, &t->memory);
    return copy_plan_make(&planning, &out->rows, &out->copy, e);
}

static bool merge(struct task *t, struct stages_slot *slot, const struct job_request *r, const struct prepared *p,
                  const struct artefact *a, int64_t begun_ms, struct err *e)
{
    AUTO(buf_fini) struct buf metrics;
    struct pairs *pairs = ARENA_NEW(&t->memory, struct pairs);
    struct merged *m = ARENA_NEW(&t->memory, struct merged);
    buf_init(&metrics, METRICS_MAX_BYTES);
    if (!read_pairs(t, a, pairs, e))
        return false;
    FAILPOINT("merge.read");
    if (!choose(t, slot, r, a, pairs, m, e) || !make_rows(t, slot, r, p, a, begun_ms, m, e))
        return false;
    put_metrics(t, p, a, pairs, &m->list, &m->report, clock_mono_ms() - begun_ms, &metrics);
    return arena_within(&t->memory, "choosing the best offers", e) && buf_ok(&metrics, "the metrics", e) &&
           leave(t, slot, p, &m->rows, &m->copy, buf_str(&metrics), e);
}

bool stage_merge(struct task *t, void *slot_, struct err *e)
{
    struct stages_slot *slot = slot_;
    struct job_request r;
    struct prepared p;
    struct artefact *a;
    int64_t begun_ms = clock_mono_ms();
    if (!read_prepared(t, &p, e) || !stage_begin(t, slot, p.shop_options, &r, e))
        return false;
    if (!stage_find(t, slot, &r, p.fingerprint, &a, e))
        return stage_failed(t, slot, p.csv_upload_id, e);
    bool ok = merge(t, slot, &r, &p, a, begun_ms, e);
    artefact_release(slot->env->cache, a);
    return ok || stage_failed(t, slot, p.csv_upload_id, e);
}
