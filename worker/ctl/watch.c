#include "worker/ctl/watch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "common/check.h"
#include "common/clock.h"
#include "worker/ctl/progress_bar.h"

enum { ROWS_MAX = 24, LABEL_COLUMNS = 24, WAIT_MS = 1000, AGAIN_MS = 500, AWAY_MS_MAX = 60000, EVENT_MAX = 1 << 20 };

struct watch {
    const struct ctl *c;
    struct ctl_redis *redis;
    struct redis *subscription;
    char *address;                   // of the upload (queue_address); "": all
    char last_job[QUEUE_ID_MAX + 1]; // of the upload that is followed: what was seen last
    int64_t last_seq;
    json_t *rows[ROWS_MAX];   // the latest event of each upload that runs
    unsigned n_rows, n_drawn; // n_drawn: lines of bars that stand on the screen
    bool has_ended;
    int exit_code;
};

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

static bool is_same_upload(const json_t *a, const json_t *b)
{
    return strcmp(text_of(a, "upload"), text_of(b, "upload")) == 0 &&
           strcmp(text_of(a, "shop"), text_of(b, "shop")) == 0;
}

// The exit code of a terminal status, -1 for one that is not.
static int code_of_status(const char *status)
{
    static const struct {
        const char *status;
        enum err_kind kind;
    } ENDS[] = {{"final", ERR_NONE}, {"failed", ERR_INTERNAL}, {"cancelled", ERR_CANCELLED}, {"rejected", ERR_INPUT}};
    for (size_t i = 0; i < ARRAY_LEN(ENDS); i++) {
        struct err e = {.kind = ENDS[i].kind};
        if (strcmp(status, ENDS[i].status) == 0)
            return err_exit_code(&e);
    }
    return -1;
}

// ---- drawing ----

static void put_row(const struct watch *w, const json_t *event, struct buf *out)
{
    struct term t = w->c->out;
    if (!t.is_tty)
        t.columns = TERM_COLUMNS_MAX; // nothing is cut for a log
    if (!w->address[0]) {             // several: each line says whose it is
        AUTO(buf_fini) struct buf label;
        buf_init(&label, 4096);
        buf_printf(&label, "%s/%s", text_of(event, "shop"), text_of(event, "upload"));
        term_put_padded(out, buf_str(&label), LABEL_COLUMNS, false);
        buf_putc(out, ' ');
        t.columns = t.columns > LABEL_COLUMNS + TERM_COLUMNS_MIN ? t.columns - LABEL_COLUMNS - 1 : TERM_COLUMNS_MIN;
    }
    progress_bar_event(&t, event, out);
}

static void put_ended(const struct watch *w, const json_t *event, struct buf *out)
{
    put_row(w, event, out);
    buf_puts(out, "\033[K\n");
}

static void row_set(struct watch *w, json_t *event)
{
    unsigned i = 0;
    while (i < w->n_rows && !is_same_upload(w->rows[i], event))
        i++;
    if (i == w->n_rows && w->n_rows == ROWS_MAX)
        return; // the screen is full: it gets its line when it ends
    if (i == w->n_rows)
        w->rows[w->n_rows++] = NULL;
    json_decref(w->rows[i]);
    w->rows[i] = json_incref(event);
}

static void row_drop(struct watch *w, const json_t *event)
{
    for (unsigned i = 0; i < w->n_rows; i++) {
        if (!is_same_upload(w->rows[i], event))
            continue;
        json_decref(w->rows[i]);
        memmove(&w->rows[i], &w->rows[i + 1], (w->n_rows - i - 1) * sizeof w->rows[0]);
        w->n_rows--;
        return;
    }
}

// Ended jobs leave their last line above; the bars of the others are drawn anew below.
static void draw_bars(struct watch *w, json_t *event, bool is_end, struct buf *out)
{
    if (w->n_drawn)
        buf_printf(out, "\r\033[%uA", w->n_drawn);
    if (is_end) {
        row_drop(w, event);
        put_ended(w, event, out);
    } else {
        row_set(w, event);
    }
    for (unsigned i = 0; i < w->n_rows; i++)
        put_ended(w, w->rows[i], out);
    buf_puts(out, "\033[J");
    w->n_drawn = w->n_rows;
}

static bool show(struct watch *w, json_t *event, struct str raw, bool is_end, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, EVENT_MAX * 2);
    if (w->c->is_json) {
        buf_put(&out, raw.ptr, raw.len);
        buf_putc(&out, '\n');
    } else if (w->c->out.is_tty) {
        draw_bars(w, event, is_end, &out);
    } else {
        put_row(w, event, &out);
        buf_putc(&out, '\n');
    }
    return ctl_print(&out, e);
}

