#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/unit/offers/shop.h"
#include "worker/copy/template.h"
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

static void check_copy(const struct shop *s, const struct bundle *b)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    template_copy(&s->market, b, &out);
    json_t *copy = json_loadb(out.data, out.len, 0, NULL);
    assert_non_null(copy);
    assert_int_equal(json_object_size(copy), 6);
    assert_length(copy, "title", 60);
    assert_length(copy, "description", 200);
    assert_length(copy, "value_proposition", 150);
    assert_int_equal(json_array_size(json_object_get(copy, "features")), b->n_parts);
    assert_int_equal(json_array_size(json_object_get(copy, "benefits")), 2);
    assert_string_equal(json_string_value(json_object_get(copy, "source")), "template");
    json_decref(copy);
    buf_fini(&out);
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
    check_all(&s, 40);
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
        cmocka_unit_test(long_and_wide_titles),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
