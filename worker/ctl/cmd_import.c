#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "worker/ctl/csv_input.h"
#include "worker/ctl/progress_bar.h"

static const struct arg_option OPTIONS[] = {
    {"shop", "SHOP", "whose files these are (required)", NULL},
    {"run", "RUN", "the upload's name; else made from shop and content", NULL},
    CSV_OPTION_ROWS,
    {"strict", NULL, "load nothing when any row is bad", NULL},
    {"report", "FILE", "write the rejected rows to FILE as CSV", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Loads CSV files into PostgreSQL as one upload. Bad rows are listed with line, column and reason, the others "
    "load;\n"
    "the exit code is 3 then. All files go in together or not at all, and importing the same files again changes\n"
    "nothing. Run `bundlectl schema apply` once before.\n"
    "\n"
    "examples:\n"
    "  bundlectl import --shop demo orders_export.csv products_export.csv\n"
    "  bundlectl import --shop demo --date-order dmy --currency GBP OnlineRetail.csv.gz --report bad.csv\n"
    "  bundlectl import --shop demo --json orders.csv | jq -r .run_id";

struct progress {
    const struct term *term;
    const char *path;
    int64_t drawn_ms;
};

enum { REDRAW_MS = 100 };

static void put_bytes(struct buf *out, uint64_t bytes)
{
    if (bytes < 1024 * 1024)
        buf_printf(out, "%llu KiB", (unsigned long long)(bytes / 1024));
    else
        buf_printf(out, "%.1f MiB", (double)bytes / (1024 * 1024));
}

static void draw(void *context, const char *path, uint64_t read, uint64_t total)
{
    struct progress *p = context;
    int64_t now_ms = clock_mono_ms();
    if (!p->term->is_tty || (p->path == path && read < total && now_ms - p->drawn_ms < REDRAW_MS))
        return;
    p->path = path;
    p->drawn_ms = now_ms;
    AUTO(buf_fini) struct buf line, name;
    buf_init(&line, 4096);
    buf_init(&name, 4096);
    const char *slash = strrchr(path, '/');
    term_put_padded(&name, str_of(slash ? slash + 1 : path), p->term->columns > 70 ? p->term->columns - 50 : 20, false);
    buf_printf(&line, "\r%s ", name.data);
    progress_bar_put(p->term, total ? (double)read / (double)total : 1, PROGRESS_BAR_COLUMNS, &line);
    buf_puts(&line, "  ");
    put_bytes(&line, read);
    buf_puts(&line, "\033[K");
    (void)fputs(line.data, stderr);
    (void)fflush(stderr);
}

static void erase(const struct progress *p)
{
    if (p->term->is_tty && p->path)
        (void)fputs("\r\033[K", stderr);
}

static void print_table(const struct term *t, const struct import_file *files, size_t n, struct buf *out)
{
    unsigned name_columns = 4, most = t->columns > 75 ? t->columns - 55 : 20;
    for (size_t i = 0; i < n; i++) {
        unsigned width = term_width(str_of(files[i].path));
        name_columns = width > name_columns ? width : name_columns;
    }
    name_columns = name_columns > most ? most : name_columns;
    term_put_padded(out, STR("FILE"), name_columns, false);
    buf_printf(out, "  %-17s %10s %9s  %s\n", "KIND", "ROWS", "REJECTED", "STATUS");
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_fini) struct buf rows, rejected;
        buf_init(&rows, 64);
        buf_init(&rejected, 64);
        term_put_count(&rows, files[i].report.rows);
        term_put_count(&rejected, files[i].report.rejected);
        term_put_padded(out, str_of(files[i].path), name_columns, false);
        buf_printf(out, "  %-17s %10s %9s  %s\n", csv_kind_name(files[i].report.kind), rows.data, rejected.data,
                   files[i].already ? "already there" : "new");
    }
}

static void print_text(const struct ctl *c, const struct import_file *files, size_t n, const struct import_result *r,
                       const char *shop, struct buf *out)
{
    print_table(&c->out, files, n, out);
    if (r->rejected) {
        buf_puts(out, "\nrejected rows:\n");
        csv_rejects_print(r->rejects, r->n_rejects, r->rejected, out);
    }
    buf_printf(out, "\nupload %s\nnext: bundlectl enqueue --shop %s %s --wait\n", r->run_id, shop, r->run_id);
}

