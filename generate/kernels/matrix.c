/* matrix.c - memory for packed weights, and products over their strips.
 *
 * A product's tasks are strips, a few at a time, of all jobs together; which thread takes which
 * changes nothing in the results, because a strip is computed whole by one thread. */
#include "generate/kernels/matrix.h"

#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "generate/kernels/layout.h"
#include "generate/kernels/repack.h"

#define STRIPS_PER_TASK 4
#define EXACT_CHUNK     ((size_t)256) /* weights of a row expanded to float at a time */
#define MAX_DIMENSION   ((uint64_t)1 << 28)

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
    if (!packed_strip_bytes(m, &m->strip_bytes) || !checked_mul(m->strips, m->strip_bytes, &m->bytes))
        return cairn_fail(err, CAIRN_ENOMEM, "tensor %s: %llu x %llu", t->name,
                          (unsigned long long)t->dims[0], (unsigned long long)rows);
    *out = m;
    return CAIRN_OK;
}

uint8_t *matrix_take(const matrix *m, weight_heap *h)
{
    return heap_take(h, m->bytes);
}

cairn_status matrix_fill(matrix *m, const tensor *t, weight_heap *h, pool *p, cairn_error *err)
{
    uint8_t *data = matrix_take(m, h);

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
    float *partial;  /* [max_tokens][16] */
    uint8_t *packed; /* [most_strip] */
} worker_scratch;

struct matmul_scratch {
    worker_scratch *workers;
    float *partials;
    uint8_t *packed;
    size_t n, max_tokens;
};

cairn_status matmul_scratch_create(matmul_scratch **out, size_t max_tokens, size_t most_strip,
                                   const pool *p, cairn_error *err)
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
        if (most_strip)
            s->packed = checked_aligned(s->n, most_strip);
    }
    if (!s || !s->workers || !s->partials || (most_strip && !s->packed)) {
        matmul_scratch_destroy(s);
        return cairn_fail(err, CAIRN_ENOMEM, "scratch of products");
    }
    for (size_t i = 0; i < s->n; i++) {
        s->workers[i].partial = s->partials + i * max_tokens * KERNEL_LANES;
        s->workers[i].packed = s->packed + i * most_strip;
    }
    *out = s;
    return CAIRN_OK;
}

void matmul_scratch_destroy(matmul_scratch *s)
{
    if (!s)
        return;
    free(s->workers);
    free(s->partials);
    free(s->packed);
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

/* Strip i of a matrix, packed here and now where that has not been done. */
static const uint8_t *strip_of(const matrix *w, size_t i, const worker_scratch *s)
{
    const uint8_t *data = w->data;

    if (data)
        return data + i * w->strip_bytes;
    matrix_pack(w, w->from, i, 1, s->packed, NULL);
    return s->packed;
}

static void one_strip(const matmul_call *c, const matmul *job, size_t i, worker_scratch *s)
{
    const matrix *w = job->w;
    const uint8_t *strip = strip_of(w, i, s);
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
