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

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/utf8.h"

#define MAX_MARKERS    64 /* passage numbers in one sentence */
#define MAX_NUMBER     9999
#define NUMBER_WEIGHT  2.0 /* a number says more than a word */
#define ECHO_WEIGHT    0.25 /* of a word that the question had already */
#define EXACT_BONUS    1.0f /* of a run that holds every number and name */
#define LENGTH_MALUS   0.01f /* a sentence more must earn its place */

void cite_params_default(cite_params *p)
{
    *p = (cite_params){.support = 0.5f,
                       .guess = 0.6f,
                       .max_sentences = 3,
                       .coverage_floor = 0.4f,
                       .vector_floor = 0.88f,
                       .answer_floor = 0.35f};
}

/* ---- terms ---- */

typedef struct term {
    uint64_t key; /* hash of the stem, or of a number's digits */
    uint32_t start, end;
    double weight; /* 0: a function word */
    bool number, name;
} term;

typedef struct term_list {
    term *at;
    size_t n;
} term_list;

typedef struct checker {
    analyzer *an;
    bool own_analyzer;
    const char *lang;
    const cite_weights *weights;
    cairn_error *err;
} checker;

static uint64_t hash_bytes(const char *s, size_t len, bool number)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++) {
        if (number && (s[i] == ',' || s[i] == '\'')) /* 1,200 is 1200 */
            continue;
        h = (h ^ (uint8_t)s[i]) * 0x100000001b3u;
    }
    return h;
}

static bool has_digit(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (isdigit((unsigned char)s[i]))
            return true;
    return false;
}

/* English stems do no harm to other Latin text, and help the commonest case. */
static const char *language(const checker *c, const char *of_passage, const char *text, size_t len)
{
    size_t letters = 0, plain = 0;

    if (of_passage && *of_passage)
        return of_passage;
    if (c->lang && *c->lang)
        return c->lang;
    for (size_t i = 0; i < len; i++) {
        letters += isalpha((unsigned char)text[i]) || (uint8_t)text[i] >= 0x80;
        plain += isalpha((unsigned char)text[i]) != 0;
    }
    return plain * 10 >= letters * 9 ? "en" : "";
}

/* A capital letter inside a sentence marks a name; in German every noun has one. */
static bool is_name(const char *text, const analyzer_token *t, bool first, const char *lang)
{
    return !first && strcmp(lang, "de") != 0 && isupper((unsigned char)text[t->start]);
}

static double weigh(const checker *c, const analyzer_token *t, bool number)
{
    double w = t->stop && !number ? 0 : 1;

    if (c->weights && c->weights->idf && w > 0)
        w = c->weights->idf(c->weights->ctx, t->term, t->len);
    return number ? w * NUMBER_WEIGHT : w;
}

/* The terms of text in reading order. A term begins a sentence when a full stop or nothing stands before it. */
static cairn_status read_terms(const checker *c, const char *lang, const char *text, size_t len,
                               term_list *out)
{
    const analyzer_token *t;
    size_t n;
    cairn_status st = analyzer_run(c->an, lang, text, len, &t, &n, c->err);

    *out = (term_list){0};
    if (st)
        return st;
    out->at = checked_malloc(n, sizeof *out->at);
    if (!out->at)
        return cairn_fail(c->err, CAIRN_ENOMEM, "checking an answer");
    for (size_t i = 0; i < n; i++) {
        if (t[i].extra)
            continue;
        bool number = has_digit(text + t[i].start, t[i].end - t[i].start), first = true;
        for (uint32_t p = t[i].start; p > 0 && first; p--) {
            char ch = text[p - 1];
            if (strchr(".!?:\n", ch))
                break;
            first = !(isalnum((unsigned char)ch) || (uint8_t)ch >= 0x80 || ch == ',' || ch == ';');
        }
        out->at[out->n++] = (term){number ? hash_bytes(text + t[i].start, t[i].end - t[i].start, true)
                                   : hash_bytes(t[i].term, t[i].len, false),
                            t[i].start,
                            t[i].end,
                            weigh(c, &t[i], number),
                            number,
                            !number && is_name(text, &t[i], first, lang)};
    }
    return CAIRN_OK;
}

