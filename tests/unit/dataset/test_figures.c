// The figures of SPEC 6, worked out by hand.
#include <stdio.h>

#include "tests/unit/dataset/sample.h"

#define assert_near(a, b) assert_true((a) - (b) < 1e-9 && (b) - (a) < 1e-9)

static void velocity_counts_units_of_sixty_days(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("old", .created_at = T0 - 60 * DAY),
        LINE("old", .sku = STR("A"), .quantity = 100),
        ORDER("in", .created_at = T0 - 60 * DAY + 1),
        LINE("in", .sku = STR("A"), .quantity = 5),
        ORDER("recent", .created_at = T0 - 30 * DAY + 1),
        LINE("recent", .sku = STR("A"), .quantity = 6),
        ORDER("now", .created_at = T0),
        LINE("now", .sku = STR("A")),
    };
    struct dataset *d = BUILD(rows);
    assert_near(d->items[0].velocity, 12 / 60.0);
    assert_int_equal(d->items[0].units, 112);
    assert_int_equal(d->items[0].orders, 4);
    assert_int_equal(d->items[0].orders_recent, 2);
    dataset_destroy(d);
}

static void as_of_of_the_job_moves_the_windows(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1", .created_at = T0), LINE("1", .sku = STR("A"), .quantity = 6), ORDER("2", .created_at = T0 + 5 * DAY),
        LINE("2", .sku = STR("A"), .quantity = 60), // after as_of
    };
    struct enrich_rules rules = ENRICH_RULES_DEFAULT;
    rules.as_of = T0 + DAY;
    struct dataset *d = sample_build_with(&rules, rows, 4);
    assert_int_equal(d->as_of, T0 + DAY);
    assert_near(d->items[0].velocity, 0.1);
    assert_int_equal(d->items[0].orders_recent, 1);
    dataset_destroy(d);
}

static void discounts_of_orders_are_shared_by_value(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        // A: 3 x 10 less 3; B: 10. The order's 7 are 4 more than its lines': 3 for A, 1 for B.
        ORDER("1", .discount_e4 = 70000),
        LINE("1", .sku = STR("A"), .quantity = 3, .line_discount_e4 = 30000),
        LINE("1", .sku = STR("B")),
        // Too long ago to count.
        ORDER("2", .created_at = T0 - 180 * DAY),
        LINE("2", .sku = STR("A"), .line_discount_e4 = 100000),
        // Written as a negative amount, and more than the line costs.
        ORDER("3"),
        LINE("3", .sku = STR("C"), .line_discount_e4 = -250000),
        LINE("3", .sku = STR("D")),
    };
    struct dataset *d = BUILD(rows);
    assert_near(sample_item(d, "A")->avg_discount, 6 / 30.0);
    assert_near(sample_item(d, "B")->avg_discount, 1 / 10.0);
    assert_near(sample_item(d, "C")->avg_discount, 1);
    assert_near(sample_item(d, "D")->avg_discount, 0);
    dataset_destroy(d);
}

static void discount_rates_are_those_of_lines(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        // A: 10 % of 3 x 10, 0 and 50 % of 10 (half of it the order's): mean 20 %, variance (.1^2 + .2^2 + .3^2) / 2
        ORDER("1"),
        LINE("1", .sku = STR("A"), .quantity = 3, .line_discount_e4 = 30000),
        ORDER("2"),
        LINE("2", .sku = STR("A")),
        LINE("2", .sku = STR("B")),
        ORDER("3", .discount_e4 = 50000),
        LINE("3", .sku = STR("A"), .line_discount_e4 = 25000),
        // Neither what is too old nor what has no price is a sale here.
        ORDER("4", .created_at = T0 - 180 * DAY),
        LINE("4", .sku = STR("A"), .line_discount_e4 = 100000),
        ORDER("5"),
        LINE("5", .sku = STR("B"), .unit_price_e4 = AMOUNT_UNKNOWN),
    };
    struct dataset *d = BUILD(rows);
    assert_int_equal(sample_item(d, "A")->sales, 3);
    assert_near(sample_item(d, "A")->discount_mean, 0.2);
    assert_near(sample_item(d, "A")->discount_variance, 0.07);
    assert_int_equal(sample_item(d, "B")->sales, 1);
    assert_near(sample_item(d, "B")->discount_mean, 0);
    assert_near(sample_item(d, "B")->discount_variance, 0);
    dataset_destroy(d);
}

