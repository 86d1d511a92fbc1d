// The program itself, run as people run it; nothing here needs a server.
#include "worker/ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"
#include "tests/unit/ctl/run.h"

static int run(const char *arguments)
{
    return run_with(arguments, "2>&1");
}

static void help_is_there_for_every_command(void **state)
{
    (void)state;
    char arguments[64];
    assert_int_equal(run("--help"), 0);
    static char program_help[sizeof output];
    memcpy(program_help, output, sizeof output);
    assert_non_null(strstr(program_help, "  4  not_found\n"));
    for (const struct ctl_command *const *c = CTL_COMMANDS; *c; c++) {
        assert_non_null(strstr(program_help, (*c)->summary));
        (void)snprintf(arguments, sizeof arguments, "%s --help", (*c)->name);
        assert_int_equal(run(arguments), 0);
        assert_non_null(strstr(output, "\nexamples:\n"));
        assert_non_null(strstr(output, "--config FILE"));
    }
    for (const struct ctl_command *const *c = CMD_QUEUE.commands; *c; c++) {
        assert_int_equal(run("queue --help"), 0);
        assert_non_null(strstr(output, (*c)->summary));
        (void)snprintf(arguments, sizeof arguments, "%s --help", (*c)->name);
        assert_int_equal(run(arguments), 0);
        assert_non_null(strstr(output, "\nexamples:\n"));
    }
}

static void usage_errors_exit_with_2(void **state)
{
    (void)state;
    assert_int_equal(run(""), 2);
    assert_int_equal(run("frobnicate"), 2);
    assert_string_equal(output, "bundlectl: there is no command frobnicate; see bundlectl --help\n");
    assert_int_equal(run("import"), 2);
    assert_int_equal(run("import x.csv"), 2);
    assert_non_null(strstr(output, "--shop SHOP is missing"));
    assert_int_equal(run("preview x.csv --type NONE"), 2);
    assert_int_equal(run("preview x.csv --currency XYZ"), 2);
    assert_int_equal(run("preview x.csv --option colour=red"), 3);
    assert_int_equal(run("config --set queue.leas_ms=1"), 2);
    assert_int_equal(run("completion fish"), 2);
    assert_int_equal(run("queue"), 2);
    assert_string_equal(output, "bundlectl queue: no command given; see bundlectl queue --help\n");
    assert_int_equal(run("queue lose"), 2);
    assert_string_equal(output, "bundlectl queue: there is no command lose; see bundlectl queue --help\n");
    assert_int_equal(run("queue ls --limit 0"), 2);
    assert_int_equal(run("queue retry"), 2);
    assert_int_equal(run("queue retry x --all"), 2);
    assert_int_equal(run("queue retry x --shop demo"), 2);
    assert_int_equal(run("queue inspect"), 2);
    assert_int_equal(run("queue pause --shop ''"), 2);
    assert_int_equal(run("queue drain --timeout soon"), 2);
    assert_int_equal(run("enqueue u --shop demo --priority urgent"), 2);
    assert_int_equal(run("enqueue u --shop demo --delay -1"), 3);
    assert_int_equal(run("enqueue u --shop demo --at whenever"), 3);
}

static void errors_are_json_where_json_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(run("preview --json /nonexistent.csv"), 6);
    json_t *line = json_loads(output, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json_object_get(line, "error"), "kind")), "io");
    json_decref(line);
}

static void config_hides_secrets(void **state)
{
    (void)state;
    assert_int_equal(run("config --set redis.url=redis://:hunter2@localhost"), 0);
    assert_null(strstr(output, "hunter2"));
    assert_non_null(strstr(output, "redis.url = ***\n"));
}

static void completion_is_valid_bash(void **state)
{
    (void)state;
    char script[3072];
    (void)snprintf(script, sizeof script,
                   "completion bash | bash -c 'source /dev/stdin; "
                   "COMP_WORDS=(bundlectl import --kind v); COMP_CWORD=3; _bundlectl; echo \"${COMPREPLY[*]}\"; "
                   "COMP_WORDS=(bundlectl pre); COMP_CWORD=1; _bundlectl; echo \"${COMPREPLY[*]}\"; "
                   "COMP_WORDS=(bundlectl enqueue --w); COMP_CWORD=2; _bundlectl; echo \"${COMPREPLY[*]}\"; "
                   "COMP_WORDS=(bundlectl enqueue --priority b); COMP_CWORD=3; _bundlectl; echo \"${COMPREPLY[*]}\"; "
                   "COMP_WORDS=(bundlectl queue in); COMP_CWORD=2; _bundlectl; echo \"${COMPREPLY[*]}\"; "
                   "COMP_WORDS=(bundlectl queue inspect --e); COMP_CWORD=3; _bundlectl; echo \"${COMPREPLY[*]}\"'");
    assert_int_equal(run(script), 0);
    assert_string_equal(output, "variants\npreview\n--wait\nbulk\ninspect\n--events\n");
}

// Six orders with mug and tea together, and rows that are bad.
static void orders_write(char *path)
{
    int fd = mkstemps(path, 4);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    (void)fputs("order_id,created_at,currency,sku,name,quantity,unit_price\n", f);
    for (int i = 0; i < 6; i++) {
        (void)fprintf(f, "o%d,2026-01-%02d,GBP,MUG,Blue Mug,1,10.00\n", i, i + 1);
        (void)fprintf(f, "o%d,2026-01-%02d,GBP,TEA,Green Tea,1,5.00\n", i, i + 1);
        (void)fprintf(f, "p%d,2026-01-%02d,GBP,HAT,Straw Hat,2,20.00\n", i, i + 1);
    }
    (void)fputs("bad,2026-01-01,GBP,MUG,Blue Mug,many,10.00\n", f);
    assert_int_equal(fclose(f), 0);
}

static void preview_makes_a_document(void **state)
{
    (void)state;
    char path[] = "/tmp/bundle-preview-test-XXXXXX.csv", arguments[256];
    orders_write(path);
    (void)snprintf(arguments, sizeof arguments, "preview --json %s", path);
    int code = run_with(arguments, "2>/dev/null");
    json_t *document = json_loads(output, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(code, 0);
    assert_non_null(document);
    const json_t *upload = json_object_get(document, "upload");
    assert_int_equal(json_integer_value(json_object_get(document, "version")), 1);
    assert_int_equal(json_integer_value(json_object_get(upload, "orders")), 12);
    assert_int_equal(json_integer_value(json_object_get(upload, "rejected_rows")), 1);
    assert_string_equal(json_string_value(json_object_get(upload, "currency")), "GBP");
    assert_true(json_array_size(json_object_get(document, "bundles")) > 0);
    assert_true(json_object_size(json_object_get(json_object_get(document, "metrics"), "timings_ms")) > 3);
    json_decref(document);

    (void)snprintf(arguments, sizeof arguments, "preview --top 1 --type FBT %s", path);
    assert_int_equal(run(arguments), 0);
    assert_int_equal(unlink(path), 0);
    assert_non_null(strstr(output, "Blue Mug + Green Tea"));
    assert_non_null(strstr(output, ":20: "));
    assert_null(strchr(output, '\033'));
}

int main(void)
{
    // What the caller has set must not change what is tested.
    CHECK(unsetenv("COLUMNS") == 0 && unsetenv("BUNDLE_CONFIG") == 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_is_there_for_every_command),
        cmocka_unit_test(usage_errors_exit_with_2),
        cmocka_unit_test(errors_are_json_where_json_is_asked_for),
        cmocka_unit_test(config_hides_secrets),
        cmocka_unit_test(completion_is_valid_bash),
        cmocka_unit_test(preview_makes_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
