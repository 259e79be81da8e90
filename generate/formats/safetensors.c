/* safetensors.c - the safetensors container.
 *
 *   size  field
 *   8     length of the header, little-endian, at most 100 MB
 *   ..    header: a JSON object { name: { "dtype", "shape", "data_offsets": [begin, end] }, ... },
 *         spaces behind it for alignment; "__metadata__" holds strings and is skipped
 *   ..    the tensors' bytes; offsets count from here
 *
 * The format wants the byte ranges to cover the data without holes or overlaps; both are refused,
 * as are ranges that do not have the length of dtype and shape. */
#include "generate/formats/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/cursor.h"
#include "generate/formats/mapped_file.h"
#include "generate/formats/name_table.h"

#define SAFETENSORS_MAX_HEADER ((uint64_t)100 << 20)

struct safetensors {
    mapped_file file;
    char *path;
    arena names;
    tensor *tensors;
    size_t n;
    name_table by_name;
};

static const struct {
    const char *dtype;
    tensor_type type;
} dtypes[] = {
    { "F32", TENSOR_F32 }, { "F16", TENSOR_F16 }, { "BF16", TENSOR_BF16 }, { "F64", TENSOR_F64 },
    { "I64", TENSOR_I64 }, { "I32", TENSOR_I32 }, { "I16", TENSOR_I16 },   { "I8", TENSOR_I8 },
};

static bool dtype_of(const char *name, tensor_type *type)
{
    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(dtypes[i].dtype, name)) {
            *type = dtypes[i].type;
            return true;
        }
    return false;
}

/* shape, slowest first, to dims, fastest first. */
static bool read_shape(const json_t *shape, tensor *t, size_t *elements)
{
    size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > TENSOR_MAX_DIMS)
        return false;
    t->n_dims = n ? (uint32_t)n : 1;
    *elements = 1;
    for (size_t d = 0; d < TENSOR_MAX_DIMS; d++) {
        t->dims[d] = 1;
        if (d >= n)
            continue;
        const json_t *v = json_array_get(shape, n - 1 - d);
        if (!json_is_integer(v) || json_integer_value(v) <= 0)
            return false;
        t->dims[d] = (uint64_t)json_integer_value(v);
        if (!checked_mul(*elements, (size_t)t->dims[d], elements))
            return false;
    }
    return true;
}

static cairn_status read_entry(safetensors *s, const char *key, const json_t *entry,
                               const uint8_t *data, size_t data_len, cairn_error *err)
{
    tensor *t = &s->tensors[s->n];
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *range = json_object_get(entry, "data_offsets");
    size_t elements, bytes;

    t->name = arena_strdup(&s->names, key);
    if (!t->name)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: names", s->path);
    if (!dtype_of(dtype, &t->type))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s has dtype %s, which Cairn does not read",
                          s->path, key, dtype ? dtype : "(none)");
    if (!read_shape(json_object_get(entry, "shape"), t, &elements) ||
        !tensor_bytes_for(t->type, elements, &bytes))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s has no usable shape (1 to 4 dimensions, "
                          "each at least 1)", s->path, key);
    const json_t *begin = json_array_get(range, 0), *end = json_array_get(range, 1);
    if (json_array_size(range) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s has no data_offsets", s->path, key);
    json_int_t b = json_integer_value(begin), e = json_integer_value(end);
    if (b < 0 || e < b || (uint64_t)e > data_len)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s: data_offsets %" PRId64 " to %" PRId64
                          " lie outside the %zu bytes of data; the file is cut short or damaged, "
                          "fetch it again", s->path, key, (int64_t)b, (int64_t)e, data_len);
    if ((uint64_t)(e - b) != bytes)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s: data_offsets hold %" PRId64
                          " bytes, its shape needs %zu", s->path, key, (int64_t)(e - b), bytes);
    t->data = data + b;
    t->bytes = bytes;
    s->n++;
    return CAIRN_OK;
}

static int by_data(const void *a, const void *b)
{
    const tensor *x = a, *y = b;
    return x->data < y->data ? -1 : x->data > y->data;
}

