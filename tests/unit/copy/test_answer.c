#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json_out.h"
#include "worker/copy/answer.h"

#define B(id, title)                                                                                                   \
    "{\"id\":\"" id "\",\"title\":\"" title "\",\"description\":\"d\",\"value_proposition\":\"v\",\"features\":"       \
    "[\"f1\",\"f2\"],\"benefits\":[\"g1\"]}"
#define TWO "{\"bundles\":[" B("b1", "One") "," B("b2", "Two") "]}"

struct fixture {
    struct arena memory;
    struct buf body;
    struct answer answer;
    struct err e;
};

// The content in an envelope as the API sends it.
static bool read_body(struct fixture *f, struct str body, size_t n)
{
    arena_init(&f->memory, 0);
    return answer_read(body, n, &f->memory, &f->answer, &f->e);
}

static bool read_content(struct fixture *f, const char *content, size_t n)
{
    buf_init(&f->body, 1 << 20);
    buf_puts(&f->body,
             "{\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    struct json_out j = json_out_on(&f->body);
    json_out_str(&j, str_of(content));
    buf_puts(&f->body, "},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":34}}");
    return read_body(f, buf_str(&f->body), n);
}

static void done(struct fixture *f)
{
    arena_fini(&f->memory);
    buf_fini(&f->body);
}

static void assert_titles(const char *content, const char *first, const char *second)
{
    struct fixture f = {0};
    const char *const titles[] = {first, second};
    if (!read_content(&f, content, 2))
        fail_msg("%s: %s", f.e.message, content);
    for (size_t i = 0; i < 2; i++) {
        const struct copy_text *c = f.answer.copies[i];
        if ((titles[i] == NULL) != (c == NULL))
            fail_msg("bundle %zu of %s", i + 1, content);
        if (c)
            assert_string_equal(c->title.ptr, titles[i]);
    }
    assert_int_equal(f.answer.n_found, (first != NULL) + (second != NULL));
    done(&f);
}

static void as_asked(void **state)
{
    (void)state;
    struct fixture f = {0};
    assert_true(read_content(&f, TWO, 2));
    const struct copy_text *c = f.answer.copies[1];
    assert_string_equal(c->title.ptr, "Two");
    assert_string_equal(c->description.ptr, "d");
    assert_string_equal(c->value_proposition.ptr, "v");
    assert_int_equal(c->n_features, 2);
    assert_string_equal(c->features[1].ptr, "f2");
    assert_int_equal(c->n_benefits, 1);
    assert_string_equal(c->benefits[0].ptr, "g1");
    assert_false(c->is_malformed);
    assert_int_equal(f.answer.tokens_in, 12);
    assert_int_equal(f.answer.tokens_out, 34);
    assert_false(f.answer.is_cut);
    done(&f);
}

static void however_it_is_wrapped(void **state)
{
    (void)state;
    assert_titles("```json\n" TWO "\n```", "One", "Two");
    assert_titles("Here's the 5\" copy you asked for:\n" TWO "\nAnything else?", "One", "Two");
    assert_titles("[" B("b1", "One") "," B("b2", "Two") "]", "One", "Two");
    assert_titles("{\"b1\":" B("b1", "One") ",\"b2\":" B("b2", "Two") "}", "One", "Two");
    assert_titles("{\"b2\":{\"title\":\"Two\"},\"b1\" : {\"title\":\"One\"}}", "One", "Two");
    assert_titles("{\"bundles\":[" B("b2", "Two") "," B("b1", "One") "]}", "One", "Two");
    assert_titles("{\"bundles\":[" B("b1", "One") ",/* next */" B("b2", "Two") ",],} // done", "One", "Two");
    assert_titles("{\"bundles\":[{\"id\":\"b1\",\"title\":\"One\", // the \"first\"\n \"features\":[\"x\",],},"
                  "{\"id\":\"B2 \",\"title\":\"Two\"}]}",
                  "One", "Two");
    assert_titles(B("b1", "One") "\n" B("b2", "Two"), "One", "Two");
    assert_titles("{\"result\":{\"data\":" TWO "},\"note\":{\"ok\":true}}", "One", "Two");
    assert_titles(B("b1", "// no comment, /* none */ {either}, [x,]") B("b2", "Two"),
                  "// no comment, /* none */ {either}, [x,]", "Two");
}

