/* bert.c - bind the tensors of a model file to the places of a BERT, checking every shape. */
#include "generate/encode/bert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "generate/kernels/kernels.h"

/* Bounds of a configuration. Far above any encoder published, low enough that no product of two of
 * them comes near the limit of a size_t and no table eats the machine. */
#define MAX_HIDDEN    16384
#define MAX_LAYERS    256
#define MAX_FF        65536
#define MAX_POSITIONS 32768
#define MAX_VOCAB     4000000
#define MAX_COPIES    ((size_t)1 << 30) /* bytes of vectors and small tables */

typedef struct binder {
    bert *b;
    const char *path, *prefix;
    const bert_naming *naming;
    bert_find *find;
    cairn_error *err;
} binder;

static bool is_turned(const bert *b, const tensor *t)
{
    return b->onnx && onnx_is_turned(b->onnx, t);
}

/* The tensor prefix + stem + suffix, with `cols` x `rows` elements; *out is NULL when absent and
 * not required. rows 0: any number of rows. A matrix may be turned. */
static cairn_status bind_tensor(const binder *n, const char *stem, const char *suffix, size_t cols,
                                size_t rows, bool required, const tensor **out)
{
    char name[192];
    uint64_t t_cols, t_rows;
    const tensor *t;

    snprintf(name, sizeof name, "%s%s%s", n->prefix, stem, suffix);
    *out = t = n->find(n->b, name);
    if (!t) {
        if (!required)
            return CAIRN_OK;
        return cairn_fail(n->err, CAIRN_EMODEL,
                          "%s: no tensor %s: the file is incomplete or of "
                          "another kind of model",
                          n->path, name);
    }
    t_cols = is_turned(n->b, t) ? tensor_rows(t) : t->dims[0];
    t_rows = is_turned(n->b, t) ? t->dims[0] : tensor_rows(t);
    /* A vector may also be stored as one row, or a table of one row as a vector. */
    if (t_cols != cols || (rows && t_rows != rows) || t_rows == 0)
        return cairn_fail(n->err, CAIRN_EMODEL,
                          "%s: tensor %s has %llu rows of %llu, expected %zu of %zu", n->path, name,
                          (unsigned long long)t_rows, (unsigned long long)t_cols, rows, cols);
    if (!dequantize_supported(t->type))
        return cairn_fail(n->err, CAIRN_EUNSUPPORTED,
                          "%s: tensor %s is of a type that the encoder "
                          "does not read (%d)",
                          n->path, name, (int)t->type);
    return CAIRN_OK;
}

/* The same, copied out as floats. */
static cairn_status bind_floats(const binder *n, const char *stem, const char *suffix, size_t cols,
                                size_t rows, bool required, const float **out, size_t *n_rows)
{
    const tensor *t;
    float *copy;
    size_t row_bytes;
    cairn_status st = bind_tensor(n, stem, suffix, cols, rows, required, &t);

    *out = NULL;
    if (st || !t)
        return st;
    if (n_rows && (*n_rows = (size_t)tensor_rows(t)) > MAX_POSITIONS)
        return cairn_fail(n->err, CAIRN_EMODEL, "%s: tensor %s has too many rows", n->path,
                          t->name);
    copy = arena_calloc(&n->b->arena, (size_t)tensor_rows(t), cols * sizeof *copy);
    if (!copy)
        return cairn_fail(n->err, CAIRN_ENOMEM, "%s: copy of tensor %s", n->path, t->name);
    if (!tensor_bytes_for(t->type, cols, &row_bytes))
        return cairn_fail(n->err, CAIRN_EMODEL,
                          "%s: rows of tensor %s are no whole number of blocks", n->path, t->name);
    for (size_t i = 0; i < tensor_rows(t); i++)
        dequantize_row(t->type, t->data + i * row_bytes, copy + i * cols, cols);
    *out = copy;
    return CAIRN_OK;
}

