/* linear.c - see linear.h. A task is one group of outputs (up to 128) for one run of rows (up to
 * ROWS_PER_TASK). It brings its panels into scratch (q4), then walks the rows 48 at a time: the
 * products of such a patch stay in the first cache until bias, gelu and rounding have used them. */
#include "generate/encode/linear.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/kernels/kernels.h"

#define GROUP         128 /* outputs a task, a multiple of ENCODE_I16_BLOCK */
#define PATCH         48  /* rows whose products are kept warm */
#define ROWS_PER_TASK 480
#define FEW_ROWS      64 /* up to: smaller groups, so that a short query spreads over threads */

#define HAS(forms, form) ((forms) >> (form)&1)
/* Activations in bytes serve both. */
#define HAS_BYTES(forms) (HAS(forms, LINEAR_Q4) || HAS(forms, LINEAR_Q8))

cairn_status acts_reserve(acts *a, size_t rows, size_t k, unsigned forms, cairn_error *err)
{
    if (a->rows >= rows && a->k == k)
        return CAIRN_OK;
    acts_clear(a);
    a->k = k;
    if (HAS(forms, LINEAR_F32))
        a->f32 = checked_aligned(rows, k * sizeof(float));
    if (HAS(forms, LINEAR_I16)) {
        a->i16 = checked_aligned(rows, k * sizeof(int16_t));
        a->i16_scale = checked_aligned(rows, encode_i16_blocks(k) * sizeof(float));
    }
    if (HAS_BYTES(forms)) {
        a->i8 = checked_aligned(rows, k);
        a->i8_scale = checked_aligned(rows, k / 32 * sizeof(float));
        a->i8_off = checked_aligned(rows, k / 32 * sizeof(int32_t));
    }
    if ((HAS(forms, LINEAR_F32) && !a->f32) ||
        (HAS(forms, LINEAR_I16) && (!a->i16 || !a->i16_scale)) ||
        (HAS_BYTES(forms) && (!a->i8 || !a->i8_scale || !a->i8_off))) {
        acts_clear(a);
        return cairn_fail(err, CAIRN_ENOMEM, "activations of %zu rows of %zu", rows, k);
    }
    a->rows = rows;
    return CAIRN_OK;
}

void acts_clear(acts *a)
{
    free(a->f32);
    free(a->i16);
    free(a->i16_scale);
    free(a->i8);
    free(a->i8_scale);
    free(a->i8_off);
    memset(a, 0, sizeof *a);
}

void acts_round(const encode_kernels *kernels, const acts *a, size_t row, size_t col,
                const float *x, size_t n, unsigned forms)
{
    size_t at = row * a->k + col;

    if (HAS(forms, LINEAR_F32) && a->f32 + at != x)
        memcpy(a->f32 + at, x, n * sizeof *x);
    if (HAS(forms, LINEAR_I16))
        kernels->quantize_i16(x, n, ENCODE_I16_INPUT, a->i16 + at,
                              a->i16_scale + row * encode_i16_blocks(a->k) +
                                  col / ENCODE_I16_BLOCK);
    if (HAS_BYTES(forms))
        kernels->quantize_i8(x, n, a->i8 + at, a->i8_scale + at / 32, a->i8_off + at / 32);
}

static linear_form form_for(const bert_linear *src, linear_width width)
{
    if (width == LINEAR_EXACT)
        return LINEAR_F32;
    if (src->w->type == TENSOR_Q4_0)
        return LINEAR_Q4;
    return width == LINEAR_8_BITS ? LINEAR_Q8 : LINEAR_I16;
}

/* Blocks of a row, each with a scale. */
static size_t blocks_of(const linear *l)
{
    return l->form == LINEAR_I16 ? encode_i16_blocks(l->src->in) : l->src->in / ENCODE_Q4_BLOCK;
}

/* Bytes of a row's values. */
static size_t row_bytes(const linear *l)
{
    switch (l->form) {
    case LINEAR_F32:
        return 4 * l->src->in;
    case LINEAR_I16:
        return 2 * l->src->in;
    case LINEAR_Q8:
        return l->src->in;
    default:
        return l->src->in / 2;
    }
}

