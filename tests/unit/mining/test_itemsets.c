#include "worker/mining/itemsets.h"

#include "common/check.h"
#include "tests/unit/mining/blob.h"
#include "tests/unit/mining/itemset_oracle.h"
#include "worker/mining/evidence.h"
#include "worker/mining/significance.h"

static struct itemsets *mine(const struct dataset *d, const struct itemset_limits *limits)
{
    struct itemsets *s;
    struct err e;
    if (!itemsets_mine(&s, d, limits, NULL, &e))
        fail_msg("%s", e.message);
    return s;
}

// ---- sets ----

// The least threshold from `least` on that leaves at most sets_max.
static uint32_t oracle_orders_min(const struct oracle *o, uint32_t size, uint32_t least, uint32_t sets_max)
{
    while (oracle_n_frequent(o, size, least) > sets_max)
        least++;
    return least;
}

static uint8_t oracle_flags(const struct oracle *o, const struct itemsets *s, const struct itemset *set)
{
    uint8_t flags = ITEMSET_CLOSED | ITEMSET_MAXIMAL;
    for (uint32_t more = 0; set->n < ITEMSET_ITEMS_MAX && more < o->n_items; more++) {
        uint32_t items[ITEMSET_ITEMS_MAX], n = 0;
        for (uint32_t i = 0; i < set->n && set->items[i] < more; i++)
            items[n++] = set->items[i];
        if (n < set->n && set->items[n] == more)
            continue;
        items[n++] = more;
        for (; n <= set->n; n++)
            items[n] = set->items[n - 1];
        uint32_t orders = oracle_orders(o, items, n);
        if (orders >= s->orders_min[n])
            flags &= (uint8_t)~ITEMSET_MAXIMAL;
        if (orders >= s->orders_min[n] && orders == set->orders)
            flags &= (uint8_t)~ITEMSET_CLOSED;
    }
    return flags;
}

static double oracle_set_score(const struct oracle *o, const struct itemset *set, const struct itemset_limits *limits)
{
    double most = 0;
    for (unsigned rhs = 1; rhs < 1U << set->n; rhs <<= 1)
        most = fmax(most, oracle_rule(o, set, rhs, limits).chance);
    return set->orders * log2((set->orders + limits->shrink) / (most + limits->shrink));
}

static bool is_near(double x, double y)
{
    return fabs(x - y) <= 1e-6 * fabs(y) + 1e-9;
}

static void assert_set(const struct itemsets *s, const struct oracle *o, const struct itemset *set)
{
    assert_in_range(set->n, ITEMSET_ITEMS_MIN, ITEMSET_ITEMS_MAX);
    for (uint32_t i = 0; i < ITEMSET_ITEMS_MAX; i++)
        assert_true(i < set->n ? set->items[i] < s->n_items : set->items[i] == ID_NONE);
    for (uint32_t i = 1; i < set->n; i++)
        assert_true(set->items[i - 1] < set->items[i]);
    assert_int_equal(set->orders, oracle_orders(o, set->items, set->n));
    assert_true(set->orders >= s->orders_min[set->n]);
    assert_int_equal(set->flags, oracle_flags(o, s, set));
    assert_true(is_near((double)set->score, oracle_set_score(o, set, &s->limits)));
    assert_ptr_equal(itemsets_find(s, set->items, set->n), set);
}

enum { TIE_KEYS = ITEMSET_ITEMS_MAX + 1 };

// Best first; ties: fewer items, then item ids.
static void assert_order(float score, float next_score, const uint32_t keys[TIE_KEYS],
                         const uint32_t next_keys[TIE_KEYS])
{
    uint32_t same = 0;
    while (same < TIE_KEYS && keys[same] == next_keys[same])
        same++;
    assert_true(score > next_score || (score == next_score && same < TIE_KEYS && keys[same] < next_keys[same]));
}

static void assert_sets_in_order(const struct itemset *x, const struct itemset *next)
{
    const uint32_t keys[] = {x->n, x->items[0], x->items[1], x->items[2], x->items[3]};
    const uint32_t next_keys[] = {next->n, next->items[0], next->items[1], next->items[2], next->items[3]};
    assert_order(x->score, next->score, keys, next_keys);
}

