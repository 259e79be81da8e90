/* model.c - from a GGUF file to a decoder's weights: hyperparameters, checks, repacking.
 *
 * The file is foreign. Every hyperparameter has a range, every tensor must have exactly the shape
 * that the hyperparameters ask for, and what this build does not implement (experts, other rope
 * scalings, soft caps) is refused by name instead of being computed wrongly.
 *
 * What differs between the architectures:
 *
 *               llama            qwen2          gemma3
 *   rope        pairs (2i,2i+1)  halves         halves; local layers have a base of their own
 *   biases      where present    q, k, v        none
 *   norms       before           before         before and after, and on each query and key head
 *   window      none             none           512 on 5 of 6 layers
 *   embedding   as is            as is          times sqrt(width)
 *   activation  SiLU             SiLU           GELU (tanh)
 *
 * Tensor names and keys: ggml's docs/gguf.md and llama.cpp's tensor naming. */
#include "generate/decode/model.h"
#include "generate/decode/lora.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

#define MAX_LAYERS   1024
#define MAX_WIDTH    (1u << 17)
#define MAX_FF       (1u << 20)
#define MAX_HEADS    1024
#define MAX_HEAD_DIM 1024
#define MAX_VOCAB    (1u << 22)

typedef struct reader {
    const gguf *g;
    const char *arch;
    decoder_model_options o;
    decoder_model *m;
    const gguf_kv *local_layers; /* a truth value a layer, or NULL */
    bool *used;                  /* [tensors] */
    cairn_error *err;
} reader;

/* A number; or one for each layer, which must be the same. */
static cairn_status need_number(const reader *r, const char *key, uint32_t *out)
{
    const gguf_kv *kv = gguf_find_kv(r->g, key);
    int64_t first;

    if (!kv || kv->type != GGUF_ARRAY || !kv->n || kv->elem_type == GGUF_STRING)
        return gguf_need_u32(r->g, key, out, r->err);
    first = gguf_array_i64(kv, 0);
    for (size_t i = 1; i < kv->n; i++)
        if (gguf_array_i64(kv, i) != first)
            return cairn_fail(r->err, CAIRN_EUNSUPPORTED, "%s: %s differs between layers, which is not supported",
                              gguf_path(r->g), key);
    if (first < 0 || first > UINT32_MAX)
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: %s is %lld", gguf_path(r->g), key, (long long)first);
    *out = (uint32_t)first;
    return CAIRN_OK;
}

static cairn_status need_key(const reader *r, const char *name, uint32_t least, uint32_t most,
                             size_t *out)
{
    char key[96];
    uint32_t v;
    cairn_status st;

    snprintf(key, sizeof key, "%s.%s", r->arch, name);
    st = need_number(r, key, &v);
    if (st)
        return st;
    if (v < least || v > most)
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: %s is %u, outside %u..%u", gguf_path(r->g),
                          key, v, least, most);
    *out = v;
    return CAIRN_OK;
}

static cairn_status maybe_key(const reader *r, const char *name, uint32_t least, uint32_t most,
                              size_t absent, size_t *out)
{
    char key[96];

    snprintf(key, sizeof key, "%s.%s", r->arch, name);
    *out = absent;
    return gguf_find_kv(r->g, key) ? need_key(r, name, least, most, out) : CAIRN_OK;
}

/* A number within [least, most]; NaN is outside every range. */
static cairn_status float_key(const reader *r, const char *name, float least, float most,
                              const float *absent, float *out)
{
    char key[96];
    cairn_status st;

    snprintf(key, sizeof key, "%s.%s", r->arch, name);
    if (absent && !gguf_find_kv(r->g, key)) {
        *out = *absent;
        return CAIRN_OK;
    }
    st = gguf_need_f32(r->g, key, out, r->err);
    if (st)
        return st;
    if (!(*out >= least && *out <= most))
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: %s is %g, outside %g..%g", gguf_path(r->g),
                          key, (double)*out, (double)least, (double)most);
    return CAIRN_OK;
}