void linear_init(linear *l, const bert_linear *src, linear_width width)
{
    *l = (linear){.src = src, .form = form_for(src, width)};
}

static size_t panels_bytes(const linear *l)
{
    return l->src->out * row_bytes(l);
}

size_t linear_room(const linear *l)
{
    if (l->form == LINEAR_F32)
        return panels_bytes(l);
    return panels_bytes(l) + l->src->out * blocks_of(l) * sizeof *l->scales;
}

void linear_place(linear *l, void *room)
{
    l->panels = room;
    l->scales = l->form != LINEAR_F32 ? (float *)((uint8_t *)room + panels_bytes(l)) : NULL;
}

size_t linear_pack_scratch(const linear *l)
{
    size_t k = l->src->in;

    if (l->src->turned) /* a block of 32 outputs */
        return ENCODE_I16_BLOCK * ENCODE_PANEL * sizeof(float);
    switch (l->form) {
    case LINEAR_F32: /* a row of floats, */
        return k * 4;
    case LINEAR_Q4: /* a panel, a byte a value */
        return ENCODE_PANEL * k;
    default: /* 32 rounded rows; a row of scales and one of offsets */
        return k * 4 + ENCODE_PANEL * k * 2 + 2 * (k / ENCODE_Q4_BLOCK + 16) * 4;
    }
}

/* From a turned matrix, whose outputs lie side by side like a panel's: block by block along the file, a lane an
 * output. */
static void pack_turned(const linear *l, const encode_kernels *kernels, size_t panel, float *block)
{
    const size_t k = l->src->in, n = ENCODE_PANEL, blocks = blocks_of(l);
    const size_t step = l->form == LINEAR_I16 ? ENCODE_I16_BLOCK : ENCODE_Q4_BLOCK;

    if (l->form == LINEAR_F32) {
        bert_linear_block(l->src, 0, k, panel * n, n, (float *)l->panels + panel * n * k);
        return;
    }
    for (size_t at = 0, b = 0; at < k; at += step, b++) {
        const size_t m = k - at < step ? k - at : step, to = panel * n * k + at * n;
        float *scale = l->scales + (panel * blocks + b) * n;
        bert_linear_block(l->src, at, m, panel * n, n, block);
        if (l->form == LINEAR_I16)
            kernels->across_i16(block, m, (int16_t *)l->panels + to, scale);
        else
            kernels->across_i8(block, m, (uint8_t *)l->panels + to, scale);
    }
}

static void pack_floats(const linear *l, size_t panel, float *row)
{
    const size_t k = l->src->in;
    float *to = (float *)l->panels + panel * ENCODE_PANEL * k;

    for (size_t n = 0; n < ENCODE_PANEL; n++) {
        bert_linear_row(l->src, panel * ENCODE_PANEL + n, row);
        for (size_t j = 0; j < k; j++)
            to[j * ENCODE_PANEL + n] = row[j];
    }
}

/* Two values a byte (spread_q4). */
static void pack_halves(const linear *l, const encode_kernels *kernels, size_t panel,
                        uint8_t *values)
{
    const size_t k = l->src->in, bytes = k / ENCODE_Q4_BLOCK * ENCODE_Q4_BYTES;
    uint8_t *to = (uint8_t *)l->panels + panel * ENCODE_PANEL * k / 2;

    kernels->unpack_q4(l->src->w->data + panel * ENCODE_PANEL * bytes, bytes, k, values,
                       l->scales + panel * blocks_of(l) * ENCODE_PANEL);
    for (size_t at = 0; at < k * ENCODE_PANEL; at += 1024)
        for (size_t i = 0; i < 512; i++)
            *to++ = (uint8_t)(values[at + i] | values[at + 512 + i] << 4);
}

/* rows[32][k], signed, to panel[k / 4][32][4] with 128 for 0. */
static void pack_bytes(const int8_t *rows, size_t k, uint8_t *panel)
{
    for (size_t n = 0; n < ENCODE_PANEL; n++)
        for (size_t j = 0; j < k; j += 4) {
            uint32_t four;
            memcpy(&four, rows + n * k + j, sizeof four);
            four ^= 0x80808080u;
            memcpy(panel + j * ENCODE_PANEL + n * 4, &four, sizeof four);
        }
}

