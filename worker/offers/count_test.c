#include "worker/offers/count_test.h"

#include <math.h>

#define NEGLIGIBLE 1e-17
#define OTHER_SIDE 19.0 // times the tail: then the tail is at most 5 % of all
#define Z_95 1.959963984540054

// A law of whole numbers with one peak, by how likely k + 1 is against k: 0 at its end, infinite before its start.
struct law {
    double (*ratio)(const struct law *l, double k);
    double expected;            // Poisson
    double n, hits_all, others; // hypergeometric; others: all - n - hits_all
};

static double poisson_ratio(const struct law *l, double k)
{
    return l->expected / (k + 1);
}

static double hypergeometric_ratio(const struct law *l, double k)
{
    return (l->hits_all - k) * (l->n - k) / ((k + 1) * (l->others + k + 1));
}

// Sum of the terms from k on, up or down, the first being 1; no further than `enough`.
static double sum_from(const struct law *l, double k, bool is_up, double enough)
{
    double term = 1, sum = 1, ratio;
    do {
        ratio = is_up ? l->ratio(l, k) : 1 / l->ratio(l, k - 1);
        k += is_up ? 1 : -1;
        term *= ratio;
        sum += term;
    } while (sum < enough && (ratio >= 1 || term > sum * NEGLIGIBLE));
    return sum;
}

static bool is_tail_rare(const struct law *l, double k, bool is_up)
{
    double enough = 1 + OTHER_SIDE * sum_from(l, k, is_up, INFINITY); // the term of k is in both sums
    return sum_from(l, k, !is_up, enough) >= enough;
}

bool poisson_is_above(uint32_t count, double expected)
{
    const struct law l = {.ratio = poisson_ratio, .expected = expected};
    return count > expected && is_tail_rare(&l, count, true);
}

bool fisher_is_below(uint32_t hits, uint32_t n, uint32_t hits_all, uint32_t all)
{
    const struct law l = {
        .ratio = hypergeometric_ratio, .n = n, .hits_all = hits_all, .others = (double)all - n - hits_all};
    return (double)hits * all < (double)hits_all * n && is_tail_rare(&l, hits, false);
}

static double byar(double count, double z)
{
    double root = 1 - 1 / (9 * count) + z / (3 * sqrt(count));
    return count * root * root * root;
}

struct interval poisson_interval(uint32_t count)
{
    return (struct interval){count ? byar(count, -Z_95) : 0, byar(count + 1.0, Z_95)};
}
