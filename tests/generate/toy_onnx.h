/* toy_onnx.h - for tests: a toy_bert as an ONNX file, with the names and the turned matrices that exporters write,
 * and just enough of the Protocol Buffers encoding to write it. */
#ifndef CAIRN_TESTS_GENERATE_TOY_ONNX_H
#define CAIRN_TESTS_GENERATE_TOY_ONNX_H

#include "tests/generate/toy_bert.h"

static void pb_bytes(bytes *b, uint32_t field, const void *data, size_t len)
{
    bytes_append_varint(b, field << 3 | 2);
    bytes_append_varint(b, len);
    bytes_append(b, data, len);
}

static void pb_text(bytes *b, uint32_t field, const char *text)
{
    pb_bytes(b, field, text, strlen(text));
}

static void pb_number(bytes *b, uint32_t field, uint64_t v)
{
    bytes_append_varint(b, field << 3);
    bytes_append_varint(b, v);
}

/* How a matrix is stored and what multiplies by it. */
typedef enum onnx_kind {
    ONNX_MATMUL,      /* turned and without a name, MatMul and Add */
    ONNX_GEMM,        /* turned and without a name, Gemm */
    ONNX_GEMM_TURNING /* as it is in the model, by its name, Gemm with transB */
} onnx_kind;

typedef struct onnx_shape {
    onnx_kind kind;
    bool swapped_sum;   /* Add(bias, product) */
    bool packed_dims;   /* one field for all dimensions */
    bool float_data;    /* values as a list of floats instead of raw bytes */
    bool outside;       /* data_location 1 */
    const char *op;     /* one more node of this kind */
    const char *domain; /* and of this domain */
} onnx_shape;

static void onnx_value(bytes *graph, const onnx_shape *s, const char *name, const size_t *dims, size_t n_dims,
                       tensor_type type, const void *data, size_t len)
{
    bytes t, d;

    bytes_init(&t, 1 << 26);
    bytes_init(&d, 1 << 10);
    for (size_t i = 0; i < n_dims; i++) {
        if (s->packed_dims)
            bytes_append_varint(&d, dims[i]);
        else
            pb_number(&t, 1, dims[i]);
    }
    if (s->packed_dims)
        pb_bytes(&t, 1, d.data, d.len);
    pb_number(&t, 2, type == TENSOR_F16 ? 10 : type == TENSOR_BF16 ? 16 : 1);
    pb_text(&t, 8, name);
    pb_bytes(&t, s->float_data ? 4 : 9, data, len);
    if (s->outside)
        pb_number(&t, 14, 1);
    pb_bytes(graph, 5, t.data, t.len);
    bytes_clear(&t);
    bytes_clear(&d);
}

static void onnx_node(bytes *graph, const char *op, const char *const input[3], const char *output, bool trans_b,
                      const char *domain)
{
    bytes n, a;

    bytes_init(&n, 1 << 16);
    bytes_init(&a, 1 << 10);
    for (size_t i = 0; i < 3 && input[i]; i++)
        pb_text(&n, 1, input[i]);
    pb_text(&n, 2, output);
    pb_text(&n, 3, "node");
    pb_text(&n, 4, op);
    if (trans_b) {
        pb_text(&a, 1, "transB");
        pb_number(&a, 3, 1);
        pb_number(&a, 20, 2);
        pb_bytes(&n, 5, a.data, a.len);
    }
    if (domain)
        pb_text(&n, 7, domain);
    pb_bytes(graph, 1, n.data, n.len);
    bytes_clear(&n);
    bytes_clear(&a);
}

/* The matrix of a layer, with the nodes that use it. */
static void onnx_layer(bytes *graph, const onnx_shape *s, const toy_tensor *w, size_t number)
{
    const size_t size = w->bytes / (w->rows * w->cols), dims[2] = {w->cols, w->rows}, as_is[2] = {w->rows, w->cols};
    char name[64], product[64], sum[64], bias[96];
    uint8_t *turned = malloc(w->bytes);

    snprintf(name, sizeof name, "onnx::MatMul_%zu", 1000 + number);
    snprintf(product, sizeof product, "/product_%zu", number);
    snprintf(sum, sizeof sum, "/sum_%zu", number);
    snprintf(bias, sizeof bias, "%.*s.bias", (int)(strlen(w->name) - strlen(".weight")), w->name);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++)
            memcpy(turned + (j * w->rows + i) * size, w->raw + (i * w->cols + j) * size, size);
    if (s->kind == ONNX_GEMM_TURNING) {
        onnx_value(graph, s, w->name, as_is, 2, w->type, w->raw, w->bytes);
        onnx_node(graph, "Gemm", (const char *[3]){"x", w->name, bias}, sum, true, NULL);
    } else {
        onnx_value(graph, s, name, dims, 2, w->type, turned, w->bytes);
        if (s->kind == ONNX_GEMM) {
            onnx_node(graph, "Gemm", (const char *[3]){"x", name, bias}, sum, false, NULL);
        } else {
            onnx_node(graph, "MatMul", (const char *[3]){"x", name, NULL}, product, false, NULL);
            onnx_node(graph, "Add", (const char *[3]){s->swapped_sum ? bias : product, s->swapped_sum ? product : bias, NULL},
                      sum, false, NULL);
        }
    }
    free(turned);
}

static bool onnx_is_layer(const toy_tensor *t)
{
    const size_t len = strlen(t->name);

    return t->rows && len > 7 && !strcmp(t->name + len - 7, ".weight") && !strstr(t->name, "embeddings.");
}

/* The file's bytes, to be cleared. */
static void toy_onnx(const toy *y, const onnx_shape *s, bytes *file)
{
    bytes graph;

    bytes_init(&graph, 1 << 28);
    bytes_init(file, 1 << 28);
    for (size_t i = 0; i < y->n; i++) {
        const toy_tensor *t = &y->t[i];
        const size_t dims[2] = {t->rows ? t->rows : t->cols, t->cols};
        if (y->leave_out && !strcmp(y->leave_out, t->name))
            continue;
        if (onnx_is_layer(t))
            onnx_layer(&graph, s, t, i);
        else
            onnx_value(&graph, s, t->name, dims, t->rows ? 2 : 1, t->type, t->raw, t->bytes);
    }
    if (s->op)
        onnx_node(&graph, s->op, (const char *[3]){"x", NULL, NULL}, "y", false, s->domain);
    pb_number(file, 1, 8); /* ir_version */
    pb_text(file, 2, "toy");
    pb_bytes(file, 7, graph.data, graph.len);
    bytes_clear(&graph);
}

#endif