static void assert_rules_in_order(const struct rule *x, const struct rule *next)
{
    const uint32_t keys[] = {x->n_lhs, x->lhs[0], x->lhs[1], x->lhs[2], x->rhs};
    const uint32_t next_keys[] = {next->n_lhs, next->lhs[0], next->lhs[1], next->lhs[2], next->rhs};
    assert_order(x->score, next->score, keys, next_keys);
}

static void assert_sets(const struct itemsets *s, const struct oracle *o)
{
    uint32_t n_of_size[ITEMSET_ITEMS_MAX + 1] = {0}, least = s->orders_min_asked;
    for (uint32_t i = 0; i < s->n_sets; i++) {
        assert_set(s, o, &s->sets[i]);
        if (i > 0)
            assert_sets_in_order(&s->sets[i - 1], &s->sets[i]);
        n_of_size[s->sets[i].n]++;
    }
    for (uint32_t size = ITEMSET_ITEMS_MIN; size <= ITEMSET_ITEMS_MAX; size++) {
        least = oracle_orders_min(o, size, least, s->limits.sets_max);
        assert_int_equal(s->orders_min[size], least);
        assert_int_equal(n_of_size[size], oracle_n_frequent(o, size, least));
    }
}

// ---- rules ----

static const struct rule *find_rule(const struct itemsets *s, const struct itemset *set, uint32_t rhs)
{
    struct places to = itemsets_rules_to(s, set->items[rhs]);
    for (uint32_t i = 0; i < to.n; i++) {
        const struct rule *r = &s->rules[to.at[i]];
        bool is_it = r->n_lhs + 1 == set->n;
        for (uint32_t k = 0; is_it && k < r->n_lhs; k++)
            is_it = r->lhs[k] == set->items[k < rhs ? k : k + 1];
        if (is_it)
            return r;
    }
    return NULL;
}

static void assert_rule(const struct itemsets *s, const struct oracle *o, const struct itemset *set, uint32_t rhs,
                        const struct rule *r)
{
    unsigned all = (1U << set->n) - 1;
    double n_lhs = oracle_part(o, set, all & ~(1U << rhs)), n_rhs = oracle_part(o, set, 1U << rhs);
    double chance = o->kappa * n_lhs * n_rhs / o->n_orders;
    assert_int_equal(r->orders, set->orders);
    assert_true(r->orders_lhs == n_lhs && r->orders_rhs == n_rhs);
    assert_true(is_near((double)r->confidence, r->orders / n_lhs));
    assert_true(is_near((double)r->confidence_back, r->orders / n_rhs));
    assert_true(is_near((double)r->lift, r->orders / chance));
    assert_true(is_near((double)r->score, evidence_score(r->orders, chance, s->limits.shrink)));
    assert_int_equal(r->is_strict, (double)r->q_value <= s->limits.fdr_max &&
                                       r->orders >= itemsets_strict_orders_min(s->n_orders) &&
                                       wilson_lower(r->orders, r->orders_lhs) >= s->limits.confidence_min);
}

static int compare_doubles(const void *left, const void *right)
{
    double x = *(const double *)left, y = *(const double *)right;
    return x < y ? -1 : x > y;
}

static double n_hypotheses(const struct itemsets *s, uint32_t n_lhs)
{
    double n_items = 0, n_sets = 0;
    for (uint32_t i = 0; i < s->n_items; i++)
        n_items += s->item_orders[i] >= s->orders_min_asked;
    for (uint32_t i = 0; i < s->n_sets; i++)
        n_sets += s->sets[i].n == n_lhs;
    return (n_lhs == 1 ? n_items : n_sets) * (n_items - n_lhs);
}

// values: p of the kept rules with n_lhs. The k-th smallest's rate is the least of p(j) m / j over j >= k.
static void assert_q_value(const struct itemsets *s, const struct rule *r, double p, const double *values, size_t n)
{
    double least = 1, m = n_hypotheses(s, r->n_lhs);
    for (size_t j = n; j > 0 && values[j - 1] >= p * (1 - 1e-9); j--)
        least = fmin(least, values[j - 1] * m / (double)j);
    assert_true(fabs((double)r->q_value - least) <= 1e-5 * least);
}

