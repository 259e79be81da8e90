/* ivf_build.c - learn the lists and put every row into its own.
 *
 * FAISS learns from a sample (48 rows a list, spread over the segment), in one thread; then blocks
 * of rows are handed to the pool, and FAISS says list and PQ code of each. Counting the lists gives
 * their bounds, and a second pass puts rows and codes in order. One seed gives the same lists for
 * the same rows whatever the number of threads.
 *
 * A merge keeps the centroids and codebooks it started from (the largest input's) while the number
 * of lists is within a factor of two of what the rows ask for: they are handed back to FAISS as an
 * index file of our own making. */
#include "index/vector/ivf.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "index/vector/faiss_file.h"
#include "index/vector/faiss_module.h"
#include "index/vector/vector_format.h"

#define SAMPLE_A_LIST 48u
#define SAMPLE_MIN    39u /* FAISS warns below this */
#define PQ_SAMPLE     16384u
#define PQ_SAMPLE_MIN 9984u
#define PQ_PART       8u /* dimensions a byte */
#define ITERATIONS    10u
#define ENCODE_ROWS   512u /* rows a task */

struct ivf_build {
    ivf_lists lists;
    float *centroid, *centroid_scale, *centroid_bias, *scale, *bias, *book;
    uint8_t *centroid8, *code;
    uint32_t *start, *row;
};

const ivf_lists *ivf_build_lists(const ivf_build *b)
{
    return &b->lists;
}

void ivf_build_destroy(ivf_build *b)
{
    if (!b)
        return;
    free(b->centroid);
    free(b->centroid_scale);
    free(b->centroid_bias);
    free(b->bias);
    free(b->centroid8);
    free(b->scale);
    free(b->book);
    free(b->code);
    free(b->start);
    free(b->row);
    free(b);
}

static cairn_status faiss_failed(const char *why, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "building inverted lists: %s", why);
}

/* The largest number of dimensions a byte, up to PQ_PART, that divides dim; 0 when it is 1. */
static uint32_t pq_bytes_for(uint32_t dim)
{
    for (uint32_t part = PQ_PART; part > 1; part--)
        if (dim % part == 0)
            return dim / part;
    return 0;
}

static uint32_t lists_for(uint32_t rows, uint32_t asked)
{
    uint32_t n = asked ? asked : (uint32_t)(4 * sqrt(rows)), most = rows / SAMPLE_MIN;

    n = n < most ? n : most;
    n = n < IVF_MAX_LISTS ? n : IVF_MAX_LISTS;
    return n ? n : 1;
}

/* ---- learning ---- */

