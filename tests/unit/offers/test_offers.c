#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/offers/shop.h"
#include "worker/offers/association.h"
#include "worker/offers/pricing.h"

static struct bundle_list offers_of(struct shop *s, enum objective o, enum bundle_type t)
{
    struct bundle_list list;
    struct err e;
    assert_true(offers_for_pair(&s->market, &OFFER_RULES_DEFAULT, o, t, &s->memory, NULL, &list, NULL, &e));
    return list;
}

static const struct item *item_of(const struct shop *s, const struct bundle *b, uint32_t part)
{
    return &s->data->items[b->parts[part].item];
}

static void assert_sane(const struct shop *s, const struct bundle *b)
{
    struct err e = {0};
    if (!pricing_check(&s->market, &OFFER_RULES_DEFAULT, b, &e))
        fail_msg("%s", e.message);
    assert_true(b->confidence >= 0 && b->confidence <= 1 && b->support >= 0 && b->support <= 1);
    assert_true(b->orders_together <= b->orders_base && b->orders_base <= b->orders_total);
    assert_true(b->orders_recent <= b->orders_together);
    assert_true(b->sources != 0 && b->objectives == 1u << b->objective);
    for (uint32_t i = 0; i < b->n_parts; i++) {
        assert_true(item_is_offerable(&s->market, &OFFER_RULES_DEFAULT, b->parts[i].item));
        for (uint32_t k = 0; k < i; k++) {
            assert_true(b->parts[i].item != b->parts[k].item);
            if (b->type != TYPE_MIX_MATCH) {
                assert_true(item_of(s, b, i)->product != item_of(s, b, k)->product);
                assert_false(association_pair_is_negative(&s->market, b->parts[i].item, b->parts[k].item));
            }
        }
    }
}

static void every_pair_gives_its_own_structure(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    for (enum objective o = 0; o < OBJECTIVE_COUNT; o++) {
        unsigned of_objective = 0;
        for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
            struct bundle_list list = offers_of(&s, o, t);
            of_objective += list.n;
            for (uint32_t i = 0; i < list.n; i++) {
                assert_int_equal(list.bundles[i].type, t);
                assert_int_equal(list.bundles[i].objective, o);
                assert_sane(&s, &list.bundles[i]);
            }
        }
        if (of_objective == 0)
            fail_msg("nothing for %s", objective_row(o)->name);
    }
    shop_close(&s);
}

static bool has_flag(const struct shop *s, const struct bundle *b, uint32_t flag)
{
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (item_of(s, b, i)->flags & flag)
            return true;
    }
    return false;
}

static void objectives_are_about_their_products(void **state)
{
    (void)state;
    static const struct {
        enum objective objective;
        uint32_t flag;
    } ABOUT[] = {
        {OBJECTIVE_CLEAR_SLOW_MOVERS, ITEM_SLOW_MOVER},
        {OBJECTIVE_SEASONAL_PROMO, ITEM_SEASONAL},
        {OBJECTIVE_NEW_LAUNCH, ITEM_NEW_LAUNCH},
        {OBJECTIVE_MARGIN_GUARD, ITEM_HIGH_MARGIN},
    };
    struct shop s;
    shop_open_tea(&s);
    for (size_t k = 0; k < sizeof ABOUT / sizeof ABOUT[0]; k++) {
        for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
            struct bundle_list list = offers_of(&s, ABOUT[k].objective, t);
            for (uint32_t i = 0; i < list.n; i++)
                assert_true(has_flag(&s, &list.bundles[i], ABOUT[k].flag));
        }
    }
    struct bundle_list gifts = offers_of(&s, OBJECTIVE_GIFT_BOX, TYPE_FBT);
    assert_true(gifts.n > 0);
    for (uint32_t i = 0; i < gifts.n; i++) {
        assert_true(gifts.bundles[i].n_parts >= 3);
        for (uint32_t p = 1; p < gifts.bundles[i].n_parts; p++)
            assert_true(item_of(&s, &gifts.bundles[i], p)->type_id != item_of(&s, &gifts.bundles[i], p - 1)->type_id);
    }
    shop_close(&s);
}

static void slow_movers_are_the_reward(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle_list list = offers_of(&s, OBJECTIVE_CLEAR_SLOW_MOVERS, TYPE_BXGY);
    assert_true(list.n > 0);
    for (uint32_t i = 0; i < list.n; i++) {
        assert_int_equal(list.bundles[i].parts[0].role, ROLE_QUALIFIER);
        assert_int_equal(list.bundles[i].parts[1].role, ROLE_REWARD);
        assert_false(item_of(&s, &list.bundles[i], 0)->flags & ITEM_SLOW_MOVER);
        assert_true(item_of(&s, &list.bundles[i], 1)->flags & ITEM_SLOW_MOVER);
        assert_true(2 * list.bundles[i].parts[1].price_minor <= 3 * list.bundles[i].parts[0].price_minor);
    }
    shop_close(&s);
}

