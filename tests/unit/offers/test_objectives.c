// Each objective chooses other products and sells them in another way. Figures by hand from the formulas of
// objectives.c (log2 of 1 + orders, ...); as_of is day 99, the shop's median price 10.00.
//
//     product  price  type    orders  what it is                               high margin: 0.5 and more
//     lamp      40    Lamps      7    dear                                     margin 0.2
//     desk      80    Desks      1    dearest                                         0.4
//     bulb      10    Bulbs     16    sells with everything                           0.6
//     pen        5    Pens       7    5 customers, 2 bought it again                  0.6
//     ink       10    Pens      15    10 customers, 5 bought it again                 0.35
//     clock     20    Clocks     1    1,023 in stock, hardly sells                    0.5
//     vase      20    Vases      1    62 in stock, hardly sells                       0.45
//     xmas      10    Decor      3    "Christmas", all 3 orders in the last 30 days   0.4
//     egg       10    Decor      3    "Easter", none of them                          0.4
//     fresh     15    Paper      3    new                                             0.33
//     folder    15    Paper      0    new, not sold yet                               0.33
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/check.h"
#include "tests/unit/offers/shop.h"
#include "worker/offers/objectives.h"

static struct shop shop;

static const struct shop_product PRODUCTS[] = {
    {"lamp", NULL, "Desk Lamp", "", "Lamps", "V", "", NULL, 4000, 0, 3200, 10, -400},
    {"desk", NULL, "Oak Table", "", "Desks", "V", "", NULL, 8000, 0, 4800, 10, -400},
    {"bulb", NULL, "Bulb", "", "Bulbs", "V", "", NULL, 1000, 0, 400, 10, -400},
    {"pen", NULL, "Pen", "", "Pens", "V", "", NULL, 500, 0, 200, 10, -400},
    {"ink", NULL, "Ink", "", "Pens", "V", "", NULL, 1000, 0, 650, 10, -400},
    {"clock", NULL, "Clock", "", "Clocks", "V", "", NULL, 2000, 0, 1000, 1023, -400},
    {"vase", NULL, "Vase", "", "Vases", "V", "", NULL, 2000, 0, 1100, 62, -400},
    {"xmas", NULL, "Christmas Star", "", "Decor", "V", "", NULL, 1000, 0, 600, 10, -400},
    {"egg", NULL, "Egg Wreath", "", "Decor", "V", "easter", NULL, 1000, 0, 600, 10, -400},
    {"fresh", NULL, "Notebook", "", "Paper", "V", "", NULL, 1500, 0, 1000, 10, 95},
    {"folder", NULL, "Folder", "", "Paper", "V", "", NULL, 1500, 0, 1000, 10, 95},
};

static const struct {
    int day;
    const char *customer, *lines;
} ORDERS[] = {
    {5, "a1", "lamp bulb egg"}, {6, "a2", "lamp bulb egg"}, {7, "a3", "lamp bulb egg"}, {8, "a4", "clock bulb"},
    {9, "q1", "vase ink"},      {20, "a5", "lamp bulb"},    {30, "a6", "lamp bulb"},    {40, "a7", "lamp bulb"},
    {50, "a8", "lamp bulb"},    {55, "a9", "desk bulb"},    {10, "p1", "ink pen"},      {20, "p1", "ink pen"},
    {30, "p2", "ink pen"},      {40, "p2", "ink pen"},      {50, "p3", "ink pen"},      {60, "p4", "ink pen"},
    {61, "p5", "ink pen"},      {62, "p3", "ink"},          {63, "q1", "ink"},          {64, "q2", "ink"},
    {65, "q2", "ink"},          {66, "q3", "ink"},          {67, "q4", "ink"},          {68, "q5", "ink"},
    {80, "b1", "xmas bulb"},    {85, "b2", "xmas bulb"},    {90, "b3", "xmas bulb"},    {96, "b4", "fresh bulb"},
    {97, "b5", "fresh bulb"},   {99, "b6", "fresh bulb"},   {99, "b7", "bulb"},
};

