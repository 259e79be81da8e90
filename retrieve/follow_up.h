/* follow_up.h - "And the K1?" after "How long is the warranty on the K2's burrs?": the earlier question with the new thing
 * in the place of the old one.
 *
 * Taken are questions of up to five words without a verb or a question word: behind "and", "what about", "und", "was
 * ist mit", "et", "y" and the like, or by themselves where they are a year, a date, a designation or a name. What is
 * replaced is of the same kind: a designation (letters and digits), a year, a number, a month, a day of the week, what
 * stands behind the same preposition, a name, what stands behind an article; the likest, then the last one. A phrase
 * with a preposition that finds nothing like it is put at the end ("and in Berlin?"). It is a guess: whoever searches
 * with it searches with the question as it was typed, too (rewrite.h).
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
    const char *whole;    /* the question completed; NULL: it is none of this kind */
    const char *replaced; /* what of the earlier one is not in it any more; "" */
} follow_up;

/* `earlier`: the question before, itself completed. */
cairn_status follow_up_complete(const char *question, const char *earlier, arena *a, follow_up *out, cairn_error *err);

#endif