static cairn_status bind_linear(const binder *n, const char *stem, size_t in, size_t out,
                                bool required, bert_linear *linear)
{
    cairn_status st = bind_tensor(n, stem, n->naming->weight, in, out, required, &linear->w);
    size_t row_bytes;

    if (st || !linear->w)
        return st;
    if (!tensor_bytes_for(linear->w->type, in, &row_bytes))
        return cairn_fail(n->err, CAIRN_EMODEL,
                          "%s: rows of tensor %s are no whole number of blocks", n->path,
                          linear->w->name);
    linear->in = in;
    linear->turned = is_turned(n->b, linear->w);
    linear->out = out ? out : (size_t)(linear->turned ? linear->w->dims[0] : tensor_rows(linear->w));
    if (linear->out > MAX_FF)
        return cairn_fail(n->err, CAIRN_EMODEL, "%s: tensor %s has too many rows", n->path,
                          linear->w->name);
    return bind_floats(n, stem, n->naming->bias, linear->out, 1, true, &linear->bias, NULL);
}

/* One without a bias: it gets zeros. */
static cairn_status bind_project(const binder *n, bert_linear *linear)
{
    bert *b = n->b;
    float *zeros;
    size_t row_bytes;
    cairn_status st = bind_tensor(n, n->naming->project, n->naming->weight, b->embedding, b->hidden, true, &linear->w);

    if (st)
        return st;
    if (!tensor_bytes_for(linear->w->type, b->embedding, &row_bytes))
        return cairn_fail(n->err, CAIRN_EMODEL, "%s: rows of tensor %s are no whole number of blocks", n->path,
                          linear->w->name);
    linear->in = b->embedding;
    linear->out = b->hidden;
    linear->turned = is_turned(b, linear->w);
    linear->bias = zeros = arena_calloc(&b->arena, b->hidden, sizeof *zeros);
    return zeros ? CAIRN_OK : cairn_fail(n->err, CAIRN_ENOMEM, "%s: a bias", n->path);
}

void bert_linear_row(const bert_linear *l, size_t row, float *out)
{
    size_t bytes = 0;

    if (!l->turned) {
        tensor_bytes_for(l->w->type, l->in, &bytes);
        dequantize_row(l->w->type, l->w->data + row * bytes, out, l->in);
        return;
    }
    tensor_bytes_for(l->w->type, 1, &bytes);
    for (size_t i = 0; i < l->in; i++)
        dequantize_row(l->w->type, l->w->data + (i * l->out + row) * bytes, out + i, 1);
}

void bert_linear_block(const bert_linear *l, size_t in, size_t n_in, size_t row, size_t n, float *out)
{
    size_t bytes = 0;

    tensor_bytes_for(l->w->type, 1, &bytes);
    for (size_t i = 0; i < n_in; i++)
        dequantize_row(l->w->type, l->w->data + ((in + i) * l->out + row) * bytes, out + i * n, n);
}

static cairn_status bind_norm(const binder *n, const char *stem, bert_norm *norm)
{
    const char *weight = n->naming->weight, *bias = n->naming->bias;
    cairn_status st =
        bind_floats(n, stem, weight, n->b->hidden, 1, !n->naming->old_weight, &norm->w, NULL);

    if (!st && !norm->w) {
        weight = n->naming->old_weight;
        bias = n->naming->old_bias;
        if (bind_floats(n, stem, weight, n->b->hidden, 1, false, &norm->w, NULL) || !norm->w)
            weight = n->naming->weight; /* for the sentence */
        st = norm->w ? CAIRN_OK
                     : bind_floats(n, stem, weight, n->b->hidden, 1, true, &norm->w, NULL);
    }
    if (!st)
        st = bind_floats(n, stem, bias, n->b->hidden, 1, true, &norm->b, NULL);
    return st;
}

