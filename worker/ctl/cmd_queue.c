#include "worker/ctl/cmd_queue.h"

#include <stddef.h>

static const char HELP[] = "Looks into the queue and steers it. Everything here works while workers run.\n"
                           "\n"
                           "examples:\n"
                           "  bundlectl queue ls --watch\n"
                           "  bundlectl queue inspect UPLOAD --shop demo\n"
                           "  bundlectl queue pause --why 'migrating the database'\n"
                           "  bundlectl queue dead && bundlectl queue retry --all";

static const struct ctl_command *const COMMANDS[] = {&CMD_QUEUE_LS,     &CMD_QUEUE_INSPECT, &CMD_QUEUE_RETRY,
                                                     &CMD_QUEUE_CANCEL, &CMD_QUEUE_DRAIN,   &CMD_QUEUE_PAUSE,
                                                     &CMD_QUEUE_RESUME, &CMD_QUEUE_DEAD,    NULL};

const struct ctl_command CMD_QUEUE = {
    .name = "queue",
    .words = "COMMAND",
    .summary = "look into the queue and steer it",
    .help = HELP,
    .commands = COMMANDS,
};
