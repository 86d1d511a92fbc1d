// Import: CSV files into PostgreSQL by COPY, for people who have no web app yet.
//
// IDENTITY  run_id is the caller's, else derived from shop and the content of all files; csv_uploads.id = UUIDv8 of
//           shop, run and content. A file that is there already is left alone (*already = true): importing twice
//           changes nothing.
// ATOMIC    One transaction per run: either every file's good rows are there or nothing is. With is_strict the first
//           bad row of any file refuses the run.
#ifndef BUNDLE_WORKER_STORE_IMPORT_H
#define BUNDLE_WORKER_STORE_IMPORT_H

#include "worker/store/csv_read.h"
#include "worker/store/pg.h"

struct import_reject {
    char file[256];
    uint64_t line;
    char column[64];
    char reason[160];
};

struct import_file {
    const char *path;
    struct csv_report report;
    char csv_upload_id[37];
    bool already;
};

struct import_result {
    char run_id[65];
    uint64_t rejected;
    struct import_reject rejects[1000]; // the first 1000
    size_t n_rejects;
};

struct import_options {
    struct csv_options csv;
    struct str shop;
    struct str run_id; // "" : derived
    bool is_strict;
    void (*on_progress)(void *context, const char *path, uint64_t bytes_read, uint64_t bytes_total);
    void *context;
};

bool import_files(struct pg *pg, const struct import_options *o, struct import_file *files, size_t n,
                  struct import_result *result, struct err *e) MUST_USE;

#endif
