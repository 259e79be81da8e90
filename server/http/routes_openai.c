/* routes_openai.c - /v1: models, embeddings and relevance as OpenAI's clients (and Jina's and Cohere's, for
 * /v1/rerank) speak them. Text: openai_generate.c.
 *
 * A model is a name of the catalogue or the configured one, never a path: a client must not open files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "engine/model.h"
#include "server/http/openai.h"

#define INPUTS_MOST    2048
#define DOCUMENTS_MOST 1000

/* ---- models ---- */

typedef struct model_search {
    const char *name, *use; /* use: how its description begins */
    bool found;
    json_t *list;
} model_search;

static const char *const uses[] = {"generator", "embedder", "reranker"};

static void look_at_model(void *ctx, const char *name, const char *use, const char *path)
{
    model_search *k = ctx;

    if (!path || strncmp(use, k->use, strlen(k->use)))
        return;
    if (k->name && !strcmp(name, k->name))
        k->found = true;
    if (k->list)
        json_array_append_new(k->list, json_str(name));
}

/* The configured model of that use; "" where there is no such setting. */
static const char *configured(const service_names *names, openai_use use)
{
    return use == OPENAI_GENERATOR ? names->generator : use == OPENAI_EMBEDDER ? names->embedder : "";
}

cairn_status openai_check_model(http_request *r, const char *name, openai_use use, cairn_error *err)
{
    model_search k = {.name = name, .use = uses[use]};
    service_names names;

    service_model_names(r->h->s, &names);
    if (!strcmp(name, configured(&names, use)))
        return CAIRN_OK;
    cairn_model_catalogue(look_at_model, &k);
    return k.found ? CAIRN_OK
                   : cairn_fail(err, CAIRN_ENOTFOUND, "there is no %s \"%s\" here; GET /v1/models "
                                                      "lists the models", k.use, name);
}

static void add_model(json_t *all, const char *id)
{
    json_array_append_new(all, json_pack("{s:o,s:s,s:i,s:s}", "id", json_str(id), "object", "model",
                                         "created", 0, "owned_by", "cairn"));
}

typedef struct model_list {
    http_request *r;
    json_t *all;
} model_list;

static bool add_collection(void *ctx, const char *name)
{
    model_list *l = ctx;
    char id[SERVICE_NAME_BYTES + 8];

    if (service_need(&l->r->caller, name, SERVICE_READ, NULL))
        return true;
    snprintf(id, sizeof id, "cairn:%s", name);
    add_model(l->all, id);
    return true;
}

static bool has_text(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strcmp(json_string_value(json_array_get(list, i)), text))
            return true;
    return false;
}

static void list_models(http_request *r)
{
    model_list l = {r, json_array()};
    service_names names;
    cairn_error err = {0};
    cairn_status st;

    service_model_names(r->h->s, &names);
    add_model(l.all, "cairn");
    st = service_each_collection(r->h->s, add_collection, &l, &err);
    for (openai_use use = OPENAI_GENERATOR; use <= OPENAI_RERANKER; use++) {
        const char *own = configured(&names, use);
        model_search k = {.use = uses[use], .list = json_array()};
        cairn_model_catalogue(look_at_model, &k);
        if (*own && !has_text(k.list, own))
            json_array_append_new(k.list, json_str(own));
        for (size_t j = 0; j < json_array_size(k.list); j++)
            add_model(l.all, json_string_value(json_array_get(k.list, j)));
        json_decref(k.list);
    }
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK, json_pack("{s:s,s:O}", "object", "list", "data", l.all));
    json_decref(l.all);
}

/* ---- embeddings ---- */

typedef struct embed_args {
    const char *model, *encoding_format, *input_type;
    json_t *input;
    size_t dimensions;
} embed_args;

static const arg_field embed_fields[] = {
    ARG_FIELD(embed_args, "model", model, ARG_TEXT, true, 1, MODEL_BYTES),
    ARG_FIELD(embed_args, "input", input, ARG_ANY, true, 0, 0),
    ARG_FIELD(embed_args, "encoding_format", encoding_format, ARG_TEXT, false, 1, 10),
    ARG_FIELD(embed_args, "input_type", input_type, ARG_TEXT, false, 1, 10),
    ARG_FIELD(embed_args, "dimensions", dimensions, ARG_SIZE, false, 1, 65536),
};

