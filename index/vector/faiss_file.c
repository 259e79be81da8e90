/* faiss_file.c - see faiss_file.h.
 *
 * An index is four letters and then, by kind ("vector" is a uint64 count and its elements):
 *
 *   header   int32 d, int64 rows, 2 x int64 unused, uint8 trained, int32 metric (0 inner product,
 *            1 L2; above 1 a float argument follows)
 *   IxFI IxF2 IxFl   header, vector of float: count in floats
 *   IxSQ             header, scalar quantizer, vector of uint8
 *   IxMp IxM2        header, index, vector of int64: the ids
 *   IHNf IHNs        header, graph, index: the storage
 *   IwFl             ivf, lists
 *   IwSq             ivf, scalar quantizer, uint64 code size, uint8 by residual, lists
 *   IwPQ             ivf, uint8 by residual, uint64 code size, product quantizer, lists
 *   ivf      header, uint64 lists, uint64 nprobe, index: the centroids, uint8 map type, vector of
 *            int64, and for type 2 a vector of int64 pairs
 *   scalar quantizer  int32 type, int32 range statistic, float its argument, uint64 d, uint64 code
 * size, vector of float product quantizer uint64 d, uint64 M, uint64 bits, vector of float lists
 * "ilar", uint64 lists, uint64 code size, "full" and a vector of sizes or "sprs" and a vector of
 * (list, size) pairs, then each list's codes and int64 ids; or "il00": none graph    vectors of
 * double, int32, int32, uint64, int32; int32 entry, top level, efConstruction, efSearch, beam */
#include "index/vector/faiss_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "index/vector/half.h"
#include "index/vector/vector.h"

#define MAX_DEPTH 4

enum {
    SQ_8BIT,
    SQ_4BIT,
    SQ_8BIT_UNIFORM,
    SQ_4BIT_UNIFORM,
    SQ_FP16,
    SQ_8BIT_DIRECT,
    SQ_6BIT,
    SQ_BF16,
    SQ_8BIT_SIGNED
};

typedef struct header {
    uint32_t dim;
    uint64_t rows;
    bool l2;
} header;

static cairn_status cut_short(cairn_error *err)
{
    return cairn_fail(err, CAIRN_EINPUT, "the FAISS index is cut short, or its sizes are not true");
}

static cairn_status contradiction(const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_EINPUT, "the FAISS index contradicts itself: %s", what);
}

/* A count and that many elements of `size` bytes. */
static cairn_status take_vector(cursor *c, size_t size, faiss_array *out, cairn_error *err)
{
    uint64_t n = cursor_u64(c);
    size_t bytes;

    if (c->failed || n > SIZE_MAX || !checked_mul((size_t)n, size, &bytes))
        return cut_short(err);
    out->n = (size_t)n;
    out->at = cursor_take(c, bytes);
    return c->failed ? cut_short(err) : CAIRN_OK;
}

static cairn_status read_header(cursor *c, header *h, cairn_error *err)
{
    int32_t dim = cursor_i32(c), metric;
    int64_t rows = cursor_i64(c);

    cursor_skip(c, 16 + 1);
    metric = cursor_i32(c);
    if (metric > 1)
        cursor_skip(c, 4);
    if (c->failed)
        return cut_short(err);
    if (dim < 1 || (uint32_t)dim > VECTOR_MAX_DIM)
        return cairn_fail(err, CAIRN_EINPUT,
                          "a FAISS index of %d dimensions: 1 to %u are supported", dim,
                          VECTOR_MAX_DIM);
    if (rows < 0 || rows > VECTOR_MAX_ROWS)
        return cairn_fail(err, CAIRN_EINPUT, "a FAISS index of %lld rows: at most %u are supported",
                          (long long)rows, VECTOR_MAX_ROWS);
    if (metric < 0 || metric > 1)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "a FAISS index of metric %d: inner product (0) and L2 (1) are read",
                          metric);
    *h = (header){(uint32_t)dim, (uint64_t)rows, metric == 1};
    return CAIRN_OK;
}

