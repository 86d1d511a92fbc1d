#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/unit/offers/shop.h"
#include "worker/copy/check.h"
#include "worker/copy/template.h"
#include "worker/copy/template_words.h"
#include "worker/offers/phrase.h"

static void cutting(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    phrase_put_cut(&out, STR("Blue Mug"), 8);
    assert_string_equal(out.data, "Blue Mug");
    buf_clear(&out);
    phrase_put_cut(&out, STR("Blue Mug and Saucer"), 12);
    assert_string_equal(out.data, "Blue Mug\xe2\x80\xa6");
    buf_clear(&out);
    phrase_put_cut(&out, STR("\xf0\x9f\x8e\x81\xf0\x9f\x8e\x81\xf0\x9f\x8e\x81\xf0\x9f\x8e\x81"), 3); // 4 presents
    assert_string_equal(out.data, "\xf0\x9f\x8e\x81\xf0\x9f\x8e\x81\xe2\x80\xa6");
    assert_int_equal(phrase_length(buf_str(&out)), 3);
    buf_fini(&out);
}

static void numbers(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    phrase_count(&out, 1234567);
    buf_putc(&out, ' ');
    phrase_count(&out, 999);
    buf_putc(&out, ' ');
    phrase_percent(&out, 1250);
    buf_putc(&out, ' ');
    phrase_percent(&out, 1098);
    assert_string_equal(out.data, "1,234,567 999 12.5% 11%");
    buf_fini(&out);
}

static void assert_length(const json_t *copy, const char *key, size_t max)
{
    const char *text = json_string_value(json_object_get(copy, key));
    assert_non_null(text);
    assert_in_range(phrase_length(str_of(text)), 5, max);
}

static struct copy_text text_of(const json_t *copy)
{
    struct copy_text t = {.title = str_of(json_string_value(json_object_get(copy, "title"))),
                          .description = str_of(json_string_value(json_object_get(copy, "description"))),
                          .value_proposition = str_of(json_string_value(json_object_get(copy, "value_proposition")))};
    const json_t *features = json_object_get(copy, "features"), *benefits = json_object_get(copy, "benefits");
    for (; t.n_features < json_array_size(features) && t.n_features < COPY_LINES_MAX; t.n_features++)
        t.features[t.n_features] = str_of(json_string_value(json_array_get(features, t.n_features)));
    for (; t.n_benefits < json_array_size(benefits); t.n_benefits++)
        t.benefits[t.n_benefits] = str_of(json_string_value(json_array_get(benefits, t.n_benefits)));
    return t;
}

// What is asked of a model's copy holds for ours; the saving of a "buy X get Y" alone is a figure that no brief has.
static void check_as_models(struct shop *s, const struct bundle *b, const json_t *copy, struct str locale)
{
    struct copy_text t = text_of(copy);
    struct brief brief;
    const struct brief *const one = &brief;
    const char *kind = "";
    char reason[CHECK_REASON_MAX] = "";
    if (b->type == TYPE_BXGY)
        t.value_proposition = STR("(saving)");
    brief_make(&s->market, b, STR("m"), locale, &s->memory, &brief);
    struct checker *c = checker_create(locale, NULL, &one, 1);
    if (!copy_check(c, 0, &t, &kind, reason))
        fail_msg("%s: %s: %s", brief.facts.ptr, kind, reason);
    checker_destroy(c);
}

static json_t *copy_of(const struct shop *s, const struct bundle *b, struct str locale)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    template_copy(&s->market, b, locale, &out);
    json_t *copy = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(copy);
    buf_fini(&out);
    return copy;
}

static bool is_strict; // names are such as a model's copy may hold

static void check_copy_in(struct shop *s, const struct bundle *b, struct str locale)
{
    json_t *copy = copy_of(s, b, locale);
    assert_int_equal(json_object_size(copy), 6);
    assert_length(copy, "title", 60);
    assert_length(copy, "description", 200);
    assert_length(copy, "value_proposition", 150);
    assert_in_range(json_array_size(json_object_get(copy, "features")), b->n_parts, b->n_parts + TIERS_MAX);
    assert_in_range(json_array_size(json_object_get(copy, "benefits")), 1, 2);
    assert_string_equal(json_string_value(json_object_get(copy, "source")), "template");
    if (is_strict)
        check_as_models(s, b, copy, locale);
    json_decref(copy);
}

static void check_copy(struct shop *s, const struct bundle *b)
{
    for (size_t i = 0; i < N_TEMPLATE_WORDS; i++)
        check_copy_in(s, b, str_of(TEMPLATE_WORDS[i].language));
}