static void what_is_whole_of_what_was_cut(void **state)
{
    (void)state;
    struct fixture f = {0};
    assert_titles("{\"bundles\":[" B("b1", "One") ",{\"id\":\"b2\",\"title\":\"Tw", "One", NULL);
    assert_titles("{\"bundles\":[" B("b1", "One") "," B("b2", "a \"quoted\" word") "]}", "One", NULL);
    assert_titles("{\"bundles\":[" B("b1", "bad \\q escape") "," B("b2", "Two") "]}", NULL, "Two");
    assert_titles("{\"bundles\":[" B("b1", "half \\ud83d pair") "," B("b2", "Two") "]}", NULL, "Two");
    assert_true(read_body(&f,
                          STR("{\"choices\":[{\"message\":{\"content\":\"{\\\"bundles\\\":[{\\\"id\\\":\\\"b1\\\","
                              "\\\"title\\\":\\\"Caf\\u00e9 \xE2\x82\xAC\\\"},{\\\"id\\\":\\\"b2\\\",\\\"ti\xE2\x82"),
                          2));
    assert_string_equal(f.answer.copies[0]->title.ptr, "Café €");
    assert_null(f.answer.copies[1]);
    assert_int_equal(f.answer.tokens_in, -1);
    done(&f);
    assert_true(read_body(
        &f, STR("{\"choices\":[{\"message\":{\"content\":\"{\\\"id\\\":\\\"b1\\\",\\\"title\\\":1}\\u00"), 1));
    assert_int_equal(f.answer.n_found, 1);
    done(&f);
    assert_true(read_body(&f,
                          STR("{\"choices\":[{\"message\":{\"content\":\"{}\"},\"finish_reason\":\"length\"}],"
                              "\"usage\":{\"prompt_tokens\":-4,\"completion_tokens\":\"9\"}}"),
                          1));
    assert_true(f.answer.is_cut);
    assert_int_equal(f.answer.n_found, 0);
    assert_int_equal(f.answer.tokens_in, -1);
    assert_int_equal(f.answer.tokens_out, -1);
    done(&f);
}

static void ids_that_are_not_asked_for_or_come_twice(void **state)
{
    (void)state;
    assert_titles(B("b1", "One") B("b3", "Three") B("b2", "Two"), "One", "Two");
    assert_titles(B("b1", "One") B("b2", "Two") B("b1", "Other"), NULL, "Two");
    assert_titles(B("b0", "x") B("b01", "x") B("b-1", "x") B("b", "x") B("", "x") B("1", "x")
                      B("b99999999999999999999", "x"),
                  NULL, NULL);
    assert_titles("{\"title\":\"no id\"}" B("b2", "Two"), NULL, "Two");
    assert_titles("{\"id\":1,\"title\":\"a number\"}" B("b2", "Two"), NULL, "Two");
}

static void malformed_fields(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "{\"id\":\"b1\",\"title\":7}",
        "{\"id\":\"b1\",\"title\":\"t\",\"description\":[\"d\"]}",
        "{\"id\":\"b1\",\"title\":\"t\",\"features\":\"f\"}",
        "{\"id\":\"b1\",\"title\":\"t\",\"features\":[1]}",
        "{\"id\":\"b1\",\"title\":\"t\",\"benefits\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct fixture f = {0};
        assert_true(read_content(&f, CASES[i], 1));
        assert_true(f.answer.copies[0]->is_malformed);
        done(&f);
    }
    struct fixture f = {0};
    assert_true(read_content(&f, "{\"id\":\"b1\",\"title\":null,\"description\":\"d\\u0000e\nf\"}", 1));
    const struct copy_text *c = f.answer.copies[0];
    assert_false(c->is_malformed);
    assert_int_equal(c->title.len, 0);
    assert_non_null(c->title.ptr);
    assert_int_equal(c->description.len, 5);
    assert_memory_equal(c->description.ptr, "d\0e\nf", 5);
    done(&f);
}

