#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/check.h"
#include "common/json_out.h"
#include "tests/unit/copy/copy_texts.h"
#include "worker/offers/phrase.h"

static struct brief briefs[TEXT_BUNDLES];
static struct language *language;

static int open_all(void **state)
{
    (void)state;
    struct err e;
    for (size_t i = 0; i < TEXT_BUNDLES; i++)
        briefs[i].facts = str_of(TEXT_FACTS[i]);
    return language_open(&language, &e) ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    language_close(language);
    return 0;
}

// Beside all other bundles of the test, as in one request.
static bool check_beside_all(enum text_bundle bundle, const char *locale, const struct copy_text *t, const char **kind,
                             char reason[CHECK_REASON_MAX])
{
    const struct brief *all[TEXT_BUNDLES];
    for (size_t i = 0; i < TEXT_BUNDLES; i++)
        all[i] = &briefs[i];
    struct checker *c = checker_create(str_of(locale), language, all, TEXT_BUNDLES);
    bool is_fit = copy_check(c, bundle, t, kind, reason);
    checker_destroy(c);
    return is_fit;
}

static void good_copy_passes(void **state)
{
    (void)state;
    unsigned n_refused = 0;
    assert_true(N_GOOD_COPIES >= 40);
    for (size_t i = 0; i < N_GOOD_COPIES; i++) {
        const struct good_copy *g = &GOOD_COPIES[i];
        const struct copy_text t = copy_text_of(g);
        const char *kind = "";
        char reason[CHECK_REASON_MAX] = "";
        if (check_beside_all(g->bundle, g->locale, &t, &kind, reason))
            continue;
        print_message("%s \"%s\": %s: %s\n", g->locale, g->title, kind, reason);
        n_refused++;
    }
    assert_int_equal(n_refused, 0);
}

enum text_part { TITLE, DESCRIPTION, VALUE, FEATURE, BENEFIT };