static bool has_key(const term *at, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        if (at[i].key == key)
            return true;
    return false;
}

/* Keep the first of equal terms, and drop those without weight. A name anywhere is a name. */
static void distinct(term_list *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        size_t j = 0;
        if (l->at[i].weight <= 0)
            continue;
        while (j < kept && l->at[j].key != l->at[i].key)
            j++;
        if (j < kept)
            l->at[j].name |= l->at[i].name;
        else
            l->at[kept++] = l->at[i];
    }
    l->n = kept;
}

static double total_weight(const term_list *l)
{
    double sum = 0;

    for (size_t i = 0; i < l->n; i++)
        sum += l->at[i].weight;
    return sum;
}

/* ---- sentences and markers ---- */

typedef struct span {
    size_t start, end;
} span;

typedef struct marker {
    size_t start, end;
    uint32_t n[MAX_MARKERS];
    size_t count;
} marker;

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

static bool read_number(const char *s, size_t len, size_t *at, uint32_t *out)
{
    size_t start = *at;

    *out = 0;
    while (*at < len && isdigit((unsigned char)s[*at]) && *at - start < 4)
        *out = *out * 10 + (uint32_t)(s[(*at)++] - '0');
    return *at > start && *out <= MAX_NUMBER;
}

/* [1], [2, 3], [1-3], [1;4], [passage 2]. False when s[at] opens something else. */
static bool read_marker(const char *s, size_t len, size_t at, marker *m)
{
    static const char *const words[] = {"passage", "source", "document"};
    size_t p = at + 1;

    if (at >= len || s[at] != '[')
        return false;
    m->count = 0;
    for (size_t w = 0; w < 3; w++)
        if (p + strlen(words[w]) < len && !strncasecmp(s + p, words[w], strlen(words[w]))) {
            p += strlen(words[w]);
            break;
        }
    for (;;) {
        uint32_t from, to;
        while (p < len && s[p] == ' ')
            p++;
        if (!read_number(s, len, &p, &from))
            return false;
        to = from;
        if (p < len && s[p] == '-') {
            p++;
            if (!read_number(s, len, &p, &to) || to < from || to - from >= MAX_MARKERS)
                return false;
        }
        for (uint32_t n = from; n <= to && m->count < MAX_MARKERS; n++)
            m->n[m->count++] = n;
        while (p < len && s[p] == ' ')
            p++;
        if (p < len && (s[p] == ',' || s[p] == ';'))
            p++;
        else
            break;
    }
    if (p >= len || s[p] != ']')
        return false;
    m->start = at;
    m->end = p + 1;
    return true;
}

/* Languages that write ordinals with a full stop: "am 31. Mai". */
static bool dotted_ordinals(const char *lang)
{
    static const char all[] = " de da no nb nn fi cs sk pl hu hr sl et lv tr is ";
    const char *at = lang && strlen(lang) == 2 ? strstr(all, lang) : NULL;

    return at && at[-1] == ' ' && at[2] == ' ';
}

/* Length of a full stop at s[i], 0 when there is none: an ASCII one counts before a blank. */
static size_t stop_length(const char *s, size_t len, size_t i, bool ordinals)
{
    size_t n = 1;

    if (len - i >= 3 && (!memcmp(s + i, "\xE3\x80\x82", 3) || !memcmp(s + i, "\xEF\xBC\x81", 3) ||
                         !memcmp(s + i, "\xEF\xBC\x9F", 3)))
        return 3;
    if (s[i] == '\n')
        return 1;
    if (len - i >= 2 && (!memcmp(s + i, "\xD8\x9F", 2) || !memcmp(s + i, "\xDB\x94", 2)))
        return 2; /* the Arabic question mark and full stop */
    if (!strchr(".!?", s[i]) || s[i] == '\0')
        return 0;
    while (i + n < len && strchr(".!?\"')", s[i + n]) && s[i + n])
        n++;
    if (i + n < len && !is_space(s[i + n]) && s[i + n] != '[')
        return 0;
    /* "J. Smith", "1. First": the stop of an initial or of a list's number ends nothing. */
    if (s[i] == '.' && i >= 1) {
        size_t b = i;
        while (b > 0 && isalnum((unsigned char)s[b - 1]))
            b--;
        bool initial = i - b == 1 && isupper((unsigned char)s[b]);
        bool item = i > b && i - b <= 2 && isdigit((unsigned char)s[b]) &&
                    (ordinals || b == 0 || s[b - 1] == '\n');
        if (initial || item)
            return 0;
    }
    return n;
}

