/* ask.c - cairn_ask: retrieve, judge the evidence, then answer with the model or with the
 * documents' own sentence, check, cite - or say that it is not there.
 *
 * A small model answers with full confidence whatever it is given, so nothing rests on its good will:
 * whether there is an answer is decided before it is asked (evidence.h), what it writes is shown only
 * where the documents say it (ask_answer.c), and where its words do not hold although the evidence
 * does, the documents' own sentence is the answer. */
#include "engine/agent.h"
#include "engine/ask.h"
#include "engine/cluster.h"
#include "engine/shared_model.h"
#include "engine/table_question.h"
#include "engine/prompts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "retrieve/query.h"

#define TABLE_TEXT_MAX ((size_t)1 << 18)
#define UNCROSSED_CHANCE 0.9f /* that answers a question for two places of which one was found: most of it is what it says itself */
#define READ_FROM 0.02f /* a chance by the evidence that is worth a model's reading */

static void make_cite_params(asking *a)
{
    cite_params_default(&a->cite);
    a->cite.support = a->cite.guess = (float)a->c->settings.ask_min_support;
    a->cite.question = a->asked;
}

static cairn_status refuse(asking *a, const char *why, cairn_answer *out, arena *memory, cairn_error *err)
{
    a->refused_for = why;
    out->refused = true;
    out->text = arena_strdup(memory, a->prompt.refusal);
    if (!out->text)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    ask_release(a, out->text, strlen(out->text));
    return CAIRN_OK;
}

/* The user's own list of words: *held when the question has one of them. */
static cairn_status read_filter(asking *a, bool *held, cairn_error *err)
{
    const char *path = a->c->settings.filter_words, *question = a->request->question;
    size_t found = 0;
    bytes masked;
    cairn_status st;

    *held = false;
    if (!*path)
        return CAIRN_OK;
    st = word_filter_load(&a->filter, path, a->an, err);
    bytes_init(&masked, ANSWER_BYTES * 4);
    if (!st)
        st = word_filter_mask(a->filter, a->an, question, strlen(question), &masked, &found, err);
    bytes_clear(&masked);
    *held = found > 0;
    return st;
}

/* A question that is not asked of anything. */
static cairn_status turn_down(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    out->note = arena_strdup(memory, "the question has a word of the list filter.words");
    return out->note ? refuse(a, "words", out, memory, err) : cairn_fail(err, CAIRN_ENOMEM, "answer");
}

/* Sentences that speak to the model: kept out, and said. */
static cairn_status list_planted(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    const evidence *e = &a->evidence;
    size_t first = e->n - e->n_planted;

    out->planted = arena_calloc(memory, e->n_planted + 1, sizeof *out->planted);
    if (!out->planted)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    for (size_t i = first; i < e->n; i++) {
        const evidence_sentence *s = &e->sentences[i];
        const cairn_hit *h = &a->hits->hits[s->passage];
        cairn_planted *p = &out->planted[out->n_planted++];
        *p = (cairn_planted){.uri = h->uri,
                             .page = h->page,
                             .score = s->injection,
                             .text = arena_strndup(memory, h->text + s->start, s->end - s->start)};
        if (!p->text)
            return cairn_fail(err, CAIRN_ENOMEM, "answer");
    }
    return CAIRN_OK;
}

static void count(asking *a, cairn_answer *out)
{
    out->prompt_tokens = a->remote ? a->remote_prompt : a->result.prompt_tokens;
    out->completion_tokens = a->remote ? a->remote_completion : a->result.tokens.n;
    out->cached_tokens = a->result.cached_tokens;
    out->reused_tokens = a->result.reused_tokens;
    out->passes = a->result.passes;
    out->drafted_tokens = a->result.drafted_tokens;
    out->copied_tokens = a->result.copied_tokens;
    if (a->first_ns)
        out->ttft_ms = (double)(a->first_ns - a->start_ns) / 1e6;
    if (a->result.tokens.n > 1)
        out->tpot_ms = (double)(a->result.total_ns - a->result.ttft_ns) / 1e6 /
                       (double)(a->result.tokens.n - 1);
}

