/* eval_answers.c - cairn_eval_answers: ask every question of a file and compare with what is
 * accepted.
 *
 * Texts are compared as eval_text.h says. An answer is right when it holds an accepted one as a run of
 * words. The other measures look at the part of an extractive answer that was asked for, where there is
 * one; the accepted answer that gives the most counts. A refusal counts 0 in all of them.
 *
 * Grounded is, without the markers and the engine's own verdict: the share of an answer's content words
 * that stand in the texts it cites. Entailed is, where a model of entailment is there, the share of the sentences put to
 * it that follow from what they cite. Intervals are bootstrap intervals over questions, or citations. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "engine/ask.h"
#include "engine/engine.h"
#include "engine/eval.h"
#include "engine/eval_lines.h"
#include "engine/eval_report.h"
#include "engine/eval_text.h"
#include "retrieve/cite.h"
#include "retrieve/metrics.h"
#include "retrieve/terms.h"

#define LINE_WORDS ((size_t)16 << 20)
#define SEED       0x414E5357u

typedef struct values {
    double *at;
    size_t *slice; /* of each */
    size_t n, cap;
} values;

typedef struct answer_slice {
    const char *value;
    size_t n; /* questions */
} answer_slice;

/* In the order of the result's metrics. */
enum { RIGHT, EXACT, F1, ROUGE, BLEU, EDIT, SEMANTIC, REFUSED_ANSWERABLE, EVIDENCE_RETRIEVED, REFUSED_RETRIEVED,
       REFUSED_UNANSWERABLE, CITATION_HOLDS, CITATION_PRECISION, CITATION_RECALL, GROUNDED, ENTAILED, UNWANTED_AGAIN, N_VALUES };

static const char *const value_names[N_VALUES] = {
    "right", "exact_match", "token_f1", "rouge_l", "bleu", "edit_similarity", "semantic_similarity", "refused_answerable",
    "evidence_retrieved", "refused_retrieved", "refused_unanswerable", "citation_holds", "citation_precision", "citation_recall", "grounded", "entailed",
    "unwanted_again"};

typedef struct grading {
    cairn *c;
    analyzer *an;
    const cairn_eval_answers_options *options;
    cairn_answers_result *out;
    bool (*fn)(void *ctx, const cairn_answered *a);
    void *ctx;
    bool embeds; /* there is an embedder for semantic similarity */
    FILE *dump;
    json_t *dumped; /* the line of this question */
    cairn_status prompt_status; /* whether its messages could be made */
    cairn_error prompt_error;
    arena names;    /* of slices and what a report shows */
    answer_slice *slices;
    size_t n_slices, slice; /* slice: of this question */
    eval_answer *answers;   /* [cap_answers], for a report */
    size_t n_answers, cap_answers;
    values value[N_VALUES], retrieve_ms, ttft_ms, total_ms;
} grading;

static cairn_status add_value_of(values *v, double x, size_t slice, cairn_error *err)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : 256;
        double *at = checked_realloc(v->at, cap, sizeof *at);
        size_t *of = at ? checked_realloc(v->slice, cap, sizeof *of) : NULL;
        if (at)
            v->at = at;
        if (!of)
            return cairn_fail(err, CAIRN_ENOMEM, "measurements");
        v->slice = of;
        v->cap = cap;
    }
    v->slice[v->n] = slice;
    v->at[v->n++] = x;
    return CAIRN_OK;
}

static cairn_status add_value(const grading *g, values *v, double x, cairn_error *err)
{
    return add_value_of(v, x, g->slice, err);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return m && n >= m && !strcmp(s + n - m, end) && (n == m || s[n - m - 1] == '/');
}

/* The accepted answers' words, and where they stand. */
typedef struct accepted {
    eval_words *items;
    const char **texts; /* [n] */
    size_t n;
    const json_t *docs; /* names of documents, any of which is right; NULL: one, or not said */
    bool all_needed;    /* the answer stands in no single one of them */
    const char *doc;
    uint32_t page;
} accepted;

