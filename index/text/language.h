/* language.h - the languages the analyzer knows: their Snowball stemmer and their habits. */
#ifndef CAIRN_INDEX_TEXT_LANGUAGE_H
#define CAIRN_INDEX_TEXT_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct language {
    char code[4];        /* ISO 639-1 */
    const char *stemmer; /* Snowball algorithm, NULL = none */
    bool elision;        /* l'homme, dell'arte: the apostrophe parts two words */
    bool fold_first;     /* accents are decoration already for the stemmer (English loan words) */
    bool decimal_comma;  /* writes 1.234,56 */
} language;

enum { LANGUAGE_UNKNOWN = 0 }; /* code "", no stemmer */

size_t language_count(void);
const language *language_at(size_t i);
/* Index of a code; a region is ignored ("en-GB"), old and near codes are led to what serves them
 * ("iw" to Hebrew, "hr" to Serbian); LANGUAGE_UNKNOWN for NULL and unlisted codes. */
size_t language_find(const char *code);
/* The language whose stemmer fits a script that few languages share, by the first letter of a word;
 * LANGUAGE_UNKNOWN for Latin and for scripts without a stemmer. */
size_t language_of_script(uint32_t cp);

#endif