// Collects the p-values of the rules with n_lhs in `values` (NULL: none), or checks them against those.
static size_t walk_rules(const struct itemsets *s, const struct oracle *o, uint32_t n_lhs, double *values, size_t n)
{
    size_t n_rules = 0;
    for (uint32_t i = 0; i < s->n_sets; i++) {
        const struct itemset *set = &s->sets[i];
        for (uint32_t rhs = 0; set->n == n_lhs + 1 && rhs < set->n; rhs++) {
            struct oracle_rule expected = oracle_rule(o, set, 1U << rhs, &s->limits);
            const struct rule *r = find_rule(s, set, rhs);
            assert_int_equal(r != NULL, expected.is_kept);
            if (!r)
                continue;
            assert_rule(s, o, set, rhs, r);
            if (n == 0)
                values[n_rules] = expected.p;
            else
                assert_q_value(s, r, expected.p, values, n);
            n_rules++;
        }
    }
    return n_rules;
}

static void assert_rules(const struct itemsets *s, const struct oracle *o)
{
    double *values = calloc(s->n_rules + 1, sizeof *values);
    size_t n_rules = 0;
    for (uint32_t n_lhs = 1; n_lhs < ITEMSET_ITEMS_MAX; n_lhs++) {
        size_t n = walk_rules(s, o, n_lhs, values, 0);
        qsort(values, n, sizeof *values, compare_doubles);
        if (n > 0)
            assert_int_equal(walk_rules(s, o, n_lhs, values, n), n);
        n_rules += n;
    }
    assert_int_equal(n_rules, s->n_rules);
    for (uint32_t i = 1; i < s->n_rules; i++)
        assert_rules_in_order(&s->rules[i - 1], &s->rules[i]);
    free(values);
}

// ---- by item ----

static void assert_index(const struct itemsets *s)
{
    uint32_t n_with = 0, n_from = 0, n_to = 0, expected_with = 0, expected_from = 0;
    for (uint32_t item = 0; item < s->n_items; item++) {
        struct places with = itemsets_with(s, item), from = itemsets_rules_from(s, item);
        struct places to = itemsets_rules_to(s, item);
        for (uint32_t i = 0; i < with.n; i++) {
            const uint32_t *items = s->sets[with.at[i]].items;
            assert_true(items[0] == item || items[1] == item || items[2] == item || items[3] == item);
            assert_true(i == 0 || with.at[i - 1] < with.at[i]);
        }
        for (uint32_t i = 0; i < from.n; i++) {
            const uint32_t *lhs = s->rules[from.at[i]].lhs;
            assert_true(lhs[0] == item || lhs[1] == item || lhs[2] == item);
            assert_true(i == 0 || from.at[i - 1] < from.at[i]);
        }
        for (uint32_t i = 0; i < to.n; i++)
            assert_true(s->rules[to.at[i]].rhs == item && (i == 0 || to.at[i - 1] < to.at[i]));
        n_with += with.n;
        n_from += from.n;
        n_to += to.n;
    }
    for (uint32_t i = 0; i < s->n_sets; i++)
        expected_with += s->sets[i].n;
    for (uint32_t i = 0; i < s->n_rules; i++)
        expected_from += s->rules[i].n_lhs;
    assert_int_equal(n_with, expected_with);
    assert_int_equal(n_from, expected_from);
    assert_int_equal(n_to, s->n_rules);
}

static void add_order(struct builder *b, uint32_t id)
{
    char text[16];
    const struct sample_row order = ORDER("");
    struct row r = order.row;
    (void)snprintf(text, sizeof text, "%u", id);
    r.order.order_id = str_of(text);
    orders_add(b, &r);
}

static void add_line(struct builder *b, uint32_t id, uint32_t item)
{
    char text[16], sku[16];
    const struct sample_row line = LINE("");
    struct row r = line.row;
    (void)snprintf(text, sizeof text, "%u", id);
    (void)snprintf(sku, sizeof sku, "%03u", item);
    r.line.order_id = str_of(text);
    r.line.sku = str_of(sku);
    orders_add(b, &r);
}

static struct dataset *finish(struct builder *b)
{
    struct dataset *d;
    struct err e;
    if (!builder_finish(b, &d, &e))
        fail_msg("%s", e.message);
    builder_destroy(b);
    return d;
}

enum { RANDOM_ITEMS = 30 };

