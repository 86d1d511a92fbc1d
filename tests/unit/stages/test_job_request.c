#include "worker/stages/job_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/json_out.h"
#include "common/mp.h"

struct result {
    struct arena memory;
    struct job_request request;
    struct err e;
    bool ok;
};

static void result_fini(struct result *r)
{
    arena_fini(&r->memory);
}

static void read_bytes(struct result *r, struct str raw)
{
    struct str payload;
    *r = (struct result){.ok = false};
    arena_init(&r->memory, 0);
    r->ok = job_payload_of_message(raw, 65536, &r->memory, &payload, &r->e) &&
            job_request_read(payload, &r->memory, &r->request, &r->e);
}

static void read_text(struct result *r, const char *json)
{
    read_bytes(r, str_of(json));
}

// The message is refused, and the error says `part`.
static void refused(const char *json, enum err_kind kind, const char *part)
{
    AUTO(result_fini) struct result r;
    read_text(&r, json);
    assert_false(r.ok);
    assert_int_equal(r.e.kind, kind);
    if (!strstr(r.e.message, part))
        fail_msg("\"%s\" does not say \"%s\"", r.e.message, part);
}

static void the_least_job_asks_for_everything(void **state)
{
    (void)state;
    AUTO(result_fini) struct result r;
    read_text(&r, "{\"shop\":\"demo\",\"upload\":\"u1\"}");
    assert_true(r.ok);
    assert_true(str_eq(r.request.shop, STR("demo")));
    assert_true(str_eq(r.request.upload, STR("u1")));
    assert_int_equal(r.request.job.len, 0);
    assert_int_equal(r.request.options.objectives, 255);
    assert_int_equal(r.request.options.types, 31);
    assert_false(r.request.is_forced);
    assert_true(r.request.options.bundles_max == 0);
    assert_true(r.request.options.as_of == DATE_UNKNOWN);
    assert_true(r.request.options.discount_max_pct < 0 && r.request.options.price_min < 0);
}

static void every_option_is_read(void **state)
{
    (void)state;
    AUTO(result_fini) struct result r;
    read_text(&r, "{\"v\":1,\"job\":\"j-1\",\"shop\":\"d\xC3\xA9mo\",\"upload\":\"u1\",\"force\":true,\"options\":{"
                  "\"objectives\":[\"gift_box\",\"increase_aov\"],\"types\":[\"BXGY\"],\"exclude\":[\"A\",\"B\"],"
                  "\"bundles\":20,\"max_discount\":12.5,\"min_margin\":0.2,\"min_price\":1,\"max_price\":99.5,"
                  "\"season_words\":[\"diwali=deepavali\",\"eid\"],\"as_of\":\"1970-01-02\",\"locale\":\"de-AT\","
                  "\"exclude_tags\":[\"old\"],\"only_vendors\":[\" Leaf \"],\"pin\":[\"C\"],"
                  "\"not_together\":[[\"A\",\"B\"],[\"C\",\"D\",\"E\"]]}}");
    assert_true(r.ok);
    assert_true(r.request.is_forced);
    assert_int_equal(r.request.options.objectives, 1u << OBJECTIVE_GIFT_BOX | 1u << OBJECTIVE_INCREASE_AOV);
    assert_int_equal(r.request.options.types, 1u << TYPE_BXGY);
    assert_int_equal(r.request.options.exclude[BY_PRODUCT].n, 2);
    assert_true(str_eq(r.request.options.exclude[BY_PRODUCT].at[1], STR("B")));
    assert_true(r.request.options.bundles_max == 20);
    assert_true(r.request.options.discount_max_pct == 12.5);
    assert_true(str_eq(r.request.options.season_words, STR("diwali=deepavali|eid")));
    assert_int_equal(r.request.options.as_of, 86400);
    assert_true(str_eq(r.request.options.locale, STR("de-AT")));
    assert_int_equal(r.request.options.exclude[BY_TAG].n, 1);
    assert_true(str_eq(r.request.options.only[BY_VENDOR].at[0], STR("Leaf")));
    assert_true(str_eq(r.request.options.pin.at[0], STR("C")));
    assert_int_equal(r.request.options.n_apart, 2);
    assert_int_equal(r.request.options.apart[1].n, 3);
}

