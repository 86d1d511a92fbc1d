#include "worker/ctl/upload_files.h"

#include <stdio.h>

#include "common/check.h"
#include "worker/ctl/csv_input.h"

struct reading {
    const char *path;
    unsigned source;
    struct row_filter filter;
    struct builder *builder;
    struct file_rejects *rejects;
};

static bool on_row(void *context, const struct row *row, struct err *e)
{
    struct reading *r = context;
    if (r->filter.is_wanted && !r->filter.is_wanted(r->filter.context, row))
        return true;
    return builder_add(r->builder, row, r->source, e);
}

static void on_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    struct reading *r = context;
    if (!r->rejects || ++r->rejects->total > FILE_REJECTS_MAX)
        return;
    struct import_reject *reject = &r->rejects->rows[r->rejects->n++];
    reject->line = line;
    (void)snprintf(reject->file, sizeof reject->file, "%s", r->path);
    (void)snprintf(reject->column, sizeof reject->column, STR_FMT, STR_ARG(column));
    (void)snprintf(reject->reason, sizeof reject->reason, "%s", reason);
}

bool upload_files_read(const struct upload_files *f, unsigned first_source, struct row_filter filter,
                       struct builder *builder, struct file_rejects *rejects, struct err *e)
{
    struct reading reading = {.filter = filter, .builder = builder, .rejects = rejects};
    const struct csv_sink sink = {.on_row = on_row, .on_reject = on_reject, .context = &reading};
    for (unsigned i = 0; i < f->n; i++) {
        struct csv_report report;
        reading.path = f->paths[i];
        reading.source = first_source + (f->n - 1 - i);
        if (!csv_read(f->paths[i], &f->csv, &sink, &report, e))
            return false;
    }
    return true;
}

void file_rejects_note(const struct file_rejects *rejects)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (rejects->total == 0)
        return;
    buf_puts(&out, "rejected rows:\n");
    csv_rejects_print(rejects->rows, rejects->n, rejects->total, &out);
    (void)fputs(out.data, stderr);
}
