// Every measure on orders that are few enough to count by hand.
#include "worker/evaluate/evaluate.h"

#include <math.h>

#include "tests/unit/evaluate/baskets.h"
#include "tests/unit/mining/orders.h"

enum { A, B, C, D, E };

//                                          T0     T1     T2       T3     T4     T5
static const char *const TRAINING[] = {"a:2 b", "a b c", "a b", "c d", "d e", "a"};
// z is not known. Scored: a b d, c d, b c; by type all five.
static const char *const HELD_OUT[] = {"a:3 b d", "c d", "a z", "b c z", "e"};

struct sample {
    struct arena memory;
    struct dataset *train, *test;
    bool *is_known;
    struct heldout heldout;
};

static void sample_open(struct sample *s, struct dataset *train, struct dataset *test)
{
    arena_init(&s->memory, 0);
    s->train = train;
    s->test = test;
    s->is_known = items_of_multi_item_orders(s->train, &s->memory);
    heldout_init(&s->heldout, s->train, s->is_known, s->test, NULL, 2, &s->memory);
}

static void sample_close(struct sample *s)
{
    dataset_destroy(s->train);
    dataset_destroy(s->test);
    arena_fini(&s->memory);
}

static void near(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-5))
        fail_msg("%.9g is not %.9g", value, expected);
}

static void held_out_orders_have_known_items_only(void **state)
{
    (void)state;
    struct sample s;
    sample_open(&s, BASKETS(TRAINING), BASKETS(HELD_OUT));
    const struct dataset *h = &s.heldout.orders;
    static const uint32_t LINES[] = {A, B, D, C, D, B, C};
    assert_int_equal(h->n_orders, 3);
    assert_int_equal(h->n_lines, 7);
    assert_memory_equal(h->line_item, LINES, sizeof LINES);
    assert_int_equal(h->line_first[1], 3);
    assert_int_equal(h->line_first[2], 5);
    assert_int_equal(h->line_quantity[0], 3);
    near(heldout_kappa(&s.heldout), 3.0 * (6 + 2 + 2) / (7 * 7));

    const bool is_excluded[] = {false, true, false, false, false};
    struct heldout all;
    heldout_init(&all, s.train, NULL, s.test, is_excluded, 1, &s.memory);
    assert_int_equal(all.orders.n_orders, 4);
    assert_int_equal(all.orders.items[A].orders, 2);
    assert_int_equal(all.orders.items[D].orders, 1);
    sample_close(&s);
}

static void items_known_from_single_item_orders_only_are_dropped(void **state)
{
    (void)state;
    static const char *const TRAIN[] = {"a b", "x"}, *const TEST[] = {"a x", "a b x"};
    struct sample s;
    sample_open(&s, BASKETS(TRAIN), BASKETS(TEST));
    assert_int_equal(s.heldout.orders.n_orders, 1);
    assert_int_equal(s.heldout.orders.n_lines, 2);
    sample_close(&s);
}

static void meetings_count_items_of_a_set_by_order(void **state)
{
    (void)state;
    struct sample s;
    struct meeting m;
    sample_open(&s, BASKETS(TRAINING), BASKETS(HELD_OUT));
    meeting_init(&m, &s.heldout.postings, &s.memory);
    meeting_of(&m, &s.heldout.postings, (uint32_t[]){A, B, D}, 3);
    assert_int_equal(meeting_count(&m, 1), 3);
    assert_int_equal(meeting_count(&m, 3), 1);
    meeting_of(&m, &s.heldout.postings, (uint32_t[]){C}, 1); // nothing is left of the last one
    assert_int_equal(meeting_count(&m, 1), 2);
    assert_int_equal(meeting_count(&m, 2), 0);
    sample_close(&s);
}

static void pairs_are(const struct ranked_pairs *list, const char *const *names, const double *scores, uint32_t n)
{
    assert_int_equal(list->n, n);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(list->pairs[i].a, names[i][0] - 'a');
        assert_int_equal(list->pairs[i].b, names[i][1] - 'a');
        near(list->pairs[i].score, scores[i]);
    }
}

