#include "worker/ctl/args.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"

enum { HELP_COLUMN = 26 };

static const struct arg_option *find(const struct arg_option *table, struct str name)
{
    for (; table && table->name; table++)
        if (str_eq(str_of(table->name), name))
            return table;
    return NULL;
}

// Position of `value` in "a|b|c", or -1.
static int choice_index(const char *choices, const char *value)
{
    struct str rest = str_of(choices);
    for (int i = 0; rest.ptr; i++) {
        const char *bar = memchr(rest.ptr, '|', rest.len);
        struct str choice = {rest.ptr, bar ? (size_t)(bar - rest.ptr) : rest.len};
        if (str_eq_nocase(choice, str_of(value)))
            return i;
        rest = bar ? (struct str){bar + 1, rest.len - choice.len - 1} : (struct str){NULL, 0};
    }
    return -1;
}

static bool keep(struct args *a, const struct arg_option *option, const char *value, struct err *e)
{
    if (option->choices && choice_index(option->choices, value) < 0)
        return err_set(e, ERR_USAGE, "--%s %.100s: must be one of %s", option->name, value, option->choices);
    if (a->n_given == ARGS_GIVEN_MAX)
        return err_set(e, ERR_USAGE, "more than %d options", ARGS_GIVEN_MAX);
    a->given[a->n_given++] = (struct arg_given){option, value};
    return true;
}

// One "--name[=value]" at argv[*at]; *at moves past the value where it stands on its own.
static bool take_option(struct args *a, const struct arg_option *own, const struct arg_option *shared, int argc,
                        char **argv, int *at, struct err *e)
{
    const char *text = argv[*at] + 2;
    const char *equals = strchr(text, '=');
    struct str name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    const struct arg_option *option = find(own, name);
    if (!option)
        option = find(shared, name);
    if (!option)
        return err_set(e, ERR_USAGE, "there is no option --%.*s", name.len < 64 ? (int)name.len : 64, name.ptr);
    if (!option->value)
        return equals ? err_set(e, ERR_USAGE, "--%s takes no value", option->name) : keep(a, option, NULL, e);
    if (equals)
        return keep(a, option, equals + 1, e);
    if (*at + 1 >= argc)
        return err_set(e, ERR_USAGE, "--%s needs a value: --%s %s", option->name, option->name, option->value);
    *at += 1;
    return keep(a, option, argv[*at], e);
}

static void keep_word(struct args *a, const char *word, int argc)
{
    if (!a->words)
        a->words = calloc((size_t)argc, sizeof *a->words);
    CHECK(a->words);
    a->words[a->n_words++] = word;
}

bool args_parse(struct args *a, const struct arg_option *own, const struct arg_option *shared, int argc, char **argv,
                bool stops_at_word, int *used, struct err *e)
{
    static const struct arg_option HELP = {"help", NULL, NULL, NULL};
    bool has_ended = false;
    int at = 0;
    for (; at < argc; at++) {
        bool is_option = !has_ended && argv[at][0] == '-' && argv[at][1] != '\0';
        if (!is_option && stops_at_word)
            break;
        if (!is_option) {
            keep_word(a, argv[at], argc);
        } else if (strcmp(argv[at], "--") == 0) {
            has_ended = true;
        } else if (strcmp(argv[at], "-h") == 0) {
            if (!keep(a, &HELP, NULL, e))
                return false;
        } else if (argv[at][1] != '-') {
            return err_set(e, ERR_USAGE, "there is no option %.64s", argv[at]);
        } else if (!take_option(a, own, shared, argc, argv, &at, e)) {
            return false;
        }
    }
    *used = at;
    return true;
}

void args_fini(struct args *a)
{
    free(a->words);
    *a = (struct args){0};
}

const char *args_next(const struct args *a, const char *name, unsigned *cursor)
{
    while (*cursor < a->n_given) {
        const struct arg_given *given = &a->given[(*cursor)++];
        if (strcmp(given->option->name, name) == 0)
            return given->value ? given->value : "";
    }
    return NULL;
}

const char *args_value(const struct args *a, const char *name)
{
    const char *last = NULL, *value;
    for (unsigned cursor = 0; (value = args_next(a, name, &cursor));)
        last = value;
    return last;
}

bool args_has(const struct args *a, const char *name)
{
    return args_value(a, name) != NULL;
}

bool args_int(const struct args *a, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *out,
              struct err *e)
{
    const char *text = args_value(a, name);
    int64_t value = fallback;
    if (text && (!str_to_int(str_of(text), &value) || value < min || value > max))
        return err_set(e, ERR_USAGE, "--%s %.40s: must be a whole number from %lld to %lld", name, text, (long long)min,
                       (long long)max);
    *out = value;
    return true;
}

int args_choice(const struct args *a, const char *name)
{
    const char *last = NULL;
    const struct arg_option *option = NULL;
    for (unsigned i = 0; i < a->n_given; i++)
        if (strcmp(a->given[i].option->name, name) == 0) {
            option = a->given[i].option;
            last = a->given[i].value;
        }
    return last ? choice_index(option->choices, last) : -1;
}

void args_print_help(const struct arg_option *options, struct buf *out)
{
    for (; options && options->name; options++) {
        size_t start = out->len;
        buf_printf(out, "  --%s%s%s", options->name, options->value ? " " : "", options->value ? options->value : "");
        size_t len = out->len - start;
        if (len + 2 > HELP_COLUMN)
            buf_printf(out, "\n%*s", HELP_COLUMN, "");
        else
            buf_printf(out, "%*s", (int)(HELP_COLUMN - len), "");
        buf_printf(out, "%s\n", options->help);
    }
}
