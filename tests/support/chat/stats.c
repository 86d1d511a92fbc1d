#include "tests/support/chat/stats.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"

void stats_init(struct stats *s)
{
    *s = (struct stats){.started_ms = clock_mono_ms()};
}

void stats_fini(struct stats *s)
{
    for (size_t i = 0; i < STATS_REQUESTS_KEPT; i++)
        json_decref(s->last[i].messages);
}

void stats_clear(struct stats *s)
{
    stats_fini(s);
    *s = (struct stats){
        .started_ms = s->started_ms, .generation = s->generation + 1, .running = s->running, .running_max = s->running};
}

struct stats_ticket stats_begin(struct stats *s)
{
    struct stats_ticket t = {.number = s->requests++, .generation = s->generation, .began_ms = clock_mono_ms()};
    struct stats_request *r = stats_request(s, &t);
    json_decref(r->messages);
    *r = (struct stats_request){.at_ms = t.began_ms - s->started_ms, .took_ms = -1, .fault = FAULT_COUNT};
    if (++s->running > s->running_max)
        s->running_max = s->running;
    return t;
}

struct stats_request *stats_request(struct stats *s, const struct stats_ticket *t)
{
    bool is_kept = t->generation == s->generation && t->number >= s->requests - STATS_REQUESTS_KEPT;
    return is_kept ? &s->last[t->number % STATS_REQUESTS_KEPT] : NULL;
}

void stats_answered(struct stats *s, const struct stats_ticket *t, int status)
{
    struct stats_request *r = stats_request(s, t);
    s->answered++;
    s->by_status[status]++;
    if (r)
        r->status = status;
}

void stats_used(struct stats *s, int64_t n_bundles, const struct api_usage *usage)
{
    s->bundles += n_bundles;
    s->tokens_in += usage->tokens_in;
    s->tokens_out += usage->tokens_out;
}

void stats_end(struct stats *s, const struct stats_ticket *t)
{
    struct stats_request *r = stats_request(s, t);
    int64_t took_ms = clock_mono_ms() - t->began_ms;
    s->running--;
    if (took_ms > s->slowest_ms)
        s->slowest_ms = took_ms;
    if (r)
        r->took_ms = took_ms;
}

// ---- JSON ----

static void set(json_t *object, const char *key, json_t *take_value)
{
    CHECK(json_object_set_new(object, key, take_value) == 0);
}

static json_t *status_counts(const struct stats *s)
{
    json_t *out = json_object();
    for (int status = 0; status < STATS_STATUS_MAX; status++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", status);
        if (s->by_status[status])
            set(out, key, json_integer(s->by_status[status]));
    }
    return out;
}

static json_t *fault_counts(const struct stats *s)
{
    json_t *out = json_object();
    for (int f = 0; f < FAULT_COUNT; f++) {
        if (s->by_fault[f])
            set(out, fault_name((enum fault)f), json_integer(s->by_fault[f]));
    }
    return out;
}

static void put_requests(const struct stats *s, json_t *requests, json_t *prompts)
{
    int64_t first = s->requests > STATS_REQUESTS_KEPT ? s->requests - STATS_REQUESTS_KEPT : 0;
    for (int64_t n = first; n < s->requests; n++) {
        const struct stats_request *r = &s->last[n % STATS_REQUESTS_KEPT];
        json_t *row = json_pack("{s:I, s:I, s:I, s:i, s:s?}", "at_ms", (json_int_t)r->at_ms, "took_ms",
                                (json_int_t)r->took_ms, "bundles", (json_int_t)r->n_bundles, "status", r->status,
                                "fault", r->fault < FAULT_COUNT ? fault_name(r->fault) : NULL);
        CHECK(row && json_array_append_new(requests, row) == 0);
        CHECK(json_array_append_new(prompts, r->messages ? json_incref(r->messages) : json_null()) == 0);
    }
}

char *stats_json(const struct stats *s, const struct server_counts *connections)
{
    json_t *requests = json_array(), *prompts = json_array();
    put_requests(s, requests, prompts);
    json_t *out = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "requests", (json_int_t)s->requests,
        "answered", (json_int_t)s->answered, "bundles", (json_int_t)s->bundles, "running", (json_int_t)s->running,
        "running_max", (json_int_t)s->running_max, "slowest_ms", (json_int_t)s->slowest_ms, "connections_open",
        (json_int_t)connections->open, "connections_total", (json_int_t)connections->total, "tokens_in",
        (json_int_t)s->tokens_in, "tokens_out", (json_int_t)s->tokens_out, "by_status", status_counts(s), "by_fault",
        fault_counts(s), "last_requests", requests, "last_prompts", prompts);
    CHECK(out);
    char *text = json_dumps(out, JSON_COMPACT);
    CHECK(text);
    json_decref(out);
    return text;
}