static int setup(void **state)
{
    (void)state;
    shop_open(&shop);
    for (size_t i = 0; i < ARRAY_LEN(PRODUCTS); i++)
        shop_product(&shop, PRODUCTS[i]);
    for (int day = 0; day < 100; day++) // orders come by date
        for (size_t i = 0; i < ARRAY_LEN(ORDERS); i++)
            if (ORDERS[i].day == day)
                shop_order(&shop, day, ORDERS[i].customer, ORDERS[i].lines);
    shop_ready(&shop);
    assert_int_equal(shop.data->median_price_minor, 1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

static const struct item *item_named(const char *variant)
{
    return &shop.data->items[shop_item(&shop, variant)];
}

static void expect(double value, double expected)
{
    if (!(value > expected - 1e-9 && value < expected + 1e-9))
        fail_msg("%.12f is not %.12f", value, expected);
}

static double anchor(enum objective o, const char *variant)
{
    return objective_anchor(&shop.market, o, shop_item(&shop, variant));
}

static double partner(enum objective o, enum bundle_type t, const char *a, const char *p)
{
    return objective_partner(&shop.market, o, t, shop_item(&shop, a), shop_item(&shop, p));
}

static double fit(enum objective o, const char *a, const char *b, const char *c)
{
    struct bundle x = {.type = TYPE_FBT, .objective = o};
    const char *const parts[] = {a, b, c};
    for (size_t i = 0; i < 3 && parts[i]; i++)
        x.parts[x.n_parts++] = (struct part){.item = shop_item(&shop, parts[i]), .quantity = 1};
    return objective_fit(&shop.market, &x);
}

static void expect_anchors(enum objective o, const char *const *expected, uint32_t n)
{
    double worths[64];
    uint32_t items[64], n_items = shop.data->n_items;
    assert_true(n_items <= 64);
    objective_worths(&shop.market, &OFFER_RULES_DEFAULT, o, worths);
    assert_int_equal(objective_anchors(worths, n_items, items, 64), n);
    assert_int_equal(objective_has_anchor(&shop.market, &OFFER_RULES_DEFAULT, o), n > 0);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(items[i], shop_item(&shop, expected[i]));
}
#define ANCHORS(o, ...)                                                                                                \
    do {                                                                                                               \
        static const char *const names[] = {__VA_ARGS__};                                                              \
        expect_anchors(o, names, ARRAY_LEN(names));                                                                    \
    } while (0)

static struct bundle_list offers(enum objective o, enum bundle_type t)
{
    struct bundle_list list;
    struct err e;
    assert_true(offers_for_pair(&shop.market, &OFFER_RULES_DEFAULT, o, t, &shop.memory, NULL, &list, NULL, &e));
    if (list.n == 0)
        fail_msg("no %s of %s", bundle_type_name(t), objective_row(o)->name);
    return list;
}

static const struct item *part_of(const struct bundle *b, uint32_t part)
{
    return &shop.data->items[b->parts[part].item];
}

static uint32_t count_flag(const struct bundle *b, uint32_t flag)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_parts; i++)
        n += (part_of(b, i)->flags & flag) != 0;
    return n;
}

static bool has_like_types(const struct bundle *b)
{
    for (uint32_t i = 0; i < b->n_parts; i++)
        for (uint32_t k = 0; k < i; k++)
            if (part_of(b, i)->type_id == part_of(b, k)->type_id)
                return true;
    return false;
}

// Of the part's list price.
static double discount_of(const struct bundle *b, uint32_t part)
{
    const struct part *p = &b->parts[part];
    return (double)p->discount_minor / (double)(p->price_minor * p->quantity);
}

static uint32_t deepest_discount_bp(const struct bundle_list *list)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < list->n; i++)
        most = list->bundles[i].pricing.discount_bp > most ? list->bundles[i].pricing.discount_bp : most;
    return most;
}

