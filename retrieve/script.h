/* script.h - which languages are written in one script, and in which a text is.
 *
 * A model that was trained on one language makes something of others that are written alike: they share letters,
 * names and roots. Of a script that it never read it makes nothing. Scripts that are not in the table count as one,
 * with the Latin one. */
#ifndef CAIRN_RETRIEVE_SCRIPT_H
#define CAIRN_RETRIEVE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

/* A language of a text of which half the letters and more are in a script that none of the languages codes[n] is
 * written in; NULL: it is not so. Static. */
const char *script_foreign_to(const char *text, size_t len, const char *const *codes, size_t n);
/* Is the language `code` written in the script of one of codes[n]? An unknown one ("") is. */
bool script_is_shared(const char *code, const char *const *codes, size_t n);

#endif
