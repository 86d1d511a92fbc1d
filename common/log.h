// Structured log lines on stderr, logfmt or JSON, one write(2) per line. Every line carries the thread's context (job,
// upload, shop, task) where there is one.
//
//     LOG(LOG_INFO, "upload loaded", LOG_S("currency", "GBP"), LOG_I("lines", 370931));
//     ts=2026-11-23T10:00:00.123Z level=info msg="upload loaded" worker=ab12 job=.. upload=.. shop=.. task=prepare
//     currency=GBP lines=370931
//
// FAILURE   A line that cannot be written is dropped. Lines over LOG_LINE_MAX bytes are cut, still well-formed.
// THREADS   Any thread. log_setup() before threads start.
#ifndef BUNDLE_COMMON_LOG_H
#define BUNDLE_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };
enum { LOG_LINE_MAX = 4096 };

struct log_field {
    const char *key;
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_REAL } kind;
    const char *text;
    int64_t integer;
    double real;
};

#define LOG_S(key_, value_) ((struct log_field){.key = (key_), .kind = LOG_FIELD_TEXT, .text = (value_)})
#define LOG_I(key_, value_) ((struct log_field){.key = (key_), .kind = LOG_FIELD_INT, .integer = (int64_t)(value_)})
#define LOG_R(key_, value_) ((struct log_field){.key = (key_), .kind = LOG_FIELD_REAL, .real = (value_)})

struct log_context {
    const char *job, *upload, *shop, *task; // NULL: not on the line; must outlive the context
};

void log_setup(enum log_level least, enum log_format format, const char *worker); // worker: copied, "" for none
void log_set_context(const struct log_context *context);                          // copied, per thread; NULL clears
bool log_is_on(enum log_level level);
void log_write(enum log_level level, const char *message, size_t n_fields, const struct log_field *fields);

#define LOG(level, message, ...)                                                                                       \
    do {                                                                                                               \
        if (log_is_on(level)) {                                                                                        \
            const struct log_field log_fields_[] = {{.key = NULL}, ##__VA_ARGS__};                                     \
            log_write((level), (message), sizeof log_fields_ / sizeof log_fields_[0] - 1, log_fields_ + 1);            \
        }                                                                                                              \
    } while (0)

#endif
