// generate_shop: a sample shop as CSV files that `bundlectl import` loads, and what was planted in it (truth.json).
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/shop/orders.h"
#include "tests/support/shop/tables.h"
#include "worker/dataset/date.h"
#include "worker/dataset/money.h"

enum { LINES_MIN = 5, LINES_MAX = 10000000, SPAN_DAYS_MIN = 14, SPAN_DAYS_MAX = 365 };

static const char USAGE[] =
    "generate_shop --out DIR [--lines N] [--seed S] [--start DATE] [--currency CODE]\n"
    "\n"
    "Writes orders.csv, variants.csv, inventory.csv, catalog.csv and truth.json into DIR (made when it is not there).\n"
    "The same options give the same bytes.\n"
    "\n"
    "  --lines N        order lines, 5 to 10,000,000 (default 1,000); the number of variants follows\n"
    "  --seed S         which shop (default 1)\n"
    "  --start DATE     the first day of the orders (default 2024-07-01); they go on for up to 365 days\n"
    "  --currency CODE  ISO 4217 (default USD)\n"
    "\n"
    "truth.json counts paid orders only: what was refunded or voided is no evidence.\n";

static _Noreturn void usage_error(const char *what, const char *value)
{
    fprintf(stderr, "generate_shop: %s: %s (--help explains)\n", what, value);
    exit(2);
}

static uint64_t number_of(const char *text, uint64_t low, uint64_t high, const char *what)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value < low || value > high)
        usage_error(what, text);
    return value;
}

static const char *parse(int argc, char **argv, struct shop_plan *plan)
{
    static const struct option OPTIONS[] = {{"lines", required_argument, NULL, 'l'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"out", required_argument, NULL, 'o'},
                                            {"start", required_argument, NULL, 'd'},
                                            {"currency", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *out = NULL;
    for (int c; (c = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1;) {
        if (c == 'l')
            plan->lines = number_of(optarg, LINES_MIN, LINES_MAX, "--lines");
        else if (c == 's')
            plan->seed = number_of(optarg, 0, INT64_MAX, "--seed");
        else if (c == 'o')
            out = optarg;
        else if (c == 'd' && !date_parse(str_of(optarg), DATE_MDY, &plan->start))
            usage_error("--start", optarg);
        else if (c == 'c')
            plan->currency = optarg;
        else if (c == 'h')
            exit(fputs(USAGE, stdout) < 0);
        else if (c == '?')
            exit(2);
    }
    if (!currency_decimals(str_of(plan->currency), &plan->decimals))
        usage_error("--currency", plan->currency);
    if (!out || optind < argc)
        usage_error(out ? "unexpected argument" : "missing option", out ? argv[optind] : "--out DIR");
    return out;
}

int main(int argc, char **argv)
{
    struct shop_plan plan = {
        .seed = 1, .lines = 1000, .start = 19905 * (int64_t)DAY_S, .currency = "USD"}; // 2024-07-01
    const char *dir = parse(argc, argv, &plan);
    uint64_t days = plan.lines < SPAN_DAYS_MIN   ? SPAN_DAYS_MIN
                    : plan.lines > SPAN_DAYS_MAX ? SPAN_DAYS_MAX
                                                 : plan.lines;
    plan.start -= plan.start % DAY_S;
    plan.end = plan.start + (int64_t)days * DAY_S;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        usage_error(dir, strerror(errno));
    struct catalogue catalogue;
    struct orders_made made;
    catalogue_init(&catalogue, &plan);
    orders_write(&catalogue, &plan, dir, &made);
    tables_write(&catalogue, &plan, dir);
    truth_write(&catalogue, &plan, &made, dir);
    catalogue_fini(&catalogue);
    return 0;
}
