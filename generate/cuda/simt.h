/* simt.h - blocks and threads, on a CUDA device or imitated on the processor.
 *
 * kernels.cu is written once over the words below. nvcc makes device code of it; a C++ compiler
 * makes functions that simt_run walks through block by block, its threads as coroutines that change
 * at barriers and exchanges. So the arithmetic of every kernel is tested where there is no device:
 * each operation is IEEE single precision in both worlds (nvcc is told to leave out fused
 * contractions).
 *
 * Blocks have one dimension of threads, mostly SIMT_MAX_THREADS, always a multiple of 16; grids
 * have three. Sixteen neighbouring threads are a group, the lanes of lanes_simt.h: a group takes
 * every barrier and exchange together. Two groups are a warp, which multiplies matrices together.
 */
#ifndef CAIRN_GENERATE_CUDA_SIMT_H
#define CAIRN_GENERATE_CUDA_SIMT_H

#include <stdint.h>

/* Sixteen bytes of anything, loaded and stored as one. */
typedef struct __attribute__((aligned(16), may_alias)) simt_quad {
    uint32_t w[4];
} simt_quad;

/* About what a large device has: where work is laid out, there should be some for each. */
#define SIMT_MULTIPROCESSORS SIMT_LIMIT(132u, 2u)

#define SIMT_GROUP        16u
#define SIMT_WARP         32u
#define SIMT_MAX_THREADS  256u
#define SIMT_MOST_THREADS 1024u /* of a block that says so */

#if defined(__CUDACC__)

#include <cuda_runtime.h>

#define SIMT_KERNEL    static __global__ void
#define SIMT_INLINE    static __device__ __forceinline__ __attribute__((unused))
#define SIMT_SHARED    __shared__
#define SIMT_UNROLL    _Pragma("unroll")
#define SIMT_UNROLL_4  _Pragma("unroll 4")
#define SIMT_UNROLL_8  _Pragma("unroll 8")
#define SIMT_UNROLL_16 _Pragma("unroll 16")

#define simt_thread  (threadIdx.x)
#define simt_block_x (blockIdx.x)
#define simt_block_y (blockIdx.y)
#define simt_block_z (blockIdx.z)

/* Where a way of working is chosen by a number: the imitation has a lower one, so that small models
 * take all the ways. */
#define SIMT_LIMIT(device, imitated) (device)

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

/* Over a group: the sum, the largest, whether it holds for one. */
SIMT_INLINE uint32_t simt_group_sum(uint32_t v)
{
#if __CUDA_ARCH__ >= 800
    return __reduce_add_sync(simt_group_mask(), v);
#else
    for (unsigned step = SIMT_GROUP / 2; step; step /= 2)
        v += simt_swap(v, step);
    return v;
#endif
}
SIMT_INLINE uint32_t simt_group_largest(uint32_t v)
{
#if __CUDA_ARCH__ >= 800
    return __reduce_max_sync(simt_group_mask(), v);
#else
    for (unsigned step = SIMT_GROUP / 2; step; step /= 2)
        v = max(v, simt_swap(v, step));
    return v;
#endif
}
SIMT_INLINE bool simt_group_any(bool v)
{
    return __any_sync(simt_group_mask(), v);
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

/* Four matrices of 8 rows of 16 bytes, one behind the other in shared memory (16-byte aligned),
 * over a warp: word i is that of matrix i, row thread / 4, bytes 4 (thread % 4) .. + 3. */
SIMT_INLINE void simt_load_matrices(uint32_t w[4], const void *at)
{
    const uint32_t from = (uint32_t)__cvta_generic_to_shared(at) + threadIdx.x % 32 * 16;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(w[0]), "=r"(w[1]), "=r"(w[2]), "=r"(w[3])
                 : "r"(from)
                 : "memory");
}

/* sum += A B over a warp, signed bytes, 32-bit sums. A is 16 x 16: a[i] is what
 * simt_load_matrices gives of its rows 8 i .. 8 i + 7. B is 16 x 8, and b the same of its columns.
 * sum[2 i + j] is row 8 i + thread / 4, column 2 (thread % 4) + j. */
SIMT_INLINE void simt_matrix_add(uint32_t sum[4], const uint32_t a[2], uint32_t b)
{
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
        "{%0, %1, %2, %3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(b));
#else
    for (unsigned i = 0; i < 2; i++)
        asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
            : "+r"(sum[2 * i]), "+r"(sum[2 * i + 1])
            : "r"(a[i]), "r"(b));
