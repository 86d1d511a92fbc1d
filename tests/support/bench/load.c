#include "tests/support/bench/bench.h"

#include "worker/dataset/builder.h"
#include "worker/store/csv_read.h"

struct reading {
    struct builder *builder;
    unsigned source;
};

static bool on_row(void *context, const struct row *row, struct err *e)
{
    struct reading *r = context;
    return builder_add(r->builder, row, r->source, e);
}

// Files of the real world have some; what is measured is the rest.
static void on_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    (void)context, (void)line, (void)column, (void)reason;
}

struct builder *bench_read(const struct bench *b, const struct enrich_rules *rules)
{
    struct reading reading = {.builder = builder_create(rules)};
    const struct csv_sink sink = {.on_row = on_row, .on_reject = on_reject, .context = &reading};
    const struct csv_options options = {.kind = -1, .date_order = DATE_MDY, .row_bytes_max = 1 << 20};
    for (unsigned i = 0; i < b->n_files; i++) {
        struct csv_report report;
        struct err e;
        reading.source = i;
        if (!csv_read(b->files[i], &options, &sink, &report, &e))
            bench_die(b->files[i], e.message);
    }
    return reading.builder;
}

struct dataset *bench_dataset(const struct bench *b)
{
    struct enrich_rules rules = settings_enrich_rules(&b->settings);
    struct builder *builder = bench_read(b, &rules);
    struct dataset *d;
    struct err e;
    if (!builder_finish(builder, &d, &e))
        bench_die("the orders", e.message);
    builder_destroy(builder);
    return d;
}

bool bench_is_counted(const struct bench *b, const struct dataset *d, uint32_t order)
{
    uint32_t n = d->line_first[order + 1] - d->line_first[order];
    return n >= 2 && n <= b->settings.mining_basket_max;
}

uint32_t bench_n_counted(const struct bench *b, const struct dataset *d)
{
    uint32_t n = 0;
    for (uint32_t o = 0; o < d->n_orders; o++)
        n += bench_is_counted(b, d, o);
    return n;
}

// The smallest whole number that is at least this share, and two at least.
uint32_t bench_orders_min(const struct bench *b, uint32_t n_orders)
{
    double wanted = b->support * n_orders;
    uint32_t least = (uint32_t)wanted;
    least += least < wanted;
    return least < 2 ? 2 : least;
}

void bench_put_sets(struct bench *b, const uint64_t by_size[5], uint64_t orders)
{
    json_out_key_int(&b->facts, "sets_2", (int64_t)by_size[2]);
    json_out_key_int(&b->facts, "sets_3", (int64_t)by_size[3]);
    json_out_key_int(&b->facts, "sets_4", (int64_t)by_size[4]);
    json_out_key_int(&b->facts, "sets_orders", (int64_t)orders);
}
