#include "common/check.h"
#include "worker/ctl/ctl.h"

static const struct arg_option OPTIONS[] = {
    {"defaults", NULL, "the commented file with every setting at its default", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Prints the settings as they are in force, one \"key = value\" a line, secrets as ***. They come from built-in\n"
    "defaults, then the file (--config FILE or $BUNDLE_CONFIG), then environment variables (BUNDLE_ + the key in\n"
    "capitals, dots as underscores), then --set; later ones win. Unknown keys and bad values are errors.\n"
    "\n"
    "examples:\n"
    "  bundlectl config --defaults > worker.conf            a file to start from\n"
    "  bundlectl config --config worker.conf                check a file\n"
    "  BUNDLE_QUEUE_NAME=test bundlectl config | grep queue.name";

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (args_has(a, "defaults"))
        config_print_defaults(&SETTINGS_TABLE, &out);
    else
        config_print_values(&SETTINGS_TABLE, c->settings, &out);
    return ctl_print(&out, e);
}

const struct ctl_command CMD_CONFIG = {
    .name = "config",
    .words = "",
    .summary = "show the settings in force, or a file of defaults",
    .help = HELP,
    .options = OPTIONS,
    .needs_settings = true,
    .run = run,
};
