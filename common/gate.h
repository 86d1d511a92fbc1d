// A gate: what all workers together may ask of a place outside, kept in Redis, by Redis' clock (scripts gate_enter,
// gate_leave).
//
//     enter --go--> ask --> leave(ok | failed | limited | refused, what it really cost)
//          --wait ms--> enter again: over its requests or units a minute (GCRA), or it said to come back later
//          --closed--> do without: it failed too often (one probe is let through when the time is over), or refuses us
//
// INVARIANTS  1. Within any minute no more requests enter than the limit, and a tenth of it at most at once (GCRA).
//             Units likewise; a request of more than a tenth of them waits until nothing is owed, and owes all that
//             it takes.
//             2. While it is closed at most one probe is on its way; one whose worker died counts for probe_ms.
// REPEATED    A gate that is entered twice, because an answer was lost, costs one place of a minute's; a failure
//             that is told twice counts twice.
// THREADS     Values; no state.
#ifndef BUNDLE_COMMON_GATE_H
#define BUNDLE_COMMON_GATE_H

#include "common/queue.h"

struct gate {
    const char *name;                        // of the place: its host, say
    int64_t requests_per_min, units_per_min; // 0: no limit
    int64_t failures_max;                    // in a row: closed then,
    int64_t closed_ms, closed_max_ms;        // this long, doubling each time a probe fails
    int64_t probe_ms;                        // how long one request may take
};

void gate_enter_cmd(const struct queue *q, const struct gate *g, int64_t units, struct redis_cmd *out);
enum gate_verdict { GATE_GO, GATE_WAIT, GATE_CLOSED };
struct gate_entered {
    enum gate_verdict verdict;
    int64_t ms;        // to wait, or until it is tried again
    bool is_probe;     // go: the one request by which a closed gate is tried
    struct str reason; // closed: why; a view into the reply
};
bool gate_entered(const struct redis_reply *r, struct gate_entered *out) MUST_USE; // false: not of the protocol

enum gate_outcome {
    GATE_OK,       // opens it
    GATE_FAILED,   // so many in a row close it, and so does a probe's
    GATE_LIMITED,  // nobody enters for closed_ms; not closed: they wait
    GATE_REFUSED,  // closed for closed_ms, for a reason that only people can mend
    GATE_GIVEN_UP, // by us, before an answer: says nothing of the place
    GATE_NOT_ASKED // nothing was sent: gives all back
};
// units: as entered with; used: what it really was (< 0: not known).
struct gate_left {
    enum gate_outcome outcome;
    bool is_probe; // as entered
    int64_t units, used, closed_ms;
    const char *reason; // failed, refused: what those are told who find it closed
};
void gate_leave_cmd(const struct queue *q, const struct gate *g, const struct gate_left *l, struct redis_cmd *out);

#endif
