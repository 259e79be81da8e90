/* gguf.c - the GGUF container, versions 2 and 3.
 *
 *   size  field
 *   4     magic "GGUF"
 *   4     version, 2 or 3
 *   8     number of tensors
 *   8     number of keys
 *   ..    keys:    string key, u32 type, value
 *   ..    tensors: string name, u32 n_dims, u64 dims[n_dims], u32 type, u64 offset
 *   ..    padding to general.alignment (32 where absent), then the tensors' bytes; offsets count
 *         from there
 *
 * A string is a u64 length and that many bytes. An array is u32 element type, u64 count, elements.
 * Integers are little-endian. A big-endian file is recognised by its version and refused.
 *
 * Opening walks the header once. Refused, each with its offset: a cut file, counts that the file
 * cannot hold, unknown types, booleans other than 0 and 1, nested arrays, duplicate or NUL-holding
 * names, an alignment that is no power of two, more than four dimensions, dimensions of 0, products
 * that overflow, rows that are no whole number of blocks, offsets that are unaligned or outside,
 * tensors that overlap. What is left needs no further checks. */
#include "generate/formats/gguf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/cursor.h"
#include "generate/formats/mapped_file.h"
#include "generate/formats/name_table.h"

#define GGUF_MAX_KEYS ((uint64_t)1 << 16)
#define GGUF_MAX_TENSORS ((uint64_t)1 << 18)
#define GGUF_MAX_NAME 1024
#define GGUF_MAX_ALIGNMENT ((uint32_t)1 << 24)
/* The least bytes of one entry in the file: what a count is held against before memory is taken. */
#define GGUF_LEAST_KEY 13
#define GGUF_LEAST_TENSOR 32

struct gguf {
    mapped_file file;
    char *path;
    uint32_t version;
    arena names; /* NUL-terminated copies of keys and tensor names */
    gguf_kv *kvs;
    size_t n_kvs;
    gguf_tensor *tensors;
    size_t n_tensors;
    bool parts; /* the tensors are not in the file */
    name_table by_key, by_tensor;
};

typedef struct parser {
    gguf *g;
    cursor c;
    cairn_error *err;
} parser;

static cairn_status cut_short(const parser *p, const char *what, size_t i)
{
    return cairn_fail(p->err, CAIRN_EMODEL, "%s: %s %zu does not fit the file at byte %zu of %zu; "
                      "the file is cut short or damaged, fetch it again", p->g->path, what, i,
                      cursor_offset(&p->c), p->g->file.len);
}

/* A name as a C string of ours. */
static cairn_status take_name(parser *p, const char *what, size_t i, const char **out)
{
    size_t at = cursor_offset(&p->c);
    uint64_t len = cursor_u64(&p->c);
    const uint8_t *s = cursor_take(&p->c, len);

    if (!s)
        return cut_short(p, what, i);
    if (len == 0 || len > GGUF_MAX_NAME || memchr(s, 0, (size_t)len))
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: the name of %s %zu at byte %zu is empty, "
                          "holds a NUL or is longer than %d bytes", p->g->path, what, i, at,
                          GGUF_MAX_NAME);
    *out = arena_strndup(&p->g->names, (const char *)s, (size_t)len);
    return *out ? CAIRN_OK : cairn_fail(p->err, CAIRN_ENOMEM, "%s: names", p->g->path);
}

/* Bytes of a fixed-size value; 0 for strings, arrays and unknown types. */
static size_t value_bytes(uint32_t type)
{
    static const uint8_t bytes[] = { [GGUF_U8] = 1,   [GGUF_I8] = 1,  [GGUF_U16] = 2,
                                     [GGUF_I16] = 2,  [GGUF_U32] = 4, [GGUF_I32] = 4,
                                     [GGUF_F32] = 4,  [GGUF_BOOL] = 1, [GGUF_U64] = 8,
                                     [GGUF_I64] = 8,  [GGUF_F64] = 8 };
    return type < sizeof bytes ? bytes[type] : 0;
}

/* Step over n strings. Arrays hold hundreds of thousands, so the lengths are loaded here instead
 * of through cursor_u64; each is held against what is left before it is used. */
