/* runtime_text.c - text from shared models for a server's plain calls (runtime.h): messages and tools made
 * ready, the answer taken apart into what was said and what was called, log-probabilities. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "engine/engine.h"
#include "engine/runtime.h"
#include "engine/shared_model.h"
#include "engine/tool_messages.h"
#include "generate/grammar/tool_calls.h"

#define TOP_MOST    20
#define TEXT_MOST   ((size_t)64 << 20)
#define CALLS_MOST  128
#define BIAS_MOST   1024

/* One request on its way. The batcher's thread calls take_text while the caller's waits. */
typedef struct generating {
    const cairn_generate_request *request;
    cairn_stream_fn *stream;
    void *stream_ctx;
    json_t *messages, *tools, *schema;
    bytes grammar;
    bool calls; /* the text is taken apart */
    tool_reader reader;
    bytes said;
    cairn_generated *out;
    bytes arguments[CALLS_MOST];
    sampler_bias bias[BIAS_MOST];
    bool no_memory;
} generating;

/* ---- taking the text apart ---- */

static bool take_said(void *ctx, const char *text, size_t len)
{
    generating *k = ctx;

    k->no_memory = k->no_memory || bytes_append(&k->said, text, len);
    return !k->no_memory && (!k->stream || k->stream(k->stream_ctx, text, len));
}

static bool begin_call(generating *k, const char *name)
{
    size_t n = k->out->n_calls;
    cairn_call *grown;

    if (n == CALLS_MOST)
        return false;
    grown = realloc(k->out->calls, (n + 1) * sizeof *grown);
    if (grown)
        k->out->calls = grown;
    if (!grown || !(grown[n].name = strdup(name))) {
        k->no_memory = true;
        return false;
    }
    grown[n].arguments = NULL;
    bytes_init(&k->arguments[n], TEXT_MOST);
    k->out->n_calls++;
    return true;
}

static bool take_call(void *ctx, size_t index, const char *name, const char *arguments, size_t len)
{
    generating *k = ctx;

    if (name && !begin_call(k, name))
        return false;
    k->no_memory = k->no_memory || bytes_append(&k->arguments[index], arguments, len);
    return !k->no_memory &&
           (!k->request->on_call || k->request->on_call(k->stream_ctx, index, name, arguments, len));
}

static bool take_text(void *ctx, const char *text, size_t len)
{
    generating *k = ctx;

    if (engine_cancelled(k->request->cancel))
        return false;
    if (k->calls)
        return tool_reader_feed(&k->reader, text, len, &(tool_sink){take_said, take_call, k});
    return !k->stream || k->stream(k->stream_ctx, text, len);
}

/* ---- what goes in ---- */

static cairn_status make_turns(const cairn_generate_request *q, json_t **out, cairn_error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < q->n_turns; i++)
        json_array_append_new(list, json_pack("{s:s,s:s}", "role", q->turns[i].role, "content",
                                              q->turns[i].content));
    if (json_array_size(list) != q->n_turns) {
        json_decref(list);
        return cairn_fail(err, CAIRN_EUSAGE, "a message is not valid UTF-8");
    }
    *out = list;
    return CAIRN_OK;
}

static cairn_status read_tools(generating *k, cairn_error *err)
{
    const cairn_generate_request *q = k->request;
    cairn_status st;

    k->tools = json_loads(q->tools, 0, NULL);
    if (!k->tools)
        return cairn_fail(err, CAIRN_EUSAGE, "the tools are no JSON");
    st = tool_calls_grammar(&(tool_rules){.tools = k->tools,
                                          .choice = q->must_call ? TOOL_CHOICE_REQUIRED
                                                                 : TOOL_CHOICE_AUTO,
                                          .only = q->tool,
                                          .single = q->one_call},
                            &k->grammar, err);
    if (!st)
        st = bytes_append_byte(&k->grammar, 0);
    k->calls = !st;
    return st;
}