static void baselines_rank_pairs(void **state)
{
    (void)state;
    struct sample s;
    struct baselines b;
    sample_open(&s, BASKETS(TRAINING), BASKETS(HELD_OUT));
    baselines_mine(s.train, 10, 1000, &s.memory, &b);
    pairs_are(&b.pairs[PAIRS_BY_COUNT], (const char *const[]){"ab", "ac", "bc", "cd", "de"}, (double[]){3, 1, 1, 1, 1},
              5);
    // a 3, b 3, c 2, d 2, e 1; a d, b d and those with e never met
    pairs_are(&b.pairs[PAIRS_BY_POPULARITY],
              (const char *const[]){"ab", "ac", "ad", "bc", "bd", "cd", "ae", "be", "ce", "de"},
              (double[]){9, 6, 6, 6, 6, 4, 3, 3, 2, 2}, 10);
    // 2x2 tables (3 0 | 0 2), (1 1 | 0 3), (1 1 | 1 2); a c and b c are below chance
    pairs_are(&b.pairs[PAIRS_BY_LLR], (const char *const[]){"ab", "de", "cd"},
              (double[]){3 * log2(3 / 1.8) + 2 * log2(2 / 0.8), log2(1 / 0.4) + log2(1 / 1.6) + 3 * log2(3 / 2.4),
                         log2(1 / 0.8) + 2 * log2(1 / 1.2) + 2 * log2(2 / 1.8)},
              3);
    assert_int_equal(b.pairs[PAIRS_BY_COSINE].n, 0); // no five joint orders
    assert_int_equal(b.pairs[PAIRS_BY_LIFT].n, 0);
    baselines_mine(s.train, 2, 1000, &s.memory, &b);
    pairs_are(&b.pairs[PAIRS_BY_COUNT], (const char *const[]){"ab", "ac"}, (double[]){3, 1}, 2);
    baselines_mine(s.train, 10, 2, &s.memory, &b); // without a b c: too large
    pairs_are(&b.pairs[PAIRS_BY_COUNT], (const char *const[]){"ab", "cd", "de"}, (double[]){2, 1, 1}, 3);
    sample_close(&s);
}

static void ratios_need_five_joint_orders(void **state)
{
    (void)state;
    static const char *const TRAIN[] = {"a b", "a b", "a b", "a b", "a b", "c d", "c d", "c d", "c d", "a c"};
    struct sample s;
    struct baselines b;
    sample_open(&s, BASKETS(TRAIN), BASKETS(TRAIN));
    baselines_mine(s.train, 10, 1000, &s.memory, &b);
    pairs_are(&b.pairs[PAIRS_BY_COSINE], (const char *const[]){"ab"}, (double[]){5 / sqrt(6 * 5)}, 1);
    pairs_are(&b.pairs[PAIRS_BY_LIFT], (const char *const[]){"ab"}, (double[]){5 * 10 / (6.0 * 5)}, 1);
    sample_close(&s);
}

static void neighbours_are(const struct near_lists *l, uint32_t item, const char *names)
{
    assert_int_equal(l->n[item], strlen(names));
    for (uint32_t i = 0; i < l->n[item]; i++)
        assert_int_equal(l->items[item * NEAR_MAX + i], names[i] - 'a');
}

static void baselines_rank_neighbours(void **state)
{
    (void)state;
    struct sample s;
    struct baselines b;
    sample_open(&s, BASKETS(TRAINING), BASKETS(HELD_OUT));
    baselines_mine(s.train, 10, 1000, &s.memory, &b);
    neighbours_are(&b.near[NEAR_BY_COUNT], A, "bc");
    neighbours_are(&b.near[NEAR_BY_COUNT], C, "abd");
    neighbours_are(&b.near[NEAR_BY_COUNT], E, "d");
    neighbours_are(&b.near[NEAR_BY_SIZED_COUNT], C, "dab"); // d 1, a and b 1/2
    neighbours_are(&b.near[NEAR_BY_COSINE], D, "ec");       // 1/sqrt(2), 1/2
    neighbours_are(&b.near[NEAR_BY_POPULARITY], B, "acde");
    sample_close(&s);
}

static void pairs_are_scored_at_each_cut(void **state)
{
    (void)state;
    struct sample s;
    struct baselines b;
    struct pair_score at[6];
    const struct cuts cuts = {.at = {1, 2, 3, 4, 5, 100}, .n = 6};
    sample_open(&s, BASKETS(TRAINING), BASKETS(HELD_OUT));
    baselines_mine(s.train, 10, 1000, &s.memory, &b);
    pair_score(&s.heldout, &b.pairs[PAIRS_BY_COUNT], &cuts, at); // ab ac bc cd de: 1 0 1 1 0 joint orders
    static const uint32_t HIT[] = {1, 1, 2, 3, 3, 3}, ITEMS[] = {2, 3, 3, 4, 5, 5};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(at[i].pairs, i < 5 ? i + 1 : 5);
        assert_int_equal(at[i].orders_hit, HIT[i]);
        assert_int_equal(at[i].items, ITEMS[i]);
        near(at[i].hit, HIT[i] / 3.0);
    }
    near(at[1].lift_mean, (1.5 + 0) / 2); // a b: 1 * 3 / (1 * 2)
    near(at[1].lift_median, 0.75);
    near(at[4].support_mean, 3.0 / 5 / 3);
    near(at[4].lift_mean, (1.5 + 0 + 0.75 + 0.75 + 0) / 5);
    near(at[4].lift_median, 0.75);
    near(at[4].confirmed, 0);
    near(at[4].seen_again, 0);
    sample_close(&s);
}

