/* analyzer.c - words to terms: fold, stem, fold marks; with a memory of the words seen last.
 *
 * A word goes through up to four steps that together cost half a microsecond; texts repeat their
 * words, so a direct-mapped table of recent words answers most of them. Its key is the word's own
 * bytes (ASCII letters made small) and the language. The same table counts how often a written form
 * led to its term, so that reporting forms costs one addition a word: they are told when their
 * entry makes room for another. */
#include "index/text/analyzer.h"

#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/utf8.h"
#include "index/text/fold.h"
#include "index/text/language.h"
#include "index/text/stopwords.h"
#include "index/text/words.h"

#define CACHE_BITS 13
#define CACHE_WORD 32 /* longest word remembered, bytes */
#define CACHE_TERM 26

enum { IS_STOP = 1, IS_ITSELF = 2, IS_COUNTED = 4 };

typedef struct cache_entry {
    uint64_t word[CACHE_WORD / 8]; /* zeros behind */
    char term[CACHE_TERM];
    uint16_t count; /* since its form was told; only counted while somebody listens */
    uint8_t word_len, term_len, lang, flags; /* word_len 0 = empty */
} cache_entry;
_Static_assert(sizeof(cache_entry) == 64, "a cache line each");
_Static_assert(1u << CACHE_BITS == ANALYZER_PLACES, "a place an entry");

struct analyzer {
    words *words;
    struct sb_stemmer **stemmers; /* [language_count()], made when first needed */
    bytes terms;                  /* this text's terms, one behind the other */
    analyzer_token *tokens;
    size_t cap;
    cache_entry *cache; /* [1 << CACHE_BITS] */
    analyzer_form_fn *on_form;
    void *form_ctx;
    cairn_error *err; /* of the call at hand */
};

/* Terms of one text may take no more than this. */
#define TERMS_MAX ((size_t)8 << 30)

cairn_status analyzer_create(analyzer **out, cairn_error *err)
{
    analyzer *a = calloc(1, sizeof *a);
    cairn_status st;

    *out = NULL;
    if (!a)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for an analyzer");
    bytes_init(&a->terms, TERMS_MAX);
    a->stemmers = calloc(language_count(), sizeof(struct sb_stemmer *));
    a->cache = calloc((size_t)1 << CACHE_BITS, sizeof *a->cache);
    if (!a->stemmers || !a->cache)
        st = cairn_fail(err, CAIRN_ENOMEM, "no memory for an analyzer");
    else
        st = words_create(&a->words, err);
    if (st) {
        analyzer_destroy(a);
        return st;
    }
    *out = a;
    return CAIRN_OK;
}

void analyzer_destroy(analyzer *a)
{
    if (!a)
        return;
    words_destroy(a->words);
    for (size_t i = 0; a->stemmers && i < language_count(); i++)
        if (a->stemmers[i])
            sb_stemmer_delete(a->stemmers[i]);
    free(a->stemmers);
    free(a->cache);
    free(a->tokens);
    bytes_clear(&a->terms);
    free(a);
}

bool analyzer_has_stemmer(const char *lang)
{
    return language_at(language_find(lang))->stemmer != NULL;
}

/* One form for a number of digits with points and commas between; n is unchanged where it is none
 * (an address, a version). The sign that comes last, or the only one, parts the decimals when both
 * are there; alone it parts thousands where groups of three follow and the language uses it so. */
static size_t fold_number(char *s, size_t n, bool comma)
{
    size_t last[2] = {0}, count[2] = {0}, out = 0; /* of '.' and of ',' */
    bool threes[2] = {true, true};                 /* groups of three behind each of this sign */
    char decimal;

    for (size_t i = 0; i < n; i++) {
        unsigned k = s[i] == ',';
        if (s[i] >= '0' && s[i] <= '9')
            continue;
        if (s[i] != '.' && s[i] != ',')
            return n;
        size_t group = i + 1;
        while (group < n && s[group] >= '0' && s[group] <= '9')
            group++;
        threes[k] &= group - i == 4;
        last[k] = i;
        count[k]++;
    }
    if (!count[0] && !count[1])
        return n;
    if (count[0] && count[1])
        decimal = last[0] > last[1] ? '.' : ',';
    else if (count[1])
        decimal = !threes[1] || (comma && count[1] == 1) ? ',' : '.';
    else
        decimal = comma && threes[0] ? ',' : '.';
    size_t first = 0;
    while (first < n && s[first] >= '0' && s[first] <= '9')
        first++;
    /* More than one decimal sign is a version, a date or a list; thousands begin with 1 to 3 digits
     * and not with a lone 0. */
    if (count[decimal == ','] > 1)
        return n;
    if (count[decimal != ','] && (first > 3 || s[0] == '0'))
        return n;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == decimal)
            s[out++] = '.';
        else if (s[i] != '.' && s[i] != ',')
            s[out++] = s[i];
    }
    return out;
}