static cairn_status read_request(generating *k, cairn_error *err)
{
    const cairn_generate_request *q = k->request;

    if (!q->n_turns && !q->prompt && !q->messages)
        return cairn_fail(err, CAIRN_EUSAGE, "neither a conversation nor a prompt");
    if (q->tools && !q->messages)
        return cairn_fail(err, CAIRN_EUSAGE, "tools go with messages");
    if (q->tools && q->json_schema)
        return cairn_fail(err, CAIRN_EUSAGE, "tools and a JSON schema exclude one another");
    if (q->top_logprobs > TOP_MOST || q->n_bias > BIAS_MOST)
        return cairn_fail(err, CAIRN_EUSAGE, "at most %d log-probabilities a token and %d biases", TOP_MOST,
                          BIAS_MOST);
    for (size_t i = 0; i < q->n_bias; i++)
        k->bias[i] = (sampler_bias){q->bias[i].token, q->bias[i].bias};
    if (q->json_schema && !(k->schema = json_loads(q->json_schema, 0, NULL)))
        return cairn_fail(err, CAIRN_EUSAGE, "the JSON schema is no JSON object");
    return q->tools ? read_tools(k, err) : CAIRN_OK;
}

/* The messages as the model's template takes them. */
static cairn_status read_messages(generating *k, const generator *g, cairn_error *err)
{
    json_t *given;
    cairn_status st;

    if (k->request->n_turns)
        return make_turns(k->request, &k->messages, err);
    given = json_loads(k->request->messages, 0, NULL);
    if (!given)
        return cairn_fail(err, CAIRN_EUSAGE, "the messages are no JSON");
    st = tool_messages(given, k->tools, generator_takes_tools(g), &k->messages, err);
    json_decref(given);
    return st;
}

static cairn_status make_prompt(generating *k, const generator *g, token_list *out, cairn_error *err)
{
    const cairn_generate_request *q = k->request;
    cairn_status st;

    if (!q->n_turns && !q->messages)
        return generator_tokens(g, q->prompt, strlen(q->prompt), TOKENIZE_ADD_SPECIAL, out, err);
    st = read_messages(k, g, err);
    return st ? st
              : generator_prompt_tools(g, k->messages, generator_takes_tools(g) ? k->tools : NULL, out,
                                       err);
}

/* ---- what comes out ---- */

static cairn_status token_text(const tokenizer *t, token_id id, double logprob,
                               cairn_token_choice *out)
{
    bytes b;
    cairn_status st;

    bytes_init(&b, TEXT_MOST);
    st = tokenizer_piece(t, id, false, &b);
    if (!st)
        st = bytes_append_byte(&b, 0);
    if (!st) {
        out->text = bytes_detach(&b, &out->len);
        out->len -= out->text ? 1 : 0;
        out->logprob = logprob;
        st = out->text ? CAIRN_OK : CAIRN_ENOMEM;
    }
    bytes_clear(&b);
    return st;
}

/* The tokens of the text, without the one that ended it. */
static cairn_status take_logprobs(const tokenizer *t, const generate_result *made,
                                  cairn_generated *out, cairn_error *err)
{
    size_t n = made->tokens.n, row = 1 + made->n_top, size;
    cairn_status st = CAIRN_OK;

    if (n && made->finish == GENERATE_END && tokenizer_is_eog(t, made->tokens.ids[n - 1]))
        n--;
    if (!checked_mul(n, row, &size) || !(out->tokens = calloc(size + 1, sizeof *out->tokens)))
        return cairn_fail(err, CAIRN_ENOMEM, "log-probabilities");
    out->n_tokens = n;
    out->n_top = made->n_top;
    for (size_t i = 0; !st && i < n; i++) {
        st = token_text(t, made->tokens.ids[i], made->logprobs[i], &out->tokens[i * row]);
        for (size_t j = 0; !st && j < made->n_top; j++)
            st = token_text(t, made->top_ids[i * made->n_top + j],
                            made->top_logprobs[i * made->n_top + j], &out->tokens[i * row + 1 + j]);
    }
    return st ? cairn_fail(err, st, "log-probabilities") : CAIRN_OK;
}

