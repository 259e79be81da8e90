/* simt.h - blocks and threads, on a CUDA device or imitated on the processor.
 *
 * kernels.cu is written once over the words below. nvcc makes device code of it; a C++ compiler
 * makes functions that simt_run walks through block by block, its threads as coroutines that change
 * at barriers and exchanges. So the arithmetic of every kernel is tested where there is no device:
 * each operation is IEEE single precision in both worlds (nvcc is told to leave out fused
 * contractions).
 *
 * Blocks have one dimension of threads, at most SIMT_MAX_THREADS and a multiple of 16; grids have
 * two. Sixteen neighbouring threads are a group, the lanes of lanes_simt.h: a group takes every
 * barrier and exchange together. */
#ifndef CAIRN_GENERATE_CUDA_SIMT_H
#define CAIRN_GENERATE_CUDA_SIMT_H

#include <stdint.h>

#define SIMT_GROUP       16u
#define SIMT_MAX_THREADS 256u

#if defined(__CUDACC__)

#include <cuda_runtime.h>

#define SIMT_KERNEL static __global__ void
#define SIMT_INLINE static __device__ __forceinline__ __attribute__((unused))
#define SIMT_SHARED __shared__
#define SIMT_UNROLL _Pragma("unroll")

#define simt_thread  (threadIdx.x)
#define simt_block_x (blockIdx.x)
#define simt_block_y (blockIdx.y)

SIMT_INLINE void simt_barrier(void)
{
    __syncthreads();
}

SIMT_INLINE unsigned simt_group_mask(void)
{
    return 0xffffu << (threadIdx.x & 16u);
}

/* What a group has written to memory is seen by all of it. */
SIMT_INLINE void simt_group_barrier(void)
{
    __syncwarp(simt_group_mask());
}

/* The value of the lane whose number differs in the bits of `mask`, or of lane 0. */
SIMT_INLINE uint32_t simt_swap(uint32_t v, unsigned mask)
{
    return __shfl_xor_sync(simt_group_mask(), v, (int)mask, 16);
}
SIMT_INLINE uint32_t simt_from_first(uint32_t v)
{
    return __shfl_sync(simt_group_mask(), v, 0, 16);
}

SIMT_INLINE float simt_fma(float a, float b, float c)
{
    return __fmaf_rn(a, b, c);
}
SIMT_INLINE float simt_sqrt(float a)
{
    return __fsqrt_rn(a);
}
SIMT_INLINE uint32_t simt_bits(float f)
{
    return __float_as_uint(f);
}
SIMT_INLINE float simt_float(uint32_t u)
{
    return __uint_as_float(u);
}
/* To nearest, ties to even; NaN and what does not fit become the lowest integer, as on x86. */
SIMT_INLINE int32_t simt_round(float f)
{
    return f >= -2147483648.0f && f < 2147483648.0f ? __float2int_rn(f) : INT32_MIN;
}
SIMT_INLINE float simt_from_half(uint16_t h)
{
    float f;
    asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
    return f;
}
SIMT_INLINE uint16_t simt_to_half(float f)
{
    uint16_t h;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
    return h;
}
/* acc + the four products of unsigned bytes of w and signed bytes of x (compute capability 6.1). */
SIMT_INLINE uint32_t simt_dot4(uint32_t acc, uint32_t w, uint32_t x)
{
    int32_t r;
    asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(r) : "r"(w), "r"(x), "r"((int32_t)acc));
    return (uint32_t)r;
}

/* *p += v as one step, in memory that all threads see; the value before. */
SIMT_INLINE uint32_t simt_add(uint32_t *p, uint32_t v)
{
    return atomicAdd(p, v);
}

/* Queue a kernel behind what was queued before; errors show at the next wait. */
#define SIMT_RUN(kernel, grid_x, grid_y, threads, ...)                                             \
    kernel<<<dim3((unsigned)(grid_x), (unsigned)(grid_y)), (unsigned)(threads)>>>(__VA_ARGS__)

#else /* imitated */

#include <functional>
#include <math.h>
#include <string.h>

extern "C" {
#include "generate/kernels/kernels.h"
}

#define SIMT_KERNEL static void
#define SIMT_INLINE static inline __attribute__((unused))
#define SIMT_SHARED static /* one block runs at a time, in one thread */
#define SIMT_UNROLL

/* Where the running coroutine stands. */
extern unsigned simt_thread, simt_block_x, simt_block_y;

void simt_barrier(void);
void simt_group_barrier(void);
uint32_t simt_swap(uint32_t v, unsigned mask);
uint32_t simt_from_first(uint32_t v);

SIMT_INLINE float simt_fma(float a, float b, float c)
{
    return fmaf(a, b, c);
}
SIMT_INLINE float simt_sqrt(float a)
{
    return sqrtf(a);
}
SIMT_INLINE uint32_t simt_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}
SIMT_INLINE float simt_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
SIMT_INLINE int32_t simt_round(float f)
{
    return f >= -2147483648.0f && f < 2147483648.0f ? (int32_t)nearbyintf(f) : INT32_MIN;
}
SIMT_INLINE float simt_from_half(uint16_t h)
{
    return half_to_float(h);
}
SIMT_INLINE uint16_t simt_to_half(float f)
{
    return float_to_half(f);
}
SIMT_INLINE uint32_t simt_dot4(uint32_t acc, uint32_t w, uint32_t x)
{
    for (int i = 0; i < 32; i += 8)
        acc += (uint32_t)((int32_t)(w >> i & 0xff) * (int8_t)(x >> i & 0xff));
    return acc;
}

SIMT_INLINE uint32_t simt_add(uint32_t *p, uint32_t v)
{
    const uint32_t before = *p;

    *p = before + v;
    return before;
}

/* Run body once for every thread of every block. */
void simt_run(unsigned grid_x, unsigned grid_y, unsigned threads,
              const std::function<void()> &body);
#define SIMT_RUN(kernel, grid_x, grid_y, threads, ...)                                             \
    simt_run((unsigned)(grid_x), (unsigned)(grid_y), (unsigned)(threads),                          \
             [=] { kernel(__VA_ARGS__); })

#endif

#endif
