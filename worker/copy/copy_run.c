#include "worker/copy/copywriter_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json_out.h"

enum { WRITTEN_BYTES_MAX = 1 << 16 };

void copy_run_no_trouble(struct copy_run *run)
{
    run->trouble_kind = "time";
    run->trouble = STR("the time for copy was over before the language model had answered");
}

struct copy_run *copy_run_create(struct copywriter *w, const struct copy_order *order)
{
    struct copy_run *run = calloc(1, sizeof *run);
    CHECK(run && order->n > 0 && order->n <= PROMPT_BRIEFS_MAX);
    run->writer = w;
    run->order = *order;
    run->begun_ms = clock_mono_ms();
    run->ends_ms = run->begun_ms + order->within_ms;
    run->n_open = order->n;
    arena_init(&run->memory, 0);
    run->written = ARENA_ARRAY(&run->memory, struct copy_written, order->n);
    run->is_settled = ARENA_ARRAY(&run->memory, bool, order->n);
    copy_run_no_trouble(run);
    return run;
}

// Oldest first: so they are looked at.
static void link_in(struct copy_run *run)
{
    struct copywriter *w = run->writer;
    run->previous = w->newest;
    if (run->previous)
        run->previous->next = run;
    else
        w->runs = run;
    w->newest = run;
}

static void take_out(struct copy_run *run)
{
    if (run->previous)
        run->previous->next = run->next;
    else
        run->writer->runs = run->next;
    if (run->next)
        run->next->previous = run->previous;
    else
        run->writer->newest = run->previous;
}

// ---- the end ----

static void log_end(const struct copy_run *run, bool is_cancelled)
{
    unsigned of_source[3] = {0};
    const struct copy_usage *u = &run->usage;
    for (size_t i = 0; i < run->order.n && !is_cancelled; i++)
        of_source[run->written[i].source]++;
    log_set_context(&run->order.log);
    LOG(LOG_INFO, is_cancelled ? "copy cancelled" : "copy written", LOG_I("bundles", run->order.n),
        LOG_I("model", of_source[COPY_MODEL]), LOG_I("cache", of_source[COPY_CACHE]),
        LOG_I("template", of_source[COPY_TEMPLATE]), LOG_I("asked_again", run->n_asked_again),
        LOG_I("requests", u->requests), LOG_I("tokens", u->tokens_in + u->tokens_out), LOG_I("ms", u->took_ms));
    log_set_context(NULL);
}

static void end(struct copy_run *run, bool is_cancelled, bool is_late)
{
    while (run->requests)
        copy_request_destroy(run->requests, is_late);
    copy_cache_forget(run);
    take_out(run);
    run->usage.took_ms = clock_mono_ms() - run->begun_ms;
    log_end(run, is_cancelled);
    const struct copy_outcome outcome = {.written = run->written, .usage = run->usage, .is_cancelled = is_cancelled};
    run->order.on_done(run->order.context, &outcome);
    arena_fini(&run->memory);
    free(run);
}

static void end_if_settled(struct copy_run *run)
{
    if (run->n_open == 0 && run->n_held == 0)
        end(run, false, false);
}

static void settle(struct copy_run *run, size_t i, const struct copy_written *as)
{
    CHECK(!run->is_settled[i] && run->n_open > 0);
    run->is_settled[i] = true;
    run->written[i] = *as;
    run->n_open--;
}

static struct str keep(struct copy_run *run, const char *text)
{
    return arena_str(&run->memory, str_of(text));
}

static void settle_template(struct copy_run *run, size_t i, const char *kind, const char *reason)
{
    const struct copy_written as = {.source = COPY_TEMPLATE, .reason = keep(run, reason), .kind = keep(run, kind).ptr};
    settle(run, i, &as);
}

void copy_run_cancel(struct copy_run *run)
{
    end(run, true, false);
}

static void time_is_over(struct copy_run *run)
{
    for (size_t i = 0; i < run->order.n; i++)
        if (!run->is_settled[i])
            settle_template(run, i, run->trouble_kind, run->trouble.ptr);
    end(run, false, true);
}

void copy_run_trouble(struct copy_run *run, const char *kind, const char *reason)
{
    if (strcmp(reason, run->trouble.ptr) == 0)
        return;
    run->trouble_kind = keep(run, kind).ptr;
    run->trouble = keep(run, reason);
}

// ---- its way ----

static void look_up(struct copy_run *run)
{
    if (!copy_cache_ask(run))
        copy_run_trouble(run, COPY_AWAY, COPY_AWAY_REASON);
}

void copy_run_begin(struct copy_run *run)
{
    link_in(run);
    if (run->order.within_ms <= 0)
        time_is_over(run);
    else if (run->writer->s.cache_ttl_s > 0)
        look_up(run);
    else {
        run->is_looked_up = true;
        copy_run_ask(run);
    }
}

