/* toy_bert.h - for tests: a small random BERT or XLM-RoBERTa as a safetensors folder or a GGUF file, whole or
 * broken in one chosen way, and its twin in double precision, written straight from the paper. */
#ifndef CAIRN_TESTS_GENERATE_TOY_BERT_H
#define CAIRN_TESTS_GENERATE_TOY_BERT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "generate/formats/tensor.h"
#include "generate/kernels/kernels.h"

#ifndef TOY_MAX
#define TOY_MAX 64 /* tensors */
#endif

typedef struct toy_tensor {
    char name[80];
    tensor_type type;
    size_t rows, cols; /* rows 0: a vector */
    uint8_t *raw;
    size_t bytes;
    float *v; /* [rows][cols] */
} toy_tensor;

typedef struct toy {
    size_t hidden, layers, heads, ff, positions, labels;
    bool gguf;
    bool roberta; /* XLM-RoBERTa: two rows of positions that no text has, one type, unigram pieces */
    bool lm; /* with a masked-language-model head (safetensors) */
    bool cls; /* GGUF: the vector is the first token's */
    const char *const *called; /* [labels] what the outputs are called; NULL: nothing */
    tensor_type type; /* of the matrices */
    uint64_t seed;
    /* ways to break it */
    const char *leave_out; /* this tensor is absent */
    const char *reshape;   /* this one has a row more */
    const char *poison;    /* this one holds a NaN */
    const char *config;    /* safetensors: config.json is this instead */
    size_t cut;            /* bytes taken off the weight file's end */
    toy_tensor t[TOY_MAX];
    size_t n;
} toy;

static const toy toy_default = {.hidden = 64,
                                .layers = 2,
                                .heads = 4,
                                .ff = 96,
                                .positions = 48,
                                .type = TENSOR_F32,
                                .seed = 1};

static const char *const toy_words[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]",   "[MASK]", "a",
                                        "river", "runs",  "to",    "the",     "sea",    "mill",
                                        "##s",   "old",   "query", "passage", ":",      "."};
#define TOY_VOCAB (sizeof toy_words / sizeof *toy_words)
enum { TOY_CLS = 2, TOY_SEP = 3 };
/* XLM-RoBERTa's: all pieces but the first three and the last cost the same for each of their letters. */
static const char *const toy_pieces[TOY_VOCAB] = {
    "<s>", "<pad>", "</s>", "<unk>", "\xE2\x96\x81", "a", "\xE2\x96\x81river", "\xE2\x96\x81runs", "\xE2\x96\x81to",
    "\xE2\x96\x81the", "\xE2\x96\x81sea", "\xE2\x96\x81mill", "s", "\xE2\x96\x81old", "\xE2\x96\x81query",
    "\xE2\x96\x81passage", ":", "<mask>"};
enum { TOY_BEGIN = 0, TOY_END = 2 };
/* Rows of the position table in front of a text's first. */
#define TOY_SHIFT(y) ((y)->roberta && !(y)->gguf ? 2u : 0u)

static double toy_random(toy *y)
{
    y->seed = y->seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(y->seed >> 33) / (double)(1u << 31) * 2 - 1;
}

/* Random values about `middle`; blocks of a quantised type get random bits and a small scale. */
static void toy_add(toy *y, const char *name, size_t rows, size_t cols, tensor_type type,
                    double middle, double spread)
{
    toy_tensor *t = &y->t[y->n++];
    size_t count = (rows ? rows : 1) * cols;

    snprintf(t->name, sizeof t->name, "%s", name);
    t->type = type;
    t->rows = rows;
    t->cols = cols;
    tensor_bytes_for(type, count, &t->bytes);
    t->raw = malloc(t->bytes);
    t->v = malloc(count * sizeof *t->v);
    for (size_t i = 0; i < count && type == TENSOR_F32; i++) {
        float v = (float)(middle + spread * toy_random(y));
        memcpy(t->raw + 4 * i, &v, 4);
    }
    for (size_t i = 0; i < count && type == TENSOR_BF16; i++) {
        float v = (float)(middle + spread * toy_random(y));
        memcpy(t->raw + 2 * i, (uint8_t *)&v + 2, 2);
    }
    for (size_t i = 0; i < count && type == TENSOR_F16; i++) {
        uint16_t v = float_to_half((float)(middle + spread * toy_random(y)));
        memcpy(t->raw + 2 * i, &v, 2);
    }
    if (type != TENSOR_F32 && type != TENSOR_F16 && type != TENSOR_BF16) {
        const tensor_type_info *info = tensor_type_get(type);
        for (size_t at = 0; at < t->bytes; at += info->block_bytes) {
            uint16_t scale = float_to_half(
                (float)((type == TENSOR_Q8_0 ? 0.001 : 0.02) * (1.2 + toy_random(y))));
            for (size_t i = 0; i < info->block_bytes; i++)
                t->raw[at + i] = (uint8_t)(127.5 + 127.5 * toy_random(y));
            memcpy(t->raw + at, &scale, 2); /* Q4_0, Q8_0: the scale comes first */
        }
    }
    dequantize_row(type, t->raw, t->v, count);
}