static void msgpack_reads_like_json(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    AUTO(result_fini) struct result r;
    buf_init(&b, 1000);
    mp_put_map(&b, 2);
    mp_put_key(&b, "shop");
    mp_put_str(&b, STR("demo"));
    mp_put_key(&b, "upload");
    mp_put_str(&b, STR("u1"));
    read_bytes(&r, buf_str(&b));
    assert_true(r.ok);
    assert_true(str_eq(r.request.upload, STR("u1")));
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    refused("", ERR_CODEC, "empty");
    refused("{\"shop\":\"d\",", ERR_CODEC, "line 1");
    refused("hello", ERR_CODEC, "neither JSON nor MessagePack");
    refused("[1]", ERR_INPUT, "not a map");
    refused("{\"shop\":\"d\"}", ERR_INPUT, "\"upload\"");
    refused("{\"upload\":\"u\"}", ERR_INPUT, "\"shop\"");
    refused("{\"upload\":\"\",\"shop\":\"d\"}", ERR_INPUT, "\"upload\"");
    refused("{\"upload\":\"u\\u0001\",\"shop\":\"d\"}", ERR_INPUT, "\"upload\"");
    refused("{\"upload\":\"u\",\"shop\":7}", ERR_INPUT, "\"shop\"");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"v\":2}", ERR_INPUT, "\"v\"");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"job\":\"a/b\"}", ERR_INPUT, "'/'");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"forse\":true}", ERR_INPUT, "forse");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"force\":\"yes\"}", ERR_INPUT, "\"force\"");
    refused("{\"upload\":\"u\",\"upload\":\"w\",\"shop\":\"d\"}", ERR_CODEC, "JSON");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"options\":{\"objectives\":[\"gift\"]}}", ERR_INPUT, "gift_box");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"options\":{\"types\":\"FBT\"}}", ERR_INPUT, "\"types\"");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"options\":{\"bundles\":0}}", ERR_INPUT, "\"bundles\"");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"options\":{\"max_discount\":101}}", ERR_INPUT, "\"max_discount\"");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"options\":{\"as_of\":\"soon\"}}", ERR_INPUT, "\"as_of\"");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"options\":{\"colour\":1}}", ERR_INPUT, "colour");
    refused("{\"upload\":\"u\",\"shop\":\"d\",\"options\":3}", ERR_INPUT, "\"options\"");
}

// Each: an option that is wrong, and its key, which the error names.
static void every_wrong_option_is_named(void **state)
{
    (void)state;
    static const char *const WRONG[][2] = {
        {"\"objectives\":7", "objectives"},
        {"\"types\":[\"FBT\",\"\"]", "types"},
        {"\"exclude\":\"A\"", "exclude"},
        {"\"exclude\":[\"A\",\"  \"]", "exclude"},
        {"\"exclude_types\":[7]", "exclude_types"},
        {"\"only_tags\":[\"a\\u0007\"]", "only_tags"},
        {"\"pin\":{\"a\":1}", "pin"},
        {"\"not_together\":[\"A\",\"B\"]", "not_together"},
        {"\"not_together\":[[\"A\"]]", "not_together"},
        {"\"bundles\":2.5", "bundles"},
        {"\"bundles\":10001", "bundles"},
        {"\"max_discount\":-1", "max_discount"},
        {"\"min_margin\":\"0.2\"", "min_margin"},
        {"\"min_price\":-0.01", "min_price"},
        {"\"min_price\":5,\"max_price\":4.99", "max_price"},
        {"\"max_price\":4.99,\"min_price\":5", "min_price"},
        {"\"season_words\":\"diwali\"", "season_words"},
        {"\"locale\":\"en_US\"", "locale"},
        {"\"locale\":\"e\"", "locale"},
        {"\"locale\":\"en-\"", "locale"},
        {"\"locale\":\"en-abcdefghi\"", "locale"},
        {"\"as_of\":true", "as_of"},
        {"\"as_of\":9000000000000000000", "as_of"},
    };
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        char message[200], expected[64];
        (void)snprintf(message, sizeof message, "{\"upload\":\"u\",\"shop\":\"d\",\"options\":{%s}}", WRONG[i][0]);
        (void)snprintf(expected, sizeof expected, "job option \"%s\": expected ", WRONG[i][1]);
        refused(message, ERR_INPUT, expected);
    }
}

static void read_many(const char *option, unsigned n, const char *before, const char *after, bool is_right)
{
    AUTO(buf_fini) struct buf b;
    AUTO(result_fini) struct result r;
    buf_init(&b, 65536);
    buf_printf(&b, "{\"upload\":\"u\",\"shop\":\"d\",\"options\":{\"%s\":[%s", option, before);
    for (unsigned i = 0; i < n; i++)
        buf_printf(&b, "%s\"p%u\"", i ? "," : "", i);
    buf_printf(&b, "%s]}}", after);
    read_bytes(&r, buf_str(&b));
    assert_true(r.ok == is_right);
}

static void lists_are_bounded(void **state)
{
    (void)state;
    read_many("exclude", JOB_LIST_MAX, "", "", true);
    read_many("exclude", JOB_LIST_MAX + 1, "", "", false);
    read_many("not_together", JOB_LIST_MAX - 2, "[", "],[\"a\",\"b\"]", true);
    read_many("not_together", JOB_LIST_MAX - 1, "[", "],[\"a\",\"b\"]", false);
}

