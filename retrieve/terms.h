/* terms.h - a text as the terms that alignment compares: stems by hash, with what they are.
 *
 * Numbers keep the analyzer's one form; words with digits in them (K2, EN60335) count as identifiers,
 * capitalised words inside a sentence as names (not in German, where every noun has a capital).
 *
 * Owns     a list owns its array until term_list_clear. One analyzer a thread. */
#ifndef CAIRN_RETRIEVE_TERMS_H
#define CAIRN_RETRIEVE_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "index/text/analyzer.h"

typedef struct text_term {
    uint64_t key; /* hash of the stem, or of a number's form */
    uint32_t start, end;
    double weight; /* 0: a function word; else 1 */
    bool number;   /* digits alone, with separators */
    bool identifier; /* letters and digits */
    bool name;
    bool capital; /* begins with one, wherever it stands */
} text_term;

typedef struct term_list {
    text_term *at;
    size_t n;
} term_list;

/* The language to analyse a text in: `of_passage` where it is known, else `of_caller`, else English
 * for plain Latin letters and none for others. Never NULL. */
const char *terms_language(const char *of_passage, const char *of_caller, const char *text,
                           size_t len);

/* The terms of text[0, len) in reading order, function words with weight 0 included. */
cairn_status terms_read(analyzer *an, const char *lang, const char *text, size_t len,
                        term_list *out, cairn_error *err);
void term_list_clear(term_list *l);

bool terms_have(const text_term *at, size_t n, uint64_t key);
/* Keep the first of equal terms, drop those without weight. A name anywhere is a name. */
void terms_distinct(term_list *l);
double terms_weight(const term_list *l);

#endif
