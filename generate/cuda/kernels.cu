/* kernels.cu - the steps between products and attention (rounding, norms, activations), and memory.
 *
 * A group of sixteen threads works as sixteen lanes work on the processor. */
extern "C" {
#include "generate/cuda/kernels.h"
}

#include <stdio.h>

/* clang-format off */
#include "generate/cuda/lanes_simt.h" /* first: the spelling that the next two are written in */
#include "generate/cuda/steps.h"
#include "generate/kernels/lanes_math.h"
/* clang-format on */

#define THREADS SIMT_MAX_THREADS
#define GROUPS  (THREADS / LANES)

static unsigned blocks_for(size_t n, unsigned each)
{
    return (unsigned)((n + each - 1) / each);
}

/* ---- rounding ---- */

/* A group a block of 32 inputs. */
SIMT_KERNEL round_kernel(const float *x, unsigned blocks, uint8_t *rounded)
{
    const unsigned b = simt_block_x * GROUPS + group_of();

    if (b >= blocks) /* of all tokens */
        return;
    x += (size_t)b * 32;
    round_block(lanes_load(x), lanes_load(x + LANES), rounded + (size_t)b * KERNEL_SINGLE_BLOCK);
}

void step_round(const float *x, uint32_t n, uint32_t k, uint8_t *rounded)
{
    const unsigned blocks = n * (k / 32);
    SIMT_RUN(round_kernel, blocks_for(blocks, GROUPS), 1, THREADS, x, blocks, rounded);
}

/* ---- norms ---- */

#define ROW_QUADS 5u                         /* of a thread: four floats each */
#define ROW_MOST  (4u * ROW_QUADS * THREADS) /* floats of a row that its block keeps */

/* One group adds up; all threads get the result. */
SIMT_INLINE float block_inverse_norm(const float *x, unsigned n, float eps, float *shared)
{
    simt_barrier();
    if (group_of() == 0) {
        const float by = inverse_norm(x, n, eps);
        if (lane_of() == 0)
            *shared = by;
    }
    simt_barrier();
    return *shared;
}

SIMT_INLINE float added(float x, float add, const float *add_w, float by, unsigned i)
{
    return x + (add_w ? add * by * add_w[i] : add);
}

/* Rounds a row of a block of threads. */
SIMT_INLINE void round_row(const float *row, unsigned width, uint8_t *rounded)
{
    for (unsigned b = group_of(); b < width / 32; b += GROUPS) {
        const unsigned i = 32 * b + lane_of();
        round_block(row[i], row[i + LANES], rounded + (size_t)b * KERNEL_SINGLE_BLOCK);
    }
}

