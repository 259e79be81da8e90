/* analyzer.h - from text to the terms that are indexed and searched.
 *
 * The same analyzer serves documents and queries: words by UAX #29 (ICU, with dictionary breaks
 * for Thai, Lao, Khmer and Burmese; a fast path for ASCII), NFKC and case folding, a Snowball
 * stemmer by language, accents folded where a script treats them as decoration. Chinese, Japanese
 * and Korean runs become characters and overlapping pairs (words.h). Every word counts as one
 * position, stop words included; parts of a compound (camelCase) and other ways to type a word stand
 * beside it at its position, marked `extra`. Numbers have one form: 10,000 and 10000, and 1.234,56
 * as 1234.56 (which sign parts the decimals is the language's to say where the number does not).
 *
 * ANALYZER_VERSION names the rules: it is stored in every lexical index, because terms made by
 * other rules would not be found.
 *
 * Threads  one analyzer per thread.
 * Errors   CAIRN_ELIMIT for a text of 2 GiB or more, CAIRN_ENOMEM. Broken UTF-8 is no error: each
 *          broken part separates words. */
#ifndef CAIRN_INDEX_TEXT_ANALYZER_H
#define CAIRN_INDEX_TEXT_ANALYZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define ANALYZER_VERSION 3u
/* No term is longer; a longer word is cut at a character boundary. */
#define ANALYZER_TERM_MAX 128
/* Words whose terms an analyzer remembers. */
#define ANALYZER_PLACES (1u << 13)

typedef struct analyzer analyzer;

typedef struct analyzer_token {
    const char *term;    /* UTF-8, not NUL-terminated, lives until the next analyzer call */
    uint32_t len;        /* bytes, 1 .. ANALYZER_TERM_MAX */
    uint32_t position;   /* 0, 1, 2, ... counted in words of this text */
    uint32_t start, end; /* byte range of the word in the text */
    bool stop;           /* a function word of this language (the term is there all the same) */
    bool extra;          /* at the position of the last token that is none */
    bool guess;          /* an extra one for questions alone; indexes leave it out */
    bool whole;          /* an extra one: a name of several words, the first of which is at its position.
                            Its term is the name but for its case */
    bool itself;         /* the term is the word but for its case: nothing was cut or folded */
    bool fresh;          /* the first token of this word at `place` */
    uint16_t place;      /* 1 .. ANALYZER_PLACES; 0: the word has none. Tokens at one place have the
                            same term until the next fresh one there, over all texts of this
                            analyzer: who keeps what it found for a term need not look again. */
} analyzer_token;

cairn_status analyzer_create(analyzer **out, cairn_error *err);
void analyzer_destroy(analyzer *a); /* NULL is fine */

/* Analyse text[0, len) as `lang`, an ISO 639-1 code such as "de" ("" or an unknown code: no stemmer
 * for Latin letters; other scripts that belong to one stemmer use it). *tokens is owned by the
 * analyzer and lives until its next call. */
cairn_status analyzer_run(analyzer *a, const char *lang, const char *text, size_t len,
                          const analyzer_token **tokens, size_t *n, cairn_error *err);

/* Receives the written forms of words (case-folded, accents kept) with their terms, each with how
 * often it came since the last call for it. The bytes live until the call returns. */
typedef cairn_status analyzer_form_fn(void *ctx, const char *form, size_t form_len,
                                      const char *term, size_t term_len, uint32_t count,
                                      cairn_error *err);
/* Report forms from now on: some during analyzer_run, the rest by analyzer_flush_forms. */
void analyzer_on_form(analyzer *a, analyzer_form_fn *fn, void *ctx);
cairn_status analyzer_flush_forms(analyzer *a, cairn_error *err);
/* dst[ANALYZER_FORM_MAX] gets the form of one word as reported above; returns its bytes. */
#define ANALYZER_FORM_MAX 256
size_t analyzer_form(const char *word, size_t len, char dst[ANALYZER_FORM_MAX]);

/* Whether a stemmer exists for this code. */
bool analyzer_has_stemmer(const char *lang);

#endif
