/* openai_generate.c - /v1/chat/completions and /v1/completions: a request read, and run.
 *
 * The model "cairn" answers from the default collection, "cairn:NAME" from another, with citations in
 * members of their own; the name of a generator generates without documents, with tools where there are some.
 * What we cannot do is refused, never ignored. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "server/http/openai.h"
#include "server/present.h"

#define DEFAULT_TOKENS 1024
#define CHOICES_MOST   16
#define PROMPTS_MOST   64
#define TOP_MOST       20

#define COMMON_FIELDS                                                                              \
    ARG_FIELD(generate_args, "model", model, ARG_TEXT, true, 1, MODEL_BYTES),                          \
        ARG_FIELD(generate_args, "temperature", temperature, ARG_NUMBER, false, 0, 10),                \
        ARG_FIELD(generate_args, "top_p", top_p, ARG_NUMBER, false, 0, 1),                             \
        ARG_FIELD(generate_args, "seed", seed, ARG_SIZE, false, 0, 9007199254740991.0),                \
        ARG_FIELD(generate_args, "frequency_penalty", frequency_penalty, ARG_NUMBER, false, -2, 2),    \
        ARG_FIELD(generate_args, "presence_penalty", presence_penalty, ARG_NUMBER, false, -2, 2),      \
        ARG_FIELD(generate_args, "logit_bias", logit_bias, ARG_ANY, false, 0, 0),                      \
        ARG_FIELD(generate_args, "n", n, ARG_SIZE, false, 1, CHOICES_MOST),                            \
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
    ARG_FIELD(generate_args, "parallel_tool_calls", parallel_tool_calls, ARG_BOOL, false, 0, 0),
    ARG_FIELD(generate_args, "top_logprobs", top_logprobs, ARG_SIZE, false, 0, TOP_MOST),
    ARG_FIELD(generate_args, "functions", functions, ARG_ANY, false, 0, 0),
    ARG_FIELD(generate_args, "extractive", extractive, ARG_BOOL, false, 0, 0),
};

static const arg_field completion_fields[] = {
    COMMON_FIELDS,
    ARG_FIELD(generate_args, "prompt", prompt, ARG_ANY, true, 0, 0),
    ARG_FIELD(generate_args, "echo", echo, ARG_BOOL, false, 0, 0),
    ARG_FIELD(generate_args, "best_of", best_of, ARG_SIZE, false, 1, CHOICES_MOST),
    ARG_FIELD(generate_args, "suffix", suffix, ARG_ANY, false, 0, 0),
};

/* "cairn" or "cairn:NAME". */
static bool names_documents(const generate_args *a)
{
    return !strncmp(a->model, "cairn", 5) && (!a->model[5] || a->model[5] == ':');
}

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static cairn_status refuse_unsupported(const generate_args *a, cairn_error *err)
{
    if (a->functions)
        return cairn_fail(err, CAIRN_EUSAGE, "\"functions\" are not supported: \"tools\" are");
    if (a->suffix)
        return cairn_fail(err, CAIRN_EUSAGE, "\"suffix\" is not supported");
    if (a->extractive && !names_documents(a))
        return cairn_fail(err, CAIRN_EUSAGE, "only the models \"cairn\" and \"cairn:NAME\" answer \"extractive\"");
    if (a->best_of && a->best_of != (a->n ? a->n : 1))
        return cairn_fail(err, CAIRN_EUSAGE, "\"best_of\" is not supported: all \"n\" choices are given");
    return CAIRN_OK;
}

