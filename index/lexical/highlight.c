/* highlight.c - which words of a text a query was looking for.
 *
 * The text is analysed as it was when it was indexed, and its words are compared with what the query
 * asks for in that language: words, their synonyms and compounds, phrases, the parts of NEAR, patterns. The
 * positions in the index would not spare that: they count words, and a mark needs bytes, which only
 * the text can give. Analysing a passage costs some tens of microseconds. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "index/lexical/automaton.h"
#include "index/lexical/compound.h"
#include "index/lexical/identifiers.h"
#include "index/lexical/lexical.h"

typedef struct wanted_word {
    const char *term;
    uint32_t len, offset;
    bool stop;
    bool part; /* a character whose pair is wanted too: alone it is no find */
    automaton *pattern; /* of a phrase: instead of a term */
} wanted_word;

/* Words, each by itself; or, with `phrase`, in a row; or a pattern; or an identifier. */
typedef struct wanted {
    wanted_word *words;
    size_t n;
    bool phrase;
    automaton *pattern;
    const char *joined; /* or an identifier without its signs, in a row of words */
    size_t joined_len;
} wanted;

/* Patterns have tables to be freed. */
typedef struct owned_pattern owned_pattern;
struct owned_pattern {
    automaton a;
    owned_pattern *next;
};

typedef struct collecting {
    analyzer *a;
    const lexical_params *params;
    const char *lang;
    arena *memory;
    wanted *at;
    size_t n, cap;
    owned_pattern *patterns;
    compound_search *whole; /* [COMPOUND_WORDS_MAX]: words whose compounds are wanted; or NULL */
    size_t n_whole;
    compound_words known;
    cairn_error *err;
} collecting;

/* More than this a question's clauses and synonyms do not become. */
#define WANTED_MAX 8192

static bool accepts(automaton *a, const char *text, const analyzer_token *t)
{
    char form[ANALYZER_FORM_MAX];
    size_t len = analyzer_form(text + t->start, t->end - t->start, form);

    return (len && automaton_accepts(a, form, len)) || automaton_accepts(a, t->term, t->len);
}

static bool same(const wanted_word *w, const char *text, const analyzer_token *t)
{
    if (w->pattern)
        return accepts(w->pattern, text, t);
    return w->len == t->len && !memcmp(w->term, t->term, w->len);
}

static void mark_words(const wanted *w, const char *text, const analyzer_token *t, size_t n,
                       bool *marked)
{
    bool only_stops = true;

    for (size_t i = 0; i < w->n; i++)
        only_stops = only_stops && w->words[i].stop;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < w->n && (w->words[j].part || !same(&w->words[j], text, &t[i]) ||
                            (!only_stops && w->words[j].stop)))
            j++;
        marked[i] = marked[i] || j < w->n;
    }
}

/* A phrase sees the main words: extra ones stand beside the row. A word without a term has no token
 * and ends a match, since the positions then don't fit. */
static void mark_phrase(const wanted *w, const char *text, const analyzer_token *t, size_t n,
                        bool *marked)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = i, j = 0;
        while (j < w->n && k < n) {
            if (t[k].extra) {
                k++;
                continue;
            }
            if (!same(&w->words[j], text, &t[k]) || t[k].position != t[i].position + w->words[j].offset)
                break;
            j++;
            k++;
        }
        if (j < w->n || t[i].extra)
            continue;
        for (size_t m = i; m < k; m++)
            marked[m] = marked[m] || !t[m].extra;
    }
}

/* Patterns are held against words as they are written and against their stems. */
static void mark_pattern(const wanted *w, const char *text, const analyzer_token *t, size_t n,
                         bool *marked)
{
    for (size_t i = 0; i < n; i++)
        marked[i] = marked[i] || accepts(w->pattern, text, &t[i]);
}

