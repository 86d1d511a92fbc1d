#include "worker/ctl/job_message.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

#include "worker/stages/job_request.h"

static const struct arg_option OPTIONS[] = {JOB_OPTION_ROWS, {NULL, NULL, NULL, NULL}};

static bool build(char **words, struct buf *out, struct err *e)
{
    AUTO(args_fini) struct args a = {0};
    int n = 0, used;
    while (words[n])
        n++;
    assert_true(args_parse(&a, OPTIONS, NULL, n, words, false, &used, e));
    return job_message_build(&a, "demo", "u1", false, out, e);
}

#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})
#define W(text) ((char[]){text})

static void values_become_what_they_read_as(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    assert_true(build(WORDS(W("--option"), W("bundles=5"), W("--option"), W("min_margin=0.5"), W("--option"),
                            W("as_of=2020-01-01"), W("--option"), W("exclude=A, 77 ,,B"), W("--type"), W("BXGY"),
                            W("--type"), W("FBT")),
                      &out, &e));
    assert_string_equal(out.data, "{\"shop\":\"demo\",\"upload\":\"u1\",\"options\":{\"bundles\":5,\"min_margin\":0.5,"
                                  "\"as_of\":\"2020-01-01\",\"exclude\":[\"A\",\"77\",\"B\"],\"types\":[\"BXGY\","
                                  "\"FBT\"]}}");
}

// What the tool writes, the worker's reader takes: every option that it names, and every choice.
static void the_workers_reader_takes_it(void **state)
{
    (void)state;
    struct err e = {0};
    struct str payload;
    struct job_request request;
    AUTO(arena_fini) struct arena memory;
    AUTO(buf_fini) struct buf out;
    arena_init(&memory, 0);
    buf_init(&out, 10000);
    assert_true(build(WORDS(W("--option"), W("bundles=5"), W("--option"), W("max_discount=12.5"), W("--option"),
                            W("min_margin=0"), W("--option"), W("min_price=1"), W("--option"), W("max_price=9.5"),
                            W("--option"), W("season_words=diwali,holi"), W("--option"), W("exclude=A"), W("--option"),
                            W("not_together=A,B"), W("--option"), W("not_together=C,D,E"), W("--option"), W("pin=C"),
                            W("--option"), W("locale=en-GB"), W("--option"), W("exclude=B, C"), W("--option"),
                            W("as_of=2020-01-01"), W("--objective"), W("gift_box")),
                      &out, &e));
    assert_true(job_payload_of_message(buf_str(&out), 65536, &memory, &payload, &e));
    assert_true(job_request_read(payload, &memory, &request, &e));
    const struct job_options *o = &request.options;
    assert_true(o->bundles_max == 5);
    assert_true(o->discount_max_pct == 12.5 && o->margin_floor == 0 && o->price_max == 9.5);
    assert_int_equal(o->objectives, 1u << OBJECTIVE_GIFT_BOX);
    assert_int_equal(o->exclude[BY_PRODUCT].n, 3);
    assert_true(str_eq(o->exclude[BY_PRODUCT].at[2], STR("C")));
    assert_int_equal(o->n_apart, 2);
    assert_int_equal(o->apart[1].n, 3);
    assert_int_equal(o->pin.n, 1);
    assert_true(str_eq(o->locale, STR("en-GB")));
    assert_true(str_eq(o->season_words, STR("diwali|holi")));
    assert_int_equal(o->as_of, 1577836800);
}

static void choices_are_the_workers_names(void **state)
{
    (void)state;
    for (int o = 0; o < OBJECTIVE_COUNT; o++)
        assert_true(str_has_word(str_of(OPTIONS[0].choices), str_of(objective_row((enum objective)o)->name)));
    for (int t = 0; t < TYPE_COUNT; t++)
        assert_true(str_has_word(str_of(OPTIONS[1].choices), str_of(bundle_type_name((enum bundle_type)t))));
}

static void bad_assignments_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    assert_false(build(WORDS(W("--option"), W("bundles")), &out, &e));
    assert_string_equal(e.message, "--option bundles: must be KEY=VALUE");
    assert_false(build(WORDS(W("--option"), W("=5")), &out, &e));
    assert_false(build(WORDS(W("--option"), W("as_of=\xFF")), &out, &e));
    assert_int_equal(e.kind, ERR_USAGE);
    buf_clear(&out);
    assert_false(build(WORDS(W("--option"), W("exclude=ok,\xFF")), &out, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_what_they_read_as),
        cmocka_unit_test(the_workers_reader_takes_it),
        cmocka_unit_test(choices_are_the_workers_names),
        cmocka_unit_test(bad_assignments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