static void bigger_orders_are_built_on_dear_products(void **state)
{
    (void)state;
    const enum objective o = OBJECTIVE_INCREASE_AOV;
    expect(anchor(o, "lamp"), 3 * 2);             // 7 orders, four times the median price
    expect(anchor(o, "bulb"), 4.087462841250339); // 16 orders: log2(17)
    expect(anchor(o, "desk"), 2.23606797749979);  // 1 order, at most five times the median: sqrt(5)
    expect(anchor(o, "pen"), 0);                  // below the median
    ANCHORS(o, "lamp", "bulb", "ink", "fresh", "desk", "egg", "xmas", "clock", "vase");
    expect(partner(o, TYPE_FBT, "lamp", "pen"), 0.5);
    expect(fit(o, "lamp", "bulb", NULL), 1);
    expect(fit(o, "bulb", "ink", NULL), 0.4); // two medians of five
    struct bundle_list list = offers(o, TYPE_FBT);
    bool has_lamp = false;
    for (uint32_t i = 0; i < list.n; i++) {
        assert_true(part_of(&list.bundles[i], 0)->price_minor >= 1000); // pens are never what it is about
        has_lamp |= list.bundles[i].parts[0].item == shop_item(&shop, "lamp");
    }
    assert_true(has_lamp);
    assert_true(deepest_discount_bp(&list) <= 2000);
}

static void slow_movers_are_found_beside_what_sells(void **state)
{
    (void)state;
    const enum objective o = OBJECTIVE_CLEAR_SLOW_MOVERS;
    expect(anchor(o, "vase"), 6); // log2(2 + 62)
    expect(anchor(o, "bulb"), 0);
    ANCHORS(o, "clock", "vase");
    expect(partner(o, TYPE_FBT, "clock", "vase"), 0);
    expect(partner(o, TYPE_MIX_MATCH, "clock", "vase"), 1);
    expect(partner(o, TYPE_FBT, "clock", "bulb"), 1);
    expect(fit(o, "clock", "bulb", NULL), 1); // log2(1 + 1023) / 10
    expect(fit(o, "lamp", "bulb", NULL), 0);
    struct bundle_list sets = offers(o, TYPE_FBT), gifts = offers(o, TYPE_BXGY);
    for (uint32_t i = 0; i < sets.n; i++) {
        assert_int_equal(count_flag(&sets.bundles[i], ITEM_SLOW_MOVER), 1);
        assert_true(part_of(&sets.bundles[i], 0)->flags & ITEM_SLOW_MOVER);
        assert_true(discount_of(&sets.bundles[i], 0) > discount_of(&sets.bundles[i], 1)); // it is what goes cheap
    }
    for (uint32_t i = 0; i < gifts.n; i++)
        for (uint32_t p = 0; p < gifts.bundles[i].n_parts; p++)
            assert_int_equal(gifts.bundles[i].parts[p].role == ROLE_REWARD,
                             (part_of(&gifts.bundles[i], p)->flags & ITEM_SLOW_MOVER) != 0);
}

static void what_is_in_season_comes_first(void **state)
{
    (void)state;
    const enum objective o = OBJECTIVE_SEASONAL_PROMO;
    expect(anchor(o, "xmas"), 3 * 0.65); // (1 + log2(4)) * 3.25 / 5: all of its 3 orders are recent
    expect(anchor(o, "egg"), 3 * 0.125); // 0.25 / 2
    ANCHORS(o, "xmas", "egg");
    expect(partner(o, TYPE_FBT, "xmas", "bulb"), 0.25);
    expect(partner(o, TYPE_FBT, "xmas", "egg"), 0); // another season
    expect(partner(o, TYPE_MIX_MATCH, "xmas", "bulb"), 0);
    expect(fit(o, "xmas", "bulb", NULL), 0.325);
    expect(fit(o, "xmas", "bulb", "lamp"), 0); // one of three
    struct bundle_list list = offers(o, TYPE_FBT);
    assert_int_equal(list.bundles[0].parts[0].item, shop_item(&shop, "xmas"));
    for (uint32_t i = 0; i < list.n; i++) {
        uint32_t seasonal = count_flag(&list.bundles[i], ITEM_SEASONAL);
        assert_true(seasonal >= 1 && 2 * seasonal >= list.bundles[i].n_parts);
        uint32_t seasons = UINT32_MAX;
        for (uint32_t p = 0; p < list.bundles[i].n_parts; p++)
            seasons &= part_of(&list.bundles[i], p)->seasons ? part_of(&list.bundles[i], p)->seasons : UINT32_MAX;
        assert_true(seasons != 0);
    }
    assert_true(deepest_discount_bp(&list) <= 3000);
}