// 15 off an order of 20, of which a gift has 10 already: no line is reduced by more than it costs.
static void a_free_gift_takes_no_more_discount(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1", .discount_e4 = 150000), LINE("1", .sku = STR("GIFT"), .line_discount_e4 = 100000),
        LINE("1", .sku = STR("B")),        ORDER("2"),
        LINE("2", .sku = STR("GIFT")),
    };
    struct dataset *d = BUILD(rows);
    assert_near(sample_item(d, "GIFT")->discount_mean, 0.5);
    assert_near(sample_item(d, "GIFT")->discount_variance, 0.5);
    assert_near(sample_item(d, "B")->discount_mean, 0.25);
    dataset_destroy(d);
}

static void price_is_the_median_of_the_newest_twenty(void **state)
{
    (void)state;
    struct sample_row rows[2 * 25];
    char ids[25][4];
    for (unsigned i = 0; i < 25; i++) { // prices 1, 2, ... 25, oldest first: the newest twenty are 6 .. 25
        const struct sample_row order = ORDER("", .created_at = T0 + i), line = LINE("", .sku = STR("A"));
        (void)snprintf(ids[i], sizeof ids[i], "%u", i);
        rows[2 * i] = order;
        rows[2 * i + 1] = line;
        rows[2 * i].row.order.order_id = rows[2 * i + 1].row.line.order_id = str_of(ids[i]);
        rows[2 * i + 1].row.line.unit_price_e4 = 10000 * (i + 1);
    }
    sample_shuffle(rows, 50, 7);
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->items[0].price_minor, 1500); // the lower of 15 and 16
    assert_int_equal(d->median_price_minor, 1500);
    dataset_destroy(d);
}

static void repeat_rate_is_of_known_customers(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1", .customer_id = STR("a")),
        LINE("1", .sku = STR("A")),
        LINE("1", .sku = STR("B")),
        ORDER("2", .customer_id = STR("a")),
        LINE("2", .sku = STR("A")),
        ORDER("3", .customer_id = STR("a")),
        LINE("3", .sku = STR("A")),
        ORDER("4", .customer_id = STR("b")),
        LINE("4", .sku = STR("A")),
        LINE("4", .sku = STR("A")),
        ORDER("5", .customer_id = STR("c")),
        LINE("5", .sku = STR("B")),
        ORDER("6"),
        LINE("6", .sku = STR("A")),
        ORDER("7"),
        LINE("7", .sku = STR("C")),
        ORDER("8"),
        LINE("8", .sku = STR("C")),
    };
    struct dataset *d = BUILD(rows);
    assert_near(sample_item(d, "A")->repeat_rate, 1 / 2.0); // a did, b bought it twice at once
    assert_near(sample_item(d, "B")->repeat_rate, 0);
    assert_near(sample_item(d, "C")->repeat_rate, 0);
    dataset_destroy(d);
}

static void margins_are_known_or_estimated(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        CATALOG("half", .product_title = STR("a"), .price_e4 = 100000, .cost_e4 = 50000),
        CATALOG("loss", .product_title = STR("b"), .price_e4 = 100000, .cost_e4 = 120000),
        CATALOG("plain", .product_title = STR("c"), .price_e4 = 100000),
        CATALOG("down", .product_title = STR("d"), .price_e4 = 100000, .compare_at_e4 = 160000),
        CATALOG("free", .product_title = STR("e"), .price_e4 = 0, .cost_e4 = 10000),
    };
    struct dataset *d = BUILD(rows);
    assert_near(sample_item(d, "half")->margin, 0.5);
    assert_near(sample_item(d, "loss")->margin, -0.2);
    assert_near(sample_item(d, "plain")->margin, 0.5); // the shop's usual one
    assert_near(sample_item(d, "down")->margin, 0.2);  // bought at 8, sold at 10
    assert_near(sample_item(d, "free")->margin, 0);
    assert_false(sample_item(d, "half")->flags & ITEM_MARGIN_ESTIMATED);
    assert_true(sample_item(d, "plain")->flags & ITEM_MARGIN_ESTIMATED);
    assert_false(sample_item(d, "free")->flags & ITEM_MARGIN_ESTIMATED);
    assert_true(sample_item(d, "half")->flags & ITEM_HIGH_MARGIN);
    assert_false(sample_item(d, "plain")->flags & ITEM_HIGH_MARGIN); // nothing sold, nothing known
    dataset_destroy(d);
}

