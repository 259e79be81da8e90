/* suggest.c - see suggest.h. An automaton walks the dictionary (terms that are their own only form)
 * and the list of forms of every segment; what it accepts is gathered in one table by text. */
#include "index/lexical/suggest.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "index/lexical/automaton.h"
#include "index/lexical/reader.h"
#include "index/lexical/suggest_inside.h"

#define TEXTS_MAX   ((size_t)1 << 28)
#define EDIT_COST   4.0
#define SAME_FIRST  1.0

typedef struct found {
    uint32_t text, len; /* in texts */
    uint64_t count;
    unsigned edits;
    double score;
} found;

typedef struct gathering {
    automaton a;
    bytes texts;
    found *at;
    size_t n, cap;
    uint32_t *slots; /* found + 1; a power of two, at most half full */
    size_t n_slots;
    bool names; /* take names of several words, too */
    cairn_error *err;
} gathering;

cairn_status suggest_no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for suggestions");
}

static void gathering_clear(gathering *g)
{
    automaton_clear(&g->a);
    bytes_clear(&g->texts);
    free(g->at);
    free(g->slots);
}

static uint64_t hash_text(const char *s, size_t n)
{
    uint64_t h = n * 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)s[i]) * 0x100000001B3u;
    return h ^ h >> 32;
}

static bool grow(gathering *g)
{
    size_t cap = g->cap ? g->cap * 2 : 256, n_slots = cap * 2;
    found *at = checked_realloc(g->at, cap, sizeof *at);
    uint32_t *slots;

    if (!at)
        return false;
    g->at = at;
    slots = calloc(n_slots, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < g->n; i++) {
        size_t k = hash_text(g->texts.data + at[i].text, at[i].len) & (n_slots - 1);
        while (slots[k])
            k = (k + 1) & (n_slots - 1);
        slots[k] = (uint32_t)i + 1;
    }
    free(g->slots);
    g->slots = slots;
    g->n_slots = n_slots;
    g->cap = cap;
    return true;
}

/* Names of several words (index/text/wholes.h) are no suggestions for one word: is there a sign of theirs
 * inside? */
static bool is_name(const char *s, size_t n)
{
    for (size_t i = 1; i + 1 < n; i++)
        if (memchr("_@:", s[i], 3) || (s[i] == '.' && !(isdigit((unsigned char)s[i - 1]) &&
                                                     isdigit((unsigned char)s[i + 1]))))
            return true;
    return false;
}

static cairn_status take(gathering *g, const char *s, size_t n, uint64_t count, unsigned edits)
{
    size_t k;

    if (!g->names && is_name(s, n))
        return CAIRN_OK;
    if (g->n == g->cap && !grow(g))
        return suggest_no_memory(g->err);
    for (k = hash_text(s, n) & (g->n_slots - 1); g->slots[k]; k = (k + 1) & (g->n_slots - 1)) {
        found *f = &g->at[g->slots[k] - 1];
        if (f->len == n && !memcmp(g->texts.data + f->text, s, n)) {
            f->count += count;
            return CAIRN_OK;
        }
    }
    g->at[g->n] = (found){(uint32_t)g->texts.len, (uint32_t)n, count, edits, 0};
    if (bytes_append(&g->texts, s, n) || bytes_append_byte(&g->texts, 0))
        return suggest_no_memory(g->err);
    g->slots[k] = (uint32_t)++g->n;
    return CAIRN_OK;
}

/* ---- the walk ---- */

static cairn_status walk_terms(gathering *g, const lexical_reader *r)
{
    const dict *d = &r->dict;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < d->n_blocks && !st; i++) {
        dict_block b;
        automaton_walk w;
        uint64_t ordinal = (uint64_t)i * DICT_BLOCK;
        if (i + 1 < d->n_blocks &&
            automaton_may_skip(&g->a, dict_block_head(d, i), dict_block_head(d, i + 1)))
            continue;
        automaton_walk_init(&w, &g->a);
        st = dict_block_enter(&b, d, i, g->err);
        for (; b.left && !st; ordinal++) {
            unsigned accepts;
            st = dict_block_next(&b, g->err);
            if (st)
                break;
            accepts = automaton_walk_word(&w, b.term.text, b.term.len, b.shared);
            if (accepts && !forms_listed(&r->forms, ordinal))
                st = take(g, b.term.text, b.term.len, b.term.df, accepts - 1);
        }
    }
    return st;
}