static cairn_status check_cover(const safetensors *s, const uint8_t *data, size_t data_len,
                                cairn_error *err)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < s->n; i++) {
        const tensor *t = &s->tensors[i];
        if (t->data != at)
            return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s %s at offset %zu of the data",
                              s->path, t->name, t->data < at ? "overlaps another" : "follows a hole",
                              (size_t)(t->data - data));
        at += t->bytes;
    }
    if (at != data + data_len)
        return cairn_fail(err, CAIRN_EMODEL, "%s: %zu bytes behind the last tensor", s->path,
                          (size_t)(data + data_len - at));
    return CAIRN_OK;
}

static cairn_status read_header(safetensors *s, const json_t *root, const uint8_t *data,
                                size_t data_len, cairn_error *err)
{
    const char *key;
    json_t *entry;
    size_t n = json_object_size(root);

    s->tensors = calloc(n + 1, sizeof *s->tensors);
    if (!s->tensors || !name_table_init(&s->by_name, n))
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tensors", s->path);
    json_object_foreach((json_t *)root, key, entry)
    {
        if (!strcmp(key, "__metadata__"))
            continue;
        cairn_status st = read_entry(s, key, entry, data, data_len, err);
        if (st)
            return st;
    }
    qsort(s->tensors, s->n, sizeof *s->tensors, by_data);
    for (size_t i = 0; i < s->n; i++)
        (void)name_table_add(&s->by_name, s->tensors[i].name, (uint32_t)i);
    return check_cover(s, data, data_len, err);
}

static cairn_status parse(safetensors *s, cairn_error *err)
{
    cursor c;
    json_error_t je;

    cursor_init(&c, s->file.data, s->file.len);
    uint64_t len = cursor_u64(&c);
    if (c.failed || len > SAFETENSORS_MAX_HEADER)
        return cairn_fail(err, CAIRN_EMODEL, "%s: not a safetensors file (no header length at byte "
                          "0)", s->path);
    const uint8_t *header = cursor_take(&c, len);
    if (!header)
        return cairn_fail(err, CAIRN_EMODEL, "%s: the header of %" PRIu64 " bytes at byte 8 runs "
                          "past the file's %zu bytes; fetch it again", s->path, len, s->file.len);
    json_t *root = json_loadb((const char *)header, (size_t)len, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(root)) {
        json_decref(root);
        return cairn_fail(err, CAIRN_EMODEL, "%s: the header is no JSON object: %s at byte %d",
                          s->path, je.text, je.position + 8);
    }
    cairn_status st = read_header(s, root, c.p, cursor_left(&c), err);
    json_decref(root);
    return st;
}

static cairn_status open_mapped(safetensors **out, mapped_file file, const char *name,
                                cairn_error *err)
{
    *out = NULL;
    safetensors *s = calloc(1, sizeof *s);
    if (!s) {
        mapped_file_close(&file);
        return cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    }
    s->file = file;
    arena_init(&s->names, (size_t)128 << 20);
    s->path = strdup(name);
    cairn_status st = s->path ? parse(s, err) : cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    if (st) {
        safetensors_close(s);
        return st;
    }
    *out = s;
    return CAIRN_OK;
}

cairn_status safetensors_open(safetensors **out, const char *path, cairn_error *err)
{
    mapped_file file;
    *out = NULL;
    cairn_status st = mapped_file_open(&file, path, err);
    return st ? st : open_mapped(out, file, path, err);
}

cairn_status safetensors_open_memory(safetensors **out, const void *data, size_t len,
                                     const char *name, cairn_error *err)
{
    mapped_file file = { .data = data, .len = len };
    return open_mapped(out, file, name, err);
}

void safetensors_close(safetensors *s)
{
    if (!s)
        return;
    name_table_clear(&s->by_name);
    arena_clear(&s->names);
    free(s->tensors);
    free(s->path);
    mapped_file_close(&s->file);
    free(s);
}

const char *safetensors_path(const safetensors *s)
{
    return s->path;
}

size_t safetensors_count(const safetensors *s)
{
    return s->n;
}

const tensor *safetensors_at(const safetensors *s, size_t i)
{
    return i < s->n ? &s->tensors[i] : NULL;
}

const tensor *safetensors_find(const safetensors *s, const char *name)
{
    uint32_t i;
    return name_table_find(&s->by_name, name, &i) ? &s->tensors[i] : NULL;
}

cairn_status safetensors_need(const safetensors *s, const char *name, const tensor **out,
                              cairn_error *err)
{
    *out = safetensors_find(s, name);
    if (*out)
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s is missing", s->path, name);
}
