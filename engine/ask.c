/* ask.c - cairn_ask: retrieve, judge the evidence, assemble the context, generate, check, cite.
 *
 * A small model answers with full confidence whatever it is given, so the refusal never rests on
 * its good will. Three gates can end in "not in your documents": nothing relevant was found; the
 * model itself says so; what it wrote is not in the passages. Text is released to the caller only
 * once the first sentence has passed the last gate.
 *
 * All instructions and the wrapping of passages come from a prompt file (prompts/answer.v1.txt):
 * sections that begin with "=== name". */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "engine/prompts.h"
#include "engine/search.h"
#include "retrieve/cite.h"
#include "retrieve/context.h"

#define ASK_BYTES       ((size_t)1 << 30)
#define ANSWER_BYTES    ((size_t)1 << 20)
#define HISTORY_TURNS   6
#define HISTORY_BYTES   1500 /* of one turn */
#define FOLDED_BYTES    64   /* by which a chunk may be shorter than its range in the document */

/* ---- the prompt file ---- */

typedef struct prompt_parts {
    const char *system, *open, *close, *user, *refusal, *marker;
} prompt_parts;

/* The text of a section without the line break that ends it; NULL when it is missing. */
static char *section(const char *file, const char *name, arena *memory)
{
    size_t name_len = strlen(name);

    for (const char *p = file; p && *p;) {
        const char *line_end = strchr(p, '\n'), *body, *end;
        if (strncmp(p, "=== ", 4) || strncmp(p + 4, name, name_len) ||
            (p[4 + name_len] != '\n' && p[4 + name_len] != '\0')) {
            p = line_end ? line_end + 1 : NULL;
            continue;
        }
        body = line_end ? line_end + 1 : p + strlen(p);
        end = !strncmp(body, "=== ", 4) ? body : strstr(body, "\n=== ");
        if (!end) {
            end = body + strlen(body);
            if (end > body && end[-1] == '\n')
                end--;
        }
        return arena_strndup(memory, body, (size_t)(end - body));
    }
    return NULL;
}

static cairn_status load_prompt(const cairn *c, arena *memory, prompt_parts *out, cairn_error *err)
{
    static const char *const names[] = {"system", "passage-open", "passage-close",
                                        "user",   "refusal",      "refusal-marker"};
    const char **parts[] = {&out->system, &out->open,    &out->close,
                            &out->user,   &out->refusal, &out->marker};
    char *file;
    cairn_status st = prompt_load(c->settings.prompt, c->settings.prompt_dir, &file, err);

    for (size_t i = 0; !st && i < sizeof names / sizeof *names; i++) {
        *parts[i] = section(file, names[i], memory);
        if (!*parts[i])
            st = cairn_fail(err, CAIRN_EUSAGE, "the prompt %s has no section \"%s\"",
                            c->settings.prompt, names[i]);
    }
    free(file);
    return st;
}

/* ---- one question on its way ---- */

typedef struct asking {
    cairn *c;
    const cairn_ask_request *request;
    int64_t start_ns;
    arena memory;
    prompt_parts prompt;
    cairn_search_result *evidence;
    generator *g;
    analyzer *an;
    context context;
    cite_passage *passages; /* [context.n_passages] */
    cite_params cite;
    /* while generating */
    cairn_stream_fn *stream;
    void *stream_ctx;
    bytes text;
    size_t released; /* bytes of text the caller has */
    bool open;       /* the first sentence has passed */
    bool stopped;    /* by the caller */
    int64_t first_ns;
    generate_result made;
} asking;

static size_t count_tokens(void *ctx, const char *text, size_t len)
{
    size_t n = 0;

    if (tokenizer_count(generator_tokenizer(ctx), text, len, 0, &n, NULL))
        return len;
    return n;
}

static cairn_status retrieve(asking *a, cairn_error *err)
{
    retrieve_query query;
    retrieve_result found;
    engine_query e = {.text = a->request->question,
                      .plain = true,
                      .filter = a->request->filter,
                      .mode = engine_mode(a->request->mode),
                      .k = (size_t)a->c->settings.ask_passages,
                      .depth = (size_t)a->c->settings.candidates,
                      .history = a->request->history,
                      .n_history = a->request->n_history};
    view v;
    int64_t start = clock_mono_ns();
    cairn_status st = view_open(a->c, &v, err);

    if (st)
        return st;
    st = engine_search_with(a->c, &v, &e, &a->memory, &query, &found, NULL, err);
    if (!st)
        st = engine_present(a->c, &v, &query, &found, &a->evidence, err);
    if (!st)
        a->evidence->took_ms = (double)(clock_mono_ns() - start) / 1e6;
    view_close(&v);
    return st;
}

