/* plain_decoder.h - for tests: the architectures written down plainly, in double precision, one token and
 * one number after the other, from a GGUF file. It shares nothing with the decoder but the reader of
 * files and the meaning of block formats. */
#ifndef CAIRN_TESTS_GENERATE_PLAIN_DECODER_H
#define CAIRN_TESTS_GENERATE_PLAIN_DECODER_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate/formats/gguf.h"
#include "generate/kernels/kernels.h"

#define PLAIN_MAX 512 /* widths, contexts */

typedef struct plain {
    const gguf *g;
    char arch[16];
    size_t layers, width, heads, kv_heads, dim, ff, vocab, window, rope_dims, n_ctx;
    double base, eps;
} plain;

static double plain_f(const plain *p, const char *key, double absent)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", p->arch, key);
    return (double)gguf_get_f32(p->g, full, (float)absent);
}

static size_t plain_u(const plain *p, const char *key, size_t absent)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", p->arch, key);
    return gguf_get_u32(p->g, full, (uint32_t)absent);
}

static bool plain_is(const plain *p, const char *arch)
{
    return !strcmp(p->arch, arch);
}

/* All of a tensor; NULL when there is none. */
static double *plain_tensor(const plain *p, int layer, const char *name)
{
    char full[96];
    const tensor *t;
    double *out;
    float *row;

    if (layer >= 0)
        snprintf(full, sizeof full, "blk.%d.%s", layer, name);
    t = gguf_find_tensor(p->g, layer >= 0 ? full : name);
    if (!t)
        return NULL;
    out = malloc(tensor_elements(t) * sizeof *out);
    row = malloc(tensor_elements(t) * sizeof *row);
    dequantize_row(t->type, t->data, row, tensor_elements(t));
    for (size_t i = 0; i < tensor_elements(t); i++)
        out[i] = (double)row[i];
    free(row);
    return out;
}

/* y = W[rows][cols] x + b, with W the rows from `first` of the tensor. */
static void plain_product(const plain *p, int layer, const char *weight, const char *bias,
                          size_t first, size_t cols, size_t rows, const double *x, double *y)
{
    double *w = plain_tensor(p, layer, weight), *b = bias ? plain_tensor(p, layer, bias) : NULL;

    for (size_t r = 0; r < rows; r++) {
        y[r] = b ? b[r] : 0;
        for (size_t c = 0; c < cols; c++)
            y[r] += w[(first + r) * cols + c] * x[c];
    }
    free(w);
    free(b);
}

static void plain_norm(const plain *p, int layer, const char *weight, size_t n, double *x)
{
    double *w = plain_tensor(p, layer, weight), sum = 0;

    for (size_t i = 0; w && i < n; i++)
        sum += x[i] * x[i];
    for (size_t i = 0; w && i < n; i++)
        x[i] = x[i] / sqrt(sum / (double)n + p->eps) * w[i];
    free(w);
}

/* The angle of pair i at a position, and the length of the turned pair. */
static double plain_angle(const plain *p, bool local, size_t pos, size_t i, double *length)
{
    double dims = (double)p->rope_dims, factor = plain_f(p, "rope.scaling.factor", 1);
    double base = local && plain_is(p, "gemma3") ? 10000 : p->base;
    double own = (double)pos * pow(base, -2.0 * (double)i / dims);
    double original = (double)plain_u(p, "rope.scaling.original_context_length", 0);
    bool is_long = (double)p->n_ctx > original;
    double *freqs = plain_tensor(p, -1, "rope_freqs.weight");
    double *chosen = plain_tensor(p, -1, is_long ? "rope_factors_long.weight"
                                                 : "rope_factors_short.weight");
    char key[96];
    gguf_string type;

    if (freqs)
        own /= freqs[i];
    if (chosen)
        own /= chosen[i];
    free(freqs);
    free(chosen);
    *length = plain_f(p, "rope.scaling.attn_factor", 1);
    snprintf(key, sizeof key, "%s.rope.scaling.type", p->arch);
    type = gguf_get_string(p->g, key);
    if (local && plain_is(p, "gemma3"))
        return own;
    if (local && plain_is(p, "olmo2")) {
        *length = 1;
        return own;
    }
    if (type.data && gguf_string_is(type, "yarn")) {
        /* The pairs that turn 32 times and once over the original context. */
        double fast = floor(dims * log(original / (32 * 2 * M_PI)) / (2 * log(p->base)));
        double slow = ceil(dims * log(original / (1 * 2 * M_PI)) / (2 * log(p->base)));
        double low = fmax(fast, 0), high = fmin(slow, dims - 1);
        double ramp = fmin(1, fmax(0, ((double)i - low) / fmax(0.001, high - low)));
        *length *= 1 + 0.1 * log(factor);
        return own / factor * ramp + own * (1 - ramp);
    }
    return own / factor;
}

