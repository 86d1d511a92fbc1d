#include "worker/mining/itemsets.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/mining/evidence.h"
#include "worker/mining/itemset_search.h"
#include "worker/mining/itemsets_internal.h"
#include "worker/mining/score_order.h"

const struct itemset_limits ITEMSET_LIMITS_DEFAULT = {
    .support_min = 0,
    .sets_max = 20000,
    .basket_max = 1000,
    .confidence_min = 0.2,
    .fdr_max = 0.05,
    .shrink = 3,
};

void itemsets_destroy(struct itemsets *s)
{
    if (!s)
        return;
    arena_fini(&s->memory);
    free(s);
}

void itemsets_destroyp(struct itemsets **s)
{
    itemsets_destroy(*s);
    *s = NULL;
}

// ---- support ----

static uint32_t at_least(uint32_t x, uint32_t least)
{
    return x > least ? x : least;
}

static uint32_t at_most(uint32_t x, uint32_t most)
{
    return x < most ? x : most;
}

static uint32_t share(uint32_t n, uint32_t per_mille) // rounded up
{
    return (uint32_t)(((uint64_t)n * per_mille + 999) / 1000);
}

uint32_t itemsets_strict_orders_min(uint32_t n_orders)
{
    return at_least(at_least(at_most(share(n_orders, 50), 5), share(n_orders, 1)), 2);
}

uint32_t itemsets_tier2_orders_min(uint32_t n_orders)
{
    return at_least(share(n_orders, 15), 3);
}

uint32_t itemsets_orders_min(uint32_t n_orders, double support_min)
{
    if (!(support_min > 0))
        return at_most(itemsets_strict_orders_min(n_orders), itemsets_tier2_orders_min(n_orders));
    double orders = support_min * n_orders;
    uint32_t whole = (uint32_t)orders;
    return at_least(whole + (orders - whole > 1e-6), 1); // 0.002 * 85000 is 170, whatever a double says
}

// ---- the table of sets ----

