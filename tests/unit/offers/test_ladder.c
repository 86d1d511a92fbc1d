#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/mp.h"
#include "tests/unit/offers/shop.h"
#include "worker/offers/complements.h"
#include "worker/offers/report.h"
#include "worker/offers/search.h"

// A shop whose anchors were never bought with anything else: single-item orders, so that only the ladder can help.
static void open_singles(struct shop *s, unsigned orders)
{
    static const struct shop_product PRODUCTS[] = {
        {"dress", NULL, "Summer Dress", "", "Dresses", "Lin", "", NULL, 8000, 0, 3000, 20, -400},
        {"gown", NULL, "Evening Gown", "", "Dresses", "Lin", "", NULL, 9000, 0, 3000, 20, -400},
        {"belt", NULL, "Leather Belt", "", "Belts", "Hide", "", NULL, 4000, 0, 1000, 20, -400},
        {"scarf", NULL, "Silk Scarf", "", "Scarves", "Lin", "", NULL, 5000, 0, 1500, 20, -400},
        {"pin", NULL, "Paper Pin", "", "Pins", "Tack", "", NULL, 100, 0, 20, 900, -400},
        {"mat", NULL, "Yoga Mat", "", "Mats", "Gym", "", NULL, 6000, 0, 2000, 20, -400},
    };
    static const char *const NAMES[] = {"dress", "gown", "belt", "scarf", "pin", "mat"};
    shop_open(s);
    for (size_t i = 0; i < ARRAY_LEN(PRODUCTS); i++)
        shop_product(s, PRODUCTS[i]);
    for (unsigned i = 0; i < orders; i++)
        shop_order(s, (int)i, "ann", NAMES[i % ARRAY_LEN(NAMES)]);
    shop_ready(s);
}

static struct bundle_list find(struct shop *s, bool climbs_bottom_up, struct pair_report *report)
{
    struct offer_rules r = OFFER_RULES_DEFAULT;
    struct bundle_list list;
    struct err e;
    r.climbs_bottom_up = climbs_bottom_up;
    assert_true(offers_for_pair(&s->market, &r, OBJECTIVE_INCREASE_AOV, TYPE_FBT, &s->memory, NULL, &list, report, &e));
    return list;
}

static unsigned tiers_run(const struct pair_report *r)
{
    unsigned mask = 0;
    for (unsigned k = 0; k < LADDER_TIERS; k++)
        mask |= r->tiers[k].runs ? 1u << k : 0;
    return mask;
}

static void not_for_fewer_than_ten_lines(void **state)
{
    (void)state;
    struct shop s;
    struct pair_report report = {0};
    open_singles(&s, 9);
    struct bundle_list list = find(&s, true, &report);
    assert_int_equal(tiers_run(&report), 0);
    assert_true(list.n > 0); // the catalogue
    for (uint32_t i = 0; i < list.n; i++)
        assert_int_equal(list.bundles[i].sources, SOURCE_COLD_START);
    shop_close(&s);
}

static void bottom_up_begins_with_the_catalogue(void **state)
{
    (void)state;
    struct shop s;
    struct pair_report report = {0};
    open_singles(&s, 12);
    struct bundle_list list = find(&s, true, &report);
    assert_int_equal(report.tiers[LADDER_TIERS - 1].runs, 1);
    assert_true(report.tiers[LADDER_TIERS - 1].bundles > 0);
    assert_true(list.n > 0);
    shop_close(&s);
}

// Tiers are asked one after the other from their end, and none is left out.
static void tiers_are_asked_in_the_order_of_the_policy(void **state)
{
    (void)state;
    struct shop s;
    struct pair_report up = {0}, down = {0};
    open_singles(&s, 12);
    find(&s, true, &up);
    find(&s, false, &down);
    assert_int_equal(up.tiers[LADDER_TIERS - 1].runs, 1);
    assert_int_equal(down.tiers[0].runs, 1);
    for (unsigned k = 1; k < LADDER_TIERS; k++) {
        assert_true(up.tiers[k].runs >= up.tiers[k - 1].runs);
        assert_true(down.tiers[k].runs <= down.tiers[k - 1].runs);
    }
    assert_true(tiers_run(&up) != tiers_run(&down));
    shop_close(&s);
}

