/* utf8.h - UTF-8 as The Unicode Standard 15, section 3.9, defines it: no surrogates, nothing above
 * U+10FFFF, no overlong forms. A broken sequence is replaced by U+FFFD, one per maximal subpart. */
#ifndef CAIRN_BASE_UTF8_H
#define CAIRN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define UTF8_REPLACEMENT 0xFFFDu

/* Decode one code point of s[0, len), len >= 1. Returns the bytes consumed (>= 1); *cp is the code
 * point, or UTF8_REPLACEMENT for a broken sequence, whose maximal subpart is consumed. *valid (may
 * be NULL) tells the two apart. */
size_t utf8_decode(const char *s, size_t len, uint32_t *cp, bool *valid);
/* Encode cp (surrogates and values above U+10FFFF become U+FFFD); returns 1..4 bytes. */
size_t utf8_encode(uint32_t cp, char dst[4]);
bool utf8_valid(const char *s, size_t len);
/* Append s with every broken sequence replaced. */
cairn_status utf8_sanitize(bytes *out, const char *s, size_t len);
/* The largest n <= len at which s[0, n) does not end inside a character. */
size_t utf8_floor(const char *s, size_t len);
/* Capitals of ASCII and of Latin-1's letters (U+00C0 to U+00DE) become small ones, byte for byte: out[len + 1]
 * is as long as s and ends with a NUL. For matching word lists without losing a text's places. */
void utf8_fold_latin(const char *s, size_t len, char *out);
/* Number of code points (broken subparts count one each). */
size_t utf8_length(const char *s, size_t len);

#endif
