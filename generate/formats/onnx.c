/* onnx.c - see onnx.h.
 *
 * What is read of the messages, by field number:
 *
 *   ModelProto   7 graph
 *   GraphProto   1 node (repeated), 5 initializer (repeated)
 *   NodeProto    1 input (repeated), 2 output (repeated), 4 op_type, 5 attribute (repeated), 7 domain
 *   Attribute    1 name, 3 i
 *   TensorProto  1 dims (repeated, packed or not), 2 data_type, 4 float_data (packed), 8 name, 9 raw_data,
 *                14 data_location (1: in another file)
 *
 * Everything else is stepped over by its wire type. Values stay in place: raw_data, and float_data in its packed
 * form, are little-endian arrays already. The file is gone through twice: once for the values, once for the nodes
 * that tell which matrix is which. */
#include "generate/formats/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/cursor.h"
#include "generate/formats/mapped_file.h"
#include "generate/formats/name_table.h"

#define MAX_NAMES ((size_t)64 << 20)
#define MAX_VALUES 1000000
#define MAX_NAME  1000

struct onnx {
    mapped_file file;
    char *path;
    arena names;
    tensor *tensors;
    bool *turned;
    size_t n, cap;
    size_t most; /* values and second names */
    name_table by_name;
    cairn_error *err; /* while it is opened */
};

/* ---- the encoding ---- */

enum { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 5 };

typedef struct field {
    uint32_t number, wire;
    uint64_t value;      /* of a varint */
    const uint8_t *data; /* of bytes, 64 and 32 bits */
    size_t len;
} field;

/* The next field of a message; false at its end, or where it is broken (c->failed). */
static bool next_field(cursor *c, field *f)
{
    uint64_t key;

    if (!cursor_left(c))
        return false;
    key = cursor_varint(c);
    *f = (field){.number = (uint32_t)(key >> 3), .wire = key & 7};
    if (key >> 32 || !f->number)
        c->failed = true;
    switch (f->wire) {
    case WIRE_VARINT:
        f->value = cursor_varint(c);
        break;
    case WIRE_64:
    case WIRE_32:
        f->len = f->wire == WIRE_64 ? 8 : 4;
        f->data = cursor_take(c, f->len);
        break;
    case WIRE_BYTES: {
        const uint64_t len = cursor_varint(c);
        f->data = cursor_take(c, len);
        f->len = (size_t)len;
        break;
    }
    default:
        c->failed = true;
    }
    return !c->failed;
}

static bool is_bytes(const field *f, uint32_t number)
{
    return f->number == number && f->wire == WIRE_BYTES;
}

static bool equals(const field *f, const char *text)
{
    return f->len == strlen(text) && !memcmp(f->data, text, f->len);
}

static cairn_status broken(const onnx *o, const cursor *c)
{
    return cairn_fail(o->err, CAIRN_EMODEL,
                      "%s: byte %zu: no ONNX model, or it is cut short or damaged; fetch it again", o->path,
                      (size_t)(c->p - o->file.data));
}

/* ---- values ---- */

typedef struct value {
    uint64_t dims[TENSOR_MAX_DIMS]; /* slowest first, as in the file */
    size_t n_dims;
    uint64_t type;
    field name, raw, floats;
    bool outside;
} value;

static void add_dim(value *v, uint64_t dim)
{
    if (v->n_dims < TENSOR_MAX_DIMS)
        v->dims[v->n_dims] = dim;
    v->n_dims++;
}

static bool read_value(cursor *c, value *v)
{
    field f;

    *v = (value){0};
    while (next_field(c, &f)) {
        if (f.number == 1 && f.wire == WIRE_VARINT) {
            add_dim(v, f.value);
        } else if (is_bytes(&f, 1)) {
            cursor dims;
            cursor_init(&dims, f.data, f.len);
            while (cursor_left(&dims) && !dims.failed)
                add_dim(v, cursor_varint(&dims));
            c->failed = c->failed || dims.failed;
        } else if (f.number == 2 && f.wire == WIRE_VARINT) {
            v->type = f.value;
        } else if (f.number == 14 && f.wire == WIRE_VARINT) {
            v->outside = f.value == 1;
        } else if (is_bytes(&f, 4)) {
            v->floats = f;
        } else if (is_bytes(&f, 8)) {
            v->name = f;
        } else if (is_bytes(&f, 9)) {
            v->raw = f;
        }
    }
    return !c->failed;
}

