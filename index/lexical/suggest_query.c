/* suggest_query.c - the words of a whole question that are slips, and what was meant; see suggest.h. */
#include "index/lexical/suggest.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "index/lexical/reader.h"
#include "index/lexical/suggest_inside.h"
#include "index/text/stopwords.h"

#define TRIED       12   /* corrections of a word that are tried with the others */
#define RARE        2    /* rows: a word of no more may be a slip */
#define MUCH_MORE   50   /* times as frequent a correction of a rare word must be */
#define WORDS_MAX   16   /* of a question that are looked at */
#define LEAST_FIRST 6    /* from which the first letter may be another */
#define LEAST_FAR   8    /* from which two edits are enough for a question, with the first letter as it is */
#define LIKELY      3    /* corrections of a word that are looked for with others */
#define SUPPORTERS  4    /* words of the question that they are looked for with, the rarest ones */
#define HARDLY      20   /* a language of which one of so many rows is, or fewer, is hardly held */
#define TELLING     2    /* function words that tell a language */
#define MANY_ROWS   10000 /* of a word that is not looked for in its field to know that it is fine */

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
    cairn_status st = bits ? CAIRN_OK : suggest_no_memory(err);

    *rows = 0;
    for (size_t s = 0; s < n && !st; s++) {
        bits[s] = calloc(row_set_words(lexical_reader_rows(segments[s].reader)) + 1, 8);
        if (!bits[s])
            st = suggest_no_memory(err);
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
            st = suggest_no_memory(err);
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
    w->fine = w->rows > (w->field_mask ? 0 : RARE) || suggest_letters(form, n_form) < LEAST_SHORT || w->function;
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
    size_t letters = suggest_letters(form, n_form);

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

    if (w->edits != 1 || suggest_letters(form, n) < LEAST_TWO)
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
            st = suggest_no_memory(err);
        else
            st = from->together(from->ctx, tried, n_tried, other.data, rows, err);
        for (size_t i = 0; i < n_tried && !st; i++)
            if (rows[i] > most[i] && is_no_chance(rows[i], tried[i].count, supporters[k]->rows, all))
                most[i] = rows[i];
        bytes_clear(&other);
    }
    for (size_t i = 0; i < n_tried && !st; i++) {
        const bool plain = !is_capital(t, w) && is_slip_of_hand(form, n_form, &tried[i]);
        double score = suggest_score(&tried[i], form[0]) + log(1 + (double)most[i]);
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
    return *out ? CAIRN_OK : suggest_no_memory(err);
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
        st = bytes_printf(&others, "%s%s", i > 1 ? " " : "", slips[i].best.text) ? suggest_no_memory(err) : CAIRN_OK;
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
