// Compiled once for each instruction set: VECTOR_KERNEL is the symbol, VECTOR_KERNEL_NAME its name, VECTOR_KERNEL_LANES
// the floats that a register holds (4 or more).
#include <math.h>
#include <string.h>

#include "common/check.h"
#include "worker/mining/vectors.h"

// As many lanes as a register has, in memory: rows are on cache lines, but no type says so. What is computed lane by
// lane does not depend on how many that are. Loops over them are unrolled: only constant indices keep an array of
// vectors in registers.
enum { LANES = VECTOR_KERNEL_LANES, PARTS = VECTOR_DIMS / LANES };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef uint32_t integers __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef float quad __attribute__((vector_size(4 * sizeof(float))));
typedef double wide __attribute__((vector_size(LANES * sizeof(float)), aligned(8), may_alias));

static lanes *row_of(float *rows, uint32_t i)
{
    return (lanes *)(rows + (size_t)i * VECTOR_DIMS);
}

static const lanes *row_at(const float *rows, uint32_t i)
{
    return (const lanes *)(rows + (size_t)i * VECTOR_DIMS);
}

// The sum of 64 products, by halves: i and i + 32, then i and i + 16, ... whatever the number of lanes.
static float dot(const lanes *x, const lanes *y)
{
    lanes sum[PARTS];
#pragma GCC unroll 64
    for (int k = 0; k < PARTS; k++)
        sum[k] = x[k] * y[k];
#pragma GCC unroll 64
    for (int half = PARTS / 2; half > 0; half /= 2) {
#pragma GCC unroll 64
        for (int k = 0; k < half; k++)
            sum[k] += sum[k + half];
    }
    quad quads[LANES / 4];
    memcpy(quads, sum, sizeof quads);
#pragma GCC unroll 64
    for (int half = LANES / 8; half > 0; half /= 2) {
#pragma GCC unroll 64
        for (int k = 0; k < half; k++)
            quads[k] += quads[k + half];
    }
    quad two = quads[0] + __builtin_shufflevector(quads[0], quads[0], 2, 3, 0, 1);
    return two[0] + two[1];
}

static void add_scaled(lanes *to, float by, const lanes *from)
{
#pragma GCC unroll 64
    for (int k = 0; k < PARTS; k++)
        to[k] += by * from[k];
}

static void spread(float *to, const float *from, const uint32_t *items, uint32_t n, float weight)
{
    lanes sum[PARTS] = {0};
    for (uint32_t i = 0; i < n; i++)
        add_scaled(sum, 1, row_at(from, items[i]));
    for (uint32_t i = 0; i < n; i++)
        add_scaled(row_of(to, items[i]), weight, sum);
}

static void gram(double products[VECTOR_DIMS][VECTOR_DIMS], const float *a, const float *b, uint32_t n)
{
    enum { WIDE_PARTS = 2 * PARTS };
    double wide_row[VECTOR_DIMS];
    memset(products, 0, sizeof(double[VECTOR_DIMS][VECTOR_DIMS]));
    for (uint32_t i = 0; i < n; i++) {
        const float *x = a + (size_t)i * VECTOR_DIMS;
        const wide *y = (const wide *)wide_row;
        for (uint32_t k = 0; k < VECTOR_DIMS; k++)
            wide_row[k] = (double)b[(size_t)i * VECTOR_DIMS + k];
        for (uint32_t p = 0; p < VECTOR_DIMS; p++)
            for (uint32_t k = 0; k < WIDE_PARTS; k++)
                ((wide *)products[p])[k] += (double)x[p] * y[k];
    }
}

static void multiply(float *rows, uint32_t n, const float by[VECTOR_DIMS][VECTOR_DIMS])
{
    for (uint32_t i = 0; i < n; i++) {
        float *x = rows + (size_t)i * VECTOR_DIMS;
        lanes sum[PARTS] = {0};
        for (int p = 0; p < VECTOR_DIMS; p++)
            add_scaled(sum, x[p], (const lanes *)by[p]);
        for (int k = 0; k < PARTS; k++)
            row_of(rows, i)[k] = sum[k];
    }
}

