// One outage, one line: says when something begins to fail, once a minute while it goes on failing, and when it is
// over.
//
//     if (!ask(&e))
//         outage_failed(&o, "heartbeat failed; going on", &e);
//     else
//         outage_ended(&o, "heartbeat is back");
//
// THREADS   A plain value, all zero at first; belongs to one thread.
#ifndef BUNDLE_COMMON_OUTAGE_H
#define BUNDLE_COMMON_OUTAGE_H

#include <stdint.h>

#include "common/err.h"
#include "common/log.h"

enum { OUTAGE_REMINDER_MS = 60000 };

struct outage {
    int64_t since_ms, said_ms; // clock_mono_ms
    unsigned failures;         // since it began; 0: there is none
    unsigned said_kinds;       // bits: 1 << kind
};

// Another failure. true: it is to be said now: the first of its kind, or a reminder.
bool outage_note(struct outage *o, enum err_kind kind, int64_t now_ms);
// Over: true when there was one, *was is what it was.
bool outage_over(struct outage *o, struct outage *was);

// The same with log lines: `message` at level warn with error=, and after the first for_s= and failures=.
void outage_failed(struct outage *o, const char *message, const struct err *cause);
// `message` at level info with for_s= and failures=; nothing where there was no outage.
void outage_ended(struct outage *o, const char *message);

// For those who meet an outage that another one says already (the worker's loop, of Redis): debug, else warn.
enum log_level outage_level(const struct err *e);

#endif