static void plain_turn(const plain *p, bool local, size_t pos, double *head)
{
    bool apart = !plain_is(p, "llama") && !plain_is(p, "granite") && !plain_is(p, "smollm3");

    for (size_t i = 0; i < p->rope_dims / 2; i++) {
        double length, angle = plain_angle(p, local, pos, i, &length);
        double *a = apart ? &head[i] : &head[2 * i];
        double *b = apart ? &head[i + p->rope_dims / 2] : &head[2 * i + 1], x = *a, y = *b;
        *a = (x * cos(angle) - y * sin(angle)) * length;
        *b = (x * sin(angle) + y * cos(angle)) * length;
    }
}

static bool plain_local(const plain *p, size_t layer)
{
    if (!p->window)
        return false;
    if (plain_is(p, "gemma3"))
        return layer % 6 != 5;
    if (plain_is(p, "olmo2"))
        return layer % 4 != 3;
    return plain_is(p, "gemma2") ? layer % 2 == 0 : plain_is(p, "phi3");
}

/* One query head over the keys and values of positions 0 .. pos. */
static void plain_attend(const plain *p, bool local, size_t pos, const double *q, const double *keys,
                         const double *values, size_t stride, double *out)
{
    double score[PLAIN_MAX], max = -INFINITY, sum = 0;
    double scale = plain_f(p, "attention.scale", 0), cap = 0;

    if (scale == 0)
        scale = 1 / sqrt((double)p->dim);
    if (plain_is(p, "gemma2"))
        cap = plain_f(p, "attn_logit_softcapping", 50);
    for (size_t t = 0; t <= pos; t++) {
        score[t] = 0;
        for (size_t i = 0; i < p->dim; i++)
            score[t] += q[i] * keys[t * stride + i] * scale;
        if (cap > 0)
            score[t] = cap * tanh(score[t] / cap);
        if (local && pos - t >= p->window)
            score[t] = -INFINITY;
        max = fmax(max, score[t]);
    }
    for (size_t t = 0; t <= pos; t++)
        sum += exp(score[t] - max);
    for (size_t i = 0; i < p->dim; i++) {
        out[i] = 0;
        for (size_t t = 0; t <= pos; t++)
            out[i] += exp(score[t] - max) / sum * values[t * stride + i];
    }
}

