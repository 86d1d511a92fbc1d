#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/check.h"
#include "common/clock.h"
#include "tests/support/chat/call.h"
#include "tests/support/chat/spoil.h"
#include "tests/support/chat/writer.h"

enum { TOO_LARGE_BYTES = 20 << 20 };

void answer(struct call *c, int status, char *take_body)
{
    free(c->body);
    c->status = status;
    c->body = take_body;
}

void answer_error(struct call *c, int status, const char *message, const char *type, const char *code)
{
    answer(c, status, api_error(message, type, code));
}

static void retry_after(struct call *c, const char *said)
{
    char date[64];
    if (strcmp(said, "date") == 0) {
        time_t then = (time_t)(clock_wall_ms() / 1000 + 2);
        struct tm tm;
        (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
        said = date;
    }
    size_t len = strlen(c->headers);
    (void)snprintf(c->headers + len, sizeof c->headers - len, "Retry-After: %s\r\n", said);
}

// ---- who may ask, and how much ----

bool may_ask(struct call *c)
{
    const char *key = c->service->options.key;
    struct str said = c->exchange->authorization, bearer = STR("Bearer ");
    if (said.len > bearer.len && memcmp(said.ptr, bearer.ptr, bearer.len) == 0)
        said = (struct str){said.ptr + bearer.len, said.len - bearer.len};
    if (!key || str_eq(said, str_of(key)))
        return true;
    char message[256]; // repeats the key, as such servers do
    (void)snprintf(message, sizeof message, "Incorrect API key provided: " STR_FMT ".", STR_ARG(said));
    answer_error(c, 401, message, "invalid_request_error", "invalid_api_key");
    return false;
}

static bool is_within_limits(struct call *c, int64_t tokens)
{
    struct service *s = c->service;
    int64_t now_ms = clock_mono_ms(), wait_ms = limit_take(&s->requests, s->behaviour->requests_per_min, 1, now_ms);
    if (wait_ms == 0)
        wait_ms = limit_take(&s->tokens, s->behaviour->tokens_per_min, tokens, now_ms);
    if (wait_ms == 0)
        return true;
    char seconds[32];
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_ms + 999) / 1000);
    answer_error(c, 429, "Rate limit reached for requests or tokens.", "rate_limit_error", "rate_limit_exceeded");
    retry_after(c, seconds);
    return false;
}

// ---- what goes wrong ----

static void fail(struct call *c, const struct rule *r)
{
    static const struct {
        enum fault fault;
        int status;
        const char *message, *code;
    } FAILURES[] = {
        {FAULT_STATUS_400, 400, "This request is refused.", "bad_request"},
        {FAULT_STATUS_403, 403, "Your country, region, or territory is not supported.", "forbidden"},
        {FAULT_STATUS_404, 404, "The model does not exist or you do not have access to it.", "model_not_found"},
        {FAULT_STATUS_429, 429, "Rate limit reached for requests.", "rate_limit_exceeded"},
        {FAULT_STATUS_500, 500, "The server had an error while processing your request.", "server_error"},
        {FAULT_STATUS_503, 503, "The server is overloaded.", "overloaded"}};
    static const char PAGE[] = "<html><head><title>Bad Gateway</title></head><body><h1>nginx</h1></body></html>";
    if (r->fault == FAULT_STATUS_401) {
        char message[256];
        (void)snprintf(message, sizeof message, "Incorrect API key provided: " STR_FMT ".",
                       STR_ARG(c->exchange->authorization));
        answer_error(c, 401, message, "invalid_request_error", "invalid_api_key");
    }
    if (r->fault == FAULT_STATUS_302) {
        answer(c, 302, strdup(""));
        (void)snprintf(c->headers, sizeof c->headers, "Location: /stolen\r\n");
    }
    if (r->fault == FAULT_STATUS_502 || r->fault == FAULT_HTML) {
        answer(c, r->fault == FAULT_HTML ? 200 : 502, strdup(PAGE));
        c->type = "text/html";
    }
    if (r->fault == FAULT_EMPTY)
        answer(c, 200, strdup(""));
    for (size_t i = 0; i < ARRAY_LEN(FAILURES); i++) {
        if (FAILURES[i].fault == r->fault)
            answer_error(c, FAILURES[i].status, FAILURES[i].message, "server_error", FAILURES[i].code);
    }
    if (r->retry_after)
        retry_after(c, r->retry_after);
}

static char *too_much(void)
{
    static const char OPENING[] = "{\"choices\":[{\"message\":{\"content\":\"";
    char *out = malloc(TOO_LARGE_BYTES + 1);
    CHECK(out);
    (void)memset(out, 'a', TOO_LARGE_BYTES);
    (void)memcpy(out, OPENING, strlen(OPENING));
    (void)memcpy(out + TOO_LARGE_BYTES - 5, "\"}}]}", 6);
    return out;
}

// ---- the model ----

static void write_copy(struct call *c, const struct api_request *r, json_t *asked, const struct rule *rule)
{
    const char *const *obeys = c->service->behaviour->obeys;
    json_t *copies = asked ? writer_answer(asked, obeys) : NULL;
    if (copies && rule && fault_kind(rule->fault) == FAULT_OF_COPY)
        spoil_copies(rule->fault, copies, asked, rule->mentions);
    char *content = copies ? spoil_content(c->fault, copies) : strdup("Hello! How can I help you today?");
    struct api_usage usage = api_usage(r, content);
    if (is_within_limits(c, usage.tokens_in + usage.tokens_out)) {
        answer(c, 200, api_completion(r, content, c->fault == FAULT_LENGTH, &usage));
        stats_used(&c->service->stats, (int64_t)json_array_size(json_object_get(copies, "bundles")), &usage);
    }
    free(content);
    json_decref(copies);
}

static void think(struct call *c, const struct api_request *r)
{
    struct service *s = c->service;
    json_t *asked = json_loads(r->content, 0, NULL); // NULL: a chat about something else
    int64_t n = (int64_t)json_array_size(json_object_get(asked, "bundles"));
    const struct rule *rule = behaviour_choose(s->behaviour, str_of(r->content), n);
    struct stats_request *seen = stats_request(&s->stats, &c->ticket);
    c->fault = rule ? rule->fault : FAULT_COUNT;
    s->stats.by_fault[c->fault]++;
    if (seen) {
        seen->n_bundles = n;
        seen->fault = c->fault;
        seen->messages = json_incref((json_t *)r->messages);
    }
    c->after_ms = behaviour_latency_ms(s->behaviour);
    if (rule && fault_kind(rule->fault) == FAULT_OF_ANSWER)
        fail(c, rule);
    else if (c->fault == FAULT_TOO_LARGE || c->fault == FAULT_TOO_LARGE_CHUNKED)
        answer(c, 200, too_much());
    else
        write_copy(c, r, asked, rule);
    json_decref(asked);
}

void chat(struct call *c)
{
    struct api_request r;
    struct err e;
    json_t *body = json_loadb(c->exchange->body.ptr, c->exchange->body.len, 0, NULL); // NULL: api_read says so
    c->is_chat = true;
    c->ticket = stats_begin(&c->service->stats);
    if (!may_ask(c))
        ;
    else if (!api_read(body, &c->service->options.dialect, &r, &e))
        answer_error(c, 400, e.message, "invalid_request_error", "invalid_request");
    else
        think(c, &r);
    json_decref(body);
}