/* The words that it is written in here. */
static void mark_joined(const wanted *w, const char *text, const analyzer_token *t, size_t n, bool *marked)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = 0, k = i;
        for (; k < n && at < w->joined_len; k++) {
            size_t len = t[k].end - t[k].start, j = 0;
            if (t[k].extra)
                continue;
            while (j < len && at + j < w->joined_len && tolower((unsigned char)text[t[k].start + j]) == w->joined[at + j])
                j++;
            if (j < len)
                break;
            at += len;
        }
        if (at < w->joined_len || t[i].extra)
            continue;
        for (size_t m = i; m < k; m++)
            marked[m] = marked[m] || !t[m].extra;
    }
}

static cairn_status no_memory(collecting *c)
{
    return cairn_fail(c->err, CAIRN_ENOMEM, "no memory to highlight");
}

static cairn_status new_wanted(collecting *c, wanted **out)
{
    if (c->n == WANTED_MAX)
        return cairn_fail(c->err, CAIRN_ELIMIT, "a query of too many words to highlight");
    if (c->n == c->cap) {
        size_t cap = c->cap * 2 + 32;
        wanted *more = arena_calloc(c->memory, cap, sizeof *more);
        if (!more)
            return no_memory(c);
        if (c->n)
            memcpy(more, c->at, c->n * sizeof *more);
        c->at = more;
        c->cap = cap;
    }
    *out = &c->at[c->n++];
    **out = (wanted){0}; /* it may have been another's that was taken back */
    return CAIRN_OK;
}

/* The words of a text as the language of the passage writes them. */
static cairn_status want_text(collecting *c, const char *text, size_t len, bool phrase)
{
    const analyzer_token *t;
    wanted *w;
    size_t n;
    cairn_status st = analyzer_run(c->a, c->lang, text, len, &t, &n, c->err);

    if (st || !n)
        return st;
    st = new_wanted(c, &w);
    if (st)
        return st;
    w->phrase = phrase;
    w->words = arena_calloc(c->memory, n, sizeof *w->words);
    if (!w->words)
        return no_memory(c);
    for (size_t j = 0; j < n; j++) {
        wanted_word *to = &w->words[w->n];
        if ((phrase && t[j].extra) || t[j].guess)
            continue;
        *to = (wanted_word){.term = arena_strndup(c->memory, t[j].term, t[j].len),
                            .len = t[j].len,
                            .offset = t[j].position - t[0].position,
                            .stop = t[j].stop};
        if (!to->term)
            return no_memory(c);
        to->part = !phrase && !t[j].extra && t[j].len <= 4 &&
                   ((j && !t[j - 1].extra && t[j - 1].end == t[j].end) ||
                    (j + 1 < n && !t[j + 1].extra && t[j + 1].start == t[j].start));
        w->n++;
    }
    return CAIRN_OK;
}

static cairn_status want_pattern(collecting *c, const lexical_clause *x);

/* A phrase of words and patterns. */
static cairn_status want_pieces(collecting *c, const lexical_clause *x)
{
    wanted *w = NULL, made = {.phrase = true};
    uint32_t base = 0;
    size_t cap = 0, patterns = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < x->n_parts && !st; i++) {
        const lexical_clause *p = &x->parts[i];
        bool pattern = p->kind == LEXICAL_WILDCARD && patterns++ < LEXICAL_PHRASE_PATTERNS;
        size_t first = c->n, n = 1;
        st = pattern ? want_pattern(c, p) : want_text(c, p->text, p->len, true);
        if (st || c->n == first) /* no word is in it */
            continue;
        const wanted *one = &c->at[--c->n];
        n = pattern ? 1 : one->n;
        if (made.n + n > cap) {
            wanted_word *more = arena_calloc(c->memory, 2 * (made.n + n), sizeof *more);
            if (!more)
                return no_memory(c);
            if (made.n)
                memcpy(more, made.words, made.n * sizeof *more);
            made.words = more;
            cap = 2 * (made.n + n);
        }
        for (size_t j = 0; j < n; j++) {
            wanted_word *to = &made.words[made.n++];
            *to = pattern ? (wanted_word){.pattern = one->pattern} : one->words[j];
            to->offset += base;
        }
        base = n ? made.words[made.n - 1].offset + 1 : base;
    }
    if (!st && made.n)
        st = new_wanted(c, &w);
    if (!st && made.n)
        *w = made;
    return st;
}