/* The documents' own sentence, or nothing: a question for a number is not answered without one. */
static cairn_status extract(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    if (a->apart.kind == DECOMPOSE_COMPARISON && a->n_promoted) {
        if (ask_parts_quote(a, out))
            return CAIRN_OK;
        ask_parts_forget(a);
        if (a->evidence.answerable < (float)a->c->settings.ask_min_answerable || !ask_parts_in_one_place(a))
            return refuse(a, "parts", out, memory, err);
    }
    if (a->hop)
        ask_bridge_end(a);
    return ask_typed_sentence(a) ? ask_extract(a, out, memory, err) : refuse(a, "kind", out, memory, err);
}

/* What the model is called; an endpoint's is "model at address". */
static cairn_status name_model(const asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    const settings *s = &a->c->settings;

    out->model = a->remote ? arena_printf(memory, "%s at %s", s->gateway_model, s->gateway_url)
                           : arena_strdup(memory, generator_name(a->g));
    return out->model ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "answer");
}

/* One model's answer, checked. *held: something of it may be said and fits the question. */
static cairn_status try_model(asking *a, cairn_answer *out, arena *memory, bool *held, cairn_error *err)
{
    cairn_status st = name_model(a, out, memory, err);

    if (!st)
        st = ask_generate(a, err);
    if (st)
        return st;
    count(a, out);
    out->withheld = a->withheld;
    *held = a->n_confirmed && (ask_fits_type(a) || (a->stream && a->shown));
    return CAIRN_OK;
}

/* An endpoint that fails, or nothing of whose answer holds, costs its answer, not the user's: the local model writes, unless it did. */
static cairn_status answer_here(asking *a, cairn_answer *out, arena *memory, bool local, bool *held, cairn_status failed, cairn_error *problem)
{
    cairn_status st;

    if (failed)
        out->note = arena_strdup(memory, problem->text);
    if (a->unsent)
        out->sent_to = NULL;
    a->remote = false;
    a->extractive = local || !a->g;
    out->route = arena_printf(memory, "%s: %s", a->extractive ? "the documents' own sentence" : "the local model",
                              failed ? "the endpoint did not answer" : "nothing that the endpoint said held");
    if (a->extractive) {
        out->model = "";
        return CAIRN_OK;
    }
    st = ask_load_prompt(a, problem);
    return st ? st : try_model(a, out, memory, held, problem);
}

/* With a model, then another where settings allow it, falling back to the documents' own sentence. */
static cairn_status generate(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    cairn_error problem = {0};
    bool held = false, local = !a->remote;
    cairn_status st = ask_assemble(a, err);

    if (st)
        return st;
    if (!a->context.n_passages) { /* nobody reads */
        out->sent_to = NULL;
        st = name_model(a, out, memory, err);
        if (!st && a->chance < ask_least(a))
            return refuse(a, "evidence", out, memory, err);
        return st ? st : extract(a, out, memory, err);
    }
    st = try_model(a, out, memory, &held, &problem);
    if (!st && a->unanswered)
        return refuse(a, "reading", out, memory, err);
    if (st != CAIRN_ECANCELLED && !held && ask_falls_back(a, out, memory) && !(st = ask_load_prompt(a, &problem)))
        st = try_model(a, out, memory, &held, &problem);
    if (a->remote && st != CAIRN_ECANCELLED && st != CAIRN_ENOMEM && (st || (!held && a->withheld && !local && a->g)))
        st = answer_here(a, out, memory, local, &held, st, &problem);
    if (st && err)
        *err = problem;
    if (st)
        return st;
    if (!held && a->evidence.answerable < (float)a->c->settings.ask_min_answerable)
        return refuse(a, "unconfirmed", out, memory, err); /* nothing but the reading spoke for it, and what came of that does not hold */
    return held ? CAIRN_OK : extract(a, out, memory, err);
}

float ask_least(const asking *a)
{
    float least = (float)a->c->settings.ask_min_answerable;

    return a->uncrossed && least > 0 ? fmaxf(least, UNCROSSED_CHANCE) : least;
}

/* What the evidence alone has to give before a model is asked: where its reading counts, it may still find the answer. */
static float least_chance(const asking *a)
{
    float least = ask_least(a);

    return a->taught ? fminf(least, READ_FROM) : least;
}

/* Whether the answerer, which is open, writes: nobody else does, and the prompt is the one it was taught with. */
static bool is_taught(const asking *a)
{
    return a->taught && !a->extractive && !a->remote && !a->large &&
           prompt_is_own(a->adapter.prompt, a->prompt.system, a->prompt.user);
}

