/* follow_up.h - a question that says only what is new, made whole from what was said before.
 *
 * "And the K1?" after "How long is the warranty on the K2's burrs?" (follow_up.c): the earlier question with the new thing
 * in the place of the old one. Taken are questions of up to five words without a verb or a question word: behind "and",
 * "what about", "und", "was ist mit", "et", "y" and the like, or by themselves where they are a year, a date, a designation
 * or a name. What is replaced is of the same kind: a designation (letters and digits), a year, a number, a month, a day of
 * the week, what stands behind the same preposition, a name, what stands behind an article; the likest, then the last one.
 * A phrase with a preposition that finds nothing like it is put at the end ("and in Berlin?").
 *
 * follow_up_refer.c, before that one is asked:
 * - "Why?", "And how much?", "Seit wann?", "When was that?": these words before the earlier question without its own
 *   ("Why does the shop close at noon?");
 * - "How much does the second one cost?", "the last one?", "et l'autre ?": an item of what the last reply listed, or of the
 *   last question's "A or B", or of what one of the three replies before listed (follow_up_items.h). Alone it takes the place
 *   of another item in the earlier question, or is the question where there is none;
 * - "What about last year?", "und im Jahr davor?": a year, counted from this one or from that of the earlier question;
 * - "Who else?": the earlier question again, and what the reply told is not asked for.
 *
 * follow_up_person.c, where neither completes it: "What is her phone number?" behind a reply that names one person asks for
 * that person's ("Aisha Rahman's phone number"); English and German.
 *
 * English, German, French and Spanish. All of it is a guess: whoever searches with it searches with the question as it was
 * typed, too (rewrite.h).
 *
 * Owns     the texts live in the caller's arena.
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_FOLLOW_UP_H
#define CAIRN_RETRIEVE_FOLLOW_UP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct follow_up {
    char *whole;          /* the question completed; NULL: it is none of this kind */
    const char *replaced; /* what of the earlier one is not in it any more; "" */
    const char *instead;  /* what stands there instead; NULL where nothing was replaced */
    bool bare;            /* a question word asked it: the names of the last reply are what it is about, too */
    bool others;          /* it asks for what the last reply did not tell */
    const char *besides;  /* of those that are completed: with the names of the reply left out ("..., besides Ann"), for who
                             writes the answer; or NULL */
} follow_up;

/* A question and what was replied. */
typedef struct follow_up_turn {
    const char *question; /* itself completed */
    const char *reply;    /* NULL: none is known */
} follow_up_turn;

/* `earlier`: the question before, itself completed. */
cairn_status follow_up_complete(const char *question, const char *earlier, arena *a, follow_up *out, cairn_error *err);

/* said[n], oldest first; `year` is the one that it is. */
cairn_status follow_up_refer(const char *question, const follow_up_turn *said, size_t n, int year, arena *a, follow_up *out,
                             cairn_error *err);

/* he, she, his, her and their German likes: the one person of the last reply, or of the last question, in their place. */
cairn_status follow_up_person(const char *question, const follow_up_turn *last, arena *a, follow_up *out, cairn_error *err);

/* What a reply told, and when it is to be given again. */
typedef struct follow_up_known {
    const char *reply;   /* NULL: nothing is known */
    bool others;         /* others are asked for: never */
    const char *instead; /* another thing is asked about: where it is spoken of; NULL: where a reason is asked for, with one */
} follow_up_known;

/* Is the text (of a question that asks why, or not) told, and not to be given again? Told is what the reply has four of five
 * words of. */
bool follow_up_repeats(const char *text, size_t len, const follow_up_known *known, bool why);

#endif
