// Small uploads (SPEC 10): what applies at 0 to 20 order lines, with and without a catalogue, through all pairs and the
// merge.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/check.h"
#include "tests/unit/offers/shop.h"
#include "worker/offers/pricing.h"

enum {
    LADDER = SOURCE_POPULARITY | SOURCE_COMPLEMENTS | SOURCE_SIMILARITY | SOURCE_SMOOTHED | SOURCE_ADAPTIVE_RULES |
             SOURCE_STRICT_RULES
};

static const unsigned SIZES[] = {0, 1, 5, 9, 10, 19, 20};

static const struct shop_product SHELF[] = {
    {"rose", NULL, "Soap Rose", "", "Soap", "Bath", "", NULL, 600, 0, 200, 50, -300},
    {"mint", NULL, "Soap Mint", "", "Soap", "Bath", "", NULL, 650, 0, 200, 50, -300},
    {"sage", NULL, "Soap Sage", "", "Soap", "Bath", "", NULL, 620, 0, 200, 50, -300},
    {"towel", NULL, "Bath Towel", "", "Towels", "Bath", "", NULL, 1400, 0, 500, 50, -300},
    {"brush", NULL, "Bath Brush", "", "Brushes", "Bath", "", NULL, 1100, 0, 400, 50, -300},
    {"salt", NULL, "Bath Salt", "", "Salts", "Bath", "", NULL, 900, 0, 300, 50, -300},
};

// Of one to three lines, until there are n.
static void add_lines(struct shop *s, unsigned n)
{
    static const char *const ORDERS[] = {"rose towel", "mint", "rose:2 towel brush", "salt brush", "rose towel"};
    static const unsigned LINES[] = {2, 1, 3, 2, 2};
    for (unsigned i = 0; n > 0; i = (i + 1) % ARRAY_LEN(ORDERS)) {
        bool fits = LINES[i] <= n;
        shop_order(s, (int)s->n_orders, i % 2 ? "ann" : "bob", fits ? ORDERS[i] : "rose");
        n -= fits ? LINES[i] : 1;
    }
}

struct result {
    struct bundle_list all; // merged
    struct merge_report report;
    uint32_t sources; // of all candidates
    unsigned candidates;
};

static void assert_reason(const char *reason)
{
    assert_true(strlen(reason) > 10); // words, no code
    assert_non_null(strchr(reason, ' '));
    assert_null(strchr(reason, '_'));
}

static struct result offers_of(struct shop *s)
{
    struct result x = {0};
    struct bundle_list lists[BUNDLE_PAIRS_MAX];
    struct err e;
    for (unsigned k = 0; k < BUNDLE_PAIRS_MAX; k++) {
        enum objective o = (enum objective)(k / TYPE_COUNT);
        enum bundle_type t = (enum bundle_type)(k % TYPE_COUNT);
        struct pair_report report = {0};
        const char *reason = offers_skip_reason(&s->market, &OFFER_RULES_DEFAULT, o, t);
        assert_true(offers_for_pair(&s->market, &OFFER_RULES_DEFAULT, o, t, &s->memory, NULL, &lists[k], &report, &e));
        if (reason) {
            assert_reason(reason);
            assert_int_equal(lists[k].n, 0);
        }
        for (uint32_t i = 0; i < lists[k].n; i++)
            x.sources |= lists[k].bundles[i].sources;
        x.candidates += lists[k].n;
    }
    assert_true(offers_merge(&s->market, &OFFER_RULES_DEFAULT, lists, BUNDLE_PAIRS_MAX, &s->memory, NULL, &x.all,
                             &x.report, &e));
    return x;
}

static void check_size(unsigned lines, bool has_catalog)
{
    struct shop s;
    shop_open(&s);
    for (size_t i = 0; i < ARRAY_LEN(SHELF) && has_catalog; i++)
        shop_product(&s, SHELF[i]);
    add_lines(&s, lines);
    shop_ready(&s);
    assert_int_equal(s.data->lines_read, lines);
    assert_int_equal(s.market.is_tiny, lines < 10);
    assert_int_equal(s.market.is_small, lines < 20);

    struct result x = offers_of(&s);
    if (lines < 10)
        assert_int_equal(x.sources & LADDER, 0);
    assert_int_equal(x.report.portfolio_skipped, lines < 20);
    assert_int_equal(x.report.fronts > 0, lines >= 20 && x.candidates > 0);
    for (uint32_t i = 0; i < x.all.n; i++) {
        const struct bundle *b = &x.all.bundles[i];
        struct err e = {0};
        assert_int_equal(b->pricing.method, lines < 20 ? PRICE_LINEAR : PRICE_SHRUNK);
        if (!pricing_check(&s.market, &OFFER_RULES_DEFAULT, b, &e))
            fail_msg("%u lines: %s", lines, e.message);
        assert_true(b->orders_total == s.data->n_orders && b->orders_together <= s.data->n_orders);
    }
    if (lines == 0 && !has_catalog)
        assert_int_equal(x.all.n, 0);
    if (lines >= 5 || has_catalog)
        assert_true(x.all.n > 0);
    shop_close(&s);
}

static void with_a_catalogue(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++)
        check_size(SIZES[i], true);
}

static void without_a_catalogue(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++)
        check_size(SIZES[i], false);
}

// One line alone says nothing of what goes together; no catalogue, no second product.
static void one_line_is_no_bundle(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    add_lines(&s, 1);
    shop_ready(&s);
    struct result x = offers_of(&s);
    assert_int_equal(x.all.n, 0);
    assert_string_equal(offers_skip_reason(&s.market, &OFFER_RULES_DEFAULT, OBJECTIVE_INCREASE_AOV, TYPE_FBT),
                        "too few products for this type of bundle");
    shop_close(&s);
}

// Linear: from the least of the objective with one piece to the most with five.
static void linear_discounts_by_pieces(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    for (size_t i = 0; i < ARRAY_LEN(SHELF); i++)
        shop_product(&s, SHELF[i]);
    add_lines(&s, 9);
    shop_ready(&s);
    struct bundle b = {.type = TYPE_BXGY, .objective = OBJECTIVE_CATEGORY_BUNDLE, .n_parts = 2};
    b.parts[0] = (struct part){.item = shop_item(&s, "towel"), .quantity = 1, .role = ROLE_QUALIFIER};
    b.parts[1] = (struct part){.item = shop_item(&s, "rose"), .quantity = 1, .role = ROLE_REWARD};
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    // 10 + 1/4 * 15 = 13.75 % of 20.00 is 2.75; half as much again 4.12: 60 % of 6.00 is 3.60, 75 % is 4.50
    assert_int_equal(b.pricing.get_discount_bp, 6000);
    assert_int_equal(b.pricing.discount_minor, 360);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_catalogue),
        cmocka_unit_test(without_a_catalogue),
        cmocka_unit_test(one_line_is_no_bundle),
        cmocka_unit_test(linear_discounts_by_pieces),
    };
    return cmocka_run_group_tests_name("small_uploads", tests, NULL, NULL);
}
