#include "worker/dataset/builder.h"

#include <stdio.h>

#include "tests/unit/dataset/sample.h"

static void lines_become_sorted_baskets(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        LINE("2", .sku = STR("B"), .name = STR("Bowl"), .quantity = 2), // before its order
        ORDER("2", .created_at = T0 + DAY, .customer_id = STR("c1")),
        ORDER("1", .customer_email = STR("Ann@Example.com")),
        ORDER("3", .customer_email = STR("ann@example.com")),
        LINE("1", .sku = STR("C"), .name = STR("Cup")),
        LINE("1", .sku = STR("A"), .name = STR("Ashtray")),
        LINE("1", .sku = STR(" C "), .name = STR("Cup"), .quantity = 3),
        LINE("3", .sku = STR("A"), .name = STR("Ashtray"), .quantity = COUNT_UNKNOWN),
    };
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->n_items, 3);
    assert_text_equal(d->items[0].variant_id, "A");
    assert_text_equal(d->items[2].title, "Cup");
    assert_int_equal(d->n_orders, 3); // 1 and 3 on the first day, 2 on the next
    assert_int_equal(d->n_lines, 4);
    assert_int_equal(d->lines_read, 5);
    static const uint32_t FIRST[] = {0, 2, 3, 4}, ITEM[] = {0, 2, 0, 1}, QUANTITY[] = {1, 4, 1, 2},
                          CUSTOMER[] = {0, 0, 1};
    assert_memory_equal(d->line_first, FIRST, sizeof FIRST);
    assert_memory_equal(d->line_item, ITEM, sizeof ITEM);
    assert_memory_equal(d->line_quantity, QUANTITY, sizeof QUANTITY);
    assert_memory_equal(d->order_customer, CUSTOMER, sizeof CUSTOMER);
    assert_int_equal(d->n_customers, 2);
    assert_int_equal(d->as_of, T0 + DAY);
    assert_int_equal(d->items[2].units, 4);
    assert_int_equal(d->items[0].orders, 2);
    dataset_destroy(d);
}

static void every_left_out_line_is_counted_by_reason(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1", .currency = STR("GBP")),
        ORDER("2", .currency = STR("GBP"), .financial_status = STR("Refunded")),
        ORDER("3", .currency = STR("GBP"), .is_returned = true),
        ORDER("4", .currency = STR("usd")),
        ORDER("5"), // no currency: the upload's
        LINE("1", .sku = STR("A")),
        LINE("5", .sku = STR("A")),
        LINE("1", .sku = STR("A"), .quantity = 0),
        LINE("1", .sku = STR("A"), .quantity = -3),
        LINE("1", .sku = STR("A"), .quantity = INT64_C(1) << 40),
        LINE("1", .sku = STR("A"), .unit_price_e4 = 0),
        LINE("1", .sku = STR("A"), .unit_price_e4 = -10000),
        LINE("1", .sku = STR("A"), .unit_price_e4 = AMOUNT_UNKNOWN),
        LINE("1", .sku = STR("A"), .unit_price_e4 = 49), // rounds to nothing
        LINE("2", .sku = STR("A")),
        LINE("3", .sku = STR("A")),
        LINE("1", .name = STR("Gift card")),
        LINE("1", .sku = STR("G"), .name = STR("Surprise"), .category = STR("Gift Cards")),
        LINE("1", .name = STR("  ")),
        LINE("1", .sku = STR("post"), .name = STR("Letter")),
        LINE("1", .name = STR("Shipping")),
        LINE("4", .sku = STR("A")),
        LINE("9", .sku = STR("A")),
        LINE("", .sku = STR("A")),
    };
    static const uint32_t EXPECTED[LEFT_OUT_REASONS] = {
        [LEFT_OUT_QUANTITY] = 3,    [LEFT_OUT_PRICE] = 4,   [LEFT_OUT_CANCELLED] = 2, [LEFT_OUT_GIFT_CARD] = 2,
        [LEFT_OUT_NO_IDENTITY] = 1, [LEFT_OUT_SERVICE] = 2, [LEFT_OUT_CURRENCY] = 1,  [LEFT_OUT_NO_ORDER] = 2,
    };
    struct dataset *d = BUILD(rows);
    for (unsigned r = 0; r < LEFT_OUT_REASONS; r++)
        if (d->left_out[r] != EXPECTED[r])
            fail_msg("%s: %u, not %u", left_out_name(r), d->left_out[r], EXPECTED[r]);
    assert_int_equal(d->n_items, 1);
    assert_int_equal(d->n_lines, 2);
    assert_text_equal(str_of(d->currency), "GBP");
    dataset_destroy(d);
}

