// What the parts of the copywriter share. Not for anybody else. All of it belongs to the copywriter's thread, but for
// what `lock` keeps.
//
//     copywriter.c    the thread: orders in, cancellations, the end
//     copy_run.c      one order: cache --> a request for all --> each refused bundle alone --> on_done
//     copy_cache.c    copy in Redis
//     copy_request.c  one request: budget --> line --> model --> again after a failure that may pass
//     copy_line.c     the line before the gate: who asks it next, in order of age
//     copy_judge.c    what an answer means: copy, again later, never
#ifndef BUNDLE_WORKER_COPY_COPYWRITER_INTERNAL_H
#define BUNDLE_WORKER_COPY_COPYWRITER_INTERNAL_H

#include <pthread.h>

#include "common/outage.h"
#include "worker/copy/answer.h"
#include "worker/copy/check.h"
#include "worker/copy/copywriter.h"
#include "worker/copy/prompt.h"

#define COPY_CUT "cut" // at the server's limit of tokens, or at ours
#define COPY_CUT_REASON "the language model's answer was cut off"
#define COPY_AWAY "redis"
#define COPY_AWAY_REASON "Redis, which keeps the language model's limits, was away"

struct event;
struct copy_run;
struct copy_request;

struct copy_line {
    struct copy_request *first; // oldest ticket first
    unsigned n_asking;          // the gate
    unsigned n_inside;          // it
    uint64_t tickets;
    int64_t paused_until_ms;
    const struct copy_pause *pause; // why; NULL: never yet
    struct event *timer;
};

struct copywriter {
    struct copywriter_settings s;
    const struct queue *queue;
    char place[HTTP_HOST_MAX]; // the gate's name: the URL's host
    struct buf url;            // of requests
    struct event_base *base;
    struct event *wake, *tick, *last_call;
    struct redis_async *redis;
    struct http *http;
    struct language *language;
    struct copy_line line;
    struct copy_run *runs, *newest; // oldest first
    unsigned n_leaving;             // words to the gate that are on their way
    struct prompt_dialect dialect;  // what has been learnt of the server
    struct outage outage, redis_outage, cache_outage, keep_outage;
    bool is_ending;

    pthread_t thread;
    pthread_mutex_t lock;
    struct copy_run *inbox; // latest first
    bool is_closing;
};

// One order.
struct copy_run {
    struct copywriter *writer;
    struct copy_run *next, *previous;
    struct copy_order order;
    struct arena memory;
    int64_t begun_ms, ends_ms; // clock_mono_ms
    struct copy_written *written;
    bool *is_settled;
    size_t n_open; // of its briefs
    struct copy_usage usage;
    struct copy_lookup *lookup; // on its way to Redis; NULL: none
    bool is_looked_up;
    struct copy_request *requests;
    unsigned n_waiting;       // requests that are not sent yet,
    int64_t tokens_reserved;  // and what those that are not answered yet may take
    unsigned n_asked_again;   // bundles
    unsigned n_held;          // it does not end while somebody in here is at work on it
    const char *trouble_kind; // what it waited for last, for when its time is over
    struct str trouble;
};

// Some of its bundles, asked for together.
struct copy_request {
    struct copy_run *run;
    struct copy_request *next, *previous;
    const struct brief *briefs[PROMPT_BRIEFS_MAX];
    size_t numbers[PROMPT_BRIEFS_MAX], n; // in the order
    bool is_again;                        // the last try of what is in it
    struct prompt_tokens likely;          // what it may take;
    int64_t units;                        // in all, while that is reserved
    unsigned tries, limited;              // failures, and how often there was no room
    struct prompt_dialect dialect;

    uint64_t ticket;
    struct copy_request *line_next;
    enum { COPY_IDLE, COPY_IN_LINE, COPY_ASKING, COPY_INSIDE } where;
    struct copy_asking *asking;
    bool is_probe, is_waiting; // is_waiting: it is not sent yet
    struct http_call *call;
    int64_t sent_ms;
    struct event *timer;
};

// copy_run.c
struct copy_run *copy_run_create(struct copywriter *w, const struct copy_order *order);
void copy_run_begin(struct copy_run *run);
void copy_run_look(struct copy_run *run, int64_t now_ms); // at its cancellation, its time; once in a while
void copy_run_cancel(struct copy_run *run);               // ends it, as cancelled
void copy_run_hit(struct copy_run *run, size_t i, const struct copy_text *text); // in the cache
void copy_run_ask(struct copy_run *run);                                         // for all that is open
// What is in its way, for when its time is over meanwhile.
void copy_run_trouble(struct copy_run *run, const char *kind, const char *reason);
void copy_run_no_trouble(struct copy_run *run);
// A request has ended; it is destroyed by this.
void copy_run_answered(struct copy_request *take_r, const struct answer *a);
void copy_run_failed(struct copy_request *take_r, const char *kind, const char *reason, bool is_asked_again);

// copy_cache.c
bool copy_cache_ask(struct copy_run *run); // false: Redis is away; else the run is told of hits, then asks for the rest
void copy_cache_forget(struct copy_run *run);
void copy_cache_put(struct copy_run *run, size_t i, const struct copy_text *text);

// copy_request.c
struct copy_request *copy_request_create(struct copy_run *run, bool is_again);
void copy_request_add(struct copy_request *r, size_t number);
void copy_request_send(struct copy_request *take_r); // into the line, or ends at once: the budget is used up
void copy_request_destroy(struct copy_request *r, bool is_late); // is_late: it had all the time that there was
void copy_request_entered(struct copy_request *r, const struct gate_entered *g); // go or closed

// copy_line.c
void copy_line_init(struct copywriter *w);
void copy_line_fini(struct copywriter *w);
void copy_line_join(struct copy_request *r);
void copy_line_drop(struct copy_request *r); // wherever it is; inside: see copy_line_leave
void copy_line_leave(struct copy_request *r, const struct gate_left *l);
void copy_line_move(struct copywriter *w);

// copy_judge.c
struct copy_verdict {
    enum copy_next { COPY_READ, COPY_RETRY, COPY_REPHRASE, COPY_ALONE, COPY_GIVE_UP } next;
    enum gate_outcome outcome;
    enum err_kind is_news; // for operators; ERR_NONE: not
    const char *kind;
    char reason[200];              // for merchants, and for those who find the gate closed
    const char *cause, *remedy;    // for operators; a view, as long as the answer; NULL: none
    int64_t closed_ms, after_ms;   // of the gate; until it is tried again
    struct prompt_dialect dialect; // COPY_REPHRASE: which it is to be; never back to what has been refused
};
struct copy_verdict copy_judge(const struct copy_request *r, const struct http_answer *a);

// copywriter.c
void copywriter_maybe_end(struct copywriter *w);
// The JSON of a bundle's copy, in `memory`.
struct str copy_written_json(const struct copy_order *o, const struct brief *b, const struct copy_text *text,
                             struct arena *memory);

#endif