/* TensorProto.DataType; false for what no weight is made of. */
static bool type_of(uint64_t type, tensor_type *out)
{
    static const struct {
        uint64_t onnx;
        tensor_type type;
    } types[] = {{1, TENSOR_F32}, {3, TENSOR_I8},   {5, TENSOR_I16},  {6, TENSOR_I32},
                 {7, TENSOR_I64}, {10, TENSOR_F16}, {11, TENSOR_F64}, {16, TENSOR_BF16}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].onnx == type) {
            *out = types[i].type;
            return true;
        }
    return false;
}

static cairn_status add_tensor(onnx *o, const field *name, const tensor *t, bool turned)
{
    tensor *tensors;
    bool *flags;
    size_t cap = o->cap;

    if (o->n == MAX_VALUES || name->len > MAX_NAME)
        return cairn_fail(o->err, CAIRN_EMODEL, "%s: more than %d values, or a name of more than %d bytes", o->path,
                          MAX_VALUES, MAX_NAME);
    tensors = checked_room(o->tensors, o->n, &cap, sizeof *tensors);
    if (!tensors)
        return cairn_fail(o->err, CAIRN_ENOMEM, "%s: tensors", o->path);
    o->tensors = tensors;
    flags = checked_realloc(o->turned, cap, sizeof *flags);
    if (!flags)
        return cairn_fail(o->err, CAIRN_ENOMEM, "%s: tensors", o->path);
    o->turned = flags;
    o->cap = cap;
    o->tensors[o->n] = *t;
    o->tensors[o->n].name = arena_strndup(&o->names, (const char *)name->data, name->len);
    o->turned[o->n] = turned;
    if (!o->tensors[o->n].name)
        return cairn_fail(o->err, CAIRN_ENOMEM, "%s: names", o->path);
    o->n++;
    return CAIRN_OK;
}

/* A value that can be a weight becomes a tensor. */
static cairn_status take_value(void *ctx, cursor *c)
{
    onnx *o = ctx;
    tensor t = {.n_dims = 1, .dims = {1, 1, 1, 1}};
    size_t elements = 1;
    field bytes;
    value v;

    if (!read_value(c, &v))
        return broken(o, c);
    if (!v.name.len || !v.n_dims || v.n_dims > TENSOR_MAX_DIMS || !type_of(v.type, &t.type))
        return CAIRN_OK;
    if (v.outside)
        return cairn_fail(o->err, CAIRN_EUNSUPPORTED,
                          "%s: the weights lie in a file beside it (%.*s); take a model.onnx that holds them itself, "
                          "or model.safetensors", o->path, (int)(v.name.len < 200 ? v.name.len : 200),
                          (const char *)v.name.data);
    t.n_dims = (uint32_t)v.n_dims;
    for (size_t d = 0; d < v.n_dims; d++) {
        t.dims[v.n_dims - 1 - d] = v.dims[d];
        if (v.dims[d] > SIZE_MAX || !checked_mul(elements, (size_t)v.dims[d], &elements))
            elements = 0;
    }
    if (!elements)
        return CAIRN_OK; /* an empty value, which no layer has */
    bytes = v.raw.len || t.type != TENSOR_F32 ? v.raw : v.floats;
    if (!bytes.len && t.type != TENSOR_F32)
        return CAIRN_OK; /* in a field of numbers that only small values use */
    if (!tensor_bytes_for(t.type, elements, &t.bytes) || t.bytes != bytes.len)
        return cairn_fail(o->err, CAIRN_EMODEL, "%s: tensor %.*s holds %zu bytes, its shape needs %zu", o->path,
                          (int)(v.name.len < 200 ? v.name.len : 200), (const char *)v.name.data, bytes.len, t.bytes);
    t.data = bytes.data;
    return add_tensor(o, &v.name, &t, false);
}

/* ---- nodes ---- */

#define MOST_INPUTS 4

typedef struct node {
    field input[MOST_INPUTS], output, op, domain;
    size_t n_inputs;
    bool turned_by; /* Gemm's transB */
} node;