static size_t greatest_divisor(size_t a, size_t b)
{
    while (b) {
        size_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* n rows spread evenly, in an order that does not follow their numbers: FAISS takes the first few
 * thousand alone for the product quantizer. */
static float *draw_sample(const ivf_rows *originals, uint32_t rows, uint32_t dim, size_t n)
{
    float *sample = NULL;
    size_t floats, step = (size_t)((double)n * 0.618) | 1;

    if (checked_mul(n, dim, &floats))
        sample = checked_malloc(floats, sizeof *sample);
    while (n > 1 && greatest_divisor(n, step) != 1)
        step += 2;
    for (size_t i = 0; sample && i < n; i++) {
        size_t slot = (size_t)((uint64_t)i * step % n);
        originals->get(originals->ctx, (uint32_t)((uint64_t)i * rows / n), 1, sample + slot * dim);
    }
    return sample;
}

static cairn_status train(const faiss_module *faiss, faiss_model **model, const ivf_rows *originals,
                          uint32_t rows, const ivf_lists *l, uint64_t seed, cairn_error *err)
{
    size_t n = (size_t)l->n_lists * SAMPLE_A_LIST;
    char why[FAISS_WHY];
    float *sample;

    if (l->kind == IVF_PQ && n < PQ_SAMPLE)
        n = PQ_SAMPLE;
    n = n < rows ? n : rows;
    n = n < SAMPLE_MIN ? SAMPLE_MIN : n; /* rows come again */
    sample = draw_sample(originals, rows, l->dim, n);
    if (!sample)
        return cairn_fail(err, CAIRN_ENOMEM, "a sample of %zu vectors", n);
    faiss_training t = {.dim = l->dim,
                        .n_lists = l->n_lists,
                        .pq_bytes = l->pq_bytes,
                        .l2 = l->l2,
                        .iterations = ITERATIONS,
                        .seed = (uint32_t)(seed % 2147483647),
                        .sample = sample,
                        .n_sample = n};
    int bad = faiss->train(model, &t, why);
    free(sample);
    return bad ? faiss_failed(why, err) : CAIRN_OK;
}

/* FAISS keeps codeword after codeword; we keep component after component (ivf.h). */
static void take_book(const ivf_lists *l, const faiss_array *words, float *book)
{
    uint32_t part = l->dim / l->pq_bytes;

    for (uint32_t i = 0; i < l->dim; i++)
        for (uint32_t j = 0; j < 256; j++)
            faiss_floats(words, ((size_t)(i / part) * 256 + j) * part + i % part, 1,
                         &book[(size_t)i * 256 + j]);
}

static cairn_status put_book(bytes *f, const ivf_lists *l)
{
    uint32_t part = l->dim / l->pq_bytes;
    cairn_status st = bytes_append_u64(f, (size_t)l->dim * 256);

    for (uint32_t m = 0; m < l->pq_bytes; m++)
        for (uint32_t j = 0; j < 256; j++)
            for (uint32_t d = 0; d < part && !st; d++)
                st = bytes_append_f32(f, l->book[(size_t)(m * part + d) * 256 + j]);
    return st;
}

/* Centroids and codebooks out of the trained model. */
static cairn_status take_learned(ivf_build *b, const faiss_module *faiss, const faiss_model *model,
                                 cairn_error *err)
{
    ivf_lists *l = &b->lists;
    size_t n_centroids = (size_t)l->n_lists * l->dim;
    char why[FAISS_WHY], *data = NULL;
    size_t len = 0;
    faiss_file *f = NULL;
    cairn_status st = CAIRN_OK;

    if (faiss->save(model, &data, &len, why))
        return faiss_failed(why, err);
    st = faiss_file_open(&f, data, len, err);
    if (!st) {
        const faiss_array *c = l->kind == IVF_PQ ? &f->centroids : &f->flat;
        if (c->n != n_centroids || (l->kind == IVF_PQ && f->pq_book.n != (size_t)l->dim * 256))
            st = cairn_fail(err, CAIRN_EUNSUPPORTED, "FAISS learned something of another size");
        b->centroid = checked_malloc(n_centroids, sizeof *b->centroid);
        if (l->kind == IVF_PQ)
            b->book = checked_malloc(l->dim, 256 * sizeof *b->book);
        if (!st && (!b->centroid || (l->kind == IVF_PQ && !b->book)))
            st = cairn_fail(err, CAIRN_ENOMEM, "centroids");
        if (!st) {
            faiss_floats(c, 0, n_centroids, b->centroid);
            if (l->kind == IVF_PQ)
                take_book(l, &f->pq_book, b->book);
        }
    }
    faiss_file_close(f);
    free(data);
    return st;
}

/* ---- starting from what was learned before ---- */

static cairn_status put_header(bytes *f, const char *kind, uint32_t dim, uint64_t rows, bool l2)
{
    cairn_status st = bytes_append(f, kind, 4);

    if (!st)
        st = bytes_append_u32(f, dim);
    if (!st)
        st = bytes_append_u64(f, rows);
    if (!st)
        st = bytes_append_zeros(f, 16);
    if (!st)
        st = bytes_append_byte(f, 1);
    return st ? st : bytes_append_u32(f, l2);
}

static cairn_status put_floats(bytes *f, const float *v, size_t n)
{
    cairn_status st = bytes_append_u64(f, n);

    return st ? st : bytes_append(f, v, n * sizeof *v);
}

/* The learned part as an index file without rows (faiss_file.c draws it). */
static cairn_status write_learned(bytes *f, const ivf_lists *base)
{
    bool pq = base->kind == IVF_PQ;
    cairn_status st = CAIRN_OK;

    if (pq) {
        st = put_header(f, "IwPQ", base->dim, 0, base->l2);
        if (!st)
            st = bytes_append_u64(f, base->n_lists);
        if (!st)
            st = bytes_append_u64(f, 1);
    }
    if (!st)
        st = put_header(f, base->l2 ? "IxF2" : "IxFI", base->dim, base->n_lists, base->l2);
    if (!st)
        st = put_floats(f, base->centroid, (size_t)base->n_lists * base->dim);
    if (st || !pq)
        return st;
    st = bytes_append_zeros(f, 1 + 8); /* no direct map */
    if (!st)
        st = bytes_append_byte(f, 1); /* by residual */
    if (!st)
        st = bytes_append_u64(f, base->pq_bytes);
    if (!st)
        st = bytes_append_u64(f, base->dim);
    if (!st)
        st = bytes_append_u64(f, base->pq_bytes);
    if (!st)
        st = bytes_append_u64(f, 8);
    if (!st)
        st = put_book(f, base);
    if (!st)
        st = bytes_append(f, "ilar", 4);
    if (!st)
        st = bytes_append_u64(f, base->n_lists);
    if (!st)
        st = bytes_append_u64(f, base->pq_bytes);
    if (!st)
        st = bytes_append(f, "sprs", 4);
    return st ? st : bytes_append_u64(f, 0);
}

static bool base_fits(const ivf_params *p, const ivf_lists *want)
{
    const ivf_lists *b = p->base;

    return b && b->kind == want->kind && b->l2 == want->l2 && b->dim == want->dim &&
           b->pq_bytes == want->pq_bytes && b->n_lists <= want->n_lists * 2 &&
           b->n_lists >= want->n_lists / 2;
}

static cairn_status load_base(ivf_build *b, const faiss_module *faiss, faiss_model **model,
                              const ivf_lists *base, cairn_error *err)
{
    size_t n_centroids = (size_t)base->n_lists * base->dim;
    char why[FAISS_WHY];
    bytes file;
    cairn_status st = CAIRN_OK;

    b->lists.n_lists = base->n_lists;
    b->centroid = checked_malloc(n_centroids, sizeof *b->centroid);
    if (base->kind == IVF_PQ)
        b->book = checked_malloc(base->dim, 256 * sizeof *b->book);
    bytes_init(&file, SIZE_MAX / 2);
    if (!b->centroid || (base->kind == IVF_PQ && !b->book) || write_learned(&file, base)) {
        st = cairn_fail(err, CAIRN_ENOMEM, "centroids");
    } else {
        memcpy(b->centroid, base->centroid, n_centroids * sizeof *b->centroid);
        if (b->book)
            memcpy(b->book, base->book, (size_t)base->dim * 256 * sizeof *b->book);
        if (faiss->load(model, file.data, file.len, base->pq_bytes, why))
            st = faiss_failed(why, err);
    }
    bytes_clear(&file);
    return st;
}

/* ---- assigning ---- */

typedef struct assigning {
    const faiss_module *faiss;
    const faiss_model *model;
    const ivf_rows *originals;
    uint32_t rows, dim, pq_bytes;
    float *space;   /* [threads * ENCODE_ROWS * dim] */
    uint32_t *list; /* [rows] */
    uint8_t *code;  /* [rows * pq_bytes], in row order */
    atomic_bool failed;
    char why[FAISS_WHY];
} assigning;

static void assign_task(void *ctx, size_t task, size_t worker)
{
    assigning *a = ctx;
    uint32_t first = (uint32_t)task * ENCODE_ROWS;
    uint32_t n = a->rows - first < ENCODE_ROWS ? a->rows - first : ENCODE_ROWS;
    float *x = a->space + worker * ENCODE_ROWS * a->dim;
    char why[FAISS_WHY];

    if (atomic_load(&a->failed))
        return;
    a->originals->get(a->originals->ctx, first, n, x);
    if (a->faiss->encode(a->model, x, n, a->list + first,
                         a->code ? a->code + (size_t)first * a->pq_bytes : NULL, why) &&
        !atomic_exchange(&a->failed, true))
        memcpy(a->why, why, sizeof why);
}

/* Minus half the square of the length of the row that this code stands for. */
static float half_square(const ivf_build *b, uint32_t list, const uint8_t *code)
{
    const ivf_lists *l = &b->lists;
    uint32_t part = l->dim / l->pq_bytes;
    double sum = 0;

    for (uint32_t i = 0; i < l->dim; i++) {
        double x = (double)b->centroid[(size_t)list * l->dim + i] +
                   b->book[(size_t)i * 256 + code[i / part]];
        sum += x * x;
    }
    return (float)(-sum / 2);
}

/* Lists in order from list[rows]; the codes follow. */
static cairn_status order_rows(ivf_build *b, const uint32_t *list, const uint8_t *pq_code,
                               const vector_codes *codes, cairn_error *err)
{
    ivf_lists *l = &b->lists;
    uint32_t *next;

    b->start = calloc((size_t)l->n_lists + 1, sizeof *b->start);
    b->row = checked_malloc(l->rows, sizeof *b->row);
    next = checked_malloc(l->n_lists, sizeof *next);
    if (l->kind != IVF_FLAT)
        b->code = checked_aligned(l->rows, l->code_bytes);
    if (l->kind == IVF_SQ8)
        b->scale = checked_malloc(l->rows, sizeof *b->scale);
    bool biased = l->l2 && l->kind != IVF_FLAT;
    if (biased)
        b->bias = checked_malloc(l->rows, sizeof *b->bias);
    if (!b->start || !b->row || !next || (l->kind != IVF_FLAT && !b->code) ||
        (l->kind == IVF_SQ8 && !b->scale) || (biased && !b->bias)) {
        free(next);
        return cairn_fail(err, CAIRN_ENOMEM, "inverted lists of %u rows", l->rows);
    }
    for (uint32_t r = 0; r < l->rows; r++)
        b->start[list[r] + 1]++;
    for (uint32_t i = 0; i < l->n_lists; i++) {
        b->start[i + 1] += b->start[i];
        next[i] = b->start[i];
    }
    for (uint32_t r = 0; r < l->rows; r++) {
        uint32_t at = next[list[r]]++;
        b->row[at] = r;
        if (l->kind == IVF_PQ)
            memcpy(b->code + at * l->code_bytes, pq_code + r * l->code_bytes, l->code_bytes);
        if (biased)
            b->bias[at] = l->kind == IVF_SQ8 ? codes->bias[r]
                                             : half_square(b, list[r], pq_code + r * l->code_bytes);
        if (l->kind == IVF_SQ8) {
            memcpy(b->code + at * l->code_bytes, codes->code + r * codes->stride, l->code_bytes);
            b->scale[at] = codes->scale[r];
        }
    }
    free(next);
    return CAIRN_OK;
}

static cairn_status assign(ivf_build *b, const faiss_module *faiss, const faiss_model *model,
                           const ivf_rows *originals, const vector_codes *codes, pace *steps,
                           pool *workers, cairn_error *err)
{
    ivf_lists *l = &b->lists;
    size_t floats;
    cairn_status st = CAIRN_OK;
    assigning a = {.faiss = faiss,
                   .model = model,
                   .originals = originals,
                   .rows = l->rows,
                   .dim = l->dim,
                   .pq_bytes = l->pq_bytes};

    a.list = checked_malloc(l->rows, sizeof *a.list);
    if (l->kind == IVF_PQ)
        a.code = checked_malloc(l->rows, l->pq_bytes);
    if (checked_mul(pool_threads(workers), (size_t)ENCODE_ROWS * l->dim, &floats))
        a.space = checked_malloc(floats, sizeof *a.space);
    if (!a.list || !a.space || (l->kind == IVF_PQ && !a.code))
        st = cairn_fail(err, CAIRN_ENOMEM, "assigning %u rows to lists", l->rows);
    if (!st)
        st = pace_run(steps, workers, ((size_t)l->rows + ENCODE_ROWS - 1) / ENCODE_ROWS,
                      assign_task, &a, err);
    if (!st && atomic_load(&a.failed))
        st = faiss_failed(a.why, err);
    for (uint32_t r = 0; !st && r < l->rows; r++)
        if (a.list[r] >= l->n_lists)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED, "FAISS put row %u into list %u of %u", r,
                            a.list[r], l->n_lists);
    if (!st)
        st = order_rows(b, a.list, a.code, codes, err);
    free(a.list);
    free(a.code);
    free(a.space);
    return st;
}

/* ---- the whole ---- */

static cairn_status encode_centroids(ivf_build *b, cairn_error *err)
{
    ivf_lists *l = &b->lists;
    const vector_codes c =
        vector_codes_of(VECTOR_CODE_I8, l->dim, l->dim, l->l2 ? VECTOR_L2 : VECTOR_DOT);
    float *work = checked_malloc(l->dim, sizeof *work);

    b->centroid8 = checked_aligned(l->n_lists, l->stride);
    b->centroid_scale = checked_malloc(l->n_lists, sizeof *b->centroid_scale);
    if (l->l2)
        b->centroid_bias = checked_malloc(l->n_lists, sizeof *b->centroid_bias);
    if (!work || !b->centroid8 || !b->centroid_scale || (l->l2 && !b->centroid_bias)) {
        free(work);
        return cairn_fail(err, CAIRN_ENOMEM, "centroids");
    }
    for (uint32_t i = 0; i < l->n_lists; i++)
        vector_encode(&c, b->centroid + (size_t)i * l->dim, work, b->centroid8 + i * l->stride,
                      &b->centroid_scale[i], l->l2 ? &b->centroid_bias[i] : NULL);
    free(work);
    return CAIRN_OK;
}

static void publish(ivf_build *b)
{
    ivf_lists *l = &b->lists;

    l->centroid = b->centroid;
    l->centroid8 = b->centroid8;
    l->centroid_scale = b->centroid_scale;
    l->start = b->start;
    l->row = b->row;
    l->code = b->code;
    l->centroid_bias = b->centroid_bias;
    l->scale = b->scale;
    l->bias = b->bias;
    l->book = b->book;
}

cairn_status ivf_build_run(ivf_build **out, const ivf_rows *originals, const vector_codes *codes,
                           uint32_t dim, bool l2, const ivf_params *params, pool *workers,
                           cairn_error *err)
{
    const faiss_module *faiss;
    faiss_model *model = NULL;
    ivf_build *b = NULL;
    cairn_status st = faiss_module_get(&faiss, err);

    *out = NULL;
    if (st)
        return st;
    b = calloc(1, sizeof *b);
    if (!b)
        return cairn_fail(err, CAIRN_ENOMEM, "inverted lists");
    ivf_lists *l = &b->lists;
    *l = (ivf_lists){.kind = params->kind,
                     .l2 = l2,
                     .rows = codes->rows,
                     .dim = dim,
                     .n_lists = lists_for(codes->rows, params->n_lists),
                     .stride = codes->stride};
    if (l->kind == IVF_PQ) {
        l->pq_bytes = pq_bytes_for(dim);
        if (!l->pq_bytes || l->rows < PQ_SAMPLE_MIN) {
            l->kind = IVF_SQ8;
            l->pq_bytes = 0;
        }
    }
    l->code_bytes = l->kind == IVF_SQ8 ? l->stride : l->pq_bytes;
    if (base_fits(params, l)) {
        st = load_base(b, faiss, &model, params->base, err);
    } else {
        st = train(faiss, &model, originals, l->rows, l, params->seed, err);
        if (!st)
            st = take_learned(b, faiss, model, err);
    }
    if (!st)
        st = encode_centroids(b, err);
    if (!st)
        st = assign(b, faiss, model, originals, codes, params->pace, workers, err);
    faiss->destroy(model);
    if (st) {
        ivf_build_destroy(b);
        return st;
    }
    publish(b);
    *out = b;
    return CAIRN_OK;
}