static void toy_pair(toy *y, const char *stem, size_t out, size_t in, tensor_type type)
{
    char name[112];

    snprintf(name, sizeof name, "%s.weight", stem);
    if (out)
        toy_add(y, name, out, in, type, 0, 0.2);
    else
        toy_add(y, name, 0, in, TENSOR_F32, 1, 0.3);
    snprintf(name, sizeof name, "%s.bias", stem);
    toy_add(y, name, 0, out ? out : in, TENSOR_F32, 0, 0.2);
}

/* Tensor names in the order the twin uses them. */
static const char *const toy_st[] = {"embeddings.word_embeddings.weight",
                                     "embeddings.position_embeddings.weight",
                                     "embeddings.token_type_embeddings.weight",
                                     "embeddings.LayerNorm",
                                     "encoder.layer.%zu.attention.self.query",
                                     "encoder.layer.%zu.attention.self.key",
                                     "encoder.layer.%zu.attention.self.value",
                                     "encoder.layer.%zu.attention.output.dense",
                                     "encoder.layer.%zu.attention.output.LayerNorm",
                                     "encoder.layer.%zu.intermediate.dense",
                                     "encoder.layer.%zu.output.dense",
                                     "encoder.layer.%zu.output.LayerNorm",
                                     "pooler.dense",
                                     "classifier"};
static const char *const toy_gg[] = {"token_embd.weight",
                                     "position_embd.weight",
                                     "token_types.weight",
                                     "token_embd_norm",
                                     "blk.%zu.attn_q",
                                     "blk.%zu.attn_k",
                                     "blk.%zu.attn_v",
                                     "blk.%zu.attn_output",
                                     "blk.%zu.attn_output_norm",
                                     "blk.%zu.ffn_up",
                                     "blk.%zu.ffn_down",
                                     "blk.%zu.layer_output_norm",
                                     "cls",
                                     "cls.output"};

__attribute__((unused)) static void toy_fill(toy *y)
{
    const char *const *names = y->gguf ? toy_gg : toy_st;
    const size_t h = y->hidden;
    const char *prefix = !y->labels || y->gguf ? "" : y->roberta ? "roberta." : "bert.";
    const bool beside = y->roberta && !y->gguf; /* the whole head */
    char stem[80], whole[96];

    for (int i = 0; i < 3; i++) {
        snprintf(whole, sizeof whole, "%s%s", prefix, names[i]);
        toy_add(y, whole,
                i == 0       ? TOY_VOCAB
                : i == 1     ? y->positions + TOY_SHIFT(y)
                : y->roberta ? 1
                             : 2,
                h, i == 0 ? y->type : TENSOR_F32, 0, 0.5);
    }
    snprintf(whole, sizeof whole, "%s%s", prefix, names[3]);
    toy_pair(y, whole, 0, h, TENSOR_F32);
    for (size_t l = 0; l < y->layers; l++)
        for (int i = 4; i < 12; i++) {
            snprintf(stem, sizeof stem, names[i], l);
            snprintf(whole, sizeof whole, "%s%s", prefix, stem);
            toy_pair(y, whole,
                     i == 8 || i == 11 ? 0
                     : i == 9          ? y->ff
                                       : h,
                     i == 10 ? y->ff : h, y->type);
        }
    if (y->labels) {
        snprintf(whole, sizeof whole, "%s%s", prefix, names[12]);
        toy_pair(y, beside ? "classifier.dense" : whole, h, h, y->type);
        toy_pair(y, beside ? "classifier.out_proj" : names[13], y->labels, h, TENSOR_F32);
    }
    if (y->lm) {
        toy_pair(y, y->roberta ? "lm_head.dense" : "cls.predictions.transform.dense", h, h, y->type);
        toy_pair(y, y->roberta ? "lm_head.layer_norm" : "cls.predictions.transform.LayerNorm", 0, h, TENSOR_F32);
        toy_add(y, y->roberta ? "lm_head.bias" : "cls.predictions.bias", 0, TOY_VOCAB, TENSOR_F32, 0, 0.5);
    }
    for (size_t i = 0; y->poison && i < y->n; i++)
        if (!strcmp(y->t[i].name, y->poison)) {
            float bad = NAN;
            memcpy(y->t[i].raw, &bad, 4);
        }
}

