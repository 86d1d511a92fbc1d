#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offers/shop.h"
#include "worker/offers/ranking.h"

struct lists {
    struct bundle_list list[BUNDLE_PAIRS_MAX];
    uint32_t n;
};

static void all_pairs(struct shop *s, struct lists *l)
{
    struct err e;
    l->n = 0;
    for (enum objective o = 0; o < OBJECTIVE_COUNT; o++) {
        for (enum bundle_type t = 0; t < TYPE_COUNT; t++)
            assert_true(
                offers_for_pair(&s->market, &OFFER_RULES_DEFAULT, o, t, &s->memory, NULL, &l->list[l->n++], NULL, &e));
    }
}

static struct bundle_list merge(struct shop *s, const struct offer_rules *r, const struct lists *l,
                                struct merge_report *report)
{
    struct bundle_list out;
    struct err e;
    assert_true(offers_merge(&s->market, r, l->list, l->n, &s->memory, NULL, &out, report, &e));
    return out;
}

static void same_from_lists_in_any_order(void **state)
{
    (void)state;
    struct shop s;
    struct lists l;
    struct merge_report report;
    struct buf first, again;
    uint64_t seed = 7;
    buf_init(&first, 1 << 24);
    buf_init(&again, 1 << 24);
    shop_open_tea(&s);
    all_pairs(&s, &l);
    struct bundle_list merged = merge(&s, &OFFER_RULES_DEFAULT, &l, &report);
    assert_true(merged.n >= 12);
    bundles_encode(&merged, &first);
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = l.n; i > 1; i--) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint32_t j = (uint32_t)(seed >> 33) % i;
            struct bundle_list swap = l.list[i - 1];
            l.list[i - 1] = l.list[j];
            l.list[j] = swap;
        }
        merged = merge(&s, &OFFER_RULES_DEFAULT, &l, &report);
        buf_clear(&again);
        bundles_encode(&merged, &again);
        assert_int_equal(again.len, first.len);
        assert_memory_equal(again.data, first.data, first.len);
    }
    buf_fini(&first);
    buf_fini(&again);
    shop_close(&s);
}

static bool holds(const struct shop *s, const struct bundle *b, uint32_t product)
{
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (s->data->items[b->parts[i].item].product == product)
            return true;
    }
    return false;
}

static void caps_and_order_hold(void **state)
{
    (void)state;
    struct shop s;
    struct lists l;
    struct merge_report report;
    shop_open_tea(&s);
    all_pairs(&s, &l);
    struct offer_rules r = OFFER_RULES_DEFAULT;
    r.per_pair_max = 2;
    r.bundles_max = 25;
    struct bundle_list out = merge(&s, &r, &l, &report);
    unsigned taken[OBJECTIVE_COUNT][TYPE_COUNT] = {0};
    assert_in_range(out.n, 5, 25);
    for (uint32_t i = 0; i < out.n; i++) {
        const struct bundle *b = &out.bundles[i];
        assert_int_equal(b->rank, i + 1);
        assert_true(++taken[b->objective][b->type] <= 2);
        assert_true(i == 0 || b->ranking_score <= out.bundles[i - 1].ranking_score);
        assert_true(b->ranking_score >= 0 && b->ranking_score <= 1);
        for (uint32_t k = 0; k < i; k++)
            assert_true(ranking_compare_identity(b, &out.bundles[k]) != 0);
        for (uint32_t k = 0; k < i; k++)
            assert_false(ranking_is_like_pool(b, &out.bundles[k]));
    }
    for (uint32_t x = 0; x < s.data->n_products; x++) {
        for (uint32_t y = x + 1; y < s.data->n_products; y++) {
            unsigned both = 0;
            for (uint32_t i = 0; i < out.n; i++)
                both += out.bundles[i].type != TYPE_MIX_MATCH && holds(&s, &out.bundles[i], x) &&
                        holds(&s, &out.bundles[i], y);
            assert_true(both <= r.per_products_max);
        }
    }
    assert_true(report.over_cap > 0);
    assert_int_equal(
        report.candidates - report.duplicates - report.broken_constraint - report.over_cap + report.filled_up, out.n);
    shop_close(&s);
}

