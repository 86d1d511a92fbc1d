#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/offers/shop.h"
#include "worker/offers/association.h"

static struct bundle count(struct shop *s, enum bundle_type t, const char *const *variants, uint32_t n)
{
    struct bundle b = {.type = t, .n_parts = n};
    for (uint32_t i = 0; i < n; i++)
        b.parts[i] =
            (struct part){.item = shop_item(s, variants[i]), .quantity = 1, .role = i ? ROLE_PART : ROLE_ANCHOR};
    for (uint32_t i = 0; i < n && t == TYPE_BXGY; i++)
        b.parts[i].role = i + 1 < n ? ROLE_QUALIFIER : ROLE_REWARD;
    b.pricing.tiers[0].min_quantity = 3;
    association_count(&s->market, &b);
    return b;
}

static struct bundle count_pair(struct shop *s, enum bundle_type t, const char *a, const char *b)
{
    const char *const variants[] = {a, b};
    return count(s, t, variants, b ? 2 : 1);
}

// 100 orders, the newest fifth are the last 20. a + b: 40 of 80, then 10 of 20; c + d: 20 of 80, then never, though
// both are sold as before; e + f: twice, then once; g:3: 10 of 20, then 1 of 10; h + i only at last.
static void orders_of_all_kinds(struct shop *s)
{
    for (int i = 0; i < 100; i++) {
        bool is_new = i >= 80;
        char lines[64] = "";
        strcat(lines, i % 2 ? "a b" : i % 4 ? "a x" : "b y");
        strcat(lines, i % 4 ? "" : is_new ? i % 8 ? " c" : " d" : " c d");
        strcat(lines, i == 3 || i == 9 || i == 99 ? " e f" : "");
        strcat(lines, is_new ? i == 81 ? " g:3" : i % 2 ? " g" : "" : i % 4 == 1 ? i % 8 == 1 ? " g:4" : " g" : "");
        strcat(lines, i > 95 ? " h i" : "");
        shop_order(s, i * 2, "", lines);
    }
    shop_ready(s);
}

static void newest_fifth_by_hand(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    orders_of_all_kinds(&s);
    assert_int_equal(s.market.newest.first, 80);
    assert_int_equal(s.market.newest.n_multi, 20);
    assert_int_equal(s.market.recent_first, 55); // as_of is day 198: what came after day 108

    struct bundle b = count_pair(&s, TYPE_FBT, "a", "b");
    assert_int_equal(b.orders_together, 50);
    assert_int_equal(b.orders_base, 75);
    assert_int_equal(b.newest_together, 10);
    assert_int_equal(b.newest_base, 15);
    assert_true(fabs(b.newest_expected - s.market.newest.kappa * 15 * 15 / 20) < 1e-12);
    assert_int_equal(b.confirmation, CONFIRMATION_UNKNOWN); // 10 is no more than chance gives, and as many as before

    b = count_pair(&s, TYPE_FBT, "c", "d");
    assert_int_equal(b.orders_together, 20);
    assert_int_equal(b.newest_together, 0);
    assert_int_equal(b.newest_base, 2); // of 22, 20 with d: 0 of 2 is rare by 1 / 231
    assert_int_equal(b.confirmation, NOT_CONFIRMED);

    b = count_pair(&s, TYPE_FBT, "e", "f");
    assert_int_equal(b.newest_together, 1);
    assert_int_equal(b.confirmation, CONFIRMATION_UNKNOWN);

    b = count_pair(&s, TYPE_BXGY, "h", "i"); // far above chance, but nothing older to confirm
    assert_int_equal(b.newest_together, 4);
    assert_int_equal(b.orders_together, 4);
    assert_int_equal(b.confirmation, CONFIRMATION_UNKNOWN);

    b = count_pair(&s, TYPE_VOLUME, "g", NULL);
    assert_int_equal(b.orders_together, 11);
    assert_int_equal(b.orders_base, 30);
    assert_int_equal(b.newest_together, 1);
    assert_int_equal(b.newest_base, 10); // P(1 or none of 10, with 11 of 30) = .046
    assert_int_equal(b.confirmation, NOT_CONFIRMED);
    shop_close(&s);
}

static void kappa_of_the_newest_by_hand(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    for (int i = 0; i < 15; i++) // the newest three hold 2, 4 and 1 products
        shop_order(&s, i, "", i == 12 ? "a b" : i == 13 ? "a b c d" : i == 14 ? "a" : "a b c");
    shop_ready(&s);
    assert_int_equal(s.market.newest.first, 12);
    assert_int_equal(s.market.newest.n_multi, 2);
    assert_true(fabs(s.market.newest.kappa - 2 * (2 + 12) / 36.0) < 1e-12);
    static const char *const three[] = {"a", "b", "c"};
    struct bundle b = count(&s, TYPE_FBT, three, 3);
    // a and b: 2 orders, c: 1; or a, b with c: 1, 2
    assert_true(fabs(b.newest_expected - s.market.newest.kappa * 2 * 1 / 2) < 1e-12);
    assert_int_equal(b.newest_base, 3);
    shop_close(&s);
}

static void sets_far_above_chance_are_confirmed(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    for (int i = 0; i < 200; i++) {
        static const char *const others[] = {"p q", "r s", "t u", "v w", "x y"};
        shop_order(&s, i, "", i % 6 == 0 ? "tea milk" : others[i % 5]);
    }
    shop_ready(&s);
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
        static const char *const three[] = {"tea", "milk", "p"};
        struct bundle b = t == TYPE_MIX_MATCH ? count(&s, t, three, 3) : count_pair(&s, t, "tea", "milk");
        if (t != TYPE_VOLUME)
            assert_int_equal(b.confirmation, CONFIRMED);
    }
    shop_close(&s);
}

static void without_dates_nothing_is_new(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    s.has_dates = false;
    orders_of_all_kinds(&s);
    assert_int_equal(s.market.newest.first, 100);
    assert_int_equal(s.market.recent_first, 0);
    struct bundle b = count_pair(&s, TYPE_FBT, "a", "b");
    assert_int_equal(b.newest_base, 0);
    assert_int_equal(b.orders_recent, 50);
    assert_int_equal(b.confirmation, CONFIRMATION_UNKNOWN);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_fifth_by_hand),
        cmocka_unit_test(kappa_of_the_newest_by_hand),
        cmocka_unit_test(sets_far_above_chance_are_confirmed),
        cmocka_unit_test(without_dates_nothing_is_new),
    };
    return cmocka_run_group_tests_name("association", tests, NULL, NULL);
}