// The logistic function, |x| <= LOGIT_MAX. e^-x = 2^k * e^r, |r| <= ln(2) / 2, e^r by Taylor: within 4e-6. Adding ROUND
// leaves k in the low bits of the sum, from where a shift takes it into the exponent.
static void logistic(lanes *x)
{
    static const float ROUND = 12582912; // 1.5 * 2^23
    static const float LOG2_E = 1.44269504F, LN2 = 0.69314718F;
    lanes shifted = *x * -LOG2_E + ROUND, r = (*x * -LOG2_E - (shifted - ROUND)) * LN2;
    lanes power = 1 + r * (1 + r * (0.5F + r * (1 / 6.0F + r * (1 / 24.0F + r * (1 / 120.0F + r * (1 / 720.0F))))));
    power = (lanes)((integers)power + ((integers)shifted << 23));
    *x = 1 / (1 + power);
}

static float bounded(float logit)
{
    enum { LOGIT_MAX = 30 };
    return logit < -LOGIT_MAX ? -LOGIT_MAX : logit > LOGIT_MAX ? LOGIT_MAX : logit;
}

// x = 1 / sqrt(1 + x): AdaGrad's factors.
static void damp(float x[LANES])
{
    for (int l = 0; l < LANES; l++)
        x[l] = 1 / sqrtf(1 + x[l]);
}

static void step(const struct sgns_model *m, uint32_t centre, const uint32_t *targets, uint32_t n_contexts, uint32_t n,
                 float rate)
{
    lanes x[PARTS], gradient[PARTS] = {0};
    float errors[VECTOR_TARGETS] = {0}, moves[VECTOR_TARGETS] = {0}, squares = 0;
    CHECK(n <= VECTOR_TARGETS);
    memcpy(x, row_at(m->in, centre), sizeof x);
    for (uint32_t t = 0; t < n; t++)
        errors[t] = bounded(dot(x, row_of(m->out, targets[t])));
    for (uint32_t t = 0; t < n; t += LANES)
        logistic((lanes *)(errors + t));
    for (uint32_t t = 0; t < n; t++) {
        errors[t] = (t < n_contexts ? 1.0F : 0.0F) - errors[t];
        squares += errors[t] * errors[t];
        moves[t] = m->out_squares[targets[t]] += errors[t] * errors[t];
    }
    for (uint32_t t = 0; t < n; t += LANES)
        damp(moves + t);
    for (uint32_t t = 0; t < n; t++) {
        lanes *y = row_of(m->out, targets[t]);
        add_scaled(gradient, errors[t], y);
        add_scaled(y, rate * errors[t] * moves[t], x);
    }
    m->in_squares[centre] += squares;
    add_scaled(row_of(m->in, centre), rate / sqrtf(1 + m->in_squares[centre]), gradient);
}

static void score(float *const scores[VECTOR_QUERIES], const float *const queries[VECTOR_QUERIES], const float *blocks,
                  uint32_t n_blocks)
{
    enum { BLOCK_PARTS = VECTOR_LANES / LANES };
    for (uint32_t block = 0; block < n_blocks; block++) {
        const lanes *items = (const lanes *)(blocks + (size_t)block * VECTOR_DIMS * VECTOR_LANES);
        for (int part = 0; part < BLOCK_PARTS; part++) {
            lanes sum[VECTOR_QUERIES] = {0};
            for (int k = 0; k < VECTOR_DIMS; k++) {
#pragma GCC unroll 64
                for (int q = 0; q < VECTOR_QUERIES; q++)
                    sum[q] += queries[q][k] * items[k * BLOCK_PARTS + part];
            }
#pragma GCC unroll 64
            for (int q = 0; q < VECTOR_QUERIES; q++)
                ((lanes *)scores[q])[block * BLOCK_PARTS + (uint32_t)part] = sum[q];
        }
    }
}

extern const struct vector_kernel VECTOR_KERNEL;
const struct vector_kernel VECTOR_KERNEL = {VECTOR_KERNEL_NAME, spread, gram, multiply, step, score};
