/* safetensors.c - the safetensors container, and models that lie in several of them.
 *
 *   size  field
 *   8     length of the header, little-endian, at most 100 MB
 *   ..    header: a JSON object { name: { "dtype", "shape", "data_offsets": [begin, end] }, ... },
 *         spaces behind it for alignment; "__metadata__" holds strings and is skipped
 *   ..    the tensors' bytes; offsets count from here
 *
 * The format wants the byte ranges to cover the data without holes or overlaps; both are refused,
 * as are ranges that do not have the length of dtype and shape.
 *
 * A model in several files ("shards") has model.safetensors.index.json beside them: an object whose
 * "weight_map" says for each tensor in which file it is. The file names are foreign: each must be a
 * plain name that ends with ".safetensors", so nothing outside the folder is opened. The map and the
 * files must hold the same tensors, each once. */
#include "generate/formats/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/cursor.h"
#include "generate/formats/mapped_file.h"
#include "generate/formats/name_table.h"

#define SAFETENSORS_MAX_HEADER ((uint64_t)100 << 20)
#define MAX_INDEX              ((size_t)64 << 20)
#define MAX_SHARDS             1024
#define MAX_SHARD_NAME         255

typedef struct shard {
    mapped_file file;
    char *path;
} shard;

struct safetensors {
    shard *shards;
    size_t n_shards;
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

static cairn_status read_entry(safetensors *s, const shard *f, const char *key, const json_t *entry,
                               const uint8_t *data, size_t data_len, cairn_error *err)
{
    tensor *t = &s->tensors[s->n];
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *range = json_object_get(entry, "data_offsets");
    size_t elements, bytes;

    t->name = arena_strdup(&s->names, key);
    if (!t->name)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: names", f->path);
    if (!dtype_of(dtype, &t->type))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s has dtype %s, which Cairn does not read",
                          f->path, key, dtype ? dtype : "(none)");
    if (!read_shape(json_object_get(entry, "shape"), t, &elements) ||
        !tensor_bytes_for(t->type, elements, &bytes))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s has no usable shape (1 to 4 dimensions, "
                          "each at least 1)", f->path, key);
    const json_t *begin = json_array_get(range, 0), *end = json_array_get(range, 1);
    if (json_array_size(range) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s has no data_offsets", f->path, key);
    json_int_t b = json_integer_value(begin), e = json_integer_value(end);
    if (b < 0 || e < b || (uint64_t)e > data_len)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s: data_offsets %" PRId64 " to %" PRId64
                          " lie outside the %zu bytes of data; the file is cut short or damaged, "
                          "fetch it again", f->path, key, (int64_t)b, (int64_t)e, data_len);
    if ((uint64_t)(e - b) != bytes)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s: data_offsets hold %" PRId64
                          " bytes, its shape needs %zu", f->path, key, (int64_t)(e - b), bytes);
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

/* The tensors from `first` on are those of one file. */
static cairn_status check_cover(const safetensors *s, const shard *f, size_t first, const uint8_t *data,
                                size_t data_len, cairn_error *err)
{
    const uint8_t *at = data;
    for (size_t i = first; i < s->n; i++) {
        const tensor *t = &s->tensors[i];
        if (t->data != at)
            return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s %s at offset %zu of the data",
                              f->path, t->name, t->data < at ? "overlaps another" : "follows a hole",
                              (size_t)(t->data - data));
        at += t->bytes;
    }
    if (at != data + data_len)
        return cairn_fail(err, CAIRN_EMODEL, "%s: %zu bytes behind the last tensor", f->path,
                          (size_t)(data + data_len - at));
    return CAIRN_OK;
}

static cairn_status read_header(safetensors *s, const shard *f, const json_t *root, const uint8_t *data,
                                size_t data_len, cairn_error *err)
{
    const char *key;
    json_t *entry;
    size_t first = s->n, room = 0;
    tensor *more = NULL;

    if (checked_add(s->n, json_object_size(root) + 1, &room))
        more = checked_realloc(s->tensors, room, sizeof *more);
    if (!more)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tensors", f->path);
    s->tensors = more;
    json_object_foreach((json_t *)root, key, entry)
    {
        if (!strcmp(key, "__metadata__"))
            continue;
        cairn_status st = read_entry(s, f, key, entry, data, data_len, err);
        if (st)
            return st;
    }
    qsort(s->tensors + first, s->n - first, sizeof *s->tensors, by_data);
    return check_cover(s, f, first, data, data_len, err);
}

