/* tiny_model.h - for tests: a GGUF file in memory with a small random decoder, whole or broken in one
 * chosen way. The weights are random blocks of the wanted type with modest scales. */
#ifndef CAIRN_TESTS_GENERATE_TINY_MODEL_H
#define CAIRN_TESTS_GENERATE_TINY_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "generate/formats/gguf.h"
#include "generate/kernels/kernels.h"

typedef struct tiny_model {
    const char *arch; /* "llama", "qwen2", "gemma3", "qwen3", "gemma2", "phi3", "granite", "smollm3", "olmo2" */
    tensor_type type; /* of the matrices */
    uint32_t layers, width, heads, kv_heads, head_dim, ff, vocab, window;
    /* Ways to break it; NULL or 0: none. */
    const char *leave_out;   /* a tensor or a key */
    const char *reshape;     /* this tensor gets one row more */
    const char *change;      /* this key (without the architecture) gets ... */
    uint32_t change_to;      /* ... this value */
    const char *extra_key;   /* a key of value 1 in addition */
    const char *wrong_type;  /* this vector becomes Q8_0 */
    bool words;              /* with a tokenizer, so that a generator opens (vocab 100) */
    struct {
        const char *key; /* without the architecture */
        float value;
    } floats[6];
    uint32_t pooling;        /* pooling_type of an embedder; 0: no such key */
    const char *rope_type;   /* rope.scaling.type; then the original context is 32 */
    bool rope_freqs, long_rope; /* their tensors */
    const char *local_layers;   /* "1101...": which layers see a window, as an array; NULL: no such key */
    bool few;                   /* that array has one element */
    const char *extra_tensor;   /* a vector as wide as the model in addition */
    bool heads_each;            /* the number of key heads as an array, one a layer */
    bool untied;                /* with a head of its own */
    bool fused;                 /* queries, keys and values in one tensor, as in phi3 */
    uint64_t seed;
} tiny_model;

static const tiny_model tiny_default = {.arch = "llama", .type = TENSOR_Q8_0, .layers = 2,
                                        .width = 64, .heads = 4, .kv_heads = 2, .head_dim = 16,
                                        .ff = 96, .vocab = 100, .seed = 1};

static uint32_t tiny_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static void tiny_string(bytes *b, const char *s)
{
    bytes_append_u64(b, strlen(s));
    bytes_append_str(b, s);
}

static void tiny_u32(bytes *b, const tiny_model *t, const char *name, uint32_t v, uint64_t *n)
{
    char key[96];

    if (t->leave_out && !strcmp(t->leave_out, name))
        return;
    if (t->change && !strcmp(t->change, name))
        v = t->change_to;
    snprintf(key, sizeof key, "%s.%s", t->arch, name);
    tiny_string(b, key);
    bytes_append_u32(b, GGUF_U32);
    bytes_append_u32(b, v);
    ++*n;
}

/* An array of n numbers or truth values of four or one bytes. */
static void tiny_array(bytes *b, const tiny_model *t, const char *name, uint32_t type, uint32_t n, uint64_t *n_kv)
{
    char key[96];

    snprintf(key, sizeof key, "%s.%s", t->arch, name);
    tiny_string(b, key);
    bytes_append_u32(b, GGUF_ARRAY);
    bytes_append_u32(b, type);
    bytes_append_u64(b, n);
    ++*n_kv;
}

typedef struct tiny_writer {
    const tiny_model *t;
    bytes infos, data;
    uint64_t n, seed;
    bool positive; /* floats are from 1 to 5 */
} tiny_writer;

/* Byte-level BPE over printable ASCII: ids 0..93 are '!'..'~', 94 the space, 95 the line break, 96
 * "ab", 97 and 98 control tokens, 99 the end of a text. With a chat template. */