static bool skip_strings(cursor *c, uint64_t n)
{
    const uint8_t *q = c->p;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t len;
        if ((size_t)(c->end - q) < sizeof len)
            return false;
        memcpy(&len, q, sizeof len);
        q += sizeof len;
        if (len > (size_t)(c->end - q))
            return false;
        q += len;
    }
    c->p = q;
    return true;
}

static cairn_status parse_array(parser *p, gguf_kv *kv, size_t i)
{
    cursor *c = &p->c;
    size_t at = cursor_offset(c), bytes = 0;
    uint32_t elem = cursor_u32(c);

    kv->n = cursor_u64(c);
    if (c->failed)
        return cut_short(p, "key", i);
    size_t size = value_bytes(elem);
    if (!size && elem != GGUF_STRING)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: key %s at byte %zu is an array of type %" PRIu32
                          ", which is %s", p->g->path, kv->key, at, elem,
                          elem == GGUF_ARRAY ? "nested and not supported" : "unknown");
    kv->elem_type = (gguf_value_type)elem;
    const uint8_t *start = c->p;
    bool fits;
    if (elem == GGUF_STRING)
        fits = kv->n <= cursor_left(c) / 8 && skip_strings(c, kv->n);
    else
        fits = checked_mul((size_t)kv->n, size, &bytes) && cursor_take(c, bytes);
    if (!fits)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: key %s at byte %zu says %" PRIu64
                          " elements, more than the file of %zu bytes holds", p->g->path, kv->key,
                          at, kv->n, p->g->file.len);
    kv->data = start;
    kv->bytes = (size_t)(c->p - start);
    if (elem == GGUF_BOOL)
        for (size_t j = 0; j < kv->bytes; j++)
            if (start[j] > 1)
                return cairn_fail(p->err, CAIRN_EMODEL, "%s: key %s at byte %zu: element %zu is "
                                  "no truth value", p->g->path, kv->key, at, j);
    return CAIRN_OK;
}

static cairn_status parse_kv(parser *p, gguf_kv *kv, size_t i)
{
    cursor *c = &p->c;
    size_t start = cursor_offset(c);
    cairn_status st = take_name(p, "key", i, &kv->key);
    if (st)
        return st;
    if (!name_table_add(&p->g->by_key, kv->key, (uint32_t)i))
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: key %s stands twice, again at byte %zu",
                          p->g->path, kv->key, start);
    size_t at = cursor_offset(c);
    uint32_t type = cursor_u32(c);
    if (c->failed)
        return cut_short(p, "key", i);
    kv->type = (gguf_value_type)type;
    kv->n = 1;
    if (type == GGUF_ARRAY)
        return parse_array(p, kv, i);
    kv->elem_type = kv->type;
    kv->data = c->p;
    if (type == GGUF_STRING)
        cursor_skip(c, cursor_u64(c));
    else if (value_bytes(type))
        cursor_skip(c, value_bytes(type));
    else
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: key %s has the unknown type %" PRIu32
                          " at byte %zu", p->g->path, kv->key, type, at);
    if (c->failed)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: the value of key %s at byte %zu runs past the "
                          "end of the file (%zu bytes)", p->g->path, kv->key, at, p->g->file.len);
    kv->bytes = (size_t)(c->p - kv->data);
    if (type == GGUF_BOOL && kv->data[0] > 1)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: key %s at byte %zu is no truth value",
                          p->g->path, kv->key, at);
    return CAIRN_OK;
}

