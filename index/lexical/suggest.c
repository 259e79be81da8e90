/* suggest.c - see suggest.h. An automaton walks the dictionary (terms that are their own only form)
 * and the list of forms of every segment; what it accepts is gathered in one table by text. */
#include "index/lexical/suggest.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/utf8.h"
#include "index/lexical/automaton.h"
#include "index/lexical/reader.h"
#include "index/text/stopwords.h"

#define TEXTS_MAX   ((size_t)1 << 28)
#define EDIT_COST   4.0
#define SAME_FIRST  1.0
#define TRIED       12   /* corrections of a word that are tried with the others */
#define RARE        2    /* rows: a word of no more may be a slip */
#define MUCH_MORE   50   /* times as frequent a correction of a rare word must be */
#define WORDS_MAX   16   /* of a question that are looked at */
#define LEAST_SHORT 3    /* letters of a word that is corrected at all */
#define LEAST_TWO   5    /* letters from which two edits are tried */
#define LEAST_FIRST 6    /* from which the first letter may be another */
#define LEAST_FAR   8    /* from which two edits are enough for a question, with the first letter as it is */
#define LIKELY      3    /* corrections of a word that are looked for with others */
#define SUPPORTERS  4    /* words of the question that they are looked for with, the rarest ones */
#define HARDLY      20   /* a language of which one of so many rows is, or fewer, is hardly held */
#define TELLING     2    /* function words that tell a language */
#define MANY_ROWS   10000 /* of a word that is not looked for in its field to know that it is fine */

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

static cairn_status no_memory(cairn_error *err)
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
        return no_memory(g->err);
    for (k = hash_text(s, n) & (g->n_slots - 1); g->slots[k]; k = (k + 1) & (g->n_slots - 1)) {
        found *f = &g->at[g->slots[k] - 1];
        if (f->len == n && !memcmp(g->texts.data + f->text, s, n)) {
            f->count += count;
            return CAIRN_OK;
        }
    }
    g->at[g->n] = (found){(uint32_t)g->texts.len, (uint32_t)n, count, edits, 0};
    if (bytes_append(&g->texts, s, n) || bytes_append_byte(&g->texts, 0))
        return no_memory(g->err);
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
            return no_memory(g->err);
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

static size_t count_letters(const char *s, size_t n)
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
    size_t n_form = analyzer_form(word, len, form), letters = count_letters(form, n_form);

    bytes_init(&g->texts, TEXTS_MAX);
    g->names = has_sign(form, n_form);
    *out = letters >= LEAST_SHORT && letters <= AUTOMATON_FUZZY_MAX;
    return *out ? automaton_fuzzy(&g->a, memory, form, n_form, letters >= LEAST_TWO ? 2 : 1, g->err)
                : CAIRN_OK;
}

static double score_near(const suggest_word *w, char first)
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
        f->score = score_near(&(suggest_word){g->texts.data + f->text, f->len, f->count, f->edits}, first);
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

/* ---- a whole question ---- */

typedef struct slip {
    uint32_t start, end;
    suggest_word best;
    bool plain; /* a slip of the hand */
} slip;

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* AND, OR, NOT, NEAR in capitals, perhaps with parentheses at them. */
static bool is_operator(const char *run, size_t len)
{
    static const char *const names[] = {"AND", "OR", "NOT", "NEAR"};

    for (; len && *run == '('; len--)
        run++;
    while (len && run[len - 1] == ')')
        len--;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (len == strlen(names[i]) && !memcmp(run, names[i], len))
            return true;
    return false;
}

/* Is the run between blanks around [start, end) an operator, or does it hold a sign of the query language? */
static bool in_operator(const char *text, size_t len, size_t start, size_t end)
{
    size_t from = start, to = end;
    while (from && !is_blank(text[from - 1]))
        from--;
    while (to < len && !is_blank(text[to]))
        to++;
    for (size_t i = from; i < to; i++)
        if (text[i] && strchr(":*?~/\\@_0123456789[]{}^", text[i]))
            return true;
    return is_operator(text + from, to - from);
}

/* Segments as a source. */
typedef struct own_words {
    analyzer *a;
    const lexical_segment *segments;
    size_t n;
} own_words;

