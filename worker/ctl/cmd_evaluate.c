#include <stdlib.h>

#include "common/check.h"
#include "worker/ctl/back_test.h"
#include "worker/ctl/back_test_report.h"
#include "worker/ctl/csv_input.h"
#include "worker/ctl/job_message.h"

static const struct arg_option OPTIONS[] = {
    {"split", "SHARE", "train on this share of the orders, test on the rest (0.8)", NULL},
    {"split-by", "WAY", "the oldest orders train (date), or any (random); by date where there are dates",
     "date|random"},
    {"seed", "N", "of the random split (1): the same N, the same split", NULL},
    {"test", "FILE", "do not split: train on FILE..., test on this one; may be repeated", NULL},
    {"k", "N,N,...", "sizes of the lists that are scored (20,50,100,200)", NULL},
    JOB_OPTION_ROWS,
    CSV_OPTION_ROWS,
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Would these bundles have matched what customers bought next? Keeps back the newest fifth of the orders, runs a "
    "whole\n"
    "job on the others (their prices, figures and dates only), and counts how often the orders that were kept back "
    "contain\n"
    "what it found; beside simple rankings of the same orders.\n"
    "\n"
    "Only orders of two or more products count; products that no training order of two or more sold are taken out, "
    "and\n"
    "orders with fewer than two left are dropped.\n"
    "  pairs       share of the orders with at least one of the K best pairs of a ranking; of these pairs the median "
    "lift\n"
    "              in the held-out orders (not corrected for basket size), how many were confirmed (3 or more joint\n"
    "              orders, lift 1.2 or more), how many different products they are. The oracle ranks pairs by the\n"
    "              held-out orders themselves.\n"
    "  bundles     the same for the first K final bundles of two or more products: orders with any two products of "
    "one,\n"
    "              the same without mix and match, all that the offer asks for; and for as many of the best pairs\n"
    "  neighbours  every product of an order asks for the 10 that go best with it, the order's others are right: "
    "recall,\n"
    "              NDCG, hit (one right or more), averaged over each order's products, then over orders; coverage: "
    "share\n"
    "              of the products that ever stand in such a ten\n"
    "  types       of all held-out orders with what an offer starts from, the share that takes it: all of an FBT "
    "given\n"
    "              its first product, a kit given any of it, N of a pool given one, Y given X, the first quantity "
    "tier\n"
    "\n"
    "--json prints {\"version\", \"split\", \"pairs\", \"neighbours\", \"bundles\", \"types\"}; shares are from 0 to "
    "1:\n"
    "  split       by (date, random, files), share, seed, train_to, test_to, train_orders, test_orders, items,\n"
    "              items_per_order, kappa (lift / kappa is corrected for basket size)\n"
    "  pairs       per ranking (engine, log_likelihood_ratio, joint_count, cosine, lift, popularity, oracle) at each "
    "k:\n"
    "              pairs, items, orders_hit, hit_rate, support_mean, lift_mean, lift_median, confirmed, seen_again\n"
    "              (share with 2 or more joint orders and lift above 1)\n"
    "  neighbours  per ranking (engine, joint_count_by_size, joint_count, cosine, popularity):\n"
    "              recall_10, ndcg_10, hit_10, coverage\n"
    "  bundles     at each k: bundles, sets (no mix and match), hit_rate_two, hit_rate_pair (of the sets), "
    "hit_rate_all,\n"
    "              hit_rate_of_pairs, hit_rate_of_pairs_like_sets (as many of the best pairs as bundles, as sets),\n"
    "              kept_two, kept_pair (bundles, sets over the pairs)\n"
    "  types       per bundle type: bundles, taken_again (by a held-out order), two_together, three_together (bundles "
    "with\n"
    "              so many products in one such order); train and held_out: {base, taken, rate}\n"
    "\n" JOB_OPTIONS_HELP "\n"
    "examples:\n"
    "  bundlectl evaluate orders_export.csv products_export.csv\n"
    "  bundlectl evaluate --split 0.9 --k 10,20 orders.csv\n"
    "  bundlectl evaluate --split-by random --seed 7 orders.csv\n"
    "  bundlectl evaluate orders_2025.csv --test orders_2026.csv\n"
    "  bundlectl evaluate --json orders.csv | jq '.pairs[] | select(.ranking == \"engine\").at'";

enum { CUT_MAX = 10000, TEST_FILES_MAX = 100 };

static bool read_cut(struct str text, struct cuts *cuts, struct err *e)
{
    int64_t cut;
    if (!str_to_int(str_trim(text), &cut) || cut < 1 || cut > CUT_MAX)
        return err_set(e, ERR_USAGE, "--k: " STR_FMT " must be a whole number from 1 to %d",
                       text.len < 40 ? (int)text.len : 40, text.ptr, CUT_MAX);
    if (cuts->n > 0 && (uint32_t)cut <= cuts->at[cuts->n - 1])
        return err_set(e, ERR_USAGE, "--k: the sizes must rise, as in 20,50,100");
    if (cuts->n == CUTS_MAX)
        return err_set(e, ERR_USAGE, "--k: more than %d sizes", CUTS_MAX);
    cuts->at[cuts->n++] = (uint32_t)cut;
    return true;
}

// Else fewer of ours would stand beside that many of the others.
static bool check_kept(const struct settings *s, const struct cuts *cuts, struct err *e)
{
    uint32_t most = cuts->at[cuts->n - 1];
    if ((int64_t)most > s->mining_pairs_max)
        return err_set(e, ERR_USAGE, "--k %u: %lld pairs are kept; raise that with --set mining.pairs_max=%u", most,
                       (long long)s->mining_pairs_max, most);
    if (s->mining_neighbours_max < NEAR_MAX)
        return err_set(e, ERR_USAGE, "mining.neighbours_max must be at least %d to be scored", NEAR_MAX);
    return true;
}

static bool read_cuts(const struct args *a, struct cuts *cuts, struct err *e)
{
    const char *given = args_value(a, "k");
    struct str rest = str_of(given ? given : "20,50,100,200");
    *cuts = (struct cuts){0};
    while (true) {
        const char *comma = rest.len ? memchr(rest.ptr, ',', rest.len) : NULL;
        struct str text = {rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len};
        if (!read_cut(text, cuts, e))
            return false;
        if (!comma)
            return true;
        rest = (struct str){comma + 1, rest.len - text.len - 1};
    }
}

static bool read_split(const struct args *a, struct back_test_request *r, struct err *e)
{
    const char *share = args_value(a, "split");
    int by = args_choice(a, "split-by");
    int64_t seed;
    r->split.share = 0.8;
    if (share && (!str_to_real(str_of(share), &r->split.share) || !(r->split.share > 0 && r->split.share < 1)))
        return err_set(e, ERR_USAGE, "--split %.40s: must be above 0 and below 1", share);
    if (!args_int(a, "seed", 0, INT64_MAX, 1, &seed, e))
        return false;
    r->split.seed = (uint64_t)seed;
    r->split.by = by == 1 ? SPLIT_BY_CHANCE : SPLIT_BY_DATE;
    r->is_by_given = by >= 0;
    return true;
}

static bool read_test_files(const struct args *a, const char *paths[TEST_FILES_MAX], struct back_test_request *r,
                            struct err *e)
{
    const char *path;
    for (unsigned cursor = 0; (path = args_next(a, "test", &cursor));) {
        if (r->test.n == TEST_FILES_MAX)
            return err_set(e, ERR_USAGE, "more than %d times --test", TEST_FILES_MAX);
        paths[r->test.n++] = path;
    }
    r->test.paths = paths;
    r->test.csv = r->files.csv;
    if (r->test.n > 0 && (args_has(a, "split") || args_has(a, "split-by") || args_has(a, "seed")))
        return err_set(e, ERR_USAGE, "--test or --split, not both: with --test nothing is split");
    return true;
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    AUTO(arena_fini) struct arena memory;
    AUTO(buf_fini) struct buf out;
    AUTO(back_test_fini) struct back_test test = {0};
    const char *test_paths[TEST_FILES_MAX];
    struct file_rejects rejects;
    struct back_test_request r = {.files = {.paths = a->words, .n = a->n_words}, .settings = c->settings};
    arena_init(&memory, 0);
    buf_init(&out, CTL_OUTPUT_MAX);
    if (!csv_input_options(a, &r.files.csv, e) || !read_cuts(a, &r.cuts, e) || !check_kept(c->settings, &r.cuts, e) ||
        !read_split(a, &r, e) || !read_test_files(a, test_paths, &r, e) || !job_message_options(a, &memory, &r.job, e))
        return false;
    if (r.job.options.as_of != DATE_UNKNOWN)
        return err_set(e, ERR_USAGE, "as_of is the newest training order here; it cannot be chosen");
    if (!back_test_run(&r, &rejects, &test, e))
        return false;
    file_rejects_note(&rejects);
    if (c->is_json)
        back_test_json(&test, &out);
    else
        back_test_table(&c->out, &test, &out);
    return ctl_print(&out, e);
}

const struct ctl_command CMD_EVALUATE = {
    .name = "evaluate",
    .words = "FILE...",
    .summary = "test bundles on orders that were kept back",
    .help = HELP,
    .more_help = csv_input_help,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1000,
    .needs_settings = true,
    .run = run,
};
