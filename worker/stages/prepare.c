#include "worker/stages/stages_internal.h"

#include <stdio.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/json_out.h"
#include "common/log.h"
#include "common/mp.h"
#include "worker/copy/template.h"
#include "worker/stages/job_json.h"
#include "worker/store/bundle_store.h"
#include "worker/store/shop_options.h"
#include "worker/store/upload_requests.h"

enum { METRICS_MAX_BYTES = 1 << 20 };

static void put_counts(const struct artefact *a, struct json_out *j)
{
    const struct dataset *d = a->data;
    json_out_key(j, "dataset");
    json_out_object(j);
    json_out_key_int(j, "order_lines", d->lines_read);
    json_out_key_int(j, "orders", d->n_orders);
    json_out_key_int(j, "variants", d->n_items);
    json_out_key_int(j, "products", d->n_products);
    json_out_key_int(j, "customers", d->n_customers);
    json_out_key_str(j, "currency", str_of(d->currency));
    json_out_key(j, "left_out");
    json_out_object(j);
    for (unsigned i = 0; i < LEFT_OUT_REASONS; i++)
        json_out_key_int(j, left_out_name((enum left_out)i), d->left_out[i]);
    json_out_end(j);
    json_out_end(j);
}

// A task for every pair that applies; the others are listed with their reason.
static void split(struct task *t, const struct artefact *a, const struct offer_rules *rules, struct json_out *j)
{
    json_out_key(j, "pairs_skipped");
    json_out_array(j);
    for (unsigned i = 0; i < BUNDLE_PAIRS_MAX; i++) {
        enum objective o = (enum objective)(i / TYPE_COUNT);
        enum bundle_type type = (enum bundle_type)(i % TYPE_COUNT);
        if (!(rules->objectives >> o & 1) || !(rules->types >> type & 1))
            continue;
        AUTO(buf_fini) struct buf name;
        buf_init(&name, QUEUE_TASK_MAX);
        stages_pair_name(o, type, &name);
        const char *reason = offers_skip_reason(&a->market, rules, o, type);
        if (!reason) {
            task_more(t, buf_str(&name), STR(""));
            continue;
        }
        json_out_object(j);
        json_out_key_str(j, "pair", buf_str(&name));
        json_out_key_str(j, "reason", str_of(reason));
        json_out_end(j);
    }
    json_out_end(j);
}

static void put_skipped_phases(const struct market *m, struct json_out *j)
{
    json_out_key(j, "phases_skipped");
    json_out_array(j);
    if (m->is_tiny)
        json_out_str(j, STR("ladder: fewer than 10 order lines"));
    if (m->is_small)
        json_out_str(j, STR("item2vec, portfolio optimisation, shrunk pricing: fewer than 20 order lines"));
    json_out_end(j);
}

struct prepared {
    struct task *task;
    struct stages_slot *slot;
    struct job_request request; // with its shop's options, once the artefact is there
    struct stage_artefact from;
    struct offer_rules rules;
    bool is_preliminary; // stored, or it need not be
    int64_t preliminary_ms, share_ms;
    uint64_t statements_before;
};

// Where the artefact was found; by stage_artefact.from.
static const char *const CACHE_NAMES[] = {"none", "memory", "redis"};

static void put_metrics(const struct prepared *p, struct buf *out)
{
    const struct artefact *a = p->from.artefact;
    struct json_out j = json_out_on(out);
    int64_t mine_ms = p->from.from == ARTEFACT_MADE ? p->from.mine_ms - p->preliminary_ms : 0; // it came in between
    json_out_object(&j);
    json_out_key_str(&j, "worker", str_of(p->slot->env->worker));
    job_request_report(&p->request, &a->market, &p->rules, &j);
    put_counts(a, &j);
    mined_json(a->mined, &j);
    put_skipped_phases(&a->market, &j);
    split(p->task, a, &p->rules, &j);
    task_share(p->task, stage_pairs_shared(p->task, str_of(a->fingerprint), p->from.shop_options));
    json_out_key_str(&j, "cache", str_of(CACHE_NAMES[p->from.from]));
    json_out_key_int(&j, "blobs_discarded", (int64_t)artefact_cache_discarded(p->slot->env->cache));
    json_out_key_int(&j, "find_ms", p->from.find_ms);
    json_out_key_int(&j, "load_ms", p->from.load_ms);
    json_out_key_int(&j, "mine_ms", mine_ms);
    json_out_key_int(&j, "preliminary_ms", p->preliminary_ms);
    json_out_key_int(&j, "share_ms", p->share_ms);
    json_out_key_int(&j, "sql_statements", (int64_t)(pg_statements(p->slot->pg) - p->statements_before));
    json_out_end(&j);
}

