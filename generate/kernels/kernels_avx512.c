/* kernels_avx512.c - the avx512 row of kernels.h; the code is kernels_body.h. */
#include "generate/kernels/kernels_body.h"
#include "generate/kernels/rows.h"

KERNELS_ROW(kernels_avx512, CPU_AVX512);