static void pack_rounded(const linear *l, const encode_kernels *kernels, size_t panel, float *row)
{
    const size_t k = l->src->in, blocks = blocks_of(l);
    int16_t *rounded = (int16_t *)(row + k); /* or as many bytes */
    float *scale = (float *)(rounded + ENCODE_PANEL * k);
    int32_t *off = (int32_t *)(scale + k / ENCODE_Q4_BLOCK + 16);

    for (size_t n = 0; n < ENCODE_PANEL; n++) {
        bert_linear_row(l->src, panel * ENCODE_PANEL + n, row);
        if (l->form == LINEAR_I16)
            kernels->quantize_i16(row, k, ENCODE_I16_WEIGHT, rounded + n * k, scale);
        else
            kernels->quantize_i8(row, k, (int8_t *)rounded + n * k, scale, off);
        for (size_t b = 0; b < blocks; b++)
            l->scales[(panel * blocks + b) * ENCODE_PANEL + n] = scale[b];
    }
    if (l->form == LINEAR_I16)
        kernels->pack_i16(rounded, k, k, (int16_t *)l->panels + panel * ENCODE_PANEL * k);
    else
        pack_bytes((int8_t *)rounded, k, (uint8_t *)l->panels + panel * ENCODE_PANEL * k);
}

void linear_pack_panel(const linear *l, const encode_kernels *kernels, size_t panel, void *scratch)
{
    if (!l->panels)
        return;
    if (l->src->turned)
        pack_turned(l, kernels, panel, scratch);
    else if (l->form == LINEAR_F32)
        pack_floats(l, panel, scratch);
    else if (l->form == LINEAR_Q4)
        pack_halves(l, kernels, panel, scratch);
    else
        pack_rounded(l, kernels, panel, scratch);
}

size_t linear_run_scratch(const linear *l)
{
    size_t bytes = PATCH * GROUP * sizeof(float);

    if (l->form == LINEAR_Q4)
        bytes += (size_t)GROUP * l->src->in + (size_t)GROUP * l->src->in / 32 * sizeof(float);
    return bytes;
}

typedef struct linear_call {
    const encode_kernels *kernels;
    const linear_job *jobs;
    size_t n_jobs;
    const acts *in;
    size_t rows, rows_per_task, row_tasks, group;
    void *const *scratch;
} linear_call;

/* out[m][GROUP] = rows [row, row + m) times the panels of outputs [col, col + n). q4 NULL: read as they are kept. */
static void products(const linear_call *call, const linear *l, size_t row, size_t m, size_t col,
                     size_t n, const uint8_t *q4, const float *q4_scale, float *out)
{
    const encode_kernels *kernels = call->kernels;
    const acts *in = call->in;
    const size_t k = in->k, blocks = blocks_of(l);

    for (size_t at = 0; at < n; at += ENCODE_PANEL) {
        size_t panel = (col + at) / ENCODE_PANEL;
        switch (l->form) {
        case LINEAR_F32:
            kernels->gemm_f32(in->f32 + row * k, k, m,
                              (float *)l->panels + panel * ENCODE_PANEL * k, k, out + at, GROUP);
            break;
        case LINEAR_I16:
            kernels->gemm_i16(in->i16 + row * k, k, in->i16_scale + row * blocks, blocks, m,
                              (int16_t *)l->panels + panel * ENCODE_PANEL * k,
                              l->scales + panel * blocks * ENCODE_PANEL, k, out + at, GROUP);
            break;
        case LINEAR_Q4:
            if (!q4) {
                kernels->gemm_halves(in->i8 + row * k, k, in->i8_scale + row * blocks,
                                     in->i8_off + row * blocks, blocks, m,
                                     (uint8_t *)l->panels + (col + at) * k / 2,
                                     l->scales + panel * blocks * ENCODE_PANEL, k, out + at, GROUP);
                break;
            }
            kernels->gemm_q4(in->i8 + row * k, k, in->i8_scale + row * (k / 32),
                             in->i8_off + row * (k / 32), k / 32, m, q4 + at * k,
                             q4_scale + at * k / 32, k, out + at, GROUP);
            break;
        case LINEAR_Q8:
            kernels->gemm_q8(in->i8 + row * k, k, in->i8_scale + row * blocks,
                             in->i8_off + row * blocks, blocks, m,
                             (uint8_t *)l->panels + panel * ENCODE_PANEL * k,
                             l->scales + panel * blocks * ENCODE_PANEL, k, out + at, GROUP);
            break;
        }
    }
}