static cairn_status bind_layer(const binder *n, size_t l, bert_layer *layer)
{
    const size_t hidden = n->b->hidden, ff = n->b->ff;
    char stem[128];
    cairn_status st = CAIRN_OK;

    for (int i = 0; i < BERT_LINEARS && !st; i++) {
        snprintf(stem, sizeof stem, n->naming->linear[i], l);
        st = bind_linear(n, stem, i == BERT_FF_OUT ? ff : hidden, i == BERT_FF_IN ? ff : hidden,
                         true, &layer->linear[i]);
    }
    if (st)
        return st;
    snprintf(stem, sizeof stem, n->naming->attention_norm, l);
    st = bind_norm(n, stem, &layer->attention_norm);
    if (st)
        return st;
    snprintf(stem, sizeof stem, n->naming->output_norm, l);
    st = bind_norm(n, stem, &layer->output_norm);
    if (!st && n->naming->pos_key) {
        snprintf(stem, sizeof stem, n->naming->pos_key, l);
        st = bind_linear(n, stem, hidden, hidden, true, &layer->pos_key);
    }
    if (!st && n->naming->pos_query) {
        snprintf(stem, sizeof stem, n->naming->pos_query, l);
        st = bind_linear(n, stem, hidden, hidden, true, &layer->pos_query);
    }
    return st;
}

static cairn_status check_sizes(const bert *b, const char *path, cairn_error *err)
{
    if (!b->hidden || b->hidden > MAX_HIDDEN || !b->n_layers || b->n_layers > MAX_LAYERS ||
        !b->heads || b->hidden % b->heads || !b->ff || b->ff > MAX_FF)
        return cairn_fail(err, CAIRN_EMODEL,
                          "%s: impossible sizes: hidden %zu, layers %zu, heads %zu, ff %zu", path,
                          b->hidden, b->n_layers, b->heads, b->ff);
    if (b->hidden % 32 || b->ff % 32 || b->embedding % 32)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "%s: widths %zu, %zu and %zu: the encoder needs multiples of 32", path,
                          b->hidden, b->ff, b->embedding);
    if (b->embedding > MAX_HIDDEN || b->positions > MAX_POSITIONS || b->relative.span > MAX_POSITIONS)
        return cairn_fail(err, CAIRN_EMODEL,
                          "%s: impossible sizes: width of the embeddings %zu, positions %zu, relative %zu", path,
                          b->embedding, b->positions, b->relative.span);
    if (!(b->eps >= 0 && b->eps < 1))
        return cairn_fail(err, CAIRN_EMODEL, "%s: layer norm epsilon %g", path, (double)b->eps);
    return CAIRN_OK;
}

/* The heads stand beside the model, without its prefix. The pooler alone (plain BertModel files carry one) is
 * no head. */
static cairn_status bind_heads(binder *n)
{
    const char *prefix = n->prefix;
    bert *b = n->b;
    cairn_status st;

    n->prefix = "";
    st = bind_linear(n, n->naming->classifier, b->hidden, 0, false, &b->classifier);
    if (!st && n->naming->lm_dense && !b->onnx) /* the sparse encoder reads that matrix as it lies there */
        st = bind_linear(n, n->naming->lm_dense, b->hidden, b->hidden, false, &b->lm_dense);
    if (!st && b->lm_dense.w)
        st = bind_norm(n, n->naming->lm_norm, &b->lm_norm);
    if (!st && b->lm_dense.w)
        st = bind_floats(n, n->naming->lm_bias, "", b->vocab, 1, true, &b->lm_bias, NULL);
    n->prefix = n->naming->pooler_beside ? "" : prefix;
    if (!st && b->classifier.w)
        st = bind_linear(n, n->naming->pooler, b->hidden, b->hidden, true, &b->pooler);
    return st;
}

