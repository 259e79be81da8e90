/* causal_folder.c - see causal_folder.h. */
#include "generate/encode/causal_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/checked.h"
#include "generate/encode/sentence_files.h"
#include "generate/formats/gguf_keys.h"
#include "generate/formats/safetensors.h"
#include "generate/tokenize/bpe_files.h"

#define MAX_KEYS  ((size_t)1 << 30) /* bytes */
#define MAX_NUMBER (1 << 30)

struct causal_folder {
    char *path; /* without slashes at its end */
    safetensors *weights;
    arena names; /* of tensors, and what the sentence files say */
    tensor *tensors;
    size_t n;
    bytes keys;
    gguf *g;
};

bool causal_folder_is(const char *path)
{
    struct stat sb;
    json_t *config = NULL;
    const char *kind;
    bool is;

    if (stat(path, &sb) || !S_ISDIR(sb.st_mode) || sentence_json(path, "config.json", &config, NULL))
        return false;
    kind = json_string_value(json_object_get(config, "model_type"));
    is = kind && !strcmp(kind, "qwen3");
    json_decref(config);
    return is;
}

/* ---- config.json ---- */

static cairn_status put_number(gguf_keys *w, const json_t *config, const char *from, const char *to, const char *path,
                               cairn_error *err)
{
    const json_t *v = json_object_get(config, from);
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n < 1 || n > MAX_NUMBER)
        return cairn_fail(err, CAIRN_EMODEL, "%s/config.json: %s is missing or no sensible size", path, from);
    gguf_key_u32(w, to, (uint32_t)n);
    return CAIRN_OK;
}

/* Absent, null or false. */
static bool is_off(const json_t *v)
{
    return !v || json_is_null(v) || json_is_false(v);
}

/* The turning of positions: plain, with a base, which newer files keep in rope_parameters. */
static cairn_status put_rope(gguf_keys *w, const json_t *config, const char *path, cairn_error *err)
{
    const json_t *scaling = json_object_get(config, "rope_scaling"), *newer = json_object_get(config, "rope_parameters");
    const json_t *base = json_object_get(config, "rope_theta"), *kind;

    scaling = json_is_object(newer) ? newer : scaling;
    kind = json_object_get(scaling, "rope_type") ? json_object_get(scaling, "rope_type") : json_object_get(scaling, "type");
    base = json_is_number(base) ? base : json_object_get(newer, "rope_theta");
    if (!is_off(scaling) && (!json_is_string(kind) || strcmp(json_string_value(kind), "default")))
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s/config.json: rope_scaling %.60s is not supported in this form; the model's "
                          "GGUF file may be", path, json_is_string(kind) ? json_string_value(kind) : "(none)");
    gguf_key_f32(w, "qwen3.rope.freq_base", json_is_number(base) ? (float)json_number_value(base) : 1e4f);
    return CAIRN_OK;
}

static cairn_status check_config(const json_t *config, const char *path, cairn_error *err)
{
    static const char *const off[] = {"attention_bias", "use_sliding_window"};
    const json_t *layers = json_object_get(config, "layer_types"), *each;
    const char *act = json_string_value(json_object_get(config, "hidden_act"));
    size_t i;

    for (i = 0; i < sizeof off / sizeof *off; i++)
        if (!is_off(json_object_get(config, off[i])))
            return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s/config.json: %s is not supported", path, off[i]);
    if (act && strcmp(act, "silu"))
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s/config.json: hidden_act %.40s; only silu here", path, act);
    json_array_foreach((json_t *)layers, i, each)
    {
        const char *kind = json_string_value(each);
        if (!kind || strcmp(kind, "full_attention"))
            return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s/config.json: layer_types has %.40s; only full_attention here", path,
                              kind ? kind : "(none)");
    }
    return CAIRN_OK;
}

static cairn_status put_config(gguf_keys *w, const char *path, cairn_error *err)
{
    static const char *const numbers[][2] = {{"hidden_size", "qwen3.embedding_length"},
                                             {"num_hidden_layers", "qwen3.block_count"},
                                             {"intermediate_size", "qwen3.feed_forward_length"},
                                             {"num_attention_heads", "qwen3.attention.head_count"},
                                             {"num_key_value_heads", "qwen3.attention.head_count_kv"},
                                             {"head_dim", "qwen3.attention.key_length"},
                                             {"head_dim", "qwen3.attention.value_length"}};
    const json_t *eps;
    json_t *config;
    cairn_status st = sentence_json(path, "config.json", &config, err);

    if (!st)
        st = check_config(config, path, err);
    for (size_t i = 0; !st && i < sizeof numbers / sizeof *numbers; i++)
        st = put_number(w, config, numbers[i][0], numbers[i][1], path, err);
    if (!st)
        st = put_rope(w, config, path, err);
    eps = json_object_get(config, "rms_norm_eps");
    gguf_key_f32(w, "qwen3.attention.layer_norm_rms_epsilon", json_is_number(eps) ? (float)json_number_value(eps) : 1e-6f);
    if (!st) {
        const json_t *most = json_object_get(config, "max_position_embeddings");
        sentence_files s = {.max_tokens = json_integer_value(most) > 0 ? (size_t)json_integer_value(most) : 0};
        arena a;
        arena_init(&a, (size_t)1 << 20);
        st = sentence_files_read(&s, path, &a, err);
        if (!st && s.pooling == SENTENCE_POOL_NONE)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: a generator, no embedder (there is no 1_Pooling/config.json); Cairn reads "
                            "generators from their GGUF file", path);
        else if (!st && s.pooling != SENTENCE_POOL_LAST)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED, "%s/1_Pooling/config.json: only last-token pooling is known of a decoder", path);
        if (!st && (s.max_tokens < 1 || s.max_tokens > MAX_NUMBER))
            st = cairn_fail(err, CAIRN_EMODEL, "%s/config.json: max_position_embeddings is missing or no sensible size", path);
        if (!st) {
            gguf_key_u32(w, "qwen3.context_length", (uint32_t)s.max_tokens);
            gguf_key_u32(w, "qwen3.pooling_type", 3);
            gguf_key_text(w, "cairn.prompt.query", s.query_prefix ? s.query_prefix : "");
            gguf_key_text(w, "cairn.prompt.passage", s.passage_prefix ? s.passage_prefix : "");
        }
        arena_clear(&a);
    }
    json_decref(config);
    return st;
}

