/* forward.c - the layers of a BERT (Devlin et al., arXiv:1810.04805), after the norm as in the
 * original: x = norm(x + attention(x)); x = norm(x + ff(x)).
 *
 * Top to bottom as it runs: embed; per layer query, key and value in one go, attention by
 * (sequence, head), its output matrix, norm, the two feed-forward matrices, norm. Between them only
 * what the next step reads is kept, already rounded for its kernel. */
#include "generate/encode/forward.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "generate/decode/device.h"
#include "generate/encode/attention.h"
#include "generate/encode/linear.h"
#include "generate/encode/relative.h"
#include "generate/kernels/kernels.h"

#define ROWS_A_TASK 32
/* Rows after which a device is worth opening: that takes some 0.2 s, in which a few cores run
 * about so many of a small model. A query never opens one. */
#define DEVICE_PAYS_ROWS 4096
#define DEVICE_ROWS      8192 /* a batch there */
/* Float weights that take more in 16 bits are kept in 8: then a question reads them from memory
 * rather than from a cache, and they are most of what the process holds. */
#define MOST_16_BITS ((size_t)32 << 20)

struct forward {
    const bert *b;
    pool *pool;
    const encode_kernels *kernels;
    bool exact, packed;
    bool kept; /* it was seen to q4 weights, at the second run: many a process makes one */
    linear *linear; /* [n_layers][BERT_LINEARS] */
    void *room;     /* the panels of all of them; NULL: there are none (yet) */
    linear project; /* of the tables' rows; src NULL: none */
    void *project_room;
    relative *relative; /* NULL: attention knows no relative positions */
    void **scratch; /* [threads] */
    size_t scratch_bytes, threads;

    /* A device's copy of the model; NULL: the processor does the work. */
    const device_backend *device;
    device_encoder *there;
    size_t rows_run;
    bool looked;

    /* One batch of up to `rows` rows. */
    size_t rows;
    float *x;   /* [rows][hidden] the residual stream */
    float *qkv; /* [rows][3 hidden]; afterwards the output of the last matrix, [rows][hidden] */
    float *mix; /* [rows][hidden] what attention gives */
    acts in;    /* of width hidden */
    acts wide;  /* of width ff */
    acts narrow; /* of the tables' width, in front of `project` */
};

static linear *at(const forward *f, size_t layer, int which)
{
    return &f->linear[layer * BERT_LINEARS + (size_t)which];
}

static unsigned form_of(const forward *f, size_t layer, int which)
{
    return 1u << at(f, layer, which)->form;
}

/* The forms that the input of a layer's query, key and value needs; none behind the last layer. */
static unsigned forms_of_input(const forward *f, size_t layer)
{
    if (layer == f->b->n_layers)
        return 0;
    return form_of(f, layer, BERT_Q) | form_of(f, layer, BERT_K) | form_of(f, layer, BERT_V);
}

size_t forward_batch_rows(const forward *f)
{
    return f->there ? DEVICE_ROWS : FORWARD_ROWS;
}

/* Scores of a head are compared with thresholds and with other programs' scores: 16 bits whatever
 * the size. */
static linear_width width_for(const bert *b, bool exact, unsigned bits)
{
    size_t weights = 0;

    for (size_t l = 0; l < b->n_layers; l++)
        for (int i = 0; i < BERT_LINEARS; i++)
            weights += b->layers[l].linear[i].in * b->layers[l].linear[i].out;
    if (exact)
        return LINEAR_EXACT;
    if (bits)
        return bits == 8 ? LINEAR_8_BITS : LINEAR_16_BITS;
    if (b->classifier.w || b->lm_dense.w)
        return LINEAR_16_BITS;
    return 2 * weights > MOST_16_BITS ? LINEAR_8_BITS : LINEAR_16_BITS;
}

/* Room for the panels of all matrices of q4, or of all others, behind each other; false: memory is short. */
static bool place_weights(forward *f, bool q4)
{
    const size_t n = f->b->n_layers * BERT_LINEARS;
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += (f->linear[i].form == LINEAR_Q4) == q4 ? linear_room(&f->linear[i]) : 0;
    if (!bytes)
        return true;
    f->room = checked_large(bytes, 1);
    bytes = 0;
    for (size_t i = 0; i < n && f->room; i++)
        if ((f->linear[i].form == LINEAR_Q4) == q4) {
            linear_place(&f->linear[i], (uint8_t *)f->room + bytes);
            bytes += linear_room(&f->linear[i]);
        }
    return f->room;
}

static void need_scratch(forward *f, size_t bytes)
{
    f->scratch_bytes = bytes > f->scratch_bytes ? bytes : f->scratch_bytes;
}

