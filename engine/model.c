/* model.c - the JSON-lines verbs over the generator, the encoder and the tokenizers. */
#include "engine/model.h"
#include "generate/encode/entailment.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "engine/engine.h"
#include "engine/model_lines.h"
#include "generate/encode/bert.h"
#include "generate/formats/e5s1.h"
#include "generate/template/chat_template.h"

/* ---- tokenize ---- */

/* A tokenizer with whatever file it borrows from. */
typedef struct tokenizing {
    tokenizer *t;
    gguf *g;
    e5s1 *e;
    unsigned flags;
} tokenizing;

static bool has_magic(const char *path, const char *magic)
{
    char head[4] = {0};
    FILE *f = fopen(path, "re");
    bool same = f && fread(head, 1, 4, f) == 4 && !memcmp(head, magic, 4);

    if (f)
        fclose(f);
    return same;
}

static cairn_status open_tokenizer(tokenizing *k, const char *path, cairn_error *err)
{
    char file[4096];
    cairn_status st;

    if (has_magic(path, "GGUF")) {
        st = gguf_open(&k->g, path, err);
        return st ? st : tokenizer_from_gguf(&k->t, k->g, err);
    }
    if (has_magic(path, "E5S1")) {
        st = e5s1_open(&k->e, path, err);
        return st ? st : tokenizer_from_e5s1(&k->t, k->e, err);
    }
    if (snprintf(file, sizeof file, "%s/tokenizer.json", path) < (int)sizeof file && !access(file, F_OK))
        return tokenizer_from_json(&k->t, path, err);
    return tokenizer_from_wordpiece(&k->t, path, err);
}

static void close_tokenizer(tokenizing *k)
{
    tokenizer_destroy(k->t);
    gguf_close(k->g);
    e5s1_close(k->e);
}

static cairn_status tokenize_line(void *ctx, const json_t *in, json_t *out, cairn_error *err)
{
    tokenizing *k = ctx;
    token_list list = {0};
    json_t *tokens;
    bytes text;
    cairn_status st;

    bytes_init(&text, TOKENIZER_MAX_TEXT);
    st = model_line_text(in, &text, err);
    if (!st)
        st = tokenizer_encode(k->t, text.data ? text.data : "", text.len, k->flags, &list, err);
    if (!st) {
        tokens = json_array();
        for (size_t i = 0; i < list.n; i++)
            json_array_append_new(tokens, json_integer(list.ids[i]));
        json_object_set_new(out, "tokens", tokens);
    }
    token_list_clear(&list);
    bytes_clear(&text);
    return st;
}

cairn_status cairn_model_tokenize(const char *model, const cairn_model_flags *flags, FILE *in,
                                  FILE *out, cairn_error *err)
{
    tokenizing k = {0};
    char path[8192];
    cairn_status st = cairn_model_path(model, path, sizeof path, err);

    k.flags = (flags->add_special ? TOKENIZE_ADD_SPECIAL : 0) |
              (flags->parse_special ? TOKENIZE_PARSE_SPECIAL : 0);
    if (!st)
        st = engine_model_status(open_tokenizer(&k, path, err), err);
    if (!st)
        st = model_each_line(in, out, flags->cancel, tokenize_line, &k, err);
    close_tokenizer(&k);
    return st;
}

/* ---- template ---- */

typedef struct rendering {
    chat_template *t;
    char *bos, *eos; /* texts of the tokens; owned */
} rendering;

static cairn_status render_line(void *ctx, const json_t *in, json_t *out, cairn_error *err)
{
    rendering *k = ctx;
    const json_t *tools = json_object_get(in, "tools");
    const json_t *add = json_object_get(in, "add_generation_prompt");
    bytes text;
    cairn_status st;

    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    st = chat_template_render(k->t, json_object_get(in, "messages"),
                              json_is_null(tools) ? NULL : tools, !add || json_is_true(add), k->bos,
                              k->eos, &text, err);
    if (!st)
        json_object_set_new(out, "text", json_stringn(text.data ? text.data : "", text.len));
    bytes_clear(&text);
    return st;
}

static cairn_status special_text(const tokenizer *t, token_id id, char **out, cairn_error *err)
{
    bytes text;
    cairn_status st = CAIRN_OK;

    bytes_init(&text, 65536);
    if (id != TOKEN_NONE)
        st = tokenizer_piece(t, id, true, &text);
    if (!st && !(*out = bytes_detach(&text, NULL)))
        st = CAIRN_ENOMEM;
    bytes_clear(&text);
    return st ? cairn_fail(err, st, "text of token %d", id) : CAIRN_OK;
}