static void plain_layer(const plain *p, int l, size_t n, double *x)
{
    size_t q = p->heads * p->dim, kv = p->kv_heads * p->dim, w = p->width;
    bool phi = plain_is(p, "phi3"), local = plain_local(p, (size_t)l), olmo = plain_is(p, "olmo2");
    bool placed = !plain_is(p, "smollm3") || (l + 1) % 4;
    double residual = plain_f(p, "residual_scale", 1);
    double *keys = calloc(n * kv, sizeof *keys), *values = calloc(n * kv, sizeof *values);

    for (size_t t = 0; t < n; t++) {
        double h[PLAIN_MAX], query[PLAIN_MAX], mixed[PLAIN_MAX], gate[PLAIN_MAX], up[PLAIN_MAX];
        double *k = keys + t * kv, *xt = x + t * w;
        memcpy(h, xt, w * sizeof *h);
        plain_norm(p, l, "attn_norm.weight", w, h);
        plain_product(p, l, phi ? "attn_qkv.weight" : "attn_q.weight", "attn_q.bias", 0, w, q, h,
                      query);
        plain_product(p, l, phi ? "attn_qkv.weight" : "attn_k.weight", "attn_k.bias", phi ? q : 0,
                      w, kv, h, k);
        plain_product(p, l, phi ? "attn_qkv.weight" : "attn_v.weight", "attn_v.bias",
                      phi ? q + kv : 0, w, kv, h, values + t * kv);
        plain_norm(p, l, olmo ? "attn_q_norm.weight" : "", q, query);
        plain_norm(p, l, olmo ? "attn_k_norm.weight" : "", kv, k);
        for (size_t i = 0; i < p->kv_heads; i++) {
            plain_norm(p, l, olmo ? "" : "attn_k_norm.weight", p->dim, k + i * p->dim);
            if (placed)
                plain_turn(p, local, t, k + i * p->dim);
        }
        for (size_t i = 0; i < p->heads; i++) {
            double *head = query + i * p->dim;
            size_t shared = i / (p->heads / p->kv_heads) * p->dim;
            plain_norm(p, l, olmo ? "" : "attn_q_norm.weight", p->dim, head);
            if (placed)
                plain_turn(p, local, t, head);
            plain_attend(p, local, t, head, keys + shared, values + shared, kv, mixed + i * p->dim);
        }
        plain_product(p, l, "attn_output.weight", NULL, 0, q, w, mixed, h);
        plain_norm(p, l, "post_attention_norm.weight", w, h);
        for (size_t i = 0; i < w; i++)
            xt[i] += h[i] * residual;
        memcpy(h, xt, w * sizeof *h);
        plain_norm(p, l, "ffn_norm.weight", w, h);
        plain_product(p, l, phi ? "ffn_up.weight" : "ffn_gate.weight", NULL, 0, w, p->ff, h, gate);
        plain_product(p, l, "ffn_up.weight", NULL, phi ? p->ff : 0, w, p->ff, h, up);
        for (size_t i = 0; i < p->ff; i++) {
            double v = gate[i];
            if (!strncmp(p->arch, "gemma", 5))
                v = 0.5 * v * (1 + tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
            else
                v = v / (1 + exp(-v));
            gate[i] = v * up[i];
        }
        plain_product(p, l, "ffn_down.weight", NULL, 0, p->ff, w, gate, h);
        plain_norm(p, l, "post_ffw_norm.weight", w, h);
        for (size_t i = 0; i < w; i++)
            xt[i] += h[i] * residual;
    }
    free(keys);
    free(values);
}

/* What the final norm makes of all n tokens, in a context of n_ctx: [n][width], to be freed; *p gets the model. */
static double *plain_states(plain *out, const gguf *g, const int32_t *ids, size_t n, size_t n_ctx)
{
    plain p = {.g = g, .n_ctx = n_ctx};
    gguf_string arch = gguf_get_string(g, "general.architecture");
    double *embedding, *x;

    snprintf(p.arch, sizeof p.arch, "%.*s", (int)arch.len, arch.data);
    p.layers = plain_u(&p, "block_count", 0);
    p.width = plain_u(&p, "embedding_length", 0);
    p.heads = plain_u(&p, "attention.head_count", 0);
    p.kv_heads = plain_u(&p, "attention.head_count_kv", 0);
    p.dim = plain_u(&p, "attention.key_length", 0);
    p.ff = plain_u(&p, "feed_forward_length", 0);
    p.window = plain_u(&p, "attention.sliding_window", plain_is(&p, "gemma2") ? 4096 : 0);
    p.rope_dims = plain_u(&p, "rope.dimension_count", 0);
    p.base = plain_f(&p, "rope.freq_base", 10000);
    p.eps = plain_f(&p, "attention.layer_norm_rms_epsilon", 1e-5);
    p.vocab = (size_t)tensor_rows(gguf_find_tensor(g, "token_embd.weight"));
    embedding = plain_tensor(&p, -1, "token_embd.weight");
    x = malloc(n * p.width * sizeof *x);
    for (size_t i = 0; i < n * p.width; i++) {
        x[i] = embedding[(size_t)ids[i / p.width] * p.width + i % p.width];
        x[i] *= !strncmp(p.arch, "gemma", 5) ? sqrt((double)p.width)
                                             : plain_f(&p, "embedding_scale", 1);
    }
    for (size_t l = 0; l < p.layers; l++)
        plain_layer(&p, (int)l, n, x);
    for (size_t t = 0; t < n; t++)
        plain_norm(&p, -1, "output_norm.weight", p.width, x + t * p.width);
    free(embedding);
    *out = p;
    return x;
}

/* Logits of all n tokens: out[n][vocab], in a context of n_ctx. The head is the embedding where it has none. */
__attribute__((unused)) static void plain_logits(const gguf *g, const int32_t *ids, size_t n, size_t n_ctx,
                                                 double *out)
{
    plain p;
    double *x = plain_states(&p, g, ids, n, n_ctx), cap, divisor;

    cap = plain_is(&p, "gemma2") ? plain_f(&p, "final_logit_softcapping", 30) : 0;
    divisor = plain_is(&p, "granite") ? plain_f(&p, "logit_scale", 1) : 1;
    for (size_t t = 0; t < n; t++) {
        plain_product(&p, -1, gguf_find_tensor(g, "output.weight") ? "output.weight" : "token_embd.weight", NULL, 0, p.width, p.vocab, x + t * p.width,
                      out + t * p.vocab);
        for (size_t i = 0; i < p.vocab; i++) {
            double *o = &out[t * p.vocab + i];
            *o /= divisor;
            if (cap > 0)
                *o = cap * tanh(*o / cap);
        }
    }
    free(x);
}

#endif