static void duplicates_join_their_objectives(void **state)
{
    (void)state;
    struct shop s;
    struct lists l = {.n = 2};
    struct merge_report report;
    struct err e;
    shop_open_tea(&s);
    assert_true(offers_for_pair(&s.market, &OFFER_RULES_DEFAULT, OBJECTIVE_INCREASE_AOV, TYPE_FBT, &s.memory, NULL,
                                &l.list[0], NULL, &e));
    assert_true(l.list[0].n > 0);
    l.list[0].n = 1;
    struct bundle twin = l.list[0].bundles[0];
    struct part first = twin.parts[0];
    twin.parts[0] = twin.parts[1]; // the same set, told from the other end
    twin.parts[1] = first;
    twin.objective = OBJECTIVE_CATEGORY_BUNDLE;
    twin.objectives = 1u << OBJECTIVE_CATEGORY_BUNDLE;
    twin.sources = SOURCE_COLD_START;
    l.list[1] = (struct bundle_list){&twin, 1};
    struct offer_rules r = OFFER_RULES_DEFAULT;
    r.fill_up_to = 0;
    struct bundle_list out = merge(&s, &r, &l, &report);
    assert_int_equal(out.n, 1);
    assert_int_equal(report.duplicates, 1);
    assert_int_equal(out.bundles[0].objectives, 1u << OBJECTIVE_INCREASE_AOV | 1u << OBJECTIVE_CATEGORY_BUNDLE);
    assert_int_equal(out.bundles[0].sources, l.list[0].bundles[0].sources | SOURCE_COLD_START);
    shop_close(&s);
}

static void broken_bundles_are_left_out(void **state)
{
    (void)state;
    struct shop s;
    struct lists l = {.n = 1};
    struct merge_report report;
    struct err e;
    shop_open_tea(&s);
    assert_true(offers_for_pair(&s.market, &OFFER_RULES_DEFAULT, OBJECTIVE_INCREASE_AOV, TYPE_FBT, &s.memory, NULL,
                                &l.list[0], NULL, &e));
    assert_true(l.list[0].n >= 2);
    l.list[0].bundles[0].pricing.bundle_minor -= 1;
    l.list[0].bundles[1].parts[1].item = l.list[0].bundles[1].parts[0].item;
    struct offer_rules r = OFFER_RULES_DEFAULT;
    r.fill_up_to = 0;
    merge(&s, &r, &l, &report);
    assert_int_equal(report.broken_constraint, 2);
    shop_close(&s);
}

static void few_bundles_are_filled_up(void **state)
{
    (void)state;
    struct shop s;
    struct lists none = {.n = 0};
    struct merge_report report;
    shop_open_tea(&s);
    struct bundle_list out = merge(&s, &OFFER_RULES_DEFAULT, &none, &report);
    assert_in_range(out.n, 3, OFFER_RULES_DEFAULT.fill_up_to);
    assert_int_equal(report.filled_up, out.n);
    for (uint32_t i = 0; i < out.n; i++) {
        assert_int_equal(out.bundles[i].sources, SOURCE_FILL_UP);
        assert_true(out.bundles[i].orders_together >= 2 && out.bundles[i].lift > 1);
    }
    struct offer_rules r = OFFER_RULES_DEFAULT;
    r.types = 1u << TYPE_VOLUME; // a job that wants tiers is not filled up with sets
    assert_int_equal(merge(&s, &r, &none, &report).n, 0);
    shop_close(&s);
}

static void small_uploads_skip_the_portfolio(void **state)
{
    (void)state;
    struct shop s;
    struct lists l;
    struct merge_report report;
    shop_open(&s);
    for (int i = 0; i < 5; i++)
        shop_order(&s, i, "", i % 2 ? "a b" : "b c:2");
    shop_ready(&s);
    all_pairs(&s, &l);
    struct bundle_list out = merge(&s, &OFFER_RULES_DEFAULT, &l, &report);
    assert_true(report.portfolio_skipped);
    assert_int_equal(report.fronts, 0);
    assert_true(out.n > 0);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_from_lists_in_any_order),     cmocka_unit_test(caps_and_order_hold),
        cmocka_unit_test(duplicates_join_their_objectives), cmocka_unit_test(broken_bundles_are_left_out),
        cmocka_unit_test(few_bundles_are_filled_up),        cmocka_unit_test(small_uploads_skip_the_portfolio),
    };
    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
