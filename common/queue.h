// The queue's client: what common/PROTOCOL.md says, as commands to send and replies to read. No I/O here: the worker
// sends on its event loop, bundlectl on a blocking connection. Nothing here knows what a job is about: a job is an
// opaque payload and a plan of stages, a task is a name within a stage.
//
//     inbox --BLMOVE--> intake --admit--> ready --turn--> leased --turn--> ended --(last of its stage)--> next stage
//                          |                ^                |
//                          +-reject-> dead  +---- delayed <--+ error, silence (sweep)
//
// THREADS   Values; no state.
#ifndef BUNDLE_COMMON_QUEUE_H
#define BUNDLE_COMMON_QUEUE_H

#include "common/redis.h"

enum {
    QUEUE_NAME_MAX = 64,
    QUEUE_ID_MAX = 128,
    QUEUE_TASK_MAX = 160,
    QUEUE_TOKEN_MAX = 96,
    QUEUE_LIFE_S = 7 * 24 * 3600
};

struct queue_limits { // of settings; see worker/settings.h
    int64_t lease_ms, attempts, crashes, retry_ms, keep_s, jobs_kept, log_max, dead_max, shop_running_max, deadline_s,
        payload_max;
};

struct queue {
    char key[80];     // "{bundles}"
    char limits[384]; // ARGV[1] of every script
    size_t payload_max;
};
void queue_init(struct queue *q, const char *name, const struct queue_limits *l);

// What a stage's tasks are: each of the first two kinds takes a slot, the third waits for somebody else and takes none.
enum queue_urgency {
    QUEUE_URGENT, // a whole job waits for it: ahead of
    QUEUE_MANY,   // one of many
    QUEUE_IO
};
// Tasks of either kind have ready lists, rings and a wake marker of their own: neither stands in the other's way.
enum queue_lane { QUEUE_LANE_COMPUTE, QUEUE_LANE_IO, QUEUE_LANES };

// One stage of a plan. Stages run in order; a split stage has the tasks that the stage before it left for it, another
// has one task, named like itself. A required stage's failure fails the job, another's is listed.
struct queue_stage {
    const char *name;    // [a-z_]+
    const char *message; // for people, while it runs
    int urgency;         // enum queue_urgency
    int from, to;        // progress window, percent
    bool is_split, is_required;
    int64_t timeout_ms; // past it a task's lease is not renewed
};

// ---- commands ----

enum queue_priority { QUEUE_INTERACTIVE, QUEUE_NORMAL, QUEUE_BULK };
struct queue_job {
    struct str id, upload, shop; // id, upload: 1..QUEUE_ID_MAX bytes, id without '/' and ':'
    bool is_forced;              // replaces a running job of the same upload
    enum queue_priority priority;
    int64_t not_before_ms, delay_ms; // Unix ms, and from its admission; 0: at once
    struct str payload;
};
// raw: the message as it stands in the intake; empty when the job did not come by the inbox.
void queue_admit_cmd(const struct queue *q, struct str raw, const struct queue_job *job, const struct queue_stage *plan,
                     size_t n_stages, struct redis_cmd *out);
enum queue_admission { QUEUE_ADMITTED, QUEUE_JOINED, QUEUE_REPLACED, QUEUE_GONE, QUEUE_TAKEN };
struct queue_admitted { // views into the reply
    enum queue_admission what;
    struct str job, upload, shop;
};
bool queue_admit_reply(const struct redis_reply *r, struct queue_admitted *out);

// shop, upload: "" where unknown.
void queue_reject_cmd(const struct queue *q, struct str raw, const char *reason, struct str shop, struct str upload,
                      struct redis_cmd *out);
// The end of a job, by its id or ("") by its upload. raw: the message that asks for it, as in queue_admit_cmd.
struct queue_cancellation {
    struct str job, shop, upload;
};
void queue_cancel_cmd(const struct queue *q, struct str raw, const struct queue_cancellation *c, const char *message,
                      const char *reason, struct redis_cmd *out);

enum queue_outcome {
    QUEUE_DONE,   // result stored, joined
    QUEUE_FAILED, // ended for good, joined
    QUEUE_RETRY,  // an attempt is burnt; failed once they are used up
    QUEUE_AWAY,   // something it needs is away: later, no attempt burnt
    QUEUE_BACK,   // handed back to the head of the queue
};
const char *queue_outcome_name(enum queue_outcome o);

struct queue_more { // a task for the next (split) stage
    struct str name, payload;
};
struct queue_settlement {
    struct str ref, token;
    enum queue_outcome outcome;
    struct str result;
    struct str message; // for people: the job's last word when the job ends by it
    struct str reason;  // for operators
    int64_t bundles;    // < 0: no news
    struct str shared;  // what the tasks of the next (split) stage have in common
    const struct queue_more *more;
    size_t n_more;
};
// A turn: queue_turn_begin, then queue_turn_add for each of n_settlements.
struct queue_turn {
    const char *worker;
    uint64_t number;      // of this worker's turns, rising, also from one process of its name to the next
    uint64_t answered;    // the last one whose answer came: what later ones drew is handed out again
    unsigned want;        // tasks to draw that compute,
    unsigned want_urgent; // as many of them urgent
    unsigned want_io;     // and tasks of I/O
    unsigned n_settlements;
};
void queue_turn_begin(const struct queue *q, const struct queue_turn *t, struct redis_cmd *out);
void queue_turn_add(struct redis_cmd *cmd, const struct queue_settlement *s);

