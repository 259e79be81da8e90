/* plan_phrases.c - from a phrase or NEAR to a group: words in a row in each language, or spans in a
 * window (near.c). */
#include "index/lexical/plan.h"

#include <string.h>

#define SEQUENCE_MAX 1024   /* words of a phrase */
#define SLOP_MAX     100000 /* places: more is the whole field */

/* Append the words of `text` to words; offsets count from the first, which has *base, and *base moves
 * behind the last. *n grows by them. */
static cairn_status add_sequence(plan_builder *b, size_t lang, const char *text, size_t len,
                                 query_word **words, size_t *n, size_t *cap, uint32_t *base)
{
    const analyzer_token *t;
    size_t n_tokens;
    uint32_t from = *base;
    cairn_status st = analyzer_run(b->analyzer, b->lang[lang], text, len, &t, &n_tokens, b->err);

    for (size_t i = 0; i < n_tokens && !st; i++) {
        query_word *more;
        if (i && t[i].position == t[i - 1].position) /* another way to write the same word */
            continue;
        more = plan_grown(b->memory, *words, *n, cap, sizeof *more);
        if (!more)
            return plan_no_memory(b);
        *words = more;
        if (*n == SEQUENCE_MAX || !b->words_left)
            break;
        b->words_left -= !lang;
        st = plan_term(b, t[i].term, t[i].len, &more[*n].term);
        more[*n].offset = from + t[i].position - t[0].position;
        *base = more[(*n)++].offset + 1;
    }
    return st;
}

/* ---- patterns inside ---- */

/* The terms of a clause's patterns, and which of each is at hand. */
typedef struct spellings {
    struct {
        uint32_t *term;
        size_t n, at;
    } pattern[LEXICAL_PHRASE_PATTERNS];
    size_t n;
    size_t next; /* pattern to come while an alternative is made */
} spellings;

static size_t count_patterns(const lexical_clause *c)
{
    size_t n = c->kind == LEXICAL_WILDCARD;

    for (size_t i = 0; i < c->n_parts && c->kind != LEXICAL_WILDCARD; i++)
        n += count_patterns(&c->parts[i]);
    return n;
}

/* One that stands for nothing gets its own text, which is in no dictionary. */
static cairn_status spell(plan_builder *b, const lexical_clause *c, uint32_t plane, size_t most,
                          spellings *sp)
{
    query_expansion x = {.kind = c->kind, .text = c->text, .len = c->len, .plane = plane,
                         .words_only = most};
    uint64_t postings = UINT64_MAX;
    uint32_t *term;
    cairn_status st;

    if (b->phrase_patterns++ == LEXICAL_PATTERNS_MAX)
        return cairn_fail(b->err, CAIRN_ELIMIT, "a query of more than %d patterns in phrases",
                          LEXICAL_PATTERNS_MAX);
    st = expansion_make(&x, b->plan, b->analyzer, b->lang, b->n_langs, b->segments, b->n_segments,
                        &postings, b->err);
    if (st)
        return st;
    term = arena_calloc(b->memory, x.n_shown + 1, sizeof *term);
    if (!term)
        return plan_no_memory(b);
    for (size_t i = 0; i < x.n_shown && !st; i++)
        st = plan_term(b, x.shown[i].text, x.shown[i].len, &term[i]);
    if (!st && !x.n_shown)
        st = plan_term(b, c->text, c->len, &term[0]);
    sp->pattern[sp->n].term = term;
    sp->pattern[sp->n++].n = x.n_shown ? x.n_shown : 1;
    return st;
}

static cairn_status spell_all(plan_builder *b, const lexical_clause *c, uint32_t plane, size_t most,
                              spellings *sp)
{
    cairn_status st = CAIRN_OK;

    if (c->kind == LEXICAL_WILDCARD)
        return sp->n < LEXICAL_PHRASE_PATTERNS ? spell(b, c, plane, most, sp) : CAIRN_OK;
    for (size_t i = 0; i < c->n_parts && !st; i++)
        st = spell_all(b, &c->parts[i], plane, most, sp);
    return st;
}

/* Find what the clause's patterns stand for. */
static cairn_status begin_spellings(plan_builder *b, const lexical_clause *c, uint32_t plane,
                                    spellings *sp)
{
    static const size_t most[] = {0, 64, 8, 4};
    size_t n = count_patterns(c);

    *sp = (spellings){.n = 0};
    n = n < LEXICAL_PHRASE_PATTERNS ? n : LEXICAL_PHRASE_PATTERNS;
    return n ? spell_all(b, c, plane, most[n], sp) : CAIRN_OK;
}

/* Go to the next choice; false after the last, and then the first is at hand again. */
static bool next_spelling(spellings *sp)
{
    sp->next = 0;
    for (size_t i = 0; i < sp->n; i++) {
        if (++sp->pattern[i].at < sp->pattern[i].n)
            return true;
        sp->pattern[i].at = 0;
    }
    return false;
}

