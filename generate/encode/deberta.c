/* deberta.c - see deberta.h. The settings' defaults are those of the library transformers. */
#include "generate/encode/deberta.h"

#include <string.h>

static const bert_naming names = {
    .word = "embeddings.word_embeddings.weight",
    .pos = "embeddings.position_embeddings.weight",
    .type = "embeddings.token_type_embeddings.weight",
    .relative = "encoder.rel_embeddings.weight",
    .embedding_norm = "embeddings.LayerNorm",
    .project = "embeddings.embed_proj",
    .relative_norm = "encoder.LayerNorm",
    .pos_key = "encoder.layer.%zu.attention.self.pos_key_proj",
    .pos_query = "encoder.layer.%zu.attention.self.pos_query_proj",
    .linear = {"encoder.layer.%zu.attention.self.query_proj", "encoder.layer.%zu.attention.self.key_proj",
               "encoder.layer.%zu.attention.self.value_proj", "encoder.layer.%zu.attention.output.dense",
               "encoder.layer.%zu.intermediate.dense", "encoder.layer.%zu.output.dense"},
    .attention_norm = "encoder.layer.%zu.attention.output.LayerNorm",
    .output_norm = "encoder.layer.%zu.output.LayerNorm",
    .pooler = "pooler.dense",
    .classifier = "classifier",
    .pooler_beside = true,
    .weight = ".weight",
    .bias = ".bias",
};

typedef struct reader {
    const json_t *config;
    const char *folder;
    cairn_error *err;
} reader;

/* A whole number of `least` to 2^30; `other` where there is none. */
static cairn_status read_number(const reader *r, const char *key, json_int_t least, json_int_t other, json_int_t *out)
{
    const json_t *v = json_object_get(r->config, key);

    *out = v && !json_is_null(v) ? json_integer_value(v) : other;
    if ((v && !json_is_null(v) && !json_is_integer(v)) || *out < least || *out > 1 << 30)
        return cairn_fail(r->err, CAIRN_EMODEL, "%s/config.json: %s is no sensible size", r->folder, key);
    return CAIRN_OK;
}

static bool read_flag(const reader *r, const char *key, bool other)
{
    const json_t *v = json_object_get(r->config, key);

    return json_is_boolean(v) ? json_is_true(v) : other;
}

static cairn_status refuse(const reader *r, const char *key, const char *value, const char *why)
{
    return cairn_fail(r->err, CAIRN_EUNSUPPORTED, "%s/config.json: %s%s%.40s; %s", r->folder, key,
                      *value ? " " : "", value, why);
}

/* "c2p", "p2c", or nothing. */
static cairn_status read_term(const reader *r, const char *name, size_t len, bert_relative *to)
{
    char word[8] = "";

    while (len && (*name == ' ' || *name == '\t')) {
        name++;
        len--;
    }
    while (len && (name[len - 1] == ' ' || name[len - 1] == '\t'))
        len--;
    memcpy(word, name, len < sizeof word ? len : sizeof word - 1);
    if (!strcasecmp(word, "c2p"))
        to->keys = true;
    else if (!strcasecmp(word, "p2c"))
        to->queries = true;
    else if (*word)
        return refuse(r, "pos_att_type", word, "only c2p and p2c here");
    return CAIRN_OK;
}

/* A list, or one text with bars between them. */
static cairn_status read_terms(const reader *r, bert_relative *to)
{
    const json_t *v = json_object_get(r->config, "pos_att_type"), *each;
    const char *text = json_string_value(v);
    cairn_status st = CAIRN_OK;
    size_t i;

    json_array_foreach((json_t *)v, i, each)
    {
        if (!st)
            st = read_term(r, json_is_string(each) ? json_string_value(each) : "?",
                           json_is_string(each) ? json_string_length(each) : 1, to);
    }
    while (text && *text && !st) {
        const size_t n = strcspn(text, "|");
        st = read_term(r, text, n, to);
        text += n + (text[n] == '|');
    }
    return st;
}