static void other_envelopes(void **state)
{
    (void)state;
    struct fixture f = {0};
    assert_true(read_body(&f,
                          STR("{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"id\\\":"
                              "\\\"b1\\\",\"},{\"type\":\"text\",\"text\":\"\\\"title\\\":\\\"One\\\"}\"}]}}]}"),
                          1));
    assert_string_equal(f.answer.copies[0]->title.ptr, "One");
    done(&f);
}

static void nothing_to_read(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"", "no JSON"},
        {"<html>502</html>", "no JSON"},
        {"[1,2]", "no choices[0].message.content"},
        {"{}", "no choices"},
        {"{\"choices\":[]}", "no choices"},
        {"{\"choices\":{\"0\":1}}", "no choices"},
        {"{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"no\"}}]}", "it refused"},
        {"{\"choices\":[{\"message\":{\"content\":null}", "no JSON"},
        {"{\"content\":\"", "no choices"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct fixture f = {.answer = {.n = 77}};
        if (read_body(&f, str_of(CASES[i][0]), 1))
            fail_msg("read: %s", CASES[i][0]);
        assert_int_equal(f.e.kind, ERR_CODEC);
        if (!strstr(f.e.message, CASES[i][1]))
            fail_msg("%s: %s", CASES[i][0], f.e.message);
        assert_int_equal(f.answer.n, 77);
        done(&f);
    }
    assert_titles("I am sorry, I can't help with that.", NULL, NULL);
    assert_titles("{\"bundles\":[]}", NULL, NULL);
}

static void what_has_no_content_has_been_paid_for(void **state)
{
    (void)state;
    struct fixture f = {.answer = {.tokens_in = -1, .tokens_out = -1}};
    assert_false(read_body(&f,
                           STR("{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"length\"}],"
                               "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":4096}}"),
                           1));
    assert_int_equal(f.answer.tokens_in, 12);
    assert_int_equal(f.answer.tokens_out, 4096);
    assert_true(f.answer.is_cut);
    done(&f);
}

static void deep_and_long(void **state)
{
    (void)state;
    struct buf deep;
    struct fixture f = {0};
    buf_init(&deep, 1 << 20);
    for (int i = 0; i < 100000; i++)
        buf_puts(&deep, "[{");
    assert_true(read_content(&f, deep.data, 1));
    assert_int_equal(f.answer.n_found, 0);
    done(&f);
    assert_false(read_body(&f, buf_str(&deep), 1));
    done(&f);
    buf_clear(&deep);
    buf_puts(&deep, "{\"id\":\"b1\",\"title\":\"");
    for (int i = 0; i < 70000; i++)
        buf_putc(&deep, 'x');
    buf_puts(&deep, "\"}" B("b2", "Two"));
    assert_titles(deep.data, NULL, "Two"); // longer than any bundle's copy
    buf_fini(&deep);
}

static void assert_error(const char *body, size_t size, const char *expected)
{
    char out[256];
    memset(out, 'z', sizeof out);
    answer_error(str_of(body), out, size);
    assert_string_equal(out, expected);
}

static void errors_of_the_api(void **state)
{
    (void)state;
    assert_error(
        "{\"error\":{\"message\":\"Bad\\nkey\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}", 256,
        "Bad key invalid_request_error invalid_api_key");
    assert_error("{\"error\":\"model not found\"}", 256, "model not found");
    assert_error("{\"object\":\"error\",\"message\":\"no\",\"code\":40}", 256, "no");
    assert_error("{\"detail\":\"Not Found\"}", 256, "Not Found");
    assert_error("{\"error\":{\"message\":\"caf\xC3\xA9\"}}", 5, "caf");
    assert_error("{\"error\":{\"message\":\"caf\xC3\xA9\"}}", 6, "caf\xC3\xA9");
    assert_error("<html>", 256, "");
    assert_error("", 256, "");
    assert_error("{\"error\":null}", 256, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_asked),
        cmocka_unit_test(however_it_is_wrapped),
        cmocka_unit_test(what_is_whole_of_what_was_cut),
        cmocka_unit_test(ids_that_are_not_asked_for_or_come_twice),
        cmocka_unit_test(malformed_fields),
        cmocka_unit_test(other_envelopes),
        cmocka_unit_test(nothing_to_read),
        cmocka_unit_test(what_has_no_content_has_been_paid_for),
        cmocka_unit_test(deep_and_long),
        cmocka_unit_test(errors_of_the_api),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
