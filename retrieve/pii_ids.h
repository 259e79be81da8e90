/* pii_ids.h - numbers that states give to persons, in some thirty countries: by their form, their check
 * digits and the date in them; by the word before, too, where these say little.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_PII_IDS_H
#define CAIRN_RETRIEVE_PII_IDS_H

#include <stddef.h>

/* The end of such a number that begins at s[at] (the first byte of a word), or `at`. */
size_t pii_state_number(const char *s, size_t len, size_t at);

#endif