static cairn_status read_accepted(grading *g, const json_t *line, arena *memory, accepted *out,
                                  cairn_error *err)
{
    const json_t *answers = json_object_get(line, "answers");
    const json_t *page = json_object_get(line, "page");
    const char *doc = json_string_value(json_object_get(line, "doc"));
    const json_t *docs = json_object_get(line, "supporting_doc_ids");
    cairn_status st = CAIRN_OK;

    *out = (accepted){.doc = doc ? doc : "",
                      .docs = docs ? docs : json_object_get(line, "doc_ids"),
                      .all_needed = docs != NULL,
                      .page = json_is_integer(page) ? (uint32_t)json_integer_value(page) : 0};
    out->items = arena_calloc(memory, json_array_size(answers) + 1, sizeof *out->items);
    out->texts = arena_calloc(memory, json_array_size(answers) + 1, sizeof *out->texts);
    if (!out->items || !out->texts)
        return cairn_fail(err, CAIRN_ENOMEM, "accepted answers");
    for (size_t i = 0; !st && i < json_array_size(answers); i++) {
        const char *text = json_string_value(json_array_get(answers, i));
        if (text && !(st = eval_words_of(g->an, text, memory, &out->items[out->n], err)))
            out->texts[out->n++] = text;
    }
    return st;
}

static bool is_right_doc(const accepted *gold, const char *uri, uint32_t page)
{
    for (size_t i = 0; i < json_array_size(gold->docs); i++) {
        const char *name = json_string_value(json_array_get(gold->docs, i));
        if (name && ends_with(uri, name))
            return true;
    }
    return ends_with(uri, gold->doc) && (!gold->page || gold->page == page);
}

static bool retrieved_named(const cairn_search_result *r, const char *name)
{
    for (size_t i = 0; name && i < r->n_hits; i++)
        if (ends_with(r->hits[i].uri, name))
            return true;
    return false;
}

/* Whether what the answer stands in was among the passages read: one right document (at the right page), or
 * all of those that the question needs together. */
static bool is_retrieved(const accepted *gold, const cairn_search_result *r)
{
    size_t n = json_array_size(gold->docs), found = 0;

    if (!r)
        return false;
    for (size_t i = 0; i < n; i++)
        found += retrieved_named(r, json_string_value(json_array_get(gold->docs, i)));
    if (n && (gold->all_needed ? found == n : found > 0))
        return true;
    for (size_t i = 0; *gold->doc && i < r->n_hits; i++) {
        const cairn_hit *h = &r->hits[i];
        if (ends_with(h->uri, gold->doc) &&
            (!gold->page || (h->page <= gold->page && gold->page <= (h->page_last ? h->page_last : h->page))))
            return true;
    }
    return false;
}

static bool holds_any(const eval_words *text, const accepted *gold)
{
    for (size_t i = 0; i < gold->n; i++)
        if (eval_holds(text, &gold->items[i]))
            return true;
    return false;
}

static cairn_status grade_citations(grading *g, const cairn_answer *a, const accepted *gold,
                                    arena *memory, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    bool recalled = false;

    for (size_t i = 0; !st && i < a->n_citations; i++) {
        const cairn_citation *x = &a->citations[i];
        bool right = is_right_doc(gold, x->uri, x->page);
        eval_words text;
        st = eval_words_of(g->an, x->text, memory, &text, err);
        if (!st)
            st = add_value(g, &g->value[CITATION_PRECISION], right, err);
        if (!st)
            st = add_value(g, &g->value[CITATION_HOLDS], holds_any(&text, gold), err);
        g->out->n_citations++;
        recalled |= right;
    }
    return st ? st : add_value(g, &g->value[CITATION_RECALL], recalled, err);
}

/* Share of the answer's content words that its citations hold. */
static cairn_status grounded(grading *g, const cairn_answer *a, const char *plain, double *out,
                             cairn_error *err)
{
    term_list said;
    size_t weighty = 0, found = 0;
    cairn_status st = terms_read(g->an, "", plain, strlen(plain), &said, err);
    bool *here = calloc(said.n + 1, sizeof *here);

    *out = 0;
    if (!st && !here)
        st = cairn_fail(err, CAIRN_ENOMEM, "words");
    for (size_t i = 0; !st && i < a->n_citations; i++) {
        term_list cited;
        st = terms_read(g->an, "", a->citations[i].text, strlen(a->citations[i].text), &cited, err);
        for (size_t j = 0; !st && j < said.n; j++)
            here[j] |= terms_have(cited.at, cited.n, said.at[j].key);
        term_list_clear(&cited);
    }
    for (size_t j = 0; !st && j < said.n; j++) {
        weighty += said.at[j].weight > 0;
        found += said.at[j].weight > 0 && here[j];
    }
    *out = weighty ? (double)found / (double)weighty : a->n_citations > 0;
    free(here);
    term_list_clear(&said);
    return st;
}

