/* agent.c - see agent.h. */
#include "engine/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "engine/calculator.h"
#include "engine/prompts.h"
#include "engine/settings.h"
#include "engine/table_question.h"
#include "engine/word_filter.h"
#include "retrieve/quantity.h"
#include "retrieve/word_list.h"

#define PROMPT      "plan.v1"
#define CALL_TOKENS 120
#define TEXT_MOST   ((size_t)1 << 20)

typedef struct plan_prompt {
    char *system, *question, *refusal; /* of one file, in the arena */
} plan_prompt;

/* `text` with what stands for {name} filled in once. */
static char *filled(const char *text, const char *name, const char *value, size_t len, arena *memory)
{
    const char *at = strstr(text, name);

    return at ? arena_printf(memory, "%.*s%.*s%s", (int)(at - text), text, (int)len, value, at + strlen(name))
              : arena_strdup(memory, text);
}

static cairn_status load_prompt(agent *a, const generator *g, plan_prompt *p, cairn_error *err)
{
    const settings *s = &a->c->settings;
    char *file = NULL;
    bytes list;
    cairn_status st = prompt_load_for(PROMPT, decoder_model_shape(generator_model(g))->arch_name, s->prompt_dir, &file, err);

    bytes_init(&list, TEXT_MOST);
    if (!st)
        st = agent_describe(&list);
    if (!st) {
        char *system = prompt_section(file, "system", a->memory), *question = prompt_section(file, "question", a->memory);
        p->refusal = prompt_section(file, "refusal", a->memory);
        if (!system || !question || !p->refusal) {
            st = cairn_fail(err, CAIRN_EUSAGE, "the prompt " PROMPT " needs the sections system, question and refusal");
        } else {
            p->system = filled(system, "{tools}", list.data ? list.data : "", list.len, a->memory);
            p->question = filled(question, "{question}", a->request->question, strlen(a->request->question), a->memory);
            st = p->system && p->question ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "plan");
        }
    }
    bytes_clear(&list);
    free(file);
    return st;
}

static cairn_status add_message(json_t *messages, const char *role, const char *text)
{
    json_t *m = json_pack("{s:s,s:s}", "role", role, "content", text);

    return m && !json_array_append_new(messages, m) ? CAIRN_OK : CAIRN_ENOMEM;
}

/* The planner's next call. */
static cairn_status next_call(agent *a, const json_t *messages, const json_t *schema, json_t **call, cairn_error *err)
{
    generate_params p = {.max_tokens = CALL_TOKENS, .json_schema = schema};
    generate_result made = {0};
    cairn_status st = engine_chat(a->c, false, messages, &p, a->request->cancel, &made, err);

    *call = NULL;
    if (!st && made.finish == GENERATE_CANCELLED)
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while planning");
    if (!st) {
        a->out->prompt_tokens += made.prompt_tokens;
        a->out->completion_tokens += made.tokens.n;
        a->out->cached_tokens += made.cached_tokens;
        *call = json_loadb(made.text, made.text_len, 0, NULL); /* NULL where the tokens ran out: the plan ends */
        log_write(LOG_LEVEL_DEBUG, "engine", "planned: %.300s", made.text);
    }
    generate_result_clear(&made);
    return st;
}

/* What was done brings nothing new a second time; nor does what failed just now. */
static bool done_before(const agent *a, const char *call)
{
    for (size_t i = 0; i < a->n; i++)
        if ((!a->steps[i].problem || i + 1 == a->n) && !strcmp(a->steps[i].arguments, call))
            return true;
    return false;
}

/* What a step found, into the answer. */
static cairn_status take_result(agent *a, bytes *text)
{
    cairn_status st = CAIRN_OK;

    if (!a->answer.len)
        return CAIRN_OK;
    if (text->len)
        st = bytes_append_byte(text, '\n');
    return st ? st : bytes_append(text, a->answer.data, a->answer.len);
}

/* One call: run it, write it down, tell the planner. */
static cairn_status take_step(agent *a, const json_t *call, bytes *text, json_t *messages, bool *end, cairn_error *err)
{
    cairn_step *step = &a->steps[a->n];
    const char *problem = NULL;
    char *shown = json_dumps(call, JSON_COMPACT), *told;
    cairn_status st;

    *step = (cairn_step){.arguments = shown ? arena_strdup(a->memory, shown) : NULL, .tool = "", .result = ""};
    free(shown);
    if (!step->arguments)
        return cairn_fail(err, CAIRN_ENOMEM, "step");
    *end = done_before(a, step->arguments);
    if (*end)
        return CAIRN_OK;
    st = agent_run(a, call, end, &problem, err);
    if (st || *end)
        return st;
    step->problem = problem;
    step->result = problem ? "" : arena_strndup(a->memory, a->result.data ? a->result.data : "", a->result.len);
    told = problem ? arena_printf(a->memory, "not done: %s", problem)
                   : arena_printf(a->memory, "result %zu: %.*s", a->n_values + 1, (int)a->told.len,
                                  a->told.data ? a->told.data : "");
    if (!step->result || !told)
        return cairn_fail(err, CAIRN_ENOMEM, "step");
    if (!problem)
        st = take_result(a, text);
    a->n_values += !problem;
    a->n++;
    if (!st)
        st = add_message(messages, "assistant", step->arguments);
    if (!st)
        st = add_message(messages, "user", told);
    return st ? cairn_fail(err, st, "plan") : CAIRN_OK;
}

