// bench_engine: the engine's parts and plain rivals timed on the same orders in memory. One work, one process, one line
// of JSON:
//
//     bench_engine WORK [options] FILE... -->
//       {"work", "by", "runs", "seconds": [...], "median_s", "cpu_s", "base_mib", "peak_mib", "facts": {...}}
//
// base_mib is what the process holds when the first run begins (the orders), peak_mib the most it holds during the
// runs. Facts are figures of the result: rivals must agree in them, or they did not do the same work.
#ifndef BUNDLE_TESTS_BENCH_H
#define BUNDLE_TESTS_BENCH_H

#include "common/json_out.h"
#include "worker/settings.h"

enum { BENCH_RUNS_MAX = 101, BENCH_PHASES_MAX = 12 };

struct bench {
    const char *work, *by;
    const char *const *files;
    unsigned n_files, runs, threads;
    double support;       // share of the multi-item orders
    const char *in, *out; // files of some works; NULL: not given
    struct settings settings;

    double seconds[BENCH_RUNS_MAX], cpu_seconds[BENCH_RUNS_MAX];
    struct {
        const char *name;
        double seconds[BENCH_RUNS_MAX];
    } phases[BENCH_PHASES_MAX];
    unsigned n_done, n_phases;
    double base_mib, peak_mib;
    int64_t begun_us, cpu_begun_us, phase_begun_us;
    struct buf facts_text;
    struct json_out facts; // open object
};

_Noreturn void bench_die(const char *what, const char *why);

void bench_begin(struct bench *b);                   // a run
void bench_phase(struct bench *b, const char *name); // what was done since the begin or the phase before; static text
void bench_end(struct bench *b);

// The orders, as the worker would have them; dies with a message where a file cannot be read.
struct builder;
struct builder *bench_read(const struct bench *b, const struct enrich_rules *rules);
struct dataset *bench_dataset(const struct bench *b);

// The orders that mining counts: with two items or more, within mining.basket_max.
bool bench_is_counted(const struct bench *b, const struct dataset *d, uint32_t order);
uint32_t bench_n_counted(const struct bench *b, const struct dataset *d);
uint32_t bench_orders_min(const struct bench *b, uint32_t n_orders); // the support as a number of orders

void bench_write_baskets(const struct bench *b, const struct dataset *d); // counted orders as lines of item numbers
void bench_put_sets(struct bench *b, const uint64_t by_size[5], uint64_t orders); // facts: sets, sum of their orders

// Works. Each does b->runs runs and puts its facts.
void work_pair_counts(struct bench *b); // all pair counts, with the recent ones and a weight: worker/mining/tally.h
void work_pairs(struct bench *b);       // ... ranked, and every item's neighbours: worker/mining/evidence.h
void work_pairs_dense(struct bench *b); // a plain loop over a triangle of counters
void work_itemsets(struct bench *b);    // frequent itemsets to size 4 and their rules: worker/mining/itemsets.h
void work_apriori(struct bench *b);     // the sets alone: Agrawal & Srikant (VLDB 1994), with a prefix tree
void work_item2vec(struct bench *b);    // trained on the older orders, judged on the newer: worker/mining/embedding.h
void work_neighbours(struct bench *b);  // judges the neighbours in --in, by whoever had the training baskets
void work_engine(struct bench *b);      // orders in memory -> final bundles

// Not measured: the counted orders for other programs; all, or those that train.
void work_baskets(struct bench *b);
void work_training_baskets(struct bench *b);

#endif
