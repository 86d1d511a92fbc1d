#include "worker/stages/stages_internal.h"

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/mp.h"
#include "worker/offers/report.h"

static bool leave(struct task *t, const struct stages_slot *slot, const struct bundle_list *list,
                  const struct pair_report *report, int64_t cpu_us, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, (size_t)slot->env->settings->queue_result_max);
    mp_put_envelope(&out, "pair-result", PAIR_VERSION, 3);
    mp_put_key(&out, "cpu_us");
    mp_put_int(&out, cpu_us);
    mp_put_key(&out, "ladder");
    pair_report_encode(report, &out);
    mp_put_key(&out, "bundles");
    bundles_encode(list, &out);
    if (!buf_ok(&out, "the result of a pair (queue.result_bytes_max)", e))
        return false;
    task_result(t, buf_str(&out));
    return true;
}

bool stage_pair(struct task *t, void *slot_, struct err *e)
{
    struct stages_slot *slot = slot_;
    struct job_request r;
    struct artefact *a;
    struct bundle_list list;
    enum objective o;
    enum bundle_type type;
    if (!stages_pair_of_name(t->name, &o, &type))
        return err_set(e, ERR_INTERNAL, "\"%s\" is no pair that this worker knows", t->name.ptr);
    struct str fingerprint, shop_options;
    stage_pairs_of_shared(t->shared, &fingerprint, &shop_options);
    if (!stage_begin(t, slot, shop_options, &r, e) || !stage_find(t, slot, &r, fingerprint, &a, e))
        return false;
    FAILPOINT("pair.before");
    struct pair_report report = {.now_us = clock_mono_us};
    int64_t begun_us = clock_cpu_us();
    struct offer_rules rules = stage_offer_rules(slot, &r, a, &t->memory);
    bool ok = offers_for_pair(&a->market, &rules, o, type, &t->memory, &t->is_cancelled, &list, &report, e) &&
              arena_within(&t->memory, "working out offers", e) &&
              leave(t, slot, &list, &report, clock_cpu_us() - begun_us, e);
    FAILPOINT("pair.after");
    artefact_release(slot->env->cache, a);
    return ok;
}