/* The greatest cosine of the answer's vector and an accepted one's; what is below 0 counts 0. */
static cairn_status likest(grading *g, const char *brief, const accepted *gold, arena *memory, double *out, cairn_error *err)
{
    encoder_text *texts = arena_calloc(memory, gold->n + 1, sizeof *texts);
    float *vectors;
    encoder *e;
    size_t dim;
    cairn_status st = engine_encoder(g->c, &e, err);

    if (st)
        return st;
    dim = encoder_dim(e); /* the collection's, which answering may have opened first */
    vectors = arena_calloc(memory, (gold->n + 1) * dim, sizeof *vectors);
    if (!texts || !vectors)
        return cairn_fail(err, CAIRN_ENOMEM, "vectors of answers");
    texts[0] = (encoder_text){brief, strlen(brief)};
    for (size_t i = 0; i < gold->n; i++)
        texts[i + 1] = (encoder_text){gold->texts[i], strlen(gold->texts[i])};
    st = engine_embed(g->c, texts, gold->n + 1, ENCODER_PASSAGE, NULL, vectors, err);
    for (size_t i = 1; !st && i <= gold->n; i++) {
        double dot = 0, a = 0, b = 0;
        for (size_t k = 0; k < dim; k++) {
            double x = (double)vectors[k], y = (double)vectors[i * dim + k];
            dot += x * y;
            a += x * x;
            b += y * y;
        }
        if (a > 0 && b > 0)
            *out = fmax(*out, dot / sqrt(a * b));
    }
    return st;
}

static cairn_status grade_text(grading *g, const cairn_answer *a, const accepted *gold,
                               arena *memory, bool *right, cairn_error *err)
{
    double best[N_VALUES] = {0}, ground = 0;
    char *plain = NULL;
    eval_words text = {0}, brief;
    cairn_status st = CAIRN_OK;

    *right = false;
    if (!a->refused) {
        st = cite_strip_markers(a->text, strlen(a->text), memory, &plain, err);
        if (!st)
            st = eval_words_of(g->an, plain, memory, &text, err);
        brief = text;
        if (!st && a->short_answer)
            st = eval_words_of(g->an, a->short_answer, memory, &brief, err);
        for (size_t i = 0; !st && i < gold->n; i++) {
            const eval_words *want = &gold->items[i];
            best[EXACT] = fmax(best[EXACT], brief.n == want->n && eval_holds(&brief, want));
            best[F1] = fmax(best[F1], eval_token_f1(&brief, want, memory));
            best[ROUGE] = fmax(best[ROUGE], eval_rouge_l(&brief, want, memory));
            best[BLEU] = fmax(best[BLEU], eval_bleu(&brief, want, memory));
            best[EDIT] = fmax(best[EDIT], eval_edit_similarity(a->short_answer ? a->short_answer : plain, gold->texts[i], memory));
        }
        if (!st && g->embeds)
            st = likest(g, a->short_answer ? a->short_answer : plain, gold, memory, &best[SEMANTIC], err);
        *right = !st && holds_any(&text, gold);
        best[RIGHT] = *right;
        if (!st)
            st = grounded(g, a, plain, &ground, err);
        if (!st)
            st = add_value(g, &g->value[GROUNDED], ground, err);
    }
    for (size_t i = RIGHT; i <= SEMANTIC && !st; i++)
        if (i != SEMANTIC || g->embeds)
            st = add_value(g, &g->value[i], best[i], err);
    return st ? st : grade_citations(g, a, gold, memory, err);
}

/* ---- what the decision was made from, for calibration ---- */

static json_t *numbers(const float *at, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_real((double)at[i]));
    return list;
}

