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

#define ROW_MOST 8192u /* floats of a row that are kept in shared memory */

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

/* x += add, of one row; what x is then also goes to `row`. */
SIMT_INLINE void add_row(const norm_step *s, float *x, const float *add, float *row, float *shared)
{
    float by = 1.0f;

    if (s->add_w) {
        if (row != x)
            for (unsigned i = simt_thread; i < s->width; i += THREADS)
                row[i] = add[i];
        by = block_inverse_norm(row != x ? row : add, s->width, s->eps, shared);
    }
    for (unsigned i = simt_thread; i < s->width; i += THREADS) {
        const float v = x[i] + (s->add_w ? add[i] * by * s->add_w[i] : add[i]);
        x[i] = v;
        row[i] = v;
    }
}

/* A block a row. */
SIMT_KERNEL norm_kernel(SIMT_ARGUMENT norm_step s)
{
    SIMT_SHARED float kept[ROW_MOST], shared;
    const size_t at = (size_t)simt_block_x * s.width;
    float *x = s.x + at, *row = s.width <= ROW_MOST ? kept : x;

    if (s.add)
        add_row(&s, x, s.add + at, row, &shared);
    else if (row != x)
        for (unsigned i = simt_thread; i < s.width; i += THREADS)
            row[i] = x[i];
    const float by = block_inverse_norm(row, s.width, s.eps, &shared);
    if (s.y)
        for (unsigned i = simt_thread; i < s.width; i += THREADS)
            s.y[at + i] = row[i] * by * s.w[i];
    if (!s.rounded)
        return;
    for (unsigned b = group_of(); b < s.width / 32; b += GROUPS) {
        const unsigned i = 32 * b + lane_of();
        round_block(row[i] * by * s.w[i], row[i + LANES] * by * s.w[i + LANES],
                    s.rounded + (at / 32 + b) * KERNEL_SINGLE_BLOCK);
    }
}

void step_norm(const norm_step *at)
{
    const norm_step s = *at;
    SIMT_RUN(norm_kernel, s.n, 1, THREADS, s);
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
        SIMT_RUN(activate_round_kernel, blocks_for(all / 32, GROUPS), 1, THREADS, gate, up, all / 32,
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