static void stops_at_the_target(void **state)
{
    (void)state;
    struct shop s;
    struct pair_report report = {0};
    char variants[20][16]; // the shop remembers them
    shop_open(&s);
    for (int i = 0; i < 20; i++) { // twenty like products, each sold alone
        char *variant = variants[i], title[24];
        snprintf(variant, sizeof variants[i], "p%02d", i);
        snprintf(title, sizeof title, "Paper Lamp %c", 'A' + i);
        shop_product(&s, (struct shop_product){.variant = variant,
                                               .title = title,
                                               .type = i % 2 ? "Lamps" : "Shades",
                                               .vendor = "Lin",
                                               .price = 2000 + i,
                                               .stock = 10});
    }
    for (int i = 0; i < 40; i++) {
        char line[16];
        snprintf(line, sizeof line, "p%02d", i % 20);
        shop_order(&s, i, "ann", line);
    }
    shop_ready(&s);
    struct bundle_list list = find(&s, true, &report);
    assert_true(list.n >= CANDIDATES_TARGET);
    assert_int_equal(tiers_run(&report), 1u << (LADDER_TIERS - 1)); // the first rung was enough
    shop_close(&s);
}

static void not_where_the_orders_say_enough(void **state)
{
    (void)state;
    struct shop s;
    struct pair_report report = {0};
    shop_open(&s);
    for (int i = 0; i < 60; i++) {
        char line[24];
        int k = i % 6;
        snprintf(line, sizeof line, "a%d b%d", k, k);
        shop_order(&s, i, "ann", line);
    }
    shop_ready(&s);
    struct bundle_list list = find(&s, true, &report);
    assert_true(list.n >= CANDIDATES_ENOUGH);
    assert_int_equal(tiers_run(&report), 0);
    shop_close(&s);
}

static int64_t ticks;
static int64_t tick_us(void)
{
    return ticks += 5;
}

static void times_are_by_the_callers_clock(void **state)
{
    (void)state;
    struct shop s;
    struct pair_report report = {.now_us = tick_us};
    open_singles(&s, 12);
    find(&s, true, &report);
    assert_int_equal(report.tiers[LADDER_TIERS - 1].us, 5);
    shop_close(&s);
}

static void dress_goes_with_belt(void **state)
{
    (void)state;
    struct shop s;
    open_singles(&s, 12);
    const struct complements *c = s.market.complements;
    uint32_t dress = shop_item(&s, "dress"), belt = shop_item(&s, "belt"), mat = shop_item(&s, "mat");
    assert_true(complements_by_words(c, dress, belt));
    assert_true(complements_by_words(c, belt, dress));
    assert_false(complements_by_words(c, dress, mat));
    assert_false(complements_by_words(c, dress, dress));
    shop_close(&s);
}

static void types_are_learned_from_orders(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "a", .title = "A", .type = "Pots", .price = 100, .stock = -1});
    shop_product(&s, (struct shop_product){.variant = "b", .title = "B", .type = "Cups", .price = 100, .stock = -1});
    shop_product(&s, (struct shop_product){.variant = "c", .title = "C", .type = "Tea", .price = 100, .stock = -1});
    shop_product(&s, (struct shop_product){.variant = "d", .title = "D", .type = "Milk", .price = 100, .stock = -1});
    for (int i = 0; i < 16; i++)
        shop_order(&s, i, "ann", i % 2 ? "a b" : "c d");
    shop_ready(&s);
    // 16 orders of two types: kappa = 16 * 32 / 32^2 = 1/2; expected(Pots, Cups) = 1/2 * 8 * 8 / 16 = 2;
    // log2((8 + 3) / (2 + 3)) / 3 = 0.379168
    const struct item *items = s.data->items;
    uint32_t pots = items[shop_item(&s, "a")].type_id, cups = items[shop_item(&s, "b")].type_id;
    uint32_t tea = items[shop_item(&s, "c")].type_id;
    assert_float_equal(complements_learned(s.market.complements, pots, cups), 0.379168, 1e-5);
    assert_float_equal(complements_learned(s.market.complements, cups, pots), 0.379168, 1e-5);
    assert_float_equal(complements_learned(s.market.complements, pots, tea), 0, 0);
    assert_float_equal(complements_learned(s.market.complements, pots, pots), 0, 0);
    assert_float_equal(complements_learned(s.market.complements, pots, ID_NONE), 0, 0);
    shop_close(&s);
}