static void the_shop_speaks_where_the_job_does_not(void **state)
{
    (void)state;
    AUTO(result_fini) struct result r;
    read_text(&r,
              "{\"shop\":\"d\",\"upload\":\"u\",\"options\":{\"max_discount\":10,\"exclude\":[],\"max_price\":50}}");
    struct job_options *o = &r.request.options;
    job_options_default(o,
                        STR("{\"max_discount\": 30, \"exclude\": [\"A\"], \"locale\": \"de\", \"bundles\": \"many\", "
                            "\"min_price\": 60, \"colour\": 1, \"types\": [\"BXGY\"], \"pin\": null}"),
                        &r.memory);
    assert_true(o->discount_max_pct == 10);
    assert_int_equal(o->exclude[BY_PRODUCT].n, 0); // an empty list of the job lifts the shop's
    assert_true(str_eq(o->locale, STR("de")));
    assert_int_equal(o->types, 1u << TYPE_BXGY);
    assert_true(o->price_min < 0); // above the job's max_price
    assert_true(o->bundles_max == 0);
    AUTO(buf_fini) struct buf b;
    buf_init(&b, 10000);
    struct json_out j = json_out_on(&b);
    json_out_object(&j);
    job_options_json(o, &j);
    json_out_end(&j);
    const char *tail = strstr(b.data, "\"types\"");
    assert_string_equal(tail, "\"types\":[\"BXGY\"],\"exclude\":[],\"max_discount\":10.0000,\"max_price\":50.0000,"
                              "\"locale\":\"de\"},\"options_of_shop\":[\"types\",\"locale\"],\"options_ignored\":["
                              "{\"option\":\"bundles\",\"expected\":\"a whole number from 1 to 10000\"},"
                              "{\"option\":\"min_price\",\"expected\":\"an amount >= 0, not above max_price\"},"
                              "{\"option\":\"colour\",\"expected\":\"this version does not know it\"}]}");
}

static void what_a_shop_says_never_fails_a_job(void **state)
{
    (void)state;
    static const char *const SHOPS[] = {"[1]", "7", "{\"a\":", "\"text\"", "{\"exclude\":[[[[[[[[[1]]]]]]]]]}"};
    for (size_t i = 0; i < ARRAY_LEN(SHOPS); i++) {
        AUTO(result_fini) struct result r;
        read_text(&r, "{\"shop\":\"d\",\"upload\":\"u\"}");
        job_options_default(&r.request.options, str_of(SHOPS[i]), &r.memory);
        assert_int_equal(r.request.options.n_problems, 1);
        assert_int_equal(r.request.options.given, 0);
    }
}

static void whose_job_it_was_is_known(void **state)
{
    (void)state;
    AUTO(result_fini) struct result r;
    read_text(&r, "{\"upload\":\"u1\",\"shop\":\"\"}");
    assert_false(r.ok);
    assert_true(str_eq(r.request.upload, STR("u1")));
}

static void hostile_payloads_are_refused(void **state)
{
    (void)state;
    static char deep[20001];
    static char large[70000];
    AUTO(result_fini) struct result a;
    AUTO(result_fini) struct result b;
    AUTO(result_fini) struct result c;
    memset(deep, '[', sizeof deep - 1);
    read_text(&a, deep);
    assert_false(a.ok);
    memset(large, ' ', sizeof large - 1);
    read_text(&b, large);
    assert_false(b.ok);
    assert_int_equal(b.e.kind, ERR_LIMIT);
    read_bytes(&c, (struct str){"\xdd\x10\x00\x00\x00", 5});
    assert_false(c.ok);
}

static void four_byte_utf8_passes_and_broken_utf8_does_not(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf b;
    AUTO(result_fini) struct result good;
    AUTO(result_fini) struct result bad;
    read_text(&good, "{\"upload\":\"\xF0\x9F\x8E\x81\",\"shop\":\"d\"}");
    assert_true(good.ok);
    buf_init(&b, 1000);
    mp_put_map(&b, 2);
    mp_put_key(&b, "shop");
    mp_put_str(&b, STR("\xF0\x9F\x8E"));
    mp_put_key(&b, "upload");
    mp_put_str(&b, STR("u"));
    read_bytes(&bad, buf_str(&b));
    assert_false(bad.ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_job_asks_for_everything),
        cmocka_unit_test(every_option_is_read),
        cmocka_unit_test(msgpack_reads_like_json),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(every_wrong_option_is_named),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(the_shop_speaks_where_the_job_does_not),
        cmocka_unit_test(what_a_shop_says_never_fails_a_job),
        cmocka_unit_test(whose_job_it_was_is_known),
        cmocka_unit_test(hostile_payloads_are_refused),
        cmocka_unit_test(four_byte_utf8_passes_and_broken_utf8_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
