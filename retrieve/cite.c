/* cite.c - align an answer with the passages it was made from.
 *
 * Phases of cite_check
 *   1. The answer is cut into sentences; markers behind a full stop belong to the sentence before.
 *   2. Each claim (a sentence without its markers) is analysed in the language of the passage it
 *      is compared with, so that both sides have the same stems.
 *   3. Every run of one to `max_sentences` sentences of the passage is scored by the share of the
 *      claim's weight found in it; a run that holds all numbers and names beats one that does not,
 *      and of equal runs the shortest wins, then the first.
 *
 * The title and heading count as found for words and names, not for numbers: "2025" in a title
 * does not support a sum of 2025. */
#include "retrieve/cite.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "retrieve/cite_names.h"
#include "retrieve/quantity.h"
#include "retrieve/sentences.h"
#include "retrieve/terms.h"

#define NUMBER_WEIGHT  2.0 /* a number says more than a word */
#define ECHO_WEIGHT    0.25 /* of a word that the question had already */
#define EXACT_BONUS    1.0f /* of a run that holds every number and name */
#define HEAD_MALUS     0.1f  /* of a run beside which the title says it all: one that says it itself is better */
#define SCRATCH_BYTES  ((size_t)256 << 20)
#define LENGTH_MALUS   0.01f /* a sentence more must earn its place */

void cite_params_default(cite_params *p)
{
    *p = (cite_params){.support = 0.5f,
                       .guess = 0.6f,
                       .max_sentences = 3};
}

typedef struct checker {
    analyzer *an;
    bool own_analyzer;
    const char *lang;
    const cite_weights *weights;
    arena *memory; /* quantities; lives as long as the call */
    cairn_error *err;
} checker;

/* Terms with the weights of this check. */
static cairn_status read_terms(const checker *c, const char *lang, const char *text, size_t len,
                               term_list *out)
{
    cairn_status st = terms_read(c->an, lang, text, len, out, c->err);

    for (size_t i = 0; !st && i < out->n; i++) {
        text_term *t = &out->at[i];
        if (t->weight > 0 && c->weights && c->weights->idf)
            t->weight = c->weights->idf(c->weights->ctx, text + t->start, t->end - t->start);
        if (t->number || t->identifier)
            t->weight *= NUMBER_WEIGHT;
    }
    return st;
}

/* ---- one passage, ready to be compared ---- */

typedef struct prepared {
    const char *lang, *text;
    term_list terms; /* all, in reading order */
    term_list head;  /* of title and heading */
    quantity *quantities; /* of the text, in reading order */
    size_t n_quantities;
    text_span *sentences;
    size_t n_sentences;
} prepared;

static void prepared_clear(prepared *p)
{
    term_list_clear(&p->terms);
    term_list_clear(&p->head);
    free(p->sentences);
    *p = (prepared){0};
}

static cairn_status prepare(const checker *c, const cite_passage *in, prepared *p)
{
    bytes head;
    cairn_status st;

    *p = (prepared){.lang = terms_language(in->lang, c->lang, in->text, in->len),
                    .text = in->text};
    bytes_init(&head, 1 << 20);
    st = bytes_printf(&head, "%s\n%s", in->title ? in->title : "", in->heading ? in->heading : "");
    if (!st)
        st = read_terms(c, p->lang, head.data, head.len, &p->head);
    bytes_clear(&head);
    if (!st)
        st = read_terms(c, p->lang, in->text, in->len, &p->terms);
    if (!st)
        st = quantities_find(in->text, in->len, c->memory, &p->quantities, &p->n_quantities,
                             c->err);
    if (!st)
        st = sentences_split(in->text, in->len, false, sentences_dotted_ordinals(p->lang),
                             &p->sentences, &p->n_sentences, c->err);
    return st;
}

typedef struct match {
    size_t start, end;
    float support;
    bool exact; /* every number and name is there */
    bool by_head; /* what is there is in title or heading alone */
} match;

/* What a claim says, ready to be looked for. */
typedef struct wanted {
    const char *text;
    bool german;
    bool asks; /* the claim itself is a question */
    term_list terms;
    quantity *quantities;
    size_t n_quantities;
} wanted;

/* A run of sentences of a passage: its terms and quantities. */
typedef struct run_of {
    const char *text;
    const text_term *terms;
    size_t n_terms;
    const quantity *quantities;
    size_t n_quantities;
    const term_list *head;
} run_of;