/* One tensor's entry; its offset from the start of the data goes to *offset. */
static cairn_status parse_tensor(parser *p, gguf_tensor *t, size_t i, uint64_t *offset)
{
    cursor *c = &p->c;
    const char *path = p->g->path;
    size_t at = cursor_offset(c);
    cairn_status st = take_name(p, "tensor", i, &t->name);
    if (st)
        return st;
    if (!name_table_add(&p->g->by_tensor, t->name, (uint32_t)i))
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: tensor %s stands twice, again at byte %zu",
                          path, t->name, at);
    at = cursor_offset(c);
    t->n_dims = cursor_u32(c);
    if (c->failed)
        return cut_short(p, "tensor", i);
    if (t->n_dims < 1 || t->n_dims > TENSOR_MAX_DIMS)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: tensor %s at byte %zu has %" PRIu32
                          " dimensions, not 1 to 4", path, t->name, at, t->n_dims);
    size_t n = 1;
    bool fits = true;
    for (uint32_t d = 0; d < TENSOR_MAX_DIMS; d++) {
        t->dims[d] = d < t->n_dims ? cursor_u64(c) : 1;
        fits = fits && t->dims[d] > 0 && checked_mul(n, (size_t)t->dims[d], &n);
    }
    uint32_t type = cursor_u32(c);
    *offset = cursor_u64(c);
    if (c->failed)
        return cut_short(p, "tensor", i);
    if (!fits || n > (size_t)INT64_MAX)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: tensor %s at byte %zu has an impossible shape "
                          "(%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ")", path, t->name, at,
                          t->dims[0], t->dims[1], t->dims[2], t->dims[3]);
    const tensor_type_info *info = tensor_type_get(type);
    if (!info)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: tensor %s at byte %zu has storage type %" PRIu32
                          ", which Cairn does not read; use a Q4_K_M, Q8_0 or F16 file of the model",
                          path, t->name, at, type);
    if (t->dims[0] % info->block_size || !tensor_bytes_for(type, n, &t->bytes))
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: tensor %s at byte %zu: rows of %" PRIu64
                          " elements are no whole number of %s blocks", path, t->name, at,
                          t->dims[0], info->name);
    t->type = (tensor_type)type;
    return CAIRN_OK;
}

typedef struct extent {
    uint64_t start, end;
    uint32_t tensor;
} extent;

static int by_start(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->tensor < y->tensor ? -1 : x->tensor > y->tensor;
}

static cairn_status refuse_overlap(parser *p, extent *extents)
{
    gguf *g = p->g;
    qsort(extents, g->n_tensors, sizeof *extents, by_start);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (extents[i].start < extents[i - 1].end)
            return cairn_fail(p->err, CAIRN_EMODEL, "%s: tensors %s and %s overlap at offset %" PRIu64
                              " of the data", g->path, g->tensors[extents[i - 1].tensor].name,
                              g->tensors[extents[i].tensor].name, extents[i].start);
    return CAIRN_OK;
}

static cairn_status parse_tensors(parser *p)
{
    gguf *g = p->g;
    cairn_status st = CAIRN_OK;
    extent *extents = checked_malloc(g->n_tensors, sizeof *extents);
    if (!extents)
        return cairn_fail(p->err, CAIRN_ENOMEM, "%s: tensors", g->path);
    for (size_t i = 0; i < g->n_tensors && !st; i++) {
        extents[i].tensor = (uint32_t)i;
        st = parse_tensor(p, &g->tensors[i], i, &extents[i].start);
    }
    uint32_t alignment = 32;
    if (!st && gguf_find_kv(g, "general.alignment"))
        st = gguf_need_u32(g, "general.alignment", &alignment, p->err);
    if (!st && (alignment == 0 || alignment & (alignment - 1) || alignment > GGUF_MAX_ALIGNMENT))
        st = cairn_fail(p->err, CAIRN_EMODEL, "%s: general.alignment is %" PRIu32
                        ", which is no power of two up to 2^24", g->path, alignment);
    size_t base = 0, len = g->file.len;
    if (!st) {
        base = (cursor_offset(&p->c) + alignment - 1) & ~((size_t)alignment - 1);
        if (base > len && g->n_tensors)
            st = cairn_fail(p->err, CAIRN_EMODEL, "%s: the data would begin at byte %zu of %zu; the "
                            "file is cut short, fetch it again", g->path, base, len);
    }
    for (size_t i = 0; i < g->n_tensors && !st; i++) {
        gguf_tensor *t = &g->tensors[i];
        uint64_t offset = extents[i].start;
        if (offset % alignment)
            st = cairn_fail(p->err, CAIRN_EMODEL, "%s: tensor %s has offset %" PRIu64
                            ", no multiple of the alignment %" PRIu32, g->path, t->name, offset,
                            alignment);
        else if (offset > len - base || t->bytes > len - base - offset)
            st = cairn_fail(p->err, CAIRN_EMODEL, "%s: tensor %s (%zu bytes at offset %" PRIu64
                            " of the data) ends past the file's %zu bytes; the file is cut short or "
                            "damaged, fetch it again", g->path, t->name, t->bytes, offset, len);
        else {
            t->data = g->file.data + base + offset;
            extents[i].end = offset + t->bytes;
        }
    }
    if (!st)
        st = refuse_overlap(p, extents);
    free(extents);
    return st;
}

