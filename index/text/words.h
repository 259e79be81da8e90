/* words.h - where the words of a text begin and end.
 *
 * UAX #29 word boundaries, and then finer, because people search for parts: a dot, colon,
 * semicolon or underscore parts words unless it stands between digits (3.14) or between single
 * letters (U.S.A.); an apostrophe parts them in languages with elision. A run of Chinese, Japanese
 * or Korean characters gives each character and, between two, their pair: a, ab, b, bc, c. Pairs
 * find words without a dictionary; the characters answer questions of one, and any part of a run
 * gives a part of its words in the same order, so phrases work.
 *
 * Beside a word may stand extra ones, parts or wholes that people type too; they follow it in the
 * list and share its position, so that phrases see the main words alone:
 *
 *   parseHTTPRequest2   + parse, HTTP, Request    (camelCase; parts of one character are left out)
 *   CrossFit, YouTube   the same as a guess: two humps, one short, are mostly names
 *   C++, C#             + C
 *   #budget, .NET       the word, + the word with its sign
 *   v2.0.1              + 2.0.1
 *   a@b.org, max_files  the words, and behind the first of them the whole (wholes.h)
 *
 * Text without bytes above 127 never meets ICU; tests/index/text proves that both ways agree.
 *
 * Threads  one splitter per thread. */
#ifndef CAIRN_INDEX_TEXT_WORDS_H
#define CAIRN_INDEX_TEXT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum word_kind {
    WORD_ASCII, /* ASCII letters, digits, and the connectors and signs that stayed */
    WORD_OTHER,
    WORD_CJK /* one or two characters of a CJK run */
} word_kind;

typedef struct word_span {
    uint32_t start, end; /* bytes of the text */
    uint8_t kind;        /* word_kind */
    bool extra;          /* beside the last word that is none */
    bool guess;          /* an extra one that only a question should try (Cross, Fit) */
    bool whole;          /* an extra one that reaches over this word and others behind it */
} word_span;

typedef struct words words;

cairn_status words_create(words **out, cairn_error *err);
void words_destroy(words *w);
/* *spans lives until the next call. */
cairn_status words_split(words *w, const char *text, size_t len, bool elision,
                         const word_span **spans, size_t *n, cairn_error *err);
/* The same by ICU alone, for the test of the fast path. */
cairn_status words_split_icu(words *w, const char *text, size_t len, bool elision,
                             const word_span **spans, size_t *n, cairn_error *err);

#endif
