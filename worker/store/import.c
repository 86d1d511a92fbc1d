#include "worker/store/import.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/check.h"
#include "worker/store/csv_file.h"
#include "worker/store/import_copy.h"

struct fingerprint {
    uint64_t high, low;
};

struct file_import {
    const struct import_options *options;
    struct import_file *file;
    struct import_result *result;
    struct import_copy copy;
    bool has_reject;
};

// --- identity

// UUIDv8 (RFC 9562): a hash, but for version and variant.
static void uuid_of(struct fingerprint f, uint8_t bytes[PGBIN_UUID_BYTES], char text[37])
{
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(f.high >> (56 - 8 * i));
        bytes[8 + i] = (uint8_t)(f.low >> (56 - 8 * i));
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x80);
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    char *at = text;
    for (int i = 0; i < PGBIN_UUID_BYTES; i++)
        at += snprintf(at, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
}

static struct fingerprint hash_text(const struct buf *b)
{
    XXH128_hash_t h = XXH3_128bits(b->data, b->len);
    return (struct fingerprint){h.high64, h.low64};
}

static void put_part(struct buf *b, struct str part)
{
    buf_printf(b, "%zu:", part.len);
    buf_put(b, part.ptr, part.len);
}

// What a file says is its bytes and how they are read: another date order is another upload.
static void put_content(struct buf *b, const struct csv_options *o, const uint64_t hash[2])
{
    buf_printf(b, "%016llx%016llx %d %d ", (unsigned long long)hash[0], (unsigned long long)hash[1], o->kind,
               (int)o->date_order);
    put_part(b, o->currency);
}

static int compare_hashes(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    int order = (a[0] > b[0]) - (a[0] < b[0]);
    return order ? order : (a[1] > b[1]) - (a[1] < b[1]);
}

// From the shop and the files' contents, whatever their names and order.
static bool derive_run(const struct import_options *o, const struct import_file *files, size_t n, char run_id[65],
                       struct err *e)
{
    uint64_t(*hashes)[2] = calloc(n, sizeof *hashes);
    CHECK(hashes);
    for (size_t i = 0; i < n; i++)
        memcpy(hashes[i], files[i].report.content_hash, sizeof *hashes);
    qsort(hashes, n, sizeof *hashes, compare_hashes);
    AUTO(buf_finip) struct buf text;
    buf_init(&text, 1 << 20);
    put_part(&text, o->shop);
    for (size_t i = 0; i < n; i++)
        put_content(&text, &o->csv, hashes[i]);
    free(hashes);
    if (!buf_ok(&text, "the list of files", e))
        return false;
    struct fingerprint f = hash_text(&text);
    (void)snprintf(run_id, 65, "%016llx%016llx", (unsigned long long)f.high, (unsigned long long)f.low);
    return true;
}

static bool choose_run(const struct import_options *o, const struct import_file *files, size_t n, char run_id[65],
                       struct err *e)
{
    if (o->run_id.len == 0)
        return derive_run(o, files, n, run_id, e);
    if (o->run_id.len > 64 || !str_is_utf8(o->run_id))
        return err_set(e, ERR_INPUT, "a run id has at most 64 bytes of UTF-8");
    (void)snprintf(run_id, 65, STR_FMT, STR_ARG(o->run_id));
    return true;
}

static bool name_upload(struct file_import *f, struct err *e)
{
    AUTO(buf_finip) struct buf text;
    buf_init(&text, 64 << 10);
    put_part(&text, f->options->shop);
    put_part(&text, str_of(f->result->run_id));
    put_content(&text, &f->options->csv, f->file->report.content_hash);
    if (!buf_ok(&text, "the shop's name", e))
        return false;
    uint8_t bytes[PGBIN_UUID_BYTES];
    uuid_of(hash_text(&text), bytes, f->file->csv_upload_id);
    memcpy(f->copy.upload, bytes, sizeof bytes);
    return true;
}

// --- rows

