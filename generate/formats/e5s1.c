/* e5s1.c - the default embedder's file. Integers are little-endian and unaligned.
 *
 *   size      field
 *   4         magic "E5S1"
 *   4         version, 1
 *   7 x 4     hidden, layers, heads, ff, vocabulary, positions, token types
 *   4, 4      layer-norm epsilon (f32), quantisation block (32)
 *   5 x 4     pieces n, ids of bos, eos, pad, unk
 *   8         length of the piece bytes
 *   4(n + 1)  offsets into the piece bytes
 *   4n        log-probabilities (f32)
 *   ..        piece bytes: UTF-8, U+2581 for a space
 *   4, 4      normalisation: number of entries (i32) and their bytes (u32)
 *   ..        entries by rising code point: code point u32, count u8, count x u32
 *   4         number of tensors
 *   ..        each: name length u16, name, kind u8 (1 = Q4_0, 0 = f32), elements u32, offset from
 *             the start of the file u64, bytes u64
 *
 * The file states a tensor's number of elements only; its shape follows from its name and the
 * numbers at the top, and is refused when it does not divide. */
#include "generate/formats/e5s1.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/cursor.h"
#include "generate/formats/mapped_file.h"
#include "generate/formats/name_table.h"

#define E5S1_MAX_TENSORS 65536
#define E5S1_MAX_DIM ((uint32_t)1 << 24)
/* Log-probabilities: far beyond real ones (about -20), and no sum over a text can overflow. */
#define E5S1_MAX_SCORE 1e6f

struct e5s1 {
    mapped_file file;
    char *path;
    e5s1_shape shape;
    const uint8_t *offsets; /* n_pieces + 1 u32 */
    const uint8_t *scores;  /* n_pieces f32 */
    const char *pieces;
    const uint8_t *normal; /* [normal_bytes] */
    size_t normal_bytes, n_normal;
    arena names;
    tensor *tensors;
    size_t n_tensors;
    name_table by_name;
};

static uint32_t load_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static cairn_status damaged(const e5s1 *e, const cursor *c, const char *field, cairn_error *err)
{
    return cairn_fail(err, CAIRN_EMODEL, "%s: %s near byte %zu of %zu makes no sense; the file is cut "
                      "short or damaged, fetch it again", e->path, field, cursor_offset(c),
                      e->file.len);
}

static cairn_status read_shape(e5s1 *e, cursor *c, cairn_error *err)
{
    e5s1_shape *s = &e->shape;
    const uint8_t *magic = cursor_take(c, 4);
    if (!magic || memcmp(magic, "E5S1", 4))
        return cairn_fail(err, CAIRN_EMODEL, "%s: not an E5S1 file (no magic at byte 0)", e->path);
    uint32_t version = cursor_u32(c);
    if (!c->failed && version != 1)
        return cairn_fail(err, CAIRN_EMODEL, "%s: E5S1 version %" PRIu32 " at byte 4; Cairn reads 1",
                          e->path, version);
    uint32_t *const dims[] = { &s->hidden,    &s->layers,      &s->heads, &s->ff, &s->vocab,
                               &s->positions, &s->token_types };
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        *dims[i] = cursor_u32(c);
        if (c->failed || *dims[i] == 0 || *dims[i] > E5S1_MAX_DIM)
            return damaged(e, c, "a dimension", err);
    }
    s->norm_eps = cursor_f32(c);
    s->quant_block = cursor_u32(c);
    s->n_pieces = cursor_u32(c);
    s->bos = cursor_u32(c);
    s->eos = cursor_u32(c);
    s->pad = cursor_u32(c);
    s->unk = cursor_u32(c);
    if (c->failed || !(s->norm_eps > 0 && s->norm_eps < 1) || s->quant_block != 32)
        return damaged(e, c, "the layer-norm epsilon or the block size", err);
    if (s->hidden % s->heads || s->hidden % 32 || s->ff % 32)
        return damaged(e, c, "the width of the layers", err);
    if (s->n_pieces == 0 || s->n_pieces > s->vocab || s->bos >= s->n_pieces ||
        s->eos >= s->n_pieces || s->pad >= s->n_pieces || s->unk >= s->n_pieces)
        return damaged(e, c, "the number of pieces or a special piece", err);
    return CAIRN_OK;
}

