/* follow_up_words.h - a question, or a sentence of a reply, read as words for the rules of follow_up.h.
 *
 * A word is a run of letters and digits with hyphens and points between them ("E2-40", "2.5"); "'s" belongs to none. The
 * lists are words in small letters between blanks, of English, German, French and Spanish.
 *
 * Owns     nothing; the words are places in the text. Any thread. */
#ifndef CAIRN_RETRIEVE_FOLLOW_UP_WORDS_H
#define CAIRN_RETRIEVE_FOLLOW_UP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define FOLLOW_WORDS_MAX 64

typedef enum follow_kind {
    FOLLOW_PLAIN,
    FOLLOW_NAME, /* begins with a capital, but for the first word */
    FOLLOW_NUMBER,
    FOLLOW_YEAR,
    FOLLOW_MONTH,
    FOLLOW_WEEKDAY,
    FOLLOW_DESIGNATION /* letters and digits */
} follow_kind;

typedef struct follow_word {
    size_t start, end;
    follow_kind kind;
} follow_word;

typedef struct follow_text {
    const char *text;
    follow_word at[FOLLOW_WORDS_MAX];
    size_t n;
} follow_text;

extern const char follow_not_a_phrase[]; /* verbs, question words, words that point back themselves */
extern const char follow_prepositions[];
extern const char follow_articles[];
extern const char follow_ends_phrase[]; /* what ends a phrase behind an article */
extern const char follow_joins[];       /* and, or */
extern const char follow_counts[];      /* two, drei, both, 4 */

/* The words of text[from, len), FOLLOW_WORDS_MAX at most; the text ends with a NUL, there or later. */
void follow_read(const char *text, size_t from, size_t len, follow_text *out);
/* Is the word in the list? A to Z and the letters of Latin-1 without regard to case; what is too long is in none. */
bool follow_is(const char *list, const char *text, const follow_word *w);
/* Bytes of the longest "and", "what about", "was ist mit", ... that the question begins with; 0: none. */
size_t follow_lead(const char *text);

#endif
