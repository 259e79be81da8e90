/* rows.h - the three tables, for kernels.c. */
#ifndef CAIRN_GENERATE_KERNELS_ROWS_H
#define CAIRN_GENERATE_KERNELS_ROWS_H

#include "generate/kernels/kernels.h"

extern const kernels kernels_scalar, kernels_avx2, kernels_avx512;

#endif