// Orders of random items. Planted: two items that are only sold together; and two of which each alone is no sign of a
// third one, but both together are.
static struct dataset *orders_planted(uint64_t seed, uint32_t n_orders)
{
    static const uint32_t PLANTED[20][3] = {{1, 2}, {3}, {4}, {3}, {4}, {3, 4, 5}, {3, 4, 5}}; // + RANDOM_ITEMS - 1
    struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    for (uint32_t o = 0; o < n_orders; o++) {
        add_order(b, o);
        for (uint32_t n = 2 + sample_random(&seed, 3); n > 0; n--)
            add_line(b, o, sample_random(&seed, RANDOM_ITEMS));
        for (uint32_t i = 0; i < 3; i++)
            if (PLANTED[o % 20][i])
                add_line(b, o, RANDOM_ITEMS + PLANTED[o % 20][i] - 1);
    }
    return finish(b);
}

static void assert_as_brute_force_has_it(const struct dataset *d, const struct itemset_limits *limits)
{
    struct itemsets *s = mine(d, limits);
    struct oracle o = oracle_of(d, limits->basket_max);
    print_message("%u sets from %u, %u, %u orders on, %u rules\n", s->n_sets, s->orders_min[2], s->orders_min[3],
                  s->orders_min[4], s->n_rules);
    assert_int_equal(s->n_orders, o.n_orders);
    assert_true(fabs(s->kappa - o.kappa) < 1e-12);
    assert_sets(s, &o);
    assert_rules(s, &o);
    assert_index(s);
    oracle_fini(&o);
    itemsets_destroy(s);
}

static void all_is_as_brute_force_has_it(void **state)
{
    (void)state;
    static const struct {
        uint32_t n_orders, n_items, size_max;
        struct itemset_limits limits;
    } CASES[] = {
        {300, 30, 8, {0, 20000, 1000, 0.2, 0.05, 3}},     // by the size of the shop
        {300, 30, 8, {0.006, 20000, 1000, 0.2, 0.05, 3}}, // two orders
        {100, 24, 5, {1e-6, 20000, 1000, 0.05, 0.2, 1}},  // whatever met once
        {900, 12, 9, {0.05, 20000, 1000, 0.3, 0.05, 3}},  // dense
        {900, 12, 9, {0.05, 40, 1000, 0.3, 0.05, 3}},     // all sizes over what is kept
        {700, 20, 9, {0.01, 130, 1000, 0.2, 0.05, 3}},    // triples and quadruples over it
        {700, 20, 9, {0.01, 1, 1000, 0.2, 0.05, 3}},
        {300, 20, 20, {0.02, 20000, 7, 0, 1, 0}},         // many baskets too large, all rules
        {3000, 16, 8, {0.02, 20000, 1000, 0.2, 0.05, 3}}, // bitsets of several blocks
        {60, 36, 3, {0, 20000, 1000, 0.2, 0.05, 3}},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct dataset *d = orders_random(i + 1, CASES[i].n_orders, CASES[i].n_items, CASES[i].size_max);
        assert_as_brute_force_has_it(d, &CASES[i].limits);
        dataset_destroy(d);
    }
    struct dataset *d = orders_planted(1, 300);
    assert_as_brute_force_has_it(d, &ITEMSET_LIMITS_DEFAULT);
    dataset_destroy(d);
}

// ---- by hand ----