static void new_products_ride_on_known_ones(void **state)
{
    (void)state;
    const enum objective o = OBJECTIVE_NEW_LAUNCH;
    expect(anchor(o, "fresh"), 3); // 1 + log2(4)
    expect(anchor(o, "folder"), 1);
    ANCHORS(o, "fresh", "folder");
    expect(partner(o, TYPE_FBT, "fresh", "bulb"), 1);
    expect(partner(o, TYPE_FBT, "fresh", "folder"), 0);
    expect(fit(o, "fresh", "bulb", NULL), 1);
    expect(fit(o, "fresh", "folder", NULL), 0.6);
    expect(fit(o, "lamp", "bulb", NULL), 0);
    struct bundle_list list = offers(o, TYPE_BXGY);
    for (uint32_t i = 0; i < list.n; i++)
        for (uint32_t p = 0; p < list.bundles[i].n_parts; p++)
            assert_int_equal(list.bundles[i].parts[p].role == ROLE_REWARD,
                             (part_of(&list.bundles[i], p)->flags & ITEM_NEW_LAUNCH) != 0);
    assert_true(deepest_discount_bp(&list) <= 1500);
}

static void categories_are_crossed(void **state)
{
    (void)state;
    const enum objective o = OBJECTIVE_CATEGORY_BUNDLE;
    static const enum bundle_type TYPES[] = {TYPE_FBT, TYPE_BXGY, TYPE_FIXED, TYPE_MIX_MATCH};
    expect(anchor(o, "lamp"), 3.1);
    expect(partner(o, TYPE_FBT, "ink", "pen"), 0); // both are of Pens
    expect(partner(o, TYPE_FBT, "lamp", "bulb"), 1);
    expect(fit(o, "lamp", "bulb", NULL), 2.0 / 3);
    expect(fit(o, "lamp", "bulb", "pen"), 1);
    expect(fit(o, "ink", "pen", NULL), 0);
    for (size_t t = 0; t < ARRAY_LEN(TYPES); t++) {
        struct bundle_list list = offers(o, TYPES[t]);
        for (uint32_t i = 0; i < list.n; i++)
            assert_false(has_like_types(&list.bundles[i]));
        assert_true(deepest_discount_bp(&list) <= 2500);
    }
    assert_non_null(offers_skip_reason(&shop.market, &OFFER_RULES_DEFAULT, o, TYPE_VOLUME));
}

static void gift_boxes_hold_three_kinds_and_more(void **state)
{
    (void)state;
    const enum objective o = OBJECTIVE_GIFT_BOX;
    expect(anchor(o, "desk"), 0);          // eight times the median price is no gift
    expect(anchor(o, "xmas"), 2.1 * 1.25); // (0.1 + log2(4)), and seasonal
    expect(partner(o, TYPE_FBT, "lamp", "desk"), 0);
    expect(fit(o, "lamp", "bulb", "pen"), 0.75);       // three types of four; 5.5 medians
    expect(fit(o, "bulb", "pen", "xmas"), 0.75);       // 2.5 medians
    expect(fit(o, "lamp", "desk", "pen"), 0.75 * 0.6); // 12.5 medians: too dear for a gift
    expect(fit(o, "lamp", "bulb", NULL), 0);
    static const enum bundle_type TYPES[] = {TYPE_FBT, TYPE_FIXED};
    for (size_t t = 0; t < ARRAY_LEN(TYPES); t++) {
        struct bundle_list list = offers(o, TYPES[t]);
        for (uint32_t i = 0; i < list.n; i++) {
            assert_true(list.bundles[i].n_parts >= 3);
            assert_false(has_like_types(&list.bundles[i]));
        }
        assert_true(deepest_discount_bp(&list) <= 3500);
    }
}

