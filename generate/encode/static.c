/* static.c - see static.h. */
#include "generate/encode/static.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "generate/kernels/kernels.h"

#define MAX_DIM 4096

static bool is_one_of(const tensor *t, const tensor_type *types, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (t->type == types[i])
            return true;
    return false;
}

static int64_t row_of(const static_embedder *s, size_t id)
{
    int64_t wide;
    int32_t narrow;

    if (!s->mapping)
        return (int64_t)id;
    if (s->mapping->type == TENSOR_I64) {
        memcpy(&wide, s->mapping->data + id * sizeof wide, sizeof wide);
        return wide;
    }
    memcpy(&narrow, s->mapping->data + id * sizeof narrow, sizeof narrow);
    return narrow;
}

static float weight_of(const static_embedder *s, size_t id)
{
    double wide;
    float narrow;

    if (!s->weights)
        return 1;
    if (s->weights->type == TENSOR_F64) {
        memcpy(&wide, s->weights->data + id * sizeof wide, sizeof wide);
        return (float)wide;
    }
    memcpy(&narrow, s->weights->data + id * sizeof narrow, sizeof narrow);
    return narrow;
}

/* What every id of the tokenizer relies on afterwards. */
static cairn_status check(const static_embedder *s, const char *path, cairn_error *err)
{
    static const tensor_type of_rows[] = {TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_I8};
    static const tensor_type of_weights[] = {TENSOR_F32, TENSOR_F64}, of_mapping[] = {TENSOR_I32, TENSOR_I64};

    if (s->rows->n_dims != 2 || !is_one_of(s->rows, of_rows, 4) || s->dim < 8 || s->dim > MAX_DIM)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor embeddings has no shape of [pieces, 8 to %d] in F32, F16, BF16 or I8",
                          path, MAX_DIM);
    if (s->weights && (s->weights->n_dims != 1 || !is_one_of(s->weights, of_weights, 2) || s->weights->dims[0] < s->vocab))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor weights is no list of F32 or F64 for %zu pieces", path, s->vocab);
    if (s->mapping && (s->mapping->n_dims != 1 || !is_one_of(s->mapping, of_mapping, 2) || s->mapping->dims[0] < s->vocab))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tensor mapping is no list of I32 or I64 for %zu pieces", path, s->vocab);
    for (size_t i = 0; i < s->vocab; i++) {
        int64_t row = row_of(s, i);
        if (row < 0 || (uint64_t)row >= s->rows->dims[1])
            return cairn_fail(err, CAIRN_EMODEL, "%s: piece %zu has row %lld of tensor embeddings, which has %llu", path, i,
                              (long long)row, (unsigned long long)s->rows->dims[1]);
    }
    return CAIRN_OK;
}

static void hash_tensor(XXH3_state_t *h, const tensor *t)
{
    if (!t)
        return;
    XXH3_64bits_update(h, t->dims, sizeof t->dims);
    XXH3_64bits_update(h, t->data, t->bytes < 65536 ? t->bytes : 65536);
}

static cairn_status make_hash(static_embedder *s, cairn_error *err)
{
    XXH3_state_t *h = XXH3_createState();

    if (!h)
        return cairn_fail(err, CAIRN_ENOMEM, "hash state");
    XXH3_64bits_reset(h);
    hash_tensor(h, s->rows);
    hash_tensor(h, s->weights);
    hash_tensor(h, s->mapping);
    s->hash = XXH3_64bits_digest(h);
    XXH3_freeState(h);
    return CAIRN_OK;
}

/* The last part of the path, "model" being none: the package's folder then. */
static char *name_of(const char *path)
{
    size_t end = strlen(path), start;

    for (;;) {
        while (end > 1 && path[end - 1] == '/')
            end--;
        start = end;
        while (start > 0 && path[start - 1] != '/')
            start--;
        if (start < 2 || end - start != 5 || memcmp(path + start, "model", 5))
            break;
        end = start - 1;
    }
    return strndup(path + start, end - start);
}

cairn_status static_open(static_embedder **out, const char *path, cairn_error *err)
{
    char file[4096];
    struct stat sb;
    static_embedder *s;
    cairn_status st;

    *out = NULL;
    if ((size_t)snprintf(file, sizeof file, "%s/model.safetensors", path) >= sizeof file || stat(file, &sb))
        return CAIRN_OK;
    if (!(s = calloc(1, sizeof *s)))
        return cairn_fail(err, CAIRN_ENOMEM, "model handle");
    st = safetensors_open(&s->file, file, err);
    if (!st && !(s->rows = safetensors_find(s->file, "embeddings"))) {
        static_close(s); /* an encoder's */
        return CAIRN_OK;
    }
    if (!st)
        st = tokenizer_from_json(&s->tok, path, err);
    if (!st) {
        s->weights = safetensors_find(s->file, "weights");
        s->mapping = safetensors_find(s->file, "mapping");
        s->dim = s->rows->dims[0];
        s->vocab = tokenizer_vocab_size(s->tok);
        st = check(s, file, err);
    }
    if (!st && !(s->name = name_of(path)))
        st = cairn_fail(err, CAIRN_ENOMEM, "model name");
    if (!st)
        st = make_hash(s, err);
    if (st) {
        static_close(s);
        return st;
    }
    *out = s;
    return CAIRN_OK;
}

void static_close(static_embedder *s)
{
    if (!s)
        return;
    tokenizer_destroy(s->tok);
    safetensors_close(s->file);
    free(s->name);
    free(s);
}

static void add_row(const static_embedder *s, size_t id, float *sum)
{
    size_t row_bytes = 0;
    float weight = weight_of(s, id), row[MAX_DIM];
    const uint8_t *from;

    tensor_bytes_for(s->rows->type, s->dim, &row_bytes);
    from = s->rows->data + (size_t)row_of(s, id) * row_bytes;
    if (s->rows->type == TENSOR_I8)
        for (size_t i = 0; i < s->dim; i++)
            row[i] = (float)(int8_t)from[i];
    else
        dequantize_row(s->rows->type, from, row, s->dim);
    for (size_t i = 0; i < s->dim; i++)
        sum[i] += weight * row[i];
}

void static_run(const static_embedder *s, const token_id *ids, const size_t *offsets, size_t n, float *out)
{
    const token_id unknown = tokenizer_unk(s->tok);
    const bool left_out = tokenizer_is_control(s->tok, unknown); /* else it is a piece like others */

    memset(out, 0, n * s->dim * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t t = offsets[i]; t < offsets[i + 1]; t++)
            if (ids[t] != unknown || !left_out)
                add_row(s, (size_t)ids[t], out + i * s->dim);
}