/* A question of a conjunction by itself: whether there is an answer, and which. */
static cairn_status answer_one(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    if (a->evidence.n == a->evidence.n_planted || a->evidence.answerable < least_chance(a))
        return refuse(a, "evidence", out, memory, err);
    return a->extractive ? extract(a, out, memory, err) : generate(a, out, memory, err);
}

/* What was said of the parts, for the caller. */
static cairn_status finish_parts(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    out->text = ask_redacted(a, a->text.data, a->text.len, memory);
    return out->text ? ask_copy_citations(a, out, memory, err) : cairn_fail(err, CAIRN_ENOMEM, "answer");
}

/* By its parts, where that gives an answer. */
static cairn_status answer_apart(asking *a, cairn_answer *out, arena *memory, bool *held, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    *held = false;
    if (a->apart.kind == DECOMPOSE_CONJUNCTION || a->apart.kind == DECOMPOSE_LIST) {
        st = ask_parts_each(a, out, memory, answer_one, held, err);
        if (!st && !*held)
            ask_parts_forget(a);
    } else if (a->apart.kind == DECOMPOSE_COMPARISON) {
        *held = ask_parts_compare(a, out, memory) || ask_parts_missing(a, out);
        if (*held)
            out->sent_to = NULL; /* no model was asked */
    }
    if (!st && *held)
        st = finish_parts(a, out, memory, err);
    return st;
}

/* One table's answer as a step and a citation, its text behind those of the tables before it. */
static cairn_status add_table(asking *a, cairn_answer *out, table_answer *t, bool named, bytes *text, arena *memory, cairn_error *err)
{
    size_t number = strcspn(t->result.text, "("), n = out->n_citations;
    cairn_status st;

    number -= number && t->result.text[number - 1] == ' ';
    t->result.text = ask_redacted(a, t->result.text, strlen(t->result.text), memory);
    t->source.text = ask_redacted(a, t->source.text, strlen(t->source.text), memory);
    if (!t->result.text || !t->source.text)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    if (t->result.figure && !named && !(out->short_answer = ask_redacted(a, t->result.text, number, memory)))
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    t->source.n = n + 1;
    out->citations[n] = t->source;
    out->steps[n] = (cairn_step){.tool = "table", .arguments = t->result.call, .result = t->result.text};
    out->n_citations = out->n_steps = n + 1;
    a->chance = (float)t->result.cover;
    st = n ? bytes_append_byte(text, '\n') : CAIRN_OK;
    if (!st && named)
        st = bytes_printf(text, "%s: ", t->name);
    if (!st)
        st = bytes_printf(text, "%s [%zu]", t->result.text, n + 1);
    return st ? cairn_fail(err, st, "answer") : CAIRN_OK;
}

/* A count, a sum or the like that a table among what was found answers whole: by rules, and by no model. Of tables that suit the
 * question alike each is told. */
static cairn_status answer_by_table(asking *a, cairn_answer *out, arena *memory, bool *held, cairn_error *err)
{
    bool several = a->apart.kind != DECOMPOSE_NONE && a->apart.kind != DECOMPOSE_BRIDGE;
    table_answer t[TABLE_ANSWERS_MAX];
    size_t n;
    bytes text;
    cairn_status st;

    *held = false;
    if (strcmp(a->c->settings.ask_tables, "on") || several)
        return CAIRN_OK;
    st = table_question_plain(a->c, a->asked, a->request->day ? a->request->day : retrieve_today(), a->hits, memory, t, &n, err);
    if (st || !n)
        return st;
    out->citations = arena_calloc(memory, n, sizeof *out->citations);
    out->steps = arena_calloc(memory, n, sizeof *out->steps);
    if (!out->citations || !out->steps)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    bytes_init(&text, TABLE_TEXT_MAX);
    for (size_t i = 0; i < n && !st; i++)
        st = add_table(a, out, &t[i], n > 1, &text, memory, err);
    out->text = st ? NULL : ask_redacted(a, text.data, text.len, memory);
    bytes_clear(&text);
    if (!out->text)
        return st ? st : cairn_fail(err, CAIRN_ENOMEM, "answer");
    *held = true;
    ask_release(a, out->text, strlen(out->text));
    return CAIRN_OK;
}

