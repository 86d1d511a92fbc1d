// The whole pipeline in one process: orders in, document out. No Redis, no PostgreSQL.
#ifndef BUNDLE_WORKER_CTL_PREVIEW_H
#define BUNDLE_WORKER_CTL_PREVIEW_H

#include "worker/ctl/whole_job.h"

struct preview_request {
    struct upload_files files;
    struct job_request job;
    unsigned top; // 0: all
    const struct settings *settings;
};

// The document, version 1, into `json`.
bool preview_run(const struct preview_request *r, struct file_rejects *rejects, struct buf *json,
                 struct err *e) MUST_USE;

#endif