static void toy_free(toy *y)
{
    for (size_t i = 0; i < y->n; i++) {
        free(y->t[i].raw);
        free(y->t[i].v);
    }
    y->n = 0;
}

static size_t toy_rows(const toy *y, const toy_tensor *t)
{
    return t->rows + (y->reshape && !strcmp(y->reshape, t->name));
}

static void toy_save(const char *path, const bytes *b, size_t cut)
{
    FILE *f = fopen(path, "wb");
    fwrite(b->data, 1, b->len - cut, f);
    fclose(f);
}

static void toy_tokenizer_json(bytes *b)
{
    bytes_append_str(b, "{\"added_tokens\":[");
    for (size_t i = 0; i < TOY_VOCAB; i++)
        if (toy_pieces[i][0] == '<')
            bytes_printf(b, "%s{\"id\":%zu,\"content\":\"%s\",\"special\":true}", i ? "," : "", i, toy_pieces[i]);
    bytes_append_str(b, "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
                        "{\"type\":\"WhitespaceSplit\"},{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\","
                        "\"add_prefix_space\":true}]},\"post_processor\":{\"type\":\"RobertaProcessing\","
                        "\"sep\":[\"</s>\",2],\"cls\":[\"<s>\",0]},\"model\":{\"type\":\"Unigram\",\"unk_id\":3,\"vocab\":[");
    for (size_t i = 0; i < TOY_VOCAB; i++)
        bytes_printf(b, "%s[\"%s\",%d]", i ? "," : "", toy_pieces[i], toy_pieces[i][0] == '<' ? 0 : -2);
    bytes_append_str(b, "]}}");
}

static void toy_write_safetensors(const toy *y, const char *folder)
{
    bytes head, data, text;
    char path[512];
    size_t at = 0;
    bool first = true;

    bytes_init(&head, 1 << 28);
    bytes_init(&data, 1 << 28);
    bytes_init(&text, 1 << 28);
    bytes_append_str(&head, "{");
    for (size_t i = 0; i < y->n; i++) {
        const toy_tensor *t = &y->t[i];
        size_t extra = toy_rows(y, t) > t->rows ? t->bytes / (t->rows ? t->rows : 1) : 0;
        if (y->leave_out && !strcmp(y->leave_out, t->name))
            continue;
        bytes_printf(&head, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", first ? "" : ",", t->name,
                     t->type == TENSOR_F16    ? "F16"
                     : t->type == TENSOR_BF16 ? "BF16"
                                              : "F32");
        if (toy_rows(y, t))
            bytes_printf(&head, "%zu,", toy_rows(y, t) + (extra && !t->rows));
        bytes_printf(&head, "%zu],\"data_offsets\":[%zu,%zu]}", t->cols, at, at + t->bytes + extra);
        bytes_append(&data, t->raw, t->bytes);
        bytes_append_zeros(&data, extra);
        at += t->bytes + extra;
        first = false;
    }
    bytes_append_str(&head, "}");
    while (head.len % 8)
        bytes_append_str(&head, " ");
    bytes_append_u64(&text, head.len);
    bytes_append(&text, head.data, head.len);
    bytes_append(&text, data.data, data.len);
    mkdir(folder, 0700);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    toy_save(path, &text, y->cut);
    bytes_reset(&text);
    if (y->config)
        bytes_append_str(&text, y->config);
    if (!y->config)
        bytes_printf(&text,
                     "{\"model_type\":\"%s\",\"pad_token_id\":%d,\"hidden_size\":%zu,\"num_hidden_layers\":%zu,"
                     "\"num_attention_heads\":%zu,\"intermediate_size\":%zu,"
                     "\"layer_norm_eps\":1e-5,\"hidden_act\":\"gelu\"",
                     y->roberta ? "xlm-roberta" : "bert", y->roberta, y->hidden, y->layers, y->heads, y->ff);
    for (size_t i = 0; i < y->labels && y->called && !y->config; i++)
        bytes_printf(&text, "%s\"%zu\":\"%s\"%s", i ? "," : ",\"id2label\":{", i, y->called[i], i + 1 < y->labels ? "" : "}");
    if (!y->config)
        bytes_append_str(&text, "}");
    snprintf(path, sizeof path, "%s/config.json", folder);
    toy_save(path, &text, 0);
    bytes_reset(&text);
    for (size_t i = 0; i < TOY_VOCAB && !y->roberta; i++)
        bytes_printf(&text, "%s\n", toy_words[i]);
    if (y->roberta)
        toy_tokenizer_json(&text);
    for (int i = 0; i < 2; i++) { /* the one, and not the other of a toy before it */
        snprintf(path, sizeof path, "%s/%s", folder, i ? "tokenizer.json" : "vocab.txt");
        if (i == y->roberta)
            toy_save(path, &text, 0);
        else
            unlink(path);
    }
    bytes_clear(&head);
    bytes_clear(&data);
    bytes_clear(&text);
}

