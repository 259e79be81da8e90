/* openai_answer.c - text, calls and log-probabilities in the shapes of OpenAI's interface, whole or in pieces. */
#include <stdlib.h>
#include <string.h>

#include "server/http/openai.h"

static json_t *usage_json(const generating *g)
{
    return json_pack("{s:I,s:I,s:I}", "prompt_tokens", (json_int_t)g->prompt_tokens,
                     "completion_tokens", (json_int_t)g->completion_tokens, "total_tokens",
                     (json_int_t)(g->prompt_tokens + g->completion_tokens));
}

/* Steals choices. */
static json_t *envelope(const generating *g, bool chunk, json_t *choices)
{
    const char *object = !g->chat ? "text_completion"
                         : chunk  ? "chat.completion.chunk"
                                  : "chat.completion";

    return json_pack("{s:s,s:s,s:I,s:o,s:o}", "id", g->id, "object", object, "created",
                     (json_int_t)g->created, "model", json_str(g->a.model), "choices", choices);
}

/* ---- log-probabilities ---- */

/* OpenAI has no infinity in its JSON either. */
static json_t *logprob_json(double v)
{
    return json_real(v > -9999 ? v : -9999);
}

static json_t *token_json(const cairn_token_choice *t)
{
    json_t *octets = json_array();

    for (size_t i = 0; i < t->len; i++)
        json_array_append_new(octets, json_integer((unsigned char)t->text[i]));
    return json_pack("{s:o,s:o,s:o}", "token", json_text(t->text, t->len), "logprob",
                     logprob_json(t->logprob), "bytes", octets);
}

static json_t *chat_logprobs(const cairn_generated *made)
{
    json_t *content = json_array();

    for (size_t i = 0; i < made->n_tokens; i++) {
        const cairn_token_choice *row = made->tokens + i * (1 + made->n_top);
        json_t *one = token_json(row), *top = json_array();
        for (size_t j = 0; j < made->n_top; j++)
            json_array_append_new(top, token_json(&row[1 + j]));
        json_object_set_new(one, "top_logprobs", top);
        json_array_append_new(content, one);
    }
    return json_pack("{s:o,s:n}", "content", content, "refusal");
}

/* The older shape: lists side by side. `offset`: of the text's first byte. */
static json_t *plain_logprobs(const cairn_generated *made, size_t offset)
{
    json_t *tokens = json_array(), *values = json_array(), *tops = json_array(),
           *offsets = json_array();

    for (size_t i = 0; i < made->n_tokens; i++) {
        const cairn_token_choice *row = made->tokens + i * (1 + made->n_top);
        json_t *top = json_object();
        json_array_append_new(tokens, json_text(row->text, row->len));
        json_array_append_new(values, logprob_json(row->logprob));
        json_array_append_new(offsets, json_integer((json_int_t)offset));
        offset += row->len;
        for (size_t j = 0; j < made->n_top; j++) {
            json_t *name = json_text(row[1 + j].text, row[1 + j].len);
            json_object_set_new_nocheck(top, json_string_value(name),
                                        logprob_json(row[1 + j].logprob));
            json_decref(name);
        }
        json_array_append_new(tops, top);
    }
    return json_pack("{s:o,s:o,s:o,s:o}", "tokens", tokens, "token_logprobs", values, "top_logprobs",
                     tops, "text_offset", offsets);
}

static size_t echoed(const generating *g)
{
    return g->a.echo ? json_string_length(g->a.prompt) : 0;
}

static json_t *logprobs_json(const generating *g, const cairn_generated *made)
{
    if (!g->logprobs)
        return json_null();
    return g->chat ? chat_logprobs(made) : plain_logprobs(made, echoed(g));
}

/* ---- a stream ---- */

/* Steals delta and logprobs (NULL: none). */
static json_t *chunk(const generating *g, json_t *delta, const char *finish, json_t *logprobs)
{
    return envelope(g, true,
                    json_pack("[{s:I,s:o,s:o,s:o}]", "index", (json_int_t)g->choice,
                              g->chat ? "delta" : "text", delta, "logprobs",
                              logprobs ? logprobs : json_null(), "finish_reason", json_str(finish)));
}