static cairn_status read_pieces(e5s1 *e, cursor *c, cairn_error *err)
{
    uint64_t n = e->shape.n_pieces, bytes = cursor_u64(c);
    e->offsets = cursor_take(c, 4 * (n + 1));
    e->scores = cursor_take(c, 4 * n);
    e->pieces = (const char *)cursor_take(c, bytes);
    if (c->failed || bytes > UINT32_MAX)
        return damaged(e, c, "the table of pieces", err);
    uint32_t before = 0;
    for (uint64_t i = 0; i <= n; i++) {
        uint32_t at = load_u32(e->offsets + 4 * i);
        if (at < before || at > bytes)
            return damaged(e, c, "an offset of a piece", err);
        before = at;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!(fabsf(e5s1_score(e, i)) <= E5S1_MAX_SCORE)) /* also NaN */
            return damaged(e, c, "the score of a piece", err);
    return CAIRN_OK;
}

static cairn_status read_normaliser(e5s1 *e, cursor *c, cairn_error *err)
{
    int32_t n = cursor_i32(c);
    e->normal_bytes = cursor_u32(c);
    e->normal = cursor_take(c, e->normal_bytes);
    if (c->failed || n < 0)
        return damaged(e, c, "the normalisation table", err);
    e->n_normal = (size_t)n;
    cursor d;
    cursor_init(&d, e->normal, e->normal_bytes);
    int64_t before = -1;
    for (size_t i = 0; i < e->n_normal; i++) {
        uint32_t cp = cursor_u32(&d);
        uint8_t count = cursor_u8(&d);
        bool good = cp > before && cp <= 0x10FFFF;
        before = cp;
        for (uint8_t j = 0; j < count; j++)
            good = cursor_u32(&d) <= 0x10FFFF && good;
        if (d.failed || !good)
            return damaged(e, c, "an entry of the normalisation table", err);
    }
    return cursor_left(&d) ? damaged(e, c, "the end of the normalisation table", err) : CAIRN_OK;
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

/* The row length that the name implies. */
static uint64_t columns_of(const e5s1 *e, const tensor *t, uint64_t elements)
{
    if (ends_with(t->name, ".fo.w"))
        return e->shape.ff;
    if (t->type == TENSOR_Q4_0 || !strcmp(t->name, "emb.word") || !strcmp(t->name, "emb.pos") ||
        !strcmp(t->name, "emb.type"))
        return e->shape.hidden;
    return elements;
}

static cairn_status read_tensor(e5s1 *e, cursor *c, tensor *t, cairn_error *err)
{
    uint16_t name_len = cursor_u16(c);
    const uint8_t *name = cursor_take(c, name_len);
    uint8_t kind = cursor_u8(c);
    uint32_t elements = cursor_u32(c);
    uint64_t offset = cursor_u64(c), bytes = cursor_u64(c);
    size_t need;

    if (c->failed || name_len == 0 || memchr(name, 0, name_len))
        return damaged(e, c, "the name of a tensor", err);
    t->name = arena_strndup(&e->names, (const char *)name, name_len);
    if (!t->name)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: names", e->path);
    if (kind > 1)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s has the unknown kind %u near byte %zu",
                          e->path, t->name, (unsigned)kind, cursor_offset(c));
    t->type = kind ? TENSOR_Q4_0 : TENSOR_F32;
    uint64_t cols = columns_of(e, t, elements);
    if (elements == 0 || elements % cols || !tensor_bytes_for(t->type, elements, &need) ||
        need != bytes)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s near byte %zu: %" PRIu32 " elements and %"
                          PRIu64 " bytes do not fit its shape", e->path, t->name, cursor_offset(c),
                          elements, bytes);
    if (offset > e->file.len || bytes > e->file.len - offset)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s ends past the file's %zu bytes; the file "
                          "is cut short, fetch it again", e->path, t->name, e->file.len);
    t->n_dims = elements / cols > 1 ? 2 : 1;
    t->dims[0] = cols;
    t->dims[1] = elements / cols;
    t->dims[2] = t->dims[3] = 1;
    t->data = e->file.data + offset;
    t->bytes = need;
    return CAIRN_OK;
}

static int by_data(const void *a, const void *b)
{
    const tensor *const *x = a, *const *y = b;
    return (*x)->data < (*y)->data ? -1 : (*x)->data > (*y)->data;
}

/* No tensor may reach into another or into the tables in front. */
static cairn_status refuse_overlap(const e5s1 *e, const uint8_t *tables_end, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    const tensor **order = checked_malloc(e->n_tensors, sizeof *order);
    if (!order)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tensors", e->path);
    for (size_t i = 0; i < e->n_tensors; i++)
        order[i] = &e->tensors[i];
    qsort(order, e->n_tensors, sizeof *order, by_data);
    const uint8_t *at = tables_end;
    for (size_t i = 0; i < e->n_tensors && !st; i++) {
        if (order[i]->data < at)
            st = cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s at byte %zu overlaps what lies before",
                            e->path, order[i]->name, (size_t)(order[i]->data - e->file.data));
        at = order[i]->data + order[i]->bytes;
    }
    free(order);
    return st;
}