static double mean_discount(struct shop *s, enum objective o)
{
    struct bundle_list list = offers_of(s, o, TYPE_FBT);
    double sum = 0;
    for (uint32_t i = 0; i < list.n; i++)
        sum += list.bundles[i].pricing.discount_bp;
    assert_true(list.n > 0);
    return sum / list.n;
}

static void objectives_differ_in_depth(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    double margin = mean_discount(&s, OBJECTIVE_MARGIN_GUARD), aov = mean_discount(&s, OBJECTIVE_INCREASE_AOV);
    double gift = mean_discount(&s, OBJECTIVE_GIFT_BOX);
    assert_true(margin < aov && aov < gift);
    shop_close(&s);
}

// pot + cup + spoon stand in 10 of 60 orders: o 0, 10 of every twelve.
static void planted_set_is_found_with_its_counts(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle_list list = offers_of(&s, OBJECTIVE_INCREASE_AOV, TYPE_FBT);
    const struct bundle *found = NULL;
    uint32_t want[3] = {shop_item(&s, "pot"), shop_item(&s, "cup"), shop_item(&s, "spoon")};
    for (uint32_t i = 0; i < list.n && !found; i++) {
        unsigned hits = 0;
        for (uint32_t p = 0; p < list.bundles[i].n_parts; p++) {
            for (int w = 0; w < 3; w++)
                hits += list.bundles[i].parts[p].item == want[w];
        }
        if (hits == 3 && list.bundles[i].n_parts == 3)
            found = &list.bundles[i];
    }
    assert_non_null(found);
    assert_int_equal(found->orders_together, 10);
    assert_int_equal(found->orders_base, 15); // the pot, in front, is the dearest
    assert_int_equal(found->orders_total, 60);
    assert_true(fabs(found->confidence - 10 / 15.0) < 1e-12);
    assert_true(found->lift > 1);
    shop_close(&s);
}

static void tiers_follow_the_quantities(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "bulk", .title = "Candle", .price = 500, .stock = 1000});
    shop_product(&s, (struct shop_product){.variant = "one", .title = "Lamp", .price = 900, .stock = 1000});
    for (int i = 0; i < 20; i++)
        shop_order(&s, i, "", i < 12 ? "bulk:6 one" : i < 18 ? "bulk:12 one" : "bulk:24 one");
    shop_ready(&s);
    struct offer_rules r = OFFER_RULES_DEFAULT;
    struct bundle_list list;
    struct err e;
    s.data->median_price_minor = 500; // so that both are anchors
    assert_true(offers_for_pair(&s.market, &r, OBJECTIVE_INCREASE_AOV, TYPE_VOLUME, &s.memory, NULL, &list, NULL, &e));
    assert_int_equal(list.n, 1); // nobody takes two lamps
    const struct bundle *b = &list.bundles[0];
    assert_int_equal(b->parts[0].item, shop_item(&s, "bulk"));
    // the middle order holds 6, two thirds hold up to 12; half as much again is 18, on a label 20; the upper 5 % take
    // 24, which is no step from 20
    assert_int_equal(b->pricing.n_tiers, 2);
    assert_int_equal(b->pricing.tiers[0].min_quantity, 12);
    assert_int_equal(b->pricing.tiers[1].min_quantity, 20);
    assert_int_equal(b->orders_together, 8);
    assert_int_equal(b->orders_base, 20);
    assert_int_equal(b->parts[0].quantity, 12);
    shop_close(&s);
}

static void variants_make_a_pool_but_no_set(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle_list list = offers_of(&s, OBJECTIVE_MARGIN_GUARD, TYPE_MIX_MATCH);
    bool has_pool = false;
    for (uint32_t i = 0; i < list.n; i++) {
        bool is_cups = list.bundles[i].n_parts == 3;
        for (uint32_t p = 0; p < list.bundles[i].n_parts; p++)
            is_cups = is_cups && str_eq(item_of(&s, &list.bundles[i], p)->product_id, STR("cups"));
        has_pool |= is_cups;
        assert_true(list.bundles[i].pricing.pick_n < list.bundles[i].n_parts);
    }
    assert_true(has_pool);
    shop_close(&s);
}

