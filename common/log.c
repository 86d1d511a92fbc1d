#include "common/log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json_out.h"
#include "common/str.h"

// Kept free for what must still follow a value that was cut: an escape in flight, the quote, the brace, the newline.
enum { TAIL_BYTES = JSON_ESCAPED_MAX + 3, WORKER_MAX = 128 };

static enum log_level least_level = LOG_INFO;
static enum log_format line_format = LOG_LOGFMT;
static char worker_name[WORKER_MAX];
static _Thread_local struct log_context context_of_thread;

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};

struct line {
    char bytes[LOG_LINE_MAX];
    size_t len;
    bool is_full;
};

void log_setup(enum log_level least, enum log_format format, const char *worker)
{
    least_level = least;
    line_format = format;
    (void)snprintf(worker_name, sizeof worker_name, "%s", worker ? worker : "");
}

void log_set_context(const struct log_context *context)
{
    context_of_thread = context ? *context : (struct log_context){0};
}

bool log_is_on(enum log_level level)
{
    return level >= least_level;
}

static size_t room(const struct line *l)
{
    size_t usable = sizeof l->bytes - TAIL_BYTES;
    return l->len < usable ? usable - l->len : 0; // a closing quote may stand in the tail already
}

static void put(struct line *l, const char *data, size_t len)
{
    memcpy(l->bytes + l->len, data, len);
    l->len += len;
}

static void put_quoted(struct line *l, struct str text)
{
    put(l, "\"", 1);
    while (text.len) {
        char escaped[JSON_ESCAPED_MAX];
        size_t consumed;
        size_t len = json_out_escape(text, escaped, &consumed);
        if (len > room(l)) {
            l->is_full = true;
            break;
        }
        put(l, escaped, len);
        text = (struct str){text.ptr + consumed, text.len - consumed};
    }
    put(l, "\"", 1);
}

// logfmt leaves quotes out where a value is one plain word.
static bool is_plain_word(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7F || strchr("=\"\\", text.ptr[i]))
            return false;
    return text.len > 0;
}

// The separator and the key, or false where not even these and an empty value fit.
static bool put_key(struct line *l, const char *key)
{
    size_t key_len = strlen(key);
    if (l->is_full || room(l) < key_len + 8) {
        l->is_full = true;
        return false;
    }
    bool is_first = l->len <= 1;
    if (!is_first)
        put(l, line_format == LOG_JSON ? "," : " ", 1);
    if (line_format == LOG_JSON)
        put(l, "\"", 1);
    put(l, key, key_len);
    put(l, line_format == LOG_JSON ? "\":" : "=", line_format == LOG_JSON ? 2 : 1);
    return true;
}

static void put_text(struct line *l, const char *key, const char *value)
{
    struct str text = str_of(value);
    if (!put_key(l, key))
        return;
    if (line_format == LOG_LOGFMT && text.len <= room(l) && is_plain_word(text))
        put(l, text.ptr, text.len);
    else
        put_quoted(l, text);
}

// A number that does not fit is left out with its key: half a number would be a wrong one.
static void put_number(struct line *l, const char *key, const char *digits)
{
    if (room(l) < strlen(key) + strlen(digits) + 8) {
        l->is_full = true;
        return;
    }
    if (put_key(l, key))
        put(l, digits, strlen(digits));
}

static void put_field(struct line *l, const struct log_field *f)
{
    char digits[40];
    switch (f->kind) {
    case LOG_FIELD_TEXT:
        put_text(l, f->key, f->text);
        return;
    case LOG_FIELD_INT:
        (void)snprintf(digits, sizeof digits, "%lld", (long long)f->integer);
        break;
    case LOG_FIELD_REAL:
        if (isfinite(f->real))
            (void)snprintf(digits, sizeof digits, "%.6g", f->real);
        else
            (void)snprintf(digits, sizeof digits, "null");
        break;
    }
    put_number(l, f->key, digits);
}

static void put_time(struct line *l)
{
    int64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char date[40], text[48];
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text, sizeof text, "%s.%03dZ", date, (int)(now_ms % 1000));
    put_text(l, "ts", text);
}

static void put_context(struct line *l)
{
    const struct log_context *c = &context_of_thread;
    const struct log_field fields[] = {LOG_S("worker", worker_name[0] ? worker_name : NULL), LOG_S("job", c->job),
                                       LOG_S("upload", c->upload), LOG_S("shop", c->shop), LOG_S("task", c->task)};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].text)
            put_field(l, &fields[i]);
}

void log_write(enum log_level level, const char *message, size_t n_fields, const struct log_field *fields)
{
    struct line l;
    l.len = 0;
    l.is_full = false;
    if (line_format == LOG_JSON)
        put(&l, "{", 1);
    put_time(&l);
    put_text(&l, "level", LEVELS[level]);
    put_text(&l, "msg", message);
    put_context(&l);
    for (size_t i = 0; i < n_fields; i++)
        put_field(&l, &fields[i]);
    if (line_format == LOG_JSON)
        put(&l, "}", 1);
    put(&l, "\n", 1);
    // One call, so that lines of several threads and processes do not mix; a line that cannot be written is dropped.
    ssize_t written = write(STDERR_FILENO, l.bytes, l.len);
    (void)written;
}
