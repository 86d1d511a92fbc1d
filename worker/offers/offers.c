#include "worker/offers/offers.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/offers/ranking.h"
#include "worker/offers/search.h"

typedef void build_function(struct search *s);
static build_function *const BUILDERS[TYPE_COUNT] = {
    [TYPE_FBT] = build_fbt,   [TYPE_VOLUME] = build_volume, [TYPE_MIX_MATCH] = build_mix_match,
    [TYPE_BXGY] = build_bxgy, [TYPE_FIXED] = build_fixed,
};

static bool is_stopped(const atomic_bool *is_cancelled)
{
    return is_cancelled && atomic_load_explicit(is_cancelled, memory_order_relaxed);
}

static int compare_strength(const void *left, const void *right)
{
    const struct bundle *a = left, *b = right;
    if ((a->orders_together > 0) != (b->orders_together > 0)) // what was seen, before what is only likely
        return a->orders_together > 0 ? -1 : 1;
    if (a->strength < b->strength || a->strength > b->strength)
        return a->strength > b->strength ? -1 : 1;
    return ranking_compare_identity(a, b);
}

// An upload of fewer than ten lines has the catalogue behind its orders, a larger one the ladder.
static bool find_bundles(struct search *s, const atomic_bool *is_cancelled, struct pair_report *report, struct err *e)
{
    build_function *build = BUILDERS[s->type];
    sources_collect(s);
    if (s->type == TYPE_FBT || s->type == TYPE_FIXED)
        build_sets(s, 3, s->type == TYPE_FBT ? s->shape->set_max : s->shape->kit_max);
    build(s);
    if (s->n_bundles >= CANDIDATES_ENOUGH)
        return true;
    if (!s->market->is_tiny)
        return ladder_climb(s, build, is_cancelled, report, e);
    ladder_ask_catalog(s);
    build(s);
    return true;
}

bool offers_for_pair(const struct market *m, const struct offer_rules *r, enum objective o, enum bundle_type t,
                     struct arena *memory, const atomic_bool *is_cancelled, struct bundle_list *out,
                     struct pair_report *report, struct err *e)
{
    struct search s;
    struct pair_report unwanted = {0};
    if (is_stopped(is_cancelled))
        return err_set(e, ERR_CANCELLED, "cancelled before looking for candidates");
    *out = (struct bundle_list){0};
    if (offers_skip_reason(m, r, o, t))
        return true;
    search_init(&s, m, r, o, t, memory);
    if (t == TYPE_VOLUME)
        build_volume(&s);
    else if (!find_bundles(&s, is_cancelled, report ? report : &unwanted, e))
        return false;
    qsort(s.bundles, s.n_bundles, sizeof s.bundles[0], compare_strength);
    *out = (struct bundle_list){s.bundles, s.n_bundles};
    return true;
}

// Objectives and types of the preliminary answer, quickest and most telling first.
static const struct {
    enum objective objective;
    enum bundle_type type;
} PRELIMINARY[] = {
    {OBJECTIVE_INCREASE_AOV, TYPE_FBT},         {OBJECTIVE_INCREASE_AOV, TYPE_VOLUME},
    {OBJECTIVE_SUBSCRIPTION_PUSH, TYPE_VOLUME}, {OBJECTIVE_CATEGORY_BUNDLE, TYPE_FBT},
    {OBJECTIVE_MARGIN_GUARD, TYPE_FBT},         {OBJECTIVE_CLEAR_SLOW_MOVERS, TYPE_BXGY},
    {OBJECTIVE_SEASONAL_PROMO, TYPE_FBT},       {OBJECTIVE_INCREASE_AOV, TYPE_MIX_MATCH},
    {OBJECTIVE_INCREASE_AOV, TYPE_BXGY},        {OBJECTIVE_INCREASE_AOV, TYPE_FIXED},
};

void offers_preliminary(const struct market *m, const struct offer_rules *r, struct arena *memory,
                        struct bundle_list *out)
{
    static const atomic_bool never;
    struct market counts = *m; // whether or not the rest was mined already: the same answer
    counts.itemsets = NULL;
    counts.embedding = NULL;
    struct bundle_list lists[ARRAY_LEN(PRELIMINARY)];
    struct merge_report report;
    struct offer_rules few = *r;
    struct err e;
    uint32_t n_lists = 0;
    few.bundles_max = r->preliminary_max < r->bundles_max ? r->preliminary_max : r->bundles_max;
    few.fill_up_to = few.bundles_max;
    few.candidates_per_pair = few.bundles_max / 2 + 1; // so that two kinds of offers at least are among them
    for (uint32_t k = 0, found = 0; k < ARRAY_LEN(PRELIMINARY) && found < few.bundles_max; k++) {
        CHECK(offers_for_pair(&counts, &few, PRELIMINARY[k].objective, PRELIMINARY[k].type, memory, &never,
                              &lists[n_lists], NULL, &e)); // only cancelling fails, and nobody can cancel this
        found += lists[n_lists++].n;
    }
    CHECK(offers_merge(&counts, &few, lists, n_lists, memory, &never, out, &report, &e));
}
