#include "worker/dataset/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "worker/dataset/dataset.h"

static bool matches(const char *list, enum words_mode mode, const char *name)
{
    struct arena memory;
    struct words w;
    arena_init(&memory, 0);
    words_init(&w, str_of(list), mode, &memory);
    bool is_match = words_match(&w, str_of(name));
    arena_fini(&memory);
    return is_match;
}

static void single_service_words_are_whole_names(void **state)
{
    (void)state;
    assert_true(matches("tip|carriage", WORDS_SERVICE, "Carriage"));
    assert_false(matches("tip|carriage", WORDS_SERVICE, "FRENCH CARRIAGE LANTERN"));
    assert_true(matches("tip|~postage", WORDS_SERVICE, "Postage (UK)"));
    assert_false(matches("~postage", WORDS_SERVICE, "Postages"));
}

static void service_phrases_stand_anywhere(void **state)
{
    (void)state;
    assert_true(matches(" bank charges |", WORDS_SERVICE, "BANK CHARGES, May"));
    assert_false(matches("bank charges", WORDS_SERVICE, "Bank chargesheet"));
    assert_false(matches("", WORDS_SERVICE, ""));
    assert_false(matches("|~| |", WORDS_SERVICE, "~"));
}

static void season_words_are_whole_words(void **state)
{
    (void)state;
    assert_true(matches("spring", WORDS_SEASONS, "Wreath, SPRING"));
    assert_false(matches("spring", WORDS_SEASONS, "Offspring springs"));
    assert_true(matches("valentine", WORDS_SEASONS, "Valentine's card"));
    assert_false(matches("dot", WORDS_WHOLE, "red dot"));
    assert_true(matches("dot", WORDS_WHOLE, "DOT"));
}

static void gift_cards_are_told_from_gift_card_holders(void **state)
{
    (void)state;
    static const char *const CARDS[] = {"Gift Card",
                                        "gift cards",
                                        "$25 Gift Voucher",
                                        "Gift card - Birthday",
                                        "Gift Card USD 25",
                                        "Dotcomgiftshop Gift Voucher £20.00",
                                        "E-Gift Card (digital)"};
    static const char *const PRODUCTS[] = {"Gift Card Holder", "Thegift card", "Gift box", "gift cardigan", "Card", ""};
    for (size_t i = 0; i < sizeof CARDS / sizeof CARDS[0]; i++)
        assert_true(words_are_gift_card(str_of(CARDS[i])));
    for (size_t i = 0; i < sizeof PRODUCTS / sizeof PRODUCTS[0]; i++)
        assert_false(words_are_gift_card(str_of(PRODUCTS[i])));
    assert_true(words_are_gift_card_type(STR("Gift Cards")));
    assert_false(words_are_gift_card_type(STR("Gifts")));
}

static void the_default_list_keeps_products(void **state)
{
    (void)state;
    const char *list = ENRICH_RULES_DEFAULT.service_words.ptr;
    static const char *const SERVICES[] = {"POSTAGE",         "Dotcom Postage", "Shipping",         "Next Day Carriage",
                                           "PACKING CHARGE",  "Manual",         "Carrier bag",      "NONE",
                                           "Adjust bad debt", "Discount",       "Express delivery", "Tip"};
    static const char *const PRODUCTS[] = {"French carriage lantern", "Shipping labels, 100", "Discount card holder",
                                           "Manual coffee grinder",   "Sample tube rack",     "Tip jar",
                                           "Vintage postage stamp",   "Carrier bagpipe"};
    for (size_t i = 0; i < sizeof SERVICES / sizeof SERVICES[0]; i++)
        if (!matches(list, WORDS_SERVICE, SERVICES[i]))
            fail_msg("%s is a service", SERVICES[i]);
    for (size_t i = 0; i < sizeof PRODUCTS / sizeof PRODUCTS[0]; i++)
        if (matches(list, WORDS_SERVICE, PRODUCTS[i]))
            fail_msg("%s is a product", PRODUCTS[i]);
}

static uint32_t seasons(const char *list, const char *name)
{
    struct arena memory;
    struct words w;
    arena_init(&memory, 0);
    words_init(&w, str_of(list), WORDS_SEASONS, &memory);
    uint32_t found = words_seasons(&w, str_of(name));
    arena_fini(&memory);
    return found;
}

static void words_of_one_season_share_its_bit(void **state)
{
    (void)state;
    const char *list = "christmas=xmas| |easter = spring|new year=xmas";
    assert_int_equal(seasons(list, "XMAS STAR"), 1u << 0 | 1u << 2);
    assert_int_equal(seasons(list, "Christmas star"), 1u << 0);
    assert_int_equal(seasons(list, "spring egg for easter"), 1u << 1);
    assert_int_equal(seasons(list, "New Year's Easter"), 1u << 1 | 1u << 2);
    assert_int_equal(seasons(list, "offspring"), 0);
}

static void seasons_past_the_last_bit_share_it(void **state)
{
    (void)state;
    char list[256];
    size_t n = 0;
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "w%d|", i);
    assert_int_equal(seasons(list, "w30"), 1u << 30);
    assert_int_equal(seasons(list, "w31 w39"), 1u << 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_service_words_are_whole_names),
        cmocka_unit_test(service_phrases_stand_anywhere),
        cmocka_unit_test(season_words_are_whole_words),
        cmocka_unit_test(words_of_one_season_share_its_bit),
        cmocka_unit_test(seasons_past_the_last_bit_share_it),
        cmocka_unit_test(gift_cards_are_told_from_gift_card_holders),
        cmocka_unit_test(the_default_list_keeps_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
