#include "worker/mining/vectors.h"

#include <math.h>

#include "common/check.h"

extern const struct vector_kernel VECTOR_KERNEL_PORTABLE, VECTOR_KERNEL_AVX2, VECTOR_KERNEL_AVX512;

const struct vector_kernel *const *vector_kernels(uint32_t *n)
{
#ifdef __x86_64__
    static const struct vector_kernel *const KERNELS[] = {&VECTOR_KERNEL_PORTABLE, &VECTOR_KERNEL_AVX2,
                                                          &VECTOR_KERNEL_AVX512};
    *n = 1;
    if (__builtin_cpu_supports("avx2"))
        *n = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") ? 3 : 2;
#else
    static const struct vector_kernel *const KERNELS[] = {&VECTOR_KERNEL_PORTABLE};
    *n = 1;
#endif
    return KERNELS;
}

const struct vector_kernel *vector_kernel_best(void)
{
    uint32_t n;
    const struct vector_kernel *const *kernels = vector_kernels(&n);
    return kernels[n - 1];
}

float *vectors_create(struct arena *memory, uint32_t n)
{
    enum { LINE_BYTES = 64 };
    char *bytes = arena_alloc(memory, (size_t)n * VECTOR_DIMS * sizeof(float) + LINE_BYTES);
    return (float *)(void *)(bytes + (-(uintptr_t)bytes & (LINE_BYTES - 1)));
}

void vectors_normalise(float *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        float *row = rows + (size_t)i * VECTOR_DIMS;
        double squares = 0;
        for (int k = 0; k < VECTOR_DIMS; k++)
            squares += (double)row[k] * (double)row[k];
        double length = squares > 0 ? sqrt(squares) : 1;
        for (int k = 0; k < VECTOR_DIMS; k++)
            row[k] = (float)((double)row[k] / length);
    }
}