/* The rows that hold any of the word's stems, at most: 0 means that a search for it finds nothing. */
static cairn_status word_rows(void *ctx, const char *word, size_t len, uint64_t *rows, cairn_error *err)
{
    const own_words *own = ctx;
    analyzer *a = own->a;
    const lexical_segment *segments = own->segments;
    size_t n = own->n;
    cairn_status st = CAIRN_OK;

    *rows = 0;
    for (size_t s = 0; s < n && !st; s++) {
        const lexical_reader *r = segments[s].reader;
        uint64_t most = 0;
        for (size_t l = 0; l < r->n_langs && !st; l++) {
            const analyzer_token *t;
            size_t n_tokens;
            dict_term found;
            bool there = false;
            st = analyzer_run(a, r->langs[l].code, word, len, &t, &n_tokens, err);
            if (!st && n_tokens)
                st = dict_find(&r->dict, t[0].term, t[0].len, &found, &there, err);
            if (!st && there && found.df > most)
                most = found.df;
        }
        *rows += most;
    }
    return st;
}

/* Rows that hold all words of the text in these fields; 0: in any. */
static cairn_status rows_together(analyzer *a, const lexical_segment *segments, size_t n, uint32_t field_mask,
                                  const char *text, size_t len, uint64_t *rows, cairn_error *err)
{
    lexical_clause all = {.occur = LEXICAL_MUST, .kind = LEXICAL_WORDS, .field_mask = field_mask, .text = text, .len = len};
    lexical_query q = {.clauses = &all, .n = 1};
    uint64_t **bits = calloc(n + 1, sizeof *bits);
    cairn_status st = bits ? CAIRN_OK : no_memory(err);

    *rows = 0;
    for (size_t s = 0; s < n && !st; s++) {
        bits[s] = calloc(row_set_words(lexical_reader_rows(segments[s].reader)) + 1, 8);
        if (!bits[s])
            st = no_memory(err);
    }
    if (!st)
        st = lexical_match(a, segments, n, &q, NULL, bits, err);
    for (size_t s = 0; bits && s < n; s++) {
        for (size_t w = 0; !st && w < row_set_words(lexical_reader_rows(segments[s].reader)); w++)
            *rows += (uint64_t)__builtin_popcountll(bits[s][w]);
        free(bits[s]);
    }
    free(bits);
    return st;
}

static cairn_status correct_word(void *ctx, const char *word, size_t len, size_t k, arena *memory,
                                 suggest_word *words, size_t *n_words, cairn_error *err)
{
    const own_words *own = ctx;

    return suggest_correct(own->segments, own->n, word, len, k, memory, words, n_words, err);
}

static cairn_status each_together(void *ctx, const suggest_word *words, size_t n, const char *others,
                                  uint64_t *rows, cairn_error *err)
{
    const own_words *own = ctx;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n && !st; i++) {
        bytes together;
        bytes_init(&together, 1 << 20);
        if (bytes_printf(&together, "%s %s", words[i].text, others))
            st = no_memory(err);
        else
            st = rows_together(own->a, own->segments, own->n, 0, together.data, together.len, &rows[i], err);
        bytes_clear(&together);
    }
    return st;
}

static cairn_status rows_in_fields(void *ctx, uint32_t field_mask, const char *word, size_t len, uint64_t *rows,
                                   cairn_error *err)
{
    const own_words *own = ctx;

    return rows_together(own->a, own->segments, own->n, field_mask, word, len, rows, err);
}

/* Rows of a language ("": of none that is known), and all. */
static void rows_of_language(void *ctx, const char *code, uint64_t *rows, uint64_t *all)
{
    const own_words *own = ctx;

    *rows = *all = 0;
    for (size_t s = 0; s < own->n; s++) {
        const lexical_reader *r = own->segments[s].reader;
        *all += r->n_rows;
        for (size_t l = 0; l < r->n_langs; l++)
            if (!strcmp(r->langs[l].code, code))
                *rows += r->langs[l].rows;
    }
}

/* A typed question and the ranges of it that name a field. */
typedef struct typed_text {
    const char *text;
    size_t len;
    const suggest_range *ranges;
    size_t n_ranges;
} typed_text;

typedef struct typed_word {
    uint32_t start, end;
    uint32_t field_mask; /* 0: any */
    bool fine;           /* found as it is */
    bool function;       /* of any language: says nothing of what is asked */
    uint64_t rows;
} typed_word;