static void need_scratch_for(forward *f, const linear *l)
{
    need_scratch(f, linear_pack_scratch(l));
    need_scratch(f, linear_run_scratch(l));
}

/* What DeBERTa has beside a BERT. */
static cairn_status create_extras(forward *f, linear_width weights, cairn_error *err)
{
    const bert *b = f->b;
    cairn_status st = CAIRN_OK;

    if (b->project.w) {
        linear_init(&f->project, &b->project, weights);
        f->project_room = checked_large(linear_room(&f->project), 1);
        if (!f->project_room)
            return cairn_fail(err, CAIRN_ENOMEM, "repacked weights");
        linear_place(&f->project, f->project_room);
        need_scratch_for(f, &f->project);
        need_scratch(f, b->embedding * sizeof(float));
    }
    if (b->relative.keys || b->relative.queries)
        st = relative_create(&f->relative, b, f->exact, f->kernels, err);
    if (f->relative)
        need_scratch(f, relative_scratch(f->relative));
    return st;
}

cairn_status forward_create(forward **out, const bert *b, pool *p, bool exact, unsigned bits,
                            const encode_kernels *kernels, cairn_error *err)
{
    const size_t width = b->hidden / b->heads;
    const linear_width weights = width_for(b, exact, bits);
    forward *f = calloc(1, sizeof *f);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!f)
        return cairn_fail(err, CAIRN_ENOMEM, "encoder");
    f->b = b;
    f->pool = p;
    f->kernels = kernels;
    f->exact = exact;
    f->threads = pool_threads(p);
    f->linear = calloc(b->n_layers * BERT_LINEARS, sizeof *f->linear);
    f->scratch = calloc(f->threads, sizeof *f->scratch);
    if (!f->linear || !f->scratch)
        st = cairn_fail(err, CAIRN_ENOMEM, "encoder");
    if (!st)
        st = create_extras(f, weights, err);
    need_scratch(f, attention_scratch(b->max_tokens, width, f->relative ? relative_rows(f->relative) : 0, exact));
    for (size_t l = 0; l < b->n_layers && !st; l++)
        for (int i = 0; i < BERT_LINEARS && !st; i++) {
            linear_init(at(f, l, i), &b->layers[l].linear[i], weights);
            need_scratch_for(f, at(f, l, i));
        }
    if (!st && !place_weights(f, false))
        st = cairn_fail(err, CAIRN_ENOMEM, "repacked weights");
    for (size_t i = 0; i < f->threads && !st; i++)
        if (!(f->scratch[i] = checked_aligned(f->scratch_bytes, 1)))
            st = cairn_fail(err, CAIRN_ENOMEM, "encoder scratch");
    if (st) {
        forward_destroy(f);
        return st;
    }
    *out = f;
    return CAIRN_OK;
}

static void clear_batch(forward *f)
{
    free(f->x);
    free(f->qkv);
    free(f->mix);
    acts_clear(&f->in);
    acts_clear(&f->wide);
    acts_clear(&f->narrow);
    f->x = f->qkv = f->mix = NULL;
    f->rows = 0;
}

void forward_destroy(forward *f)
{
    if (!f)
        return;
    clear_batch(f);
    if (f->there)
        f->device->encoder_destroy(f->there);
    free(f->room);
    free(f->project_room);
    relative_destroy(f->relative);
    for (size_t i = 0; f->scratch && i < f->threads; i++)
        free(f->scratch[i]);
    free(f->scratch);
    free(f->linear);
    free(f);
}

static cairn_status reserve(forward *f, size_t rows, cairn_error *err)
{
    const size_t hidden = f->b->hidden;
    unsigned in = 0, wide = 0;
    cairn_status st;

    if (rows <= f->rows)
        return CAIRN_OK;
    clear_batch(f);
    rows = (rows + 31) & ~(size_t)31;
    for (size_t l = 0; l < f->b->n_layers; l++) {
        in |= forms_of_input(f, l) | form_of(f, l, BERT_ATTENTION_OUT) | form_of(f, l, BERT_FF_IN);
        wide |= form_of(f, l, BERT_FF_OUT);
    }
    f->x = checked_aligned(rows, hidden * sizeof(float));
    f->qkv = checked_aligned(rows, 3 * hidden * sizeof(float));
    f->mix = checked_aligned(rows, hidden * sizeof(float));
    if (!f->x || !f->qkv || !f->mix) {
        clear_batch(f);
        return cairn_fail(err, CAIRN_ENOMEM, "a batch of %zu tokens", rows);
    }
    st = acts_reserve(&f->in, rows, hidden, in, err);
    if (!st)
        st = acts_reserve(&f->wide, rows, f->b->ff, wide, err);
    if (!st && f->project.src)
        st = acts_reserve(&f->narrow, rows, f->b->embedding, 1u << f->project.form, err);
    if (st)
        clear_batch(f);
    else
        f->rows = rows;
    return st;
}