static bool has_quantity(const quantity *want, const quantity *have, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (quantity_equal(want, &have[i]))
            return true;
    return false;
}

/* The claim's quantity that this term is part of, if the run says the same. */
static bool said_as_quantity(const wanted *w, const text_term *t, const run_of *run)
{
    for (size_t i = 0; i < w->n_quantities; i++)
        if (t->start >= w->quantities[i].start && t->end <= w->quantities[i].end)
            return has_quantity(&w->quantities[i], run->quantities, run->n_quantities);
    return false;
}

static bool is_other_name(const wanted *w, const text_term *t, const run_of *run)
{
    cite_named claim = {w->text, w->terms.at, w->terms.n};
    cite_named passage = {run->text, run->terms, run->n_terms};

    return t->capital && cite_is_other_name(&claim, t, &passage, w->german);
}

/* How much of the claim's weight the run holds, with the head's help. Exact: every quantity, every
 * name and every identifier is there; a head supports no number. */
static match measure_run(const wanted *w, double total, const run_of *run)
{
    match m = {.exact = true};
    double found = 0, own = 0;

    for (size_t i = 0; i < w->terms.n; i++) {
        const text_term *t = &w->terms.at[i];
        bool inside = terms_have(run->terms, run->n_terms, t->key) || said_as_quantity(w, t, run);
        bool here = inside || (!t->number && terms_have(run->head->at, run->head->n, t->key));
        if (inside)
            own += t->weight;
        if (here)
            found += t->weight;
        else if (t->name || t->identifier || is_other_name(w, t, run))
            m.exact = false;
    }
    for (size_t i = 0; i < w->n_quantities && m.exact; i++)
        m.exact = has_quantity(&w->quantities[i], run->quantities, run->n_quantities);
    m.support = total > 0 ? (float)(found / total) : 0;
    m.by_head = found > 0 && !(own > 0);
    return m;
}

static match best_run(const prepared *p, const wanted *w, size_t max_sentences)
{
    match best = {0};
    float best_score = -1;
    double total = terms_weight(&w->terms);

    for (size_t first = 0, from = 0, qfrom = 0; first < p->n_sentences; first++) {
        size_t begin = p->sentences[first].start;
        while (from < p->terms.n && p->terms.at[from].start < begin)
            from++;
        while (qfrom < p->n_quantities && p->quantities[qfrom].start < begin)
            qfrom++;
        for (size_t run = 0, to = from, qto = qfrom;
             run < max_sentences && first + run < p->n_sentences; run++) {
            size_t end = p->sentences[first + run].end;
            while (to < p->terms.n && p->terms.at[to].start < end)
                to++;
            while (qto < p->n_quantities && p->quantities[qto].start < end)
                qto++;
            if (!w->asks && sentence_asks(p->text, p->sentences[first + run].start, end))
                continue; /* who asks says nothing, but with the reply: "Are cats allowed?" holds no "Yes, cats are allowed" */
            run_of r = {p->text, p->terms.at + from, to - from, p->quantities + qfrom, qto - qfrom,
                        &p->head};
            match m = measure_run(w, total, &r);
            float score = m.support + (m.exact && m.support > 0 ? EXACT_BONUS : 0) - LENGTH_MALUS * (float)run -
                          (m.by_head ? HEAD_MALUS : 0);
            if (score > best_score) {
                best_score = score;
                best = m;
                best.start = begin;
                best.end = end;
            }
        }
    }
    return best;
}

/* ---- cite_check ---- */

/* A sentence of the answer without its markers, and where it stands. */
typedef struct claim {
    text_span at;
    text_marker markers[8];
    size_t n_markers;
    bytes text;
} claim;

static cairn_status read_claim(const char *answer, text_span at, claim *c)
{
    text_marker m;
    cairn_status st = CAIRN_OK;

    *c = (claim){.at = at};
    bytes_init(&c->text, 1 << 24);
    for (size_t i = at.start; i < at.end && !st;) {
        if (marker_read(answer, at.end, i, &m)) {
            if (c->n_markers < 8)
                c->markers[c->n_markers++] = m;
            i = m.end;
        } else {
            st = bytes_append_byte(&c->text, (uint8_t)answer[i++]);
        }
    }
    return st;
}

typedef struct citations {
    citation *at;
    size_t n, cap;
} citations;