static void links_of_one_partner_become_one(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct search s = {.links = ARENA_ARRAY(&memory, struct link, LINKS_MAX)};
    links_add(&s, (struct link){1, 2, 3, SOURCE_PAIRS, 0.5});
    links_add(&s, (struct link){2, 1, 3, SOURCE_PAIRS, 0.7});
    links_add(&s, (struct link){1, 2, 3, SOURCE_EMBEDDING, 0.9});
    links_add(&s, (struct link){4, 5, 0, SOURCE_PAIRS, 0});
    links_settle(&s);
    assert_int_equal(s.n_links, 2);
    assert_int_equal(s.links[0].anchor, 1);
    assert_int_equal(s.links[0].sources, SOURCE_PAIRS | SOURCE_EMBEDDING);
    assert_float_equal(s.links[0].strength, 0.9, 0);
    assert_int_equal(s.links[1].anchor, 2);
    arena_fini(&memory);
}

static void too_many_links_leave_the_strongest(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct search s = {.links = ARENA_ARRAY(&memory, struct link, LINKS_MAX)};
    for (uint32_t i = 0; i < 3 * LINKS_MAX; i++)
        links_add(&s, (struct link){i, i + 1, 1, SOURCE_PAIRS, (i * 7919u) % (3 * LINKS_MAX) + 1});
    links_settle(&s);
    assert_true(s.n_links >= LINKS_MAX / 2 && s.n_links <= LINKS_MAX);
    for (uint32_t i = 0; i < LINKS_MAX / 2; i++)
        assert_true(s.links[i].strength > 3 * LINKS_MAX - i - 0.5);
    arena_fini(&memory);
}

static void reports_add_up_and_travel(void **state)
{
    (void)state;
    struct pair_report sum = {0}, one = {0}, back;
    struct buf blob;
    struct mp_doc *doc;
    struct err e;
    one.tiers[2] = (struct ladder_tier){1, 20, 3, 150};
    pair_report_add(&sum, &one);
    pair_report_add(&sum, &one);
    buf_init(&blob, 1 << 10);
    pair_report_encode(&sum, &blob);
    assert_true(mp_open(&doc, blob.data, blob.len, &MP_LIMITS_MESSAGE, &e));
    assert_true(pair_report_decode(&back, mp_root(doc), &e));
    assert_memory_equal(back.tiers, sum.tiers, sizeof sum.tiers);
    assert_int_equal(back.tiers[2].us, 300);
    assert_false(pair_report_decode(&back, mp_at(mp_root(doc), 0), &e));
    assert_int_equal(e.kind, ERR_CODEC);
    mp_close(doc);
    buf_fini(&blob);
    one.tiers[2].us = INT64_MAX;
    buf_init(&blob, 1 << 10);
    pair_report_encode(&one, &blob);
    assert_true(mp_open(&doc, blob.data, blob.len, &MP_LIMITS_MESSAGE, &e));
    assert_false(pair_report_decode(&back, mp_root(doc), &e));
    mp_close(doc);
    buf_fini(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_for_fewer_than_ten_lines),
        cmocka_unit_test(bottom_up_begins_with_the_catalogue),
        cmocka_unit_test(tiers_are_asked_in_the_order_of_the_policy),
        cmocka_unit_test(stops_at_the_target),
        cmocka_unit_test(not_where_the_orders_say_enough),
        cmocka_unit_test(times_are_by_the_callers_clock),
        cmocka_unit_test(dress_goes_with_belt),
        cmocka_unit_test(types_are_learned_from_orders),
        cmocka_unit_test(links_of_one_partner_become_one),
        cmocka_unit_test(too_many_links_leave_the_strongest),
        cmocka_unit_test(reports_add_up_and_travel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
