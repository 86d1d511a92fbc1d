#include "worker/store/csv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zlib.h>

#include "common/check.h"

struct csv_file {
    const char *path;
    gzFile gz;
    uint64_t size, bytes;
    XXH3_state_t *hash;
    char chunk[CSV_CHUNK_BYTES];
};

void csv_file_closep(struct csv_file **f)
{
    if (!*f)
        return;
    if ((*f)->gz)
        (void)gzclose_r((*f)->gz);
    (void)XXH3_freeState((*f)->hash);
    free(*f);
    *f = NULL;
}

bool csv_file_open(struct csv_file **out, const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        (void)close(fd);
        return err_set(e, ERR_IO, "%s: not a file", path);
    }
    struct csv_file *f = calloc(1, sizeof *f);
    CHECK(f);
    f->path = path;
    f->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    f->hash = XXH3_createState();
    CHECK(f->hash);
    XXH3_128bits_reset(f->hash);
    f->gz = gzdopen(fd, "rb");
    CHECK(f->gz);
    (void)gzbuffer(f->gz, CSV_CHUNK_BYTES);
    *out = f;
    return true;
}

static bool read_failed(const struct csv_file *f, struct err *e)
{
    int code;
    const char *message = gzerror(f->gz, &code);
    if (code == Z_ERRNO)
        return err_set(e, ERR_IO, "%s: %s", f->path, strerror(errno));
    if (code == Z_BUF_ERROR)
        return err_set(e, ERR_INPUT, "%s: the gzip file is cut off; copy it again", f->path);
    return err_set(e, ERR_INPUT, "%s: the gzip file is damaged (%s); copy it again", f->path, message);
}

bool csv_file_next(struct csv_file *f, const char **chunk, size_t *len, struct err *e)
{
    int n = gzread(f->gz, f->chunk, sizeof f->chunk);
    if (n < 0)
        return read_failed(f, e);
    int code;
    (void)gzerror(f->gz, &code);
    if (n < (int)sizeof f->chunk && code == Z_BUF_ERROR) // a cut gzip gives its whole blocks first, then this
        return read_failed(f, e);
    XXH3_128bits_update(f->hash, f->chunk, (size_t)n);
    f->bytes += (uint64_t)n;
    *chunk = f->chunk;
    *len = (size_t)n;
    return true;
}

uint64_t csv_file_position(const struct csv_file *f)
{
    z_off_t at = gzoffset(f->gz);
    return at < 0 ? 0 : (uint64_t)at;
}

uint64_t csv_file_size(const struct csv_file *f)
{
    return f->size;
}

uint64_t csv_file_bytes(const struct csv_file *f)
{
    return f->bytes;
}

void csv_file_hash(const struct csv_file *f, uint64_t hash[2])
{
    XXH128_hash_t h = XXH3_128bits_digest(f->hash);
    hash[0] = h.high64;
    hash[1] = h.low64;
}

bool csv_file_hash_all(const char *path, uint64_t hash[2], uint64_t *bytes, struct err *e)
{
    AUTO(csv_file_closep) struct csv_file *f = NULL;
    if (!csv_file_open(&f, path, e))
        return false;
    for (;;) {
        const char *chunk;
        size_t len;
        if (!csv_file_next(f, &chunk, &len, e))
            return false;
        if (len == 0)
            break;
    }
    csv_file_hash(f, hash);
    *bytes = f->bytes;
    return true;
}
