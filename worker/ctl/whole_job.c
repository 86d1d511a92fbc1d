#include "worker/ctl/whole_job.h"

#include "common/check.h"
#include "common/clock.h"

void whole_job_init(struct whole_job *w, const struct settings *settings, const struct job_request *request)
{
    *w = (struct whole_job){.settings = settings, .request = request};
    arena_init(&w->memory, (size_t)settings->job_memory_mb << 20);
}

void whole_job_fini(struct whole_job *w)
{
    mined_destroy(w->mined);
    dataset_destroy(w->data);
    arena_fini(&w->memory);
}

struct enrich_rules whole_job_enrich_rules(const struct whole_job *w)
{
    struct enrich_rules rules = settings_enrich_rules(w->settings);
    job_request_enrich(w->request, &rules);
    return rules;
}

bool whole_job_load(struct whole_job *w, const struct upload_files *files, struct file_rejects *rejects, struct err *e)
{
    struct enrich_rules rules = whole_job_enrich_rules(w);
    AUTO(builder_destroyp) struct builder *builder = builder_create(&rules);
    int64_t begun_us = clock_mono_us();
    *rejects = (struct file_rejects){0};
    if (!upload_files_read(files, 0, (struct row_filter){0}, builder, rejects, e))
        return false;
    int64_t read_us = clock_mono_us();
    w->phase_us[PHASE_READ] = read_us - begun_us;
    if (!builder_finish(builder, &w->data, e))
        return false;
    w->phase_us[PHASE_ENRICH] = clock_mono_us() - read_us;
    return true;
}

bool whole_job_mine(struct whole_job *w, struct err *e)
{
    const struct mined_rules rules = settings_mined_rules(w->settings);
    int64_t begun_us = clock_mono_us();
    if (!mined_make(&w->mined, w->data, &rules, NULL, &w->is_cancelled, e))
        return false;
    market_init(&w->market, w->data, w->mined, &w->memory);
    w->rules = settings_offer_rules(w->settings);
    job_request_offer(w->request, w->data, &w->memory, &w->rules);
    w->phase_us[PHASE_MINE] = clock_mono_us() - begun_us;
    return true;
}

bool whole_job_wants(const struct whole_job *w, unsigned pair)
{
    return w->rules.objectives >> (pair / TYPE_COUNT) & 1 && w->rules.types >> (pair % TYPE_COUNT) & 1;
}

static bool work_out_pair(struct whole_job *w, unsigned pair, struct err *e)
{
    enum objective o = (enum objective)(pair / TYPE_COUNT);
    enum bundle_type t = (enum bundle_type)(pair % TYPE_COUNT);
    struct bundle_list *list = &w->lists[w->n_lists];
    w->pairs[pair].skip_reason = offers_skip_reason(&w->market, &w->rules, o, t);
    if (w->pairs[pair].skip_reason)
        return true;
    if (!offers_for_pair(&w->market, &w->rules, o, t, &w->memory, &w->is_cancelled, list, &w->ladder, e))
        return false;
    w->pairs[pair].candidates = list->n;
    w->n_lists++;
    return true;
}

bool whole_job_offer(struct whole_job *w, struct err *e)
{
    int64_t begun_us = clock_mono_us();
    w->ladder.now_us = clock_mono_us;
    for (unsigned pair = 0; pair < BUNDLE_PAIRS_MAX; pair++)
        if (whole_job_wants(w, pair) && !work_out_pair(w, pair, e))
            return false;
    int64_t paired_us = clock_mono_us();
    w->phase_us[PHASE_PAIRS] = paired_us - begun_us;
    if (!offers_merge(&w->market, &w->rules, w->lists, w->n_lists, &w->memory, &w->is_cancelled, &w->bundles,
                      &w->report, e))
        return false;
    w->phase_us[PHASE_MERGE] = clock_mono_us() - paired_us;
    return true;
}
