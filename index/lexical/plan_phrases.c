/* plan_phrases.c - from a phrase or NEAR to a group: words in a row in each language, or spans in a
 * window (near.c). */
#include "index/lexical/plan.h"

#define SEQUENCE_MAX 1024   /* words of a phrase */
#define SLOP_MAX     100000 /* places: more is the whole field */

/* Append the words of `text` to words; offsets count from the first. *n grows by them. */
static cairn_status add_sequence(plan_builder *b, size_t lang, const char *text, size_t len,
                                 query_word **words, size_t *n, size_t *cap)
{
    const analyzer_token *t;
    size_t n_tokens;
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
        more[(*n)++].offset = t[i].position - t[0].position;
    }
    return st;
}

/* Alternatives of the group: a text's words in a row, in each language. */
cairn_status plan_add_texts(plan_builder *b, query_group *g, const char *text, size_t len)
{
    cairn_status st = CAIRN_OK;

    for (size_t l = 0; l < b->n_langs && !st; l++) {
        query_word *words = NULL;
        size_t n = 0, cap = 0;
        st = add_sequence(b, l, text, len, &words, &n, &cap);
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

cairn_status plan_add_phrase(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    query_group g = {.occur = c->occur, .plane = plane, .boost = boost};

    for (size_t l = 0; l < b->n_langs; l++) {
        query_word *words = NULL;
        query_alt alt = {0};
        size_t cap = 0;
        cairn_status st = add_sequence(b, l, c->text, c->len, &words, &alt.n, &cap);
        alt.words = words;
        if (!st && c->slop && alt.n > 1 && alt.n <= NEAR_SPANS_MAX)
            st = slop_spans(b, &alt, bounded_slop(c->slop));
        if (!st && alt.n)
            st = plan_add_alt(b, &g, &alt);
        if (st)
            return st;
    }
    return g.n_alts ? plan_add_group(b, &g) : CAIRN_OK;
}

/* The parts' words as one alternative of language l; parts without a word are left out. */
static cairn_status near_alt(plan_builder *b, const lexical_clause *c, size_t l, query_alt *alt)
{
    query_span *spans = arena_calloc(b->memory, c->n_parts + 1, sizeof *spans);
    query_word *words = NULL;
    size_t cap = 0;
    uint32_t window = bounded_slop(c->slop);

    if (!spans)
        return plan_no_memory(b);
    for (size_t i = 0; i < c->n_parts && alt->n_spans < NEAR_SPANS_MAX; i++) {
        size_t first = alt->n;
        cairn_status st =
            add_sequence(b, l, c->parts[i].text, c->parts[i].len, &words, &alt->n, &cap);
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

cairn_status plan_add_near(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    query_group g = {.occur = c->occur, .plane = plane, .boost = boost};

    for (size_t l = 0; l < b->n_langs; l++) {
        query_alt alt = {0};
        cairn_status st = near_alt(b, c, l, &alt);
        if (!st && alt.n)
            st = plan_add_alt(b, &g, &alt);
        if (st)
            return st;
    }
    return g.n_alts ? plan_add_group(b, &g) : CAIRN_OK;
}