/* Chat: "logprobs" true and "top_logprobs"; completions: "logprobs" is the number. */
static cairn_status read_logprobs(generating *g, cairn_error *err)
{
    const json_t *v = g->a.logprobs;
    json_int_t n = json_integer_value(v);

    if (g->chat && v && !json_is_boolean(v))
        return cairn_fail(err, CAIRN_EUSAGE, "\"logprobs\" takes true or false");
    if (!g->chat && v && (!json_is_integer(v) || n < 0 || n > TOP_MOST))
        return cairn_fail(err, CAIRN_EUSAGE, "\"logprobs\" takes a number from 0 to %d", TOP_MOST);
    g->logprobs = g->chat ? json_is_true(v) : v != NULL;
    g->n_top = g->chat ? g->a.top_logprobs : (size_t)n;
    if (g->n_top && !g->logprobs)
        return cairn_fail(err, CAIRN_EUSAGE, "\"top_logprobs\" need \"logprobs\"");
    if (g->logprobs && g->a.echo)
        return cairn_fail(err, CAIRN_EUSAGE, "\"echo\" and \"logprobs\" together are not supported");
    return CAIRN_OK;
}

/* {"TOKEN ID": -100..100} */
static cairn_status read_bias(generating *g, cairn_error *err)
{
    const char *key;
    json_t *v;

    if (g->a.logit_bias && (!json_is_object(g->a.logit_bias) || json_object_size(g->a.logit_bias) > BIAS_MOST))
        return cairn_fail(err, CAIRN_EUSAGE, "\"logit_bias\" is an object of at most %d token ids", BIAS_MOST);
    json_object_foreach(g->a.logit_bias, key, v)
    {
        char *end;
        long id;
        errno = 0;
        id = strtol(key, &end, 10);
        if (errno || end == key || *end || id < 0 || id > INT32_MAX || !json_is_number(v) ||
            fabs(json_number_value(v)) > 100)
            return cairn_fail(err, CAIRN_EUSAGE, "\"logit_bias\" maps token ids to numbers from -100 to 100");
        /* The interface's ends mean "never" and "always". */
        g->bias[g->n_bias++] = (cairn_token_bias){
            (int32_t)id, json_number_value(v) <= -100 ? -INFINITY : (float)json_number_value(v)};
    }
    return CAIRN_OK;
}

/* Which tools, and must one be called? */
static cairn_status read_tools(generating *g, cairn_error *err)
{
    const json_t *choice = g->a.tool_choice;
    const char *word = json_string_value(choice);

    if (g->a.tools && !json_is_array(g->a.tools))
        return cairn_fail(err, CAIRN_EUSAGE, "\"tools\" takes a list");
    if (!json_array_size(g->a.tools) || (word && !strcmp(word, "none")))
        return choice && !(word && (!strcmp(word, "none") || !strcmp(word, "auto")))
                   ? cairn_fail(err, CAIRN_EUSAGE, "\"tool_choice\" needs \"tools\"")
                   : CAIRN_OK;
    g->tool = json_string_value(json_object_get(json_object_get(choice, "function"), "name"));
    g->must_call = g->tool || (word && !strcmp(word, "required"));
    if (choice && !g->must_call && !(word && !strcmp(word, "auto")))
        return cairn_fail(err, CAIRN_EUSAGE, "\"tool_choice\" is none, auto, required or "
                                             "{\"type\":\"function\",\"function\":{\"name\"}}");
    g->tools = json_dumps(g->a.tools, JSON_COMPACT);
    return g->tools ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "tools");
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

/* For answers from documents. */
static cairn_status read_turns(generating *g, cairn_error *err)
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

/* For a generator: the list as it is, its texts looked at. What else a message needs the engine says. */
static cairn_status read_messages(generating *g, cairn_error *err)
{
    for (size_t i = 0; i < json_array_size(g->a.messages); i++) {
        const json_t *m = json_array_get(g->a.messages, i), *content = json_object_get(m, "content");
        bool calls = json_array_size(json_object_get(m, "tool_calls")) > 0;
        if (!(calls && (!content || json_is_null(content))) && !content_of(g, content))
            return cairn_fail(err, CAIRN_EUSAGE, "message %zu needs a \"content\" of text", i);
    }
    g->messages = json_dumps(g->a.messages, JSON_COMPACT);
    return g->messages ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "messages");
}

/* The model that answers from documents. */
static bool from_documents(const generating *g)
{
    return g->chat && names_documents(&g->a);
}

