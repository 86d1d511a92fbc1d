#include "worker/ctl/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"
#include "common/mp.h"

static void put_job(struct buf *out)
{
    mp_put_map(out, 5);
    mp_put_key(out, "shop");
    mp_put_str(out, STR("demo"));
    mp_put_key(out, "upload");
    mp_put_str(out, STR("u\"1"));
    mp_put_key(out, "job");
    mp_put_str(out, STR("mine"));
    mp_put_key(out, "delay_s");
    mp_put_int(out, 60);
    mp_put_key(out, "options");
    mp_put_map(out, 3);
    mp_put_key(out, "pin");
    mp_put_array(out, 2);
    mp_put_str(out, STR("A"));
    mp_put_nil(out);
    mp_put_key(out, "max_discount");
    mp_put_real(out, 12.5);
    mp_put_key(out, "x");
    mp_put_bool(out, true);
}

static const char *shown(struct str payload, struct buf *out)
{
    buf_clear(out);
    struct json_out j = json_out_on(out);
    payload_put(&j, payload);
    return out->data;
}

static void payloads_are_shown_as_json(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf job;
    AUTO(buf_fini) struct buf out;
    buf_init(&job, 4096);
    buf_init(&out, 4096);
    put_job(&job);
    assert_string_equal(shown(buf_str(&job), &out),
                        "{\"shop\":\"demo\",\"upload\":\"u\\\"1\",\"job\":\"mine\",\"delay_s\":60,"
                        "\"options\":{\"pin\":[\"A\",null],\"max_discount\":12.5,\"x\":true}}");
    assert_string_equal(shown(STR(" {\"shop\": 1}\n"), &out), "{\"shop\": 1}");
    assert_string_equal(shown(STR("no job"), &out), "\"no job\"");
    assert_string_equal(shown(STR("\xdd\x10\x00\x00\x00"), &out), "\"\xEF\xBF\xBD\\u0010\\u0000\\u0000\\u0000\"");
    assert_string_equal(shown(STR(""), &out), "\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_are_shown_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