/* The tables of what a token is and where it stands, and what they go through. */
static cairn_status bind_embeddings(const binder *n)
{
    const bert_naming *naming = n->naming;
    bert *b = n->b;
    size_t row_bytes;
    cairn_status st = bind_tensor(n, naming->word, "", b->embedding, 0, true, &b->word);

    if (st)
        return st;
    b->vocab = (size_t)tensor_rows(b->word);
    if (tensor_rows(b->word) > MAX_VOCAB || !tensor_bytes_for(b->word->type, b->embedding, &row_bytes))
        return cairn_fail(n->err, CAIRN_EMODEL, "%s: tensor %s: rows of a wrong number or size", n->path,
                          b->word->name);
    if (naming->pos)
        st = bind_floats(n, naming->pos, "", b->embedding, 0, true, &b->pos, &b->positions);
    if (!st && naming->type)
        st = bind_floats(n, naming->type, "", b->embedding, 0, true, &b->type, &b->types);
    if (!st && naming->project)
        st = bind_project(n, &b->project);
    if (!st)
        st = bind_norm(n, naming->embedding_norm, &b->embedding_norm);
    if (!st && naming->relative)
        st = bind_floats(n, naming->relative, "", b->hidden, 2 * b->relative.span, true, &b->relative.table, NULL);
    if (!st && naming->relative_norm)
        st = bind_norm(n, naming->relative_norm, &b->relative.norm);
    return st;
}

cairn_status bert_bind(bert *b, const char *path, const bert_naming *naming, const char *prefix,
                       bert_find *find, cairn_error *err)
{
    binder n = {b, path, prefix, naming, find, err};
    cairn_status st;

    b->embedding = b->embedding ? b->embedding : b->hidden;
    b->terms = b->terms ? b->terms : 1;
    st = check_sizes(b, path, err);
    if (!st)
        st = bind_embeddings(&n);
    if (st)
        return st;
    b->layers = calloc(b->n_layers, sizeof *b->layers);
    if (!b->layers)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: layer table", path);
    for (size_t l = 0; l < b->n_layers && !st; l++)
        st = bind_layer(&n, l, &b->layers[l]);
    return st || !naming->pooler ? st : bind_heads(&n);
}

/* The last part of a path, without a model file's extension. */
static char *name_of(const char *path)
{
    static const char *const extension[] = {".gguf", ".bin", ".safetensors"};
    size_t end = strlen(path), start;

    while (end > 1 && path[end - 1] == '/')
        end--;
    for (start = end; start && path[start - 1] != '/'; start--)
        ;
    for (size_t i = 0; i < sizeof extension / sizeof *extension; i++) {
        size_t n = strlen(extension[i]);
        if (end - start > n && !memcmp(path + end - n, extension[i], n)) {
            end -= n;
            break;
        }
    }
    return strndup(path + start, end - start);
}

/* As the model card of multilingual-e5-large-instruct has it for web search; documents get nothing there. */
#define E5_TASK \
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "

/* Models whose files do not say all about themselves, by a part of their name. */
static const struct {
    const char *part;
    size_t max_tokens; /* 0: as the positions allow */
    bool cls;
    const char *query_prefix, *passage_prefix; /* NULL: none */
} known[] = {
    {"minilm-l", 256, false, NULL, NULL}, /* sentence-transformers' own setting for L6 and L12 */
    {"e5-large-instruct", 0, false, E5_TASK, ""},
    {"e5-", 0, false, "query: ", "passage: "},
    {"bge-", 0, true, NULL, NULL},
};

static bool contains(const char *name, const char *part)
{
    for (; *name; name++)
        if (!strncasecmp(name, part, strlen(part)))
            return true;
    return false;
}

static void apply_known(bert *b)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!contains(b->name, known[i].part))
            continue;
        if (known[i].max_tokens)
            b->max_tokens = known[i].max_tokens;
        if (known[i].cls)
            b->pooling = BERT_POOL_CLS;
        if (known[i].query_prefix) {
            b->query_prefix = known[i].query_prefix;
            b->passage_prefix = known[i].passage_prefix;
        }
        return;
    }
}