static cairn_status parse_header(parser *p, uint64_t *n_tensors, uint64_t *n_kvs)
{
    gguf *g = p->g;
    cursor *c = &p->c;
    const uint8_t *magic = cursor_take(c, 4);
    if (!magic || memcmp(magic, "GGUF", 4))
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: not a GGUF file (no magic at byte 0)", g->path);
    g->version = cursor_u32(c);
    *n_tensors = cursor_u64(c);
    *n_kvs = cursor_u64(c);
    if (c->failed)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: the header ends at byte %zu; the file is cut "
                          "short, fetch it again", g->path, g->file.len);
    if (g->version != 2 && g->version != 3) {
        if (__builtin_bswap32(g->version) <= 3)
            return cairn_fail(p->err, CAIRN_EMODEL, "%s: a big-endian GGUF file; use the "
                              "little-endian one", g->path);
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: GGUF version %" PRIu32 " at byte 4; Cairn "
                          "reads 2 and 3", g->path, g->version);
    }
    if (*n_tensors > GGUF_MAX_TENSORS || *n_tensors > cursor_left(c) / GGUF_LEAST_TENSOR)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: the count of tensors at byte 8, %" PRIu64
                          ", is more than the file can hold", g->path, *n_tensors);
    if (*n_kvs > GGUF_MAX_KEYS || *n_kvs > cursor_left(c) / GGUF_LEAST_KEY)
        return cairn_fail(p->err, CAIRN_EMODEL, "%s: the count of keys at byte 16, %" PRIu64
                          ", is more than the file can hold", g->path, *n_kvs);
    return CAIRN_OK;
}

static cairn_status parse_keys(parser *p, uint64_t n_tensors, uint64_t n_kvs)
{
    gguf *g = p->g;
    cairn_status st = CAIRN_OK;

    g->kvs = calloc((size_t)n_kvs + 1, sizeof *g->kvs);
    g->tensors = calloc((size_t)n_tensors + 1, sizeof *g->tensors);
    if (!g->kvs || !g->tensors || !name_table_init(&g->by_key, (size_t)n_kvs) ||
        !name_table_init(&g->by_tensor, (size_t)n_tensors))
        return cairn_fail(p->err, CAIRN_ENOMEM, "%s: keys and tensors", g->path);
    for (; !st && g->n_kvs < n_kvs; g->n_kvs += !st)
        st = parse_kv(p, &g->kvs[g->n_kvs], g->n_kvs);
    return st;
}

static cairn_status parse(gguf *g, cairn_error *err)
{
    parser p = { .g = g, .err = err };
    uint64_t n_tensors = 0, n_kvs = 0;

    cursor_init(&p.c, g->file.data, g->file.len);
    cairn_status st = parse_header(&p, &n_tensors, &n_kvs);
    if (!st)
        st = parse_keys(&p, n_tensors, n_kvs);
    if (st)
        return st;
    g->n_tensors = (size_t)n_tensors;
    return parse_tensors(&p);
}

/* Takes over `file` in every case. */
static cairn_status open_mapped(gguf **out, mapped_file file, const char *name, cairn_error *err)
{
    *out = NULL;
    gguf *g = calloc(1, sizeof *g);
    if (!g) {
        mapped_file_close(&file);
        return cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    }
    g->file = file;
    arena_init(&g->names, (size_t)64 << 20);
    g->path = strdup(name);
    cairn_status st = g->path ? parse(g, err) : cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    if (st) {
        gguf_close(g);
        return st;
    }
    *out = g;
    return CAIRN_OK;
}