static cairn_status walk_forms(gathering *g, const lexical_reader *r)
{
    const forms *f = &r->forms;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < f->n_blocks && !st; i++) {
        forms_iter it;
        automaton_walk w;
        bool more = true;
        if (i + 1 < f->n_blocks &&
            automaton_may_skip(&g->a, forms_block_head(f, i), forms_block_head(f, i + 1)))
            continue;
        automaton_walk_init(&w, &g->a);
        forms_iter_enter(&it, f, i);
        for (size_t j = 0; j < FORMS_BLOCK && !st; j++) {
            unsigned accepts;
            st = forms_iter_next(&it, &more, g->err);
            if (st || !more)
                break;
            accepts = automaton_walk_word(&w, it.form, it.form_len, j ? it.shared : 0);
            if (accepts)
                st = take(g, it.form, it.form_len, it.count, accepts - 1);
        }
    }
    return st;
}

static cairn_status walk(gathering *g, const lexical_segment *segments, size_t n)
{
    cairn_status st = CAIRN_OK;

    for (size_t s = 0; s < n && !st; s++) {
        st = walk_terms(g, segments[s].reader);
        if (!st)
            st = walk_forms(g, segments[s].reader);
    }
    return st;
}

static int by_score(const void *a, const void *b, void *ctx)
{
    const gathering *g = ctx;
    const found *x = a, *y = b;
    if (x->score < y->score || x->score > y->score)
        return x->score < y->score ? 1 : -1;
    return strcmp(g->texts.data + x->text, g->texts.data + y->text);
}

static cairn_status hand_out(gathering *g, size_t k, arena *memory, suggest_word *words,
                             size_t *n_words)
{
    if (g->n) /* without a find there is no array */
        qsort_r(g->at, g->n, sizeof *g->at, by_score, g);
    for (size_t i = 0; i < g->n && *n_words < k; i++) {
        const found *f = &g->at[i];
        const char *text = arena_strndup(memory, g->texts.data + f->text, f->len);
        if (!text)
            return suggest_no_memory(g->err);
        words[(*n_words)++] = (suggest_word){text, f->len, f->count, f->edits};
    }
    return CAIRN_OK;
}

/* Is a name of several words being typed? */
static bool has_sign(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memchr("_@:.", s[i], 4))
            return true;
    return false;
}

cairn_status suggest_complete(const lexical_segment *segments, size_t n, const char *prefix,
                              size_t len, size_t k, arena *memory, suggest_word *words,
                              size_t *n_words, cairn_error *err)
{
    gathering g = {.err = err};
    char form[ANALYZER_FORM_MAX], pattern[ANALYZER_FORM_MAX + 1];
    size_t n_form = analyzer_form(prefix, len, form);
    cairn_status st;

    *n_words = 0;
    if (!n_form || memchr(form, '*', n_form) || memchr(form, '?', n_form))
        return CAIRN_OK;
    bytes_init(&g.texts, TEXTS_MAX);
    g.names = has_sign(form, n_form);
    memcpy(pattern, form, n_form);
    pattern[n_form] = '*';
    st = automaton_wildcard(&g.a, memory, pattern, n_form + 1, err);
    if (st == CAIRN_EUSAGE || st == CAIRN_ELIMIT)
        st = CAIRN_OK; /* longer than any word */
    else if (!st)
        st = walk(&g, segments, n);
    for (size_t i = 0; i < g.n; i++)
        g.at[i].score = (double)g.at[i].count;
    if (!st)
        st = hand_out(&g, k, memory, words, n_words);
    gathering_clear(&g);
    return st;
}

