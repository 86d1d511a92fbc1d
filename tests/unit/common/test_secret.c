#include "common/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// What secret_read makes of a file with this content; NULL: refused, and the error does not repeat it.
static const char *read_from(const char *content)
{
    static char out[16];
    char path[] = "/tmp/test_secret.XXXXXX";
    struct err e = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    (void)close(fd);
    bool ok = secret_read("x.password_file", path, out, sizeof out, &e);
    (void)unlink(path);
    if (ok)
        return out;
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_non_null(strstr(e.message, "x.password_file"));
    assert_null(strstr(e.message, "geheim"));
    return NULL;
}

static void the_first_line_is_the_secret(void **state)
{
    (void)state;
    assert_string_equal(read_from("geheim"), "geheim");
    assert_string_equal(read_from("geheim\n"), "geheim");
    assert_string_equal(read_from(" geheim \r\nmore\n"), "geheim");
    assert_string_equal(read_from("123456789012345"), "123456789012345");
}

static void what_is_no_secret_is_refused(void **state)
{
    (void)state;
    assert_null(read_from(""));
    assert_null(read_from("\n"));
    assert_null(read_from("geheimgeheimgeheim"));
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    char out[16];
    struct err e = {0};
    assert_false(secret_read("x.password_file", "/tmp/there-is-no-such-file", out, sizeof out, &e));
    assert_non_null(strstr(e.message, "/tmp/there-is-no-such-file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_is_the_secret),
        cmocka_unit_test(what_is_no_secret_is_refused),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