cairn_status cairn_model_template(const char *model, const cairn_model_flags *flags, FILE *in,
                                  FILE *out, cairn_error *err)
{
    rendering k = {0};
    tokenizing names = {0};
    gguf_string text = {0};
    char path[8192];
    cairn_status st = cairn_model_path(model, path, sizeof path, err);

    if (!st)
        st = engine_model_status(open_tokenizer(&names, path, err), err);
    if (!st && !names.g)
        st = cairn_fail(err, CAIRN_EMODEL, "%s is no generator: it has no chat template", model);
    if (!st)
        st = gguf_need_string(names.g, "tokenizer.chat_template", &text, err);
    if (!st)
        st = chat_template_compile(&k.t, text.data, text.len, err);
    if (!st)
        st = special_text(names.t, tokenizer_bos(names.t), &k.bos, err);
    if (!st)
        st = special_text(names.t, tokenizer_eos(names.t), &k.eos, err);
    if (!st)
        st = model_each_line(in, out, flags->cancel, render_line, &k, err);
    chat_template_destroy(k.t);
    free(k.bos);
    free(k.eos);
    close_tokenizer(&names);
    return st;
}

/* ---- embed and rerank ---- */

typedef struct encoding {
    encoder *e;
    pool *workers;
    encoder_role role;
} encoding;

static cairn_status open_encoding(encoding *k, const char *model, const cairn_model_flags *flags,
                                  cairn_error *err)
{
    encoder_options o = {.exact = flags->exact};
    char path[8192];
    cairn_status st = cairn_model_path(model, path, sizeof path, err);

    k->role = flags->query ? ENCODER_QUERY : ENCODER_PASSAGE;
    if (!st)
        st = pool_create(&k->workers, flags->n_threads, err);
    o.pool = k->workers;
    return st ? st : engine_model_status(encoder_open(&k->e, path, &o, err), err);
}

static void close_encoding(encoding *k)
{
    encoder_close(k->e);
    pool_destroy(k->workers);
}

static cairn_status embed_line(void *ctx, const json_t *in, json_t *out, cairn_error *err)
{
    encoding *k = ctx;
    size_t dim = encoder_dim(k->e);
    float *v = calloc(dim, sizeof *v);
    encoder_text text;
    json_t *list;
    bytes raw;
    cairn_status st = v ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "vector");

    bytes_init(&raw, TOKENIZER_MAX_TEXT);
    if (!st)
        st = model_line_text(in, &raw, err);
    text = (encoder_text){raw.data ? raw.data : "", raw.len};
    if (!st)
        st = encoder_embed(k->e, &text, 1, k->role, v, err);
    if (!st) {
        list = json_array();
        for (size_t i = 0; i < dim; i++)
            json_array_append_new(list, json_real((double)v[i]));
        json_object_set_new(out, "vector", list);
    }
    bytes_clear(&raw);
    free(v);
    return st;
}

cairn_status cairn_model_embed(const char *model, const cairn_model_flags *flags, FILE *in,
                               FILE *out, cairn_error *err)
{
    encoding k = {0};
    cairn_status st = open_encoding(&k, model, flags, err);

    if (!st)
        st = model_each_line(in, out, flags->cancel, embed_line, &k, err);
    close_encoding(&k);
    return st;
}

static cairn_status rerank_line(void *ctx, const json_t *in, json_t *out, cairn_error *err)
{
    encoding *k = ctx;
    const json_t *q = json_object_get(in, "query"), *t = json_object_get(in, "text");
    encoder_text query, text;
    float score;
    cairn_status st;

    if (!json_is_string(q) || !json_is_string(t))
        return cairn_fail(err, CAIRN_EINPUT, "needs \"query\" and \"text\"");
    query = (encoder_text){json_string_value(q), json_string_length(q)};
    text = (encoder_text){json_string_value(t), json_string_length(t)};
    st = encoder_score(k->e, &query, &text, 1, &score, err);
    if (!st)
        json_object_set_new(out, "score", json_real((double)score));
    return st;
}

cairn_status cairn_model_rerank(const char *model, const cairn_model_flags *flags, FILE *in,
                                FILE *out, cairn_error *err)
{
    encoding k = {0};
    cairn_status st = open_encoding(&k, model, flags, err);

    if (!st && !encoder_can_score(k.e))
        st = cairn_fail(err, CAIRN_EMODEL, "%s has no classification head to rerank with", model);
    if (!st)
        st = model_each_line(in, out, flags->cancel, rerank_line, &k, err);
    close_encoding(&k);
    return st;
}

typedef struct entailing {
    encoding k;
    entailment_head head;
} entailing;