/* One call's state for the tasks below. */
typedef struct step {
    forward *f;
    const forward_batch *batch;
    size_t rows, layer;
    size_t queries; /* of a sequence whose rows are asked for behind attention: all, or the first */
    const float *add; /* norm_task: what is added to x, [rows][hidden]; NULL: nothing */
    const bert_norm *norm;
    unsigned forms; /* to round the result into */
} step;

static void pack_task(void *ctx, size_t task, size_t worker)
{
    const step *s = ctx;
    forward *f = s->f;
    const linear *l = f->linear + s->layer * BERT_LINEARS;

    for (size_t i = 0; i < BERT_LINEARS; i++) {
        size_t panels = l[i].src->out / ENCODE_PANEL;
        if (task < panels) {
            linear_pack_panel(&l[i], f->kernels, task, f->scratch[worker]);
            return;
        }
        task -= panels;
    }
}

static void pack_project_task(void *ctx, size_t task, size_t worker)
{
    const step *s = ctx;

    linear_pack_panel(&s->f->project, s->f->kernels, task, s->f->scratch[worker]);
}

/* Layer by layer, so that the file's weights of one are in memory beside the panels, which take their place. */
static void pack_weights(forward *f)
{
    step s = {.f = f};

    if (f->project.src)
        pool_run(f->pool, f->project.src->out / ENCODE_PANEL, pack_project_task, &s);
    for (s.layer = 0; s.layer < f->b->n_layers; s.layer++) {
        const linear *l = f->linear + s.layer * BERT_LINEARS;
        size_t panels = 0;
        bool any = false;
        for (size_t i = 0; i < BERT_LINEARS; i++) {
            panels += l[i].src->out / ENCODE_PANEL;
            any = any || l[i].panels;
        }
        if (any)
            pool_run(f->pool, panels, pack_task, &s);
        for (size_t i = 0; i < BERT_LINEARS; i++)
            if (l[i].panels)
                tensor_forget(l[i].src->w, 0, l[i].src->w->bytes);
    }
    f->packed = true;
}

/* Panels for q4 weights, where there are no others and memory is not short. */
static void keep_weights(forward *f)
{
    f->kept = true;
    if (!f->room && place_weights(f, true))
        pack_weights(f);
}

/* Position of a row in its sequence: the sequence is found by bisection. */
static size_t position_of(const forward_batch *batch, size_t row)
{
    size_t lo = 0, hi = batch->n;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (batch->offsets[mid] <= row)
            lo = mid;
        else
            hi = mid;
    }
    return row - batch->offsets[lo];
}

static void embed_task(void *ctx, size_t task, size_t worker)
{
    const step *s = ctx;
    forward *f = s->f;
    const bert *b = f->b;
    const size_t n = b->embedding;
    size_t row_bytes = 0, end = (task + 1) * ROWS_A_TASK;

    tensor_bytes_for(b->word->type, n, &row_bytes);
    for (size_t row = task * ROWS_A_TASK; row < s->rows && row < end; row++) {
        float *x = b->project.w ? f->scratch[worker] : f->x + row * n;
        size_t type = s->batch->types ? s->batch->types[row] : 0;
        const float *pos = b->pos ? b->pos + position_of(s->batch, row) * n : NULL;
        dequantize_row(b->word->type, b->word->data + (size_t)s->batch->ids[row] * row_bytes, x, n);
        if (b->type)
            f->kernels->add(x, b->type + type * n, n);
        if (b->project.w) {
            if (pos)
                f->kernels->add(x, pos, n);
            acts_round(f->kernels, &f->narrow, row, 0, x, n, 1u << f->project.form);
            continue;
        }
        f->kernels->layernorm(x, pos, b->embedding_norm.w, b->embedding_norm.b, b->eps, n, x);
        acts_round(f->kernels, &f->in, row, 0, x, n, s->forms);
    }
}

