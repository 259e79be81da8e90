/* tally.h - the count of a vote, "12 for, 3 against and 1 abstention", and questions for it.
 *
 * Minutes seldom have the word "vote" beside it, and its parts say nothing alone. Words of English, German, Spanish, French, Italian and Russian,
 * and of Chinese, where a number stands before 票.
 *
 * Owns     nothing. Any thread. */
#ifndef CAIRN_RETRIEVE_TALLY_H
#define CAIRN_RETRIEVE_TALLY_H

#include <stdbool.h>
#include <stddef.h>

#include "retrieve/sentences.h"

typedef enum tally_side { TALLY_FOR, TALLY_AGAINST, TALLY_ABSTAINED, TALLY_SIDES } tally_side;

typedef struct tally {
    text_span whole;             /* from its first part to its last */
    text_span side[TALLY_SIDES]; /* how many, as it is written: "12", "none"; empty: not said */
} tally;

/* The first one in the text; false: there is none. "Unanimously" is one without sides. */
bool tally_find(const char *text, size_t len, tally *out);

/* Has the text a word of that side, "8 members voted against it"? */
bool tally_has_side(const char *text, size_t len, tally_side side);

/* Is the question about a vote? *side: the one that it counts ("how many were against?"); TALLY_SIDES: all of it. */
bool tally_asked(const char *question, size_t len, tally_side *side);

/* Does the word name a vote, "voted", "Abstimmung"? */
bool tally_is_vote(const char *word, size_t len);

/* Has the text a tally, and the claim its number of this side? */
bool tally_gives_side(const char *claim, size_t claim_len, const char *text, size_t len, tally_side side);

/* Does the claim give a part of the text's tally and leave another one out? */
bool tally_is_cut(const char *claim, size_t claim_len, const char *text, size_t len);

#endif
