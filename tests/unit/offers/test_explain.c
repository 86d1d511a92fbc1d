#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offers/shop.h"
#include "worker/offers/explain.h"

static struct bundle pair_of(struct shop *s, enum bundle_type type)
{
    struct bundle b = {.type = type, .objective = OBJECTIVE_INCREASE_AOV, .sources = SOURCE_PAIRS, .n_parts = 2};
    b.parts[0] = (struct part){.item = shop_item(s, "pot"), .quantity = 1, .role = ROLE_ANCHOR, .price_minor = 3900};
    b.parts[1] = (struct part){.item = shop_item(s, "cup"), .quantity = 1, .role = ROLE_PART, .price_minor = 1200};
    if (type == TYPE_BXGY) {
        b.parts[0].role = ROLE_QUALIFIER;
        b.parts[1].role = ROLE_REWARD;
    }
    b.pricing.original_minor = MONEY_UNKNOWN;
    b.orders_together = 87;
    b.orders_base = 212;
    b.orders_total = 1204;
    b.orders_recent = 23;
    b.confidence = 87 / 212.0;
    b.lift = 2.13;
    return b;
}

static void assert_text(struct shop *s, const struct bundle *b, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    explain_bundle(&s->market, b, &out);
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

static void sets_and_gifts(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle b = pair_of(&s, TYPE_FBT);
    assert_text(&s, &b,
                "Bought together in 87 of 1,204 orders, 23 of them in the last 90 days, 2.1x more often than chance.");
    b = pair_of(&s, TYPE_BXGY);
    assert_text(&s, &b,
                "87 of the 212 orders with Glass Teapot (41%) also hold Tea Cup, 23 of them in the last 90 days, 2.1x "
                "more often than chance.");
    b = pair_of(&s, TYPE_FBT);
    b.orders_together = 0;
    b.sources = SOURCE_COLD_START;
    assert_text(&s, &b,
                "Not yet bought together in 60 orders; suggested because of like type, vendor, title or price.");
    b.sources = SOURCE_COMPLEMENTS;
    assert_text(&s, &b, "Not yet bought together in 60 orders; suggested because these kinds of products go together.");
    shop_close(&s);
}

static void no_recency_without_dates(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    s.has_dates = false;
    shop_order(&s, 0, "", "pot cup");
    shop_ready(&s);
    struct bundle b = pair_of(&s, TYPE_FBT);
    assert_text(&s, &b, "Bought together in 87 of 1,204 orders, 2.1x more often than chance.");
    shop_close(&s);
}

static void whole_and_tiny_shares(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle b = pair_of(&s, TYPE_BXGY);
    b.orders_together = b.orders_recent = b.orders_base = 41;
    b.lift = 0;
    assert_text(&s, &b, "All 41 orders with Glass Teapot also hold Tea Cup, all of them in the last 90 days.");
    b.orders_together = b.orders_recent = b.orders_base = 2;
    assert_text(&s, &b, "Both orders with Glass Teapot also hold Tea Cup, all of them in the last 90 days.");
    b.orders_together = b.orders_recent = b.orders_base = 1;
    assert_text(&s, &b, "The only order with Glass Teapot also holds Tea Cup, in the last 90 days.");
    b.orders_base = 300;
    b.orders_recent = 0;
    assert_text(&s, &b,
                "1 of the 300 orders with Glass Teapot (under 1%) also holds Tea Cup, not in the last 90 days.");
    b.orders_together = 299;
    assert_text(
        &s, &b,
        "299 of the 300 orders with Glass Teapot (over 99%) also hold Tea Cup, none of them in the last 90 days.");
    b = pair_of(&s, TYPE_FBT);
    b.orders_together = b.orders_recent = b.orders_total = 1;
    assert_text(&s, &b, "Bought together in the only order, in the last 90 days.");
    shop_close(&s);
}

static void newest_orders_have_their_say(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle b = pair_of(&s, TYPE_FBT);
    b.confirmation = CONFIRMED;
    assert_text(&s, &b,
                "Bought together in 87 of 1,204 orders, 23 of them in the last 90 days, 2.1x more often than chance, "
                "and the newest orders confirm it.");
    b.confirmation = NOT_CONFIRMED;
    assert_text(&s, &b,
                "Bought together in 87 of 1,204 orders, 23 of them in the last 90 days, 2.1x more often than chance, "
                "but less often in the newest orders.");
    shop_close(&s);
}

static void before_the_first_order(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "pot", .title = "Pot", .price = 900});
    shop_product(&s, (struct shop_product){.variant = "cup", .title = "Cup", .price = 300});
    shop_ready(&s);
    struct bundle b = pair_of(&s, TYPE_FBT);
    b.orders_together = 0;
    b.sources = SOURCE_COLD_START;
    assert_text(&s, &b, "There are no orders yet; suggested because of like type, vendor, title or price.");
    shop_close(&s);
}

static void tiers_for_who_comes_back(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle b = pair_of(&s, TYPE_VOLUME);
    b.objective = OBJECTIVE_SUBSCRIPTION_PUSH;
    b.n_parts = 1;
    b.pricing.tiers[0].min_quantity = 2;
    b.orders_together = 1;
    b.confidence = 1 / 212.0;
    s.data->items[b.parts[0].item].repeat_rate = 0.25;
    assert_text(&s, &b, "25% of its customers came back for it in 212 orders, 1 of which holds 2 or more.");
    b.orders_together = 0;
    assert_text(&s, &b, "25% of its customers came back for it in 212 orders, none of which hold 2 or more.");
    s.data->items[b.parts[0].item].repeat_rate = 0.1;
    s.data->items[b.parts[0].item].units = 424;
    assert_text(
        &s, &b,
        "Its 212 orders hold 2.0 of it on average, none of them 2 or more; 10% of its customers bought it again.");
    s.data->items[b.parts[0].item].repeat_rate = 1;
    assert_text(&s, &b, "All of its customers came back for it in 212 orders, none of which hold 2 or more.");
    b.orders_together = b.orders_recent = 53;
    b.confidence = 0.25;
    assert_text(&s, &b,
                "25% of its orders (53 of 212) hold 2 or more, all of them in the last 90 days; all of its customers "
                "bought it again.");
    shop_close(&s);
}

static void tiers_and_pools(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle b = pair_of(&s, TYPE_VOLUME);
    b.n_parts = 1;
    b.pricing.tiers[0].min_quantity = 6;
    assert_text(&s, &b, "41% of its orders (87 of 212) hold 6 or more, 23 of them in the last 90 days.");
    b = pair_of(&s, TYPE_MIX_MATCH);
    assert_text(&s, &b, "87 of 1,204 orders hold two or more of these 2 products, 23 of them in the last 90 days.");
    shop_close(&s);
}

static void objectives_add_their_figures(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle b = pair_of(&s, TYPE_FBT);
    b.objective = OBJECTIVE_CLEAR_SLOW_MOVERS;
    b.parts[1].item = shop_item(&s, "slow");
    assert_text(&s, &b,
                "Bought together in 87 of 1,204 orders, 23 of them in the last 90 days, 2.1x more often than chance; "
                "Tea Cosy did not sell in 60 days and has 120 in stock.");
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_and_gifts),         cmocka_unit_test(no_recency_without_dates),
        cmocka_unit_test(whole_and_tiny_shares),  cmocka_unit_test(newest_orders_have_their_say),
        cmocka_unit_test(before_the_first_order), cmocka_unit_test(tiers_for_who_comes_back),
        cmocka_unit_test(tiers_and_pools),        cmocka_unit_test(objectives_add_their_figures),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
