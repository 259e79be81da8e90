/* bert_formats.c - the kinds of file an encoder comes in: where each keeps its settings and
 * what it calls its tensors. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generate/encode/bert.h"
#include "generate/encode/deberta.h"
#include "generate/encode/sentence_files.h"

/* --- a folder as the transformers library writes it, its weights as safetensors or as ONNX --- */

/* The model itself; heads differ. */
#define SAFETENSORS_BODY                                                                           \
    .word = "embeddings.word_embeddings.weight", .pos = "embeddings.position_embeddings.weight",   \
    .type = "embeddings.token_type_embeddings.weight", .embedding_norm = "embeddings.LayerNorm",   \
    .linear =                                                                                      \
        {"encoder.layer.%zu.attention.self.query", "encoder.layer.%zu.attention.self.key",         \
         "encoder.layer.%zu.attention.self.value", "encoder.layer.%zu.attention.output.dense",     \
         "encoder.layer.%zu.intermediate.dense",   "encoder.layer.%zu.output.dense"},              \
    .attention_norm = "encoder.layer.%zu.attention.output.LayerNorm",                              \
    .output_norm = "encoder.layer.%zu.output.LayerNorm", .weight = ".weight", .bias = ".bias",     \
    .old_weight = ".gamma", .old_bias = ".beta"

static const bert_naming bert_names = {
    SAFETENSORS_BODY,
    .pooler = "pooler.dense",
    .classifier = "classifier",
    .lm_dense = "cls.predictions.transform.dense",
    .lm_norm = "cls.predictions.transform.LayerNorm",
    .lm_bias = "cls.predictions.bias",
};

static const bert_naming roberta_names = {
    SAFETENSORS_BODY,
    .pooler = "classifier.dense",
    .classifier = "classifier.out_proj",
    .pooler_beside = true,
    .lm_dense = "lm_head.dense",
    .lm_norm = "lm_head.layer_norm",
    .lm_bias = "lm_head.bias",
};

static const tensor *find_safetensors(const bert *b, const char *name)
{
    return safetensors_find(b->safetensors, name);
}