// Each in place of a part of a good copy, by its number: 0 teapot and tea (en), 5 lunch bags, 3 sencha, 11 cake stand,
// 17 the pan in German, 27 soap in French, 35 candles in Spanish.
static const struct {
    unsigned good;
    enum text_part part;
    const char *text, *kind, *piece;
} BAD[] = {
    {0, TITLE, "", "missing", "the title is empty"},
    {0, TITLE, "  ", "missing", "the title is empty"},
    {0, DESCRIPTION, "", "missing", "the description is empty"},
    {0, VALUE, "...", "missing", "the value proposition is empty"},
    {0, FEATURE, "", "missing", "features"},
    {0, BENEFIT, "-", "missing", "benefits"},
    {0, TITLE, "A Glass Teapot and a Green Tea that belong together for every hour", "length", "66 characters, 60"},
    {0, TITLE,
     "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4 tea tea tea tea tea "
     "tea tea tea tea tea tea tea tea",
     "length", "62 characters, 60"},
    {0, VALUE,
     "Take the teapot and the tea together and you will see that a set like this one is a good way to begin with loose "
     "leaf tea in the afternoon, with all you need.",
     "length", "at most"},
    {0, DESCRIPTION, "Brew <b>Green Tea</b> in your Glass Teapot.", "markup", "HTML"},
    {0, DESCRIPTION, "Brew Green Tea in your Glass Teapot.<br/>", "markup", "HTML"},
    {0, DESCRIPTION, "<!-- Green Tea -->", "markup", "HTML"},
    {0, DESCRIPTION, "Green Tea &amp; Glass Teapot", "markup", "entity"},
    {0, DESCRIPTION, "Green Tea &#38; Glass Teapot", "markup", "entity"},
    {0, DESCRIPTION, "Brew **Green Tea** in the Glass Teapot.", "markup", "markup"},
    {0, DESCRIPTION, "Brew [Green Tea](tea) in the Glass Teapot.", "markup", "markup"},
    {0, FEATURE, "- Glass Teapot", "markup", "markup"},
    {0, FEATURE, "`Glass Teapot`", "markup", "markup"},
    {0, TITLE, "{{title}} tea", "markup", "markup"},
    {0, DESCRIPTION, "Green Tea\nin the Glass Teapot", "markup", "control"},
    {0, DESCRIPTION, "Green Tea\x07 in the Glass Teapot", "markup", "control"},
    {0, DESCRIPTION, "Green \xE2\x80\xAETea", "markup", "invisible"},
    {0, DESCRIPTION,
     "Green T\xE2\x80\x8B"
     "ea",
     "markup", "invisible"},
    {0, TITLE, "Green Tea \xF0\x9F\x8D\xB5", "markup", "picture"},
    {0, TITLE, "\xE2\x9C\xA8 Green Tea", "markup", "picture"},
    {0, DESCRIPTION, "Green \xEF\xBF\xBD Tea", "markup", "broken"},
    {0, DESCRIPTION, "Green Tea, see https://tea.example/x", "link", "https://tea.example/x"},
    {0, DESCRIPTION, "Green Tea, see www.tea-shop.biz", "link", "www.tea-shop.biz"},
    {0, DESCRIPTION, "Green Tea, see evil.example today", "link", "evil.example"},
    {0, DESCRIPTION, "Green Tea at TEASHOP.COM", "link", "TEASHOP.COM"},
    {0, DESCRIPTION, "Green Tea at ｗｗｗ．ｅｖｉｌ．ｃｏｍ", "link", "www.evil.com"},
    {0, DESCRIPTION, "Green Tea at ｅｖｉｌ．ｃｏｍ", "link", "evil.com"},
    {0, DESCRIPTION, "Green Tea at evil。com", "link", "evil.com"},
    {0, DESCRIPTION, "Green Tea at evil｡com now", "link", "evil.com"},
    {0, DESCRIPTION, "Green Tea at 𝐞𝐯𝐢𝐥.𝐜𝐨𝐦", "link", "evil.com"},
    {0, DESCRIPTION, "Green Tea at cheaptea.click", "link", "cheaptea.click"},
    {0, DESCRIPTION, "Green Tea at x.zip", "link", "x.zip"},
    {0, DESCRIPTION, "Green Tea at “evil.com”", "link", "evil.com"},
    {0, DESCRIPTION, "Green Tea at t.me.", "link", "t.me"},
    {0, BENEFIT, "Ask tea＠shop", "link", "tea@shop"},
    {0, BENEFIT, "Ask tea@shop.de", "link", "tea@shop.de"},
    {0, BENEFIT, "Follow @teashop", "link", "@teashop"},
    {0, BENEFIT, "Share it with #teatime", "link", "#teatime"},
    {0, BENEFIT, "Call +44 20 7946 0958", "link", "+44"},
    {0, VALUE, "Both for £45.00.", "price", "£45.00"},
    {0, VALUE, "Both for £ 46.", "price", "£ 46"},
    {0, VALUE, "Both for 46.35 $.", "price", "46.35 $"},
    {0, VALUE, "Both for €46.35.", "price", "€46.35"},
    {0, VALUE, "Save 6 pounds on the pair.", "price", "6 pounds"},
    {0, VALUE, "Only 10 euros for the pair.", "price", "10 euros"},
    {0, VALUE, "Save 15% on the pair.", "percent", "15%"},
    {0, VALUE, "Save 20 percent on the pair.", "percent", "20 percent"},
    {0, VALUE, "Get the pair at half price.", "percent", "half price"},
    {0, BENEFIT, "100% natural", "percent", "100%"},
    {0, VALUE, "Save 51.5% on the pair.", "percent", "51.5%"},
    {0, FEATURE, "Teapot for 6 cups", "number", "6"},
    {0, BENEFIT, "Ready in 3 minutes", "number", "3"},
    {0, BENEFIT, "Arrives within 24 hours", "number", "24"},
    {0, FEATURE, "Tea, 250g", "number", "250"},
    {0, VALUE, "Both at ½ price.", "number", "½"},
    {0, VALUE, "The pair at ⅓ off.", "number", "⅓"},
    {0, VALUE, "The pair at ⁵⁰% off.", "number", "⁵"},
    {0, VALUE, "Fifty percent off the pair.", "percent", "percent"},
    {0, VALUE, "Fifty per cent off the pair.", "percent", "per cent"},
    {0, VALUE, "Fifty % off, not 10%.", "percent", "%"},
    {0, VALUE, "௫௦% off the pair.", "percent", "50%"},
    {0, VALUE, "𞥕𞥐% off the pair.", "percent", "%"},
    {0, VALUE, "Both for a few €.", "price", "€"},
    {0, VALUE, "Both for ￡five.", "price", "￡"},
    {0, VALUE, "Both for five pounds.", "price", "pounds"},
    {0, VALUE, "Save forty-five Euros on the pair, or 10%.", "price", "euros"},
    {0, VALUE, "Only a few dollars more.", "price", "dollars"},
    {0, VALUE, "The pair at a third off.", "percent", "third off"},
    {0, VALUE, "Two thirds off the pair.", "percent", "thirds off"},
    {0, VALUE, "A quarter off, if you take both.", "percent", "quarter off"},
    {0, VALUE, "Both at half the price.", "percent", "half the price"},
    {17, VALUE, "Fünfzig Prozent auf das Set.", "percent", "prozent"},
    {17, VALUE, "Im Set für 49,- € statt 66,80 €.", "price", "49"},
    {17, VALUE, "Sie sparen fünf Euro.", "price", "euro"},
    {17, VALUE, "Im Set ein Drittel günstiger.", "percent", "drittel gunstiger"},
    {17, VALUE, "Im Set ein Viertel billiger.", "percent", "viertel billiger"},
    {27, VALUE, "Les trois pour vingt euros.", "price", "euros"},
    {27, VALUE, "Un tiers de remise sur le coffret.", "percent", "tiers de remise"},
    {27, VALUE, "Le coffret à moitié prix.", "percent", "moitie prix"},
    {35, VALUE, "Las dos velas por veinte euros.", "price", "euros"},
    {35, VALUE, "Un tercio de descuento en dos velas.", "percent", "tercio de descuento"},
    {35, VALUE, "Dos velas a mitad de precio.", "percent", "mitad de precio"},
    {0, FEATURE, "Green Tea x9", "number", "9"},
    {0, FEATURE, "Green Tea B12 999", "number", "999"},
    {0, FEATURE, "Green Tea B12", "product", "B12"},
    {3, VALUE, "10% off from 3 packs.", "number", "3"},
    {3, VALUE, "15% off from 4 packs.", "percent", "15%"},
    {5, VALUE, "Choose 5 designs and get 15% off.", "number", "5"},
    {0, DESCRIPTION, "Green Tea for your Glass Teapot, as good as any Yoga Mat.", "product", "yoga mat"},
    {0, BENEFIT, "Goes with Lunch Bag Woodland", "product", "lunch bag"},
    {0, BENEFIT, "Also try our Sencha, 100 g", "number", "100"},
    {0, BENEFIT, "Also try our Medialuna", "product", "medialuna"},
    {5, BENEFIT, "Room for a pink regency teacup", "product", "regency"},
    {0, FEATURE, "TeaMaster filter", "product", "TeaMaster"},
    {0, FEATURE, "Fits the T500 brewer", "product", "T500"},
    {0, BENEFIT, "Charge your iPhone", "product", "iPhone"},
    {0, VALUE, "The tea is free with the pot.", "claim", "free"},
    {0, VALUE, "Buy one get one.", "claim", "buy one get one"},
    {0, BENEFIT, "Satisfaction guaranteed", "claim", "guaranteed"},
    {0, FEATURE, "Certified leaves", "claim", "certified"},
    {0, FEATURE, "Organic green tea", "claim", "organic"},
    {0, TITLE, "Our bestseller: Green Tea", "claim", "bestseller"},
    {0, TITLE, "Award-winning Green Tea", "claim", "award"},
    {0, TITLE, "The no 1 Green Tea", "claim", "no 1"},
    {0, TITLE, "The #1 Green Tea", "claim", "#1"},
    {0, BENEFIT, "Clinically tested", "claim", "clinically"},
    {0, VALUE, "For a limited time only.", "claim", "limited time"},
    {0, VALUE, "Hurry while stocks last.", "claim", "hurry"},
    {0, BENEFIT, "Free shipping", "claim", "free shipping"},
    {0, BENEFIT, "Detoxes your body", "claim", "detox"},
    {5, BENEFIT, "Helps us with slow movers", "claim", "slow movers"},
    {17, VALUE, "Im Set für 49,90 € statt 66,80 €, gratis Versand.", "claim", "gratis"},
    {17, VALUE, "Im Set für 58,90 € statt 66,80 €.", "price", "58,90 €"},
    {17, VALUE, "20 % Rabatt auf das Set.", "percent", "20 %"},
    {17, VALUE, "Zum halben Preis im Set.", "percent", "halben preis"},
    {17, BENEFIT, "Mit Garantie", "claim", "garantie"},
    {17, BENEFIT, "Nur solange der Vorrat reicht", "claim", "nur solange"},
    {17, BENEFIT, "Der Bestseller für die Küche", "claim", "bestseller"},
    {17, BENEFIT, "Nachhaltig hergestellt", "claim", "nachhaltig"},
    {27, BENEFIT, "Huile biologique certifiée", "claim", "biologique"},
    {27, VALUE, "Les trois pour 19,90 € au lieu de 29,30 €.", "price", "19,90 €"},
    {27, BENEFIT, "Livraison gratuite", "claim", "livraison gratuite"},
    {27, BENEFIT, "Édition limitée", "claim", "edition limitee"},
    {35, VALUE, "Llévate 2 velas y ahorra un 30 %.", "percent", "30 %"},
    {35, BENEFIT, "Envío gratis", "claim", "envio gratis"},
    {35, BENEFIT, "Las velas más vendidas", "claim", "mas vendidas"},
    {35, BENEFIT, "Cera orgánica", "claim", "organica"},
    {0, FEATURE, "1 x Green Tea", "repeat", "Green Tea"},
    {0, VALUE, "Tea and pot arrive together, ready to brew", "repeat", "arrive together"},
};