static cairn_status plan(agent *a, const plan_prompt *p, bytes *text, cairn_error *err)
{
    size_t most = a->request->tools < AGENT_STEPS_MAX ? a->request->tools : AGENT_STEPS_MAX;
    json_t *messages = json_array(), *schema = agent_schema(), *call = NULL;
    bool end = false;
    cairn_status st = messages && schema ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "plan");

    if (!st)
        st = add_message(messages, "system", p->system);
    if (!st)
        st = add_message(messages, "user", p->question);
    while (!st && !end && a->n < most) {
        st = next_call(a, messages, schema, &call, err);
        if (st || !call)
            break;
        st = take_step(a, call, text, messages, &end, err);
        json_decref(call);
    }
    a->out->out_of_steps = !st && !end && a->n == most;
    json_decref(messages);
    json_decref(schema);
    return st;
}

/* Nothing was found by the plan: the question as it stands. */
static cairn_status plain_look_up(agent *a, bytes *text, cairn_error *err)
{
    const char *problem = NULL;
    cairn_status st;

    bytes_reset(&a->answer);
    bytes_reset(&a->told);
    bytes_reset(&a->result);
    a->n_values = 0; /* what is looked up now is nobody's $1 */
    st = agent_look_up(a, a->request->question, &problem, err);
    return st || problem ? st : take_result(a, text);
}

/* A copy of the text without the words of [filter] words; *found: how many there were. */
static cairn_status filtered(agent *a, const char *text, char **out, size_t *found, cairn_error *err)
{
    const char *path = a->c->settings.filter_words;
    word_filter *f = NULL;
    analyzer *an;
    bytes masked;
    cairn_status st = engine_analyzer(a->c, &an, err);

    *found = 0;
    bytes_init(&masked, TEXT_MOST * 4);
    if (!st && *path)
        st = word_filter_load(&f, path, an, err);
    if (!st && f)
        st = word_filter_mask(f, an, text, strlen(text), &masked, found, err);
    if (!st && !(*out = arena_strdup(a->memory, f ? masked.data ? masked.data : "" : text)))
        st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    word_filter_free(f);
    bytes_clear(&masked);
    return st;
}

static cairn_status finish(agent *a, const plan_prompt *p, const bytes *text, cairn_error *err)
{
    cairn_answer *out = a->out;
    char *said = p->refusal;
    char *whole = arena_strndup(a->memory, text->data ? text->data : "", text->len);
    size_t n;
    cairn_status st = !whole      ? cairn_fail(err, CAIRN_ENOMEM, "answer")
                      : text->len ? filtered(a, whole, &said, &n, err)
                                  : CAIRN_OK;

    if (st)
        return st;
    out->refused = !text->len;
    out->text = said;
    out->steps = arena_calloc(a->memory, a->n + 1, sizeof *out->steps);
    out->citations = arena_calloc(a->memory, a->n_citations + 1, sizeof *out->citations);
    if (!out->text || !out->steps || !out->citations)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    memcpy(out->steps, a->steps, a->n * sizeof *a->steps);
    memcpy(out->citations, a->citations, a->n_citations * sizeof *a->citations);
    out->n_steps = a->n;
    out->n_citations = a->n_citations;
    return CAIRN_OK;
}

/* A question that a table answers by counting or adding up needs no planner. */
static cairn_status ask_tables(agent *a, bytes *text, cairn_error *err)
{
    table_answer t;
    cairn_step *step = &a->steps[0];
    cairn_status st = table_question(a->c, a->request, a->memory, &t, err);

    if (st || !t.result.text)
        return st;
    *step = (cairn_step){.tool = "table", .arguments = t.result.call, .result = t.result.text};
    t.source.n = 1;
    a->citations[0] = t.source;
    a->n_citations = a->n = 1;
    a->out->confidence = (float)t.result.cover;
    st = bytes_printf(text, "%s [1]", t.result.text);
    return st ? cairn_fail(err, st, "answer") : CAIRN_OK;
}

/* Words of a question for the days between two dates, beside the dates. */
static const char span_words[] = " how many much days day are there is it between from to until till and the of lie lies pass passed number in "
                                 "wie viele tage sind es liegen zwischen vom von bis zum und dem der den "
                                 "combien de jours y a-t-il entre le et du au jusqu'au cuántos días dias hay entre el del al y hasta desde ";
static const char day_words[] = " days day tage jours días dias ";