static void tiny_tokenizer(bytes *b, uint64_t *n)
{
    static const char *const last[] = {"\xc4\xa0", "\xc4\x8a", "ab", "<one>", "<two>", "<end>"};
    char one[2] = "";

    tiny_string(b, "tokenizer.ggml.model");
    bytes_append_u32(b, GGUF_STRING);
    tiny_string(b, "gpt2");
    tiny_string(b, "tokenizer.ggml.pre");
    bytes_append_u32(b, GGUF_STRING);
    tiny_string(b, "gpt-2");
    tiny_string(b, "tokenizer.ggml.tokens");
    bytes_append_u32(b, GGUF_ARRAY);
    bytes_append_u32(b, GGUF_STRING);
    bytes_append_u64(b, 100);
    for (int i = 0; i < 100; i++) {
        one[0] = (char)('!' + i);
        tiny_string(b, i < 94 ? one : last[i - 94]);
    }
    tiny_string(b, "tokenizer.ggml.token_type");
    bytes_append_u32(b, GGUF_ARRAY);
    bytes_append_u32(b, GGUF_I32);
    bytes_append_u64(b, 100);
    for (int i = 0; i < 100; i++)
        bytes_append_u32(b, i < 97 ? 1 : 3);
    tiny_string(b, "tokenizer.ggml.merges");
    bytes_append_u32(b, GGUF_ARRAY);
    bytes_append_u32(b, GGUF_STRING);
    bytes_append_u64(b, 1);
    tiny_string(b, "a b");
    tiny_string(b, "tokenizer.chat_template");
    bytes_append_u32(b, GGUF_STRING);
    tiny_string(b, "{% for m in messages %}<one>{{ m.role }}:{{ m.content }}<two>{% endfor %}"
                   "{% if add_generation_prompt %}<one>assistant:{% endif %}");
    tiny_string(b, "tokenizer.ggml.eos_token_id");
    bytes_append_u32(b, GGUF_U32);
    bytes_append_u32(b, 99);
    *n += 7;
}

/* A random block row: bytes at random, half-float scales about 0.01. */
static void tiny_block(tiny_writer *w, tensor_type type)
{
    const tensor_type_info *info = tensor_type_get(type);
    uint8_t block[256];
    uint16_t scale = float_to_half(0.002f + (float)(tiny_random(&w->seed) % 100) / 10000.0f);
    size_t at[2] = {0, 0}, n = 1;

    for (size_t i = 0; i < info->block_bytes; i++)
        block[i] = (uint8_t)tiny_random(&w->seed);
    if (type == TENSOR_F32) {
        float f = ((float)(tiny_random(&w->seed) % 2001) - 1000.0f) / 5000.0f;
        if (w->positive)
            f = 1.0f + 10.0f * (f + 0.2f);
        memcpy(block, &f, 4);
        n = 0;
    } else if (type == TENSOR_F16) {
        scale = float_to_half(((float)(tiny_random(&w->seed) % 2001) - 1000.0f) / 5000.0f);
    } else if (type == TENSOR_BF16) {
        scale = float_to_bfloat(((float)(tiny_random(&w->seed) % 2001) - 1000.0f) / 5000.0f);
    } else if (type == TENSOR_Q6_K) {
        at[0] = 208;
        scale = float_to_half(0.0002f);
    } else if (type == TENSOR_Q3_K) {
        at[0] = 108;
    } else if (type == TENSOR_Q2_K) {
        at[0] = 80;
        at[1] = 82;
        n = 2;
    } else if (type == TENSOR_Q4_K || type == TENSOR_Q5_K || type == TENSOR_Q4_1 ||
               type == TENSOR_Q5_1) {
        at[1] = 2;
        n = 2;
        if (type == TENSOR_Q4_K || type == TENSOR_Q5_K)
            scale = float_to_half(0.0005f);
    }
    for (size_t i = 0; i < n; i++)
        memcpy(block + at[i], &scale, 2);
    bytes_append(&w->data, block, info->block_bytes);
}