static bool on_row(void *context, const struct row *r, struct err *e)
{
    struct file_import *f = context;
    if (f->options->is_strict && f->has_reject)
        return err_set(e, ERR_INPUT, "refused"); // the reject says why: strict_error()
    return import_copy_row(&f->copy, r, e);
}

static void on_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    struct file_import *f = context;
    struct import_result *result = f->result;
    f->has_reject = true;
    result->rejected++;
    if (result->n_rejects == ARRAY_LEN(result->rejects))
        return;
    struct import_reject *reject = &result->rejects[result->n_rejects++];
    reject->line = line;
    (void)snprintf(reject->file, sizeof reject->file, "%s", f->file->path);
    (void)snprintf(reject->column, sizeof reject->column, STR_FMT, STR_ARG(column));
    (void)snprintf(reject->reason, sizeof reject->reason, "%s", reason);
}

static void on_progress(void *context, uint64_t bytes_read, uint64_t bytes_total)
{
    const struct file_import *f = context;
    if (f->options->on_progress)
        f->options->on_progress(f->options->context, f->file->path, bytes_read, bytes_total);
}

// The first bad row of a run that must have none.
static bool strict_error(const struct import_result *result, struct err *e)
{
    const struct import_reject *r = &result->rejects[0];
    return err_set(e, ERR_INPUT, "%s, line %llu%s%s: %s; nothing was imported, because every row must be good (strict)",
                   r->file, (unsigned long long)r->line, *r->column ? ", column " : "", r->column, r->reason);
}

static bool read_rows(struct file_import *f, struct err *e)
{
    const struct csv_sink sink = {.on_row = on_row, .on_reject = on_reject, .on_progress = on_progress, .context = f};
    struct csv_report report;
    bool is_good = csv_read(f->file->path, &f->options->csv, &sink, &report, e);
    if (f->options->is_strict && f->has_reject)
        return strict_error(f->result, e);
    if (!is_good)
        return false;
    if (memcmp(report.content_hash, f->file->report.content_hash, sizeof report.content_hash) != 0)
        return err_set(e, ERR_INPUT, "%s changed while it was imported; import it again", f->file->path);
    f->file->report = report;
    return import_copy_end(&f->copy, e);
}

// --- the upload's row

// An earlier file of a run is older: created_at tells the files of one transaction apart.
static const char INSERT_UPLOAD[] =
    "INSERT INTO csv_uploads (id, run_id, shop_id, filename, status, content_hash, created_at) VALUES ($1::uuid, $2, "
    "$3, "
    "$4, 'importing', $5, now() + $6::int8 * interval '1 microsecond') ON CONFLICT (id) DO NOTHING RETURNING 1";
static const char UPDATE_UPLOAD[] =
    "UPDATE csv_uploads SET csv_type = $2, total_rows = $3::int8, processed_rows = $4::int8, rejected_rows = $5::int8, "
    "status = 'ready', updated_at = now() WHERE id = $1::uuid";
static const char SELECT_UPLOAD[] = "SELECT csv_type, total_rows, rejected_rows FROM csv_uploads WHERE id = $1::uuid";

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// A file that is there keeps its rows; its report is what was counted then.
static bool report_known(struct pg *pg, struct import_file *file, struct err *e)
{
    const char *const values[] = {file->csv_upload_id};
    AUTO(pg_result_clearp) PGresult *r = NULL;
    if (!pg_query(pg, "reading the upload", SELECT_UPLOAD, 1, values, &r, e))
        return false;
    if (PQntuples(r) != 1)
        return err_set(e, ERR_PG_AWAY, "upload %s was deleted while it was imported again", file->csv_upload_id);
    for (unsigned k = 0; k < CSV_KINDS; k++)
        if (strcmp(csv_kind_name(k), PQgetvalue(r, 0, 0)) == 0)
            file->report.kind = k;
    file->report.rows = strtoull(PQgetvalue(r, 0, 1), NULL, 10);
    file->report.rejected = strtoull(PQgetvalue(r, 0, 2), NULL, 10);
    file->already = true;
    return true;
}