static void print_file_json(const struct import_file *f, struct json_out *j)
{
    json_out_object(j);
    json_out_key_str(j, "file", str_of(f->path));
    json_out_key_str(j, "kind", str_of(csv_kind_name(f->report.kind)));
    json_out_key_str(j, "csv_upload_id", str_of(f->csv_upload_id));
    json_out_key_str(j, "status", f->already ? STR("already") : STR("new"));
    json_out_key_int(j, "rows", (int64_t)f->report.rows);
    json_out_key_int(j, "rejected", (int64_t)f->report.rejected);
    json_out_key_int(j, "orders", (int64_t)f->report.orders);
    json_out_key_int(j, "lines", (int64_t)f->report.lines);
    json_out_key_int(j, "bytes", (int64_t)f->report.bytes);
    json_out_end(j);
}

static void print_json(const struct import_file *files, size_t n, const struct import_result *r, const char *shop,
                       struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_str(&j, "shop", str_of(shop));
    json_out_key_str(&j, "run_id", str_of(r->run_id));
    json_out_key(&j, "files");
    json_out_array(&j);
    for (size_t i = 0; i < n; i++)
        print_file_json(&files[i], &j);
    json_out_end(&j);
    json_out_key_int(&j, "rejected", (int64_t)r->rejected);
    json_out_key(&j, "rejects");
    csv_rejects_json(r->rejects, r->n_rejects, &j);
    json_out_end(&j);
    buf_putc(out, '\n');
}

static bool write_report(const char *path, const struct import_result *r, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    csv_rejects_csv(r->rejects, r->n_rejects, &out);
    FILE *f = fopen(path, "we");
    if (!f)
        return err_set(e, ERR_IO, "%.200s: %s", path, strerror(errno));
    bool ok = fwrite(out.data, 1, out.len, f) == out.len;
    ok = fclose(f) == 0 && ok;
    if (r->n_rejects < r->rejected)
        ctl_note("%s has the first %zu of %llu rejected rows", path, r->n_rejects, (unsigned long long)r->rejected);
    return ok || err_set(e, ERR_IO, "writing %.200s: %s", path, strerror(errno));
}

static void freep(void *memory)
{
    free(*(void **)memory);
}

static bool import_all(struct ctl *c, const struct args *a, struct import_file *files, struct import_result *result,
                       struct err *e)
{
    struct progress progress = {.term = &c->err};
    struct import_options o = {.shop = str_of(args_value(a, "shop")),
                               .run_id = str_of(args_value(a, "run")),
                               .is_strict = args_has(a, "strict"),
                               .on_progress = draw,
                               .context = &progress};
    AUTO(pg_destroyp) struct pg *pg = NULL;
    if (!csv_input_options(a, &o.csv, e) || !ctl_open_pg(c, &pg, e))
        return false;
    bool ok = import_files(pg, &o, files, a->n_words, result, e);
    erase(&progress);
    return ok;
}

// What is known of the bad rows helps most when they are why it failed.
static bool refused(const struct import_result *r, const char *report, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    csv_rejects_print(r->rejects, r->n_rejects, r->rejected, &out);
    if (out.len)
        (void)fputs(out.data, stderr);
    struct err report_error;
    if (report && r->n_rejects && !write_report(report, r, &report_error))
        return err_wrap(e, "%s", report_error.message);
    return false;
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    const char *shop = args_value(a, "shop"), *report = args_value(a, "report");
    if (!shop || !shop[0])
        return err_set(e, ERR_USAGE, "--shop SHOP is missing: whose files are these?");
    AUTO(freep) struct import_file *files = calloc(a->n_words, sizeof *files);
    AUTO(freep) struct import_result *result = calloc(1, sizeof *result);
    CHECK(files && result);
    for (unsigned i = 0; i < a->n_words; i++)
        files[i].path = a->words[i];
    if (!import_all(c, a, files, result, e))
        return refused(result, report, e);
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (c->is_json)
        print_json(files, a->n_words, result, shop, &out);
    else
        print_text(c, files, a->n_words, result, shop, &out);
    if (!ctl_print(&out, e) || (report && !write_report(report, result, e)))
        return false;
    struct err had_rejects = {.kind = ERR_INPUT};
    *exit_code = result->rejected ? err_exit_code(&had_rejects) : 0;
    return true;
}

const struct ctl_command CMD_IMPORT = {
    .name = "import",
    .words = "FILE... --shop SHOP",
    .summary = "load CSV files into PostgreSQL",
    .help = HELP,
    .more_help = csv_input_help,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1000,
    .needs_settings = true,
    .run = run,
};
