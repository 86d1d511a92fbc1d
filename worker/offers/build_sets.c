// Sets of three or more that the orders hold as they are: frequent itemsets around an objective's anchors. What they
// leave open, links grow (build_fbt.c, build_fixed.c).
#include <stdlib.h>

#include "worker/offers/search.h"

enum { SETS_PER_ANCHOR = 4, SETS_LOOKED_AT = 32 };

struct candidate {
    uint32_t anchor, set;
    bool is_pinned; // its anchor
    double strength;
};

static int compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->is_pinned != b->is_pinned)
        return a->is_pinned ? -1 : 1;
    if (a->strength < b->strength || a->strength > b->strength)
        return a->strength > b->strength ? -1 : 1;
    if (a->anchor != b->anchor)
        return a->anchor < b->anchor ? -1 : 1;
    return a->set < b->set ? -1 : a->set > b->set;
}

// The set's score, by how welcome the least welcome of the others is.
static double strength_of(const struct search *s, uint32_t anchor, const struct itemset *set)
{
    double least = 1;
    for (uint32_t i = 0; i < set->n; i++) {
        double welcome = set->items[i] == anchor ? 1 : search_welcome(s, anchor, set->items[i]);
        least = welcome < least ? welcome : least;
    }
    return least * (double)set->score;
}

static uint32_t candidates_of(const struct search *s, uint32_t anchor, uint32_t n_min, uint32_t n_max,
                              struct candidate *out)
{
    const struct itemsets *sets = s->market->itemsets;
    struct places with = itemsets_with(sets, anchor);
    uint32_t n = 0;
    for (uint32_t k = 0; k < with.n && k < SETS_LOOKED_AT && n < SETS_PER_ANCHOR; k++) {
        const struct itemset *set = &sets->sets[with.at[k]];
        if (set->n < n_min || set->n > n_max || set->orders < search_orders_for_more(s))
            continue;
        out[n] = (struct candidate){anchor, with.at[k], item_is_pinned(s->rules, anchor), strength_of(s, anchor, set)};
        n += out[n].strength > 0;
    }
    return n;
}

static void build_from(struct search *s, const struct candidate *c)
{
    const struct itemset *set = &s->market->itemsets->sets[c->set];
    struct bundle b = search_bundle(s, SOURCE_RULES);
    if (!search_may_anchor(s, c->anchor))
        return;
    search_add_part(&b, c->anchor, 1, ROLE_ANCHOR);
    for (uint32_t i = 0; i < set->n; i++) {
        if (set->items[i] == c->anchor)
            continue;
        if (!search_may_use(s, set->items[i]) || !search_may_join(s, &b, set->items[i]))
            return;
        search_add_part(&b, set->items[i], 1, ROLE_PART);
    }
    search_accept(s, &b);
}

void build_sets(struct search *s, uint32_t n_min, uint32_t n_max)
{
    struct candidate all[ANCHORS_MAX * SETS_PER_ANCHOR];
    uint32_t n = 0, most = s->bundles_max / 2;
    if (!s->market->itemsets)
        return;
    for (uint32_t a = 0; a < s->n_anchors; a++)
        n += candidates_of(s, s->anchors[a], n_min, n_max, &all[n]);
    if (n > 1)
        qsort(all, n, sizeof all[0], compare_candidates);
    for (uint32_t k = 0; k < n && s->n_bundles < most; k++)
        build_from(s, &all[k]);
}
