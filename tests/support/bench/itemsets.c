#include "worker/mining/itemsets.h"

#include "tests/support/bench/bench.h"

void work_itemsets(struct bench *b)
{
    struct dataset *d = bench_dataset(b);
    struct itemset_limits limits = settings_mined_rules(&b->settings).itemsets;
    struct itemsets *s = NULL;
    uint64_t by_size[ITEMSET_ITEMS_MAX + 1] = {0}, orders = 0;
    limits.support_min = (double)bench_orders_min(b, bench_n_counted(b, d)) / bench_n_counted(b, d);
    limits.sets_max = 10000000; // all of them, as the rival finds them
    for (unsigned i = 0; i < b->runs; i++) {
        struct err e;
        itemsets_destroy(s);
        bench_begin(b);
        if (!itemsets_mine(&s, d, &limits, NULL, &e))
            bench_die("itemsets", e.message);
        bench_end(b);
    }
    for (uint32_t i = 0; i < s->n_sets; i++) {
        by_size[s->sets[i].n]++;
        orders += s->sets[i].orders;
    }
    bench_put_sets(b, by_size, orders);
    json_out_key_int(&b->facts, "rules", s->n_rules);
    itemsets_destroy(s);
    dataset_destroy(d);
}