static cairn_status read_inputs(const json_t *input, cairn_text **texts, size_t *n, cairn_error *err)
{
    bool many = json_is_array(input);
    size_t total = 0;

    *n = many ? json_array_size(input) : 1;
    *texts = NULL;
    if (!*n || *n > INPUTS_MOST)
        return cairn_fail(err, CAIRN_EUSAGE, "\"input\" is a text or a list of 1 to %d texts",
                          INPUTS_MOST);
    *texts = calloc(*n, sizeof **texts);
    if (!*texts)
        return cairn_fail(err, CAIRN_ENOMEM, "inputs");
    for (size_t i = 0; i < *n; i++) {
        const json_t *v = many ? json_array_get(input, i) : input;
        if (!json_is_string(v))
            return cairn_fail(err, CAIRN_EUSAGE, "\"input\" is a text or a list of texts");
        (*texts)[i] = (cairn_text){json_string_value(v), json_string_length(v)};
        total += (*texts)[i].len;
    }
    return total ? CAIRN_OK : cairn_fail(err, CAIRN_EUSAGE, "\"input\" is empty");
}

static cairn_status read_role(const char *text, cairn_embed_role *out, cairn_error *err)
{
    static const char *const names[] = {"plain", "query", "passage"};

    *out = CAIRN_EMBED_PASSAGE;
    for (int i = 0; text && i < 3; i++)
        if (!strcmp(text, names[i])) {
            *out = (cairn_embed_role)i;
            return CAIRN_OK;
        }
    return text ? cairn_fail(err, CAIRN_EUSAGE, "\"input_type\" is query, passage or plain")
                : CAIRN_OK;
}

/* Little-endian floats in base64, which the clients ask for by default. */
static json_t *base64_row(const float *row, size_t dim)
{
    bytes text;
    json_t *j = NULL;

    bytes_init(&text, (size_t)1 << 20);
    if (!base64_append(&text, row, dim * sizeof *row))
        j = json_stringn_nocheck(text.data, text.len);
    bytes_clear(&text);
    return j;
}

static json_t *float_row(const float *row, size_t dim)
{
    json_t *j = json_array();

    for (size_t i = 0; i < dim; i++)
        json_array_append_new(j, json_real((double)row[i]));
    return j;
}

static void respond_rows(http_request *r, const embed_args *a, const cairn_matrix *rows,
                         size_t n_tokens)
{
    bool base64 = a->encoding_format && !strcmp(a->encoding_format, "base64");
    json_t *all = json_array();

    for (size_t i = 0; i < rows->n; i++) {
        const float *row = rows->rows + i * rows->dim;
        json_array_append_new(all, json_pack("{s:s,s:I,s:o}", "object", "embedding", "index",
                                             (json_int_t)i, "embedding",
                                             base64 ? base64_row(row, rows->dim)
                                                    : float_row(row, rows->dim)));
    }
    respond_json(r, MHD_HTTP_OK,
                 json_pack("{s:s,s:o,s:o,s:{s:I,s:I}}", "object", "list", "data", all, "model",
                           json_str(a->model), "usage", "prompt_tokens", (json_int_t)n_tokens,
                           "total_tokens", (json_int_t)n_tokens));
}

/* Only the first components, at unit length again. */
static void shorten(cairn_matrix *m, uint32_t dim)
{
    for (size_t i = 0; i < m->n; i++) {
        float *to = m->rows + i * dim;
        double sum = 0;
        memmove(to, m->rows + i * m->dim, dim * sizeof *to);
        for (uint32_t j = 0; j < dim; j++)
            sum += (double)to[j] * (double)to[j];
        for (uint32_t j = 0; sum > 0 && j < dim; j++)
            to[j] = (float)((double)to[j] / sqrt(sum));
    }
    m->dim = dim;
}

static void embeddings(http_request *r)
{
    embed_args a = {0};
    cairn_embed_request q = {.cancel = &r->cancel, .deadline_ns = clock_mono_ns() + OPENAI_WAIT_NS};
    cairn_matrix rows = {0};
    cairn_text *texts = NULL;
    size_t n_tokens = 0;
    cairn_error err = {0};
    cairn_status st = args_read(r->args, embed_fields, ARG_COUNT(embed_fields), false, &a, &err);

    if (!st && a.encoding_format && strcmp(a.encoding_format, "float") &&
        strcmp(a.encoding_format, "base64"))
        st = cairn_fail(&err, CAIRN_EUSAGE, "\"encoding_format\" is float or base64");
    if (!st)
        st = openai_check_model(r, a.model, OPENAI_EMBEDDER, &err);
    if (!st)
        st = read_role(a.input_type, &q.role, &err);
    if (!st)
        st = read_inputs(a.input, &texts, &q.n_texts, &err);
    q.model = a.model;
    q.texts = texts;
    if (!st)
        st = cairn_models_embed(service_models(r->h->s), &q, &rows, &n_tokens, &err);
    if (!st && a.dimensions > rows.dim)
        st = cairn_fail(&err, CAIRN_EUSAGE, "vectors of this model have %u dimensions", rows.dim);
    else if (!st && a.dimensions)
        shorten(&rows, (uint32_t)a.dimensions);
    if (st)
        respond_error(r, st, &err);
    else
        respond_rows(r, &a, &rows, n_tokens);
    cairn_matrix_clear(&rows);
    free(texts);
}

/* ---- relevance ---- */