/* ---- tensors ---- */

/* GGUF's name of a tensor, "" for one that an embedder has no use for; false: it is not known. */
static bool name_of(const char *from, char out[96])
{
    static const char *const whole[][2] = {
        {"embed_tokens.weight", "token_embd.weight"}, {"norm.weight", "output_norm.weight"}, {"lm_head.weight", ""}};
    static const char *const parts[][2] = {
        {"input_layernorm", "attn_norm"}, {"post_attention_layernorm", "ffn_norm"}, {"self_attn.q_proj", "attn_q"},
        {"self_attn.k_proj", "attn_k"},   {"self_attn.v_proj", "attn_v"},           {"self_attn.o_proj", "attn_output"},
        {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},   {"mlp.gate_proj", "ffn_gate"},
        {"mlp.up_proj", "ffn_up"},        {"mlp.down_proj", "ffn_down"}};
    unsigned layer;
    int at = 0;

    if (!strncmp(from, "model.", 6))
        from += 6;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!strcmp(from, whole[i][0])) {
            snprintf(out, 96, "%s", whole[i][1]);
            return true;
        }
    if (sscanf(from, "layers.%4u.%n", &layer, &at) != 1 || !at)
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t len = strlen(parts[i][0]);
        if (!strncmp(from + at, parts[i][0], len) && !strcmp(from + at + len, ".weight")) {
            snprintf(out, 96, "blk.%u.%s.weight", layer, parts[i][1]);
            return true;
        }
    }
    return false;
}

static cairn_status name_tensors(causal_folder *f, gguf_keys *w, cairn_error *err)
{
    uint64_t hash = 0;

    f->tensors = checked_malloc(safetensors_count(f->weights) + 1, sizeof *f->tensors);
    if (!f->tensors)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tensors", f->path);
    for (size_t i = 0; i < safetensors_count(f->weights); i++) {
        const tensor *t = safetensors_at(f->weights, i);
        char name[96];
        if (!name_of(t->name, name))
            return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: tensor %.100s is not known in a qwen3 that embeds", f->path, t->name);
        if (!*name)
            continue;
        f->tensors[f->n] = *t;
        f->tensors[f->n].name = arena_strdup(&f->names, name);
        if (!f->tensors[f->n].name)
            return cairn_fail(err, CAIRN_ENOMEM, "%s: tensors", f->path);
        hash += XXH3_64bits_withSeed(t->data, t->bytes < 256 ? t->bytes : 256, XXH3_64bits(name, strlen(name)));
        f->n++;
    }
    gguf_key(w, "cairn.weights", GGUF_U64);
    gguf_put_u64(w, hash);
    return CAIRN_OK;
}

cairn_status causal_folder_open(causal_folder **out, const char *path, cairn_error *err)
{
    causal_folder *f = calloc(1, sizeof *f);
    gguf_keys w = {0};
    size_t len = strlen(path);
    cairn_status st;

    *out = NULL;
    if (!f)
        return cairn_fail(err, CAIRN_ENOMEM, "model handle");
    arena_init(&f->names, (size_t)128 << 20);
    bytes_init(&f->keys, MAX_KEYS);
    w.b = &f->keys;
    while (len > 1 && path[len - 1] == '/')
        len--;
    f->path = strndup(path, len);
    st = f->path ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "model handle");
    gguf_key_text(&w, "general.architecture", "qwen3");
    if (!st)
        st = put_config(&w, f->path, err);
    if (!st)
        st = bpe_json_keys(&w, f->path, err);
    if (!st)
        st = safetensors_open_folder(&f->weights, f->path, err);
    if (!st)
        st = name_tensors(f, &w, err);
    if (!st && w.st)
        st = cairn_fail(err, w.st, "%s: keys", f->path);
    if (!st)
        st = gguf_open_parts(&f->g, f->keys.data, f->keys.len, w.n, f->tensors, f->n, safetensors_path(f->weights), err);
    if (st) {
        causal_folder_close(f);
        return st;
    }
    *out = f;
    return CAIRN_OK;
}

void causal_folder_close(causal_folder *f)
{
    if (!f)
        return;
    gguf_close(f->g);
    safetensors_close(f->weights);
    arena_clear(&f->names);
    bytes_clear(&f->keys);
    free(f->tensors);
    free(f->path);
    free(f);
}

const gguf *causal_folder_gguf(const causal_folder *f)
{
    return f->g;
}
