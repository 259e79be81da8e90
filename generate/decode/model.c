/* model.c - from a GGUF file to a decoder's weights: every tensor must have exactly the shape that the
 * hyperparameters (model_shape.c) ask for, and one that nothing is done with is refused by its name.
 * Tensor names: llama.cpp's. */
#include "generate/decode/model.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "generate/decode/lora.h"
#include "generate/decode/model_reader.h"

#define MAX_VOCAB (1u << 22)

static cairn_status wrong_shape(const model_reader *r, const tensor *t, size_t cols, size_t rows)
{
    return cairn_fail(r->err, CAIRN_EMODEL,
                      "%s: tensor %s is %llu x %llu, the hyperparameters ask for %zu x %zu",
                      gguf_path(r->g), t->name, (unsigned long long)t->dims[0],
                      (unsigned long long)tensor_rows(t), cols, rows);
}

static cairn_status need_tensor(model_reader *r, const char *name, const tensor **out)
{
    cairn_status st = gguf_need_tensor(r->g, name, out, r->err);

    if (!st)
        r->used[*out - gguf_tensor_at(r->g, 0)] = true;
    return st;
}

/* A tensor that nothing was done with has a part in the arithmetic that is not known here. */
static cairn_status refuse_unused(const model_reader *r)
{
    for (size_t i = 0; i < gguf_tensor_count(r->g); i++) {
        const char *name = gguf_tensor_at(r->g, i)->name;
        if (!r->used[i] && !strstr(name, "rot_embd") && !strstr(name, "rotary_emb"))
            return cairn_fail(r->err, CAIRN_EUNSUPPORTED,
                              "%s: tensor %s is not known in models of architecture %s", gguf_path(r->g), name,
                              r->arch);
    }
    return CAIRN_OK;
}

/* Rows first .. first + n of a tensor of `rows` rows. */
static cairn_status read_rows(model_reader *r, const char *name, size_t cols, size_t rows, size_t first,
                              size_t n, matrix **out)
{
    const tensor *whole;
    tensor part;
    cairn_status st = need_tensor(r, name, &whole);

    if (st)
        return st;
    if (whole->dims[0] != cols || tensor_rows(whole) != rows)
        return wrong_shape(r, whole, cols, rows);
    part = *whole;
    if (n != rows) {
        part.bytes = whole->bytes / rows * n;
        part.data = whole->data + whole->bytes / rows * first;
        part.dims[1] = n;
        part.dims[2] = part.dims[3] = 1;
    }
    st = matrix_plan(out, &part, r->m->heap, r->err);
    if (st) {
        cairn_error_prefix(r->err, "%s", gguf_path(r->g));
        return st;
    }
    if (r->m->n_planned == r->m->cap_planned) {
        size_t cap = 2 * r->m->cap_planned + 64;
        planned_matrix *more = checked_realloc(r->m->planned, cap, sizeof *more);
        if (!more)
            return cairn_fail(r->err, CAIRN_ENOMEM, "tensor %s", name);
        r->m->planned = more;
        r->m->cap_planned = cap;
    }
    r->m->planned[r->m->n_planned++] = (planned_matrix){*out, part};
    r->m->packed_bytes += (*out)->bytes;
    r->m->token_bytes += (*out)->bytes;
    return CAIRN_OK;
}

static cairn_status read_matrix(model_reader *r, const char *name, size_t cols, size_t rows, matrix **out)
{
    return read_rows(r, name, cols, rows, 0, rows, out);
}

/* Packed weights from the cache, or made beside what is computed; of a model in memory, made here. */
static cairn_status fill_matrices(model_reader *r)
{
    decoder_model *m = r->m;
    weight_cache *to_write = NULL;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && !r->o.mapped && i < m->n_planned; i++)
        st = matrix_fill(m->planned[i].m, &m->planned[i].t, m->heap, r->o.pool, r->err);
    if (st || !r->o.mapped)
        return st;
    if (weight_cache_open(&m->cache, r->o.cache, r->g, m->planned, m->n_planned, r->o.pool)) {
        if (weight_cache_was_there(m->cache))
            return CAIRN_OK;
        to_write = m->cache;
    }
    for (size_t i = 0; i < m->n_planned; i++) {
        matrix *x = m->planned[i].m;
        x->from = &m->planned[i].t;
        m->most_strip = x->strip_bytes > m->most_strip ? x->strip_bytes : m->most_strip;
    }
    return packing_start(&m->packing, m->planned, m->n_planned, to_write, r->err);
}

static cairn_status read_vector(model_reader *r, const char *name, size_t n, bool needed, float **out)
{
    const tensor *t = gguf_find_tensor(r->g, name);
    cairn_status st = needed || t ? need_tensor(r, name, &t) : CAIRN_OK;

    if (st || !t)
        return st;
    if (t->dims[0] != n || tensor_rows(t) != 1)
        return wrong_shape(r, t, n, 1);
    *out = checked_aligned(n + 15, sizeof(float));
    if (!*out)
        return cairn_fail(r->err, CAIRN_ENOMEM, "tensor %s", name);
    if (tensor_type_get(t->type)->block_size != 1 || !dequantize_row(t->type, t->data, *out, n))
        return cairn_fail(r->err, CAIRN_EMODEL,
                          "%s: tensor %s has type %s; a vector of floats was "
                          "expected",
                          gguf_path(r->g), name, tensor_type_get(t->type)->name);
    return CAIRN_OK;
}

