/* sentences.h - where a text's sentences begin and end.
 *
 * A sentence ends at a full stop, exclamation or question mark before a blank (with the quotation
 * marks and brackets behind it), at the marks of Chinese, Japanese, Arabic and Hindi, and at a line
 * break that is not one of wrapped text. The stop of an initial ("J. Smith"), of a list's number, of a common abbreviation and, in
 * the languages that write ordinals so, of a number ("am 31. Mai") ends nothing.
 *
 * Owns     sentences_split gives a malloced array; the caller frees it. Any thread. */
#ifndef CAIRN_RETRIEVE_SENTENCES_H
#define CAIRN_RETRIEVE_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct text_span {
    size_t start, end; /* bytes, half open, without blanks at the ends */
} text_span;

#define MARKER_NUMBERS 64 /* passage numbers in one bracket */

/* A citation marker: [1], [2, 3], [1-3], [1;4], [passage 2]. */
typedef struct text_marker {
    size_t start, end;
    uint32_t n[MARKER_NUMBERS];
    size_t count;
} text_marker;

/* False when s[at] opens something else. */
bool marker_read(const char *s, size_t len, size_t at, text_marker *m);

/* Languages that write ordinals with a full stop: de, da, no, fi, cs, pl, ... */
bool sentences_dotted_ordinals(const char *lang);

/* Is text[at] between "~~" and "~~" of one paragraph, as struck words are kept? `len`: of the text. */
bool text_is_struck(const char *text, size_t len, size_t at);

/* `markers`: citation markers behind a stop belong to the sentence before it. *out is malloced, NULL
 * with *n 0 for a text of blanks. */
cairn_status sentences_split(const char *s, size_t len, bool markers, bool ordinals,
                             text_span **out, size_t *n, cairn_error *err);

/* The same of a text with rows of tables: each is one, and what stands between them is split into sentences. */
cairn_status sentences_rows(const char *s, size_t len, bool ordinals, text_span **out, size_t *n, cairn_error *err);

/* Does the sentence, bytes [start, end) of the text, only ask? By the sign at its end, in quotation marks and brackets, too. */
bool sentence_asks(const char *text, size_t start, size_t end);

#endif
