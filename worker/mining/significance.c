#include "worker/mining/significance.h"

#include <math.h>

#include "common/check.h"
#include "worker/mining/exact_math.h"
#include "worker/mining/score_order.h"

static const double LOG2_E = 1.4426950408889634;
static const double HALF_LOG2_TWO_PI = 1.3257480647361593;

void log_factorials_init(struct log_factorials *f, uint32_t n_max, struct arena *memory)
{
    *f = (struct log_factorials){n_max, ARENA_ARRAY(memory, double, (size_t)n_max + 1)};
}

static double log2_factorial(uint32_t n)
{
    if (n <= 18) { // exact in a double
        double product = 1;
        for (uint32_t i = 2; i <= n; i++)
            product *= i;
        return exact_log2(product);
    }
    double inverse = 1.0 / n, inverse2 = inverse * inverse;
    double rest = inverse * (1.0 / 12 - inverse2 * (1.0 / 360 - inverse2 / 1260));
    return (n + 0.5) * exact_log2(n) + HALF_LOG2_TWO_PI + LOG2_E * (rest - n);
}

static double log_factorial(struct log_factorials *f, uint32_t n)
{
    CHECK(n <= f->n_max);
    if (f->known[n] == 0) // of 0! and 1! too: cheap
        f->known[n] = log2_factorial(n);
    return f->known[n];
}

static double log_choose(struct log_factorials *f, uint32_t n, uint32_t k)
{
    return log_factorial(f, n) - log_factorial(f, k) - log_factorial(f, n - k);
}

static double log_point(struct log_factorials *f, uint32_t population, uint32_t marked, uint32_t drawn, uint32_t both)
{
    return log_choose(f, marked, both) + log_choose(f, population - marked, drawn - both) -
           log_choose(f, population, drawn);
}

// 1 + P(both + 1) / P(both) + ..., to the most that can be; terms only shrink from past the mode on.
static double ratios_above(double population, double marked, double drawn, double both)
{
    double sum = 1, term = 1, most = marked < drawn ? marked : drawn, rest = population - marked - drawn;
    for (double j = both; j < most && term > sum * 1e-15; j++) {
        term *= (marked - j) * (drawn - j) / ((j + 1) * (rest + j + 1));
        sum += term;
    }
    return sum;
}

double fisher_p(struct log_factorials *f, uint32_t population, uint32_t marked, uint32_t drawn, uint32_t both)
{
    CHECK(marked <= population && drawn <= population && both <= marked && both <= drawn);
    uint64_t sure = (uint64_t)marked + drawn;
    if (both == 0 || sure >= (uint64_t)population + both)
        return 1;
    if ((double)both * population >= (double)marked * drawn) { // not below the mean
        double point = log_point(f, population, marked, drawn, both);
        double p = point < -200 ? 0 : exact_exp2(point) * ratios_above(population, marked, drawn, both);
        return p < 1 ? p : 1;
    }
    // What is left of the other tail, which is the upper one of those not drawn.
    uint32_t rest = marked - both + 1, not_drawn = population - drawn;
    return 1 - exact_exp2(log_point(f, population, marked, not_drawn, rest)) *
                   ratios_above(population, marked, not_drawn, rest);
}

void fdr_adjust(float *values, uint32_t n, double n_tests)
{
    struct arena memory;
    double least = 1;
    CHECK(n_tests >= n);
    arena_init(&memory, 0);
    const uint32_t *order = score_order(values, n, &memory); // the least significant first
    for (uint32_t i = 0; i < n; i++) {
        double adjusted = (double)values[order[i]] * n_tests / (n - i);
        least = adjusted < least ? adjusted : least;
        values[order[i]] = (float)least;
    }
    arena_fini(&memory);
}

double wilson_lower(uint32_t hits, uint32_t tries)
{
    static const double Z = 1.2815515655446004; // the normal's 90 % quantile
    if (tries == 0)
        return 0;
    double n = tries, share = hits / n, z2 = Z * Z / n;
    return (share + z2 / 2 - sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2);
}
