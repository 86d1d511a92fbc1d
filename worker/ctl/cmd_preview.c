#include <stdio.h>

#include <jansson.h>

#include "common/check.h"
#include "worker/ctl/csv_input.h"
#include "worker/ctl/job_message.h"
#include "worker/ctl/preview.h"
#include "worker/ctl/render.h"

static const struct arg_option OPTIONS[] = {
    {"top", "N", "only the N best", NULL},
    JOB_OPTION_ROWS,
    CSV_OPTION_ROWS,
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Makes bundles from CSV files right here: no Redis, no PostgreSQL, nothing is stored. The files are what `import`\n"
    "takes: orders, and products with stock and cost where there are any; the more is known, the better the offers.\n"
    "--json prints the document {\"version\", \"upload\", \"bundles\", \"metrics\"}.\n"
    "\n" JOB_OPTIONS_HELP "\n"
    "examples:\n"
    "  bundlectl preview orders_export.csv products_export.csv\n"
    "  bundlectl preview --top 10 --type BXGY --type FIXED --option max_discount=15 orders.csv\n"
    "  bundlectl preview --json orders.csv | jq '.bundles[0]'";

static bool print_table(const struct ctl *c, const struct buf *json, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    json_error_t cause;
    json_auto_t *document = json_loadb(json->data, json->len, 0, &cause);
    if (!document)
        return err_set(e, ERR_INTERNAL, "the document does not parse: %s", cause.text);
    render_table(&c->out, document, 0, &out);
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    AUTO(arena_fini) struct arena memory;
    AUTO(buf_fini) struct buf json;
    arena_init(&memory, 0);
    buf_init(&json, CTL_OUTPUT_MAX);
    struct file_rejects rejects;
    struct preview_request r = {.files = {.paths = a->words, .n = a->n_words}, .settings = c->settings};
    int64_t top;
    if (!csv_input_options(a, &r.files.csv, e) || !args_int(a, "top", 1, 10000, 0, &top, e) ||
        !job_message_options(a, &memory, &r.job, e))
        return false;
    r.top = (unsigned)top;
    if (!preview_run(&r, &rejects, &json, e))
        return false;
    file_rejects_note(&rejects);
    return c->is_json ? ctl_print(&json, e) : print_table(c, &json, e);
}

const struct ctl_command CMD_PREVIEW = {
    .name = "preview",
    .words = "FILE...",
    .summary = "make bundles from CSV files, without any server",
    .help = HELP,
    .more_help = csv_input_help,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1000,
    .needs_settings = true,
    .run = run,
};
