/* quantize.c - see quantize.h.
 *
 * plan_tensor says what each tensor becomes; write_front writes header, metadata and tensor infos
 * for those; convert takes a tensor through floats, some rows at a time on all threads. */
#include "generate/decode/quantize.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "generate/decode/cache_folder.h"
#include "generate/kernels/kernels.h"
#include "generate/kernels/quantize_blocks.h"

#define ROWS_BYTES ((size_t)16 << 20) /* of floats converted at a time */
#define FILE_TYPE  "general.file_type"
#define ALIGNMENT  "general.alignment"
#define MOST_FRONT ((size_t)1 << 30)

typedef struct writer {
    const gguf *g;
    const quantize_options *o;
    quantize_report *report;
    tensor_type *types; /* of each tensor of g */
    size_t alignment;
    int fd;
    const char *path;
    uint64_t at; /* of the file */
    size_t done, total;
    cairn_error *err;
} writer;

/* ---- what becomes of each tensor ---- */

static bool is_matrix(const gguf_tensor *t)
{
    return tensor_rows(t) > 1 && t->dims[0] > 1;
}

static bool is_end(const gguf_tensor *t)
{
    return !strcmp(t->name, "token_embd.weight") || !strcmp(t->name, "output.weight");
}

/* An adapter adds something to it. */
static bool is_adapted(const quantize_options *o, const gguf_tensor *t)
{
    for (size_t i = 0; i < o->n_adapters; i++)
        if (adapter_find(o->adapters[i].adapter, t->name))
            return true;
    return false;
}

static tensor_type plan_tensor(const gguf_tensor *t, const quantize_options *o)
{
    tensor_type want = o->type;
    bool four = want == TENSOR_Q4_0 || want == TENSOR_Q4_K;

    if (o->keep_types && (!is_adapted(o, t) || quantize_supported(t->type)))
        return t->type;
    if (o->keep_types)
        return t->dims[0] % 32 ? TENSOR_F16 : TENSOR_Q8_0;
    if (!is_matrix(t) || !dequantize_supported(t->type))
        return t->type;
    if (four && is_end(t))
        want = TENSOR_Q6_K;
    if (want == TENSOR_Q4_K && t->dims[0] % 256)
        want = TENSOR_Q5_0;
    if (want == TENSOR_Q6_K && t->dims[0] % 256)
        want = TENSOR_Q8_0;
    return t->dims[0] % tensor_type_get(want)->block_size ? t->type : want;
}

static bool is_float(tensor_type t)
{
    return t == TENSOR_F32 || t == TENSOR_F16 || t == TENSOR_BF16;
}

/* llama.cpp's numbers for general.file_type (LLAMA_FTYPE_*): a description, nothing reads it here.
 */
static uint32_t file_type_of(tensor_type t)
{
    switch (t) {
    case TENSOR_F32:
        return 0;
    case TENSOR_F16:
        return 1;
    case TENSOR_Q4_0:
        return 2;
    case TENSOR_Q8_0:
        return 7;
    case TENSOR_Q5_0:
        return 8;
    case TENSOR_Q4_K:
        return 15; /* "mostly Q4_K, medium" */
    case TENSOR_Q6_K:
        return 18;
    default:
        return 32; /* BF16 */
    }
}

/* ---- header, metadata, tensor infos ---- */

static cairn_status put_string(bytes *b, const char *s, size_t n)
{
    cairn_status st = bytes_append_u64(b, n);
    return st ? st : bytes_append(b, s, n);
}

static cairn_status put_kv(bytes *b, const gguf_kv *kv)
{
    cairn_status st = put_string(b, kv->key, strlen(kv->key));

    if (!st)
        st = bytes_append_u32(b, kv->type);
    if (!st && kv->type == GGUF_ARRAY) {
        st = bytes_append_u32(b, kv->elem_type);
        if (!st)
            st = bytes_append_u64(b, kv->n);
    }
    return st ? st : bytes_append(b, kv->data, kv->bytes);
}

static cairn_status put_metadata(const writer *w, bytes *b)
{
    size_t n = gguf_kv_count(w->g);
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n; i++) {
        const gguf_kv *kv = gguf_kv_at(w->g, i);
        if (w->o->keep_types || strcmp(kv->key, FILE_TYPE))
            st = put_kv(b, kv);
    }
    if (w->o->keep_types)
        return st;
    if (!st)
        st = put_string(b, FILE_TYPE, strlen(FILE_TYPE));
    if (!st)
        st = bytes_append_u32(b, GGUF_U32);
    return st ? st : bytes_append_u32(b, file_type_of(w->o->type));
}