static cairn_status read_arch(reader *r)
{
    static const struct {
        const char *name;
        decoder_arch arch;
    } known[] = {{"llama", DECODER_LLAMA},   {"qwen2", DECODER_QWEN2},
                 {"gemma3", DECODER_GEMMA3}, {"qwen3", DECODER_QWEN3},
                 {"gemma2", DECODER_GEMMA2}, {"phi3", DECODER_PHI3},
                 {"granite", DECODER_GRANITE}};
    gguf_string s;
    cairn_status st = gguf_need_string(r->g, "general.architecture", &s, r->err);

    if (st)
        return st;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (gguf_string_is(s, known[i].name)) {
            r->m->shape.arch = known[i].arch;
            r->m->shape.arch_name = r->arch = known[i].name;
            return CAIRN_OK;
        }
    return cairn_fail(r->err, CAIRN_EUNSUPPORTED,
                      "%s: architecture %.*s is not one of llama, qwen2, qwen3, gemma2, gemma3, phi3, "
                      "granite", gguf_path(r->g), (int)(s.len < 40 ? s.len : 40), s.data);
}

/* The pair that turns `turns` times over n_ctx positions. */
static float yarn_pair(const decoder_shape *s, float n_ctx, float turns)
{
    return (float)s->rope_dims * logf(n_ctx / (turns * 2.0f * (float)M_PI)) /
           (2.0f * logf(s->rope_base));
}

static cairn_status read_yarn(reader *r, float factor)
{
    decoder_shape *s = &r->m->shape;
    const float fast = 32.0f, slow = 1.0f;
    float beta_fast, beta_slow, last = (float)s->rope_dims - 1.0f;
    size_t n_ctx = 0;
    cairn_status st = need_key(r, "rope.scaling.original_context_length", 1, UINT32_MAX, &n_ctx);

    if (!st)
        st = float_key(r, "rope.scaling.yarn_beta_fast", 0.01f, 1e6f, &fast, &beta_fast);
    if (!st)
        st = float_key(r, "rope.scaling.yarn_beta_slow", 0.01f, 1e6f, &slow, &beta_slow);
    if (st)
        return st;
    s->yarn.on = true;
    s->yarn.low = fmaxf(0.0f, floorf(yarn_pair(s, (float)n_ctx, beta_fast)));
    s->yarn.high = fminf(last, ceilf(yarn_pair(s, (float)n_ctx, beta_slow)));
    s->rope_magnitude *= 1.0f + 0.1f * logf(factor);
    return CAIRN_OK;
}

static bool is_gemma(decoder_arch a)
{
    return a == DECODER_GEMMA2 || a == DECODER_GEMMA3;
}

static cairn_status read_rope(reader *r)
{
    decoder_shape *s = &r->m->shape;
    const float base = 10000.0f, one = 1.0f;
    char key[96];
    gguf_string type = {0};
    float factor, old;
    cairn_status st = float_key(r, "rope.freq_base", 1.0f, 1e12f, &base, &s->rope_base);

    if (!st)
        st = maybe_key(r, "rope.dimension_count", 2, (uint32_t)s->head_dim, s->head_dim,
                       &s->rope_dims);
    if (!st) /* what it was called first */
        st = float_key(r, "rope.scale_linear", 1.0f, 1e6f, &one, &old);
    if (!st)
        st = float_key(r, "rope.scaling.factor", 1.0f, 1e6f, &old, &factor);
    if (!st)
        st = float_key(r, "rope.scaling.attn_factor", 0.01f, 100.0f, &one, &s->rope_magnitude);
    if (st)
        return st;
    if (s->rope_dims % 2)
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: %zu rope dimensions are no whole pairs",
                          gguf_path(r->g), s->rope_dims);
    snprintf(key, sizeof key, "%s.rope.scaling.type", r->arch);
    if (gguf_find_kv(r->g, key)) {
        type = gguf_get_string(r->g, key);
        if (gguf_string_is(type, "none"))
            factor = 1.0f;
        else if (gguf_string_is(type, "yarn"))
            st = read_yarn(r, factor);
        else if (!gguf_string_is(type, "linear") && !gguf_string_is(type, "longrope"))
            st = cairn_fail(r->err, CAIRN_EUNSUPPORTED, "%s: rope scaling %.*s is not supported",
                            gguf_path(r->g), (int)(type.len < 40 ? type.len : 40),
                            type.data ? type.data : "");
    }
    if (st)
        return st;
    s->rope_scale = 1.0f / factor;
    s->rope_base_local = s->arch == DECODER_GEMMA3 ? base : s->rope_base;
    s->rope_scale_local = s->arch == DECODER_GEMMA3 ? 1.0f : s->rope_scale;
    if (is_gemma(s->arch))
        st = float_key(r, "rope.freq_base_swa", 1.0f, 1e12f, &s->rope_base_local, &s->rope_base_local);
    if (st)
        return st;
    s->turns_apart = s->rope_base_local != s->rope_base || s->rope_scale_local != s->rope_scale;
    r->m->pairs_apart = s->arch != DECODER_LLAMA && s->arch != DECODER_GRANITE;
    return CAIRN_OK;
}

