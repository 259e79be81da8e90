/* vector_file.c - see vector_file.h. */
#include "index/vector/vector_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "index/vector/faiss_file.h"
#include "index/vector/half.h"
#include "index/vector/vector.h"

#define NPY_HEADER_MAX 65536u

struct vector_file {
    vector_file_kind kind;
    char name[64];
    uint32_t dim;
    uint64_t rows, at;
    const uint8_t *data;    /* of row 0 */
    size_t row_bytes, skip; /* from row to row; before the components in each */
    char type;              /* 'f', 'i' or 'u' */
    size_t width;           /* bytes a component */
    bool swapped;           /* big-endian */
    faiss_file *faiss;
};

/* ---- .npy ---- */

/* The header is a Python dictionary in a fixed style: {'descr': '<f4', 'fortran_order': False,
 * 'shape': (3, 4), }. Read with the keys in any order. */
typedef struct npy_header {
    char descr[16];
    bool fortran, has_descr, has_order, has_shape;
    uint64_t shape[2];
    size_t n_shape;
} npy_header;

static void skip_space(const char **p, const char *end)
{
    while (*p < end && (**p == ' ' || **p == '\n' || **p == '\t'))
        ++*p;
}

static bool take_char(const char **p, const char *end, char c)
{
    skip_space(p, end);
    if (*p == end || **p != c)
        return false;
    ++*p;
    return true;
}

static bool take_text(const char **p, const char *end, char *out, size_t cap)
{
    char quote;
    size_t n = 0;

    skip_space(p, end);
    if (*p == end || (**p != '\'' && **p != '"'))
        return false;
    quote = *(*p)++;
    while (*p < end && **p != quote && n + 1 < cap)
        out[n++] = *(*p)++;
    out[n] = '\0';
    return take_char(p, end, quote);
}

static bool take_word(const char **p, const char *end, const char *word)
{
    size_t n = strlen(word);

    skip_space(p, end);
    if ((size_t)(end - *p) < n || memcmp(*p, word, n) != 0)
        return false;
    *p += n;
    return true;
}

static bool take_number(const char **p, const char *end, uint64_t *out)
{
    uint64_t v = 0;
    bool any = false;

    skip_space(p, end);
    for (; *p < end && **p >= '0' && **p <= '9'; ++*p, any = true)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(**p - '0'), &v))
            return false;
    *out = v;
    return any;
}

static bool take_shape(const char **p, const char *end, npy_header *h)
{
    if (!take_char(p, end, '('))
        return false;
    for (h->n_shape = 0; !take_char(p, end, ')'); h->n_shape++) {
        uint64_t n;
        if (!take_number(p, end, &n))
            return false;
        if (h->n_shape < 2)
            h->shape[h->n_shape] = n;
        if (!take_char(p, end, ',')) {
            h->n_shape++;
            return take_char(p, end, ')');
        }
    }
    return true;
}

static bool parse_npy_header(const char *p, const char *end, npy_header *h)
{
    char key[32];

    if (!take_char(&p, end, '{'))
        return false;
    while (!take_char(&p, end, '}')) {
        if (!take_text(&p, end, key, sizeof key) || !take_char(&p, end, ':'))
            return false;
        if (!strcmp(key, "descr")) {
            h->has_descr = take_text(&p, end, h->descr, sizeof h->descr);
            if (!h->has_descr)
                return false;
        } else if (!strcmp(key, "fortran_order")) {
            h->has_order = true;
            h->fortran = take_word(&p, end, "True");
            if (!h->fortran && !take_word(&p, end, "False"))
                return false;
        } else if (!strcmp(key, "shape")) {
            h->has_shape = take_shape(&p, end, h);
            if (!h->has_shape)
                return false;
        } else {
            return false;
        }
        if (!take_char(&p, end, ','))
            return take_char(&p, end, '}') && h->has_descr && h->has_order && h->has_shape;
    }
    return h->has_descr && h->has_order && h->has_shape;
}

static bool known_type(vector_file *f, const char *descr)
{
    static const char *const types[] = {"f2", "f4", "f8", "i1", "u1"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!strchr("<>|=", descr[0]) || !descr[0] || strcmp(descr + 1, types[i]) != 0)
            continue;
        f->type = types[i][0];
        f->width = (size_t)(types[i][1] - '0');
        f->swapped = descr[0] == '>' && f->width > 1;
        return true;
    }
    return false;
}

