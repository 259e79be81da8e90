/* matrix.c - repack a tensor into strips, and run products over them.
 *
 * Repacking moves 32-bit words: word j of a block of row r goes to lane r of vector j. It is bound
 * by memory, and all threads share it. Types without an integer kernel of their own: IQ4_NL becomes
 * Q8_0 (its table holds int8 values: exact, twice the bytes) Q3_K    becomes Q6_K (the same scales,
 * weights + 32: exact, twice the bytes) Q2_K    becomes F32 (no integer form with 16-wise minima
 * here: twelve times the bytes)
 *
 * A product's tasks are strips, a few at a time, of all jobs together; which thread takes which
 * changes nothing in the results, because a strip is computed whole by one thread. */
#include "generate/kernels/matrix.h"

#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "generate/kernels/layout.h"

#define STRIPS_PER_TASK 4
#define EXACT_CHUNK     ((size_t)256) /* weights of a row expanded to float at a time */
#define MAX_DIMENSION   ((uint64_t)1 << 28)

extern const int8_t iq4_nl_values[16];

/* ---- repacking ---- */

/* Byte j gets bits j, 4 + j, ..., 28 + j of v. */
static uint32_t spread_fifth_bits(uint32_t v)
{
    uint32_t out = 0;
    for (unsigned j = 0; j < 4; j++) {
        uint32_t x = v >> j & 0x11111111u; /* one bit each four */
        x = (x | x >> 3) & 0x03030303u;
        x = (x | x >> 6) & 0x000f000fu;
        x = (x | x >> 12) & 0xffu;
        out |= x << 8 * j;
    }
    return out;
}

static void put_word(uint8_t *dst, uint32_t v)
{
    memcpy(dst, &v, sizeof v);
}

static uint32_t get_word(const uint8_t *src)
{
    uint32_t v;
    memcpy(&v, src, sizeof v);
    return v;
}

/* Which word of the file's block, counted from word_at, becomes word j of the strip. */
static size_t file_word(tensor_type type, size_t j)
{
    if (type != TENSOR_Q6_K)
        return j;
    if (j < 4)
        return 48 + j; /* the scales, last in the file */
    /* A half of 128 weights: for each of eight steps its two words of low bits and one of high. */
    size_t half = (j - 4) / 24, step = (j - 4) % 24 / 3, part = (j - 4) % 3;
    return part < 2 ? 16 * half + 8 * part + step : 32 + 8 * half + step;
}

/* One block of row `lane`. */
static void pack_block(tensor_type type, const strip_layout *l, const uint8_t *src, uint8_t *scales,
                       uint8_t *words, size_t lane)
{
    for (size_t h = 0; h < l->halves; h++)
        memcpy(scales + (h * KERNEL_LANES + lane) * 2, src + l->half_at[h], 2);
    words += lane * 4;
    for (size_t j = 0; j < l->words; j++) {
        uint32_t v = get_word(src + l->word_at + 4 * file_word(type, j));
        if (type == TENSOR_Q8_0)
            v ^= 0x80808080u;
        else if (j == 0 && (type == TENSOR_Q5_0 || type == TENSOR_Q5_1))
            v = spread_fifth_bits(v);
        put_word(words + j * 64, v);
    }
}

/* The file's block as one of a type that has a kernel. */
static void convert_block(tensor_type from, const uint8_t *src, uint8_t *dst)
{
    if (from == TENSOR_IQ4_NL) { /* to Q8_0 */
        memcpy(dst, src, 2);
        for (int j = 0; j < 16; j++) {
            dst[2 + j] = (uint8_t)iq4_nl_values[src[2 + j] & 15];
            dst[18 + j] = (uint8_t)iq4_nl_values[src[2 + j] >> 4];
        }
        return;
    }
    /* Q3_K to Q6_K */
    memset(dst, 0, 192);
    memcpy(dst + 208, src + 108, 2);
    for (int s = 0; s < 16; s++) {
        int low = s < 8 ? src[96 + s] & 15 : src[96 + s - 8] >> 4;
        int high = src[96 + 8 + s % 4] >> 2 * (s / 4) & 3;
        dst[192 + s] = (uint8_t)((low | high << 4) - 32);
    }
    for (int half = 0; half < 2; half++)
        for (int t = 0; t < 4; t++)
            for (int j = 0; j < 32; j++) {
                int bit = src[j] >> (4 * half + t) & 1;
                int q = (src[32 + 32 * half + j] >> 2 * t & 3) - (bit ? 0 : 4) + 32;
                dst[64 * half + 32 * (t & 1) + j] |= (uint8_t)((q & 15) << (t >= 2 ? 4 : 0));
                dst[128 + 32 * half + j] |= (uint8_t)((q >> 4) << 2 * t);
            }
}

