#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/check.h"
#include "tests/unit/offers/shop.h"
#include "worker/offers/coverage.h"
#include "worker/offers/ranking.h"

enum { NEW = 1 << 16 }; // weight of an order of today

static struct bundle set_of(const struct shop *s, const char *a, const char *b, const char *c)
{
    struct bundle x = {.type = TYPE_FBT, .objective = OBJECTIVE_INCREASE_AOV};
    const char *names[] = {a, b, c};
    for (size_t i = 0; i < 3 && names[i]; i++)
        x.parts[x.n_parts++] = (struct part){.item = shop_item(s, names[i]), .quantity = 1, .price_minor = 100};
    return x;
}

static struct bundle tiers_of(const struct shop *s, const char *a, uint32_t quantity)
{
    struct bundle x = set_of(s, a, NULL, NULL);
    x.type = TYPE_VOLUME;
    x.pricing.tiers[0].min_quantity = quantity;
    return x;
}

static void check_gains(int n_others)
{
    struct shop s;
    struct coverage c;
    shop_open(&s);
    s.has_dates = false;
    for (int i = 0; i < n_others; i++)
        shop_order(&s, 0, "zoe", "z");
    shop_order(&s, 0, "ann", "a b");
    shop_order(&s, 0, "ann", "a b c");
    shop_order(&s, 0, "ann", "b c");
    shop_order(&s, 0, "ann", "a:6");
    shop_ready(&s);
    struct bundle bundles[] = {set_of(&s, "a", "b", NULL), set_of(&s, "b", "c", NULL), set_of(&s, "a", "b", "c"),
                               tiers_of(&s, "a", 6)};
    struct bundle_list list = {bundles, ARRAY_LEN(bundles)};
    coverage_init(&c, &s.market, &list, &s.memory);
    assert_int_equal(coverage_gain(&c, 0), 2 * NEW);
    assert_int_equal(coverage_gain(&c, 1), 2 * NEW);
    assert_int_equal(coverage_gain(&c, 2), 3 * NEW); // two of the three are enough
    assert_int_equal(coverage_gain(&c, 3), 1 * NEW);
    coverage_take(&c, 0); // two thirds of its two orders
    assert_int_equal(coverage_gain(&c, 0), 2 * (NEW / 3));
    assert_int_equal(coverage_gain(&c, 1), NEW / 3 + NEW);
    assert_int_equal(coverage_gain(&c, 2), 2 * (NEW / 3) + NEW);
    assert_int_equal(coverage_gain(&c, 3), 1 * NEW); // quantities are another thing
    shop_close(&s);
}

static void a_gain_is_what_those_before_leave(void **state)
{
    (void)state;
    check_gains(0);
    check_gains(64);  // in the second word of the bitsets
    check_gains(300); // the products are in too few orders to have bitsets
}

static void old_orders_weigh_less(void **state)
{
    (void)state;
    struct shop s;
    struct coverage c;
    shop_open(&s);
    shop_order(&s, 0, "ann", "a b");
    shop_order(&s, 90, "ann", "c d");
    shop_ready(&s);
    struct bundle bundles[] = {set_of(&s, "a", "b", NULL), set_of(&s, "c", "d", NULL)};
    struct bundle_list list = {bundles, ARRAY_LEN(bundles)};
    coverage_init(&c, &s.market, &list, &s.memory);
    assert_int_equal(coverage_gain(&c, 1), NEW);
    assert_in_range(coverage_gain(&c, 0), NEW / 8 - 1, NEW / 8); // (1 + 90 / 30)^(3/2) = 8, and a second
    shop_close(&s);
}

// 30 orders hold a and b, 29 a and c, 12 x and y: the third goes to x and y before more of a's.
static void the_list_spreads_over_the_orders(void **state)
{
    (void)state;
    struct shop s;
    struct bundle_list out;
    shop_open(&s);
    s.has_dates = false;
    for (int i = 0; i < 30; i++)
        shop_order(&s, 0, "ann", i < 29 ? "a b c" : "a b");
    for (int i = 0; i < 12; i++)
        shop_order(&s, 0, "bob", "x y");
    shop_ready(&s);
    struct bundle bundles[] = {set_of(&s, "a", "b", NULL), set_of(&s, "a", "c", NULL), set_of(&s, "b", "c", NULL),
                               set_of(&s, "x", "y", NULL)};
    struct bundle_list pool = {bundles, ARRAY_LEN(bundles)};
    struct offer_rules r = OFFER_RULES_DEFAULT;
    r.coverage_weight = 1;
    assert_int_equal(ranking_pick(&s.market, &r, &pool, &s.memory, &out), 0);
    assert_int_equal(out.n, 4);
    assert_int_equal(out.bundles[0].parts[0].item, shop_item(&s, "a"));
    assert_int_equal(out.bundles[0].parts[1].item, shop_item(&s, "b"));
    assert_int_equal(out.bundles[1].parts[0].item, shop_item(&s, "x"));
    for (uint32_t i = 1; i < out.n; i++)
        assert_true(out.bundles[i].ranking_score <= out.bundles[i - 1].ranking_score);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gain_is_what_those_before_leave),
        cmocka_unit_test(old_orders_weigh_less),
        cmocka_unit_test(the_list_spreads_over_the_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
