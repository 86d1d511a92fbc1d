#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"

struct err_kind_row {
    const char *name;
    bool is_retried;
    bool burns_attempt;
    int exit_code;
};

#define ERR_KIND_ROW(kind, name, retried, burns, code) [kind] = {name, retried, burns, code},
static const struct err_kind_row KINDS[] = {ERR_KINDS(ERR_KIND_ROW)};

// Messages go into JSON: what was cut within a character, or never was UTF-8 (it may come from anywhere), is replaced.
static void keep_utf8(char *text)
{
    struct str left = str_of(text);
    while (left.len) {
        size_t n = str_utf8_len(left);
        if (n == 0)
            text[left.ptr - text] = '?';
        n = n ? n : 1;
        left = (struct str){left.ptr + n, left.len - n};
    }
}

bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    e->kind = kind;
    (void)vsnprintf(e->message, sizeof e->message, fmt, args);
    va_end(args);
    keep_utf8(e->message);
    return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
    char head[ERR_MESSAGE_MAX];
    char tail[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(head, sizeof head, fmt, args);
    va_end(args);
    memcpy(tail, e->message, sizeof tail);
    (void)snprintf(e->message, sizeof e->message, "%.240s: %.260s", head, tail);
    keep_utf8(e->message);
    return false;
}

static const struct err_kind_row *kind_row(enum err_kind kind)
{
    CHECK((size_t)kind < sizeof KINDS / sizeof KINDS[0]);
    return &KINDS[kind];
}

const char *err_kind_name(enum err_kind kind)
{
    return kind_row(kind)->name;
}

bool err_kind_is_retried(enum err_kind kind)
{
    return kind_row(kind)->is_retried;
}

bool err_kind_burns_attempt(enum err_kind kind)
{
    return kind_row(kind)->burns_attempt;
}

int err_exit_code(const struct err *e)
{
    return kind_row(e->kind)->exit_code;
}
