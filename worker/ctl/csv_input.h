// What the commands that read CSV files share: their options, and how rejected rows are shown.
#ifndef BUNDLE_WORKER_CTL_CSV_INPUT_H
#define BUNDLE_WORKER_CTL_CSV_INPUT_H

#include "worker/ctl/ctl.h"
#include "worker/store/import.h"

// Rows for a command's table of options.
#define CSV_OPTION_ROWS                                                                                                \
    {"kind", "KIND", "what the files are; else their headers decide", "orders|variants|inventory|catalog"},            \
        {"date-order", "ORDER", "12/1/2010 is December 1 (mdy, the default) or January 12 (dmy)", "mdy|dmy"},          \
    {                                                                                                                  \
        "currency", "CODE", "ISO 4217 code, for files that name none", NULL                                            \
    }

bool csv_input_options(const struct args *a, struct csv_options *out, struct err *e) MUST_USE;
void csv_input_help(struct buf *out); // what files and dates load, for --help

enum { CSV_REJECTS_SHOWN = 20 };
// "file:line: column: reason", the first CSV_REJECTS_SHOWN, and how many more there are.
void csv_rejects_print(const struct import_reject *rejects, size_t n, uint64_t total, struct buf *out);
void csv_rejects_csv(const struct import_reject *rejects, size_t n, struct buf *out);
struct json_out;
void csv_rejects_json(const struct import_reject *rejects, size_t n, struct json_out *j);

#endif