/* Features whose presence would change the arithmetic. */
static cairn_status refuse_unknown(const reader *r)
{
    const struct {
        const char *name;
        int known_by; /* the architecture that has it */
    } keys[] = {{"expert_count", -1},
                {"attn_logit_softcapping", DECODER_GEMMA2},
                {"final_logit_softcapping", is_gemma(r->m->shape.arch) ? (int)r->m->shape.arch : -1},
                {"logit_scale", DECODER_GRANITE},
                {"residual_scale", DECODER_GRANITE},
                {"embedding_scale", DECODER_GRANITE},
                {"attention.scale", DECODER_GRANITE},
                {"attention.max_alibi_bias", -1},
                {"attention.clamp_kqv", -1}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char key[96];
        const gguf_kv *kv;
        if ((int)r->m->shape.arch == keys[i].known_by)
            continue;
        snprintf(key, sizeof key, "%s.%s", r->arch, keys[i].name);
        kv = gguf_find_kv(r->g, key);
        if (kv && kv->n && gguf_get_f32(r->g, key, (float)gguf_get_i64(r->g, key, 1)) != 0.0f)
            return cairn_fail(r->err, CAIRN_EUNSUPPORTED, "%s: %s is not supported",
                              gguf_path(r->g), key);
    }
    return CAIRN_OK;
}

/* Which layers see how far: every pattern-th sees all, or one truth value a layer. */
static cairn_status read_pattern(reader *r, size_t usual)
{
    decoder_shape *s = &r->m->shape;
    const gguf_kv *kv;
    char key[96];

    snprintf(key, sizeof key, "%s.attention.sliding_window_pattern", r->arch);
    kv = gguf_find_kv(r->g, key);
    if (!kv || kv->type != GGUF_ARRAY)
        return maybe_key(r, "attention.sliding_window_pattern", 1, MAX_LAYERS, usual, &s->window_pattern);
    if (kv->elem_type == GGUF_STRING || kv->n < s->n_layers)
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: %s is no truth value for each of %zu layers",
                          gguf_path(r->g), key, s->n_layers);
    r->local_layers = kv;
    s->window_pattern = usual;
    return CAIRN_OK;
}

static bool is_local(const reader *r, size_t layer)
{
    const decoder_shape *s = &r->m->shape;

    if (!s->window || !s->window_pattern)
        return false;
    if (r->local_layers)
        return gguf_array_i64(r->local_layers, layer) != 0;
    return s->window_pattern == SIZE_MAX || layer % s->window_pattern < s->window_pattern - 1;
}

static cairn_status read_window(reader *r)
{
    decoder_shape *s = &r->m->shape;
    cairn_status st = CAIRN_OK;

    switch (s->arch) {
    case DECODER_GEMMA3:
        st = maybe_key(r, "attention.sliding_window", 0, 1u << 30, 0, &s->window);
        return st ? st : read_pattern(r, 6);
    case DECODER_GEMMA2: /* every second one is global */
        st = maybe_key(r, "attention.sliding_window", 0, 1u << 30, 4096, &s->window);
        return st ? st : read_pattern(r, 2);
    case DECODER_PHI3:
        st = maybe_key(r, "attention.sliding_window", 0, 1u << 30, 0, &s->window);
        s->window_pattern = SIZE_MAX;
        break;
    default:
        break;
    }
    return st;
}