static const tensor *find_onnx(const bert *b, const char *name)
{
    return onnx_find(b->onnx, name);
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

/* Other models of text, and what of them is missing here. */
static const struct {
    const char *kind, *missing;
} other_kinds[] = {
    {"deberta", "its attention by relative positions is another than that of deberta-v2"},
    {"modernbert", "rotary positions and gated layers are missing"},
    {"nomic_bert", "rotary positions and gated layers are missing"},
    {"new", "rotary positions and gated layers are missing"},
    {"distilbert", "its own tensor names are missing"},
    {"mpnet", "attention by relative positions is missing"},
    {"albert", "layers that share their weights are missing"},
    {"electra", "its own tensor names are missing"},
    {"qwen2", "decoders embed from their GGUF file; take that"},
    {"llama", "decoders embed from their GGUF file; take that"},
    {"mistral", "decoders embed from their GGUF file; take that"},
};

typedef enum family { OF_BERT, OF_ROBERTA, OF_DEBERTA } family;

/* Refuse what would silently compute something else. */
static cairn_status check_kind(const json_t *config, const char *folder, family *of,
                               cairn_error *err)
{
    static const char *const kin[] = {"xlm-roberta", "roberta", "camembert"};
    const char *kind = json_string_value(json_object_get(config, "model_type"));
    const char *act = json_string_value(json_object_get(config, "hidden_act"));
    const char *pos = json_string_value(json_object_get(config, "position_embedding_type"));

    *of = kind && !strcmp(kind, "deberta-v2") ? OF_DEBERTA : OF_BERT;
    for (size_t i = 0; kind && i < sizeof kin / sizeof *kin; i++)
        *of = strcmp(kind, kin[i]) ? *of : OF_ROBERTA;
    if (*of == OF_DEBERTA) /* deberta.c checks the rest */
        return CAIRN_OK;
    for (size_t i = 0; kind && i < sizeof other_kinds / sizeof *other_kinds; i++)
        if (!strcmp(kind, other_kinds[i].kind))
            return cairn_fail(err, CAIRN_EUNSUPPORTED,
                              "%s/config.json: model_type %s is not supported: %s", folder, kind,
                              other_kinds[i].missing);
    if (*of == OF_BERT && (!kind || strcmp(kind, "bert")))
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "%s/config.json: model_type %s; only bert, xlm-roberta, roberta, camembert and deberta-v2 here",
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

static cairn_status take_sentence_files(bert *b, const char *folder, cairn_error *err)
{
    sentence_files f = {.max_tokens = b->max_tokens};
    cairn_status st = sentence_files_read(&f, folder, &b->arena, err);

    if (st)
        return st;
    b->max_tokens = f.max_tokens;
    if (f.pooling == SENTENCE_POOL_LAST)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s/1_Pooling/config.json: the last token of an encoder", folder);
    if (f.pooling != SENTENCE_POOL_NONE)
        b->pooling = f.pooling == SENTENCE_POOL_FIRST ? BERT_POOL_CLS : BERT_POOL_MEAN;
    if (f.query_prefix) {
        b->query_prefix = f.query_prefix;
        b->passage_prefix = f.passage_prefix;
    }
    return CAIRN_OK;
}

#define MAX_LABELS 4096 /* that have names */

/* id2label: {"0": "CONTRADICTION", "1": ...}. What is none of it names nothing. */
static cairn_status read_labels(bert *b, const json_t *config, const char *folder, cairn_error *err)
{
    json_t *given = json_object_get(config, "id2label"), *label;
    const char *key;
    size_t n = json_object_size(given);

    if (!n || n > MAX_LABELS)
        return CAIRN_OK;
    b->labels = arena_calloc(&b->arena, n, sizeof *b->labels);
    if (!b->labels)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: labels", folder);
    b->n_labels = n;
    json_object_foreach(given, key, label) {
        char *end;
        unsigned long i = strtoul(key, &end, 10);
        if (*key < '0' || *key > '9' || *end || i >= n || !json_is_string(label))
            continue;
        b->labels[i] = arena_strdup(&b->arena, json_string_value(label));
        if (!b->labels[i])
            return cairn_fail(err, CAIRN_ENOMEM, "%s: labels", folder);
    }
    return CAIRN_OK;
}

/* *first: the row of the position table that is a text's first token's; 0 but for RoBERTa's kin,
 * which count from behind the padding token's number. */
static cairn_status read_config(bert *b, const char *folder, bert_naming *naming, size_t *first,
                                cairn_error *err)
{
    json_t *config;
    const json_t *pad;
    family of = OF_BERT;
    cairn_status st = sentence_json(folder, "config.json", &config, err);

    if (st)
        return st;
    if (!config)
        return cairn_fail(err, CAIRN_EMODEL, "%s: no config.json there", folder);
    st = check_kind(config, folder, &of, err);
    if (!st)
        st = need_size(config, folder, "hidden_size", &b->hidden, err);
    if (!st)
        st = need_size(config, folder, "num_hidden_layers", &b->n_layers, err);
    if (!st)
        st = need_size(config, folder, "num_attention_heads", &b->heads, err);
    if (!st)
        st = need_size(config, folder, "intermediate_size", &b->ff, err);
    b->eps = of == OF_BERT ? 1e-12f : of == OF_ROBERTA ? 1e-5f : 1e-7f;
    if (!st && json_is_number(json_object_get(config, "layer_norm_eps")))
        b->eps = (float)json_number_value(json_object_get(config, "layer_norm_eps"));
    pad = json_object_get(config, "pad_token_id");
    *first = of == OF_ROBERTA ? 2 : 0;
    *naming = of == OF_ROBERTA ? roberta_names : bert_names;
    if (!st && of == OF_DEBERTA)
        st = deberta_read_config(b, config, folder, naming, err);
    if (!st && of == OF_ROBERTA && json_is_integer(pad)) {
        if (json_integer_value(pad) < 0 || json_integer_value(pad) > 1 << 20)
            st = cairn_fail(err, CAIRN_EMODEL, "%s/config.json: pad_token_id is no sensible number",
                            folder);
        *first = (size_t)json_integer_value(pad) + 1;
    }
    if (!st)
        st = read_labels(b, config, folder, err);
    json_decref(config);
    return st;
}

/* Take the rows off the front of the position table that no text ever has. */
static cairn_status shift_positions(bert *b, size_t first, const char *path, cairn_error *err)
{
    if (!first)
        return CAIRN_OK;
    if (first >= b->positions)
        return cairn_fail(err, CAIRN_EMODEL,
                          "%s: %zu rows of positions, of which the first %zu are not used", path,
                          b->positions, first);
    b->pos += first * b->hidden;
    b->positions -= first;
    return CAIRN_OK;
}

static bool is_there(const char *folder, const char *name)
{
    char path[4096];

    return (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path &&
           !access(path, F_OK);
}

const char *bert_onnx_file(const char *folder)
{
    if (is_there(folder, "model.safetensors") || is_there(folder, SAFETENSORS_INDEX))
        return NULL;
    return is_there(folder, "model.onnx") ? "model.onnx" : is_there(folder, "onnx/model.onnx") ? "onnx/model.onnx" : NULL;
}

/* Folders that lack what we read often have it in another form: say which, and the way out. */
static cairn_status check_files(const char *folder, cairn_error *err)
{
    if (!is_there(folder, "model.safetensors") && !is_there(folder, SAFETENSORS_INDEX) && !bert_onnx_file(folder) &&
        is_there(folder, "pytorch_model.bin"))
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "%s: there is only pytorch_model.bin, which can run programs when it is "
                          "read; Cairn reads "
                          "model.safetensors: load the model with transformers and save it with "
                          "save_pretrained, or take its "
                          "GGUF file",
                          folder);
    if (!is_there(folder, "tokenizer.json") && !is_there(folder, "vocab.txt"))
        return cairn_fail(err, CAIRN_EMODEL, "%s: neither tokenizer.json nor vocab.txt is there%s",
                          folder,
                          is_there(folder, "sentencepiece.bpe.model")
                              ? "; transformers' AutoTokenizer writes tokenizer.json from "
                                "sentencepiece.bpe.model with "
                                "save_pretrained"
                              : "");
    return CAIRN_OK;
}

/* The weights, and the file that sentences about them name. */
static cairn_status open_weights(bert *b, const char *folder, bert_find **find, char path[PATH_MAX], cairn_error *err)
{
    const char *file = bert_onnx_file(folder);
    cairn_status st;

    if (!file) {
        st = safetensors_open_folder(&b->safetensors, folder, err);
        if (!st)
            snprintf(path, PATH_MAX, "%s", safetensors_path(b->safetensors));
        *find = find_safetensors;
        return st;
    }
    if (snprintf(path, PATH_MAX, "%s/%s", folder, file) >= PATH_MAX)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    *find = find_onnx;
    return onnx_open(&b->onnx, path, err);
}

cairn_status bert_open_folder(bert *b, const char *folder, cairn_error *err)
{
    static const char *const prefixes[] = {"", "bert.", "roberta.", "deberta."};
    char word[128], path[PATH_MAX];
    const char *prefix = "";
    bert_naming naming;
    bert_find *find;
    size_t first = 0;
    cairn_status st = read_config(b, folder, &naming, &first, err);

    if (!st)
        st = check_files(folder, err);
    if (!st)
        st = take_sentence_files(b, folder, err);
    if (st)
        return st;
    st = open_weights(b, folder, &find, path, err);
    if (st)
        return st;
    for (size_t i = sizeof prefixes / sizeof *prefixes; i--;) {
        snprintf(word, sizeof word, "%s%s", prefixes[i], naming.word);
        if (find(b, word))
            prefix = prefixes[i];
    }
    st = bert_bind(b, path, &naming, prefix, find, err);
    if (!st)
        st = shift_positions(b, first, path, err);
    if (!st)
        st = is_there(folder, "tokenizer.json")
                 ? tokenizer_from_json(&b->tokenizer, folder, err)
                 : tokenizer_from_wordpiece(&b->tokenizer, folder, err);
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

/* bert.classifier.output_labels: strings, in the order of the outputs. */
static cairn_status read_gguf_labels(bert *b, const char *path, cairn_error *err)
{
    const gguf_kv *kv = gguf_find_kv(b->gguf, "bert.classifier.output_labels");
    size_t pos = 0;

    if (!kv || kv->type != GGUF_ARRAY || kv->elem_type != GGUF_STRING || !kv->n || kv->n > MAX_LABELS)
        return CAIRN_OK;
    b->labels = arena_calloc(&b->arena, (size_t)kv->n, sizeof *b->labels);
    if (!b->labels)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: labels", path);
    b->n_labels = (size_t)kv->n;
    for (size_t i = 0; i < b->n_labels; i++) {
        gguf_string s = gguf_array_next_string(kv, &pos);
        b->labels[i] = arena_strndup(&b->arena, s.data, s.len);
        if (!b->labels[i])
            return cairn_fail(err, CAIRN_ENOMEM, "%s: labels", path);
    }
    return CAIRN_OK;
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
        st = read_gguf_labels(b, path, err);
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