/* How the question was taken apart, what the decision became, and what the model wrote, whether it may be said or not. */
static void dump_outcome(const grading *g, const asking *a)
{
    static const char *const kinds[] = {[DECOMPOSE_NONE] = "", [DECOMPOSE_COMPARISON] = "comparison", [DECOMPOSE_CONJUNCTION] = "conjunction",
                                        [DECOMPOSE_LIST] = "list", [DECOMPOSE_BRIDGE] = "bridge"};
    json_t *parts = json_array();

    for (size_t i = 0; i < a->apart.n_parts; i++)
        json_array_append_new(parts, json_pack("{s:s,s:f}", "question", a->parts[i].question ? a->parts[i].question : "", "answerable",
                                               (double)a->parts[i].evidence.answerable));
    json_object_set_new(g->dumped, "apart", json_string(kinds[a->apart.kind]));
    json_object_set_new(g->dumped, "parts", parts);
    json_object_set_new(g->dumped, "hop", a->hop ? json_string(a->hop) : json_null());
    json_object_set_new(g->dumped, "inner", a->apart.before ? json_pack("{s:s,s:s,s:s}", "before", a->apart.before, "after", a->apart.after, "described", a->described ? a->described : "") : json_null());
    json_object_set_new(g->dumped, "chance", json_real((double)a->chance));
    json_object_set_new(g->dumped, "refused_for", a->refused_for ? json_string(a->refused_for) : json_null());
    json_object_set_new(g->dumped, "written", json_stringn_nocheck(a->made.data ? a->made.data : "", a->made.len));
}

static void dump_evidence(void *ctx, const asking *a)
{
    grading *g = ctx;
    if (a->done) {
        dump_outcome(g, a);
        return;
    }
    const evidence *e = &a->evidence;
    json_t *sentences = json_array(), *messages = NULL;

    for (size_t i = 0; i < e->n && i < 40; i++) {
        const evidence_sentence *s = &e->sentences[i];
        const cairn_hit *h = &a->hits->hits[s->passage];
        json_array_append_new(
            sentences, json_pack("{s:s,s:i,s:o,s:f,s:b,s:o}", "doc", h->uri, "passage",
                                 (int)s->passage, "text",
                                 json_stringn_nocheck(h->text + s->start, s->end - s->start),
                                 "score", (double)s->score, "planted", s->planted, "features",
                                 numbers(s->feature, EVIDENCE_FEATURES)));
    }
    json_object_set_new(g->dumped, "type", json_string(answer_type_name(e->type)));
    json_object_set_new(g->dumped, "extra", numbers(e->extra, EVIDENCE_EXTRAS));
    json_object_set_new(g->dumped, "answerable", json_real((double)e->answerable));
    json_object_set_new(g->dumped, "sentences", sentences);
    if (g->options->prompts)
        g->prompt_status = ask_prompt_of(a, &messages, &g->prompt_error);
    if (messages)
        json_object_set_new(g->dumped, "messages", messages);
}

/* Where the answer is said to stand. */
static json_t *cited(const cairn_answer *a)
{
    json_t *list = json_array();

    for (size_t i = 0; i < a->n_citations; i++) {
        const cairn_citation *x = &a->citations[i];
        json_array_append_new(list, json_pack("{s:i,s:s,s:i,s:s,s:b}", "n", (int)x->n, "doc", x->uri, "page", (int)x->page,
                                              "text", x->text, "supported", x->supported));
    }
    return list;
}