static cairn_status read_scalar_quantizer(cursor *c, faiss_file *f, cairn_error *err)
{
    uint64_t dim, code_bytes;
    size_t want_bytes, want_trained = 0;
    cairn_status st;

    f->sq_type = cursor_u32(c);
    cursor_skip(c, 8);
    dim = cursor_u64(c);
    code_bytes = cursor_u64(c);
    st = take_vector(c, sizeof(float), &f->sq_trained, err);
    if (st)
        return st;
    switch (f->sq_type) {
    case SQ_8BIT:
        want_bytes = f->dim, want_trained = 2 * (size_t)f->dim;
        break;
    case SQ_4BIT:
        want_bytes = (f->dim + 1) / 2, want_trained = 2 * (size_t)f->dim;
        break;
    case SQ_8BIT_UNIFORM:
        want_bytes = f->dim, want_trained = 2;
        break;
    case SQ_4BIT_UNIFORM:
        want_bytes = (f->dim + 1) / 2, want_trained = 2;
        break;
    case SQ_FP16:
    case SQ_BF16:
        want_bytes = 2 * (size_t)f->dim;
        break;
    case SQ_8BIT_DIRECT:
    case SQ_8BIT_SIGNED:
        want_bytes = f->dim;
        break;
    default:
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "a FAISS scalar quantizer of type %u: 8 and 4 bits, fp16 and bf16 are read",
            f->sq_type);
    }
    if (dim != f->dim || code_bytes != want_bytes || f->sq_trained.n < want_trained)
        return contradiction("its scalar quantizer has another size", err);
    f->code_bytes = want_bytes;
    return CAIRN_OK;
}

static cairn_status read_product_quantizer(cursor *c, faiss_file *f, cairn_error *err)
{
    uint64_t dim = cursor_u64(c), m = cursor_u64(c), bits = cursor_u64(c);
    cairn_status st = take_vector(c, sizeof(float), &f->pq_book, err);

    if (st)
        return st;
    if (bits != 8 && bits != 4)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "a FAISS product quantizer of %llu bits: 8 and 4 are read",
                          (unsigned long long)bits);
    if (dim != f->dim || m == 0 || m > dim || dim % m || f->pq_book.n != dim << bits ||
        f->code_bytes != (m * bits + 7) / 8)
        return contradiction("its product quantizer has another size", err);
    f->pq_m = (size_t)m;
    f->pq_bits = (size_t)bits;
    return CAIRN_OK;
}

/* The size of each list, before their contents. */
static cairn_status read_list_sizes(cursor *c, faiss_file *f, cairn_error *err)
{
    const uint8_t *how = cursor_take(c, 4);
    faiss_array sizes = {0};
    uint64_t total = 0;
    cairn_status st;
    bool full;

    if (!how)
        return cut_short(err);
    full = !memcmp(how, "full", 4);
    if (!full && memcmp(how, "sprs", 4))
        return contradiction("its list sizes are in no known form", err);
    st = take_vector(c, 8, &sizes, err);
    if (st)
        return st;
    if (full ? sizes.n != f->n_lists : sizes.n % 2 || sizes.n / 2 > f->n_lists)
        return contradiction("it counts its lists twice, differently", err);
    cursor s;
    cursor_init(&s, sizes.at, sizes.n * 8);
    for (size_t i = 0; i < (full ? sizes.n : sizes.n / 2); i++) {
        uint64_t list = full ? i : cursor_u64(&s), rows = cursor_u64(&s);
        if (list >= f->n_lists || rows > f->rows || f->lists[list].rows)
            return contradiction("a list is larger than the index", err);
        f->lists[list].rows = (size_t)rows;
        total += rows;
    }
    return total == f->rows ? CAIRN_OK : contradiction("its lists do not add up to its rows", err);
}

