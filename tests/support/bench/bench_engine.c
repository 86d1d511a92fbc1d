#include "tests/support/bench/bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/check.h"
#include "common/clock.h"

static const char USAGE[] =
    "bench_engine WORK [--runs N] [--threads N] [--support SHARE] [--in FILE] [--out FILE]\n"
    "             [--set KEY=VALUE] FILE...\n"
    "\n"
    "Times one work on the orders of the files (what `bundlectl preview` reads); one line of JSON. Works:\n";

static const struct work {
    const char *name, *by;
    void (*run)(struct bench *b);
} WORKS[] = {
    {"pair_counts", "bundle-worker, counts alone", work_pair_counts},
    {"pairs", "bundle-worker, ranked, with neighbours", work_pairs},
    {"pairs_dense", "plain C, dense", work_pairs_dense},
    {"apriori", "plain C, Apriori", work_apriori},
    {"engine", "bundle-worker", work_engine},
    {"itemsets", "bundle-worker, with rules", work_itemsets},
    {"item2vec", "bundle-worker", work_item2vec},
    {"neighbours", "", work_neighbours},
    {"baskets", "", work_baskets},
    {"training_baskets", "", work_training_baskets},
};

void bench_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_engine: %s: %s\n", what, why);
    exit(1);
}

// The process's memory in MiB by /proc/self/status; 0 where there is none.
static double memory_mib(const char *field)
{
    char line[256];
    double kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtod(line + strlen(field) + 1, NULL);
    if (f)
        (void)fclose(f);
    return kib / 1024;
}

// Lets VmHWM begin anew (proc(5), clear_refs); without it the peak is the process's.
static void forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) {
        (void)fputs("5", f);
        (void)fclose(f);
    }
}

static int64_t process_cpu_us(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

void bench_begin(struct bench *b)
{
    CHECK(b->n_done < BENCH_RUNS_MAX);
    if (b->n_done == 0)
        b->base_mib = memory_mib("VmRSS:");
    forget_peak();
    b->n_phases = 0;
    b->cpu_begun_us = process_cpu_us();
    b->begun_us = b->phase_begun_us = clock_mono_us();
}

void bench_phase(struct bench *b, const char *name)
{
    int64_t now_us = clock_mono_us();
    CHECK(b->n_phases < BENCH_PHASES_MAX);
    b->phases[b->n_phases].name = name;
    b->phases[b->n_phases++].seconds[b->n_done] = (double)(now_us - b->phase_begun_us) / 1e6;
    b->phase_begun_us = now_us;
}

void bench_end(struct bench *b)
{
    b->seconds[b->n_done] = (double)(clock_mono_us() - b->begun_us) / 1e6;
    b->cpu_seconds[b->n_done++] = (double)(process_cpu_us() - b->cpu_begun_us) / 1e6;
    double peak_mib = memory_mib("VmHWM:");
    if (peak_mib > b->peak_mib)
        b->peak_mib = peak_mib;
}

static int compare_reals(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(const double *values, unsigned n)
{
    double sorted[BENCH_RUNS_MAX];
    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, compare_reals);
    return n == 0 ? 0 : n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void put_phases(struct json_out *j, const struct bench *b)
{
    json_out_key(j, "phases_s");
    json_out_object(j);
    for (unsigned i = 0; i < b->n_phases; i++)
        json_out_key_real(j, b->phases[i].name, median(b->phases[i].seconds, b->n_done), 6);
    json_out_end(j);
}

static void print_result(struct bench *b)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    struct json_out j = json_out_on(&text);
    json_out_object(&j);
    json_out_key_str(&j, "work", str_of(b->work));
    json_out_key_str(&j, "by", str_of(b->by));
    json_out_key_int(&j, "runs", b->n_done);
    json_out_key(&j, "seconds");
    json_out_array(&j);
    for (unsigned i = 0; i < b->n_done; i++)
        json_out_real(&j, b->seconds[i], 6);
    json_out_end(&j);
    json_out_key_real(&j, "median_s", median(b->seconds, b->n_done), 6);
    json_out_key_real(&j, "cpu_s", median(b->cpu_seconds, b->n_done), 6);
    put_phases(&j, b);
    json_out_key_real(&j, "base_mib", b->base_mib, 1);
    json_out_key_real(&j, "peak_mib", b->peak_mib, 1);
    json_out_end(&b->facts);
    json_out_key(&j, "facts");
    json_out_raw(&j, buf_str(&b->facts_text));
    json_out_end(&j);
    if (text.is_over || puts(text.data) < 0)
        bench_die("the result", "cannot be printed");
    buf_fini(&text);
}

static double real_of(const char *text, double low, double high, const char *option)
{
    double value;
    if (!str_to_real(str_of(text), &value) || value < low || value > high)
        bench_die(option, text);
    return value;
}

static void print_usage(void)
{
    (void)fputs(USAGE, stdout);
    for (size_t i = 0; i < ARRAY_LEN(WORKS); i++)
        (void)printf("  %s\n", WORKS[i].name);
}

static void parse(int argc, char **argv, struct bench *b)
{
    static const struct option OPTIONS[] = {
        {"runs", required_argument, NULL, 'r'},    {"threads", required_argument, NULL, 't'},
        {"support", required_argument, NULL, 'p'}, {"in", required_argument, NULL, 'i'},
        {"out", required_argument, NULL, 'o'},     {"set", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},          {0}};
    struct settings_sources sources = {0};
    struct err e;
    for (int c; (c = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1;) {
        if (c == 'r')
            b->runs = (unsigned)real_of(optarg, 1, BENCH_RUNS_MAX, "--runs");
        else if (c == 't')
            b->threads = (unsigned)real_of(optarg, 1, 64, "--threads");
        else if (c == 'p')
            b->support = real_of(optarg, 0, 1, "--support");
        else if (c == 'i')
            b->in = optarg;
        else if (c == 'o')
            b->out = optarg;
        else if (c == 's' && sources.n_sets < ARRAY_LEN(sources.sets))
            sources.sets[sources.n_sets++] = optarg;
        else if (c == 'h')
            exit((print_usage(), 0));
        else
            exit(2);
    }
    static char *no_environment[] = {NULL};
    if (!settings_load(&b->settings, &sources, no_environment, &e))
        bench_die("settings", e.message);
    if (optind + 1 >= argc)
        bench_die("usage", "bench_engine WORK [options] FILE... (--help)");
    b->work = argv[optind];
    b->files = (const char *const *)argv + optind + 1;
    b->n_files = (unsigned)(argc - optind - 1);
}

int main(int argc, char **argv)
{
    static struct bench b = {.runs = 5, .threads = 2, .support = 0.005};
    parse(argc, argv, &b);
    const struct work *work = WORKS;
    while (work < WORKS + ARRAY_LEN(WORKS) && strcmp(work->name, b.work) != 0)
        work++;
    if (work == WORKS + ARRAY_LEN(WORKS))
        bench_die("no such work", b.work);
    b.by = work->by;
    buf_init(&b.facts_text, 1 << 16);
    b.facts = json_out_on(&b.facts_text);
    json_out_object(&b.facts);
    work->run(&b);
    print_result(&b);
    buf_fini(&b.facts_text);
    return 0;
}