static bool read_attribute(const field *a, node *n)
{
    bool is_trans_b = false;
    uint64_t value = 0;
    cursor c;
    field f;

    cursor_init(&c, a->data, a->len);
    while (next_field(&c, &f)) {
        is_trans_b = is_trans_b || (is_bytes(&f, 1) && equals(&f, "transB"));
        if (f.number == 3 && f.wire == WIRE_VARINT)
            value = f.value;
    }
    n->turned_by = n->turned_by || (is_trans_b && value);
    return !c.failed;
}

static bool read_node(cursor *c, node *n)
{
    field f;

    *n = (node){0};
    while (next_field(c, &f)) {
        if (is_bytes(&f, 1)) {
            if (n->n_inputs < MOST_INPUTS)
                n->input[n->n_inputs++] = f;
        } else if (is_bytes(&f, 2) && !n->output.data) {
            n->output = f;
        } else if (is_bytes(&f, 4)) {
            n->op = f;
        } else if (is_bytes(&f, 5)) {
            c->failed = c->failed || !read_attribute(&f, n);
        } else if (is_bytes(&f, 7)) {
            n->domain = f;
        }
    }
    return !c->failed;
}

static const tensor *value_of(const onnx *o, const field *name)
{
    char text[MAX_NAME + 1];

    if (!name->len || name->len > MAX_NAME)
        return NULL;
    memcpy(text, name->data, name->len);
    text[name->len] = '\0';
    return onnx_find(o, text);
}

/* What was multiplied by a matrix, until its sum with a bias comes by. */
typedef struct product {
    field output;  /* empty: none */
    size_t matrix; /* its place among the tensors */
} product;

#define PENDING 64 /* a layer has seven; an exporter writes the sum right behind the product */

typedef struct naming {
    onnx *o;
    product pending[PENDING];
    size_t next;
} naming;

/* matrix is the weight of the layer whose bias is `bias`: "STEM.bias" gives it the name "STEM.weight". */
static cairn_status name_matrix(onnx *o, const tensor *matrix, const tensor *bias)
{
    const size_t len = strlen(bias->name);
    char text[MAX_NAME + 8];
    field name = {.data = (const uint8_t *)text};
    const tensor t = *matrix; /* the array may move */

    if (len < 6 || len > MAX_NAME || strcmp(bias->name + len - 5, ".bias") || o->n == o->most)
        return CAIRN_OK;
    name.len = (size_t)snprintf(text, sizeof text, "%.*s.weight", (int)(len - 5), bias->name);
    if (onnx_find(o, text))
        return CAIRN_OK;
    cairn_status st = add_tensor(o, &name, &t, true);
    if (!st)
        (void)name_table_add(&o->by_name, o->tensors[o->n - 1].name, (uint32_t)(o->n - 1));
    return st;
}

static void take_product(naming *x, const node *n)
{
    const tensor *matrix = n->n_inputs >= 2 ? value_of(x->o, &n->input[1]) : NULL;

    if (matrix && matrix->n_dims == 2)
        x->pending[x->next++ % PENDING] = (product){n->output, (size_t)(matrix - x->o->tensors)};
}

static cairn_status take_sum(naming *x, const node *n)
{
    for (size_t i = 0; i < 2 && n->n_inputs == 2; i++) {
        const tensor *bias = value_of(x->o, &n->input[i]);
        const field *other = &n->input[1 - i];
        for (size_t p = 0; bias && other->len && p < PENDING; p++) {
            const product *made = &x->pending[p];
            if (made->output.len == other->len && !memcmp(made->output.data, other->data, other->len))
                return name_matrix(x->o, &x->o->tensors[made->matrix], bias);
        }
    }
    return CAIRN_OK;
}

/* Layers that an optimiser has made of several, or whose weights it has rounded. */
static bool is_remade(const node *n)
{
    static const char *const ops[] = {"MatMulInteger", "QLinearMatMul", "DequantizeLinear", "DynamicQuantizeLinear"};

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (equals(&n->op, ops[i]))
            return true;
    return n->domain.len && !equals(&n->domain, "ai.onnx");
}