static const suggest_range *range_of(const typed_text *t, size_t start, size_t end)
{
    for (size_t i = 0; i < t->n_ranges; i++)
        if (t->ranges[i].start <= start && end <= t->ranges[i].end)
            return &t->ranges[i];
    return NULL;
}

/* A word of a field is fine as soon as the field has it: whoever names a field knows what it holds. */
static cairn_status weigh_word(const suggest_source *from, const typed_text *t, typed_word *w, cairn_error *err)
{
    char form[ANALYZER_FORM_MAX];
    size_t len = w->end - w->start, n_form = analyzer_form(t->text + w->start, len, form);
    cairn_status st = from->rows(from->ctx, t->text + w->start, len, &w->rows, err);

    if (!st && w->field_mask && w->rows < MANY_ROWS)
        st = from->in_fields(from->ctx, w->field_mask, t->text + w->start, len, &w->rows, err);
    w->function = !w->field_mask && stopwords_any(form, n_form);
    w->fine = w->rows > (w->field_mask ? 0 : RARE) || count_letters(form, n_form) < LEAST_SHORT || w->function;
    return st;
}

static cairn_status read_words(analyzer *a, const suggest_source *from, const typed_text *t, typed_word *words, size_t *n_words,
                               cairn_error *err)
{
    const analyzer_token *tokens;
    size_t n_tokens, count = 0;
    cairn_status st = analyzer_run(a, "", t->text, t->len, &tokens, &n_tokens, err);

    for (size_t i = 0; i < n_tokens && count < WORDS_MAX && !st; i++) {
        const analyzer_token *k = &tokens[i];
        const suggest_range *r = range_of(t, k->start, k->end);
        size_t from_byte = r ? r->start : 0, to_byte = r ? r->end : t->len;
        if (!k->extra && !in_operator(t->text + from_byte, to_byte - from_byte, k->start - from_byte, k->end - from_byte) &&
            !(i && k->start < tokens[i - 1].end))
            words[count++] = (typed_word){.start = k->start, .end = k->end, .field_mask = r ? r->field_mask : 0};
    }
    for (size_t i = 0; i < count && !st; i++)
        st = weigh_word(from, t, &words[i], err);
    *n_words = count;
    return st;
}

/* Of the corrections those that the word's field holds, counted there, or that are much more frequent than the word. */
static cairn_status keep_likely(const suggest_source *from, const typed_word *w, suggest_word *tried, size_t *n, cairn_error *err)
{
    size_t kept = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < *n && !st; i++) {
        if (w->field_mask)
            st = from->in_fields(from->ctx, w->field_mask, tried[i].text, tried[i].len, &tried[i].count, err);
        if (tried[i].count >= (w->rows ? MUCH_MORE * w->rows : 1))
            tried[kept++] = tried[i];
    }
    *n = kept;
    return st;
}

/* Is it near enough for a question? Most slips are one letter, and rarely the first. */
static bool is_near(const char *form, size_t n_form, const suggest_word *w)
{
    size_t letters = count_letters(form, n_form);

    if (w->edits > 1)
        return letters >= LEAST_FAR && w->text[0] == form[0];
    return letters >= LEAST_FIRST || w->text[0] == form[0];
}

/* Two neighbours exchanged, or a letter written twice or once too few: what the hand does, and what hardly makes
 * another word out of one. */
static bool is_slip_of_hand(const char *form, size_t n, const suggest_word *w)
{
    const char *longer = n > w->len ? form : w->text, *shorter = n > w->len ? w->text : form;
    const size_t n_longer = n > w->len ? n : w->len, n_shorter = n > w->len ? w->len : n;
    size_t i = 0;

    if (w->edits != 1 || count_letters(form, n) < LEAST_TWO)
        return false;
    while (i < n_shorter && longer[i] == shorter[i])
        i++;
    if (n_longer == n_shorter)
        return i + 1 < n && form[i] == w->text[i + 1] && form[i + 1] == w->text[i];
    return n_longer == n_shorter + 1 && i && longer[i] == longer[i - 1];
}

/* A name inside of a sentence is written as who typed it knows it. */
static bool is_capital(const typed_text *t, const typed_word *w)
{
    return w->start && isupper((unsigned char)t->text[w->start]);
}

static void keep_near(const char *form, size_t n_form, bool capital, suggest_word *tried, size_t *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n && kept < LIKELY; i++)
        if (is_near(form, n_form, &tried[i]) && !(capital && tried[i].edits > 1))
            tried[kept++] = tried[i];
    *n = kept;
}

