// The table of commands, and the options that all of them take.
#include "worker/ctl/ctl.h"

#include <stddef.h>
#include <string.h>

const struct ctl_command *const CTL_COMMANDS[] = {
    &CMD_IMPORT, &CMD_PREVIEW, &CMD_EVALUATE, &CMD_PAIRS,  &CMD_ENQUEUE, &CMD_WATCH,      &CMD_BUNDLES, &CMD_CANCEL,
    &CMD_QUEUE,  &CMD_DOCTOR,  &CMD_CONFIG,   &CMD_SCHEMA, &CMD_SHOP,    &CMD_COMPLETION, NULL};

const struct ctl_command *ctl_find_command(const struct ctl_command *const *commands, const char *word)
{
    for (; *commands; commands++) {
        const char *space = strrchr((*commands)->name, ' ');
        if (strcmp(space ? space + 1 : (*commands)->name, word) == 0)
            return *commands;
    }
    return NULL;
}

const struct arg_option CTL_SHARED_OPTIONS[] = {
    {"config", "FILE", "read settings from FILE (else from $BUNDLE_CONFIG; see `bundlectl config`)", NULL},
    {"set", "KEY=VALUE", "one setting, over file and environment; may be repeated", NULL},
    {"json", NULL, "results as JSON on stdout, for programs", NULL},
    {"help", NULL, "this text", NULL},
    {"version", NULL, "print the version", NULL},
    {NULL, NULL, NULL, NULL},
};
