/* linear.h - matrix products of a BERT: weights in the form a kernel wants, activations rounded to
 * match, and the split of the work into tasks.
 *
 * A weight matrix gets the form its type and the mode ask for:
 *   f32   exact mode: dequantised into float panels at the first run;
 *   q4    Q4_0 in the fast mode: stays in the file at first, and each task unpacks the panels it
 *         needs into its scratch, so that a cold start copies nothing; then panels of two values
 *         a byte (linear_place), which a few rows are multiplied by as they lie, where the
 *         kernels can, and which are spread for more rows in a tenth of that time;
 *   q8    everything else in the fast mode of a model whose weights are many (forward.c): rounded
 *         into q8 panels at the first run;
 *   i16   of other models: rounded into i16 panels at the first run. */
#ifndef CAIRN_GENERATE_ENCODE_LINEAR_H
#define CAIRN_GENERATE_ENCODE_LINEAR_H

#include "base/pool.h"
#include "generate/encode/bert.h"
#include "generate/encode/encode_kernels.h"

typedef enum linear_form { LINEAR_F32, LINEAR_I16, LINEAR_Q4, LINEAR_Q8 } linear_form;

/* What float weights become. */
typedef enum linear_width { LINEAR_EXACT, LINEAR_16_BITS, LINEAR_8_BITS } linear_width;

typedef struct linear {
    const bert_linear *src;
    linear_form form;
    void *panels;  /* [out / 32] panels; q4: NULL until linear_place */
    float *scales; /* i16, q8, q4 with panels: [out / 32][blocks][32] */
} linear;

/* Activations of some rows, as floats and in the rounded forms that are asked for. */
typedef struct acts {
    float *f32; /* [rows][k] */
    int16_t *i16;
    float *i16_scale; /* [rows][encode_i16_blocks(k)] */
    int8_t *i8;      /* of q4 and q8 */
    float *i8_scale; /* [rows][k / 32] */
    int32_t *i8_off;
    size_t rows, k; /* capacity */
} acts;

/* Room for `rows` of width k in the forms (bits 1 << linear_form); keeps what is large enough. */
cairn_status acts_reserve(acts *a, size_t rows, size_t k, unsigned forms, cairn_error *err);
void acts_clear(acts *a);
/* Round columns [col, col + n) of a row, given as floats, into the forms. col is a multiple of
 * ENCODE_I16_BLOCK, or of 32 when the i16 form is not among them. */
void acts_round(const encode_kernels *kernels, const acts *a, size_t row, size_t col,
                const float *x, size_t n, unsigned forms);

/* linear_form for a matrix, without panels. */
void linear_init(linear *l, const bert_linear *src, linear_width width);
/* Bytes of its panels and scales, a multiple of 64: a model's matrices lie behind each other, so that large pages can
 * hold them. They do not overflow: the matrices are in memory, four times as large at the least. */
size_t linear_room(const linear *l);
/* Panels in `room` (64-byte aligned, the caller's), which linear_pack_panel fills. */
void linear_place(linear *l, void *room);
/* Scratch bytes to pack one panel of l; call linear_pack_panel for 0 .. out / 32 - 1. */
size_t linear_pack_scratch(const linear *l);
void linear_pack_panel(const linear *l, const encode_kernels *kernels, size_t panel, void *scratch);

/* One product of a run. Several jobs may share the input (query, key and value). */
typedef struct linear_job {
    const linear *l;
    float *out; /* [rows][ld], + bias; or NULL: gelu, then rounded into `rounded` */
    size_t ld;
    const acts *rounded;
    unsigned forms; /* of `rounded`; with LINEAR_F32 among them rounded->f32 is written */
} linear_job;

/* Scratch bytes a worker needs for any job of l. */
size_t linear_run_scratch(const linear *l);
/* out = in w^T + bias for all jobs. scratch: [workers] pointers. */
void linear_run(pool *p, const encode_kernels *kernels, const linear_job *jobs, size_t n_jobs,
                const acts *in, size_t rows, void *const *scratch);

#endif
