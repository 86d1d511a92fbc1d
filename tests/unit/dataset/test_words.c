#include "worker/dataset/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
    assert_true(matches("spring", WORDS_ANYWHERE, "Wreath, SPRING"));
    assert_false(matches("spring", WORDS_ANYWHERE, "Offspring springs"));
    assert_true(matches("valentine", WORDS_ANYWHERE, "Valentine's card"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_service_words_are_whole_names),
        cmocka_unit_test(service_phrases_stand_anywhere),
        cmocka_unit_test(season_words_are_whole_words),
        cmocka_unit_test(gift_cards_are_told_from_gift_card_holders),
        cmocka_unit_test(the_default_list_keeps_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
