#include "worker/mining/nearest.h"

#include "common/check.h"

// [block][dimension][lane], the last block filled up with zeros.
static float *transpose(const struct nearest_question *q, uint32_t n_blocks, struct arena *memory)
{
    float *blocks = vectors_create(memory, n_blocks * VECTOR_LANES);
    for (uint32_t i = 0; i < q->n_candidates; i++) {
        float *block = blocks + (size_t)(i / VECTOR_LANES) * VECTOR_LANES * VECTOR_DIMS;
        for (uint32_t k = 0; k < VECTOR_DIMS; k++)
            block[k * VECTOR_LANES + i % VECTOR_LANES] = q->rows[(size_t)i * VECTOR_DIMS + k];
    }
    return blocks;
}

static uint32_t insert(struct near *best, uint32_t n, uint32_t max, struct near candidate)
{
    uint32_t at = n < max ? n : max - 1;
    for (; at > 0 && best[at - 1].score < candidate.score; at--)
        best[at] = best[at - 1];
    best[at] = candidate;
    return n < max ? n + 1 : max;
}

static uint32_t select_best(struct near *best, const struct nearest_question *q, uint32_t row, const float *cosines)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->n_candidates && q->wanted > 0; i++) {
        float score = q->cosine_weight * cosines[i] + q->priors[i];
        if ((n < q->wanted || score > best[n - 1].score) && i != row)
            n = insert(best, n, q->wanted, (struct near){i, cosines[i], score});
    }
    return n;
}

// Rows i .. i + n - 1, at most VECTOR_QUERIES.
static void find_some(struct near *found, uint32_t *n_found, const struct nearest_question *q,
                      const struct vector_kernel *kernel, uint32_t i, uint32_t n, const float *blocks,
                      float *const cosines[VECTOR_QUERIES])
{
    const float *queries[VECTOR_QUERIES];
    for (uint32_t k = 0; k < VECTOR_QUERIES; k++)
        queries[k] = q->rows + (size_t)(i + (k < n ? k : 0)) * VECTOR_DIMS;
    kernel->score(cosines, queries, blocks, (q->n_candidates + VECTOR_LANES - 1) / VECTOR_LANES);
    for (uint32_t k = 0; k < n; k++)
        n_found[i + k] = select_best(found + (size_t)(i + k) * q->wanted, q, i + k, cosines[k]);
}

bool nearest_find(struct near *found, uint32_t *n_found, const struct nearest_question *q,
                  const struct vector_kernel *kernel, const atomic_bool *is_cancelled, struct err *e)
{
    AUTO(arena_fini) struct arena scratch;
    arena_init(&scratch, 0);
    uint32_t n_blocks = (q->n_candidates + VECTOR_LANES - 1) / VECTOR_LANES;
    const float *blocks = transpose(q, n_blocks, &scratch);
    float *cosines[VECTOR_QUERIES];
    for (uint32_t k = 0; k < VECTOR_QUERIES; k++)
        cosines[k] = ARENA_ARRAY(&scratch, float, (size_t)n_blocks *VECTOR_LANES);
    for (uint32_t i = 0; i < q->n; i += VECTOR_QUERIES) {
        if (is_cancelled && atomic_load_explicit(is_cancelled, memory_order_relaxed))
            return err_set(e, ERR_CANCELLED, "item2vec was cancelled");
        uint32_t n = q->n - i < VECTOR_QUERIES ? q->n - i : VECTOR_QUERIES;
        find_some(found, n_found, q, kernel, i, n, blocks, cosines);
    }
    return true;
}
