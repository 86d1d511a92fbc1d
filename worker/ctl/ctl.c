#include "worker/ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "worker/store/schema.h"

bool ctl_print(const struct buf *text, struct err *e)
{
    if (!buf_ok(text, "the output", e))
        return false;
    if (fwrite(text->data, 1, text->len, stdout) == text->len && fflush(stdout) == 0)
        return true;
    return err_set(e, ERR_IO, "writing to stdout: %s", strerror(errno));
}

void ctl_note(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

bool ctl_open_pg(const struct ctl *c, struct pg **out, struct err *e)
{
    AUTO(pg_destroyp) struct pg *pg = pg_create(c->settings, "bundlectl");
    int version = 0;
    if (!schema_version(pg, &version, e))
        return false;
    if (version < SCHEMA_VERSION)
        return err_set(e, ERR_CONFIG,
                       "the database has schema version %d, this program needs %d: run `bundlectl schema "
                       "apply`",
                       version, SCHEMA_VERSION);
    *out = pg;
    pg = NULL;
    return true;
}
