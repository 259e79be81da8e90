/* identifiers.h - which bytes of a text are an identifier or a part number, and what it is without its signs (plan_identifiers.c says
 * what of it).
 *
 * Threads  no state. */
#ifndef CAIRN_INDEX_LEXICAL_IDENTIFIERS_H
#define CAIRN_INDEX_LEXICAL_IDENTIFIERS_H

#include <stdbool.h>
#include <stddef.h>

#define IDENTIFIER_MAX    40 /* letters and digits */
#define IDENTIFIER_PIECES 5  /* words that it is typed in */
#define IDENTIFIER_WORD   8  /* letters of a word that a blank parts from its number */

/* One that may part an identifier. */
static inline bool identifier_is_sign(char c)
{
    return c == '-' || c == '/' || c == '.' || c == '_';
}

/* The letters, small, and digits of s[0, len) where that is an identifier; returns how many, 0: it is none. */
size_t identifier_join(const char *s, size_t len, char out[IDENTIFIER_MAX]);
/* May the word s[start, end) and the next, which begins at `next`, be pieces of one? */
bool identifier_goes_on(const char *s, size_t start, size_t end, size_t next, bool stop);

#endif