cairn_status gguf_open(gguf **out, const char *path, cairn_error *err)
{
    mapped_file file;
    *out = NULL;
    cairn_status st = mapped_file_open(&file, path, err);
    return st ? st : open_mapped(out, file, path, err);
}

cairn_status gguf_open_memory(gguf **out, const void *data, size_t len, const char *name,
                              cairn_error *err)
{
    mapped_file file = { .data = data, .len = len };
    return open_mapped(out, file, name, err);
}

cairn_status gguf_open_parts(gguf **out, const void *keys, size_t len, uint64_t n_keys, const tensor *tensors,
                             size_t n_tensors, const char *name, cairn_error *err)
{
    gguf *g = calloc(1, sizeof *g);
    parser p = { .g = g, .err = err };
    cairn_status st;

    *out = NULL;
    if (!g)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    g->file = (mapped_file){ .data = keys, .len = len };
    g->version = 3;
    g->parts = true;
    arena_init(&g->names, (size_t)64 << 20);
    cursor_init(&p.c, keys, len);
    g->path = strdup(name);
    st = !g->path                                                      ? CAIRN_ENOMEM
         : n_tensors > GGUF_MAX_TENSORS || n_keys > len / GGUF_LEAST_KEY ? CAIRN_EMODEL
                                                                         : CAIRN_OK;
    st = st ? cairn_fail(err, st, "%s: %zu tensors", name, n_tensors) : parse_keys(&p, n_tensors, n_keys);
    for (; !st && g->n_tensors < n_tensors; g->n_tensors += !st) {
        const tensor *t = &tensors[g->n_tensors];
        g->tensors[g->n_tensors] = *t;
        if (!name_table_add(&g->by_tensor, t->name, (uint32_t)g->n_tensors))
            st = cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s stands twice", name, t->name);
    }
    if (st) {
        gguf_close(g);
        return st;
    }
    *out = g;
    return CAIRN_OK;
}

void gguf_close(gguf *g)
{
    if (!g)
        return;
    name_table_clear(&g->by_key);
    name_table_clear(&g->by_tensor);
    arena_clear(&g->names);
    free(g->kvs);
    free(g->tensors);
    free(g->path);
    mapped_file_close(&g->file);
    free(g);
}

const char *gguf_path(const gguf *g)
{
    return g->path;
}

uint32_t gguf_version(const gguf *g)
{
    return g->version;
}

size_t gguf_file_bytes(const gguf *g)
{
    return g->file.len;
}

const uint8_t *gguf_front(const gguf *g, size_t *len)
{
    *len = g->file.len;
    for (size_t i = 0; i < g->n_tensors && !g->parts; i++) {
        size_t at = (size_t)(g->tensors[i].data - g->file.data);
        if (at < *len)
            *len = at;
    }
    return g->file.data;
}

size_t gguf_kv_count(const gguf *g)
{
    return g->n_kvs;
}

const gguf_kv *gguf_kv_at(const gguf *g, size_t i)
{
    return i < g->n_kvs ? &g->kvs[i] : NULL;
}

const gguf_kv *gguf_find_kv(const gguf *g, const char *key)
{
    uint32_t i;
    return name_table_find(&g->by_key, key, &i) ? &g->kvs[i] : NULL;
}

size_t gguf_tensor_count(const gguf *g)
{
    return g->n_tensors;
}

const gguf_tensor *gguf_tensor_at(const gguf *g, size_t i)
{
    return i < g->n_tensors ? &g->tensors[i] : NULL;
}

const gguf_tensor *gguf_find_tensor(const gguf *g, const char *name)
{
    uint32_t i;
    return name_table_find(&g->by_tensor, name, &i) ? &g->tensors[i] : NULL;
}

cairn_status gguf_need_tensor(const gguf *g, const char *name, const gguf_tensor **out,
                              cairn_error *err)
{
    *out = gguf_find_tensor(g, name);
    if (*out)
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s is missing", g->path, name);
}
