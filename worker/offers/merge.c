// Merge (SPEC 10): all pairs' bundles to the final list. Everything is put into one total order first, so that neither
// the order of the lists nor that of the workers shows.
#include "worker/offers/offers.h"

#include <stdlib.h>

#include "worker/offers/association.h"
#include "worker/offers/portfolio.h"
#include "worker/offers/pricing.h"
#include "worker/offers/ranking.h"

enum { PORTFOLIO_KEEP_MIN = 20 };

static bool is_stopped(const atomic_bool *is_cancelled)
{
    return is_cancelled && atomic_load_explicit(is_cancelled, memory_order_relaxed);
}

static double goodness(const struct bundle *b)
{
    return b->fit * objective_row(b->objective)->priority;
}

// Equal bundles stand together, the best of them first.
static int compare_bundles(const void *left, const void *right)
{
    const struct bundle *a = left, *b = right;
    int c = ranking_compare_identity(a, b);
    if (c)
        return c;
    double x = goodness(a), y = goodness(b);
    if (x < y || x > y)
        return x > y ? -1 : 1;
    if (a->objective != b->objective)
        return a->objective < b->objective ? -1 : 1;
    if (a->parts[0].item != b->parts[0].item) // same set, another anchor
        return a->parts[0].item < b->parts[0].item ? -1 : 1;
    return a->sources < b->sources ? -1 : a->sources > b->sources;
}

static struct bundle_list gather(const struct bundle_list *lists, uint32_t n_lists, struct arena *memory)
{
    size_t n = 0;
    for (uint32_t i = 0; i < n_lists; i++)
        n += lists[i].n;
    struct bundle_list all = {.bundles = ARENA_ARRAY(memory, struct bundle, n + 1)};
    for (uint32_t i = 0; i < n_lists; i++) {
        if (lists[i].n)
            memcpy(all.bundles + all.n, lists[i].bundles, lists[i].n * sizeof all.bundles[0]);
        all.n += lists[i].n;
    }
    if (all.n)
        qsort(all.bundles, all.n, sizeof all.bundles[0], compare_bundles);
    return all;
}

static uint32_t drop_duplicates(struct bundle_list *all)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        struct bundle *last = kept ? &all->bundles[kept - 1] : NULL;
        if (last && ranking_compare_identity(last, &all->bundles[i]) == 0) {
            last->sources |= all->bundles[i].sources;
            last->objectives |= all->bundles[i].objectives;
        } else {
            all->bundles[kept++] = all->bundles[i];
        }
    }
    uint32_t dropped = all->n - kept;
    all->n = kept;
    return dropped;
}

static bool is_part_right(const struct market *m, const struct offer_rules *r, const struct bundle *b, uint32_t at)
{
    const struct part *p = &b->parts[at];
    if (p->item >= m->data->n_items || !item_is_offerable(m, r, p->item))
        return false;
    const struct item *it = &m->data->items[p->item];
    if (it->stock != STOCK_UNKNOWN && !r->allow_out_of_stock && (int64_t)it->stock < (int64_t)p->quantity)
        return false;
    for (uint32_t i = 0; i < at; i++) {
        bool is_same_product = m->data->items[b->parts[i].item].product == it->product;
        if (b->parts[i].item == p->item || (is_same_product && b->type != TYPE_MIX_MATCH) ||
            !items_may_share(m, r, b->objective, b->type, b->parts[i].item, p->item))
            return false;
    }
    return true;
}

static bool holds_constraints(const struct market *m, const struct offer_rules *r, const struct bundle *b)
{
    struct err e;
    if (b->n_parts < 1 || b->n_parts > PARTS_MAX || b->n_parts > PLATFORM_PARTS_MAX)
        return false;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (!is_part_right(m, r, b, i))
            return false;
    }
    return pricing_check(m, r, b, &e);
}

static uint32_t drop_broken(const struct market *m, const struct offer_rules *r, struct bundle_list *all)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        if (holds_constraints(m, r, &all->bundles[i]))
            all->bundles[kept++] = all->bundles[i];
    }
    uint32_t dropped = all->n - kept;
    all->n = kept;
    return dropped;
}