/* What the words of a clause also find. */
static cairn_status want_synonyms(collecting *c, const char *text, size_t len)
{
    const analyzer_token *t;
    const char **forms;
    size_t n_tokens, n = 0;
    cairn_status st;

    if (!c->params || !c->params->synonyms)
        return CAIRN_OK;
    st = analyzer_run(c->a, c->lang, text, len, &t, &n_tokens, c->err);
    if (st)
        return st;
    forms = arena_calloc(c->memory, n_tokens + 1, sizeof *forms);
    if (!forms)
        return no_memory(c);
    for (size_t i = 0; i < n_tokens; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t form_len = analyzer_form(text + t[i].start, t[i].end - t[i].start, form);
        if (t[i].extra)
            continue;
        forms[n] = arena_strndup(c->memory, form, form_len);
        if (!forms[n++])
            return no_memory(c);
    }
    for (size_t i = 0; i < n && !st;) {
        synonym_match m;
        const char *p;
        if (!synonyms_find(c->params->synonyms, forms + i, n - i, &m)) {
            i++;
            continue;
        }
        p = m.phrases;
        for (size_t j = 0; j < m.n && !st; j++, p += strlen(p) + 1)
            st = want_text(c, p, strlen(p), true);
        i += m.n_words;
    }
    return st;
}

/* The identifiers of a clause, in any spelling. */
static cairn_status want_identifiers(collecting *c, const char *text, size_t len)
{
    const analyzer_token *t;
    size_t n;
    cairn_status st = analyzer_run(c->a, c->lang, text, len, &t, &n, c->err);

    for (size_t i = 0; i < n && !st; i++) {
        size_t end = t[i].end, pieces = 1;
        for (size_t k = i; !st && !t[i].extra && pieces <= IDENTIFIER_PIECES; pieces++) {
            char joined[IDENTIFIER_MAX];
            size_t n_joined = identifier_join(text + t[i].start, end - t[i].start, joined), next = k + 1;
            wanted *w;
            if (n_joined && !(st = new_wanted(c, &w))) {
                w->joined = arena_strndup(c->memory, joined, n_joined);
                w->joined_len = n_joined;
                st = w->joined ? CAIRN_OK : no_memory(c);
            }
            while (next < n && t[next].extra)
                next++;
            if (next == n || !identifier_goes_on(text, t[k].start, t[k].end, t[next].start, t[k].stop))
                break;
            k = next;
            end = t[k].end;
        }
    }
    return st;
}

/* The compounds of a clause's words, and the parts of its compounds. */
static cairn_status want_compounds(collecting *c, const lexical_clause *x)
{
    const analyzer_token *t;
    size_t n, first = c->n_whole;
    cairn_status st;

    if (!c->whole || x->occur != LEXICAL_SHOULD)
        return CAIRN_OK;
    st = analyzer_run(c->a, c->lang, x->text, x->len, &t, &n, c->err);
    for (size_t i = 0; i < n && !st && c->n_whole < COMPOUND_WORDS_MAX; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t len = analyzer_form(x->text + t[i].start, t[i].end - t[i].start, form);
        compound_search *w = &c->whole[c->n_whole];
        if (t[i].extra || t[i].stop || !len || len > FORM_MAX)
            continue;
        *w = (compound_search){.form = arena_strndup(c->memory, form, len),
                               .form_len = len,
                               .term = arena_strndup(c->memory, t[i].term, t[i].len),
                               .term_len = t[i].len};
        if (!w->form || !w->term)
            return no_memory(c);
        c->n_whole++;
    }
    for (size_t i = first; i < c->n_whole && !st; i++) {
        compound_split parts;
        st = compound_part(&c->known, c->whole[i].form, c->whole[i].form_len, &parts, c->err);
        for (size_t j = 0; j < parts.n && !st; j++)
            st = want_text(c, parts.part[j], parts.len[j], false);
    }
    return st;
}

