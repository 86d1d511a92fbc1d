#include "worker/copy/copywriter_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"

enum { REFUSED_MS = 60000, RETRY_AFTER_MAX_MS = 3600000 };
enum { LIMITED_FIRST_MS = 1000, LIMITED_STEPS = 5, LIMITED_MAX_MS = 20000 }; // doubling where the server does not say

static int64_t told_ms(const struct http_answer *a)
{
    return a->retry_after_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : a->retry_after_ms;
}

// A key that is wrong, an account that is empty: people must mend it, and asking again makes it no better.
static void judge_refused(struct copy_verdict *v, const char *kind, const char *why, int status, const char *remedy)
{
    v->next = COPY_GIVE_UP;
    v->outcome = GATE_REFUSED;
    v->closed_ms = REFUSED_MS;
    v->is_news = ERR_CONFIG;
    v->kind = kind;
    v->remedy = remedy;
    (void)snprintf(v->reason, sizeof v->reason, "the language model's server %s (%d)", why, status);
}

static void judge_limited(struct copy_verdict *v, const struct copy_request *r, const struct http_answer *a)
{
    char error[256];
    answer_error(a->body, error, sizeof error);
    if (strstr(error, "insufficient_quota")) {
        judge_refused(v, "quota", "says that its account is used up", a->status, "see the account's billing");
        return;
    }
    int64_t ms = told_ms(a);
    if (ms <= 0) // not said; or "at once", which would use up the job's requests within a moment
        ms = r->limited < LIMITED_STEPS ? LIMITED_FIRST_MS << r->limited : LIMITED_MAX_MS;
    v->next = COPY_RETRY;
    v->outcome = GATE_LIMITED;
    v->closed_ms = ms + random() % (ms / 10 + 1);
    v->kind = "limited";
    (void)snprintf(v->reason, sizeof v->reason, "the language model's server asked to come back later (429)");
}

static void judge_failed(struct copy_verdict *v, const struct http_answer *a)
{
    v->next = COPY_RETRY;
    v->outcome = GATE_FAILED;
    v->kind = "server";
    v->after_ms = told_ms(a);
    (void)snprintf(v->reason, sizeof v->reason, "the language model's server failed (%d)", a->status);
}

static bool has_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

static bool is_about_structure(const char *error)
{
    static const char *const WORDS[] = {"response_format", "json_schema", "json_object", "structured", "schema"};
    return has_one_of(error, WORDS, ARRAY_LEN(WORDS));
}

// Not where they are too many: that is about the number, by whatever name.
static bool is_about_max_tokens(const char *error)
{
    static const char *const WORDS[] = {"unsupported", "not support", "deprecated", "unrecognized", "unknown"};
    return strstr(error, "max_completion_tokens") ||
           (strstr(error, "max_tokens") && has_one_of(error, WORDS, ARRAY_LEN(WORDS)));
}

// Every step that the error asks for. false: none that has not been taken yet, so that asking comes to an end.
static bool rephrase(const struct copy_request *r, const struct http_answer *a, struct prompt_dialect *out)
{
    char error[1024];
    const struct prompt_dialect *d = &r->dialect;
    answer_error(a->body, error, sizeof error);
    bool tokens = !d->is_completion_tokens && is_about_max_tokens(error);
    bool temperature = d->has_temperature && strstr(error, "temperature");
    bool structure =
        r->run->writer->s.structured == COPY_AUTO && d->structure < PROMPT_PLAIN && is_about_structure(error);
    *out = (struct prompt_dialect){.structure = d->structure + structure,
                                   .is_completion_tokens = d->is_completion_tokens || tokens,
                                   .has_temperature = d->has_temperature && !temperature};
    return tokens || temperature || structure;
}

// The place works; what we asked is not to its liking.
static void judge_rejected(struct copy_verdict *v, const struct copy_request *r, const struct http_answer *a)
{
    v->outcome = GATE_OK;
    v->next = COPY_GIVE_UP;
    v->is_news = a->status == 404 ? ERR_NOT_FOUND : ERR_CODEC;
    v->kind = "rejected";
    v->remedy = a->status == 404 ? "see copy.url and copy.model" : "see copy.url, copy.model and copy.structured";
    (void)snprintf(v->reason, sizeof v->reason, "the language model's server did not take the request (%d)", a->status);
    if (a->status == 413 && r->n > 1) {
        v->next = COPY_ALONE;
        v->is_news = ERR_NONE;
    } else if ((a->status == 400 || a->status == 422) && rephrase(r, a, &v->dialect)) {
        v->next = COPY_REPHRASE;
        v->is_news = ERR_NONE;
    }
}

static void judge_status(struct copy_verdict *v, const struct copy_request *r, const struct http_answer *a)
{
    int status = a->status;
    if (status >= 200 && status < 300)
        *v = (struct copy_verdict){.next = COPY_READ, .outcome = GATE_OK};
    else if (status == 401 || status == 403)
        judge_refused(v, "refused", "refuses our key", status, "see copy.key and copy.key_file");
    else if (status == 429)
        judge_limited(v, r, a);
    else if (status == 408 || status >= 500)
        judge_failed(v, a);
    else
        judge_rejected(v, r, a);
}

static void judge_transport(struct copy_verdict *v, const struct http_answer *a)
{
    static const struct {
        enum copy_next next;
        enum gate_outcome outcome;
        const char *words, *remedy;
    } ROWS[] = {
        [HTTP_NO_NAME] = {COPY_RETRY, GATE_FAILED, "cannot be found", "see copy.url, and DNS here"},
        [HTTP_NO_CONNECT] = {COPY_RETRY, GATE_FAILED, "cannot be reached", "see copy.url, and the network here"},
        [HTTP_TLS] = {COPY_GIVE_UP, GATE_FAILED, "has no certificate that we trust", "see copy.url and copy.ca_file"},
        [HTTP_TIMEOUT] = {COPY_RETRY, GATE_FAILED, "does not answer in time", "see copy.timeout_ms"},
        [HTTP_SLOW] = {COPY_RETRY, GATE_FAILED, "answers too slowly", NULL},
        [HTTP_RESET] = {COPY_RETRY, GATE_FAILED, "broke off", NULL},
        [HTTP_TOO_LARGE] = {COPY_ALONE, GATE_OK, "answered too much", "see copy.response_bytes_max"},
        [HTTP_REFUSED] = {COPY_GIVE_UP, GATE_NOT_ASKED, "is not asked: its address or our key is not allowed",
                          "see copy.url, copy.block_private and the key"},
    };
    CHECK((size_t)a->result < ARRAY_LEN(ROWS) && ROWS[a->result].words);
    v->next = ROWS[a->result].next;
    v->outcome = ROWS[a->result].outcome;
    v->remedy = ROWS[a->result].remedy;
    v->cause = a->error;
    v->kind = http_result_name(a->result);
    v->is_news = v->next == COPY_RETRY ? ERR_NONE : ERR_CONFIG;
    (void)snprintf(v->reason, sizeof v->reason, "the language model's server %s", ROWS[a->result].words);
}

struct copy_verdict copy_judge(const struct copy_request *r, const struct http_answer *a)
{
    struct copy_verdict v = {.after_ms = -1};
    // An error page may be larger than any copy: it is an error all the same.
    bool is_error_page = a->result == HTTP_TOO_LARGE && a->status >= 300;
    if (a->result == HTTP_ANSWERED || is_error_page)
        judge_status(&v, r, a);
    else
        judge_transport(&v, a);
    return v;
}