enum queue_verdict { QUEUE_OK, QUEUE_AGAIN, QUEUE_FENCED, QUEUE_CLOSED };
size_t queue_turn_verdicts(const struct redis_reply *r);
enum queue_verdict queue_turn_verdict(const struct redis_reply *r, size_t i);
// What was drawn: views into the reply. One token for all.
struct queue_claimed_job {
    struct str id, shop, upload, stage, payload, shared, failed;
    int64_t left_ms; // the stage's time limit
    bool is_partial;
    const struct redis_reply *made_from; // {task, result, ...}: queue_claimed_result
};
struct queue_claim {
    size_t job; // number of its job
    struct str task, payload;
    int64_t attempts, crashes;
};
struct str queue_turn_token(const struct redis_reply *r);
size_t queue_turn_jobs(const struct redis_reply *r);
bool queue_turn_job(const struct redis_reply *r, size_t i, struct queue_claimed_job *out); // false: not of the protocol
size_t queue_turn_claims(const struct redis_reply *r);
bool queue_turn_claim(const struct redis_reply *r, size_t i, struct queue_claim *out); // likewise
size_t queue_claimed_results(const struct queue_claimed_job *j);
void queue_claimed_result(const struct queue_claimed_job *j, size_t i, struct str *task, struct str *result);

void queue_ref_split(struct str ref, struct str *job, struct str *task);

void queue_progress_cmd(const struct queue *q, struct str ref, struct str token, bool is_preliminary, int percent,
                        struct str message, int64_t bundles, struct redis_cmd *out);
// Then redis_cmd_str ref and token for each lease held. The reply lists the refs that are lost.
void queue_beat_cmd(const struct queue *q, const char *worker, struct str card_json, struct redis_cmd *out);
void queue_sweep_cmd(const struct queue *q, struct redis_cmd *out);
size_t queue_swept_messages(const struct redis_reply *r); // that wait in the intake
struct str queue_swept_message(const struct redis_reply *r, size_t i);
struct queue_end { // a job that failed or was cancelled; PostgreSQL may not know
    struct str job, shop, upload, state, message, reason;
};
size_t queue_swept_ends(const struct redis_reply *r);
bool queue_swept_end(const struct redis_reply *r, size_t i, struct queue_end *out);
size_t queue_swept_mends(const struct redis_reply *r); // what was wrong and is mended: a sentence each
struct str queue_swept_mend(const struct redis_reply *r, size_t i);
void queue_told_cmd(const struct queue *q, struct redis_cmd *out); // then redis_cmd_str each job whose end is written

// ---- for operators ----
// The latest job of an upload, {state, job}: state "unknown" where there is none.
void queue_find_cmd(const struct queue *q, struct str shop, struct str upload, struct redis_cmd *out);
// shop "": the whole queue. The reply is 1 when that changed anything.
void queue_pause_cmd(const struct queue *q, struct str shop, bool is_paused, struct str why, struct redis_cmd *out);
// An entry of the dead stream goes to the inbox again: "retried", "unknown"; "empty" or "cut" where nothing of it,
// or too little, was kept.
void queue_retry_cmd(const struct queue *q, struct str id, struct redis_cmd *out);

// Single flight: of all tasks that want the thing of this name made, one makes it: its right lasts as long as its
// lease, so a maker that dies is replaced. outdated: the value that is no good ("": whatever is known will do).
void queue_once_cmd(const struct queue *q, struct str name, struct str ref, struct str token, struct str outdated,
                    struct redis_cmd *out);
enum queue_once {
    QUEUE_ONCE_KNOWN, // it is made: value says where
    QUEUE_ONCE_YOURS, // make it, then send queue_made_cmd
    QUEUE_ONCE_WAIT,  // another task makes it: ask again in a moment
    QUEUE_ONCE_LOST   // the task that asks has lost its lease
};
bool queue_once_reply(const struct redis_reply *r, enum queue_once *what, struct str *value);
void queue_made_cmd(const struct queue *q, struct str name, struct str value, int64_t ttl_s, struct redis_cmd *out);

// BLMOVE inbox -> intake, and BLPOP of a lane's wake marker. A connection waits for one thing: who waited for both
// markers while it has room in one lane would hear of the other too late, or take a marker that it has no use for.
void queue_intake_cmd(const struct queue *q, int64_t wait_ms, struct redis_cmd *out);
void queue_wake_cmd(const struct queue *q, enum queue_lane lane, int64_t wait_ms, struct redis_cmd *out);
// The marker came, and there is no room any more: it is put there again for somebody else, if there is a reason to.
void queue_pass_wake_cmd(const struct queue *q, enum queue_lane lane, struct redis_cmd *out);
// What a producer sends: RPUSH <key>:jobs <message>.
void queue_push_cmd(const struct queue *q, struct str message, struct redis_cmd *out);

// "{bundles}:<name>"; of uploads and jobs: "...:progress:<address>", "...:job:<job>".
void queue_key(const struct queue *q, const char *name, struct str suffix, struct buf *out);
// "<shop>:<upload>", with % and : in the shop as %25 and %3A: a run_id is unique in its shop only.
void queue_address(struct str shop, struct str upload, struct buf *out);

#endif