static void attention_task(void *ctx, size_t task, size_t worker)
{
    const step *s = ctx;
    const forward *f = s->f;
    const size_t n = f->b->hidden, width = n / f->b->heads;
    size_t sequence = task / f->b->heads, column = task % f->b->heads * width;
    size_t first = s->batch->offsets[sequence];
    const float *q = f->qkv + first * 3 * n + column;
    attention_head head = {.q = q,
                           .k = q + n,
                           .v = q + 2 * n,
                           .ld = 3 * n,
                           .out = f->mix + first * n + column,
                           .out_ld = n,
                           .n = s->batch->offsets[sequence + 1] - first,
                           .terms = f->b->terms,
                           .width = width};
    attention_positions positions;

    head.n_queries = head.n < s->queries ? head.n : s->queries;
    if (f->relative) {
        positions = relative_head(f->relative, s->layer, task % f->b->heads);
        head.positions = &positions;
    }
    attention_run(f->kernels, &head, f->exact, f->scratch[worker]);
}

static void round_task(void *ctx, size_t task, size_t worker)
{
    const step *s = ctx;
    const size_t n = s->f->b->hidden, end = (task + 1) * ROWS_A_TASK;

    for (size_t row = task * ROWS_A_TASK; row < s->rows && row < end; row++)
        acts_round(s->f->kernels, &s->f->in, row, 0, s->f->mix + row * n, n, s->forms);
}

static void norm_task(void *ctx, size_t task, size_t worker)
{
    const step *s = ctx;
    forward *f = s->f;
    const size_t n = f->b->hidden, end = (task + 1) * ROWS_A_TASK;

    for (size_t row = task * ROWS_A_TASK; row < s->rows && row < end; row++) {
        float *x = f->x + row * n;
        f->kernels->layernorm(x, s->add ? s->add + row * n : NULL, s->norm->w, s->norm->b, f->b->eps, n, x);
        acts_round(f->kernels, &f->in, row, 0, x, n, s->forms);
    }
}

/* The first row of each sequence of [rows][n], to the front: row s is not read again by a later
 * sequence. */
static void gather_first(float *rows, size_t n, const forward_batch *batch)
{
    for (size_t s = 1; s < batch->n; s++)
        memmove(rows + s * n, rows + batch->offsets[s] * n, n * sizeof *rows);
}

/* Of the last layer, only what becomes of the first rows is needed where only they are asked for. */
static size_t rows_behind_attention(forward *f, step *s)
{
    if (s->queries == SIZE_MAX)
        return s->rows;
    gather_first(f->mix, f->b->hidden, s->batch);
    gather_first(f->x, f->b->hidden, s->batch);
    return s->batch->n;
}

