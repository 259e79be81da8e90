/* encode_kernels.c - pick the row of kernels this machine can run. */
#include "generate/encode/encode_kernels.h"

const encode_kernels *encode_kernels_for(cpu_level level)
{
    if (level > cpu_level_max())
        return NULL;
    switch (level) {
    case CPU_AVX512:
        return &encode_kernels_avx512;
    case CPU_AVX2:
        return &encode_kernels_avx2;
    case CPU_SCALAR:
        break;
    }
    return &encode_kernels_scalar;
}

const encode_kernels *encode_kernels_get(void)
{
    return encode_kernels_for(cpu_level_get());
}
