#include <jansson.h>

#include "common/check.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/render.h"
#include "worker/store/bundle_store.h"

static const struct arg_option OPTIONS[] = {
    {"shop", "SHOP", "whose upload it is (required)", NULL},
    {"top", "N", "only the N best (table and CSV)", NULL},
    {"csv", NULL, "as CSV, one bundle a row", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Shows an upload's bundles from PostgreSQL, best first: the final ones, or the preliminary ones while the job is\n"
    "still running. UPLOAD is what `import` printed, or an id of csv_uploads. --json prints the whole document\n"
    "{\"version\", \"upload\", \"bundles\", \"metrics\"}.\n"
    "\n"
    "examples:\n"
    "  bundlectl bundles --shop demo UPLOAD --top 10\n"
    "  bundlectl bundles --shop demo UPLOAD --csv > bundles.csv\n"
    "  bundlectl bundles --shop demo UPLOAD --json | jq '.bundles[] | {bundle_type, explanation}'";

static bool print_document(const struct ctl *c, const struct buf *json, bool is_csv, unsigned top, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    json_error_t cause;
    json_auto_t *document = json_loadb(json->data, json->len, 0, &cause);
    if (!document)
        return err_set(e, ERR_INTERNAL, "the document does not parse: %s", cause.text);
    if (is_csv)
        render_csv(document, top, &out);
    else
        render_table(&c->out, document, top, &out);
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    const char *shop = args_value(a, "shop");
    int64_t top;
    if (!shop || !shop[0])
        return err_set(e, ERR_USAGE, "--shop SHOP is missing: whose upload is it?");
    if (c->is_json && args_has(a, "csv"))
        return err_set(e, ERR_USAGE, "--json or --csv, not both");
    if (!args_int(a, "top", 1, 10000, 0, &top, e))
        return false;
    AUTO(pg_destroyp) struct pg *pg = NULL;
    AUTO(buf_fini) struct buf json;
    buf_init(&json, CTL_OUTPUT_MAX);
    if (!ctl_open_pg(c, &pg, e) || !bundle_store_document(pg, str_of(shop), str_of(a->words[0]), &json, e))
        return false;
    if (!c->is_json)
        return print_document(c, &json, args_has(a, "csv"), (unsigned)top, e);
    if (json.len && json.data[json.len - 1] != '\n')
        buf_putc(&json, '\n');
    return ctl_print(&json, e);
}

const struct ctl_command CMD_BUNDLES = {
    .name = "bundles",
    .words = "UPLOAD --shop SHOP",
    .summary = "show an upload's bundles",
    .help = HELP,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