static bool make_fill_up(const struct market *m, const struct offer_rules *r, const struct item_pair *pair,
                         struct bundle *out)
{
    struct bundle b = {.type = TYPE_FBT, .objective = OBJECTIVE_INCREASE_AOV, .n_parts = 2};
    b.objectives = 1u << OBJECTIVE_INCREASE_AOV;
    b.sources = SOURCE_FILL_UP;
    bool a_first = m->data->items[pair->a].orders >= m->data->items[pair->b].orders;
    b.parts[0] = (struct part){.item = a_first ? pair->a : pair->b, .quantity = 1, .role = ROLE_ANCHOR};
    b.parts[1] = (struct part){.item = a_first ? pair->b : pair->a, .quantity = 1, .role = ROLE_PART};
    if (!item_is_offerable(m, r, pair->a) || !item_is_offerable(m, r, pair->b) || !pricing_set(m, r, &b))
        return false;
    association_count(m, &b);
    b.strength = (double)pair->score;
    ranking_features(m, &b);
    *out = b;
    return !association_is_negative(b.orders_together, b.expected) && holds_constraints(m, r, &b);
}

static bool is_in(const struct bundle_list *list, const struct bundle *b)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (ranking_compare_identity(&list->bundles[i], b) == 0)
            return true;
    }
    return false;
}

// The strongest co-purchased pairs that have room beside what was picked, until there are enough.
static uint32_t fill_up(const struct market *m, const struct offer_rules *r, const struct bundle_list *picked,
                        struct arena *memory, struct bundle_list *pool)
{
    uint32_t target = r->fill_up_to < r->bundles_max ? r->fill_up_to : r->bundles_max;
    if (!(r->types & 1u << TYPE_FBT) || !(r->objectives & 1u << OBJECTIVE_INCREASE_AOV) || picked->n >= target)
        return 0;
    struct bundle_list more = {.bundles = ARENA_ARRAY(memory, struct bundle, (size_t)target + 1), .n = picked->n};
    if (picked->n)
        memcpy(more.bundles, picked->bundles, picked->n * sizeof more.bundles[0]);
    for (uint32_t k = 0; k < m->evidence->n_pairs && more.n < target; k++) {
        const struct item_pair *pair = &m->evidence->pairs[k];
        struct bundle b;
        if (pair->score > 0 && (pair->orders >= 2 || m->is_small) && make_fill_up(m, r, pair, &b) &&
            !is_in(&more, &b) && ranking_has_room(m, r, &more, &b))
            more.bundles[more.n++] = b;
    }
    *pool = more;
    return more.n - picked->n;
}

bool offers_merge(const struct market *m, const struct offer_rules *r, const struct bundle_list *lists,
                  uint32_t n_lists, struct arena *memory, const atomic_bool *is_cancelled, struct bundle_list *out,
                  struct merge_report *report, struct err *e)
{
    struct merge_report done = {.portfolio_skipped = m->is_small};
    struct bundle_list all = gather(lists, n_lists, memory), picked, filled = {0};
    done.candidates = all.n;
    done.broken_constraint = drop_broken(m, r, &all);
    done.duplicates = drop_duplicates(&all);
    if (is_stopped(is_cancelled))
        return err_set(e, ERR_CANCELLED, "cancelled while merging");
    if (!m->is_small) {
        uint32_t keep = r->bundles_max * 3 / 4; // of up to 200 candidates of an objective: the dominated go
        done.fronts = portfolio_select(m, r, &all, keep > PORTFOLIO_KEEP_MIN ? keep : PORTFOLIO_KEEP_MIN, memory);
    }
    done.over_cap = done.candidates - done.broken_constraint - done.duplicates - all.n;
    done.over_cap += ranking_pick(m, r, &all, memory, &picked);
    done.filled_up = fill_up(m, r, &picked, memory, &filled);
    if (done.filled_up)
        ranking_pick(m, r, &filled, memory, &picked); // one scale for all
    *out = picked;
    *report = done;
    return true;
}