static uint32_t slot_of(const struct itemsets *s, const uint32_t *items, uint32_t n)
{
    uint64_t hash = n;
    for (uint32_t i = 0; i < n; i++) {
        hash = (hash ^ items[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash & (s->table_size - 1);
}

// The slot where the set is, or would be.
static uint32_t *find_slot(const struct itemsets *s, const uint32_t *items, uint32_t n)
{
    for (uint32_t at = slot_of(s, items, n);; at = (at + 1) & (s->table_size - 1)) {
        const struct itemset *set = s->table[at] ? &s->sets[s->table[at] - 1] : NULL;
        if (!set || (set->n == n && memcmp(set->items, items, n * sizeof *items) == 0))
            return &s->table[at];
    }
}

const struct itemset *itemsets_find(const struct itemsets *s, const uint32_t *items, uint32_t n)
{
    CHECK(n >= ITEMSET_ITEMS_MIN && n <= ITEMSET_ITEMS_MAX);
    uint32_t place = *find_slot(s, items, n);
    return place ? &s->sets[place - 1] : NULL;
}

static bool fill_table(struct itemsets *s)
{
    memset(s->table, 0, s->table_size * sizeof *s->table);
    for (uint32_t i = 0; i < s->n_sets; i++) {
        uint32_t *slot = find_slot(s, s->sets[i].items, s->sets[i].n);
        if (*slot)
            return false;
        *slot = i + 1;
    }
    return true;
}

// ---- what follows from the sets ----

double itemsets_chance(const struct itemsets *s, uint32_t orders_a, uint32_t orders_b)
{
    return s->kappa * orders_a * orders_b / s->n_orders;
}

// The kept set of the items of `set` that `mask` says; NULL: not kept.
static struct itemset *part_of(struct itemsets *s, const struct itemset *set, unsigned mask)
{
    uint32_t items[ITEMSET_ITEMS_MAX], n = 0;
    for (uint32_t i = 0; i < set->n; i++)
        if (mask & 1U << i)
            items[n++] = set->items[i];
    uint32_t place = *find_slot(s, items, n);
    return place ? &s->sets[place - 1] : NULL;
}

// A part of a larger set is not maximal, and not closed where the larger one has all its orders.
static void mark_part(struct itemset *part, const struct itemset *set)
{
    if (part->n + 1 == set->n)
        part->flags &= (uint8_t)(part->orders == set->orders ? 0 : ITEMSET_CLOSED);
}

// Has no part of this part fewer orders?
static bool is_monotone(const uint32_t *orders, unsigned mask)
{
    for (unsigned rest = mask; rest > 0; rest &= rest - 1) {
        unsigned without = mask & ~(rest & -rest);
        if (without != 0 && orders[without] < orders[mask])
            return false;
    }
    return true;
}

static bool count_parts(struct itemsets *s, const struct itemset *set, struct itemset_parts *parts)
{
    unsigned all = (1U << set->n) - 1;
    for (unsigned mask = 1; mask <= all; mask++) {
        bool is_item = (mask & (mask - 1)) == 0;
        struct itemset *part = is_item ? NULL : part_of(s, set, mask);
        if (!is_item && !part)
            return false;
        parts->orders[mask] = is_item ? s->item_orders[set->items[__builtin_ctz(mask)]] : part->orders;
        if (!is_monotone(parts->orders, mask))
            return false;
        if (part)
            mark_part(part, set);
    }
    return true;
}

static double chance_of(const struct itemsets *s, const struct itemset *set, const struct itemset_parts *parts)
{
    unsigned all = (1U << set->n) - 1;
    double most = 0;
    for (unsigned rhs = 1; rhs < all; rhs <<= 1) {
        double chance = itemsets_chance(s, parts->orders[all ^ rhs], parts->orders[rhs]);
        most = chance > most ? chance : most;
    }
    return most;
}

static bool derive(struct itemsets *s, struct rule_maker *rules)
{
    if (!fill_table(s))
        return false;
    for (uint32_t i = 0; i < s->n_sets; i++)
        s->sets[i].flags = ITEMSET_CLOSED | ITEMSET_MAXIMAL;
    for (uint32_t i = 0; i < s->n_sets; i++) {
        struct itemset *set = &s->sets[i];
        struct itemset_parts parts;
        if (!count_parts(s, set, &parts))
            return false;
        set->score = (float)evidence_score(set->orders, chance_of(s, set, &parts), s->limits.shrink);
        rule_maker_add_set(rules, set, &parts);
    }
    rule_maker_judge(rules);
    return true;
}

// ---- best first ----

static int compare_items(const uint32_t *x, const uint32_t *y, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static int compare_sets(const void *left, const void *right)
{
    const struct itemset *x = left, *y = right;
    return x->n != y->n ? x->n - y->n : compare_items(x->items, y->items, x->n);
}

static int compare_rules(const void *left, const void *right)
{
    const struct rule *x = left, *y = right;
    if (x->n_lhs != y->n_lhs)
        return x->n_lhs - y->n_lhs;
    int order = compare_items(x->lhs, y->lhs, x->n_lhs);
    return order ? order : compare_items(&x->rhs, &y->rhs, 1);
}

static void sort_sets(struct itemsets *s, struct arena *scratch)
{
    float *scores = ARENA_ARRAY(scratch, float, s->n_sets);
    for (uint32_t i = 0; i < s->n_sets; i++)
        scores[i] = s->sets[i].score;
    score_sort(s->sets, scores, s->n_sets, sizeof *s->sets, compare_sets);
    CHECK(fill_table(s));
}

static void keep_rules(struct itemsets *s, const struct rule_maker *m, struct arena *scratch)
{
    float *scores = ARENA_ARRAY(scratch, float, m->n);
    s->n_rules = m->n;
    s->rules = ARENA_ARRAY(&s->memory, struct rule, m->n);
    for (uint32_t i = 0; i < m->n; i++) {
        s->rules[i] = m->rules[i];
        scores[i] = m->rules[i].score;
    }
    score_sort(s->rules, scores, s->n_rules, sizeof *s->rules, compare_rules);
}

// ---- by item ----

// The items of the i-th thing, and how many.
typedef uint32_t (*items_function)(const struct itemsets *s, uint32_t i, const uint32_t **items);

static uint32_t items_of_set(const struct itemsets *s, uint32_t i, const uint32_t **items)
{
    *items = s->sets[i].items;
    return s->sets[i].n;
}

static uint32_t items_of_lhs(const struct itemsets *s, uint32_t i, const uint32_t **items)
{
    *items = s->rules[i].lhs;
    return s->rules[i].n_lhs;
}

static uint32_t items_of_rhs(const struct itemsets *s, uint32_t i, const uint32_t **items)
{
    *items = &s->rules[i].rhs;
    return 1;
}

static struct item_index index_of(struct itemsets *s, uint32_t n_things, items_function items_of)
{
    struct item_index x = {.first = ARENA_ARRAY(&s->memory, uint32_t, (size_t)s->n_items + 2)};
    const uint32_t *items;
    uint32_t *end = x.first + 1; // first[i + 1] serves as the writing position of item i and so ends up as its end
    for (uint32_t i = 0; i < n_things; i++)
        for (uint32_t n = items_of(s, i, &items); n > 0; n--)
            end[items[n - 1] + 1]++;
    for (uint32_t i = 0; i < s->n_items; i++)
        end[i + 1] += end[i];
    x.places = ARENA_ARRAY(&s->memory, uint32_t, end[s->n_items]);
    for (uint32_t i = 0; i < n_things; i++)
        for (uint32_t n = items_of(s, i, &items); n > 0; n--)
            x.places[end[items[n - 1]]++] = i;
    return x;
}

static struct places places_of(const struct item_index *x, uint32_t item)
{
    return (struct places){x->places + x->first[item], x->first[item + 1] - x->first[item]};
}

struct places itemsets_with(const struct itemsets *s, uint32_t item)
{
    CHECK(item < s->n_items);
    return places_of(&s->sets_with, item);
}

struct places itemsets_rules_from(const struct itemsets *s, uint32_t item)
{
    CHECK(item < s->n_items);
    return places_of(&s->rules_from, item);
}

struct places itemsets_rules_to(const struct itemsets *s, uint32_t item)
{
    CHECK(item < s->n_items);
    return places_of(&s->rules_to, item);
}

// ---- mining ----

struct itemsets *itemsets_create(const struct dataset *d, const struct itemset_limits *limits)
{
    struct itemsets *s = calloc(1, sizeof *s);
    uint64_t sum = 0, sum_pairs = 0;
    CHECK(s);
    arena_init(&s->memory, 0);
    s->limits = *limits;
    s->n_items = d->n_items;
    s->item_orders = ARENA_ARRAY(&s->memory, uint32_t, d->n_items);
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint64_t n = d->line_first[o + 1] - d->line_first[o];
        if (n < 2 || n > limits->basket_max)
            continue;
        s->n_orders++;
        sum += n;
        sum_pairs += n * (n - 1);
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1]; l++)
            s->item_orders[d->line_item[l]]++;
    }
    s->kappa = sum ? (double)s->n_orders * (double)sum_pairs / ((double)sum * (double)sum) : 0;
    s->orders_min_asked = itemsets_orders_min(s->n_orders, limits->support_min);
    return s;
}

static void hold(struct itemsets *s, const struct itemset *sets, uint32_t n)
{
    CHECK(n <= UINT32_MAX / 8);
    s->n_sets = n;
    s->sets = ARENA_ARRAY(&s->memory, struct itemset, n);
    if (n > 0)
        memcpy(s->sets, sets, n * sizeof *sets);
    for (s->table_size = 16; s->table_size / 2 < n;)
        s->table_size *= 2;
    s->table = ARENA_ARRAY(&s->memory, uint32_t, s->table_size);
}

bool itemsets_finish(struct itemsets *s, const struct itemset *sets, uint32_t n, struct err *e)
{
    struct rule_maker rules;
    hold(s, sets, n);
    rule_maker_init(&rules, s);
    bool is_sound = derive(s, &rules);
    if (is_sound) {
        sort_sets(s, &rules.memory);
        keep_rules(s, &rules, &rules.memory);
        s->sets_with = index_of(s, s->n_sets, items_of_set);
        s->rules_from = index_of(s, s->n_rules, items_of_lhs);
        s->rules_to = index_of(s, s->n_rules, items_of_rhs);
    }
    rule_maker_fini(&rules);
    return is_sound || err_set(e, ERR_CODEC, "itemsets: a set is there twice, or counted oftener than its parts");
}

bool itemsets_mine(struct itemsets **out, const struct dataset *d, const struct itemset_limits *limits,
                   const atomic_bool *is_cancelled, struct err *e)
{
    AUTO(itemsets_destroyp) struct itemsets *s = itemsets_create(d, limits);
    struct itemset_search search = {
        .data = d,
        .item_orders = s->item_orders,
        .basket_max = limits->basket_max,
        .sets_max = limits->sets_max,
        .orders_min = s->orders_min_asked,
    };
    struct itemsets_found found;
    if (!itemset_search_run(&search, &found, is_cancelled, e))
        return false;
    memcpy(s->orders_min, found.orders_min, sizeof s->orders_min);
    bool is_finished = itemsets_finish(s, found.sets, found.n, e);
    free(found.sets);
    CHECK(is_finished);
    *out = s;
    s = NULL;
    return true;
}