typedef struct rerank_args {
    const char *model, *query;
    json_t *documents;
    size_t top_n;
    bool return_documents;
} rerank_args;

static const arg_field rerank_fields[] = {
    ARG_FIELD(rerank_args, "model", model, ARG_TEXT, false, 1, MODEL_BYTES),
    ARG_FIELD(rerank_args, "query", query, ARG_TEXT, true, 1, 65536),
    ARG_FIELD(rerank_args, "documents", documents, ARG_LIST, true, 1, DOCUMENTS_MOST),
    ARG_FIELD(rerank_args, "top_n", top_n, ARG_SIZE, false, 1, DOCUMENTS_MOST),
    ARG_FIELD(rerank_args, "return_documents", return_documents, ARG_BOOL, false, 0, 0),
};

typedef struct ranked {
    size_t index;
    float score;
} ranked;

/* Best first; of equal ones the first of the request. */
static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    if (x->score > y->score || x->score < y->score)
        return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Each a text, or an object with a "text". */
static cairn_status read_documents(const json_t *list, cairn_text *texts, cairn_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (json_is_object(v))
            v = json_object_get(v, "text");
        if (!json_is_string(v))
            return cairn_fail(err, CAIRN_EUSAGE, "document %zu is neither a text nor an object with a "
                                                 "\"text\"", i);
        texts[i] = (cairn_text){json_string_value(v), json_string_length(v)};
    }
    return CAIRN_OK;
}

static void respond_ranked(http_request *r, const rerank_args *a, const char *model,
                           const cairn_text *texts, const ranked *list, size_t n)
{
    json_t *results = json_array();

    for (size_t i = 0; i < n; i++) {
        const cairn_text *t = &texts[list[i].index];
        json_t *one = json_pack("{s:I,s:f}", "index", (json_int_t)list[i].index, "relevance_score",
                                (double)list[i].score);
        if (a->return_documents)
            json_object_set_new(one, "document", json_pack("{s:o}", "text", json_text(t->text, t->len)));
        json_array_append_new(results, one);
    }
    respond_json(r, MHD_HTTP_OK, json_pack("{s:s,s:s,s:o,s:o}", "id", r->id, "object", "list", "model",
                                           json_str(model), "results", results));
}

/* The model asked for, else the first reranker that is here. */
static cairn_status rerank_model(http_request *r, const rerank_args *a, char out[64], cairn_error *err)
{
    if (!a->model)
        return service_reranker(out, 64, err);
    snprintf(out, 64, "%s", a->model);
    return openai_check_model(r, a->model, OPENAI_RERANKER, err);
}

static void rerank(http_request *r)
{
    rerank_args a = {.return_documents = true};
    char model[64];
    cairn_embed_request q = {
        .model = model, .cancel = &r->cancel, .deadline_ns = clock_mono_ns() + OPENAI_WAIT_NS};
    cairn_error err = {0};
    cairn_status st = args_read(r->args, rerank_fields, ARG_COUNT(rerank_fields), false, &a, &err);
    size_t n = json_array_size(a.documents), top = a.top_n && a.top_n < n ? a.top_n : n;
    cairn_text *texts = calloc(n + 1, sizeof *texts);
    float *scores = calloc(n + 1, sizeof *scores);
    ranked *list = calloc(n + 1, sizeof *list);

    if (!texts || !scores || !list)
        st = cairn_fail(&err, CAIRN_ENOMEM, "documents");
    if (!st)
        st = rerank_model(r, &a, model, &err);
    if (!st)
        st = read_documents(a.documents, texts, &err);
    q.texts = texts;
    q.n_texts = n;
    if (!st)
        st = cairn_models_rerank(service_models(r->h->s), a.query, &q, scores, &err);
    if (st) {
        respond_error(r, st, &err);
    } else {
        for (size_t i = 0; i < n; i++)
            list[i] = (ranked){i, scores[i]};
        qsort(list, n, sizeof *list, by_score);
        respond_ranked(r, &a, model, texts, list, top);
    }
    free(texts);
    free(scores);
    free(list);
}

const http_route routes_openai[] = {
    {"GET", "/v1/models", LANE_QUICK, SERVICE_READ, 0, SHAPE_OPENAI, list_models},
    {"POST", "/v1/chat/completions", LANE_SLOW, SERVICE_READ, LARGE_BODY, SHAPE_OPENAI,
     openai_chat},
    {"POST", "/v1/completions", LANE_SLOW, SERVICE_READ, LARGE_BODY, SHAPE_OPENAI, openai_complete},
    {"POST", "/v1/embeddings", LANE_SLOW, SERVICE_READ, LARGE_BODY, SHAPE_OPENAI, embeddings},
    {"POST", "/v1/rerank", LANE_SLOW, SERVICE_READ, LARGE_BODY, SHAPE_OPENAI, rerank},
    {0},
};
