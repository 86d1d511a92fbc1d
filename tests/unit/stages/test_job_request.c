#include "worker/stages/job_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/mp.h"

struct result {
    struct arena memory;
    struct job_request request;
    struct str upload;
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
    *r = (struct result){.upload = {"", 0}};
    arena_init(&r->memory, 0);
    r->ok = job_payload_of_message(raw, 65536, &r->memory, &payload, &r->e) &&
            job_request_read(payload, &r->memory, &r->request, &r->upload, &r->e);
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
    assert_int_equal(r.request.objectives, 255);
    assert_int_equal(r.request.types, 31);
    assert_false(r.request.is_forced);
    assert_int_equal(r.request.bundles_max, 0);
    assert_true(r.request.as_of == DATE_UNKNOWN);
    assert_true(r.request.discount_max_pct < 0 && r.request.price_min < 0);
}

static void every_option_is_read(void **state)
{
    (void)state;
    AUTO(result_fini) struct result r;
    read_text(&r, "{\"v\":1,\"job\":\"j-1\",\"shop\":\"d\xC3\xA9mo\",\"upload\":\"u1\",\"force\":true,\"options\":{"
                  "\"objectives\":[\"gift_box\",\"increase_aov\"],\"types\":[\"BXGY\"],\"exclude\":[\"A\",\"B\"],"
                  "\"bundles\":20,\"max_discount\":12.5,\"min_margin\":0.2,\"min_price\":1,\"max_price\":99.5,"
                  "\"season_words\":[\"diwali\",\"eid\"],\"as_of\":\"1970-01-02\"}}");
    assert_true(r.ok);
    assert_true(r.request.is_forced);
    assert_int_equal(r.request.objectives, 1u << OBJECTIVE_GIFT_BOX | 1u << OBJECTIVE_INCREASE_AOV);
    assert_int_equal(r.request.types, 1u << TYPE_BXGY);
    assert_int_equal(r.request.n_excluded, 2);
    assert_true(str_eq(r.request.excluded[1], STR("B")));
    assert_int_equal(r.request.bundles_max, 20);
    assert_true(r.request.discount_max_pct == 12.5);
    assert_true(str_eq(r.request.season_words, STR("diwali|eid")));
    assert_int_equal(r.request.as_of, 86400);
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

static void whose_job_it_was_is_known(void **state)
{
    (void)state;
    AUTO(result_fini) struct result r;
    read_text(&r, "{\"upload\":\"u1\",\"shop\":\"\"}");
    assert_false(r.ok);
    assert_true(str_eq(r.upload, STR("u1")));
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
        cmocka_unit_test(whose_job_it_was_is_known),
        cmocka_unit_test(hostile_payloads_are_refused),
        cmocka_unit_test(four_byte_utf8_passes_and_broken_utf8_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