static void make_cite_params(asking *a)
{
    const settings *s = &a->c->settings;

    cite_params_default(&a->cite);
    a->cite.support = (float)s->ask_min_support;
    a->cite.coverage_floor = (float)s->ask_min_coverage;
    a->cite.vector_floor = (float)s->ask_min_cosine;
    a->cite.answer_floor = (float)s->ask_min_answer;
    a->cite.question = a->request->question;
}

/* How well the evidence holds the question and, once there is one, the answer. */
static cairn_status measure(asking *a, const char *answer, const cite_passage *passages, size_t n,
                            cite_evidence *out, cairn_error *err)
{
    float lexical = 0, vector = 0;
    cairn_status st;

    for (size_t i = 0; i < a->evidence->n_hits; i++) {
        const cairn_hit *h = &a->evidence->hits[i];
        if (h->lexical > lexical)
            lexical = h->lexical;
        if (h->vector > vector)
            vector = h->vector;
    }
    st = cite_evidence_measure(a->an, NULL, a->request->question, answer, passages, n, NULL,
                               lexical, vector, out, err);
    if (!st)
        log_write(LOG_LEVEL_DEBUG, "engine",
                  "evidence%s: coverage %.2f (all %.2f), cosine %.3f, words %.1f, answer %.2f",
                  answer ? " with answer" : "", (double)out->best_coverage, (double)out->coverage,
                  (double)vector, (double)lexical, (double)out->answer_support);
    return st;
}

static cairn_status assemble(asking *a, cairn_error *err)
{
    size_t n = a->evidence->n_hits;
    context_candidate *candidates = arena_calloc(&a->memory, n + 1, sizeof *candidates);
    context_params p;
    cairn_status st;

    if (!candidates)
        return cairn_fail(err, CAIRN_ENOMEM, "context");
    for (size_t i = 0; i < n; i++) {
        const cairn_hit *h = &a->evidence->hits[i];
        candidates[i] = (context_candidate){.chunk = h->chunk,
                                            .doc = h->doc,
                                            .uri = h->uri,
                                            .title = h->title,
                                            .heading = h->heading,
                                            .text = h->text,
                                            .text_len = h->text_len,
                                            .page = h->page,
                                            .byte_start = h->byte_start,
                                            .byte_end = h->byte_end,
                                            .score = h->score};
    }
    context_params_default(&p);
    p.max_tokens = (size_t)a->c->settings.ask_context_tokens;
    p.max_passages = (size_t)a->c->settings.ask_passages;
    p.open = a->prompt.open;
    p.close = a->prompt.close;
    p.count_tokens = count_tokens;
    p.count_ctx = a->g;
    st = context_assemble(candidates, n, &p, &a->memory, &a->context, err);
    if (st)
        return st;
    a->passages = arena_calloc(&a->memory, a->context.n_passages + 1, sizeof *a->passages);
    if (!a->passages)
        return cairn_fail(err, CAIRN_ENOMEM, "context");
    for (size_t i = 0; i < a->context.n_passages; i++) {
        const cairn_hit *h = &a->evidence->hits[a->context.passages[i].candidate];
        a->passages[i] = (cite_passage){.text = h->text,
                                        .len = a->context.passages[i].text_len,
                                        .title = h->title,
                                        .heading = h->heading,
                                        .lang = h->lang};
    }
    return CAIRN_OK;
}

/* `text` with {passages} and {question} filled in. */
static cairn_status fill_in(asking *a, const char *text, bytes *out)
{
    cairn_status st = CAIRN_OK;

    while (!st && *text) {
        size_t plain = strcspn(text, "{");
        st = bytes_append(out, text, plain);
        text += plain;
        if (st || !*text)
            break;
        if (!strncmp(text, "{passages}", 10)) {
            st = bytes_append(out, a->context.text, a->context.len);
            text += 10;
        } else if (!strncmp(text, "{question}", 10)) {
            st = bytes_append_str(out, a->request->question);
            text += 10;
        } else {
            st = bytes_append_byte(out, (uint8_t)*text++);
        }
    }
    return st;
}