typedef struct pack_job {
    const matrix *m;
    const tensor *t;
    size_t row_bytes;
    size_t first; /* strip of task 0 */
    uint8_t *to;  /* where that strip goes */
} pack_job;

static void pack_floats(const pack_job *job, const uint8_t *row, uint8_t *strip, size_t lane)
{
    size_t size = job->m->type == TENSOR_F32 ? 4 : 2, from = job->t->type == TENSOR_Q2_K;

    for (size_t i = 0; !from && i < job->m->cols; i++)
        memcpy(strip + (i * KERNEL_LANES + lane) * size, row + i * size, size);
    for (size_t i = 0; from && i < job->m->cols; i += 256) {
        float y[256];
        dequantize_row(TENSOR_Q2_K, row + i / 256 * 84, y, 256);
        for (size_t j = 0; j < 256; j++)
            memcpy(strip + ((i + j) * KERNEL_LANES + lane) * 4, &y[j], 4);
    }
}

static void pack_strip(void *ctx, size_t task, size_t worker)
{
    const pack_job *job = ctx;
    const matrix *m = job->m;
    const strip_layout *l = strip_layout_of(m->type);
    uint8_t *strip = job->to + task * m->strip_bytes;
    size_t first = (job->first + task) * KERNEL_LANES;
    size_t rows = m->rows - first < KERNEL_LANES ? m->rows - first : KERNEL_LANES;
    const uint8_t *src = job->t->data + first * job->row_bytes;
    bool convert = job->t->type != m->type;

    (void)worker;
    /* Scales of 0 make missing rows 0. */
    if (rows < KERNEL_LANES || (l && l->blocks > 1 && m->cols / l->block % l->blocks))
        memset(strip, 0, m->strip_bytes);
    if (!l || m->type == TENSOR_F32) {
        for (size_t r = 0; r < rows; r++)
            pack_floats(job, src + r * job->row_bytes, strip, r);
        return;
    }
    for (size_t b = 0; b < m->cols / l->block; b++) {
        size_t file_block = convert ? job->row_bytes / (m->cols / l->block) : l->bytes;
        uint8_t *scales = strip + strip_scales_at(l, b), *words = strip + strip_words_at(l, b);
        for (size_t r = 0; r < rows; r++) {
            const uint8_t *block = src + r * job->row_bytes + b * file_block;
            uint8_t as[256];
            if (convert)
                convert_block(job->t->type, block, as);
            pack_block(m->type, l, convert ? as : block, scales, words, r);
        }
    }
}

static tensor_type packed_type(tensor_type t)
{
    switch (t) {
    case TENSOR_IQ4_NL:
        return TENSOR_Q8_0;
    case TENSOR_Q3_K:
        return TENSOR_Q6_K;
    case TENSOR_Q2_K:
        return TENSOR_F32;
    default:
        return t;
    }
}

static bool strip_size(const matrix *m, size_t *out)
{
    const strip_layout *l = strip_layout_of(m->type);

    if (!l || m->type == TENSOR_F32)
        return checked_mul(m->cols, m->type == TENSOR_F32 ? 64 : 32, out) &&
               checked_add(*out, 63, out) && (*out &= ~(size_t)63, true);
    *out = strip_block_bytes(l, m->cols); /* cols are below MAX_DIMENSION: no overflow */
    return true;
}

/* ---- memory ---- */

