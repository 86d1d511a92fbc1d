#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/offers/shop.h"

static void everything_applies_to_a_full_shop(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    for (enum objective o = 0; o < OBJECTIVE_COUNT; o++) {
        for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
            bool is_impossible = t == TYPE_VOLUME && (o == OBJECTIVE_GIFT_BOX || o == OBJECTIVE_CATEGORY_BUNDLE);
            const char *reason = offers_skip_reason(&s.market, &OFFER_RULES_DEFAULT, o, t);
            if ((reason != NULL) != is_impossible)
                fail_msg("%s %s: %s", objective_row(o)->name, bundle_type_name(t), reason ? reason : "applies");
        }
    }
    shop_close(&s);
}

static void bare_orders_skip_what_needs_more(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    s.has_prices = s.has_dates = false;
    for (int i = 0; i < 15; i++)
        shop_order(&s, 0, "", i % 2 ? "milk bread" : "milk butter:2");
    shop_ready(&s);
    const struct {
        enum objective objective;
        const char *reason;
    } expected[] = {
        {OBJECTIVE_INCREASE_AOV, NULL},
        {OBJECTIVE_CLEAR_SLOW_MOVERS, "stock is not known, so slow movers cannot be told"},
        {OBJECTIVE_SEASONAL_PROMO, "no seasonal product in stock"},
        {OBJECTIVE_NEW_LAUNCH, "no newly launched product in stock"},
        {OBJECTIVE_CATEGORY_BUNDLE, "product types are not known"},
        {OBJECTIVE_GIFT_BOX, "product types are not known"},
        {OBJECTIVE_SUBSCRIPTION_PUSH, "customers are not known, so repeat purchases cannot be told"},
        {OBJECTIVE_MARGIN_GUARD, "neither costs nor discounts are known, so margins cannot be told"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const char *reason = offers_skip_reason(&s.market, &OFFER_RULES_DEFAULT, expected[i].objective, TYPE_FBT);
        if (expected[i].reason)
            assert_string_equal(reason, expected[i].reason);
        else
            assert_null(reason);
    }
    shop_close(&s);
}

static void wishes_and_stock_count(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "a", .title = "A", .price = 900, .stock = 0});
    shop_product(&s, (struct shop_product){.variant = "b", .title = "B", .price = 900, .stock = 5});
    shop_order(&s, 1, "x", "a b");
    shop_ready(&s);
    struct offer_rules r = OFFER_RULES_DEFAULT;
    assert_false(item_is_offerable(&s.market, &r, shop_item(&s, "a")));
    assert_string_equal(offers_skip_reason(&s.market, &r, OBJECTIVE_INCREASE_AOV, TYPE_FBT),
                        "too few products for this type of bundle");
    r.allow_out_of_stock = true;
    assert_true(item_is_offerable(&s.market, &r, shop_item(&s, "a")));
    assert_null(offers_skip_reason(&s.market, &r, OBJECTIVE_INCREASE_AOV, TYPE_FBT));
    r.types = 1u << TYPE_BXGY;
    assert_string_equal(offers_skip_reason(&s.market, &r, OBJECTIVE_INCREASE_AOV, TYPE_FBT), "not asked for");
    uint32_t b = shop_item(&s, "b");
    bool is_excluded[2] = {false};
    is_excluded[b] = true;
    r.is_excluded = is_excluded;
    assert_false(item_is_offerable(&s.market, &r, b));
    r.price_max_minor = 800;
    assert_false(item_is_offerable(&s.market, &r, shop_item(&s, "a")));
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_applies_to_a_full_shop),
        cmocka_unit_test(bare_orders_skip_what_needs_more),
        cmocka_unit_test(wishes_and_stock_count),
    };
    return cmocka_run_group_tests_name("skip_reason", tests, NULL, NULL);
}