static void pairs_are_confirmed_by_three_orders_and_seen_again_in_two(void **state)
{
    (void)state;
    static const char *const TRAIN[] = {"a b", "c d", "e f"}, *const TEST[] = {"a b", "a b", "a b",
                                                                               "c d", "c d", "e f"};
    struct sample s;
    struct baselines b;
    struct pair_score at[1];
    sample_open(&s, BASKETS(TRAIN), BASKETS(TEST));
    baselines_mine(s.train, 10, 1000, &s.memory, &b);
    pair_score(&s.heldout, &b.pairs[PAIRS_BY_COUNT], &(struct cuts){.at = {3}, .n = 1}, at);
    near(at->confirmed, 1.0 / 3); // 3 orders at lift 3 * 6 / 9
    near(at->seen_again, 2.0 / 3);
    near(at->lift_median, 3);
    struct ranked_pairs oracle;
    baselines_count(&s.heldout.orders, 10, 1000, &s.memory, &oracle);
    pairs_are(&oracle, (const char *const[]){"ab", "cd", "ef"}, (double[]){3, 2, 1}, 3);
    sample_close(&s);
}

static void neighbours_are_scored_by_order(void **state)
{
    (void)state;
    struct sample s;
    struct baselines b;
    const double second = 1 / log2(3), two = 1 / (1 + second); // one right of two, first
    sample_open(&s, BASKETS(TRAINING), BASKETS(HELD_OUT));
    baselines_mine(s.train, 10, 1000, &s.memory, &b);
    struct near_score n = near_score(&s.heldout, s.is_known, &b.near[NEAR_BY_COUNT]);
    assert_int_equal(n.queries, 7);
    near(n.recall, ((0.5 + 0.5 + 0) / 3 + 1 + 1) / 3);
    near(n.ndcg, (2 * two / 3 + (0.5 + 1) / 2 + second) / 3);
    near(n.hit, (2.0 / 3 + 1 + 1) / 3);
    near(n.coverage, 1);
    // best sellers: b c d e for a; a c d e; a b d e; a b c e. e was not asked for.
    n = near_score(&s.heldout, s.is_known, &b.near[NEAR_BY_POPULARITY]);
    near(n.recall, 1);
    sample_close(&s);
}

static void coverage_is_of_what_is_asked_for(void **state)
{
    (void)state;
    static const char *const TRAIN[] = {"a b", "c d", "d e"}, *const TEST[] = {"a b"};
    struct sample s;
    struct baselines b;
    sample_open(&s, BASKETS(TRAIN), BASKETS(TEST));
    baselines_mine(s.train, 10, 1000, &s.memory, &b);
    near(near_score(&s.heldout, s.is_known, &b.near[NEAR_BY_COUNT]).coverage, 2.0 / 5);
    sample_close(&s);
}

#define PART(i, r)                                                                                                     \
    {                                                                                                                  \
        .item = (i), .quantity = 1, .role = (r)                                                                        \
    }
static struct bundle BUNDLES[] = {
    {.type = TYPE_VOLUME,
     .parts = {PART(A, ROLE_ANCHOR)},
     .n_parts = 1,
     .pricing = {.tiers = {{.min_quantity = 2}}, .n_tiers = 1}},
    {.type = TYPE_FIXED, .parts = {PART(A, ROLE_ANCHOR), PART(B, ROLE_PART), PART(C, ROLE_PART)}, .n_parts = 3},
    {.type = TYPE_FBT, .parts = {PART(A, ROLE_ANCHOR), PART(B, ROLE_PART)}, .n_parts = 2},
    {.type = TYPE_MIX_MATCH,
     .parts = {PART(C, ROLE_POOL), PART(D, ROLE_POOL), PART(E, ROLE_POOL)},
     .n_parts = 3,
     .pricing = {.pick_n = 2}},
    {.type = TYPE_BXGY, .parts = {PART(C, ROLE_QUALIFIER), PART(B, ROLE_REWARD)}, .n_parts = 2},
};
static const struct bundle_list LIST = {BUNDLES, 5};

