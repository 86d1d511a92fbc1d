// The configuration engine: one table of keys fills one struct, from defaults, then a file, then the environment, then
// the command line; later sources win. It knows no key by itself (the table of this product: worker/settings.h).
//
//     file          queue.lease_ms = 10000      # comment; blank lines; quotes around values are optional
//     environment   BUNDLE_QUEUE_LEASE_MS=10000  ("BUNDLE_" + key in capitals, dots as underscores)
//     command line  --set queue.lease_ms=10000
//
// FAILURE   ERR_CONFIG that names the source, the line, the key and what would be right. Unknown keys in the file, on
//           the command line or in BUNDLE_* variables are errors. After a failure the struct holds a mixture: don't
//           use it.
// THREADS   Fill before threads start; read-only afterwards.
#ifndef BUNDLE_COMMON_CONFIG_H
#define BUNDLE_COMMON_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum config_type {
    CONFIG_INT,    // int64_t within min..max
    CONFIG_REAL,   // double within min..max
    CONFIG_BOOL,   // bool: true/false/yes/no/on/off/1/0
    CONFIG_TEXT,   // char[CONFIG_TEXT_MAX]
    CONFIG_CHOICE, // int64_t: index into choices "a|b|c"
};

enum { CONFIG_TEXT_MAX = 1024, CONFIG_LINE_MAX = 4096 };

struct config_key {
    const char *name; // "queue.lease_ms"
    enum config_type type;
    size_t offset;            // of the value in the struct
    const char *default_text; // as it would stand in a file
    double min, max;          // INT and REAL
    const char *choices;      // CHOICE
    bool is_secret;           // its value is never printed or logged ("***")
    const char *comment;      // one or two sentences for the operator: what, unit, when to change it
};

struct config_table {
    const struct config_key *keys;
    size_t n;
    const char *const *not_keys; // BUNDLE_* variables that mean something else, up to a NULL; NULL: none
};

bool config_defaults(const struct config_table *t, void *values, struct err *e) MUST_USE;
bool config_file(const struct config_table *t, void *values, const char *path, struct err *e) MUST_USE;
bool config_environment(const struct config_table *t, void *values, char **environment, struct err *e) MUST_USE;
bool config_set(const struct config_table *t, void *values, const char *assignment, struct err *e) MUST_USE;

// The commented file with every key at its default: what config/worker.conf is generated from.
void config_print_defaults(const struct config_table *t, struct buf *out);
// "key = value" of every key as it is in force, secrets as ***.
void config_print_values(const struct config_table *t, const void *values, struct buf *out);

#endif
