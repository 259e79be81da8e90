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
#define FEW_ROWS      64 /* below: smaller groups, so that a short query spreads over threads */

#define HAS(forms, form) ((forms) >> (form)&1)

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
    if (HAS(forms, LINEAR_Q4)) {
        a->i8 = checked_aligned(rows, k);
        a->i8_scale = checked_aligned(rows, k / 32 * sizeof(float));
        a->i8_off = checked_aligned(rows, k / 32 * sizeof(int32_t));
    }
    if ((HAS(forms, LINEAR_F32) && !a->f32) ||
        (HAS(forms, LINEAR_I16) && (!a->i16 || !a->i16_scale)) ||
        (HAS(forms, LINEAR_Q4) && (!a->i8 || !a->i8_scale || !a->i8_off))) {
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
    if (HAS(forms, LINEAR_Q4))
        kernels->quantize_i8(x, n, a->i8 + at, a->i8_scale + at / 32, a->i8_off + at / 32);
}

cairn_status linear_init(linear *l, const bert_linear *src, bool exact, cairn_error *err)
{
    const size_t panels = src->out / ENCODE_PANEL;

    l->src = src;
    l->form = exact ? LINEAR_F32 : src->w->type == TENSOR_Q4_0 ? LINEAR_Q4 : LINEAR_I16;
    l->panels = NULL;
    l->scales = NULL;
    if (l->form == LINEAR_Q4)
        return CAIRN_OK;
    l->panels = checked_aligned(src->out, src->in * (l->form == LINEAR_F32 ? 4 : 2));
    if (l->form == LINEAR_I16)
        l->scales = checked_aligned(panels * encode_i16_blocks(src->in), ENCODE_PANEL * 4);
    if (!l->panels || (l->form == LINEAR_I16 && !l->scales)) {
        linear_clear(l);
        return cairn_fail(err, CAIRN_ENOMEM, "repacked weights of %s", src->w->name);
    }
    return CAIRN_OK;
}

void linear_clear(linear *l)
{
    free(l->panels);
    free(l->scales);
    memset(l, 0, sizeof *l);
}

size_t linear_pack_scratch(const linear *l)
{
    size_t k = l->src->in;

    if (l->form == LINEAR_Q4)
        return 0;
    /* a row of floats; 32 rounded rows; a row of scales */
    return k * 4 +
           (l->form == LINEAR_I16 ? ENCODE_PANEL * k * 2 + (encode_i16_blocks(k) + 16) * 4 : 0);
}

void linear_pack_panel(const linear *l, const encode_kernels *kernels, size_t panel, void *scratch)
{
    const size_t k = l->src->in, blocks = encode_i16_blocks(k);
    float *row = scratch, *row_scale;
    int16_t *rounded = (int16_t *)(row + k);

    if (l->form == LINEAR_Q4)
        return;
    row_scale = (float *)(rounded + ENCODE_PANEL * k);
    for (size_t n = 0; n < ENCODE_PANEL; n++) {
        bert_linear_row(l->src, panel * ENCODE_PANEL + n, row);
        if (l->form == LINEAR_F32) {
            float *to = (float *)l->panels + panel * ENCODE_PANEL * k;
            for (size_t j = 0; j < k; j++)
                to[j * ENCODE_PANEL + n] = row[j];
        } else {
            kernels->quantize_i16(row, k, ENCODE_I16_WEIGHT, rounded + n * k, row_scale);
            for (size_t b = 0; b < blocks; b++)
                l->scales[(panel * blocks + b) * ENCODE_PANEL + n] = row_scale[b];
        }
    }
    if (l->form == LINEAR_I16)
        kernels->pack_i16(rounded, k, k, (int16_t *)l->panels + panel * ENCODE_PANEL * k);
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

/* out[m][GROUP] = rows [row, row + m) times the panels of outputs [col, col + n). */
static void products(const linear_call *call, const linear *l, size_t row, size_t m, size_t col,
                     size_t n, const uint8_t *q4, const float *q4_scale, float *out)
{
    const encode_kernels *kernels = call->kernels;
    const acts *in = call->in;
    const size_t k = in->k, blocks = encode_i16_blocks(k);

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
            kernels->gemm_q4(in->i8 + row * k, k, in->i8_scale + row * (k / 32),
                             in->i8_off + row * (k / 32), k / 32, m, q4 + at * k,
                             q4_scale + at * k / 32, k, out + at, GROUP);
            break;
        }
    }
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
    float *q4_scale;

    for (;; job++, group -= groups) {
        groups = (job->l->src->out + call->group - 1) / call->group;
        if (group < groups)
            break;
    }
    col = group * call->group;
    n = job->l->src->out - col < call->group ? job->l->src->out - col : call->group;
    q4_scale = (float *)(q4 + GROUP * call->in->k);
    if (job->l->form == LINEAR_Q4) {
        size_t row_bytes = call->in->k / 32 * ENCODE_Q4_BYTES;
        for (size_t at = 0; at < n; at += ENCODE_PANEL)
            kernels->unpack_q4(job->l->src->w->data + (col + at) * row_bytes, row_bytes,
                               call->in->k, q4 + at * call->in->k,
                               q4_scale + at * call->in->k / 32);
    }
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
    const size_t want = 3 * pool_threads(p);
    size_t groups = 0;
    bool narrow = rows <= FEW_ROWS;

    for (size_t i = 0; i < n_jobs; i++)
        narrow = narrow && (jobs[i].out || !HAS(jobs[i].forms, LINEAR_I16));
    if (narrow)
        call.group = ENCODE_PANEL;
    for (size_t i = 0; i < n_jobs; i++)
        groups += (jobs[i].l->src->out + call.group - 1) / call.group;
    while (groups * ((rows + call.rows_per_task - 1) / call.rows_per_task) < want &&
           pool_threads(p) > 1 && call.rows_per_task > 2 * PATCH)
        call.rows_per_task /= 2;
    call.row_tasks = (rows + call.rows_per_task - 1) / call.rows_per_task;
    pool_run(p, groups * call.row_tasks, linear_task, &call);
}