static void support_follows_the_size_of_the_shop(void **state)
{
    (void)state;
    static const uint32_t EXPECTED[][3] = {
        {0, 2, 2},    {1, 2, 2},      {40, 2, 2},         {41, 3, 3},
        {60, 3, 3},   {61, 3, 4},     {100, 3, 5},        {200, 3, 5},
        {201, 4, 5},  {267, 5, 5},    {1000, 5, 5},       {5000, 5, 5},
        {5001, 6, 6}, {9835, 10, 10}, {100000, 100, 100}, {4000000000, 4000000, 4000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(EXPECTED); i++) {
        assert_int_equal(itemsets_orders_min(EXPECTED[i][0], 0), EXPECTED[i][1]);
        assert_int_equal(itemsets_strict_orders_min(EXPECTED[i][0]), EXPECTED[i][2]);
    }
    assert_int_equal(itemsets_orders_min(85000, 0.002), 170);
    assert_int_equal(itemsets_orders_min(18273, 0.005), 92); // 91.4
    assert_int_equal(itemsets_orders_min(100, 0.07), 7);     // though 100 * 0.07 > 7 in doubles
    assert_int_equal(itemsets_orders_min(10, 0.001), 1);
    assert_int_equal(itemsets_orders_min(10, 1), 10);
}

#define BASKET_OF_2(id, a, b) ORDER(id), LINE(id, .sku = STR(a)), LINE(id, .sku = STR(b))
#define BASKET_OF_3(id, a, b, c) BASKET_OF_2(id, a, b), LINE(id, .sku = STR(c))

// Three orders of A+B, one of A+C: N = 4, kappa = 4 * 8 / 64; by chance 0.5 * 4 * 3 / 4 orders have A and B.
static void a_small_shop_worked_by_hand(void **state)
{
    (void)state;
    const struct sample_row rows[] = {BASKET_OF_2("1", "A", "B"),
                                      BASKET_OF_2("2", "A", "B"),
                                      BASKET_OF_2("3", "A", "B"),
                                      BASKET_OF_2("4", "A", "C"),
                                      ORDER("5"),
                                      LINE("5", .sku = STR("C"))};
    struct dataset *d = BUILD(rows);
    struct itemsets *s = mine(d, &ITEMSET_LIMITS_DEFAULT);
    assert_int_equal(s->n_orders, 4);
    assert_true(s->kappa == 0.5);
    assert_int_equal(s->orders_min[2], 2);
    assert_int_equal(s->n_sets, 1);
    assert_int_equal(s->sets[0].orders, 3);
    assert_int_equal(s->sets[0].flags, ITEMSET_CLOSED | ITEMSET_MAXIMAL);
    assert_true(s->sets[0].score == (float)evidence_score(3, 1.5, 3));
    assert_int_equal(s->n_rules, 2);
    const struct rule *r = &s->rules[0];
    assert_true(r->n_lhs == 1 && r->lhs[0] == 0 && r->rhs == 1);
    assert_true(r->confidence == 0.75F && r->confidence_back == 1 && r->lift == 2);
    assert_true(is_near((double)r->q_value, 4.0 / 56)); // of 8 orders 4 and 3: C(4,3) / C(8,3); two rules tested
    assert_false(r->is_strict);
    assert_true(s->rules[1].lhs[0] == 1 && s->rules[1].confidence == 1 && s->rules[1].confidence_back == 0.75F);
    itemsets_destroy(s);
    dataset_destroy(d);
}

// A, B and C always come together: a kit of three that holds its pairs' orders; D comes with all or none of them.
static void kits_are_told_from_their_parts(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        BASKET_OF_3("1", "A", "B", "C"), BASKET_OF_3("2", "A", "B", "C"), BASKET_OF_3("3", "A", "B", "C"),
        LINE("3", .sku = STR("D")),      BASKET_OF_2("4", "D", "E"),      BASKET_OF_2("5", "D", "E"),
        BASKET_OF_2("6", "D", "A"),
    };
    struct dataset *d = BUILD(rows);
    struct itemsets *s = mine(d, &ITEMSET_LIMITS_DEFAULT);
    const struct itemset *ab = itemsets_find(s, (uint32_t[]){0, 1}, 2), *bc = itemsets_find(s, (uint32_t[]){1, 2}, 2);
    const struct itemset *abc = itemsets_find(s, (uint32_t[]){0, 1, 2}, 3),
                         *ad = itemsets_find(s, (uint32_t[]){0, 3}, 2);
    assert_int_equal(s->n_sets, 6); // AB AC BC ABC AD DE
    assert_int_equal(ab->flags, 0);
    assert_int_equal(bc->flags, 0);
    assert_int_equal(abc->flags, ITEMSET_CLOSED | ITEMSET_MAXIMAL);
    assert_int_equal(ad->orders, 2);
    assert_int_equal(ad->flags, ITEMSET_CLOSED | ITEMSET_MAXIMAL);
    assert_null(itemsets_find(s, (uint32_t[]){0, 1, 3}, 3));
    for (uint32_t i = 0; i < s->n_rules; i++) // B + C -> A is no better than B -> A
        assert_int_equal(s->rules[i].n_lhs, 1);
    itemsets_destroy(s);
    dataset_destroy(d);
}

