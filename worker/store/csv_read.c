#include "worker/store/csv_read.h"

#include <stdio.h>
#include <stdlib.h>

#include <csv.h>

#include "common/arena.h"
#include "common/check.h"
#include "worker/store/csv_file.h"
#include "worker/store/csv_rows.h"

enum { ROW_BYTES_DEFAULT = 1 << 20, UTF8_BOM_BYTES = 3 };
enum { PARSER_BEFORE_ROW = 0, PARSER_IN_FIELD = 2 }; // libcsv's pstate, which its header does not name

struct cell {
    size_t at, len; // in reader.text
};

struct reader {
    const char *path;
    const struct csv_options *options;
    const struct csv_sink *sink;
    struct csv_report *report;
    struct err *e; // libcsv's callbacks return nothing: a failure waits here and in has_failed
    bool has_failed;

    struct csv_file *file;
    struct csv_parser parser;
    size_t row_bytes_max;
    uint64_t line;     // that is being fed
    uint64_t row_line; // where the row at hand begins
    size_t row_bytes;
    bool ends_in_cr; // the chunk before ended with a carriage return, whose line feed may follow

    struct buf text; // of the row's cells
    struct cell cells[CSV_COLUMNS_MAX];
    struct str views[CSV_COLUMNS_MAX];
    size_t n_cells;
    bool is_blank;         // every cell of the row is empty
    bool has_non_ascii;    // or a NUL: its cells are checked for UTF-8
    size_t first_bad_cell; // not UTF-8; SIZE_MAX: none

    struct arena memory; // of the header
    struct csv_header header;
    bool has_header, wants_header_only;
    struct csv_rows rows;
    uint64_t rows_not_utf8, rows_non_ascii, first_line_not_utf8;
};

static void reader_finip(struct reader **pr)
{
    struct reader *r = *pr;
    if (!r)
        return;
    csv_file_closep(&r->file);
    csv_free(&r->parser);
    buf_fini(&r->text);
    if (r->has_header)
        csv_rows_fini(&r->rows);
    arena_fini(&r->memory);
    free(r);
}

static struct reader *reader_create(const char *path, const struct csv_options *o, const struct csv_sink *sink,
                                    struct csv_report *report, struct err *e)
{
    struct reader *r = calloc(1, sizeof *r);
    CHECK(r);
    r->path = path;
    r->options = o;
    r->sink = sink;
    r->report = report;
    r->e = e;
    r->row_bytes_max = o->row_bytes_max ? o->row_bytes_max : ROW_BYTES_DEFAULT;
    r->line = r->row_line = 1;
    r->is_blank = true;
    r->first_bad_cell = SIZE_MAX;
    buf_init(&r->text, r->row_bytes_max);
    arena_init(&r->memory, 0);
    CHECK(csv_init(&r->parser, 0) == 0);
    csv_set_blk_size(&r->parser, 4096);
    return r;
}

static void fail(struct reader *r, const char *problem)
{
    if (!r->has_failed)
        (void)err_set(r->e, ERR_INPUT, "%s, line %llu: %s", r->path, (unsigned long long)r->row_line, problem);
    r->has_failed = true;
}

// --- one row

static void on_cell(void *bytes, size_t len, void *context)
{
    struct reader *r = context;
    struct str cell = {bytes, len};
    if (r->n_cells == CSV_COLUMNS_MAX) {
        fail(r, "more than 1024 columns");
        return;
    }
    if (r->has_non_ascii && r->first_bad_cell == SIZE_MAX && !str_is_utf8(cell))
        r->first_bad_cell = r->n_cells;
    cell = str_trim(cell);
    r->is_blank &= cell.len == 0;
    bool is_wanted = !r->has_header || (r->n_cells < r->header.n && r->header.is_used[r->n_cells]);
    r->cells[r->n_cells++] = (struct cell){r->text.len, is_wanted ? cell.len : 0};
    if (is_wanted)
        buf_put(&r->text, cell.ptr, cell.len);
}

static const char NOT_UTF8_REMEDY[] = "save it as \"CSV UTF-8\", or convert it: iconv -f WINDOWS-1252 -t UTF-8";

static void take_header(struct reader *r)
{
    if (r->first_bad_cell != SIZE_MAX) {
        char problem[160];
        (void)snprintf(problem, sizeof problem, "the header is not UTF-8; %s", NOT_UTF8_REMEDY);
        fail(r, problem);
        return;
    }
    if (!csv_header_read(&r->header, r->views, r->n_cells, r->options->kind, &r->memory, r->e)) {
        r->has_failed = true;
        (void)err_wrap(r->e, "%s", r->path);
        return;
    }
    r->has_header = true;
    r->report->kind = r->header.kind;
    csv_rows_init(&r->rows, &r->header, r->options, r->sink, r->report);
}

