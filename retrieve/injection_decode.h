/* injection_decode.h - what an encoded sentence says to a reader who takes the trouble to decode it.
 *
 * A language model reads base64, rot13, letters of other alphabets that look like Latin ones,
 * letters with blanks between them and numeric escapes; rules for words see none of it. Each form
 * is decoded where the text has its shape, and the result is read like any other sentence.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_INJECTION_DECODE_H
#define CAIRN_RETRIEVE_INJECTION_DECODE_H

#include <stddef.h>

typedef enum injection_code {
    INJECTION_LOOKALIKES, /* Cyrillic or Greek letters in Latin words */
    INJECTION_BASE64,
    INJECTION_ROT13,
    INJECTION_SPACED,  /* "i g n o r e" */
    INJECTION_ESCAPES, /* %69, \x69, \u0069, &#105;, &#x69; */
    INJECTION_CODES
} injection_code;

/* The text behind s[0, len), at most cap - 1 bytes and ended by '\0'. 0: it has not that shape, or
 * what is behind it is no text. */
size_t injection_decode(injection_code code, const char *s, size_t len, char *out, size_t cap);

#endif
