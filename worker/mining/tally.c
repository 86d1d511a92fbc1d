#include "worker/mining/tally.h"

enum { RECENT_S = 30 * 86400, ORDERS_AHEAD = 8 };

// Orders are sorted by date: the recent ones stand together.
static void find_recent(struct tally *t, const struct dataset *d)
{
    uint32_t first = d->n_orders, end = d->n_orders;
    if (d->has_dates && d->as_of != DATE_UNKNOWN) {
        while (end > 0 && d->order_at[end - 1] > d->as_of)
            end--;
        first = end;
        while (first > 0 && d->order_at[first - 1] != DATE_UNKNOWN && d->order_at[first - 1] > d->as_of - RECENT_S)
            first--;
    }
    t->recent_first = first;
    t->recent_end = end;
}

void tally_init(struct tally *t, const struct postings *p, const uint32_t *weights, struct arena *memory)
{
    uint32_t n_items = p->data->n_items;
    *t = (struct tally){
        .postings = p,
        .weights = weights,
        .counters = ARENA_ARRAY(memory, uint64_t, n_items),
        .recent = ARENA_ARRAY(memory, uint32_t, n_items),
        .touched = ARENA_ARRAY(memory, uint32_t, (size_t)n_items + 1),
    };
    find_recent(t, p->data);
}

static void add_dense(uint64_t *counters, uint64_t step, const uint32_t *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        counters[items[i]] += step;
}

static void add_sparse(struct tally *t, uint64_t step, const uint32_t *items, uint32_t n)
{
    uint32_t n_touched = t->n_touched;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t before = t->counters[items[i]];
        t->counters[items[i]] = before + step;
        t->touched[n_touched] = items[i]; // counts only where it is the first
        n_touched += before == 0;
    }
    t->n_touched = n_touched;
}

static void add_recent(uint32_t *recent, const uint32_t *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        recent[items[i]]++;
}

static void find_touched(struct tally *t, uint32_t n_items)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_items; i++) {
        t->touched[n] = i;
        n += t->counters[i] > 0;
    }
    t->n_touched = n;
}

// Will the row's additions outnumber the items?
static bool is_dense(const struct tally *t, uint32_t item)
{
    const struct dataset *d = t->postings->data;
    uint64_t lines = 0;
    for (uint32_t p = t->postings->first[item]; p < t->postings->first[item + 1] && lines < d->n_items; p++) {
        uint32_t order = t->postings->orders[p];
        lines += t->weights[order] ? d->line_first[order + 1] - d->line_first[order] : 0;
    }
    return lines >= d->n_items;
}

void tally_count(struct tally *t, uint32_t item)
{
    const struct dataset *d = t->postings->data;
    // Where a row will be dense, looking through all of it afterwards is cheaper than noting what is new all along.
    bool dense = is_dense(t, item);
    uint32_t end = t->postings->first[item + 1];
    for (uint32_t p = t->postings->first[item]; p < end; p++) {
        if (p + ORDERS_AHEAD < end)
            __builtin_prefetch(d->line_item + d->line_first[t->postings->orders[p + ORDERS_AHEAD]]);
        uint32_t order = t->postings->orders[p], n = d->line_first[order + 1] - d->line_first[order];
        const uint32_t *items = d->line_item + d->line_first[order];
        uint64_t step = UINT64_C(1) << ORDER_WEIGHTS_SUM_BITS | t->weights[order];
        if (t->weights[order] == 0)
            continue;
        if (dense)
            add_dense(t->counters, step, items, n);
        else
            add_sparse(t, step, items, n);
        if (order >= t->recent_first && order < t->recent_end)
            add_recent(t->recent, items, n);
    }
    if (dense)
        find_touched(t, d->n_items);
}

void tally_clear(struct tally *t)
{
    for (uint32_t i = 0; i < t->n_touched; i++)
        t->counters[t->touched[i]] = t->recent[t->touched[i]] = 0;
    t->n_touched = 0;
}