static void tiny_tensor(tiny_writer *w, const char *name, tensor_type type, uint64_t cols,
                        uint64_t rows)
{
    const tiny_model *t = w->t;
    const tensor_type_info *info;

    if (t->leave_out && !strcmp(t->leave_out, name))
        return;
    if (t->reshape && !strcmp(t->reshape, name))
        rows++;
    if (t->wrong_type && !strcmp(t->wrong_type, name))
        type = TENSOR_Q8_0;
    info = tensor_type_get(type);
    tiny_string(&w->infos, name);
    bytes_append_u32(&w->infos, rows > 1 ? 2 : 1);
    bytes_append_u64(&w->infos, cols);
    if (rows > 1)
        bytes_append_u64(&w->infos, rows);
    bytes_append_u32(&w->infos, type);
    while (w->data.len % 32)
        bytes_append_byte(&w->data, 0);
    bytes_append_u64(&w->infos, w->data.len);
    for (uint64_t i = 0; i < cols * rows / info->block_size; i++)
        tiny_block(w, type);
    w->n++;
}

static void tiny_layer(tiny_writer *w, uint32_t layer)
{
    const tiny_model *t = w->t;
    uint32_t q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim;
    bool gemma = !strncmp(t->arch, "gemma", 5), qwen = !strcmp(t->arch, "qwen2");
    bool head_norms = !strcmp(t->arch, "gemma3") || !strcmp(t->arch, "qwen3");
    bool phi = !strcmp(t->arch, "phi3"), fused = phi || t->fused, olmo = !strcmp(t->arch, "olmo2");
    const struct {
        const char *name;
        uint32_t cols, rows;
        bool vector, there;
    } parts[] = {
        {"attn_norm.weight", t->width, 1, true, !olmo},
        {"ffn_norm.weight", t->width, 1, true, !olmo},
        {"post_attention_norm.weight", t->width, 1, true, gemma || olmo},
        {"post_ffw_norm.weight", t->width, 1, true, gemma || olmo},
        {"attn_q_norm.weight", olmo ? q : t->head_dim, 1, true, head_norms || olmo},
        {"attn_k_norm.weight", olmo ? kv : t->head_dim, 1, true, head_norms || olmo},
        {"attn_q.bias", q, 1, true, qwen},
        {"attn_k.bias", kv, 1, true, qwen},
        {"attn_v.bias", kv, 1, true, qwen},
        {"attn_qkv.weight", t->width, q + 2 * kv, false, fused},
        {"attn_q.weight", t->width, q, false, !fused},
        {"attn_k.weight", t->width, kv, false, !fused},
        {"attn_v.weight", t->width, kv, false, !fused},
        {"attn_output.weight", q, t->width, false, true},
        {"ffn_gate.weight", t->width, t->ff, false, !phi},
        {"ffn_up.weight", t->width, phi ? 2 * t->ff : t->ff, false, true},
        {"ffn_down.weight", t->ff, t->width, false, true},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[96];
        snprintf(name, sizeof name, "blk.%u.%s", layer, parts[i].name);
        if (parts[i].there)
            tiny_tensor(w, name, parts[i].vector ? TENSOR_F32 : t->type, parts[i].cols,
                        parts[i].rows);
    }
}

