/* steps.h - what the decoder's kernels have in common: a block of inputs is rounded, a norm is taken.
 * For kernels.cu and attend.cu, behind lanes_simt.h. */
#ifndef CAIRN_GENERATE_CUDA_STEPS_H
#define CAIRN_GENERATE_CUDA_STEPS_H

#include "generate/cuda/lanes_simt.h"

SIMT_INLINE unsigned group_of(void)
{
    return simt_thread / SIMT_GROUP;
}

/* A group rounds a block of 32 inputs, lane after lane of its two halves; see `quantize` of
 * kernels_body.h. */
SIMT_INLINE void round_block(lanes low, lanes high, uint8_t *rounded)
{
    const unsigned lane = lane_of();
    float scaled = 0;

    SIMT_UNROLL
    for (unsigned half = 0; half < 2; half++) {
        const lanes v = half ? high : low;
        const float largest = lanes_largest(lanes_abs(v)),
                    broken = lanes_sum(lanes_mul(v, lanes_zero()));
        const bool tiny = !(largest > 1e-35f);
        const float scale = (tiny ? 0.0f : largest / 127.0f) + broken;
        const words q = lanes_round(lanes_mul(v, tiny ? 0.0f : 127.0f / largest));
        const int32_t sum = words_sum(q);

        rounded[16 * half + lane] = (uint8_t)q;
        scaled += scale * (float)sum;
        if (lane == 0) {
            *(float *)(rounded + 32 + 4 * half) = scale;
            *(int32_t *)(rounded + 44 + 4 * half) = (int32_t)(0u - 128u * (uint32_t)sum);
        }
    }
    if (lane == 0)
        *(float *)(rounded + 40) = scaled;
}

/* 1 / the root of the mean square, as `rmsnorm` of kernels_body.h. Padding adds exact zeros. */
SIMT_INLINE float inverse_norm(const float *x, unsigned n, float eps)
{
    lanes acc = lanes_zero();

    SIMT_UNROLL_16
    for (unsigned i = lane_of(); i < n; i += LANES)
        acc = lanes_fma(x[i], x[i], acc);
    return 1.0f / simt_sqrt(lanes_sum(acc) / (float)n + eps);
}

#endif