/* Single letters with a dot between each: U.S.A, not a.out */
static bool is_acronym(const char *s, size_t n)
{
    if (n < 3 || s[1] != '.' || (s[0] >= '0' && s[0] <= '9'))
        return false;
    for (size_t i = 1; i < n; i += 2)
        if (s[i] != '.')
            return false;
    return true;
}

/* dst gets the ASCII word in small letters, without the dots of an acronym. */
static size_t fold_ascii(const char *s, size_t n, char dst[FOLD_MAX])
{
    bool acronym = is_acronym(s, n);
    size_t out = 0;

    n = n < FOLD_MAX ? n : FOLD_MAX;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        else if (c == '.' && acronym)
            continue;
        dst[out++] = c;
    }
    return out;
}

static bool is_ascii(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)s[i] & 0x80)
            return false;
    return true;
}

_Static_assert(ANALYZER_FORM_MAX == FOLD_MAX, "a form is a folded word");

size_t analyzer_form(const char *word, size_t len, char dst[ANALYZER_FORM_MAX])
{
    return is_ascii(word, len) ? fold_ascii(word, len, dst) : fold_case(word, len, dst);
}

/* Stem in place; term has room for FOLD_MAX bytes. */
static size_t stem(analyzer *a, size_t lang, char term[FOLD_MAX], size_t n)
{
    const language *l = language_at(lang);
    const sb_symbol *out;
    int len;

    if (!l->stemmer)
        return n;
    if (!a->stemmers[lang])
        a->stemmers[lang] = sb_stemmer_new(l->stemmer, "UTF_8");
    if (!a->stemmers[lang]) /* no memory, or a Snowball without this language */
        return n;
    out = sb_stemmer_stem(a->stemmers[lang], (const sb_symbol *)term, (int)n);
    if (!out)
        return n;
    len = sb_stemmer_length(a->stemmers[lang]);
    if (len <= 0 || len > FOLD_MAX)
        return n;
    memcpy(term, out, (size_t)len);
    return (size_t)len;
}

/* The same of a name of several words, which is neither stemmed nor read as a number. */
static size_t make_whole(const char *s, const word_span *w, char dst[FOLD_MAX], char form[FOLD_MAX],
                         size_t *form_len)
{
    size_t n = analyzer_form(s + w->start, w->end - w->start, dst);

    memcpy(form, dst, n);
    *form_len = n;
    if (!is_ascii(form, n))
        n = fold_marks(form, n, dst);
    return n <= ANALYZER_TERM_MAX ? n : utf8_floor(dst, ANALYZER_TERM_MAX);
}

/* The term of one word into dst; returns its bytes, 0 = none. */
static size_t make_term(analyzer *a, size_t lang, const char *s, const word_span *w,
                        char dst[FOLD_MAX], char form[FOLD_MAX], size_t *form_len, bool *stop)
{
    const char *word = s + w->start;
    size_t len = w->end - w->start, n;
    char other[FOLD_MAX];
    bool ascii = w->kind == WORD_ASCII;

    if (ascii) {
        n = fold_ascii(word, len, dst);
    } else {
        n = fold_case(word, len, dst);
        ascii = is_ascii(dst, n);
    }
    if (n && dst[0] >= '0' && dst[0] <= '9' && w->kind != WORD_CJK)
        n = fold_number(dst, n, language_at(lang)->decimal_comma);
    memcpy(form, dst, n);
    *form_len = n;
    *stop = stopwords_has(language_at(lang)->code, dst, n);
    if (w->kind == WORD_CJK)
        return n;
    if (lang == LANGUAGE_UNKNOWN || !language_at(lang)->stemmer) {
        uint32_t first = 0;
        if (n && !ascii)
            utf8_decode(dst, n, &first, NULL);
        lang = language_of_script(first);
    }
    if (!ascii && language_at(lang)->fold_first) {
        n = fold_marks(dst, n, other);
        memcpy(dst, other, n);
        ascii = is_ascii(dst, n);
    }
    n = stem(a, lang, dst, n);
    if (!ascii && !is_ascii(dst, n)) {
        n = fold_marks(dst, n, other);
        memcpy(dst, other, n);
    }
    return n <= ANALYZER_TERM_MAX ? n : utf8_floor(dst, ANALYZER_TERM_MAX);
}

