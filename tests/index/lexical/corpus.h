/* corpus.h - random collections and questions for the tests of the lexical index. */
#ifndef CAIRN_TESTS_CORPUS_H
#define CAIRN_TESTS_CORPUS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "index/lexical/lexical.h"
#include "tests/index/lexical/memory_sections.h"

typedef struct random {
    uint64_t x;
} random_state;

static inline uint64_t random_next(random_state *r)
{
    r->x ^= r->x << 13;
    r->x ^= r->x >> 7;
    r->x ^= r->x << 17;
    return r->x * 0x2545F4914F6CDD1Du >> 11;
}

static inline size_t random_below(random_state *r, size_t n)
{
    return (size_t)(random_next(r) % n);
}

static inline random_state random_seeded(void)
{
    const char *s = getenv("CAIRN_SEED");
    uint64_t seed = s ? strtoull(s, NULL, 10) : (uint64_t)time(NULL);
    random_state r = {seed * 0x9E3779B97F4A7C15u | 1};
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    for (int i = 0; i < 8; i++)
        random_next(&r);
    return r;
}

/* A word; small numbers are frequent. */
static inline size_t random_word(random_state *r, size_t vocabulary)
{
    double u = (double)random_below(r, 1 << 20) / (1 << 20);
    return (size_t)((double)vocabulary * u * u * u * u);
}

static inline size_t put_words(random_state *r, char *dst, size_t cap, size_t n, size_t vocabulary)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        size_t w = random_word(r, vocabulary),
               repeat = random_below(r, 40) ? 1 : 1 + random_below(r, 9);
        for (; repeat && len + 24 < cap; repeat--)
            len += (size_t)snprintf(dst + len, cap - len, "w%zuing ", w);
    }
    dst[len] = 0;
    return len;
}

typedef struct index {
    memory_sections sections;
    lexical_reader *reader;
} test_index;

static inline void index_open(test_index *ix)
{
    section_source source = memory_source(&ix->sections);
    cairn_error err = {0};
    if (lexical_reader_open(&ix->reader, &source, &err))
        fail_msg("open: %s", err.text);
    if (lexical_reader_verify(ix->reader, &err))
        fail_msg("verify: %s", err.text);
}

/* An index of texts of one language, each a body without a title. */
static inline void index_texts(test_index *ix, const char *const *texts, size_t n, const char *lang)
{
    lexical_writer *w;
    section_sink sink = memory_sink(&ix->sections);

    memset(ix, 0, sizeof *ix);
    assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
    for (size_t i = 0; i < n; i++) {
        lexical_doc d = {.lang = lang};
        d.field[LEXICAL_BODY].text = texts[i];
        d.field[LEXICAL_BODY].len = strlen(texts[i]);
        assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
    }
    assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
    lexical_writer_destroy(w);
    index_open(ix);
}

static inline void index_close(test_index *ix)
{
    lexical_reader_close(ix->reader);
    memory_clear(&ix->sections);
    ix->reader = NULL;
}

/* A segment of n random rows in a few languages. */
static inline void index_random(test_index *ix, random_state *r, size_t n, size_t vocabulary,
                                bool one_language)
{
    static const char *const langs[] = {"en", "en", "de", "", "fr"};
    static char text[LEXICAL_FIELDS][16384];
    lexical_writer *w;
    section_sink sink;
    cairn_error err = {0};

    memset(ix, 0, sizeof *ix);
    assert_int_equal(lexical_writer_create(&w, NULL, &err), CAIRN_OK);
    for (size_t i = 0; i < n; i++) {
        static const size_t most[LEXICAL_FIELDS] = {8, 3, 6, 60};
        lexical_doc d = {.lang = one_language ? "en" : langs[random_below(r, 5)]};
        uint32_t row;
        for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
            size_t words = random_below(r, 3) || f == LEXICAL_BODY ? random_below(r, most[f]) : 0;
            if (f == LEXICAL_BODY && !random_below(r, 50))
                words *= 10;
            d.field[f].len = put_words(r, text[f], sizeof text[f], words, vocabulary);
            d.field[f].text = text[f];
        }
        assert_int_equal(lexical_writer_add(w, &d, &row, &err), CAIRN_OK);
        assert_int_equal(row, i);
    }
    sink = memory_sink(&ix->sections);
    if (lexical_writer_finish(w, &sink, &err))
        fail_msg("finish: %s", err.text);
    lexical_writer_destroy(w);
    index_open(ix);
}

#define QUESTION_CLAUSES 5
typedef struct question {
    lexical_clause clause[QUESTION_CLAUSES];
    char text[QUESTION_CLAUSES][512];
    lexical_query query;
} question;

static inline void question_random(question *q, random_state *r, size_t vocabulary, bool simple)
{
    size_t n = simple ? 1 : 1 + random_below(r, QUESTION_CLAUSES);

    memset(q, 0, sizeof *q);
    for (size_t i = 0; i < n; i++) {
        lexical_clause *c = &q->clause[i];
        c->occur =
            simple || random_below(r, 2) ? LEXICAL_SHOULD : (lexical_occur)random_below(r, 3);
        c->kind = simple || random_below(r, 3) ? LEXICAL_WORDS : LEXICAL_PHRASE;
        c->len = put_words(r, q->text[i], sizeof q->text[i],
                           1 + random_below(r, c->kind == LEXICAL_PHRASE ? 2 : 5), vocabulary);
        c->text = q->text[i];
        if (!simple && !random_below(r, 3))
            c->field_mask = 1 + (uint32_t)random_below(r, LEXICAL_ALL_FIELDS);
        if (!simple && !random_below(r, 3))
            c->boost = 0.1f + (float)random_below(r, 50) / 10;
    }
    q->query = (lexical_query){q->clause, n, ""};
}

#endif