static cairn_status add_citation(citations *l, citation x, cairn_error *err)
{
    for (size_t i = l->n; i-- > 0 && l->at[i].claim_start == x.claim_start;)
        if (l->at[i].n == x.n)
            return CAIRN_OK; /* once a sentence and passage */
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        citation *at = checked_realloc(l->at, cap, sizeof *at);
        if (!at)
            return cairn_fail(err, CAIRN_ENOMEM, "citations");
        l->at = at;
        l->cap = cap;
    }
    l->at[l->n++] = x;
    return CAIRN_OK;
}

/* Words that the answer takes over from the question prove little when a passage holds them, and
 * nothing is wrong when it does not ("Was wiegt die Mühle?" asked of an English manual). */
static cairn_status discount_question(const checker *c, const char *lang, const char *question,
                                      wanted *w)
{
    term_list asked;
    quantity *said;
    size_t n, kept = 0;
    cairn_status st = read_terms(c, lang, question, strlen(question), &asked);

    if (!st)
        st = quantities_find(question, strlen(question), c->memory, &said, &n, c->err);
    for (size_t i = 0; !st && i < w->terms.n; i++) {
        text_term *t = &w->terms.at[i];
        if (!terms_have(asked.at, asked.n, t->key))
            continue;
        t->weight *= ECHO_WEIGHT;
        t->identifier = t->name = t->capital = false;
    }
    for (size_t i = 0; !st && i < w->n_quantities; i++)
        if (!has_quantity(&w->quantities[i], said, n))
            w->quantities[kept++] = w->quantities[i];
    if (!st)
        w->n_quantities = kept;
    term_list_clear(&asked);
    return st;
}

/* "one of them", "a second": a small number as a word is rarely a statement of its own. */
static void drop_small_words(wanted *w)
{
    size_t kept = 0;

    for (size_t i = 0; i < w->n_quantities; i++)
        if (!w->quantities[i].word || w->quantities[i].unit || w->quantities[i].value[0] > 1)
            w->quantities[kept++] = w->quantities[i];
    w->n_quantities = kept;
}

/* Compare one claim with one passage. *words gets the number of weighty words of the claim. */
static cairn_status compare(const checker *c, const claim *cl, const prepared *p,
                            const cite_params *params, match *m, size_t *words)
{
    const char *text = cl->text.data ? cl->text.data : "";
    wanted w = {.text = text, .german = !strcmp(p->lang, "de"), .asks = sentence_asks(text, 0, cl->text.len)};
    cairn_status st = read_terms(c, p->lang, text, cl->text.len, &w.terms);

    if (!st)
        st = quantities_find(text, cl->text.len, c->memory, &w.quantities, &w.n_quantities, c->err);
    if (!st) {
        terms_distinct(&w.terms);
        drop_small_words(&w);
    }
    if (!st && params->question)
        st = discount_question(c, p->lang, params->question, &w);
    if (!st) {
        *words = w.terms.n;
        *m = best_run(p, &w, params->max_sentences ? params->max_sentences : 1);
    }
    term_list_clear(&w.terms);
    return st;
}

static cairn_status check_marked(const checker *c, const claim *cl, const prepared *passages,
                                 size_t n_passages, const cite_params *params, citations *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < cl->n_markers; i++)
        for (size_t j = 0; j < cl->markers[i].count && !st; j++) {
            uint32_t n = cl->markers[i].n[j];
            citation x = {.n = n,
                          .claim_start = cl->at.start,
                          .claim_end = cl->at.end,
                          .marker_start = cl->markers[i].start,
                          .marker_end = cl->markers[i].end};
            if (n >= 1 && n <= n_passages) {
                match m = {0};
                size_t words = 0;
                st = compare(c, cl, &passages[n - 1], params, &m, &words);
                x.start = m.start;
                x.end = m.end;
                x.support = m.support;
                x.numbers_match = m.exact;
                x.by_head = m.by_head;
                x.supported = words > 0 && m.exact && m.support >= params->support;
            }
            if (!st)
                st = add_citation(out, x, c->err);
        }
    return st;
}