/* The q4 panels of outputs [col, col + n), a byte a value, and their scales. */
static const float *bring_q4(const encode_kernels *kernels, const linear *l, size_t col, size_t n,
                             uint8_t *q4)
{
    const size_t k = l->src->in, bytes = k / ENCODE_Q4_BLOCK * ENCODE_Q4_BYTES;
    float *scale = (float *)(q4 + GROUP * k);

    for (size_t at = 0; at < n; at += ENCODE_PANEL) {
        if (l->panels)
            kernels->spread_q4((uint8_t *)l->panels + (col + at) * k / 2, k, q4 + at * k);
        else
            kernels->unpack_q4(l->src->w->data + (col + at) * bytes, bytes, k, q4 + at * k,
                               scale + at * k / 32);
    }
    return l->panels ? l->scales + col * k / 32 : scale;
}

static void linear_task(void *ctx, size_t task, size_t worker)
{
    const linear_call *call = ctx;
    const linear_job *job = call->jobs;
    const encode_kernels *kernels = call->kernels;
    size_t chunk = task % call->row_tasks, group = task / call->row_tasks, groups;
    size_t row = chunk * call->rows_per_task, end = row + call->rows_per_task, col, n;
    float *patch = call->scratch[worker];
    uint8_t *q4 = (uint8_t *)(patch + PATCH * GROUP);
    const float *q4_scale = NULL;

    for (;; job++, group -= groups) {
        groups = (job->l->src->out + call->group - 1) / call->group;
        if (group < groups)
            break;
    }
    col = group * call->group;
    n = job->l->src->out - col < call->group ? job->l->src->out - col : call->group;
    if (job->l->form == LINEAR_Q4 && job->l->panels && kernels->gemm_halves)
        q4 = NULL;
    else if (job->l->form == LINEAR_Q4)
        q4_scale = bring_q4(kernels, job->l, col, n, q4);
    end = end < call->rows ? end : call->rows;
    for (; row < end; row += PATCH) {
        size_t m = end - row < PATCH ? end - row : PATCH;
        products(call, job->l, row, m, col, n, q4, q4_scale, patch);
        for (size_t i = 0; i < m; i++) {
            float *x = patch + i * GROUP;
            if (job->out) {
                kernels->bias(x, job->l->src->bias + col, n, job->out + (row + i) * job->ld + col);
            } else {
                kernels->bias_gelu(x, job->l->src->bias + col, n);
                acts_round(kernels, job->rounded, row + i, col, x, n, job->forms);
            }
        }
    }
}

void linear_run(pool *p, const encode_kernels *kernels, const linear_job *jobs, size_t n_jobs,
                const acts *in, size_t rows, void *const *scratch)
{
    linear_call call = {kernels, jobs, n_jobs, in, rows, ROWS_PER_TASK, 1, GROUP, scratch};
    const size_t threads = pool_sharing(p), want = 3 * threads;
    size_t groups = 0;
    bool narrow = rows <= FEW_ROWS && threads > 1;

    for (size_t i = 0; i < n_jobs; i++)
        narrow = narrow && (jobs[i].out || !HAS(jobs[i].forms, LINEAR_I16));
    if (narrow)
        call.group = ENCODE_PANEL;
    for (size_t i = 0; i < n_jobs; i++)
        groups += (jobs[i].l->src->out + call.group - 1) / call.group;
    while (groups * ((rows + call.rows_per_task - 1) / call.rows_per_task) < want &&
           threads > 1 && call.rows_per_task > 2 * PATCH)
        call.rows_per_task /= 2;
    call.row_tasks = (rows + call.rows_per_task - 1) / call.rows_per_task;
    pool_run(p, groups * call.row_tasks, linear_task, &call);
}
