// Errors: a kind that decides what happens next (retry, give up, exit code) and one sentence for a person.
//
// FAILURE   A function that can fail returns bool and takes `struct err *e` last. false: outputs untouched, `e` filled
//           once. Callers may prefix with err_wrap(); only the coordinator that ends the task (or main) logs it.
// THREADS   Plain values; a struct err belongs to whoever holds it.
#ifndef BUNDLE_COMMON_ERR_H
#define BUNDLE_COMMON_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

// X(kind, name in logs and JSON, is retried, burns an attempt when retried, exit code of bundlectl)
#define ERR_KINDS(X)                                                                                                   \
    X(ERR_NONE, "none", false, false, 0)                                                                               \
    X(ERR_USAGE, "usage", false, true, 2)           /* the command line is wrong */                                    \
    X(ERR_CONFIG, "config", false, true, 2)         /* a setting is wrong */                                           \
    X(ERR_INPUT, "input", false, true, 3)           /* data that will never be right: CSV, payload, upload */          \
    X(ERR_NOT_FOUND, "not_found", false, true, 4)   /* no such upload, shop, job */                                    \
    X(ERR_LIMIT, "limit", false, true, 5)           /* over a named bound */                                           \
    X(ERR_CODEC, "codec", false, true, 3)           /* bytes that do not decode */                                     \
    X(ERR_IO, "io", true, true, 6)                  /* a file or socket */                                             \
    X(ERR_REDIS, "redis", true, true, 7)            /* Redis answered an error */                                      \
    X(ERR_REDIS_AWAY, "redis_away", true, false, 7) /* Redis did not answer */                                         \
    X(ERR_PG, "postgres", true, true, 8)            /* PostgreSQL answered an error */                                 \
    X(ERR_PG_AWAY, "postgres_away", true, false, 8) /* PostgreSQL did not answer, or asks to try again */              \
    X(ERR_CANCELLED, "cancelled", false, false, 9)  /* somebody asked us to stop */                                    \
    X(ERR_FENCED, "fenced", false, false, 9)        /* the lease is somebody else's now */                             \
    X(ERR_INTERNAL, "internal", true, true, 1)

#define ERR_KIND_ENUM(kind, ...) kind,
enum err_kind { ERR_KINDS(ERR_KIND_ENUM) ERR_KIND_COUNT };

enum { ERR_MESSAGE_MAX = 512 };

struct err {
    enum err_kind kind;
    char message[ERR_MESSAGE_MAX];
};

// Both always return false, so that `return err_set(e, ...)` reads as what it is. Long messages are cut, never grown.
bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3); // "what we were doing: what went wrong"

const char *err_kind_name(enum err_kind kind);
bool err_kind_is_retried(enum err_kind kind);
bool err_kind_burns_attempt(enum err_kind kind);
int err_exit_code(const struct err *e);

#endif
