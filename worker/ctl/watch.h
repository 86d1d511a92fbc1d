// Following jobs: subscribes, shows every event (bars on a terminal, lines elsewhere, JSON lines with --json) and, when
// it follows one upload, ends with that upload's terminal event. Survives a Redis that goes and comes back: it
// subscribes again and reads what it missed from the progress hash.
#ifndef BUNDLE_WORKER_CTL_WATCH_H
#define BUNDLE_WORKER_CTL_WATCH_H

#include "worker/ctl/ctl_redis.h"

struct watch;
struct watch_what { // all "": every job of the queue
    struct str shop, upload;
};

// Subscribes. With is_new what the hash tells of an earlier job is not shown and does not end
// the watching: for a caller who pushes a job next.
bool watch_open(struct watch **out, const struct ctl *c, struct ctl_redis *r, const struct watch_what *what,
                bool is_new, struct err *e) MUST_USE;
void watch_closep(struct watch **w);

// Until the terminal event; *exit_code: 0 final, 1 failed, 9 cancelled, 3 rejected.
bool watch_follow(struct watch *w, int *exit_code, struct err *e) MUST_USE;

#endif