/* The sentences of text, without the blanks around them; markers behind a stop go with it. */
static cairn_status split_sentences(const char *s, size_t len, bool markers, bool ordinals,
                                    span **out, size_t *n, cairn_error *err)
{
    size_t cap = 0, start = 0;
    marker m;

    *out = NULL;
    *n = 0;
    for (size_t i = 0; i <= len; i++) {
        size_t stop = i < len ? stop_length(s, len, i, ordinals) : 0;
        if (i < len && !stop)
            continue;
        size_t end = i + stop;
        for (size_t p = end; markers && p < len; p++) {
            if (read_marker(s, len, p, &m)) {
                end = m.end;
                p = m.end - 1;
                if (p + 1 < len && strchr(".,", s[p + 1]))
                    end = ++p + 1;
            } else if (!is_space(s[p]) || s[p] == '\n') {
                break;
            }
        }
        size_t a = start, b = end;
        while (a < b && is_space(s[a]))
            a++;
        while (b > a && is_space(s[b - 1]))
            b--;
        if (b > a) {
            if (*n == cap) {
                cap = cap ? cap * 2 : 16;
                span *more = checked_realloc(*out, cap, sizeof *more);
                if (!more)
                    return cairn_fail(err, CAIRN_ENOMEM, "sentences");
                *out = more;
            }
            (*out)[(*n)++] = (span){a, b};
        }
        start = end;
        i = end > i ? end - 1 : i;
    }
    return CAIRN_OK;
}

/* ---- one passage, ready to be compared ---- */

typedef struct prepared {
    const char *lang;
    term_list terms; /* all, in reading order */
    term_list head;  /* of title and heading */
    span *sentences;
    size_t n_sentences;
} prepared;

static void prepared_clear(prepared *p)
{
    free(p->terms.at);
    free(p->head.at);
    free(p->sentences);
    *p = (prepared){0};
}

static cairn_status prepare(const checker *c, const cite_passage *in, prepared *p)
{
    bytes head;
    cairn_status st;

    *p = (prepared){.lang = language(c, in->lang, in->text, in->len)};
    bytes_init(&head, 1 << 20);
    st = bytes_printf(&head, "%s\n%s", in->title ? in->title : "", in->heading ? in->heading : "");
    if (!st)
        st = read_terms(c, p->lang, head.data, head.len, &p->head);
    bytes_clear(&head);
    if (!st)
        st = read_terms(c, p->lang, in->text, in->len, &p->terms);
    if (!st)
        st = split_sentences(in->text, in->len, false, dotted_ordinals(p->lang), &p->sentences,
                             &p->n_sentences, c->err);
    return st;
}

typedef struct match {
    size_t start, end;
    float support;
    bool exact; /* every number and name is there */
} match;

/* How much of the claim's weight the terms[0, n) hold, with the head's help. */
static match measure_run(const term_list *claim, double total, const term *terms, size_t n,
                         const term_list *head)
{
    match m = {.exact = true};
    double found = 0;

    for (size_t i = 0; i < claim->n; i++) {
        const term *t = &claim->at[i];
        bool here = has_key(terms, n, t->key) || (!t->number && has_key(head->at, head->n, t->key));
        if (here)
            found += t->weight;
        else if (t->number || t->name)
            m.exact = false;
    }
    m.support = total > 0 ? (float)(found / total) : 0;
    return m;
}