static cairn_status read_prompts(const json_t *prompt, cairn_error *err)
{
    bool ok = json_is_string(prompt) ||
              (json_array_size(prompt) && json_array_size(prompt) <= PROMPTS_MOST);

    for (size_t i = 0; ok && i < json_array_size(prompt); i++)
        ok = json_is_string(json_array_get(prompt, i));
    return ok ? CAIRN_OK : cairn_fail(err, CAIRN_EUSAGE, "\"prompt\" is a text or a list of 1 to %d texts",
                                      PROMPTS_MOST);
}

static cairn_status read_request(generating *g, cairn_error *err)
{
    cairn_status st;

    g->a.parallel_tool_calls = true;
    st = args_read(g->r->args, g->chat ? chat_fields : completion_fields,
                   g->chat ? ARG_COUNT(chat_fields) : ARG_COUNT(completion_fields), false, &g->a, err);
    if (!st)
        st = refuse_unsupported(&g->a, err);
    if (!st)
        st = read_logprobs(g, err);
    if (!st)
        st = read_bias(g, err);
    if (!st)
        st = read_stops(g, err);
    if (!st)
        st = read_format(g, err);
    if (!st)
        st = read_tools(g, err);
    if (!st && !g->chat)
        st = read_prompts(g->a.prompt, err);
    else if (!st)
        st = from_documents(g) ? read_turns(g, err) : read_messages(g, err);
    g->usage = is_true(g->a.stream_options, "include_usage");
    snprintf(g->id, sizeof g->id, "%s-%s", g->chat ? "chatcmpl" : "cmpl", g->r->id);
    g->created = (int64_t)time(NULL);
    return st;
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
                           .extractive = g->a.extractive,
                           .cancel = &g->r->cancel};
    cairn_answer *a = NULL;
    cairn_error err = {0};
    cairn_status st;

    for (size_t i = 0; i + 1 < g->n_turns; i++) /* the instructions are Cairn's own */
        if (strcmp(g->turns[i].role, "system"))
            history[q.n_history++] = g->turns[i];
    if (g->a.stream && !openai_begin(g))
        return;
    if (g->a.stream)
        openai_begin_choice(g);
    st = cairn_ask(c, &q, g->a.stream ? openai_put_text : NULL, g, &a, &err);
    if (st) {
        openai_fail(g, st, &err);
        return;
    }
    g->more = json_pack("{s:o,s:b}", "citations", present_citations(a), "refused", a->refused);
    if (g->more)
        present_origin(g->more, a);
    g->prompt_tokens = a->prompt_tokens;
    g->completion_tokens = a->completion_tokens;
    openai_end_choice(g, &(cairn_generated){.text = (char *)(uintptr_t)a->text, .text_len = strlen(a->text)},
                      "stop");
    openai_end(g);
    cairn_answer_free(a);
}

/* What an answer from documents cannot be. */
static cairn_status check_documents(const generating *g, cairn_error *err)
{
    if (strcmp(g->turns[g->n_turns - 1].role, "user"))
        return cairn_fail(err, CAIRN_EUSAGE, "the last message is not the user's");
    if (g->schema)
        return cairn_fail(err, CAIRN_EUSAGE, "answers from documents are text, not JSON");
    if (g->tools)
        return cairn_fail(err, CAIRN_EUSAGE, "answers from documents call no \"tools\": name a generator");
    if (g->logprobs || g->a.n > 1 || g->n_stops)
        return cairn_fail(err, CAIRN_EUSAGE, "answers from documents take no \"logprobs\", \"n\" or "
                                             "\"stop\"");
    return CAIRN_OK;
}

static void answer_with_documents(generating *g)
{
    const char *collection = g->a.model[5] == ':' ? g->a.model + 6 : NULL;
    cairn_error err = {0};
    cairn_status st = check_documents(g, &err);
    cairn *c;

    if (st) {
        respond_error(g->r, st, &err);
        return;
    }
    c = lend_handle(g->r, collection, SERVICE_READ);
    if (!c)
        return;
    answer_from(g, c);
    lend_back(g->r, c, CAIRN_OK);
}

/* ---- without ---- */

