/* bert_formats.c - the three kinds of file an encoder comes in: where each keeps its settings and
 * what it calls its tensors. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate/encode/bert.h"

/* --- a folder of safetensors, as the transformers library writes it --- */

static const bert_naming safetensors_naming = {
    .word = "embeddings.word_embeddings.weight",
    .pos = "embeddings.position_embeddings.weight",
    .type = "embeddings.token_type_embeddings.weight",
    .embedding_norm = "embeddings.LayerNorm",
    .linear = {"encoder.layer.%zu.attention.self.query", "encoder.layer.%zu.attention.self.key",
               "encoder.layer.%zu.attention.self.value", "encoder.layer.%zu.attention.output.dense",
               "encoder.layer.%zu.intermediate.dense", "encoder.layer.%zu.output.dense"},
    .attention_norm = "encoder.layer.%zu.attention.output.LayerNorm",
    .output_norm = "encoder.layer.%zu.output.LayerNorm",
    .pooler = "pooler.dense",
    .classifier = "classifier",
    .lm_dense = "cls.predictions.transform.dense",
    .lm_norm = "cls.predictions.transform.LayerNorm",
    .lm_bias = "cls.predictions.bias",
    .weight = ".weight",
    .bias = ".bias",
    .old_weight = ".gamma",
    .old_bias = ".beta",
};

static const tensor *find_safetensors(const bert *b, const char *name)
{
    return safetensors_find(b->safetensors, name);
}

/* Read folder/name as a JSON object; *out is NULL when the file does not exist. */
static cairn_status load_json(const char *folder, const char *name, json_t **out, cairn_error *err)
{
    char path[4096];
    json_error_t je;
    FILE *f;

    *out = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    f = fopen(path, "rb");
    if (!f)
        return CAIRN_OK;
    *out = json_loadf(f, 0, &je);
    fclose(f);
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        return cairn_fail(err, CAIRN_EMODEL, "%s: no JSON object (line %d: %s)", path, je.line,
                          je.text);
    }
    return CAIRN_OK;
}

static cairn_status need_size(const json_t *config, const char *folder, const char *key,
                              size_t *out, cairn_error *err)
{
    const json_t *v = json_object_get(config, key);
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n < 1 || n > 1 << 30)
        return cairn_fail(err, CAIRN_EMODEL, "%s/config.json: %s is missing or no sensible size",
                          folder, key);
    *out = (size_t)n;
    return CAIRN_OK;
}

/* Refuse what would silently compute something else. */
static cairn_status check_kind(const json_t *config, const char *folder, cairn_error *err)
{
    const char *kind = json_string_value(json_object_get(config, "model_type"));
    const char *act = json_string_value(json_object_get(config, "hidden_act"));
    const char *pos = json_string_value(json_object_get(config, "position_embedding_type"));

    if (!kind || strcmp(kind, "bert"))
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s/config.json: model_type %s; only bert here",
                          folder, kind ? kind : "(none)");
    if (act && strcmp(act, "gelu"))
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s/config.json: hidden_act %s; only gelu here",
                          folder, act);
    if (pos && strcmp(pos, "absolute"))
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "%s/config.json: position_embedding_type %s; only absolute here", folder,
                          pos);
    return CAIRN_OK;
}

/* The files that sentence-transformers adds beside the model. */
static cairn_status read_sentence_files(bert *b, const char *folder, cairn_error *err)
{
    json_t *j;
    cairn_status st = load_json(folder, "sentence_bert_config.json", &j, err);

    if (st)
        return st;
    if (json_integer_value(json_object_get(j, "max_seq_length")) > 0)
        b->max_tokens = (size_t)json_integer_value(json_object_get(j, "max_seq_length"));
    json_decref(j);
    st = load_json(folder, "1_Pooling/config.json", &j, err);
    if (st)
        return st;
    if (j) {
        if (json_is_true(json_object_get(j, "pooling_mode_cls_token")))
            b->pooling = BERT_POOL_CLS;
        else if (json_is_true(json_object_get(j, "pooling_mode_mean_tokens")))
            b->pooling = BERT_POOL_MEAN;
        else
            st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                            "%s/1_Pooling/config.json: neither mean nor first-token pooling",
                            folder);
        json_decref(j);
    }
    return st;
}

static cairn_status read_config(bert *b, const char *folder, cairn_error *err)
{
    json_t *config;
    cairn_status st = load_json(folder, "config.json", &config, err);

    if (st)
        return st;
    if (!config)
        return cairn_fail(err, CAIRN_EMODEL, "%s: no config.json there", folder);
    st = check_kind(config, folder, err);
    if (!st)
        st = need_size(config, folder, "hidden_size", &b->hidden, err);
    if (!st)
        st = need_size(config, folder, "num_hidden_layers", &b->n_layers, err);
    if (!st)
        st = need_size(config, folder, "num_attention_heads", &b->heads, err);
    if (!st)
        st = need_size(config, folder, "intermediate_size", &b->ff, err);
    b->eps = 1e-12f;
    if (!st && json_is_number(json_object_get(config, "layer_norm_eps")))
        b->eps = (float)json_number_value(json_object_get(config, "layer_norm_eps"));
    json_decref(config);
    return st;
}

