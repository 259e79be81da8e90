/* highlight.c - which words of a text a query was looking for. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "index/lexical/lexical.h"

typedef struct wanted_word {
    const char *term;
    uint32_t len, offset;
    bool stop;
    bool part; /* a character whose pair is wanted too: alone it is no find */
} wanted_word;

typedef struct wanted {
    wanted_word *words;
    size_t n;
    bool phrase;
} wanted;

static bool same(const wanted_word *w, const analyzer_token *t)
{
    return w->len == t->len && !memcmp(w->term, t->term, w->len);
}

/* Mark the tokens of `t` that `w` looks for. */
static void mark(const wanted *w, const analyzer_token *t, size_t n, bool *marked)
{
    bool only_stops = true;

    for (size_t i = 0; i < w->n; i++)
        only_stops = only_stops && w->words[i].stop;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        if (!w->phrase) {
            while (j < w->n && (w->words[j].part || !same(&w->words[j], &t[i]) ||
                                (!only_stops && w->words[j].stop)))
                j++;
            marked[i] = marked[i] || j < w->n;
            continue;
        }
        /* Tokens are consecutive positions unless a word had no term, which ends the match. */
        while (j < w->n && i + j < n && same(&w->words[j], &t[i + j]) &&
               t[i + j].position == t[i].position + w->words[j].offset)
            j++;
        if (j == w->n)
            memset(marked + i, 1, j * sizeof *marked);
    }
}

/* The positive clauses' words as the text's language writes them. */
static cairn_status collect(analyzer *a, const lexical_query *q, const char *lang, arena *memory,
                            wanted *out, size_t *n_out, cairn_error *err)
{
    for (size_t i = 0; i < q->n; i++) {
        const lexical_clause *c = &q->clauses[i];
        const analyzer_token *t;
        wanted *w = &out[*n_out];
        size_t n;
        cairn_status st;
        if (c->occur == LEXICAL_MUST_NOT)
            continue;
        st = analyzer_run(a, lang, c->text, c->len, &t, &n, err);
        if (st)
            return st;
        if (!n)
            continue;
        w->words = arena_calloc(memory, n, sizeof *w->words);
        if (!w->words)
            return cairn_fail(err, CAIRN_ENOMEM, "no memory to highlight");
        w->n = n;
        w->phrase = c->kind == LEXICAL_PHRASE;
        for (size_t j = 0; j < n; j++) {
            char *term = arena_strndup(memory, t[j].term, t[j].len);
            if (!term)
                return cairn_fail(err, CAIRN_ENOMEM, "no memory to highlight");
            w->words[j] =
                (wanted_word){term, t[j].len, t[j].position - t[0].position, t[j].stop, false};
            w->words[j].part =
                (j && t[j - 1].end == t[j].end) || (j + 1 < n && t[j + 1].start == t[j].start);
        }
        ++*n_out;
    }
    return CAIRN_OK;
}

cairn_status lexical_highlight(analyzer *a, const lexical_query *query, const char *lang,
                               const char *text, size_t len, lexical_range *ranges, size_t max,
                               size_t *n, cairn_error *err)
{
    analyzer *own = NULL;
    arena memory;
    wanted *w;
    const analyzer_token *t;
    bool *marked = NULL;
    size_t n_wanted = 0, n_tokens = 0;
    cairn_status st = CAIRN_OK;

    *n = 0;
    arena_init(&memory, (size_t)1 << 28);
    if (!a) {
        st = analyzer_create(&own, err);
        a = own;
    }
    w = arena_calloc(&memory, query->n + 1, sizeof *w);
    if (!st && !w)
        st = cairn_fail(err, CAIRN_ENOMEM, "no memory to highlight");
    if (!st)
        st = collect(a, query, lang, &memory, w, &n_wanted, err);
    if (!st)
        st = analyzer_run(a, lang, text, len, &t, &n_tokens, err);
    if (st)
        goto done;
    marked = calloc(n_tokens + 1, sizeof *marked);
    if (!marked) {
        st = cairn_fail(err, CAIRN_ENOMEM, "no memory to highlight");
        goto done;
    }
    for (size_t i = 0; i < n_wanted; i++)
        mark(&w[i], t, n_tokens, marked);
    for (size_t i = 0; i < n_tokens && *n < max; i++) {
        if (!marked[i])
            continue;
        if (*n && ranges[*n - 1].end > t[i].start) { /* words of one CJK run overlap */
            if (ranges[*n - 1].end < t[i].end)
                ranges[*n - 1].end = t[i].end;
        } else {
            ranges[(*n)++] = (lexical_range){t[i].start, t[i].end};
        }
    }
done:
    free(marked);
    arena_clear(&memory);
    analyzer_destroy(own);
    return st;
}
