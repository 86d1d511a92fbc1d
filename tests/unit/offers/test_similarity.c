#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/offers/similarity.h"

static bool is_other_size(const char *a, const char *b)
{
    struct title_words words[2] = {title_words_of(str_of(a)), title_words_of(str_of(b))};
    struct market m = {.words = words};
    assert_true(is_same_product_in_another_size(&m, 0, 1) == is_same_product_in_another_size(&m, 1, 0));
    return is_same_product_in_another_size(&m, 0, 1);
}

// Titles of shops: the first of each pair and the second are one product.
static void sizes_of_one_product_are_told(void **state)
{
    (void)state;
    static const char *const SAME[][2] = {
        {"LARGE WHITE HEART OF WICKER", "SMALL WHITE HEART OF WICKER"},
        {"HEART OF WICKER LARGE", "HEART OF WICKER SMALL"},
        {"VICTORIAN SEWING BOX MEDIUM", "VICTORIAN SEWING BOX SMALL"},
        {"BAG 125g SWIRLY MARBLES", "BAG 500g SWIRLY MARBLES"},
        {"BLACK CHRISTMAS TREE 120CM", "BLACK CHRISTMAS TREE 60CM"},
        {"POLYESTER FILLER PAD 40x40cm", "POLYESTER FILLER PAD 60x40cm"},
        {"SET 12 COLOUR PENCILS SPACEBOY", "SET 36 COLOUR PENCILS SPACEBOY"},
        {"SET OF 3 CAKE TINS", "SET OF 6 CAKE TINS"},
        {"S/4 VALENTINE DECOUPAGE HEART BOX", "SET 6 VALENTINE DECOUPAGE HEART BOX"},
        {"60 CAKE CASES VINTAGE CHRISTMAS", "72 CAKE CASES VINTAGE CHRISTMAS"},
        {"PICNIC BASKET WICKER 60 PIECES", "PICNIC BASKET WICKER SMALL"},
        {"12 PENCILS SMALL TUBE RED RETROSPOT", "36 PENCILS TUBE RED RETROSPOT"},
        {"POPCORN HOLDER", "Small Popcorn Holder"},
        {"T-Shirt M", "T-Shirt XL"},
        {"Olive Oil, 500 ml", "Olive Oil, 1 l"},
        {"PEGS RETROSPOT PACK 24", "PEGS RETROSPOT"},
        {"METAL SIGN,CUPCAKE SINGLE HOOK", "METAL SIGN CUPCAKE SINGLE HOOK"},
    };
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++)
        if (!is_other_size(SAME[i][0], SAME[i][1]))
            fail_msg("%s / %s", SAME[i][0], SAME[i][1]);
}

static void designs_and_other_products_stay_apart(void **state)
{
    (void)state;
    static const char *const DIFFERENT[][2] = {
        {"PINK REGENCY TEACUP AND SAUCER", "GREEN REGENCY TEACUP AND SAUCER"},
        {"JUMBO BAG RED RETROSPOT", "LUNCH BAG RED RETROSPOT"},
        {"FRENCH BLUE METAL DOOR SIGN 1", "FRENCH BLUE METAL DOOR SIGN 2"},
        {"REGENCY CAKESTAND 3 TIER", "SWEETHEART CAKESTAND 3 TIER"},
        {"SET OF 3 CAKE TINS PANTRY DESIGN", "SET OF 6 SPICE TINS PANTRY DESIGN"},
        {"SET/6 RED SPOTTY PAPER CUPS", "SET/6 RED SPOTTY PAPER PLATES"},
        {"MODEL 7up", "MODEL 7x"},
        {"S", "M"},
        {"12", "13"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof DIFFERENT / sizeof DIFFERENT[0]; i++)
        if (is_other_size(DIFFERENT[i][0], DIFFERENT[i][1]))
            fail_msg("%s / %s", DIFFERENT[i][0], DIFFERENT[i][1]);
}

static void titles_share_words(void **state)
{
    (void)state;
    struct title_words a = title_words_of(STR("LUNCH BAG RED")), b = title_words_of(STR("Lunch-Bag of Cars"));
    assert_int_equal(a.n, 3);
    assert_int_equal(b.n, 3); // "of" is too short to say anything
    assert_true(title_similarity(&a, &b) == 2.0 / 4.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_one_product_are_told),
        cmocka_unit_test(designs_and_other_products_stay_apart),
        cmocka_unit_test(titles_share_words),
    };
    return cmocka_run_group_tests_name("similarity", tests, NULL, NULL);
}
