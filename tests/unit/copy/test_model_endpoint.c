#include "worker/copy/model_endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"

static struct copywriter_settings settings(void)
{
    return (struct copywriter_settings){
        .url = "https://host/v1", .key = "the-key", .key_file = "", .organization = "", .project = ""};
}

static void the_url_has_one_slash(void **state)
{
    (void)state;
    static const char *const URLS[] = {"https://host/v1", "https://host/v1/", "https://host/v1//"};
    for (size_t i = 0; i < ARRAY_LEN(URLS); i++) {
        struct copywriter_settings s = settings();
        struct err e;
        AUTO(buf_fini) struct buf url;
        s.url = URLS[i];
        assert_true(model_endpoint_url(&s, "/models", &url, &e));
        assert_string_equal(url.data, "https://host/v1/models");
    }
}

static void what_is_not_set_is_not_sent(void **state)
{
    (void)state;
    struct copywriter_settings s = settings();
    struct model_headers h;
    struct err e;
    assert_true(model_headers_make(&h, &s, &e));
    assert_string_equal(h.all[0], "Authorization: Bearer the-key");
    assert_null(h.all[1]);
    s.project = "p";
    assert_true(model_headers_make(&h, &s, &e));
    assert_string_equal(h.all[1], "OpenAI-Project: p");
    assert_null(h.all[2]);
    s.organization = "o";
    assert_true(model_headers_make(&h, &s, &e));
    assert_string_equal(h.all[1], "OpenAI-Organization: o");
    assert_string_equal(h.all[2], "OpenAI-Project: p");
    assert_null(h.all[3]);
}

static void the_key_comes_from_its_file_each_time(void **state)
{
    (void)state;
    char path[] = "/tmp/model_key.XXXXXX";
    struct copywriter_settings s = settings();
    struct model_headers h;
    struct err e;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, " first \n", 8), 8);
    s.key = "";
    s.key_file = path;
    assert_true(model_headers_make(&h, &s, &e));
    assert_string_equal(h.all[0], "Authorization: Bearer first");
    assert_int_equal(pwrite(fd, "second\n\n", 8, 0), 8);
    assert_true(model_headers_make(&h, &s, &e));
    assert_string_equal(h.all[0], "Authorization: Bearer second");
    (void)close(fd);
    (void)unlink(path);
    assert_false(model_headers_make(&h, &s, &e));
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_non_null(strstr(e.message, "copy.key_file"));
}

static bool holds(const void *bytes, size_t len, const char *text)
{
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

static void no_key_is_left_behind(void **state)
{
    (void)state;
    static char key[2 * MODEL_KEY_MAX];
    struct copywriter_settings s = settings();
    struct model_headers h;
    struct err e;
    assert_true(model_headers_make(&h, &s, &e));
    assert_true(holds(&h, sizeof h, "the-key"));
    model_headers_wipe(&h);
    assert_false(holds(&h, sizeof h, "the-key"));
    for (size_t i = 0; i + 8 < sizeof key; i += 7)
        memcpy(key + i, "the-key", 7);
    s.key = key;
    assert_false(model_headers_make(&h, &s, &e));
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_null(strstr(e.message, "the-key"));
    assert_false(holds(&h, sizeof h, "the-key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_url_has_one_slash),
        cmocka_unit_test(what_is_not_set_is_not_sent),
        cmocka_unit_test(the_key_comes_from_its_file_each_time),
        cmocka_unit_test(no_key_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
