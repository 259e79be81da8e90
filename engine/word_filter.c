/* word_filter.c - see word_filter.h. Entries are runs of hashed words, sorted by their first; the longest that stands at a
 * place is taken. */
#include "engine/word_filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/checked.h"
#include "base/utf8.h"

#define WORDS_MAX 16 /* of an entry */

typedef struct entry {
    uint64_t words[WORDS_MAX];
    size_t n;
} entry;

struct word_filter {
    entry *at;
    size_t n, cap;
    uint64_t hash;
};

/* A word of a text, with its place. */
typedef struct place {
    uint64_t word;
    size_t start, end;
} place;

static cairn_status read_words(analyzer *an, const char *text, size_t len, place **out, size_t *n, cairn_error *err)
{
    const analyzer_token *t;
    size_t count;
    cairn_status st = analyzer_run(an, "", text, len, &t, &count, err);

    *n = 0;
    *out = st ? NULL : checked_malloc(count + 1, sizeof **out);
    if (st)
        return st;
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "words");
    for (size_t i = 0; i < count; i++)
        if (!t[i].extra)
            (*out)[(*n)++] = (place){XXH3_64bits(t[i].term, t[i].len), t[i].start, t[i].end};
    return CAIRN_OK;
}

static cairn_status add_line(word_filter *f, analyzer *an, const char *line, size_t len, const char *path, size_t number,
                             cairn_error *err)
{
    const char *remark = memchr(line, '#', len);
    place *p;
    size_t n;
    cairn_status st = read_words(an, line, remark ? (size_t)(remark - line) : len, &p, &n, err);

    if (!st && n > WORDS_MAX)
        st = cairn_fail(err, CAIRN_EINPUT, "%s, line %zu: an entry has %d words at most", path, number, WORDS_MAX);
    if (!st && n && f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 64;
        entry *at = checked_realloc(f->at, cap, sizeof *at);
        if (!at) {
            st = cairn_fail(err, CAIRN_ENOMEM, "word filter");
        } else {
            f->at = at;
            f->cap = cap;
        }
    }
    if (!st && n) {
        entry *e = &f->at[f->n++];
        *e = (entry){.n = n};
        for (size_t i = 0; i < n; i++)
            e->words[i] = p[i].word;
    }
    free(p);
    return st;
}

static int by_first_word(const void *a, const void *b)
{
    const entry *x = a, *y = b;

    if (x->words[0] != y->words[0])
        return x->words[0] < y->words[0] ? -1 : 1;
    return (x->n < y->n) - (x->n > y->n); /* the longest first */
}

static cairn_status read_file(const char *path, bytes *text, cairn_error *err)
{
    FILE *f = fopen(path, "re");
    char chunk[4096];
    cairn_status st = CAIRN_OK;
    size_t n;

    if (!f)
        return cairn_fail(err, CAIRN_EINPUT, "filter.words: open %s: %s", path, strerror(errno));
    while (!st && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        st = bytes_append(text, chunk, n);
    if (st)
        st = cairn_fail(err, CAIRN_EINPUT, "filter.words: %s is longer than %zu bytes", path, WORD_FILTER_BYTES);
    else if (ferror(f))
        st = cairn_fail(err, CAIRN_EINPUT, "filter.words: %s cannot be read", path);
    else if (!utf8_valid(text->data ? text->data : "", text->len))
        st = cairn_fail(err, CAIRN_EINPUT, "filter.words: %s is not UTF-8", path);
    fclose(f);
    return st;
}

cairn_status word_filter_load(word_filter **out, const char *path, analyzer *an, cairn_error *err)
{
    word_filter *f = calloc(1, sizeof *f);
    size_t number = 0;
    bytes text;
    cairn_status st;

    *out = NULL;
    if (!f)
        return cairn_fail(err, CAIRN_ENOMEM, "word filter");
    bytes_init(&text, WORD_FILTER_BYTES);
    st = read_file(path, &text, err);
    for (size_t at = 0; !st && at < text.len;) {
        const char *line = text.data + at, *end = memchr(line, '\n', text.len - at);
        size_t len = end ? (size_t)(end - line) : text.len - at;
        st = add_line(f, an, line, len, path, ++number, err);
        at += len + 1;
    }
    bytes_clear(&text);
    if (st) {
        word_filter_free(f);
        return st;
    }
    if (f->n)
        qsort(f->at, f->n, sizeof *f->at, by_first_word);
    for (size_t i = 0; i < f->n; i++)
        f->hash = XXH3_64bits_withSeed(f->at[i].words, f->at[i].n * sizeof *f->at[i].words, f->hash + 1);
    *out = f;
    return CAIRN_OK;
}

void word_filter_free(word_filter *f)
{
    if (!f)
        return;
    free(f->at);
    free(f);
}

uint64_t word_filter_hash(const word_filter *f)
{
    return f->hash;
}

/* Words of the longest entry that stands at p[0]; 0: none. */
static size_t match(const word_filter *f, const place *p, size_t n)
{
    size_t low = 0, high = f->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (f->at[mid].words[0] < p->word)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < f->n && f->at[low].words[0] == p->word; low++) {
        const entry *e = &f->at[low];
        size_t k = 1;
        while (k < e->n && k < n && e->words[k] == p[k].word)
            k++;
        if (k == e->n)
            return k;
    }
    return 0;
}

cairn_status word_filter_mask(const word_filter *f, analyzer *an, const char *text, size_t len, bytes *out,
                              size_t *found, cairn_error *err)
{
    size_t n, at = 0, count = 0;
    place *p;
    cairn_status st = read_words(an, text, len, &p, &n, err);

    for (size_t i = 0; !st && i < n;) {
        size_t k = match(f, &p[i], n - i);
        if (!k || p[i].start < at) { /* characters of Chinese and Japanese overlap in pairs */
            i++;
            continue;
        }
        st = bytes_append(out, text + at, p[i].start - at);
        if (!st)
            st = bytes_append_str(out, WORD_FILTER_MASK);
        at = p[i + k - 1].end;
        i += k;
        count++;
    }
    free(p);
    if (!st)
        st = bytes_append(out, text + at, len - at);
    if (found)
        *found = count;
    return st ? cairn_fail(err, st, "word filter") : CAIRN_OK;
}