static cairn_status parse(safetensors *s, const shard *f, cairn_error *err)
{
    cursor c;
    json_error_t je;

    cursor_init(&c, f->file.data, f->file.len);
    uint64_t len = cursor_u64(&c);
    if (c.failed || len > SAFETENSORS_MAX_HEADER)
        return cairn_fail(err, CAIRN_EMODEL, "%s: not a safetensors file (no header length at byte "
                          "0)", f->path);
    const uint8_t *header = cursor_take(&c, len);
    if (!header)
        return cairn_fail(err, CAIRN_EMODEL, "%s: the header of %" PRIu64 " bytes at byte 8 runs "
                          "past the file's %zu bytes; fetch it again", f->path, len, f->file.len);
    json_t *root = json_loadb((const char *)header, (size_t)len, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(root)) {
        json_decref(root);
        return cairn_fail(err, CAIRN_EMODEL, "%s: the header is no JSON object: %s at byte %d",
                          f->path, je.text, je.position + 8);
    }
    cairn_status st = read_header(s, f, root, c.p, cursor_left(&c), err);
    json_decref(root);
    return st;
}

static const char *path_of(const safetensors *s, const tensor *t)
{
    size_t i = 0;

    while (i + 1 < s->n_shards && !(t->data >= s->shards[i].file.data &&
                                    t->data < s->shards[i].file.data + s->shards[i].file.len))
        i++;
    return s->shards[i].path;
}

static cairn_status index_names(safetensors *s, cairn_error *err)
{
    uint32_t other;

    if (!name_table_init(&s->by_name, s->n))
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tensors", s->shards[0].path);
    for (size_t i = 0; i < s->n; i++)
        if (!name_table_add(&s->by_name, s->tensors[i].name, (uint32_t)i)) {
            const tensor *t = &s->tensors[i];
            const bool found = name_table_find(&s->by_name, t->name, &other);
            return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s is in %s, too", path_of(s, t), t->name,
                              found ? path_of(s, &s->tensors[other]) : "another file");
        }
    return CAIRN_OK;
}

/* An empty handle with room for n files. */
static safetensors *create(size_t n)
{
    safetensors *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    arena_init(&s->names, (size_t)128 << 20);
    s->shards = calloc(n, sizeof *s->shards);
    if (!s->shards) {
        free(s);
        return NULL;
    }
    return s;
}

/* Read one more file, which is taken over in every case. */
static cairn_status add_file(safetensors *s, mapped_file file, const char *path, cairn_error *err)
{
    shard *f = &s->shards[s->n_shards++];

    f->file = file;
    f->path = strdup(path);
    return f->path ? parse(s, f, err) : cairn_fail(err, CAIRN_ENOMEM, "%s: handle", path);
}