static void what_is_bought_again_is_sold_again(void **state)
{
    (void)state;
    const enum objective o = OBJECTIVE_SUBSCRIPTION_PUSH;
    expect(item_named("ink")->repeat_rate, 0.5);
    expect(item_named("pen")->repeat_rate, 0.4);
    expect(anchor(o, "ink"), 0.5 * 15 / 25);
    expect(anchor(o, "pen"), 0.4 * 7 / 17);
    ANCHORS(o, "ink", "pen");
    expect(partner(o, TYPE_FBT, "ink", "bulb"), 0); // nobody bought it twice
    expect(partner(o, TYPE_FBT, "ink", "pen"), 1);
    expect(fit(o, "ink", "pen", NULL), 0.9); // mean rate 0.45 of 0.5
    struct bundle_list sets = offers(o, TYPE_FBT), tiers = offers(o, TYPE_VOLUME);
    assert_int_equal(sets.n, 1); // ink and pen
    assert_true(tiers.n >= 1);
    for (uint32_t i = 0; i < tiers.n; i++)
        assert_true(part_of(&tiers.bundles[i], 0)->repeat_rate > 0);
    assert_true(deepest_discount_bp(&sets) <= 2000);
}

static void margin_is_guarded(void **state)
{
    (void)state;
    const enum objective o = OBJECTIVE_MARGIN_GUARD;
    expect(anchor(o, "pen"), 0.6 * 3.1);
    expect(anchor(o, "clock"), 0.5 * 1.1);
    ANCHORS(o, "bulb", "pen", "clock");
    expect(partner(o, TYPE_FBT, "bulb", "pen"), 1);
    expect(partner(o, TYPE_FBT, "bulb", "xmas"), 0.25); // 0.4: earns something
    expect(partner(o, TYPE_FBT, "bulb", "lamp"), 0);    // 0.2: too little
    expect(fit(o, "bulb", "pen", NULL), 0.6);
    expect(fit(o, "bulb", "xmas", NULL), 0.5);
    struct bundle_list list = offers(o, TYPE_FBT);
    for (uint32_t i = 0; i < list.n; i++)
        for (uint32_t p = 0; p < list.bundles[i].n_parts; p++)
            assert_true(part_of(&list.bundles[i], p)->margin >= 0.3);
    assert_true(deepest_discount_bp(&list) <= 1000);
}

static void pins_are_anchors_before_all_others(void **state)
{
    (void)state;
    uint32_t pinned[] = {shop_item(&shop, "egg"), shop_item(&shop, "pen")}, items[64];
    struct offer_rules r = OFFER_RULES_DEFAULT;
    struct bundle_list list;
    struct err e;
    assert_true(pinned[0] < pinned[1]);
    r.pinned = pinned;
    r.n_pinned = 2;
    r.candidates_per_pair = 2;
    double worths[64];
    objective_worths(&shop.market, &r, OBJECTIVE_INCREASE_AOV, worths);
    assert_int_equal(objective_anchors(worths, shop.data->n_items, items, 3), 3);
    assert_int_equal(items[0], pinned[0]); // worth 2
    assert_int_equal(items[1], pinned[1]); // worth nothing
    assert_int_equal(items[2], shop_item(&shop, "lamp"));
    assert_true(
        offers_for_pair(&shop.market, &r, OBJECTIVE_INCREASE_AOV, TYPE_FBT, &shop.memory, NULL, &list, NULL, &e));
    assert_int_equal(list.n, 2);
    for (uint32_t i = 0; i < list.n; i++)
        assert_true(item_is_pinned(&r, list.bundles[i].parts[0].item));
    // What an objective is about is not changed by a pin.
    assert_true(
        offers_for_pair(&shop.market, &r, OBJECTIVE_CLEAR_SLOW_MOVERS, TYPE_FBT, &shop.memory, NULL, &list, NULL, &e));
    for (uint32_t i = 0; i < list.n; i++)
        assert_int_equal(count_flag(&list.bundles[i], ITEM_SLOW_MOVER), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bigger_orders_are_built_on_dear_products),
        cmocka_unit_test(slow_movers_are_found_beside_what_sells),
        cmocka_unit_test(what_is_in_season_comes_first),
        cmocka_unit_test(new_products_ride_on_known_ones),
        cmocka_unit_test(categories_are_crossed),
        cmocka_unit_test(gift_boxes_hold_three_kinds_and_more),
        cmocka_unit_test(what_is_bought_again_is_sold_again),
        cmocka_unit_test(margin_is_guarded),
        cmocka_unit_test(pins_are_anchors_before_all_others),
    };
    return cmocka_run_group_tests_name("objectives", tests, setup, teardown);
}