/* Everything from the evidence on. */
static cairn_status decide(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    const evidence *e = &a->evidence;
    bool held;
    cairn_status st = list_planted(a, out, memory, err);

    a->chance = e->answerable;
    if (!st)
        st = answer_by_table(a, out, memory, &held, err);
    if (st || held)
        return st;
    st = ask_choose_way(a, out, memory, err);
    if (!st && a->g && !a->extractive)
        st = ask_load_prompt(a, err); /* the one for this family of models */
    if (st)
        return st;
    a->taught = is_taught(a);
    st = answer_apart(a, out, memory, &held, err);
    if (st || held)
        return st;
    if (e->n == e->n_planted || e->answerable < least_chance(a)) {
        out->sent_to = NULL; /* nothing was, nor will be */
        return refuse(a, "evidence", out, memory, err);
    }
    if (!a->extractive && e->answerable >= ask_least(a) && ask_cache_find(a, out, memory)) {
        out->sent_to = NULL; /* nothing was, this time */
        ask_release(a, out->text, strlen(out->text));
        out->short_answer = ask_short_answer(a, out->text, strlen(out->text), memory);
        return name_model(a, out, memory, err);
    }
    st = a->extractive ? extract(a, out, memory, err) : generate(a, out, memory, err);
    if (st || out->refused)
        return st;
    if (!out->extractive)
        out->short_answer = ask_short_answer(a, a->text.data, a->text.len, memory);
    st = ask_standing_tell(a, err);
    if (st)
        return st;
    out->text = ask_redacted(a, a->text.data, a->text.len, memory);
    if (!out->text)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    st = ask_copy_citations(a, out, memory, err);
    if (!st)
        st = ask_entail_tell(a, out, memory, err);
    if (!st && !a->extractive && !a->stopped)
        ask_cache_put(a, out);
    return st;
}

static cairn_status answer(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    cairn_status st = decide(a, out, memory, err);

    if (!st)
        st = ask_entail_tell(a, out, memory, err);
    out->confidence = a->chance;
    for (size_t i = 0; !st && i < a->apart.n_parts; i++)
        if (!(out->parts = arena_printf(memory, "%s%s%s", i ? out->parts : "", i ? "\n" : "", a->parts[i].question)))
            st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    const char *understood = a->besides ? a->besides : a->asked;
    if (!st && understood != a->request->question && !(out->understood = arena_strdup(memory, understood)))
        st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    return st;
}

static cairn_status ask(cairn *c, const cairn_ask_request *request, cairn_stream_fn *stream,
                        void *stream_ctx, void (*observe)(void *ctx, const asking *a),
                        void *observe_ctx, cairn_answer **out, cairn_error *err)
{
    cairn_ask_request dated = *request; /* midnight does not fall into a question */
    asking a = {.c = c,
                .request = &dated,
                .asked = request->question,
                .stream = stream,
                .stream_ctx = stream_ctx,
                .start_ns = clock_mono_ns()};
    cairn_answer *result = NULL;
    exhaustive every;
    arena *memory = NULL;
    cairn_status st;
    bool all, held = false;

    *out = NULL;
    if (!request->question || !*request->question)
        return cairn_fail(err, CAIRN_EUSAGE, "no question");
    dated.day = request->day ? request->day : retrieve_today();
    all = exhaustive_parse(request->question, strlen(request->question), &every);
    arena_init(&a.memory, ASK_BYTES);
    bytes_init(&a.made, ANSWER_BYTES);
    bytes_init(&a.text, ANSWER_BYTES * 2);
    make_cite_params(&a);
    st = ask_load_prompt(&a, err);
    if (!st)
        st = engine_analyzer(c, &a.an, err);
    if (!st)
        st = read_filter(&a, &held, err);
    if (!st && all && !held) {
        bool ordinary;
        st = ask_exhaustive_find(&a, &every, &ordinary, err);
        all = !ordinary;
    }
    if (!st && !all && !held)
        st = ask_retrieve(&a, err);
    if (!st && !all && !held)
        st = ask_leave_conversation(&a, &dated, err);
    if (!st && observe && !all && !held)
        observe(observe_ctx, &a);
    if (!st && !(memory = malloc(sizeof *memory)))
        st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    if (memory) {
        arena_init(memory, ASK_BYTES);
        result = arena_calloc(memory, 1, sizeof *result);
        if (!result)
            st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    }
    if (!st) {
        result->memory = memory;
        result->model = "";
    }
    if (!st && held) {
        st = turn_down(&a, result, memory, err);
    } else if (!st && all) {
        st = ask_exhaustive(&a, &every, result, memory, err);
    } else if (!st) {
        result->evidence = a.hits;
        result->retrieve_ms = a.hits->took_ms;
        st = answer(&a, result, memory, err);
    }
    a.done = true;
    if (!st && observe && !all && !held)
        observe(observe_ctx, &a);
    if (!st)
        result->snapshot = a.snapshot;
    if (!st)
        result->day = dated.day;
    if (!st)
        result->total_ms = (double)(clock_mono_ns() - a.start_ns) / 1e6;
    word_filter_free(a.filter);
    generate_result_clear(&a.result);
    bytes_clear(&a.made);
    bytes_clear(&a.text);
    arena_clear(&a.memory);
    if (st) {
        cairn_search_result_free(a.hits);
        if (memory)
            arena_clear(memory);
        free(memory);
        return st;
    }
    *out = result;
    return CAIRN_OK;
}

