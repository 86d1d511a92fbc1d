// What the model server has seen: counts, and its last requests.
#ifndef BUNDLE_TESTS_CHAT_STATS_H
#define BUNDLE_TESTS_CHAT_STATS_H

#include <stdint.h>

#include <jansson.h>

#include "tests/support/chat/api.h"
#include "tests/support/chat/fault.h"
#include "tests/support/chat/http_server.h"

enum { STATS_REQUESTS_KEPT = 256, STATS_STATUS_MAX = 600 };

struct stats_request {
    int64_t at_ms, took_ms; // since the server's start; -1: still running
    int64_t n_bundles;
    int status;       // 0: none was sent
    enum fault fault; // FAULT_COUNT: none
    json_t *messages; // NULL: they could not be read
};

struct stats {
    int64_t requests, answered, bundles, tokens_in, tokens_out, running, running_max, slowest_ms;
    int64_t by_status[STATS_STATUS_MAX], by_fault[FAULT_COUNT + 1];
    struct stats_request last[STATS_REQUESTS_KEPT]; // the nth at n % STATS_REQUESTS_KEPT
    int64_t started_ms, generation;                 // counts go back to 0: another one
};

void stats_init(struct stats *s);
void stats_clear(struct stats *s); // but for what is running
void stats_fini(struct stats *s);

struct stats_ticket { // of one request
    int64_t number, generation, began_ms;
};
struct stats_ticket stats_begin(struct stats *s);
// NULL: that request is not kept any more.
struct stats_request *stats_request(struct stats *s, const struct stats_ticket *t);
void stats_answered(struct stats *s, const struct stats_ticket *t, int status);
void stats_used(struct stats *s, int64_t n_bundles, const struct api_usage *usage);
void stats_end(struct stats *s, const struct stats_ticket *t);

char *stats_json(const struct stats *s, const struct server_counts *connections); // the caller frees it

#endif
