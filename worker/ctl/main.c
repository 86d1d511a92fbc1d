// bundlectl COMMAND: the tool for merchants' data, jobs and results. See ctl.h.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/json_out.h"
#include "common/log.h"
#include "common/thread.h"
#include "worker/ctl/ctl.h"

static void print_exit_codes(struct buf *out)
{
    int highest = 0;
    for (int kind = ERR_NONE; kind < ERR_KIND_COUNT; kind++) {
        struct err e = {.kind = (enum err_kind)kind};
        highest = err_exit_code(&e) > highest ? err_exit_code(&e) : highest;
    }
    for (int code = 0; code <= highest; code++) {
        const char *comma = "";
        buf_printf(out, "  %d  ", code);
        for (int kind = ERR_NONE; kind < ERR_KIND_COUNT; kind++) {
            struct err e = {.kind = (enum err_kind)kind};
            if (err_exit_code(&e) != code)
                continue;
            buf_printf(out, "%s%s", comma, kind == ERR_NONE ? "done" : err_kind_name(e.kind));
            comma = ", ";
        }
        buf_putc(out, '\n');
    }
}

static void print_program_help(struct buf *out)
{
    buf_puts(out, "usage: bundlectl COMMAND [options]\n\n"
                  "Turns a merchant's orders into priced, explained product bundles.\n\ncommands:\n");
    for (const struct ctl_command *const *c = CTL_COMMANDS; *c; c++)
        buf_printf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
    buf_puts(out, "\noptions of every command:\n");
    args_print_help(CTL_SHARED_OPTIONS, out);
    buf_puts(out, "\nexamples:\n"
                  "  bundlectl preview orders_export.csv                  bundles from a file, no server needed\n"
                  "  bundlectl import --shop demo orders.csv products.csv load files into PostgreSQL\n"
                  "  bundlectl enqueue --shop demo UPLOAD --wait          make its bundles, with progress\n"
                  "  bundlectl bundles --shop demo UPLOAD                 show them\n"
                  "\nexit codes (errors by kind):\n");
    print_exit_codes(out);
    buf_puts(out, "\n`bundlectl COMMAND --help` says more.\n");
}

static void print_command_help(const struct ctl_command *command, struct buf *out)
{
    buf_printf(out, "usage: bundlectl %s %s%s\n\n%s\n", command->name, command->words,
               command->options ? " [options]" : "", command->help);
    if (command->commands)
        buf_puts(out, "\ncommands:\n");
    for (const struct ctl_command *const *c = command->commands; c && *c; c++)
        buf_printf(out, "  %-16s %s\n", (*c)->name, (*c)->summary);
    if (command->more_help)
        command->more_help(out);
    if (command->options)
        buf_puts(out, "\noptions:\n");
    args_print_help(command->options, out);
    buf_puts(out, "\noptions of every command:\n");
    args_print_help(CTL_SHARED_OPTIONS, out);
    buf_puts(out, "\nExit codes: see `bundlectl --help`.\n");
}

static bool load_settings(const struct args *a, struct settings *s, struct err *e)
{
    struct settings_sources from = {.file = args_value(a, "config")};
    const char *assignment;
    for (unsigned cursor = 0; (assignment = args_next(a, "set", &cursor));) {
        if (from.n_sets == ARRAY_LEN(from.sets))
            return err_set(e, ERR_USAGE, "more than %zu times --set", ARRAY_LEN(from.sets));
        from.sets[from.n_sets++] = assignment;
    }
    if (!settings_load(s, &from, environ, e))
        return false;
    // What a library logs at info is for a daemon's operator, not for somebody who waits for a table.
    enum log_level level = (enum log_level)s->log_level;
    log_setup(level < LOG_WARN ? LOG_WARN : level, (enum log_format)s->log_format, "");
    return true;
}

static bool print_help(const struct ctl_command *command, bool is_version, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (is_version)
        buf_puts(&out, "bundlectl " BUNDLE_VERSION "\n");
    else if (command)
        print_command_help(command, &out);
    else
        print_program_help(&out);
    return ctl_print(&out, e);
}

static bool check_words(const struct ctl_command *command, const struct args *a, struct err *e)
{
    if (a->n_words >= command->words_min && a->n_words <= command->words_max)
        return true;
    return err_set(e, ERR_USAGE, "%s; usage: bundlectl %s %s",
                   a->n_words ? "too many or too few words" : "too few words", command->name, command->words);
}

static bool run_command(const struct ctl_command *command, const struct args *a, int *exit_code, struct err *e)
{
    static struct settings settings;
    struct ctl c = {.is_json = args_has(a, "json"), .out = term_of(STDOUT_FILENO), .err = term_of(STDERR_FILENO)};
    if (!check_words(command, a, e))
        return false;
    if (command->needs_settings) {
        if (!load_settings(a, &settings, e))
            return false;
        c.settings = &settings;
    }
    return command->run(&c, a, exit_code, e);
}

static bool run(struct args *a, int argc, char **argv, const struct ctl_command **command, int *exit_code,
                struct err *e)
{
    int used;
    if (!args_parse(a, NULL, CTL_SHARED_OPTIONS, argc, argv, true, &used, e))
        return false;
    const struct ctl_command *const *commands = CTL_COMMANDS;
    while (commands && used < argc) {
        const char *word = argv[used];
        const struct ctl_command *found = ctl_find_command(commands, word);
        if (!found)
            return err_set(e, ERR_USAGE, "there is no command %.64s; see bundlectl %s%s--help", word,
                           *command ? (*command)->name : "", *command ? " " : "");
        *command = found;
        commands = found->commands;
        argc -= used + 1;
        argv += used + 1;
        if (!args_parse(a, found->options, CTL_SHARED_OPTIONS, argc, argv, commands != NULL, &used, e))
            return false;
    }
    if (args_has(a, "help") || args_has(a, "version"))
        return print_help(*command, args_has(a, "version"), e);
    if (!*command || (*command)->commands)
        return err_set(e, ERR_USAGE, "no command given; see bundlectl %s%s--help", *command ? (*command)->name : "",
                       *command ? " " : "");
    return run_command(*command, a, exit_code, e);
}

static void report(const struct ctl_command *command, bool is_json, const struct err *e)
{
    if (!is_json) {
        ctl_note("bundlectl%s%s: %s", command ? " " : "", command ? command->name : "", e->message);
        return;
    }
    AUTO(buf_fini) struct buf line;
    buf_init(&line, 16 * ERR_MESSAGE_MAX);
    struct json_out j = json_out_on(&line);
    json_out_object(&j);
    json_out_key(&j, "error");
    json_out_object(&j);
    json_out_key_str(&j, "kind", str_of(err_kind_name(e->kind)));
    json_out_key_str(&j, "message", str_of(e->message));
    json_out_end(&j);
    json_out_end(&j);
    ctl_note("%s", line.data);
}

static int whole(int argc, char **argv)
{
    AUTO(args_fini) struct args a = {0};
    struct err e = {.kind = ERR_NONE};
    const struct ctl_command *command = NULL;
    int exit_code = 0;
    if (run(&a, argc - 1, argv + 1, &command, &exit_code, &e))
        return exit_code;
    report(command, args_has(&a, "json"), &e);
    return err_exit_code(&e);
}

int main(int argc, char **argv)
{
    thread_exit_process(whole(argc, argv));
}