static void append_message(json_t *list, const char *role, const char *text, size_t len)
{
    json_array_append_new(list, json_pack("{s:s,s:o}", "role", role, "content",
                                          json_stringn(text, len)));
}

static cairn_status make_messages(asking *a, json_t **out, cairn_error *err)
{
    const cairn_ask_request *q = a->request;
    size_t first = q->n_history > HISTORY_TURNS ? q->n_history - HISTORY_TURNS : 0;
    json_t *list = json_array();
    bytes user;
    cairn_status st;

    bytes_init(&user, (size_t)64 << 20);
    st = fill_in(a, a->prompt.user, &user);
    append_message(list, "system", a->prompt.system, strlen(a->prompt.system));
    for (size_t i = first; i < q->n_history; i++) {
        size_t len = strlen(q->history[i].content);
        if (len > HISTORY_BYTES)
            len = utf8_floor(q->history[i].content, HISTORY_BYTES);
        append_message(list, q->history[i].role, q->history[i].content, len);
    }
    if (!st)
        append_message(list, "user", user.data ? user.data : "", user.len);
    bytes_clear(&user);
    if (st || json_array_size(list) != q->n_history - first + 2) {
        json_decref(list);
        return cairn_fail(err, st ? st : CAIRN_EUSAGE,
                          "the question or its history is not valid UTF-8 or too long");
    }
    *out = list;
    return CAIRN_OK;
}

/* ---- generating, and releasing what holds ---- */

/* Bytes of text[0, len) up to the end of its last whole sentence. */
static size_t whole_sentences(const char *text, size_t len)
{
    for (size_t i = len; i > 1; i--) {
        char c = text[i - 1];
        if (c == '\n' || ((c == ' ') && strchr(".!?]", text[i - 2])))
            return i;
        /* The full stops of Chinese and Japanese: U+3002, U+FF01, U+FF1F. */
        if (i >= 3 && (!memcmp(text + i - 3, "\xE3\x80\x82", 3) ||
                       !memcmp(text + i - 3, "\xEF\xBC\x81", 3) ||
                       !memcmp(text + i - 3, "\xEF\xBC\x9F", 3)))
            return i;
    }
    return 0;
}

/* The part of a passage that a citation names, as a passage of its own. */
static cite_passage cited_part(const asking *a, const citation *x)
{
    cite_passage part = a->passages[x->n - 1];

    part.text += x->start;
    part.len = x->end - x->start;
    return part;
}

/* Does what the answer cites also speak of what was asked? "2.5 Nm" is in the manual, but for
 * another screw. */
static cairn_status speaks_of_question(asking *a, const citation *cited, size_t n, bool *out)
{
    float best = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n; i++) {
        cite_passage part;
        cite_evidence e;
        if (!cited[i].supported)
            continue;
        part = cited_part(a, &cited[i]);
        st = cite_evidence_measure(a->an, NULL, a->request->question, NULL, &part, 1, NULL, 0, 0, &e,
                                   NULL);
        if (!st && e.best_coverage > best)
            best = e.best_coverage;
    }
    *out = best >= (float)a->c->settings.ask_min_together;
    log_write(LOG_LEVEL_DEBUG, "engine", "what is cited holds %.2f of the question", (double)best);
    return st;
}

/* The last gate: the answer's words are in the passages, some sentence of theirs supports it, and
 * that sentence speaks of what was asked. */
static bool is_supported(asking *a)
{
    cite_evidence e;
    citation *cited;
    size_t n;
    bool together = false;

    if (strstr(a->text.data, a->prompt.marker) ||
        measure(a, a->text.data, a->passages, a->context.n_passages, &e, NULL) ||
        cite_refuse(&e, &a->cite, NULL) ||
        cite_check(a->an, NULL, a->text.data, a->text.len, a->passages, a->context.n_passages, NULL,
                   &a->cite, &a->memory, &cited, &n, NULL) ||
        speaks_of_question(a, cited, n, &together))
        return false;
    return together;
}