static cairn_status take_node(void *ctx, cursor *c)
{
    naming *x = ctx;
    node n;

    if (!read_node(c, &n))
        return broken(x->o, c);
    if (is_remade(&n))
        return cairn_fail(x->o->err, CAIRN_EUNSUPPORTED,
                          "%s: its layers were quantised or fused (%.*s); take the model.onnx as it was exported, in "
                          "float", x->o->path, (int)(n.op.len < 60 ? n.op.len : 60), (const char *)n.op.data);
    if (equals(&n.op, "MatMul"))
        take_product(x, &n);
    if (equals(&n.op, "Add"))
        return take_sum(x, &n);
    if (equals(&n.op, "Gemm") && n.n_inputs == 3 && !n.turned_by) {
        const tensor *matrix = value_of(x->o, &n.input[1]), *bias = value_of(x->o, &n.input[2]);
        if (matrix && bias && matrix->n_dims == 2)
            return name_matrix(x->o, matrix, bias);
    }
    return CAIRN_OK;
}

/* ---- the file ---- */

static cairn_status index_names(onnx *o)
{
    o->most = 2 * o->n; /* each matrix may get a second name */
    if (!name_table_init(&o->by_name, o->most))
        return cairn_fail(o->err, CAIRN_ENOMEM, "%s: tensors", o->path);
    for (size_t i = 0; i < o->n; i++)
        if (!name_table_add(&o->by_name, o->tensors[i].name, (uint32_t)i))
            return cairn_fail(o->err, CAIRN_EMODEL, "%s: tensor %s is there twice", o->path, o->tensors[i].name);
    return CAIRN_OK;
}

/* Hand every field `number` of the graph to `take`. */
static cairn_status each(onnx *o, const field *graph, uint32_t number,
                         cairn_status (*take)(void *ctx, cursor *c), void *ctx)
{
    cairn_status st = CAIRN_OK;
    cursor c, message;
    field f;

    cursor_init(&c, graph->data, graph->len);
    while (!st && next_field(&c, &f)) {
        if (!is_bytes(&f, number))
            continue;
        cursor_init(&message, f.data, f.len);
        st = take(ctx, &message);
    }
    return !st && c.failed ? broken(o, &c) : st;
}

static cairn_status parse(onnx *o)
{
    naming x = {.o = o};
    field f, graph = {0};
    cairn_status st;
    cursor c;

    cursor_init(&c, o->file.data, o->file.len);
    while (next_field(&c, &f))
        if (is_bytes(&f, 7))
            graph = f;
    if (c.failed || !graph.len)
        return broken(o, &c);
    st = each(o, &graph, 5, take_value, o);
    if (!st)
        st = index_names(o);
    return st ? st : each(o, &graph, 1, take_node, &x);
}

static cairn_status open_mapped(onnx **out, mapped_file file, const char *name, cairn_error *err)
{
    onnx *o = calloc(1, sizeof *o);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!o) {
        mapped_file_close(&file);
        return cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    }
    arena_init(&o->names, MAX_NAMES);
    o->file = file;
    o->err = err;
    o->path = strdup(name);
    st = o->path ? parse(o) : cairn_fail(err, CAIRN_ENOMEM, "%s: handle", name);
    o->err = NULL;
    if (st) {
        onnx_close(o);
        return st;
    }
    *out = o;
    return CAIRN_OK;
}

cairn_status onnx_open(onnx **out, const char *path, cairn_error *err)
{
    mapped_file file;
    cairn_status st = mapped_file_open(&file, path, err);

    *out = NULL;
    return st ? st : open_mapped(out, file, path, err);
}

cairn_status onnx_open_memory(onnx **out, const void *data, size_t len, const char *name, cairn_error *err)
{
    const mapped_file file = {.data = data, .len = len};

    return open_mapped(out, file, name, err);
}

void onnx_close(onnx *o)
{
    if (!o)
        return;
    name_table_clear(&o->by_name);
    arena_clear(&o->names);
    free(o->tensors);
    free(o->turned);
    free(o->path);
    mapped_file_close(&o->file);
    free(o);
}

size_t onnx_count(const onnx *o)
{
    return o->n;
}

const tensor *onnx_find(const onnx *o, const char *name)
{
    uint32_t i;

    return name_table_find(&o->by_name, name, &i) ? &o->tensors[i] : NULL;
}

bool onnx_is_turned(const onnx *o, const tensor *t)
{
    return o->turned[t - o->tensors];
}