static void an_order_of_two_files_counts_once(void **state)
{
    (void)state;
    struct sample_row rows[] = {
        ORDER("1", .customer_id = STR("late")),
        LINE("1", .sku = STR("A")),
        LINE("1", .sku = STR("B")),
        ORDER("1", .customer_id = STR("x")),
        LINE("1", .sku = STR("A")),
        ORDER("2"),
        LINE("2", .sku = STR("A")),
        LINE("1", .sku = STR("C")), // of a file without the order's row
    };
    rows[0].source = rows[1].source = rows[2].source = 2;
    rows[3].source = rows[4].source = 1;
    rows[5].source = rows[6].source = 2;
    rows[7].source = 3;
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->left_out[LEFT_OUT_DUPLICATE], 2);
    assert_int_equal(d->n_orders, 2);
    assert_int_equal(d->n_items, 2);
    assert_int_equal(d->n_customers, 1);
    assert_int_equal(d->n_lines, 3);
    dataset_destroy(d);
}

static void an_upload_without_prices_is_fine(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1", .created_at = DATE_UNKNOWN, .currency = STR("GBP")),
        LINE("1", .name = STR("Bread"), .unit_price_e4 = AMOUNT_UNKNOWN),
        LINE("1", .name = STR("Jam"), .unit_price_e4 = AMOUNT_UNKNOWN),
        LINE("1", .name = STR("NONE"), .unit_price_e4 = AMOUNT_UNKNOWN),
    };
    struct dataset *d = BUILD(rows);
    assert_false(d->has_prices || d->has_dates || d->has_customers || d->has_catalog || d->has_stock || d->has_costs);
    assert_text_equal(str_of(d->currency), "");
    assert_int_equal(d->n_lines, 2);
    assert_int_equal(d->as_of, DATE_UNKNOWN);
    assert_int_equal(d->items[0].price_minor, MONEY_UNKNOWN);
    assert_int_equal(d->median_price_minor, MONEY_UNKNOWN);
    dataset_destroy(d);
}

static void prices_without_a_currency_are_of_none(void **state)
{
    (void)state;
    const struct sample_row rows[] = {ORDER("1", .currency = STR("???")), LINE("1", .sku = STR("A"))};
    struct dataset *d = BUILD(rows);
    assert_text_equal(str_of(d->currency), "XXX");
    assert_int_equal(d->decimals, 2);
    assert_int_equal(d->items[0].price_minor, 1000);
    dataset_destroy(d);
}

static void the_most_frequent_currency_wins(void **state)
{
    (void)state;
    const struct sample_row tie[] = {ORDER("1", .currency = STR("USD")), ORDER("2", .currency = STR("JPY")),
                                     LINE("1", .sku = STR("A")), LINE("2", .sku = STR("A"))};
    struct dataset *d = BUILD(tie);
    assert_text_equal(str_of(d->currency), "JPY");
    assert_int_equal(d->items[0].price_minor, 10);
    assert_int_equal(d->left_out[LEFT_OUT_CURRENCY], 1);
    dataset_destroy(d);
}

static void an_empty_upload_has_no_orders(void **state)
{
    (void)state;
    struct dataset *d = sample_build(NULL, 0);
    assert_int_equal(d->n_orders, 0);
    assert_int_equal(d->n_items, 0);
    dataset_destroy(d);
}