static void toy_string(bytes *b, const char *s)
{
    bytes_append_u64(b, strlen(s));
    bytes_append_str(b, s);
}

static void toy_key_u32(bytes *b, const char *key, size_t v)
{
    toy_string(b, key);
    bytes_append_u32(b, 4);
    bytes_append_u32(b, (uint32_t)v);
}

__attribute__((unused)) static void toy_wordpiece_keys(bytes *b)
{
    toy_string(b, "tokenizer.ggml.model");
    bytes_append_u32(b, 8);
    toy_string(b, "bert");
    toy_string(b, "tokenizer.ggml.tokens"); /* as converters write them: U+2581 before a word */
    bytes_append_u32(b, 9);
    bytes_append_u32(b, 8);
    bytes_append_u64(b, TOY_VOCAB);
    for (size_t i = 0; i < TOY_VOCAB; i++) {
        char piece[64];
        if (toy_words[i][0] == '[')
            snprintf(piece, sizeof piece, "%s", toy_words[i]);
        else if (toy_words[i][0] == '#')
            snprintf(piece, sizeof piece, "%s", toy_words[i] + 2);
        else
            snprintf(piece, sizeof piece, "\xE2\x96\x81%s", toy_words[i]);
        toy_string(b, piece);
    }
    toy_string(b, "tokenizer.ggml.token_type");
    bytes_append_u32(b, 9);
    bytes_append_u32(b, 5);
    bytes_append_u64(b, TOY_VOCAB);
    for (size_t i = 0; i < TOY_VOCAB; i++)
        bytes_append_u32(b, i == 1 ? 2 : toy_words[i][0] == '[' ? 3 : 1);
    toy_key_u32(b, "tokenizer.ggml.padding_token_id", 0);
    toy_key_u32(b, "tokenizer.ggml.unknown_token_id", 1);
    toy_key_u32(b, "tokenizer.ggml.bos_token_id", TOY_CLS);
    toy_key_u32(b, "tokenizer.ggml.seperator_token_id", TOY_SEP);
}

static void toy_array(bytes *b, const char *key, uint32_t type)
{
    toy_string(b, key);
    bytes_append_u32(b, 9);
    bytes_append_u32(b, type);
    bytes_append_u64(b, TOY_VOCAB);
}

static void toy_labels(bytes *b, const toy *y)
{
    toy_string(b, "bert.classifier.output_labels");
    bytes_append_u32(b, 9);
    bytes_append_u32(b, 8);
    bytes_append_u64(b, y->labels);
    for (size_t i = 0; i < y->labels; i++)
        toy_string(b, y->called[i]);
}

