/* pii_text.h - what the finders of personal data ask of a text: where words begin and end, what stands
 * before, what may stand between groups of digits, and check digits that several share.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_PII_TEXT_H
#define CAIRN_RETRIEVE_PII_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PII_NEAR_BEFORE 48 /* bytes in which a naming word counts */

/* A letter of a script that writes blanks between words, beyond ASCII. The marks of Latin-1 and of Arabic, and
 * everything from U+2000 on (marks, Chinese, Japanese) are none: no blank stands before a number there. */
bool pii_is_letter(uint32_t cp);

bool pii_begins_word(const char *s, size_t at);
bool pii_ends_word(const char *s, size_t len, size_t end);

/* The bytes of one sign of `seps` at s[p]; a blank is one that keeps a line together, too. 0: none. */
size_t pii_gap(const char *s, size_t len, size_t p, const char *seps);

/* Does a group of digits and a blank stand before: is s[at] in the middle of a longer number? */
bool pii_goes_on(const char *s, size_t at);

/* Whether one of the words (small letters, '|' between them, `$` behind one that must end there) begins a word in
 * the `reach` bytes before s[at]. */
bool pii_named_before(const char *s, size_t at, size_t reach, const char *words);

bool pii_luhn(const char *digits, size_t n);

#endif
