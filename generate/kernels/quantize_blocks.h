/* quantize_blocks.h - floats to the blocks of ggml's formats, the other way round of
 * dequantize_row.
 *
 * A format leaves the choice of scales open. Here each is the best of a number of tries by the
 * sum of squared errors, the weights of a block counting alike: for each try of a scale the numbers
 * are rounded and the scale is fitted anew to them (least squares). */
#ifndef CAIRN_GENERATE_KERNELS_QUANTIZE_BLOCKS_H
#define CAIRN_GENERATE_KERNELS_QUANTIZE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "generate/formats/tensor.h"

/* F32, F16, BF16, Q4_0, Q5_0, Q8_0, Q4_K or Q6_K. */
bool quantize_supported(tensor_type type);
/* n floats (a multiple of the type's block size) to dst. A NaN or infinity is the caller's to
 * refuse. The same input gives the same bytes. */
void quantize_row(tensor_type type, const float *x, size_t n, uint8_t *dst);

#endif
