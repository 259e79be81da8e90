/* decompose_words.h - a question as words with their places, for the rules that take it apart
 * (decompose.c, decompose_bridge.c); private to them. */
#ifndef CAIRN_RETRIEVE_DECOMPOSE_WORDS_H
#define CAIRN_RETRIEVE_DECOMPOSE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "retrieve/decompose.h"

#define WORDS_MAX  64
#define WORD_BYTES 48

typedef struct word {
    size_t start, end;
    char low[WORD_BYTES]; /* small letters of A to Z; "" of a word that is too long */
    bool comma;           /* a comma or colon stands behind it */
    bool capital;         /* or it has a digit */
} word;

typedef struct reading {
    const char *text;
    word at[WORDS_MAX];
    size_t n;
    arena *a;
    decomposition *out;
} reading;

extern const char auxiliaries[], wh_words[];
extern const char little_words[]; /* articles, "of", "in", "on", "at" */

/* Fill r->at from r->text. False: too many words. */
bool words_read(reading *r);
/* Is word i (if there is one) in the list, whose words stand between blanks? */
bool word_is(const reading *r, size_t i, const char *list);
/* Words [from, to) as one text. */
const char *words_run(const reading *r, size_t from, size_t to);
/* Is there a word with letters that is no article or the like? */
bool words_have_letters(const reading *r, size_t from, size_t to);
/* Is one of them written with a capital, or with a digit? */
bool words_have_name(const reading *r, size_t from, size_t to);

/* A description and what is asked of it (decompose_bridge.c). */
bool decompose_bridge(reading *r);
/* ... where the question word stands at the end of a statement (decompose_situ.c). */
bool decompose_situ(reading *r);

#endif
