#include "worker/mining/order_weights.h"

#include <math.h>

#include "worker/mining/exact_math.h"

static const double DAY_S = 86400, TREND_HALF_LIFE_DAYS = 5, TREND_PRIOR_ORDERS = 50;
static const double RELEVANCE_MAX = 1 << 24, COVERAGE_MAX = 1 << 20;

struct weigher {
    const struct dataset *data;
    const struct mining_rules *rules;
    int64_t oldest; // of the dates that are known
    bool fades;
};

struct weight {
    double relevance, coverage, now; // now: of the present, what a trend is measured by
};

static uint32_t basket_size(const struct dataset *d, uint32_t order)
{
    return d->line_first[order + 1] - d->line_first[order];
}

// Orders are sorted by date, those without one first.
static int64_t oldest_date(const struct dataset *d)
{
    uint32_t order = 0;
    while (order < d->n_orders && d->order_at[order] == DATE_UNKNOWN)
        order++;
    return order < d->n_orders ? d->order_at[order] : d->as_of;
}

static double age_days(const struct weigher *w, uint32_t order)
{
    const struct dataset *d = w->data;
    int64_t at = d->order_at[order] == DATE_UNKNOWN ? w->oldest : d->order_at[order];
    return at < d->as_of ? (double)(d->as_of - at) / DAY_S : 0;
}

static bool is_counted(const struct weigher *w, uint32_t order)
{
    uint32_t n = basket_size(w->data, order);
    return n >= 2 && n <= w->rules->basket_max;
}

static struct weight weigh(const struct weigher *w, uint32_t order)
{
    double age = w->fades ? age_days(w, order) : 0, r = w->fades ? 1 / (1 + age / w->rules->fade_days) : 1;
    return (struct weight){
        .relevance = r / sqrt(basket_size(w->data, order) - 1),
        .coverage = r * sqrt(r),
        .now = exact_exp2(-age / TREND_HALF_LIFE_DAYS),
    };
}

static struct weight weigh_all(const struct weigher *w)
{
    struct weight sum = {0};
    for (uint32_t o = 0; o < w->data->n_orders; o++) {
        if (!is_counted(w, o))
            continue;
        struct weight its = weigh(w, o);
        sum.relevance += its.relevance;
        sum.coverage += its.coverage;
        sum.now += its.now;
    }
    return sum;
}

static void add_to_items(const struct dataset *d, uint32_t order, struct weight its, struct weight *items)
{
    for (uint32_t l = d->line_first[order]; l < d->line_first[order + 1]; l++) {
        items[d->line_item[l]].coverage += its.coverage;
        items[d->line_item[l]].now += its.now;
    }
}

static double trend_of(struct weight item, struct weight all)
{
    double share = item.coverage / all.coverage;
    return share > 0 ? sqrt((item.now / share + TREND_PRIOR_ORDERS) / (all.now + TREND_PRIOR_ORDERS)) : 1;
}

void order_weights_build(struct order_weights *out, const struct dataset *d, const struct mining_rules *rules,
                         struct arena *memory)
{
    struct weigher w = {.data = d, .rules = rules, .oldest = oldest_date(d)};
    w.fades = d->has_dates && d->as_of != DATE_UNKNOWN && rules->fade_days > 0;
    out->relevance = ARENA_ARRAY(memory, uint32_t, d->n_orders);
    out->coverage = ARENA_ARRAY(memory, uint32_t, d->n_orders);
    out->trend = ARENA_ARRAY(memory, double, d->n_items);
    struct weight all = weigh_all(&w), *items = ARENA_ARRAY(memory, struct weight, d->n_items);
    // One is added to each: room is left for it.
    double room = (double)(UINT64_C(1) << ORDER_WEIGHTS_SUM_BITS) - d->n_orders;
    double unit = all.relevance * RELEVANCE_MAX > room ? room / all.relevance : RELEVANCE_MAX;
    for (uint32_t o = 0; o < d->n_orders; o++) {
        if (!is_counted(&w, o))
            continue;
        struct weight its = weigh(&w, o);
        out->relevance[o] = 1 + (uint32_t)(its.relevance * unit);
        out->coverage[o] = 1 + (uint32_t)(its.coverage * COVERAGE_MAX);
        if (w.fades)
            add_to_items(d, o, its, items);
    }
    for (uint32_t i = 0; i < d->n_items; i++)
        out->trend[i] = trend_of(items[i], all);
}
