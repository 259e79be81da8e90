/* kernels.c - which row of kernels this machine gets. */
#include "generate/kernels/kernels.h"
#include "generate/kernels/rows.h"

static const kernels *const rows[] = {
    [CPU_SCALAR] = &kernels_scalar,
    [CPU_AVX2] = &kernels_avx2,
    [CPU_AVX512] = &kernels_avx512,
};

const kernels *kernels_get(void)
{
    return rows[cpu_level_get()];
}

const kernels *kernels_for(cpu_level level)
{
    return level <= cpu_level_max() ? rows[level] : NULL;
}
