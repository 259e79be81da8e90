/* routes_openai.c - /v1: chat completions, completions, embeddings and models as OpenAI's clients speak
 * them.
 *
 * The model "cairn" answers from the default collection, "cairn:NAME" from another, with citations in
 * members of their own; the name of a generator generates without documents. A model is a name of the
 * catalogue or the configured one, never a path: a client must not open files. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "engine/model.h"
#include "server/http/lend.h"
#include "server/present.h"

#define TURNS_MOST     256
#define STOPS_MOST     16
#define INPUTS_MOST    2048
#define MODEL_BYTES    1023.0
#define DEFAULT_TOKENS 1024
#define WAIT_NS        ((int64_t)120 * 1000000000) /* for the model, behind other calls */


/* ---- models ---- */

typedef struct model_search {
    const char *name, *use; /* use: how its description begins */
    bool found;
    json_t *list;
} model_search;

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

/* A model that requests may name: the configured one, or one of the catalogue that is here. */
static cairn_status check_model(http_request *r, const char *name, bool generator, cairn_error *err)
{
    model_search k = {.name = name, .use = generator ? "generator" : "embedder"};
    service_names names;

    service_model_names(r->h->s, &names);
    if (!strcmp(name, generator ? names.generator : names.embedder))
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
    static const char *const uses[] = {"generator", "embedder"};
    model_list l = {r, json_array()};
    service_names names;
    cairn_error err = {0};
    cairn_status st;

    service_model_names(r->h->s, &names);
    add_model(l.all, "cairn");
    st = service_each_collection(r->h->s, add_collection, &l, &err);
    for (size_t i = 0; i < 2; i++) {
        const char *configured = i ? names.embedder : names.generator;
        model_search k = {.use = uses[i], .list = json_array()};
        cairn_model_catalogue(look_at_model, &k);
        if (!has_text(k.list, configured))
            json_array_append_new(k.list, json_str(configured));
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

/* ---- what chat and completions share ---- */

typedef struct generate_args {
    const char *model;
    json_t *messages, *prompt, *stop, *stream_options, *tools, *tool_choice, *response_format;
    double temperature, top_p;
    size_t max_tokens, seed, n, best_of;
    bool stream, echo;
    json_t *logprobs, *suffix;
} generate_args;

#define COMMON_FIELDS                                                                              \
    ARG_FIELD(generate_args, "model", model, ARG_TEXT, true, 1, MODEL_BYTES),                          \
        ARG_FIELD(generate_args, "temperature", temperature, ARG_NUMBER, false, 0, 10),                \
        ARG_FIELD(generate_args, "top_p", top_p, ARG_NUMBER, false, 0, 1),                             \
        ARG_FIELD(generate_args, "seed", seed, ARG_SIZE, false, 0, 9007199254740991.0),                \
        ARG_FIELD(generate_args, "n", n, ARG_SIZE, false, 1, 1),                                       \
        ARG_FIELD(generate_args, "max_tokens", max_tokens, ARG_SIZE, false, 1, 100000),                \
        ARG_FIELD(generate_args, "stop", stop, ARG_ANY, false, 0, 0),                                  \
        ARG_FIELD(generate_args, "stream", stream, ARG_BOOL, false, 0, 0),                             \
        ARG_FIELD(generate_args, "stream_options", stream_options, ARG_ANY, false, 0, 0),              \
        ARG_FIELD(generate_args, "logprobs", logprobs, ARG_ANY, false, 0, 0)

static const arg_field chat_fields[] = {
    COMMON_FIELDS,
    ARG_FIELD(generate_args, "messages", messages, ARG_LIST, true, 1, TURNS_MOST),
    ARG_FIELD(generate_args, "max_completion_tokens", max_tokens, ARG_SIZE, false, 1, 100000),
    ARG_FIELD(generate_args, "tools", tools, ARG_ANY, false, 0, 0),
    ARG_FIELD(generate_args, "tool_choice", tool_choice, ARG_ANY, false, 0, 0),
    ARG_FIELD(generate_args, "response_format", response_format, ARG_ANY, false, 0, 0),
};

static const arg_field completion_fields[] = {
    COMMON_FIELDS,
    ARG_FIELD(generate_args, "prompt", prompt, ARG_ANY, true, 0, 0),
    ARG_FIELD(generate_args, "echo", echo, ARG_BOOL, false, 0, 0),
    ARG_FIELD(generate_args, "best_of", best_of, ARG_SIZE, false, 1, 1),
    ARG_FIELD(generate_args, "suffix", suffix, ARG_ANY, false, 0, 0),
};

/* One request on its way. */
typedef struct generating {
    http_request *r;
    generate_args a;
    bool chat, usage; /* usage: asked for in a stream */
    char id[SERVICE_ID_BYTES + 16];
    int64_t created;
    cairn_turn turns[TURNS_MOST];
    size_t n_turns;
    char *schema;   /* what the answer must be; NULL */
    json_t *joined; /* keeps texts that were put together from parts */
    const char *stops[STOPS_MOST];
    size_t n_stops;
} generating;

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* What we cannot do is refused, never ignored. */
static cairn_status refuse_unsupported(const generate_args *a, cairn_error *err)
{
    if (json_array_size(a->tools) &&
        (!json_is_string(a->tool_choice) || strcmp(json_string_value(a->tool_choice), "none")))
        return cairn_fail(err, CAIRN_EUSAGE, "\"tools\" are not supported");
    if (a->logprobs && !json_is_false(a->logprobs))
        return cairn_fail(err, CAIRN_EUSAGE, "\"logprobs\" are not supported");
    if (a->echo || a->suffix)
        return cairn_fail(err, CAIRN_EUSAGE, "\"echo\" and \"suffix\" are not supported");
    return CAIRN_OK;
}

static cairn_status read_stops(generating *g, cairn_error *err)
{
    const json_t *v = g->a.stop;

    if (json_is_string(v)) {
        g->stops[g->n_stops++] = json_string_value(v);
        return CAIRN_OK;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *text = json_string_value(json_array_get(v, i));
        if (!text || g->n_stops == STOPS_MOST)
            return cairn_fail(err, CAIRN_EUSAGE, "\"stop\" is a text or a list of up to %d texts",
                              STOPS_MOST);
        g->stops[g->n_stops++] = text;
    }
    return CAIRN_OK;
}

/* "response_format": text, any JSON object, or JSON that a schema allows. */
static cairn_status read_format(generating *g, cairn_error *err)
{
    const json_t *format = g->a.response_format, *schema = NULL;
    const char *type = json_string_value(json_object_get(format, "type"));

    if (!format || (type && !strcmp(type, "text")))
        return CAIRN_OK;
    if (type && !strcmp(type, "json_schema"))
        schema = json_object_get(json_object_get(format, "json_schema"), "schema");
    if (type && !strcmp(type, "json_object"))
        g->schema = strdup("{\"type\":\"object\"}");
    else if (json_is_object(schema))
        g->schema = json_dumps(schema, JSON_COMPACT);
    return g->schema ? CAIRN_OK
                     : cairn_fail(err, CAIRN_EUSAGE, "\"response_format\" is of type text, json_object "
                                                     "or json_schema with a \"schema\"");
}

/* A message's content: a text, or a list of {"type":"text","text"}, put together. */
static const char *content_of(generating *g, const json_t *content)
{
    bytes text;
    json_t *whole;
    bool ok = true;

    if (json_is_string(content))
        return json_string_value(content);
    if (!json_is_array(content))
        return NULL;
    bytes_init(&text, LARGE_BODY);
    for (size_t i = 0; ok && i < json_array_size(content); i++) {
        const json_t *part = json_array_get(content, i);
        const char *type = json_string_value(json_object_get(part, "type"));
        const char *piece = json_string_value(json_object_get(part, "text"));
        ok = type && !strcmp(type, "text") && piece && !bytes_append_str(&text, piece);
    }
    whole = ok ? json_stringn(text.data ? text.data : "", text.len) : NULL;
    bytes_clear(&text);
    if (!whole || json_array_append_new(g->joined, whole))
        return NULL;
    return json_string_value(whole);
}

static cairn_status read_messages(generating *g, cairn_error *err)
{
    static const char *const roles[] = {"system", "user", "assistant"};

    for (size_t i = 0; i < json_array_size(g->a.messages); i++) {
        const json_t *m = json_array_get(g->a.messages, i);
        const char *role = json_string_value(json_object_get(m, "role")), *known = NULL;
        const char *content = content_of(g, json_object_get(m, "content"));
        if (role && !strcmp(role, "developer"))
            role = "system";
        for (size_t j = 0; role && j < 3; j++)
            if (!strcmp(role, roles[j]))
                known = roles[j];
        if (!known || !content)
            return cairn_fail(err, CAIRN_EUSAGE,
                              "message %zu needs a \"role\" of system, user or assistant and a "
                              "\"content\" of text", i);
        g->turns[g->n_turns++] = (cairn_turn){known, content};
    }
    return CAIRN_OK;
}

static cairn_status read_request(generating *g, cairn_error *err)
{
    cairn_status st = args_read(g->r->args, g->chat ? chat_fields : completion_fields,
                                g->chat ? ARG_COUNT(chat_fields) : ARG_COUNT(completion_fields), false, &g->a, err);

    if (!st)
        st = refuse_unsupported(&g->a, err);
    if (!st)
        st = read_stops(g, err);
    if (!st)
        st = read_format(g, err);
    if (!st && g->chat)
        st = read_messages(g, err);
    if (!st && !g->chat) {
        if (json_array_size(g->a.prompt) == 1)
            g->a.prompt = json_array_get(g->a.prompt, 0);
        if (!json_is_string(g->a.prompt))
            st = cairn_fail(err, CAIRN_EUSAGE, "\"prompt\" is a text");
    }
    g->usage = is_true(g->a.stream_options, "include_usage");
    snprintf(g->id, sizeof g->id, "%s-%s", g->chat ? "chatcmpl" : "cmpl", g->r->id);
    g->created = (int64_t)time(NULL);
    return st;
}

/* ---- answers ---- */

static json_t *usage_json(size_t prompt, size_t completion)
{
    return json_pack("{s:I,s:I,s:I}", "prompt_tokens", (json_int_t)prompt, "completion_tokens",
                     (json_int_t)completion, "total_tokens", (json_int_t)(prompt + completion));
}

static json_t *envelope(const generating *g, bool chunk, json_t *choices)
{
    const char *object = !g->chat ? "text_completion"
                         : chunk  ? "chat.completion.chunk"
                                  : "chat.completion";

    return json_pack("{s:s,s:s,s:I,s:o,s:o}", "id", g->id, "object", object, "created",
                     (json_int_t)g->created, "model", json_str(g->a.model), "choices", choices);
}

/* Steals delta. */
static json_t *chunk(const generating *g, json_t *delta, const char *finish)
{
    return envelope(g, true,
                    json_pack("[{s:i,s:o,s:o}]", "index", 0, g->chat ? "delta" : "text", delta,
                              "finish_reason", json_str(finish)));
}

static bool put_piece(void *ctx, const char *text, size_t len)
{
    generating *g = ctx;
    json_t *piece = json_text(text, len);

    return stream_put(g->r, NULL,
                      chunk(g, g->chat ? json_pack("{s:o}", "content", piece) : piece, NULL));
}

static bool begin_stream(generating *g)
{
    if (!stream_begin(g->r)) {
        respond_refusal(g->r, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for a stream");
        return false;
    }
    if (g->chat)
        stream_put(g->r, NULL,
                   chunk(g, json_pack("{s:s,s:s}", "role", "assistant", "content", ""), NULL));
    return true;
}

/* Steals more, whose members go into the last chunk. */
static void finish_stream(generating *g, const char *finish, size_t prompt, size_t completion,
                          json_t *more)
{
    json_t *last = chunk(g, g->chat ? json_object() : json_string(""), finish);

    if (more)
        json_object_update(last, more);
    json_decref(more);
    stream_put(g->r, NULL, last);
    if (g->usage) {
        json_t *j = envelope(g, true, json_array());
        json_object_set_new(j, "usage", usage_json(prompt, completion));
        stream_put(g->r, NULL, j);
    }
    stream_put_text(g->r, "data: [DONE]\n\n");
}

/* Steals more. */
static void respond_whole(generating *g, const char *text, size_t len, const char *finish,
                          size_t prompt, size_t completion, json_t *more)
{
    json_t *content = json_text(text, len), *choice, *j;

    if (g->chat)
        choice = json_pack("{s:i,s:{s:s,s:o,s:n},s:s,s:n}", "index", 0, "message", "role",
                           "assistant", "content", content, "refusal", "finish_reason", finish,
                           "logprobs");
    else
        choice = json_pack("{s:i,s:o,s:s,s:n}", "index", 0, "text", content, "finish_reason", finish,
                           "logprobs");
    j = envelope(g, false, json_pack("[o]", choice));
    json_object_set_new(j, "usage", usage_json(prompt, completion));
    if (more)
        json_object_update(j, more);
    json_decref(more);
    respond_json(g->r, MHD_HTTP_OK, j);
}

static void fail(generating *g, cairn_status st, const cairn_error *err)
{
    if (g->r->stream)
        stream_error(g->r, st, err);
    else
        respond_error(g->r, st, err);
}

/* ---- with documents ---- */

static void answer_from(generating *g, cairn *c)
{
    const cairn_turn *last = &g->turns[g->n_turns - 1];
    cairn_turn history[TURNS_MOST];
    cairn_ask_request q = {.question = last->content,
                           .history = history,
                           .temperature = (float)g->a.temperature,
                           .seed = g->a.seed,
                           .max_tokens = g->a.max_tokens,
                           .cancel = &g->r->cancel};
    cairn_answer *a = NULL;
    cairn_error err = {0};
    cairn_status st;
    json_t *more;

    for (size_t i = 0; i + 1 < g->n_turns; i++) /* the instructions are Cairn's own */
        if (strcmp(g->turns[i].role, "system"))
            history[q.n_history++] = g->turns[i];
    if (g->a.stream && !begin_stream(g))
        return;
    st = cairn_ask(c, &q, g->a.stream ? put_piece : NULL, g, &a, &err);
    if (st) {
        fail(g, st, &err);
        return;
    }
    more = json_pack("{s:o,s:b}", "citations", present_citations(a), "refused", a->refused);
    if (g->a.stream)
        finish_stream(g, "stop", a->prompt_tokens, a->completion_tokens, more);
    else
        respond_whole(g, a->text, strlen(a->text), "stop", a->prompt_tokens, a->completion_tokens,
                      more);
    cairn_answer_free(a);
}

static void answer_with_documents(generating *g)
{
    const char *collection = g->a.model[5] == ':' ? g->a.model + 6 : NULL;
    cairn_error err = {0};
    cairn *c;

    if (strcmp(g->turns[g->n_turns - 1].role, "user"))
        cairn_fail(&err, CAIRN_EUSAGE, "the last message is not the user's");
    else if (g->schema)
        cairn_fail(&err, CAIRN_EUSAGE, "answers from documents are text, not JSON");
    if (err.code) {
        respond_error(g->r, err.code, &err);
        return;
    }
    c = lend_handle(g->r, collection, SERVICE_READ);
    if (!c)
        return;
    answer_from(g, c);
    lend_back(g->r, c, CAIRN_OK);
}

/* ---- without ---- */

static const char *finish_name(const char *finish)
{
    return !strcmp(finish, "length") || !strcmp(finish, "context") ? "length" : "stop";
}

static void generate(generating *g)
{
    cairn_generate_request q = {.model = g->a.model,
                                .turns = g->turns,
                                .n_turns = g->n_turns,
                                .prompt = g->chat ? NULL : json_string_value(g->a.prompt),
                                .max_tokens = g->a.max_tokens ? g->a.max_tokens : DEFAULT_TOKENS,
                                .temperature = (float)g->a.temperature,
                                .top_p = (float)g->a.top_p,
                                .seed = g->a.seed,
                                .stop = g->stops,
                                .n_stop = g->n_stops,
                                .json_schema = g->schema,
                                .cancel = &g->r->cancel,
                                .deadline_ns = clock_mono_ns() + WAIT_NS};
    cairn_generated made;
    cairn_error err = {0};
    cairn_status st = check_model(g->r, g->a.model, true, &err);

    if (st) {
        respond_error(g->r, st, &err);
        return;
    }
    if (g->a.stream && !begin_stream(g))
        return;
    st = cairn_models_generate(service_models(g->r->h->s), &q, g->a.stream ? put_piece : NULL, g,
                               &made, &err);
    if (st) {
        fail(g, st, &err);
    } else {
        metrics_add(service_metrics(g->r->h->s), "cairn_tokens_total", "Tokens of plain requests.",
                    "kind=\"prompt\"", (double)made.prompt_tokens);
        metrics_add(service_metrics(g->r->h->s), "cairn_tokens_total", "Tokens of plain requests.",
                    "kind=\"completion\"", (double)made.completion_tokens);
        if (g->a.stream)
            finish_stream(g, finish_name(made.finish), made.prompt_tokens, made.completion_tokens,
                          NULL);
        else
            respond_whole(g, made.text, made.text_len, finish_name(made.finish), made.prompt_tokens,
                          made.completion_tokens, NULL);
    }
    cairn_generated_clear(&made);
}

static void complete(http_request *r, bool chat)
{
    generating *g = calloc(1, sizeof *g);
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;

    if (!g || !(g->joined = json_array()))
        st = cairn_fail(&err, CAIRN_ENOMEM, "request");
    if (!st) {
        g->r = r;
        g->chat = chat;
        st = read_request(g, &err);
    }
    if (st)
        respond_error(r, st, &err);
    else if (chat && !strncmp(g->a.model, "cairn", 5) && (!g->a.model[5] || g->a.model[5] == ':'))
        answer_with_documents(g);
    else
        generate(g);
    if (g) {
        json_decref(g->joined);
        free(g->schema);
    }
    free(g);
}

static void chat_completions(http_request *r)
{
    complete(r, true);
}

static void completions(http_request *r)
{
    complete(r, false);
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
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)row;
    size_t len = dim * sizeof *row, n = 0;
    char *out = malloc(len / 3 * 4 + 5);
    json_t *j;

    if (!out)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned v = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                     (left > 2 ? in[i + 2] : 0);
        out[n++] = digits[v >> 18];
        out[n++] = digits[v >> 12 & 63];
        out[n++] = left > 1 ? digits[v >> 6 & 63] : '=';
        out[n++] = left > 2 ? digits[v & 63] : '=';
    }
    j = json_stringn_nocheck(out, n);
    free(out);
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

static void embeddings(http_request *r)
{
    embed_args a = {0};
    cairn_embed_request q = {.cancel = &r->cancel, .deadline_ns = clock_mono_ns() + WAIT_NS};
    cairn_matrix rows = {0};
    cairn_text *texts = NULL;
    size_t n_tokens = 0;
    cairn_error err = {0};
    cairn_status st = args_read(r->args, embed_fields, ARG_COUNT(embed_fields), false, &a, &err);

    if (!st && a.encoding_format && strcmp(a.encoding_format, "float") &&
        strcmp(a.encoding_format, "base64"))
        st = cairn_fail(&err, CAIRN_EUSAGE, "\"encoding_format\" is float or base64");
    if (!st)
        st = check_model(r, a.model, false, &err);
    if (!st)
        st = read_role(a.input_type, &q.role, &err);
    if (!st)
        st = read_inputs(a.input, &texts, &q.n_texts, &err);
    q.model = a.model;
    q.texts = texts;
    if (!st)
        st = cairn_models_embed(service_models(r->h->s), &q, &rows, &n_tokens, &err);
    if (!st && a.dimensions && a.dimensions != rows.dim)
        st = cairn_fail(&err, CAIRN_EUSAGE, "vectors of this model have %u dimensions", rows.dim);
    if (st)
        respond_error(r, st, &err);
    else
        respond_rows(r, &a, &rows, n_tokens);
    cairn_matrix_clear(&rows);
    free(texts);
}

const http_route routes_openai[] = {
    {"GET", "/v1/models", LANE_QUICK, SERVICE_READ, 0, SHAPE_OPENAI, list_models},
    {"POST", "/v1/chat/completions", LANE_SLOW, SERVICE_READ, LARGE_BODY, SHAPE_OPENAI,
     chat_completions},
    {"POST", "/v1/completions", LANE_SLOW, SERVICE_READ, LARGE_BODY, SHAPE_OPENAI, completions},
    {"POST", "/v1/embeddings", LANE_SLOW, SERVICE_READ, LARGE_BODY, SHAPE_OPENAI, embeddings},
    {0},
};