static void reject(struct reader *r, struct str column, const char *reason)
{
    r->report->rejected++;
    r->sink->on_reject(r->sink->context, r->row_line, column, reason);
}

static void reject_not_utf8(struct reader *r)
{
    if (r->rows_not_utf8++ == 0)
        r->first_line_not_utf8 = r->row_line;
    reject(r, r->first_bad_cell < r->header.n ? r->header.names[r->first_bad_cell] : STR(""),
           "not UTF-8, or a NUL byte");
}

static void take_data(struct reader *r)
{
    r->report->rows++;
    if (r->n_cells != r->header.n) {
        char reason[80];
        (void)snprintf(reason, sizeof reason, "%zu columns, the header has %zu", r->n_cells, r->header.n);
        reject(r, STR(""), reason);
        return;
    }
    if (r->first_bad_cell != SIZE_MAX) {
        reject_not_utf8(r);
        return;
    }
    r->rows_non_ascii += r->has_non_ascii;
    if (!csv_rows_take(&r->rows, r->views, r->row_line, r->e))
        r->has_failed = true;
}

static void on_row_end(int terminator, void *context)
{
    (void)terminator;
    struct reader *r = context;
    for (size_t i = 0; i < r->n_cells; i++)
        r->views[i] = (struct str){r->text.data ? r->text.data + r->cells[i].at : "", r->cells[i].len};
    if (!r->has_failed && !r->is_blank && !(r->has_header && r->wants_header_only)) {
        if (r->has_header)
            take_data(r);
        else
            take_header(r);
    }
    r->n_cells = 0;
    r->is_blank = true;
    r->has_non_ascii = false;
    r->first_bad_cell = SIZE_MAX;
    buf_clear(&r->text);
}

// --- lines: libcsv is fed line by line, so that each row's first line is known

static bool has_non_ascii_or_nul(const char *text, size_t len)
{
    unsigned char high = 0;
    for (size_t i = 0; i < len; i++)
        high |= (unsigned char)text[i];
    return (high & 0x80) || memchr(text, 0, len);
}

// Up to and including the next line end: \n, \r\n, or a lone \r as old Macs wrote it.
static size_t line_length(const char *at, size_t left, bool *has_end)
{
    const char *feed = memchr(at, '\n', left);
    size_t len = feed ? (size_t)(feed - at) + 1 : left;
    const char *carriage = memchr(at, '\r', len);
    *has_end = feed != NULL;
    if (!carriage || carriage + 1 == at + left || carriage[1] == '\n')
        return len;
    *has_end = true;
    return (size_t)(carriage - at) + 1;
}

static bool feed_line(struct reader *r, const char *at, size_t len)
{
    bool is_row_start = r->parser.pstate == PARSER_BEFORE_ROW;
    if (is_row_start) {
        r->row_line = r->line;
        r->row_bytes = 0;
    }
    r->row_bytes += len;
    if (r->row_bytes > r->row_bytes_max) {
        char problem[120];
        (void)snprintf(problem, sizeof problem,
                       "the row that begins here is longer than %zu bytes; is a quote not closed?", r->row_bytes_max);
        fail(r, problem);
        return false;
    }
    r->has_non_ascii |= has_non_ascii_or_nul(at, len);
    if (csv_parse(&r->parser, at, len, on_cell, on_row_end, r) != len && !r->has_failed)
        fail(r, csv_strerror(csv_error(&r->parser)));
    return !r->has_failed;
}

static bool feed_chunk(struct reader *r, const char *at, size_t len)
{
    if (r->ends_in_cr && len) {
        r->ends_in_cr = false;
        if (*at != '\n')
            r->line++;
    }
    while (len) {
        bool has_end;
        size_t n = line_length(at, len, &has_end);
        if (!feed_line(r, at, n))
            return false;
        at += n;
        len -= n;
        r->line += has_end;
        r->ends_in_cr = !has_end && at[-1] == '\r';
    }
    return true;
}

// --- the file

// Files that no header can be read from, known by their first bytes.
static const char *foreign_format(const unsigned char *at, size_t len)
{
    bool is_utf16 = len >= 2 && ((at[0] == 0xFF && at[1] == 0xFE) || (at[0] == 0xFE && at[1] == 0xFF));
    if (is_utf16 || (len >= 2 && (at[0] == 0 || at[1] == 0)))
        return "the file is UTF-16, not UTF-8; save it as \"CSV UTF-8\", or convert it: iconv -f UTF-16 -t UTF-8";
    if (len >= 4 && memcmp(at, "PK\3\4", 4) == 0)
        return "this is an Excel workbook or a zip archive; export it as CSV (UTF-8)";
    if (len >= 5 && memcmp(at, "%PDF-", 5) == 0)
        return "this is a PDF; export it as CSV (UTF-8)";
    return NULL;
}