static void release(asking *a, size_t upto)
{
    if (upto <= a->released)
        return;
    if (a->stream && !a->stream(a->stream_ctx, a->text.data + a->released, upto - a->released))
        a->stopped = true;
    a->released = upto;
}

static bool take_text(void *ctx, const char *text, size_t len)
{
    asking *a = ctx;
    size_t whole;

    if (!a->first_ns)
        a->first_ns = clock_mono_ns();
    if (engine_cancelled(a->request->cancel) || bytes_append(&a->text, text, len))
        a->stopped = true;
    if (a->stopped || !a->stream)
        return !a->stopped;
    whole = whole_sentences(a->text.data, a->text.len);
    if (!a->open && whole)
        a->open = is_supported(a);
    if (a->open)
        release(a, a->text.len);
    return !a->stopped;
}

static cairn_status generate(asking *a, cairn_error *err)
{
    const cairn_ask_request *q = a->request;
    sampler_params sampling = sampler_params_default();
    generate_params p = {.max_tokens = q->max_tokens ? q->max_tokens
                                                     : (size_t)a->c->settings.ask_max_tokens,
                         .sampling = &sampling,
                         .on_text = take_text,
                         .ctx = a};
    json_t *messages = NULL;
    cairn_status st = make_messages(a, &messages, err);

    sampling.temperature = q->temperature;
    sampling.seed = q->seed;
    if (!st)
        st = engine_generator_begin(a->c, q->cancel, err);
    if (!st) {
        st = generator_chat(a->g, messages, &p, &a->made, err);
        engine_generator_end(a->c);
    }
    json_decref(messages);
    if (!st && a->made.finish == GENERATE_CANCELLED)
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while answering");
    return st;
}

/* ---- the answer ---- */

/* Where a passage's bytes [start, end) lie in the document: a range that holds them. It is exact
 * where the chunk is a plain run of the document, a few bytes wider where seams between blocks were
 * folded, and the chunk's own range where it was put together (a table's repeated header). */
static void document_range(const cairn_hit *h, size_t start, size_t end, cairn_citation *out)
{
    uint64_t range = h->byte_end - h->byte_start;

    if (range >= h->text_len && range - h->text_len <= FOLDED_BYTES) {
        out->start = h->byte_start + start;
        out->end = h->byte_start + end + (range - h->text_len);
    } else {
        out->start = h->byte_start;
        out->end = h->byte_end;
    }
}

static cairn_status cite(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    citation *found;
    size_t n, kept = 0;
    cairn_status st = cite_check(a->an, NULL, out->text, strlen(out->text), a->passages,
                                 a->context.n_passages, NULL, &a->cite, &a->memory, &found, &n,
                                 err);

    if (st)
        return st;
    out->citations = arena_calloc(memory, n + 1, sizeof *out->citations);
    if (!out->citations)
        return cairn_fail(err, CAIRN_ENOMEM, "citations");
    for (size_t i = 0; i < n; i++) {
        cairn_citation *x = &out->citations[kept];
        const cairn_hit *h;
        if (!found[i].n || found[i].n > a->context.n_passages)
            continue; /* the model named a passage that there is not */
        h = &out->evidence->hits[a->context.passages[found[i].n - 1].candidate];
        *x = (cairn_citation){.n = found[i].n,
                              .doc = h->doc,
                              .chunk = h->chunk,
                              .uri = h->uri,
                              .title = h->title,
                              .page = h->page,
                              .supported = found[i].supported};
        document_range(h, found[i].start, found[i].end, x);
        x->text = arena_strndup(memory, h->text + found[i].start, found[i].end - found[i].start);
        if (!x->text)
            return cairn_fail(err, CAIRN_ENOMEM, "citations");
        kept++;
    }
    out->n_citations = kept;
    return CAIRN_OK;
}

/* The model's text without white space at its ends. */
static const char *trimmed(asking *a, arena *memory)
{
    const char *s = a->text.data ? a->text.data : "";
    size_t len = a->text.len;

    while (len && strchr(" \t\r\n", s[len - 1]))
        len--;
    while (len && strchr(" \t\r\n", *s)) {
        s++;
        len--;
    }
    return arena_strndup(memory, s, len);
}

/* The numbers of supported citations that the text does not show yet, behind it: a small model
 * answers better when it need not write markers itself, so most are ours. */