/* The words of the question but `w` that say what it is about and that the collection holds, the rarest first. */
static size_t list_supporters(const typed_word *words, size_t n, const typed_word *w, const typed_word *out[SUPPORTERS])
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = k;
        if (&words[i] == w || words[i].function || !words[i].rows)
            continue;
        while (at && out[at - 1]->rows > words[i].rows)
            at--;
        if (at == SUPPORTERS)
            continue;
        k += k < SUPPORTERS;
        memmove(out + at + 1, out + at, (k - 1 - at) * sizeof *out);
        out[at] = &words[i];
    }
    return k;
}

/* Do two words stand together as often as chance has it, and more? `all` 0: how often that is is not known. */
static bool is_no_chance(uint64_t together, uint64_t one, uint64_t other, uint64_t all)
{
    return !all || (double)together * (double)all >= (double)one * (double)other;
}

/* Of the corrections the best one that stands in a row with one of the supporters, and not only as often as chance has it;
 * best.len 0: there is none. */
static cairn_status choose(const suggest_source *from, const typed_text *t, const typed_word *w, const typed_word *const *supporters,
                           size_t n_supporters, const suggest_word *tried, size_t n_tried, slip *out, cairn_error *err)
{
    char form[ANALYZER_FORM_MAX];
    const size_t n_form = analyzer_form(t->text + w->start, w->end - w->start, form);
    uint64_t most[LIKELY] = {0}, all = 0, of;
    double best = -INFINITY;
    cairn_status st = CAIRN_OK;

    if (from->languages)
        from->languages(from->ctx, "", &of, &all);
    for (size_t k = 0; k < n_supporters && !st; k++) {
        uint64_t rows[LIKELY] = {0};
        bytes other;
        bytes_init(&other, 1 << 20);
        if (bytes_append(&other, t->text + supporters[k]->start, supporters[k]->end - supporters[k]->start))
            st = no_memory(err);
        else
            st = from->together(from->ctx, tried, n_tried, other.data, rows, err);
        for (size_t i = 0; i < n_tried && !st; i++)
            if (rows[i] > most[i] && is_no_chance(rows[i], tried[i].count, supporters[k]->rows, all))
                most[i] = rows[i];
        bytes_clear(&other);
    }
    for (size_t i = 0; i < n_tried && !st; i++) {
        const bool plain = !is_capital(t, w) && is_slip_of_hand(form, n_form, &tried[i]);
        double score = score_near(&tried[i], form[0]) + log(1 + (double)most[i]);
        if ((most[i] || plain || !n_supporters) && score > best) {
            best = score;
            out->best = tried[i];
            out->plain = plain;
        }
    }
    return st;
}

/* Is the question in a language of which hardly a row is? By its function words: two, and more than of any that is held. */
static bool is_of_another_language(const suggest_source *from, const typed_text *t, const typed_word *words, size_t n)
{
    size_t most = TELLING - 1, most_held = 0;
    const char *code;

    for (size_t i = 0; from->languages && (code = stopwords_language(i)); i++) {
        uint64_t rows = 0, all = 0;
        size_t found = 0;
        from->languages(from->ctx, code, &rows, &all);
        for (size_t k = 0; k < n; k++) {
            char form[ANALYZER_FORM_MAX];
            size_t n_form = analyzer_form(t->text + words[k].start, words[k].end - words[k].start, form);
            found += !words[k].field_mask && n_form > 1 && stopwords_wide(code, form, n_form);
        }
        if (rows > all / HARDLY)
            most_held = found > most_held ? found : most_held;
        else if (found > most)
            most = found;
    }
    return most >= TELLING && most > most_held;
}

static cairn_status replace(const char *text, size_t len, const slip *slips, size_t n,
                            arena *memory, const char **out, cairn_error *err)
{
    bytes b;
    size_t at = 0;
    bool failed = false;

    bytes_init(&b, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        failed |= bytes_append(&b, text + at, slips[i].start - at) ||
                  bytes_append(&b, slips[i].best.text, slips[i].best.len);
        at = slips[i].end;
    }
    failed |= bytes_append(&b, text + at, len - at) != CAIRN_OK;
    *out = failed ? NULL : arena_strndup(memory, b.data, b.len);
    bytes_clear(&b);
    return *out ? CAIRN_OK : no_memory(err);
}

