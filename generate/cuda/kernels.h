/* kernels.h - what decoder.cpp asks of the device: memory, and the steps of a layer over n tokens.
 *
 * Pointers named dev_* (and all pointers of the structs below) are the device's; in the imitated
 * build they are the processor's own. Every step gives the bytes that the processor's rows give:
 * integer products are exact, and each float operation is the same one in the same order
 * (generate/kernels/lanes_blocks.h is compiled for both).
 *
 * Steps are queued in order; device_wait and copies from the device wait for them and tell their
 * errors. Rounded activations are [token][k / 32][KERNEL_SINGLE_BLOCK], see
 * generate/kernels/kernels.h. */
#ifndef CAIRN_GENERATE_CUDA_KERNELS_H
#define CAIRN_GENERATE_CUDA_KERNELS_H

#include "base/status.h"
#include "generate/kernels/layout.h"

/* CAIRN_EUNSUPPORTED when there is no device. Fills *name with the device's own. */
cairn_status device_open(char *name, size_t cap, cairn_error *err);
/* 256-byte aligned; CAIRN_ENOMEM names `what`. */
cairn_status device_alloc(void **out, size_t bytes, const char *what, cairn_error *err);
void device_free(void *dev_p); /* NULL is fine */
cairn_status device_upload(void *dev_dst, const void *src, size_t bytes, cairn_error *err);
cairn_status device_download(void *dst, const void *dev_src, size_t bytes, cairn_error *err);
cairn_status device_move(void *dev_dst, const void *dev_src, size_t bytes, cairn_error *err);
cairn_status device_wait(cairn_error *err);

/* A packed matrix (generate/kernels/matrix.h) on the device. */
typedef struct device_matrix {
    tensor_type type;
    strip_layout layout; /* block formats only */
    uint32_t rows, cols, strips;
    size_t strip_bytes;
    uint8_t *data;
} device_matrix;

/* out[t * stride + r] = the product of token t with row r, plus bias[r] where there is one. */
typedef struct product {
    device_matrix w;
    const float *x;         /* [n][cols], for float formats */
    const uint8_t *rounded; /* the same, rounded, for block formats */
    const float *bias;      /* [rows] or NULL */
    float *out;
    size_t stride;
    uint32_t n;
} product;
/* n products over the same inputs (cols, x, rounded and n are alike). */
void step_products(const product *list, uint32_t n);
/* Round n tokens of k floats (a multiple of 32). */
void step_round(const float *x, uint32_t n, uint32_t k, uint8_t *rounded);

/* For n rows of `width`: x += add, or x += rmsnorm(add) * add_w; then y = rmsnorm(x) * w, and that
 * rounded. */
typedef struct norm_step {
    float *x;
    const float *add, *add_w; /* either may be NULL */
    const float *w;
    float *y;         /* may be `add` */
    uint8_t *rounded; /* NULL: not wanted */
    uint32_t n, width;
    float eps;
} norm_step;
void step_norm(const norm_step *s);
/* gate = silu(gate) * up, or gelu (tanh form), rows of `width`; with `rounded` that is rounded
 * instead. */
void step_activate(float *gate, const float *up, uint32_t n, uint32_t width, bool gelu,
                   uint8_t *rounded);

/* Keys and values of one layer, half floats: keys [kv_head][capacity / 16][head_dim][16], values
 * [kv_head][capacity][head_dim]. */
typedef struct attention_step {
    uint16_t *keys, *values;
    uint32_t capacity, n_heads, n_kv_heads, head_dim;
    float *q;                     /* [n][n_heads * head_dim], turned in place */
    float *k;                     /* [n][n_kv_heads * head_dim], turned in place */
    const float *v;               /* the same shape */
    const float *q_norm, *k_norm; /* [head_dim] or NULL */
    float eps;
    const float *turns; /* [n][rope_dims / 2][cos, sin] */
    uint32_t rope_dims;
    bool apart;        /* pairs (i, i + rope_dims / 2), else (2i, 2i + 1) */
    uint32_t n, first; /* tokens, and the position of the first one */
    uint32_t window;   /* 0: all positions */
    float by;          /* 1 / sqrt(head_dim) */
    float *scores;     /* room for score_room floats, at least step_score_room of them */
    size_t score_room;
    float *mixed; /* [n][n_heads * head_dim] */
} attention_step;
/* Norm and turn queries and keys, store keys and values. */
void step_place(const attention_step *a);
/* Attention of tokens skip .. n; with `rounded` that is rounded as well. */
void step_attend(const attention_step *a, uint32_t skip, uint8_t *rounded);
static inline uint32_t step_span(uint32_t first, uint32_t n)
{
    return (first + n + 15) & ~15u;
}
/* Floats that the scores of 16 tokens take: each of their heads has a row of them, and one for each
 * 32 dimensions. */
static inline size_t step_score_room(size_t n_heads, size_t head_dim, size_t capacity)
{
    return 16 * n_heads * ((head_dim + 31) / 32 + 1) * (capacity + 16);
}

#endif