static void lines_find_their_variant(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        CATALOG("v1", .product_id = STR("p1"), .product_title = STR("Mug"), .variant_title = STR("Blue"),
                .sku = STR("M-B"), .price_e4 = 90000),
        CATALOG("v2", .product_id = STR("p1"), .product_title = STR("Mug"), .variant_title = STR("Red"),
                .sku = STR("DUP"), .price_e4 = 90000),
        CATALOG("v3", .product_id = STR("p2"), .product_title = STR("Pot"), .variant_title = STR("Default Title"),
                .sku = STR("DUP"), .price_e4 = 90000),
        CATALOG("v4", .product_title = STR("Unsold"), .price_e4 = 50000, .product_status = STR("draft")),
        ORDER("1"),
        ORDER("2"),
        ORDER("3"),
        ORDER("4"),
        ORDER("5"),
        ORDER("6"),
        ORDER("7"),
        LINE("1", .variant_id = STR("v1"), .sku = STR("DUP")),                         // by id
        LINE("2", .sku = STR("M-B"), .unit_price_e4 = AMOUNT_UNKNOWN),                 // by SKU, catalogue's price
        LINE("3", .variant_id = STR("old"), .sku = STR("M-B")),                        // an id that is gone: by SKU
        LINE("4", .sku = STR("DUP"), .name = STR("Mug"), .variant_title = STR("Red")), // SKU of two: by titles
        LINE("5", .name = STR("Mug - Red")),                                           // titles in one
        LINE("6", .sku = STR("DUP"), .name = STR("Pot")),
        LINE("7", .sku = STR("DUP"), .name = STR("Strange")), // of neither: its own product
    };
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->n_items, 5);
    assert_int_equal(sample_item(d, "v1")->orders, 3);
    assert_int_equal(sample_item(d, "v2")->orders, 2);
    assert_int_equal(sample_item(d, "v3")->orders, 1);
    assert_int_equal(sample_item(d, "v4")->orders, 0);
    assert_int_equal(sample_item(d, "v4")->flags, ITEM_INACTIVE | ITEM_IN_CATALOG | ITEM_MARGIN_ESTIMATED);
    assert_int_equal(sample_item(d, "DUP")->orders, 1);
    assert_text_equal(sample_item(d, "DUP")->title, "Strange");
    assert_int_equal(sample_item(d, "v1")->product, sample_item(d, "v2")->product);
    assert_true(sample_item(d, "v1")->product != sample_item(d, "v3")->product);
    assert_text_equal(sample_item(d, "v3")->variant_title, "");
    dataset_destroy(d);
}

static void a_variant_known_from_lines_is_found_by_its_sku(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1"),
        ORDER("2"),
        ORDER("3"),
        LINE("1", .variant_id = STR("v1"), .sku = STR("A"), .name = STR("Mug")),
        LINE("2", .sku = STR("A"), .name = STR("Old mug")),
        LINE("3", .name = STR("Mug")),
    };
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->n_items, 1);
    assert_text_equal(d->items[0].variant_id, "v1");
    assert_text_equal(d->items[0].sku, "A");
    assert_text_equal(d->items[0].title, "Mug");
    assert_int_equal(d->items[0].orders, 3);
    dataset_destroy(d);
}