size_t suggest_letters(const char *s, size_t n)
{
    size_t letters = 0;
    for (size_t i = 0; i < n; i++)
        letters += ((uint8_t)s[i] & 0xC0) != 0x80;
    return letters;
}

/* Ready to look for words like this one; *out: is it long enough, and not too long? */
static cairn_status begin_near(gathering *g, const char *word, size_t len, char form[ANALYZER_FORM_MAX],
                               arena *memory, bool *out)
{
    size_t n_form = analyzer_form(word, len, form), letters = suggest_letters(form, n_form);

    bytes_init(&g->texts, TEXTS_MAX);
    g->names = has_sign(form, n_form);
    *out = letters >= LEAST_SHORT && letters <= AUTOMATON_FUZZY_MAX;
    return *out ? automaton_fuzzy(&g->a, memory, form, n_form, letters >= LEAST_TWO ? 2 : 1, g->err)
                : CAIRN_OK;
}

double suggest_score(const suggest_word *w, char first)
{
    return log((double)w->count) - EDIT_COST * w->edits + (w->text[0] == first ? SAME_FIRST : 0);
}

static cairn_status end_near(gathering *g, char first, size_t k, arena *memory, suggest_word *words,
                             size_t *n_words)
{
    size_t kept = 0;

    for (size_t i = 0; i < g->n; i++) {
        found *f = &g->at[i];
        if (!f->edits) /* the word itself */
            continue;
        f->score = suggest_score(&(suggest_word){g->texts.data + f->text, f->len, f->count, f->edits}, first);
        g->at[kept++] = *f;
    }
    g->n = kept;
    return hand_out(g, k, memory, words, n_words);
}

cairn_status suggest_correct(const lexical_segment *segments, size_t n, const char *word,
                             size_t len, size_t k, arena *memory, suggest_word *words,
                             size_t *n_words, cairn_error *err)
{
    gathering g = {.err = err};
    char form[ANALYZER_FORM_MAX];
    bool fits;
    cairn_status st = begin_near(&g, word, len, form, memory, &fits);

    *n_words = 0;
    if (!st && fits)
        st = walk(&g, segments, n);
    if (!st && fits)
        st = end_near(&g, form[0], k, memory, words, n_words);
    gathering_clear(&g);
    return st;
}

cairn_status suggest_rank(const char *word, size_t len, size_t k, arena *memory, suggest_word *words,
                          size_t *n_words, cairn_error *err)
{
    gathering g = {.err = err};
    char form[ANALYZER_FORM_MAX];
    size_t n = *n_words;
    bool fits;
    cairn_status st = begin_near(&g, word, len, form, memory, &fits);

    *n_words = 0;
    for (size_t i = 0; i < n && !st && fits; i++) {
        unsigned accepts = automaton_accepts(&g.a, words[i].text, words[i].len);
        if (accepts && words[i].count)
            st = take(&g, words[i].text, words[i].len, words[i].count, accepts - 1);
    }
    if (!st && fits)
        st = end_near(&g, form[0], k, memory, words, n_words);
    gathering_clear(&g);
    return st;
}

cairn_status suggest_count(const lexical_segment *segments, size_t n, const char *form, size_t len,
                           uint64_t *count, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    *count = 0;
    for (size_t s = 0; s < n && !st; s++) {
        const lexical_reader *r = segments[s].reader;
        dict_term t;
        forms_iter it;
        bool found, more = true;
        st = dict_find(&r->dict, form, len, &t, &found, err);
        if (!st && found && !forms_listed(&r->forms, t.ordinal))
            *count += t.df;
        if (!st)
            st = forms_iter_seek(&it, &r->forms, form, len, err);
        while (!st && more) {
            st = forms_iter_next(&it, &more, err);
            if (st || !more || it.form_len != len || memcmp(it.form, form, len))
                break;
            *count += it.count;
        }
    }
    return st;
}
