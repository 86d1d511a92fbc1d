#include <string.h>

#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/ctl.h"
#include "worker/store/schema.h"

static const char HELP[] =
    "apply    creates the tables in PostgreSQL, or brings them to this program's version. Running it again changes\n"
    "         nothing; several at once wait for each other.\n"
    "version  prints the version that is there (0: none) and the one this program needs; exits 2 when it is older.\n"
    "\n"
    "examples:\n"
    "  bundlectl schema apply --set pg.url=postgresql://localhost/shop\n"
    "  bundlectl schema version";

static bool print_version(const struct ctl *c, int version, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (c->is_json) {
        struct json_out j = json_out_on(&out);
        json_out_object(&j);
        json_out_key_int(&j, "version", version);
        json_out_key_int(&j, "needed", SCHEMA_VERSION);
        json_out_end(&j);
        buf_putc(&out, '\n');
    } else {
        buf_printf(&out, "schema version %d, needed %d\n", version, SCHEMA_VERSION);
    }
    return ctl_print(&out, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    bool is_apply = strcmp(a->words[0], "apply") == 0;
    if (!is_apply && strcmp(a->words[0], "version") != 0)
        return err_set(e, ERR_USAGE, "%.40s: must be apply or version", a->words[0]);
    AUTO(pg_destroyp) struct pg *pg = pg_create(c->settings, "bundlectl schema");
    if (is_apply && !schema_apply(pg, e))
        return false;
    int version = 0;
    if (!schema_version(pg, &version, e) || !print_version(c, version, e))
        return false;
    struct err is_old = {.kind = ERR_CONFIG};
    *exit_code = version < SCHEMA_VERSION ? err_exit_code(&is_old) : 0;
    return true;
}

const struct ctl_command CMD_SCHEMA = {
    .name = "schema",
    .words = "apply|version",
    .summary = "create or migrate the tables in PostgreSQL",
    .help = HELP,
    .words_min = 1,
    .words_max = 1,
    .needs_settings = true,
    .run = run,
};
