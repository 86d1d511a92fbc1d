// The moments are those of Searle, Casella & McCulloch for a nested classification with unequal numbers:
//
//     E[SSW] = (N - K) w
//     E[SSB] = (K - T) w + (N - sum_t s_t / n_t) b
//     E[SSA] = (T - 1) w + (sum_t s_t / n_t - S / N) b + (N - sum_t n_t^2 / N) a
//
// of N sales, K products, T types; n_t the sales of a type, s_t its sum of n_i^2, S the sum of all. Products without a
// type count as one more.
#include "worker/offers/discount.h"

// Rates are rounded to basis points, so they vary by a twelfth of a squared one at least.
#define ROUNDING_VARIANCE (1e-8 / 12)

struct group {
    double sales, squares;   // n_t, s_t
    double sum;              // of all rates
    double weight, weighted; // sum of 1 / (b + w / n), the same times the products' means
    uint32_t products;
};

static uint32_t group_of(const struct dataset *d, const struct item *i)
{
    return i->type_id == ID_NONE ? d->n_types : i->type_id;
}

static struct group *sum_groups(const struct dataset *d, struct arena *memory)
{
    struct group *groups = ARENA_ARRAY(memory, struct group, (size_t)d->n_types + 1);
    for (uint32_t i = 0; i < d->n_items; i++) {
        const struct item *it = &d->items[i];
        struct group *g = &groups[group_of(d, it)];
        double n = it->sales;
        g->products += it->sales > 0;
        g->sales += n;
        g->squares += n * n;
        g->sum += n * it->discount_mean;
    }
    return groups;
}

struct moments {
    double n, products, types;        // N, K, T
    double within, between, across;   // SSW, SSB, SSA
    double shares, squares, of_types; // sum_t s_t / n_t, S, sum_t n_t^2
};

static struct moments moments_of(const struct dataset *d, const struct group *groups)
{
    struct moments x = {0};
    double sum = 0;
    for (uint32_t t = 0; t <= d->n_types; t++) {
        const struct group *g = &groups[t];
        if (g->products == 0)
            continue;
        x.types++;
        x.products += g->products;
        x.n += g->sales;
        x.shares += g->squares / g->sales;
        x.squares += g->squares;
        x.of_types += g->sales * g->sales;
        sum += g->sum;
    }
    for (uint32_t t = 0; t <= d->n_types; t++) {
        double off = groups[t].products ? groups[t].sum / groups[t].sales - sum / x.n : 0;
        x.across += groups[t].sales * off * off;
    }
    for (uint32_t i = 0; i < d->n_items; i++) {
        const struct item *it = &d->items[i];
        const struct group *g = &groups[group_of(d, it)];
        if (it->sales == 0)
            continue;
        double off = it->discount_mean - g->sum / g->sales;
        x.within += (it->sales - 1.0) * it->discount_variance;
        x.between += it->sales * off * off;
    }
    return x;
}

static double at_least(double x, double least)
{
    return x > least ? x : least;
}

// What the upload cannot tell from chance is taken for chance: where no product was sold twice the differences between
// products are noise, and so on.
static struct discount_variances variances_of(const struct moments *x)
{
    struct discount_variances v = {.within = ROUNDING_VARIANCE};
    double of_products = x->products - x->types;
    if (x->n > x->products)
        v.within = x->within / (x->n - x->products);
    else if (of_products > 0)
        v.within = x->between / of_products;
    else if (x->types > 1)
        v.within = x->across / (x->types - 1);
    v.within = at_least(v.within, ROUNDING_VARIANCE);
    if (of_products > 0)
        v.products = at_least((x->between - of_products * v.within) / (x->n - x->shares), 0);
    if (x->types > 1)
        v.types = at_least((x->across - (x->types - 1) * v.within - (x->shares - x->squares / x->n) * v.products) /
                               (x->n - x->of_types / x->n),
                           0);
    return v;
}

static double own_prior_sales(const struct discount_variances *v)
{
    double sales = v->products > 0 ? v->within / v->products : OWN_PRIOR_SALES_MAX;
    return sales < OWN_PRIOR_SALES_MIN   ? OWN_PRIOR_SALES_MIN
           : sales > OWN_PRIOR_SALES_MAX ? OWN_PRIOR_SALES_MAX
                                         : sales;
}

// Each product's mean counts by how well it tells that of its type: the inverse of its variance about it.
static void weigh_products(const struct dataset *d, const struct discount_variances *v, struct group *groups)
{
    for (uint32_t i = 0; i < d->n_items; i++) {
        const struct item *it = &d->items[i];
        struct group *g = &groups[group_of(d, it)];
        if (it->sales == 0)
            continue;
        double weight = 1 / (v->products + v->within / it->sales);
        g->weight += weight;
        g->weighted += weight * it->discount_mean;
    }
}

static double shop_mean(const struct group *groups, uint32_t n, const struct discount_variances *v)
{
    double weights = 0, weighted = 0;
    for (uint32_t t = 0; t < n; t++) {
        if (groups[t].products == 0)
            continue;
        double weight = 1 / (v->types + 1 / groups[t].weight);
        weights += weight;
        weighted += weight * groups[t].weighted / groups[t].weight;
    }
    return weights > 0 ? weighted / weights : 0;
}

struct discount_variances discount_learn(struct market *m, struct arena *memory)
{
    const struct dataset *d = m->data;
    struct group *groups = sum_groups(d, memory);
    struct moments x = moments_of(d, groups);
    struct discount_variances v = variances_of(&x);
    weigh_products(d, &v, groups);
    m->own_prior_sales = own_prior_sales(&v);
    m->shop_discount = shop_mean(groups, d->n_types + 1, &v);
    m->type_discount = ARENA_ARRAY(memory, double, (size_t)d->n_types + 1);
    for (uint32_t t = 0; t <= d->n_types; t++) {
        const struct group *g = &groups[t];
        double z = g->products ? v.types / (v.types + 1 / g->weight) : 0;
        m->type_discount[t] = z > 0 ? z * g->weighted / g->weight + (1 - z) * m->shop_discount : m->shop_discount;
    }
    return v;
}