static void shops_without_sets_have_none(void **state)
{
    (void)state;
    const struct sample_row rows[] = {BASKET_OF_2("1", "A", "B"), ORDER("2"), LINE("2", .sku = STR("A"))};
    for (size_t n = 0; n <= ARRAY_LEN(rows); n++) {
        struct dataset *d = sample_build(rows, n);
        struct itemsets *s = mine(d, &ITEMSET_LIMITS_DEFAULT);
        assert_true(s->n_sets == 0 && s->n_rules == 0);
        for (uint32_t i = 0; i < d->n_items; i++)
            assert_true(itemsets_with(s, i).n == 0 && itemsets_rules_from(s, i).n == 0);
        itemsets_destroy(s);
        dataset_destroy(d);
    }
}

// Many sets of equal counts: none can be told to be rarer, so where they are too many all of that size go.
static void equal_sets_go_together(void **state)
{
    (void)state;
    struct itemset_limits limits = ITEMSET_LIMITS_DEFAULT;
    struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    for (uint32_t o = 0; o < 6; o++) {
        add_order(b, o);
        for (uint32_t i = 0; i < 60; i++)
            add_line(b, o, i);
    }
    struct dataset *d = finish(b);
    limits.sets_max = 60 * 59 / 2; // all pairs just fit
    struct itemsets *s = mine(d, &limits);
    assert_int_equal(s->n_sets, 60 * 59 / 2);
    assert_int_equal(s->orders_min[2], 2);
    assert_int_equal(s->orders_min[3], 7); // more than there are orders
    assert_int_equal(s->orders_min[4], 7);
    itemsets_destroy(s);
    limits.sets_max--;
    s = mine(d, &limits);
    assert_int_equal(s->n_sets, 0);
    assert_int_equal(s->orders_min[2], 7);
    itemsets_destroy(s);
    dataset_destroy(d);
}

static bool is_planted(const struct rule *r)
{
    return r->rhs >= RANDOM_ITEMS && r->lhs[0] >= RANDOM_ITEMS; // the least of lhs
}

static const struct rule *planted_rule(const struct itemsets *s, const uint32_t *items, uint32_t n)
{
    const struct itemset *set = itemsets_find(s, items, n);
    assert_non_null(set);
    return find_rule(s, set, n - 1);
}

// With confidence low enough that chance alone gives rules, the strict ones are the planted ones.
static void chance_gives_no_strict_rules(void **state)
{
    (void)state;
    struct itemset_limits limits = ITEMSET_LIMITS_DEFAULT;
    uint32_t n_planted = 0, n_strict = 0, n_rules = 0;
    limits.confidence_min = 0.05;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct dataset *d = orders_planted(seed, 400);
        struct itemsets *s = mine(d, &limits);
        assert_true(planted_rule(s, (uint32_t[]){RANDOM_ITEMS, RANDOM_ITEMS + 1}, 2)->is_strict);
        assert_true(planted_rule(s, (uint32_t[]){RANDOM_ITEMS + 2, RANDOM_ITEMS + 3, RANDOM_ITEMS + 4}, 3)->is_strict);
        for (uint32_t i = 0; i < s->n_rules; i++) {
            n_strict += s->rules[i].is_strict;
            n_planted += s->rules[i].is_strict && is_planted(&s->rules[i]);
        }
        n_rules += s->n_rules;
        itemsets_destroy(s);
        dataset_destroy(d);
    }
    print_message("%u rules, %u strict, %u of them planted\n", n_rules, n_strict, n_planted);
    assert_true(n_rules > 3 * n_strict);
    assert_true(n_strict - n_planted <= n_planted / 10);
}