static cairn_status open_npy(vector_file *f, const uint8_t *data, size_t len, cairn_error *err)
{
    npy_header h = {0};
    cursor c;
    const uint8_t *magic, *text;
    size_t bytes;

    cursor_init(&c, data, len);
    magic = cursor_take(&c, 6);
    if (!magic || memcmp(magic, "\x93NUMPY", 6) != 0)
        return cairn_fail(err, CAIRN_EINPUT, "not a .npy file");
    uint8_t major = cursor_u8(&c);
    cursor_skip(&c, 1);
    uint32_t n = major == 1 ? cursor_u16(&c) : cursor_u32(&c);
    if (c.failed)
        return cairn_fail(err, CAIRN_EINPUT, "the .npy file ends in its header");
    if (major < 1 || major > 3)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "a .npy file of format %u: 1 to 3 are read",
                          major);
    text = n <= NPY_HEADER_MAX ? cursor_take(&c, n) : NULL;
    if (!text || !parse_npy_header((const char *)text, (const char *)text + n, &h))
        return cairn_fail(err, CAIRN_EINPUT, "the header of the .npy file cannot be read");
    if (!known_type(f, h.descr))
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "a .npy file of type %s: float of 2, 4 or 8 bytes and bytes are read "
                          "(numpy: a.astype('<f4'))",
                          h.descr);
    if (h.fortran && h.n_shape > 1)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "a .npy file in Fortran order (numpy: numpy.ascontiguousarray)");
    if (h.n_shape != 1 && h.n_shape != 2)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "a .npy file of %zu dimensions: rows x components are read", h.n_shape);
    uint64_t rows = h.n_shape == 2 ? h.shape[0] : 1, dim = h.shape[h.n_shape - 1];
    if (dim < 1 || dim > VECTOR_MAX_DIM || rows > VECTOR_MAX_ROWS)
        return cairn_fail(err, CAIRN_EINPUT,
                          "%" PRIu64 " vectors of %" PRIu64
                          " dimensions: at most %u of 1 to %u are read",
                          rows, dim, VECTOR_MAX_ROWS, VECTOR_MAX_DIM);
    f->rows = rows;
    f->dim = (uint32_t)dim;
    f->row_bytes = (size_t)dim * f->width;
    f->data = c.p;
    if (!checked_mul((size_t)rows, f->row_bytes, &bytes) || bytes != cursor_left(&c))
        return cairn_fail(err, CAIRN_EINPUT,
                          "the .npy file has %zu bytes of data where %" PRIu64 " x %" PRIu64
                          " %s need another number: it is cut short or damaged",
                          cursor_left(&c), rows, dim, h.descr);
    snprintf(f->name, sizeof f->name, ".npy of %s", h.descr);
    return CAIRN_OK;
}

/* ---- .fvecs, .bvecs ---- */

static cairn_status open_vecs(vector_file *f, const uint8_t *data, size_t len, bool floats,
                              cairn_error *err)
{
    const char *name = floats ? ".fvecs" : ".bvecs";
    cursor c;

    cursor_init(&c, data, len);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->type = floats ? 'f' : 'u';
    f->width = floats ? 4 : 1;
    uint32_t dim = cursor_u32(&c);
    if (c.failed || dim < 1 || dim > VECTOR_MAX_DIM)
        return cairn_fail(err, CAIRN_EINPUT,
                          "not a %s file: it does not begin with a dimension from 1 "
                          "to %u",
                          name, VECTOR_MAX_DIM);
    f->dim = dim;
    f->skip = 4;
    f->row_bytes = 4 + (size_t)dim * f->width;
    f->data = data;
    if (len % f->row_bytes || len / f->row_bytes > VECTOR_MAX_ROWS)
        return cairn_fail(
            err, CAIRN_EINPUT,
            "the %s file has %zu bytes, no whole number of rows of %u dimensions: it is "
            "cut short or damaged",
            name, len, dim);
    f->rows = len / f->row_bytes;
    return CAIRN_OK;
}

/* ---- all ---- */