/* The words of a phrase or a part of NEAR, patterns as they are spelt at the moment. */
static cairn_status add_pieces(plan_builder *b, size_t lang, const lexical_clause *c, spellings *sp,
                               query_word **words, size_t *n, size_t *cap, uint32_t *base)
{
    cairn_status st = CAIRN_OK;

    if (c->kind == LEXICAL_WILDCARD && sp->next < sp->n && *n < SEQUENCE_MAX) {
        query_word *more = plan_grown(b->memory, *words, *n, cap, sizeof *more);
        if (!more)
            return plan_no_memory(b);
        *words = more;
        more[(*n)++] =
            (query_word){sp->pattern[sp->next].term[sp->pattern[sp->next].at], (*base)++};
        sp->next++;
        return CAIRN_OK;
    }
    if (c->kind == LEXICAL_WILDCARD || !c->n_parts)
        return add_sequence(b, lang, c->text, c->len, words, n, cap, base);
    for (size_t i = 0; i < c->n_parts && !st; i++)
        st = add_pieces(b, lang, &c->parts[i], sp, words, n, cap, base);
    return st;
}

/* ---- phrases ---- */

/* Alternatives of the group: a text's words in a row, in each language. */
cairn_status plan_add_texts(plan_builder *b, query_group *g, const char *text, size_t len)
{
    cairn_status st = CAIRN_OK;

    for (size_t l = 0; l < b->n_langs && !st; l++) {
        query_word *words = NULL;
        size_t n = 0, cap = 0;
        uint32_t base = 0;
        st = add_sequence(b, l, text, len, &words, &n, &cap, &base);
        if (!st && n)
            st = plan_add_alt(b, g, &(query_alt){.words = words, .n = n});
    }
    return st;
}

/* Spans of a phrase whose words may be moved by `slop` places in all. */
static cairn_status slop_spans(plan_builder *b, query_alt *alt, uint32_t slop)
{
    query_span *spans = arena_calloc(b->memory, alt->n, sizeof *spans);
    query_word *words = arena_calloc(b->memory, alt->n, sizeof *words);

    if (!spans || !words)
        return plan_no_memory(b);
    for (size_t i = 0; i < alt->n; i++) {
        uint32_t offset = alt->words[i].offset;
        spans[i] = (query_span){(uint32_t)i, 1, offset, offset + slop};
        words[i] = (query_word){alt->words[i].term, 0};
    }
    alt->words = words;
    alt->spans = spans;
    alt->n_spans = alt->n;
    alt->window = slop + 1;
    return CAIRN_OK;
}

static uint32_t bounded_slop(uint32_t slop)
{
    return slop < SLOP_MAX ? slop : SLOP_MAX;
}

/* The phrase as one alternative of language l. */
static cairn_status phrase_alt(plan_builder *b, const lexical_clause *c, size_t l, spellings *sp,
                               query_alt *alt)
{
    query_word *words = NULL;
    size_t cap = 0;
    uint32_t base = 0;
    cairn_status st = add_pieces(b, l, c, sp, &words, &alt->n, &cap, &base);

    alt->words = words;
    if (!st && c->slop && alt->n > 1 && alt->n <= NEAR_SPANS_MAX)
        st = slop_spans(b, alt, bounded_slop(c->slop));
    return st;
}

/* The parts' words as one alternative of language l; parts without a word are left out. */
static cairn_status near_alt(plan_builder *b, const lexical_clause *c, size_t l, spellings *sp,
                             query_alt *alt)
{
    query_span *spans = arena_calloc(b->memory, c->n_parts + 1, sizeof *spans);
    query_word *words = NULL;
    size_t cap = 0;
    uint32_t window = bounded_slop(c->slop);

    if (!spans)
        return plan_no_memory(b);
    for (size_t i = 0; i < c->n_parts && alt->n_spans < NEAR_SPANS_MAX; i++) {
        size_t first = alt->n;
        uint32_t base = 0;
        cairn_status st = add_pieces(b, l, &c->parts[i], sp, &words, &alt->n, &cap, &base);
        if (st)
            return st;
        if (alt->n == first)
            continue;
        if (alt->n - first > NEAR_WORDS_MAX)
            alt->n = first + NEAR_WORDS_MAX;
        spans[alt->n_spans++] = (query_span){(uint32_t)first, (uint32_t)(alt->n - first), 0,
                                             words[alt->n - 1].offset + 1};
        window += words[alt->n - 1].offset + 1;
    }
    for (size_t i = 0; i < alt->n_spans; i++)
        spans[i].hi = window - spans[i].hi;
    alt->words = words;
    alt->spans = spans;
    alt->window = window;
    return CAIRN_OK;
}

/* A phrase or NEAR: an alternative for each language and each choice of what its patterns stand for. */
cairn_status plan_add_phrase(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    query_group g = {.occur = c->occur, .plane = plane, .boost = boost};
    spellings sp;
    cairn_status st = begin_spellings(b, c, plane, &sp);

    g.spellings = sp.n > 0;
    for (size_t l = 0; l < b->n_langs && !st; l++)
        do {
            query_alt alt = {0};
            st = c->kind == LEXICAL_NEAR ? near_alt(b, c, l, &sp, &alt)
                                         : phrase_alt(b, c, l, &sp, &alt);
            if (!st && alt.n)
                st = plan_add_alt(b, &g, &alt);
        } while (!st && next_spelling(&sp));
    if (!st && c->kind == LEXICAL_PHRASE && !c->slop && !c->n_parts && !memchr(c->text, ' ', c->len))
        st = plan_spell_identifier(b, &g, c->text, c->len, &(size_t){0}); /* quoted or not, its signs are not words */
    return st || !g.n_alts ? st : plan_add_group(b, &g);
}