static void check_all(struct shop *s, unsigned at_least)
{
    unsigned n = 0;
    for (enum objective o = 0; o < OBJECTIVE_COUNT; o++) {
        for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
            struct bundle_list list;
            struct err e;
            assert_true(offers_for_pair(&s->market, &OFFER_RULES_DEFAULT, o, t, &s->memory, NULL, &list, NULL, &e));
            for (uint32_t i = 0; i < list.n; i++, n++)
                check_copy(s, &list.bundles[i]);
        }
    }
    assert_true(n >= at_least);
}

static void lengths_hold_for_every_kind(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    is_strict = true;
    check_all(&s, 40);
    is_strict = false;
    shop_close(&s);
}

static void every_language_has_every_word(void **state)
{
    (void)state;
    for (size_t l = 0; l < N_TEMPLATE_WORDS; l++) {
        const struct template_words *w = &TEMPLATE_WORDS[l];
        assert_true(w->and[0] && w->or [0]);
        for (size_t i = 0; i < TEMPLATE_SENTENCES; i++)
            assert_non_null(w->sentences[i]);
        for (size_t o = 0; o < OBJECTIVE_COUNT; o++) {
            assert_non_null(w->prefixes[o]);
            assert_true(w->openings[o].together[0] && w->openings[o].alone[0]);
            assert_true(w->benefits[o].together[0] && w->benefits[o].alone[0]);
        }
    }
    assert_string_equal(template_words_of(STR("de-AT"))->language, "de");
    assert_string_equal(template_words_of(STR("it"))->language, "en");
    assert_string_equal(template_words_of(STR(""))->language, "en");
}

// ---- texts, as a shopper reads them ----

static void assert_says(const struct shop *s, const struct bundle *b, const char *locale, const char *const expected[3])
{
    static const char *const KEYS[] = {"title", "description", "value_proposition"};
    json_t *copy = copy_of(s, b, str_of(locale));
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(json_string_value(json_object_get(copy, KEYS[i])), expected[i]);
    json_decref(copy);
}

#define SAYS(b, locale, ...) assert_says(&s, b, locale, (const char *const[3]){__VA_ARGS__})

static void open_mugs(struct shop *s)
{
    static const char *const SIZES[] = {"small", "medium", "large"};
    static const char *const VARIANTS[] = {"s", "m", "l"};
    shop_open(s);
    shop_product(s, (struct shop_product){.variant = "tea", .title = "Green Tea", .price = 1000, .stock = -1});
    shop_product(s, (struct shop_product){.variant = "pot", .title = "Glass Teapot", .price = 3000, .stock = -1});
    shop_product(
        s, (struct shop_product){
               .variant = "set", .title = "Hand-Painted Porcelain Tray With Handles", .price = 2000, .stock = -1});
    for (int i = 0; i < 3; i++)
        shop_product(s, (struct shop_product){.variant = VARIANTS[i],
                                              .product = "mug",
                                              .title = "Mug",
                                              .variant_title = SIZES[i],
                                              .price = 800,
                                              .stock = -1});
    for (int i = 0; i < 12; i++)
        shop_order(s, i, "x", "tea pot set s m l");
    shop_ready(s);
}

static struct bundle bundle_of(const struct shop *s, enum bundle_type type, enum objective o, unsigned n,
                               const char *const *variants)
{
    struct bundle b = {.type = type, .objective = o, .n_parts = n};
    for (unsigned i = 0; i < n; i++) {
        uint32_t item = shop_item(s, variants[i]);
        enum part_role role = type == TYPE_BXGY ? (i ? ROLE_REWARD : ROLE_QUALIFIER) : ROLE_PART;
        b.parts[i] = (struct part){item, 1, role, s->data->items[item].price_minor, 0};
    }
    b.pricing =
        (struct pricing){.original_minor = 4000, .bundle_minor = 3500, .discount_minor = 500, .discount_bp = 1250};
    return b;
}

