/* suggest.c - completions and corrections over a view (index/lexical/suggest.h). */
#include "index/lexical/suggest.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/search.h"

#define RESULT_BYTES ((size_t)64 << 20)
/* Completions that a search as you type tries: frequent ones first, so the rest rarely reaches the
 * first page before the next letter is typed. */
#define TRIED 16
/* A completion is a guess: the words that are there as typed count more. */
#define COMPLETION_BOOST 0.5f

/* What completions walk: the segments, or in a collection elsewhere a sample of passages with words that begin so. */
typedef struct vocabulary {
    const lexical_segment *segments;
    size_t n;
    lexical_segment sampled;
    lexical_reader *reader;
    void *held;
    bool all; /* the words of the whole collection that concern the text */
    const retrieve_index *index;
} vocabulary;

static cairn_status vocabulary_open(cairn *c, const view *v, const char *text, size_t len, vocabulary *out,
                                    cairn_error *err)
{
    analyzer *an;
    cairn_status st;

    *out = (vocabulary){.segments = v->lexical, .n = v->n_lexical, .all = true, .index = v->index};
    if (!v->index)
        return CAIRN_OK;
    st = engine_analyzer(c, &an, err);
    if (!st)
        st = v->index->remote->sample(v->index->ctx, an, text, len, &out->reader, &out->held, &out->all, err);
    out->sampled = (lexical_segment){.reader = out->reader};
    out->segments = &out->sampled;
    out->n = out->reader ? 1 : 0;
    return st;
}

static void vocabulary_close(vocabulary *w)
{
    if (!w->index)
        return;
    lexical_reader_close(w->reader);
    w->index->remote->release(w->held);
}

cairn_status engine_completion_clause(cairn *c, const view *v, const char *text, arena *memory,
                                      lexical_clause *out, cairn_error *err)
{
    suggest_word words[TRIED];
    vocabulary known;
    size_t start, n = 0, len = strlen(text), total = 0, at = 0;
    char *joined;
    cairn_status st;

    *out = (lexical_clause){0};
    /* One letter says nothing yet, and gathering all its words costs most. */
    if (!suggest_last_word(text, len, &start) || len - start < 2)
        return CAIRN_OK;
    st = vocabulary_open(c, v, text + start, len - start, &known, err);
    if (!st)
        st = suggest_complete(known.segments, known.n, text + start, len - start, TRIED, memory, words, &n, err);
    vocabulary_close(&known);
    for (size_t i = 0; i < n; i++)
        total += words[i].len + 1;
    if (st || !n)
        return st;
    joined = arena_alloc(memory, total + 1);
    if (!joined)
        return cairn_fail(err, CAIRN_ENOMEM, "completions");
    for (size_t i = 0; i < n; i++) {
        memcpy(joined + at, words[i].text, words[i].len);
        at += words[i].len;
        joined[at++] = ' ';
    }
    *out = (lexical_clause){.occur = LEXICAL_SHOULD,
                            .kind = LEXICAL_WORDS,
                            .text = joined,
                            .len = at,
                            .boost = COMPLETION_BOOST};
    return CAIRN_OK;
}

/* Every word that the correction brings in must be one that the handle may see; else it is dropped. */
static cairn_status drop_hidden(cairn *c, const view *v, const char *query, const char **out,
                                cairn_error *err)
{
    const char *at = *out;
    cairn_status st = CAIRN_OK;

    while (!st && *out && *at) {
        char word[ANALYZER_FORM_MAX], form[ANALYZER_FORM_MAX];
        size_t len = strcspn(at, " \t\n\"():,"), n;
        bool shown = true;
        if (len && len < sizeof word) {
            memcpy(word, at, len);
            word[len] = '\0';
            n = analyzer_form(word, len, form);
            if (!strstr(query, word))
                st = engine_shows_word(c, v, form, n, &shown, err);
        } else if (len) {
            shown = false;
        }
        if (!shown)
            *out = NULL;
        at += len + (at[len] != '\0');
    }
    return st;
}

cairn_status engine_suggestion(cairn *c, const view *v, const char *query, arena *memory,
                               const char **out, cairn_error *err)
{
    const suggest_range *ranges;
    size_t n_ranges;
    analyzer *an;
    cairn_status st = engine_analyzer(c, &an, err);

    *out = NULL;
    if (st)
        return st;
    if (v->index) /* nothing hidden is in what it says */
        return v->index->remote->correct(v->index->ctx, an, query, strlen(query), memory, out, err);
    st = retrieve_query_ranges(query, memory, &ranges, &n_ranges, err);
    if (!st)
        st = suggest_query(an, v->lexical, v->n_lexical, query, strlen(query), ranges, n_ranges, memory, out, err);
    return !st && *out && c->access ? drop_hidden(c, v, query, out, err) : st;
}

/* Of words[0, *n) those that the handle may see, k at most; how often the others make them be written is
 * nobody's business either. */
static cairn_status keep_shown(cairn *c, const view *v, suggest_word *words, size_t *n, size_t k,
                               cairn_error *err)
{
    size_t kept = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < *n && kept < k; i++) {
        bool shown;
        st = engine_shows_word(c, v, words[i].text, words[i].len, &shown, err);
        if (!st && shown) {
            words[kept] = words[i];
            words[kept++].count = 1;
        }
    }
    *n = kept;
    return st;
}

