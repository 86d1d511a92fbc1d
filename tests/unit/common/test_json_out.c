#include <jansson.h> // first: json_out.h then leaves the names that both have to jansson

#include "common/json_out.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static void nesting_and_commas(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 1000);
    struct json_out j = json_out_on(&b);
    json_out_object(&j);
    json_out_key_str(&j, "name", STR("mug"));
    json_out_key(&j, "list");
    json_out_array(&j);
    json_out_int(&j, -3);
    json_out_object(&j);
    json_out_end(&j);
    json_out_array(&j);
    json_out_end(&j);
    json_out_null(&j);
    json_out_end(&j);
    json_out_key_bool(&j, "yes", true);
    json_out_key(&j, "raw");
    json_out_raw(&j, STR("[1,2]"));
    json_out_end(&j);
    assert_string_equal(b.data, "{\"name\":\"mug\",\"list\":[-3,{},[],null],\"yes\":true,\"raw\":[1,2]}");
}

static void numbers(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 10000);
    struct json_out j = json_out_on(&b);
    json_out_array(&j);
    json_out_real(&j, 0.125, 2);
    json_out_real(&j, -0.001, 2); // no "-0.00"
    json_out_real(&j, NAN, 2);
    json_out_real(&j, -INFINITY, 2);
    json_out_int(&j, INT64_MIN);
    json_out_decimal(&j, 1299, 2);
    json_out_decimal(&j, -5, 2);
    json_out_decimal(&j, 1200, 0);
    json_out_decimal(&j, 1250, 3);
    json_out_decimal(&j, INT64_MIN, 2);
    json_out_end(&j);
    assert_string_equal(b.data, "[0.12,0.00,null,null,-9223372036854775808,12.99,-0.05,1200,1.250,"
                                "-92233720368547758.08]");
    buf_clear(&b);
    j = json_out_on(&b);
    json_out_real(&j, -1.7976931348623157e308, 6);
    assert_int_equal(b.len, 1 + 309 + 1 + 6);
}

static void escaping(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 1000);
    struct json_out j = json_out_on(&b);
    json_out_str(&j, STR("a\"b\\c\n\r\t\x01\0\x7F/\xE2\x82\xAC\xFF\xF0\x9F\x8E\x81"));
    assert_string_equal(b.data, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u0000\\u007f/\xE2\x82\xAC\xEF\xBF\xBD"
                                "\xF0\x9F\x8E\x81\"");
}

// Whatever the bytes: what comes out parses, strictly.
static void every_byte_pair_parses(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 100);
    for (unsigned i = 0; i < 65536; i++) {
        const char text[4] = {(char)(i & 255), (char)(i >> 8), 'x', 'y'};
        buf_clear(&b);
        struct json_out j = json_out_on(&b);
        json_out_array(&j);
        json_out_str(&j, (struct str){text, 4});
        json_out_end(&j);
        json_t *parsed = json_loadb(b.data, b.len, JSON_ALLOW_NUL, NULL);
        assert_non_null(parsed);
        json_decref(parsed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesting_and_commas),
        cmocka_unit_test(numbers),
        cmocka_unit_test(escaping),
        cmocka_unit_test(every_byte_pair_parses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