/* Small letters for the ASCII capitals among eight bytes. */
static inline uint64_t small_letters(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = v & 0x7F * ones;
    uint64_t from_a = low + (0x80 - 'A') * ones, past_z = low + (0x7F - 'Z') * ones;
    return v | ((from_a ^ past_z) & ~v & 0x80 * ones) >> 2;
}

/* The key of a word of at most CACHE_WORD bytes, and its place in the cache. `left` is what may be
 * read from s on. */
static inline uint32_t make_key(const char *s, size_t len, size_t left, size_t lang,
                                uint64_t key[CACHE_WORD / 8])
{
    static const uint8_t masks[2 * CACHE_WORD] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    uint64_t mask[CACHE_WORD / 8], h = len << 8 ^ lang;
    size_t half = CACHE_WORD / 16, n = len <= CACHE_WORD / 2 ? half : 2 * half;

    if (left >= CACHE_WORD) {
        memcpy(key, s, CACHE_WORD);
    } else {
        memset(key, 0, CACHE_WORD);
        memcpy(key, s, len);
    }
    memcpy(mask, masks + CACHE_WORD - len, CACHE_WORD);
    for (size_t i = 0; i < half; i++)
        key[i] = small_letters(key[i] & mask[i]);
    if (n > half) {
        for (size_t i = half; i < n; i++)
            key[i] = small_letters(key[i] & mask[i]);
    } else {
        memset(key + half, 0, CACHE_WORD / 2); /* most words: no loop whose end must be guessed */
    }
    for (size_t i = 0; i < half; i++) {
        h = (h ^ key[i]) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    for (size_t i = half; i < n; i++) {
        h = (h ^ key[i]) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    return (uint32_t)(h * 0xC4CEB9FE1A85EC53u >> (64 - CACHE_BITS));
}

static cairn_status tell(analyzer *a, const char *form, size_t form_len, const char *term,
                         size_t term_len, uint32_t count)
{
    return a->on_form(a->form_ctx, form, form_len, term, term_len, count, a->err);
}

/* Tell the form of an entry that is counted. */
static cairn_status tell_entry(analyzer *a, cache_entry *e)
{
    char word[CACHE_WORD], form[FOLD_MAX];
    uint32_t count = e->count;
    size_t n;

    e->count = 0;
    if (e->flags & IS_ITSELF)
        return tell(a, e->term, e->term_len, e->term, e->term_len, count);
    memcpy(word, e->word, CACHE_WORD);
    n = analyzer_form(word, e->word_len, form);
    return n ? tell(a, form, n, e->term, e->term_len, count) : CAIRN_OK;
}

void analyzer_on_form(analyzer *a, analyzer_form_fn *fn, void *ctx)
{
    a->on_form = fn;
    a->form_ctx = ctx;
}

cairn_status analyzer_flush_forms(analyzer *a, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    a->err = err;
    for (size_t i = 0; !st && a->on_form && i < (size_t)1 << CACHE_BITS; i++)
        if (a->cache[i].count)
            st = tell_entry(a, &a->cache[i]);
    return st;
}

static cairn_status terms_full(const analyzer *a, cairn_status st)
{
    return cairn_fail(a->err, st, "the terms of one text need too much memory");
}

/* The term of a word that the cache does not know; `e`: where to keep it, or NULL. */
static cairn_status add_new_term(analyzer *a, size_t lang, const char *s, const word_span *w,
                                 analyzer_token *t, cache_entry *e,
                                 const uint64_t key[CACHE_WORD / 8])
{
    char term[FOLD_MAX], form[FOLD_MAX];
    size_t form_len = 0;
    cairn_status st = CAIRN_OK;

    t->stop = false;
    t->len = (uint32_t)(w->whole ? make_whole(s, w, term, form, &form_len)
                                 : make_term(a, lang, s, w, term, form, &form_len, &t->stop));
    t->itself = form_len == t->len && !memcmp(form, term, form_len);
    if ((st = bytes_append(&a->terms, term, t->len)))
        return terms_full(a, st);
    if (e && e->count)
        st = tell_entry(a, e);
    if (st || !e || t->len > CACHE_TERM)
        return !st && a->on_form && t->len
                   ? tell(a, form, form_len, term, t->len, 1)
                   : st;
    t->place = (uint16_t)(e - a->cache + 1);
    t->fresh = true;
    memcpy(e->word, key, sizeof e->word);
    memcpy(e->term, term, t->len);
    e->word_len = (uint8_t)(w->end - w->start);
    e->term_len = (uint8_t)t->len;
    e->lang = (uint8_t)lang;
    e->count = a->on_form && t->len;
    e->flags = (uint8_t)((t->stop ? IS_STOP : 0) | (t->itself ? IS_ITSELF : 0) |
                         (e->count ? IS_COUNTED : 0));
    return CAIRN_OK;
}

/* The term of a word, from the cache or made; appended to a->terms. */
static cairn_status add_term(analyzer *a, size_t lang, const char *s, size_t text_len,
                             const word_span *w, analyzer_token *t)
{
    size_t len = w->end - w->start;
    uint64_t key[CACHE_WORD / 8];
    cache_entry *e = NULL;
    cairn_status st;

    t->term = (const char *)(uintptr_t)a->terms.len; /* made a pointer when the buffer is final */
    t->place = 0;
    t->fresh = false;
    if (len <= CACHE_WORD) {
        e = &a->cache[make_key(s + w->start, len, text_len - w->start, lang, key)];
        if (e->word_len == len && e->lang == lang && !memcmp(e->word, key, sizeof key)) {
            t->len = e->term_len;
            t->stop = e->flags & IS_STOP;
            t->itself = e->flags & IS_ITSELF;
            t->place = (uint16_t)(e - a->cache + 1);
            if (e->flags & IS_COUNTED && ++e->count == UINT16_MAX && (st = tell_entry(a, e)))
                return st;
            if (a->terms.cap - a->terms.len <= CACHE_TERM &&
                (st = bytes_reserve(&a->terms, CACHE_TERM + 1)))
                return terms_full(a, st);
            memcpy(a->terms.data + a->terms.len, e->term, CACHE_TERM);
            a->terms.len += t->len;
            return CAIRN_OK;
        }
    }
    return add_new_term(a, lang, s, w, t, e, key);
}

cairn_status analyzer_run(analyzer *a, const char *lang, const char *text, size_t len,
                          const analyzer_token **tokens, size_t *n, cairn_error *err)
{
    size_t l = language_find(lang), n_spans, out = 0;
    uint32_t position = UINT32_MAX;
    const word_span *spans;
    cairn_status st =
        words_split(a->words, text, len, language_at(l)->elision, &spans, &n_spans, err);

    *tokens = NULL;
    *n = 0;
    if (st)
        return st;
    if (n_spans > a->cap) {
        analyzer_token *more = checked_realloc(a->tokens, n_spans + n_spans / 2, sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "no memory for %zu words", n_spans);
        a->tokens = more;
        a->cap = n_spans + n_spans / 2;
    }
    bytes_reset(&a->terms);
    a->err = err;
    for (size_t i = 0; i < n_spans; i++) {
        analyzer_token *t = &a->tokens[out];
        st = add_term(a, l, text, len, &spans[i], t);
        if (st)
            return st;
        position += !spans[i].extra;
        t->start = spans[i].start;
        t->end = spans[i].end;
        t->position = position;
        t->extra = spans[i].extra;
        t->guess = spans[i].guess;
        t->whole = spans[i].whole;
        out += t->len != 0;
    }
    for (size_t i = 0; i < out; i++)
        a->tokens[i].term = a->terms.data + (uintptr_t)a->tokens[i].term;
    *tokens = a->tokens;
    *n = out;
    return CAIRN_OK;
}