/* Which tokens of the text are compounds of the words wanted, ascending. They are copied first, since
 * telling them takes the analyzer. */
static cairn_status find_compounds(collecting *c, const char *text, size_t len, size_t **found,
                                   size_t *n_found)
{
    typedef struct seen {
        const char *form, *term;
        size_t form_len, term_len;
    } seen;
    const analyzer_token *t;
    seen *all;
    size_t n;
    cairn_status st = analyzer_run(c->a, c->lang, text, len, &t, &n, c->err);

    if (st)
        return st;
    all = arena_calloc(c->memory, n + 1, sizeof *all);
    *found = arena_calloc(c->memory, n + 1, sizeof **found);
    if (!all || !*found)
        return no_memory(c);
    for (size_t i = 0; i < n; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t form_len = analyzer_form(text + t[i].start, t[i].end - t[i].start, form);
        if (t[i].extra || !form_len)
            continue;
        all[i] = (seen){arena_strndup(c->memory, form, form_len),
                        arena_strndup(c->memory, t[i].term, t[i].len), form_len, t[i].len};
        if (!all[i].form || !all[i].term)
            return no_memory(c);
    }
    for (size_t i = 0; i < n && !st; i++) {
        bool holds = false;
        for (size_t j = 0; all[i].form && j < c->n_whole && !st && !holds; j++)
            st = compound_holds(&c->known, &c->whole[j], all[i].form, all[i].form_len, all[i].term,
                                all[i].term_len, &holds, c->err);
        if (holds)
            (*found)[(*n_found)++] = i;
    }
    return st;
}

static cairn_status want_pattern(collecting *c, const lexical_clause *x)
{
    wanted *w = NULL;
    owned_pattern *own = arena_calloc(c->memory, 1, sizeof *own);
    cairn_status st = own ? new_wanted(c, &w) : no_memory(c);
    automaton *a;

    if (st)
        return st;
    w->pattern = a = &own->a;
    st = x->kind == LEXICAL_WILDCARD ? automaton_wildcard(a, c->memory, x->text, x->len, NULL)
         : x->kind == LEXICAL_FUZZY
             ? automaton_fuzzy(a, c->memory, x->text, x->len, x->edits, NULL)
             : automaton_regex(a, c->memory, x->text, x->len, NULL);
    if (!st) {
        own->next = c->patterns;
        c->patterns = own;
        return CAIRN_OK;
    }
    automaton_clear(a);
    c->n--; /* it finds nothing, so it marks nothing */
    return st == CAIRN_ENOMEM ? no_memory(c) : CAIRN_OK;
}

static cairn_status want_clause(collecting *c, const lexical_clause *x)
{
    cairn_status st = CAIRN_OK;

    if (x->occur == LEXICAL_MUST_NOT || x->occur == LEXICAL_TEST)
        return CAIRN_OK;
    switch (x->kind) {
    case LEXICAL_TREE:
        return CAIRN_OK; /* its leaves are clauses of their own */
    case LEXICAL_NEAR:
        for (size_t i = 0; i < x->n_parts && !st; i++) {
            const lexical_clause *p = &x->parts[i];
            st = p->kind == LEXICAL_WILDCARD ? want_pattern(c, p)
                 : p->n_parts                ? want_pieces(c, p)
                                             : want_text(c, p->text, p->len,
                                                         p->kind == LEXICAL_PHRASE);
        }
        return st;
    case LEXICAL_PHRASE:
        if (x->n_parts) {
            if (!x->slop)
                return want_pieces(c, x);
            for (size_t i = 0; i < x->n_parts && !st; i++)
                st = x->parts[i].kind == LEXICAL_WILDCARD
                         ? want_pattern(c, &x->parts[i])
                         : want_text(c, x->parts[i].text, x->parts[i].len, false);
            return st;
        }
        /* A sloppy phrase marks its words wherever they stand. */
        st = want_text(c, x->text, x->len, !x->slop);
        return st || x->slop || memchr(x->text, ' ', x->len) ? st : want_identifiers(c, x->text, x->len);
    case LEXICAL_WILDCARD:
    case LEXICAL_FUZZY:
    case LEXICAL_REGEX:
        return want_pattern(c, x);
    default:
        st = want_text(c, x->text, x->len, false);
        if (!st)
            st = want_synonyms(c, x->text, x->len);
        if (!st)
            st = want_identifiers(c, x->text, x->len);
        return st ? st : want_compounds(c, x);
    }
}