static void mining_stops_when_cancelled(void **state)
{
    (void)state;
    const atomic_bool is_cancelled = true;
    struct dataset *d = orders_random(1, 50, 10, 5);
    struct itemsets *s = NULL;
    struct err e;
    assert_false(itemsets_mine(&s, d, &ITEMSET_LIMITS_DEFAULT, &is_cancelled, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_null(s);
    dataset_destroy(d);
}

// ---- bytes ----

static bool decode(const void *data, size_t len, const struct dataset *d, struct itemsets **out, struct err *e)
{
    struct mp_doc *doc;
    if (!mp_open(&doc, data, len, &MP_LIMITS_ARTEFACT, e))
        return false;
    bool is_decoded = itemsets_decode(out, mp_root(doc), d, e);
    mp_close(doc);
    return is_decoded;
}

static struct buf encoded(const struct itemsets *s)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    itemsets_encode(s, &b);
    assert_false(b.is_over);
    return b;
}

static void assert_same(const struct itemsets *x, const struct itemsets *y)
{
    assert_int_equal(x->n_sets, y->n_sets);
    assert_int_equal(x->n_rules, y->n_rules);
    assert_memory_equal(x->orders_min, y->orders_min, sizeof x->orders_min);
    for (uint32_t i = 0; i < x->n_sets; i++)
        assert_memory_equal(&x->sets[i], &y->sets[i], offsetof(struct itemset, flags) + 1);
    for (uint32_t i = 0; i < x->n_rules; i++)
        assert_memory_equal(&x->rules[i], &y->rules[i], offsetof(struct rule, is_strict) + 1);
}

static void bytes_come_back_as_they_were(void **state)
{
    (void)state;
    struct dataset *d = orders_random(3, 200, 20, 6), *other = orders_random(3, 201, 20, 6);
    struct itemset_limits limits = {0.01, 100, 500, 0.1, 0.5, 2};
    struct itemsets *s = mine(d, &limits), *twice = mine(d, &limits), *back;
    struct err e;
    struct buf b = encoded(s), b2 = encoded(twice);
    assert_int_equal(b.len, b2.len);
    assert_memory_equal(b.data, b2.data, b.len);
    assert_true(s->n_sets > 100 && s->n_rules > 100);
    if (!decode(b.data, b.len, d, &back, &e))
        fail_msg("%s", e.message);
    assert_same(s, back);
    struct buf again = encoded(back);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    itemsets_destroy(back);
    assert_false(decode(b.data, b.len, other, &back, &e));
    assert_int_equal(e.kind, ERR_CODEC);
    buf_fini(&again);
    buf_fini(&b2);
    buf_fini(&b);
    itemsets_destroy(twice);
    itemsets_destroy(s);
    dataset_destroy(other);
    dataset_destroy(d);
}

static void assert_sane(const struct itemsets *s, const struct dataset *d)
{
    for (uint32_t i = 0; i < s->n_sets; i++) {
        assert_in_range(s->sets[i].n, ITEMSET_ITEMS_MIN, ITEMSET_ITEMS_MAX);
        for (uint32_t k = 0; k < s->sets[i].n; k++)
            assert_true(s->sets[i].items[k] < d->n_items && s->sets[i].orders <= s->item_orders[s->sets[i].items[k]]);
        assert_true(isfinite(s->sets[i].score));
    }
    for (uint32_t i = 0; i < s->n_rules; i++)
        assert_true(s->rules[i].rhs < d->n_items && s->rules[i].q_value >= 0 && s->rules[i].q_value <= 1);
    assert_index(s);
}

static bool read_back(const void *data, size_t len, const struct dataset *d, struct err *e)
{
    struct itemsets *back;
    if (!decode(data, len, d, &back, e))
        return false;
    assert_sane(back, d);
    itemsets_destroy(back);
    return true;
}

static void broken_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    struct dataset *d = orders_random(4, 60, 12, 5);
    struct itemsets *s = mine(d, &ITEMSET_LIMITS_DEFAULT);
    struct buf b = encoded(s);
    assert_true(s->n_sets > 20);
    blob_is_refused_or_harmless(&b, d, read_back);
    buf_fini(&b);
    itemsets_destroy(s);
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_as_brute_force_has_it), cmocka_unit_test(support_follows_the_size_of_the_shop),
        cmocka_unit_test(a_small_shop_worked_by_hand),  cmocka_unit_test(kits_are_told_from_their_parts),
        cmocka_unit_test(shops_without_sets_have_none), cmocka_unit_test(equal_sets_go_together),
        cmocka_unit_test(chance_gives_no_strict_rules), cmocka_unit_test(mining_stops_when_cancelled),
        cmocka_unit_test(bytes_come_back_as_they_were), cmocka_unit_test(broken_bytes_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