static void replace(struct copy_text *t, enum text_part part, struct str text)
{
    switch (part) {
    case TITLE:
        t->title = text;
        return;
    case DESCRIPTION:
        t->description = text;
        return;
    case VALUE:
        t->value_proposition = text;
        return;
    case FEATURE:
        t->features[0] = text;
        return;
    case BENEFIT:
        t->benefits[0] = text;
        return;
    }
}

static unsigned count_wrong(const struct copy_text *t, const struct good_copy *g, const char *kind, const char *piece)
{
    const char *said = "passes";
    char reason[CHECK_REASON_MAX] = "";
    bool is_fit = check_beside_all(g->bundle, g->locale, t, &said, reason);
    if (!is_fit && strcmp(said, kind) == 0 && strstr(reason, piece))
        return 0;
    print_message("%s (%s) expected, %s: %s\n", kind, piece, said, reason);
    return 1;
}

static void bad_copy_is_refused_and_why(void **state)
{
    (void)state;
    unsigned n_wrong = 0;
    assert_true(ARRAY_LEN(BAD) >= 60);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        const struct good_copy *g = &GOOD_COPIES[BAD[i].good];
        struct copy_text t = copy_text_of(g);
        replace(&t, BAD[i].part, str_of(BAD[i].text));
        n_wrong += count_wrong(&t, g, BAD[i].kind, BAD[i].piece);
    }
    assert_int_equal(n_wrong, 0);
}