static cairn_status parse(e5s1 *e, cairn_error *err)
{
    cursor c;
    cursor_init(&c, e->file.data, e->file.len);
    cairn_status st = read_shape(e, &c, err);
    if (!st)
        st = read_pieces(e, &c, err);
    if (!st)
        st = read_normaliser(e, &c, err);
    if (st)
        return st;
    int32_t n = cursor_i32(&c);
    if (c.failed || n <= 0 || n > E5S1_MAX_TENSORS)
        return damaged(e, &c, "the number of tensors", err);
    e->tensors = calloc((size_t)n, sizeof *e->tensors);
    if (!e->tensors || !name_table_init(&e->by_name, (size_t)n))
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tensors", e->path);
    for (; e->n_tensors < (size_t)n; e->n_tensors++) {
        tensor *t = &e->tensors[e->n_tensors];
        st = read_tensor(e, &c, t, err);
        if (st)
            return st;
        if (!name_table_add(&e->by_name, t->name, (uint32_t)e->n_tensors))
            return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s stands twice", e->path, t->name);
    }
    return refuse_overlap(e, c.p, err);
}

static cairn_status open_mapped(e5s1 **out, mapped_file file, const char *name, cairn_error *err)
{
    *out = NULL;
    e5s1 *e = calloc(1, sizeof *e);
    if (!e) {
        mapped_file_close(&file);
        return cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    }
    e->file = file;
    arena_init(&e->names, (size_t)16 << 20);
    e->path = strdup(name);
    cairn_status st = e->path ? parse(e, err) : cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    if (st) {
        e5s1_close(e);
        return st;
    }
    *out = e;
    return CAIRN_OK;
}

cairn_status e5s1_open(e5s1 **out, const char *path, cairn_error *err)
{
    mapped_file file;
    *out = NULL;
    cairn_status st = mapped_file_open(&file, path, err);
    return st ? st : open_mapped(out, file, path, err);
}

cairn_status e5s1_open_memory(e5s1 **out, const void *data, size_t len, const char *name,
                              cairn_error *err)
{
    mapped_file file = { .data = data, .len = len };
    return open_mapped(out, file, name, err);
}

void e5s1_close(e5s1 *e)
{
    if (!e)
        return;
    name_table_clear(&e->by_name);
    arena_clear(&e->names);
    free(e->tensors);
    free(e->path);
    mapped_file_close(&e->file);
    free(e);
}

const char *e5s1_path(const e5s1 *e)
{
    return e->path;
}

const e5s1_shape *e5s1_get_shape(const e5s1 *e)
{
    return &e->shape;
}

const char *e5s1_piece(const e5s1 *e, uint32_t id, size_t *len)
{
    uint32_t at = load_u32(e->offsets + 4 * (size_t)id);
    *len = load_u32(e->offsets + 4 * (size_t)id + 4) - at;
    return e->pieces + at;
}

float e5s1_score(const e5s1 *e, uint32_t id)
{
    float f;
    memcpy(&f, e->scores + 4 * (size_t)id, sizeof f);
    return f;
}

size_t e5s1_normal_count(const e5s1 *e)
{
    return e->n_normal;
}

bool e5s1_normal_next(const e5s1 *e, size_t *pos, uint32_t *cp, uint32_t *n, const uint8_t **to_le)
{
    if (*pos >= e->normal_bytes)
        return false;
    const uint8_t *p = e->normal + *pos;
    *cp = load_u32(p);
    *n = p[4];
    *to_le = p + 5;
    *pos += 5 + 4 * (size_t)*n;
    return true;
}

size_t e5s1_tensor_count(const e5s1 *e)
{
    return e->n_tensors;
}

const tensor *e5s1_tensor_at(const e5s1 *e, size_t i)
{
    return i < e->n_tensors ? &e->tensors[i] : NULL;
}

const tensor *e5s1_find(const e5s1 *e, const char *name)
{
    uint32_t i;
    return name_table_find(&e->by_name, name, &i) ? &e->tensors[i] : NULL;
}

cairn_status e5s1_need(const e5s1 *e, const char *name, tensor_type type, uint64_t cols,
                       uint64_t rows, const tensor **out, cairn_error *err)
{
    const tensor *t = e5s1_find(e, name);
    *out = NULL;
    if (!t)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s is missing", e->path, name);
    if (t->type != type || t->dims[0] != cols || t->dims[1] != rows)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s is %s of %" PRIu64 " x %" PRIu64
                          ", wanted %s of %" PRIu64 " x %" PRIu64, e->path, name,
                          tensor_type_get(t->type)->name, t->dims[0], t->dims[1],
                          tensor_type_get(type)->name, cols, rows);
    *out = t;
    return CAIRN_OK;
}
