/* kernels_avx2.c - the avx2 row of kernels.h; the code is kernels_body.h. */
#include "generate/kernels/kernels_body.h"
#include "generate/kernels/rows.h"

KERNELS_ROW(kernels_avx2, CPU_AVX2);