static bool insert_upload(struct file_import *f, struct pg *pg, size_t index, bool *is_new, struct err *e)
{
    char hash[33], number[24], *shop = NULL;
    const uint64_t *h = f->file->report.content_hash;
    (void)snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)h[0], (unsigned long long)h[1]);
    (void)snprintf(number, sizeof number, "%zu", index);
    shop = strndup(f->options->shop.ptr, f->options->shop.len);
    CHECK(shop);
    const char *const values[] = {
        f->file->csv_upload_id, f->result->run_id, shop, base_name(f->file->path), hash, number};
    AUTO(pg_result_clearp) PGresult *r = NULL;
    bool is_good = pg_query(pg, "registering the upload", INSERT_UPLOAD, 6, values, &r, e);
    free(shop);
    if (!is_good)
        return false;
    *is_new = PQntuples(r) == 1;
    return true;
}

static bool finish_upload(const struct import_file *file, struct pg *pg, struct err *e)
{
    char rows[24], good[24], bad[24];
    const struct csv_report *r = &file->report;
    (void)snprintf(rows, sizeof rows, "%llu", (unsigned long long)r->rows);
    (void)snprintf(good, sizeof good, "%llu", (unsigned long long)(r->rows - r->rejected));
    (void)snprintf(bad, sizeof bad, "%llu", (unsigned long long)r->rejected);
    const char *const values[] = {file->csv_upload_id, csv_kind_name(r->kind), rows, good, bad};
    return pg_query(pg, "finishing the upload", UPDATE_UPLOAD, 5, values, NULL, e);
}

static bool import_rows(struct file_import *f, struct pg *pg, size_t index, struct err *e)
{
    bool is_new;
    if (!name_upload(f, e) || !insert_upload(f, pg, index, &is_new, e))
        return false;
    if (!is_new)
        return report_known(pg, f->file, e);
    return read_rows(f, e) && finish_upload(f->file, pg, e);
}

static bool import_one(struct pg *pg, const struct import_options *o, struct import_file *file, size_t index,
                       struct import_result *result, struct err *e)
{
    static const uint8_t not_named_yet[PGBIN_UUID_BYTES];
    struct file_import f = {.options = o, .file = file, .result = result};
    import_copy_init(&f.copy, pg, not_named_yet);
    bool is_good = import_rows(&f, pg, index, e);
    import_copy_fini(&f.copy);
    return is_good;
}

// --- the run

static bool hash_files(struct import_file *files, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        files[i].report = (struct csv_report){0};
        files[i].already = false;
        if (!csv_file_hash_all(files[i].path, files[i].report.content_hash, &files[i].report.bytes, e))
            return false;
    }
    return true;
}

static bool add_shop(struct pg *pg, struct str shop, struct err *e)
{
    char *name = strndup(shop.ptr, shop.len);
    CHECK(name);
    const char *const values[] = {name};
    bool is_good = pg_query(pg, "registering the shop",
                            "INSERT INTO shops (shop_id) VALUES ($1) ON CONFLICT DO NOTHING", 1, values, NULL, e);
    free(name);
    return is_good;
}

bool import_files(struct pg *pg, const struct import_options *o, struct import_file *files, size_t n,
                  struct import_result *result, struct err *e)
{
    result->rejected = result->n_rejects = 0;
    if (o->shop.len == 0 || o->shop.len > 255 || !str_is_utf8(o->shop))
        return err_set(e, ERR_INPUT, "a shop id has 1 to 255 bytes of UTF-8");
    if (!hash_files(files, n, e) || !choose_run(o, files, n, result->run_id, e) || !pg_begin(pg, e))
        return false;
    // A long file takes as long as it takes: the statement's time limit is meant for questions.
    pg_set_patient(pg, true);
    bool is_good = pg_exec(pg, "SET LOCAL statement_timeout = 0", e) && add_shop(pg, o->shop, e);
    for (size_t i = 0; is_good && i < n; i++)
        is_good = import_one(pg, o, &files[i], i, result, e);
    is_good = is_good && pg_commit(pg, e);
    pg_set_patient(pg, false);
    if (!is_good)
        pg_rollback(pg);
    return is_good;
}
