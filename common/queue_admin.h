// The queue for those who run it: what it holds, what a job went through, and whether everything in it adds up.
// Commands to send and replies to read, like common/queue.h; the first two change nothing in Redis.
//
// THREADS   Values; no state.
#ifndef BUNDLE_COMMON_QUEUE_ADMIN_H
#define BUNDLE_COMMON_QUEUE_ADMIN_H

#include "common/queue.h"

enum { QUEUE_LIST_MAX = 1000 }; // what one overview lists at most: jobs, workers; shops whose tasks it counts
#define QUEUE_NEVER_MS INT64_C(9000000000000000) // the deadline of a job that has not begun

void queue_overview_cmd(const struct queue *q, unsigned most, struct redis_cmd *out); // most: 1..QUEUE_LIST_MAX
struct queue_overview {                                                               // views into the reply
    int64_t now_ms;
    const struct redis_reply *figures;        // {name, number, ...}
    const struct redis_reply *ready;          // {{3 * priority + urgency, shops, tasks} ...}
    const struct redis_reply *paused, *stats; // {field, value, ...}
    const struct redis_reply *workers;        // {worker, until ms, card, ...}
    const struct redis_reply *jobs;           // {{job, deadline ms, priority, latest event} ...}
};
bool queue_overview_reply(const struct redis_reply *r, struct queue_overview *out);
int64_t queue_overview_figure(const struct queue_overview *o, const char *name); // "inbox", "open", ...; 0: none

// A job by its id, or the latest of an upload; shop "": not known.
void queue_inspect_cmd(const struct queue *q, struct str job_or_upload, struct str shop, unsigned most_events,
                       struct redis_cmd *out);
enum queue_inspection { QUEUE_UNKNOWN, QUEUE_AMBIGUOUS, QUEUE_JOB };
struct queue_inspected { // views into the reply
    enum queue_inspection what;
    const struct redis_reply *shops; // QUEUE_AMBIGUOUS: behind its first element
    struct str job, deadline;        // deadline "": none
    int64_t now_ms, lives_ms;
    const struct redis_reply *hash, *tasks;               // {field, value, ...}
    const struct redis_reply *open, *events;              // {text, ...}
    const struct redis_reply *leases, *delayed, *results; // {task, number, ...}
};
bool queue_inspect_reply(const struct redis_reply *r, struct queue_inspected *out);

// Does it all add up? Then redis_cmd_str keys of the queue, as SCAN finds them: some dozens at a time. is_mending: what
// can be mended at once is. The reply: {what is wrong, where, 1 when it was mended, ...}, QUEUE_FINDINGS_MAX of them at
// most; what is beyond is neither said nor mended, so that a full one of a repair is asked for again.
enum { QUEUE_FINDINGS_MAX = 300 };
void queue_audit_cmd(const struct queue *q, bool is_mending, struct redis_cmd *out);

// A field's value in a reply of {field, value, ...}; NULL where it is not there.
const struct redis_reply *queue_field(const struct redis_reply *pairs, const char *field);

#endif
