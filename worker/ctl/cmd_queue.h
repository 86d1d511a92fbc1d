// The commands of `bundlectl queue`, each in a file of its own (pause and resume share one; cancel is cmd_cancel.c).
#ifndef BUNDLE_WORKER_CTL_CMD_QUEUE_H
#define BUNDLE_WORKER_CTL_CMD_QUEUE_H

#include "worker/ctl/ctl.h"

extern const struct ctl_command CMD_QUEUE_LS, CMD_QUEUE_INSPECT, CMD_QUEUE_RETRY, CMD_QUEUE_CANCEL, CMD_QUEUE_DRAIN,
    CMD_QUEUE_PAUSE, CMD_QUEUE_RESUME, CMD_QUEUE_DEAD;

#endif