static bool has_tensor(const model_reader *r, size_t layer, const char *name)
{
    char full[96];

    snprintf(full, sizeof full, "blk.%zu.%s", layer, name);
    return gguf_find_tensor(r->g, full) != NULL;
}

static cairn_status read_layer(model_reader *r, size_t i)
{
    const decoder_shape *s = &r->m->shape;
    decoder_layer *l = &r->m->layers[i];
    const size_t q = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;
    const bool gemma = model_is_gemma(s->arch);
    const bool qwen = s->arch == DECODER_QWEN2, phi = s->arch == DECODER_PHI3;
    const bool qkv = has_tensor(r, i, "attn_qkv.weight");
    const bool head_norms = s->arch == DECODER_GEMMA3 || s->arch == DECODER_QWEN3 || s->norm_after;
    const bool before = !s->norm_after, after = gemma || s->norm_after;
    /* phi3 keeps queries, keys and values in one tensor, as some files of others do, and gate and up in
     * another. */
    const size_t all = q + 2 * kv;
    const struct {
        const char *name;
        size_t n;
        bool needed;
        float **out;
    } vectors[] = {
        {"attn_norm.weight", before ? s->width : 0, before, &l->attn_norm},
        {"ffn_norm.weight", before ? s->width : 0, before, &l->ffn_norm},
        {"post_attention_norm.weight", s->width, after, &l->post_attn_norm},
        {"post_ffw_norm.weight", s->width, after, &l->post_ffn_norm},
        {"attn_q_norm.weight", s->norm_after ? q : s->head_dim, head_norms, &l->q_norm},
        {"attn_k_norm.weight", s->norm_after ? kv : s->head_dim, head_norms, &l->k_norm},
        {"attn_q.bias", q, qwen, &l->q_bias},
        {"attn_k.bias", kv, qwen, &l->k_bias},
        {"attn_v.bias", kv, qwen, &l->v_bias},
        {"attn_output.bias", s->width, false, &l->o_bias},
    };
    const struct {
        const char *name, *fused;
        size_t cols, rows; /* of the tensor of its own */
        size_t all, first; /* rows of the fused one, and where these begin */
        matrix **out;
    } matrices[] = {
        {"attn_q.weight", "attn_qkv.weight", s->width, q, all, 0, &l->q},
        {"attn_k.weight", "attn_qkv.weight", s->width, kv, all, q, &l->k},
        {"attn_v.weight", "attn_qkv.weight", s->width, kv, all, q + kv, &l->v},
        {"attn_output.weight", NULL, q, s->width, 0, 0, &l->o},
        {"ffn_gate.weight", "ffn_up.weight", s->width, s->ff, 2 * s->ff, 0, &l->gate},
        {"ffn_up.weight", "ffn_up.weight", s->width, s->ff, 2 * s->ff, s->ff, &l->up},
        {"ffn_down.weight", NULL, s->ff, s->width, 0, 0, &l->down},
    };
    char name[96];
    cairn_status st = CAIRN_OK;

    l->local = model_is_local(r, i);
    for (size_t j = 0; !st && j < sizeof vectors / sizeof *vectors; j++) {
        snprintf(name, sizeof name, "blk.%zu.%s", i, vectors[j].name);
        st = read_vector(r, name, vectors[j].n, vectors[j].needed, vectors[j].out);
    }
    for (size_t j = 0; !st && j < sizeof matrices / sizeof *matrices; j++) {
        bool fused = matrices[j].fused && (j < 3 ? qkv : phi);
        snprintf(name, sizeof name, "blk.%zu.%s", i, fused ? matrices[j].fused : matrices[j].name);
        st = read_rows(r, name, matrices[j].cols, fused ? matrices[j].all : matrices[j].rows,
                       fused ? matrices[j].first : 0, matrices[j].rows, matrices[j].out);
    }
    return st;
}

/* Two sets of factors, for contexts up to the original length and for longer ones (Ding et al.,
 * LongRoPE, arXiv:2402.13753). */
static cairn_status read_long_rope(model_reader *r)
{
    decoder_model *m = r->m;
    size_t pairs = m->shape.rope_dims / 2;
    cairn_status st =
        model_need_key(r, "rope.scaling.original_context_length", 1, UINT32_MAX, &m->n_ctx_short);

    if (!st && m->rope_factors)
        st = cairn_fail(r->err, CAIRN_EMODEL, "%s: rope_freqs.weight beside rope_factors_long.weight",
                        gguf_path(r->g));
    if (!st)
        st = read_vector(r, "rope_factors_short.weight", pairs, true, &m->rope_factors);
    if (!st)
        st = read_vector(r, "rope_factors_long.weight", pairs, true, &m->long_factors);
    return st;
}