bool openai_put_text(void *ctx, const char *text, size_t len)
{
    generating *g = ctx;
    json_t *piece = json_text(text, len);

    return stream_put(g->r, NULL,
                      chunk(g, g->chat ? json_pack("{s:o}", "content", piece) : piece, NULL, NULL));
}

static void call_id(const generating *g, size_t index, char out[64])
{
    snprintf(out, 64, "call_%.16s_%zu_%zu", g->r->id, g->choice, index);
}

bool openai_put_call(void *ctx, size_t index, const char *name, const char *arguments, size_t len)
{
    generating *g = ctx;
    json_t *call;
    char id[64];

    call_id(g, index, id);
    if (name)
        call = json_pack("{s:I,s:s,s:s,s:{s:s,s:s}}", "index", (json_int_t)index, "id", id, "type",
                         "function", "function", "name", name, "arguments", "");
    else
        call = json_pack("{s:I,s:{s:o}}", "index", (json_int_t)index, "function", "arguments",
                         json_text(arguments, len));
    return stream_put(g->r, NULL, chunk(g, json_pack("{s:[o]}", "tool_calls", call), NULL, NULL));
}

bool openai_begin(generating *g)
{
    if (stream_begin(g->r))
        return true;
    respond_refusal(g->r, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for a stream");
    return false;
}

void openai_begin_choice(generating *g)
{
    if (g->chat)
        stream_put(g->r, NULL,
                   chunk(g, json_pack("{s:s,s:s}", "role", "assistant", "content", ""), NULL, NULL));
    else if (g->a.echo)
        openai_put_text(g, json_string_value(g->a.prompt), echoed(g));
}

/* ---- a choice ---- */

static json_t *calls_json(const generating *g, const cairn_generated *made)
{
    json_t *list = json_array();
    char id[64];

    for (size_t i = 0; i < made->n_calls; i++) {
        call_id(g, i, id);
        json_array_append_new(list, json_pack("{s:s,s:s,s:{s:s,s:o}}", "id", id, "type", "function",
                                              "function", "name", made->calls[i].name, "arguments",
                                              json_str(made->calls[i].arguments)));
    }
    return list;
}

static json_t *message_json(const generating *g, const cairn_generated *made)
{
    bool silent = made->n_calls && !made->text_len;
    json_t *m = json_pack("{s:s,s:o,s:n}", "role", "assistant", "content",
                          silent ? json_null() : json_text(made->text, made->text_len), "refusal");

    if (made->n_calls)
        json_object_set_new(m, "tool_calls", calls_json(g, made));
    return m;
}

/* With the prompt in front where it is echoed. */
static json_t *plain_text(const generating *g, const cairn_generated *made)
{
    json_t *text = json_text(made->text, made->text_len), *both;

    if (!echoed(g))
        return text;
    both = json_sprintf("%s%s", json_string_value(g->a.prompt), json_string_value(text));
    json_decref(text);
    return both;
}

void openai_end_choice(generating *g, const cairn_generated *made, const char *finish)
{
    json_t *logprobs = logprobs_json(g, made), *last;

    if (g->a.stream) {
        last = chunk(g, g->chat ? json_object() : json_string(""), finish, logprobs);
        if (g->more)
            json_object_update(last, g->more);
        stream_put(g->r, NULL, last);
        return;
    }
    json_array_append_new(g->choices,
                          json_pack("{s:I,s:o,s:s,s:o}", "index", (json_int_t)g->choice,
                                    g->chat ? "message" : "text",
                                    g->chat ? message_json(g, made) : plain_text(g, made),
                                    "finish_reason", finish, "logprobs", logprobs));
}

void openai_end(generating *g)
{
    json_t *j = envelope(g, g->a.stream, json_incref(g->choices));

    json_object_set_new(j, "usage", usage_json(g));
    if (g->more && !g->a.stream)
        json_object_update(j, g->more);
    if (!g->a.stream) {
        respond_json(g->r, MHD_HTTP_OK, j);
        return;
    }
    if (g->usage)
        stream_put(g->r, NULL, j);
    else
        json_decref(j);
    stream_put_text(g->r, "data: [DONE]\n\n");
}

void openai_fail(generating *g, cairn_status st, const cairn_error *err)
{
    if (g->r->stream)
        stream_error(g->r, st, err);
    else
        respond_error(g->r, st, err);
}