/* `answerable`: with its accepted answers, of which a line that says it is not may have some, too. */
static void finish_dump(grading *g, const json_t *line, const cairn_answer *a, bool answerable, bool right)
{
    json_object_set_new(g->dumped, "confidence", json_real((double)a->confidence));
    json_object_set(g->dumped, "question", json_object_get(line, "question"));
    json_object_set_new(g->dumped, "answers", answerable ? json_incref(json_object_get(line, "answers")) : json_array());
    json_object_set(g->dumped, "doc_ids", json_object_get(line, "doc_ids"));
    json_object_set(g->dumped, "doc", json_object_get(line, "doc"));
    json_object_set_new(g->dumped, "answer", json_string(a->text));
    json_object_set_new(g->dumped, "short_answer",
                        a->short_answer ? json_string(a->short_answer) : json_null());
    json_object_set_new(g->dumped, "citations", cited(a));
    json_object_set_new(g->dumped, "refused", json_boolean(a->refused));
    json_object_set_new(g->dumped, "extractive", json_boolean(a->extractive));
    json_object_set_new(g->dumped, "right", json_boolean(right));
    json_dumpf(g->dumped, g->dump, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', g->dump);
}

/* Was it refused, and if so, although what was needed lay there? Where the line names no document it cannot be
 * said. */
static cairn_status grade_refusal(grading *g, const cairn_answer *a, const accepted *gold, cairn_error *err)
{
    bool named = *gold->doc || json_array_size(gold->docs), retrieved = is_retrieved(gold, a->evidence);
    cairn_status st = add_value(g, &g->value[REFUSED_ANSWERABLE], a->refused, err);

    if (!st && named)
        st = add_value(g, &g->value[EVIDENCE_RETRIEVED], retrieved, err);
    if (!st && retrieved)
        st = add_value(g, &g->value[REFUSED_RETRIEVED], a->refused, err);
    if (named)
        json_object_set_new(g->dumped, "retrieved", json_boolean(retrieved));
    return st;
}

/* The slice of this question. */
static cairn_status find_slice(grading *g, const json_t *line, const char *question, cairn_error *err)
{
    const char *value;
    answer_slice *all;
    cairn_status st = eval_slice_of(line, g->options->slice, question, &g->names, &value, err);

    if (st || !value)
        return st;
    for (g->slice = 0; g->slice < g->n_slices; g->slice++)
        if (!strcmp(g->slices[g->slice].value, value)) {
            g->slices[g->slice].n++;
            return CAIRN_OK;
        }
    all = checked_realloc(g->slices, g->n_slices + 1, sizeof *all);
    if (!all)
        return cairn_fail(err, CAIRN_ENOMEM, "slices");
    g->slices = all;
    all[g->n_slices++] = (answer_slice){value, 1};
    return CAIRN_OK;
}

/* For a report. */
static cairn_status note_answer(grading *g, const cairn_answered *seen, bool answerable, cairn_error *err)
{
    eval_answer *a;

    if (!g->options->html_file)
        return CAIRN_OK;
    if (g->n_answers == g->cap_answers) {
        size_t cap = g->cap_answers ? g->cap_answers * 2 : 256;
        eval_answer *all = checked_realloc(g->answers, cap, sizeof *all);
        if (!all)
            return cairn_fail(err, CAIRN_ENOMEM, "measurements");
        g->answers = all;
        g->cap_answers = cap;
    }
    a = &g->answers[g->n_answers];
    *a = (eval_answer){arena_strdup(&g->names, seen->question), arena_strdup(&g->names, answerable ? seen->gold : ""),
                       arena_strdup(&g->names, seen->answer->text), seen->right,
                       answerable && g->value[F1].n ? g->value[F1].at[g->value[F1].n - 1] : NAN};
    if (!a->question || !a->gold || !a->answer)
        return cairn_fail(err, CAIRN_ENOMEM, "measurements");
    g->n_answers++;
    return CAIRN_OK;
}

/* What was said before, of the line's `history`. */
static cairn_status read_history(const json_t *line, arena *memory, cairn_ask_request *q, cairn_error *err)
{
    const json_t *list = json_object_get(line, "history");
    cairn_turn *turns = arena_calloc(memory, json_array_size(list) + 1, sizeof *turns);

    if (!turns)
        return cairn_fail(err, CAIRN_ENOMEM, "history");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *turn = json_array_get(list, i);
        turns[i] = (cairn_turn){json_string_value(json_object_get(turn, "role")), json_string_value(json_object_get(turn, "content"))};
        if (!turns[i].role || !turns[i].content)
            return cairn_fail(err, CAIRN_EINPUT, "a turn of \"history\" needs \"role\" and \"content\"");
    }
    if (list && !json_is_array(list))
        return cairn_fail(err, CAIRN_EINPUT, "\"history\" is a list of turns");
    q->history = turns;
    q->n_history = json_array_size(list);
    return CAIRN_OK;
}

/* An answer that was not wanted ("not" of cairn feedback export --all): is it given again? What would be right is not known. */
static cairn_status grade_unwanted(grading *g, const cairn_answer *a, const char *unwanted, arena *memory, bool *again, cairn_error *err)
{
    eval_words now, then;
    char *plain = NULL;
    cairn_status st = cite_strip_markers(a->text, strlen(a->text), memory, &plain, err);

    if (!st)
        st = eval_words_of(g->an, plain, memory, &now, err);
    if (!st)
        st = eval_words_of(g->an, unwanted, memory, &then, err);
    *again = !st && now.n == then.n && eval_holds(&now, &then);
    return st ? st : add_value(g, &g->value[UNWANTED_AGAIN], *again, err);
}

