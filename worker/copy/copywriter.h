// The copywriter: asks a language model for the copy of many bundles at once. A thread with a loop of its own; it holds
// no compute slot and no PostgreSQL connection.
//
//     order (briefs) --> cache in Redis --> gate --> model --> check --> cache --> on_done
//                             hits --------------------------------------^
//                          refused copy: each bundle asked for again, alone, once ----^
//
// INVARIANTS  1. on_done runs exactly once for each order, at the latest when its time is over (and a second more).
//             2. An order never fails: what could not be written says why. 3. in_flight requests at most.
//             4. The key is copied only while a request is made of it; it is in no text that leaves this module.
// CANCEL      An order whose *is_cancelled becomes true ends within a second (written: nothing, is_cancelled).
// THREADS     copywriter_write from any; on_done on the copywriter's.
#ifndef BUNDLE_WORKER_COPY_COPYWRITER_H
#define BUNDLE_WORKER_COPY_COPYWRITER_H

#include <stdatomic.h>

#include "common/gate.h"
#include "common/log.h"
#include "worker/copy/brief.h"
#include "worker/copy/http.h"

enum copy_structured { COPY_AUTO, COPY_SCHEMA, COPY_JSON, COPY_PLAIN }; // as copy.structured has them

struct copywriter_settings {
    struct http_settings http;
    const char *url, *key, *key_file, *organization, *project; // texts outlive the copywriter
    enum copy_structured structured;
    int64_t cache_ttl_s; // 0: no cache
    struct gate gate;    // its name is made of the URL's host
    int64_t redis_timeout_ms;
};

enum copy_source { COPY_TEMPLATE, COPY_MODEL, COPY_CACHE };
struct copy_written {
    enum copy_source source;
    struct str json;   // model, cache: {title, ..., benefits, model, locale, key}, without source; "" for template
    struct str reason; // template: why
    const char *kind;  // ... in a word, to count by: "price", "budget", "refused", "unreachable" ...
};

struct copy_usage {
    int64_t requests, retries, tokens_in, tokens_out;
    int64_t cache_asked, cache_hits;
    int64_t took_ms, slowest_ms; // in all; the longest single request
};

struct copy_outcome {                   // views, valid during the call
    const struct copy_written *written; // one per brief
    struct copy_usage usage;
    bool is_cancelled;
};

struct copy_order {
    const struct brief *briefs; // all this lives until on_done has returned
    size_t n;
    struct str model, locale;
    int64_t within_ms;                // from now
    int64_t requests_max, tokens_max; // its share of the job's budget
    const atomic_bool *is_cancelled;
    struct log_context log; // whose lines these are
    void (*on_done)(void *context, const struct copy_outcome *outcome);
    void *context;
};

struct copywriter;
bool copywriter_create(struct copywriter **out, const struct copywriter_settings *s, const struct queue *q,
                       const struct redis_url *url, struct err *e) MUST_USE;
void copywriter_destroy(struct copywriter *w); // orders that it has end as cancelled first; NULL is fine
void copywriter_write(struct copywriter *w, const struct copy_order *order); // the order itself is copied

#endif
