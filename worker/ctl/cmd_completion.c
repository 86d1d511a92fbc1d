#include <string.h>

#include "common/check.h"
#include "worker/ctl/ctl.h"

static const char HELP[] = "Prints the completion script for a shell.\n"
                           "\n"
                           "examples:\n"
                           "  source <(bundlectl completion bash)\n"
                           "  bundlectl completion bash > /etc/bash_completion.d/bundlectl";

static void print_names(const struct arg_option *options, struct buf *out)
{
    for (; options && options->name; options++)
        buf_printf(out, " --%s", options->name);
}

static void print_choices(const struct ctl_command *command, struct buf *out)
{
    for (const struct arg_option *option = command->options; option && option->name; option++) {
        if (!option->choices)
            continue;
        buf_printf(out, "    '%s:--%s') words=\"", command->name, option->name);
        for (const char *c = option->choices; *c; c++)
            buf_putc(out, *c == '|' ? ' ' : *c);
        buf_puts(out, "\" ;;\n");
    }
}

// What may follow each command: its own commands, or its options; an option's choices go before both.
static void print_commands(const struct ctl_command *const *commands, struct buf *out)
{
    for (const struct ctl_command *const *c = commands; *c; c++) {
        print_choices(*c, out);
        if ((*c)->commands)
            print_commands((*c)->commands, out);
        buf_printf(out, "    '%s:'*) words=\"", (*c)->name);
        for (const struct ctl_command *const *own = (*c)->commands; own && *own; own++)
            buf_printf(out, " %s", strrchr((*own)->name, ' ') + 1);
        print_names((*c)->options, out);
        print_names(CTL_SHARED_OPTIONS, out);
        buf_puts(out, "\" ;;\n");
    }
}

static void print_bash(struct buf *out)
{
    buf_puts(out, "_bundlectl() {\n"
                  "  local now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= word words=\n"
                  "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                  "    [[ $word == -* ]] && continue\n"
                  "    command=${command:+$command }$word\n"
                  "    case $command in");
    const char *between = " ";
    for (const struct ctl_command *const *c = CTL_COMMANDS; *c; c++) {
        if (!(*c)->commands)
            continue;
        buf_printf(out, "%s%s", between, (*c)->name);
        between = " | ";
    }
    buf_puts(out, ") ;; *) break ;; esac\n"
                  "  done\n"
                  "  case $command:$before in\n");
    print_commands(CTL_COMMANDS, out);
    buf_puts(out, "    :*) words=\"");
    for (const struct ctl_command *const *c = CTL_COMMANDS; *c; c++)
        buf_printf(out, "%s ", (*c)->name);
    buf_puts(out, "--help --version\" ;;\n");
    buf_puts(out, "  esac\n"
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"$now\"))\n"
                  "}\n"
                  "complete -o default -F _bundlectl bundlectl\n");
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)c, (void)exit_code;
    if (strcmp(a->words[0], "bash") != 0)
        return err_set(e, ERR_USAGE, "no completion for %.40s, only for bash", a->words[0]);
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    print_bash(&out);
    return ctl_print(&out, e);
}

const struct ctl_command CMD_COMPLETION = {
    .name = "completion",
    .words = "bash",
    .summary = "print the completion script for a shell",
    .help = HELP,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