cairn_status bert_open_safetensors(bert *b, const char *folder, cairn_error *err)
{
    char path[4096];
    const char *prefix = "";
    cairn_status st = read_config(b, folder, err);

    if (!st)
        st = read_sentence_files(b, folder, err);
    if (st)
        return st;
    if ((size_t)snprintf(path, sizeof path, "%s/model.safetensors", folder) >= sizeof path)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    st = safetensors_open(&b->safetensors, path, err);
    if (st)
        return st;
    if (!find_safetensors(b, safetensors_naming.word) &&
        find_safetensors(b, "bert.embeddings.word_embeddings.weight"))
        prefix = "bert.";
    st = bert_bind(b, path, &safetensors_naming, prefix, find_safetensors, err);
    if (!st)
        st = tokenizer_from_wordpiece(&b->tokenizer, folder, err);
    return st;
}

/* --- GGUF, architecture "bert" --- */

static const bert_naming gguf_naming = {
    .word = "token_embd.weight",
    .pos = "position_embd.weight",
    .type = "token_types.weight",
    .embedding_norm = "token_embd_norm",
    .linear = {"blk.%zu.attn_q", "blk.%zu.attn_k", "blk.%zu.attn_v", "blk.%zu.attn_output",
               "blk.%zu.ffn_up", "blk.%zu.ffn_down"},
    .attention_norm = "blk.%zu.attn_output_norm",
    .output_norm = "blk.%zu.layer_output_norm",
    .pooler = "cls",
    .classifier = "cls.output",
    .weight = ".weight",
    .bias = ".bias",
};

static const tensor *find_gguf(const bert *b, const char *name)
{
    return gguf_find_tensor(b->gguf, name);
}

cairn_status bert_open_gguf(bert *b, const char *path, cairn_error *err)
{
    uint32_t hidden, layers, heads, ff, context;
    gguf_string arch, name;
    char *given;
    cairn_status st = gguf_open(&b->gguf, path, err);

    if (st)
        return st;
    st = gguf_need_string(b->gguf, "general.architecture", &arch, err);
    if (st)
        return st;
    if (!gguf_string_is(arch, "bert"))
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "%s: architecture %.*s is no encoder of this build", path,
                          (int)(arch.len < 64 ? arch.len : 64), arch.data);
    if ((st = gguf_need_u32(b->gguf, "bert.embedding_length", &hidden, err)) ||
        (st = gguf_need_u32(b->gguf, "bert.block_count", &layers, err)) ||
        (st = gguf_need_u32(b->gguf, "bert.attention.head_count", &heads, err)) ||
        (st = gguf_need_u32(b->gguf, "bert.feed_forward_length", &ff, err)) ||
        (st = gguf_need_f32(b->gguf, "bert.attention.layer_norm_epsilon", &b->eps, err)))
        return st;
    b->hidden = hidden;
    b->n_layers = layers;
    b->heads = heads;
    b->ff = ff;
    context = gguf_get_u32(b->gguf, "bert.context_length", 0);
    if (!b->max_tokens || (context && context < b->max_tokens))
        b->max_tokens = context;
    switch (gguf_get_u32(b->gguf, "bert.pooling_type", 1)) {
    case 2:
        b->pooling = BERT_POOL_CLS;
        break;
    case 0: /* none stated */
    case 1:
    case 4: /* a cross-encoder: the head decides */
        b->pooling = BERT_POOL_MEAN;
        break;
    default:
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: bert.pooling_type is neither mean nor cls",
                          path);
    }
    name = gguf_get_string(b->gguf, "general.name");
    if (name.len && name.len < 200 && !*b->query_prefix) {
        given = strndup(name.data, name.len);
        if (given && strstr(given, "e5-")) {
            b->query_prefix = "query: ";
            b->passage_prefix = "passage: ";
        }
        free(given);
    }
    st = bert_bind(b, path, &gguf_naming, "", find_gguf, err);
    if (!st)
        st = tokenizer_from_gguf(&b->tokenizer, b->gguf, err);
    return st;
}

/* --- E5S1 --- */

static const bert_naming e5s1_naming = {
    .word = "emb.word",
    .pos = "emb.pos",
    .type = "emb.type",
    .embedding_norm = "emb.ln",
    .linear = {"l%zu.q", "l%zu.k", "l%zu.v", "l%zu.ao", "l%zu.fi", "l%zu.fo"},
    .attention_norm = "l%zu.aln",
    .output_norm = "l%zu.oln",
    .weight = ".w",
    .bias = ".b",
};

static const tensor *find_e5s1(const bert *b, const char *name)
{
    return e5s1_find(b->e5s1, name);
}

cairn_status bert_open_e5s1(bert *b, const char *path, cairn_error *err)
{
    const e5s1_shape *shape;
    cairn_status st = e5s1_open(&b->e5s1, path, err);

    if (st)
        return st;
    shape = e5s1_get_shape(b->e5s1);
    b->hidden = shape->hidden;
    b->n_layers = shape->layers;
    b->heads = shape->heads;
    b->ff = shape->ff;
    b->eps = shape->norm_eps;
    b->pooling = BERT_POOL_MEAN;
    b->max_tokens = shape->positions;
    b->query_prefix = "query: "; /* the format is that of one family */
    b->passage_prefix = "passage: ";
    st = bert_bind(b, path, &e5s1_naming, "", find_e5s1, err);
    if (!st)
        st = tokenizer_from_e5s1(&b->tokenizer, b->e5s1, err);
    return st;
}