/* Marked words as ranges; those of one CJK run, and parts inside their whole, overlap and are joined. */
static size_t gather(const analyzer_token *t, size_t n_tokens, const bool *marked,
                     lexical_range *ranges, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < n_tokens; i++) {
        if (!marked[i])
            continue;
        if (n && ranges[n - 1].end > t[i].start) {
            if (ranges[n - 1].end < t[i].end)
                ranges[n - 1].end = t[i].end;
        } else if (n == max) {
            break;
        } else {
            ranges[n++] = (lexical_range){t[i].start, t[i].end};
        }
    }
    return n;
}

cairn_status lexical_highlight(analyzer *a, const lexical_query *query,
                               const lexical_params *params, const char *lang, const char *text,
                               size_t len, lexical_range *ranges, size_t max, size_t *n,
                               cairn_error *err)
{
    analyzer *own = NULL;
    arena memory;
    collecting c = {.a = a, .params = params, .lang = lang, .memory = &memory, .err = err};
    const analyzer_token *t;
    bool *marked = NULL;
    size_t n_tokens = 0, *compounds = NULL, n_compounds = 0;
    cairn_status st = CAIRN_OK;

    *n = 0;
    arena_init(&memory, (size_t)1 << 28);
    if (!a) {
        st = analyzer_create(&own, err);
        c.a = own;
    }
    if (!st && params && params->compounds && params->n_known && compound_language(lang)) {
        c.known = (compound_words){params->known, params->n_known, lang, c.a};
        c.whole = arena_calloc(&memory, COMPOUND_WORDS_MAX, sizeof *c.whole);
        st = c.whole ? CAIRN_OK : no_memory(&c);
    }
    for (size_t i = 0; i < query->n && !st; i++)
        st = want_clause(&c, &query->clauses[i]);
    if (!st && c.n_whole)
        st = find_compounds(&c, text, len, &compounds, &n_compounds);
    if (!st)
        st = analyzer_run(c.a, lang, text, len, &t, &n_tokens, err);
    if (!st) {
        marked = calloc(n_tokens + 1, sizeof *marked);
        if (!marked)
            st = no_memory(&c);
    }
    for (size_t i = 0; i < c.n && !st; i++) {
        if (c.at[i].joined)
            mark_joined(&c.at[i], text, t, n_tokens, marked);
        else if (c.at[i].pattern)
            mark_pattern(&c.at[i], text, t, n_tokens, marked);
        else if (c.at[i].phrase)
            mark_phrase(&c.at[i], text, t, n_tokens, marked);
        else
            mark_words(&c.at[i], text, t, n_tokens, marked);
    }
    for (size_t i = 0; i < n_compounds && !st; i++)
        marked[compounds[i]] = true;
    if (!st)
        *n = gather(t, n_tokens, marked, ranges, max);
    for (owned_pattern *p = c.patterns; p; p = p->next)
        automaton_clear(&p->a);
    free(marked);
    arena_clear(&memory);
    analyzer_destroy(own);
    return st;
}
