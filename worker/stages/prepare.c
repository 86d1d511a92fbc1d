#include "worker/stages/stages_internal.h"

#include <stdio.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "common/log.h"
#include "common/mp.h"
#include "worker/copy/template.h"
#include "worker/store/bundle_store.h"

enum { METRICS_MAX_BYTES = 1 << 20 };

static void put_counts(const struct artefact *a, struct json_out *j)
{
    const struct dataset *d = a->data;
    json_out_key(j, "dataset");
    json_out_object(j);
    json_out_key_int(j, "order_lines", d->lines_read);
    json_out_key_int(j, "orders", d->n_orders);
    json_out_key_int(j, "multi_item_orders", a->mined->evidence->n_multi);
    json_out_key_int(j, "orders_too_large", a->mined->evidence->n_too_large);
    json_out_key_int(j, "variants", d->n_items);
    json_out_key_int(j, "products", d->n_products);
    json_out_key_int(j, "customers", d->n_customers);
    json_out_key_int(j, "pairs_seen", (int64_t)a->mined->evidence->pairs_distinct);
    json_out_key_str(j, "currency", str_of(d->currency));
    json_out_key(j, "left_out");
    json_out_object(j);
    for (unsigned i = 0; i < LEFT_OUT_REASONS; i++)
        json_out_key_int(j, left_out_name((enum left_out)i), d->left_out[i]);
    json_out_end(j);
    json_out_end(j);
}

// A task for every pair that applies; the others are listed with their reason.
static void split(struct task *t, const struct artefact *a, const struct offer_rules *rules, struct str payload,
                  struct json_out *j)
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
            task_more(t, buf_str(&name), payload);
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
    const struct job_request *request;
    const struct stage_artefact *from;
    struct offer_rules rules;
    int64_t preliminary_ms, share_ms;
    uint64_t statements;
};

// Where the artefact was found; by stage_artefact.from.
static const char *const CACHE_NAMES[] = {"none", "memory", "redis"};

static void put_metrics(struct task *t, const struct stages_slot *slot, const struct prepared *p, struct buf *out)
{
    const struct artefact *a = p->from->artefact;
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_str(&j, "worker", str_of(slot->env->worker));
    job_request_report(p->request, &a->market, &p->rules, &j);
    put_counts(a, &j);
    put_skipped_phases(&a->market, &j);
    split(t, a, &p->rules, stage_pair_payload(t, str_of(a->fingerprint), p->from->shop_options), &j);
    json_out_key_str(&j, "cache", str_of(CACHE_NAMES[p->from->from]));
    json_out_key_int(&j, "find_ms", p->from->find_ms);
    json_out_key_int(&j, "load_ms", p->from->load_ms);
    json_out_key_int(&j, "mine_ms", p->from->mine_ms);
    json_out_key_int(&j, "preliminary_ms", p->preliminary_ms);
    json_out_key_int(&j, "share_ms", p->share_ms);
    json_out_key_int(&j, "sql_statements", (int64_t)p->statements);
    json_out_end(&j);
}

static bool store_preliminary(struct task *t, struct stages_slot *slot, struct prepared *p, struct err *e)
{
    const struct artefact *a = p->from->artefact;
    const struct store_target target = {t->job, t->shop, str_of(p->from->info.csv_upload_id)};
    struct bundle_list list;
    struct bundle_rows rows;
    bool is_stored = false;
    int64_t begun_ms = clock_mono_ms();
    offers_preliminary(&a->market, &p->rules, &t->memory, &list);
    bundle_rows_make(&a->market, &list, target.csv_upload_id, STR("preliminary"), &t->memory, &rows);
    template_rows(&a->market, &list, &rows, &t->memory);
    if (!arena_within(&t->memory, "the preliminary bundles", e) ||
        !bundle_store_preliminary(slot->pg, &target, &rows, a->data, &is_stored, e))
        return false;
    p->preliminary_ms = clock_mono_ms() - begun_ms;
    if (is_stored) {
        char message[96];
        (void)snprintf(message, sizeof message, "%u preliminary bundles are ready", rows.n);
        task_preliminary(t, 50, rows.n, message);
    }
    LOG(LOG_INFO, "preliminary bundles stored", LOG_I("bundles", rows.n), LOG_I("is_stored", is_stored));
    return true;
}

static bool leave(struct task *t, const struct stage_artefact *from, struct str metrics, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, METRICS_MAX_BYTES);
    mp_put_envelope(&out, "prepare-result", PREPARE_VERSION, 4);
    mp_put_key(&out, "fingerprint");
    mp_put_str(&out, str_of(from->artefact->fingerprint));
    mp_put_key(&out, "csv_upload_id");
    mp_put_str(&out, str_of(from->info.csv_upload_id));
    mp_put_key(&out, "shop_options");
    mp_put_str(&out, from->shop_options);
    mp_put_key(&out, "metrics");
    mp_put_str(&out, metrics);
    if (!buf_ok(&out, "the result of prepare", e))
        return false;
    task_result(t, buf_str(&out));
    return true;
}

static void add_shop_options(struct task *t, struct job_request *r, struct str shop_options)
{
    const struct job_options *o = &r->options;
    job_options_default(&r->options, shop_options, &t->memory);
    if (o->n_problems)
        LOG(LOG_WARN, "options of the shop are left out", LOG_I("options", o->n_problems),
            LOG_S("first", arena_strdup(&t->memory, o->problems[0].option.ptr, o->problems[0].option.len)));
}

static bool with_artefact(struct task *t, struct stages_slot *slot, struct job_request *r,
                          const struct stage_artefact *from, uint64_t statements_before, struct err *e)
{
    add_shop_options(t, r, from->shop_options);
    const struct artefact *a = from->artefact;
    AUTO(buf_fini) struct buf metrics;
    struct prepared p = {.request = r, .from = from, .rules = stage_offer_rules(slot, r, a, &t->memory)};
    buf_init(&metrics, METRICS_MAX_BYTES);
    task_progress(t, 47, "%u orders and %u products compared", a->data->n_orders, a->data->n_items);
    if (!store_preliminary(t, slot, &p, e))
        return false;
    int64_t begun_ms = clock_mono_ms();
    stage_share(t, slot, from);
    p.share_ms = clock_mono_ms() - begun_ms;
    p.statements = pg_statements(slot->pg) - statements_before;
    put_metrics(t, slot, &p, &metrics);
    return buf_ok(&metrics, "the metrics", e) && leave(t, from, buf_str(&metrics), e);
}

bool stage_prepare(struct task *t, void *slot_, struct err *e)
{
    struct stages_slot *slot = slot_;
    struct job_request r;
    struct stage_artefact from;
    uint64_t statements_before = pg_statements(slot->pg);
    if (!stage_begin(t, slot, STR(""), &r, e))
        return false;
    task_progress(t, 5, "Reading the orders");
    stage_artefact_init(&from);
    bool ok = stage_obtain(t, slot, &r, &from, e) && with_artefact(t, slot, &r, &from, statements_before, e);
    if (!ok)
        (void)stage_failed(t, slot, str_of(from.info.csv_upload_id), e);
    stage_artefact_fini(&from, slot);
    return ok;
}