cairn_status cairn_ask(cairn *c, const cairn_ask_request *request, cairn_stream_fn *stream,
                       void *stream_ctx, cairn_answer **out, cairn_error *err)
{
    bool plans = request->tools && request->question && *request->question;
    cairn_status st = CAIRN_OK;

    cluster_limit(c, request->cancel, 0);
    if (plans)
        st = agent_answer(c, request, stream, stream_ctx, out, err);
    if (!plans || (st == CAIRN_EMODEL && !c->generator_named)) /* no model: as without a plan */
        st = ask(c, request, stream, stream_ctx, NULL, NULL, out, err);
    cluster_limit(c, NULL, 0);
    return st;
}

cairn_status ask_observed(cairn *c, const cairn_ask_request *request,
                          void (*observe)(void *ctx, const asking *a), void *ctx,
                          cairn_answer **out, cairn_error *err)
{
    return ask(c, request, NULL, NULL, observe, ctx, out, err);
}

/* What an answer is made from, as ask() finds it. */
static cairn_status gather(asking *a, cairn_error *err)
{
    cairn_status st = ask_load_prompt(a, err);

    if (!st)
        st = engine_analyzer(a->c, &a->an, err);
    if (!st)
        st = ask_retrieve(a, err);
    return st ? st : ask_assemble(a, err);
}

cairn_status ask_consider(cairn *c, const cairn_ask_request *request, void (*look)(void *ctx, const asking *a),
                          void *ctx, cairn_error *err)
{
    asking a = {.c = c, .request = request, .asked = request->question, .start_ns = clock_mono_ns()};
    exhaustive every;
    cairn_status st;

    if (exhaustive_parse(request->question, strlen(request->question), &every))
        return CAIRN_OK;
    arena_init(&a.memory, ASK_BYTES);
    st = gather(&a, err);
    if (!st)
        look(ctx, &a);
    cairn_search_result_free(a.hits);
    arena_clear(&a.memory);
    return st;
}

cairn_status ask_prompt_of(const asking *seen, json_t **out, cairn_error *err)
{
    asking a = *seen; /* whose own memory stays as it is */
    cairn_status st;

    *out = NULL;
    arena_init(&a.memory, ASK_BYTES);
    st = engine_generator(a.c, &a.g, err);
    if (!st)
        st = ask_load_prompt(&a, err); /* the one for this family of models */
    if (!st)
        st = ask_assemble(&a, err);
    if (!st && a.context.n_passages)
        st = ask_messages(&a, out, err);
    arena_clear(&a.memory);
    return st;
}

cairn_status cairn_keep_passages(cairn *c, cairn_error *err)
{
    shared_model *const writers[] = {c->generator, c->answerer};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < sizeof writers / sizeof *writers && !st; i++) {
        if (!writers[i] || shared_model_batcher(writers[i]))
            continue;
        st = shared_model_enter(writers[i], NULL, 0, err);
        if (st)
            return st;
        st = generator_keep_passages(shared_model_generator(writers[i]), err);
        shared_model_leave(writers[i]);
    }
    return st;
}

void cairn_answer_free(cairn_answer *a)
{
    arena *memory;

    if (!a)
        return;
    cairn_search_result_free(a->evidence);
    memory = a->memory; /* *a itself lives in it */
    arena_clear(memory);
    free(memory);
}