/* No marker: the passage that supports the claim best, if one does well enough. */
static cairn_status check_unmarked(const checker *c, const claim *cl, const prepared *passages,
                                   size_t n_passages, const cite_params *params, citations *out)
{
    cairn_status st = CAIRN_OK;
    match best = {0};
    size_t at = n_passages;

    for (size_t i = 0; i < n_passages && !st; i++) {
        match m = {0};
        size_t words = 0;
        st = compare(c, cl, &passages[i], params, &m, &words);
        if (!st && words > 0 && m.exact && m.support >= params->guess && m.support > best.support) {
            best = m;
            at = i;
        }
    }
    if (st || at == n_passages)
        return st;
    return add_citation(out,
                        (citation){.n = (uint32_t)at + 1,
                                   .claim_start = cl->at.start,
                                   .claim_end = cl->at.end,
                                   .marker_start = cl->at.end,
                                   .marker_end = cl->at.end,
                                   .start = best.start,
                                   .end = best.end,
                                   .support = best.support,
                                   .numbers_match = true,
                                   .supported = true,
                                   .guessed = true,
                                   .by_head = best.by_head},
                        c->err);
}

static cairn_status checker_init(checker *c, analyzer *an, const char *lang,
                                 const cite_weights *weights, arena *memory, cairn_error *err)
{
    *c = (checker){an, !an, lang, weights, memory, err};
    return an ? CAIRN_OK : analyzer_create(&c->an, err);
}

static void checker_clear(checker *c)
{
    if (c->own_analyzer)
        analyzer_destroy(c->an);
}

static cairn_status prepare_all(const checker *c, const cite_passage *in, size_t n, prepared **out)
{
    cairn_status st = CAIRN_OK;

    *out = calloc(n + 1, sizeof **out);
    if (!*out)
        return cairn_fail(c->err, CAIRN_ENOMEM, "passages");
    for (size_t i = 0; i < n && !st; i++)
        st = prepare(c, &in[i], &(*out)[i]);
    return st;
}

static void clear_all(prepared *p, size_t n)
{
    for (size_t i = 0; p && i < n; i++)
        prepared_clear(&p[i]);
    free(p);
}

cairn_status cite_check(analyzer *an, const char *lang, const char *answer, size_t len,
                        const cite_passage *passages, size_t n_passages,
                        const cite_weights *weights, const cite_params *params, arena *a,
                        citation **out, size_t *n, cairn_error *err)
{
    checker c;
    prepared *ready = NULL;
    text_span *sentences = NULL;
    size_t n_sentences = 0;
    citations found = {0};
    cite_params defaults;
    bool ordinals = sentences_dotted_ordinals(lang);
    arena scratch;
    cairn_status st;

    arena_init(&scratch, SCRATCH_BYTES);
    st = checker_init(&c, an, lang, weights, &scratch, err);

    *out = NULL;
    *n = 0;
    cite_params_default(&defaults);
    params = params ? params : &defaults;
    if (!st)
        st = prepare_all(&c, passages, n_passages, &ready);
    for (size_t i = 0; i < n_passages && !st; i++) /* an answer speaks like its passages */
        ordinals |= sentences_dotted_ordinals(ready[i].lang);
    if (!st)
        st = sentences_split(answer, len, true, ordinals, &sentences, &n_sentences, err);
    for (size_t i = 0; i < n_sentences && !st; i++) {
        claim cl;
        st = read_claim(answer, sentences[i], &cl);
        if (st)
            cairn_fail(err, st, "a sentence of the answer");
        else if (cl.n_markers)
            st = check_marked(&c, &cl, ready, n_passages, params, &found);
        else
            st = check_unmarked(&c, &cl, ready, n_passages, params, &found);
        bytes_clear(&cl.text);
    }
    if (!st && found.n) {
        *out = arena_alloc(a, found.n * sizeof **out);
        if (*out) {
            memcpy(*out, found.at, found.n * sizeof **out);
            *n = found.n;
        } else {
            st = cairn_fail(err, CAIRN_ENOMEM, "citations");
        }
    }
    free(found.at);
    free(sentences);
    clear_all(ready, n_passages);
    checker_clear(&c);
    arena_clear(&scratch);
    return st;
}

cairn_status cite_strip_markers(const char *answer, size_t len, arena *a, char **out,
                                cairn_error *err)
{
    text_marker m;
    size_t n = 0;

    *out = arena_alloc(a, len + 1);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    for (size_t i = 0; i < len;) {
        if (!marker_read(answer, len, i, &m)) {
            (*out)[n++] = answer[i++];
            continue;
        }
        while (n && ((*out)[n - 1] == ' ' || (*out)[n - 1] == '\t'))
            n--;
        i = m.end;
    }
    (*out)[n] = '\0';
    return CAIRN_OK;
}
