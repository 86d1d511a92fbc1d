#include "worker/mining/spectral.h"

#include <math.h>
#include <string.h>

#include "common/check.h"

enum { PRODUCTS = 3 };

typedef double square[VECTOR_DIMS][VECTOR_DIMS];

struct spectral {
    const struct basket_sample *sample;
    const struct vector_kernel *kernel;
    const atomic_bool *is_cancelled;
    float *scaled, *product;
};

static size_t bytes_of(const struct basket_sample *s)
{
    return (size_t)s->n_words * VECTOR_DIMS * sizeof(float);
}

// rows = D^-1/2 from
static void scale(float *rows, const float *from, const struct basket_sample *s)
{
    for (uint32_t w = 0; w < s->n_words; w++) {
        float factor = (float)(1 / sqrt((double)s->counts[w]));
        for (size_t k = (size_t)w * VECTOR_DIMS; k < ((size_t)w + 1) * VECTOR_DIMS; k++)
            rows[k] = from[k] * factor;
    }
}

// product = M rows
static bool multiply_by_m(struct spectral *p, const float *rows, struct err *e)
{
    const struct basket_sample *s = p->sample;
    scale(p->scaled, rows, s);
    memset(p->product, 0, bytes_of(s));
    for (uint32_t o = 0; o < s->n_orders; o++) {
        uint32_t n = s->first[o + 1] - s->first[o];
        if (p->is_cancelled && atomic_load_explicit(p->is_cancelled, memory_order_relaxed))
            return err_set(e, ERR_CANCELLED, "item2vec was cancelled");
        p->kernel->spread(p->product, p->scaled, s->words + s->first[o], n, (float)(1 / sqrt(n - 1.0)));
    }
    scale(p->product, p->product, s);
    return true;
}

// The lower triangle with lower * lower' = m, m symmetric and positive semidefinite. A direction that is, but for
// rounding, a combination of the earlier ones gets a zero column.
static void cholesky(square lower, const square m)
{
    double least = 0;
    for (int p = 0; p < VECTOR_DIMS; p++)
        least = fmax(least, m[p][p] * 1e-9);
    memset(lower, 0, sizeof(square));
    for (int q = 0; q < VECTOR_DIMS; q++)
        for (int p = q; p < VECTOR_DIMS; p++) {
            double rest = m[p][q];
            for (int k = 0; k < q; k++)
                rest -= lower[p][k] * lower[q][k];
            if (p == q)
                lower[q][q] = rest > least ? sqrt(rest) : 0;
            else if (lower[q][q] > 0)
                lower[p][q] = rest / lower[q][q];
        }
}

// The transposed inverse of a lower triangle; zero columns stay zero.
static void invert_transposed(float inverse[VECTOR_DIMS][VECTOR_DIMS], const square lower)
{
    square found = {{0}};
    for (int q = 0; q < VECTOR_DIMS; q++)
        for (int p = q; p < VECTOR_DIMS && lower[q][q] > 0; p++) {
            double rest = p == q;
            for (int k = q; k < p; k++)
                rest -= lower[p][k] * found[q][k];
            found[q][p] = lower[p][p] > 0 ? rest / lower[p][p] : 0;
        }
    for (int q = 0; q < VECTOR_DIMS; q++)
        for (int p = 0; p < VECTOR_DIMS; p++)
            inverse[q][p] = (float)found[q][p];
}

// rows = an orthonormal basis of the product's columns (Cholesky QR: R' R = the Gram matrix, Q = A R^-1).
static void orthonormalise(struct spectral *p, float *rows)
{
    square products, lower;
    float inverse[VECTOR_DIMS][VECTOR_DIMS];
    p->kernel->gram(products, p->product, p->product, p->sample->n_words);
    cholesky(lower, (const double(*)[VECTOR_DIMS])products);
    invert_transposed(inverse, (const double(*)[VECTOR_DIMS])lower);
    memcpy(rows, p->product, bytes_of(p->sample));
    p->kernel->multiply(rows, p->sample->n_words, (const float(*)[VECTOR_DIMS])inverse);
}

// With Q orthonormal, M is nearly Q (Q' M Q) Q' = (Q L)(Q L)', L L' = Q' M Q.
static void keep_root(struct spectral *p, float *rows)
{
    square products, lower;
    float factor[VECTOR_DIMS][VECTOR_DIMS];
    p->kernel->gram(products, rows, p->product, p->sample->n_words);
    cholesky(lower, (const double(*)[VECTOR_DIMS])products);
    for (int i = 0; i < VECTOR_DIMS; i++)
        for (int k = 0; k < VECTOR_DIMS; k++)
            factor[i][k] = (float)lower[i][k];
    p->kernel->multiply(rows, p->sample->n_words, (const float(*)[VECTOR_DIMS])factor);
}

static bool iterate(struct spectral *p, float *rows, struct err *e)
{
    for (int i = 1; i < PRODUCTS; i++) {
        if (!multiply_by_m(p, rows, e))
            return false;
        orthonormalise(p, rows);
    }
    if (!multiply_by_m(p, rows, e))
        return false;
    keep_root(p, rows);
    return true;
}

bool spectral_vectors(float *rows, const struct basket_sample *s, const struct vector_kernel *kernel,
                      struct random *random, const atomic_bool *is_cancelled, struct err *e)
{
    AUTO(arena_fini) struct arena scratch;
    arena_init(&scratch, 0);
    struct spectral p = {.sample = s, .kernel = kernel, .is_cancelled = is_cancelled};
    p.scaled = vectors_create(&scratch, s->n_words);
    p.product = vectors_create(&scratch, s->n_words);
    for (size_t k = 0; k < (size_t)s->n_words * VECTOR_DIMS; k++)
        rows[k] = (float)((int32_t)random_bits(random) >> 8); // 24 bits: exact
    if (!iterate(&p, rows, e))
        return false;
    vectors_normalise(rows, s->n_words);
    return true;
}