static cairn_status read_lists(cursor *c, faiss_file *f, cairn_error *err)
{
    const uint8_t *kind = cursor_take(c, 4);
    cairn_status st;

    if (!kind)
        return cut_short(err);
    f->lists = calloc(f->n_lists, sizeof *f->lists);
    if (!f->lists)
        return cairn_fail(err, CAIRN_ENOMEM, "%zu inverted lists", f->n_lists);
    if (!memcmp(kind, "il00", 4))
        return f->rows ? contradiction("it has rows and no lists", err) : CAIRN_OK;
    if (memcmp(kind, "ilar", 4))
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "the inverted lists of this FAISS index are of kind %.4s: write it with "
                          "lists in memory (ArrayInvertedLists)",
                          (const char *)kind);
    uint64_t n = cursor_u64(c), code_bytes = cursor_u64(c);
    if (c->failed || n != f->n_lists || code_bytes != f->code_bytes)
        return contradiction("its lists have codes of another size", err);
    st = read_list_sizes(c, f, err);
    for (size_t i = 0; !st && i < f->n_lists; i++) {
        faiss_inverted_list *l = &f->lists[i];
        size_t bytes;
        if (!checked_mul(l->rows, f->code_bytes, &bytes))
            return cut_short(err);
        l->codes = cursor_take(c, bytes);
        l->ids = cursor_take(c, (uint64_t)l->rows * 8);
        if (c->failed)
            st = cut_short(err);
    }
    return st;
}

static cairn_status read_flat(cursor *c, const header *h, faiss_array *out, cairn_error *err)
{
    cairn_status st = take_vector(c, sizeof(float), out, err);

    if (!st && out->n != h->rows * h->dim)
        st = contradiction("the number of its floats is not rows times dimension", err);
    return st;
}

/* The index over the centroids must be flat: others say which list is near, not where it is. */
static cairn_status read_centroids(cursor *c, faiss_file *f, cairn_error *err)
{
    const uint8_t *kind = cursor_take(c, 4);
    header h;
    cairn_status st;

    if (!kind)
        return cut_short(err);
    if (memcmp(kind, "IxF", 3))
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "the lists of this FAISS index are found by an index of kind %.4s: only flat "
            "ones are read",
            (const char *)kind);
    st = read_header(c, &h, err);
    if (!st)
        st = read_flat(c, &h, &f->centroids, err);
    if (!st && (h.dim != f->dim || h.rows != f->n_lists))
        st = contradiction("it has another number of centroids than of lists", err);
    return st;
}

static cairn_status read_ivf(cursor *c, faiss_file *f, cairn_error *err)
{
    faiss_array skipped;
    uint64_t lists = cursor_u64(c);
    cairn_status st;

    cursor_skip(c, 8);
    if (c->failed || lists == 0 || lists > cursor_left(c) / sizeof(float))
        return c->failed ? cut_short(err) : contradiction("its number of lists is impossible", err);
    f->n_lists = (size_t)lists;
    st = read_centroids(c, f, err);
    if (st)
        return st;
    uint8_t map = cursor_u8(c);
    st = take_vector(c, 8, &skipped, err);
    if (!st && map == 2)
        st = take_vector(c, 16, &skipped, err);
    return st;
}

static cairn_status skip_graph(cursor *c, cairn_error *err)
{
    static const size_t sizes[] = {8, 4, 4, 8, 4};
    faiss_array skipped;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < 5; i++)
        st = take_vector(c, sizes[i], &skipped, err);
    cursor_skip(c, 5 * 4);
    return !st && c->failed ? cut_short(err) : st;
}

static void add_name(faiss_file *f, const char *name)
{
    size_t n = strlen(f->name);

    snprintf(f->name + n, sizeof f->name - n, "%s%s", n ? ", " : "", name);
}

static cairn_status read_index(cursor *c, faiss_file *f, int depth, cairn_error *err);

static cairn_status read_id_map(cursor *c, faiss_file *f, int depth, cairn_error *err)
{
    faiss_array ids;
    cairn_status st;

    if (f->id_map.at)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "a FAISS index with two id maps");
    add_name(f, "IDMap");
    f->id_map.at = (const uint8_t *)""; /* seen; filled in behind the index */
    st = read_index(c, f, depth + 1, err);
    if (!st)
        st = take_vector(c, 8, &ids, err);
    if (!st && ids.n != f->rows)
        st = contradiction("its id map has another number of rows", err);
    if (!st)
        f->id_map = ids;
    return st;
}