/* A block a row of at most ROW_MOST floats, a multiple of four: all that is read is asked for at once. */
SIMT_KERNEL norm_kernel(SIMT_ARGUMENT norm_step s)
{
    SIMT_SHARED simt_quad kept[ROW_MOST / 4];
    SIMT_SHARED float shared;
    const unsigned quads = s.width / 4;
    const size_t at = (size_t)simt_block_x * quads;
    simt_quad *x = (simt_quad *)s.x + at, v[ROW_QUADS], add[ROW_QUADS], w[ROW_QUADS];
    float by = 1.0f;

    simt_lead();
    SIMT_UNROLL
    for (unsigned i = 0; i < ROW_QUADS; i++)
        if (i * THREADS + simt_thread < quads)
            w[i] = ((const simt_quad *)s.w)[i * THREADS + simt_thread];
    simt_follow();
    SIMT_UNROLL
    for (unsigned i = 0; i < ROW_QUADS; i++) {
        const unsigned q = i * THREADS + simt_thread;
        if (q < quads) {
            v[i] = x[q];
            if (s.add)
                add[i] = ((const simt_quad *)s.add)[at + q];
        }
    }
    if (s.add_w) {
        SIMT_UNROLL
        for (unsigned i = 0; i < ROW_QUADS; i++)
            if (i * THREADS + simt_thread < quads)
                kept[i * THREADS + simt_thread] = add[i];
        by = block_inverse_norm((const float *)kept, s.width, s.eps, &shared);
    }
    SIMT_UNROLL
    for (unsigned i = 0; i < ROW_QUADS; i++) {
        const unsigned q = i * THREADS + simt_thread;
        if (q >= quads)
            continue;
        if (s.add) {
            SIMT_UNROLL
            for (unsigned j = 0; j < 4; j++)
                v[i].w[j] = simt_bits(added(simt_float(v[i].w[j]), simt_float(add[i].w[j]), s.add_w, by, 4 * q + j));
            x[q] = v[i];
        }
        kept[q] = v[i];
    }
    by = block_inverse_norm((const float *)kept, s.width, s.eps, &shared);
    SIMT_UNROLL
    for (unsigned i = 0; i < ROW_QUADS; i++) {
        const unsigned q = i * THREADS + simt_thread;
        if (q >= quads)
            continue;
        SIMT_UNROLL
        for (unsigned j = 0; j < 4; j++)
            v[i].w[j] = simt_bits(simt_float(v[i].w[j]) * by * simt_float(w[i].w[j]));
        kept[q] = v[i];
        if (s.y)
            ((simt_quad *)s.y)[at + q] = v[i];
    }
    simt_barrier();
    if (s.rounded)
        round_row((const float *)kept, s.width,
                  s.rounded + (size_t)simt_block_x * (s.width / 32) * KERNEL_SINGLE_BLOCK);
}

/* The same for rows of any length, which stay where they are; y is wanted. */
SIMT_KERNEL long_norm_kernel(SIMT_ARGUMENT norm_step s)
{
    SIMT_SHARED float shared;
    const size_t at = (size_t)simt_block_x * s.width;
    float *x = s.x + at, by = 1.0f;

    if (s.add_w)
        by = block_inverse_norm(s.add + at, s.width, s.eps, &shared);
    if (s.add)
        for (unsigned i = simt_thread; i < s.width; i += THREADS)
            x[i] = added(x[i], s.add[at + i], s.add_w, by, i);
    by = block_inverse_norm(x, s.width, s.eps, &shared);
    for (unsigned i = simt_thread; i < s.width; i += THREADS)
        s.y[at + i] = x[i] * by * s.w[i];
    simt_barrier();
    if (s.rounded)
        round_row(s.y + at, s.width, s.rounded + at / 32 * KERNEL_SINGLE_BLOCK);
}

void step_norm(const norm_step *at)
{
    const norm_step s = *at;

    if (s.width <= ROW_MOST && s.width % 4 == 0)
        SIMT_RUN_AFTER(norm_kernel, s.n, 1, THREADS, s);
    else
        SIMT_RUN(long_norm_kernel, s.n, 1, THREADS, s);
}

/* ---- activations ---- */

SIMT_INLINE float activated(float gate, float up, bool gelu)
{
    return (gelu ? gelu_tanh(gate) : times_sigmoid(gate, gate)) * up;
}

SIMT_KERNEL activate_kernel(float *gate, const float *up, size_t n, bool gelu)
{
    const size_t i = (size_t)simt_block_x * THREADS + simt_thread;

    if (i < n)
        gate[i] = activated(gate[i], up[i], gelu);
}

/* A group a block of 32. */
SIMT_KERNEL activate_round_kernel(const float *gate, const float *up, size_t blocks, bool gelu,
                                  uint8_t *rounded)
{
    const size_t b = (size_t)simt_block_x * GROUPS + group_of(), i = 32 * b + lane_of();

    simt_lead();
    simt_follow();
    if (b < blocks)
        round_block(activated(gate[i], up[i], gelu),
                    activated(gate[i + LANES], up[i + LANES], gelu),
                    rounded + b * KERNEL_SINGLE_BLOCK);
}

