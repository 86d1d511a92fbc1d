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
    "generate_shop --out DIR [options]\n"
    "\n"
    "Writes orders.csv, variants.csv, inventory.csv, catalog.csv and truth.json into DIR (made when it is not there).\n"
    "The same options give the same bytes.\n"
    "\n"
    "  --lines N        order lines, 5 to 10,000,000 (default 1,000)\n"
    "  --seed S         which shop (default 1)\n"
    "  --items N        variants, 12 to 1,000,000 (default: as many as fit the lines)\n"
    "  --basket X       mean size of an order, 1 to 40, geometric (default: a shop's, about 3)\n"
    "  --zipf S         popularity falls with rank^-S, 0.1 to 3 (default: a power law with noise)\n"
    "  --start DATE     the first day of the orders (default 2024-07-01); they go on for up to 365 days\n"
    "  --currency CODE  ISO 4217 (default USD)\n"
    "  --no-dates       orders without a date\n"
    "  --no-prices      no amounts anywhere\n"
    "  --no-catalog     orders.csv only\n"
    "  --hostile        titles with quotes, line breaks, formulas, markup, other scripts\n"
    "  --truth FILE     where the truth goes (default DIR/truth.json)\n"
    "\n"
    "The truth counts paid orders only: what was refunded or voided is no evidence.\n";

struct options {
    struct shop_plan plan;
    const char *out, *truth; // truth NULL: in out
};

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

static double real_of(const char *text, double low, double high, const char *what)
{
    double value;
    if (!str_to_real(str_of(text), &value) || value < low || value > high)
        usage_error(what, text);
    return value;
}

enum flag { FLAG_NO_DATES = 256, FLAG_NO_PRICES, FLAG_NO_CATALOG, FLAG_HOSTILE };

static void take_option(struct options *o, int c)
{
    struct shop_plan *plan = &o->plan;
    switch (c) {
    case 'l':
        plan->lines = number_of(optarg, LINES_MIN, LINES_MAX, "--lines");
        break;
    case 's':
        plan->seed = number_of(optarg, 0, INT64_MAX, "--seed");
        break;
    case 'i':
        plan->variants = (uint32_t)number_of(optarg, 12, 1000000, "--items");
        break;
    case 'b':
        plan->basket_mean = real_of(optarg, 1, 40, "--basket");
        break;
    case 'z':
        plan->zipf = real_of(optarg, 0.1, 3, "--zipf");
        break;
    case 'd':
        if (!date_parse(str_of(optarg), DATE_MDY, &plan->start))
            usage_error("--start", optarg);
        break;
    case 'c':
        plan->currency = optarg;
        break;
    case 'o':
        o->out = optarg;
        break;
    case 't':
        o->truth = optarg;
        break;
    case FLAG_NO_DATES:
        plan->has_no_dates = true;
        break;
    case FLAG_NO_PRICES:
        plan->has_no_prices = true;
        break;
    case FLAG_NO_CATALOG:
        plan->has_no_catalog = true;
        break;
    case FLAG_HOSTILE:
        plan->is_hostile = true;
        break;
    case 'h':
        exit(fputs(USAGE, stdout) < 0);
    default:
        exit(2);
    }
}

static void parse(int argc, char **argv, struct options *o)
{
    static const struct option OPTIONS[] = {{"lines", required_argument, NULL, 'l'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"items", required_argument, NULL, 'i'},
                                            {"basket", required_argument, NULL, 'b'},
                                            {"zipf", required_argument, NULL, 'z'},
                                            {"start", required_argument, NULL, 'd'},
                                            {"currency", required_argument, NULL, 'c'},
                                            {"out", required_argument, NULL, 'o'},
                                            {"truth", required_argument, NULL, 't'},
                                            {"no-dates", no_argument, NULL, FLAG_NO_DATES},
                                            {"no-prices", no_argument, NULL, FLAG_NO_PRICES},
                                            {"no-catalog", no_argument, NULL, FLAG_NO_CATALOG},
                                            {"hostile", no_argument, NULL, FLAG_HOSTILE},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    for (int c; (c = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1;)
        take_option(o, c);
    if (!currency_decimals(str_of(o->plan.currency), &o->plan.decimals))
        usage_error("--currency", o->plan.currency);
    if (!o->out || optind < argc)
        usage_error(o->out ? "unexpected argument" : "missing option", o->out ? argv[optind] : "--out DIR");
}

// A day for a line, within bounds, from midnight to midnight.
static void set_span(struct shop_plan *plan)
{
    uint64_t days = plan->lines < SPAN_DAYS_MIN   ? SPAN_DAYS_MIN
                    : plan->lines > SPAN_DAYS_MAX ? SPAN_DAYS_MAX
                                                  : plan->lines;
    plan->start -= plan->start % DAY_S;
    plan->end = plan->start + (int64_t)days * DAY_S;
}

int main(int argc, char **argv)
{
    struct options o = {
        .plan = {.seed = 1, .lines = 1000, .start = 19905 * (int64_t)DAY_S, .currency = "USD"}}; // 2024-07-01
    parse(argc, argv, &o);
    set_span(&o.plan);
    if (mkdir(o.out, 0777) != 0 && errno != EEXIST)
        usage_error(o.out, strerror(errno));
    struct catalogue catalogue;
    struct orders_made made;
    catalogue_init(&catalogue, &o.plan);
    orders_write(&catalogue, &o.plan, o.out, &made);
    if (!o.plan.has_no_catalog)
        tables_write(&catalogue, &o.plan, o.out);
    truth_write(&catalogue, &o.plan, &made, o.truth ? "" : o.out, o.truth ? o.truth : "truth.json");
    catalogue_fini(&catalogue);
    return 0;
}