#endif
}

/* Queue a kernel behind what was queued before; errors show at the next wait. */
#define SIMT_RUN(kernel, grid_x, grid_y, threads, ...)                                             \
    SIMT_RUN_3(kernel, grid_x, grid_y, 1, threads, __VA_ARGS__)
#define SIMT_RUN_3(kernel, grid_x, grid_y, grid_z, threads, ...)                                   \
    kernel<<<dim3((unsigned)(grid_x), (unsigned)(grid_y), (unsigned)(grid_z)),                     \
             (unsigned)(threads)>>>(__VA_ARGS__)
/* The same for a kernel that may be set up while the one before it still runs, where the device can
 * do that: it calls simt_follow before it reads what others write, or writes anything. */
#define SIMT_RUN_AFTER(kernel, grid_x, grid_y, threads, ...)                                       \
    simt_run_after(kernel, (unsigned)(grid_x), (unsigned)(grid_y), (unsigned)(threads), __VA_ARGS__)

/* Let the next kernel be set up; wait for those before. */
SIMT_INLINE void simt_lead(void)
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
SIMT_INLINE void simt_follow(void)
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* Whether the device is one that overlaps them (compute capability 9.0). */
static inline bool simt_overlaps(void)
{
    static int major; /* 0: not asked yet */

    if (!major &&
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) != cudaSuccess)
        major = 1;
    return major >= 9;
}

template <typename... A, typename... B>
static inline void simt_run_after(void (*kernel)(A...), unsigned grid_x, unsigned grid_y,
                                  unsigned threads, const B &...with)
{
    cudaLaunchAttribute early = {};
    cudaLaunchConfig_t how = {};

    early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    how.gridDim = dim3(grid_x, grid_y);
    how.blockDim = dim3(threads);
    how.attrs = &early;
    how.numAttrs = simt_overlaps() ? 1 : 0;
    cudaLaunchKernelEx(&how, kernel, static_cast<A>(with)...);
}

/* Said of a kernel: blocks of at most so many threads, of which so many are to be at work on a
 * multiprocessor. */
#define SIMT_BOUNDS(threads, blocks) __launch_bounds__((threads), (blocks))
/* Said of a kernel's argument: a structure that is never changed, whose parts are picked by number.
 */
#define SIMT_ARGUMENT const __grid_constant__

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
#define SIMT_UNROLL_4
#define SIMT_UNROLL_8
#define SIMT_UNROLL_16

#define SIMT_LIMIT(device, imitated) (imitated)

/* Where the running coroutine stands. */
extern unsigned simt_thread, simt_block_x, simt_block_y, simt_block_z;

void simt_barrier(void);
void simt_group_barrier(void);
uint32_t simt_swap(uint32_t v, unsigned mask);
uint32_t simt_from_first(uint32_t v);
void simt_matrix_add(uint32_t sum[4], const uint32_t a[2], uint32_t b);
uint32_t simt_group_sum(uint32_t v);
uint32_t simt_group_largest(uint32_t v);
bool simt_group_any(bool v);

SIMT_INLINE void simt_load_matrices(uint32_t w[4], const void *at)
{
    for (unsigned i = 0; i < 4; i++)
        memcpy(&w[i], (const char *)at + 128 * i + 4 * (simt_thread % SIMT_WARP), 4);
}

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
void simt_run(unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned threads,
              const std::function<void()> &body);
#define SIMT_RUN(kernel, grid_x, grid_y, threads, ...)                                             \
    SIMT_RUN_3(kernel, grid_x, grid_y, 1, threads, __VA_ARGS__)
#define SIMT_RUN_3(kernel, grid_x, grid_y, grid_z, threads, ...)                                   \
    simt_run((unsigned)(grid_x), (unsigned)(grid_y), (unsigned)(grid_z), (unsigned)(threads),      \
             [=] { kernel(__VA_ARGS__); })
#define SIMT_RUN_AFTER SIMT_RUN
SIMT_INLINE void simt_lead(void)
{
}
SIMT_INLINE void simt_follow(void)
{
}
#define SIMT_BOUNDS(threads, blocks)
#define SIMT_ARGUMENT const

#endif

/* out = c + A B, every number of c the same. */
SIMT_INLINE void simt_matrix_product(uint32_t out[4], uint32_t c, const uint32_t a[2], uint32_t b)
{
    out[0] = out[1] = out[2] = out[3] = c;
    simt_matrix_add(out, a, b);
}

#endif
