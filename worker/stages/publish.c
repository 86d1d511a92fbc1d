#include "worker/stages/copy_stage.h"

#include "common/check.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/mp.h"
#include "worker/store/bundle_store.h"

enum { METRICS_MAX_BYTES = 3 << 20 };

struct merged { // views into the task's input
    struct str csv_upload_id, metrics;
    struct bundle_rows rows;
    struct copy_plan copy;
};

static bool read_merged(struct task *t, struct merged *out, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct str bytes = task_input(t, STR("merge"));
    if (!mp_open_envelope(&doc, bytes.ptr, bytes.len, "merge-result", MERGE_VERSION, &MP_LIMITS_ARTEFACT, e))
        return false;
    const struct mp_value *root = mp_root(doc);
    if (!mp_str(mp_get(root, "csv_upload_id"), &out->csv_upload_id) ||
        !mp_str(mp_get(root, "metrics"), &out->metrics) || out->metrics.len < 2)
        return err_set(e, ERR_CODEC, "the result of merge lacks a field");
    return bundle_rows_decode(&out->rows, mp_get(root, "rows"), &t->memory, e) &&
           copy_plan_decode(&out->copy, mp_get(root, "copy"), out->rows.n, &t->memory, e);
}

// The rows' copy, and in the metrics what became of it.
static bool put_copy(struct task *t, const struct stages_slot *slot, struct merged *m, struct buf *metrics,
                     struct err *e)
{
    buf_put(metrics, m->metrics.ptr, m->metrics.len - 1); // a JSON object, but for its "}"
    buf_printf(metrics, ",\"partial\":%s,\"copy\":", t->is_partial ? "true" : "false");
    copy_put(t, slot->env->settings, &m->copy, &m->rows, metrics);
    buf_putc(metrics, '}');
    return buf_ok(metrics, "the metrics", e);
}

bool stage_publish(struct task *t, void *slot_, struct err *e)
{
    struct stages_slot *slot = slot_;
    struct merged m = {0};
    AUTO(buf_fini) struct buf metrics;
    buf_init(&metrics, METRICS_MAX_BYTES);
    if (!read_merged(t, &m, e) || !put_copy(t, slot, &m, &metrics, e))
        return false;
    uint64_t statements_before = pg_statements(slot->pg);
    const struct store_target target = stage_target(t, m.csv_upload_id);
    FAILPOINT("publish.before");
    if (!bundle_store_final(slot->pg, &target, &m.rows, buf_str(&metrics), e))
        return stage_failed(t, slot, m.csv_upload_id, e);
    FAILPOINT("publish.committed");
    t->bundles = m.rows.n;
    if (m.rows.n)
        task_say(t, "%u bundles are ready", m.rows.n);
    else
        task_say(t, "No bundles from this upload: see no_bundles_reason in its metrics");
    LOG(LOG_INFO, "bundles published", LOG_I("bundles", m.rows.n),
        LOG_I("sql_statements", pg_statements(slot->pg) - statements_before));
    return true;
}