__attribute__((unused)) static void toy_unigram_keys(bytes *b)
{
    toy_string(b, "tokenizer.ggml.model");
    bytes_append_u32(b, 8);
    toy_string(b, "t5");
    toy_array(b, "tokenizer.ggml.tokens", 8);
    for (size_t i = 0; i < TOY_VOCAB; i++)
        toy_string(b, toy_pieces[i]);
    toy_array(b, "tokenizer.ggml.scores", 6);
    for (size_t i = 0; i < TOY_VOCAB; i++)
        bytes_append_f32(b, toy_pieces[i][0] == '<' ? 0 : -2);
    toy_array(b, "tokenizer.ggml.token_type", 5);
    for (size_t i = 0; i < TOY_VOCAB; i++)
        bytes_append_u32(b, i == 3 ? 2 : toy_pieces[i][0] == '<' ? 3 : 1);
    toy_string(b, "tokenizer.ggml.remove_extra_whitespaces");
    bytes_append_u32(b, 7);
    bytes_append_byte(b, 1);
    toy_key_u32(b, "tokenizer.ggml.unknown_token_id", 3);
    toy_key_u32(b, "tokenizer.ggml.bos_token_id", TOY_BEGIN);
    toy_key_u32(b, "tokenizer.ggml.eos_token_id", TOY_END);
}

__attribute__((unused)) static void toy_write_gguf(const toy *y, const char *path)
{
    bytes b, data;
    size_t n = 0;

    bytes_init(&b, 1 << 28);
    bytes_init(&data, 1 << 28);
    for (size_t i = 0; i < y->n; i++)
        n += !(y->leave_out && !strcmp(y->leave_out, y->t[i].name));
    bytes_append_str(&b, "GGUF");
    bytes_append_u32(&b, 3);
    bytes_append_u64(&b, n);
    bytes_append_u64(&b, (y->roberta ? 16 : 15) + (y->called != NULL));
    toy_string(&b, "general.architecture");
    bytes_append_u32(&b, 8);
    toy_string(&b, "bert");
    toy_key_u32(&b, "bert.embedding_length", y->hidden);
    toy_key_u32(&b, "bert.block_count", y->layers);
    toy_key_u32(&b, "bert.attention.head_count", y->heads);
    toy_key_u32(&b, "bert.feed_forward_length", y->ff);
    toy_key_u32(&b, "bert.context_length", y->positions);
    toy_key_u32(&b, "bert.pooling_type", y->cls ? 2 : 1);
    toy_string(&b, "bert.attention.layer_norm_epsilon");
    bytes_append_u32(&b, 6);
    bytes_append_f32(&b, 1e-5f);
    if (y->called)
        toy_labels(&b, y);
    if (y->roberta)
        toy_unigram_keys(&b);
    else
        toy_wordpiece_keys(&b);
    for (size_t i = 0; i < y->n; i++) {
        const toy_tensor *t = &y->t[i];
        size_t extra = toy_rows(y, t) > t->rows ? t->bytes / (t->rows ? t->rows : 1) : 0;
        if (y->leave_out && !strcmp(y->leave_out, t->name))
            continue;
        toy_string(&b, t->name);
        bytes_append_u32(&b, t->rows ? 2 : 1);
        bytes_append_u64(&b, t->cols);
        if (t->rows)
            bytes_append_u64(&b, toy_rows(y, t));
        bytes_append_u32(&b, t->type);
        bytes_append_u64(&b, data.len);
        bytes_append(&data, t->raw, t->bytes);
        bytes_append_zeros(&data, extra);
        bytes_append_zeros(&data, (32 - data.len % 32) % 32);
    }
    bytes_append_zeros(&b, (32 - b.len % 32) % 32);
    bytes_append(&b, data.data, data.len);
    toy_save(path, &b, y->cut);
    bytes_clear(&b);
    bytes_clear(&data);
}

/* --- the twin --- */

static void twin_linear(const toy *y, size_t t, const double *x, double *out)
{
    const toy_tensor *w = &y->t[t], *b = &y->t[t + 1];

    for (size_t o = 0; o < w->rows; o++) {
        out[o] = b->v[o];
        for (size_t i = 0; i < w->cols; i++)
            out[o] += (double)w->v[o * w->cols + i] * x[i];
    }
}

static void twin_norm(const toy *y, size_t t, double *x)
{
    double mean = 0, var = 0;
    const size_t h = y->hidden;

    for (size_t i = 0; i < h; i++)
        mean += x[i] / (double)h;
    for (size_t i = 0; i < h; i++)
        var += (x[i] - mean) * (x[i] - mean) / (double)h;
    for (size_t i = 0; i < h; i++)
        x[i] = (x[i] - mean) / sqrt(var + (double)1e-5f) * y->t[t].v[i] + y->t[t + 1].v[i];
}