static void add_shop_options(struct prepared *p)
{
    const struct job_options *o = &p->request.options;
    job_options_default(&p->request.options, p->from.shop_options, &p->task->memory);
    if (o->n_problems)
        LOG(LOG_WARN, "options of the shop are left out", LOG_I("options", o->n_problems),
            LOG_S("first", arena_strdup(&p->task->memory, o->problems[0].option.ptr, o->problems[0].option.len)));
}

static bool store_preliminary(void *prepared_, const struct artefact *a, struct err *e)
{
    struct prepared *p = prepared_;
    struct task *t = p->task;
    const struct store_target target = stage_target(t, str_of(p->from.info.csv_upload_id));
    struct bundle_list list;
    struct bundle_rows rows;
    bool is_stored = false;
    int64_t begun_ms = clock_mono_ms();
    FAILPOINT("mine.counted");
    task_progress(t, 47, "%u orders and %u products compared", a->data->n_orders, a->data->n_items);
    add_shop_options(p);
    p->rules = stage_offer_rules(p->slot, &p->request, a, &t->memory);
    offers_preliminary(&a->market, &p->rules, &t->memory, &list);
    bundle_rows_make(&a->market, &list, target.csv_upload_id, STR("preliminary"), &t->memory, &rows);
    template_rows(&a->market, &list, job_options_locale(&p->request.options, p->slot->env->settings), &rows,
                  &t->memory);
    FAILPOINT("preliminary.before");
    if (!arena_within(&t->memory, "the preliminary bundles", e) ||
        !bundle_store_preliminary(p->slot->pg, &target, &rows, a->data, &is_stored, e))
        return false;
    FAILPOINT("preliminary.committed");
    p->preliminary_ms = clock_mono_ms() - begun_ms;
    p->is_preliminary = true;
    if (is_stored) {
        char message[96];
        (void)snprintf(message, sizeof message, "%u preliminary bundles are ready", rows.n);
        task_preliminary(t, 50, rows.n, message);
    }
    LOG(LOG_INFO, "preliminary bundles stored", LOG_I("bundles", rows.n), LOG_I("is_stored", is_stored));
    return true;
}

static bool leave(struct prepared *p, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    AUTO(buf_fini) struct buf metrics;
    buf_init(&out, METRICS_MAX_BYTES);
    buf_init(&metrics, METRICS_MAX_BYTES);
    put_metrics(p, &metrics);
    mp_put_envelope(&out, "prepare-result", PREPARE_VERSION, 4);
    mp_put_key(&out, "fingerprint");
    mp_put_str(&out, str_of(p->from.artefact->fingerprint));
    mp_put_key(&out, "csv_upload_id");
    mp_put_str(&out, str_of(p->from.info.csv_upload_id));
    mp_put_key(&out, "shop_options");
    mp_put_str(&out, p->from.shop_options);
    mp_put_key(&out, "metrics");
    mp_put_str(&out, buf_str(&metrics));
    if (!buf_ok(&metrics, "the metrics", e) || !buf_ok(&out, "the result of prepare", e))
        return false;
    task_result(p->task, buf_str(&out));
    return true;
}

static void share(struct prepared *p)
{
    int64_t begun_ms = clock_mono_ms();
    stage_share(p->task, p->slot, &p->from);
    p->share_ms = clock_mono_ms() - begun_ms;
}

// What was asked for is known to PostgreSQL before anything is made of it.
static bool note_request(struct prepared *p, struct err *e)
{
    AUTO(buf_fini) struct buf message;
    struct task *t = p->task;
    buf_init(&message, METRICS_MAX_BYTES);
    if (!job_json_of_payload(t->job_payload, t->job, &message, e))
        return false;
    const struct upload_request request = {t->job, t->shop, t->upload, buf_str(&message), stage_fence(t)};
    return upload_request_note(p->slot->pg, &request, e);
}

// What is found need not be mined, so that nothing has answered yet.
static bool prepare(struct prepared *p, struct err *e)
{
    const struct artefact_early early = {store_preliminary, p};
    task_progress(p->task, 5, "Reading the orders");
    if (!note_request(p, e) || !stage_obtain(p->task, p->slot, &p->request, &early, &p->from, e) ||
        (!p->is_preliminary && !store_preliminary(p, p->from.artefact, e)))
        return false;
    share(p);
    return leave(p, e);
}

bool stage_prepare(struct task *t, void *slot, struct err *e)
{
    struct prepared p = {.task = t, .slot = slot};
    p.statements_before = pg_statements(p.slot->pg);
    if (!stage_begin(t, slot, STR(""), &p.request, e))
        return false;
    stage_artefact_init(&p.from);
    bool ok = prepare(&p, e);
    if (!ok)
        (void)stage_failed(t, slot, str_of(p.from.info.csv_upload_id), e);
    stage_artefact_fini(&p.from, slot);
    return ok;
}
