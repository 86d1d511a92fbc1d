// Back-test: reads an upload's files, keeps the newest (or a random) part of the orders from the engine, runs a whole
// job on the rest, and scores it on what was kept back; or scores it on the orders of other files.
//
// NO LEAK   The engine's dataset is built anew from the rows of training orders and of the products that were in the
//           catalogue by then: figures, flags and as_of are what they were. The files are therefore read twice. Stock,
//           costs and the catalogue's prices are the file's: of the past nobody knows them.
#ifndef BUNDLE_WORKER_CTL_BACK_TEST_H
#define BUNDLE_WORKER_CTL_BACK_TEST_H

#include "worker/ctl/whole_job.h"
#include "worker/evaluate/evaluate.h"
#include "worker/evaluate/split.h"

struct back_test_request {
    struct upload_files files;
    struct upload_files test; // none: the files themselves are split
    struct split_rules split;
    bool is_by_given; // split.by was asked for; else by date where there are dates, at random where not
    struct cuts cuts;
    struct job_request job;
    const struct settings *settings;
};

struct back_test {
    struct whole_job job;            // on the training orders
    const struct split_rules *rules; // how the orders were split; NULL: they were not
    int64_t train_to, test_to;       // newest order of either part, DATE_UNKNOWN without dates
    struct evaluation scores;
};

// The request must outlive `out`.
bool back_test_run(struct back_test_request *r, struct file_rejects *rejects, struct back_test *out,
                   struct err *e) MUST_USE;
void back_test_fini(struct back_test *t);

#endif