static void variants_and_catalogue_rows_are_one_item(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        CATALOG("v1", .product_id = STR("p1"), .product_title = STR("Mug"), .product_type = STR("Mugs"),
                .vendor = STR("Acme"), .tags = STR("blue, christmas"), .price_e4 = 90000, .cost_e4 = 10000,
                .available_total = 99),
        VARIANT("v1", .sku = STR("M"), .inventory_item_id = STR("i1"), .price_e4 = 80000, .compare_at_e4 = 100000,
                .cost_e4 = 40000),
        INVENTORY("i1", .location_id = STR("x"), .available = 5, .updated_at = T0),
        INVENTORY("i1", .location_id = STR("x"), .available = 7, .updated_at = T0 + 1), // newer
        INVENTORY("i1", .location_id = STR("y"), .available = -2),
        CATALOG("v2", .product_title = STR("Pot"), .available_total = 3, .inventory_item_id = STR("i2")),
        VARIANT("", .sku = STR("M"), .price_e4 = 70000), // no id, a SKU of one variant: the same item
        CATALOG("", .product_title = STR("Tray"), .variant_title = STR("Oak")),
        CATALOG("", .product_title = STR("Shipping")),
        CATALOG("", .product_title = STR("Gift card"), .price_e4 = 250000),
    };
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->n_items, 4);
    const struct item *i = sample_item(d, "v1");
    assert_int_equal(i->price_minor, 800);
    assert_int_equal(i->compare_at_minor, 1000);
    assert_int_equal(i->cost_minor, 400);
    assert_int_equal(i->stock, 5);
    assert_text_equal(i->title, "Mug");
    assert_text_equal(i->type, "Mugs");
    assert_text_equal(d->types[i->type_id], "Mugs");
    assert_text_equal(i->vendor, "Acme");
    assert_int_equal(i->flags & ITEM_SEASONAL, ITEM_SEASONAL);
    assert_int_equal(sample_item(d, "v2")->stock, 3);
    assert_int_equal(sample_item(d, "Tray - Oak")->stock, STOCK_UNKNOWN);
    assert_int_equal(sample_item(d, "Gift card")->flags & ITEM_GIFT_CARD, ITEM_GIFT_CARD);
    assert_true(d->has_catalog && d->has_costs && d->has_stock && d->has_prices);
    dataset_destroy(d);
}

static void a_sku_of_several_catalogue_titles_names_none(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        CATALOG("", .product_title = STR("Mug"), .sku = STR("S"), .price_e4 = 10000),
        CATALOG("", .product_title = STR("Pot"), .sku = STR("S"), .price_e4 = 20000),
        CATALOG("", .product_title = STR("Cup"), .sku = STR("T"), .price_e4 = 30000),
    };
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->n_items, 3);
    assert_int_equal(sample_item(d, "Mug")->price_minor, 100);
    assert_int_equal(sample_item(d, "Pot")->price_minor, 200);
    assert_int_equal(sample_item(d, "T")->price_minor, 300);
    dataset_destroy(d);
}

static void a_catalogued_product_may_have_a_service_code(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        CATALOG("v1", .product_title = STR("Shirt M"), .sku = STR("M")),
        ORDER("1"),
        LINE("1", .sku = STR("M"), .name = STR("Manual")),
    };
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->n_lines, 1);
    assert_int_equal(d->left_out[LEFT_OUT_SERVICE], 0);
    dataset_destroy(d);
}

static void the_most_frequent_name_is_the_title(void **state)
{
    (void)state;
    const struct sample_row rows[] = {
        ORDER("1"),
        LINE("1", .sku = STR("A"), .name = STR("Zebra"), .brand = STR("Acme")),
        ORDER("2"),
        LINE("2", .sku = STR("A"), .name = STR("Mug"), .category = STR("Mugs")),
        ORDER("3"),
        LINE("3", .sku = STR("A"), .name = STR("Mug")),
        ORDER("4"),
        LINE("4", .sku = STR("B"), .name = STR("Yak")),
        LINE("4", .sku = STR("B"), .name = STR("Ape")),
        ORDER("5"),
        LINE("5", .sku = STR("C")),
        LINE("5", .sku = STR("A"), .name = STR("damaged"), .unit_price_e4 = 0),
        LINE("4", .sku = STR("A"), .name = STR("damaged"), .unit_price_e4 = 0),
        LINE("3", .sku = STR("A"), .name = STR("damaged"), .unit_price_e4 = 0),
    };
    struct dataset *d = BUILD(rows);
    assert_text_equal(sample_item(d, "A")->title, "Mug");
    assert_text_equal(sample_item(d, "A")->type, "Mugs");
    assert_text_equal(sample_item(d, "A")->vendor, "Acme");
    assert_text_equal(sample_item(d, "B")->title, "Ape");
    assert_text_equal(sample_item(d, "C")->title, "C");
    dataset_destroy(d);
}

