// The files of an upload, read into a dataset builder; what every command that works without a server begins with.
#ifndef BUNDLE_WORKER_CTL_UPLOAD_FILES_H
#define BUNDLE_WORKER_CTL_UPLOAD_FILES_H

#include "worker/dataset/builder.h"
#include "worker/store/import.h"

enum { FILE_REJECTS_MAX = 20 };

struct file_rejects { // the first rejected rows, over all files
    struct import_reject rows[FILE_REJECTS_MAX];
    size_t n;
    uint64_t total;
};

struct upload_files {
    const char *const *paths;
    unsigned n;
    struct csv_options csv;
};

struct row_filter { // NULL function: every row
    bool (*is_wanted)(void *context, const struct row *row);
    void *context;
};

// The files become the builder's sources from first_source on, the last of them the newest; rejects may be NULL.
bool upload_files_read(const struct upload_files *f, unsigned first_source, struct row_filter filter,
                       struct builder *builder, struct file_rejects *rejects, struct err *e) MUST_USE;

void file_rejects_note(const struct file_rejects *rejects); // to stderr; nothing where there are none

#endif
