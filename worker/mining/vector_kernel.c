// Compiled once for each instruction set: VECTOR_KERNEL is the symbol, VECTOR_KERNEL_NAME its name.
#include <math.h>
#include <string.h>

#include "common/check.h"
#include "worker/mining/vectors.h"

// Lanes in memory: rows are on cache lines, but no type says so.
typedef float lanes __attribute__((vector_size(VECTOR_LANES * sizeof(float)), aligned(4), may_alias));
typedef double wide __attribute__((vector_size(8 * sizeof(double)), aligned(8), may_alias));
typedef uint32_t integers __attribute__((vector_size(VECTOR_LANES * sizeof(uint32_t))));
typedef float quad __attribute__((vector_size(4 * sizeof(float))));
typedef float narrow __attribute__((vector_size(8 * sizeof(float)), aligned(4), may_alias));
enum { PARTS = VECTOR_DIMS / VECTOR_LANES, WIDE_PARTS = VECTOR_DIMS / 8 };

static lanes *row_of(float *rows, uint32_t i)
{
    return (lanes *)(rows + (size_t)i * VECTOR_DIMS);
}

static const lanes *row_at(const float *rows, uint32_t i)
{
    return (const lanes *)(rows + (size_t)i * VECTOR_DIMS);
}

static float dot(const lanes *x, const lanes *y)
{
    lanes sum = (x[0] * y[0] + x[1] * y[1]) + (x[2] * y[2] + x[3] * y[3]);
    narrow eight = __builtin_shufflevector(sum, sum, 0, 1, 2, 3, 4, 5, 6, 7) +
                   __builtin_shufflevector(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15);
    quad four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    quad two = four + __builtin_shufflevector(four, four, 2, 3, 0, 1);
    return two[0] + two[1];
}

// Written out: only constant indices keep a vector in registers.
static void add_scaled(lanes *to, float by, const lanes *from)
{
    to[0] += by * from[0];
    to[1] += by * from[1];
    to[2] += by * from[2];
    to[3] += by * from[3];
}
_Static_assert(PARTS == 4, "dot() and add_scaled() are written out");

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
    memset(products, 0, sizeof(double[VECTOR_DIMS][VECTOR_DIMS]));
    for (uint32_t i = 0; i < n; i++) {
        const float *x = a + (size_t)i * VECTOR_DIMS;
        const narrow *y = (const narrow *)(b + (size_t)i * VECTOR_DIMS);
        wide row[WIDE_PARTS];
        for (int k = 0; k < WIDE_PARTS; k++)
            row[k] = __builtin_convertvector(y[k], wide);
        for (int p = 0; p < VECTOR_DIMS; p++)
            for (int k = 0; k < WIDE_PARTS; k++)
                ((wide *)products[p])[k] += (double)x[p] * row[k];
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
static void damp(float x[VECTOR_LANES])
{
    for (int l = 0; l < VECTOR_LANES; l++)
        x[l] = 1 / sqrtf(1 + x[l]);
}

static void step(const struct sgns_model *m, uint32_t centre, const uint32_t *targets, uint32_t n_contexts, uint32_t n,
                 float rate)
{
    const lanes *row = row_at(m->in, centre), x[PARTS] = {row[0], row[1], row[2], row[3]};
    lanes gradient[PARTS] = {0};
    float errors[VECTOR_TARGETS] = {0}, moves[VECTOR_TARGETS] = {0}, squares = 0;
    CHECK(n <= VECTOR_TARGETS);
    for (uint32_t t = 0; t < n; t++)
        errors[t] = bounded(dot(x, row_of(m->out, targets[t])));
    for (uint32_t t = 0; t < n; t += VECTOR_LANES)
        logistic((lanes *)(errors + t));
    for (uint32_t t = 0; t < n; t++) {
        errors[t] = (t < n_contexts ? 1.0F : 0.0F) - errors[t];
        squares += errors[t] * errors[t];
        moves[t] = m->out_squares[targets[t]] += errors[t] * errors[t];
    }
    for (uint32_t t = 0; t < n; t += VECTOR_LANES)
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
    for (uint32_t block = 0; block < n_blocks; block++) {
        const lanes *items = (const lanes *)(blocks + (size_t)block * VECTOR_DIMS * VECTOR_LANES);
        lanes a = {0}, b = {0}, c = {0}, d = {0};
        for (int k = 0; k < VECTOR_DIMS; k++) {
            a += queries[0][k] * items[k];
            b += queries[1][k] * items[k];
            c += queries[2][k] * items[k];
            d += queries[3][k] * items[k];
        }
        ((lanes *)scores[0])[block] = a;
        ((lanes *)scores[1])[block] = b;
        ((lanes *)scores[2])[block] = c;
        ((lanes *)scores[3])[block] = d;
    }
}
_Static_assert(VECTOR_QUERIES == 4, "score() is written out");

extern const struct vector_kernel VECTOR_KERNEL;
const struct vector_kernel VECTOR_KERNEL = {VECTOR_KERNEL_NAME, spread, gram, multiply, step, score};