static cairn_status add_markers(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    bytes text;

    bytes_init(&text, ANSWER_BYTES * 2);
    st = bytes_append_str(&text, out->text);
    for (size_t i = 0; !st && i < out->n_citations; i++) {
        char marker[32];
        snprintf(marker, sizeof marker, " [%zu]", out->citations[i].n);
        if (out->citations[i].supported && !strstr(text.data, marker + 1))
            st = bytes_append_str(&text, marker);
    }
    if (!st) {
        if (a->stream && text.len > strlen(out->text))
            a->stream(a->stream_ctx, text.data + strlen(out->text), text.len - strlen(out->text));
        out->text = arena_strndup(memory, text.data, text.len);
    }
    bytes_clear(&text);
    return st || !out->text ? cairn_fail(err, CAIRN_ENOMEM, "answer") : CAIRN_OK;
}

static cairn_status refuse(asking *a, cairn_answer *out, arena *memory)
{
    out->refused = true;
    out->text = arena_strdup(memory, a->prompt.refusal);
    if (out->text && a->stream)
        a->stream(a->stream_ctx, out->text, strlen(out->text));
    return out->text ? CAIRN_OK : CAIRN_ENOMEM;
}

/* Everything from the evidence on; out->evidence is set. */
static cairn_status answer(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    cite_evidence e = {0};
    cairn_status st;

    if (!a->evidence->n_hits)
        return refuse(a, out, memory);
    st = engine_generator(a->c, &a->g, err);
    if (!st)
        st = assemble(a, err);
    if (!st)
        st = measure(a, NULL, a->passages, a->context.n_passages, &e, err);
    if (st)
        return st;
    out->model = arena_strdup(memory, generator_name(a->g));
    if (!a->context.n_passages || cite_refuse(&e, &a->cite, NULL))
        return refuse(a, out, memory);
    st = generate(a, err);
    if (st)
        return st;
    out->prompt_tokens = a->made.prompt_tokens;
    out->completion_tokens = a->made.tokens.n;
    out->cached_tokens = a->made.cached_tokens;
    out->passes = a->made.passes;
    out->drafted_tokens = a->made.drafted_tokens;
    out->copied_tokens = a->made.copied_tokens;
    if (a->first_ns)
        out->ttft_ms = (double)(a->first_ns - a->start_ns) / 1e6;
    if (a->made.tokens.n > 1)
        out->tpot_ms = (double)(a->made.total_ns - a->made.ttft_ns) / 1e6 /
                       (double)(a->made.tokens.n - 1);
    if (!a->text.len || (!a->open && !is_supported(a)))
        return refuse(a, out, memory);
    release(a, a->text.len);
    out->text = trimmed(a, memory);
    if (!out->text)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    st = cite(a, out, memory, err);
    return st ? st : add_markers(a, out, memory, err);
}

cairn_status cairn_ask(cairn *c, const cairn_ask_request *request, cairn_stream_fn *stream,
                       void *stream_ctx, cairn_answer **out, cairn_error *err)
{
    asking a = {.c = c,
                .request = request,
                .stream = stream,
                .stream_ctx = stream_ctx,
                .start_ns = clock_mono_ns()};
    cairn_answer *result = NULL;
    arena *memory = NULL;
    cairn_status st;

    *out = NULL;
    if (!request->question || !*request->question)
        return cairn_fail(err, CAIRN_EUSAGE, "no question");
    arena_init(&a.memory, ASK_BYTES);
    bytes_init(&a.text, ANSWER_BYTES);
    make_cite_params(&a);
    st = load_prompt(c, &a.memory, &a.prompt, err);
    if (!st)
        st = engine_analyzer(c, &a.an, err);
    if (!st)
        st = retrieve(&a, err);
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
        result->evidence = a.evidence;
        result->retrieve_ms = a.evidence->took_ms;
        result->model = "";
        st = answer(&a, result, memory, err);
    }
    generate_result_clear(&a.made);
    bytes_clear(&a.text);
    arena_clear(&a.memory);
    if (st) {
        cairn_search_result_free(a.evidence);
        if (memory)
            arena_clear(memory);
        free(memory);
        return st;
    }
    *out = result;
    return CAIRN_OK;
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