static void run_layer(forward *f, step *s)
{
    const size_t l = s->layer, n = f->b->hidden;
    size_t rows = s->rows, row_tasks;
    const bert_layer *layer = &f->b->layers[l];
    linear_job jobs[3];

    for (int i = 0; i < 3; i++)
        jobs[i] = (linear_job){.l = at(f, l, i), .out = f->qkv + (size_t)i * n, .ld = 3 * n};
    linear_run(f->pool, f->kernels, jobs, 3, &f->in, rows, f->scratch);
    s->queries = s->batch->first && l + 1 == f->b->n_layers ? 1 : SIZE_MAX;
    pool_run(f->pool, s->batch->n * f->b->heads, attention_task, s);
    s->rows = rows = rows_behind_attention(f, s);
    row_tasks = (rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
    s->forms = form_of(f, l, BERT_ATTENTION_OUT);
    pool_run(f->pool, row_tasks, round_task, s);

    jobs[0] = (linear_job){.l = at(f, l, BERT_ATTENTION_OUT), .out = f->qkv, .ld = n};
    linear_run(f->pool, f->kernels, jobs, 1, &f->in, rows, f->scratch);
    s->add = f->qkv;
    s->norm = &layer->attention_norm;
    s->forms = form_of(f, l, BERT_FF_IN);
    pool_run(f->pool, row_tasks, norm_task, s);

    jobs[0] = (linear_job){
        .l = at(f, l, BERT_FF_IN), .rounded = &f->wide, .forms = form_of(f, l, BERT_FF_OUT)};
    linear_run(f->pool, f->kernels, jobs, 1, &f->in, rows, f->scratch);
    jobs[0] = (linear_job){.l = at(f, l, BERT_FF_OUT), .out = f->qkv, .ld = n};
    linear_run(f->pool, f->kernels, jobs, 1, &f->wide, rows, f->scratch);
    s->norm = &layer->output_norm;
    s->forms = forms_of_input(f, l + 1);
    pool_run(f->pool, row_tasks, norm_task, s);
}

/* The tables' sums to the layers' width. */
static void run_project(forward *f, step *s)
{
    const linear_job job = {.l = &f->project, .out = f->x, .ld = f->b->hidden};

    linear_run(f->pool, f->kernels, &job, 1, &f->narrow, s->rows, f->scratch);
    s->add = NULL;
    s->norm = &f->b->embedding_norm;
    pool_run(f->pool, (s->rows + ROWS_A_TASK - 1) / ROWS_A_TASK, norm_task, s);
}

/* ---- a device ---- */

static cairn_status look_for_device(forward *f, size_t rows, cairn_error *err)
{
    cairn_error why = {0};
    cairn_status st;

    f->rows_run += rows;
    if (f->relative || f->project.src || f->b->terms > 1)
        return device_is_required() ? cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: no device runs a DeBERTa", f->b->name)
                                    : CAIRN_OK;
    if (f->exact || f->looked || (f->rows_run < DEVICE_PAYS_ROWS && !device_is_required()))
        return CAIRN_OK;
    st = device_get(&f->device, err);
    if (st)
        return st;
    f->looked = true;
    if (!f->device)
        return CAIRN_OK;
    if (!f->packed)
        pack_weights(f);
    st = f->device->encoder_create(&f->there, f->b, f->linear, f->kernels, &why);
    if (st && device_is_required()) {
        f->looked = false;
        return cairn_fail(err, st, "%s", why.text);
    }
    if (st)
        log_write(LOG_LEVEL_WARN, "generate", "%s: the processor does the work", why.text);
    return CAIRN_OK;
}

/* *done: the batch has been run there, else the processor does it (its rows are embedded still). */
static cairn_status run_there(forward *f, const forward_batch *batch, bool *done, cairn_error *err)
{
    const device_texts texts = {f->x, batch->sum, batch->offsets, batch->n};
    cairn_error why = {0};
    cairn_status st = f->device->encoder_run(f->there, &texts, &why);

    *done = !st;
    if (!st)
        return CAIRN_OK;
    if (device_is_required())
        return cairn_fail(err, st, "%s", why.text);
    log_write(LOG_LEVEL_WARN, "generate", "%s: the processor does the work", why.text);
    if (st != CAIRN_ELIMIT) { /* that is about this batch alone */
        f->device->encoder_destroy(f->there);
        f->there = NULL;
    }
    return CAIRN_OK;
}

/* ---- running ---- */

static void round_embedded_task(void *ctx, size_t task, size_t worker)
{
    const step *s = ctx;
    const size_t n = s->f->b->hidden, end = (task + 1) * ROWS_A_TASK;

    for (size_t row = task * ROWS_A_TASK; row < s->rows && row < end; row++)
        acts_round(s->f->kernels, &s->f->in, row, 0, s->f->x + row * n, n, s->forms);
}

/* The sums of the sequences' rows, to the front: row s is not read again by a later sequence. */
static void sum_rows(forward *f, const forward_batch *batch)
{
    const size_t n = f->b->hidden;

    for (size_t s = 0; s < batch->n; s++) {
        float *sum = f->x + s * n;
        memmove(sum, f->x + batch->offsets[s] * n, n * sizeof *sum);
        for (size_t row = batch->offsets[s] + 1; row < batch->offsets[s + 1]; row++)
            f->kernels->add(sum, f->x + row * n, n);
    }
}

cairn_status forward_run(forward *f, const forward_batch *batch, const float **hidden,
                         cairn_error *err)
{
    step s = {.f = f, .batch = batch, .rows = batch->offsets[batch->n]};
    const size_t row_tasks = (s.rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
    bool done = false;
    cairn_status st = look_for_device(f, s.rows, err);

    if (!st)
        st = reserve(f, s.rows, err);
    if (st)
        return st;
    *hidden = f->x;
    if ((f->project.src || f->relative) && !f->packed)
        pack_weights(f);
    if (f->relative && (st = relative_fill(f->relative, f->linear, f->pool, f->scratch, err)))
        return st;
    s.forms = f->there ? 0 : forms_of_input(f, 0);
    pool_run(f->pool, row_tasks, embed_task, &s);
    if (f->project.src)
        run_project(f, &s);
    if (f->there) {
        st = run_there(f, batch, &done, err);
        if (!st && done && batch->first)
            gather_first(f->x, f->b->hidden, batch);
        if (st || done)
            return st;
        s.forms = forms_of_input(f, 0);
        pool_run(f->pool, row_tasks, round_embedded_task, &s);
    }
    if (!f->packed)
        pack_weights(f);
    else if (!f->kept)
        keep_weights(f);
    for (s.layer = 0; s.layer < f->b->n_layers; s.layer++)
        run_layer(f, &s);
    if (batch->sum)
        sum_rows(f, batch);
    return CAIRN_OK;
}