#define LARGE_PAGE ((size_t)2 << 20)
#define SLAB       ((size_t)32 << 20)

typedef struct slab {
    struct slab *next;
    uint8_t *data;
    size_t used, size;
} slab;

struct weight_heap {
    slab *first;
};

cairn_status weight_heap_create(weight_heap **out, cairn_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "memory for weights");
}

void weight_heap_destroy(weight_heap *h)
{
    for (slab *s = h ? h->first : NULL, *next; s; s = next) {
        next = s->next;
        free(s->data);
        free(s);
    }
    free(h);
}

/* 64-byte aligned; NULL when memory ran out. */
static void *heap_take(weight_heap *h, size_t bytes)
{
    slab *s = h->first;

    if (!checked_add(bytes, 63, &bytes))
        return NULL;
    bytes &= ~(size_t)63;
    if (!s || s->size - s->used < bytes) {
        size_t size;
        if (!checked_add(bytes > SLAB ? bytes : SLAB, LARGE_PAGE - 1, &size))
            return NULL;
        size &= ~(LARGE_PAGE - 1);
        s = calloc(1, sizeof *s);
        if (s)
            s->data = aligned_alloc(LARGE_PAGE, size);
        if (!s || !s->data) {
            free(s);
            return NULL;
        }
        madvise(s->data, size, MADV_HUGEPAGE);
        s->size = size;
        s->next = h->first;
        h->first = s;
    }
    s->used += bytes;
    return s->data + s->used - bytes;
}

cairn_status matrix_plan(matrix **out, const tensor *t, weight_heap *h, cairn_error *err)
{
    const tensor_type_info *info = tensor_type_get(t->type);
    uint64_t rows = tensor_rows(t);
    matrix *m;

    *out = NULL;
    if (!info || !dequantize_supported(t->type))
        return cairn_fail(err, CAIRN_EMODEL, "tensor %s: type %s cannot be multiplied with",
                          t->name, info ? info->name : "unknown");
    if (!t->dims[0] || !rows || t->dims[0] > MAX_DIMENSION || rows > MAX_DIMENSION ||
        t->dims[0] % info->block_size)
        return cairn_fail(err, CAIRN_EMODEL, "tensor %s: %llu x %llu is no matrix of %s blocks",
                          t->name, (unsigned long long)t->dims[0], (unsigned long long)rows,
                          info->name);
    m = heap_take(h, sizeof *m);
    if (!m)
        return cairn_fail(err, CAIRN_ENOMEM, "tensor %s", t->name);
    *m = (matrix){0};
    m->type = packed_type(t->type);
    m->cols = t->dims[0];
    m->rows = rows;
    m->strips = (m->rows + KERNEL_LANES - 1) / KERNEL_LANES;
    if (!strip_size(m, &m->strip_bytes) || !checked_mul(m->strips, m->strip_bytes, &m->bytes))
        return cairn_fail(err, CAIRN_ENOMEM, "tensor %s: %llu x %llu", t->name,
                          (unsigned long long)t->dims[0], (unsigned long long)rows);
    *out = m;
    return CAIRN_OK;
}

void matrix_pack(const matrix *m, const tensor *t, size_t first, size_t n, uint8_t *to, pool *p)
{
    const tensor_type_info *info = tensor_type_get(t->type);
    pack_job job = {m, t, t->dims[0] / info->block_size * info->block_bytes, first, to};

    pool_run(p, n, pack_strip, &job);
}

cairn_status matrix_fill(matrix *m, const tensor *t, weight_heap *h, pool *p, cairn_error *err)
{
    uint8_t *data = heap_take(h, m->bytes);

    if (!data)
        return cairn_fail(err, CAIRN_ENOMEM, "tensor %s: %zu x %zu", t->name, m->cols, m->rows);
    matrix_pack(m, t, 0, m->strips, data, p);
    m->data = data;
    return CAIRN_OK;
}

