// The whole pipeline in one process and one thread: orders in, document out. No Redis, no PostgreSQL.
#ifndef BUNDLE_WORKER_CTL_PREVIEW_H
#define BUNDLE_WORKER_CTL_PREVIEW_H

#include "worker/stages/job_request.h"
#include "worker/store/import.h"

enum { PREVIEW_REJECTS_MAX = 20 };

struct preview_request {
    const char *const *files;
    unsigned n_files;
    struct csv_options csv;
    struct job_request job;
    unsigned top; // 0: all
    const struct settings *settings;
};

struct preview_rejects { // the first rejected rows, over all files
    struct import_reject rows[PREVIEW_REJECTS_MAX];
    size_t n;
    uint64_t total;
};

// The document, version 1, into `json`.
bool preview_run(const struct preview_request *r, struct preview_rejects *rejects, struct buf *json,
                 struct err *e) MUST_USE;

#endif