static cairn_status read_body(cursor *c, const char *kind, faiss_file *f, const header *h,
                              cairn_error *err)
{
    cairn_status st;

    if (!memcmp(kind, "IxF", 3)) {
        f->kind = FAISS_FLAT;
        f->code_bytes = (size_t)f->dim * sizeof(float);
        add_name(f, "Flat");
        return read_flat(c, h, &f->flat, err);
    }
    if (!memcmp(kind, "IxSQ", 4)) {
        f->kind = FAISS_SQ;
        add_name(f, "SQ");
        st = read_scalar_quantizer(c, f, err);
        if (!st)
            st = take_vector(c, 1, &f->flat, err);
        return !st && f->flat.n != f->rows * f->code_bytes
                   ? contradiction("its codes are not rows times code size", err)
                   : st;
    }
    if (memcmp(kind, "IwFl", 4) && memcmp(kind, "IwSq", 4) && memcmp(kind, "IwPQ", 4))
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "a FAISS index of kind %.4s: Flat, SQ, IVF-Flat, IVF-SQ, IVF-PQ and HNSW are "
            "read",
            kind);
    f->by_residual = false;
    st = read_ivf(c, f, err);
    if (st)
        return st;
    if (kind[2] == 'F') {
        f->kind = FAISS_IVF_FLAT;
        f->code_bytes = (size_t)f->dim * sizeof(float);
        add_name(f, "IVF-Flat");
    } else if (kind[2] == 'S') {
        f->kind = FAISS_IVF_SQ;
        add_name(f, "IVF-SQ");
        st = read_scalar_quantizer(c, f, err);
        uint64_t code_bytes = cursor_u64(c);
        f->by_residual = cursor_u8(c) != 0;
        if (!st && (c->failed || code_bytes != f->code_bytes))
            st = c->failed ? cut_short(err) : contradiction("its code size differs", err);
    } else {
        f->kind = FAISS_IVF_PQ;
        add_name(f, "IVF-PQ");
        f->by_residual = cursor_u8(c) != 0;
        uint64_t code_bytes = cursor_u64(c);
        if (code_bytes > VECTOR_MAX_DIM)
            return contradiction("its code size is impossible", err);
        f->code_bytes = (size_t)code_bytes;
        st = read_product_quantizer(c, f, err);
    }
    return st ? st : read_lists(c, f, err);
}

static cairn_status read_index(cursor *c, faiss_file *f, int depth, cairn_error *err)
{
    const uint8_t *kind = cursor_take(c, 4);
    header h;
    cairn_status st;

    if (!kind)
        return cut_short(err);
    if (depth >= MAX_DEPTH)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "a FAISS index inside %d others", MAX_DEPTH);
    if (!faiss_file_is(kind, 4))
        return cairn_fail(err, CAIRN_EINPUT, "not a FAISS index file");
    st = read_header(c, &h, err);
    if (st)
        return st;
    if (depth && (h.dim != f->dim || h.rows != f->rows || h.l2 != f->l2))
        return contradiction("an inner index has another size or metric", err);
    f->dim = h.dim;
    f->rows = h.rows;
    f->l2 = h.l2;
    if (!memcmp(kind, "IxMp", 4) || !memcmp(kind, "IxM2", 4))
        return read_id_map(c, f, depth, err);
    if (!memcmp(kind, "IHNf", 4) || !memcmp(kind, "IHNs", 4)) {
        add_name(f, "HNSW");
        st = skip_graph(c, err);
        return st ? st : read_index(c, f, depth + 1, err);
    }
    return read_body(c, (const char *)kind, f, &h, err);
}

bool faiss_file_is(const void *data, size_t len)
{
    const char *p = data;

    return len >= 4 && p[0] == 'I' && (p[1] == 'x' || p[1] == 'w' || p[1] == 'H' || p[1] == 'B') &&
           p[2] >= '0' && p[2] <= 'z' && p[3] >= '0' && p[3] <= 'z';
}

cairn_status faiss_file_open(faiss_file **out, const void *data, size_t len, cairn_error *err)
{
    faiss_file *f = calloc(1, sizeof *f);
    cursor c;
    cairn_status st;

    *out = NULL;
    if (!f)
        return cairn_fail(err, CAIRN_ENOMEM, "FAISS index");
    cursor_init(&c, data, len);
    st = read_index(&c, f, 0, err);
    if (!st && cursor_left(&c))
        st = contradiction("there are bytes behind its end", err);
    if (st) {
        faiss_file_close(f);
        return st;
    }
    *out = f;
    return CAIRN_OK;
}

void faiss_file_close(faiss_file *f)
{
    if (!f)
        return;
    free(f->lists);
    free(f);
}