/* The correction of one word, if there is one. */
static cairn_status mend(const suggest_source *from, const typed_text *t, const typed_word *words, size_t n_words, const typed_word *w,
                         arena *memory, slip *out, bool *found, cairn_error *err)
{
    const typed_word *supporters[SUPPORTERS];
    suggest_word tried[TRIED];
    size_t n_tried = 0, len = w->end - w->start, n_form;
    char form[ANALYZER_FORM_MAX];
    cairn_status st = from->near(from->ctx, t->text + w->start, len, TRIED, memory, tried, &n_tried, err);

    n_form = analyzer_form(t->text + w->start, len, form);
    *out = (slip){.start = w->start, .end = w->end};
    *found = false;
    if (!st)
        st = keep_likely(from, w, tried, &n_tried, err);
    if (!st)
        keep_near(form, n_form, is_capital(t, w), tried, &n_tried);
    if (st || !n_tried)
        return st;
    st = choose(from, t, w, supporters, w->field_mask ? 0 : list_supporters(words, n_words, w, supporters), tried, n_tried, out, err);
    *found = !st && out->best.len;
    return st;
}

/* Without a word that is fine: were all mended, and do they stand together? */
static cairn_status hold_together(const suggest_source *from, const slip *slips, size_t n, bool *hold, cairn_error *err)
{
    uint64_t rows = 0;
    bytes others;
    cairn_status st = CAIRN_OK;

    bytes_init(&others, 1 << 20);
    for (size_t i = 1; i < n && !st; i++)
        st = bytes_printf(&others, "%s%s", i > 1 ? " " : "", slips[i].best.text) ? no_memory(err) : CAIRN_OK;
    if (!st && n > 1)
        st = from->together(from->ctx, &slips[0].best, 1, others.data, &rows, err);
    *hold = n < 2 || rows > 0;
    bytes_clear(&others);
    return st;
}

static size_t keep_plain(slip *slips, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (slips[i].plain)
            slips[kept++] = slips[i];
    return kept;
}

cairn_status suggest_query_from(analyzer *a, const suggest_source *from, const char *text, size_t len,
                                const suggest_range *ranges, size_t n_ranges, arena *memory, const char **out,
                                cairn_error *err)
{
    const typed_text typed = {text, len, ranges, n_ranges};
    const typed_word *supporters[SUPPORTERS];
    typed_word words[WORDS_MAX];
    slip slips[WORDS_MAX];
    size_t n_words = 0, n_slips = 0, n_doubted = 0;
    bool hold = true;
    cairn_status st = read_words(a, from, &typed, words, &n_words, err);

    *out = NULL;
    if (st || is_of_another_language(from, &typed, words, n_words))
        return st;
    for (size_t i = 0; i < n_words && !st; i++) {
        bool found = false;
        if (words[i].fine)
            continue;
        st = mend(from, &typed, words, n_words, &words[i], memory, &slips[n_slips], &found, err);
        n_slips += found;
        n_doubted += !words[i].field_mask && !words[i].rows;
    }
    if (!st && n_doubted && !list_supporters(words, n_words, NULL, supporters))
        st = n_slips < n_doubted ? (hold = false, CAIRN_OK) : hold_together(from, slips, n_slips, &hold, err);
    if (!hold)
        n_slips = keep_plain(slips, n_slips);
    return st || !n_slips ? st : replace(text, len, slips, n_slips, memory, out, err);
}

cairn_status suggest_query(analyzer *a, const lexical_segment *segments, size_t n,
                           const char *text, size_t len, const suggest_range *ranges, size_t n_ranges,
                           arena *memory, const char **out, cairn_error *err)
{
    own_words own = {a, segments, n};
    suggest_source from = {&own, word_rows, correct_word, each_together, rows_in_fields, rows_of_language};

    return suggest_query_from(a, &from, text, len, ranges, n_ranges, memory, out, err);
}

bool suggest_last_word(const char *text, size_t len, size_t *start)
{
    size_t from = len;

    while (from && !is_blank(text[from - 1]))
        from--;
    for (size_t i = from; i < len; i++)
        if (text[i] && strchr("\":*?~/\\@()[]{}^+", text[i]))
            return false;
    if (from < len && text[from] == '-')
        return false;
    *start = from;
    return from < len;
}
