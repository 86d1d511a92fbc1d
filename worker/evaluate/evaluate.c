#include "worker/evaluate/evaluate.h"

#include "common/check.h"

struct trial {
    const struct evaluate_input *in;
    struct evaluation *out;
    bool *is_known;
    struct heldout heldout;
    struct arena memory;
};

static void trial_fini(struct trial *t)
{
    arena_fini(&t->memory);
}

static uint32_t cut_max(const struct trial *t)
{
    return t->in->cuts.at[t->in->cuts.n - 1];
}

static struct ranked_pairs engine_pairs(const struct evidence *v, struct arena *memory)
{
    struct ranked_pairs list = {ARENA_ARRAY(memory, struct ranked_pair, v->n_pairs), v->n_pairs};
    for (uint32_t i = 0; i < v->n_pairs; i++)
        list.pairs[i] = (struct ranked_pair){v->pairs[i].a, v->pairs[i].b, v->pairs[i].score};
    return list;
}

static void engine_neighbours(const struct evidence *v, struct arena *memory, struct near_lists *out)
{
    near_lists_init(out, v->n_items, memory);
    for (uint32_t i = 0; i < v->n_items; i++)
        for (uint32_t at = v->neighbour_first[i]; at < v->neighbour_first[i + 1] && out->n[i] < NEAR_MAX; at++)
            out->items[(size_t)i * NEAR_MAX + out->n[i]++] = v->neighbours[at].item;
}

static void score_engine(struct trial *t)
{
    const struct evidence *v = t->in->market->evidence;
    struct ranked_pairs pairs = engine_pairs(v, &t->memory);
    struct near_lists near;
    engine_neighbours(v, &t->memory, &near);
    pair_score(&t->heldout, &pairs, &t->in->cuts, t->out->pairs);
    t->out->near = near_score(&t->heldout, t->is_known, &near);
    list_score(&t->heldout, t->in->bundles, &t->in->cuts, t->out->list);
    struct cuts as_bundles = {.n = t->in->cuts.n}, as_sets = as_bundles;
    for (uint32_t i = 0; i < as_bundles.n; i++) {
        as_bundles.at[i] = t->out->list[i].bundles;
        as_sets.at[i] = t->out->list[i].sets;
    }
    pair_score(&t->heldout, &pairs, &as_bundles, t->out->pairs_of_list);
    pair_score(&t->heldout, &pairs, &as_sets, t->out->pairs_of_sets);
}

static void score_types(struct trial *t)
{
    struct heldout all;
    heldout_init(&all, t->in->market->data, NULL, t->in->test, t->in->is_excluded, 1, &t->memory);
    type_scores(&t->in->market->postings, &all.postings, t->in->bundles, t->out->types);
}

static void score_baselines(struct trial *t)
{
    struct baselines b;
    struct ranked_pairs oracle;
    baselines_mine(t->in->market->data, cut_max(t), t->in->basket_max, &t->memory, &b);
    for (int r = 0; r < PAIR_RANKING_COUNT; r++)
        pair_score(&t->heldout, &b.pairs[r], &t->in->cuts, t->out->pairs_by[r]);
    for (int r = 0; r < NEAR_RANKING_COUNT; r++)
        t->out->near_by[r] = near_score(&t->heldout, t->is_known, &b.near[r]);
    baselines_count(&t->heldout.orders, cut_max(t), t->in->basket_max, &t->memory, &oracle);
    pair_score(&t->heldout, &oracle, &t->in->cuts, t->out->oracle);
}

static void count(struct trial *t)
{
    const struct dataset *train = t->in->market->data, *test = &t->heldout.orders;
    struct evaluation *out = t->out;
    for (uint32_t o = 0; o < train->n_orders; o++)
        out->train_orders += train->line_first[o + 1] - train->line_first[o] >= 2;
    for (uint32_t i = 0; i < train->n_items; i++)
        out->items += t->is_known[i];
    out->test_orders = test->n_orders;
    out->items_per_order = test->n_orders ? (double)test->n_lines / test->n_orders : 0;
    out->kappa = heldout_kappa(&t->heldout);
}

void evaluate(const struct evaluate_input *in, struct evaluation *out)
{
    AUTO(trial_fini) struct trial t = {.in = in, .out = out};
    const struct dataset *train = in->market->data;
    *out = (struct evaluation){.cuts = in->cuts};
    arena_init(&t.memory, 0);
    t.is_known = items_of_multi_item_orders(train, &t.memory);
    heldout_init(&t.heldout, train, t.is_known, in->test, in->is_excluded, 2, &t.memory);
    count(&t);
    score_engine(&t);
    score_types(&t);
    score_baselines(&t);
}