static void bad_as_a_whole(void **state)
{
    (void)state;
    const struct good_copy *g = &GOOD_COPIES[0];
    struct copy_text t = copy_text_of(g);
    t.title = STR("A calm afternoon");
    t.description = STR("Everything you need for a quiet hour is in one set, ready to enjoy.");
    assert_int_equal(count_wrong(&t, g, "about", "names one of its products"), 0);
    t = copy_text_of(g);
    t.is_malformed = true;
    assert_int_equal(count_wrong(&t, g, "malformed", "another type"), 0);
    t = copy_text_of(g);
    t.n_features = 0;
    assert_int_equal(count_wrong(&t, g, "missing", "the features are missing"), 0);
    t = copy_text_of(g);
    t.n_benefits = 0;
    assert_int_equal(count_wrong(&t, g, "missing", "the benefits are missing"), 0);
}

static void copy_in_another_language(void **state)
{
    (void)state;
    static const char *const ASKED[] = {"en", "de", "fr", "es"};
    unsigned n = 0, n_told = 0;
    for (size_t i = 0; i < N_GOOD_COPIES; i++) {
        const struct good_copy *g = &GOOD_COPIES[i];
        const struct copy_text t = copy_text_of(g);
        for (size_t k = 0; k < ARRAY_LEN(ASKED); k++) {
            const char *kind = "";
            char reason[CHECK_REASON_MAX] = "";
            if (strncmp(ASKED[k], g->locale, 2) == 0)
                continue;
            n++;
            n_told += !check_beside_all(g->bundle, ASKED[k], &t, &kind, reason) && strcmp(kind, "language") == 0;
        }
    }
    print_message("%u of %u told\n", n_told, n);
    assert_true(n_told * 100 >= n * 98);
}

