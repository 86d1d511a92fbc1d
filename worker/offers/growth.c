#include "worker/offers/growth.h"

enum { FETCHED_AHEAD = 16 }; // orders: their lines are far apart in a large upload

void growth_init(struct growth *g, const struct market *m, struct arena *memory)
{
    *g = (struct growth){.market = m};
    g->orders = ARENA_ARRAY(memory, uint32_t, m->orders_max + 1);
    g->counts = ARENA_ARRAY(memory, uint32_t, m->data->n_items + 1);
    g->touched = ARENA_ARRAY(memory, uint32_t, m->data->n_items + 1);
}

void growth_start(struct growth *g, uint32_t item)
{
    const struct postings *p = &g->market->postings;
    g->n_orders = p->first[item + 1] - p->first[item];
    if (g->n_orders)
        memcpy(g->orders, p->orders + p->first[item], g->n_orders * sizeof g->orders[0]);
}

// First position in orders[from..to) that is >= order, by doubling steps: the set is usually far shorter than the list.
static uint32_t seek(const uint32_t *orders, uint32_t from, uint32_t to, uint32_t order)
{
    uint32_t step = 1, low = from;
    while (low < to && orders[low] < order) {
        from = low + 1;
        low = to - low > step ? low + step : to;
        step *= 2;
    }
    uint32_t high = low;
    while (from < high) {
        uint32_t middle = from + (high - from) / 2;
        if (orders[middle] < order)
            from = middle + 1;
        else
            high = middle;
    }
    return from;
}

void growth_add(struct growth *g, uint32_t item)
{
    const struct postings *p = &g->market->postings;
    uint32_t at = p->first[item], end = p->first[item + 1], kept = 0;
    for (uint32_t k = 0; k < g->n_orders && at < end; k++) {
        at = seek(p->orders, at, end, g->orders[k]);
        if (at < end && p->orders[at] == g->orders[k])
            g->orders[kept++] = g->orders[k];
    }
    g->n_orders = kept;
}

void growth_count(struct growth *g)
{
    const struct dataset *d = g->market->data;
    for (uint32_t k = 0; k < g->n_touched; k++)
        g->counts[g->touched[k]] = 0;
    g->n_touched = 0;
    for (uint32_t k = 0; k < g->n_orders; k++) {
        uint32_t order = g->orders[k];
        if (k + FETCHED_AHEAD < g->n_orders)
            __builtin_prefetch(&d->line_item[d->line_first[g->orders[k + FETCHED_AHEAD]]]);
        for (uint32_t line = d->line_first[order]; line < d->line_first[order + 1]; line++) {
            uint32_t item = d->line_item[line];
            if (g->counts[item]++ == 0)
                g->touched[g->n_touched++] = item;
        }
    }
}
