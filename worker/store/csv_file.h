// The bytes of a CSV file: plain or gzip (by its magic bytes), in chunks, hashed as they pass.
// FAILURE  ERR_IO: cannot be read. ERR_INPUT: damaged or cut gzip.
// THREADS  One owner at a time.
#ifndef BUNDLE_WORKER_STORE_CSV_FILE_H
#define BUNDLE_WORKER_STORE_CSV_FILE_H

#include <stdint.h>

#include "common/err.h"

enum { CSV_CHUNK_BYTES = 256 << 10 };

struct csv_file;

bool csv_file_open(struct csv_file **out, const char *path, struct err *e) MUST_USE;
void csv_file_closep(struct csv_file **f);
// The next chunk, valid until the next call; *len 0 at the end.
bool csv_file_next(struct csv_file *f, const char **chunk, size_t *len, struct err *e) MUST_USE;
uint64_t csv_file_position(const struct csv_file *f); // bytes of the file taken so far (compressed ones of a gzip)
uint64_t csv_file_size(const struct csv_file *f);     // 0: not known (a pipe)
uint64_t csv_file_bytes(const struct csv_file *f);    // uncompressed bytes given so far
void csv_file_hash(const struct csv_file *f, uint64_t hash[2]); // XXH3-128 of what was given so far

// One pass for the hash alone.
bool csv_file_hash_all(const char *path, uint64_t hash[2], uint64_t *bytes, struct err *e) MUST_USE;

#endif
