#include "worker/evaluate/bundle_score.h"

#include "common/check.h"

struct item_set {
    uint32_t items[PARTS_MAX];
    uint32_t n;
};

// The different items among the parts; NULL function: among all of them.
static struct item_set items_of(const struct bundle *b, bool (*is_meant)(const struct part *))
{
    struct item_set set = {.n = 0};
    for (uint32_t i = 0; i < b->n_parts; i++) {
        bool is_new = !is_meant || is_meant(&b->parts[i]);
        for (uint32_t j = 0; j < set.n; j++)
            is_new &= set.items[j] != b->parts[i].item;
        if (is_new)
            set.items[set.n++] = b->parts[i].item;
    }
    return set;
}

static bool is_qualifier(const struct part *p)
{
    return p->role == ROLE_QUALIFIER;
}

static bool is_anchor(const struct part *p)
{
    return p->role == ROLE_ANCHOR;
}

// ---- as a list ----

struct list_trial {
    const struct heldout *heldout;
    struct meeting meeting;
    uint32_t *first[LIST_HITS]; // by order: the first bundle of the list that hits it, ID_NONE: none
};

static void list_trial_init(struct list_trial *t, const struct heldout *h, struct arena *memory)
{
    t->heldout = h;
    meeting_init(&t->meeting, &h->postings, memory);
    for (int hit = 0; hit < LIST_HITS; hit++) {
        t->first[hit] = ARENA_ARRAY(memory, uint32_t, h->orders.n_orders);
        for (uint32_t o = 0; o < h->orders.n_orders; o++)
            t->first[hit][o] = ID_NONE;
    }
}

// rank: among all bundles; set_rank: among those that are no pools.
static void try_bundle(struct list_trial *t, const struct bundle *b, const struct item_set *set, uint32_t rank,
                       uint32_t set_rank)
{
    bool is_pool = b->type == TYPE_MIX_MATCH;
    uint32_t asked_for = is_pool ? b->pricing.pick_n : set->n;
    const uint32_t ranks[LIST_HITS] = {[HIT_TWO] = rank, [HIT_PAIR] = set_rank, [HIT_ALL] = rank};
    meeting_of(&t->meeting, &t->heldout->postings, set->items, set->n);
    for (uint32_t i = 0; i < t->meeting.n_orders; i++) {
        uint32_t order = t->meeting.orders[i], items = t->meeting.items[order];
        bool is_hit[LIST_HITS] = {
            [HIT_TWO] = items >= 2, [HIT_PAIR] = items >= 2 && !is_pool, [HIT_ALL] = items >= asked_for};
        for (int hit = 0; hit < LIST_HITS; hit++)
            if (is_hit[hit] && t->first[hit][order] == ID_NONE)
                t->first[hit][order] = ranks[hit];
    }
}

static double share_before(const uint32_t *first, uint32_t n, uint32_t k)
{
    uint32_t hit = 0;
    for (uint32_t o = 0; o < n; o++)
        hit += first[o] < k;
    return n ? (double)hit / n : 0;
}

void list_score(const struct heldout *h, const struct bundle_list *list, const struct cuts *cuts,
                struct list_score *out)
{
    struct arena scratch;
    struct list_trial t;
    uint32_t n = 0, n_sets = 0;
    arena_init(&scratch, 0);
    list_trial_init(&t, h, &scratch);
    for (uint32_t i = 0; i < list->n; i++) {
        struct item_set set = items_of(&list->bundles[i], NULL);
        if (set.n < 2)
            continue;
        try_bundle(&t, &list->bundles[i], &set, n++, n_sets);
        n_sets += list->bundles[i].type != TYPE_MIX_MATCH;
    }
    for (uint32_t i = 0; i < cuts->n; i++) {
        out[i].bundles = cuts->at[i] < n ? cuts->at[i] : n;
        out[i].sets = cuts->at[i] < n_sets ? cuts->at[i] : n_sets;
        for (int hit = 0; hit < LIST_HITS; hit++)
            out[i].hit[hit] =
                share_before(t.first[hit], h->orders.n_orders, hit == HIT_PAIR ? out[i].sets : out[i].bundles);
    }
    arena_fini(&scratch);
}

// ---- by type ----

static uint32_t orders_with_all(const struct postings *p, const struct bundle *b, bool (*is_meant)(const struct part *))
{
    struct item_set set = items_of(b, is_meant);
    return postings_count_all(p, set.items, set.n);
}

static uint32_t orders_with_some(const struct postings *p, const struct bundle *b, uint32_t at_least)
{
    struct item_set set = items_of(b, NULL);
    return postings_count_some(p, set.items, set.n, at_least);
}

static struct offer_count count_offer(const struct postings *p, const struct bundle *b)
{
    switch (b->type) {
    case TYPE_FBT:
        return (struct offer_count){orders_with_all(p, b, is_anchor), orders_with_all(p, b, NULL)};
    case TYPE_VOLUME:
        return (struct offer_count){orders_with_all(p, b, NULL),
                                    postings_count_quantity(p, b->parts[0].item, b->pricing.tiers[0].min_quantity)};
    case TYPE_MIX_MATCH:
        return (struct offer_count){orders_with_some(p, b, 1), orders_with_some(p, b, b->pricing.pick_n)};
    case TYPE_BXGY:
        return (struct offer_count){orders_with_all(p, b, is_qualifier), orders_with_all(p, b, NULL)};
    case TYPE_FIXED:
        return (struct offer_count){orders_with_some(p, b, 1), orders_with_all(p, b, NULL)};
    case TYPE_COUNT:
        break;
    }
    CHECK(b->type < TYPE_COUNT);
    return (struct offer_count){0, 0};
}

static void add(struct offer_count *sum, struct offer_count c)
{
    sum->base += c.base;
    sum->taken += c.taken;
}

void type_scores(const struct postings *train, const struct postings *heldout, const struct bundle_list *list,
                 struct type_score out[TYPE_COUNT])
{
    for (int t = 0; t < TYPE_COUNT; t++)
        out[t] = (struct type_score){0};
    for (uint32_t i = 0; i < list->n; i++) {
        const struct bundle *b = &list->bundles[i];
        struct type_score *s = &out[b->type];
        struct offer_count held = count_offer(heldout, b);
        s->bundles++;
        s->taken_again += held.taken > 0;
        s->two_together += orders_with_some(heldout, b, 2) > 0;
        s->three_together += orders_with_some(heldout, b, 3) > 0;
        add(&s->heldout, held);
        add(&s->train, count_offer(train, b));
    }
}
