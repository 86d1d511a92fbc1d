#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/offers/shop.h"

static bool may_share(const struct shop *s, const struct offer_rules *r, enum objective o, enum bundle_type t,
                      const char *a, const char *b)
{
    uint32_t x = shop_item(s, a), y = shop_item(s, b);
    bool may = items_may_share(&s->market, r, o, t, x, y);
    assert_true(items_may_share(&s->market, r, o, t, y, x) == may);
    return may;
}

static void lists_keep_their_members_apart(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_order(&s, 1, "x", "a b c d"); // items 0..3
    shop_ready(&s);
    struct offer_rules r = OFFER_RULES_DEFAULT;
    // List 0: a against b and c (b and c are one member); list 1: c against d.
    static const struct apart_mark MARKS[] = {{0, 0}, {0, 1}, {0, 1}, {1, 0}, {1, 1}};
    static const uint32_t FIRST[] = {0, 1, 2, 4, 5};
    r.apart = MARKS;
    r.apart_first = FIRST;
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
        assert_false(may_share(&s, &r, OBJECTIVE_INCREASE_AOV, t, "a", "b"));
        assert_false(may_share(&s, &r, OBJECTIVE_INCREASE_AOV, t, "a", "c"));
        assert_true(may_share(&s, &r, OBJECTIVE_INCREASE_AOV, t, "b", "c"));
        assert_true(may_share(&s, &r, OBJECTIVE_INCREASE_AOV, t, "a", "d"));
        assert_false(may_share(&s, &r, OBJECTIVE_INCREASE_AOV, t, "c", "d"));
    }
    shop_close(&s);
}

static void sizes_are_a_choice_and_no_set(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "a", .title = "HEART OF WICKER SMALL", .price = 900});
    shop_product(&s, (struct shop_product){.variant = "b", .title = "HEART OF WICKER LARGE", .price = 900});
    shop_order(&s, 1, "x", "a b");
    shop_ready(&s);
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++)
        assert_int_equal(may_share(&s, &OFFER_RULES_DEFAULT, OBJECTIVE_INCREASE_AOV, t, "a", "b"),
                         t == TYPE_MIX_MATCH || t == TYPE_VOLUME);
    shop_close(&s);
}

static void seasons_mix_only_where_orders_did(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "x", .title = "Christmas scarf", .price = 900});
    shop_product(&s, (struct shop_product){.variant = "w", .title = "Winter hat", .price = 900});
    shop_product(&s, (struct shop_product){.variant = "s", .title = "Summer shawl", .price = 900});
    shop_product(&s, (struct shop_product){.variant = "e", .title = "Egg", .tags = "easter, summer", .price = 900});
    shop_product(&s, (struct shop_product){.variant = "n", .title = "Napkin", .price = 900});
    for (int i = 0; i < 12; i++)
        shop_order(&s, i, "c", i < 2 ? "x e" : i < 4 ? "x s n" : "x n");
    shop_order(&s, 13, "c", "w s");
    shop_ready(&s);
    const struct offer_rules *r = &OFFER_RULES_DEFAULT;
    assert_false(may_share(&s, r, OBJECTIVE_SEASONAL_PROMO, TYPE_FBT, "x", "s"));
    assert_true(may_share(&s, r, OBJECTIVE_INCREASE_AOV, TYPE_FBT, "x", "s"));  // two orders hold both
    assert_false(may_share(&s, r, OBJECTIVE_INCREASE_AOV, TYPE_FBT, "w", "s")); // one does
    assert_false(may_share(&s, r, OBJECTIVE_GIFT_BOX, TYPE_FIXED, "w", "e"));
    assert_true(may_share(&s, r, OBJECTIVE_SEASONAL_PROMO, TYPE_FIXED, "x", "w"));
    assert_true(may_share(&s, r, OBJECTIVE_SEASONAL_PROMO, TYPE_FIXED, "s", "e"));
    assert_true(may_share(&s, r, OBJECTIVE_SEASONAL_PROMO, TYPE_FIXED, "s", "n"));
    shop_close(&s);
}

// 10 orders of a, 2 of "gone": with 10 of 12 the catalogue counts as whole.
static void what_left_the_catalogue_is_not_offered(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "a", .title = "Apple", .price = 900, .stock = 5});
    for (int i = 0; i < 10; i++)
        shop_order(&s, 1, "x", i < 2 ? "a gone" : "a");
    shop_ready(&s);
    struct offer_rules r = OFFER_RULES_DEFAULT;
    uint32_t a = shop_item(&s, "a"), gone = shop_item(&s, "gone");
    assert_true(s.market.is_catalog_complete);
    assert_true(item_is_offerable(&s.market, &r, a));
    assert_false(item_is_offerable(&s.market, &r, gone));
    assert_int_equal(market_count_uncatalogued(&s.market, &r), 1);
    r.require_catalog = CATALOG_NO;
    assert_true(item_is_offerable(&s.market, &r, gone));
    assert_int_equal(market_count_uncatalogued(&s.market, &r), 0);
    shop_close(&s);
}

static void an_extract_of_a_catalogue_hides_nothing(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "a", .title = "Apple", .price = 900, .stock = 5});
    for (int i = 0; i < 10; i++)
        shop_order(&s, 1, "x", i < 3 ? "a b" : "a"); // 10 of 13
    shop_ready(&s);
    struct offer_rules r = OFFER_RULES_DEFAULT;
    assert_false(s.market.is_catalog_complete);
    assert_true(item_is_offerable(&s.market, &r, shop_item(&s, "b")));
    r.require_catalog = CATALOG_YES;
    assert_false(item_is_offerable(&s.market, &r, shop_item(&s, "b")));
    shop_close(&s);
}

// What sold long ago and is gone says nothing about today's catalogue.
static void recent_sales_tell_whether_it_is_whole(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "a", .title = "Apple", .price = 900, .stock = 5});
    for (int i = 0; i < 10; i++)
        shop_order(&s, 1, "x", "gone");
    for (int i = 0; i < 5; i++)
        shop_order(&s, 300, "x", "a");
    shop_ready(&s);
    assert_true(s.market.is_catalog_complete);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_keep_their_members_apart),
        cmocka_unit_test(sizes_are_a_choice_and_no_set),
        cmocka_unit_test(seasons_mix_only_where_orders_did),
        cmocka_unit_test(what_left_the_catalogue_is_not_offered),
        cmocka_unit_test(an_extract_of_a_catalogue_hides_nothing),
        cmocka_unit_test(recent_sales_tell_whether_it_is_whole),
    };
    return cmocka_run_group_tests_name("together", tests, NULL, NULL);
}
