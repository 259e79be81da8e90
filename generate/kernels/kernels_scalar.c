/* kernels_scalar.c - the scalar row of kernels.h; the code is kernels_body.h. */
#include "generate/kernels/kernels_body.h"
#include "generate/kernels/rows.h"

KERNELS_ROW(kernels_scalar, CPU_SCALAR);