static void letters_case_of_skus_matters_only_when_told(void **state)
{
    (void)state;
    const struct sample_row rows[] = {ORDER("1"), LINE("1", .sku = STR("85123a"), .name = STR("Holder")),
                                      LINE("1", .sku = STR("85123A"), .name = STR("Holder"))};
    struct enrich_rules rules = ENRICH_RULES_DEFAULT;
    struct dataset *d = BUILD(rows);
    assert_int_equal(d->n_items, 1);
    assert_text_equal(d->items[0].variant_id, "85123A");
    dataset_destroy(d);
    rules.ignores_sku_case = false;
    d = sample_build_with(&rules, rows, sizeof rows / sizeof rows[0]);
    assert_int_equal(d->n_items, 2);
    dataset_destroy(d);
}

static void limits_name_themselves(void **state)
{
    (void)state;
    const struct sample_row line = LINE("1", .sku = STR("A"));
    struct enrich_rules rules = ENRICH_RULES_DEFAULT;
    struct err e;
    rules.lines_max = 1;
    struct builder *b = builder_create(&rules);
    assert_true(builder_add(b, &line.row, 0, &e));
    assert_false(builder_add(b, &line.row, 0, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_non_null(strstr(e.message, "job.lines_max"));
    assert_false(builder_add(b, &line.row, 1 << 20, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    builder_destroy(b);
    rules.lines_max = 2000000;
    rules.memory_max_bytes = 1 << 20;
    b = builder_create(&rules);
    bool is_in = true;
    for (unsigned i = 0; i < 1000000 && is_in; i++)
        is_in = builder_add(b, &line.row, 0, &e);
    assert_false(is_in);
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_non_null(strstr(e.message, "job.memory_mb"));
    builder_destroy(b);
}

// Source 0 is the newest file.
static void the_newest_file_says_what_a_product_costs(void **state)
{
    (void)state;
    struct sample_row rows[] = {
        CATALOG("v", .product_title = STR("Old name"), .price_e4 = 90000),
        CATALOG("v", .product_title = STR("New name"), .price_e4 = 80000),
        INVENTORY("i", .available = 3),
        INVENTORY("i", .available = 8),
        VARIANT("v", .inventory_item_id = STR("i")),
        ORDER("1"),
        LINE("1", .variant_id = STR("v")),
    };
    rows[0].source = rows[2].source = 1;
    struct dataset *d = BUILD(rows);
    assert_text_equal(sample_item(d, "v")->title, "New name");
    assert_int_equal(sample_item(d, "v")->price_minor, 800);
    assert_int_equal(sample_item(d, "v")->stock, 8);
    dataset_destroy(d);
}

static void display_names_carry_the_variant(void **state)
{
    (void)state;
    struct arena memory;
    struct item i = {.title = STR("Blue Mug"), .variant_title = STR("large")};
    arena_init(&memory, 0);
    assert_text_equal(item_display_name(&i, &memory), "Blue Mug, large");
    i.variant_title = STR("");
    assert_text_equal(item_display_name(&i, &memory), "Blue Mug");
    arena_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_sorted_baskets),
        cmocka_unit_test(every_left_out_line_is_counted_by_reason),
        cmocka_unit_test(an_order_of_two_files_counts_once),
        cmocka_unit_test(an_upload_without_prices_is_fine),
        cmocka_unit_test(prices_without_a_currency_are_of_none),
        cmocka_unit_test(the_most_frequent_currency_wins),
        cmocka_unit_test(an_empty_upload_has_no_orders),
        cmocka_unit_test(lines_find_their_variant),
        cmocka_unit_test(a_variant_known_from_lines_is_found_by_its_sku),
        cmocka_unit_test(variants_and_catalogue_rows_are_one_item),
        cmocka_unit_test(a_sku_of_several_catalogue_titles_names_none),
        cmocka_unit_test(a_catalogued_product_may_have_a_service_code),
        cmocka_unit_test(the_most_frequent_name_is_the_title),
        cmocka_unit_test(letters_case_of_skus_matters_only_when_told),
        cmocka_unit_test(limits_name_themselves),
        cmocka_unit_test(the_newest_file_says_what_a_product_costs),
        cmocka_unit_test(display_names_carry_the_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
