#include <string.h>

#include "common/check.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/job_message.h"
#include "worker/store/shop_options.h"

static const struct arg_option OPTIONS[] = {
    JOB_OPTION_ROWS,
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "A shop's defaults for its jobs: options that a job goes by where it says nothing else.\n"
    "show SHOP  prints them, as JSON.\n"
    "set SHOP   replaces all of them by those given; none given: takes them away.\n"
    "\n" JOB_OPTIONS_HELP "\n"
    "examples:\n"
    "  bundlectl shop set demo --option max_discount=20 --option exclude_tags=clearance --type FBT --type FIXED\n"
    "  bundlectl shop show demo";

// Read by the worker's reader first: what would be left out of a job is refused here.
static bool set(struct pg *pg, const struct args *a, struct str shop, struct err *e)
{
    AUTO(arena_fini) struct arena memory;
    AUTO(buf_fini) struct buf json;
    struct job_request request;
    arena_init(&memory, 0);
    buf_init(&json, SHOP_OPTIONS_MAX_BYTES);
    return job_message_options(a, &memory, &request, e) && job_message_options_json(a, &json, e) &&
           shop_options_write(pg, shop, buf_str(&json), e);
}

static bool show(struct pg *pg, struct str shop, struct err *e)
{
    AUTO(buf_fini) struct buf json;
    buf_init(&json, CTL_OUTPUT_MAX);
    if (!shop_options_read(pg, shop, &json, e))
        return false;
    buf_puts(&json, json.len ? "\n" : "{}\n");
    return ctl_print(&json, e);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    bool is_set = strcmp(a->words[0], "set") == 0;
    struct str shop = str_of(a->words[1]);
    if (!is_set && strcmp(a->words[0], "show") != 0)
        return err_set(e, ERR_USAGE, "%.40s: must be show or set", a->words[0]);
    if (!is_set && (args_value(a, "option") || args_value(a, "objective") || args_value(a, "type")))
        return err_set(e, ERR_USAGE, "show takes no options; did you mean set?");
    if (shop.len == 0 || shop.len > 255 || !str_is_utf8(shop))
        return err_set(e, ERR_USAGE, "a shop id has 1 to 255 bytes of UTF-8");
    AUTO(pg_destroyp) struct pg *pg = NULL;
    return ctl_open_pg(c, &pg, e) && (!is_set || set(pg, a, shop, e)) && show(pg, shop, e);
}

const struct ctl_command CMD_SHOP = {
    .name = "shop",
    .words = "show|set SHOP",
    .summary = "show or set a shop's defaults for its jobs",
    .help = HELP,
    .options = OPTIONS,
    .words_min = 2,
    .words_max = 2,
    .needs_settings = true,
    .run = run,
};