static cairn_status read_ends(model_reader *r)
{
    decoder_shape *s = &r->m->shape;
    decoder_model *m = r->m;
    const tensor *t;
    cairn_status st = need_tensor(r, "token_embd.weight", &t);

    if (st)
        return st;
    s->n_vocab = tensor_rows(t);
    if (t->dims[0] != s->width || s->n_vocab < 1 || s->n_vocab > MAX_VOCAB)
        return cairn_fail(
            r->err, CAIRN_EMODEL,
            "%s: tensor token_embd.weight is %llu x %llu, the hyperparameters ask for "
            "%zu x 1..%u",
            gguf_path(r->g), (unsigned long long)t->dims[0], (unsigned long long)tensor_rows(t),
            s->width, MAX_VOCAB);
    if (!dequantize_supported(t->type))
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: embeddings of type %s cannot be read",
                          gguf_path(r->g), tensor_type_get(t->type)->name);
    m->embedding = t;
    m->embedding_row = t->bytes / s->n_vocab;
    s->tied = !gguf_find_tensor(r->g, "output.weight");
    st = read_vector(r, "output_norm.weight", s->width, true, &m->output_norm);
    if (!st)
        st = read_vector(r, "rope_freqs.weight", s->rope_dims / 2, false, &m->rope_factors);
    if (!st && gguf_find_tensor(r->g, "rope_factors_long.weight"))
        st = read_long_rope(r);
    if (!st && !r->o.no_head)
        st = read_matrix(r, s->tied ? "token_embd.weight" : "output.weight", s->width, s->n_vocab,
                         &m->head);
    return st;
}

cairn_status decoder_model_open(decoder_model **out, const gguf *g,
                                const decoder_model_options *options, cairn_error *err)
{
    decoder_model *m = calloc(1, sizeof *m);
    model_reader r = {.g = g, .m = m, .err = err};
    cairn_status st;

    if (options)
        r.o = *options;

    *out = NULL;
    if (!m)
        return cairn_fail(err, CAIRN_ENOMEM, "model");
    st = weight_heap_create(&m->heap, err);
    if (!st && !(r.used = calloc(gguf_tensor_count(g) + 1, sizeof *r.used)))
        st = cairn_fail(err, CAIRN_ENOMEM, "tensors");
    if (!st)
        st = model_read_arch(&r);
    if (!st)
        st = model_read_shape(&r);
    if (!st) {
        m->layers = calloc(m->shape.n_layers, sizeof *m->layers);
        if (!m->layers)
            st = cairn_fail(err, CAIRN_ENOMEM, "%zu layers", m->shape.n_layers);
    }
    for (size_t i = 0; !st && i < m->shape.n_layers; i++)
        st = read_layer(&r, i);
    if (!st)
        st = read_ends(&r);
    if (!st && !r.o.no_head)
        st = refuse_unused(&r);
    if (!st)
        st = fill_matrices(&r);
    free(r.used);
    if (!st && m->head)
        st = device_take_model(&m->device, m, err);
    if (st) {
        decoder_model_close(m);
        return st;
    }
    *out = m;
    return CAIRN_OK;
}

static void free_layer(decoder_layer *l)
{
    free(l->attn_norm);
    free(l->ffn_norm);
    free(l->post_attn_norm);
    free(l->post_ffn_norm);
    free(l->q_norm);
    free(l->k_norm);
    free(l->q_bias);
    free(l->k_bias);
    free(l->v_bias);
    free(l->o_bias);
}

void decoder_model_close(decoder_model *m)
{
    if (!m)
        return;
    packing_close(m->packing);
    device_drop_model(m->device);
    for (size_t i = 0; m->layers && i < m->shape.n_layers; i++)
        free_layer(&m->layers[i]);
    free(m->layers);
    free(m->output_norm);
    free(m->rope_factors);
    free(m->long_factors);
    weight_cache_close(m->cache);
    free(m->planned);
    lora_destroy(m->lora);
    weight_heap_destroy(m->heap);
    free(m);
}

bool decoder_model_was_cached(const decoder_model *m)
{
    return m->cache && weight_cache_was_there(m->cache);
}

void decoder_model_settle(const decoder_model *m)
{
    packing_wait(m->packing);
}

const decoder_shape *decoder_model_shape(const decoder_model *m)
{
    return &m->shape;
}

size_t decoder_model_bytes(const decoder_model *m)
{
    return m->packed_bytes;
}

size_t decoder_model_token_bytes(const decoder_model *m)
{
    return m->token_bytes;
}

double decoder_model_macs(const decoder_model *m, bool with_head)
{
    const decoder_shape *s = &m->shape;
    double q = (double)(s->n_heads * s->head_dim), kv = (double)(s->n_kv_heads * s->head_dim);
    double width = (double)s->width, layer = width * (2 * q + 2 * kv + 3 * (double)s->ff);

    return layer * (double)s->n_layers + (with_head ? width * (double)s->n_vocab : 0);
}