static cairn_status open_faiss(vector_file *f, const uint8_t *data, size_t len, cairn_error *err)
{
    cairn_status st = faiss_file_open(&f->faiss, data, len, err);

    if (st)
        return st;
    f->dim = f->faiss->dim;
    f->rows = f->faiss->rows;
    snprintf(f->name, sizeof f->name, "FAISS %s", f->faiss->name);
    return CAIRN_OK;
}

cairn_status vector_file_open(vector_file **out, const void *data, size_t len,
                              vector_file_kind kind, cairn_error *err)
{
    vector_file *f = calloc(1, sizeof *f);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!f)
        return cairn_fail(err, CAIRN_ENOMEM, "vector file");
    f->kind = kind;
    switch (kind) {
    case VECTOR_FILE_NPY:
        st = open_npy(f, data, len, err);
        break;
    case VECTOR_FILE_FVECS:
    case VECTOR_FILE_BVECS:
        st = open_vecs(f, data, len, kind == VECTOR_FILE_FVECS, err);
        break;
    case VECTOR_FILE_FAISS:
        st = open_faiss(f, data, len, err);
        break;
    }
    if (st) {
        vector_file_close(f);
        return st;
    }
    *out = f;
    return CAIRN_OK;
}

void vector_file_close(vector_file *f)
{
    if (!f)
        return;
    faiss_file_close(f->faiss);
    free(f);
}

uint32_t vector_file_dim(const vector_file *f)
{
    return f->dim;
}

uint64_t vector_file_rows(const vector_file *f)
{
    return f->rows;
}

bool vector_file_metric(const vector_file *f, bool *l2)
{
    *l2 = f->faiss && f->faiss->l2;
    return f->faiss != NULL;
}

const char *vector_file_name(const vector_file *f)
{
    return f->name;
}

static float component(const vector_file *f, const uint8_t *at)
{
    uint8_t b[8];
    uint32_t u32;
    uint16_t u16;
    double d;
    float x;

    if (f->type != 'f')
        return f->type == 'u' ? (float)*at : (float)(int8_t)*at;
    for (size_t i = 0; i < f->width; i++)
        b[i] = at[f->swapped ? f->width - 1 - i : i];
    switch (f->width) {
    case 2:
        memcpy(&u16, b, sizeof u16);
        return half_to_float(u16);
    case 4:
        memcpy(&u32, b, sizeof u32);
        memcpy(&x, &u32, sizeof x);
        return x;
    default:
        memcpy(&d, b, sizeof d);
        return (float)d;
    }
}

cairn_status vector_file_next(vector_file *f, float *v, int64_t *id, cairn_error *err)
{
    if (f->at >= f->rows)
        return CAIRN_ENOTFOUND;
    if (f->faiss) {
        f->at++;
        return faiss_file_next(f->faiss, v, id, err);
    }
    const uint8_t *row = f->data + (size_t)f->at * f->row_bytes;
    if (f->skip) {
        uint32_t dim;
        memcpy(&dim, row, sizeof dim);
        if (dim != f->dim)
            return cairn_fail(err, CAIRN_EINPUT,
                              "row %" PRIu64 " has %u dimensions and row 0 has %u", f->at, dim,
                              f->dim);
        row += f->skip;
    }
    if (f->type == 'f' && f->width == 4 && !f->swapped)
        memcpy(v, row, (size_t)f->dim * 4);
    else
        for (uint32_t i = 0; i < f->dim; i++)
            v[i] = component(f, row + i * f->width);
    *id = (int64_t)f->at++;
    return CAIRN_OK;
}

size_t vector_npy_header(char out[VECTOR_NPY_HEADER], uint64_t rows, uint32_t dim)
{
    int n;

    memcpy(out, "\x93NUMPY\1\0", 8);
    memset(out + 8, ' ', VECTOR_NPY_HEADER - 8);
    out[8] = VECTOR_NPY_HEADER - 10;
    out[9] = 0;
    n = snprintf(out + 10, VECTOR_NPY_HEADER - 10,
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRIu64 ", %u), }", rows,
                 dim);
    out[10 + n] = ' ';
    out[VECTOR_NPY_HEADER - 1] = '\n';
    return VECTOR_NPY_HEADER;
}
