/* steps.h - what the decoder's kernels have in common: a block of inputs is rounded, a norm is
 * taken. For kernels.cu and attend.cu, behind lanes_simt.h. */
#ifndef CAIRN_GENERATE_CUDA_STEPS_H
#define CAIRN_GENERATE_CUDA_STEPS_H

#include "generate/cuda/lanes_simt.h"

SIMT_INLINE unsigned group_of(void)
{
    return simt_thread / SIMT_GROUP;
}

/* A group rounds a block of 32 inputs, lane after lane of its two halves; see `quantize` of
 * kernels_body.h. The largest size is found among the bits, which rise with it; where one of them
 * is no number the scale is none, whatever the rest. */
SIMT_INLINE void round_block(lanes low, lanes high, uint8_t *rounded)
{
    const lanes v[2] = {low, high};
    const unsigned lane = lane_of();
    float largest[2], scale[2];
    bool broken[2];
    words q[2], sum[2];

    SIMT_UNROLL
    for (unsigned half = 0; half < 2; half++) {
        largest[half] = simt_float(simt_group_largest(simt_bits(lanes_abs(v[half]))));
        broken[half] = simt_group_any(v[half] * 0.0f != 0.0f);
    }
    SIMT_UNROLL
    for (unsigned half = 0; half < 2; half++) {
        const bool tiny = !(largest[half] > 1e-35f);
        scale[half] = (tiny ? 0.0f : largest[half] / 127.0f) +
                      (broken[half] ? simt_float(0x7fc00000u) : 0.0f);
        q[half] = lanes_round(lanes_mul(v[half], tiny ? 0.0f : 127.0f / largest[half]));
        rounded[16 * half + lane] = (uint8_t)q[half];
    }
    SIMT_UNROLL
    for (unsigned half = 0; half < 2; half++)
        sum[half] = simt_group_sum(q[half]);
    if (lane == 0) {
        float scaled = 0;
        SIMT_UNROLL
        for (unsigned half = 0; half < 2; half++) {
            scaled += scale[half] * (float)(int32_t)sum[half];
            *(float *)(rounded + 32 + 4 * half) = scale[half];
            *(int32_t *)(rounded + 44 + 4 * half) = (int32_t)(0u - 128u * sum[half]);
        }
        *(float *)(rounded + 40) = scaled;
    }
}

/* 1 / the root of the mean square, as `rmsnorm` of kernels_body.h. Padding adds exact zeros. */
SIMT_INLINE float inverse_norm(const float *x, unsigned n, float eps)
{
    lanes acc = lanes_zero();
    unsigned i = lane_of();

    for (; i + 7 * LANES < n; i += 8 * LANES) { /* eight are on their way at once */
        lanes v[8];
        SIMT_UNROLL
        for (unsigned j = 0; j < 8; j++)
            v[j] = x[i + j * LANES];
        SIMT_UNROLL
        for (unsigned j = 0; j < 8; j++)
            acc = lanes_fma(v[j], v[j], acc);
    }
    for (; i < n; i += LANES)
        acc = lanes_fma(x[i], x[i], acc);
    return 1.0f / simt_sqrt(lanes_sum(acc) / (float)n + eps);
}

#endif