// ---- events ----

// An event that the hash and the channel both told is shown once; so is one of before the caller's own push.
static bool is_news(struct watch *w, const json_t *event)
{
    const char *job = text_of(event, "job");
    int64_t seq = json_integer_value(json_object_get(event, "seq"));
    if (!w->address[0] || seq == 0) // rejected messages have no seq
        return true;
    if (strcmp(job, w->last_job) == 0 && seq <= w->last_seq)
        return false;
    (void)snprintf(w->last_job, sizeof w->last_job, "%s", job);
    w->last_seq = seq;
    return true;
}

static bool on_event(struct watch *w, struct str raw, bool is_shown, struct err *e)
{
    json_error_t cause;
    json_auto_t *event = json_loadb(raw.ptr, raw.len, 0, &cause);
    if (!json_is_object(event))
        return err_set(e, ERR_CODEC, "an event that is no JSON object came from Redis");
    if (!is_news(w, event) || !is_shown)
        return true;
    int code = code_of_status(text_of(event, "status"));
    if (code >= 0 && w->address[0]) {
        w->has_ended = true;
        w->exit_code = code;
    }
    return show(w, event, raw, code >= 0, e);
}

// ---- Redis ----

static bool subscribe(struct watch *w, struct err *e)
{
    AUTO(redis_cmd_fini) struct redis_cmd subscribe_cmd;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    AUTO(buf_fini) struct buf channel;
    buf_init(&channel, 4096);
    queue_key(&w->redis->queue, "progress", str_of(w->address), &channel);
    redis_cmd_init(&subscribe_cmd, "SUBSCRIBE");
    redis_cmd_str(&subscribe_cmd, buf_str(&channel));
    return ctl_redis_more(w->redis, &w->subscription, e) && redis_call(w->subscription, &subscribe_cmd, &reply, e);
}

// What happened before, or while we were not listening.
static bool catch_up(struct watch *w, bool is_shown, struct err *e)
{
    AUTO(buf_fini) struct buf event;
    buf_init(&event, EVENT_MAX);
    if (!w->address[0])
        return true;
    if (!ctl_redis_hget(w->redis, "progress", str_of(w->address), "event", &event, e))
        return false;
    return event.len == 0 || on_event(w, buf_str(&event), is_shown, e);
}

static bool subscribe_again(struct watch *w, struct err *e)
{
    int64_t until_ms = clock_mono_ms() + AWAY_MS_MAX;
    ctl_note("%s; trying again", e->message);
    for (;;) {
        redis_closep(&w->subscription);
        if (subscribe(w, e) && catch_up(w, true, e))
            return true;
        if (e->kind != ERR_REDIS_AWAY || clock_mono_ms() > until_ms)
            return false;
        (void)poll(NULL, 0, AGAIN_MS);
    }
}

bool watch_open(struct watch **out, const struct ctl *c, struct ctl_redis *r, const struct watch_what *what,
                bool is_new, struct err *e)
{
    AUTO(buf_fini) struct buf address;
    buf_init(&address, 4096);
    if (what->upload.len)
        queue_address(what->shop, what->upload, &address);
    AUTO(watch_closep) struct watch *w = calloc(1, sizeof *w);
    CHECK(w);
    w->c = c;
    w->redis = r;
    w->address = strndup(buf_str(&address).ptr, address.len);
    CHECK(w->address);
    if (!subscribe(w, e) || !catch_up(w, !is_new, e))
        return false;
    *out = w;
    w = NULL;
    return true;
}

void watch_closep(struct watch **w)
{
    if (!*w)
        return;
    for (unsigned i = 0; i < (*w)->n_rows; i++)
        json_decref((*w)->rows[i]);
    redis_close((*w)->subscription);
    free((*w)->address);
    free(*w);
    *w = NULL;
}

bool watch_follow(struct watch *w, int *exit_code, struct err *e)
{
    while (!w->has_ended) {
        AUTO(redis_reply_freep) struct redis_reply *message = NULL;
        if (!redis_next_message(w->subscription, WAIT_MS, &message, e)) {
            if (e->kind != ERR_REDIS_AWAY || !subscribe_again(w, e))
                return false;
            continue;
        }
        bool is_event = str_eq(redis_reply_str(redis_reply_at(message, 0)), STR("message"));
        if (is_event && !on_event(w, redis_reply_str(redis_reply_at(message, 2)), true, e))
            return false;
    }
    *exit_code = w->exit_code;
    return true;
}
