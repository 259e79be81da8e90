/* cite_value.h - is a claim's number a piece cut out of the document's value, or of another thing?
 *
 * "12 seconds" of "4 minutes 12 seconds", "85" of "75 to 85", and "12" of "12 square metres" where the number of a stand is
 * asked for: the digits stand there, and say something else. A value is cut where each place of the text that has it is such a
 * piece and the claim has not the rest of it, or the number of another thing in a list: "3" of "2 onions, 3 carrots" where onions are
 * counted. Times of day, dates and years are never: "from 9:00 to 17:00" has two answers,
 * as has a range of which the most or the least is asked for. */
#ifndef CAIRN_RETRIEVE_CITE_VALUE_H
#define CAIRN_RETRIEVE_CITE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "retrieve/answer_type.h"

/* Of text[0, len), which holds the claim's quantities (cite_check). `units`: answer_units_of the question. */
bool cite_cuts_value(const char *claim, size_t claim_len, const char *text, size_t len, const char *question, answer_type type,
                     unsigned units, arena *memory);

/* What is told as one value with the quantity at `piece`: "4 minutes 12 seconds", "75 to 85"; `piece` itself where that is all, or an end of
 * the range is asked for. */
text_span cite_whole_value(const char *text, size_t len, text_span piece, const char *question, arena *memory);

/* Is the quantity at `piece` what the question asks something for, "one litre" of "how much per litre"? */
bool cite_is_per_unit(const char *text, size_t len, text_span piece, const char *question, arena *memory);

#endif
