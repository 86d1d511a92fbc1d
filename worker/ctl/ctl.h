// bundlectl: what its commands share. commands.c has the table of commands; each stands in a file of its own,
// cmd_NAME.c.
//
// OUTPUT    Results on stdout (a table, or with --json one JSON document or JSON lines), everything else on stderr.
// EXIT      0, or the exit code of the error's kind (common/err.h); a command may set one without an error
//           (import: 3 when rows were rejected).
#ifndef BUNDLE_WORKER_CTL_CTL_H
#define BUNDLE_WORKER_CTL_CTL_H

#include "worker/ctl/args.h"
#include "worker/ctl/term.h"
#include "worker/settings.h"

struct ctl {
    const struct settings *settings; // NULL for commands that need none
    bool is_json;
    struct term out, err; // stdout, stderr
};

struct ctl_command {
    const char *name;                   // of a command's own command: "queue ls"
    const char *words;                  // "FILE... --shop SHOP", for the usage line
    const char *summary;                // one line
    const char *help;                   // paragraphs and examples
    void (*more_help)(struct buf *out); // or NULL
    const struct arg_option *options;
    unsigned words_min, words_max;
    bool needs_settings;
    bool (*run)(struct ctl *c, const struct args *a, int *exit_code, struct err *e);
    const struct ctl_command *const *commands; // its own commands, up to a NULL; then it has no run, words and options
};

extern const struct ctl_command *const CTL_COMMANDS[]; // up to a NULL
// The one that a word calls, by the last word of its name; NULL: none.
const struct ctl_command *ctl_find_command(const struct ctl_command *const *commands, const char *word);
extern const struct arg_option CTL_SHARED_OPTIONS[];

extern const struct ctl_command CMD_IMPORT, CMD_PREVIEW, CMD_EVALUATE, CMD_PAIRS, CMD_BUNDLES, CMD_ENQUEUE, CMD_WATCH,
    CMD_CANCEL, CMD_QUEUE, CMD_DOCTOR, CMD_CONFIG, CMD_SCHEMA, CMD_SHOP, CMD_COMPLETION;

enum { CTL_OUTPUT_MAX = 1 << 30 };

bool ctl_print(const struct buf *text, struct err *e) MUST_USE; // to stdout, flushed
void ctl_note(const char *fmt, ...) PRINTF_LIKE(1, 2);          // a line to stderr

// A connection to a database that has this program's schema.
struct pg;
bool ctl_open_pg(const struct ctl *c, struct pg **out, struct err *e) MUST_USE;

#endif