// The separator that splits the first line into most columns.
static char find_delimiter(const char *at, size_t len)
{
    static const char candidates[] = ",;\t|";
    size_t counts[sizeof candidates - 1] = {0}, best = 0;
    bool is_quoted = false;
    for (size_t i = 0; i < len && (is_quoted || (at[i] != '\n' && at[i] != '\r')); i++) {
        is_quoted ^= at[i] == '"';
        const char *found = at[i] && !is_quoted ? strchr(candidates, at[i]) : NULL;
        if (found)
            counts[found - candidates]++;
    }
    for (size_t i = 1; i < ARRAY_LEN(counts); i++)
        if (counts[i] > counts[best])
            best = i;
    return candidates[best];
}

// The first chunk settles encoding and separator. Returns how many bytes of a byte order mark to skip.
static size_t begin_file(struct reader *r, const char *chunk, size_t len)
{
    const char *problem = foreign_format((const unsigned char *)chunk, len);
    if (len == 0)
        problem = "the file is empty";
    if (problem) {
        fail(r, problem);
        return 0;
    }
    size_t skip = len >= UTF8_BOM_BYTES && memcmp(chunk, "\xEF\xBB\xBF", UTF8_BOM_BYTES) == 0 ? UTF8_BOM_BYTES : 0;
    csv_set_delim(&r->parser, (unsigned char)find_delimiter(chunk + skip, len - skip));
    return skip;
}

static void tell_progress(const struct reader *r)
{
    if (r->sink->on_progress)
        r->sink->on_progress(r->sink->context, csv_file_position(r->file), csv_file_size(r->file));
}

static bool read_chunks(struct reader *r)
{
    for (bool is_first = true;; is_first = false) {
        const char *chunk;
        size_t len;
        if (!csv_file_next(r->file, &chunk, &len, r->e))
            return false;
        size_t skip = is_first ? begin_file(r, chunk, len) : 0;
        if (r->has_failed || (len && !feed_chunk(r, chunk + skip, len - skip)))
            return false;
        if (len == 0 || (r->wants_header_only && r->has_header))
            return true;
        tell_progress(r);
    }
}

static bool end_rows(struct reader *r)
{
    // libcsv would tell only in its strict mode, which refuses stray quotes (5" pipe) as well.
    if (r->parser.pstate == PARSER_IN_FIELD && r->parser.quoted)
        fail(r, "the quote that opens in this row is never closed");
    else
        (void)csv_fini(&r->parser, on_cell, on_row_end, r); // fails in strict mode only
    if (!r->has_failed && !r->has_header) {
        r->row_line = 1;
        fail(r, "the file has no header");
    }
    return !r->has_failed;
}

// Single broken rows are rejects; a file whose non-ASCII rows are mostly broken is in another encoding, and loading
// the rest of it would silently lose every "é".
static bool check_encoding(struct reader *r)
{
    if (r->rows_not_utf8 <= r->rows_non_ascii)
        return true;
    return err_set(r->e, ERR_INPUT, "%s, line %llu: not UTF-8 (%llu rows); %s", r->path,
                   (unsigned long long)r->first_line_not_utf8, (unsigned long long)r->rows_not_utf8, NOT_UTF8_REMEDY);
}

static bool check_content(struct reader *r)
{
    const struct csv_report *report = r->report;
    if (report->rows == 0)
        return err_set(r->e, ERR_INPUT, "%s: a header, but no rows", r->path);
    if (report->rejected == report->rows)
        return err_set(r->e, ERR_INPUT, "%s: not one of its %llu rows can be used", r->path,
                       (unsigned long long)report->rows);
    return true;
}

bool csv_read(const char *path, const struct csv_options *o, const struct csv_sink *sink, struct csv_report *report,
              struct err *e)
{
    struct csv_report own = {0};
    AUTO(reader_finip) struct reader *r = reader_create(path, o, sink, &own, e);
    if (!csv_file_open(&r->file, path, e) || !read_chunks(r) || !end_rows(r) || !check_encoding(r) || !check_content(r))
        return false;
    own.bytes = csv_file_bytes(r->file);
    csv_file_hash(r->file, own.content_hash);
    *report = own;
    return true;
}

static bool ignore_row(void *context, const struct row *row, struct err *e)
{
    (void)context, (void)row, (void)e;
    return true;
}

static void ignore_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    (void)context, (void)line, (void)column, (void)reason;
}

bool csv_explain_header(const char *path, const struct csv_options *o, struct buf *out, struct err *e)
{
    struct csv_report report = {0};
    const struct csv_sink sink = {.on_row = ignore_row, .on_reject = ignore_reject};
    AUTO(reader_finip) struct reader *r = reader_create(path, o, &sink, &report, e);
    r->wants_header_only = true;
    if (!csv_file_open(&r->file, path, e) || !read_chunks(r) || (!r->has_header && !end_rows(r)))
        return false;
    csv_header_explain(&r->header, out);
    return true;
}