/* The file's bytes, to be freed. */
__attribute__((unused)) static uint8_t *tiny_model_bytes(const tiny_model *t, size_t *len)
{
    tiny_writer w = {.t = t, .seed = t->seed};
    bytes kv, all;
    uint64_t n_kv = 1;

    bytes_init(&kv, 1 << 20);
    bytes_init(&all, 64 << 20);
    bytes_init(&w.infos, 1 << 20);
    bytes_init(&w.data, 64 << 20);
    tiny_string(&kv, "general.architecture");
    bytes_append_u32(&kv, GGUF_STRING);
    tiny_string(&kv, t->arch);
    tiny_u32(&kv, t, "block_count", t->layers, &n_kv);
    tiny_u32(&kv, t, "embedding_length", t->width, &n_kv);
    tiny_u32(&kv, t, "feed_forward_length", t->ff, &n_kv);
    tiny_u32(&kv, t, "attention.head_count", t->heads, &n_kv);
    if (t->heads_each) {
        tiny_array(&kv, t, "attention.head_count_kv", GGUF_U32, t->layers, &n_kv);
        for (uint32_t i = 0; i < t->layers; i++)
            bytes_append_u32(&kv, t->kv_heads);
    } else {
        tiny_u32(&kv, t, "attention.head_count_kv", t->kv_heads, &n_kv);
    }
    if (t->local_layers) {
        tiny_array(&kv, t, "attention.sliding_window_pattern", GGUF_BOOL, t->few ? 1 : t->layers, &n_kv);
        for (uint32_t i = 0; i < (t->few ? 1 : t->layers); i++)
            bytes_append_byte(&kv, t->local_layers[i] == '1');
    }
    tiny_u32(&kv, t, "attention.key_length", t->head_dim, &n_kv);
    tiny_u32(&kv, t, "context_length", 256, &n_kv);
    tiny_u32(&kv, t, "rope.dimension_count", t->head_dim, &n_kv);
    if (t->window)
        tiny_u32(&kv, t, "attention.sliding_window", t->window, &n_kv);
    if (t->pooling)
        tiny_u32(&kv, t, "pooling_type", t->pooling, &n_kv);
    if (t->extra_key)
        tiny_u32(&kv, t, t->extra_key, 1, &n_kv);
    for (size_t i = 0; i < 6 && t->floats[i].key; i++) {
        char key[96];
        snprintf(key, sizeof key, "%s.%s", t->arch, t->floats[i].key);
        tiny_string(&kv, key);
        bytes_append_u32(&kv, GGUF_F32);
        bytes_append_f32(&kv, t->floats[i].value);
        n_kv++;
    }
    if (t->rope_type) {
        char key[96];
        snprintf(key, sizeof key, "%s.rope.scaling.type", t->arch);
        tiny_string(&kv, key);
        bytes_append_u32(&kv, GGUF_STRING);
        tiny_string(&kv, t->rope_type);
        n_kv++;
        tiny_u32(&kv, t, "rope.scaling.original_context_length", 32, &n_kv);
    }
    if (t->words)
        tiny_tokenizer(&kv, &n_kv);
    tiny_tensor(&w, "token_embd.weight", t->type, t->width, t->vocab);
    for (uint32_t i = 0; i < t->layers; i++)
        tiny_layer(&w, i);
    tiny_tensor(&w, "output_norm.weight", TENSOR_F32, t->width, 1);
    if (t->untied)
        tiny_tensor(&w, "output.weight", t->type, t->width, t->vocab);
    if (t->extra_tensor)
        tiny_tensor(&w, t->extra_tensor, TENSOR_F32, t->width, 1);
    w.positive = true;
    if (t->rope_freqs)
        tiny_tensor(&w, "rope_freqs.weight", TENSOR_F32, t->head_dim / 2, 1);
    if (t->long_rope) {
        tiny_tensor(&w, "rope_factors_short.weight", TENSOR_F32, t->head_dim / 2, 1);
        tiny_tensor(&w, "rope_factors_long.weight", TENSOR_F32, t->head_dim / 2, 1);
    }
    bytes_append_str(&all, "GGUF");
    bytes_append_u32(&all, 3);
    bytes_append_u64(&all, w.n);
    bytes_append_u64(&all, n_kv);
    bytes_append(&all, kv.data, kv.len);
    bytes_append(&all, w.infos.data, w.infos.len);
    while (all.len % 32)
        bytes_append_byte(&all, 0);
    while (w.data.len % 32)
        bytes_append_byte(&w.data, 0);
    bytes_append(&all, w.data.data, w.data.len);
    bytes_clear(&kv);
    bytes_clear(&w.infos);
    bytes_clear(&w.data);
    return (uint8_t *)bytes_detach(&all, len);
}

#endif
