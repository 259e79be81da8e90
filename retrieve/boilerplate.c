/* boilerplate.c - see boilerplate.h. Lines become hashes of their folded bytes without blanks; sorted with their
 * documents, those of enough documents stand in one run. */
#include "retrieve/boilerplate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define STEM        5  /* letters that two words have in common to match */
#define WORDS_MAX   64 /* of the question */
#define WORD_LETTERS 4 /* shorter ones say little */

typedef struct line {
    uint64_t hash; /* 0: too short */
    uint64_t doc;
    uint32_t passage, start, end; /* bytes of the passage's text */
    bool recurs;
} line;

typedef struct stems {
    char at[WORDS_MAX][STEM];
    size_t n;
} stems;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* The next word of folded text at or behind *p; its length, 0 at the end. */
static size_t next_word(const char *s, size_t len, size_t *p)
{
    size_t start;

    while (*p < len && !is_letter(s[*p]))
        ++*p;
    for (start = *p; *p < len && is_letter(s[*p]);)
        ++*p;
    return *p - start;
}

static void make_stem(const char *word, size_t n, char out[STEM])
{
    memset(out, 0, STEM);
    memcpy(out, word, n < STEM ? n : STEM);
}

static const char *fold(const char *s, size_t len, arena *a)
{
    char *out = arena_alloc(a, len + 1);

    if (out) {
        utf8_fold_latin(s, len, out);
        out[len] = 0;
    }
    return out;
}

static bool read_question(const char *question, arena *a, stems *out)
{
    size_t len = strlen(question), at = 0, n;
    const char *s = fold(question, len, a);

    out->n = 0;
    while (s && out->n < WORDS_MAX && (n = next_word(s, len, &at)))
        if (n >= WORD_LETTERS)
            make_stem(s + at - n, n, out->at[out->n++]);
    return s != NULL;
}

/* How many words of the question stand in s[0, len), folded. */
static size_t count_matches(const stems *q, const char *s, size_t len)
{
    size_t at = 0, n, found = 0;

    while ((n = next_word(s, len, &at))) {
        char stem[STEM];
        bool hit = false;
        if (n < WORD_LETTERS)
            continue;
        make_stem(s + at - n, n, stem);
        for (size_t i = 0; i < q->n && !hit; i++)
            hit = !memcmp(q->at[i], stem, STEM);
        found += hit;
    }
    return found;
}

/* FNV-1a over the line without blanks; 0 where it is too short. */
static uint64_t hash_line(const char *s, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (s[i] == ' ' || s[i] == '\t' || s[i] == '\r')
            continue;
        h = (h ^ (uint8_t)s[i]) * 0x100000001b3u;
        n++;
    }
    return n < BOILERPLATE_LINE_BYTES ? 0 : h ? h : 1;
}

static size_t count_lines(const boilerplate_passage *p)
{
    size_t n = 1;

    for (size_t i = 0; i < p->len; i++)
        n += p->text[i] == '\n';
    return n;
}

static int by_hash(const void *a, const void *b)
{
    const line *x = *(line *const *)a, *y = *(line *const *)b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->doc < y->doc ? -1 : x->doc > y->doc;
}

/* Mark the lines that enough documents have. */
static bool mark_recurring(line *lines, size_t n, size_t documents, arena *a)
{
    line **order = arena_alloc(a, (n + 1) * sizeof *order);

    if (!order)
        return false;
    for (size_t i = 0; i < n; i++)
        order[i] = &lines[i];
    if (n)
        qsort(order, n, sizeof *order, by_hash);
    for (size_t i = 0, end; i < n; i = end) {
        size_t docs = 1;
        for (end = i + 1; end < n && order[end]->hash == order[i]->hash; end++)
            docs += order[end]->doc != order[end - 1]->doc;
        for (size_t k = i; k < end && order[i]->hash && docs >= documents; k++)
            order[k]->recurs = true;
    }
    return true;
}

cairn_status boilerplate_shares(const boilerplate_passage *passages, size_t n, const char *question,
                                size_t documents, arena *a, float *share, cairn_error *err)
{
    size_t n_lines = 0, at = 0;
    line *lines;
    const char **folded = arena_calloc(a, n + 1, sizeof *folded);
    stems *q = arena_alloc(a, sizeof *q);

    for (size_t i = 0; i < n; i++)
        n_lines += count_lines(&passages[i]);
    lines = arena_calloc(a, n_lines + 1, sizeof *lines);
    if (!lines || !folded || !q || !read_question(question, a, q))
        return cairn_fail(err, CAIRN_ENOMEM, "lines that recur");
    for (size_t i = 0; i < n; i++) {
        size_t len = passages[i].len, start = 0;
        folded[i] = fold(passages[i].text, len, a);
        if (!folded[i])
            return cairn_fail(err, CAIRN_ENOMEM, "lines that recur");
        while (start < len) {
            const char *stop = memchr(folded[i] + start, '\n', len - start);
            size_t end = stop ? (size_t)(stop - folded[i]) : len;
            lines[at++] = (line){.hash = hash_line(folded[i] + start, end - start),
                                 .doc = passages[i].doc,
                                 .passage = (uint32_t)i,
                                 .start = (uint32_t)start,
                                 .end = (uint32_t)end,
                                 .recurs = folded[i][start] == '>'};
            start = end + 1;
        }
    }
    if (!mark_recurring(lines, at, documents, a))
        return cairn_fail(err, CAIRN_ENOMEM, "lines that recur");
    for (size_t l = 0, i = 0; i < n; i++) {
        size_t all = 0, part = 0, bytes = 0, bytes_part = 0, first = l;
        bool any = false;
        while (l < at && lines[l].passage == i)
            any |= lines[l++].recurs;
        for (l = any ? first : l; l < at && lines[l].passage == i; l++) {
            size_t len = lines[l].end - lines[l].start;
            size_t hits = count_matches(q, folded[i] + lines[l].start, len);
            all += hits;
            bytes += len;
            part += lines[l].recurs ? hits : 0;
            bytes_part += lines[l].recurs ? len : 0;
        }
        share[i] = all ? (float)part / (float)all : bytes ? (float)bytes_part / (float)bytes : 0;
    }
    return CAIRN_OK;
}