static int by_count(const void *a, const void *b)
{
    const suggest_word *x = a, *y = b;

    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->text, y->text);
}

/* How many passages of the collection hold the words of a sample, most first; of a handle for principals, whose number
 * is nobody's business, they keep the sample's order. */
static cairn_status count_words(const cairn *c, const view *v, suggest_word *words, size_t n, arena *memory,
                                cairn_error *err)
{
    const char **texts = arena_calloc(memory, n + 1, sizeof *texts);
    uint64_t *rows = arena_calloc(memory, n + 1, sizeof *rows);
    cairn_status st = CAIRN_OK;

    if (!texts || !rows)
        return cairn_fail(err, CAIRN_ENOMEM, "completions");
    for (size_t i = 0; i < n; i++)
        texts[i] = words[i].text;
    if (!c->access)
        st = v->index->remote->rows_with(v->index->ctx, texts, n, true, rows, err);
    for (size_t i = 0; !st && i < n; i++)
        words[i].count = c->access ? 1 : rows[i];
    if (n && !c->access)
        qsort(words, n, sizeof *words, by_count);
    return st;
}

/* *typing gets where the last word begins if it can be completed, else the length of the text. */
static cairn_status complete(cairn *c, const view *v, const char *text, size_t k, cairn_suggestions *s,
                             size_t *typing, cairn_error *err)
{
    bool hides = c->access && !v->index; /* a sample has no hidden passages */
    size_t most = hides ? 4 * k + 20 : k;
    suggest_word *words = arena_calloc(s->memory, most, sizeof *words);
    size_t start, n = 0, len = strlen(text);
    bool all = true;
    cairn_status st = CAIRN_OK;

    s->completions = arena_calloc(s->memory, k, sizeof *s->completions);
    if (!words || !s->completions)
        return cairn_fail(err, CAIRN_ENOMEM, "completions");
    if (suggest_last_word(text, len, &start)) {
        vocabulary known;
        st = vocabulary_open(c, v, text + start, len - start, &known, err);
        if (!st)
            st = suggest_complete(known.segments, known.n, text + start, len - start, most, s->memory, words, &n, err);
        vocabulary_close(&known);
        all = known.all;
    }
    if (!st && (!all || (c->access && !hides)))
        st = count_words(c, v, words, n, s->memory, err);
    if (!st && hides)
        st = keep_shown(c, v, words, &n, k, err);
    for (size_t i = 0; !st && i < n; i++) {
        char *whole = arena_printf(s->memory, "%.*s%s", (int)start, text, words[i].text);
        if (!whole)
            return cairn_fail(err, CAIRN_ENOMEM, "completions");
        s->completions[s->n_completions++] =
            (cairn_completion){whole, words[i].text, words[i].count};
    }
    *typing = n ? start : len;
    return st;
}

/* What stands before a word that can still be completed is corrected, the word itself left alone. */
static cairn_status correct(cairn *c, const view *v, const char *text, size_t typing,
                            cairn_suggestions *s, cairn_error *err)
{
    const char *before = arena_strndup(s->memory, text, typing);
    cairn_status st;

    if (!before)
        return cairn_fail(err, CAIRN_ENOMEM, "suggestions");
    st = engine_suggestion(c, v, before, s->memory, &s->correction, err);
    if (!st && s->correction && text[typing]) {
        s->correction = arena_printf(s->memory, "%s%s", s->correction, text + typing);
        if (!s->correction)
            st = cairn_fail(err, CAIRN_ENOMEM, "suggestions");
    }
    return st;
}

cairn_status cairn_suggest(cairn *c, const char *text, size_t k, cairn_suggestions **out,
                           cairn_error *err)
{
    int64_t begin = clock_mono_ns();
    arena *memory;
    cairn_suggestions *s;
    size_t typing = 0;
    view v;
    cairn_status st;

    *out = NULL;
    if (!text || strlen(text) > RETRIEVE_QUERY_MAX_BYTES)
        return cairn_fail(err, CAIRN_EUSAGE, "no text, or one of more than 64 KiB");
    memory = malloc(sizeof *memory);
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "suggestions");
    arena_init(memory, RESULT_BYTES);
    s = arena_calloc(memory, 1, sizeof *s);
    st = s ? view_open(c, &v, err) : cairn_fail(err, CAIRN_ENOMEM, "suggestions");
    if (!st) {
        s->memory = memory;
        st = complete(c, &v, text, k ? k : 10, s, &typing, err);
        if (!st)
            st = correct(c, &v, text, typing, s, err);
        view_close(&v);
    }
    if (st) {
        arena_clear(memory);
        free(memory);
        return st;
    }
    s->took_ms = (double)(clock_mono_ns() - begin) / 1e6;
    *out = s;
    return CAIRN_OK;
}

void cairn_suggestions_free(cairn_suggestions *s)
{
    arena *memory;

    if (!s)
        return;
    memory = s->memory; /* *s itself lives in it */
    arena_clear(memory);
    free(memory);
}