/* `made` becomes *out. */
static cairn_status hand_over(generating *k, const generator *g, generate_result *made,
                              cairn_error *err)
{
    cairn_generated *out = k->out;
    cairn_status st = CAIRN_OK;

    out->prompt_tokens = made->prompt_tokens;
    out->completion_tokens = made->tokens.n;
    out->cached_tokens = made->cached_tokens;
    out->finish = generate_finish_name(made->finish);
    out->ttft_ms = (double)made->ttft_ns / 1e6;
    out->total_ms = (double)made->total_ns / 1e6;
    if (k->request->logprobs && made->logprobs)
        st = take_logprobs(generator_tokenizer(g), made, out, err);
    if (!k->calls) {
        out->text = made->text;
        out->text_len = made->text_len;
        made->text = NULL;
        return st;
    }
    if (!tool_reader_finish(&k->reader, &(tool_sink){take_said, take_call, k}) && !k->no_memory)
        return cairn_fail(err, CAIRN_ECANCELLED, "stopped while answering");
    for (size_t i = 0; !k->no_memory && i < out->n_calls; i++) {
        k->no_memory = bytes_append_byte(&k->arguments[i], 0) ||
                       !(out->calls[i].arguments = bytes_detach(&k->arguments[i], NULL));
    }
    k->no_memory = k->no_memory || bytes_append_byte(&k->said, 0) ||
                   !(out->text = bytes_detach(&k->said, &out->text_len));
    out->text_len -= out->text ? 1 : 0;
    return k->no_memory ? cairn_fail(err, CAIRN_ENOMEM, "answer") : st;
}

static void set_params(generating *k, sampler_params *sampling, generate_params *p)
{
    const cairn_generate_request *q = k->request;

    *sampling = sampler_params_default();
    sampling->temperature = q->temperature;
    sampling->top_p = q->top_p > 0 ? q->top_p : 1;
    sampling->top_k = q->top_k;
    sampling->seed = q->seed;
    sampling->frequency_penalty = q->frequency_penalty;
    sampling->presence_penalty = q->presence_penalty;
    sampling->repeat_last_n = -1; /* penalties count the whole text */
    sampling->bias = k->bias;
    sampling->n_bias = q->n_bias;
    *p = (generate_params){.max_tokens = q->max_tokens,
                           .sampling = sampling,
                           .stop = q->stop,
                           .n_stop = q->n_stop,
                           .logprobs = q->logprobs,
                           .n_top_logprobs = q->top_logprobs,
                           .json_schema = k->schema,
                           .grammar = k->calls ? k->grammar.data : NULL,
                           .on_text = take_text,
                           .ctx = k};
}

static void generating_clear(generating *k)
{
    for (size_t i = 0; i < k->out->n_calls; i++)
        bytes_clear(&k->arguments[i]);
    bytes_clear(&k->said);
    bytes_clear(&k->grammar);
    json_decref(k->messages);
    json_decref(k->tools);
    json_decref(k->schema);
    free(k);
}

cairn_status cairn_models_generate(cairn_models *m, const cairn_generate_request *request,
                                   cairn_stream_fn *stream, void *stream_ctx, cairn_generated *out,
                                   cairn_error *err)
{
    generating *k = calloc(1, sizeof *k);
    sampler_params sampling;
    generate_params p;
    generate_result made = {0};
    token_list prompt = {0};
    shared_model *s = NULL;
    cairn_status st;

    *out = (cairn_generated){0};
    if (!k)
        return cairn_fail(err, CAIRN_ENOMEM, "request");
    k->request = request;
    k->stream = stream;
    k->stream_ctx = stream_ctx;
    k->out = out;
    bytes_init(&k->said, TEXT_MOST);
    bytes_init(&k->grammar, TEXT_MOST);
    st = read_request(k, err);
    if (!st)
        st = models_get(m, MODEL_GENERATOR, request->model, request->cancel, &s, err);
    if (!st)
        st = make_prompt(k, shared_model_generator(s), &prompt, err);
    if (!st) {
        set_params(k, &sampling, &p);
        st = shared_model_answer_tokens(s, &prompt, request->priority, &p, request->cancel,
                                        request->deadline_ns, &made, err);
    }
    if (!st && made.finish == GENERATE_CANCELLED)
        st = k->no_memory ? cairn_fail(err, CAIRN_ENOMEM, "answer")
                          : cairn_fail(err, CAIRN_ECANCELLED, "stopped while answering");
    if (!st)
        st = hand_over(k, shared_model_generator(s), &made, err);
    token_list_clear(&prompt);
    generate_result_clear(&made);
    generating_clear(k);
    return st;
}

void cairn_generated_clear(cairn_generated *g)
{
    for (size_t i = 0; i < g->n_calls; i++) {
        free(g->calls[i].name);
        free(g->calls[i].arguments);
    }
    for (size_t i = 0; i < g->n_tokens * (1 + g->n_top); i++)
        free(g->tokens[i].text);
    free(g->calls);
    free(g->tokens);
    free(g->text);
    *g = (cairn_generated){0};
}
