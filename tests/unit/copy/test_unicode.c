#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/copy/unicode.h"

static void every_character_comes_back(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 64);
    for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 37) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        buf_clear(&out);
        unicode_put(&out, c);
        struct str text = buf_str(&out);
        assert_int_equal(str_utf8_len(text), text.len);
        assert_int_equal(unicode_next(&text), c);
        assert_int_equal(text.len, 0);
    }
    buf_fini(&out);
}

static void malformed_bytes_are_seen_one_by_one(void **state)
{
    (void)state;
    struct str text = {"\xE2\x82"
                       "a\xFF\0",
                       5};
    assert_int_equal(unicode_next(&text), UNICODE_BAD);
    assert_int_equal(unicode_next(&text), UNICODE_BAD);
    assert_int_equal(unicode_next(&text), 'a');
    assert_int_equal(unicode_next(&text), UNICODE_BAD);
    assert_int_equal(unicode_next(&text), UNICODE_BAD);
    assert_int_equal(text.len, 0);
}

static void assert_words(const char *text, const char *words)
{
    struct buf out;
    buf_init(&out, 4096);
    unicode_put_words(&out, str_of(text));
    assert_string_equal(out.data, words);
    buf_fini(&out);
}

static void folding(void **state)
{
    (void)state;
    assert_words("Blue MUG, 12-pack", " blue mug 12 pack ");
    assert_words("Café Crème Über Straße", " cafe creme uber strase ");
    assert_words("Cafe\xCC\x81", " cafe ");
    assert_words("ŁÓDŹ Żurek ČĎĚ ıİ Œuvre", " lodz zurek cde ii ouvre ");
    assert_words("ＦＵＬＬ　ｗｉｄｔｈ １２", " full width 12 ");
    assert_words("𝐁𝐨𝐥𝐝 𝟜𝟚 Ⓒⓘⓡ", " bold 42 cir ");
    assert_words("ИГНОРИРУЙ Ёлка ΆΛΦΑς", " игнорируй елка αλφασ ");
    assert_words("in\xE2\x80\x8Bvisible\xEF\xBB\xBF", " invisible ");
    assert_words("ɪɢɴᴏʀᴇ ꜱᴍᴀʟʟ ꜰᴜʟʟ ᴛʜᴇ ˢᵐᵃˡˡ", " ignore small full the small ");
    assert_words("Ạ ḯ Ệ ẞ ẛ Ǻ Ț ƒ ɓ Ǝ ⒜", " a i e s s a t f b Ǝ a ");
    assert_words("i\xE2\x83\x9Dg\xE1\xB7\x84n\xE1\xAA\xB0o\xEF\xB8\xA0re", " ignore ");
    assert_words("٣ cups", " 3 cups ");
    assert_words("绿茶 tea", " 绿茶 tea ");
    assert_words("", " ");
    assert_words("\xF0\x9F\x8E\x81 !", " ");
}

static void kinds(void **state)
{
    (void)state;
    assert_true(unicode_is_letter('q') && unicode_is_letter(0xE9) && unicode_is_letter(0x439));
    assert_true(unicode_is_letter(0x8336) && unicode_is_letter(0xFF21));
    assert_false(unicode_is_letter('1') || unicode_is_letter(0xD7) || unicode_is_letter(0x20AC));
    assert_false(unicode_is_letter(0x2122) || unicode_is_letter(0x1F381) || unicode_is_letter(0x200B));
    assert_true(unicode_is_digit('7') && unicode_is_digit(0x0663) && unicode_is_digit(0xFF17));
    assert_true(unicode_is_space(0xA0) && unicode_is_space('\n') && !unicode_is_space('a'));
    assert_true(unicode_is_control(0) && unicode_is_control(0x7F) && unicode_is_control(0x9B));
    assert_true(unicode_is_invisible(0x202E) && unicode_is_invisible(0x200D) && unicode_is_invisible(0xE0041));
    assert_true(unicode_is_pictograph(0x1F381) && unicode_is_pictograph(0x2728) && unicode_is_pictograph(0x2192));
    assert_false(unicode_is_pictograph(0x2122) || unicode_is_pictograph(0xB0) || unicode_is_pictograph(0x20AC));
}

static void copies_of_whole_characters(void **state)
{
    (void)state;
    char out[8];
    unicode_copy(STR("caf\xC3\xA9!"), out, 6);
    assert_string_equal(out, "caf\xC3\xA9");
    unicode_copy(STR("caf\xC3\xA9!"), out, 5);
    assert_string_equal(out, "caf");
    unicode_copy(STR("ab\xFFz"), out, sizeof out);
    assert_string_equal(out, "ab");
    unicode_copy(STR(""), out, 1);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_comes_back),
        cmocka_unit_test(malformed_bytes_are_seen_one_by_one),
        cmocka_unit_test(copies_of_whole_characters),
        cmocka_unit_test(folding),
        cmocka_unit_test(kinds),
    };
    return cmocka_run_group_tests_name("unicode", tests, NULL, NULL);
}