static cairn_status grade_one(grading *g, const json_t *line, const char *question,
                              cairn_error *err)
{
    const json_t *answers = json_object_get(line, "answers");
    const json_t *possible = json_object_get(line, "answerable");
    const char *id = json_string_value(json_object_get(line, "id"));
    const char *first = json_string_value(json_array_get(answers, 0)), *unwanted = answers ? NULL : json_string_value(json_object_get(line, "not"));
    cairn_ask_request request = {.question = question, .extractive = g->options->extractive,
                                 .no_cache = true};
    cairn_answered seen = {.id = id ? id : "", .question = question, .gold = first ? first : ""};
    cairn_answer *a = NULL;
    accepted gold;
    arena memory;
    bool answerable, again = false;
    cairn_status st;

    arena_init(&memory, LINE_WORDS * 16);
    g->dumped = json_object();
    st = find_slice(g, line, question, err);
    if (!st)
        st = read_accepted(g, line, &memory, &gold, err);
    else
        gold = (accepted){0};
    answerable = gold.n && !json_is_false(possible);
    if (!st)
        st = read_history(line, &memory, &request, err);
    if (!st)
        st = ask_observed(g->c, &request, g->dump ? dump_evidence : NULL, g, &a, err);
    if (!st && g->prompt_status) {
        st = g->prompt_status;
        if (err)
            *err = g->prompt_error;
    }
    if (!st)
        st = cairn_keep_passages(g->c, err);
    if (!st && answerable) {
        g->out->n_answerable++;
        st = grade_refusal(g, a, &gold, err);
        if (!st)
            st = grade_text(g, a, &gold, &memory, &seen.right, err);
    } else if (!st && unwanted) {
        g->out->n_unwanted++;
        st = grade_unwanted(g, a, unwanted, &memory, &again, err);
        seen.right = !again;
        seen.gold = "";
    } else if (!st) {
        g->out->n_unanswerable++;
        seen.right = a->refused;
        seen.gold = "";
        st = add_value(g, &g->value[REFUSED_UNANSWERABLE], a->refused, err);
    }
    if (!st)
        st = add_value(g, &g->retrieve_ms, a->retrieve_ms, err);
    for (size_t i = 0; !st && i < a->n_entailed; i++)
        st = add_value(g, &g->value[ENTAILED], a->entailed[i].held, err);
    if (!st)
        st = add_value(g, &g->total_ms, a->total_ms, err);
    if (!st && a->ttft_ms > 0)
        st = add_value(g, &g->ttft_ms, a->ttft_ms, err);
    if (!st) {
        g->out->n++;
        g->out->n_extractive += a->extractive;
        if (g->dump && !unwanted)
            finish_dump(g, line, a, answerable, seen.right);
        seen.answer = a;
        st = note_answer(g, &seen, answerable, err);
    }
    if (!st) {
        if (g->fn && !g->fn(g->ctx, &seen))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after %zu questions", g->out->n);
    }
    json_decref(g->dumped);
    cairn_answer_free(a);
    arena_clear(&memory);
    return st;
}

static cairn_status grade_line(void *ctx, json_t *line, cairn_error *err)
{
    const char *question = json_string_value(json_object_get(line, "question"));

    return question ? grade_one(ctx, line, question, err) : cairn_fail(err, CAIRN_EINPUT, "needs \"question\"");
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    if (!n)
        return 0;
    qsort(v, n, sizeof *v, rising);
    return v[n / 2];
}

/* The figures of the questions of one slice. */
static cairn_status measure_slice(const grading *g, size_t slice, cairn_answers_slice *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    out->value = g->slices[slice].value;
    out->n = g->slices[slice].n;
    for (size_t i = 0; i < N_VALUES && !st; i++) {
        const values *v = &g->value[i];
        double *some = checked_malloc(v->n + 1, sizeof *some);
        metrics_interval in;
        size_t n = 0;
        if (!some)
            return cairn_fail(err, CAIRN_ENOMEM, "slices");
        for (size_t k = 0; k < v->n; k++)
            if (v->slice[k] == slice)
                some[n++] = v->at[k];
        if (n) {
            st = metrics_bootstrap(some, n, 0, SEED, &in, err);
            out->metrics[out->n_metrics++] = (cairn_metric){value_names[i], in.mean, in.low, in.high};
        }
        free(some);
    }
    return st;
}

