// Command lines: a table per command says which options it takes; parsing, --help and shell completion all read it.
//
//     --name VALUE, --name=VALUE, --flag, -h; "--" ends the options; options and words may be mixed.
//
// FAILURE  ERR_USAGE that names the option.
#ifndef BUNDLE_WORKER_CTL_ARGS_H
#define BUNDLE_WORKER_CTL_ARGS_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct arg_option {
    const char *name;  // "shop"; a NULL name ends the table
    const char *value; // what its value is called in --help; NULL: a flag
    const char *help;
    const char *choices; // "a|b|c" or NULL: any value
};

enum { ARGS_GIVEN_MAX = 128 };

struct args {
    struct arg_given {
        const struct arg_option *option;
        const char *value; // NULL for flags
    } given[ARGS_GIVEN_MAX];
    unsigned n_given;
    const char **words; // what is no option, in order
    unsigned n_words;
};

// argv[0..argc) without the program's name. Options are looked for in `own` (may be NULL), then in `shared`. With
// stops_at_word the first word ends the parsing; *used is how many of argv were taken.
bool args_parse(struct args *a, const struct arg_option *own, const struct arg_option *shared, int argc, char **argv,
                bool stops_at_word, int *used, struct err *e) MUST_USE;
void args_fini(struct args *a);

bool args_has(const struct args *a, const char *name);
const char *args_value(const struct args *a, const char *name);                  // the last one given, NULL: none
const char *args_next(const struct args *a, const char *name, unsigned *cursor); // each in turn, from *cursor = 0
// The value as a whole number within min..max; `fallback` where it is not given.
bool args_int(const struct args *a, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *out,
              struct err *e) MUST_USE;
// The value's position among the option's choices, or -1 where it is not given. args_parse has checked it already.
int args_choice(const struct args *a, const char *name);

void args_print_help(const struct arg_option *options, struct buf *out);

#endif
