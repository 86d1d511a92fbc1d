#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/check.h"
#include "tests/unit/copy/copy_texts.h"

static void open_language(struct language **l)
{
    struct err e;
    if (!language_open(l, &e))
        fail_msg("%s", e.message);
}

static const struct {
    const char *locale, *text;
} OTHERS[] = {
    {"it", "Una tazza di caffè caldo con un cornetto dolce per cominciare bene la giornata, a un prezzo più basso."},
    {"nl", "Een warme kop koffie met een zoet broodje erbij, zo begint de ochtend goed en betaal je samen minder."},
    {"pt", "Uma chávena de café quente com um pão doce para começar bem a manhã, por um preço mais baixo."},
    {"pl", "Filiżanka gorącej kawy ze słodką bułką to dobry początek dnia, a razem kosztują mniej niż osobno."},
    {"sv", "En varm kopp kaffe med en söt bulle är en bra start på dagen, och tillsammans kostar de mindre."},
    {"nb", "En varm kopp kaffe med en søt bolle er en god start på dagen, og sammen koster de mindre."},
    {"da", "En varm kop kaffe med en sød bolle er en god start på dagen, og sammen koster de mindre."},
    {"fi", "Kuppi kuumaa kahvia ja makea pulla ovat hyvä alku päivälle, ja yhdessä ne maksavat vähemmän."},
    {"cs", "Šálek horké kávy se sladkou houskou je dobrý začátek dne a dohromady stojí méně než zvlášť."},
    {"tr", "Sıcak bir fincan kahve ve yanında tatlı bir çörek güne iyi bir başlangıçtır, birlikte daha uygun."},
    {"ru", "Чашка горячего кофе со сладкой булочкой хорошо начинает утро, а вместе они стоят меньше."},
    {"uk", "Чашка гарячої кави із солодкою булочкою добре починає ранок, а разом вони коштують менше."},
    {"el", "Ένα φλιτζάνι ζεστός καφές με ένα γλυκό ψωμάκι είναι μια καλή αρχή για την ημέρα σας."},
    {"ja", "温かいコーヒーと甘いパンで、朝をゆっくり始めませんか。一緒に買うと、別々に買うよりもお得になります。毎日の"
           "朝食におすすめの組み合わせです。"},
    {"zh", "一杯热咖啡配上一个甜面包，让早晨有个好的开始。两件一起购买比分开购买更便宜，适合每天的早餐，也适合和家人一"
           "起分享这份温暖的美味时光。"},
    {"ko", "따뜻한 커피 한 잔과 달콤한 빵으로 아침을 여유롭게 시작해 보세요. 함께 구매하시면 따로 구매하는 것보다 더 "
           "저렴하고 매일 아침 식사로 좋습니다."},
    {"ar", "فنجان من القهوة الساخنة مع خبز حلو هو بداية جيدة لليوم، ومعا يكون السعر أقل من شرائهما منفصلين."},
};

static void good_copy_is_in_its_language(void **state)
{
    (void)state;
    struct language *l;
    open_language(&l);
    for (size_t i = 0; i < N_GOOD_COPIES; i++) {
        const struct good_copy *g = &GOOD_COPIES[i];
        if (language_is(l, str_of(g->description), str_of(g->locale)) == LANGUAGE_IS_NOT)
            fail_msg("%s: %s", g->locale, g->description);
    }
    for (size_t i = 0; i < ARRAY_LEN(OTHERS); i++) {
        if (language_is(l, str_of(OTHERS[i].text), str_of(OTHERS[i].locale)) != LANGUAGE_IS)
            fail_msg("%s: %s", OTHERS[i].locale, OTHERS[i].text);
    }
    language_close(l);
}

static const char *primary(const char *locale)
{
    static char out[3];
    memcpy(out, locale, 2);
    return out;
}

// Every text against every other language of the four, but for those too alike.
static void other_languages_are_told(void **state)
{
    (void)state;
    static const char *const ASKED[] = {"en", "de", "fr", "es"};
    struct language *l;
    unsigned n = 0, n_told = 0;
    open_language(&l);
    for (size_t i = 0; i < N_GOOD_COPIES; i++) {
        char text[512];
        const struct good_copy *g = &GOOD_COPIES[i];
        snprintf(text, sizeof text, "%s %s %s", g->description, g->value, g->benefits[0]);
        for (size_t k = 0; k < ARRAY_LEN(ASKED); k++) {
            if (strcmp(ASKED[k], primary(g->locale)) == 0)
                continue;
            n++;
            n_told += language_is(l, str_of(text), str_of(ASKED[k])) == LANGUAGE_IS_NOT;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(OTHERS); i++, n++)
        n_told += language_is(l, str_of(OTHERS[i].text), STR("en")) == LANGUAGE_IS_NOT;
    print_message("%u of %u told\n", n_told, n);
    assert_true(n_told * 100 >= n * 98);
    language_close(l);
}

static void little_text_says_nothing(void **state)
{
    (void)state;
    struct language *l;
    open_language(&l);
    assert_int_equal(language_is(l, STR("Guten Morgen"), STR("en")), LANGUAGE_UNKNOWN);
    assert_int_equal(language_is(l, STR(""), STR("en")), LANGUAGE_UNKNOWN);
    assert_int_equal(language_is(l, str_of(OTHERS[0].text), STR("tlh")), LANGUAGE_UNKNOWN);
    assert_int_equal(language_is(l, str_of(OTHERS[0].text), STR("")), LANGUAGE_UNKNOWN);
    assert_int_equal(language_is(l, str_of(OTHERS[0].text), STR("IT-ch")), LANGUAGE_IS);
    language_close(l);
    language_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_copy_is_in_its_language),
        cmocka_unit_test(other_languages_are_told),
        cmocka_unit_test(little_text_says_nothing),
    };
    return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