static cairn_status open_mapped(safetensors **out, mapped_file file, const char *name,
                                cairn_error *err)
{
    *out = NULL;
    safetensors *s = create(1);
    if (!s) {
        mapped_file_close(&file);
        return cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    }
    cairn_status st = add_file(s, file, name, err);
    if (!st)
        st = index_names(s, err);
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

/* --- several files --- */

bool safetensors_is_shard_name(const char *name)
{
    static const char ending[] = ".safetensors";
    size_t len = strlen(name), end = sizeof ending - 1;

    return len > end && len <= MAX_SHARD_NAME && *name != '.' && !strchr(name, '/') &&
           !strcmp(name + len - end, ending);
}

/* The index's weight_map; *root is to be released. */
static cairn_status load_map(const char *path, json_t **root, const json_t **map, cairn_error *err)
{
    json_error_t je;
    mapped_file f;
    cairn_status st = mapped_file_open(&f, path, err);

    *root = NULL;
    if (st)
        return st;
    if (f.len > MAX_INDEX)
        st = cairn_fail(err, CAIRN_EMODEL, "%s: %zu bytes are no index of a model", path, f.len);
    else if (!(*root = json_loadb((const char *)f.data, f.len, JSON_REJECT_DUPLICATES, &je)))
        st = cairn_fail(err, CAIRN_EMODEL, "%s: not JSON: %s, line %d", path, je.text, je.line);
    mapped_file_close(&f);
    *map = json_object_get(*root, "weight_map");
    if (!st && !json_object_size(*map))
        st = cairn_fail(err, CAIRN_EMODEL, "%s: no weight_map from tensors to files", path);
    return st;
}

/* Map and read folder/name. */
static cairn_status add_shard(safetensors *s, const char *folder, const char *name, cairn_error *err)
{
    char path[4096];
    struct stat sb;
    mapped_file file;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    if (stat(path, &sb))
        return cairn_fail(err, CAIRN_EMODEL, "%s: the index names this file, and it is not there; fetch it",
                          path);
    cairn_status st = mapped_file_open(&file, path, err);
    return st ? st : add_file(s, file, path, err);
}

/* Read every file that the map names; `files` gets their numbers. */
static cairn_status add_shards(safetensors *s, name_table *files, const json_t *map, const char *folder,
                               const char *index, cairn_error *err)
{
    const char *key;
    json_t *value;
    uint32_t at;

    json_object_foreach((json_t *)map, key, value)
    {
        const char *name = json_string_value(value);
        if (!name || !safetensors_is_shard_name(name))
            return cairn_fail(err, CAIRN_EMODEL, "%s: weight_map has %s in %.100s, which is no name of a "
                              ".safetensors file in this folder", index, key, name ? name : "(no text)");
        if (name_table_find(files, name, &at))
            continue;
        if (s->n_shards == MAX_SHARDS)
            return cairn_fail(err, CAIRN_EMODEL, "%s: more than %d files", index, MAX_SHARDS);
        (void)name_table_add(files, name, (uint32_t)s->n_shards);
        cairn_status st = add_shard(s, folder, name, err);
        if (st)
            return st;
    }
    return CAIRN_OK;
}

/* Every tensor is where the map has it, and the files hold no other. */
static cairn_status compare_map(const safetensors *s, const name_table *files, const json_t *map,
                                const char *index, cairn_error *err)
{
    const char *key;
    json_t *value;
    uint32_t at;

    json_object_foreach((json_t *)map, key, value)
    {
        const tensor *t = safetensors_find(s, key);
        const char *want = name_table_find(files, json_string_value(value), &at) ? s->shards[at].path : "";
        if (!t || path_of(s, t) != want)
            return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s is not in %s; the files are not of one "
                              "model, fetch them again", index, key, want);
    }
    for (size_t i = 0; i < s->n; i++)
        if (!json_object_get(map, s->tensors[i].name))
            return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s of %s is not in the weight_map; the files "
                              "are not of one model, fetch them again", index, s->tensors[i].name,
                              path_of(s, &s->tensors[i]));
    return CAIRN_OK;
}

static cairn_status open_shards(safetensors **out, const char *folder, const char *index, cairn_error *err)
{
    name_table files = { 0 };
    safetensors *s = NULL;
    const json_t *map;
    json_t *root;
    cairn_status st = load_map(index, &root, &map, err);

    if (!st && (!(s = create(MAX_SHARDS)) || !name_table_init(&files, json_object_size(map))))
        st = cairn_fail(err, CAIRN_ENOMEM, "%s: handle", index);
    if (!st)
        st = add_shards(s, &files, map, folder, index, err);
    if (!st)
        st = index_names(s, err);
    if (!st)
        st = compare_map(s, &files, map, index, err);
    name_table_clear(&files);
    json_decref(root);
    if (st) {
        safetensors_close(s);
        return st;
    }
    *out = s;
    return CAIRN_OK;
}

cairn_status safetensors_open_folder(safetensors **out, const char *folder, cairn_error *err)
{
    static const char whole[] = "model.safetensors", index[] = SAFETENSORS_INDEX;
    char path[4096];
    struct stat sb;

    *out = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, index) >= sizeof path)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    const bool several = !stat(path, &sb);
    snprintf(path, sizeof path, "%s/%s", folder, whole);
    if (several && stat(path, &sb)) {
        snprintf(path, sizeof path, "%s/%s", folder, index);
        return open_shards(out, folder, path, err);
    }
    return safetensors_open(out, path, err);
}

void safetensors_close(safetensors *s)
{
    if (!s)
        return;
    name_table_clear(&s->by_name);
    arena_clear(&s->names);
    free(s->tensors);
    for (size_t i = 0; i < s->n_shards; i++) {
        free(s->shards[i].path);
        mapped_file_close(&s->shards[i].file);
    }
    free(s->shards);
    free(s);
}

const char *safetensors_path(const safetensors *s)
{
    return s->shards[0].path;
}

size_t safetensors_files(const safetensors *s)
{
    return s->n_shards;
}

const char *safetensors_file(const safetensors *s, size_t i)
{
    return s->shards[i].path;
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
    return cairn_fail(err, CAIRN_EMODEL, "%s: tensor %s is missing", s->shards[0].path, name);
}
