/* suggest_inside.h - what the files of suggest.h share: how near two words are, and which are corrected at all.
 *
 * Owns     nothing. Any thread. */
#ifndef CAIRN_INDEX_LEXICAL_SUGGEST_INSIDE_H
#define CAIRN_INDEX_LEXICAL_SUGGEST_INSIDE_H

#include "index/lexical/suggest.h"

#define LEAST_SHORT 3 /* letters of a word that is corrected at all */
#define LEAST_TWO   5 /* letters from which two edits are tried */

cairn_status suggest_no_memory(cairn_error *err);
/* The signs of s[0, n), UTF-8. */
size_t suggest_letters(const char *s, size_t n);
/* How good a correction is, by its rows and edits, of a word that begins with `first`. */
double suggest_score(const suggest_word *w, char first);

#endif