/* Factors here and there, and soft caps. */
static cairn_status read_scales(reader *r)
{
    decoder_shape *s = &r->m->shape;
    const float one = 1.0f, none = 0.0f, attn_cap = 50.0f, logit_cap = 30.0f;
    float divisor;
    cairn_status st = CAIRN_OK;

    r->m->embedding_scale = s->logit_scale = s->residual_scale = 1.0f;
    s->gelu = is_gemma(s->arch);
    if (s->gelu)
        r->m->embedding_scale = sqrtf((float)s->width);
    if (s->arch == DECODER_GEMMA2) {
        st = float_key(r, "attn_logit_softcapping", 0.0f, 1e6f, &attn_cap, &s->attn_softcap);
        if (!st)
            st = float_key(r, "final_logit_softcapping", 0.0f, 1e6f, &logit_cap, &s->logit_softcap);
    }
    if (s->arch == DECODER_GEMMA3)
        st = float_key(r, "final_logit_softcapping", 0.0f, 1e6f, &none, &s->logit_softcap);
    /* The 27B ones divide by the square root of width / heads instead of the heads' own size. */
    if ((s->arch == DECODER_GEMMA2 && s->n_layers == 46) ||
        (s->arch == DECODER_GEMMA3 && s->n_layers == 62))
        s->attn_scale = 1.0f / sqrtf((float)(s->width / s->n_heads));
    if (s->arch == DECODER_GRANITE) {
        st = float_key(r, "embedding_scale", 1e-6f, 1e6f, &one, &r->m->embedding_scale);
        if (!st)
            st = float_key(r, "residual_scale", 1e-6f, 1e6f, &one, &s->residual_scale);
        if (!st)
            st = float_key(r, "attention.scale", 0.0f, 1e6f, &none, &s->attn_scale);
        if (!st)
            st = float_key(r, "logit_scale", 1e-6f, 1e6f, &one, &divisor);
        if (!st)
            s->logit_scale = 1.0f / divisor;
    }
    return st;
}

bool decoder_shape_is_plain(const decoder_shape *s)
{
    return !s->attn_scale && !s->attn_softcap && !s->logit_softcap && s->logit_scale == 1.0f &&
           s->residual_scale == 1.0f;
}

static cairn_status read_shape(reader *r)
{
    decoder_shape *s = &r->m->shape;
    const float eps = 1e-5f;
    size_t value_dim;
    cairn_status st;

#define TRY(call)                                                                                  \
    if ((st = (call)))                                                                             \
    return st
    TRY(refuse_unknown(r));
    TRY(need_key(r, "block_count", 1, MAX_LAYERS, &s->n_layers));
    TRY(need_key(r, "embedding_length", 16, MAX_WIDTH, &s->width));
    TRY(need_key(r, "feed_forward_length", 16, MAX_FF, &s->ff));
    TRY(need_key(r, "attention.head_count", 1, MAX_HEADS, &s->n_heads));
    TRY(maybe_key(r, "attention.head_count_kv", 1, MAX_HEADS, s->n_heads, &s->n_kv_heads));
    TRY(need_key(r, "context_length", 1, UINT32_MAX, &s->n_ctx_train));
    TRY(maybe_key(r, "attention.key_length", 16, MAX_HEAD_DIM, s->width / s->n_heads,
                  &s->head_dim));
    TRY(maybe_key(r, "attention.value_length", 16, MAX_HEAD_DIM, s->head_dim, &value_dim));
    TRY(float_key(r, "attention.layer_norm_rms_epsilon", 0.0f, 1.0f, &eps, &s->norm_eps));
    if (s->head_dim % 16 || s->head_dim < 16 || s->head_dim > MAX_HEAD_DIM ||
        value_dim != s->head_dim)
        return cairn_fail(r->err, CAIRN_EMODEL,
                          "%s: heads of %zu keys and %zu values; equal multiples of 16 are needed",
                          gguf_path(r->g), s->head_dim, value_dim);
    if (s->n_heads % s->n_kv_heads)
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: %zu heads cannot share %zu key heads",
                          gguf_path(r->g), s->n_heads, s->n_kv_heads);
    TRY(read_rope(r));
    TRY(read_window(r));
    TRY(read_scales(r));