void step_activate(float *gate, const float *up, uint32_t n, uint32_t width, bool gelu,
                   uint8_t *rounded)
{
    const size_t all = (size_t)n * width;

    if (rounded)
        SIMT_RUN_AFTER(activate_round_kernel, blocks_for(all / 32, GROUPS), 1, THREADS, gate, up, all / 32,
                 gelu, rounded);
    else
        SIMT_RUN(activate_kernel, blocks_for(all, THREADS), 1, THREADS, gate, up, all, gelu);
}

/* ---- memory ---- */

#if defined(__CUDACC__)

static cairn_status told(cudaError_t e, const char *what, cairn_error *err)
{
    if (e == cudaSuccess)
        return CAIRN_OK;
    return cairn_fail(err, e == cudaErrorMemoryAllocation ? CAIRN_ENOMEM : CAIRN_EIO,
                      "CUDA, %s: %s", what, cudaGetErrorString(e));
}

cairn_status device_open(char *name, size_t cap, cairn_error *err)
{
    cudaDeviceProp about;
    int n = 0;
    cudaError_t e = cudaGetDeviceCount(&n);

    if (e != cudaSuccess || n < 1)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "no CUDA device: %s",
                          e != cudaSuccess ? cudaGetErrorString(e) : "none is installed");
    e = cudaSetDevice(0);
    if (e == cudaSuccess)
        e = cudaGetDeviceProperties(&about, 0);
    if (e != cudaSuccess)
        return told(e, "opening the device", err);
    snprintf(name, cap, "%s", about.name);
    return CAIRN_OK;
}

cairn_status device_alloc(void **out, size_t bytes, const char *what, cairn_error *err)
{
    *out = NULL;
    return told(cudaMalloc(out, bytes ? bytes : 1), what, err);
}

void device_free(void *dev_p)
{
    cudaFree(dev_p);
}

cairn_status device_upload(void *dev_dst, const void *src, size_t bytes, cairn_error *err)
{
    return told(cudaMemcpy(dev_dst, src, bytes, cudaMemcpyHostToDevice), "copying to the device",
                err);
}

cairn_status device_download(void *dst, const void *dev_src, size_t bytes, cairn_error *err)
{
    return told(cudaMemcpy(dst, dev_src, bytes, cudaMemcpyDeviceToHost), "copying from the device",
                err);
}

cairn_status device_move(void *dev_dst, const void *dev_src, size_t bytes, cairn_error *err)
{
    return told(cudaMemcpyAsync(dev_dst, dev_src, bytes, cudaMemcpyDeviceToDevice), "copying", err);
}

cairn_status device_wait(cairn_error *err)
{
    cudaError_t e = cudaGetLastError();
    return told(e == cudaSuccess ? cudaDeviceSynchronize() : e, "computing", err);
}

#else

#include <stdlib.h>

cairn_status device_open(char *name, size_t cap, cairn_error *err)
{
    (void)err;
    snprintf(name, cap, "imitated");
    return CAIRN_OK;
}

cairn_status device_alloc(void **out, size_t bytes, const char *what, cairn_error *err)
{
    bytes = (bytes + 256) & ~(size_t)255;
    *out = aligned_alloc(256, bytes);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "%s", what);
}

void device_free(void *dev_p)
{
    free(dev_p);
}

cairn_status device_upload(void *dev_dst, const void *src, size_t bytes, cairn_error *err)
{
    (void)err;
    memcpy(dev_dst, src, bytes);
    return CAIRN_OK;
}

cairn_status device_download(void *dst, const void *dev_src, size_t bytes, cairn_error *err)
{
    (void)err;
    memcpy(dst, dev_src, bytes);
    return CAIRN_OK;
}

cairn_status device_move(void *dev_dst, const void *dev_src, size_t bytes, cairn_error *err)
{
    (void)err;
    memmove(dev_dst, dev_src, bytes);
    return CAIRN_OK;
}

cairn_status device_wait(cairn_error *err)
{
    (void)err;
    return CAIRN_OK;
}

#endif