static match best_run(const prepared *p, const term_list *claim, size_t max_sentences)
{
    match best = {0};
    float best_score = -1;
    double total = total_weight(claim);

    for (size_t first = 0, from = 0; first < p->n_sentences; first++) {
        while (from < p->terms.n && p->terms.at[from].start < p->sentences[first].start)
            from++;
        for (size_t run = 0, to = from; run < max_sentences && first + run < p->n_sentences; run++) {
            size_t end = p->sentences[first + run].end;
            while (to < p->terms.n && p->terms.at[to].start < end)
                to++;
            match m = measure_run(claim, total, p->terms.at + from, to - from, &p->head);
            float score = m.support + (m.exact && m.support > 0 ? EXACT_BONUS : 0) -
                          LENGTH_MALUS * (float)run;
            if (score > best_score) {
                best_score = score;
                best = m;
                best.start = p->sentences[first].start;
                best.end = end;
            }
        }
    }
    return best;
}

/* ---- cite_check ---- */

/* A sentence of the answer without its markers, and where it stands. */
typedef struct claim {
    span at;
    marker markers[8];
    size_t n_markers;
    bytes text;
} claim;

static cairn_status read_claim(const char *answer, span at, claim *c)
{
    marker m;
    cairn_status st = CAIRN_OK;

    *c = (claim){.at = at};
    bytes_init(&c->text, 1 << 24);
    for (size_t i = at.start; i < at.end && !st;) {
        if (read_marker(answer, at.end, i, &m)) {
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

/* Compare one claim with one passage. *words gets the number of weighty words of the claim. */
/* Words that the answer takes over from the question prove little when a passage holds them, and
 * nothing is wrong when it does not ("Was wiegt die Mühle?" asked of an English manual). */
static cairn_status discount_question(const checker *c, const char *lang, const char *question,
                                      term_list *claim)
{
    term_list asked;
    cairn_status st = read_terms(c, lang, question, strlen(question), &asked);

    for (size_t i = 0; !st && i < claim->n; i++) {
        if (!has_key(asked.at, asked.n, claim->at[i].key))
            continue;
        claim->at[i].weight *= ECHO_WEIGHT;
        claim->at[i].number = claim->at[i].name = false;
    }
    free(asked.at);
    return st;
}

static cairn_status compare(const checker *c, const claim *cl, const prepared *p,
                            const cite_params *params, match *m, size_t *words)
{
    term_list terms;
    cairn_status st = read_terms(c, p->lang, cl->text.data ? cl->text.data : "", cl->text.len,
                                 &terms);

    if (!st)
        distinct(&terms);
    if (!st && params->question)
        st = discount_question(c, p->lang, params->question, &terms);
    if (!st) {
        *words = terms.n;
        *m = best_run(p, &terms, params->max_sentences ? params->max_sentences : 1);
    }
    free(terms.at);
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
                                   .guessed = true},
                        c->err);
}

static cairn_status checker_init(checker *c, analyzer *an, const char *lang,
                                 const cite_weights *weights, cairn_error *err)
{
    *c = (checker){an, !an, lang, weights, err};
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
    span *sentences = NULL;
    size_t n_sentences = 0;
    citations found = {0};
    cite_params defaults;
    bool ordinals = dotted_ordinals(lang);
    cairn_status st = checker_init(&c, an, lang, weights, err);

    *out = NULL;
    *n = 0;
    cite_params_default(&defaults);
    params = params ? params : &defaults;
    if (!st)
        st = prepare_all(&c, passages, n_passages, &ready);
    for (size_t i = 0; i < n_passages && !st; i++) /* an answer speaks like its passages */
        ordinals |= dotted_ordinals(ready[i].lang);
    if (!st)
        st = split_sentences(answer, len, true, ordinals, &sentences, &n_sentences, err);
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
    return st;
}

cairn_status cite_strip_markers(const char *answer, size_t len, arena *a, char **out,
                                cairn_error *err)
{
    marker m;
    size_t n = 0;

    *out = arena_alloc(a, len + 1);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    for (size_t i = 0; i < len;) {
        if (!read_marker(answer, len, i, &m)) {
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

/* ---- evidence ---- */

/* Mark which of the base terms occur in a passage. Both lists come from one text in two languages,
 * so a term is known by where it stands. */
static void mark_found(const term_list *base, const term_list *in_lang, const prepared *p,
                       bool *found, double *here)
{
    *here = 0;
    for (size_t i = 0; i < base->n; i++)
        for (size_t j = 0; j < in_lang->n; j++) {
            const term *t = &in_lang->at[j];
            if (t->start != base->at[i].start)
                continue;
            if (has_key(p->terms.at, p->terms.n, t->key) ||
                has_key(p->head.at, p->head.n, t->key)) {
                found[i] = true;
                *here += base->at[i].weight;
            }
            break;
        }
}

/* Share of a text's weight found in the passages together and in the best one. `known` (may be
 * NULL) are terms that count as found. */
static cairn_status cover(const checker *c, const char *text, size_t len, const prepared *ready,
                          size_t n, const char *known, float *together, float *best, size_t *words)
{
    const char *lang = language(c, n ? ready[0].lang : NULL, text, len);
    term_list base = {0}, told = {0}, other = {0};
    bool *found = NULL;
    double total, sum = 0;
    cairn_status st = read_terms(c, lang, text, len, &base);

    *together = *best = 0;
    *words = 0;
    if (!st && known)
        st = read_terms(c, lang, known, strlen(known), &told);
    if (st)
        goto done;
    distinct(&base);
    *words = base.n;
    found = calloc(base.n + 1, sizeof *found);
    if (!found) {
        st = cairn_fail(c->err, CAIRN_ENOMEM, "evidence");
        goto done;
    }
    total = total_weight(&base);
    for (size_t i = 0; i < n && !st; i++) {
        double here;
        st = read_terms(c, ready[i].lang, text, len, &other);
        if (!st) {
            mark_found(&base, &other, &ready[i], found, &here);
            if (total > 0 && here / total > *best)
                *best = (float)(here / total);
        }
        free(other.at);
        other.at = NULL;
    }
    for (size_t i = 0; i < base.n; i++)
        if (found[i] || has_key(told.at, told.n, base.at[i].key))
            sum += base.at[i].weight;
    *together = total > 0 ? (float)(sum / total) : 0;
done:
    free(base.at);
    free(told.at);
    free(found);
    return st;
}

cairn_status cite_evidence_measure(analyzer *an, const char *lang, const char *question,
                                   const char *answer, const cite_passage *passages,
                                   size_t n_passages, const cite_weights *weights,
                                   float best_lexical, float best_vector, cite_evidence *out,
                                   cairn_error *err)
{
    checker c;
    prepared *ready = NULL;
    arena scratch;
    char *bare = NULL;
    float unused;
    cairn_status st = checker_init(&c, an, lang, weights, err);

    *out = (cite_evidence){
        .best_lexical = best_lexical, .best_vector = best_vector, .answer_support = 1};
    arena_init(&scratch, (size_t)64 << 20);
    if (!st)
        st = prepare_all(&c, passages, n_passages, &ready);
    if (!st)
        st = cover(&c, question, strlen(question), ready, n_passages, NULL, &out->coverage,
                   &out->best_coverage, &out->question_words);
    if (!st && answer)
        st = cite_strip_markers(answer, strlen(answer), &scratch, &bare, err);
    if (!st && answer) {
        st = cover(&c, bare, strlen(bare), ready, n_passages, question, &out->answer_support,
                   &unused, &out->answer_words);
        if (!st && out->answer_words == 0)
            out->answer_support = 1;
    }
    arena_clear(&scratch);
    clear_all(ready, n_passages);
    checker_clear(&c);
    return st;
}

bool cite_refuse(const cite_evidence *e, const cite_params *params, const char **reason)
{
    const char *why = NULL;

    if (e->question_words > 0 && e->best_coverage < params->coverage_floor &&
        e->best_vector < params->vector_floor)
        why = "too little of the question is in the documents";
    else if (e->answer_support < params->answer_floor)
        why = "the answer is not in the documents";
    if (reason)
        *reason = why;
    return why != NULL;
}