/* "How many days are there between 8 March 2025 and 4 August 2025?" needs no planner, and no document. */
static cairn_status ask_span(agent *a, bytes *text, cairn_error *err)
{
    const char *question = a->request->question;
    size_t len = strlen(question), n = 0, at = 0;
    quantity *q = NULL;
    char day[2][16], *small = arena_alloc(a->memory, len + 1);
    bool days = false;
    int64_t from, to;
    cairn_step *step = &a->steps[0];
    cairn_status st = small ? quantities_find(question, len, a->memory, &q, &n, NULL) : CAIRN_ENOMEM;

    if (st)
        return cairn_fail(err, st, "question");
    if (n != 2)
        return CAIRN_OK;
    for (size_t i = 0; i < 2; i++) {
        if (q[i].kind != QUANTITY_DATE || q[i].year < 1 || q[i].year > 9999 || !q[i].month || !q[i].day)
            return CAIRN_OK;
        snprintf(day[i], sizeof day[i], "%04d-%02d-%02d", q[i].year, q[i].month, q[i].day);
    }
    if (calculator_day(day[0], &from, NULL) || calculator_day(day[1], &to, NULL))
        return CAIRN_OK;
    utf8_fold_latin(question, len, small);
    while (at < len) {
        size_t stop = at;
        for (size_t i = 0; i < 2; i++)
            if (at >= q[i].start && at < q[i].end)
                at = stop = q[i].end;
        while (stop < len && !strchr(" \t\n?!.,", small[stop]) && stop != q[0].start && stop != q[1].start)
            stop++;
        if (stop > at && strncmp(small + at, "\xC2\xBF", 2) && !word_list_has(span_words, small + at, stop - at))
            return CAIRN_OK;
        days |= stop > at && word_list_has(day_words, small + at, stop - at);
        at = stop + (stop == at);
    }
    if (!days)
        return CAIRN_OK;
    *step = (cairn_step){.tool = "dates", .arguments = arena_printf(a->memory, "{\"tool\":\"dates\",\"from\":\"%s\",\"to\":\"%s\"}", day[0], day[1]),
                         .result = arena_printf(a->memory, "from %s to %s: %lld days", day[0], day[1], (long long)(to - from))};
    if (!step->arguments || !step->result)
        return cairn_fail(err, CAIRN_ENOMEM, "step");
    a->n = 1;
    a->out->confidence = 1;
    st = bytes_append_str(text, step->result);
    return st ? cairn_fail(err, st, "answer") : CAIRN_OK;
}

static cairn_status work(agent *a, cairn_error *err)
{
    generator *g;
    plan_prompt p = {0};
    char *asked;
    size_t held = 0;
    bytes text;
    cairn_status st = filtered(a, a->request->question, &asked, &held, err);

    bytes_init(&text, TEXT_MOST);
    if (!st && !held)
        st = ask_span(a, &text, err);
    if (!st && !held && !text.len)
        st = ask_tables(a, &text, err);
    if (!st && text.len) {
        st = finish(a, &p, &text, err);
        bytes_clear(&text);
        return st;
    }
    if (!st)
        st = engine_generator(a->c, &g, err);
    if (!st)
        st = load_prompt(a, g, &p, err);
    if (!st && held) {
        a->out->note = "the question has a word of the list filter.words";
        return finish(a, &p, &text, err);
    }
    if (!st && !(a->out->model = arena_strdup(a->memory, generator_name(g))))
        st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    if (!st)
        st = plan(a, &p, &text, err);
    if (!st && !text.len)
        st = plain_look_up(a, &text, err);
    if (!st)
        st = finish(a, &p, &text, err);
    bytes_clear(&text);
    return st;
}

cairn_status agent_answer(cairn *c, const cairn_ask_request *request, cairn_stream_fn *stream, void *stream_ctx,
                          cairn_answer **out, cairn_error *err)
{
    int64_t start = clock_mono_ns();
    agent *a = calloc(1, sizeof *a);
    arena *memory = malloc(sizeof *memory);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!a || !memory) {
        free(a);
        free(memory);
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    }
    arena_init(memory, (size_t)1 << 30);
    *a = (agent){.c = c, .request = request, .memory = memory, .out = arena_calloc(memory, 1, sizeof **out)};
    bytes_init(&a->told, TEXT_MOST);
    bytes_init(&a->result, TEXT_MOST);
    bytes_init(&a->answer, TEXT_MOST);
    if (!a->out)
        st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    else
        *a->out = (cairn_answer){.memory = memory, .model = "", .text = ""};
    if (!st && (request->extractive || request->n_history))
        st = cairn_fail(err, CAIRN_EUSAGE, "a plan with tools needs a model, and has no history");
    if (!st)
        st = work(a, err);
    if (!st) {
        a->out->total_ms = (double)(clock_mono_ns() - start) / 1e6;
        if (stream)
            (void)stream(stream_ctx, a->out->text, strlen(a->out->text));
        *out = a->out;
    } else {
        arena_clear(memory);
        free(memory);
    }
    bytes_clear(&a->told);
    bytes_clear(&a->result);
    bytes_clear(&a->answer);
    free(a);
    return st;
}
