/* model_shape.c - the hyperparameters of a decoder, from the keys of its file.
 *
 * The file is foreign: every number has a range, and what this build does not implement (experts, other
 * rope scalings, soft caps elsewhere) is refused by name instead of being computed wrongly.
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
 * smollm3 is llama without positions in every fourth layer; olmo2 has no norm before, but after, and one over all
 * queries and all keys; with a window (OLMo 3) on 3 of 4 layers, which turn without scaling.
 *
 * Keys: ggml's docs/gguf.md. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "generate/decode/model_reader.h"

#define MAX_LAYERS   1024
#define MAX_WIDTH    (1u << 17)
#define MAX_FF       (1u << 20)
#define MAX_HEADS    1024
#define MAX_HEAD_DIM 1024

/* A number; or one for each layer, which must be the same. */
static cairn_status need_number(const model_reader *r, const char *key, uint32_t *out)
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

cairn_status model_need_key(const model_reader *r, const char *name, uint32_t least, uint32_t most,
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

static cairn_status maybe_key(const model_reader *r, const char *name, uint32_t least, uint32_t most,
                              size_t absent, size_t *out)
{
    char key[96];

    snprintf(key, sizeof key, "%s.%s", r->arch, name);
    *out = absent;
    return gguf_find_kv(r->g, key) ? model_need_key(r, name, least, most, out) : CAIRN_OK;
}

/* A number within [least, most]; NaN is outside every range. */
static cairn_status float_key(const model_reader *r, const char *name, float least, float most,
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

cairn_status model_read_arch(model_reader *r)
{
    static const struct {
        const char *name;
        decoder_arch arch;
    } known[] = {{"llama", DECODER_LLAMA},   {"qwen2", DECODER_QWEN2},
                 {"gemma3", DECODER_GEMMA3}, {"qwen3", DECODER_QWEN3},
                 {"gemma2", DECODER_GEMMA2}, {"phi3", DECODER_PHI3},
                 {"granite", DECODER_GRANITE}, {"smollm3", DECODER_SMOLLM3},
                 {"olmo2", DECODER_OLMO2}};
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
                      "granite, smollm3, olmo2", gguf_path(r->g), (int)(s.len < 40 ? s.len : 40), s.data);
}

/* The pair that turns `turns` times over n_ctx positions. */
static float yarn_pair(const decoder_shape *s, float n_ctx, float turns)
{
    return (float)s->rope_dims * logf(n_ctx / (turns * 2.0f * (float)M_PI)) /
           (2.0f * logf(s->rope_base));
}

static cairn_status read_yarn(model_reader *r, float factor)
{
    decoder_shape *s = &r->m->shape;
    const float fast = 32.0f, slow = 1.0f;
    float beta_fast, beta_slow, last = (float)s->rope_dims - 1.0f;
    size_t n_ctx = 0;
    cairn_status st = model_need_key(r, "rope.scaling.original_context_length", 1, UINT32_MAX, &n_ctx);

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

bool model_is_gemma(decoder_arch a)
{
    return a == DECODER_GEMMA2 || a == DECODER_GEMMA3;
}

static cairn_status read_rope(model_reader *r)
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
    s->rope_scale_local = s->arch == DECODER_GEMMA3 || s->arch == DECODER_OLMO2 ? 1.0f : s->rope_scale;
    if (s->arch == DECODER_SMOLLM3)
        s->rope_scale_local = 0.0f; /* an angle of nothing */
    if (model_is_gemma(s->arch) || s->arch == DECODER_OLMO2)
        st = float_key(r, "rope.freq_base_swa", 1.0f, 1e12f, &s->rope_base_local, &s->rope_base_local);
    if (st)
        return st;
    s->turns_apart = s->rope_base_local != s->rope_base || s->rope_scale_local != s->rope_scale ||
                     s->arch == DECODER_OLMO2; /* the others' YaRN and its magnitude are not theirs */
    r->m->pairs_apart = s->arch != DECODER_LLAMA && s->arch != DECODER_GRANITE && s->arch != DECODER_SMOLLM3;
    return CAIRN_OK;
}

/* Features whose presence would change the arithmetic. */
static cairn_status refuse_unknown(const model_reader *r)
{
    const struct {
        const char *name;
        int known_by; /* the architecture that has it */
    } keys[] = {{"expert_count", -1},
                {"attn_logit_softcapping", DECODER_GEMMA2},
                {"final_logit_softcapping", model_is_gemma(r->m->shape.arch) ? (int)r->m->shape.arch : -1},
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
static cairn_status read_pattern(model_reader *r, size_t usual)
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

bool model_is_local(const model_reader *r, size_t layer)
{
    const decoder_shape *s = &r->m->shape;

    if (s->arch == DECODER_SMOLLM3) /* Bakouche et al., "SmolLM3" (2025): every fourth knows no positions */
        return layer % 4 == 3;
    if (!s->window || !s->window_pattern)
        return false;
    if (r->local_layers)
        return gguf_array_i64(r->local_layers, layer) != 0;
    return s->window_pattern == SIZE_MAX || layer % s->window_pattern < s->window_pattern - 1;
}

static cairn_status read_window(model_reader *r)
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
    case DECODER_OLMO2: /* OLMo 3 */
        st = maybe_key(r, "attention.sliding_window", 0, 1u << 30, 0, &s->window);
        return st ? st : read_pattern(r, 4);
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
static cairn_status read_scales(model_reader *r)
{
    decoder_shape *s = &r->m->shape;
    const float one = 1.0f, none = 0.0f, attn_cap = 50.0f, logit_cap = 30.0f;
    float divisor;
    cairn_status st = CAIRN_OK;

    r->m->embedding_scale = s->logit_scale = s->residual_scale = 1.0f;
    s->gelu = model_is_gemma(s->arch);
    s->norm_after = s->arch == DECODER_OLMO2;
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
           s->residual_scale == 1.0f && !s->norm_after;
}

cairn_status model_read_shape(model_reader *r)
{
    decoder_shape *s = &r->m->shape;
    const float eps = 1e-5f;
    size_t value_dim;
    cairn_status st;

#define TRY(call)                                                                                  \
    if ((st = (call)))                                                                             \
    return st
    TRY(refuse_unknown(r));
    TRY(model_need_key(r, "block_count", 1, MAX_LAYERS, &s->n_layers));
    TRY(model_need_key(r, "embedding_length", 16, MAX_WIDTH, &s->width));
    TRY(model_need_key(r, "feed_forward_length", 16, MAX_FF, &s->ff));
    TRY(model_need_key(r, "attention.head_count", 1, MAX_HEADS, &s->n_heads));
    TRY(maybe_key(r, "attention.head_count_kv", 1, MAX_HEADS, s->n_heads, &s->n_kv_heads));
    TRY(model_need_key(r, "context_length", 1, UINT32_MAX, &s->n_ctx_train));
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
