/* decompose.h - a question that needs two places of the documents, taken apart into one question
 * for each.
 *
 *   comparison   "Which is older, A or B?", "Is the notice period of X longer than that of Y?",
 *                "Did A open before B closed?", "Are both A and B ...?", "What is the difference
 *                between A and B?": one for each side
 *   conjunction  "When did A start and who runs it?": one for each question
 *   list         "What is the price of the K1, the K2 and the K3?", "... of each of A, B and C":
 *                one for each thing
 *   bridge       "Where was the director of A born?": one for the thing described, and one with
 *                its name
 *
 * By rules on words alone, in English, German, Spanish and French. It is a guess: whoever searches
 * with the parts searches with the whole question, too. Left alone is what has no such form, what
 * sets one side against a number or a date ("before 1950"), and what is longer than 64 words.
 *
 * Owns     the texts live in the caller's arena.
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_DECOMPOSE_H
#define CAIRN_RETRIEVE_DECOMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define DECOMPOSE_PARTS 6

typedef enum decompose_kind {
    DECOMPOSE_NONE,
    DECOMPOSE_COMPARISON,
    DECOMPOSE_CONJUNCTION,
    DECOMPOSE_LIST,
    DECOMPOSE_BRIDGE
} decompose_kind;

/* What two values decide. */
typedef enum decompose_order {
    DECOMPOSE_UNDECIDED, /* no order of values answers it */
    DECOMPOSE_LEAST,     /* of a choice: the side of the least value (the earliest date) */
    DECOMPOSE_MOST,
    DECOMPOSE_LESS, /* yes, if the first side's value is below the second's */
    DECOMPOSE_MORE
} decompose_order;

typedef struct decompose_part {
    const char *question; /* with a question word for the kind of value where the sides are compared
                             by one */
    const char *side;     /* of a comparison or a list: the thing; else the question */
} decompose_part;

typedef struct decomposition {
    decompose_kind kind;
    decompose_order order;
    decompose_part parts[DECOMPOSE_PARTS];
    size_t n_parts;
    const char *lang;           /* of the words that joined the sides: "en", "de", "es", "fr" */
    const char *before, *after; /* of a bridge: the question around the description */
    const char *namer;   /* ... and its first part asked with "who", as names are looked for */
    bool claims;         /* ... what stands before the description is a statement of its own, which says little of what is asked */
    const char *verdict; /* of a choice: what is said of the side that is the answer ("was formed
                            first"); or NULL */
} decomposition;

/* Of a bridge, n_parts is 1: the question for the thing described, whose `side` is the description.
 * The second one is asked of the name that was found for it: decompose_outer. */
cairn_status decompose_question(const char *question, arena *a, decomposition *out,
                                cairn_error *err);
/* The two things that a question sets beside each other by "and" or "or", for one that speaks of
 * "the two" behind it: names or designations. False: there are none. The texts live in the arena.
 */
bool decompose_two(const char *question, arena *a, const char *sides[2]);
/* The question with a name in the place of the description. NULL: no memory. */
const char *decompose_outer(const decomposition *d, const char *name, arena *a);

#endif
