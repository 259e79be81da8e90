/* fold.h - one written form for a word: NFKC and case folding, then decoration removed.
 *
 * Threads  the functions keep no state; ICU's normaliser objects are shared and constant. */
#ifndef CAIRN_INDEX_TEXT_FOLD_H
#define CAIRN_INDEX_TEXT_FOLD_H

#include <stddef.h>

#include "base/status.h"

/* Longest word looked at, in bytes; more is cut. */
#define FOLD_MAX 256

/* dst[FOLD_MAX] gets the NFKC case-folded form of s[0, n), with typographic apostrophes made plain
 * and soft hyphens gone; returns its bytes, 0 when nothing is left. */
size_t fold_case(const char *s, size_t n, char dst[FOLD_MAX]);
/* Take the accents off Latin and Greek letters, the vowel signs off Arabic and Hebrew ones, and
 * write o for slashed o and so on. Letters of other scripts keep their marks: there they make
 * another letter. Same dst rules. */
size_t fold_marks(const char *s, size_t n, char dst[FOLD_MAX]);

#endif