cairn_status matrix_create(matrix **out, const tensor *t, weight_heap *h, pool *p, cairn_error *err)
{
    cairn_status st = matrix_plan(out, t, h, err);

    if (!st)
        st = matrix_fill(*out, t, h, p, err);
    if (st)
        *out = NULL;
    return st;
}

/* ---- activations ---- */

struct activations {
    const float *x;
    size_t stride, n, k;
    bool rounded;
    token_tiles tiles;
    uint8_t *data;
    size_t max_tokens, max_k;
};

cairn_status activations_create(activations **out, size_t max_tokens, size_t max_k,
                                cairn_error *err)
{
    activations *a = calloc(1, sizeof *a);
    size_t tiles = (max_tokens + KERNEL_TILE - 1) / KERNEL_TILE + 2, blocks = max_k / 32 + 1, bytes;

    *out = NULL;
    if (!a || !checked_mul(tiles, blocks, &bytes) ||
        !(a->data = checked_aligned(bytes, KERNEL_TILE_BLOCK))) {
        free(a);
        return cairn_fail(err, CAIRN_ENOMEM, "activations of %zu tokens of %zu", max_tokens, max_k);
    }
    a->max_tokens = max_tokens;
    a->max_k = max_k;
    *out = a;
    return CAIRN_OK;
}

void activations_destroy(activations *a)
{
    if (!a)
        return;
    free(a->data);
    free(a);
}

/* Task: one tile, or one single token. */
static void round_task(void *ctx, size_t task, size_t worker)
{
    activations *a = ctx;
    const kernels *k = kernels_get();
    size_t blocks = a->k / 32, tile_bytes = blocks * KERNEL_TILE_BLOCK;

    (void)worker;
    if (task < a->tiles.n_tiles) {
        uint8_t *tile = a->data + task * tile_bytes;
        size_t first = task * KERNEL_TILE, n = a->tiles.n_tiled - first;
        if (n < KERNEL_TILE)
            memset(tile, 0, tile_bytes);
        for (size_t t = 0; t < n && t < KERNEL_TILE; t++)
            k->quantize(a->x + (first + t) * a->stride, a->k, KERNEL_TILE, t, tile);
        return;
    }
    task -= a->tiles.n_tiles;
    k->quantize(a->x + (a->tiles.n_tiled + task) * a->stride, a->k, 1, 0,
                a->data + a->tiles.n_tiles * tile_bytes + task * blocks * KERNEL_SINGLE_BLOCK);
}

void activations_set(activations *a, const float *x, size_t stride, size_t n, size_t k,
                     bool round_too, pool *p)
{
    size_t left = n % KERNEL_TILE;

    a->x = x;
    a->stride = stride;
    a->n = n;
    a->k = k;
    a->rounded = round_too && k % 32 == 0;
    if (!a->rounded)
        return;
    /* One or two left over are cheaper alone than in a tile of eight. */
    a->tiles.n_singles = left <= 2 ? left : 0;
    a->tiles.n_tiled = n - a->tiles.n_singles;
    a->tiles.n_tiles = (a->tiles.n_tiled + KERNEL_TILE - 1) / KERNEL_TILE;
    a->tiles.tiles = a->data;
    a->tiles.singles = a->data + a->tiles.n_tiles * (k / 32) * KERNEL_TILE_BLOCK;
    if (n <= 2) { /* not worth waking threads */
        for (size_t i = 0; i < a->tiles.n_tiles + a->tiles.n_singles; i++)
            round_task(a, i, 0);
        return;
    }
    pool_run(p, a->tiles.n_tiles + a->tiles.n_singles, round_task, a);
}

/* ---- products ---- */

/* Per thread: unpacked weights, and outputs of a strip with fewer than 16 rows. */
typedef struct worker_scratch {
    _Alignas(64) uint8_t integer[KERNEL_STRIP_SCRATCH];
    float panel[EXACT_CHUNK * KERNEL_LANES];
    float *partial; /* [max_tokens][16] */
} worker_scratch;

struct matmul_scratch {
    worker_scratch *workers;
    float *partials;
    size_t n, max_tokens;
};

