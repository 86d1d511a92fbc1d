#include "worker/ctl/args.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static const struct arg_option OWN[] = {
    {"shop", "SHOP", "whose", NULL},
    {"kind", "KIND", "what", "orders|variants"},
    {"strict", NULL, "all or nothing", NULL},
    {NULL, NULL, NULL, NULL},
};
static const struct arg_option SHARED[] = {
    {"set", "K=V", "a setting", NULL},
    {NULL, NULL, NULL, NULL},
};

// Parses words up to a NULL.
static bool parse(struct args *a, struct err *e, char **words)
{
    int n = 0, used;
    while (words[n])
        n++;
    *a = (struct args){0};
    bool ok = args_parse(a, OWN, SHARED, n, words, false, &used, e);
    assert_true(!ok || used == n);
    return ok;
}

#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})
#define W(text) ((char[]){text})

static void options_and_words_may_be_mixed(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(args_fini) struct args a;
    assert_true(parse(
        &a, &e, WORDS(W("one.csv"), W("--shop"), W("demo"), W("--strict"), W("--set=a=b"), W("two.csv"), W("-"))));
    assert_string_equal(args_value(&a, "shop"), "demo");
    assert_true(args_has(&a, "strict"));
    assert_string_equal(args_value(&a, "set"), "a=b");
    assert_int_equal(a.n_words, 3);
    assert_string_equal(a.words[1], "two.csv");
    assert_string_equal(a.words[2], "-");
}

static void repeated_options_keep_their_order(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(args_fini) struct args a;
    assert_true(parse(&a, &e, WORDS(W("--set"), W("a=1"), W("--shop"), W("x"), W("--set"), W("b=2"))));
    unsigned cursor = 0;
    assert_string_equal(args_next(&a, "set", &cursor), "a=1");
    assert_string_equal(args_next(&a, "set", &cursor), "b=2");
    assert_null(args_next(&a, "set", &cursor));
    assert_string_equal(args_value(&a, "set"), "b=2");
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(args_fini) struct args a;
    assert_true(parse(&a, &e, WORDS(W("--"), W("--shop"), W("-x"))));
    assert_int_equal(a.n_words, 2);
    assert_string_equal(a.words[0], "--shop");
}

static void parsing_stops_at_the_command(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(args_fini) struct args a = {0};
    int used;
    char **words = WORDS(W("--set"), W("a=1"), W("import"), W("--shop"));
    assert_true(args_parse(&a, NULL, SHARED, 4, words, true, &used, &e));
    assert_int_equal(used, 2);
}

static void refuses(char **words, const char *message)
{
    struct err e = {0};
    AUTO(args_fini) struct args a;
    assert_false(parse(&a, &e, words));
    assert_int_equal(e.kind, ERR_USAGE);
    assert_string_equal(e.message, message);
}

static void errors_name_the_option(void **state)
{
    (void)state;
    refuses(WORDS(W("--shp"), W("x")), "there is no option --shp");
    refuses(WORDS(W("-x")), "there is no option -x");
    refuses(WORDS(W("--shop")), "--shop needs a value: --shop SHOP");
    refuses(WORDS(W("--strict=yes")), "--strict takes no value");
    refuses(WORDS(W("--kind"), W("stock")), "--kind stock: must be one of orders|variants");
}

static void numbers_and_choices(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(args_fini) struct args a;
    int64_t n = 0;
    assert_true(parse(&a, &e, WORDS(W("--shop"), W("12"), W("--kind"), W("Variants"))));
    assert_true(args_int(&a, "shop", 1, 20, 5, &n, &e));
    assert_int_equal(n, 12);
    assert_false(args_int(&a, "shop", 1, 11, 5, &n, &e));
    assert_string_equal(e.message, "--shop 12: must be a whole number from 1 to 11");
    assert_true(args_int(&a, "set", 1, 11, 5, &n, &e));
    assert_int_equal(n, 5);
    assert_int_equal(args_choice(&a, "kind"), 1);
    assert_int_equal(args_choice(&a, "set"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_may_be_mixed), cmocka_unit_test(repeated_options_keep_their_order),
        cmocka_unit_test(two_dashes_end_the_options),     cmocka_unit_test(parsing_stops_at_the_command),
        cmocka_unit_test(errors_name_the_option),         cmocka_unit_test(numbers_and_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