static void margins_without_any_cost_are_the_usual_ones(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1"),
        LINE("1", .sku = STR("A")),
        LINE("1", .sku = STR("B"), .line_discount_e4 = 20000),
    };
    struct dataset *d = BUILD(rows);
    assert_near(d->items[0].margin, 0.4);
    assert_near(d->items[1].margin, 1 - 0.6 / 0.8);
    assert_true(d->items[0].flags & ITEM_HIGH_MARGIN); // sells without discount
    assert_false(d->items[1].flags & ITEM_HIGH_MARGIN);
    dataset_destroy(d);
}

static void flags_follow_the_rules(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        CATALOG("slow", .product_title = STR("Offspring mug"), .available_total = 11),
        CATALOG("few", .product_title = STR("Mug"), .available_total = 10),
        CATALOG("stockless", .product_title = STR("Pot")),
        CATALOG("fast", .product_title = STR("Cup, Black Friday"), .available_total = 500),
        CATALOG("new", .product_title = STR("Tray"), .product_created_at = T0 - 30 * DAY, .tags = STR("oak,winter")),
        CATALOG("bag", .product_title = STR("Shopping Bags")),
        CATALOG("tote", .product_title = STR("Jumbo Shopping Bag")),
        CATALOG("known", .product_title = STR("Bowl"), .product_created_at = T0 - 30 * DAY - 1),
        ORDER("1"),
        LINE("1", .variant_id = STR("fast"), .quantity = 6),
    };
    struct dataset *d = BUILD(rows);
    uint32_t asked = ITEM_SLOW_MOVER | ITEM_NEW_LAUNCH | ITEM_SEASONAL;
    assert_int_equal(sample_item(d, "slow")->flags & asked, ITEM_SLOW_MOVER);
    assert_int_equal(sample_item(d, "few")->flags & asked, 0);
    assert_int_equal(sample_item(d, "stockless")->flags & asked, 0);
    assert_int_equal(sample_item(d, "fast")->flags & asked, ITEM_SEASONAL); // 0.1 a day is not slow
    assert_int_equal(sample_item(d, "new")->flags & asked, ITEM_NEW_LAUNCH | ITEM_SEASONAL);
    assert_int_equal(sample_item(d, "known")->flags & asked, 0);
    assert_true(sample_item(d, "bag")->flags & ITEM_PACKAGING);
    assert_false(sample_item(d, "tote")->flags & ITEM_PACKAGING); // a product, not what it is carried in
    dataset_destroy(d);
}

static void huge_amounts_do_not_overflow(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1", .currency = STR("JPY"), .discount_e4 = INT64_MAX),
        LINE("1", .sku = STR("A"), .unit_price_e4 = INT64_MAX / 2, .quantity = INT32_MAX),
        LINE("1", .sku = STR("A"), .unit_price_e4 = INT64_MAX / 2, .quantity = INT32_MAX),
        LINE("1", .sku = STR("A"), .unit_price_e4 = INT64_MAX / 2, .quantity = INT32_MAX),
        LINE("1", .sku = STR("B"), .unit_price_e4 = INT64_MAX - 1, .line_discount_e4 = INT64_MIN + 1),
    };
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->line_quantity[0], UINT32_MAX);
    assert_int_equal(d->items[0].units, 3 * (int64_t)INT32_MAX);
    assert_near(d->items[1].avg_discount, 1);
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(velocity_counts_units_of_sixty_days),
        cmocka_unit_test(as_of_of_the_job_moves_the_windows),
        cmocka_unit_test(discounts_of_orders_are_shared_by_value),
        cmocka_unit_test(discount_rates_are_those_of_lines),
        cmocka_unit_test(a_free_gift_takes_no_more_discount),
        cmocka_unit_test(price_is_the_median_of_the_newest_twenty),
        cmocka_unit_test(repeat_rate_is_of_known_customers),
        cmocka_unit_test(margins_are_known_or_estimated),
        cmocka_unit_test(margins_without_any_cost_are_the_usual_ones),
        cmocka_unit_test(flags_follow_the_rules),
        cmocka_unit_test(huge_amounts_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