static cairn_status entail_line(void *ctx, const json_t *in, json_t *out, cairn_error *err)
{
    entailing *e = ctx;
    const json_t *p = json_object_get(in, "premise"), *h = json_object_get(in, "hypothesis");
    encoder_text premise, hypothesis;
    entailment is;
    cairn_status st;

    if (!json_is_string(p) || !json_is_string(h))
        return cairn_fail(err, CAIRN_EINPUT, "needs \"premise\" and \"hypothesis\"");
    premise = (encoder_text){json_string_value(p), json_string_length(p)};
    hypothesis = (encoder_text){json_string_value(h), json_string_length(h)};
    st = entailment_judge(e->k.e, &e->head, &premise, &hypothesis, 1, &is, err);
    if (!st) {
        json_object_set_new(out, "entailment", json_real((double)is.entails));
        json_object_set_new(out, "neutral", json_real((double)is.neutral));
        json_object_set_new(out, "contradiction", json_real((double)is.contradicts));
    }
    return st;
}

cairn_status cairn_model_entail(const char *model, const cairn_model_flags *flags, FILE *in, FILE *out, cairn_error *err)
{
    entailing e = {{0}, {0, -1, -1, -1}};
    cairn_status st = open_encoding(&e.k, model, flags, err);

    if (!st)
        st = engine_model_status(entailment_head_read(&e.head, e.k.e, err), err);
    if (!st)
        st = model_each_line(in, out, flags->cancel, entail_line, &e, err);
    close_encoding(&e.k);
    return st;
}

/* ---- info ---- */

/* What the outputs of the head are called; null where one has no name. */
static json_t *labels_json(const encoder *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < encoder_labels(e); i++)
        json_array_append_new(list, encoder_label(e, i) ? json_string(encoder_label(e, i)) : json_null());
    return list;
}

static bool tells_entailment(const encoder *e)
{
    entailment_head head;

    return !entailment_head_read(&head, e, NULL);
}

static const char *type_name(tensor_type type)
{
    const tensor_type_info *i = tensor_type_get(type);

    return i ? i->name : "?";
}

static json_t *kv_json(const gguf_kv *kv)
{
    size_t pos = 0;
    gguf_string s;

    switch (kv->type) {
    case GGUF_ARRAY:
        return json_pack("{s:I}", "count", (json_int_t)kv->n);
    case GGUF_STRING:
        s = gguf_array_next_string(kv, &pos);
        return s.len <= 200 ? json_stringn(s.data, s.len)
                            : json_pack("{s:I}", "bytes", (json_int_t)s.len);
    case GGUF_F32:
    case GGUF_F64:
        return json_real(gguf_array_f64(kv, 0));
    case GGUF_BOOL:
        return json_boolean(gguf_array_i64(kv, 0));
    default:
        return json_integer(gguf_array_i64(kv, 0));
    }
}

static json_t *gguf_json(const gguf *g)
{
    json_t *meta = json_object(), *types = json_object();
    uint64_t parameters = 0;

    for (size_t i = 0; i < gguf_kv_count(g); i++) {
        json_t *v = kv_json(gguf_kv_at(g, i));
        json_object_set_new(meta, gguf_kv_at(g, i)->key, v ? v : json_null());
    }
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        const gguf_tensor *t = gguf_tensor_at(g, i);
        const char *name = type_name(t->type);
        json_int_t have = json_integer_value(json_object_get(types, name));
        json_object_set_new(types, name, json_integer(have + (json_int_t)t->bytes));
        parameters += t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
    }
    return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o}", "path", gguf_path(g), "format", "gguf",
                     "version", (json_int_t)gguf_version(g), "bytes",
                     (json_int_t)gguf_file_bytes(g), "parameters", (json_int_t)parameters,
                     "tensors", (json_int_t)gguf_tensor_count(g), "bytes_by_type", types,
                     "metadata", meta);
}

cairn_status cairn_model_info(const char *model, FILE *out, cairn_error *err)
{
    json_t *j = NULL;
    char path[8192];
    cairn_status st = cairn_model_path(model, path, sizeof path, err);

    if (st)
        return st;
    if (has_magic(path, "GGUF")) {
        gguf *g;
        st = gguf_open(&g, path, err);
        if (st)
            return st;
        j = gguf_json(g);
        gguf_close(g);
    } else {
        encoder *e;
        st = engine_model_status(encoder_open(&e, path, NULL, err), err);
        if (st)
            return st;
        j = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:b,s:o,s:b}", "path", path, "format",
                      has_magic(path, "E5S1") ? "e5s1" : bert_onnx_file(path) ? "onnx" : "safetensors", "name", encoder_name(e),
                      "identity", encoder_identity(e), "dimension", (json_int_t)encoder_dim(e),
                      "max_tokens", (json_int_t)encoder_max_tokens(e), "reranks",
                      encoder_can_score(e), "labels", labels_json(e), "entails", tells_entailment(e));
        encoder_close(e);
    }
    if (!j || json_dumpf(j, out, JSON_INDENT(2)) || fputc('\n', out) == EOF)
        st = cairn_fail(err, CAIRN_EIO, "writing the description failed");
    json_decref(j);
    return st;
}
