// Progress for people: a bar, and the line that a job's progress event makes on a terminal or in a log.
#ifndef BUNDLE_WORKER_CTL_PROGRESS_BAR_H
#define BUNDLE_WORKER_CTL_PROGRESS_BAR_H

#include "worker/ctl/term.h"

struct json_t; // jansson's, without its names: they clash with the short ones of json_out.h

enum { PROGRESS_BAR_COLUMNS = 24 };

void progress_bar_put(const struct term *t, double share, unsigned columns, struct buf *out); // share: 0..1, clamped
void progress_put_duration(struct buf *out, int64_t ms); // "850 ms", "3.2 s", "4 min 05 s", "2 h 10 min"

// One line, no newline, never wider than the terminal:
//     pairs        ██████████░░░░░░░░░░░░░░  62%  12/34 pairs  3.1 s, about 2.0 s left  Looking for partners
// An event (common/PROTOCOL.md, "Progress") has status, step, progress, message, pairs_done, pairs_total, elapsed_ms,
// eta_ms; what is missing is left out.
void progress_bar_event(const struct term *t, const struct json_t *event, struct buf *out);

#endif