static void twin_attention(const toy *y, size_t t, const double *x, size_t n, double *out)
{
    const size_t h = y->hidden, width = h / y->heads;
    double *qkv = malloc(3 * n * h * sizeof *qkv), *p = malloc(n * sizeof *p);

    for (int m = 0; m < 3; m++)
        for (size_t i = 0; i < n; i++)
            twin_linear(y, t + 2 * (size_t)m, x + i * h, qkv + ((size_t)m * n + i) * h);
    for (size_t head = 0; head < y->heads; head++)
        for (size_t i = 0; i < n; i++) {
            double sum = 0, top = -1e300, *o = out + i * h + head * width;
            for (size_t j = 0; j < n; j++) {
                p[j] = 0;
                for (size_t c = 0; c < width; c++)
                    p[j] += qkv[i * h + head * width + c] * qkv[(n + j) * h + head * width + c];
                p[j] /= sqrt((double)width);
                top = fmax(top, p[j]);
            }
            for (size_t j = 0; j < n; j++)
                sum += p[j] = exp(p[j] - top);
            memset(o, 0, width * sizeof *o);
            for (size_t j = 0; j < n; j++)
                for (size_t c = 0; c < width; c++)
                    o[c] += p[j] / sum * qkv[(2 * n + j) * h + head * width + c];
        }
    free(qkv);
    free(p);
}

/* The rows of the last layer, [n][hidden]; to be freed. types may be NULL. */
static double *twin_rows(const toy *y, const int32_t *ids, const uint8_t *types, size_t n)
{
    const size_t h = y->hidden;
    double *x = malloc(n * h * sizeof *x), *mix = malloc(n * h * sizeof *mix);
    double *wide = malloc(y->ff * sizeof *wide), *one = malloc(h * sizeof *one);

    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < h; c++)
            x[i * h + c] = (double)y->t[0].v[(size_t)ids[i] * h + c] + y->t[1].v[(i + TOY_SHIFT(y)) * h + c] +
                           y->t[2].v[(types ? types[i] : 0u) * h + c];
        twin_norm(y, 3, x + i * h);
    }
    for (size_t l = 0; l < y->layers; l++) {
        const size_t t = 5 + 16 * l; /* q k v o norm up down norm, two tensors each */
        twin_attention(y, t, x, n, mix);
        for (size_t i = 0; i < n; i++) {
            double *row = x + i * h;
            twin_linear(y, t + 6, mix + i * h, one);
            for (size_t c = 0; c < h; c++)
                row[c] += one[c];
            twin_norm(y, t + 8, row);
            twin_linear(y, t + 10, row, wide);
            for (size_t c = 0; c < y->ff; c++)
                wide[c] = wide[c] / 2 * (1 + erf(wide[c] / sqrt(2)));
            twin_linear(y, t + 12, wide, one);
            for (size_t c = 0; c < h; c++)
                row[c] += one[c];
            twin_norm(y, t + 14, row);
        }
    }
    free(mix);
    free(wide);
    free(one);
    return x;
}

/* 1 - cosine of `vector` and the twin's. */
__attribute__((unused)) static double twin_distance(const toy *y, const int32_t *ids, size_t n, bool cls,
                            const float *vector)
{
    double *rows = twin_rows(y, ids, NULL, n), ab = 0, aa = 0, bb = 0;

    for (size_t c = 0; c < y->hidden; c++) {
        double v = 0;
        for (size_t i = 0; i < (cls ? 1 : n); i++)
            v += rows[i * y->hidden + c];
        ab += v * vector[c];
        aa += v * v;
        bb += (double)vector[c] * vector[c];
    }
    free(rows);
    return 1 - ab / sqrt(aa * bb);
}

/* logit[labels] */
__attribute__((unused)) static void twin_logits(const toy *y, const int32_t *ids, const uint8_t *types, size_t n, double *logit)
{
    double *rows = twin_rows(y, ids, types, n), pooled[512];

    twin_linear(y, y->n - 4, rows, pooled);
    for (size_t i = 0; i < y->hidden; i++)
        pooled[i] = tanh(pooled[i]);
    twin_linear(y, y->n - 2, pooled, logit);
    free(rows);
}

__attribute__((unused)) static double twin_score(const toy *y, const int32_t *ids, const uint8_t *types, size_t n)
{
    double logit[8];

    twin_logits(y, ids, types, n, logit);
    return y->labels == 2 ? logit[1] - logit[0] : logit[0];
}

#endif