static void avoided_pairs_are_not_offered(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    for (int i = 0; i < 60; i++) // a and b are bought all the time and hardly ever together
        shop_order(&s, i, "", i == 0 ? "a b" : i % 2 ? "a c" : "b d");
    shop_ready(&s);
    uint32_t a = shop_item(&s, "a"), b = shop_item(&s, "b");
    assert_true(association_pair_is_negative(&s.market, a, b));
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
        struct bundle_list list = offers_of(&s, OBJECTIVE_INCREASE_AOV, t);
        for (uint32_t i = 0; i < list.n; i++) {
            bool has_a = false, has_b = false;
            for (uint32_t p = 0; p < list.bundles[i].n_parts; p++) {
                has_a |= list.bundles[i].parts[p].item == a;
                has_b |= list.bundles[i].parts[p].item == b;
            }
            assert_false(has_a && has_b);
        }
    }
    shop_close(&s);
}

static void tiny_uploads_use_what_was_seen_once(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(
        &s, (struct shop_product){.variant = "a", .title = "Soap Rose", .type = "Soap", .price = 600, .stock = -1});
    shop_product(&s,
                 (struct shop_product){.variant = "b", .title = "Towel", .type = "Towels", .price = 1400, .stock = -1});
    shop_product(
        &s, (struct shop_product){.variant = "c", .title = "Soap Mint", .type = "Soap", .price = 650, .stock = -1});
    shop_order(&s, 1, "x", "a b");
    shop_order(&s, 2, "y", "a");
    shop_order(&s, 3, "z", "c b");
    shop_ready(&s);
    assert_true(s.market.is_tiny);
    struct bundle_list list = offers_of(&s, OBJECTIVE_INCREASE_AOV, TYPE_FBT);
    assert_true(list.n >= 1);
    for (uint32_t i = 0; i < list.n; i++) {
        const struct bundle *b = &list.bundles[i];
        assert_sane(&s, b);
        assert_int_equal(b->pricing.method, PRICE_LINEAR);
        assert_true((b->sources & SOURCE_PAIRS) ? b->orders_together >= 1 : (b->sources & SOURCE_COLD_START) != 0);
    }
    assert_int_equal(list.bundles[0].orders_together, 1);
    shop_close(&s);
}

static void cancelling_stops(void **state)
{
    (void)state;
    struct shop s;
    atomic_bool is_cancelled = true;
    struct bundle_list list;
    struct err e;
    shop_open_tea(&s);
    assert_false(offers_for_pair(&s.market, &OFFER_RULES_DEFAULT, OBJECTIVE_INCREASE_AOV, TYPE_FBT, &s.memory,
                                 &is_cancelled, &list, NULL, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    shop_close(&s);
}

static void preliminary_is_short_and_sound(void **state)
{
    (void)state;
    struct shop s;
    struct bundle_list list;
    shop_open_tea(&s);
    offers_preliminary(&s.market, &OFFER_RULES_DEFAULT, &s.memory, &list);
    assert_in_range(list.n, 4, OFFER_RULES_DEFAULT.preliminary_max);
    for (uint32_t i = 0; i < list.n; i++)
        assert_int_equal(list.bundles[i].rank, i + 1);
    struct offer_rules few = OFFER_RULES_DEFAULT;
    few.types = 1u << TYPE_VOLUME;
    offers_preliminary(&s.market, &few, &s.memory, &list);
    assert_true(list.n > 0);
    for (uint32_t i = 0; i < list.n; i++)
        assert_int_equal(list.bundles[i].type, TYPE_VOLUME);
    shop_close(&s);
}

static void empty_upload_gives_nothing(void **state)
{
    (void)state;
    struct shop s;
    struct bundle_list list;
    shop_open(&s);
    shop_ready(&s);
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++)
        assert_int_equal(offers_of(&s, OBJECTIVE_INCREASE_AOV, t).n, 0);
    offers_preliminary(&s.market, &OFFER_RULES_DEFAULT, &s.memory, &list);
    assert_int_equal(list.n, 0);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_gives_its_own_structure),   cmocka_unit_test(objectives_are_about_their_products),
        cmocka_unit_test(slow_movers_are_the_reward),           cmocka_unit_test(objectives_differ_in_depth),
        cmocka_unit_test(planted_set_is_found_with_its_counts), cmocka_unit_test(tiers_follow_the_quantities),
        cmocka_unit_test(variants_make_a_pool_but_no_set),      cmocka_unit_test(avoided_pairs_are_not_offered),
        cmocka_unit_test(tiny_uploads_use_what_was_seen_once),  cmocka_unit_test(cancelling_stops),
        cmocka_unit_test(preliminary_is_short_and_sound),       cmocka_unit_test(empty_upload_gives_nothing),
    };
    return cmocka_run_group_tests_name("offers", tests, NULL, NULL);
}