static void sets_and_kits_read_well(void **state)
{
    (void)state;
    static const char *const PARTS[] = {"pot", "tea", "set"};
    struct shop s;
    open_mugs(&s);
    struct bundle b = bundle_of(&s, TYPE_FBT, OBJECTIVE_INCREASE_AOV, 3, PARTS);
    b.n_parts = 2;
    SAYS(&b, "en", "Glass Teapot + Green Tea", "Everything in one order. Together £35.00 instead of £40.00.",
         "You save £5.00 (12.5%) compared with buying one by one.");
    SAYS(&b, "de", "Glass Teapot + Green Tea", "Alles in einer Bestellung. Zusammen £35.00 statt £40.00.",
         "Sie sparen £5.00 (12.5%) gegenüber dem Einzelkauf.");
    b.n_parts = 3;
    SAYS(&b, "en", "Glass Teapot + 2 more",
         "Everything in one order. Together £35.00 instead of £40.00: Glass Teapot, Green Tea and Hand-Painted "
         "Porcelain "
         "Tray With Handles.",
         "You save £5.00 (12.5%) compared with buying one by one.");
    b.type = TYPE_FIXED;
    b.objective = OBJECTIVE_GIFT_BOX;
    SAYS(&b, "fr", "Lot de 3 : Glass Teapot + 2 de plus",
         "Un cadeau tout prêt. 3 produits à un seul prix, £35.00 au lieu de £40.00 : Glass Teapot, Green Tea et "
         "Hand-Painted Porcelain Tray With Handles.",
         "Vous économisez £5.00 (12.5%) par rapport à l'achat séparé.");
    b.type = TYPE_FBT;
    b.objective = OBJECTIVE_NEW_LAUNCH;
    b.n_parts = 2;
    b.pricing.discount_bp = 0;
    SAYS(&b, "es", "Nuevo: Glass Teapot + Green Tea", "Algo nuevo por descubrir. Juntos £35.00.",
         "Un solo pedido para lo que va junto.");
    b.pricing.original_minor = MONEY_UNKNOWN;
    b.pricing.discount_bp = 1000;
    SAYS(&b, "en", "New: Glass Teapot + Green Tea", "Something new to discover. 10% off when you take them together.",
         "You save 10% compared with buying one by one.");
    shop_close(&s);
}

static void choices_and_steps_read_well(void **state)
{
    (void)state;
    static const char *const MUGS[] = {"s", "m", "l"}, *const PARTS[] = {"pot", "tea"};
    struct shop s;
    open_mugs(&s);
    struct bundle b = bundle_of(&s, TYPE_MIX_MATCH, OBJECTIVE_CLEAR_SLOW_MOVERS, 3, MUGS);
    b.pricing.pick_n = 2;
    SAYS(&b, "en", "Mug: any 2 of 3",
         "A good occasion to try something different. Choose any 2 of 3: small, medium or large.",
         "12.5% off the ones you choose.");
    b = bundle_of(&s, TYPE_BXGY, OBJECTIVE_MARGIN_GUARD, 2, PARTS);
    b.pricing.get_discount_bp = 10000;
    SAYS(&b, "en", "Glass Teapot + Green Tea free", "Chosen to go together. Buy Glass Teapot and get Green Tea free.",
         "You save £5.00 (12.5%) compared with buying one by one.");
    b.pricing.get_discount_bp = 5000;
    b.pricing.original_minor = MONEY_UNKNOWN;
    SAYS(&b, "de", "Glass Teapot + Green Tea mit 50% Rabatt",
         "Füreinander ausgesucht. Beim Kauf von Glass Teapot gibt es Green Tea mit 50% Rabatt.",
         "50% Rabatt auf das Produkt, das Sie dazu bekommen.");
    b = bundle_of(&s, TYPE_VOLUME, OBJECTIVE_SUBSCRIPTION_PUSH, 1, PARTS + 1);
    b.pricing.n_tiers = 2;
    b.pricing.tiers[0] = (struct tier){2, 500, 950};
    b.pricing.tiers[1] = (struct tier){4, 1000, 900};
    SAYS(&b, "en", "Green Tea: more for less", "A supply that lasts longer. 5% off from 2; 10% off from 4.",
         "From 4 on, each costs £9.00 instead of £10.00.");
    shop_close(&s);
}

static void long_and_wide_titles(void **state)
{
    (void)state;
    static const char GIFT[] = "\xf0\x9f\x8e\x81"; // 4 bytes
    char wide[4 * 90 + 8], words[300];
    struct shop s;
    for (int i = 0; i < 90; i++)
        memcpy(wide + 4 * i, GIFT, 4);
    wide[4 * 90] = '\0';
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    for (size_t i = 9; i + 1 < sizeof words; i += 10)
        words[i] = ' ';
    shop_open(&s);
    shop_product(&s, (struct shop_product){.variant = "a", .title = wide, .type = "A", .price = 1500, .stock = -1});
    shop_product(&s, (struct shop_product){.variant = "b", .title = words, .type = "B", .price = 1200, .stock = -1});
    shop_product(&s,
                 (struct shop_product){.variant = "c", .title = "\"C\"\n<b>", .type = "C", .price = 1100, .stock = -1});
    for (int i = 0; i < 12; i++)
        shop_order(&s, i, "x", i % 3 ? "a:2 b c" : "a");
    shop_ready(&s);
    check_all(&s, 5);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cutting),
        cmocka_unit_test(numbers),
        cmocka_unit_test(lengths_hold_for_every_kind),
        cmocka_unit_test(every_language_has_every_word),
        cmocka_unit_test(sets_and_kits_read_well),
        cmocka_unit_test(choices_and_steps_read_well),
        cmocka_unit_test(long_and_wide_titles),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
