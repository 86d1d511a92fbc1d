// The whole engine as a job runs it, in one process: orders in memory -> final bundles. Pairs of objective and bundle
// type are worked out side by side by b->threads threads, as by that many slots of a worker.
#include <pthread.h>
#include <stdlib.h>

#include "common/check.h"
#include "tests/support/bench/bench.h"
#include "worker/dataset/builder.h"

struct job {
    const struct bench *bench;
    struct arena memory;
    struct dataset *data;
    struct mined *mined;
    struct market market;
    struct offer_rules rules;
    atomic_uint next_pair;
    struct arena pair_memory[BUNDLE_PAIRS_MAX];
    struct bundle_list lists[BUNDLE_PAIRS_MAX]; // by pair
    struct bundle_list merged;
};

static void *work_out_pairs(void *job_)
{
    struct job *job = job_;
    unsigned pair;
    while ((pair = atomic_fetch_add(&job->next_pair, 1)) < BUNDLE_PAIRS_MAX) {
        struct err e;
        arena_init(&job->pair_memory[pair], 0);
        if (!offers_for_pair(&job->market, &job->rules, (enum objective)(pair / TYPE_COUNT),
                             (enum bundle_type)(pair % TYPE_COUNT), &job->pair_memory[pair], NULL, &job->lists[pair],
                             NULL, &e))
            bench_die("a pair", e.message);
    }
    return NULL;
}

static void work_out_all_pairs(struct job *job)
{
    pthread_t others[64];
    unsigned n = job->bench->threads - 1;
    for (unsigned i = 0; i < n; i++)
        CHECK(pthread_create(&others[i], NULL, work_out_pairs, job) == 0);
    work_out_pairs(job);
    for (unsigned i = 0; i < n; i++)
        CHECK(pthread_join(others[i], NULL) == 0);
}

static void mine(struct job *job)
{
    const struct mined_rules rules = settings_mined_rules(&job->bench->settings);
    struct err e;
    if (!mined_make(&job->mined, job->data, &rules, NULL, NULL, &e))
        bench_die("mining", e.message);
    market_init(&job->market, job->data, job->mined, &job->memory);
    job->rules = settings_offer_rules(&job->bench->settings);
}

static void merge(struct job *job)
{
    struct merge_report report;
    struct err e;
    if (!offers_merge(&job->market, &job->rules, job->lists, BUNDLE_PAIRS_MAX, &job->memory, NULL, &job->merged,
                      &report, &e))
        bench_die("merging", e.message);
}

static void run(struct bench *b, struct job *job)
{
    struct enrich_rules rules = settings_enrich_rules(&b->settings);
    struct builder *builder = bench_read(b, &rules);
    struct err e;
    arena_init(&job->memory, 0);
    bench_begin(b);
    if (!builder_finish(builder, &job->data, &e))
        bench_die("the orders", e.message);
    bench_phase(b, "enrich");
    mine(job);
    bench_phase(b, "mine");
    work_out_all_pairs(job);
    bench_phase(b, "pairs");
    merge(job);
    bench_phase(b, "merge");
    bench_end(b);
    builder_destroy(builder);
}

static void job_fini(struct job *job)
{
    for (unsigned i = 0; i < BUNDLE_PAIRS_MAX; i++)
        arena_fini(&job->pair_memory[i]);
    mined_destroy(job->mined);
    dataset_destroy(job->data);
    arena_fini(&job->memory);
}

// Equal bundles, equal number; FNV-1a over their encoded bytes.
static int64_t digest_of(const struct bundle_list *list)
{
    struct buf bytes;
    uint64_t hash = UINT64_C(14695981039346656037);
    buf_init(&bytes, 1 << 28);
    bundles_encode(list, &bytes);
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (unsigned char)bytes.data[i]) * UINT64_C(1099511628211);
    buf_fini(&bytes);
    return (int64_t)(hash >> 12); // as many bits as every reader of JSON keeps
}

void work_engine(struct bench *b)
{
    for (unsigned i = 0; i < b->runs; i++) {
        struct job job = {.bench = b};
        run(b, &job);
        if (i + 1 == b->runs) {
            json_out_key_int(&b->facts, "lines", job.data->lines_read);
            json_out_key_int(&b->facts, "orders", job.data->n_orders);
            json_out_key_int(&b->facts, "items", job.data->n_items);
            json_out_key_int(&b->facts, "bundles", job.merged.n);
            json_out_key_int(&b->facts, "digest", digest_of(&job.merged));
        }
        job_fini(&job);
    }
}