static size_t padded(const writer *w, size_t n)
{
    return (n + w->alignment - 1) / w->alignment * w->alignment;
}

static cairn_status put_infos(const writer *w, bytes *b)
{
    size_t n = gguf_tensor_count(w->g), offset = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n; i++) {
        const gguf_tensor *t = gguf_tensor_at(w->g, i);
        size_t size;
        if (!tensor_bytes_for(w->types[i], tensor_elements(t), &size) ||
            !checked_add(offset, padded(w, size), &size))
            return CAIRN_ENOMEM;
        st = put_string(b, t->name, strlen(t->name));
        if (!st)
            st = bytes_append_u32(b, t->n_dims);
        for (uint32_t d = 0; !st && d < t->n_dims; d++)
            st = bytes_append_u64(b, t->dims[d]);
        if (!st)
            st = bytes_append_u32(b, w->types[i]);
        if (!st)
            st = bytes_append_u64(b, offset);
        offset = size;
    }
    return st;
}

static cairn_status write_all(writer *w, const void *data, size_t n)
{
    if (!cache_write_all(w->fd, data, n, w->at))
        return cairn_fail_errno(w->err, errno ? errno : EIO, "write %s", w->path);
    w->at += n;
    return CAIRN_OK;
}

static cairn_status write_padding(writer *w)
{
    static const uint8_t zeros[4096];
    size_t n = padded(w, (size_t)w->at) - (size_t)w->at;
    cairn_status st = CAIRN_OK;

    for (size_t some; !st && n; n -= some) {
        some = n < sizeof zeros ? n : sizeof zeros;
        st = write_all(w, zeros, some);
    }
    return st;
}

static cairn_status write_front(writer *w)
{
    size_t n_kv = gguf_kv_count(w->g) +
                  (!w->o->keep_types && !gguf_find_kv(w->g, FILE_TYPE));
    bytes b;
    cairn_status st;

    bytes_init(&b, MOST_FRONT);
    st = bytes_append_str(&b, "GGUF");
    if (!st)
        st = bytes_append_u32(&b, 3);
    if (!st)
        st = bytes_append_u64(&b, gguf_tensor_count(w->g));
    if (!st)
        st = bytes_append_u64(&b, n_kv);
    if (!st)
        st = put_metadata(w, &b);
    if (!st)
        st = put_infos(w, &b);
    if (st)
        st = cairn_fail(w->err, st, "the metadata of %s", gguf_path(w->g));
    else
        st = write_all(w, b.data, b.len);
    bytes_clear(&b);
    return st ? st : write_padding(w);
}

/* ---- tensors ---- */

typedef struct conversion {
    const gguf_tensor *t;
    const quantize_options *o;
    tensor_type to;
    size_t first, from_bytes, to_bytes; /* row, bytes a row */
    float *rows;
    uint8_t *out;
    atomic_bool broken;
} conversion;

static void convert_row(void *ctx, size_t task, size_t worker)
{
    conversion *c = ctx;
    const size_t n = c->t->dims[0];
    /* Scales are half floats; a weight of this size is no weight. */
    const float most = c->to == TENSOR_F32 || c->to == TENSOR_BF16 ? FLT_MAX : 65504.0f;
    float *x = c->rows + task * n;
    bool good = true;

    dequantize_row(c->t->type, c->t->data + (c->first + task) * c->from_bytes, x, n);
    for (size_t i = 0; i < c->o->n_adapters; i++) {
        const adapter_factors *f = adapter_find(c->o->adapters[i].adapter, c->t->name);
        if (f)
            adapter_add_row(f, c->o->adapters[i].scale, c->first + task, x);
    }
    for (size_t i = 0; i < n; i++)
        good &= fabsf(x[i]) <= most; /* false for NaN */
    if (!good) {
        atomic_store(&c->broken, true);
        return;
    }
    quantize_row(c->to, x, n, c->out + task * c->to_bytes);
}