static int by_questions(const void *a, const void *b)
{
    const cairn_answers_slice *x = a, *y = b;

    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->value, y->value);
}

static cairn_status summarise_slices(grading *g, cairn_error *err)
{
    cairn_answers_result *out = g->out;
    cairn_status st = CAIRN_OK;

    out->slices = arena_calloc(&g->names, g->n_slices + 1, sizeof *out->slices);
    if (!out->slices)
        return cairn_fail(err, CAIRN_ENOMEM, "slices");
    for (size_t i = 0; i < g->n_slices && !st; i++)
        st = measure_slice(g, i, &out->slices[i], err);
    out->n_slices = st ? 0 : g->n_slices;
    qsort(out->slices, out->n_slices, sizeof *out->slices, by_questions);
    return st;
}

static cairn_status finish(grading *g, cairn_error *err)
{
    cairn_answers_result *out = g->out;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < N_VALUES && !st; i++) {
        metrics_interval in;
        if (!g->value[i].n)
            continue;
        st = metrics_bootstrap(g->value[i].at, g->value[i].n, 0, SEED, &in, err);
        out->metrics[out->n_metrics++] =
            (cairn_metric){value_names[i], in.mean, in.low, in.high};
    }
    if (!st)
        st = summarise_slices(g, err);
    out->retrieve_ms_median = median(g->retrieve_ms.at, g->retrieve_ms.n);
    out->ttft_ms_median = median(g->ttft_ms.at, g->ttft_ms.n);
    out->total_ms_median = median(g->total_ms.at, g->total_ms.n);
    return st;
}

static void clear_values(values *v)
{
    free(v->at);
    free(v->slice);
}

void cairn_answers_result_clear(cairn_answers_result *r)
{
    if (r->memory)
        arena_clear(r->memory);
    free(r->memory);
    *r = (cairn_answers_result){0};
}

cairn_status cairn_eval_answers(cairn *c, const char *qa, const cairn_eval_answers_options *options,
                                bool (*fn)(void *ctx, const cairn_answered *a), void *ctx,
                                cairn_answers_result *out, cairn_error *err)
{
    static const cairn_eval_answers_options none;
    grading g = {.c = c, .out = out, .fn = fn, .ctx = ctx, .options = options ? options : &none};
    encoder *embedder;
    cairn_status st;

    _Static_assert(N_VALUES <= CAIRN_ANSWER_METRICS, "room for every metric");
    *out = (cairn_answers_result){0};
    arena_init(&g.names, (size_t)1 << 30);
    if (g.options->dump_file && !(g.dump = fopen(g.options->dump_file, "we")))
        return cairn_fail_errno(err, errno, "%s", g.options->dump_file);
    g.embeds = !engine_encoder(c, &embedder, NULL);
    st = engine_analyzer(c, &g.an, err);
    if (!st)
        st = eval_each_line(qa, grade_line, &g, err);
    if (g.dump && fclose(g.dump) && !st)
        st = cairn_fail_errno(err, errno, "%s", g.options->dump_file);
    if (!st)
        st = finish(&g, err);
    if (!st && g.options->html_file)
        st = eval_report_answers(g.options->html_file, "Answers of the collection", g.options->slice, out, g.answers, g.n_answers, err);
    for (size_t i = 0; i < N_VALUES; i++)
        clear_values(&g.value[i]);
    clear_values(&g.retrieve_ms);
    clear_values(&g.ttft_ms);
    clear_values(&g.total_ms);
    free(g.slices);
    free(g.answers);
    if (!st && (out->memory = malloc(sizeof g.names))) {
        memcpy(out->memory, &g.names, sizeof g.names);
        return CAIRN_OK;
    }
    arena_clear(&g.names);
    *out = (cairn_answers_result){0};
    return st ? st : cairn_fail(err, CAIRN_ENOMEM, "measurements");
}