static const char *finish_name(const cairn_generated *made)
{
    if (!strcmp(made->finish, "length") || !strcmp(made->finish, "context"))
        return "length";
    return made->n_calls ? "tool_calls" : "stop";
}

static void count_tokens(const generating *g, const char *kind, size_t n)
{
    metrics_add(service_metrics(g->r->h->s), "cairn_tokens_total", "Tokens of plain requests.", kind,
                (double)n);
}

/* Choice `number` of one prompt. */
static cairn_status generate_choice(generating *g, size_t number, cairn_error *err)
{
    cairn_generate_request q = {.model = g->a.model,
                                .messages = g->messages,
                                .prompt = g->chat ? NULL : json_string_value(g->a.prompt),
                                .max_tokens = g->a.max_tokens ? g->a.max_tokens : DEFAULT_TOKENS,
                                .temperature = (float)g->a.temperature,
                                .top_p = (float)g->a.top_p,
                                .seed = g->a.seed + number,
                                .frequency_penalty = (float)g->a.frequency_penalty,
                                .presence_penalty = (float)g->a.presence_penalty,
                                .bias = g->bias,
                                .n_bias = g->n_bias,
                                .stop = g->stops,
                                .n_stop = g->n_stops,
                                .json_schema = g->schema,
                                .tools = g->tools,
                                .tool = g->tool,
                                .must_call = g->must_call,
                                .one_call = g->tool || !g->a.parallel_tool_calls,
                                .on_call = g->a.stream ? openai_put_call : NULL,
                                .logprobs = g->logprobs,
                                .top_logprobs = g->n_top,
                                .priority = g->r->priority,
                                .cancel = &g->r->cancel,
                                .deadline_ns = clock_mono_ns() + OPENAI_WAIT_NS};
    cairn_generated made;
    cairn_status st;

    if (g->a.stream)
        openai_begin_choice(g);
    st = cairn_models_generate(service_models(g->r->h->s), &q, g->a.stream ? openai_put_text : NULL, g,
                               &made, err);
    if (!st) {
        count_tokens(g, "kind=\"prompt\"", made.prompt_tokens);
        count_tokens(g, "kind=\"completion\"", made.completion_tokens);
        g->prompt_tokens += number ? 0 : made.prompt_tokens;
        g->completion_tokens += made.completion_tokens;
        openai_end_choice(g, &made, finish_name(&made));
        g->choice++;
    }
    cairn_generated_clear(&made);
    return st;
}

static void generate(generating *g)
{
    json_t *prompts = json_array_size(g->a.prompt) ? g->a.prompt : NULL;
    size_t n = g->a.n ? g->a.n : 1, n_prompts = prompts ? json_array_size(prompts) : 1;
    cairn_error err = {0};
    cairn_status st = openai_check_model(g->r, g->a.model, OPENAI_GENERATOR, &err);

    if (st) {
        respond_error(g->r, st, &err);
        return;
    }
    if (g->a.stream && !openai_begin(g))
        return;
    for (size_t i = 0; !st && i < n_prompts; i++) {
        if (prompts)
            g->a.prompt = json_array_get(prompts, i);
        for (size_t j = 0; !st && j < n; j++)
            st = generate_choice(g, j, &err);
    }
    if (st)
        openai_fail(g, st, &err);
    else
        openai_end(g);
}

static void complete(http_request *r, bool chat)
{
    generating *g = calloc(1, sizeof *g);
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;

    if (!g || !(g->joined = json_array()) || !(g->choices = json_array()))
        st = cairn_fail(&err, CAIRN_ENOMEM, "request");
    if (!st) {
        g->r = r;
        g->chat = chat;
        st = read_request(g, &err);
    }
    if (st)
        respond_error(r, st, &err);
    else if (from_documents(g))
        answer_with_documents(g);
    else
        generate(g);
    if (g) {
        json_decref(g->joined);
        json_decref(g->choices);
        json_decref(g->more);
        free(g->messages);
        free(g->tools);
        free(g->schema);
    }
    free(g);
}

void openai_chat(http_request *r)
{
    complete(r, true);
}

void openai_complete(http_request *r)
{
    complete(r, false);
}