void faiss_floats(const faiss_array *a, size_t first, size_t n, float *out)
{
    memcpy(out, a->at + first * sizeof *out, n * sizeof *out);
}

static float trained(const faiss_file *f, size_t i)
{
    float x;

    faiss_floats(&f->sq_trained, i, 1, &x);
    return x;
}

static void decode_scalar(const faiss_file *f, const uint8_t *code, float *v)
{
    for (uint32_t i = 0; i < f->dim; i++) {
        uint8_t nibble = code[i / 2] >> (i & 1 ? 4 : 0) & 15;
        uint16_t half = 0;
        uint32_t bits;
        switch (f->sq_type) {
        case SQ_8BIT:
            v[i] = trained(f, i) + ((float)code[i] + 0.5f) / 255.0f * trained(f, f->dim + i);
            break;
        case SQ_4BIT:
            v[i] = trained(f, i) + ((float)nibble + 0.5f) / 15.0f * trained(f, f->dim + i);
            break;
        case SQ_8BIT_UNIFORM:
            v[i] = trained(f, 0) + ((float)code[i] + 0.5f) / 255.0f * trained(f, 1);
            break;
        case SQ_4BIT_UNIFORM:
            v[i] = trained(f, 0) + ((float)nibble + 0.5f) / 15.0f * trained(f, 1);
            break;
        case SQ_FP16:
            memcpy(&half, code + 2 * (size_t)i, 2);
            v[i] = half_to_float(half);
            break;
        case SQ_BF16:
            memcpy(&half, code + 2 * (size_t)i, 2);
            bits = (uint32_t)half << 16;
            memcpy(&v[i], &bits, sizeof bits);
            break;
        case SQ_8BIT_DIRECT:
            v[i] = code[i];
            break;
        default:
            v[i] = (float)code[i] - 128;
            break;
        }
    }
}

static void decode_product(const faiss_file *f, const uint8_t *code, float *v)
{
    size_t part = f->dim / f->pq_m;

    for (size_t m = 0; m < f->pq_m; m++) {
        size_t word = f->pq_bits == 8 ? code[m] : code[m / 2] >> (m & 1 ? 4 : 0) & 15;
        faiss_floats(&f->pq_book, ((m << f->pq_bits) + word) * part, part, v + m * part);
    }
}

static void decode(const faiss_file *f, const uint8_t *code, size_t list, float *v)
{
    switch (f->kind) {
    case FAISS_FLAT:
    case FAISS_IVF_FLAT:
        memcpy(v, code, (size_t)f->dim * sizeof *v);
        return;
    case FAISS_SQ:
    case FAISS_IVF_SQ:
        decode_scalar(f, code, v);
        break;
    case FAISS_IVF_PQ:
        decode_product(f, code, v);
        break;
    }
    for (uint32_t i = 0; f->by_residual && i < f->dim; i++) {
        float centre;
        faiss_floats(&f->centroids, list * f->dim + i, 1, &centre);
        v[i] += centre;
    }
}

cairn_status faiss_file_next(faiss_file *f, float *v, int64_t *id, cairn_error *err)
{
    int64_t own = (int64_t)f->at_row;

    if (f->at_row >= f->rows)
        return CAIRN_ENOTFOUND;
    if (!f->lists) {
        decode(f, f->flat.at + (size_t)f->at_row * f->code_bytes, 0, v);
    } else {
        while (f->at_in_list == f->lists[f->at_list].rows) {
            f->at_list++;
            f->at_in_list = 0;
        }
        const faiss_inverted_list *l = &f->lists[f->at_list];
        decode(f, l->codes + f->at_in_list * f->code_bytes, f->at_list, v);
        memcpy(&own, l->ids + f->at_in_list * sizeof own, sizeof own);
        f->at_in_list++;
    }
    f->at_row++;
    if (f->id_map.n) {
        if (own < 0 || (uint64_t)own >= f->id_map.n)
            return cairn_fail(err, CAIRN_EINPUT, "id %lld is outside the FAISS index's id map",
                              (long long)own);
        memcpy(&own, f->id_map.at + (size_t)own * sizeof own, sizeof own);
    }
    *id = own;
    return CAIRN_OK;
}
