/* compound.h - words made of words, in German and Dutch: Haustür, Kündigungsfrist, arbeidstijd.
 *
 * Nothing is known beforehand and nothing is indexed: what a compound's parts may be is told by the
 * collection's own words, when a question is asked. Of the ways to part a word into known words and
 * linking elements that with the greatest geometric mean of the parts' frequencies is taken, the
 * whole word being one of the ways (Koehn and Knight 2003, "Empirical Methods for Compound
 * Splitting", section 3.2).
 *
 * Words are case-folded forms as in forms.h. */
#ifndef CAIRN_INDEX_LEXICAL_COMPOUND_H
#define CAIRN_INDEX_LEXICAL_COMPOUND_H

#include <stdbool.h>

#include "base/arena.h"
#include "index/lexical/forms.h"
#include "index/lexical/lexical.h"

#define COMPOUND_PARTS_MAX 4
#define COMPOUND_WORDS_MAX 16  /* of a question, whose compounds are looked for */
#define COMPOUND_FOUND_MAX 100 /* terms of one such word, the most frequent ones */

/* Is it a language whose compounds are parted? */
bool compound_language(const char *lang);

/* Whose words parts are looked up in. Borrowed. */
typedef struct compound_words {
    const lexical_segment *segments;
    size_t n;
    const char *lang; /* "de" or "nl" */
    analyzer *a;
} compound_words;

/* The parts as words of their own, without linking elements; n 0: no compound. */
typedef struct compound_split {
    size_t n;
    char part[COMPOUND_PARTS_MAX][FORM_MAX + 1];
    size_t len[COMPOUND_PARTS_MAX];
} compound_split;

cairn_status compound_part(const compound_words *w, const char *form, size_t len,
                           compound_split *out, cairn_error *err);
/* A term whose words are compounds of the word asked for. */
typedef struct compound_term {
    const char *text;
    size_t len;
    bool first; /* the word is their first part; else the last */
} compound_term;

typedef struct compound_search {
    const char *form, *term; /* of the word asked for */
    size_t form_len, term_len;
    compound_term *found; /* by ascending text */
    size_t n;
} compound_search;

/* Is the known word `form`, with its term, a compound that ends in the word or begins with it? */
cairn_status compound_holds(const compound_words *w, const compound_search *word, const char *form,
                            size_t len, const char *term, size_t term_len, bool *holds,
                            cairn_error *err);

/* Find the compounds of all these words in one walk over the blocks of the collection's words that may
 * hold them. What is found lives in `memory`. */
cairn_status compound_find(const compound_words *w, compound_search *words, size_t n, arena *memory,
                           cairn_error *err);

#endif