static void a_list_of_bundles_hits_orders(void **state)
{
    (void)state;
    struct sample s;
    struct list_score at[5];
    const struct cuts cuts = {.at = {1, 2, 3, 4, 100}, .n = 5};
    // of a b d, c d, b c, the kit, the pair, the pool and the offer in turn
    static const double TWO[] = {2, 2, 3, 3, 3}, PAIR[] = {2, 2, 2, 2, 2}, ALL[] = {0, 1, 2, 3, 3};
    sample_open(&s, BASKETS(TRAINING), BASKETS(HELD_OUT));
    list_score(&s.heldout, &LIST, &cuts, at);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(at[i].bundles, i < 4 ? i + 1 : 4);
        assert_int_equal(at[i].sets, i < 3 ? i + 1 : 3);
        near(at[i].hit[HIT_TWO], TWO[i] / 3);
        near(at[i].hit[HIT_PAIR], PAIR[i] / 3);
        near(at[i].hit[HIT_ALL], ALL[i] / 3);
    }
    sample_close(&s);
}

static void types_count_who_takes_the_offer(void **state)
{
    (void)state;
    static const uint64_t WANTED[TYPE_COUNT][6] = {
        // held out: base, taken; training: base, taken; two, three together
        [TYPE_VOLUME] = {2, 1, 4, 1, 0, 0},    // a; 2 or more of it
        [TYPE_FIXED] = {4, 0, 5, 1, 1, 0},     // any of a b c; all
        [TYPE_FBT] = {2, 1, 4, 3, 1, 0},       // a; b too
        [TYPE_MIX_MATCH] = {4, 1, 3, 2, 1, 0}, // any of c d e; two
        [TYPE_BXGY] = {2, 1, 2, 1, 1, 0},      // c; b too
    };
    struct sample s;
    struct heldout all;
    struct postings train;
    struct type_score types[TYPE_COUNT];
    sample_open(&s, BASKETS(TRAINING), BASKETS(HELD_OUT));
    heldout_init(&all, s.train, NULL, s.test, NULL, 1, &s.memory);
    postings_build(&train, s.train, &s.memory);
    type_scores(&train, &all.postings, &LIST, types);
    for (int t = 0; t < TYPE_COUNT; t++) {
        const uint64_t got[6] = {types[t].heldout.base, types[t].heldout.taken, types[t].train.base,
                                 types[t].train.taken,  types[t].two_together,  types[t].three_together};
        for (int i = 0; i < 6; i++)
            assert_int_equal(got[i], WANTED[t][i]);
        assert_int_equal(types[t].bundles, 1);
        assert_int_equal(types[t].taken_again, got[1] > 0);
    }
    sample_close(&s);
}

// ---- on random orders, against counting pair by pair ----

static uint32_t joint(const struct dataset *d, uint32_t a, uint32_t b)
{
    uint32_t n = 0;
    for (uint32_t o = 0; o < d->n_orders; o++)
        n += order_has(d, o, a) && order_has(d, o, b);
    return n;
}

static void baselines_find_what_counting_finds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct dataset *d = orders_random(seed, 200, 30, 8);
        struct arena memory;
        struct baselines b;
        arena_init(&memory, 0);
        baselines_mine(d, 20, 1000, &memory, &b);
        const struct ranked_pairs *list = &b.pairs[PAIRS_BY_COUNT];
        uint32_t better = 0, at_least = 0;
        assert_int_equal(list->n, 20);
        const struct ranked_pair *last = &list->pairs[19];
        for (uint32_t i = 0; i < list->n; i++) {
            near(list->pairs[i].score, joint(d, list->pairs[i].a, list->pairs[i].b));
            assert_true(i == 0 || list->pairs[i - 1].score >= list->pairs[i].score);
        }
        for (uint32_t x = 0; x < d->n_items; x++)
            for (uint32_t y = x + 1; y < d->n_items; y++) {
                uint32_t n = joint(d, x, y);
                bool is_before = x < last->a || (x == last->a && y <= last->b);
                better += n > last->score;
                at_least += n > last->score || (n == (uint32_t)last->score && is_before);
            }
        assert_true(better < 20);
        assert_int_equal(at_least, 20);
        arena_fini(&memory);
        dataset_destroy(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_out_orders_have_known_items_only),
        cmocka_unit_test(items_known_from_single_item_orders_only_are_dropped),
        cmocka_unit_test(meetings_count_items_of_a_set_by_order),
        cmocka_unit_test(baselines_rank_pairs),
        cmocka_unit_test(ratios_need_five_joint_orders),
        cmocka_unit_test(baselines_rank_neighbours),
        cmocka_unit_test(pairs_are_scored_at_each_cut),
        cmocka_unit_test(pairs_are_confirmed_by_three_orders_and_seen_again_in_two),
        cmocka_unit_test(neighbours_are_scored_by_order),
        cmocka_unit_test(coverage_is_of_what_is_asked_for),
        cmocka_unit_test(a_list_of_bundles_hits_orders),
        cmocka_unit_test(types_count_who_takes_the_offer),
        cmocka_unit_test(baselines_find_what_counting_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