cairn_status matmul_scratch_create(matmul_scratch **out, size_t max_tokens, const pool *p,
                                   cairn_error *err)
{
    matmul_scratch *s = calloc(1, sizeof *s);
    size_t floats;

    *out = NULL;
    if (s) {
        s->n = pool_threads(p);
        s->max_tokens = max_tokens;
        s->workers = checked_aligned(s->n, sizeof *s->workers);
        if (checked_mul(s->n * KERNEL_LANES, max_tokens, &floats))
            s->partials = checked_aligned(floats, sizeof(float));
    }
    if (!s || !s->workers || !s->partials) {
        matmul_scratch_destroy(s);
        return cairn_fail(err, CAIRN_ENOMEM, "scratch of products");
    }
    for (size_t i = 0; i < s->n; i++)
        s->workers[i].partial = s->partials + i * max_tokens * KERNEL_LANES;
    *out = s;
    return CAIRN_OK;
}

void matmul_scratch_destroy(matmul_scratch *s)
{
    if (!s)
        return;
    free(s->workers);
    free(s->partials);
    free(s);
}

typedef struct matmul_call {
    const matmul *jobs;
    size_t n_jobs;
    const activations *a;
    bool exact;
    matmul_scratch *s;
    const kernels *k;
} matmul_call;

static void exact_strip(const matmul_call *c, const matrix *w, const uint8_t *strip,
                        worker_scratch *s, float *out, size_t stride)
{
    for (size_t k0 = 0; k0 < w->cols; k0 += EXACT_CHUNK) {
        size_t n = w->cols - k0 < EXACT_CHUNK ? w->cols - k0 : EXACT_CHUNK;
        c->k->unpack[w->type](strip, w->cols, k0, n, s->panel);
        c->k->gemm_f32(c->a->n, 1, n, c->a->x + k0, c->a->stride, s->panel, KERNEL_LANES, 0, out,
                       stride, k0 > 0);
    }
}

static void one_strip(const matmul_call *c, const matmul *job, size_t i, worker_scratch *s)
{
    const matrix *w = job->w;
    const uint8_t *strip = w->data + i * w->strip_bytes;
    size_t rows = w->rows - i * KERNEL_LANES, stride = job->stride;
    float *final = job->out + i * KERNEL_LANES, *out = final;

    if (rows < KERNEL_LANES) {
        out = s->partial;
        stride = KERNEL_LANES;
    } else {
        rows = KERNEL_LANES;
    }
    if (c->k->strip[w->type] && !c->exact)
        c->k->strip[w->type](strip, w->cols, &c->a->tiles, out, stride, s->integer);
    else
        exact_strip(c, w, strip, s, out, stride);
    if (out != final)
        for (size_t t = 0; t < c->a->n; t++)
            memcpy(final + t * job->stride, out + t * stride, rows * sizeof *out);
    if (job->bias)
        for (size_t t = 0; t < c->a->n; t++)
            c->k->add(final + t * job->stride, job->bias + i * KERNEL_LANES, rows,
                      final + t * job->stride);
}

static size_t tasks_of(const matrix *w)
{
    return (w->strips + STRIPS_PER_TASK - 1) / STRIPS_PER_TASK;
}

static void matmul_task(void *ctx, size_t task, size_t worker)
{
    const matmul_call *c = ctx;
    const matmul *job = c->jobs;
    size_t end;

    for (; task >= tasks_of(job->w); job++)
        task -= tasks_of(job->w);
    end = (task + 1) * STRIPS_PER_TASK;
    if (end > job->w->strips)
        end = job->w->strips;
    for (size_t i = task * STRIPS_PER_TASK; i < end; i++)
        one_strip(c, job, i, &c->s->workers[worker]);
}

void matmul_run(const matmul *jobs, size_t n_jobs, const activations *a, bool exact,
                matmul_scratch *s, pool *p)
{
    matmul_call c = {jobs, n_jobs, a, exact, s, kernels_get()};
    size_t tasks = 0;

    for (size_t i = 0; i < n_jobs; i++)
        tasks += tasks_of(jobs[i].w);
    pool_run(p, tasks, matmul_task, &c);
}