static cairn_status read_distances(const reader *r, size_t positions, bert_relative *to)
{
    json_int_t buckets, farthest;
    cairn_status st = read_number(r, "position_buckets", -1, -1, &buckets);

    if (!st)
        st = read_number(r, "max_relative_positions", -1, -1, &farthest);
    if (st)
        return st;
    to->farthest = farthest < 1 ? positions : (size_t)farthest;
    to->buckets = buckets < 1 ? 0 : (size_t)buckets;
    to->span = to->buckets ? to->buckets : to->farthest;
    /* The logarithm of (farthest - 1) / (buckets / 2) is divided by. */
    if (to->buckets && (to->buckets < 2 || to->farthest < 2 || to->farthest - 1 <= to->buckets / 2))
        return cairn_fail(r->err, CAIRN_EMODEL, "%s/config.json: position_buckets %zu do not fit %zu positions",
                          r->folder, to->buckets, to->farthest);
    return CAIRN_OK;
}

static cairn_status read_relative(bert *b, const reader *r, bert_naming *naming)
{
    const char *norm = json_string_value(json_object_get(r->config, "norm_rel_ebd"));
    const bool shared = read_flag(r, "share_att_key", false);
    cairn_status st = read_terms(r, &b->relative);

    if (st)
        return st;
    b->terms = 1u + b->relative.keys + b->relative.queries;
    if (!read_flag(r, "relative_attention", false)) {
        b->relative.keys = b->relative.queries = false;
        naming->relative = naming->relative_norm = naming->pos_key = naming->pos_query = NULL;
        return CAIRN_OK;
    }
    if (norm && strcasecmp(norm, "layer_norm") && strcasecmp(norm, "none"))
        return refuse(r, "norm_rel_ebd", norm, "only layer_norm and none here");
    if (!norm || strcasecmp(norm, "layer_norm"))
        naming->relative_norm = NULL;
    if (shared || !b->relative.keys)
        naming->pos_key = NULL;
    if (shared || !b->relative.queries)
        naming->pos_query = NULL;
    return read_distances(r, b->positions, &b->relative);
}

static cairn_status check_activations(bert *b, const reader *r)
{
    const char *act = json_string_value(json_object_get(r->config, "hidden_act"));
    const char *pooler = json_string_value(json_object_get(r->config, "pooler_hidden_act"));

    if (act && strcmp(act, "gelu"))
        return refuse(r, "hidden_act", act, "only gelu here");
    if (pooler && strcmp(pooler, "gelu") && strcmp(pooler, "tanh"))
        return refuse(r, "pooler_hidden_act", pooler, "only gelu and tanh here");
    b->pooler_act = pooler && !strcmp(pooler, "tanh") ? BERT_TANH : BERT_GELU;
    return CAIRN_OK;
}

cairn_status deberta_read_config(bert *b, const json_t *config, const char *folder, bert_naming *naming,
                                 cairn_error *err)
{
    const reader r = {config, folder, err};
    json_int_t conv, width, pooled, embedding, positions, types;
    cairn_status st = check_activations(b, &r);

    *naming = names;
    if (st || (st = read_number(&r, "conv_kernel_size", 0, 0, &conv)) ||
        (st = read_number(&r, "attention_head_size", 0, 0, &width)) ||
        (st = read_number(&r, "pooler_hidden_size", 0, 0, &pooled)) ||
        (st = read_number(&r, "embedding_size", 1, (json_int_t)b->hidden, &embedding)) ||
        (st = read_number(&r, "max_position_embeddings", 1, 512, &positions)) ||
        (st = read_number(&r, "type_vocab_size", 0, 0, &types)))
        return st;
    if (conv)
        return refuse(&r, "conv_kernel_size", "", "a convolution behind the first layer is not supported");
    if (width && ((size_t)width > b->hidden || (size_t)width * b->heads != b->hidden))
        return refuse(&r, "attention_head_size", "", "only heads that make up hidden_size here");
    if (pooled && (size_t)pooled != b->hidden)
        return refuse(&r, "pooler_hidden_size", "", "only hidden_size here");
    b->embedding = (size_t)embedding;
    b->positions = (size_t)positions;
    if (b->embedding == b->hidden)
        naming->project = NULL;
    if (!types)
        naming->type = NULL;
    if (!read_flag(&r, "position_biased_input", true))
        naming->pos = NULL;
    return read_relative(b, &r, naming);
}