// What the offer or a name says may be said.
static void what_the_brief_says_is_no_claim(void **state)
{
    (void)state;
    const struct brief b = {
        .facts = STR("{\"type\":\"FBT\",\"products\":[{\"name\":\"Organic Cocoa 70% (Award Edition) B12 ½ l per "
                     "cent\",\"quantity\":1},"
                     "{\"name\":\"$5 Gift Card \xF0\x9F\x8E\x81 Third Off Pound Cake\",\"quantity\":10}],"
                     "\"offer\":{\"percent\":\"50%\"}}")};
    const struct brief *const one = &b;
    struct checker *c = checker_create(STR("en"), NULL, &one, 1);
    struct copy_text t = {
        .title = STR("Organic Cocoa 70% at half price"),
        .description = STR("The award edition with a $5 gift card \xF0\x9F\x8E\x81, both at 50% off."),
        .value_proposition = STR("Two products, half price, with B12, ½ l, 50-%, e.g. z.B. m.in. one.It"),
        .features = {STR("1 x cocoa"), STR("Gift card x10")},
        .benefits = {STR("Pound cake, third off, half off: a quarter of an hour, a third cup")},
        .n_features = 2,
        .n_benefits = 1};
    const char *kind = "";
    char reason[CHECK_REASON_MAX] = "";
    if (!copy_check(c, 0, &t, &kind, reason))
        fail_msg("%s: %s", kind, reason);
    t.benefits[0] = STR("Now only 5% more");
    assert_false(copy_check(c, 0, &t, &kind, reason));
    assert_string_equal(kind, "percent");
    checker_destroy(c);
}

static void reasons_are_cut_and_printable(void **state)
{
    (void)state;
    struct copy_text t = copy_text_of(&GOOD_COPIES[0]);
    char word[400], reason[CHECK_REASON_MAX];
    const char *kind;
    for (size_t i = 0; i + 4 < sizeof word; i += 4)
        memcpy(word + i, "\xF0\xA0\x80\x80", 4);
    t.features[0] = (struct str){word + 4, 100};
    memcpy(word + 4, "a://", 4);
    assert_false(check_beside_all(TEXT_TEA, "en", &t, &kind, reason));
    assert_true(str_is_utf8(str_of(reason)));
    for (const char *c = reason; *c; c++)
        assert_true((unsigned char)*c >= 0x20);
    assert_in_range(strlen(reason), CHECK_REASON_MAX - 4, CHECK_REASON_MAX - 1);
    t.features[0] = STR("a\n\xC2\x9B");
    assert_false(check_beside_all(TEXT_TEA, "en", &t, &kind, reason));
    assert_string_equal(reason, "the list of features holds a control character");
    const struct brief broken = {.facts = STR("{\"products\":")};
    const struct brief *const both[] = {&briefs[TEXT_TEA], &broken};
    struct checker *c = checker_create(STR("en"), NULL, both, 2);
    t = copy_text_of(&GOOD_COPIES[0]);
    for (size_t i = 0; i < 2; i++) { // whose names it might take is not known either
        assert_false(copy_check(c, i, &t, &kind, reason));
        assert_string_equal(kind, "facts");
    }
    checker_destroy(c);
}

static void as_json(void **state)
{
    (void)state;
    const struct copy_text t = copy_text_of(&GOOD_COPIES[0]);
    struct buf out;
    buf_init(&out, 1 << 16);
    struct json_out j = json_out_on(&out);
    copy_text_json(&t, &j);
    json_out_key_str(&j, "source", STR("model"));
    json_out_end(&j);
    json_t *v = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_object_size(v), 6);
    assert_string_equal(json_string_value(json_object_get(v, "title")), GOOD_COPIES[0].title);
    assert_string_equal(json_string_value(json_object_get(v, "value_proposition")), GOOD_COPIES[0].value);
    assert_int_equal(json_array_size(json_object_get(v, "features")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(v, "benefits"), 1)),
                        GOOD_COPIES[0].benefits[1]);
    json_decref(v);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_copy_passes),
        cmocka_unit_test(bad_copy_is_refused_and_why),
        cmocka_unit_test(bad_as_a_whole),
        cmocka_unit_test(copy_in_another_language),
        cmocka_unit_test(what_the_brief_says_is_no_claim),
        cmocka_unit_test(reasons_are_cut_and_printable),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests_name("copy_check", tests, open_all, close_all);
}