#undef TRY
    return CAIRN_OK;
}

static cairn_status wrong_shape(const reader *r, const tensor *t, size_t cols, size_t rows)
{
    return cairn_fail(r->err, CAIRN_EMODEL,
                      "%s: tensor %s is %llu x %llu, the hyperparameters ask for %zu x %zu",
                      gguf_path(r->g), t->name, (unsigned long long)t->dims[0],
                      (unsigned long long)tensor_rows(t), cols, rows);
}

static cairn_status need_tensor(reader *r, const char *name, const tensor **out)
{
    cairn_status st = gguf_need_tensor(r->g, name, out, r->err);

    if (!st)
        r->used[*out - gguf_tensor_at(r->g, 0)] = true;
    return st;
}

/* A tensor that nothing was done with has a part in the arithmetic that is not known here. */
static cairn_status refuse_unused(const reader *r)
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
static cairn_status read_rows(reader *r, const char *name, size_t cols, size_t rows, size_t first,
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

static cairn_status read_matrix(reader *r, const char *name, size_t cols, size_t rows, matrix **out)
{
    return read_rows(r, name, cols, rows, 0, rows, out);
}

/* Packed weights from the cache, or made beside what is computed; of a model in memory, made here. */
static cairn_status fill_matrices(reader *r)
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

static cairn_status read_vector(reader *r, const char *name, size_t n, bool needed, float **out)
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

static bool has_tensor(const reader *r, size_t layer, const char *name)
{
    char full[96];

    snprintf(full, sizeof full, "blk.%zu.%s", layer, name);
    return gguf_find_tensor(r->g, full) != NULL;
}

static cairn_status read_layer(reader *r, size_t i)
{
    const decoder_shape *s = &r->m->shape;
    decoder_layer *l = &r->m->layers[i];
    const size_t q = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;
    const bool gemma = is_gemma(s->arch);
    const bool qwen = s->arch == DECODER_QWEN2, phi = s->arch == DECODER_PHI3;
    const bool qkv = has_tensor(r, i, "attn_qkv.weight");
    const bool head_norms = s->arch == DECODER_GEMMA3 || s->arch == DECODER_QWEN3;
    /* phi3 keeps queries, keys and values in one tensor, as some files of others do, and gate and up in
     * another. */
    const size_t all = q + 2 * kv;
    const struct {
        const char *name;
        size_t n;
        bool needed;
        float **out;
    } vectors[] = {
        {"attn_norm.weight", s->width, true, &l->attn_norm},
        {"ffn_norm.weight", s->width, true, &l->ffn_norm},
        {"post_attention_norm.weight", s->width, gemma, &l->post_attn_norm},
        {"post_ffw_norm.weight", s->width, gemma, &l->post_ffn_norm},
        {"attn_q_norm.weight", s->head_dim, head_norms, &l->q_norm},
        {"attn_k_norm.weight", s->head_dim, head_norms, &l->k_norm},
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

    l->local = is_local(r, i);
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
static cairn_status read_long_rope(reader *r)
{
    decoder_model *m = r->m;
    size_t pairs = m->shape.rope_dims / 2;
    cairn_status st =
        need_key(r, "rope.scaling.original_context_length", 1, UINT32_MAX, &m->n_ctx_short);

    if (!st && m->rope_factors)
        st = cairn_fail(r->err, CAIRN_EMODEL, "%s: rope_freqs.weight beside rope_factors_long.weight",
                        gguf_path(r->g));
    if (!st)
        st = read_vector(r, "rope_factors_short.weight", pairs, true, &m->rope_factors);
    if (!st)
        st = read_vector(r, "rope_factors_long.weight", pairs, true, &m->long_factors);
    return st;
}

static cairn_status read_ends(reader *r)
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
    reader r = {.g = g, .m = m, .err = err};
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
        st = read_arch(&r);
    if (!st)
        st = read_shape(&r);
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