static cairn_status convert(writer *w, const gguf_tensor *t, tensor_type to)
{
    const size_t rows = (size_t)tensor_rows(t), row = t->dims[0] * sizeof(float);
    size_t at_once = ROWS_BYTES / row ? ROWS_BYTES / row : 1;
    conversion c = {.t = t, .o = w->o, .to = to};
    cairn_status st = CAIRN_OK;

    if (at_once > rows)
        at_once = rows;
    if (!tensor_bytes_for(t->type, t->dims[0], &c.from_bytes) ||
        !tensor_bytes_for(to, t->dims[0], &c.to_bytes))
        return cairn_fail(w->err, CAIRN_EMODEL, "tensor %s has no whole rows", t->name);
    c.rows = checked_malloc(at_once, row);
    c.out = checked_malloc(at_once, c.to_bytes);
    if (!c.rows || !c.out)
        st = cairn_fail(w->err, CAIRN_ENOMEM, "%zu rows of tensor %s", at_once, t->name);
    for (; !st && c.first < rows; c.first += at_once) {
        size_t n = rows - c.first < at_once ? rows - c.first : at_once;
        if (w->o->cancel && *w->o->cancel) {
            st = cairn_fail(w->err, CAIRN_ECANCELLED, "cancelled");
            break;
        }
        pool_run(w->o->pool, n, convert_row, &c);
        if (atomic_load(&c.broken))
            st = cairn_fail(w->err, CAIRN_EMODEL,
                            "%s: tensor %s holds what is no number, or one that is too large "
                            "for this type: the file is broken",
                            gguf_path(w->g), t->name);
        if (!st)
            st = write_all(w, c.out, n * c.to_bytes);
        w->done += n * c.from_bytes;
        if (w->o->progress)
            w->o->progress(w->o->progress_ctx, w->done, w->total);
    }
    free(c.rows);
    free(c.out);
    return st;
}

static cairn_status write_tensors(writer *w)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < gguf_tensor_count(w->g); i++) {
        const gguf_tensor *t = gguf_tensor_at(w->g, i);
        if (w->types[i] == t->type && !is_adapted(w->o, t)) {
            st = write_all(w, t->data, t->bytes);
            w->done += t->bytes;
        } else {
            st = convert(w, t, w->types[i]);
            w->report->again |= !is_float(t->type);
        }
        w->report->tensors[w->types[i]]++;
        if (!st)
            st = write_padding(w);
    }
    return st;
}

/* ---- the file ---- */

static cairn_status check(const gguf *g, const char *path, const quantize_options *o,
                          cairn_error *err)
{
    struct stat from, to;

    if (!o->keep_types && !quantize_supported(o->type))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "that type cannot be written: F32, F16, BF16, Q8_0, Q6_K, "
                          "Q5_0, Q4_K and Q4_0 can");
    if (!stat(gguf_path(g), &from) && !stat(path, &to) && from.st_dev == to.st_dev &&
        from.st_ino == to.st_ino)
        return cairn_fail(err, CAIRN_EUSAGE, "%s is the model itself: name another file", path);
    return CAIRN_OK;
}

static cairn_status write_file(writer *w, const char *temporary, const char *folder)
{
    cairn_status st;

    w->fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (w->fd < 0)
        return cairn_fail_errno(w->err, errno, "make %s", temporary);
    st = write_front(w);
    if (!st)
        st = write_tensors(w);
    if (st) {
        close(w->fd);
        unlink(temporary);
        return st;
    }
    if (!cache_publish(w->fd, folder, temporary, w->path))
        return cairn_fail_errno(w->err, errno ? errno : EIO, "write %s", w->path);
    return CAIRN_OK;
}

cairn_status quantize_file(const gguf *g, const char *path, const quantize_options *options,
                           quantize_report *report, cairn_error *err)
{
    const size_t n = gguf_tensor_count(g);
    const char *slash = strrchr(path, '/');
    char *temporary = NULL, *folder = NULL;
    writer w = {.g = g, .o = options, .report = report, .path = path, .err = err};
    cairn_status st = check(g, path, options, err);

    *report = (quantize_report){.bytes_before = gguf_file_bytes(g)};
    if (st)
        return st;
    w.alignment = gguf_get_u32(g, ALIGNMENT, 32);
    w.types = checked_malloc(n, sizeof *w.types);
    if (!w.types || asprintf(&temporary, "%s.%d.tmp", path, (int)getpid()) < 0 ||
        asprintf(&folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".") < 0)
        st = cairn_fail(err, CAIRN_ENOMEM, "quantising %s", gguf_path(g));
    for (size_t i = 0; !st && i < n; i++) {
        w.types[i] = plan_tensor(gguf_tensor_at(g, i), options);
        w.total += gguf_tensor_at(g, i)->bytes;
    }
    if (!st)
        st = write_file(&w, temporary, folder);
    report->bytes_after = st ? 0 : w.at;
    free(w.types);
    free(temporary);
    free(folder);
    return st;
}