static cairn_status read_magic(const char *path, char magic[4], cairn_error *err)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    if (!f)
        return cairn_fail(err, CAIRN_EMODEL, "%s: cannot be read", path);
    n = fread(magic, 1, 4, f);
    fclose(f);
    if (n != 4)
        return cairn_fail(err, CAIRN_EMODEL, "%s: too short to be a model", path);
    return CAIRN_OK;
}

static cairn_status open_any(bert *b, const char *path, cairn_error *err)
{
    struct stat sb;
    char magic[4];
    cairn_status st;

    if (stat(path, &sb))
        return cairn_fail(err, CAIRN_EMODEL,
                          "%s: no such model; scripts/setup fetches the default ones", path);
    if (S_ISDIR(sb.st_mode)) {
        static const char *const inside[] = {"e5-small-q4.bin", "model.gguf"};
        char file[4096];
        for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
            snprintf(file, sizeof file, "%s/%s", path, inside[i]);
            if (!stat(file, &sb))
                return i ? bert_open_gguf(b, file, err) : bert_open_e5s1(b, file, err);
        }
        return bert_open_folder(b, path, err);
    }
    if (!S_ISREG(sb.st_mode))
        return cairn_fail(err, CAIRN_EMODEL, "%s: neither a folder nor a file", path);
    st = read_magic(path, magic, err);
    if (st)
        return st;
    if (!memcmp(magic, "GGUF", 4))
        return bert_open_gguf(b, path, err);
    if (!memcmp(magic, "E5S1", 4))
        return bert_open_e5s1(b, path, err);
    return cairn_fail(err, CAIRN_EUNSUPPORTED,
                      "%s: not a GGUF or E5S1 file; give the folder of a safetensors model", path);
}

cairn_status bert_open(bert **out, const char *path, cairn_error *err)
{
    cairn_status st;
    bert *b = calloc(1, sizeof *b);

    *out = NULL;
    if (!b)
        return cairn_fail(err, CAIRN_ENOMEM, "model handle");
    arena_init(&b->arena, MAX_COPIES);
    b->query_prefix = b->passage_prefix = "";
    b->name = name_of(path);
    if (!b->name) {
        bert_close(b);
        return cairn_fail(err, CAIRN_ENOMEM, "model name");
    }
    apply_known(b); /* what the files say comes after and wins */
    st = open_any(b, path, err);
    if (!st && (!b->max_tokens || b->max_tokens > b->positions))
        b->max_tokens = b->positions;
    if (!st && b->max_tokens < 8)
        st = cairn_fail(err, CAIRN_EMODEL, "%s: room for %zu tokens only", path, b->max_tokens);
    if (!st && tokenizer_vocab_size(b->tokenizer) > b->vocab)
        st = cairn_fail(err, CAIRN_EMODEL,
                        "%s: the tokenizer has %zu pieces, tensor %s only %zu rows", path,
                        tokenizer_vocab_size(b->tokenizer), b->word->name, b->vocab);
    if (!st && (tokenizer_bos(b->tokenizer) < 0 || tokenizer_eos(b->tokenizer) < 0))
        st = cairn_fail(err, CAIRN_EMODEL,
                        "%s: the tokenizer names no begin and end token (post_processor of a "
                        "tokenizer.json: one in front of a text, one behind it, one or two between "
                        "the texts of a pair)",
                        path);
    if (st) {
        bert_close(b);
        return st;
    }
    *out = b;
    return CAIRN_OK;
}

void bert_close(bert *b)
{
    if (!b)
        return;
    tokenizer_destroy(b->tokenizer);
    safetensors_close(b->safetensors);
    onnx_close(b->onnx);
    gguf_close(b->gguf);
    e5s1_close(b->e5s1);
    arena_clear(&b->arena);
    free(b->layers);
    free(b->name);
    free(b);
}