void copy_run_look(struct copy_run *run, int64_t now_ms)
{
    if (atomic_load(run->order.is_cancelled))
        copy_run_cancel(run);
    else if (now_ms >= run->ends_ms)
        time_is_over(run);
    else if (!run->is_looked_up && !run->lookup)
        look_up(run);
}

void copy_run_ask(struct copy_run *run)
{
    if (run->n_open == 0) {
        end_if_settled(run);
        return;
    }
    struct copy_request *r = copy_request_create(run, false);
    for (size_t i = 0; i < run->order.n; i++)
        if (!run->is_settled[i])
            copy_request_add(r, i);
    copy_request_send(r);
}

struct refusal {
    const char *kind;
    char reason[CHECK_REASON_MAX];
};

static bool is_there(const struct answer *a, size_t k, struct refusal *why)
{
    if (a->copies[k])
        return true;
    why->kind = a->is_cut ? COPY_CUT : "missing";
    (void)snprintf(why->reason, sizeof why->reason, "%s", a->is_cut ? COPY_CUT_REASON : "left out of the answer");
    return false;
}

static void settle_text(struct copy_run *run, size_t i, const struct copy_text *text, enum copy_source source)
{
    const struct copy_written as = {.source = source,
                                    .json = copy_written_json(&run->order, &run->order.briefs[i], text, &run->memory)};
    settle(run, i, &as);
}

void copy_run_hit(struct copy_run *run, size_t i, const struct copy_text *text)
{
    struct refusal why;
    const struct brief *brief = &run->order.briefs[i];
    // It was in the right language: that cannot change, and is slow to tell.
    struct checker *c = checker_create(run->order.locale, NULL, &brief, 1);
    bool fit = copy_check(c, 0, text, &why.kind, why.reason);
    checker_destroy(c);
    if (!fit)
        return; // the checks are stricter today, or somebody has been at it: it is asked for
    settle_text(run, i, text, COPY_CACHE);
    run->usage.cache_hits++;
}

static void ask_again(struct copy_run *run, const size_t *numbers, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        struct copy_request *alone = copy_request_create(run, true);
        copy_request_add(alone, numbers[k]);
        run->n_asked_again++;
        copy_request_send(alone);
    }
}

// What is fit is settled, and so is what was asked for the last time; the others' numbers: to be asked for again.
static size_t take_answer(struct copy_request *r, const struct answer *a, size_t refused[PROMPT_BRIEFS_MAX])
{
    struct copy_run *run = r->run;
    struct refusal why;
    size_t n = 0;
    struct checker *c = checker_create(run->order.locale, run->writer->language, r->briefs, r->n);
    for (size_t k = 0; k < r->n; k++) {
        const struct copy_text *text = a->copies[k];
        size_t i = r->numbers[k];
        if (is_there(a, k, &why) && copy_check(c, k, text, &why.kind, why.reason)) {
            settle_text(run, i, text, COPY_MODEL);
            copy_cache_put(run, i, text);
        } else if (r->is_again)
            settle_template(run, i, why.kind, why.reason);
        else
            refused[n++] = i;
    }
    checker_destroy(c);
    return n;
}

void copy_run_answered(struct copy_request *r, const struct answer *a)
{
    struct copy_run *run = r->run;
    size_t refused[PROMPT_BRIEFS_MAX], n = take_answer(r, a, refused);
    copy_request_destroy(r, false);
    run->n_held++;
    ask_again(run, refused, n);
    run->n_held--;
    end_if_settled(run);
}

void copy_run_failed(struct copy_request *r, const char *kind, const char *reason, bool is_asked_again)
{
    struct copy_run *run = r->run;
    size_t numbers[PROMPT_BRIEFS_MAX], n = is_asked_again && !r->is_again ? r->n : 0;
    memcpy(numbers, r->numbers, n * sizeof *numbers);
    for (size_t k = 0; k < r->n && n == 0; k++)
        settle_template(run, r->numbers[k], kind, reason);
    copy_request_destroy(r, false);
    run->n_held++;
    ask_again(run, numbers, n);
    run->n_held--;
    end_if_settled(run);
}

struct str copy_written_json(const struct copy_order *o, const struct brief *b, const struct copy_text *text,
                             struct arena *memory)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, WRITTEN_BYTES_MAX);
    struct json_out j = json_out_on(&out);
    copy_text_json(text, &j);
    json_out_key_str(&j, "model", o->model);
    json_out_key_str(&j, "locale", o->locale);
    json_out_key_str(&j, "key", str_of(b->key));
    json_out_end(&j);
    CHECK(!out.is_over); // lengths have been checked
    return arena_str(memory, buf_str(&out));
}
